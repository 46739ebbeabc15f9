//! Whole turns of Codex.

use serde_json::Value;

use crate::capture::record::{Api, Exchange, Happened, Lane, Moment, NoteKind, Pane, State};
use crate::capture::understand::{diff, row, view};
use crate::capture::view::{Call, Channel, ItemKind};

use super::{codex, exchange, fixture, message, streamed, told};

const SSE: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";

fn turn() -> Exchange {
    let answer = streamed(Pane::ClientResponse, SSE, fixture!("codex/tools.sse"));
    exchange(Lane::Passed, vec![codex("0.169", fixture!("codex/requests/0.169_loop.json")), answer])
}

/// The same, by way of `/api/chat`.
fn translated() -> Exchange {
    let prompt: Value = serde_json::from_slice(fixture!("codex/prompts/0.169_loop.json")).unwrap();
    let mut told = message(Pane::UpstreamRequest, prompt.to_string().as_bytes());
    told.ended_us = Some(900);
    let records = concat!(
        r#"{"model":"qwen3:14b","message":{"role":"assistant","content":"","thinking":"Look"},"done":false}"#,
        "\n",
        r#"{"model":"qwen3:14b","message":{"role":"assistant","content":"","thinking":" around."},"done":false}"#,
        "\n",
        r#"{"model":"qwen3:14b","message":{"role":"assistant","content":"Let me check."},"done":false}"#,
        "\n",
        r#"{"model":"qwen3:14b","message":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","function":{"index":0,"name":"exec_command","arguments":{"cmd":"echo one"}}}]},"done":false}"#,
        "\n",
        r#"{"model":"qwen3:14b","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","#,
        r#""load_duration":2000000,"prompt_eval_count":1200,"prompt_eval_duration":600000000,"eval_count":50,"eval_duration":2500000000}"#,
        "\n",
    );
    let mut exchange = turn();
    exchange.lane = Lane::Translated;
    exchange.messages.insert(1, told);
    exchange.messages.insert(2, streamed(Pane::UpstreamResponse, NDJSON, records.as_bytes()));
    let moment = |at_us, what| Moment { at_us, what };
    exchange.moments = vec![
        moment(500, Happened::Connected { to: "172.22.96.1:11434".into(), fresh: true }),
        moment(600, Happened::Note { kind: NoteKind::Dropped, at: Some("tools[8]".into()), text: "web_search".into() }),
        moment(
            700,
            Happened::Model {
                name: "qwen3:14b".into(),
                window: Some(32768),
                maximum: Some(40960),
                believed: Some(258_400),
            },
        ),
        moment(800, Happened::Heartbeat),
    ];
    exchange
}

#[test]
fn a_turn_of_codex_fills_every_field_of_the_summary() {
    let row = row(&turn());
    assert_eq!((row.method.as_str(), row.path.as_str(), row.api), ("POST", "/v1/responses", Api::Responses));
    assert_eq!((row.model.as_str(), row.client.as_str()), ("qwen3:14b", "codex_exec/0.169.0"));
    assert_eq!((row.messages, row.tools, row.status, row.stream), (8, 13, Some(200), true));
    assert_eq!(row.user.as_deref(), Some("list /tmp"));
    assert_eq!(row.text.as_deref(), Some("Let me check."));
    assert_eq!(row.reasoning.as_deref(), Some("I will look around."));
    assert_eq!(row.called, ["exec_command", "exec_command"]);
    assert!(row.system_chars > 150 && row.prompt_bytes > 10_000 && row.thought_bytes == 18, "{row:?}");
    assert_eq!((row.state, row.error.as_ref(), row.probe), (State::Done, None, false));
    assert!(row.tokens.input.is_some() && row.tokens.output.is_some() && !row.tokens.exact, "{:?}", row.tokens);
    let thread = &row.thread;
    assert_eq!(thread.kind.as_deref(), Some("turn"));
    assert!(thread.thread_id.is_some() && thread.turn_id == thread.root_turn_id, "{thread:?}");
    assert_eq!((thread.agent.as_deref(), thread.window_number), (Some("/root"), Some(0)));
}

