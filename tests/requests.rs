//! Recorded requests of Codex, and what chat servers are asked for them; then the same requests with random damage.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use ollama_forward::translate::Client;
use ollama_forward::translate::request::{
    Facts, Role, Settings, Telling, Translation, chat, client, ollama, translate,
};
use ollama_forward::translate::tools::Mode;
use ollama_forward::translate::wire::Api;
use serde_json::{Value, json};

const GOLDEN: &[&str] = &[
    "0.130_between",
    "0.169_image",
    "0.169_loop",
    "0.169_mcp_call",
    "0.169_resume",
    "0.169_title",
    "0.169_view_image",
];

#[test]
fn goldens() {
    for name in GOLDEN {
        let request = recorded(name);
        let body: Value = serde_json::from_slice(&ollama::body(&translated(&request).prompt).bytes).unwrap();
        let text = format!("{body:#}\n");
        let path = fixtures().join("prompts").join(format!("{name}.json"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert!(fs::read_to_string(&path).unwrap() == text, "{name} differs; UPDATE_GOLDEN=1 writes it anew");
    }
}

#[test]
fn every_recorded_request_becomes_a_request_that_servers_accept() {
    let all = all_recorded();
    assert!(all.len() >= 20);
    for (name, request) in all {
        assert_eq!(client(None, None, &request) == Client::Codex, !name.starts_with("0.98"), "{name}");
        for telling in [Telling::Structured, Telling::Printed] {
            let translation = translate(&request, &[], &SETTINGS, &Facts::default(), telling).unwrap();
            check(&name, &translation);
            assert_eq!(translation.prompt.messages[0].role, Role::System, "{name}");
            assert_eq!(translation.prompt.tools.is_empty(), telling == Telling::Printed || declares_none(&request));
        }
    }
}

#[test]
fn nothing_but_hosted_tools_and_short_forms_is_lost() {
    for (name, request) in all_recorded() {
        for loss in translated(&request).losses {
            let text = loss.to_string();
            let expected = text.contains("`web_search`")
                || text.contains("optional parameters not mentioned")
                || text.contains("offered as")
                || text.starts_with("text.verbosity")
                || (name == "0.169_schema" && text.starts_with("text.format: asked for in words"));
            assert!(expected, "{name}: {text}");
        }
    }
}

#[test]
fn no_word_of_a_message_is_lost() {
    for (name, request) in all_recorded() {
        let translation = translated(&request);
        let told: Vec<&str> = translation.prompt.messages.iter().map(|message| &*message.content).collect();
        let told = told.join("\n");
        for item in request["input"].as_array().unwrap() {
            let parts = item.get("content").or_else(|| item.get("output")).and_then(Value::as_array);
            for text in parts.into_iter().flatten().filter_map(|part| part["text"].as_str()) {
                assert!(told.contains(text), "{name}: {text}");
            }
            if let Some(output) = item["output"].as_str() {
                assert!(told.contains(output), "{name}: {output}");
            }
        }
        assert!(told.contains(request["instructions"].as_str().unwrap_or_default()), "{name}");
    }
}

#[test]
fn the_next_turn_begins_as_the_last_one_did() {
    let request = recorded("0.169_resume");
    let mut shorter = request.clone();
    shorter["input"].as_array_mut().unwrap().truncate(8);
    let (before, after) = (translated(&shorter), translated(&request));
    let (before, after) = (ollama::body(&before.prompt), ollama::body(&after.prompt));
    assert!(after.bytes.starts_with(&before.bytes[..before.messages_end]));
}

#[test]
fn bodies_are_small() {
    for (name, most) in [("0.169_exec", 26_000), ("0.169_tui", 31_000)] {
        let request = recorded(name);
        let (sent, came) = (ollama::body(&translated(&request).prompt).bytes.len(), request.to_string().len());
        assert!(sent <= most, "{name}: {came} became {sent}");
    }
}

/// Any node gone, or replaced by any other: there is a request or a clear refusal, and no panic.
#[test]
fn damaged_requests_are_asked_or_refused() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut refusals = 0;
    let mut requests: Vec<(String, Value, u32)> = all_recorded()
        .into_iter()
        .filter(|(_, request)| request.to_string().len() < 14_000)
        .map(|(n, r)| (n, r, 3))
        .collect();
    requests.push(("all kinds".to_owned(), all_kinds(), 600));
    let spare = all_kinds();
    for (name, request, times) in requests {
        for _ in 0..times {
            let mut damaged = request.clone();
            for _ in 0..=dice.below(3) {
                damage(&mut damaged, &spare, &mut dice);
            }
            let telling = if dice.below(2) == 0 { Telling::Structured } else { Telling::Printed };
            let mode = if dice.below(2) == 0 { Mode::Compact } else { Mode::Full };
            let settings = Settings { tools: mode, ..SETTINGS };
            match translate(&damaged, &[], &settings, &Facts::default(), telling) {
                Ok(translation) => check(&name, &translation),
                Err(refused) => {
                    refusals += 1;
                    assert!(refused.message.ends_with('.'), "{refused:?}");
                }
            }
        }
    }
    assert!(refusals > 10, "the damage does no harm: {refusals}");
}

const SETTINGS: Settings = Settings { tools: Mode::Compact, num_ctx: None, api: Api::Ollama };

fn translated(request: &Value) -> Translation<'_> {
    translate(request, &[], &SETTINGS, &Facts::default(), Telling::Structured).unwrap()
}

