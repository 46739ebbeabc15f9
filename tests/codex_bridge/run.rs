//! One `codex exec` through the bridge, and what a user would see of it.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::fake::{Fake, MODEL};
use crate::place::Place;
use crate::support::forward::Forward;

/// A run takes 0.2 to 4 s; this is for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V0_98,
    V0_130,
    V0_169,
}

impl Version {
    pub(crate) fn program(self) -> PathBuf {
        let name = match self {
            Self::V0_98 => "OLLAMA_FORWARD_CODEX_098",
            Self::V0_130 => "OLLAMA_FORWARD_CODEX_0130",
            Self::V0_169 => "OLLAMA_FORWARD_CODEX",
        };
        let program = std::env::var_os(name);
        program.unwrap_or_else(|| panic!("{name} must name what scripts/get-codex prints")).into()
    }
}

/// The bridge, its upstream, and a folder for Codex to work in.
pub(crate) struct Scene {
    pub(crate) fake: Fake,
    pub(crate) forward: Forward,
    pub(crate) place: Place,
    version: Version,
}

impl Scene {
    pub(crate) fn new(version: Version) -> Self {
        Self::with(version, &[])
    }

    pub(crate) fn with(version: Version, args: &[&str]) -> Self {
        Self::at(version, Place::new(), Fake::new(), args)
    }

    /// Where the bridge and the upstream have addresses that matter.
    pub(crate) fn at(version: Version, place: Place, fake: Fake, args: &[&str]) -> Self {
        let forward = bridge(&place, &fake, args);
        let scene = Self { fake, forward, place, version };
        fs::create_dir_all(scene.codex_home()).unwrap();
        fs::create_dir_all(scene.work()).unwrap();
        scene
    }

    /// Another run of the bridge, with all else as it was.
    #[track_caller]
    pub(crate) fn again(self, args: &[&str]) -> Self {
        let Self { fake, forward, place, version } = self;
        forward.stop().with(0);
        let forward = bridge(&place, &fake, args);
        Self { fake, forward, place, version }
    }

    pub(crate) fn codex_home(&self) -> PathBuf {
        self.place.home().join("codex")
    }

    /// Where Codex is started.
    pub(crate) fn work(&self) -> PathBuf {
        self.place.home().join("work")
    }

    pub(crate) fn config(&self, toml: &str) {
        fs::write(self.codex_home().join("config.toml"), toml).unwrap();
    }

    /// The bridge under a provider whose patience the user has set.
    pub(crate) fn provider(&self, settings: &str) {
        self.config(&format!(
            "model_provider = \"bridge\"\nmodel = \"{MODEL}\"\n[model_providers.bridge]\nname = \"bridge\"\n\
             base_url = \"http://{}/v1\"\nwire_api = \"responses\"\n{settings}\n",
            self.place.address
        ));
    }

    /// Codex with this environment and nothing else of ours.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.place.home().join("home"))
            .env("CODEX_HOME", self.codex_home())
            .env("CODEX_OSS_BASE_URL", format!("http://{}/v1", self.place.address))
            .env("NO_COLOR", "1")
            .env("TERM", "dumb")
            // 0.98 asks OpenAI for its models: refused at once, and nothing leaves the machine.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            // Codex waits for the end of an open pipe.
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }

    /// `codex exec` as the user of a local model types it.
    pub(crate) fn exec(&self, words: &[&str]) -> Codex {
        self.exec_in(|_| (), words)
    }

    /// The same in another environment.
    pub(crate) fn exec_in(&self, change: impl FnOnce(&mut Command), words: &[&str]) -> Codex {
        self.start(change, &["--oss", "--local-provider", "ollama", "-m", MODEL], words)
    }

    /// The same with the provider of [`Self::provider`].
    pub(crate) fn exec_by_provider(&self, words: &[&str]) -> Codex {
        self.exec_by_provider_in(|_| (), words)
    }

    /// The same in another environment.
    pub(crate) fn exec_by_provider_in(&self, change: impl FnOnce(&mut Command), words: &[&str]) -> Codex {
        self.start(change, &[], words)
    }

    fn start(&self, change: impl FnOnce(&mut Command), provider: &[&str], words: &[&str]) -> Codex {
        let mut command = self.command(&self.version.program());
        change(&mut command);
        command.arg("exec").args(provider);
        command.args(["--skip-git-repo-check", "--json", "-s", "danger-full-access", "-c", "analytics.enabled=false"]);
        Codex::start(command.args(words))
    }

    /// A whole run that ends well.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        self.exec(words).said().ended_well()
    }

    /// Stopped without having complained.
    #[track_caller]
    pub(crate) fn stop(self) {
        let exit = self.forward.stop();
        exit.with(0);
        assert!(!exit.text().contains("panicked"), "{}", exit.text());
    }
}

