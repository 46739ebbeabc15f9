//! Items of the Responses API.

use serde_json::Value;

use crate::capture::understand::call;
use crate::capture::understand::json::{list, owned, text};
use crate::capture::view::{Call, Item, ItemKind, Part};

use super::parts;

/// `at` and `bytes` are left to the caller.
pub(super) fn read(kind: &str, value: &Value) -> Item {
    let item = Item { status: owned(value, "status"), ..Item::default() };
    match kind {
        "reasoning" => Item { kind: ItemKind::Reasoning, role: "assistant".into(), parts: thoughts(value), ..item },
        "compaction" | "compaction_summary" | "context_compaction" | "compaction_trigger" => {
            let texts =
                ["summary", "content"].into_iter().flat_map(|key| parts(value.get(key).unwrap_or(&Value::Null)));
            let parts = Some(texts.collect::<Vec<_>>()).filter(|parts| !parts.is_empty());
            let parts = parts.unwrap_or_else(|| vec![Part::Json { value: value.clone() }]);
            Item { kind: ItemKind::Compaction, role: "assistant".into(), parts, ..item }
        }
        _ if kind.ends_with("_output") => output(value, item),
        _ if kind.ends_with("_call") => called(kind, value, item),
        _ => Item {
            kind: ItemKind::Other,
            role: owned(value, "role").unwrap_or_default(),
            name: Some(kind.to_owned()),
            parts: vec![Part::Json { value: value.clone() }],
            ..item
        },
    }
}

/// The summary, or the thoughts themselves; what is encrypted only where there is nothing else.
fn thoughts(value: &Value) -> Vec<Part> {
    let parts_of = |key: &str| parts(value.get(key).unwrap_or(&Value::Null));
    let summary = parts_of("summary");
    let parts = if summary.is_empty() { parts_of("content") } else { summary };
    match value.get("encrypted_content") {
        Some(Value::String(sealed)) if parts.is_empty() && !sealed.is_empty() => {
            vec![Part::Json { value: serde_json::json!({"encrypted_content": sealed}) }]
        }
        Some(_) | None => parts,
    }
}

fn output(value: &Value, item: Item) -> Item {
    let given = ["output", "tools"].into_iter().find_map(|key| value.get(key));
    let parts = match given {
        Some(given) => parts(given),
        None => vec![Part::Json { value: value.clone() }],
    };
    Item {
        kind: ItemKind::Output,
        role: "tool".into(),
        parts,
        name: name(value),
        call_id: owned(value, "call_id"),
        ..item
    }
}

fn called(kind: &str, value: &Value, item: Item) -> Item {
    let kept_name = name(value).unwrap_or_else(|| kind.strip_suffix("_call").unwrap_or(kind).to_owned());
    let given = ["arguments", "input", "action", "queries", "code"].into_iter().find_map(|key| value.get(key));
    let call = match given.filter(|given| !given.is_null()) {
        Some(arguments) => call::read(&kept_name, arguments),
        None => Call::Tool { arguments: Value::Null },
    };
    // Some are run where the model is, and have their output with them.
    let output = value.get("output").map(parts).filter(|parts| !parts.is_empty()).or_else(|| picture(value));
    Item {
        kind: ItemKind::Call,
        role: "assistant".into(),
        name: Some(kept_name),
        call_id: owned(value, "call_id").or_else(|| owned(value, "id")),
        call: Some(call),
        output,
        ..item
    }
}

/// With its namespace, or the server of MCP.
fn name(value: &Value) -> Option<String> {
    let name = text(value, "name")?;
    let space = text(value, "namespace").or_else(|| text(value, "server_label"));
    Some(space.map_or_else(|| name.to_owned(), |space| format!("{space}.{name}")))
}

/// What `image_generation_call` gives.
fn picture(value: &Value) -> Option<Vec<Part>> {
    let result = value.get("result")?;
    match result.as_str() {
        Some(data) if !data.is_empty() => Some(vec![super::bare_image(data)]),
        Some(_) => None,
        None => Some(list(value, "result").iter().map(|value| Part::Json { value: value.clone() }).collect()),
    }
}