#[test]
fn times_are_those_at_which_bytes_came() {
    let times = row(&turn()).times;
    // Created and in_progress, then the item of a thought, its part, and its first word.
    assert_eq!((times.head, times.first_event, times.first_token), (Some(1000), Some(2000), Some(6000)));
    assert_eq!((times.first_text, times.first_tool), (Some(13_000), Some(18_000)));
    assert_eq!(times.end, Some(26_000));
}

#[test]
fn the_upstream_s_own_clock_counts_where_there_is_one() {
    let row = row(&translated());
    assert_eq!((row.tokens.input, row.tokens.output, row.tokens.exact), (Some(1200), Some(50), true));
    assert_eq!((row.tokens.prompt_rate, row.tokens.decode_rate), (Some(2000.0), Some(20.0)));
    assert_eq!((row.times.load, row.times.prompt, row.times.generation), (Some(2000), Some(600_000), Some(2_500_000)));
    assert_eq!((row.times.connected, row.times.first_token, row.times.first_text), (Some(500), Some(2000), Some(4000)));
    let context = &row.context;
    assert_eq!((context.used, context.window, context.maximum), (Some(1250), Some(32768), Some(40960)));
    assert_eq!((context.believed, row.notes.dropped, row.notes.heartbeats), (Some(258_400), 1, 1));
}

#[test]
fn what_the_client_got_and_what_the_model_said_are_both_shown() {
    let view = view(&translated(), None);
    assert_eq!(
        told(&view.upstream_answer),
        [
            "thought: Look around.",
            "assistant: Let me check.",
            "call: exec_command {\"kind\":\"command\",\"command\":\"echo one\",\"workdir\":null,\"timeout_ms\":null,\"why\":null}"
        ]
    );
    assert_eq!(view.answer.len(), 4);
    assert_eq!(view.panes.iter().map(|pane| pane.form).collect::<Vec<_>>(), ["json", "json", "ndjson", "sse"]);
    assert_eq!(view.streams.len(), 2);
    assert_eq!(view.hints.iter().map(|hint| hint.id).collect::<Vec<_>>(), ["believed"]);
    assert_eq!((view.notes.len(), view.moments.len()), (1, 4));
}

#[test]
fn the_conversation_is_told_with_outputs_at_their_calls() {
    let view = view(&turn(), None);
    let lines = told(&view.conversation);
    assert_eq!(lines[3..6], ["user: list /tmp", "thought: I should list /tmp", "assistant: Let me look."]);
    let call = &view.conversation[6];
    assert!(matches!(&call.call, Some(Call::Command { command, .. }) if command == "ls /tmp | head -3"), "{call:?}");
    assert_eq!(call.output.as_ref(), Some(&view.conversation[7].parts));
    assert_eq!(
        (view.conversation[7].kind, view.conversation[7].name.as_deref()),
        (ItemKind::Output, Some("exec_command"))
    );
    assert_eq!((call.at.as_str(), call.call_id.as_deref()), ("input[6]", Some("call_1")));
    let names: Vec<&str> = view.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert!(names.contains(&"multi_agent_v1.spawn_agent") && names.contains(&"web_search"), "{names:?}");
    assert_eq!(view.tools[0].called, 3);
    assert!(view.parameters.get("tools").is_none() && view.parameters["parallel_tool_calls"] == true);
    assert!(view.shares.iter().all(|share| share.part == "history" || share.bytes > 0 || share.part == "tool_output"));
}

