//! Answers of Ollama 0.24 and 0.33, in all languages, good and bad.

use crate::capture::record::{Exchange, Happened, Lane, Message, Moment, Pane, Row, State};
use crate::capture::understand::{row, state, view};

use super::{asked, exchange, fixture, message, recorded, streamed, told};

fn of(target: &str, answer: Message) -> Exchange {
    exchange(Lane::Passed, vec![asked(target, Vec::new(), b"{\"model\":\"m\"}"), answer])
}

#[track_caller]
fn check(http: &[u8], target: &str, items: &[&str], error: Option<&str>) {
    let exchange = of(target, recorded(Pane::ClientResponse, http));
    let view = view(&exchange, None);
    assert_eq!(told(&view.answer), items);
    assert_eq!(view.row.error.map(|error| error.text).as_deref(), error);
}

const LS: &str =
    "call: exec_command {\"kind\":\"command\",\"command\":\"ls\",\"workdir\":null,\"timeout_ms\":null,\"why\":null}";
const ENDLESS: Option<&str> = Some("the stream ended without its last event");
const PARSE: Option<&str> =
    Some("failed to parse JSON: invalid character 'b' looking for beginning of object key string");

#[test]
fn thoughts_and_calls_are_read_in_every_language() {
    let items = ["thought: Let me think.", LS];
    check(fixture!("ollama-0.33/think_tool.api_chat.http"), "/api/chat", &items, None);
    check(fixture!("ollama-0.33/think_tool.v1_chat.http"), "/v1/chat/completions", &items, None);
    check(fixture!("capture/think_tool.v1_responses.http"), "/v1/responses", &items, None);
}

#[test]
fn answers_that_break_off_say_so() {
    check(fixture!("ollama-0.33/error_mid.api_chat.http"), "/api/chat", &["assistant: Some text."], PARSE);
    check(fixture!("ollama-0.33/error_mid.v1_chat.http"), "/v1/chat/completions", &["assistant: Some text."], ENDLESS);
    check(fixture!("capture/error_mid.v1_responses.http"), "/v1/responses", &["assistant: Some text."], ENDLESS);
    check(fixture!("ollama-0.33/eof.api_chat.http"), "/api/chat", &["assistant: Some text"], ENDLESS);
    check(fixture!("ollama-0.33/eof.v1_chat.http"), "/v1/chat/completions", &["assistant: Some text"], ENDLESS);
}

#[test]
fn answers_that_never_began_say_why() {
    check(fixture!("ollama-0.33/error_early.api_chat.http"), "/api/chat", &[], PARSE);
    check(fixture!("ollama-0.33/error_early.v1_chat.http"), "/v1/chat/completions", &[], PARSE);
    let overflow = Some("request (304 tokens) exceeds the available context size (256 tokens), try increasing it");
    check(fixture!("ollama-0.33/overflow_truncate_false.api_chat.http"), "/api/chat", &[], overflow);
}

/// The bridge has to say something to its client: that is no word of the model, and its guess at the tokens no count.
#[test]
fn an_upstream_that_said_nothing_has_no_times_and_no_counts() {
    let asks = Message { pane: Pane::UpstreamRequest, ..asked("/api/chat", Vec::new(), b"{\"model\":\"m\"}") };
    let told = b"data: {\"type\":\"response.created\"}\n\ndata: {\"type\":\"response.failed\"}\n\n";
    let got = streamed(Pane::ClientResponse, "text/event-stream", told);
    let of = |result: &str| {
        let what = Happened::Finished { result: result.into(), code: None, input: Some(10), output: Some(0) };
        let mut exchange = exchange(Lane::Translated, vec![asks.clone(), got.clone()]);
        exchange.moments.push(Moment { at_us: 5, what });
        row(&exchange)
    };
    let failed = of("failed");
    assert_eq!((failed.times.head, failed.times.first_event, failed.tokens.input), (None, None, None));
    assert_eq!(failed.times.end, Some(3000));
    assert_eq!(of("completed").tokens.input, Some(10));
}

#[test]
fn cut_answers_are_incomplete() {
    for (http, target) in [
        (fixture!("ollama-0.33/length.api_chat.http"), "/api/chat"),
        (fixture!("ollama-0.33/length.v1_chat.http"), "/v1/chat/completions"),
    ] {
        let view = view(&of(target, recorded(Pane::ClientResponse, http)), None);
        assert_eq!(told(&view.answer), ["assistant: Truncated"]);
        assert_eq!((view.answer[0].status.as_deref(), view.row.error), (Some("incomplete"), None));
    }
    check(fixture!("capture/length.v1_responses.http"), "/v1/responses", &["assistant: Truncated"], None);
}

