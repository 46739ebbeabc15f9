//! One user on one machine: a home, a Codex, and perhaps a forward that runs already.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::host::{Host, available};
use crate::outside::Outside;
use crate::run::{Run, Said};
use crate::support::forward::Forward;
use crate::support::skip;
use crate::upstream::Recorder;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ollama-forward");
/// Where a forward listens, of which nobody has said where.
const LOCAL: &str = "127.0.0.1:11434";
/// Where the demo is that a [`Recorder`] asks.
pub(crate) const DEMO: &str = "127.0.0.1:20434";
/// What Codex makes of the demo's context (32 768 tokens): 95 % of it, in every version.
pub(crate) const USABLE: &str = "31129";
/// How Codex's own instructions begin, of every version.
pub(crate) const OF_CODEX: &str = "You are a coding agent running in the Codex CLI";
/// So that Codex asks nothing, wherever it is started.
pub(crate) const FREE: [&str; 3] = ["--skip-git-repo-check", "-s", "danger-full-access"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V0_98,
    V0_130,
    V0_169,
}

impl Version {
    fn program(self) -> PathBuf {
        let name = match self {
            Self::V0_98 => "OLLAMA_FORWARD_CODEX_098",
            Self::V0_130 => "OLLAMA_FORWARD_CODEX_0130",
            Self::V0_169 => "OLLAMA_FORWARD_CODEX",
        };
        let program = std::env::var_os(name);
        program.unwrap_or_else(|| panic!("{name} must name what scripts/get-codex prints")).into()
    }
}

pub(crate) struct Scene {
    pub(crate) host: Host,
    pub(crate) outside: Outside,
    dir: TempDir,
}

/// A forward that runs already, and what was asked of its upstream.
pub(crate) struct Running {
    pub(crate) forward: Forward,
    pub(crate) recorder: Recorder,
    pub(crate) demo: Forward,
}

impl Running {
    /// All that Codex has asked the model.
    pub(crate) fn questions(&self) -> Vec<crate::upstream::Ask> {
        self.recorder.asks("/v1/responses")
    }

    /// Neither has complained.
    #[track_caller]
    pub(crate) fn stop(self) {
        for forward in [self.forward, self.demo] {
            let exit = forward.stop();
            exit.with(0);
            assert!(!exit.text().contains("panicked"), "{}", exit.text());
        }
    }
}

impl Scene {
    /// `None` when this machine cannot: it has been said.
    #[track_caller]
    pub(crate) fn new(version: Version) -> Option<Self> {
        static ONCE: Once = Once::new();
        if let Err(reason) = available() {
            ONCE.call_once(|| skip::say(&format!("SKIPPED launcher: {reason}")));
            skip::say_skipped("launcher", &reason);
            return None;
        }
        let host = Host::new("wsl").unwrap();
        let outside = Outside::around(&host);
        let scene = Self { host, outside, dir: tempfile::tempdir().unwrap() };
        for dir in ["home", "codex", "work", "config", "state", "run", "tmp", "bin", "demo"] {
            fs::create_dir(scene.path(dir)).unwrap();
        }
        scene.install_codex(version);
        symlink(PROGRAM, scene.path("bin/ollama-forward")).unwrap();
        Some(scene)
    }

