//! The lane itself: health, stopping, an upstream that is not there, and the circle.

use std::io;
use std::net::TcpListener;
use std::thread;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::lane_http::{GET, OK, bare, chunk, chunked, exchange, lane, message};
use crate::place::{Lane, Place, Reserved, before};
use crate::support::client::Ended;
use crate::support::fake_ollama::{FakeOllama, Manner, VERSION};
use crate::support::forward::SOON;
use crate::wire::{AT_ONCE, MOMENT, connect, ends, head, say};

#[test]
fn health_tells_state_upstream_and_version() {
    let (place, ollama, mut forward) = before(Manner::Ollama, &["--translate"]);
    forward.is_ready();
    for path in ["/__health", "/_health", "/__health/"] {
        let mut client = place.client();
        client.get(path);
        let answer = client.answer(SOON);
        assert_eq!(answer.status, 200, "{answer:?}");
        let health = answer.json();
        assert_eq!((&health["state"], &health["ollama"]), (&"up".into(), &VERSION.into()), "{health}");
        assert_eq!(health["how"], "named", "{health}");
        assert!(health["upstream"].as_str().unwrap().starts_with("127.0.0.1:"), "{health}");
    }
    drop(ollama);
    let mut client = place.client();
    client.get("/__health");
    let answer = client.answer(SOON);
    assert_eq!(answer.status, 503, "{answer:?}");
    let health = answer.json();
    assert_eq!((&health["state"], &health["error"]["id"]), (&"down".into(), &"E-UPSTREAM-REFUSED".into()), "{health}");
    assert!(health["error"]["next"].is_string(), "{health}");
}

#[test]
fn health_needs_no_version() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, "GET /_health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let upstream = lane.upstream.accept();
    assert_eq!(message(&upstream).first, "GET /api/version HTTP/1.1");
    say(&upstream, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    let health = message(&client).is(200).json();
    assert!(health["state"] == "up" && health["ollama"].is_null(), "{health}");
}

#[test]
fn codex_is_told_to_do_without_a_websocket() {
    let lane = lane();
    let client = lane.place.connect();
    for path in ["/v1/responses", "/responses"] {
        say(
            &client,
            format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: rYqn1Z5F00LuSJpGenmoUA==\r\noriginator: codex_exec\r\n\r\n"
            ),
        );
        let answer = message(&client);
        assert_eq!(answer.is(426).field("upgrade"), Some("HTTP/1.1"));
        assert_eq!(answer.json()["error"]["code"], "no_websocket");
    }
}

#[test]
fn an_absent_upstream_is_told_in_words() {
    let (place, upstream) = (Place::new(), Reserved::on("127.0.0.1:0"));
    let address = upstream.address.to_string();
    let mut forward = place.start(&["--translate", "--upstream", &address, "--wait-for-upstream", "100ms"]);
    forward.wait("forwarding to");
    let mut client = place.client();
    client.get("/api/tags");
    client.answer(SOON).is_unavailable(&["E-UPSTREAM-REFUSED"]);
    let mut client = place.client();
    client.get("/v1/models");
    let answer = client.answer(SOON);
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"E-UPSTREAM-REFUSED".into()), "{answer:?}");
    forward.wait("connection failed").has("id", "E-UPSTREAM-REFUSED").has("upstream", "none");
}

#[test]
fn an_upstream_that_comes_late_is_waited_for() {
    let (place, upstream) = (Place::new(), Reserved::on("127.0.0.1:0"));
    let address = upstream.address.to_string();
    let mut forward = place.start(&["--translate", "--upstream", &address]);
    forward.wait("upstream is used as given");
    let mut client = place.client();
    client.get("/api/tags");
    forward.wait("upstream down");
    let ollama = FakeOllama::on(upstream.open(), Manner::Ollama);
    assert_eq!(client.answer(SOON).status, 200);
    forward.wait("upstream up");
    drop(ollama);
}

#[test]
fn a_client_that_leaves_is_not_waited_for() {
    let (place, upstream) = (Place::new(), Reserved::on("127.0.0.1:0"));
    let address = upstream.address.to_string();
    let mut forward = place.start(&["--translate", "--upstream", &address, "--wait-for-upstream", "60s"]);
    forward.wait("upstream is used as given");
    let mut client = place.client();
    client.get("/api/tags");
    forward.wait("upstream down");
    drop(client);
    forward.wait("connection closed").has("ended_by", "client").has("requests", "1");
}