fn bridge(place: &Place, fake: &Fake, args: &[&str]) -> Forward {
    let upstream = fake.address.to_string();
    let mut forward = place.start(&[&["--translate", "--upstream", &upstream], args].concat());
    forward.is_ready();
    forward
}

/// A Codex in a process group of its own, which never outlives this.
pub(crate) struct Codex {
    group: Pid,
    output: Receiver<io::Result<Output>>,
    ended: bool,
}

impl Codex {
    fn start(command: &mut Command) -> Self {
        let child = command.spawn().unwrap();
        let group = Pid::from_raw(i32::try_from(child.id()).expect("a pid is an i32"));
        let (done, output) = mpsc::channel();
        thread::spawn(move || drop(done.send(child.wait_with_output())));
        Self { group, output, ended: false }
    }

    #[track_caller]
    pub(crate) fn said(mut self) -> Said {
        let Ok(output) = self.output.recv_timeout(PATIENCE) else {
            let _ = killpg(self.group, Signal::SIGKILL);
            panic!("Codex is not done after {PATIENCE:?}: {:?}", self.output.recv());
        };
        self.ended = true;
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let stdout = text(&output.stdout);
        let events = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Said { code: output.status.code(), events, stderr: text(&output.stderr) }
    }
}

impl Codex {
    /// As when a terminal is closed. It is gone when this returns.
    pub(crate) fn kill(mut self) {
        killpg(self.group, Signal::SIGKILL).unwrap();
        self.output.recv_timeout(PATIENCE).expect("a killed process ends").unwrap();
        self.ended = true;
    }
}

impl Drop for Codex {
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
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
}

impl Said {
    /// It needed no second try, and nothing was wrong.
    #[track_caller]
    pub(crate) fn ended_well(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert!(self.events.iter().any(|event| event["type"] == "turn.completed"), "{self:?}");
        assert!(self.errors().iter().all(|error| is_harmless(error)), "{self:?}");
        assert!(!self.stderr.contains("Reconnecting") && !self.stderr.contains("unsupported call"), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn failed(&self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        let failure = self.events.iter().find(|event| event["type"] == "turn.failed");
        let message = failure.and_then(|event| event["error"]["message"].as_str());
        message.unwrap_or_else(|| panic!("no turn.failed: {self:?}")).to_owned()
    }

    /// The name that Codex gives the conversation.
    pub(crate) fn thread(&self) -> Option<&str> {
        let begun = self.events.iter().find(|event| event["type"] == "thread.started");
        begun.and_then(|event| event["thread_id"].as_str())
    }

    /// The finished items of this type.
    pub(crate) fn items(&self, kind: &str) -> Vec<&Value> {
        let done = self.events.iter().filter(|event| event["type"] == "item.completed").map(|event| &event["item"]);
        done.filter(|item| item["type"] == kind).collect()
    }

    pub(crate) fn texts(&self, kind: &str) -> Vec<&str> {
        self.items(kind).into_iter().filter_map(|item| item["text"].as_str()).collect()
    }

    /// What the model told the user.
    #[track_caller]
    pub(crate) fn says(&self, texts: &[&str]) -> &Self {
        assert_eq!(self.texts("agent_message"), texts, "{self:?}");
        self
    }

    /// What the commands printed that it ran.
    #[track_caller]
    pub(crate) fn printed(&self, outputs: &[&str]) -> &Self {
        let commands = self.items("command_execution");
        let printed: Vec<&str> = commands.iter().filter_map(|item| item["aggregated_output"].as_str()).collect();
        assert_eq!(printed.iter().map(|text| text.trim()).collect::<Vec<_>>(), outputs, "{self:?}");
        self
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        let top = self.events.iter().filter(|event| event["type"] == "error").map(|event| &event["message"]);
        let items = self.items("error").into_iter().map(|item| &item["message"]);
        top.chain(items).map(ToString::to_string).collect()
    }
}

/// What Codex says to every user of a local model.
fn is_harmless(error: &str) -> bool {
    error.contains("metadata") || error.contains("deprecated") || error.contains("under-development")
}
