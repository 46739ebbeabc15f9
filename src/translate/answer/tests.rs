//! What a client has of an answer, for scripts of what an upstream may say.

mod breaks;
mod ends;

use serde_json::json;

use super::*;
use crate::translate::failure::Kind as Why;
use crate::translate::tools::Mode;
use crate::translate::wire::{CallPiece, Reason};

/// A script of one answer: what the upstream says, and what happens to it.
#[derive(Clone, Copy)]
enum Step {
    Think(&'static str),
    Text(&'static str),
    Call(&'static str, &'static str),
    Part(u32, Option<&'static str>, &'static str),
    Heartbeat,
    Break,
}
use Step::{Break, Call as Whole, Heartbeat, Part, Text, Think};

fn tools() -> Value {
    json!([
        {"type": "function", "name": "exec_command", "parameters": {"type": "object",
            "properties": {"cmd": {"type": "string"}, "yield_time_ms": {"type": "number"}}, "required": ["cmd"]}},
        {"type": "namespace", "name": "mcp__tiny", "tools": [{"type": "function", "name": "add",
            "parameters": {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}}]},
        {"type": "custom", "name": "note", "description": "writes a note"},
    ])
}

fn begin(client: Client) -> Answer {
    let request = json!({"model": "m", "tools": tools()});
    let (table, _) = Table::from_request(request["tools"].as_array().unwrap(), Mode::Compact);
    let opening = Opening {
        nonce: "0",
        created: 1,
        request: &request,
        client,
        table,
        streamed: true,
        only_told: &[],
        estimated_input: 9,
    };
    Answer::begin(opening)
}

fn play(answer: &mut Answer, steps: &[Step]) -> Result<(), Strayed> {
    for step in steps {
        let whole = |name: &'static str, arguments: &'static str| CallPiece {
            index: None,
            id: None,
            name: Some(name.into()),
            arguments: arguments.into(),
        };
        let chunk = match step {
            Think(piece) => Chunk { thinking: (*piece).into(), ..Chunk::default() },
            Text(piece) => Chunk { text: (*piece).into(), ..Chunk::default() },
            Whole(name, arguments) => Chunk { calls: vec![whole(name, arguments)], ..Chunk::default() },
            Part(index, name, arguments) => {
                let piece = CallPiece { index: Some(*index), name: name.map(Into::into), ..whole("", arguments) };
                Chunk { calls: vec![piece], ..Chunk::default() }
            }
            Heartbeat => {
                answer.heartbeat();
                continue;
            }
            Break => {
                answer.break_off();
                continue;
            }
        };
        answer.chunk(&chunk)?;
    }
    Ok(())
}

fn done(reason: Reason) -> End {
    End::Done(Done { reason, usage: Usage { output: Some(5), ..Usage::default() }, took: Took::default() })
}

/// Every event, in order, after the grammar was checked.
#[track_caller]
fn events(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut events = Vec::new();
    for (number, event) in text.split_terminator("\n\n").enumerate() {
        let (kind, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(kind.strip_prefix("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], number);
        events.push(data);
    }
    check_grammar(&events);
    events
}

#[track_caller]
fn check_grammar(events: &[Value]) {
    let (mut open, mut items, mut ended) = (None, Vec::new(), false);
    for (place, event) in events.iter().enumerate() {
        assert!(!ended, "an event after the end: {event}");
        match event["type"].as_str().unwrap() {
            "response.created" => assert_eq!(place, 0),
            "response.in_progress" => assert_eq!(event["response"]["output"].as_array().unwrap().len(), items.len()),
            "response.output_item.added" => {
                assert_eq!(open, None, "two items are open: {event}");
                assert_eq!(event["output_index"], items.len());
                open = Some(event["item"]["id"].as_str().unwrap().to_owned());
            }
            "response.output_item.done" => {
                assert_eq!(event["item"]["id"].as_str().map(str::to_owned), open.take());
                items.push(event["item"].clone());
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                ended = true;
                assert_eq!(event["response"]["output"], Value::Array(items.clone()));
            }
            _ => {
                assert_eq!(event["item_id"].as_str().map(str::to_owned), open);
                assert_eq!(event["output_index"], items.len());
            }
        }
    }
    assert!(ended, "without an end");
}

/// What a client has in the end: one word an item, then the terminal event.
#[track_caller]
fn check(client: Client, steps: &[Step], end: End, expected: &[&str]) -> Vec<Value> {
    let mut answer = begin(client);
    play(&mut answer, steps).unwrap();
    let mut bytes = answer.take().to_vec();
    let finished = answer.finish(end, 2);
    bytes.extend(&finished.events);
    let events = events(&bytes);
    let last = events.last().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&finished.object).unwrap(), last["response"]);
    let mut told: Vec<String> = last["response"]["output"].as_array().unwrap().iter().map(tell).collect();
    told.push(last["type"].as_str().unwrap().trim_start_matches("response.").to_owned());
    assert_eq!(told, expected, "notes: {:?}", finished.notes);
    events
}

fn tell(item: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match item["type"].as_str().unwrap() {
        "reasoning" => format!("think {}", text(&item["summary"][0]["text"])),
        "message" => format!("say {}", text(&item["content"][0]["text"])),
        "function_call" => format!("{}{} {}", text(&item["namespace"]), text(&item["name"]), text(&item["arguments"])),
        "custom_tool_call" => format!("custom {} {}", text(&item["name"]), text(&item["input"])),
        other => other.to_owned(),
    }
}

#[test]
fn words_leave_as_they_come() {
    let mut answer = begin(Client::Codex);
    answer.take();
    for (piece, seen) in [("Hel", true), ("lo", true), ("", false)] {
        play(&mut answer, &[Text(piece)]).unwrap();
        let bytes = answer.take();
        assert_eq!(String::from_utf8_lossy(&bytes).contains(&format!("\"delta\":\"{piece}\"")), seen, "{piece}");
    }
}

#[test]
fn thoughts_text_and_calls_are_items_of_their_own() {
    let steps =
        [Think("I will "), Think("look."), Text("Let me "), Text("see."), Whole("exec_command", r#"{"cmd":"ls"}"#)];
    let expected = ["think I will look.", "say Let me see.", "exec_command {\"cmd\":\"ls\"}", "completed"];
    check(Client::Codex, &steps, done(Reason::Stop), &expected);
}

#[test]
fn blanks_alone_are_no_message() {
    let steps = [Text("\n\n"), Whole("exec_command", r#"{"cmd":"ls"}"#), Text("\n")];
    check(Client::Codex, &steps, done(Reason::Stop), &["exec_command {\"cmd\":\"ls\"}", "completed"]);
    check(Client::Codex, &[Text("\n"), Text("\nHi")], done(Reason::Stop), &["say \n\nHi", "completed"]);
}

#[test]
fn calls_go_back_under_the_names_that_the_client_declared() {
    let steps = [Whole("mcp__tiny.add", r#"{"a":"1"}"#), Whole("note", r#"{"input":"x"}"#)];
    check(Client::Codex, &steps, done(Reason::Stop), &["mcp__tinyadd {\"a\":1}", "custom note x", "completed"]);
}

#[test]
fn a_call_that_cannot_be_run_is_passed_on() {
    let steps = [Whole("nope", "{}"), Whole("exec_command", "ls -R {"), Whole("Exec_Command", "{}")];
    let expected = ["nope {}", "exec_command {\"cmd\":\"ls -R {\"}", "exec_command {}", "completed"];
    check(Client::Codex, &steps, done(Reason::Stop), &expected);
}

#[test]
fn a_printed_call_is_recovered_and_not_shown() {
    let steps =
        [Text("I will look.\n\n"), Text("{\"name\":\"exec_"), Text("command\",\"arguments\":{\"cmd\":\"ls\"}}")];
    let events = check(
        Client::Codex,
        &steps,
        done(Reason::Stop),
        &["say I will look.\n\n", "exec_command {\"cmd\":\"ls\"}", "completed"],
    );
    assert!(!events.iter().any(|event| event["delta"].as_str().is_some_and(|delta| delta.contains("name"))));
}

#[test]
fn a_printed_call_that_was_cut_stays_text() {
    let call = "{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}";
    check(Client::Codex, &[Text(call)], done(Reason::Length), &[&format!("say {call}"), "completed"]);
}

#[test]
fn the_same_call_as_text_and_as_call_runs_once() {
    let steps = [
        Text("Now.\n"),
        Text("{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}"),
        Whole("exec_command", r#"{"cmd":"ls"}"#),
    ];
    check(Client::Codex, &steps, done(Reason::Stop), &["say Now.\n", "exec_command {\"cmd\":\"ls\"}", "completed"]);
}

#[test]
fn the_same_call_as_text_and_in_fragments_runs_once() {
    let steps = [
        Text("Now.\n"),
        Text("{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}"),
        Part(0, Some("exec_command"), "{\"cmd\":"),
        Part(0, None, "\"ls\"}"),
    ];
    for client in [Client::Codex, Client::Other] {
        check(client, &steps, done(Reason::Stop), &["say Now.\n", "exec_command {\"cmd\":\"ls\"}", "completed"]);
    }
}

#[test]
fn another_call_as_text_is_shown() {
    let text = "{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"pwd\"}}";
    let steps = [Text(text), Whole("exec_command", r#"{"cmd":"ls"}"#)];
    let expected = [&format!("say {text}"), "exec_command {\"cmd\":\"ls\"}", "completed"];
    check(Client::Codex, &steps, done(Reason::Stop), &expected);
}

#[test]
fn fragments_are_shown_to_those_who_look() {
    let steps = [
        Text("Ok"),
        Part(0, Some("exec_command"), ""),
        Part(0, None, "{\"cmd\""),
        Part(0, None, ":\"ls\"}"),
        Part(1, Some("exec_command"), "{\"cmd\":\"pwd\"}"),
        Text("after"),
    ];
    let expected =
        ["say Ok", "exec_command {\"cmd\":\"ls\"}", "exec_command {\"cmd\":\"pwd\"}", "say after", "completed"];
    for (client, deltas) in [(Client::Codex, vec!["{\"cmd\":\"ls\"}"]), (Client::Other, vec!["{\"cmd\"", ":\"ls\"}"])] {
        let events = check(client, &steps, done(Reason::Stop), &expected);
        let shown = events.iter().filter(|event| event["type"] == "response.function_call_arguments.delta");
        let first: Vec<_> = shown.filter(|event| event["output_index"] == 1).map(|event| &event["delta"]).collect();
        assert_eq!(first, deltas);
    }
}

#[test]
fn a_call_that_is_shown_is_shown_whole() {
    let steps = [Part(0, Some("exec_command"), "{\"cmd\":"), Text("{\"name\":"), Part(0, None, "\"ls\"}")];
    let expected = ["exec_command {\"cmd\":\"ls\"}", "say {\"name\":", "completed"];
    let events = check(Client::Other, &steps, done(Reason::Stop), &expected);
    let shown = events.iter().filter(|event| event["type"] == "response.function_call_arguments.delta");
    assert_eq!(shown.map(|event| event["delta"].as_str().unwrap()).collect::<String>(), "{\"cmd\":\"ls\"}");
}

#[test]
fn thoughts_within_a_call_are_shown() {
    let (half, rest) = (Part(0, Some("exec_command"), "{\"cmd\":"), Part(0, None, "\"ls\"}"));
    let call = "exec_command {\"cmd\":\"ls\"}";
    let steps = [half, Think("h"), Think("m"), rest, Text("Ok")];
    check(Client::Codex, &steps, done(Reason::Stop), &["think hm", call, "say Ok", "completed"]);
    check(Client::Other, &steps, done(Reason::Stop), &[call, "think hm", "say Ok", "completed"]);
    let steps = [half, Think("hm"), rest, Part(1, Some("note"), "{\"input\":\"x\"}")];
    check(Client::Other, &steps, done(Reason::Stop), &[call, "think hm", "custom note x", "completed"]);
    let cut = ["exec_command {\"cmd\":", "think hm", "incomplete"];
    check(Client::Other, &[half, Think("hm")], done(Reason::Length), &cut);
}

#[test]
fn a_heartbeat_takes_the_form_that_every_reader_knows() {
    let events = check(
        Client::Codex,
        &[Heartbeat, Think("a"), Heartbeat, Text("b"), Heartbeat, Whole("exec_command", r#"{"cmd":"ls"}"#), Heartbeat],
        done(Reason::Stop),
        &["think a", "say b", "exec_command {\"cmd\":\"ls\"}", "completed"],
    );
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[1..3], ["response.in_progress"; 2]);
    let empty = |kind: &str| events.iter().filter(|event| event["type"] == kind && event["delta"] == "").count();
    assert_eq!(empty("response.reasoning_summary_text.delta"), 1);
    assert_eq!(empty("response.output_text.delta"), 1);
    assert_eq!(kinds[kinds.len() - 2], "response.in_progress", "with the output so far");
}

/// Whatever comes in, in whatever order, and wherever it ends: the stream is well-formed.
#[test]
fn any_chunks_and_any_end_make_a_stream() {
    let mut dice = 7u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for round in 0..4000 {
        let client = if round % 2 == 0 { Client::Codex } else { Client::Other };
        let mut answer = begin(client);
        let mut strayed = false;
        for _ in 0..roll(12) {
            let step = match roll(12) {
                0 | 1 => Think(["hm", " ", "\n"][usize::try_from(roll(3)).unwrap()]),
                2..5 => Text(
                    [
                        "Hi",
                        "{\"name\":\"exec_command\"",
                        ",\"arguments\":{\"cmd\":\"ls\"}}",
                        "\n",
                        "```",
                        "<tool_call>",
                    ][usize::try_from(roll(6)).unwrap()],
                ),
                5 => Whole("exec_command", "{\"cmd\":\"ls\"}"),
                6 => Whole("note", "{\"input\":\"x\"}"),
                7 => Part(0, Some("exec_command"), "{\"cmd\":"),
                8 => Part(u32::try_from(roll(3)).unwrap(), None, "\"ls\"}"),
                9 => Part(1, Some("mcp__tiny__add"), "{\"a\":1}"),
                10 => Heartbeat,
                _ => Break,
            };
            strayed = strayed || play(&mut answer, &[step]).is_err();
        }
        let end = match roll(4) {
            _ if strayed => End::Failed(Failure { kind: Why::Transient, message: String::new() }),
            0 => done(Reason::Stop),
            1 => done(Reason::Length),
            2 => End::Cut,
            _ => End::Failed(Failure { kind: Why::Permanent, message: "no".into() }),
        };
        let mut bytes = answer.take().to_vec();
        bytes.extend(answer.finish(end, 2).events);
        events(&bytes);
    }
}
