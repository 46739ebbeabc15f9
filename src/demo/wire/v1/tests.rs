//! Requests as clients write them, and answers as bytes; the order of chunks is asserted over sockets, in `tests/demo`.

use super::*;
use crate::demo::model::{Ended, Role};
use crate::demo::tools::Call;

#[test]
fn streams_only_when_told_to() {
    let stream = |rest: &str| {
        chat(format!(r#"{{"messages":[{{"role":"user","content":"hi"}}]{rest}}}"#).as_bytes()).unwrap().stream
    };
    assert!(!stream(""));
    assert!(stream(r#","stream":true"#));
}

#[test]
fn parts_are_joined_and_images_passed_over() {
    let asked = conversation(
        r#"[{"role":"user","content":[{"type":"text","text":"one"},
        {"type":"image_url","image_url":{"url":"data:"}},{"type":"text","text":"two"}]}]"#,
    );
    assert_eq!(asked.turns[0].text, "one\ntwo");
    assert_eq!(asked.turns[0].role, Role::User);
}

#[test]
fn a_call_of_the_past_needs_no_content() {
    let asked = conversation(
        r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}]"#,
    );
    assert_eq!(asked.turns[0].text, "");
}

#[test]
fn what_ollama_refuses_is_refused() {
    for (body, says) in [
        ("", "missing request body"),
        ("nonsense", "expected"),
        (r#"{"messages":[]}"#, "too short"),
        (r#"{"messages":[{"role":"user"}]}"#, "invalid message content"),
        (r#"{"messages":[{"role":"user","content":7}]}"#, "Content"),
        (r#"{"messages":[{"role":"user","content":[{"type":"input_file"}]}]}"#, "Content"),
        (
            r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"[]"}}]}]}"#,
            "invalid tool call arguments",
        ),
        (r#"{"messages":[{"role":"user","content":""}],"reasoning_effort":"huge"}"#, "invalid reasoning value"),
    ] {
        let refusal = chat(body.as_bytes()).unwrap_err();
        assert_eq!(refusal.status(), 400);
        assert!(refusal.to_string().contains(says), "{body}: {refusal}");
    }
}

#[test]
fn an_effort_asks_for_thinking() {
    for (field, expected) in [
        (r#""reasoning_effort":"low""#, true),
        (r#""reasoning":{"effort":"high"}"#, true),
        (r#""reasoning_effort":"none""#, false),
        (r#""reasoning":{}"#, false),
    ] {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}}],{field}}}"#);
        let Work::Answer(_, asked) = chat(body.as_bytes()).unwrap().work else { unreachable!() };
        assert_eq!(asked.thinks, expected, "{field}");
    }
}

#[test]
fn a_finish_names_its_reason() {
    let call = || Piece::Call(Call { id: String::new(), name: String::new(), arguments: Map::new() });
    let text = || Piece::Text(String::new());
    for (piece, ended, reason) in [
        (text(), Ended::Stop, "stop"),
        (call(), Ended::Stop, "tool_calls"),
        (text(), Ended::Length, "length"),
        (call(), Ended::Length, "length"),
    ] {
        assert_eq!(finish_reason(&Answer { pieces: vec![piece], ended, prompt_count: 1 }), reason);
    }
}

#[test]
fn a_whole_answer_has_message_and_usage() {
    let pieces = vec![Piece::Thinking("hm".to_owned()), Piece::Text("a".to_owned()), Piece::Text(" b".to_owned())];
    let answer = Answer { pieces, ended: Ended::Stop, prompt_count: 2 };
    assert_eq!(
        String::from_utf8(whole(Head { serial: 5, created: 7 }, &answer)).unwrap(),
        concat!(
            r#"{"id":"chatcmpl-5","object":"chat.completion","created":7,"model":"demo:latest","system_fingerprint":"fp_ollama","#,
            r#""choices":[{"index":0,"message":{"role":"assistant","content":"a b","reasoning":"hm"},"finish_reason":"stop"}],"#,
            r#""usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}}"#,
            "\n"
        )
    );
}

#[test]
fn a_response_format_becomes_a_form() {
    for (format, form) in [
        ("null", None),
        (r#"{"type":"text"}"#, None),
        (r#"{"type":"json_object"}"#, Some(Value::Null)),
        (
            r#"{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"array"}}}"#,
            Some(serde_json::json!({"type": "array"})),
        ),
    ] {
        let body =
            format!(r#"{{"model":"demo","messages":[{{"role":"user","content":"x"}}],"response_format":{format}}}"#);
        let Work::Answer(_, conversation) = chat(body.as_bytes()).unwrap().work else { panic!("{body}") };
        assert_eq!(conversation.form, form, "{body}");
    }
}

fn conversation(messages: &str) -> Conversation {
    let Work::Answer(_, conversation) = chat(format!(r#"{{"messages":{messages}}}"#).as_bytes()).unwrap().work else {
        unreachable!("this endpoint always answers");
    };
    conversation
}
