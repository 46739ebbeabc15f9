//! The built-in stand-in, through the forwarder, as somebody without Windows would try it.

use std::time::{Duration, Instant};

use crate::place::Place;
use crate::support::client::Ended;
use crate::support::forward::{Forward, SOON};

#[test]
fn it_tells_its_version() {
    let (place, _forward) = start();
    let mut client = place.client();
    client.send(format!(
        "GET /api/version HTTP/1.1\r\nHost: {}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
        place.address
    ));
    let line = client.line("HTTP/1.1 200 OK", SOON);
    assert!(line.is_ok(), "{line:?}");
    client.finish();
    let answer = client.answer(SOON);
    assert!(answer.json()["version"].is_string(), "{answer:?}");
}

#[test]
fn a_chat_arrives_piece_by_piece() {
    let (place, mut forward) = start();
    let mut client = place.client();
    let body = r#"{"model":"demo:latest","messages":[{"role":"user","content":"hello"}]}"#;
    client.send(format!(
        "POST /api/chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    let mut arrivals = Vec::new();
    loop {
        let line = client.line("{\"model\"", SOON).unwrap();
        arrivals.push(Instant::now());
        let piece: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(piece["model"], "demo:latest");
        if piece["done"] == true {
            break;
        }
    }
    assert!(arrivals.len() > 3, "{} pieces", arrivals.len());
    // They are 33 ms apart; held back, they would arrive together.
    let (first, last) = (arrivals[0], arrivals[arrivals.len() - 1]);
    assert!(last - first > Duration::from_millis(66), "{arrivals:?}");
    assert_eq!(client.end(SOON).0, Ended::Fin);
    drop(client);
    forward.wait("connection closed").has("ended_by", "upstream");
    assert_eq!(place.report()["how"], "demo");
    forward.stop().with(0);
}

fn start() -> (Place, Forward) {
    let place = Place::new();
    let mut forward = place.start(&["--upstream", "demo"]);
    forward.wait("listening").has("address", &place.address.to_string());
    forward.wait("forwarding to").has("how", "demo");
    (place, forward)
}
