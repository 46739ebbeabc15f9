//! Ollama comes and goes on a Windows that stays where it is.

use crate::forward::{Forward, SOON};
use crate::lab::{GATEWAY, LOCAL, Lab, QUICK};

#[test]
fn ollama_starts_while_a_client_waits() {
    let Some(lab) = Lab::nat() else { return };
    let mut forward = lab.forward(&["--wait-for-upstream", "30s"]);
    forward.wait("searching for Ollama on Windows");
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/api/tags");
    let _ollama = lab.ollama();
    assert_eq!(client.answer(SOON).status, 200, "it said:\n{}", forward.said());
    forward.wait_for_upstream(GATEWAY);
    assert_eq!(forward.stop().with(0).count("connection failed"), 0);
}

#[test]
fn ollama_restarts_while_a_client_waits() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut forward = lab.forward(&["--wait-for-upstream", "30s"]);
    forward.is_ready();
    drop(ollama);
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/api/tags");
    forward.wait("upstream down").has("upstream", GATEWAY).has("id", "E-UPSTREAM-REFUSED");
    let _ollama = lab.ollama();
    assert_eq!(client.answer(SOON).status, 200, "it said:\n{}", forward.said());
    assert_eq!(forward.stop().with(0).count("connection failed"), 0);
}

#[test]
fn a_restart_is_told_once() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut forward = lab.forward(QUICK);
    forward.is_ready();
    drop(ollama);
    let mut clients = [lab.wsl.connect(LOCAL), lab.wsl.connect(LOCAL), lab.wsl.connect(LOCAL)];
    for client in &mut clients {
        client.get("/api/tags");
    }
    for client in clients {
        assert_eq!(client.answer(SOON).status, 503);
    }
    forward.wait("upstream down");
    let _ollama = lab.ollama();
    assert_eq!(lab.get("/api/tags").status, 200);
    forward.wait("upstream up").has("upstream", GATEWAY);
    assert_eq!(lab.get("/api/tags").status, 200);
    downs_and_ups(forward, 1);
}

#[test]
fn every_restart_is_told() {
    let Some(lab) = Lab::nat() else { return };
    let mut ollama = lab.ollama();
    let mut forward = lab.forward(&["--wait-for-upstream", "30s"]);
    forward.is_ready();
    for _ in 0..2 {
        drop(ollama);
        let mut client = lab.wsl.connect(LOCAL);
        client.get("/api/tags");
        forward.wait("upstream down");
        ollama = lab.ollama();
        assert_eq!(client.answer(SOON).status, 200);
        forward.wait("upstream up");
    }
    downs_and_ups(forward, 2);
}

#[track_caller]
fn downs_and_ups(forward: Forward, count: usize) {
    let exit = forward.stop();
    exit.with(0);
    assert_eq!((exit.count("upstream down"), exit.count("upstream up")), (count, count), "{}", exit.text());
}
