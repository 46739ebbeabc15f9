//! What holds for any bytes: shared by the fuzzer (see `Cargo.toml` here) and by a test that is bounded
//! (`tests/turns/fuzz.rs`).

use ollama_forward::bridge::unpack::{parse, unpack};
use ollama_forward::translate::request::{Facts, Settings, Telling, Translation, chat, ollama, translate};
use ollama_forward::translate::tools::{Mode, Origin, Table, sources};
use ollama_forward::translate::wire::Api;
use ollama_forward::translate::{Client, Declared, recover, repair};
use serde_json::{Value, json};

use crate::play::{Attempts, play};

pub(crate) type Body = fn(&[u8]);

pub(crate) const BODIES: &[(&str, Body)] = &[
    ("request", request),
    ("decoder_answer", decoder_answer),
    ("recover", recover_text),
    ("repair", repair_call),
    ("unpack_parse", unpack_parse),
    ("tools", tools),
];

/// A request, as JSON: it is asked in a way that servers accept, or refused in a sentence.
fn request(bytes: &[u8]) {
    let Ok(request) = parse(bytes) else { return };
    for (telling, mode) in [(Telling::Structured, Mode::Compact), (Telling::Printed, Mode::Full)] {
        for (api, vision) in [(Api::Ollama, Some(true)), (Api::Chat, None)] {
            let settings = Settings { tools: mode, num_ctx: None, api };
            let facts = Facts { vision, thinking: vision, family: None };
            match translate(&request, &[], &settings, &facts, telling) {
                Ok(translation) => accepted(&translation),
                Err(refused) => assert!(refused.message.ends_with('.'), "{refused:?}"),
            }
        }
    }
}

fn accepted(translation: &Translation<'_>) {
    for (api, body) in [(Api::Ollama, ollama::body(&translation.prompt)), (Api::Chat, chat::body(&translation.prompt))]
    {
        assert_eq!(body.bytes[body.messages_end], b']');
        let continued: Value = serde_json::from_slice(&body.continued(api, "t\"", "\u{1}é\"")).expect("still JSON");
        assert_eq!(continued["messages"].as_array().and_then(|all| all.last()).expect("one")["role"], "assistant");
        let body: Value = serde_json::from_slice(&body.bytes).expect("a body is JSON");
        assert_eq!((&body["stream"], body["model"].is_string()), (&json!(true), true));
        assert_eq!(api == Api::Ollama, body["truncate"] == false);
        messages(body["messages"].as_array().expect("messages"), api);
        for tool in body["tools"].as_array().into_iter().flatten() {
            let function = &tool["function"];
            let name = function["name"].as_str().expect("a function has a name");
            assert!(!name.is_empty() && name.len() <= 64, "{name}");
            assert_eq!((&tool["type"], &function["parameters"]["type"]), (&json!("function"), &json!("object")));
        }
    }
}

fn messages(messages: &[Value], api: Api) {
    assert!(!messages.is_empty());
    let mut waiting: Vec<&Value> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().expect("a role");
        assert!(role != "system" || index == 0, "a later system message");
        assert!(message["content"].is_string() || (api == Api::Chat && message["content"].is_array()), "{message}");
        if role == "tool" {
            assert_eq!(&message["tool_call_id"], waiting.remove(0));
        } else {
            assert!(waiting.is_empty(), "message {index} stands before outputs of {waiting:?}");
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            waiting.push(&call["id"]);
            let arguments = &call["function"]["arguments"];
            let object = match api {
                Api::Ollama => arguments.clone(),
                Api::Chat => serde_json::from_str(arguments.as_str().expect("a text")).expect("that is JSON"),
            };
            assert!(object.is_object(), "{arguments}");
        }
    }
}

