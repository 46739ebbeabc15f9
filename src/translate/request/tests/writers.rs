//! Bodies, to the byte.

use super::*;
use crate::translate::request::{Body, Prompt, chat, ollama};

fn full() -> Value {
    let parts = json!([{"type": "input_text", "text": "say \"é\"\n"}, image("data:image/png;base64,AAAA")]);
    json!({
        "model": "m:1", "max_output_tokens": 7, "temperature": 0.5, "top_p": 1, "reasoning": {"effort": "none"},
        "input": [{"role": "user", "content": parts}, thought("t"), assistant("a"), call("c\"1", "x"), output("c\"1", "X")],
    })
}

fn with_format() -> Value {
    json!({"model": "m", "input": "hi", "text": {"format": {"type": "json_schema", "schema": {"type": "object"}}}})
}

fn body(write: fn(&Prompt<'_>) -> Body, request: &Value, settings: Settings) -> Body {
    let facts = Facts::default();
    write(&translate(request, &[], &settings, &facts, Telling::Structured).unwrap().prompt)
}

fn text(body: &Body) -> &str {
    str::from_utf8(&body.bytes).unwrap()
}

#[test]
fn ollama_gets_objects_and_bare_images() {
    let body = body(ollama::body, &full(), Settings { num_ctx: Some(4096), ..SETTINGS });
    let expected = concat!(
        r#"{"model":"m:1","messages":[{"role":"user","images":["AAAA"],"content":"say \"é\"\n"},"#,
        r#"{"role":"assistant","thinking":"t","tool_calls":[{"id":"c\"1","function":{"name":"exec_command","#,
        r#""arguments":{"cmd":"x"}}}],"content":"a"},"#,
        r#"{"role":"tool","tool_call_id":"c\"1","tool_name":"exec_command","content":"X"}],"#,
        r#""stream":true,"truncate":false,"think":false,"#,
        r#""options":{"num_ctx":4096,"num_predict":7,"temperature":0.5,"top_p":1.0}}"#,
    );
    assert_eq!(text(&body), expected);
    assert_eq!(body.bytes[body.messages_end], b']');
}

#[test]
fn chat_gets_strings_and_addresses() {
    let body = body(chat::body, &full(), Settings { num_ctx: Some(4096), api: Api::Chat, ..SETTINGS });
    let expected = concat!(
        r#"{"model":"m:1","messages":[{"role":"user","content":[{"type":"text","text":"say \"é\"\n"},"#,
        r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},"#,
        r#"{"role":"assistant","reasoning_content":"t","tool_calls":[{"id":"c\"1","type":"function","#,
        r#""function":{"name":"exec_command","arguments":"{\"cmd\":\"x\"}"}}],"content":"a"},"#,
        r#"{"role":"tool","tool_call_id":"c\"1","content":"X"}],"#,
        r#""stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"none","#,
        r#""max_tokens":7,"temperature":0.5,"top_p":1.0}"#,
    );
    assert_eq!(text(&body), expected);
    assert_eq!(body.bytes[body.messages_end], b']');
}

#[test]
fn what_was_not_asked_for_is_not_set() {
    let asked = request(json!("hi"));
    let messages = r#"{"model":"qwen3:14b","messages":[{"role":"user","content":"hi"}],"stream":true,"#;
    assert_eq!(text(&body(ollama::body, &asked, SETTINGS)), format!("{messages}\"truncate\":false}}"));
    let chat = body(chat::body, &asked, Settings { api: Api::Chat, ..SETTINGS });
    assert_eq!(text(&chat), format!("{messages}\"stream_options\":{{\"include_usage\":true}}}}"));
}

#[test]
fn formats_are_written() {
    let asked = with_format();
    assert!(text(&body(ollama::body, &asked, SETTINGS)).ends_with(r#","format":{"type":"object"}}"#));
    let expected = concat!(
        r#","response_format":{"type":"json_schema","#,
        r#""json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}}"#,
    );
    assert!(text(&body(chat::body, &asked, SETTINGS)).ends_with(expected));
    let mut asked = asked;
    asked["text"]["format"] = json!({"type": "json_object"});
    assert!(text(&body(ollama::body, &asked, SETTINGS)).ends_with(r#","format":"json"}"#));
    assert!(text(&body(chat::body, &asked, SETTINGS)).ends_with(r#","response_format":{"type":"json_object"}}"#));
}

#[test]
fn what_was_said_goes_on_as_the_assistants_beginning() {
    let asked = request(json!("hi"));
    let before = r#"{"model":"qwen3:14b","messages":[{"role":"user","content":"hi"},{"role":"assistant""#;
    for (api, write, thinking, tail) in [
        (Api::Ollama, ollama::body as fn(&Prompt<'_>) -> Body, r#","thinking":"t""#, r#","truncate":false}"#),
        (Api::Chat, chat::body, r#","reasoning_content":"t""#, r#","stream_options":{"include_usage":true}}"#),
    ] {
        let body = body(write, &asked, Settings { api, ..SETTINGS });
        let (with, without) = (body.continued(api, "t", "so \"é"), body.continued(api, "", "so"));
        let tail = format!(r#"],"stream":true{tail}"#);
        assert_eq!(str::from_utf8(&with).unwrap(), format!(r#"{before}{thinking},"content":"so \"é"}}{tail}"#));
        assert_eq!(str::from_utf8(&without).unwrap(), format!(r#"{before},"content":"so"}}{tail}"#));
    }
}

#[test]
fn an_assistants_beginning_goes_on_in_itself() {
    let asked = request(json!([user("hi"), assistant("One, \"two\"")]));
    for (api, write) in [(Api::Ollama, ollama::body as fn(&Prompt<'_>) -> Body), (Api::Chat, chat::body)] {
        let body = body(write, &asked, Settings { api, ..SETTINGS });
        let continued: Value = serde_json::from_slice(&body.continued(api, "", ", \"three\"")).unwrap();
        let messages = continued["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[1], json!({"role": "assistant", "content": "One, \"two\", \"three\""}));
    }
}
