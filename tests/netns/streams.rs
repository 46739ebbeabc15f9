//! A stream whose upstream dies: the client learns it in seconds, and as a reset, never as a clean end.

use std::time::Duration;

use crate::forward::{Forward, SOON};
use crate::lab::{LOCAL, Lab, QUICK};
use crate::support::client::Ended;
use crate::support::fake_ollama::FakeOllama;

/// `--user-timeout 3s` with probes a second apart (`QUICK`), and a busy machine.
const NOTICED: Duration = Duration::from_secs(8);

#[test]
fn windows_resets_in_mid_stream() {
    let Some((lab, ollama, forward)) = ready() else {
        return;
    };
    let mut client = lab.stream();
    ollama.cut();
    let (ended, after) = client.end(SOON);
    assert_eq!(ended, Ended::Reset);
    assert!(after < Duration::from_secs(2), "{after:?}");
    record(forward, "E-UPSTREAM-RESET", "upstream");
}

#[test]
fn what_came_before_the_reset_arrives() {
    let Some((lab, _ollama, forward)) = ready() else {
        return;
    };
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/break");
    client.line("\"n\":2", SOON).unwrap();
    assert_eq!(client.end(SOON).0, Ended::Reset);
    record(forward, "E-UPSTREAM-RESET", "upstream");
}

#[test]
fn windows_forgets_a_stream() {
    let Some((lab, _ollama, forward)) = ready() else {
        return;
    };
    let mut client = lab.stream();
    lab.lose_everything();
    assert_eq!(client.end(NOTICED).0, Ended::Reset, "it said:\n{}", forward.said());
    record(forward, "E-UPSTREAM-LOST", "upstream");
}

#[test]
fn windows_forgets_an_upload() {
    let Some((lab, ollama, forward)) = ready() else {
        return;
    };
    let mut client = lab.wsl.connect(LOCAL);
    client.send("POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n");
    ollama.wait_for("POST /upload", SOON);
    lab.lose_everything();
    assert_eq!(client.send_until_it_breaks(NOTICED).0, Ended::Reset, "it said:\n{}", forward.said());
    record(forward, "E-UPSTREAM-LOST", "upstream");
}

#[test]
fn a_model_may_think_for_long() {
    let Some((lab, _ollama, _forward)) = ready() else {
        return;
    };
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/think");
    client.line("\"n\":0", SOON).unwrap();
    // Longer than keepalive and user timeout together would let a dead one live.
    assert_eq!(client.end(Duration::from_secs(5)).0, Ended::Timeout);
}

#[test]
fn a_client_that_leaves_is_no_failure() {
    let Some((lab, _ollama, mut forward)) = ready() else {
        return;
    };
    drop(lab.stream());
    let record = forward.wait("connection closed");
    record.has("ended_by", "client");
    assert_eq!(forward.stop().with(0).count("connection failed"), 0);
}

fn ready() -> Option<(Lab, FakeOllama, Forward)> {
    let lab = Lab::nat()?;
    let ollama = lab.ollama();
    let mut forward = lab.forward(QUICK);
    forward.is_ready();
    Some((lab, ollama, forward))
}

/// One closing record, and it is this one.
#[track_caller]
fn record(mut forward: Forward, id: &str, ended_by: &str) {
    let failed = forward.wait("connection failed");
    failed.has("id", id).has("ended_by", ended_by);
    let exit = forward.stop();
    assert_eq!((exit.count("connection failed"), exit.count("connection closed")), (1, 0), "{}", exit.text());
}