/// Two bytes of choices, then what an upstream says; another attempt begins after a record separator.
fn decoder_answer(bytes: &[u8]) {
    let Some((&[choices, size], body)) = bytes.split_first_chunk() else { return };
    let api = if choices & 1 == 0 { Api::Ollama } else { Api::Chat };
    let client = if choices & 2 == 0 { Client::Codex } else { Client::Other };
    let request = json!({"model": "m", "stream": true, "input": "x", "tools": [
        {"type": "function", "name": "exec_command", "parameters": {"type": "object",
            "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}},
        {"type": "custom", "name": "note"},
    ]});
    let bodies: Vec<Vec<u8>> = body.split(|byte| *byte == 0x1e).take(3).map(<[u8]>::to_vec).collect();
    let attempts = Attempts { request: &request, client, api, bodies: &bodies };
    let whole = play(&attempts, |left| left);
    let cut = play(&attempts, |_| usize::from(size) + 1);
    assert_eq!((cut.events, cut.again), (whole.events.clone(), whole.again));
    let output = &whole.events.last().expect("an end")["response"]["output"];
    let calls = output.as_array().into_iter().flatten().filter(|item| item["type"] != "message");
    assert!(calls.filter(|item| item["status"] == "completed").count() <= whole.finished.calls);
}

fn declared() -> Vec<Declared> {
    let parameters = json!({"type": "object", "required": ["cmd"], "properties": {
        "cmd": {"type": "string"}, "n": {"type": "integer"}, "list": {"type": "array", "items": {"type": "string"}},
    }});
    ["exec_command", "ls"].map(|name| Declared { name: name.into(), parameters: parameters.clone() }).into()
}

/// A text, cut anywhere: nothing of it is lost, and it means what it means as a whole.
fn recover_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let declared = declared();
    let whole = recover::recover(&text, &declared);
    let size = bytes.first().map_or(1, |byte| usize::from(byte % 9) + 1);
    let (mut held, mut shown) = (recover::Holdback::new(declared), String::new());
    let letters: Vec<char> = text.chars().collect();
    for piece in letters.chunks(size) {
        shown.push_str(held.feed(&piece.iter().collect::<String>()));
        assert!(text.starts_with(&shown));
    }
    let end = held.finish();
    assert_eq!(end.verdict, whole);
    shown.push_str(&end.unshown);
    match end.verdict {
        recover::Verdict::Calls { before, .. } => assert_eq!(shown, before),
        recover::Verdict::Text | recover::Verdict::Left(_) => assert_eq!(shown, text),
    }
}

/// A name, a newline, and arguments: what is mended needs no mending.
fn repair_call(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (name, arguments) = text.split_once('\n').unwrap_or(("exec_command", &text));
    let declared = declared();
    let Ok((call, _)) = repair::repair(name, arguments, &declared) else { return };
    let written = Value::Object(call.arguments.clone()).to_string();
    let (again, slips) = repair::repair(&call.name, &written, &declared).expect("a mended call is a call");
    assert_eq!((again, slips), (call, Vec::new()), "{text}");
    let _ = repair::for_arguments(arguments, &declared);
}

/// A byte of choice, then a packed body: never more than the limit comes out.
fn unpack_parse(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let encoding = ["", "gzip", "deflate", "zstd", "gzip, zstd"][usize::from(choice % 5)];
    let limit = 1 << 16;
    match unpack(Some(encoding), body.to_vec().into(), limit) {
        Ok(unpacked) => {
            assert!(unpacked.len() <= limit);
            let _ = parse(&unpacked);
        }
        Err(error) => assert!([400, 413, 415].contains(&error.status())),
    }
}

/// A request's tools: names are unique, each is found again, and what was made short stays as it is.
fn tools(bytes: &[u8]) {
    let Ok(request) = parse(bytes) else { return };
    let (table, _) = Table::read(&sources(&request), Mode::Compact);
    let mut names: Vec<&str> = table.declared().iter().map(|tool| &*tool.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), table.declared().len());
    let short: Vec<Value> = table
        .to_chat_tools()
        .into_iter()
        .filter(|tool| matches!(origin(&table, tool), Some(Origin::Function { .. })))
        .collect();
    let again: Vec<Value> = short
        .iter()
        .map(|tool| {
            let mut tool = tool["function"].clone();
            tool["type"] = json!("function");
            tool
        })
        .collect();
    let (table, _) = Table::from_request(&again, Mode::Compact);
    assert_eq!(table.to_chat_tools(), short);
}

fn origin<'t>(table: &'t Table, tool: &Value) -> Option<&'t Origin> {
    table.origin(tool["function"]["name"].as_str()?)
}
