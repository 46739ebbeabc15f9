//! Rows of items, and the messages that come of them, one line each: `role: content`, with `(thinking)`, calls as
//! `name{arguments}#id`, `@id` for the call that is answered, and `+n` images.

mod choice;
mod fields;
mod items;
mod turns;
mod writers;

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Facts, Message, Refused, Role, Settings, Telling, Translation, translate};
use crate::translate::tools::Mode;
use crate::translate::wire::Api;

const PNG: &str = "data:image/png;base64,AAAA";
const SETTINGS: Settings = Settings { tools: Mode::Compact, num_ctx: None, api: Api::Ollama };

/// Without tools: what the messages are made of is not about them.
fn request(input: Value) -> Value {
    let mut request = json!({"model": "qwen3:14b"});
    request["input"] = input;
    request
}

fn exec_command() -> Value {
    let parameters = json!({"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]});
    json!({"type": "function", "name": "exec_command", "description": "Runs.", "parameters": parameters})
}

fn translated(request: &Value) -> Translation<'_> {
    told(request, Telling::Structured)
}

fn told(request: &Value, telling: Telling) -> Translation<'_> {
    translate(request, &[], &SETTINGS, &Facts::default(), telling).unwrap()
}

fn refused(request: &Value) -> Refused {
    translate(request, &[], &SETTINGS, &Facts::default(), Telling::Structured).unwrap_err()
}

#[track_caller]
fn check(input: Value, messages: &[&str], losses: &[&str]) {
    let request = request(input);
    let translation = translated(&request);
    assert_eq!(shown(&translation), messages);
    assert_eq!(lost(&translation), losses);
}

fn shown(translation: &Translation<'_>) -> Vec<String> {
    translation.prompt.messages.iter().map(show).collect()
}

fn lost(translation: &Translation<'_>) -> Vec<String> {
    translation.losses.iter().map(ToString::to_string).collect()
}

fn show(message: &Message<'_>) -> String {
    let mut line = String::from(match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    });
    if let Some(answered) = &message.answers {
        write!(line, "@{} {}", answered.call_id, answered.name).unwrap();
    }
    line += ":";
    if !message.thinking.is_empty() {
        write!(line, " ({})", message.thinking).unwrap();
    }
    if !message.content.is_empty() {
        write!(line, " {}", message.content).unwrap();
    }
    for call in &message.calls {
        write!(line, " {}{}#{}", call.name, Value::Object(call.arguments.clone()), call.id).unwrap();
    }
    if !message.images.is_empty() {
        write!(line, " +{}", message.images.len()).unwrap();
    }
    line
}

fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

fn assistant(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

fn developer(text: &str) -> Value {
    json!({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]})
}

fn thought(text: &str) -> Value {
    json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": text}], "content": null})
}

fn call(id: &str, cmd: &str) -> Value {
    let arguments = json!({"cmd": cmd}).to_string();
    json!({"type": "function_call", "name": "exec_command", "call_id": id, "arguments": arguments})
}

fn output(id: &str, text: &str) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": text})
}

fn image(url: &str) -> Value {
    json!({"type": "input_image", "image_url": url})
}