/// A connection that idles after one exchange, and its upstream.
#[track_caller]
fn idle(lane: &Lane) -> (std::net::TcpStream, std::net::TcpStream) {
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    message(&upstream);
    say(&upstream, OK);
    message(&client).is(200);
    (client, upstream)
}

#[test]
fn stopping_ends_idle_connections_at_once() {
    let lane = lane();
    let (client, upstream) = idle(&lane);
    let silent = lane.place.connect();
    // Known to be accepted, as this one came after it.
    let other = lane.place.connect();
    exchange(&other, &upstream, GET, OK).1.is(200);
    let from = Instant::now();
    let exit = lane.forward.stop();
    exit.with(0);
    assert!(from.elapsed() < AT_ONCE * 3, "{:?}", from.elapsed());
    ends(&client, Ended::Fin, AT_ONCE);
    ends(&silent, Ended::Fin, AT_ONCE);
    assert_eq!(exit.count("connection closed"), 3, "{}", exit.text());
}

/// It was accepted before we stop, and its question comes after.
#[test]
fn stopping_still_answers_one_that_has_just_connected() {
    let lane = lane();
    let (kept, upstream) = idle(&lane);
    let client = lane.place.connect();
    // Known to be accepted, as this one came after it.
    let other = lane.place.connect();
    exchange(&other, &upstream, GET, OK).1.is(200);
    lane.forward.signal(Signal::SIGTERM);
    // By then, all have been told that may be told at once.
    ends(&kept, Ended::Fin, AT_ONCE);
    exchange(&client, &upstream, GET, OK).1.is(200);
    ends(&client, Ended::Fin, AT_ONCE * 3);
    lane.forward.exit().with(0);
}

#[test]
fn stopping_lets_an_answer_come_to_its_end() {
    let mut lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    say(&upstream, format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunked("one")));
    bare(&client).is(200);
    assert_eq!(chunk(&client).as_deref(), Some("one"));
    lane.forward.signal(Signal::SIGTERM);
    lane.forward.wait("stopping");
    ends_not(&client);
    say(&upstream, format!("{}0\r\n\r\n", chunked("two")));
    assert_eq!(chunk(&client).as_deref(), Some("two"));
    assert_eq!(chunk(&client), None);
    ends(&client, Ended::Fin, AT_ONCE);
    lane.forward.wait("connection closed").has("ended_by", "us").has("why", "stopping");
    lane.forward.exit().with(0);
}

#[track_caller]
fn ends_not(client: &std::net::TcpStream) {
    ends(client, Ended::Timeout, MOMENT);
    client.set_read_timeout(Some(SOON)).unwrap();
}

#[test]
fn a_second_signal_cuts() {
    let mut lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    say(&upstream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    bare(&client).is(200);
    lane.forward.signal(Signal::SIGTERM);
    lane.forward.wait("stopping");
    lane.forward.signal(Signal::SIGTERM);
    lane.forward.wait("connection closed").has("ended_by", "us").has("why", "stopping");
    ends(&client, Ended::Reset, AT_ONCE);
}

#[test]
fn each_connection_tells_one_record_with_its_counts() {
    let lane = lane();
    let (client, upstream) = idle(&lane);
    say(&client, GET);
    message(&upstream);
    say(&upstream, OK);
    message(&client).is(200);
    drop(client);
    let (sent, received) = (2 * GET.len(), 2 * OK.len());
    let address = lane.upstream.address.to_string();
    let record = lane.closed();
    record.has("requests", "2").has("sent", &sent.to_string()).has("received", &received.to_string());
    record.has("ended_by", "client").has("upstream", &address);
}

#[test]
fn what_is_not_http_is_told_so() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, "SSH-2.0-client\r\n\r\n");
    assert!(head(&client).starts_with("HTTP/1.1 400 "));
    ends(&client, Ended::Fin, AT_ONCE);
    lane.closed().has("ended_by", "us").has("requests", "0");
}

#[test]
fn a_head_has_its_limit() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(70_000)));
    assert!(head(&client).starts_with("HTTP/1.1 431 "));
}

#[test]
fn an_upstream_that_leads_back_to_us_is_a_circle() {
    let place = Place::new();
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let (relay_address, address) = (relay.local_addr().unwrap().to_string(), place.address);
    thread::spawn(move || {
        for client in relay.incoming().map_while(Result::ok) {
            let forward = connect(address);
            let (mut from, mut to) = (client.try_clone().unwrap(), forward.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut from, &mut to));
            thread::spawn(move || io::copy(&mut { forward }, &mut { client }));
        }
    });
    let forward = place.start(&["--translate", "--upstream", &relay_address]);
    forward.exit().with(2).says("leads back to this forwarder");
}
