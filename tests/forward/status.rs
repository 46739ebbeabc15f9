//! `ollama-forward status` beside a running forwarder, and after it.

use std::net::TcpListener;
use std::process::Output;

use nix::sys::signal::Signal::SIGKILL;
use ollama_forward::status;
use serde_json::{Value, json};

use crate::place::{Lane, Place, Reserved, before};
use crate::support::client::Ended;
use crate::support::fake_ollama::{FakeOllama, Manner, VERSION};
use crate::support::forward::SOON;
use crate::wire::{AT_ONCE, carry, ends, reset};

#[test]
fn json_tells_everything() {
    let (place, _ollama, mut forward) = before(Manner::Ollama, &[]);
    forward.wait("upstream is Ollama").has("ollama", VERSION);
    place.serves();
    let closed = forward.wait("connection closed");
    let output = place.status(&["--json"]);
    assert_eq!(output.status.code(), Some(0));
    let text = text(&output.stdout);
    assert_eq!((text.lines().count(), text.ends_with('\n')), (1, true), "one object a line: {text}");
    let document: Value = serde_json::from_str(&text).unwrap();
    let one = &document["forwards"][0];
    for time in ["uptime_ms", "changed_ms_ago"] {
        assert!(one[time].as_u64().is_some_and(|ms| ms < 60_000), "{time}: {document}");
    }
    let number = |field: &str| closed.field(field).parse::<u64>().unwrap();
    assert_eq!(
        document,
        json!({"schema_version": 1, "forwards": [{
            "pid": forward.pid().as_raw(),
            "version": env!("CARGO_PKG_VERSION"),
            "listen": [place.address.to_string()],
            "translate": false,
            "mode": null,
            "upstream": closed.field("upstream"),
            "state": "up",
            "how": "named",
            "ollama": VERSION,
            "error": null,
            "uptime_ms": one["uptime_ms"],
            "changed_ms_ago": one["changed_ms_ago"],
            "connections": {"open": 0, "total": 1, "failed": 0, "refused": 0},
            "bytes": {"sent": number("sent"), "received": number("received")},
            "latency_ms": one["latency_ms"],
            "models": one["models"],
            "hint": one["hint"],
        }], "service": {"installed": false, "active": null}})
    );
}

#[test]
fn counts_follow_the_connections() {
    let mut lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "12345");
    carry(&upstream, &client, "123");
    let during = lane.place.report();
    assert_eq!(during["connections"], json!({"open": 1, "total": 1, "failed": 0, "refused": 0}));
    assert_eq!(during["bytes"], json!({"sent": 5, "received": 3}));
    reset(upstream);
    ends(&client, Ended::Reset, AT_ONCE);
    lane.forward.wait("connection failed");
    assert_eq!(lane.place.report()["connections"], json!({"open": 0, "total": 1, "failed": 1, "refused": 0}));
}

#[test]
fn an_upstream_that_is_down_is_told_with_its_reason() {
    let (place, reserved) = (Place::new(), Reserved::on("127.0.0.1:0"));
    let upstream = reserved.address.to_string();
    let mut forward = place.start(&["--upstream", &upstream, "--wait-for-upstream", "0"]);
    forward.wait("upstream is used as given");
    let mut client = place.client();
    client.get("/");
    client.answer(SOON).is_unavailable(&["E-UPSTREAM-REFUSED"]);
    let report = place.report();
    assert_eq!((&report["state"], &report["upstream"]), (&json!("down"), &json!(upstream)), "{report}");
    assert_eq!(report["error"]["id"], "E-UPSTREAM-REFUSED");
    assert!(report["error"]["message"].as_str().is_some_and(|message| message.contains(&upstream)), "{report}");
    let output = place.status(&[]);
    assert_eq!(output.status.code(), Some(0), "it runs, whatever it cannot reach");
    assert!(text(&output.stdout).contains("E-UPSTREAM-REFUSED"), "{output:?}");
    let _ollama = FakeOllama::on(reserved.open(), Manner::Ollama);
    place.serves();
    let report = place.report();
    assert_eq!((&report["state"], &report["error"]), (&json!("up"), &Value::Null), "{report}");
}

