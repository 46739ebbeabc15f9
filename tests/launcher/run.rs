//! A program that a test has started, in a process group of its own, which never outlives it; and what it said.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::host::Host;

/// A run takes 1 to 4 s; this is for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Run {
    group: Pid,
    output: Receiver<io::Result<Output>>,
    ended: bool,
}

impl Run {
    pub(crate) fn start(host: &Host, mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let child = host.spawn(command);
        let group = Pid::from_raw(i32::try_from(child.id()).expect("a pid is an i32"));
        let (done, output) = mpsc::channel();
        thread::spawn(move || drop(done.send(child.wait_with_output())));
        Self { group, output, ended: false }
    }

    /// Waits until it has ended, and all that it left behind has let go of its output.
    #[track_caller]
    pub(crate) fn said(mut self) -> Said {
        let Ok(output) = self.output.recv_timeout(PATIENCE) else {
            let _ = killpg(self.group, Signal::SIGKILL);
            panic!("not done after {PATIENCE:?}: {:?}", self.output.recv_timeout(PATIENCE));
        };
        self.ended = true;
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| 128 + signal));
        Said { code, out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Drop for Run {
    /// A test that failed in between has not waited for it.
    fn drop(&mut self) {
        if !self.ended {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

/// All that a run said.
#[derive(Debug)]
pub(crate) struct Said {
    /// 128 and more: a signal.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// What `codex exec --json` tells: nothing else may be on its standard output.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let event = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no event: {line:?}\n{self}"));
        self.out.lines().map(event).collect()
    }

    /// The name that Codex gives the conversation.
    #[track_caller]
    pub(crate) fn session(&self) -> String {
        let events = self.events();
        let begun = events.iter().find(|event| event["type"] == "thread.started");
        let id = begun.and_then(|event| event["thread_id"].as_str()).unwrap_or_else(|| panic!("no session: {self}"));
        id.to_owned()
    }

    /// What the commands printed that Codex has run.
    #[track_caller]
    pub(crate) fn printed(&self) -> Vec<String> {
        let events = self.events();
        let done = events.iter().filter(|event| event["type"] == "item.completed").map(|event| &event["item"]);
        let commands = done.filter(|item| item["type"] == "command_execution");
        commands.filter_map(|item| item["aggregated_output"].as_str()).map(|text| text.trim().to_owned()).collect()
    }

    /// The first line of these, without what stands around it, that begins so: a command to paste.
    #[track_caller]
    pub(crate) fn command(&self, begins: &str) -> String {
        let lines = self.err.lines().chain(self.out.lines());
        let mut found = lines.filter_map(|line| Some(line[line.find(begins)?..].trim_end().to_owned()));
        found.next().unwrap_or_else(|| panic!("no {begins:?} to paste: {self}"))
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, out, err } = self;
        write!(f, "ended with {code:?}\n--- stdout\n{out}\n--- stderr\n{err}")
    }
}