#[test]
fn events_have_names_channels_times_and_places() {
    let view = view(&turn(), None);
    let stream = &view.streams[0];
    let body = &turn().messages[1].body;
    assert_eq!((stream.events.len(), stream.left_out, stream.form), (25, 0, "sse"));
    let first = &stream.events[0];
    let bytes = &body[usize::try_from(first.from).unwrap()..][..first.len as usize];
    assert!(bytes.starts_with(b"event: response.created\ndata: {") && bytes.ends_with(b"}"));
    let of = |channel: Channel| -> String {
        stream.events.iter().filter(|event| event.channel == channel).map(|event| event.text.as_str()).collect()
    };
    assert_eq!(of(Channel::Reasoning), "I will look around.");
    assert_eq!(of(Channel::Content), "Let me check.");
    assert_eq!(of(Channel::Tool), r#"{"cmd": "echo one"}{"cmd": "echo two"}"#);
    assert_eq!(stream.events[4].name, "response.reasoning_summary_text.delta");
    assert!(stream.events.iter().zip(1..).all(|(event, place)| event.at_us == 1000 * (place + 1)));
}

/// The body of the request that follows a turn: `turn` with its answer and two outputs.
fn followed() -> Exchange {
    let mut body: Value = serde_json::from_slice(fixture!("codex/requests/0.169_loop.json")).unwrap();
    let input = body["input"].as_array_mut().unwrap();
    for (id, text) in [("call_a1", "one"), ("call_b2", "two")] {
        input.push(
            serde_json::json!({"type": "function_call", "name": "exec_command", "call_id": id, "arguments": "{}"}),
        );
        input.push(serde_json::json!({"type": "function_call_output", "call_id": id, "output": text}));
    }
    body["reasoning"]["effort"] = "high".into();
    body["tools"][0]["description"] = "other".into();
    body["tools"].as_array_mut().unwrap().pop();
    exchange(Lane::Passed, vec![codex("0.169", body.to_string().as_bytes())])
}

#[test]
fn what_the_previous_request_did_not_have_is_new() {
    let view = view(&followed(), Some(&turn()));
    let new: Vec<bool> = view.conversation.iter().map(|item| item.new).collect();
    assert_eq!(new, [[false; 8].as_slice(), &[true; 4]].concat());
    assert_eq!(view.tools[0].changed, Some("changed"));
    assert_eq!(view.tools[1].changed, None);
    let share = |part: &str| view.shares.iter().find(|share| share.part == part).unwrap().bytes;
    assert!(share("new") > 0 && share("history") > 0 && share("tool_output") > 0);
}

#[test]
fn requests_are_compared_items_first_then_tools_and_fields() {
    let diff = diff(&turn(), &followed());
    assert_eq!((diff.same, diff.added.len(), diff.removed.len(), diff.changed.len()), (8, 4, 0, 0));
    let tools: Vec<_> = diff.tools.iter().map(|tool| (tool.name.as_str(), tool.how, tool.fields.len())).collect();
    assert_eq!(tools, [("exec_command", "changed", 1), ("web_search", "removed", 0)]);
    assert_eq!(diff.tools[0].fields[0].path, "description");
    let fields: Vec<_> = diff.fields.iter().map(|field| (field.path.as_str(), field.before.is_some())).collect();
    assert_eq!(fields, [("reasoning.effort", false)]);
}

#[test]
fn items_that_changed_are_compared_line_by_line() {
    let body = |text: &str| serde_json::json!({"input": [{"role": "user", "content": text}, {"role": "user", "content": "b"}]});
    let of = |text: &str| exchange(Lane::Passed, vec![codex("0.169", body(text).to_string().as_bytes())]);
    let found = diff(&of("one\ntwo\nthree"), &of("one\n2\nthree"));
    assert_eq!(found.changed[0].lines, [" one", "-two", "+2", " three"]);
    assert_eq!((found.same, found.changed[0].at.as_str()), (0, "input[0]"));
    let many = "x\n".repeat(5000);
    assert_eq!(diff(&of(&many), &of("x")).changed[0].lines.len(), 5001);
}

#[test]
fn after_a_compaction_little_is_the_same() {
    let of = |version: &str, body: &[u8]| exchange(Lane::Passed, vec![codex(version, body)]);
    let before = of("0.169_compaction", fixture!("codex/requests/0.169_compaction.json"));
    let after = of("0.169_after_compaction", fixture!("codex/requests/0.169_after_compaction.json"));
    let view = view(&after, Some(&before));
    let kinds: Vec<_> = view.conversation.iter().map(|item| (item.kind, item.new)).collect();
    assert_eq!(kinds[4], (ItemKind::Compaction, true));
    assert_eq!(view.row.user.as_deref(), Some("hello"));
    assert_eq!(row(&before).thread.kind.as_deref(), Some("compaction"));
    assert_eq!((row(&before).thread.window_number, row(&after).thread.window_number), (Some(0), Some(1)));
}
