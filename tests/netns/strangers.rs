//! Something listens where Ollama should, and is not Ollama: no client's byte may reach it, and the log says what it is.

use crate::forward::SOON;
use crate::lab::{GATEWAY, LOCAL, Lab, QUICK};
use crate::support::fake_ollama::{FakeOllama, Heard, Manner};

#[test]
fn a_dead_portproxy() {
    check(Manner::Resets, "E-UPSTREAM-RESET");
}

#[test]
fn a_listener_that_says_nothing() {
    check(Manner::Mute, "E-UPSTREAM-SILENT");
}

#[test]
fn a_server_that_is_not_http() {
    check(Manner::Ssh, "E-UPSTREAM-NOT-OLLAMA");
}

#[test]
fn a_website() {
    check(Manner::Website, "E-UPSTREAM-NOT-OLLAMA");
}

#[test]
fn ollama_takes_a_strangers_place() {
    let Some(lab) = Lab::nat() else { return };
    let stranger = lab.win.serve(GATEWAY, Manner::Website);
    let mut forward = lab.forward(&["--wait-for-upstream", "30s"]);
    forward.wait("searching for Ollama on Windows");
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/api/tags");
    got_only_probes(&stranger);
    drop(stranger);
    let _ollama = lab.ollama();
    assert_eq!(client.answer(SOON).status, 200);
}

#[test]
fn the_gateway_moves_to_a_stranger() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut forward = lab.forward(QUICK);
    forward.is_ready();
    drop(ollama);
    let stranger = lab.win.serve("0.0.0.0:11434", Manner::Website);
    lab.move_gateway("172.24.0.2");
    stranger.wait_for("GET /api/version ", SOON);
    let answer = lab.get("/api/tags");
    assert_eq!(answer.status, 503, "{answer:?}; it said:\n{}", forward.said());
    got_only_probes(&stranger);
}

/// The client hears that Windows' Ollama was not found; the log names what is there instead.
#[track_caller]
fn check(manner: Manner, id: &str) {
    let Some(lab) = Lab::nat() else { return };
    let stranger = lab.win.serve("0.0.0.0:11434", manner);
    let mut forward = lab.forward(QUICK);
    let searching = forward.wait("searching for Ollama on Windows");
    assert!(searching.field("why").contains(GATEWAY), "{}", searching.text);
    let mut client = lab.wsl.connect(LOCAL);
    client.send("POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\n\r\nsecret");
    let answer = client.answer(SOON);
    assert_eq!(answer.status, 503, "{answer:?}; it said:\n{}", forward.said());
    got_only_probes(&stranger);
    let exit = forward.stop();
    exit.with(0).says(id);
    assert_eq!(exit.count("forwarding to"), 0);
}

#[track_caller]
fn got_only_probes(stranger: &FakeOllama) {
    let heard = stranger.heard();
    assert!(!heard.is_empty(), "it was never asked");
    assert!(heard.iter().all(Heard::is_only_a_probe), "{heard:?}");
}
