//! What people say to a model, and the keys that they say it with, are at no level in the log.

use std::net::TcpListener;

use crate::place::{Place, Reserved};
use crate::support::client::Client;
use crate::support::fake_ollama::{FakeOllama, Manner};
use crate::support::forward::{Forward, SOON};

#[test]
fn not_of_a_request_that_is_forwarded() {
    let (place, listener) = (Place::new(), TcpListener::bind("127.0.0.1:0").unwrap());
    let upstream = listener.local_addr().unwrap().to_string();
    let ollama = FakeOllama::on(listener, Manner::Ollama);
    let mut forward = place.start(&["-v", "--upstream", &upstream]);
    forward.wait("upstream is Ollama");
    let client = ask(&place);
    ollama.wait_for("s3cret-word", SOON);
    client.answer(SOON);
    keeps_it(forward);
}

#[test]
fn not_of_a_request_that_is_refused() {
    let (place, reserved) = (Place::new(), Reserved::on("127.0.0.1:0"));
    let upstream = reserved.address.to_string();
    let mut forward = place.start(&["-v", "--upstream", &upstream, "--wait-for-upstream", "0"]);
    forward.wait("listening");
    let client = ask(&place);
    let answer = client.answer(SOON);
    assert!(answer.status == 503 && !answer.body.contains("s3cret"), "{answer:?}");
    keeps_it(forward);
}

#[test]
fn not_of_a_request_to_the_demo() {
    let place = Place::new();
    let mut forward = place.start(&["-v", "--upstream", "demo"]);
    forward.wait("forwarding to");
    let client = ask(&place);
    let answer = client.answer(SOON);
    assert_eq!(answer.status, 200, "{answer:?}");
    keeps_it(forward);
}

fn ask(place: &Place) -> Client {
    let mut client = place.client();
    let body = r#"{"model":"demo","messages":[{"role":"user","content":"s3cret-word"}]}"#;
    client.send(format!(
        "POST /api/chat?key=s3cret-path HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer s3cret-key\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    client
}

/// It tells of the connection, and not of what was said.
#[track_caller]
fn keeps_it(mut forward: Forward) {
    forward.wait_until("closing record", SOON, |line| line.message.starts_with("connection "));
    let exit = forward.stop();
    assert!(!exit.with(0).text().contains("s3cret"), "{}", exit.text());
}