#[test]
fn text_is_for_people() {
    let (place, _ollama, mut forward) = before(Manner::Ollama, &[]);
    forward.wait("upstream is Ollama");
    place.serves();
    let output = place.status(&[]);
    let text = text(&output.stdout);
    let pid = format!("pid {}", forward.pid());
    for part in [place.address.to_string().as_str(), "up", "Ollama 0.33.0", "named", &pid] {
        assert!(text.contains(part), "{part:?} is missing:\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colours into a pipe:\n{text}");
}

#[test]
fn two_of_one_user_are_both_told_and_can_be_told_apart() {
    let (place, _ollama, mut first) = before(Manner::Ollama, &[]);
    let other = Reserved::on("127.0.0.1:0");
    first.wait("upstream is Ollama");
    place.serves();
    let upstream = place.report()["upstream"].as_str().unwrap().to_owned();
    // Two addresses, of which the first names the socket.
    let listen = other.address.to_string();
    let mut command = place.command(&[]);
    command.args(["--log-format", "json", "--listen", &listen, "--upstream", &upstream]);
    let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut second = crate::support::forward::Forward::new(child);
    second.wait("forwarding to");
    let mut client = crate::support::client::Client::connect(other.address, SOON).unwrap();
    client.get("/api/version");
    assert_eq!(client.answer(SOON).status, 200);
    let all: Value = serde_json::from_slice(&place.status(&["--json"]).stdout).unwrap();
    assert_eq!(all["forwards"].as_array().map(Vec::len), Some(2), "{all}");
    let port = other.address.port().to_string();
    let one: Value = serde_json::from_slice(&place.status(&["--json", "--listen-port", &port]).stdout).unwrap();
    assert_eq!(one["forwards"][0]["pid"], second.pid().as_raw(), "{one}");
    assert_eq!(one["forwards"].as_array().map(Vec::len), Some(1), "{one}");
}

#[test]
fn its_last_lines_can_be_read_and_a_connection_is_none_of_them() {
    let (place, _ollama, mut forward) = before(Manner::Ollama, &[]);
    forward.is_ready();
    place.serves();
    forward.wait("connection closed");
    let directory = place.home().join("runtime/ollama-forward");
    let lines = status::log_lines(&directory, place.address.port());
    let first = lines.first().unwrap();
    // Plain text, though the log itself is in JSON.
    assert!(first.ends_with(&format!(" INFO listening address={}", place.address)), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(" INFO forwarding to upstream=")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("connection")), "{lines:?}");
    assert!(!String::from_utf8(place.status(&["--json"]).stdout).unwrap().contains("listening"));
}

#[test]
fn where_none_runs_it_says_so() {
    let place = Place::new();
    for args in [&[][..], &["--listen-port", "11434"]] {
        not_running(&place.status(args));
    }
}

#[test]
fn a_program_that_asks_reads_json_though_none_runs() {
    let output = Place::new().status(&["--json"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(
        text(&output.stdout),
        "{\"schema_version\":1,\"forwards\":[],\"service\":{\"installed\":false,\"active\":null}}\n"
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn after_a_good_end_none_runs() {
    let (place, _ollama, mut forward) = before(Manner::Ollama, &[]);
    forward.wait("upstream is Ollama");
    place.serves();
    assert_eq!(place.status(&[]).status.code(), Some(0));
    forward.stop().with(0);
    not_running(&place.status(&[]));
}

#[test]
fn what_a_killed_one_left_behind_is_no_obstacle() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (place, upstream) = (Place::new(), listener.local_addr().unwrap().to_string());
    let _ollama = FakeOllama::on(listener, Manner::Ollama);
    let first = place.start(&["--upstream", &upstream]);
    let mut first = first;
    first.wait("upstream is Ollama");
    place.serves();
    first.signal(SIGKILL);
    assert_eq!(first.exit().code, None);
    not_running(&place.status(&[]));
    let mut second = place.start(&["--upstream", &upstream]);
    second.wait("upstream is Ollama");
    place.serves();
    assert_eq!(place.report()["pid"], second.pid().as_raw());
    second.stop().with(0);
}

#[track_caller]
fn not_running(output: &Output) {
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(text(&output.stdout), "", "{output:?}");
    assert!(text(&output.stderr).starts_with("error[E-NOT-RUNNING]: "), "{output:?}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
