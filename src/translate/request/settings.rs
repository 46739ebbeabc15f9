//! The fields of a request that are no conversation: the model, how much to think, limits, the form of the answer.

use std::borrow::Cow;

use serde_json::Value;

use super::{Api, Facts, Format, Loss, Refused, Think, Why};

/// Fields that change an answer elsewhere and cannot here. Unset, they are null, zero, false or the word given.
const WITHOUT_EQUIVALENT: &[(&str, &str)] = &[
    ("background", ""),
    ("conversation", ""),
    ("frequency_penalty", ""),
    ("max_tool_calls", ""),
    ("presence_penalty", ""),
    ("prompt", ""),
    ("top_logprobs", ""),
    ("truncation", "disabled"),
];

pub(super) fn model(request: &Value) -> Result<Cow<'_, str>, Refused> {
    if !request.is_object() {
        return Err(Refused { message: "The request must be a JSON object.".to_owned(), param: None });
    }
    match request.get("model").and_then(Value::as_str) {
        Some(model) if !model.is_empty() => Ok(Cow::Borrowed(model)),
        _ => Err(Refused::new("model", "The request names no model.")),
    }
}

/// Words of all versions of Codex and of the API. Ollama takes levels from gpt-oss only, on and off from all others.
pub(super) fn think(request: &Value, model: &str, api: Api, facts: &Facts, losses: &mut Vec<Loss>) -> Option<Think> {
    const AT: &str = "reasoning.effort";
    let effort = request.get("reasoning")?.get("effort").filter(|effort| !effort.is_null())?;
    let think = match effort.as_str().unwrap_or_default() {
        "none" => Think::Off,
        "minimal" | "low" => Think::Level("low"),
        "medium" => Think::Level("medium"),
        // `max` is newer than many servers, and known to few models.
        "high" | "xhigh" | "max" | "ultra" => Think::Level("high"),
        _ => {
            losses.push(Loss::at(AT, Why::NoEquivalent(effort.to_string())));
            return None;
        }
    };
    let levels = is_gpt_oss(model) || facts.family.as_deref().is_some_and(is_gpt_oss);
    match (think, facts.thinking) {
        (Think::Off, _) if levels => {
            losses.push(Loss::at(AT, Why::AlwaysThinks));
            Some(Think::Level("low"))
        }
        (Think::Off, Some(false)) => None,
        (_, Some(false)) => {
            losses.push(Loss::at(AT, Why::Thoughtless));
            None
        }
        (Think::Level(_), _) if !levels && api == Api::Ollama => Some(Think::On),
        (think, _) => Some(think),
    }
}

fn is_gpt_oss(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("gpt-oss") || name.contains("gptoss")
}

pub(super) fn format<'a>(request: &'a Value, losses: &mut Vec<Loss>) -> Option<Format<'a>> {
    const AT: &str = "text.format";
    let format = request.get("text")?.get("format").filter(|format| !format.is_null())?;
    match format.get("type").and_then(Value::as_str).unwrap_or_default() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => {
            let schema = format.get("schema").filter(|schema| schema.is_object());
            if schema.is_none() {
                losses.push(Loss::at(AT, Why::Malformed));
            }
            Some(schema.map_or(Format::Json, Format::Schema))
        }
        other => {
            losses.push(Loss::at(AT, Why::NoEquivalent(other.to_owned())));
            None
        }
    }
}

pub(super) fn max_output_tokens(request: &Value, losses: &mut Vec<Loss>) -> Option<u64> {
    const KEY: &str = "max_output_tokens";
    let given = request.get(KEY).filter(|value| !value.is_null())?;
    let count = given.as_u64().filter(|count| *count > 0);
    if count.is_none() {
        losses.push(Loss::at(KEY, Why::Malformed));
    }
    count
}

pub(super) fn number(request: &Value, key: &str, losses: &mut Vec<Loss>) -> Option<f64> {
    let given = request.get(key).filter(|value| !value.is_null())?;
    let number = given.as_f64();
    if number.is_none() {
        losses.push(Loss::at(key, Why::Malformed));
    }
    number
}

pub(super) fn note_fields_without_equivalent(request: &Value, losses: &mut Vec<Loss>) {
    for (key, unset) in WITHOUT_EQUIVALENT {
        let given = match request.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(word)) => word != unset,
            Some(Value::Bool(true) | Value::Array(_) | Value::Object(_)) => true,
        };
        if given {
            losses.push(Loss::at(*key, Why::NoEquivalent((*key).to_owned())));
        }
    }
    if request.get("text").and_then(|text| text.get("verbosity")).is_some_and(|word| !word.is_null()) {
        losses.push(Loss::at("text.verbosity", Why::NoEquivalent("verbosity".to_owned())));
    }
}
