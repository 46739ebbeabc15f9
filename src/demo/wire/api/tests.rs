//! Requests as clients write them, and records as bytes; the order of events is asserted over sockets, in `tests/demo`.

use super::*;
use std::time::UNIX_EPOCH;

#[test]
fn streams_unless_told_not_to() {
    let stream = |body: &str| chat(body.as_bytes()).unwrap().stream;
    assert!(stream("{}"));
    assert!(stream(r#"{"stream":null}"#));
    assert!(!stream(r#"{"stream":false}"#));
}

#[test]
fn no_messages_means_load() {
    for body in [r#"{"model":"demo"}"#, r#"{"messages":[]}"#, r#"{"messages":null}"#] {
        assert!(matches!(chat(body.as_bytes()).unwrap().work, Work::Load(Shape::Chat)), "{body}");
    }
    for body in ["{}", r#"{"prompt":""}"#, r#"{"prompt":null,"system":"be brief"}"#] {
        assert!(matches!(generate(body.as_bytes()).unwrap().work, Work::Load(Shape::Generate)), "{body}");
    }
}

#[test]
fn a_request_becomes_a_conversation() {
    let asked = chat(br#"{"model":"demo","messages":[{"role":"system","content":null},{"role":"User","content":"hi"},
        {"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"x":1}}}]},{"role":"tool","content":"out","tool_name":"f"}],
        "tools":[{"type":"function","function":{"name":"f"}},{"type":"custom"}],"think":"low","options":{"num_predict":3,"seed":1}}"#).unwrap();
    let Work::Answer(Dialect::Api(Shape::Chat), conversation) = asked.work else {
        panic!("{asked:?}");
    };
    let roles: Vec<Role> = conversation.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool]);
    assert_eq!((conversation.tools.len(), conversation.thinks, conversation.limit), (1, true, Some(3)));
}

#[test]
fn a_format_becomes_a_form() {
    for (format, form) in [
        ("null", None),
        (r#""""#, None),
        (r#""json""#, Some(Value::Null)),
        (r#"{"type":"array"}"#, Some(serde_json::json!({"type": "array"}))),
    ] {
        let body = format!(r#"{{"model":"demo","messages":[{{"role":"user"}}],"format":{format}}}"#);
        let Work::Answer(_, conversation) = chat(body.as_bytes()).unwrap().work else { panic!("{body}") };
        assert_eq!(conversation.form, form, "{body}");
    }
}

#[test]
fn what_ollama_refuses_is_refused() {
    for body in [
        "",
        "{",
        "[]",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#,
        r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]}"#,
        r#"{"think":"xhigh"}"#,
        r#"{"think":1}"#,
        r#"{"messages":[{"role":"user"}],"format":"xml"}"#,
        r#"{"messages":[{"role":"user"}],"format":[]}"#,
        r#"{"keep_alive":"soon"}"#,
    ] {
        assert_eq!(chat(body.as_bytes()).unwrap_err().status(), 400, "{body}");
    }
}

#[test]
fn times_have_nanoseconds() {
    assert_eq!(rfc3339(UNIX_EPOCH + Duration::new(1_795_223_691, 40_018_281)), "2026-11-21T01:14:51.040018281Z");
}

#[test]
fn generate_has_its_text_in_response() {
    let record = piece(Shape::Generate, &Piece::Thinking("hm".to_owned()), UNIX_EPOCH);
    let expected = r#"{"model":"demo:latest","created_at":"1970-01-01T00:00:00.000000000Z","response":"","thinking":"hm","done":false}"#;
    assert_eq!(String::from_utf8(record).unwrap(), format!("{expected}\n"));
}

#[test]
fn a_load_has_a_reason_and_no_figures() {
    let record = String::from_utf8(loaded(Shape::Chat, "load", UNIX_EPOCH)).unwrap();
    assert!(
        record.ends_with(r#""message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}"#),
        "{record}"
    );
}
