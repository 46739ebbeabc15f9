//! Arguments as their schema wants them. What fits is left alone; what does not and cannot be mended without guessing is
//! left alone as well: the tool's own answer tells the model more than ours could. Only a missing key is an error.

use super::keys;
use super::slip::{Slip, note};
use super::value;
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    NotAnObject,
    Missing(String),
}

pub fn fit(arguments: Value, schema: &Value) -> Result<(Map<String, Value>, Vec<Slip>), Unfit> {
    let mut slips = Vec::new();
    let mut given = members(arguments, schema, &mut slips)?;
    keys::rename(&mut given, schema, &mut slips);
    let fitted = value::fit_members(given, schema, &mut slips);
    match required(schema).find(|key| !fitted.contains_key(*key)) {
        Some(key) => Err(Unfit::Missing(key.to_owned())),
        None => Ok((fitted, slips)),
    }
}

pub(in crate::translate) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The key that a value without key can only mean: the one that is required.
pub(super) fn sole_key(schema: &Value) -> Option<(&str, &Value)> {
    let mut keys = required(schema);
    let key = keys.next().filter(|_| keys.next().is_none())?;
    Some((key, schema.get("properties")?.get(key)?))
}

fn members(arguments: Value, schema: &Value, slips: &mut Vec<Slip>) -> Result<Map<String, Value>, Unfit> {
    match arguments {
        Value::Object(members) => Ok(members),
        Value::Null => {
            note(slips, Slip::Empty);
            Ok(Map::new())
        }
        Value::String(text) if text.trim().is_empty() => {
            note(slips, Slip::Empty);
            Ok(Map::new())
        }
        Value::Array(mut items) if items.len() == 1 && items[0].is_object() => {
            note(slips, Slip::Unwrapped);
            members(items.remove(0), schema, slips)
        }
        Value::String(_) | Value::Array(_) => match sole_key(schema) {
            Some((key, wanted)) if value::would_take(key, wanted, &arguments) => {
                note(slips, Slip::Wrapped);
                Ok(Map::from_iter([(key.to_owned(), arguments)]))
            }
            Some(_) | None => Err(Unfit::NotAnObject),
        },
        Value::Bool(_) | Value::Number(_) => Err(Unfit::NotAnObject),
    }
}

#[cfg(test)]
mod tests;
