//! A home with files in it, and the program in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ollama_forward::clock;
use tempfile::TempDir;

use crate::stand_in;

pub(crate) struct Bed {
    home: TempDir,
    /// Directories of programs, before those of the system.
    pub(crate) path: Vec<PathBuf>,
    pub(crate) variables: Vec<(String, String)>,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let bed = Self { path: vec![home.path().join(".local/bin")], home, variables: Vec::new() };
        fs::create_dir_all(bed.at("root/etc")).unwrap();
        bed
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name, "");
        stand_in::program(&path, text);
        path
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Nothing of whoever runs the tests reaches the program.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_ollama-forward")), args)
    }

    pub(crate) fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let system =
            std::env::split_paths("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").collect::<Vec<_>>();
        let path = std::env::join_paths(self.path.iter().chain(&system)).unwrap();
        command.env_clear().env("PATH", path).env("HOME", self.home.path()).env("TZ", "UTC");
        command.env("XDG_RUNTIME_DIR", self.at("run")).env("OLLAMA_FORWARD_SYSROOT", self.at("root"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(args).stdin(Stdio::null()).current_dir(self.home.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }

    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        said.out
    }

    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let text = self.ok(args);
        assert_eq!(text.lines().count(), 1, "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema_version"], 1, "{text}");
        value
    }

    /// What it complains of: three lines.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!((said.code, said.out.as_str()), (Some(code), ""), "{args:?}: {said:?}");
        assert_eq!(said.err.lines().count(), 3, "{args:?}: {said:?}");
        said.err
    }

    /// All files below the home, but for the system's and the program's own notes: links, modes and bytes.
    pub(crate) fn tree(&self) -> BTreeMap<String, String> {
        let (mut all, mut open) = (BTreeMap::new(), vec![self.home.path().to_owned()]);
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.home.path()).unwrap().display().to_string();
                let meta = path.symlink_metadata().unwrap();
                if ["root", "run", ".local/state"].contains(&name.as_str()) {
                    continue;
                }
                if meta.is_dir() {
                    open.push(path);
                } else if meta.is_symlink() {
                    all.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
                } else {
                    let bytes = fs::read(&path).unwrap();
                    all.insert(name, format!("{:o} {}", meta.permissions().mode(), String::from_utf8_lossy(&bytes)));
                }
            }
        }
        all
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A port that nobody holds just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a child says, up to the line with `until`; what it says later goes nowhere, so that it never waits for us.
#[track_caller]
pub(crate) fn heard(stderr: ChildStderr, until: &str) -> Vec<String> {
    let (send, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
    let (mut seen, end) = (Vec::new(), clock::now() + Duration::from_secs(20));
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(clock::now())) {
        let is_last = line.contains(until);
        seen.push(line);
        if is_last {
            return seen;
        }
    }
    panic!("no {until:?}: {seen:?}");
}
