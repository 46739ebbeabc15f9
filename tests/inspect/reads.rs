//! What is asked with GET.

use ollama_forward::capture::ExchangeId;
use serde_json::{Value, json};

use super::bed::{Bed, With, request};

fn ids(page: &Value) -> Vec<String> {
    page["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn names(all: &[ExchangeId]) -> Vec<String> {
    all.iter().rev().map(ToString::to_string).collect()
}

#[test]
fn the_page_is_there_and_is_not_sent_twice() {
    let bed = Bed::new();
    let page = bed.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let tag = page.header("etag").unwrap();
    let again = bed.ask("GET", "/", &[("if-none-match", tag)], "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = bed.ask("HEAD", "/", &[], "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(page.body.len().to_string().as_str()));
}

#[test]
fn the_state_says_what_runs_and_what_can_be_done() {
    let bed = Bed::new();
    bed.played("qwen3", "hello", "world");
    let state = bed.json("/api/v1/state");
    assert_eq!(state["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(state["lang"], "fr");
    assert_eq!(state["forward"], json!({ "upstream": "nowhere" }));
    let capture = &state["capture"];
    assert_eq!(
        (&capture["on"], &capture["can_switch"], &capture["trouble"]),
        (&json!(true), &json!(true), &Value::Null)
    );
    assert_eq!(capture["exchanges"], 1);
    assert_eq!(capture["can_replay"], false);
    let read_only = Bed::with(With { read_only: true, ..With::default() });
    let capture = &read_only.json("/api/v1/state")["capture"];
    assert_eq!((&capture["can_switch"], &capture["can_write"]), (&json!(false), &json!(false)));
}

#[test]
fn the_list_has_the_newest_first_and_is_read_in_parts() {
    let bed = Bed::new();
    let all: Vec<_> = (0..5).map(|number| bed.played("qwen3", &format!("question {number}"), "yes")).collect();
    let newest_first = names(&all);
    let whole = bed.json("/api/v1/exchanges");
    assert_eq!(ids(&whole), newest_first);
    assert_eq!((&whole["more"], &whole["total"]), (&json!(false), &json!(5)));
    assert_eq!(whole["rows"][0]["model"], "qwen3");
    assert!(whole["rows"][0].get("hit").is_none());
    let part = bed.json("/api/v1/exchanges?limit=2");
    assert_eq!((ids(&part), &part["more"]), (newest_first[..2].to_vec(), &json!(true)));
    let cursor = part["cursor"].as_str().unwrap();
    let rest = bed.json(&format!("/api/v1/exchanges?before={cursor}"));
    assert_eq!((ids(&rest), &rest["more"]), (newest_first[2..].to_vec(), &json!(false)));
}

#[test]
fn words_are_looked_for_in_bodies() {
    let bed = Bed::new();
    let hay: Vec<_> = (0..3).map(|number| bed.played("qwen3", &format!("hay {number}"), "straw")).collect();
    let long = format!("{} the silver needle", "words before it ".repeat(200));
    let needle = bed.played("llama3", &long, "found");
    let found = bed.json("/api/v1/exchanges?q=silver");
    assert_eq!(ids(&found), [needle.to_string()]);
    assert!(found["rows"][0]["hit"].as_str().unwrap().contains("silver"));
    assert_eq!(found["scanned"], 4);
    assert_eq!(ids(&bed.json("/api/v1/exchanges?q=model:qwen3")), names(&hay));
    assert_eq!(ids(&bed.json("/api/v1/exchanges?q=nowhere-to-be-found")), [""; 0]);
}

#[test]
fn a_query_that_makes_no_sense_is_told_so() {
    let bed = Bed::new();
    let reply = bed.get("/api/v1/exchanges?q=is:nonsense");
    assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_query")));
    assert_eq!(bed.get(&format!("/api/v1/exchanges?q={}", "a".repeat(3000))).status, 400);
    assert_eq!(bed.get("/api/v1/exchanges?limit=many").status, 400);
}

#[test]
fn sessions_are_listed_and_filter_the_list() {
    let bed = Bed::new();
    let id = bed.played("qwen3", "hello", "world");
    let sessions = bed.json("/api/v1/sessions");
    let key = sessions["sessions"][0]["key"].as_str().unwrap();
    assert_eq!(ids(&bed.json(&format!("/api/v1/exchanges?session={key}"))), [id.to_string()]);
    let other = bed.json("/api/v1/exchanges?session=another");
    assert_eq!((ids(&other), &other["total"]), (vec![], &json!(0)));
}

#[test]
fn an_exchange_is_shown_with_its_neighbours() {
    let bed = Bed::new();
    let all: Vec<_> = (0..3).map(|number| bed.played("qwen3", &format!("question {number}"), "the answer")).collect();
    let view = bed.json(&format!("/api/v1/exchanges/{}", all[1]));
    assert_eq!(view["row"]["id"], all[1].to_string());
    assert_eq!(view["row"]["user"], "question 1");
    assert_eq!((&view["previous"], &view["next"]), (&json!(all[0].to_string()), &json!(all[2].to_string())));
    assert!(view["answer"].to_string().contains("the answer"));
    assert!(!view.to_string().contains("a-secret-of-the-client"));
    assert_eq!(bed.get("/api/v1/exchanges/0000000000000001").status, 404);
}

#[test]
fn a_body_is_given_out_as_it_is_or_in_pieces() {
    let bed = Bed::new();
    let id = bed.played("qwen3", "hello", "world");
    let (path, body) = (format!("/api/v1/exchanges/{id}/body/client_request"), request("qwen3", "hello"));
    let whole = bed.get(&path);
    assert_eq!(whole.text(), body);
    assert_eq!(whole.header("content-type"), Some("application/octet-stream"));
    assert_eq!(whole.header("content-disposition"), None);
    let piece = |range: &str| bed.ask("GET", &path, &[("range", range)], "");
    let some = piece("bytes=2-5");
    assert_eq!((some.status, some.text()), (206, body[2..6].to_owned()));
    assert_eq!(some.header("content-range"), Some(format!("bytes 2-5/{}", body.len()).as_str()));
    assert_eq!(piece("bytes=-3").text(), body[body.len() - 3..]);
    let none = piece("bytes=5000-");
    assert_eq!((none.status, none.header("content-range")), (416, Some(format!("bytes */{}", body.len()).as_str())));
    assert_eq!(piece("bytes=0-1,3-4").status, 200);
    let file = bed.get(&format!("{path}?download=1"));
    assert_eq!(
        file.header("content-disposition"),
        Some(format!("attachment; filename=\"{id}-client_request.bin\"").as_str())
    );
    assert_eq!(bed.get(&format!("{path}?attempt=7")).status, 404);
    assert_eq!(bed.get(&format!("{path}?attempt=x")).status, 400);
    assert_eq!(bed.get(&format!("/api/v1/exchanges/{id}/body/upstream_request")).status, 404);
}

#[test]
fn two_exchanges_are_compared() {
    let bed = Bed::new();
    let (one, other) = (bed.played("qwen3", "first", "yes"), bed.played("qwen3", "second", "no"));
    let named = bed.json(&format!("/api/v1/exchanges/{other}/diff/{one}"));
    assert_eq!((&named["from"], &named["to"]), (&json!(one.to_string()), &json!(other.to_string())));
    assert!(named.to_string().contains("second"));
    assert_eq!(bed.json(&format!("/api/v1/exchanges/{other}/diff/previous")), named);
    assert_eq!(bed.get(&format!("/api/v1/exchanges/{one}/diff/previous")).status, 404);
    assert_eq!(bed.get(&format!("/api/v1/exchanges/{one}/diff/0000000000000001")).status, 404);
}

#[test]
fn exports_are_files_with_a_name() {
    let bed = Bed::new();
    let id = bed.played("qwen3", "hello", "world");
    bed.played("qwen3", "again", "world");
    for (format, extension) in
        [("jsonl", "jsonl"), ("har", "har"), ("curl", "sh"), ("html", "html"), ("markdown", "md")]
    {
        let reply = bed.get(&format!("/api/v1/export?format={format}&id={id}"));
        assert_eq!(reply.status, 200, "{format}");
        let name = format!("attachment; filename=\"ollama-forward-{id}.{extension}\"");
        assert_eq!(reply.header("content-disposition"), Some(name.as_str()));
        assert!(reply.text().contains("hello"), "{format}");
        assert!(!reply.text().contains("a-secret-of-the-client"), "{format}");
        assert!(!reply.text().contains(&bed.door.token()), "{format}");
    }
    // The first line says what the file is.
    let all = bed.get("/api/v1/export?format=jsonl");
    assert_eq!(all.text().lines().count(), 3);
    let found = bed.get("/api/v1/export?format=jsonl&q=again");
    assert_eq!(found.text().lines().count(), 2);
    let page = bed.get("/api/v1/export?format=html").text();
    assert!(page.contains("importmap") && page.contains("id=\"data\"") && !page.contains("/assets/"));
    assert_eq!(bed.get("/api/v1/export?format=exe").status, 400);
    assert_eq!(bed.get("/api/v1/export?id=0000000000000001").status, 404);
}

#[test]
fn wrong_methods_are_told_the_right_ones() {
    let bed = Bed::new();
    for (method, path, allow) in [
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/api/v1/exchanges", "GET, HEAD"),
        ("GET", "/api/v1/capture", "POST"),
        ("GET", "/api/v1/sessions/a", "DELETE"),
        ("PATCH", "/api/v1/exchanges/0000000000000001", "GET, HEAD, DELETE"),
    ] {
        let reply = bed.ask(method, path, &[("content-type", "application/json")], "{}");
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{method} {path}");
    }
    let unknown = bed.get("/nothing");
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("unknown_path")));
}
