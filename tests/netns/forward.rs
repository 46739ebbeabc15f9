//! The program under test, running inside a host; its log lines are events that a test waits for.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::Value;

use crate::host::Host;
use crate::sysroot::Sysroot;

/// For what should happen at once, on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(8);

#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Empty for a line that is not JSON, such as the last lines of a fatal error.
    pub(crate) message: String,
    pub(crate) text: String,
    fields: Value,
}

impl Line {
    fn parse(text: String) -> Self {
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let message = json["fields"]["message"].as_str().unwrap_or_default().to_owned();
        Self { message, fields: json["fields"].clone(), text }
    }

    /// Empty when there is none.
    pub(crate) fn field(&self, name: &str) -> String {
        match &self.fields[name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
        }
    }

    #[track_caller]
    pub(crate) fn has(&self, field: &str, value: &str) -> &Self {
        assert_eq!(self.field(field), value, "field {field} of {}", self.text);
        self
    }
}

/// What was left when it had ended.
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) log: Vec<Line>,
}

impl Exit {
    pub(crate) fn count(&self, message: &str) -> usize {
        self.log.iter().filter(|line| line.message == message).count()
    }

    pub(crate) fn text(&self) -> String {
        joined(&self.log)
    }

    #[track_caller]
    pub(crate) fn with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "exit code; it said:\n{}", self.text());
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, what: &str) -> &Self {
        assert!(self.text().contains(what), "{what:?} is missing; it said:\n{}", self.text());
        self
    }
}

pub(crate) struct Forward {
    child: Child,
    lines: Receiver<Line>,
    seen: Vec<Line>,
    /// Lines before this one have been waited for.
    next: usize,
}

impl Forward {
    pub(crate) fn start(host: &Host, sysroot: &Sysroot, args: &[&str]) -> Self {
        let home = sysroot.home();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "1")
            .env("HOME", home.join("home"))
            .env("XDG_RUNTIME_DIR", home.join("runtime"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .args(["-v", "--log-format", "json", "--sysroot"])
            .arg(sysroot.path())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = host.spawn(command);
        let stderr = BufReader::new(child.stderr.take().expect("piped above"));
        // As many as it likes: the reader must never make the forwarder wait.
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for text in stderr.lines().map_while(Result::ok) {
                if send.send(Line::parse(text)).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new(), next: 0 }
    }

    /// Starts it and waits until it knows where Ollama is.
    #[track_caller]
    pub(crate) fn is_ready(&mut self) -> Line {
        self.wait("forwarding to")
    }

    /// The next line with this message, after the last one waited for.
    #[track_caller]
    pub(crate) fn wait(&mut self, message: &str) -> Line {
        self.wait_until(message, SOON, |line| line.message == message)
    }

    /// The next line that says where it forwards to, whether found or moved.
    #[track_caller]
    pub(crate) fn wait_for_upstream(&mut self, upstream: &str) -> Line {
        self.wait_until(&format!("upstream={upstream}"), SOON, |line| {
            ["forwarding to", "gateway moved"].contains(&line.message.as_str()) && line.field("upstream") == upstream
        })
    }

    /// The next line with `text` anywhere.
    #[track_caller]
    pub(crate) fn wait_for_text(&mut self, text: &str) -> Line {
        self.wait_until(text, SOON, |line| line.text.contains(text))
    }

    #[track_caller]
    fn wait_until(&mut self, what: &str, within: Duration, is_it: impl Fn(&Line) -> bool) -> Line {
        let until = Instant::now() + within;
        loop {
            while let Some(line) = self.seen.get(self.next) {
                self.next += 1;
                if is_it(line) {
                    return line.clone();
                }
            }
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {what:?} within {within:?}; it said:\n{}", self.said())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended before {what:?}; it said:\n{}", self.said())
                }
            }
        }
    }

    pub(crate) fn said(&self) -> String {
        joined(&self.seen)
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a pid is an i32"))
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Stopped, and known to be so.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        let state = waitpid(self.pid(), Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert_eq!(state, WaitStatus::Stopped(self.pid(), Signal::SIGSTOP));
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    #[track_caller]
    pub(crate) fn stop(self) -> Exit {
        self.signal(Signal::SIGTERM);
        self.exit()
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn exit(mut self) -> Exit {
        let until = Instant::now() + SOON;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("still running after {SOON:?}; it said:\n{}", self.said())
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let code = self.child.wait().unwrap().code();
        Exit { code, log: std::mem::take(&mut self.seen) }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn joined(lines: &[Line]) -> String {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    texts.join("\n")
}
