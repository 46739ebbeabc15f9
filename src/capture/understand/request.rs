//! What was asked: the messages or items of a request, its tools, and all else of it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::capture::record::{Api, Message};
use crate::capture::view::{Item, ItemKind, Part, Tool};

use super::form::Form;
use super::json::{self, list, owned, size, text};
use super::{items, user};

/// So much is shown of a body that makes no sense.
const SHOWN: usize = 64 << 10;
/// About, for most tokenizers, languages and code.
pub(super) const BYTES_A_TOKEN: f64 = 4.0;

/// A request's body.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// Null, where it could not be read.
    pub body: Value,
    /// What is shown instead.
    unread: Option<String>,
}

/// A message or item of a request.
#[derive(Debug)]
pub(super) struct Entry<'r> {
    pub at: String,
    pub value: Cow<'r, Value>,
}

impl Request {
    pub(super) fn read(message: Option<&Message>) -> Self {
        let Some(message) = message else { return Self::default() };
        let form = Form::of(message);
        let parsed = match form {
            Form::Json => json::parse(&message.body),
            Form::Ndjson | Form::Sse | Form::Text | Form::Binary | Form::Empty => None,
        };
        if let Some(body) = parsed {
            return Self { body: unwrapped(body), unread: None };
        }
        let start = &message.body[..message.body.len().min(SHOWN)];
        let shows = !matches!(form, Form::Empty | Form::Binary);
        Self { body: Value::Null, unread: shows.then(|| String::from_utf8_lossy(start).into_owned()) }
    }

    pub(super) fn model(&self) -> Option<&str> {
        text(&self.body, "model").or_else(|| text(&self.body, "name"))
    }

    /// Instructions and history, oldest first.
    pub(super) fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries = Vec::new();
        for key in ["instructions", "system"] {
            if let Some(text) = text(&self.body, key) {
                entries
                    .push(Entry { at: key.to_owned(), value: Cow::Owned(json!({"role": "system", "content": text})) });
            }
        }
        for key in ["input", "messages"] {
            if let Some(text) = text(&self.body, key) {
                entries.push(Entry { at: key.to_owned(), value: Cow::Owned(json!({"role": "user", "content": text})) });
            }
            for (place, value) in list(&self.body, key).iter().enumerate() {
                entries.push(Entry { at: format!("{key}[{place}]"), value: Cow::Borrowed(value) });
            }
        }
        if let Some(prompt) = text(&self.body, "prompt") {
            let images = self.body.get("images").cloned().unwrap_or(Value::Null);
            let value = json!({"role": "user", "content": prompt, "images": images});
            entries.push(Entry { at: "prompt".to_owned(), value: Cow::Owned(value) });
        }
        entries
    }

    /// Messages or items, as the client would count them.
    pub(super) fn count(&self) -> usize {
        let in_lists: usize = ["input", "messages"].map(|key| list(&self.body, key).len()).iter().sum();
        let texts = ["input", "prompt"].iter().filter(|key| text(&self.body, key).is_some()).count();
        in_lists + texts
    }

    pub(super) fn conversation(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for entry in self.entries() {
            items::read(&entry.value, &entry.at, &mut items);
        }
        if let Some(text) = &self.unread {
            let parts = vec![Part::Text { text: text.clone() }];
            items.push(Item { kind: ItemKind::Other, parts, bytes: text.len() as u64, ..Item::default() });
        }
        items::join(&mut items);
        items
    }

    /// Tools, each namespace's members on their own.
    pub(super) fn tools(&self, bytes_a_token: f64) -> Vec<Tool> {
        let mut tools = Vec::new();
        for value in declared(&self.body) {
            flatten(value, None, bytes_a_token, &mut tools);
        }
        tools
    }

    pub(super) fn count_tools(&self) -> usize {
        let members = |tool: &Value| if is_namespace(tool) { list(tool, "tools").len() } else { 1 };
        // What is in a namespace is in no other one.
        declared(&self.body)
            .map(|tool| if is_namespace(tool) { list(tool, "tools").iter().map(members).sum() } else { 1 })
            .sum()
    }

    /// All but the conversation and the tools.
    pub(super) fn parameters(&self) -> Value {
        let Value::Object(fields) = &self.body else { return Value::Null };
        let elsewhere = ["instructions", "system", "input", "messages", "prompt", "images", "tools"];
        let rest = fields.iter().filter(|(key, _)| !elsewhere.contains(&key.as_str()));
        Value::Object(rest.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
    }

    /// Characters of system and developer texts.
    pub(super) fn system_chars(entries: &[Entry<'_>]) -> u64 {
        let is_system = |entry: &&Entry<'_>| matches!(text(&entry.value, "role"), Some("system" | "developer"));
        let texts = entries.iter().filter(is_system).flat_map(|entry| user::texts(&entry.value));
        texts.map(|text| text.chars().count() as u64).sum()
    }
}

/// A message on a WebSocket may have the request in it.
fn unwrapped(mut body: Value) -> Value {
    match body.get_mut("response") {
        Some(inner) if inner.is_object() => inner.take(),
        Some(_) | None => body,
    }
}

/// Which language a path speaks.
pub(super) fn api(path: &str) -> Api {
    let path = path.trim_end_matches('/');
    let below = path.strip_prefix("/v1").unwrap_or(path);
    match path {
        "/api/chat" => Api::OllamaChat,
        "/api/generate" => Api::OllamaGenerate,
        _ if below == "/chat/completions" => Api::Chat,
        _ if below == "/responses" || below.starts_with("/responses/") => Api::Responses,
        _ => Api::Other,
    }
}

fn is_namespace(tool: &Value) -> bool {
    text(tool, "type") == Some("namespace")
}

/// Those of the request, and those that are items (the "lite" form of Codex 0.169).
fn declared(body: &Value) -> impl Iterator<Item = &Value> {
    let items = list(body, "input").iter().filter(|item| text(item, "type") == Some("additional_tools"));
    list(body, "tools").iter().chain(items.flat_map(|item| list(item, "tools")))
}

fn flatten(value: &Value, namespace: Option<&str>, bytes_a_token: f64, tools: &mut Vec<Tool>) {
    if namespace.is_none() && is_namespace(value) {
        for member in list(value, "tools") {
            flatten(member, text(value, "name"), bytes_a_token, tools);
        }
        return;
    }
    let kind = text(value, "type").unwrap_or("function");
    let function = value.get("function").filter(|function| function.is_object()).unwrap_or(value);
    let name = text(function, "name").unwrap_or(kind);
    let bytes = size(value);
    let schema = ["parameters", "format", "inputSchema"].into_iter().find_map(|key| function.get(key));
    tools.push(Tool {
        name: namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}.{name}")),
        kind: kind.to_owned(),
        description: owned(function, "description").unwrap_or_default(),
        schema: schema.cloned().unwrap_or(Value::Null),
        bytes,
        tokens: tokens(bytes, bytes_a_token),
        changed: None,
        called: 0,
    });
}

/// About.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "it is about")]
pub(super) fn tokens(bytes: u64, bytes_a_token: f64) -> u64 {
    (bytes as f64 / bytes_a_token).round() as u64
}
