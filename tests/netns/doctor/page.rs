//! What one run of the doctor said, as programs read it.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::lab::Lab;

/// Twelve seconds are promised; this is for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Page {
    pub(crate) code: Option<i32>,
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

impl Lab {
    /// The doctor, in WSL, with a Codex of its own in the PATH.
    #[track_caller]
    pub(crate) fn doctor(&self, args: &[&str]) -> Page {
        self.doctor_with(args, &[])
    }

    #[track_caller]
    pub(crate) fn doctor_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Page {
        let (code, stdout, stderr) = self.doctor_says(&[&["--json"], args].concat(), variables);
        let json = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout:?}, and on stderr: {stderr}"));
        Page { code, json, stderr }
    }

    /// Exit code, standard output, standard error.
    #[track_caller]
    pub(crate) fn doctor_says(&self, args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
        let home = self.sysroot.home();
        let bin = home.join("home/bin");
        fs::create_dir_all(&bin).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", bin.display()))
            .env("RUST_BACKTRACE", "1")
            .env("HOME", home.join("home"))
            .env("XDG_RUNTIME_DIR", home.join("runtime"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("OLLAMA_FORWARD_SYSROOT", self.sysroot.path())
            .envs(variables.iter().copied())
            .arg("doctor")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = self.wsl.spawn(command);
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid is an i32"));
        let (done, output) = mpsc::channel();
        thread::spawn(move || drop(done.send(child.wait_with_output())));
        let Ok(output) = output.recv_timeout(PATIENCE) else {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            panic!("the doctor is not done after {PATIENCE:?}");
        };
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

impl Page {
    fn checks(&self) -> &[Value] {
        self.json["checks"].as_array().map_or(&[], Vec::as_slice)
    }

    fn with_status(&self, status: &str) -> Vec<&str> {
        let checks = self.checks().iter().filter(|check| check["status"] == status);
        checks.map(|check| check["id"].as_str().unwrap_or_default()).collect()
    }

    /// What is not well, in a line each.
    fn brief(&self) -> String {
        let odd = self.checks().iter().filter(|check| check["status"] != "ok");
        let line = |check: &Value| format!("{} {}: {}", check["status"], check["id"], check["summary"]);
        odd.map(line).collect::<Vec<_>>().join("\n")
    }

    /// What fails, in the order in which it is told.
    pub(crate) fn failures(&self) -> Vec<&str> {
        self.with_status("failure")
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.with_status("warning")
    }

    #[track_caller]
    pub(crate) fn check(&self, id: &str) -> &Value {
        let found = self.checks().iter().find(|check| check["id"] == id);
        found.unwrap_or_else(|| panic!("no check {id} in {:#}", self.json))
    }

    /// All that is said of a check: what it is, why, and what cures it.
    #[track_caller]
    pub(crate) fn text(&self, id: &str) -> String {
        fn strings(value: &Value, into: &mut Vec<String>) {
            match value {
                Value::String(text) => into.push(text.clone()),
                Value::Array(all) => all.iter().for_each(|one| strings(one, into)),
                Value::Object(all) => all.values().for_each(|one| strings(one, into)),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        let mut all = Vec::new();
        strings(self.check(id), &mut all);
        all.join("\n")
    }

    /// These fail, in this order, and nothing else does; the first note is the first of them.
    #[track_caller]
    pub(crate) fn fails(&self, ids: &[&str]) -> &Self {
        assert_eq!(self.failures(), ids, "{}\n{}", self.brief(), self.stderr);
        assert_eq!(self.code, Some(i32::from(!ids.is_empty())), "exit code");
        assert_eq!(self.json["notes"][0].as_str(), ids.first().copied().or(self.json["notes"][0].as_str()));
        self
    }

    /// Nothing fails, and these are told.
    #[track_caller]
    pub(crate) fn warns(&self, ids: &[&str]) -> &Self {
        self.fails(&[]);
        assert_eq!(self.warnings(), ids, "{}", self.brief());
        self
    }

    /// A check says all of this.
    #[track_caller]
    pub(crate) fn says(&self, id: &str, parts: &[&str]) -> &Self {
        let text = self.text(id);
        for part in parts {
            assert!(text.contains(part), "{id} does not say {part:?}:\n{text}");
        }
        self
    }

    /// This check waits for that one, instead of failing on its own.
    #[track_caller]
    pub(crate) fn waits(&self, id: &str, root: &str) -> &Self {
        assert_eq!(self.check(id)["waits_for"], root, "{id}");
        self
    }
}
