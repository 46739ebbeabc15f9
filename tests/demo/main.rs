//! The demo over real sockets, asserted on bytes. Needs nothing but loopback.
//! Answers are compared with captures of a real Ollama; what "the same" means is in `shape`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod shape;
mod support;

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use support::{Demo, SLOWLY, body, head};

#[test]
fn text_over_api_chat_has_ollamas_shape() {
    check_shape("text.api_chat", "/api/chat", r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#);
}

#[test]
fn text_over_v1_chat_has_ollamas_shape() {
    check_shape("text.v1_chat", "/v1/chat/completions", &v1(r#"{"role":"user","content":"hi"}"#, ""));
}

#[test]
fn a_call_over_api_chat_has_ollamas_shape() {
    let request =
        format!(r#"{{"model":"demo","messages":[{{"role":"user","content":"run `ls -la`"}}],"tools":{TOOLS}}}"#);
    check_shape("tool.api_chat", "/api/chat", &request);
}

#[test]
fn a_call_over_v1_chat_has_ollamas_shape() {
    let request = v1(r#"{"role":"user","content":"run `ls -la`"}"#, &format!(r#","tools":{TOOLS}"#));
    check_shape("tool.v1_chat", "/v1/chat/completions", &request);
}

#[test]
fn thinking_has_ollamas_shape() {
    let request = r#"{"model":"demo","messages":[{"role":"user","content":"hi"}],"think":true}"#;
    check_shape("think_text.api_chat", "/api/chat", request);
    let request = v1(r#"{"role":"user","content":"hi"}"#, r#","reasoning_effort":"low""#);
    check_shape("think_text.v1_chat", "/v1/chat/completions", &request);
}

#[test]
fn a_cut_answer_has_ollamas_shape() {
    let request = r#"{"model":"demo","messages":[{"role":"user","content":"hi"}],"options":{"num_predict":2}}"#;
    check_shape("length.api_chat", "/api/chat", request);
    let request = v1(r#"{"role":"user","content":"hi"}"#, r#","max_tokens":2"#);
    check_shape("length.v1_chat", "/v1/chat/completions", &request);
}

#[test]
fn every_record_is_a_chunk_of_its_own() {
    let demo = Demo::start();
    let answer = demo.post("/api/chat", r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#);
    let chunks = shape::chunks(body(&answer));
    assert!(chunks.len() > 10, "{answer}");
    for chunk in chunks {
        assert_eq!(chunk.matches('\n').count(), 1, "{chunk:?}");
    }
}

#[test]
fn a_tool_round_ends_in_prose_that_quotes_the_result() {
    let demo = Demo::start();
    let request = format!(
        r#"{{"model":"demo","stream":false,"tools":{TOOLS},"messages":[{{"role":"user","content":"run `ls -la`"}},
        {{"role":"assistant","content":"","tool_calls":[{{"function":{{"name":"exec_command","arguments":{{"cmd":"ls -la"}}}}}}]}},
        {{"role":"tool","tool_name":"exec_command","content":"total 8\nCargo.toml"}}]}}"#
    );
    let answer = demo.post("/api/chat", &request);
    assert!(head(&answer).contains("Content-Type: application/json; charset=utf-8\r\n"), "{answer}");
    assert!(body(&answer).contains(r"begins:\n\ntotal 8\nCargo.toml"), "{answer}");
}

/// In the words of `ollama-forward --translate`.
#[test]
fn what_the_bridge_asks_is_answered() {
    let ask = |messages: &str, rest: &str| {
        let request = format!(
            r#"{{"model":"demo:latest","stream":true,"truncate":false,"think":true,"options":{{"num_predict":500,"num_ctx":8192}},"messages":[{{"role":"system","content":"You are a coding agent."}},{{"role":"user","content":"<environment_context>run it</environment_context>"}},{messages}]{rest}}}"#
        );
        Demo::start().post("/api/chat", &request)
    };
    let tools = format!(r#","tools":{TOOLS}"#);
    let run = r#"{"role":"user","content":"run `pwd`"}"#;
    let answer = ask(run, &tools);
    assert!(answer.contains(r#""name":"exec_command","arguments":{"cmd":"pwd"}"#), "{answer}");
    let done = r#",{"role":"assistant","content":"","thinking":"hm","tool_calls":[{"id":"call_1","function":{"name":"exec_command","arguments":{"cmd":"pwd"}}}]},{"role":"tool","content":"/home","tool_call_id":"call_1","tool_name":"exec_command"}"#;
    let answer = ask(&format!("{run}{done}"), &tools);
    assert!(answer.contains("/home") && !answer.contains("tool_calls"), "{answer}");
    let format =
        r#","format":{"type":"object","properties":{"title":{"type":"string","maxLength":36}},"required":["title"]}"#;
    let answer = ask(run, format);
    assert!(answer.contains(r#"{\"title\":\"run"#) && answer.contains(r#"`pwd`\"}"#), "{answer}");
}

#[test]
fn content_parts_are_for_v1_only() {
    let demo = Demo::start();
    let parts = r#"{"role":"user","content":[{"type":"text","text":"part one"}]}"#;
    let answer = demo.post("/v1/chat/completions", &format!(r#"{{"model":"demo","messages":[{parts}]}}"#));
    assert!(body(&answer).contains("part one"), "{answer}");
    check_refused(&demo.post("/api/chat", &format!(r#"{{"model":"demo","messages":[{parts}]}}"#)), 400, "invalid type");
}

#[test]
fn generate_streams_responses() {
    let demo = Demo::start();
    let answer = demo.post("/api/generate", r#"{"model":"demo","prompt":"hi"}"#);
    assert!(head(&answer).contains("Content-Type: application/x-ndjson\r\n"), "{answer}");
    assert!(body(&answer).contains(r#""response":"This","done":false}"#), "{answer}");
    assert!(body(&answer).contains(r#""response":"","done":true,"done_reason":"stop","total_duration":"#), "{answer}");
}

#[test]
fn loading_and_unloading_show_in_ps() {
    let demo = Demo::start();
    assert_eq!(body(&demo.get("/api/ps")), r#"{"models":[]}"#);
    let loaded = demo.post("/api/chat", r#"{"model":"demo","messages":[]}"#);
    assert!(body(&loaded).ends_with(r#""done":true,"done_reason":"load"}"#), "{loaded}");
    assert!(body(&demo.get("/api/ps")).contains("demo:latest"));
    let unloaded = demo.post("/api/generate", r#"{"model":"demo","keep_alive":0}"#);
    assert!(body(&unloaded).ends_with(r#""response":"","done":true,"done_reason":"unload"}"#), "{unloaded}");
    assert_eq!(body(&demo.get("/api/ps")), r#"{"models":[]}"#);
}

#[test]
fn the_quiet_endpoints_answer() {
    let demo = Demo::start();
    assert_eq!(body(&demo.get("/")), "Ollama is running");
    assert_eq!(body(&demo.get("/api/version")), r#"{"version":"0.33.0-demo"}"#);
    assert!(body(&demo.get("/api/tags")).starts_with(r#"{"models":[{"name":"demo:latest","#));
    assert!(
        body(&demo.get("/v1/models")).starts_with(r#"{"object":"list","data":[{"id":"demo:latest","object":"model","#)
    );
    assert!(body(&demo.get("/v1/models/demo")).starts_with(r#"{"id":"demo:latest","#));
    assert!(
        body(&demo.post("/api/show", r#"{"model":"demo"}"#))
            .contains(r#""capabilities":["completion","tools","thinking"]"#)
    );
}

#[test]
fn head_has_a_length_and_no_body() {
    let answer = Demo::start().ask("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(head(&answer).starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(head(&answer).to_lowercase().contains("content-length: 17\r\n"), "{answer}");
    assert_eq!(body(&answer), "");
}

#[test]
fn what_cannot_be_answered_says_why() {
    let demo = Demo::start();
    check_refused(&demo.get("/api/nothing"), 404, "404 page not found");
    check_refused(&demo.get("/api/chat"), 405, "405 method not allowed");
    check_refused(&demo.post("/api/chat", "{"), 400, r#"{"error":"EOF while parsing"#);
    check_refused(&demo.post("/api/chat", ""), 400, r#"{"error":"missing request body"}"#);
    let unknown = r#"{"model":"qwen3","messages":[{"role":"user","content":"hi"}]}"#;
    check_refused(&demo.post("/api/chat", unknown), 404, r#"{"error":"model 'qwen3' not found"}"#);
    let envelope =
        r#"{"error":{"message":"model 'qwen3' not found","type":"not_found_error","param":null,"code":null}}"#;
    check_refused(&demo.post("/v1/chat/completions", unknown), 404, envelope);
    check_refused(&demo.post("/v1/chat/completions", "{"), 400, r#""type":"invalid_request_error""#);
}

#[test]
fn a_body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let length = (32 << 20) + 1;
    let answer = Demo::start().ask(&format!("POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"));
    check_refused(&answer, 413, r#"{"error":"request body is larger than 32 MiB"}"#);
}

#[test]
fn a_chunked_body_is_refused_when_it_becomes_too_large() {
    let length = (32 << 20) + 1;
    let mut request =
        format!("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n");
    request.extend(std::iter::repeat_n(' ', length));
    check_refused(&Demo::start().ask(&request), 413, r#""type":"api_error""#);
}

#[test]
fn ids_differ_between_answers() {
    let demo = Demo::start();
    let id = || {
        let answer = demo.post(
            "/v1/chat/completions",
            &v1(r#"{"role":"user","content":"run `ls`"}"#, &format!(r#","tools":{TOOLS}"#)),
        );
        let start = answer.find("call_").unwrap();
        answer[start..start + 13].to_owned()
    };
    assert_ne!(id(), id());
}

#[test]
fn a_client_that_closes_its_side_ends_the_answer() {
    let demo = Demo::at(SLOWLY);
    let mut client = demo.begin_chat();
    client.shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains(r#""done":true"#), "{rest}");
}

#[test]
fn an_answer_that_is_not_streamed_takes_its_time_and_ends_with_its_client() {
    let demo = Demo::at(SLOWLY);
    let mut client = demo.connect();
    let request = r#"{"model":"demo","stream":false,"messages":[{"role":"user","content":"hi"}]}"#;
    client.write_all(support::post("/api/chat", request).as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn dropping_serve_ends_every_answer() {
    let mut demo = Demo::at(SLOWLY);
    let mut client = demo.begin_chat();
    demo.stop_serving();
    let mut rest = Vec::new();
    // End of file or a reset: the kernel decides, the answer is over either way.
    match client.read_to_end(&mut rest) {
        Ok(_) => assert!(!rest.ends_with(b"0\r\n\r\n"), "{rest:?}"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let demo = Demo::start();
    let first = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = demo.ask(&format!("{first}{last}"));
    assert!(answer.contains("Ollama is running"), "{answer}");
    assert!(answer.ends_with(r#"{"version":"0.33.0-demo"}"#), "{answer}");
}

const TOOLS: &str = r#"[{"type":"function","function":{"name":"exec_command","parameters":{"type":"object",
    "properties":{"cmd":{"type":"string"},"workdir":{"type":"string"}},"required":["cmd"]}}}]"#;

fn v1(message: &str, rest: &str) -> String {
    format!(
        r#"{{"model":"demo","stream":true,"stream_options":{{"include_usage":true}},"messages":[{message}]{rest}}}"#
    )
}

#[track_caller]
fn check_shape(capture: &str, path: &str, request: &str) {
    let capture = format!("{}/tests/fixtures/ollama-0.33/{capture}.http", env!("CARGO_MANIFEST_DIR"));
    let real = std::fs::read_to_string(capture).unwrap();
    let demo = Demo::start().post(path, request);
    assert_eq!(shape::of(&demo), shape::of(&real), "\n{demo}");
}

#[track_caller]
fn check_refused(answer: &str, status: u16, says: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(body(answer).contains(says), "{answer}");
}
