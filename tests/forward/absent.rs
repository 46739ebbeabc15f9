//! Nobody listens where Ollama should: clients wait for it, and are told in their own language when it does not come.

use std::time::Duration;

use serde_json::Value;

use crate::place::{Place, Reserved};
use crate::support::client::Ended;
use crate::support::fake_ollama::{FakeOllama, Manner};
use crate::support::forward::{Forward, SOON};
use crate::wire::{AT_ONCE, MOMENT, ends, finish, say};

/// The patience that is asked for, and what a busy machine may add to it.
const PATIENCE: Duration = Duration::from_secs(1);
const AFTER_PATIENCE: Duration = Duration::from_secs(3);

#[test]
fn a_client_waits_until_ollama_starts() {
    let (place, reserved, mut forward) = refused(&[]);
    let mut client = place.client();
    client.get("/api/version");
    forward.wait("upstream down").has("id", "E-UPSTREAM-REFUSED");
    let _ollama = FakeOllama::on(reserved.open(), Manner::Ollama);
    let answer = client.answer(SOON);
    assert_eq!((answer.status, answer.ended), (200, Ended::Fin), "{answer:?}");
    forward.wait("upstream up");
    let exit = forward.stop();
    assert_eq!((exit.count("connection failed"), exit.count("connection closed")), (0, 1), "{}", exit.text());
}

#[test]
fn many_clients_wait_and_one_warning_is_enough() {
    let (place, reserved, mut forward) = refused(&[]);
    let mut clients: Vec<_> = (0..20).map(|_| place.client()).collect();
    for client in &mut clients {
        client.get("/api/version");
    }
    assert_eq!(clients[19].end(MOMENT).0, Ended::Timeout);
    let _ollama = FakeOllama::on(reserved.open(), Manner::Ollama);
    for client in clients {
        assert_eq!(client.answer(SOON).status, 200);
    }
    forward.wait("upstream up");
    let exit = forward.stop();
    assert_eq!(exit.with(0).count("upstream down"), 1, "{}", exit.text());
}

#[test]
fn ollamas_own_paths_get_ollamas_envelope() {
    let (place, _reserved, mut forward) = refused(&["--wait-for-upstream", "1s"]);
    let mut client = place.client();
    client.send("POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}");
    let answer = client.answer(SOON);
    answer.is_unavailable(&["E-UPSTREAM-REFUSED"]);
    assert!((PATIENCE..AFTER_PATIENCE).contains(&answer.after), "{answer:?}");
    let failed = forward.wait("connection failed");
    failed.has("id", "E-UPSTREAM-REFUSED").has("ended_by", "us").has("upstream", "none").has("sent", "0");
    assert_eq!(place.report()["error"]["id"], "E-UPSTREAM-REFUSED");
}

#[test]
fn openai_paths_get_openais_envelope() {
    let (place, _reserved, _forward) = refused(&["--wait-for-upstream", "1s"]);
    let mut client = place.client();
    client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}");
    let answer = client.answer(SOON);
    assert_eq!((answer.status, answer.ended), (503, Ended::Fin), "{answer:?}");
    assert!((PATIENCE..AFTER_PATIENCE).contains(&answer.after), "{answer:?}");
    let json = answer.json();
    assert_eq!(json["error"]["type"], "upstream_unavailable");
    assert_eq!(json["error"]["code"], "E-UPSTREAM-REFUSED");
    assert_eq!(json["error"].get("param"), Some(&Value::Null));
    assert!(json["error"]["message"].is_string(), "{json}");
    assert_eq!(json["hint"], "ollama-forward doctor");
    let head = answer.head.to_ascii_lowercase();
    for line in ["content-type: application/json", "connection: close", "retry-after: 2"] {
        assert!(head.contains(line), "{head}");
    }
}

#[test]
fn other_protocols_get_a_reset() {
    let (place, _reserved, mut forward) = refused(&["--wait-for-upstream", "1s"]);
    let client = place.connect();
    say(&client, "\x16\x03\x01\x02\x00");
    ends(&client, Ended::Reset, AFTER_PATIENCE);
    let silent = place.connect();
    ends(&silent, Ended::Reset, AFTER_PATIENCE);
    for _ in 0..2 {
        forward.wait("connection failed").has("id", "E-UPSTREAM-REFUSED");
    }
}

#[test]
fn an_answer_is_not_lost_to_a_long_question() {
    let (place, _reserved, _forward) = refused(&["--wait-for-upstream", "0"]);
    let mut client = place.client();
    let body = "x".repeat(1_000_000);
    client.send(format!("POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    client.answer(SOON).is_unavailable(&["E-UPSTREAM-REFUSED"]);
}

#[test]
fn a_client_that_hangs_up_is_waited_for_no_more() {
    let (place, _reserved, mut forward) = refused(&[]);
    let mut client = place.client();
    client.get("/api/version");
    forward.wait("upstream down");
    drop(client);
    gone(&mut forward);
}

#[test]
fn a_client_that_hangs_up_late_is_waited_for_no_more() {
    let (place, _reserved, mut forward) = refused(&[]);
    let mut client = place.client();
    client.get("/api/version");
    // By now the pauses between attempts are long.
    assert_eq!(client.end(Duration::from_millis(1600)).0, Ended::Timeout);
    drop(client);
    gone(&mut forward);
}

#[test]
fn a_client_that_says_it_has_finished_is_waited_for_no_more() {
    let (place, _reserved, mut forward) = refused(&[]);
    let client = place.connect();
    say(&client, "ping");
    finish(&client);
    ends(&client, Ended::Reset, AT_ONCE);
    gone(&mut forward);
}

#[test]
fn a_name_that_nobody_knows_is_told_after_the_wait() {
    let place = Place::new();
    // Whatever the machine's resolver does with names that do not exist, it is to do it quickly.
    let quickly = ["env", "RES_OPTIONS=timeout:1 attempts:1"];
    let mut forward = place.start_by(&quickly, &["--upstream", "ollama.invalid", "--wait-for-upstream", "1s"]);
    forward.wait("listening");
    let mut client = place.client();
    client.get("/api/version");
    let answer = client.answer(SOON);
    answer.is_unavailable(&["E-UPSTREAM-NAME"]);
    assert!(answer.after >= PATIENCE, "{answer:?}");
    assert!(answer.body.contains("ollama.invalid"), "{answer:?}");
    forward.wait("connection failed").has("id", "E-UPSTREAM-NAME");
}

/// A forwarder to an address that nobody else can take, and that refuses until it is opened.
fn refused(args: &[&str]) -> (Place, Reserved, Forward) {
    let (place, reserved) = (Place::new(), Reserved::on("127.0.0.1:0"));
    let address = reserved.address.to_string();
    let mut forward = place.start(&[&["--upstream", &address], args].concat());
    forward.wait("upstream is used as given").has("id", "E-UPSTREAM-REFUSED");
    (place, reserved, forward)
}

/// The record of the client comes soon.
#[track_caller]
fn gone(forward: &mut Forward) {
    forward.wait_until("closing record", AT_ONCE, |line| line.message.starts_with("connection "));
}
