//! Bodies of chat requests, written straight into bytes.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::{Message, PastCall, Prompt, Role};
use crate::translate::wire::Api;

/// The body of a request, and where its conversation can be continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    pub bytes: Bytes,
    /// Offset just before the `]` of `messages`.
    pub messages_end: usize,
    /// The last message is an assistant's beginning, and ends in its content.
    open: bool,
}

impl Body {
    /// The same request once more, with what the assistant has said so far as its beginning.
    pub fn continued(&self, api: Api, thinking: &str, text: &str) -> Vec<u8> {
        let (before, after) = self.bytes.split_at(self.messages_end);
        let mut out = Vec::with_capacity(self.bytes.len() + text.len() + thinking.len() + 256);
        if self.open {
            // `"}` of the last message: its beginning goes on, there is no second message to begin.
            let (before, closing) = before.split_at(before.len() - 2);
            out.extend_from_slice(before);
            let at = out.len();
            json(&mut out, text);
            out.pop();
            out.remove(at);
            out.extend_from_slice(closing);
        } else {
            out.extend_from_slice(before);
            out.extend_from_slice(b",{\"role\":\"assistant\"");
            thoughts(&mut out, api, thinking);
            out.extend_from_slice(b",\"content\":");
            json(&mut out, text);
            out.push(b'}');
        }
        out.extend_from_slice(after);
        out
    }
}

/// The fields of the head are the caller's; after the messages `tail` adds the others.
pub(super) fn write(
    prompt: &Prompt<'_>,
    message: impl Fn(&mut Vec<u8>, &Message<'_>),
    tail: impl FnOnce(&mut Vec<u8>),
) -> Body {
    let texts: usize = prompt.messages.iter().map(size).sum();
    let mut out = Vec::with_capacity(texts + texts / 8 + 8192);
    out.extend_from_slice(b"{\"model\":");
    json(&mut out, &prompt.model);
    out.extend_from_slice(b",\"messages\":[");
    for (index, said) in prompt.messages.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        message(&mut out, said);
    }
    let messages_end = out.len();
    out.extend_from_slice(b"],\"stream\":true");
    if !prompt.tools.is_empty() {
        field(&mut out, "tools", &prompt.tools);
    }
    tail(&mut out);
    out.push(b'}');
    let last = prompt.messages.last();
    let open = last.is_some_and(|last| last.role == Role::Assistant && last.calls.is_empty());
    Body { bytes: out.into(), messages_end, open }
}

fn size(message: &Message<'_>) -> usize {
    message.content.len() + message.thinking.len() + message.images.iter().map(|image| image.len()).sum::<usize>() + 128
}

fn role(out: &mut Vec<u8>, role: Role) {
    out.extend_from_slice(match role {
        Role::System => b"{\"role\":\"system\"",
        Role::User => b"{\"role\":\"user\"",
        Role::Assistant => b"{\"role\":\"assistant\"",
        Role::Tool => b"{\"role\":\"tool\"",
    });
}

/// What a message has in both APIs, up to its content.
pub(super) fn beginning(out: &mut Vec<u8>, api: Api, message: &Message<'_>, call: fn(&mut Vec<u8>, &PastCall<'_>)) {
    role(out, message.role);
    thoughts(out, api, &message.thinking);
    if !message.calls.is_empty() {
        out.extend_from_slice(b",\"tool_calls\":[");
        separated(out, &message.calls, call);
        out.push(b']');
    }
    if let Some(answered) = &message.answers {
        field(out, "tool_call_id", &answered.call_id);
    }
}

/// Thoughts of an assistant, if any. The servers behind chat completions read `reasoning_content` (llama-server, vLLM, LM
/// Studio).
fn thoughts(out: &mut Vec<u8>, api: Api, thinking: &str) {
    if !thinking.is_empty() {
        let key = match api {
            Api::Ollama => "thinking",
            Api::Chat => "reasoning_content",
        };
        field(out, key, thinking);
    }
}

pub(super) fn field(out: &mut Vec<u8>, key: &str, value: &(impl Serialize + ?Sized)) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    json(out, value);
}

pub(super) fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("texts, numbers and JSON itself are JSON, and a Vec takes all bytes");
}

/// A list, or an object, of what `each` writes.
pub(super) fn separated<T>(out: &mut Vec<u8>, all: &[T], mut each: impl FnMut(&mut Vec<u8>, &T)) {
    for (index, one) in all.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(out, one);
    }
}

/// As text: what a JSON string of an object holds.
pub(super) fn text_of(object: &serde_json::Map<String, Value>) -> String {
    serde_json::to_string(object).expect("an object with text keys is JSON")
}
