//! Calls that were printed as text, through a whole answer: each row of `tests/fixtures/recovery`, in pieces of several
//! sizes. A call comes out once and is never shown; what is no call is shown to the last character.

#[path = "../fixtures/recovery/rows.rs"]
mod tables;

use ollama_forward::translate::answer::End;
use ollama_forward::translate::recover::{Verdict, recover};
use ollama_forward::translate::repair::repair;
use ollama_forward::translate::tools::{Mode, Table};
use ollama_forward::translate::wire::{Chunk, Done, Reason};
use ollama_forward::translate::{Client, Declared};
use serde_json::{Value, json};
use tables::{CALLS, EDGES, PROSE, Row, rows};

use crate::play::{begin, read};

#[test]
fn a_printed_call_is_an_item_and_is_not_shown() {
    for row in rows(CALLS).into_iter().chain(rows(EDGES)) {
        check_call(row.text, &row);
    }
    for row in rows(CALLS) {
        check_call(&format!("I look it up, with care.\n\n{}\n", row.text), &row);
    }
}

#[test]
fn a_printed_call_that_was_cut_is_shown() {
    for Row { text, .. } in printed() {
        check_text(text, &Reason::Length);
    }
}

#[test]
fn what_is_no_call_is_shown() {
    for Row { text, .. } in rows(PROSE) {
        check_text(text, &Reason::Stop);
        check_text(&format!("Look:\n\n{text}"), &Reason::Stop);
    }
}

#[test]
fn a_quoted_call_is_shown() {
    let begins_with_prose = |text: &str| ["I will", "Let me", "<think>"].iter().any(|prose| text.starts_with(prose));
    for Row { text, .. } in printed().filter(|row| !begins_with_prose(row.text) && !row.text.contains("</think>")) {
        for quoting in [
            format!("{text}\n\nThat would list the files."),
            format!("One writes `{text}"),
            format!("It is written \"{text}"),
            format!("Such a call:\n\n```text\n{text}\n"),
            format!("<think>\n{text}"),
        ] {
            check_text(&quoting, &Reason::Stop);
        }
    }
}

#[test]
fn a_call_in_thoughts_is_thought() {
    for Row { text, .. } in printed() {
        let thoughts: Vec<Chunk<'_>> = text
            .char_indices()
            .map(|(at, c)| Chunk { thinking: text[at..at + c.len_utf8()].into(), ..Chunk::default() })
            .collect();
        let items = answered(&thoughts, &Reason::Stop).1;
        let [item] = &items[..] else { panic!("{text}: {items:?}") };
        assert_eq!((&item["type"], &item["summary"][0]["text"]), (&json!("reasoning"), &json!(text)));
    }
}

#[test]
fn a_call_in_the_request_is_not_the_models() {
    for Row { text, .. } in printed() {
        let mut request = request();
        request["input"] = json!([
            {"role": "user", "content": text},
            {"type": "function_call", "name": "exec_command", "call_id": "c", "arguments": "{\"cmd\":\"cat log\"}"},
            {"type": "function_call_output", "call_id": "c", "output": text},
        ]);
        let mut answer = begin(&request, Client::Codex);
        answer.chunk(&Chunk { text: "I have read it.".into(), ..Chunk::default() }).unwrap();
        let finished = answer.finish(End::Done(Done::default()), 2);
        assert_eq!((finished.calls, finished.notes), (0, Vec::new()), "{text}");
    }
}

fn printed() -> impl Iterator<Item = Row> {
    rows(CALLS).into_iter().chain(rows(EDGES))
}

fn request() -> Value {
    let parameters = json!({
        "type": "object",
        "properties": {
            "cmd": {"type": "string"},
            "timeout": {"type": "integer"},
            "tty": {"type": ["boolean", "null"]},
            "env": {"type": "object"},
            "paths": {"type": "array"},
        },
        "required": ["cmd"],
    });
    let empty = json!({"type": "object", "properties": {}});
    json!({
        "model": "m",
        "stream": true,
        "input": "List the files.",
        "tools": [
            {"type": "function", "name": "exec_command", "parameters": parameters},
            {"type": "function", "name": "list_files", "parameters": empty},
            {"type": "function", "name": "ls"},
        ],
    })
}

/// The text in one piece, in pieces of one character, and of seven.
fn pieces(text: &str) -> [Vec<Chunk<'static>>; 3] {
    let letters: Vec<char> = text.chars().collect();
    [letters.len().max(1), 1, 7].map(|size| {
        let piece = |letters: &[char]| Chunk { text: letters.iter().collect::<String>().into(), ..Chunk::default() };
        letters.chunks(size).map(piece).collect()
    })
}

/// All text that was shown, and the items.
fn answered(chunks: &[Chunk<'_>], reason: &Reason) -> (String, Vec<Value>) {
    let mut answer = begin(&request(), Client::Codex);
    for chunk in chunks {
        answer.chunk(chunk).unwrap();
    }
    let mut bytes = answer.take().to_vec();
    bytes.extend(answer.finish(End::Done(Done { reason: reason.clone(), ..Done::default() }), 2).events);
    let events = read(&bytes);
    let deltas = events.iter().filter(|event| event["type"] == "response.output_text.delta");
    let shown = deltas.map(|event| event["delta"].as_str().unwrap()).collect();
    (shown, events.last().unwrap()["response"]["output"].as_array().unwrap().clone())
}

#[track_caller]
fn check_call(text: &str, row: &Row) {
    let (table, _) = Table::from_request(request()["tools"].as_array().unwrap(), Mode::Compact);
    let declared: &[Declared] = table.declared();
    let Verdict::Calls { before, .. } = recover(text, declared) else { panic!("{text}") };
    let whole = |tool: &Declared| Declared { parameters: table.schema(&tool.name).unwrap().clone(), ..tool.clone() };
    let whole: Vec<Declared> = declared.iter().map(whole).collect();
    let mended = |(name, arguments): &(&str, &str)| repair(name, arguments, &whole).unwrap().0;
    let expected: Vec<_> = row.calls.iter().map(mended).collect();
    for pieces in pieces(text) {
        let (shown, items) = answered(&pieces, &Reason::Stop);
        // Blanks alone are no message.
        assert_eq!(shown, if before.trim().is_empty() { "" } else { &*before }, "{text}");
        let calls: Vec<_> = items.iter().filter(|item| item["type"] == "function_call").collect();
        assert_eq!(calls.len(), expected.len(), "{}: {text}: {items:?}", row.label);
        for (item, call) in calls.iter().zip(&expected) {
            let arguments: Value = serde_json::from_str(item["arguments"].as_str().unwrap()).unwrap();
            assert_eq!(
                (item["name"].as_str(), &arguments),
                (Some(&*call.name), &Value::Object(call.arguments.clone()))
            );
            assert_eq!((&item["status"], item.get("namespace")), (&json!("completed"), None));
        }
    }
}

#[track_caller]
fn check_text(text: &str, reason: &Reason) {
    for pieces in pieces(text) {
        let (shown, items) = answered(&pieces, reason);
        assert!(items.iter().all(|item| item["type"] == "message"), "{text}: {items:?}");
        assert_eq!(shown, if text.trim().is_empty() { "" } else { text }, "{reason:?}");
    }
}