#[test]
fn two_calls_are_two_and_have_times() {
    let exchange = of("/api/chat", recorded(Pane::ClientResponse, fixture!("ollama-0.33/two_tools.api_chat.http")));
    let view = view(&exchange, None);
    assert_eq!(view.answer.len(), 2);
    assert!(view.answer.iter().all(|item| item.from_us.is_some() && item.call_id.is_some()));
    assert_eq!(view.row.called.len(), 2);
}

#[test]
fn usage_is_read_in_every_language() {
    for (http, target, exact) in [
        (fixture!("ollama-0.33/think_tool.api_chat.http"), "/api/chat", true),
        (fixture!("ollama-0.33/think_tool.v1_chat.http"), "/v1/chat/completions", false),
        (fixture!("capture/think_tool.v1_responses.http"), "/v1/responses", false),
    ] {
        let tokens = row(&of(target, recorded(Pane::ClientResponse, http))).tokens;
        assert_eq!((tokens.input, tokens.output, tokens.exact), (Some(22), Some(15), exact), "{target}");
    }
}

fn whole(target: &str, body: &str) -> (Row, Vec<String>) {
    let mut answer = streamed(Pane::ClientResponse, "application/json", body.as_bytes());
    answer.pieces.truncate(1);
    let view = view(&of(target, answer), None);
    (view.row, told(&view.answer))
}

#[test]
fn answers_in_one_piece_are_read_in_every_language() {
    let chat = r#"{"choices":[{"message":{"role":"assistant","content":"Hi","reasoning":"Hm","tool_calls":[{"id":"c","function":{"name":"exec_command","arguments":"{\"cmd\":\"ls\"}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}}"#;
    let (row, items) = whole("/v1/chat/completions", chat);
    assert_eq!(items, ["thought: Hm", "assistant: Hi", LS]);
    assert_eq!((row.tokens.input, row.tokens.cached, row.stream), (Some(5), Some(3), false));
    let generate = r#"{"model":"m","response":"Hi","thinking":"Hm","done":true,"prompt_eval_count":5,"eval_count":2,"eval_duration":1000000}"#;
    let (row, items) = whole("/api/generate", generate);
    assert_eq!(items, ["thought: Hm", "assistant: Hi"]);
    assert_eq!((row.tokens.decode_rate, row.tokens.exact), (Some(2000.0), true));
    let responses = r#"{"object":"response","status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi"}]},{"type":"web_search_call","id":"ws","status":"completed","action":{"query":"x"}},{"type":"new_kind","x":1}],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}}"#;
    let (row, items) = whole("/v1/responses", responses);
    assert_eq!(items.len(), 3);
    assert_eq!((items[0].as_str(), row.called.as_slice()), ("assistant: Hi", ["web_search".to_owned()].as_slice()));
    assert!(items[2].starts_with("other: new_kind{"), "{items:?}");
}

#[track_caller]
fn fails(body: &str, text: &str) {
    let answer = streamed(Pane::ClientResponse, "text/event-stream", body.as_bytes());
    assert_eq!(row(&of("/v1/responses", answer)).error.map(|error| error.text).as_deref(), Some(text), "{body}");
}

