//! One value and the schema it should fit. `None` means: leave the key out.

use super::arguments::required;
use super::json::parse_lenient;
use super::keys::{alike, only};
use super::shell;
use super::slip::{Slip, note, note_all};
use serde_json::{Map, Number, Value};

/// Keys whose text is a command line.
const COMMAND_KEYS: &[&str] = &["cmd", "command", "script"];

/// Whole numbers that a float holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What one key is to be.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    key: &'a str,
    schema: &'a Value,
    optional: bool,
}

pub(super) fn fit_members(given: Map<String, Value>, schema: &Value, slips: &mut Vec<Slip>) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    given
        .into_iter()
        .filter_map(|(key, value)| {
            let Some(schema_of_key) = properties.and_then(|declared| declared.get(&key)) else {
                return Some((key, value));
            };
            let optional = !required(schema).any(|needed| needed == key);
            let value = fit_value(value, Wanted { key: &key, schema: schema_of_key, optional }, slips)?;
            Some((key, value))
        })
        .collect()
}

/// May this value stand under this key, as it is or joined?
pub(super) fn would_take(key: &str, schema: &Value, value: &Value) -> bool {
    let kinds = kinds(schema);
    match value {
        Value::String(_) => kinds.contains(&"string"),
        Value::Array(_) => kinds.contains(&"array") || (kinds.contains(&"string") && COMMAND_KEYS.contains(&key)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn fit_value(value: Value, wanted: Wanted<'_>, slips: &mut Vec<Slip>) -> Option<Value> {
    let kinds = kinds(wanted.schema);
    if kinds.is_empty() || words(wanted.schema).contains(&value) {
        return Some(value);
    }
    let value = match value {
        Value::Null if kinds.contains(&"null") => Value::Null,
        Value::Null => {
            note(slips, Slip::ValueDropped);
            return None;
        }
        Value::String(text) => from_text(text, &kinds, wanted, slips)?,
        Value::Number(number) => from_number(number, &kinds, slips),
        Value::Bool(truth) if kinds.contains(&"string") && !kinds.contains(&"boolean") => {
            note(slips, Slip::Text);
            Value::String(truth.to_string())
        }
        Value::Bool(truth) => Value::Bool(truth),
        Value::Array(items) => from_list(items, &kinds, wanted, slips),
        Value::Object(members) if kinds.contains(&"object") => {
            Value::Object(fit_members(members, branch(wanted.schema, "object"), slips))
        }
        Value::Object(members) if kinds.contains(&"array") && item_kinds(wanted.schema).contains(&"object") => {
            note(slips, Slip::Wrapped);
            from_list(vec![Value::Object(members)], &kinds, wanted, slips)
        }
        Value::Object(members) => Value::Object(members),
    };
    allowed(value, wanted, slips)
}

fn from_text(text: String, kinds: &[&str], wanted: Wanted<'_>, slips: &mut Vec<Slip>) -> Option<Value> {
    if kinds.contains(&"string") {
        return Some(Value::String(text));
    }
    let trimmed = text.trim();
    if wanted.optional && ["", "null", "None"].contains(&trimmed) {
        note(slips, Slip::ValueDropped);
        return None;
    }
    if let Some(number) = number(trimmed, kinds) {
        note(slips, Slip::Number);
        return Some(Value::Number(number));
    }
    if kinds.contains(&"boolean")
        && let Some(truth) = [true, false].into_iter().find(|truth| trimmed.eq_ignore_ascii_case(&truth.to_string()))
    {
        note(slips, Slip::Boolean);
        return Some(Value::Bool(truth));
    }
    Some(from_encoded(text, kinds, wanted, slips))
}

/// A list or an object that is written as text, or the only word of a list.
fn from_encoded(text: String, kinds: &[&str], wanted: Wanted<'_>, slips: &mut Vec<Slip>) -> Value {
    let trimmed = text.trim();
    let encoded = (trimmed.starts_with(['[', '{'])).then(|| parse_lenient(trimmed)).flatten();
    match encoded {
        Some((Value::Array(items), more)) if kinds.contains(&"array") => {
            note(slips, Slip::Encoded);
            note_all(slips, more);
            from_list(items, kinds, wanted, slips)
        }
        Some((Value::Object(members), more)) if kinds.contains(&"object") => {
            note(slips, Slip::Encoded);
            note_all(slips, more);
            Value::Object(fit_members(members, branch(wanted.schema, "object"), slips))
        }
        Some(_) | None if kinds.contains(&"array") && item_kinds(wanted.schema).contains(&"string") => {
            note(slips, Slip::Wrapped);
            Value::Array(vec![Value::String(text)])
        }
        Some(_) | None => Value::String(text),
    }
}

/// A number in text. Whole ones become integers, as Codex's parsers want them even where its schema says `number` (0.169).
fn number(text: &str, kinds: &[&str]) -> Option<Number> {
    if !kinds.contains(&"integer") && !kinds.contains(&"number") {
        return None;
    }
    let number = serde_json::from_str::<Number>(text).ok()?;
    let number = whole(&number).unwrap_or(number);
    (kinds.contains(&"number") || !number.is_f64()).then_some(number)
}

fn from_number(number: Number, kinds: &[&str], slips: &mut Vec<Slip>) -> Value {
    if kinds.contains(&"integer") || kinds.contains(&"number") {
        if let Some(whole) = whole(&number) {
            note(slips, Slip::Number);
            return Value::Number(whole);
        }
    } else if kinds.contains(&"string") {
        note(slips, Slip::Text);
        return Value::String(number.to_string());
    }
    Value::Number(number)
}

/// The integer that a float is.
fn whole(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT)?;
    format!("{float:.0}").parse::<i64>().ok().map(Number::from)
}

fn from_list(items: Vec<Value>, kinds: &[&str], wanted: Wanted<'_>, slips: &mut Vec<Slip>) -> Value {
    if kinds.contains(&"array") {
        let schema = branch(wanted.schema, "array").get("items").unwrap_or(&Value::Null);
        let item = Wanted { key: wanted.key, schema, optional: false };
        // The place of an item tells something, so that none is left out.
        let fitted = items
            .into_iter()
            .map(|value| if value.is_null() { value } else { fit_value(value, item, slips).unwrap_or_default() });
        return Value::Array(fitted.collect());
    }
    let joined = if kinds.contains(&"string") && COMMAND_KEYS.contains(&wanted.key) {
        shell::words(&items).and_then(|words| shell::command_line(&words))
    } else {
        None
    };
    match joined {
        Some(line) => {
            note(slips, Slip::Joined);
            Value::String(line)
        }
        None => Value::Array(items),
    }
}

/// The words and the smallest number that are allowed.
fn allowed(value: Value, wanted: Wanted<'_>, slips: &mut Vec<Slip>) -> Option<Value> {
    let words = words(wanted.schema);
    let least = wanted.schema.get("minimum").and_then(Value::as_f64).filter(|least| *least >= 0.0);
    let negative = least.is_some() && value.as_f64().is_some_and(|number| number < 0.0);
    let unknown = !words.is_empty() && !words.contains(&value);
    if unknown && let Some(text) = value.as_str() {
        let meant = only(words.iter().filter(|word| word.as_str().is_some_and(|word| alike(word, text))));
        if let Some(word) = meant {
            note(slips, Slip::Word);
            return Some(word.clone());
        }
    }
    if wanted.optional && (unknown || negative) {
        note(slips, Slip::ValueDropped);
        return None;
    }
    Some(value)
}

fn words(schema: &Value) -> &[Value] {
    schema.get("enum").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn item_kinds(schema: &Value) -> Vec<&str> {
    branch(schema, "array").get("items").map(kinds).unwrap_or_default()
}

/// The types that a schema allows; empty when it does not say, or says it in a way that is not read here (`$ref`).
fn kinds(schema: &Value) -> Vec<&str> {
    let mut kinds = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => {
            let each: Vec<Vec<&str>> = branches(schema).map(kinds).collect();
            let read = each.iter().all(|kinds| !kinds.is_empty());
            if read { each.concat() } else { Vec::new() }
        }
    };
    if !kinds.is_empty() && schema.get("nullable") == Some(&Value::Bool(true)) {
        kinds.push("null");
    }
    kinds
}

fn branches(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()).flatten()
}

/// The part of a schema that speaks of this type.
fn branch<'a>(schema: &'a Value, kind: &str) -> &'a Value {
    branches(schema).find(|branch| kinds(branch).contains(&kind)).unwrap_or(schema)
}
