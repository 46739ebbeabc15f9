//! The real Codex CLI, in WSL, against Ollama's stand-in on Windows, through the forwarder.
//!
//! Needs Codex (`scripts/get-codex`, and its path in `OLLAMA_FORWARD_CODEX`) and what the lab of `netns` needs.
//! `scripts/test` sees to both.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::lab::Lab;
use crate::stand_in::{MODEL, StandIn, TEXT, Turn, outputs};

mod doctor;
#[path = "../netns/forward.rs"]
mod forward;
#[expect(dead_code, reason = "the rest is for the scenarios of netns")]
#[path = "../netns/host.rs"]
mod host;
#[expect(dead_code, reason = "the rest is for the scenarios of netns")]
#[path = "../netns/lab.rs"]
mod lab;
mod stand_in;
#[expect(dead_code, reason = "the rest is for the other targets")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the rest is for the scenarios of netns")]
#[path = "../netns/sysroot.rs"]
mod sysroot;

/// A turn takes 1 to 2 s; this is for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
#[ignore = "needs Codex: scripts/get-codex"]
fn turns_are_whole_before_and_after_the_gateway_moves() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = StandIn::serve(lab.win.listen("0.0.0.0:11434"));
    let mut forward = lab.forward(&[]);
    forward.is_ready();

    Codex::start(&lab).check_whole();
    lab.move_gateway("172.24.0.2");
    forward.wait("gateway moved").has("upstream", "172.24.0.2:11434");
    Codex::start(&lab).check_whole();

    check_turns(&ollama.turns(), &["172.24.0.1", "172.24.0.1", "172.24.0.2", "172.24.0.2"]);
    let exit = forward.stop();
    exit.with(0);
    assert_eq!(exit.count("connection failed"), 0, "{}", exit.text());
}

/// Windows has both addresses for a while: whoever was in the middle of a sentence hears its end.
#[test]
#[ignore = "needs Codex: scripts/get-codex"]
fn a_turn_under_way_is_whole_though_the_gateway_moves() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = StandIn::serve(lab.win.listen("0.0.0.0:11434"));
    let mut forward = lab.forward(&[]);
    forward.is_ready();

    let codex = Codex::start(&lab);
    ollama.wait_for_turn(PATIENCE);
    lab.win.ip("addr add 172.24.0.2/20 dev vEth");
    lab.wsl.ip("route replace default via 172.24.0.2 dev eth0 proto kernel");
    forward.wait("gateway moved").has("upstream", "172.24.0.2:11434");
    codex.check_whole();

    assert_eq!(ollama.turns()[0].at.to_string(), "172.24.0.1");
    forward.stop().with(0);
}

/// Two requests a turn, the second with the outputs of both commands; and the address that each request went to.
#[track_caller]
fn check_turns(turns: &[Turn], at: &[&str]) {
    assert_eq!(turns.iter().map(|turn| turn.at.to_string()).collect::<Vec<_>>(), at);
    for pair in turns.chunks(2) {
        assert_eq!(outputs(&pair[0].body), [""; 0], "a new session has no history");
        let outputs = outputs(&pair[1].body);
        let printed: Vec<_> = outputs.iter().map(|output| output.contains("one") || output.contains("two")).collect();
        assert_eq!(printed, [true, true], "{outputs:?}");
    }
}

/// One `codex exec`, with a process group of its own, which never outlives this.
struct Codex {
    group: Pid,
    output: Receiver<io::Result<Output>>,
    ended: bool,
}

impl Codex {
    /// As people start it who have set up nothing.
    fn start(lab: &Lab) -> Self {
        Self::start_with(lab, &["--oss", "--local-provider", "ollama", "-m", MODEL])
    }

    /// `CODEX_HOME`
    fn home(lab: &Lab) -> PathBuf {
        let codex_home = lab.sysroot.home().join("home/.codex");
        fs::create_dir_all(&codex_home).unwrap();
        codex_home
    }

    fn start_with(lab: &Lab, args: &[&str]) -> Self {
        let program = std::env::var_os("OLLAMA_FORWARD_CODEX")
            .expect("OLLAMA_FORWARD_CODEX must name what scripts/get-codex prints");
        let home = lab.sysroot.home().join("home");
        let codex_home = Self::home(lab);
        let mut command = Command::new(program);
        command
            .arg("exec")
            .args(args)
            .args(["--skip-git-repo-check", "--ephemeral"])
            .args(["-s", "danger-full-access", "-c", "analytics.enabled=false", "Run both commands."])
            .current_dir(&home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("CODEX_HOME", codex_home)
            .env("NO_COLOR", "1")
            .env("TERM", "dumb")
            // Codex waits for the end of an open pipe.
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let child = lab.wsl.spawn(command);
        let group = Pid::from_raw(i32::try_from(child.id()).expect("a pid is an i32"));
        let (done, output) = mpsc::channel();
        thread::spawn(move || drop(done.send(child.wait_with_output())));
        Self { group, output, ended: false }
    }

    /// The user reads the answer as it was given, to its last word, at the first try.
    #[track_caller]
    fn check_whole(mut self) {
        let Ok(output) = self.output.recv_timeout(PATIENCE) else {
            let _ = killpg(self.group, Signal::SIGKILL);
            panic!("Codex is not done after {PATIENCE:?}: {:?}", self.output.recv());
        };
        self.ended = true;
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "Codex: {}\n{said}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), TEXT, "Codex said on stderr:\n{said}");
        assert!(
            !said.contains("Reconnecting") && !said.contains("stream disconnected"),
            "it took another try:\n{said}"
        );
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
