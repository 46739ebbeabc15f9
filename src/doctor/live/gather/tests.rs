use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::doctor::fake::{Fake, Reply};

/// For what is to end by its deadline: only that one is short.
fn patient() -> Times {
    let long = Duration::from_secs(10);
    Times { small: long, list: long, large: long, demo: long, model: long }
}

fn test(via: Via) -> Ask {
    Ask {
        via,
        api: Api::Ollama,
        translate: None,
        model: None,
        policy: SocketPolicy::default(),
        connect_time: Duration::from_secs(1),
        hide_from_windows: false,
        times: patient(),
    }
}

async fn tested(ask: &Ask) -> Live {
    gather(ask, &|_| {}).await
}

/// Ollama, as far as the test asks it.
fn ollama() -> Fake {
    Fake::new(answer)
}

fn answer(request: &str) -> Reply {
    match request.split(' ').nth(1).unwrap_or_default() {
        "/api/version" => Reply::json(r#"{"version":"0.33.0"}"#),
        "/api/tags" => Reply::json(r#"{"models":[{"name":"qwen3"}]}"#),
        "/api/ps" => Reply::json(r#"{"models":[]}"#),
        "/api/show" => Reply::status("404 Not Found", r#"{"error":"model 'x' not found"}"#),
        "/api/chat" => chat(request),
        _ => Reply::status("404 Not Found", "404 page not found"),
    }
}

/// Three words, or a call of the tool that it was given, or the result of that.
fn chat(request: &str) -> Reply {
    let end = json!({ "done": true, "done_reason": "stop", "eval_count": 3, "eval_duration": 90_000_000 });
    let word = |text: &str| json!({ "message": { "role": "assistant", "content": text }, "done": false });
    let records: Vec<Value> = if request.contains("marmalade-47") {
        vec![word("It is marmalade-47."), end]
    } else if request.contains("\"tools\"") {
        let call =
            json!({ "id": "call_1", "function": { "name": "get_code_word", "arguments": { "topic": "doctor" } } });
        vec![json!({ "message": { "role": "assistant", "content": "", "tool_calls": [call] }, "done": false }), end]
    } else {
        vec![word("one"), word(" two"), word(" three"), end]
    };
    let pieces = records.iter().map(|record| format!("{record}\n").into_bytes()).collect();
    Reply::Slowly { pieces, pause: Duration::from_millis(30), breaks: false }
}

#[track_caller]
fn known<T: Clone + std::fmt::Debug>(fact: &Fact<T>) -> T {
    fact.get().unwrap_or_else(|why| panic!("{why}")).clone()
}

#[track_caller]
fn all_is_well(live: &Live) {
    assert_eq!(known(&live.small).error, None);
    let stream = known(&live.stream);
    assert!(stream.whole && stream.error.is_none(), "{stream:?}");
    let large = known(&live.large);
    assert_eq!((large.stalled, large.error, large.sent > 256 << 10), (false, None, true));
}

#[tokio::test]
async fn a_forward_of_our_own_is_started_tested_and_ended() {
    let fake = ollama();
    let live = tested(&test(Via::Own(fake.address))).await;
    let Some(Through::Started(address)) = live.through else { panic!("{:?}", live.through) };
    assert_ne!(address, fake.address);
    all_is_well(&live);
    assert_eq!(known(&live.stream).model, None);
    assert!(live.tools.get().unwrap_err().en.contains("without --translate"));
    assert!(TcpStream::connect(address).await.is_err(), "it still listens");
    assert!(
        fake.heard().iter().all(|request| !request.contains("/api/chat")),
        "no model is asked without being told to"
    );
}

#[tokio::test]
async fn localhost_that_is_windows_is_tested_directly() {
    let fake = ollama();
    let live = tested(&test(Via::Direct(fake.address))).await;
    assert_eq!(live.through, Some(Through::Direct(fake.address)));
    all_is_well(&live);
}

#[tokio::test]
async fn the_demo_is_asked_for_a_few_words() {
    let live = tested(&test(Via::OwnDemo)).await;
    all_is_well(&live);
    let stream = known(&live.stream);
    assert_eq!(stream.model.as_deref(), Some("demo"));
    assert!(stream.pieces > 10 && stream.spoke_ms.is_some(), "{stream:?}");
}

#[tokio::test]
async fn the_bridge_is_tested_with_a_demo_of_its_own() {
    let fake = ollama();
    let live = tested(&Ask { translate: Some(Settings::default()), ..test(Via::Own(fake.address)) }).await;
    all_is_well(&live);
    assert_eq!(known(&live.tools), Tools { model: None, called: true, answered: true, instead: None });
    assert!(fake.heard().iter().all(|request| !request.contains("get_code_word")), "the real one was asked");
}

#[tokio::test]
async fn a_forward_that_runs_and_translates_is_tested_with_a_bridge_too() {
    let fake = ollama();
    let via = Via::Running { address: fake.address, translates: true, upstream_is_demo: false };
    let live = tested(&test(via)).await;
    assert_eq!(live.through, Some(Through::Running(fake.address)));
    assert_eq!(known(&live.tools).model, None);
    all_is_well(&live);
    assert!(known(&live.tools).answered);
}

#[tokio::test]
async fn a_stream_test_asks_the_model_that_was_named() {
    let fake = ollama();
    let ask = Ask { model: Some("qwen3".into()), translate: Some(Settings::default()), ..test(Via::Own(fake.address)) };
    let live = tested(&ask).await;
    all_is_well(&live);
    let stream = known(&live.stream);
    assert_eq!((stream.model.as_deref(), stream.pieces, stream.spoke_ms), (Some("qwen3"), 4, Some(90)));
    assert_eq!(known(&live.tools), Tools { model: Some("qwen3".into()), called: true, answered: true, instead: None });
    assert!(fake.heard().iter().all(|request| !request.contains("num_ctx")), "it would be loaded anew");
}

#[tokio::test]
async fn where_the_way_in_does_not_translate_a_bridge_of_our_own_stands_before_it() {
    let fake = ollama();
    let running = Via::Running { address: fake.address, translates: false, upstream_is_demo: false };
    for via in [running, Via::Direct(fake.address)] {
        let ask = Ask { model: Some("qwen3".into()), translate: Some(Settings::default()), ..test(via) };
        let tools = known(&tested(&ask).await.tools);
        assert_eq!((tools.model.as_deref(), tools.answered), (Some("qwen3"), true), "{tools:?}");
    }
    assert!(fake.heard().iter().any(|request| request.contains("/api/chat") && request.contains("get_code_word")));
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_told_by_each_test() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let live = tested(&Ask { connect_time: Duration::from_millis(100), ..test(Via::Own(gone)) }).await;
    for error in [known(&live.small).error, known(&live.large).error, known(&live.stream).error] {
        // The forward's own words, with the upstream's address.
        let error = error.unwrap().en;
        assert!(error.contains("HTTP 503: ollama-forward: ") && error.contains(&gone.to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_large_request_that_nobody_takes_is_stalled() {
    let fake = Fake::new(|request| if request.contains("/api/show") { Reply::Deaf } else { answer(request) });
    let times = Times { large: Duration::from_millis(300), ..patient() };
    let live = tested(&Ask { times, ..test(Via::Own(fake.address)) }).await;
    let large = known(&live.large);
    assert_eq!((large.stalled, large.error), (true, None));
    assert_eq!(known(&live.small).error, None);
}

#[tokio::test]
async fn a_large_request_that_breaks_off_is_not_stalled() {
    let fake = Fake::new(|request| if request.contains("/api/show") { Reply::raw("") } else { answer(request) });
    let large = known(&tested(&test(Via::Direct(fake.address))).await.large);
    assert!(!large.stalled && large.error.unwrap().en.contains("broke off"));
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let fake = Fake::always(Reply::raw("SSH-2.0-x\r\n"));
    let live = tested(&test(Via::Direct(fake.address))).await;
    assert!(known(&live.small).error.unwrap().en.contains("not in HTTP"));
    assert!(!known(&live.stream).whole);
}

#[tokio::test]
async fn whoever_never_answers_costs_the_longest_deadline_and_not_their_sum() {
    let fake = Fake::always(Reply::Deaf);
    let second = Duration::from_secs(1);
    let times = Times { small: second, list: second, large: second, demo: second, model: second };
    let begun = clock::now();
    let ask = Ask { times, translate: Some(Settings::default()), ..test(Via::Own(fake.address)) };
    let live = tested(&ask).await;
    let took = clock::now().duration_since(begun);
    assert!(took < second * 19 / 10, "{took:?}");
    assert!(known(&live.small).error.is_some() && !known(&live.stream).whole && known(&live.large).stalled);
    // Which does not need the upstream at all.
    assert!(known(&live.tools).answered);
}