    /// In place of the one that is there.
    pub(crate) fn install_codex(&self, version: Version) {
        let place = self.path("bin/codex");
        let _ = fs::remove_file(&place);
        symlink(version.program(), place).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command of this user, and nothing of whoever runs the tests.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("CODEX_HOME", self.path("codex"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TMPDIR", self.path("tmp"))
            .env("LANG", "C.UTF-8")
            .env("TERM", "dumb")
            .env("NO_COLOR", "1")
            // Codex waits for the end of an open pipe.
            .stdin(Stdio::null());
        command
    }

    /// `ollama-forward codex ARGS`
    #[track_caller]
    pub(crate) fn launch(&self, args: &[&str]) -> Said {
        self.launch_in(|_| (), args)
    }

    /// The same in another environment.
    #[track_caller]
    pub(crate) fn launch_in(&self, change: impl FnOnce(&mut Command), args: &[&str]) -> Said {
        let mut command = self.command("ollama-forward");
        // Looked for where the command's own PATH leads.
        command.arg("codex").args(args);
        change(&mut command);
        Run::start(&self.host, command).said()
    }

    /// `ollama-forward codex OWN -- exec … WORDS`, without a question.
    #[track_caller]
    pub(crate) fn exec(&self, own: &[&str], words: &[&str]) -> Said {
        self.launch(&[own, &["--yes", "--", "exec", "--json"], &FREE, words].concat())
    }

    /// Codex as it is, behind nobody's back.
    #[track_caller]
    pub(crate) fn codex(&self, args: &[&str]) -> Said {
        let mut command = self.command("codex");
        command.args(args);
        Run::start(&self.host, command).said()
    }

    /// A line as a user pastes it into a shell.
    #[track_caller]
    pub(crate) fn paste(&self, line: &str) -> Said {
        let mut command = self.command("sh");
        command.args(["-c", line]);
        Run::start(&self.host, command).said()
    }

    /// A forward on the usual port, before the demo.
    #[track_caller]
    pub(crate) fn running(&self) -> Running {
        self.running_with(&[])
    }

    /// The same, of which these models are told.
    #[track_caller]
    pub(crate) fn running_with(&self, models: &'static [&'static str]) -> Running {
        let demo =
            self.forward("demo", &["--upstream", "demo", "--translate", "--listen-port", &DEMO["127.0.0.1:".len()..]]);
        let recorder = Recorder::on(&self.host, models);
        let forward = self.forward("run", &["--upstream", &recorder.address.to_string()]);
        Running { forward, recorder, demo }
    }

    fn forward(&self, runtime: &str, args: &[&str]) -> Forward {
        let mut command = self.command("ollama-forward");
        command.args(["-v", "--log-format", "json"]).args(args);
        command.env("XDG_RUNTIME_DIR", self.path(runtime)).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut forward = Forward::new(self.host.spawn(command));
        forward.is_ready();
        forward
    }

    /// Whether anybody listens where a forward would.
    pub(crate) fn is_served(&self) -> bool {
        self.host.run(|| std::net::TcpStream::connect(LOCAL).is_ok())
    }

    /// The user's `config.toml`.
    pub(crate) fn config(&self, text: &str) {
        fs::write(self.path("codex/config.toml"), text).unwrap();
    }

    /// A folder that Codex does not ask about.
    pub(crate) fn trusts_its_work(&self) {
        let work = self.path("work").canonicalize().unwrap();
        self.config(&format!("[projects.\"{}\"]\ntrust_level = \"trusted\"\n", work.display()));
    }

    /// Every file below `CODEX_HOME`, byte for byte, but for those that Codex writes whenever it is asked for its version.
    pub(crate) fn codex_files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path("codex"), &mut files);
        let passing = self.path("codex/tmp");
        files.retain(|path, _| !path.starts_with(&passing));
        files
    }

    /// All that Codex keeps of its sessions, one file after the other.
    pub(crate) fn rollouts(&self) -> String {
        let files = self.codex_files();
        let rollouts = files.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "jsonl"));
        rollouts.map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect()
    }

    /// Codex believed in the window that there is, and in no other.
    #[track_caller]
    pub(crate) fn believed_the_window(&self) {
        let rollouts = self.rollouts();
        let said = rollouts.split("\"model_context_window\":").skip(1);
        let said: Vec<&str> = said.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("")).collect();
        assert!(!said.is_empty() && said.iter().all(|window| *window == USABLE), "{said:?}\n{rollouts}");
    }
}

fn collect(dir: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            collect(&entry.path(), files);
        } else if kind.is_file() {
            files.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
}

impl Drop for Scene {
    /// A launcher that was killed in the middle could not stop the forward that it had started. Only programs of this
    /// user are meant: they are known by their home.
    fn drop(&mut self) {
        let own = format!("HOME={}", self.path("home").display());
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let surroundings = fs::read(entry.path().join("environ")).unwrap_or_default();
            if surroundings.split(|byte| *byte == 0).any(|pair| pair == own.as_bytes()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}
