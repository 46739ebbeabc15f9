//! From a JSON value to the calls in it.

use super::cursor::{Cursor, Parsed, Stop};
use super::{Family, Raw, Written, loose};
use serde_json::{Map, Value};

const NAMES: [&str; 4] = ["name", "tool_name", "tool", "function"];
const ARGUMENTS: [&str; 4] = ["arguments", "parameters", "args", "input"];
/// What else stands first in an object that is a call.
const FIRST: [&str; 4] = ["type", "id", "tool_call_id", "tool_calls"];

/// JSON values one after the other, after a mark that announces calls.
pub(super) fn marked(c: &mut Cursor<'_>, family: Family) -> Parsed<Vec<Raw>> {
    c.blanks();
    if !starts(c)? {
        return Err(Stop::Other);
    }
    let value = loose::value(c).map_err(super::xml::broken)?;
    gather(value, family, true).ok_or(Stop::Broken)
}

/// Whether a list or an object begins here.
pub(super) fn starts(c: &Cursor<'_>) -> Parsed<bool> {
    c.rest().chars().next().map(|c| matches!(c, '{' | '[')).ok_or(Stop::Short)
}

/// JSON that nothing announces: it must be a call at first sight, and have arguments.
pub(super) fn bare(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    promising(*c)?;
    let value = loose::value(c)?;
    let listed = !value.is_object() || NAMES.iter().all(|name| !value[name].is_string());
    let family = if listed {
        Family::GenericJson
    } else if value.get("parameters").is_some() {
        Family::LlamaJson
    } else {
        Family::BareJson
    };
    gather(value, family, false).ok_or(Stop::Other)
}

/// Looks at the first key only, so that other JSON is not waited for.
fn promising(mut c: Cursor<'_>) -> Parsed<()> {
    c.blanks();
    // A list, perhaps of lists, of objects. What opens more brackets is no call, and not to be waited for.
    for bracket in ["[", "[", "{"] {
        if c.eat(bracket) {
            c.blanks();
        }
    }
    let begun = c.rest().strip_prefix(['"', '\'']).unwrap_or(c.rest());
    let mut known = NAMES.iter().chain(&ARGUMENTS).chain(&FIRST);
    if known.clone().any(|key| key.starts_with(begun)) {
        return Err(Stop::Short);
    }
    let key = loose::key(&mut c)?;
    if known.any(|known| *known == key) { Ok(()) } else { Err(Stop::Other) }
}

fn gather(value: Value, family: Family, marked: bool) -> Option<Vec<Raw>> {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let calls: Option<Vec<_>> = items.into_iter().map(|item| gather(item, family, marked)).collect();
            Some(calls?.into_iter().flatten().collect())
        }
        Value::Object(mut object) => match (object.remove("tool_calls"), object.get("function")) {
            (Some(calls @ Value::Array(_)), _) => gather(calls, family, marked),
            (_, Some(Value::Object(function))) => one(function.clone(), family, marked).map(|call| vec![call]),
            _ => one(object, family, marked).map(|call| vec![call]),
        },
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn one(mut object: Map<String, Value>, family: Family, marked: bool) -> Option<Raw> {
    let name = NAMES.iter().find_map(|key| Some(object.get(*key)?.as_str()?.to_owned()))?;
    let arguments = match ARGUMENTS.iter().find_map(|key| object.remove(*key)) {
        // The function's declaration, told instead of called.
        Some(schema) if schema["type"] == "object" && schema["properties"].is_object() => return None,
        Some(arguments) => arguments,
        None if marked => Value::Null,
        None => return None,
    };
    Some(Raw { name, arguments: Written::Json(arguments), family })
}

/// Apertus: `[{"exec_command": {"cmd": "ls"}}]`, the name being the key.
pub(super) fn keyed(c: &mut Cursor<'_>, family: Family) -> Parsed<Vec<Raw>> {
    c.blanks();
    if !starts(c)? {
        return Err(Stop::Other);
    }
    let value = loose::value(c).map_err(super::xml::broken)?;
    let items = if let Value::Array(items) = value { items } else { vec![value] };
    let mut calls = Vec::new();
    for item in items {
        let Value::Object(item) = item else { return Err(Stop::Broken) };
        calls.extend(item.into_iter().map(|(name, value)| Raw { name, arguments: Written::Json(value), family }));
    }
    if calls.is_empty() { Err(Stop::Broken) } else { Ok(calls) }
}
