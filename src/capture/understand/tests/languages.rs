//! Requests in the other languages, and what a row says of any exchange.

use serde_json::{Value, json};

use crate::capture::ExchangeId;
use crate::capture::record::{Api, Exchange, Happened, Lane, Level, Moment, NoteKind, Pane, State};
use crate::capture::understand::{row, view};
use crate::capture::view::{ItemKind, Part};

use super::{asked, codex, exchange, message, streamed, told};

fn of(target: &str, body: &Value) -> Exchange {
    exchange(Lane::Passed, vec![asked(target, Vec::new(), body.to_string().as_bytes())])
}

#[test]
fn a_chat_is_told_message_by_message() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"}});
    let body = json!({"model": "m", "temperature": 0.5, "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}]},
        {"role": "assistant", "content": "so", "reasoning": "hm", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
    ], "tools": [{"type": "function", "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}}}]});
    let view = view(&of("/v1/chat/completions", &body), None);
    assert_eq!(
        told(&view.conversation),
        [
            "system: be brief",
            "user: hi|<data:image/png>",
            "thought: hm",
            "assistant: so",
            "call: add {\"kind\":\"tool\",\"arguments\":{\"a\":1}}",
            "output: add1"
        ]
    );
    assert_eq!(view.conversation[4].output, Some(vec![Part::Text { text: "1".into() }]));
    assert_eq!((view.row.api, view.row.messages, view.row.tools, view.row.system_chars), (Api::Chat, 4, 1, 8));
    assert_eq!((view.row.user.as_deref(), view.row.images), (Some("hi"), 1));
    assert_eq!((view.tools[0].description.as_str(), view.tools[0].called), ("adds", 1));
    assert_eq!(view.parameters, json!({"model": "m", "temperature": 0.5}));
}

#[test]
fn ollama_s_own_chat_joins_outputs_by_name_where_it_has_no_ids() {
    let call = |name: &str| json!({"function": {"name": name, "arguments": {"a": 1}}});
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "look", "images": ["/9j/4AAQ"]},
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [call("add"), call("sub"), call("add")]},
        {"role": "tool", "tool_name": "sub", "content": "second"},
        {"role": "tool", "tool_name": "add", "content": "first"},
    ]});
    let view = view(&of("/api/chat", &body), None);
    let outputs: Vec<bool> = view.conversation.iter().map(|item| item.output.is_some()).collect();
    assert_eq!(outputs, [false, false, true, true, false, false, false]);
    assert!(
        matches!(&view.conversation[0].parts[1], Part::Image { url, .. } if url == "data:image/jpeg;base64,/9j/4AAQ")
    );
    assert_eq!(view.row.api, Api::OllamaChat);
}

#[test]
fn a_prompt_is_a_conversation_too() {
    let body = json!({"model": "m", "system": "be brief", "prompt": "hi", "images": ["iVBO"], "options": {"seed": 1}});
    let view = view(&of("/api/generate", &body), None);
    assert_eq!(told(&view.conversation), ["system: be brief", "user: hi|<data:image/png>"]);
    assert_eq!((view.row.api, view.row.messages, view.row.user.as_deref()), (Api::OllamaGenerate, 1, Some("hi")));
    assert_eq!(view.conversation[1].at, "prompt");
}

#[test]
fn items_of_every_kind_of_the_responses_api_are_read() {
    let body = json!({"model": "m", "instructions": "be brief", "input": [
        {"type": "local_shell_call", "call_id": "l", "action": {"type": "exec", "command": ["bash", "-lc", "ls"], "timeout_ms": 5}},
        {"type": "local_shell_call_output", "call_id": "l", "output": "a"},
        {"type": "mcp_call", "id": "m", "name": "add", "server_label": "tiny", "arguments": "{}", "output": "3"},
        {"type": "tool_search_call", "call_id": "t", "arguments": {"query": "x"}},
        {"type": "tool_search_output", "call_id": "t", "tools": [{"type": "function", "name": "found"}]},
        {"type": "additional_tools", "role": "developer", "tools": [
            {"type": "namespace", "name": "functions", "tools": [{"type": "function", "name": "exec"}]}]},
        {"type": "compaction", "encrypted_content": "abc"},
        {"type": "image_generation_call", "id": "i", "result": "iVBO"},
        {"type": "reasoning", "summary": [], "encrypted_content": "sealed"},
        {"type": "custom_tool_call", "call_id": "x", "name": "exec", "input": "text('a')"},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"type": "something_new", "x": 1},
        "bare", 7,
    ]});
    let view = view(&of("/v1/responses", &body), None);
    let lines = told(&view.conversation);
    assert_eq!(
        lines,
        [
            "system: be brief",
            "call: local_shell {\"kind\":\"command\",\"command\":\"ls\",\"workdir\":null,\"timeout_ms\":5,\"why\":null}",
            "output: local_shella",
            "call: tiny.add {\"kind\":\"tool\",\"arguments\":{}}",
            "call: tool_search {\"kind\":\"tool\",\"arguments\":{\"query\":\"x\"}}",
            "output: tool_search{\"name\":\"found\",\"type\":\"function\"}",
            "other: additional_tools{\"role\":\"developer\",\"tools\":[{\"name\":\"fu",
            "compaction: {\"encrypted_content\":\"abc\",\"type\":\"compa",
            "call: image_generation {\"kind\":\"tool\",\"arguments\":null}",
            "thought: {\"encrypted_content\":\"sealed\"}",
            "call: exec {\"kind\":\"tool\",\"arguments\":\"text('a')\"}",
            "refusal: no",
            "other: something_new{\"type\":\"something_new\",\"x\":1}",
            ": bare",
            "other: 7",
        ]
    );
    assert!(view.conversation[3].output.is_some() && view.conversation[8].output.is_some());
    assert_eq!((view.tools.len(), view.tools[0].name.as_str(), view.row.tools), (1, "functions.exec", 1));
}

