//! A conversation made short: asking for the summary, and carrying it.
//!
//! A compaction item is sealed by whoever made it. Ours holds the summary as plain text behind a mark.

use serde_json::{Value, json};

use super::{Refused, settings};

/// Around the summary, in the user's message that it becomes.
pub(super) const TAG: &str = "summary_of_earlier_conversation";
const MARK: &str = "ollama-forward:summary:";

const ASK: &str = "Write a hand-off for another assistant that goes on with this conversation and sees nothing of it but \
your text. Say what the user wants, and what they forbade or prefer; what was done, and what came of it; what was decided, \
and why; which files, names, commands and values matter, exactly as they are; what is left to do, and the next step. \
Be brief and concrete. Write the hand-off only.";

/// `{model, input, instructions?, …}` → an ordinary request, whose answer is the summary.
pub fn prompt(mut request: Value) -> Result<Value, Refused> {
    settings::model(&request)?;
    let mut input = match request.get_mut("input").map(Value::take) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(text @ Value::String(_)) => vec![json!({"type": "message", "role": "user", "content": text})],
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            return Err(Refused::new("input", "`input` must be a text or a list of items."));
        }
    };
    let mut field = |key: &str| request.get_mut(key).map(Value::take).filter(|value| !value.is_null());
    let previous = field("previous_response_id");
    if input.is_empty() && previous.is_none() {
        return Err(Refused::new("input", "There is nothing to make short: `input` is empty."));
    }
    input.push(json!({"type": "message", "role": "user", "content": ASK}));
    let mut asked = json!({"stream": false, "store": false});
    for (key, value) in [
        ("model", field("model")),
        ("instructions", field("instructions")),
        ("reasoning", field("reasoning")),
        ("previous_response_id", previous),
        ("input", Some(Value::Array(input))),
    ] {
        if let Some(value) = value {
            asked[key] = value;
        }
    }
    Ok(asked)
}

/// The item that stands for all that was summed up.
pub fn compaction_item(id: &str, summary: &str) -> Value {
    json!({"id": id, "type": "compaction", "encrypted_content": format!("{MARK}{summary}")})
}

/// None: another server's.
pub(super) fn summary(item: &Value) -> Option<&str> {
    item.get("encrypted_content")?.as_str()?.strip_prefix(MARK)
}
