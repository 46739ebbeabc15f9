//! Declared schemas made plain: an object at the root, no references, no booleans in place of schemas.
//!
//! Servers refuse or lose the rest: Ollama reads `properties` into fixed fields (a `true` there is HTTP 400), and its
//! templates never print `$defs`.

use serde_json::{Map, Value, json};

use super::Why;

/// References followed per tool: a schema may name itself twice at each level.
const MOST_REFERENCES: usize = 256;
/// References followed inside one another: each may lie 100 levels deep, and all of it is walked on the stack.
const DEEPEST: usize = 8;

/// A schema of type `object` with `properties`, in which all that is required is also a property.
pub(super) fn object(declared: Option<&Value>) -> (Value, Vec<Why>) {
    let mut notes = Vec::new();
    let Some(declared) = declared.filter(|value| !value.is_null()) else {
        return (empty(), vec![Why::NoSchema]);
    };
    let mut plain = Plain { root: declared, open: Vec::new(), left: MOST_REFERENCES, lost: false };
    let mut root = plain.schema(declared);
    if plain.lost {
        notes.push(Why::ReferenceLost);
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = root.remove(union) {
            notes.push(Why::UnionMerged);
            merge_union(&mut root, &branches);
        }
    }
    if !declared.is_object() || root.get("type").is_some_and(|kind| !may_be_object(kind)) {
        notes.push(Why::NotAnObject);
        return (empty(), notes);
    }
    for key in ["$defs", "definitions"] {
        root.remove(key);
    }
    root.insert("type".to_owned(), json!("object"));
    let required = required(&root);
    if !root.get("properties").is_some_and(Value::is_object) {
        root.insert("properties".to_owned(), json!({}));
    }
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        for name in required {
            properties.entry(name).or_insert_with(|| json!({}));
        }
    }
    (Value::Object(root), notes)
}

pub(super) fn required(schema: &Map<String, Value>) -> Vec<String> {
    let names = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn empty() -> Value {
    json!({"type": "object", "properties": {}})
}

fn may_be_object(kind: &Value) -> bool {
    kind == "object" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
}

/// Any branch's property may be given; only what all branches require is required.
fn merge_union(root: &mut Map<String, Value>, branches: &[Value]) {
    let objects: Vec<_> =
        branches.iter().filter_map(Value::as_object).filter(|b| b.contains_key("properties")).collect();
    let mut common: Option<Vec<String>> = None;
    for branch in &objects {
        add_properties(root, branch);
        let here = required(branch);
        common = Some(match common {
            None => here,
            Some(before) => before.into_iter().filter(|name| here.contains(name)).collect(),
        });
    }
    add_required(root, common.unwrap_or_default());
}

fn add_properties(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    let Some(Value::Object(new)) = from.get("properties") else { return };
    let properties = into.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        for (name, schema) in new {
            properties.entry(name.clone()).or_insert_with(|| schema.clone());
        }
    }
}

fn add_required(into: &mut Map<String, Value>, names: Vec<String>) {
    let mut all = required(into);
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    if !all.is_empty() {
        into.insert("required".to_owned(), json!(all));
    }
}

struct Plain<'a> {
    root: &'a Value,
    /// The references that are being followed, so that none is followed into itself.
    open: Vec<&'a str>,
    left: usize,
    lost: bool,
}

impl<'a> Plain<'a> {
    /// `true` and `false` allow anything here: a schema without words.
    fn schema(&mut self, schema: &'a Value) -> Map<String, Value> {
        let Some(fields) = schema.as_object() else { return Map::new() };
        let mut plain = Map::new();
        for (key, value) in fields {
            let value = match key.as_str() {
                "$ref" | "allOf" => continue,
                "properties" => self.each_property(value),
                "items" if value.is_boolean() => continue,
                "items" if value.is_object() => Value::Object(self.schema(value)),
                "anyOf" | "oneOf" => {
                    let branches = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    branches.iter().map(|branch| Value::Object(self.schema(branch))).collect()
                }
                _ => value.clone(),
            };
            plain.insert(key.clone(), value);
        }
        for part in fields.get("allOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
            let part = self.schema(part);
            absorb(&mut plain, part);
        }
        if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
            let target = self.target(name);
            absorb(&mut plain, target);
        }
        plain
    }

    fn each_property(&mut self, properties: &'a Value) -> Value {
        let Some(properties) = properties.as_object() else { return json!({}) };
        properties.iter().map(|(name, schema)| (name.clone(), Value::Object(self.schema(schema)))).collect()
    }

    fn target(&mut self, name: &'a str) -> Map<String, Value> {
        let found = name.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = found.filter(|_| self.left > 0 && self.open.len() < DEEPEST && !self.open.contains(&name))
        else {
            self.lost = true;
            return Map::new();
        };
        self.left -= 1;
        self.open.push(name);
        let plain = self.schema(target);
        self.open.pop();
        plain
    }
}

/// What stands beside a reference goes before what it leads to.
fn absorb(into: &mut Map<String, Value>, from: Map<String, Value>) {
    add_properties(into, &from);
    add_required(into, required(&from));
    for (key, value) in from {
        into.entry(key).or_insert(value);
    }
}
