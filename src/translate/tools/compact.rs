//! Declarations made short, by rule. Twice is the same as once.
//!
//! What is kept is a list, for what a server's fixed fields would lose anyway (`default`, `pattern`, `minimum`, `title`,
//! `format`, `additionalProperties`, …; Ollama's `api.ToolProperty`) costs bytes in one place and means nothing in the other.
//! What is required is always kept, at every depth.

use serde_json::{Map, Value, json};

use super::known::{self, Form};
use super::schema;

/// Characters of a tool's description. One line: the first sentence says what the tool is for.
const DESCRIPTION: usize = 80;
/// Characters of a parameter's description.
const PARAMETER: usize = 48;
/// Bytes up to which an optional parameter is worth its place: a scalar with a few words, not a nested object.
const OPTIONAL: usize = 120;

/// A function as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parameters: Value,
}

pub(super) fn simplify(function: &Function) -> Function {
    let form = known::form(&function.name);
    let description =
        form.map_or_else(|| first_sentence(&function.description, DESCRIPTION), |f| f.description.to_owned());
    let mut parameters = reduce(&function.parameters, "", form);
    parameters.remove("description");
    parameters.insert("type".to_owned(), json!("object"));
    parameters.entry("properties").or_insert_with(|| json!({}));
    Function { name: function.name.clone(), description, parameters: Value::Object(parameters) }
}

/// Names of the declared parameters that the short form does not have.
pub(super) fn unmentioned(declared: &Value, short: &Value) -> Vec<String> {
    let names = |schema: &Value| -> Vec<String> {
        schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned().collect()
    };
    let kept = names(short);
    names(declared).into_iter().filter(|name| !kept.contains(name)).collect()
}

/// `path` is that of the schema below the root, as [`known`] writes it: `questions[].options`.
fn reduce(schema: &Value, path: &str, form: Option<&Form>) -> Map<String, Value> {
    let Some(schema) = schema.as_object() else { return Map::new() };
    let mut short = Map::new();
    if let Some(kind) = schema.get("type") {
        short.insert("type".to_owned(), without_null(kind));
    }
    if let Some(values) = schema.get("enum").cloned().or_else(|| schema.get("const").map(|only| json!([only]))) {
        short.insert("enum".to_owned(), values);
    }
    let declared = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let words =
        form.and_then(|form| form.words(path)).map_or_else(|| first_sentence(declared, PARAMETER), str::to_owned);
    if !words.is_empty() {
        short.insert("description".to_owned(), words.into());
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        short.insert("items".to_owned(), Value::Object(reduce(items, &format!("{path}[]"), form)));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let required = schema::required(schema);
        short.insert("properties".to_owned(), worthwhile(properties, &required, path, form));
        if !required.is_empty() {
            short.insert("required".to_owned(), json!(required));
        }
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(branches) = schema.get(union).and_then(Value::as_array) {
            add_branches(&mut short, branches, path, form);
        }
    }
    short
}

fn worthwhile(properties: &Map<String, Value>, required: &[String], path: &str, form: Option<&Form>) -> Value {
    let mut kept = Map::new();
    for (name, schema) in properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let is_required = required.contains(name);
        if !is_required && form.is_some_and(|form| form.words(&path).is_none()) {
            continue;
        }
        let short = Value::Object(reduce(schema, &path, form));
        if is_required || form.is_some() || short.to_string().len() <= OPTIONAL {
            kept.insert(name.clone(), short);
        }
    }
    Value::Object(kept)
}

/// A choice with one way that is not null is that way; others stay a choice, as `anyOf`, which Ollama keeps.
fn add_branches(short: &mut Map<String, Value>, branches: &[Value], path: &str, form: Option<&Form>) {
    let ways = branches.iter().filter(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
    let mut ways: Vec<_> = ways.map(|way| reduce(way, path, form)).collect();
    if ways.iter().any(Map::is_empty) {
        return; // One way says nothing: anything goes.
    }
    if ways.len() == 1 {
        for (key, value) in ways.remove(0) {
            short.entry(key).or_insert(value);
        }
    } else if !ways.is_empty() {
        short.insert("anyOf".to_owned(), ways.into_iter().map(Value::Object).collect());
    }
}

fn without_null(kind: &Value) -> Value {
    let Some(kinds) = kind.as_array() else { return kind.clone() };
    let kinds: Vec<_> = kinds.iter().filter(|kind| *kind != "null").collect();
    if let [only] = kinds[..] { only.clone() } else { json!(kinds) }
}

/// The first sentence of the first paragraph that is no heading, cut between words if it is too long, without its full stop.
pub(super) fn first_sentence(text: &str, longest: usize) -> String {
    let paragraph = text.split("\n\n").map(str::trim).find(|part| !part.is_empty() && !is_heading(part));
    let words: Vec<_> = paragraph.unwrap_or(text).split_whitespace().collect();
    let line = words.join(" ");
    let line = line.trim_start_matches(['#', ' ']);
    let sentence =
        line.match_indices(". ").find(|(at, _)| starts_sentence(&line[at + 2..])).map_or(line, |(at, _)| &line[..at]);
    let bare = |text: &str| text.trim_end_matches(['.', ',', ';', ':', ' ']).to_owned();
    let sentence = bare(sentence);
    if sentence.chars().count() <= longest {
        return sentence;
    }
    let end = sentence.char_indices().nth(longest).map_or(sentence.len(), |(at, _)| at);
    let cut = if sentence[end..].starts_with(' ') { end } else { sentence[..end].rfind(' ').unwrap_or(end) };
    bare(&sentence[..cut])
}

fn is_heading(paragraph: &str) -> bool {
    paragraph.starts_with('#') && !paragraph.contains('\n')
}

/// `e.g. this` goes on; `Done. Then` does not.
fn starts_sentence(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_uppercase() || c == '`')
}
