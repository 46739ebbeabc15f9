//! A user with a Codex that is a script, and the program with nothing else around it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::stand_in;

/// Notes the words that it is given, and then does what the test wants.
const STAND_IN: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "codex-cli $STAND_IN_VERSION"; exit 0; fi
for word in "$@"; do printf '%s\n' "$word"; done >"$HOME/words"
eval "$STAND_IN"
"#;

pub(crate) struct Bed {
    place: TempDir,
    pub(crate) port: String,
    /// Where the forward leads.
    pub(crate) upstream: String,
    pub(crate) version: &'static str,
    /// What Codex does.
    pub(crate) does: &'static str,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bed {
    /// Before the demo.
    pub(crate) fn new() -> Self {
        Self::before("demo")
    }

    pub(crate) fn before(upstream: impl Into<String>) -> Self {
        let bed = Self {
            place: tempfile::tempdir().unwrap(),
            port: free_port(),
            upstream: upstream.into(),
            version: "0.169.0",
            does: "",
        };
        for dir in ["home", "config", "run", "state", "tmp", "codex", "bin", "work"] {
            fs::create_dir_all(bed.path(dir)).unwrap();
        }
        stand_in::program(&bed.path("bin/codex"), STAND_IN);
        bed
    }

    /// With a Codex of this version.
    pub(crate) fn of_version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// With a Codex that does this, as a shell reads it.
    pub(crate) fn doing(mut self, does: &'static str) -> Self {
        self.does = does;
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Nothing of whoever runs the tests reaches the program.
    pub(crate) fn surround(&self, command: &mut Command) {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        command.env_clear().env("PATH", path).env("STAND_IN", self.does).env("STAND_IN_VERSION", self.version);
        for (name, dir) in [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_STATE_HOME", "state"),
            ("CODEX_HOME", "codex"),
            ("TMPDIR", "tmp"),
        ] {
            command.env(name, self.path(dir));
        }
        command.env("OLLAMA_FORWARD", env!("CARGO_BIN_EXE_ollama-forward"));
        command.stdin(Stdio::null()).current_dir(self.path("work"));
    }

    /// `ollama-forward …`
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        self.surround(&mut command);
        command.args(args);
        command
    }

    /// `ollama-forward codex …`, before the upstream of this bed.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.program(&[&["codex"], self.own().as_slice(), args].concat())
    }

    pub(crate) fn own(&self) -> Vec<&str> {
        vec!["--listen-port", &self.port, "--upstream", &self.upstream]
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }

    /// It ends well.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {}", said.err);
        said
    }

    /// Its last lines are a complaint of three lines with this id.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, id: &str, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, Some(code), "{args:?}: {}", said.err);
        let last: Vec<&str> = said.err.lines().rev().take(3).collect();
        assert!(last.len() == 3 && last[2].contains(&format!("[{id}]")), "{args:?}: {}", said.err);
        said.err
    }

    /// The words that Codex was given last.
    pub(crate) fn words(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("home/words")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn started_codex(&self) -> bool {
        self.path("home/words").exists()
    }

    /// No forward of this user runs.
    #[track_caller]
    pub(crate) fn none_runs(&self) {
        let status = said(&mut self.program(&["status"]));
        assert_eq!(status.code, Some(3), "{}", status.out);
    }

    /// Every file below, with its bytes.
    pub(crate) fn files(&self, below: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path(below), &mut files);
        files
    }
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.insert(path.clone(), Vec::new());
            collect(&path, files);
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            files.insert(path, bytes);
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // Also when the test failed in the middle.
        drop(said(&mut self.program(&["capture", "stop", "--listen-port", &self.port])));
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

pub(crate) fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}
