//! What is kept of responses, for as long as there is room, and the other paths of the port.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{Asking, question, user};
use crate::fake::MODEL;
use crate::script::Reply;

#[test]
fn a_conversation_goes_on_from_a_response() {
    let bed = Bed::of(Reply::new().text("I am fine.").done());
    let first = bed.send(&Asking::other(&stored("How are you?"))).whole().completed();
    bed.fake.will(Reply::new().text("Yes.").done());
    let mut body = stored("Really?");
    body["previous_response_id"] = first.response["id"].clone();
    let second = bed.send(&Asking::other(&body)).whole().completed().says("Yes.");
    assert_eq!(second.response["previous_response_id"], first.response["id"]);
    let ask = bed.fake.ask(1);
    let said: Vec<&str> = ask
        .messages()
        .iter()
        .filter(|message| message["role"] != "system")
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["How are you?", "I am fine.", "Really?"]);
}

#[test]
fn an_unknown_response_is_a_clear_error() {
    let bed = Bed::new();
    let mut body = stored("Really?");
    body["previous_response_id"] = "resp_never".into();
    let stream = bed.send(&Asking::other(&body));
    let (status, text) = (stream.status, stream.text());
    assert!(
        [200, 400, 404].contains(&status) && text.contains("resp_never") && !text.contains("response.completed"),
        "{text}"
    );
    assert_eq!(bed.fake.asks().len(), 0);
}

#[test]
fn a_stored_response_can_be_read_and_deleted() {
    let bed = Bed::of(Reply::new().text("Hi.").done());
    let answer = bed.send(&Asking::other(&stored("Hello?"))).whole().completed();
    let path = format!("/v1/responses/{}", answer.response["id"].as_str().unwrap());
    let got = bed.send(&Asking::to("GET", &path));
    assert_eq!(got.status, 200);
    assert_eq!(got.json(), answer.response);
    let deleted = bed.send(&Asking::to("DELETE", &path));
    assert_eq!(deleted.status, 200);
    assert_eq!(deleted.json()["deleted"], true);
    for method in ["GET", "DELETE"] {
        let gone = bed.send(&Asking::to(method, &path));
        assert_eq!(gone.status, 404, "{method}");
        assert!(gone.json()["error"]["message"].is_string());
    }
}

/// Codex says `store:false`.
#[test]
fn what_is_not_to_be_kept_is_not() {
    let bed = Bed::of(Reply::new().text("Hi.").done());
    let answer = bed.answer("Hello?").completed();
    let path = format!("/v1/responses/{}", answer.response["id"].as_str().unwrap());
    assert_eq!(bed.send(&Asking::to("GET", &path)).status, 404);
}

#[test]
fn no_two_things_have_the_same_id() {
    let bed = Bed::new();
    let mut ids = Vec::new();
    for _ in 0..8 {
        bed.fake.will(Reply::new().thinking("Hm.").text("Hi.").call("exec_command", json!({"cmd": "ls"})).done());
        let answer = bed.answer("Hello?").completed();
        ids.push(answer.response["id"].clone());
        for item in answer.response["output"].as_array().unwrap() {
            ids.extend([&item["id"], &item["call_id"]].into_iter().filter(|id| id.is_string()).cloned());
        }
    }
    let all = ids.len();
    let mut ids: Vec<String> = ids.iter().map(Value::to_string).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), all), (8 * 5, 8 * 5));
}

/// All else is Ollama's own business.
#[test]
fn other_paths_pass_through() {
    let bed = Bed::new();
    for (path, word) in
        [("/", "Ollama is running"), ("/api/version", "0.33.0"), ("/api/tags", MODEL), ("/v1/models", MODEL)]
    {
        let stream = bed.send(&Asking::to("GET", path));
        assert_eq!(stream.status, 200, "{path}");
        assert!(stream.text().contains(word), "{path}");
    }
    assert_eq!(bed.send(&Asking::to("GET", "/api/nothing")).status, 404);
    bed.fake.will(Reply::new().text("One").hold("one").text(" two.").done());
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "Count."}]});
    let stream = bed.send(&Asking::other(&body).at("/api/chat"));
    assert!(stream.head.contains("content-type: application/x-ndjson"), "{}", stream.head);
    bed.fake.held("one");
    bed.fake.release("one");
    assert_eq!(stream.text().lines().count(), 3);
    assert_eq!(bed.fake.ask(0).body, body);
}

#[test]
fn somebody_who_asks_how_it_is_is_told() {
    let bed = Bed::new();
    let health = bed.send(&Asking::to("GET", "/__health")).json();
    assert!(health.to_string().contains(&bed.fake.address.to_string()), "{health}");
    assert!(health.to_string().contains(env!("CARGO_PKG_VERSION")), "{health}");
    bed.fake.will(Reply::new().text("Hi.").done());
    bed.answer("Hello?").completed();
    let metrics = bed.send(&Asking::to("GET", "/metrics")).text();
    assert!(metrics.lines().any(|line| line.starts_with("# TYPE ")), "{metrics}");
    assert!(!metrics.contains("Hello"), "{metrics}");
}

/// One line an exchange, for a person.
#[test]
fn each_exchange_is_one_line() {
    let mut bed = Bed::of(Reply::new().text("Hi.").done());
    bed.answer("s3cret").completed();
    let line = bed.forward.wait_until("the line of the exchange", std::time::Duration::from_secs(8), |line| {
        line.text.contains("INFO") && line.text.contains(MODEL)
    });
    assert!(!line.text.contains("s3cret"), "{}", line.text);
}

fn stored(text: &str) -> Value {
    let mut body = question("");
    body["store"] = json!(true);
    body["input"] = json!([user(text)]);
    body
}
