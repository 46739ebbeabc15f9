//! What Codex's parsers refuse although no schema says so (0.169, checked by running it). Rules look at the keys that a
//! tool declares, never at versions: a tool that declares the same keys means the same by them.

use super::arguments::required;
use super::shell;
use super::slip::{Slip, note};
use serde_json::{Number, Value};

type Members = serde_json::Map<String, Value>;

pub fn mend(members: &mut Members, schema: &Value) -> Vec<Slip> {
    let mut slips = Vec::new();
    let declares = |key: &str| schema.get("properties").is_some_and(|declared| declared.get(key).is_some());
    if declares("cmd") && declares("yield_time_ms") {
        patch(members, &mut slips);
    }
    if declares("sandbox_permissions") {
        permissions(members, declares("justification"), &mut slips);
    }
    let optional = |key: &str| declares(key) && !required(schema).any(|needed| needed == key);
    for key in ["yield_time_ms", "max_output_tokens"].into_iter().filter(|key| optional(key)) {
        count(members, key, &mut slips);
    }
    slips
}

/// A bare patch as a command is refused with a hint; as a heredoc it is applied.
fn patch(members: &mut Members, slips: &mut Vec<Slip>) {
    let patch = members.get("cmd").and_then(Value::as_str).and_then(shell::patch_of).map(shell::heredoc);
    if let Some(line) = patch {
        members.insert("cmd".to_owned(), Value::String(line));
        note(slips, Slip::Patch);
    }
}

/// Any `justification`, even an empty one, without a permission that it justifies has the whole call refused.
fn permissions(members: &mut Members, justifiable: bool, slips: &mut Vec<Slip>) {
    let drop = |members: &mut Members, key: &str, slips: &mut Vec<Slip>| {
        if members.remove(key).is_some() {
            note(slips, Slip::ValueDropped);
        }
    };
    let asked = members.get("sandbox_permissions").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let (none, default) = (asked.is_empty(), asked == "use_default");
    if none {
        drop(members, "sandbox_permissions", slips);
    }
    if justifiable && (none || default) {
        drop(members, "justification", slips);
    }
}

/// The schema says `number`, the parser wants an unsigned integer; no output at all is never meant.
fn count(members: &mut Members, key: &str, slips: &mut Vec<Slip>) {
    let Some(value) = members.get(key).and_then(Value::as_f64) else { return };
    if value < 0.0 || (value < 1.0 && key == "max_output_tokens") {
        members.remove(key);
        note(slips, Slip::ValueDropped);
    } else if value.fract() != 0.0
        && let Ok(whole) = format!("{:.0}", value.trunc()).parse::<u64>()
    {
        members.insert(key.to_owned(), Value::Number(Number::from(whole)));
        note(slips, Slip::Number);
    }
}
