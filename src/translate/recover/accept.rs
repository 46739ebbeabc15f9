//! Which declared function a printed call means, and whether its arguments will do.

use super::{Declared, Field, Printed, Raw, Why, Written, loose};
use crate::translate::repair::name::{self, Resolved};
use crate::translate::repair::{self, Broken, required};
use serde_json::{Map, Value};

pub(super) fn accept(raw: Raw, declared: &[Declared]) -> Result<Printed, Why> {
    let family = raw.family;
    let Resolved::Known(tool, _) = name::resolve(&raw.name, declared) else {
        return habit(&raw, declared);
    };
    let given = match raw.arguments {
        Written::Json(value) => as_object(value).ok_or(Why::Broken)?,
        Written::Fields(fields) => fields.into_iter().map(|field| typed(field, &tool.parameters)).collect(),
        // It has no name that could be known.
        Written::Patch(_) => return Err(Why::Broken),
    };
    match required(&tool.parameters).find(|key| !given.contains_key(*key)) {
        Some(key) => Err(Why::MissingArgument { name: tool.name.clone(), key: key.to_owned() }),
        None => Ok(Printed { name: tool.name.clone(), arguments: given, family }),
    }
}

/// A tool that nobody declared but models know, as `bash`; what is meant is found as for a call that was not printed.
fn habit(raw: &Raw, declared: &[Declared]) -> Result<Printed, Why> {
    let (name, arguments) = match &raw.arguments {
        Written::Json(value) => (raw.name.as_str(), value.to_string()),
        Written::Fields(fields) => {
            let fields = fields.iter().map(|field| (field.key.clone(), Value::from(field.text.clone())));
            (raw.name.as_str(), Value::Object(fields.collect()).to_string())
        }
        Written::Patch(patch) => ("apply_patch", patch.clone()),
    };
    match repair::repair(name, &arguments, declared) {
        Ok((call, _)) => Ok(Printed { name: call.name, arguments: call.arguments, family: raw.family }),
        Err(Broken::UnknownTool(_)) => Err(Why::UnknownName(name.to_owned())),
        Err(Broken::Missing(key)) => Err(Why::MissingArgument { name: name.to_owned(), key }),
        Err(Broken::BadJson | Broken::NotAnObject | Broken::NoPatch) => Err(Why::Broken),
    }
}

/// An object, or the text of one.
fn as_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        Value::Null => Some(Map::new()),
        Value::String(text) => match loose::whole(&text)? {
            Value::Object(object) => Some(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// A text with the type that the schema gives it. What does not fit stays a string, for the mending that comes later.
fn typed(field: Field, schema: &Value) -> (String, Value) {
    let string = field.string.unwrap_or_else(|| allows_string(&schema["properties"][&field.key]));
    let value = if string { None } else { loose::whole(field.text.trim()) };
    (field.key, value.unwrap_or(Value::String(field.text)))
}

/// A schema that says nothing allows it.
fn allows_string(schema: &Value) -> bool {
    for key in ["anyOf", "oneOf"] {
        if let Some(schemas) = schema[key].as_array() {
            return schemas.iter().any(allows_string);
        }
    }
    match &schema["type"] {
        Value::String(one) => one == "string",
        Value::Array(many) => many.iter().any(|one| one == "string"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}
