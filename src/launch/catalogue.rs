//! `model_catalog_json`: what Codex believes of the models, so that it neither warns nor guesses, and `/model` lists them.
//!
//! One shape for all that read one: the fields that 0.130 requires, of which 0.169 requires fewer. Both skip fields that
//! they do not know. Instructions have to be in it, so there is none where Codex's own are to stay.

use serde_json::{Value, json};

/// A model that can use tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// The tokens that there are, not those that it was trained for.
    pub context: Option<u64>,
    pub vision: bool,
}

/// What Codex keeps of a command's output, as it has it for models that it does not know.
const OUTPUT_BYTES: u64 = 10_000;

/// The text of a catalogue, the chosen model first.
pub fn text(models: &[Entry], chosen: &str, instructions: &str) -> String {
    let (first, others): (Vec<_>, Vec<_>) = models.iter().partition(|model| model.name == chosen);
    let all: Vec<Value> =
        first.into_iter().chain(others).enumerate().map(|(place, model)| entry(place, model, instructions)).collect();
    let text = serde_json::to_string_pretty(&json!({ "models": all })).expect("a catalogue is plain data");
    text + "\n"
}

fn entry(place: usize, model: &Entry, instructions: &str) -> Value {
    let sees: &[&str] = if model.vision { &["text", "image"] } else { &["text"] };
    let about = model.context.map_or_else(|| "Ollama".to_owned(), |context| format!("Ollama, {context} tokens"));
    let mut entry = json!({
        "slug": model.name,
        "display_name": model.name,
        "description": about,
        "supported_reasoning_levels": [],
        "shell_type": "default",
        "visibility": "list",
        "supported_in_api": true,
        "priority": place,
        "base_instructions": instructions,
        "supports_reasoning_summaries": false,
        "support_verbosity": false,
        "truncation_policy": { "mode": "bytes", "limit": OUTPUT_BYTES },
        "supports_parallel_tool_calls": false,
        "experimental_supported_tools": [],
        "input_modalities": sees,
    });
    // Left out, Codex guesses, which is better than to be told something wrong.
    if let Some(context) = model.context {
        entry["context_window"] = context.into();
        entry["max_context_window"] = context.into();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, context: Option<u64>) -> Entry {
        Entry { name: name.into(), context, vision: false }
    }

    #[test]
    fn the_chosen_model_comes_first_and_the_others_follow() {
        let text = text(&[model("a", None), model("b", Some(32_768))], "b", "rules");
        let read: Value = serde_json::from_str(&text).unwrap();
        let slugs: Vec<_> = read["models"].as_array().unwrap().iter().map(|it| it["slug"].as_str().unwrap()).collect();
        assert_eq!(slugs, ["b", "a"]);
        assert_eq!(read["models"][0]["context_window"], 32_768);
        assert!(read["models"][1]["context_window"].is_null());
        assert_eq!(read["models"][0]["base_instructions"], "rules");
    }

    /// Without one of these, Codex 0.130 stops with "missing field".
    #[test]
    fn all_fields_that_codex_requires_are_there() {
        let read: Value = serde_json::from_str(&text(&[model("a", None)], "a", "")).unwrap();
        for field in [
            "slug",
            "display_name",
            "supported_reasoning_levels",
            "shell_type",
            "visibility",
            "supported_in_api",
            "priority",
            "base_instructions",
            "supports_reasoning_summaries",
            "support_verbosity",
            "truncation_policy",
            "supports_parallel_tool_calls",
            "experimental_supported_tools",
        ] {
            assert!(!read["models"][0][field].is_null(), "{field}");
        }
    }
}