#[test]
fn a_replay_knows_what_it_repeats() {
    let id = ExchangeId::after(None, 1_764_352_000_123);
    let headers = |value: String| vec![("X-Ollama-Forward-Replay".to_owned(), value)];
    let of = |value: String| row(&exchange(Lane::Passed, vec![asked("/api/chat", headers(value), b"{}")])).replay_of;
    assert_eq!(of(id.to_string()), Some(id));
    assert_eq!(of("../etc".into()), None);
}

#[test]
fn what_happened_beside_bytes_is_counted() {
    let note = |kind| Happened::Note { kind, at: None, text: "x".into() };
    let mut exchange = of("/v1/responses", &json!({}));
    exchange.moments = [
        note(NoteKind::Dropped),
        note(NoteKind::Dropped),
        note(NoteKind::Renamed),
        note(NoteKind::Repaired),
        note(NoteKind::Recovered),
        note(NoteKind::Model),
        Happened::Again { why: "reset".into() },
        Happened::Resumed { why: "eof".into() },
        Happened::Heartbeat,
        Happened::Finished { result: "completed".into(), code: None, input: Some(10), output: Some(2) },
    ]
    .map(|what| Moment { at_us: 1, what })
    .into();
    let view = view(&exchange, None);
    let counts = view.row.notes;
    assert_eq!((counts.dropped, counts.renamed, counts.repaired, counts.recovered), (2, 1, 1, 1));
    assert_eq!((counts.retried, counts.resumed, counts.heartbeats), (1, 1, 1));
    assert_eq!((view.row.tokens.input, view.row.tokens.output, view.notes.len()), (Some(10), Some(2), 8));
}

#[test]
fn a_full_window_shows_without_the_past() {
    let mut exchange = of("/api/chat", &json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}));
    let done = "{\"message\":{\"content\":\"a\"},\"done\":true,\"prompt_eval_count\":4090,\"eval_count\":1}\n";
    exchange.messages.push(streamed(Pane::ClientResponse, "application/x-ndjson", done.as_bytes()));
    let what = Happened::Model { name: "m".into(), window: Some(4096), maximum: None, believed: None };
    exchange.moments = vec![Moment { at_us: 1, what }];
    let view = view(&exchange, None);
    assert_eq!((view.row.context.level, view.hints[0].id), (Level::Cut, "cut"));
    assert_eq!(view.hints[0].command.as_deref(), Some("ollama-forward doctor context"));
}

#[test]
fn a_person_s_marks_and_the_gauge_s_word_are_kept() {
    let mut exchange = of("/api/chat", &json!({"model": "m"}));
    let mut judged = row(&exchange);
    (judged.marked, judged.comment, judged.context.level) = (true, Some("why".into()), Level::Near);
    exchange.row = Some(Box::new(judged));
    let view = view(&exchange, None);
    assert_eq!((view.row.marked, view.row.comment.as_deref(), view.context.level), (true, Some("why"), Level::Near));
}

#[test]
fn a_model_s_name_in_a_command_is_a_name() {
    let of = |model: &str| {
        let mut answer = streamed(Pane::ClientResponse, "application/json", b"{\"error\":\"model 'x' not found\"}");
        answer.head.as_mut().unwrap().status = Some(404);
        let request = asked("/api/chat", Vec::new(), json!({"model": model}).to_string().as_bytes());
        let hints = view(&exchange(Lane::Passed, vec![request, answer]), None).hints;
        (hints[0].id, hints[0].command.clone())
    };
    assert_eq!(of("qwen3:14b"), ("no_model", Some("ollama pull qwen3:14b".into())));
    assert_eq!(of("x; rm -rf ~"), ("no_model", None));
    assert_eq!(of("--help"), ("no_model", None));
}

#[test]
fn an_upstream_s_error_is_told_where_the_client_got_none() {
    let said = streamed(Pane::UpstreamResponse, "application/x-ndjson", b"{\"error\":\"out of memory\"}\n");
    let got = streamed(Pane::ClientResponse, "text/event-stream", b"data: {\"type\":\"response.created\"}\n\n");
    let mut exchange = exchange(Lane::Translated, vec![codex("0.169", b"{}"), said, got]);
    exchange.state = State::Failed;
    assert_eq!(row(&exchange).error.map(|error| error.text).as_deref(), Some("out of memory"));
    exchange.messages.push(message(Pane::UpstreamRequest, b"{}"));
    assert_eq!(view(&exchange, None).conversation.iter().filter(|item| item.kind == ItemKind::Other).count(), 0);
}