fn declares_none(request: &Value) -> bool {
    request["tools"].as_array().is_none_or(Vec::is_empty)
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codex")
}

fn recorded(name: &str) -> Value {
    let text = fs::read_to_string(fixtures().join("requests").join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn all_recorded() -> Vec<(String, Value)> {
    let entries = fs::read_dir(fixtures().join("requests")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), recorded(&name))).collect()
}

/// The rules that Ollama and other servers have for a body, checked on what is sent.
#[track_caller]
fn check(name: &str, translation: &Translation<'_>) {
    let (native, compatible) = (ollama::body(&translation.prompt), chat::body(&translation.prompt));
    for (body, text_arguments) in [(&native, false), (&compatible, true)] {
        assert_eq!(body.bytes[body.messages_end], b']', "{name}");
        let api = if text_arguments { Api::Chat } else { Api::Ollama };
        let continued: Value = serde_json::from_slice(&body.continued(api, "t", "so \"far\"")).unwrap();
        let last = continued["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(last["role"], "assistant", "{name}");
        assert!(last["content"].as_str().unwrap().ends_with("so \"far\""), "{name}");
        let body: Value = serde_json::from_slice(&body.bytes).unwrap();
        assert_eq!(body["stream"], true, "{name}");
        messages(name, body["messages"].as_array().unwrap(), text_arguments);
    }
    let native: Value = serde_json::from_slice(&native.bytes).unwrap();
    assert_eq!(native["truncate"], false, "{name}");
    assert_eq!(native.get("options"), native.get("options").filter(|options| options.is_object()), "{name}");
}

#[track_caller]
fn messages(name: &str, messages: &[Value], text_arguments: bool) {
    assert!(!messages.is_empty(), "{name}");
    let mut waiting: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap();
        assert!(["system", "user", "assistant", "tool"].contains(&role), "{name}: {role}");
        assert!(role != "system" || index == 0, "{name}: a later system message");
        let content = &message["content"];
        assert!(content.is_string() || (text_arguments && role == "user" && content.is_array()), "{name}: {content}");
        if role == "tool" {
            assert_eq!(message["tool_call_id"].as_str().unwrap(), waiting.remove(0), "{name}: message {index}");
            assert!(text_arguments || message["tool_name"].is_string(), "{name}");
        } else {
            assert!(waiting.is_empty(), "{name}: message {index} stands before outputs of {waiting:?}");
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            assert_eq!(role, "assistant", "{name}");
            waiting.push(call["id"].as_str().unwrap());
            let arguments = &call["function"]["arguments"];
            let object = if text_arguments { parsed(arguments) } else { arguments.clone() };
            assert!(object.is_object(), "{name}: {arguments}");
            assert!(call["function"]["name"].is_string(), "{name}");
        }
        for image in message["images"].as_array().into_iter().flatten() {
            assert!(!image.as_str().unwrap().contains(':'), "{name}: {image}");
        }
    }
    let open_at_the_end = messages.last().unwrap()["role"] == "assistant";
    assert!(waiting.is_empty() || open_at_the_end, "{name}: {waiting:?} without output");
}

