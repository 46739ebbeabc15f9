//! The tools of one request: declared by the client in many forms, offered to the model as plain functions, and back.
//!
//! ```text
//! request ──sources──► declarations ──Table::read──► Table ──to_chat_tools──► Ollama
//!                                                     │
//!                      history item ──past_call──► Call ──item──► output item
//! ```
//! Names come from the request alone: they differ from version to version of Codex (flat `mcp__server__tool` up to 0.115,
//! namespace `mcp__server__` in 0.130, `mcp__server` from 0.137 on, `multi_agent_v1` or `collaboration` for agents).
//! What a tool does, and whether a call may run, is none of this module's business.

mod compact;
mod known;
mod names;
mod schema;
mod table;

use std::fmt;

use serde_json::Value;

pub use table::{Origin, Table};

/// How much of a declaration the model gets to see (`--tools`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Short descriptions, required and likely parameters: tools are a large part of a local model's first prompt.
    #[default]
    Compact,
    /// As declared.
    Full,
}

/// A declaration, and where in the request it stands.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Such as `tools[3]` or `input[0].tools[1]`.
    pub at: String,
    pub tool: &'a Value,
}

/// What the model does not get as it was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub at: String,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A hosted tool (`web_search`), or a type that nobody here knows: not offered.
    NotOffered(String),
    /// Nothing could call it: not offered.
    NoName,
    /// Declared before: the first declaration counts.
    Duplicate,
    /// Offered under this name, as its own is taken or too long or has odd characters.
    Renamed(String),
    /// Without a schema: offered without parameters.
    NoSchema,
    /// The schema is no schema of an object: offered without parameters.
    NotAnObject,
    /// The schema's root is a union: its branches were merged.
    UnionMerged,
    /// A `$ref` that leads nowhere, into itself or too far: there, anything is allowed.
    ReferenceLost,
    /// Optional parameters that the compact form does not mention. A call that uses them still passes.
    Unmentioned(Vec<String>),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        match &self.why {
            Why::NotOffered(kind) => write!(f, "tools of type `{kind}` have no equivalent, not offered"),
            Why::NoName => f.write_str("has no name, not offered"),
            Why::Duplicate => f.write_str("declared before, the first one counts"),
            Why::Renamed(name) => write!(f, "offered as `{name}`"),
            Why::NoSchema => f.write_str("has no schema, offered without parameters"),
            Why::NotAnObject => f.write_str("its schema is not that of an object, offered without parameters"),
            Why::UnionMerged => f.write_str("the branches of its schema were merged"),
            Why::ReferenceLost => f.write_str("a $ref of its schema cannot be resolved"),
            Why::Unmentioned(names) => write!(f, "optional parameters not mentioned: {}", names.join(", ")),
        }
    }
}

/// All declarations of a request, in order.
///
/// They stand in three places: `tools`; items `additional_tools` ("lite" requests of Codex 0.169, which have no
/// `tools`); and items `tool_search_output`, which hold what a search has found and may be called from then on.
pub fn sources(request: &Value) -> Vec<Source<'_>> {
    let mut found = within(request, "tools");
    let items = request.get("input").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        if matches!(kind_of(item), "additional_tools" | "tool_search_output") {
            found.extend(within(item, &format!("input[{index}].tools")));
        }
    }
    found
}

fn within<'a>(holder: &'a Value, path: &str) -> Vec<Source<'a>> {
    let tools = holder.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    tools.iter().enumerate().map(|(index, tool)| Source { at: format!("{path}[{index}]"), tool }).collect()
}

fn kind_of(value: &Value) -> &str {
    text(value, "type")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
