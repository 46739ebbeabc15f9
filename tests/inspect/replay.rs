//! Requests that are sent again.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::bed::{Bed, With};

/// A listener that takes in one request, and answers it.
fn listener() -> (SocketAddr, JoinHandle<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let (head, body) = read(&mut client);
        write!(client, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}").unwrap();
        (head, body)
    });
    (address, thread)
}

fn read(client: &mut TcpStream) -> (String, Value) {
    let mut said = Vec::new();
    let mut byte = [0];
    while !said.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    let head = String::from_utf8(said).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    client.read_exact(&mut body).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[track_caller]
fn check(changes: &Value, model: &str, words: &str) {
    let (address, asked) = listener();
    let bed = Bed::with(With { replay_to: Some(address), ..With::default() });
    let id = bed.played("qwen3", "hello", "world");
    let reply = bed.post(&format!("/api/v1/exchanges/{id}/replay"), changes);
    assert_eq!((reply.status, &reply.json()["sent"]), (202, &json!(true)), "{}", reply.text());
    let (head, body) = asked.join().unwrap();
    assert!(head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{head}");
    for field in
        [&format!("host: {address}"), &format!("x-ollama-forward-replay: {id}"), "content-type: application/json"]
    {
        assert!(head.contains(&format!("\r\n{field}\r\n")), "{head}");
    }
    assert!(!head.contains("authorization") && !head.contains("redacted") && !head.contains("secret"), "{head}");
    assert_eq!((&body["model"], &body["messages"][0]["content"]), (&json!(model), &json!(words)));
}

#[test]
fn a_request_is_sent_again_as_it_was() {
    check(&json!({}), "qwen3", "hello");
}

#[test]
fn it_can_go_to_another_model() {
    check(&json!({ "model": "llama3" }), "llama3", "hello");
}

#[test]
fn its_body_can_be_another() {
    let body = json!({ "model": "gpt-oss", "messages": [{ "role": "user", "content": "edited" }] }).to_string();
    check(&json!({ "body": body }), "gpt-oss", "edited");
}

#[test]
fn where_nobody_listens_that_is_told() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bed = Bed::with(With { replay_to: Some(nobody), ..With::default() });
    let id = bed.played("qwen3", "hello", "world");
    let path = format!("/api/v1/exchanges/{id}/replay");
    let reply = bed.post(&path, &json!({}));
    assert_eq!((reply.status, &reply.json()["code"]), (502, &json!("unreachable")));
    assert_eq!(bed.post(&path, &json!({ "tools": true })).status, 400);
    assert_eq!(bed.post("/api/v1/exchanges/0000000000000001/replay", &json!({})).status, 404);
}