fn parsed(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

/// One item of each kind, and each field that is read.
fn all_kinds() -> Value {
    let png = "data:image/png;base64,AAAA";
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}}});
    json!({
        "model": "m", "instructions": "i", "max_output_tokens": 5, "temperature": 0.1, "top_p": 0.5,
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "exec_command"}]},
        "reasoning": {"effort": "high"}, "truncation": "auto",
        "text": {"verbosity": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "tools": [tool("exec_command"), {"type": "namespace", "name": "mcp__a", "tools": [tool("b")]}, {"type": "custom", "name": "c"}],
        "input": [
            {"type": "additional_tools", "tools": [tool("d")]},
            {"role": "developer", "content": "d"},
            {"role": "user", "content": [{"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": png},
                {"type": "input_file", "filename": "f", "file_data": "Zm9v"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "r"}], "content": [{"type": "reasoning_text", "text": "R"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "n"}]},
            {"type": "function_call", "name": "exec_command", "call_id": "1", "arguments": "{\"cmd\":\"x\"}"},
            {"type": "custom_tool_call", "name": "c", "call_id": "2", "input": "x"},
            {"type": "function_call_output", "call_id": "1", "output": [{"type": "input_image", "image_url": {"url": png}}]},
            {"type": "custom_tool_call_output", "call_id": "2", "output": "o"},
            {"type": "tool_search_call", "call_id": "3", "arguments": {"query": "q"}},
            {"type": "tool_search_output", "call_id": "3", "tools": [tool("e")]},
            {"type": "local_shell_call", "call_id": "4", "action": {"command": ["ls"]}},
            {"role": "system", "content": "late"},
            {"type": "local_shell_call_output", "call_id": "4", "output": "o"},
            {"type": "mcp_call", "id": "5", "server_label": "a", "name": "b", "arguments": "{}", "output": "o"},
            {"type": "function_call_output", "name": "n", "namespace": "s", "output": "orphan"},
            {"type": "compaction", "encrypted_content": "x"}, {"type": "agent_message", "author": "a", "content": "m"},
            {"type": "function_call", "name": "b", "namespace": "mcp__a", "call_id": "6", "arguments": "{"},
        ],
    })
}

/// xorshift64*
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let rolled = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(rolled).unwrap() % limit
    }
}

/// Removes a node, or puts another one in its place: a constant, or any node of `spare`.
fn damage(value: &mut Value, spare: &Value, dice: &mut Dice) {
    let nodes = count(value);
    let mut target = dice.below(nodes);
    let replacement = match dice.below(8) {
        0 => None,
        1 => Some(Value::Null),
        2 => Some(json!("")),
        3 => Some(json!(-1.5)),
        4 => Some(json!([])),
        5 => Some(json!({})),
        _ => Some(node(spare, &mut dice.below(count(spare))).unwrap().clone()),
    };
    strike(value, &mut target, replacement.as_ref());
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn count(value: &Value) -> usize {
    1 + children(value).into_iter().map(count).sum::<usize>()
}

fn node<'a>(value: &'a Value, left: &mut usize) -> Option<&'a Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    children(value).into_iter().find_map(|child| node(child, left))
}

/// True: this is the node, and it is to be removed by its holder.
fn strike(value: &mut Value, left: &mut usize, replacement: Option<&Value>) -> bool {
    if *left == 0 {
        *left = usize::MAX;
        if let Some(replacement) = replacement {
            *value = replacement.clone();
        }
        return replacement.is_none();
    }
    *left = left.saturating_sub(1);
    match value {
        Value::Array(items) => {
            let gone = items.iter_mut().position(|item| strike(item, left, replacement));
            gone.map(|index| items.remove(index));
        }
        Value::Object(fields) => {
            let gone = fields.iter_mut().find_map(|(key, item)| strike(item, left, replacement).then(|| key.clone()));
            gone.map(|key| fields.remove(&key));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    false
}
