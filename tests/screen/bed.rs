//! A home, a port, a forwarder with the demo behind it, and a terminal.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ollama_forward::clock;
use tempfile::TempDir;

use crate::skip::say_skipped;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ollama-forward");
/// For what happens within a second on a machine that has nothing else to do.
const SOON: Duration = Duration::from_secs(20);
/// Between two looks at a screen.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Bed {
    dir: TempDir,
    pub(crate) port: u16,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["home", "runtime", "config", "state", "state/ollama-forward"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { dir, port }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Nothing of whoever runs the tests reaches the program.
    fn surround(&self, command: &mut Command) {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("TERM", "xterm-256color");
        let places = [
            ("HOME", "home"),
            ("XDG_RUNTIME_DIR", "runtime"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("CODEX_HOME", "home/codex"),
        ];
        for (name, place) in places {
            command.env(name, self.path(place));
        }
        command.stdin(Stdio::null()).current_dir(self.dir.path());
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        self.surround(&mut command);
        command.args(args);
        command
    }

    /// The words of a run with the demo.
    pub(crate) fn run_args(&self) -> String {
        format!("--upstream demo --translate --listen-port {}", self.port)
    }

    /// A forwarder that answers.
    pub(crate) fn forward(&self) -> Process {
        let args = self.run_args();
        let mut command = self.command(&args.split(' ').collect::<Vec<_>>());
        let process = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("the forwarder answers", || self.try_ask("GET /api/version", "").is_ok());
        process
    }

    /// One request over one connection, which is over when this returns.
    pub(crate) fn ask(&self, what: &str, body: &str) -> String {
        self.try_ask(what, body).unwrap()
    }

    fn try_ask(&self, what: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(SOON))?;
        let length = body.len();
        write!(
            stream,
            "{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// A terminal of this size, in which a shell runs this. None: there is no tmux.
    #[track_caller]
    pub(crate) fn terminal(&self, columns: u16, rows: u16, script: &str) -> Option<Terminal<'_>> {
        if Command::new("tmux").arg("-V").output().is_err() {
            say_skipped("screen", "tmux is not installed");
            return None;
        }
        let terminal = Terminal { bed: self };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        // The shell stays, so that what a command left behind can be looked at.
        let script =
            format!("{script}; echo ended=$?; stty -a | tr ' ' '\\n' | grep -x -e echo -e -echo; exec cat >/dev/null");
        terminal.tmux(&["new-session", "-d", "-x", &columns, "-y", &rows, &script]);
        Some(terminal)
    }
}

/// The program, as a shell types it.
pub(crate) fn typed(args: &str) -> String {
    format!("{PROGRAM} {args}")
}

/// Asks again and again, for so long.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = clock::now() + SOON;
    while !is_so() {
        assert!(clock::now() < end, "not within {SOON:?}: {what}");
        thread::sleep(LOOK);
    }
}

/// A process of ours, which ends with the test.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Option<i32> {
        self.signal(Signal::SIGINT);
        self.code()
    }

    pub(crate) fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) struct Terminal<'a> {
    bed: &'a Bed,
}

impl Terminal<'_> {
    fn try_tmux(&self, args: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        self.bed.surround(&mut command);
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(self.bed.path("tmux")).args(args).output().unwrap()
    }

    #[track_caller]
    fn tmux(&self, args: &[&str]) -> String {
        let output = self.try_tmux(args);
        assert!(output.status.success(), "tmux {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What can be seen, without blanks at the ends of lines and below the last one.
    #[track_caller]
    pub(crate) fn screen(&self) -> Vec<String> {
        let text = self.tmux(&["capture-pane", "-p"]);
        text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// With all that has scrolled out of it; what was broken at the edge is one line again.
    #[track_caller]
    pub(crate) fn history(&self) -> Vec<String> {
        let text = self.tmux(&["capture-pane", "-p", "-J", "-S", "-"]);
        text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Waits for a screen that looks like this.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, looks: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = clock::now() + SOON;
        loop {
            let screen = self.screen();
            if looks(&screen) {
                return screen;
            }
            assert!(clock::now() < end, "not within {SOON:?}: {what}\n{}", screen.join("\n"));
            thread::sleep(LOOK);
        }
    }

    #[track_caller]
    pub(crate) fn until_shown(&self, text: &str) -> Vec<String> {
        self.until(text, |screen| screen.iter().any(|line| line.contains(text)))
    }

    #[track_caller]
    pub(crate) fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    #[track_caller]
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// Whether the cursor can be seen.
    #[track_caller]
    pub(crate) fn has_cursor(&self) -> bool {
        self.tmux(&["display-message", "-p", "#{cursor_flag}"]).trim() == "1"
    }

    /// The shell has its terminal back as it was: the command's exit code, echo, and a cursor.
    #[track_caller]
    pub(crate) fn is_restored(&self, code: i32) -> Vec<String> {
        let ended = format!("ended={code}");
        let screen =
            self.until("the shell goes on", |screen| screen.iter().any(|line| line == "echo" || line == "-echo"));
        assert_eq!(screen[screen.len() - 2..], [ended.as_str(), "echo"], "{screen:#?}");
        assert!(self.has_cursor(), "{screen:#?}");
        screen
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // Its own server, of which nobody else knows.
        let _ = self.try_tmux(&["kill-server"]);
    }
}

/// How many lines begin so.
pub(crate) fn count(screen: &[String], begin: &str) -> usize {
    screen.iter().filter(|line| line.starts_with(begin)).count()
}
