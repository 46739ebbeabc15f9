//! Chat completions, `/api/chat` and `/api/generate`: records of a stream, and answers in one piece, which look alike.

use serde_json::Value;

use crate::capture::understand::json::{list, owned, text};
use crate::capture::understand::user;
use crate::capture::view::Channel;

use super::draft::{Draft, Piece, Voice};
use super::{Answer, Said, Usage};

/// A chunk, or all, of `/v1/chat/completions`.
pub(super) fn completion(value: &Value, at_us: Option<u64>, answer: &mut Answer, draft: &mut Draft) -> Said {
    if let Some(model) = owned(value, "model") {
        answer.model = Some(model);
    }
    if let Some(usage) = value.get("usage").filter(|usage| usage.is_object()) {
        answer.usage = counted(usage, answer.usage);
    }
    let mut said = Said::default();
    for choice in list(value, "choices") {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        let message = ["delta", "message"].into_iter().find_map(|key| choice.get(key)).unwrap_or(choice);
        said = message_of(message, index, at_us, draft).or(said);
        if let Some(reason) = text(choice, "finish_reason") {
            answer.ended = true;
            if reason == "length" {
                draft.status("incomplete");
            }
        }
    }
    said
}

/// A record of Ollama's own languages.
pub(super) fn ollama(value: &Value, at_us: Option<u64>, answer: &mut Answer, draft: &mut Draft) -> Said {
    if let Some(model) = owned(value, "model") {
        answer.model = Some(model);
    }
    let message = value.get("message").filter(|message| message.is_object()).unwrap_or(value);
    let said = message_of(message, 0, at_us, draft);
    if value.get("done").and_then(Value::as_bool) == Some(true) {
        answer.ended = true;
        answer.usage = measured(value);
        if text(value, "done_reason") == Some("length") {
            draft.status("incomplete");
        }
    }
    said
}

/// What a message adds.
fn message_of(message: &Value, choice: u64, at_us: Option<u64>, draft: &mut Draft) -> Said {
    let mut said = Said::default();
    let thoughts = ["reasoning", "reasoning_content", "thinking"].into_iter().find_map(|key| text(message, key));
    if let Some(thoughts) = thoughts {
        draft.speak(choice, Voice::Thought, thoughts, at_us);
        said = Said::new(Channel::Reasoning, thoughts);
    }
    let plain = ["response", "text"].into_iter().filter_map(|key| text(message, key));
    for words in user::texts(message).chain(plain).filter(|words| !words.is_empty()) {
        draft.speak(choice, Voice::Text, words, at_us);
        said = Said::new(Channel::Content, words);
    }
    if let Some(refusal) = text(message, "refusal") {
        draft.speak(choice, Voice::Refusal, refusal, at_us);
        said = Said::new(Channel::Content, refusal);
    }
    for (place, call) in list(message, "tool_calls").iter().enumerate() {
        said = tool_call(call, (choice, place as u64), at_us, draft).or(said);
    }
    said
}

fn tool_call(call: &Value, (choice, place): (u64, u64), at_us: Option<u64>, draft: &mut Draft) -> Said {
    let custom = call.get("custom");
    let what = custom.or_else(|| call.get("function")).unwrap_or(call);
    let given = ["arguments", "input"].into_iter().find_map(|key| what.get(key)).unwrap_or(&Value::Null);
    let (arguments, is_whole) = match given {
        Value::String(text) => (text.clone(), false),
        Value::Null => (String::new(), false),
        // Ollama's own languages have values here, and never a part of one.
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => (given.to_string(), true),
    };
    let (id, name) = (text(call, "id"), text(what, "name"));
    let index = [call, what].into_iter().find_map(|value| value.get("index")?.as_u64()).unwrap_or(place);
    let voice = if custom.is_some() { Voice::Input } else { Voice::Arguments };
    draft.call((choice, index), &Piece { id, name, arguments: &arguments, voice, is_whole }, at_us);
    Said::new(Channel::Tool, arguments)
}

impl Said {
    /// Itself, or the other one where it says nothing. What is shown has precedence over what is thought.
    fn or(self, other: Self) -> Self {
        if self.channel == Channel::None { other } else { self }
    }
}

/// `usage`, as OpenAI has it.
fn counted(usage: &Value, before: Usage) -> Usage {
    let count = |key: &str| usage.get(key).and_then(Value::as_u64);
    let detail = |of: &str, key: &str| usage.get(of)?.get(key)?.as_u64();
    Usage {
        input: count("prompt_tokens").or(before.input),
        output: count("completion_tokens").or(before.output),
        cached: detail("prompt_tokens_details", "cached_tokens").or(before.cached),
        reasoning: detail("completion_tokens_details", "reasoning_tokens").or(before.reasoning),
        ..before
    }
}

/// The last record of Ollama. What is zero is left out there, so a load that took no time is no load.
fn measured(value: &Value) -> Usage {
    let count = |key: &str| value.get(key).and_then(Value::as_u64);
    let time = |key: &str| count(key).map(|nanoseconds| nanoseconds / 1000);
    Usage {
        input: count("prompt_eval_count"),
        output: count("eval_count"),
        cached: None,
        reasoning: None,
        load: time("load_duration"),
        prompt: time("prompt_eval_duration"),
        generation: time("eval_duration"),
    }
}