#[test]
fn failures_in_a_stream_are_told_in_its_own_words() {
    let failed = r#"data: {"type":"response.failed","response":{"error":{"code":"server_error","message":"gone"}}}"#;
    fails(failed, "gone");
    fails(r#"data: {"type":"response.failed","response":{"error":{"code":"slow_down"}}}"#, "slow_down");
    let incomplete =
        r#"data: {"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#;
    fails(incomplete, "incomplete: max_output_tokens");
    fails("event: error\ndata: {\"type\":\"error\",\"message\":\"no\"}", "no");
    fails("data: {\"error\":{\"message\":\"bad\"}}", "bad");
}

#[test]
fn a_download_s_progress_has_no_last_event() {
    let lines = b"{\"status\":\"pulling\"}\n{\"status\":\"success\"}\n";
    let answer = streamed(Pane::ClientResponse, "application/x-ndjson", lines);
    let view = view(&of("/api/pull", answer), None);
    assert_eq!((view.row.error, view.streams[0].events.len(), view.answer.len()), (None, 2, 0));
}

#[test]
fn a_refusal_is_an_answer() {
    let body = concat!(
        "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\",\"id\":\"m\",\"role\":\"assistant\",\"content\":[]}}\n\n",
        "data: {\"type\":\"response.refusal.delta\",\"item_id\":\"m\",\"delta\":\"I will \"}\n\n",
        "data: {\"type\":\"response.refusal.delta\",\"item_id\":\"m\",\"delta\":\"not\"}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n"
    );
    let view = view(&of("/v1/responses", streamed(Pane::ClientResponse, "text/event-stream", body.as_bytes())), None);
    assert_eq!(told(&view.answer), ["refusal: I will not"]);
    assert_eq!(view.row.text.as_deref(), Some("I will not"));
}

#[test]
fn calls_in_pieces_are_put_together_by_their_index() {
    let chunk =
        |calls: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{calls}]}}}}]}}\n\n");
    let body = [
        chunk(r#"{"index":0,"id":"a","function":{"name":"exec_command","arguments":"{\"cmd\":"}}"#),
        chunk(r#"{"index":1,"id":"b","function":{"name":"exec_command","arguments":""}}"#),
        chunk(r#"{"index":0,"function":{"arguments":"\"ls\"}"}}"#),
        chunk(r#"{"index":1,"function":{"arguments":"{\"cmd\":\"ls\"}"}}"#),
        chunk(r#"{"index":1,"id":"c","function":{"name":"exec_command","arguments":"{\"cmd\":\"ls\"}"}}"#),
        "data: [DONE]\n\n".to_owned(),
    ];
    let answer = streamed(Pane::ClientResponse, "text/event-stream", body.concat().as_bytes());
    let view = view(&of("/v1/chat/completions", answer), None);
    assert_eq!(told(&view.answer), [LS, LS, LS]);
    assert_eq!(view.streams[0].events.last().unwrap().name, "[DONE]");
}

#[test]
fn the_last_attempt_counts_and_the_others_stay_visible() {
    let answer = |attempt, text: &str| {
        let body = format!("{{\"message\":{{\"content\":\"{text}\"}},\"done\":{}}}\n", attempt == 1);
        Message { attempt, ..streamed(Pane::UpstreamResponse, "application/x-ndjson", body.as_bytes()) }
    };
    let mut exchange = of("/v1/responses", answer(0, "bro"));
    exchange.lane = Lane::Translated;
    exchange.messages.push(answer(1, "broken and whole"));
    exchange.messages.push(message(Pane::ClientResponse, b"data: {\"type\":\"response.created\"}\n\n"));
    let view = view(&exchange, None);
    assert_eq!(told(&view.upstream_answer), ["assistant: broken and whole"]);
    assert_eq!((view.streams.len(), view.streams[0].events[0].text.as_str()), (3, "bro"));
}

#[track_caller]
fn is_at(messages: Vec<Message>, moments: Vec<Happened>, expected: State) {
    let moments = moments.into_iter().map(|what| Moment { at_us: 0, what }).collect();
    let exchange = Exchange { state: State::Waiting, lane: Lane::Translated, messages, moments, ..Exchange::default() };
    assert_eq!(state(&exchange), expected);
}

#[test]
fn an_exchange_that_is_under_way_is_where_its_last_words_are() {
    let request = || asked("/v1/responses", Vec::new(), b"{}");
    let sent = || Message { ended_us: Some(5), ..message(Pane::UpstreamRequest, b"{}") };
    let connected = || Happened::Connected { to: "x".into(), fresh: true };
    let heartbeat = || message(Pane::ClientResponse, b"data: {\"type\":\"response.in_progress\"}\n\n");
    is_at(vec![request()], vec![], State::Waiting);
    is_at(vec![request(), sent(), heartbeat()], vec![connected()], State::Prefill);
    is_at(vec![request(), sent()], vec![connected(), Happened::Loading], State::Loading);
    let said = |body: &str| streamed(Pane::UpstreamResponse, "application/x-ndjson", body.as_bytes());
    let thought = "{\"message\":{\"content\":\"\",\"thinking\":\"a\"},\"done\":false}\n";
    let word = "{\"message\":{\"content\":\"a\"},\"done\":false}\n";
    let call = "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"a\",\"arguments\":{}}}]},\"done\":false}\n";
    is_at(vec![request(), said("")], vec![Happened::Loading], State::Prefill);
    is_at(vec![request(), said(thought)], vec![], State::Thinking);
    is_at(vec![request(), said(&[thought, word].concat())], vec![], State::Answering);
    is_at(vec![request(), said(&[word, call].concat())], vec![], State::Tool);
    is_at(vec![request(), said(&[thought, word, "{\"mess"].concat())], vec![], State::Answering);
    let long = [word.repeat(10_000).as_str(), thought].concat();
    is_at(vec![request(), said(&long)], vec![], State::Thinking);
}

#[test]
fn what_is_over_stays_over() {
    let mut exchange = of("/api/chat", message(Pane::ClientResponse, b""));
    exchange.state = State::Aborted;
    assert_eq!(state(&exchange), State::Aborted);
    let text = row(&exchange).error.map(|error| error.text);
    assert_eq!(text.as_deref(), Some("the client left before the answer was complete"));
    exchange.moments.push(Moment {
        at_us: 1,
        what: Happened::Fault { id: Some("E-UPSTREAM-REFUSED".into()), text: "cannot connect".into() },
    });
    let view = view(&exchange, None);
    assert_eq!(view.row.error.unwrap().id.as_deref(), Some("E-UPSTREAM-REFUSED"));
    assert_eq!(view.hints[0].id, "refused");
}
