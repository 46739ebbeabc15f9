//! The bridge's answers, read by the SDKs that people use: openai-python and openai-node, each event through the SDK's own
//! types; and by what Open Responses asks of a server, over HTTP and WebSocket. The readers are programs of their own
//! (`strict.py`, `strict.mjs`, `cases.py`), the upstream behind the bridge is `upstream.py`.
//!
//! And exported captures, read by other tools (`har.rs`).
//!
//! Needs what `scripts/get-sdks` fetches, and its path in `OLLAMA_FORWARD_SDKS`; `scripts/test` sees to both.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::place::Place;
use crate::support::forward::Forward;

mod har;
#[expect(dead_code, reason = "the rest is for the forwarder's own tests")]
#[path = "../forward/place.rs"]
mod place;
#[expect(dead_code, reason = "the rest is for the other targets")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the rest is for the forwarder's own tests")]
#[path = "../forward/wire.rs"]
mod wire;

#[test]
#[ignore = "needs SDKs: scripts/get-sdks"]
fn openai_python_reads_every_answer() {
    check("python", "strict.py");
}

/// The last one that wants a call's name in `function_call_arguments.done`.
#[test]
#[ignore = "needs SDKs: scripts/get-sdks"]
fn openai_python_2_54_reads_every_answer() {
    check("python-2.54", "strict.py");
}

#[test]
#[ignore = "needs SDKs: scripts/get-sdks"]
fn openai_node_reads_every_answer() {
    check("node", "strict.mjs");
}

#[test]
#[ignore = "needs SDKs: scripts/get-sdks"]
fn what_open_responses_asks_of_a_server() {
    check("python", "cases.py");
}

/// That the grammar of streams, by which the readers judge, can say no.
#[test]
#[ignore = "needs SDKs: scripts/get-sdks"]
fn a_wrong_stream_is_noticed() {
    passes(python("python", "mutants.py"));
}

/// Runs a reader against the bridge, with an upstream of its own behind it.
#[track_caller]
fn check(sdk: &str, reader: &str) {
    let upstream = Upstream::start();
    let place = Place::new();
    let mut bridge = place.start(&["--translate", "--upstream", &upstream.url]);
    bridge.is_ready();
    let scratch = tempfile::tempdir().unwrap();
    let mut command = if sdk == "node" { node(scratch.path(), reader) } else { python(sdk, reader) };
    command.args([format!("http://{}/v1", place.address), upstream.url.clone()]);
    let said = passes_or_said(command);
    assert!(said.is_ok(), "{}\nthe bridge said:\n{}", said.unwrap_err(), log(bridge));
}

fn log(bridge: Forward) -> String {
    bridge.stop().text()
}

fn passes(command: Command) {
    let said = passes_or_said(command);
    assert!(said.is_ok(), "{}", said.unwrap_err());
}

/// What a reader says that is not content.
fn passes_or_said(mut command: Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Err(format!("{command:?}: {}\n{}", output.status, said.concat()))
}

/// A program of ours, by the interpreter that has the SDK.
fn python(sdk: &str, program: &str) -> Command {
    let mut command = Command::new(sdks().join(sdk).join("bin/python"));
    // Nothing is written beside the tests, and no proxy is in the way.
    command.args(["-B", "-u"]).arg(here(program)).env("NO_PROXY", "*");
    command
}

/// A module finds its imports beside itself only, so it is copied to where they are.
fn node(scratch: &Path, program: &str) -> Command {
    fs::copy(here(program), scratch.join(program)).unwrap();
    symlink(sdks().join("node/node_modules"), scratch.join("node_modules")).unwrap();
    let mut command = Command::new("node");
    command.arg(scratch.join(program));
    command
}

fn here(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(program)
}

fn sdks() -> PathBuf {
    std::env::var_os("OLLAMA_FORWARD_SDKS").expect("OLLAMA_FORWARD_SDKS is what scripts/get-sdks prints").into()
}

/// `upstream.py`, until it is dropped.
struct Upstream {
    url: String,
    child: Child,
    /// It serves as long as this is open, so that it never outlives a test that was killed.
    _alive: ChildStdin,
}

impl Upstream {
    fn start() -> Self {
        let mut command = python("python", "upstream.py");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let alive = child.stdin.take().unwrap();
        Self { url: format!("http://127.0.0.1:{}", port.trim()), child, _alive: alive }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
