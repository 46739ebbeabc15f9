//! A system that is a directory: WSL's files, a home, and a PATH of its own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getuid};
use serde_json::Value;
use tempfile::TempDir;

/// Twelve seconds are promised; this is for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
/// `nobody`, on Debian and most others.
const NOBODY: u32 = 65534;

pub(crate) struct Bed {
    dir: TempDir,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn check(&self, id: &str) -> Value {
        let json = self.json();
        let found = json["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).cloned();
        found.unwrap_or_else(|| panic!("no check {id} in {json:#}"))
    }

    /// It neither crashed nor spoke of its own insides.
    #[track_caller]
    pub(crate) fn is_calm(&self) -> &Self {
        assert!(self.code.is_some_and(|code| code <= 2), "{self:?}");
        assert!(!self.err.contains("panicked") && !self.out.contains("panicked"), "{self:?}");
        self
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        let bed = Self { dir: tempfile::tempdir().unwrap() };
        for dir in ["home", "runtime", "bin", "root/etc", "root/run/WSL", "root/proc/sys/kernel"] {
            fs::create_dir_all(bed.path(dir)).unwrap();
        }
        bed.file("root/proc/sys/kernel/osrelease", "6.6.87.2-microsoft-standard-WSL2\n");
        fs::set_permissions(bed.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        bed
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Written by another process: one of ours that is just being forked would hold it open, and it could not be run.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let made = Command::new("sh")
            .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
            .args([file.as_os_str(), script.as_ref()])
            .status();
        assert!(made.unwrap().success(), "cannot write {}", file.display());
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        command
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env("OLLAMA_FORWARD_SYSROOT", self.path("root"))
            // Nobody outside of this machine is asked, and what others run on it does not matter.
            .env("OLLAMA_FORWARD_UPSTREAM", "demo")
            .env("OLLAMA_FORWARD_LISTEN_PORT", "1")
            .current_dir(self.path("home"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        finish(self.command(args))
    }

    /// As somebody who may write nowhere but where others let him.
    pub(crate) fn run_unprivileged(&self, args: &[&str]) -> Said {
        let mut command = self.command(args);
        if getuid().is_root() {
            // The program's own directory may be closed to others.
            let program = self.path("bin/ollama-forward");
            // By a program of its own: while we write to it, another thread's child would hold it open, and it could not be
            // started ("Text file busy", execve(2)).
            let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_ollama-forward")).arg(&program).status().unwrap();
            assert!(copied.success());
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let like = self.command(args);
            command = Command::new(&program);
            command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?)))).args(args);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.current_dir("/").uid(NOBODY).gid(NOBODY);
        }
        finish(command)
    }

    /// Every file below, by name.
    pub(crate) fn files(&self) -> BTreeSet<PathBuf> {
        fn all(dir: &Path, into: &mut BTreeSet<PathBuf>) {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() && !path.is_symlink() {
                    all(&path, into);
                }
                into.insert(path);
            }
        }
        let mut found = BTreeSet::new();
        all(self.dir.path(), &mut found);
        found
    }
}

#[track_caller]
pub(crate) fn finish(mut command: Command) -> Said {
    let child = command.spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid is an i32"));
    let (done, output) = mpsc::channel();
    thread::spawn(move || drop(done.send(child.wait_with_output())));
    let Ok(output) = output.recv_timeout(PATIENCE) else {
        let _ = kill(pid, Signal::SIGKILL);
        panic!("not done after {PATIENCE:?}");
    };
    let output = output.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}
