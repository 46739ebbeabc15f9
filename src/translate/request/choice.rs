//! `tool_choice`: who may be called, and who has to be.
//!
//! No chat API of a local server enforces a choice. Who may be called is enforced here: the others are not offered. That a
//! call is made can only be asked for; the sentence stands at the end of the prompt, where it spoils nobody's cache.

use serde_json::Value;

use super::{Loss, Refused, Why};
use crate::translate::tools::Table;

const ASKED: &str = "the model was asked for a call in words: no local server enforces one";

#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) sentence: Option<String>,
    pub(super) note: Option<&'static str>,
}

/// Takes from the table what must not be called.
pub(super) fn read(request: &Value, table: &mut Table, losses: &mut Vec<Loss>) -> Result<Choice, Refused> {
    let said = match request.get("tool_choice") {
        None | Some(Value::Null) => return Ok(Choice::default()),
        Some(said) => said,
    };
    let kind = said.as_str().or_else(|| said.get("type")?.as_str()).unwrap_or_default();
    match kind {
        "auto" => Ok(Choice::default()),
        "none" => {
            table.retain(|_| false);
            Ok(Choice::default())
        }
        "required" | "any" => Ok(required(table, losses)),
        "allowed_tools" => {
            let allowed = said.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let names: Vec<String> = allowed.iter().filter_map(|tool| named(tool, table)).collect();
            if names.len() < allowed.len() {
                losses.push(Loss::at("tool_choice.tools", Why::ChoiceOfNothing));
            }
            table.retain(|name| names.iter().any(|allowed| allowed == name));
            let must = said.get("mode").and_then(Value::as_str) == Some("required");
            Ok(if must { required(table, losses) } else { Choice::default() })
        }
        "function" | "custom" => {
            let Some(name) = named(said, table) else {
                return Err(Refused::new("tool_choice", "`tool_choice` names a tool that is not among `tools`."));
            };
            table.retain(|other| other == name);
            Ok(asked(format!("Answer with a call of the tool `{name}`.")))
        }
        other => {
            losses.push(Loss::at("tool_choice", Why::NoEquivalent(other.to_owned())));
            Ok(Choice::default())
        }
    }
}

fn required(table: &Table, losses: &mut Vec<Loss>) -> Choice {
    if table.declared().is_empty() {
        losses.push(Loss::at("tool_choice", Why::ChoiceOfNothing));
        return Choice::default();
    }
    asked("Answer with a call of one of your tools.".to_owned())
}

fn asked(sentence: String) -> Choice {
    Choice { sentence: Some(sentence), note: Some(ASKED) }
}

/// The flat name of a tool that is offered. `function` may hold the name, as chat completions have it.
fn named(tool: &Value, table: &Table) -> Option<String> {
    let holder = tool.get("function").unwrap_or(tool);
    let name = holder.get("name").and_then(Value::as_str)?;
    let flat = table.flat_name(holder.get("namespace").and_then(Value::as_str), name);
    table.origin(&flat).is_some().then_some(flat)
}
