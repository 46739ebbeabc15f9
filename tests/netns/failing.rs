//! Windows does not answer: what a client is told, and after how long.

use std::time::Duration;

use crate::forward::{Forward, SOON};
use crate::lab::{LOCAL, Lab, QUICK};
use crate::support::client::Ended;

#[test]
fn a_firewall_from_the_start() {
    from_the_start(Lab::lose_everything, "E-UPSTREAM-TIMEOUT");
}

#[test]
fn a_firewall_from_now_on() {
    from_now_on(Lab::lose_everything, "E-UPSTREAM-TIMEOUT");
}

#[test]
fn a_closed_port_from_the_start() {
    from_the_start(|_| (), "E-UPSTREAM-REFUSED");
}

#[test]
fn a_closed_port_from_now_on() {
    from_now_on(|_| (), "E-UPSTREAM-REFUSED");
}

#[test]
fn a_silent_closed_port_from_the_start() {
    from_the_start(Lab::silence_resets, "E-UPSTREAM-TIMEOUT");
}

#[test]
fn a_silent_closed_port_from_now_on() {
    from_now_on(Lab::silence_resets, "E-UPSTREAM-TIMEOUT");
}

#[test]
fn windows_is_gone() {
    from_now_on(Lab::lose_the_host, "E-UPSTREAM-UNREACHABLE");
}

#[test]
fn a_vpn_on_windows_takes_our_route_back() {
    from_now_on(|lab| lab.win.ip("route add blackhole 172.24.3.7/32"), "E-UPSTREAM-TIMEOUT");
}

#[test]
fn a_named_upstream_from_the_start() {
    let Some(lab) = Lab::nat() else { return };
    let args = [QUICK, &["--upstream", "172.24.0.1"]].concat();
    let mut forward = lab.forward(&args);
    forward.wait("listening");
    clients_are_told(&lab, &forward, &["E-UPSTREAM-REFUSED"]);
    forward.stop().with(0);
}

#[test]
fn another_ollama_has_the_port() {
    let Some(lab) = Lab::nat() else { return };
    let _other = lab.wsl.listen(LOCAL);
    let owner = format!("pid {}", std::process::id());
    lab.forward(&[]).exit().with(5).says("error[E-PORT-TAKEN]").says(LOCAL).says(&owner);
}

#[test]
fn a_client_that_leaves_ends_the_wait() {
    let Some(lab) = Lab::nat() else { return };
    let mut forward = lab.forward(&["--wait-for-upstream", "60s"]);
    forward.wait("listening");
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/api/tags");
    client.finish();
    assert_ne!(client.end(SOON).0, Ended::Timeout, "it said:\n{}", forward.said());
    forward.stop().with(0);
}

/// Nothing was ever identified: what is wrong with the gateway, or that nobody is Windows, are both good answers.
#[track_caller]
fn from_the_start(trouble: impl Fn(&Lab), id: &str) {
    let Some(lab) = Lab::nat() else { return };
    trouble(&lab);
    let mut forward = lab.forward(QUICK);
    forward.wait("searching for Ollama on Windows");
    clients_are_told(&lab, &forward, &[id, "E-NO-WINDOWS"]);
    assert_eq!(forward.stop().with(0).count("forwarding to"), 0);
}

/// Ollama was there, stops with the beginning of the trouble.
#[track_caller]
fn from_now_on(trouble: impl Fn(&Lab), id: &str) {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut forward = lab.forward(QUICK);
    forward.is_ready();
    trouble(&lab);
    drop(ollama);
    clients_are_told(&lab, &forward, &[id]);
    forward.wait("connection failed").has("id", id);
    forward.stop().with(0);
}

/// Each kind of client at the same time, because each has to wait.
#[track_caller]
fn clients_are_told(lab: &Lab, forward: &Forward, ids: &[&str]) {
    let [mut ollamas, mut openais, mut mute, mut other] = std::array::from_fn(|_| lab.wsl.connect(LOCAL));
    ollamas.get("/api/tags");
    openais.get("/v1/models");
    other.send([0x16, 0x03, 0x01, 0x00, 0x05, b'h', b'e', b'l', b'l', b'o']);
    let answer = ollamas.answer(SOON);
    assert_eq!(answer.status, 503, "{answer:?}; it said:\n{}", forward.said());
    answer.is_unavailable(ids);
    assert!((1500..5000).contains(&answer.after.as_millis()), "waits 2 s: {answer:?}");
    let answer = openais.answer(SOON);
    assert_eq!((answer.status, answer.ended), (503, Ended::Fin), "{answer:?}");
    let error = &answer.json()["error"];
    assert_eq!(error["type"], "upstream_unavailable", "{answer:?}");
    assert!(ids.iter().any(|id| error["code"] == *id), "{answer:?}");
    assert_eq!(other.end(SOON).0, Ended::Reset, "what is not HTTP");
    assert_eq!(mute.end(Duration::from_secs(4)).0, Ended::Reset, "who says nothing");
}
