//! Messages and items of all four languages, as items of one kind.

mod responses;

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::capture::view::{Item, ItemKind, Part};

use super::json::{list, owned, size, text};
use super::{call, user};

/// The items of one message or item: a message of a chat may hold thoughts, words and calls.
pub(super) fn read(value: &Value, at: &str, items: &mut Vec<Item>) {
    match text(value, "type") {
        None | Some("message") => message(value, at, items),
        Some(kind) => items.push(Item { at: at.to_owned(), bytes: size(value), ..responses::read(kind, value) }),
    }
}

/// Gives each call its output: by its id, or, where a language has none, by name and order.
pub(super) fn join(items: &mut [Item]) {
    let mut by_id: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
    let mut by_name: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
    for place in 0..items.len() {
        let item = &items[place];
        match (item.kind, &item.call_id, &item.name) {
            (ItemKind::Call, Some(id), _) => by_id.entry(id.clone()).or_default().push_back(place),
            (ItemKind::Call, None, Some(name)) => by_name.entry(name.clone()).or_default().push_back(place),
            (ItemKind::Output, Some(id), _) => give(items, by_id.get_mut(id), place),
            (ItemKind::Output, None, Some(name)) => give(items, by_name.get_mut(name), place),
            _ => {}
        }
    }
}

fn give(items: &mut [Item], calls: Option<&mut VecDeque<usize>>, output: usize) {
    let Some(call) = calls.and_then(VecDeque::pop_front) else { return };
    items[call].output = Some(items[output].parts.clone());
    let name = items[call].name.clone();
    items[output].name = name;
}

fn message(value: &Value, at: &str, items: &mut Vec<Item>) {
    let role = text(value, "role").unwrap_or_default();
    let bytes = size(value);
    let new = |kind: ItemKind| Item { kind, role: role.to_owned(), at: at.to_owned(), bytes, ..Item::default() };
    let Value::Object(_) = value else {
        let part = match value.as_str() {
            Some(words) => Part::Text { text: words.to_owned() },
            None => Part::Json { value: value.clone() },
        };
        let kind = if value.is_string() { ItemKind::Message } else { ItemKind::Other };
        items.push(Item { parts: vec![part], ..new(kind) });
        return;
    };
    let before = items.len();
    let thoughts = ["thinking", "reasoning", "reasoning_content"].into_iter().find_map(|key| text(value, key));
    if let Some(thoughts) = thoughts {
        let parts = vec![Part::Text { text: thoughts.to_owned() }];
        items.push(Item { parts, bytes: thoughts.len() as u64, ..new(ItemKind::Reasoning) });
    }
    let mut parts = parts(value.get("content").unwrap_or(&Value::Null));
    parts.extend(list(value, "images").iter().filter_map(Value::as_str).map(bare_image));
    let refusal = text(value, "refusal").map(|text| Part::Text { text: text.to_owned() });
    let is_refusal = refusal.is_some() || is_all_refusal(value);
    parts.extend(refusal);
    if !parts.is_empty() || role == "tool" {
        items.push(Item {
            kind: kind(role, is_refusal, &parts),
            parts,
            name: owned(value, "tool_name").or_else(|| owned(value, "name")),
            call_id: owned(value, "tool_call_id"),
            status: owned(value, "status"),
            ..new(ItemKind::Message)
        });
    }
    for tool_call in list(value, "tool_calls") {
        items.push(Item { bytes: size(tool_call), ..chat_call(tool_call, new(ItemKind::Call)) });
    }
    if items.len() == before {
        items.push(new(ItemKind::Message));
    }
}

fn kind(role: &str, is_refusal: bool, parts: &[Part]) -> ItemKind {
    let hands_over = |part: &Part| matches!(part, Part::Text { text } if text.starts_with(user::HANDED_OVER));
    match role {
        "tool" | "function" => ItemKind::Output,
        "user" if parts.iter().any(hands_over) => ItemKind::Compaction,
        _ if is_refusal => ItemKind::Refusal,
        _ => ItemKind::Message,
    }
}

fn is_all_refusal(value: &Value) -> bool {
    let parts = list(value, "content");
    !parts.is_empty() && parts.iter().all(|part| text(part, "type") == Some("refusal"))
}

/// `{id, function: {name, arguments}}`, or `{id, custom: {name, input}}`.
fn chat_call(value: &Value, item: Item) -> Item {
    let what = ["function", "custom"].into_iter().find_map(|key| value.get(key)).unwrap_or(value);
    let name = owned(what, "name").unwrap_or_default();
    let arguments = ["arguments", "input"].into_iter().find_map(|key| what.get(key)).unwrap_or(&Value::Null);
    let call = Some(call::read(&name, arguments));
    Item { call, name: Some(name), call_id: owned(value, "id"), ..item }
}

/// Parts of a message or of an output.
pub(super) fn parts(content: &Value) -> Vec<Part> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![Part::Text { text: text.clone() }],
        Value::Array(parts) => parts.iter().map(part).collect(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec![Part::Json { value: content.clone() }],
    }
}

fn part(value: &Value) -> Part {
    let kind = text(value, "type").unwrap_or("text");
    let words = value.as_str().or_else(|| value.get("text")?.as_str()).or_else(|| value.get("refusal")?.as_str());
    match (kind, words) {
        ("text" | "input_text" | "output_text" | "summary_text" | "reasoning_text" | "refusal", Some(words)) => {
            Part::Text { text: words.to_owned() }
        }
        ("input_image" | "image_url" | "output_image" | "image", _) => {
            let url = value.get("image_url").unwrap_or(&Value::Null);
            match url.as_str().or_else(|| text(url, "url")) {
                Some(url) => image(url.to_owned()),
                None => Part::Json { value: value.clone() },
            }
        }
        _ => Part::Json { value: value.clone() },
    }
}

fn image(url: String) -> Part {
    Part::Image { bytes: url.len() as u64, url }
}

/// Ollama's images are base 64 without a word of what they are; how they begin tells (RFC 4648 of the formats' marks).
fn bare_image(data: &str) -> Part {
    let kind = match data.as_bytes() {
        [b'/', b'9', b'j', ..] => "jpeg",
        [b'R', b'0', b'l', ..] => "gif",
        [b'U', b'k', b'l', ..] => "webp",
        _ => "png",
    };
    image(if data.starts_with("data:") { data.to_owned() } else { format!("data:image/{kind};base64,{data}") })
}
