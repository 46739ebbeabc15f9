//! What changes something.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::bed::{Bed, With};

#[test]
fn capture_is_switched_off_and_on() {
    let bed = Bed::new();
    let off = bed.post("/api/v1/capture", &json!({ "on": false }));
    assert_eq!((off.status, &off.json()["capture"]["on"]), (200, &json!(false)));
    assert!(!bed.switched.load(Ordering::Relaxed));
    let on = bed.post("/api/v1/capture", &json!({ "on": true }));
    assert_eq!(on.json()["capture"]["on"], true);
    for body in [json!({}), json!({ "on": 1 }), json!({ "on": true, "more": 1 }), json!([]), Value::Null] {
        assert_eq!(bed.post("/api/v1/capture", &body).status, 400, "{body}");
    }
}

#[test]
fn a_mark_and_a_comment_stay() {
    let bed = Bed::new();
    let id = bed.played("qwen3", "hello", "world");
    let mark = |what: Value| bed.post(&format!("/api/v1/exchanges/{id}/mark"), &what).status;
    assert_eq!(mark(json!({ "marked": true })), 200);
    assert_eq!(mark(json!({ "comment": "<b>look</b>" })), 200);
    let row = &bed.json(&format!("/api/v1/exchanges/{id}"))["row"];
    assert_eq!((&row["marked"], &row["comment"]), (&json!(true), &json!("<b>look</b>")));
    assert_eq!(mark(json!({ "comment": "é".repeat(2001) })), 413);
    assert_eq!(mark(json!({ "comment": "a".repeat(100_000) })), 413);
    assert_eq!(bed.post("/api/v1/exchanges/0000000000000001/mark", &json!({ "marked": true })).status, 404);
}

#[test]
fn what_is_removed_is_gone() {
    let bed = Bed::new();
    let (one, other) = (bed.played("qwen3", "first", "yes"), bed.played("qwen3", "second", "no"));
    assert_eq!(bed.ask("DELETE", &format!("/api/v1/exchanges/{one}"), &[], "").status, 200);
    assert_eq!(bed.get(&format!("/api/v1/exchanges/{one}")).status, 404);
    assert_eq!(bed.get(&format!("/api/v1/exchanges/{other}")).status, 200);
    let key = bed.json("/api/v1/sessions")["sessions"][0]["key"].as_str().unwrap().to_owned();
    assert_eq!(bed.ask("DELETE", &format!("/api/v1/sessions/{key}"), &[], "").status, 200);
    assert_eq!(bed.json("/api/v1/exchanges")["total"], 0);
}

#[test]
fn prune_keeps_what_is_within_the_limits() {
    let bed = Bed::new();
    bed.played("qwen3", "hello", "world");
    let pruned = bed.post("/api/v1/prune", &json!({}));
    assert_eq!((pruned.status, &pruned.json()["exchanges"]), (200, &json!(0)));
    assert_eq!(bed.json("/api/v1/exchanges")["total"], 1);
    assert_eq!(bed.post("/api/v1/prune", &json!({ "size": 0 })).status, 400);
}

#[test]
fn an_export_is_taken_in_by_another_store() {
    let from = Bed::new();
    from.played("qwen3", "hello", "world");
    let bundle = from.get("/api/v1/export?format=jsonl").text();
    let to = Bed::new();
    let import = |text: &str| to.ask("POST", "/api/v1/import", &[("content-type", "application/x-ndjson")], text);
    let taken = import(&format!("{bundle}\nno line of ours\n"));
    assert_eq!(taken.status, 200, "{}", taken.text());
    assert_eq!((&taken.json()["imported"], &taken.json()["failed"]), (&json!(1), &json!(1)));
    let id = taken.json()["ids"][0].as_str().unwrap().to_owned();
    assert_eq!(to.json(&format!("/api/v1/exchanges/{id}"))["row"]["user"], "hello");
    assert_eq!(import("nonsense").status, 400);
}

#[test]
fn too_much_is_refused_before_it_is_read() {
    let bed = Bed::new();
    let (host, token) = (bed.host(), bed.door.token());
    for path in ["/api/v1/import", "/api/v1/capture"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: 99999999999\r\nconnection: close\r\n\r\n"
        );
        let reply = bed.raw(head.as_bytes());
        assert_eq!((reply.status, &reply.json()["code"]), (413, &json!("too_large")), "{path}");
    }
}

#[test]
fn too_much_in_pieces_is_refused_as_well() {
    let bed = Bed::new();
    let (host, token) = (bed.host(), bed.door.token());
    let mut bytes = format!(
        "POST /api/v1/capture HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..3 {
        bytes.extend(format!("8000\r\n{}\r\n", "a".repeat(0x8000)).into_bytes());
    }
    bytes.extend(b"0\r\n\r\n");
    assert_eq!(bed.raw(&bytes).status, 413);
}

#[test]
fn where_another_process_writes_nothing_is_written() {
    let bed = Bed::with(With { read_only: true, ..With::default() });
    let id = bed.played("qwen3", "hello", "world");
    let json = ("content-type", "application/json");
    for (method, path, body) in [
        ("POST", "/api/v1/capture".to_owned(), r#"{"on":false}"#),
        ("POST", "/api/v1/prune".to_owned(), "{}"),
        ("POST", "/api/v1/import".to_owned(), "{}"),
        ("POST", format!("/api/v1/exchanges/{id}/mark"), r#"{"marked":true}"#),
        ("POST", format!("/api/v1/exchanges/{id}/replay"), "{}"),
        ("DELETE", format!("/api/v1/exchanges/{id}"), ""),
    ] {
        assert_eq!(bed.ask(method, &path, &[json], body).status, 409, "{method} {path}");
    }
    assert_eq!(bed.json("/api/v1/exchanges")["total"], 1);
}
