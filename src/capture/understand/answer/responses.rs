//! The Responses API: its events, and an answer in one piece.

use serde_json::Value;

use crate::capture::understand::errors;
use crate::capture::understand::json::{list, owned, text};
use crate::capture::view::Channel;

use super::draft::{Draft, Key, Voice};
use super::{Answer, Said, Usage};

/// One event.
pub(super) fn event(kind: &str, value: &Value, at_us: Option<u64>, answer: &mut Answer, draft: &mut Draft) -> Said {
    if let Some(voice) = delta(kind) {
        let part = ["content_index", "summary_index"].into_iter().find_map(|key| value.get(key)?.as_u64());
        let words = text(value, "delta").unwrap_or_default();
        draft.grow(key(value, None), part.unwrap_or(0), voice, words, at_us);
        return Said::new(voice.channel(), words);
    }
    let item = value.get("item").filter(|item| item.is_object());
    match (kind, item) {
        ("response.output_item.added", Some(item)) => {
            draft.begin(key(value, Some(item)), item.clone(), at_us);
            // A call is known before its arguments are.
            let is_call = text(item, "type").is_some_and(|kind| kind.ends_with("_call"));
            Said::new(if is_call { Channel::Tool } else { Channel::None }, "")
        }
        ("response.output_item.done", Some(item)) => {
            let is_news = draft.done(key(value, Some(item)), item.clone(), at_us);
            if is_news { news(item) } else { Said::default() }
        }
        _ => {
            let response = value.get("response").unwrap_or(&Value::Null);
            answer.about(response);
            state(kind, value, response, at_us, answer, draft)
        }
    }
}

/// An answer in one piece, or what was stored of one.
pub(super) fn whole(value: &Value, answer: &mut Answer, draft: &mut Draft) -> Said {
    answer.about(value);
    for item in list(value, "output") {
        draft.push(item.clone(), None);
    }
    match text(value, "status") {
        Some("failed" | "cancelled") => fail(value, "the response failed", answer),
        Some("incomplete") => incomplete(value, answer),
        Some(_) | None => {
            answer.ended = true;
            Said::default()
        }
    }
}

fn state(
    kind: &str,
    value: &Value,
    response: &Value,
    at_us: Option<u64>,
    answer: &mut Answer,
    draft: &mut Draft,
) -> Said {
    let is_last = matches!(
        kind,
        "response.completed" | "response.done" | "response.incomplete" | "response.failed" | "response.cancelled"
    );
    if is_last {
        answer.ended = true;
        // Some tell of their items only in the end.
        if draft.is_empty() {
            for item in list(response, "output") {
                draft.push(item.clone(), at_us);
            }
        }
    }
    match kind {
        "response.failed" | "response.error" => fail(if response.is_null() { value } else { response }, kind, answer),
        "response.cancelled" => fail(response, "the response was cancelled", answer),
        "response.incomplete" => incomplete(response, answer),
        _ => Said::default(),
    }
}

fn fail(response: &Value, otherwise: &str, answer: &mut Answer) -> Said {
    let told = response.get("error").and_then(errors::told).unwrap_or_else(|| otherwise.to_owned());
    answer.ended = true;
    answer.error = Some(told.clone());
    Said::error(told)
}

fn incomplete(response: &Value, answer: &mut Answer) -> Said {
    let why = response.get("incomplete_details").and_then(|details| text(details, "reason"));
    let told = why.map_or_else(|| "incomplete".to_owned(), |why| format!("incomplete: {why}"));
    answer.ended = true;
    answer.error = Some(told.clone());
    Said::error(told)
}

/// The voice of an event that adds something.
fn delta(kind: &str) -> Option<Voice> {
    match kind.strip_prefix("response.")?.strip_suffix(".delta")? {
        "output_text" | "text" => Some(Voice::Text),
        "refusal" => Some(Voice::Refusal),
        "reasoning_summary_text" | "reasoning_summary" => Some(Voice::Summary),
        "reasoning_text" | "reasoning" => Some(Voice::Thought),
        "function_call_arguments" | "mcp_call_arguments" | "mcp_call.arguments" => Some(Voice::Arguments),
        "custom_tool_call_input" | "code_interpreter_call_code" => Some(Voice::Input),
        _ => None,
    }
}

impl Voice {
    pub(super) fn channel(self) -> Channel {
        match self {
            Self::Text | Self::Refusal => Channel::Content,
            Self::Summary | Self::Thought => Channel::Reasoning,
            Self::Arguments | Self::Input => Channel::Tool,
        }
    }
}

fn key<'k>(value: &'k Value, item: Option<&'k Value>) -> Key<'k> {
    let id = text(value, "item_id").or_else(|| text(item?, "id"));
    Key { id, index: value.get("output_index").and_then(Value::as_u64) }
}

/// An item of which only the end is told.
fn news(item: &Value) -> Said {
    let joined =
        |key: &str| list(item, key).iter().filter_map(|part| text(part, "text")).collect::<Vec<_>>().join("\n");
    match text(item, "type") {
        Some("message") => Said::new(Channel::Content, joined("content")),
        Some("reasoning") => Said::new(Channel::Reasoning, joined("summary")),
        Some(kind) if kind.ends_with("_call") => {
            let given = ["arguments", "input"].into_iter().find_map(|key| text(item, key));
            Said::new(Channel::Tool, given.unwrap_or_default())
        }
        Some(_) | None => Said::default(),
    }
}

impl Answer {
    /// What a response says of itself.
    fn about(&mut self, response: &Value) {
        if let Some(model) = owned(response, "model") {
            self.model = Some(model);
        }
        let Some(usage) = response.get("usage").filter(|usage| usage.is_object()) else { return };
        let count = |key: &str| usage.get(key).and_then(Value::as_u64);
        let detail = |of: &str, key: &str| usage.get(of)?.get(key)?.as_u64();
        self.usage = Usage {
            input: count("input_tokens").or(self.usage.input),
            output: count("output_tokens").or(self.usage.output),
            cached: detail("input_tokens_details", "cached_tokens").or(self.usage.cached),
            reasoning: detail("output_tokens_details", "reasoning_tokens").or(self.usage.reasoning),
            ..self.usage
        };
    }
}
