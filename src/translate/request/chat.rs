//! `/v1/chat/completions` (llama-server, LM Studio, vLLM, and what speaks like them).

use serde_json::json;

use super::body::{self, Body, field, json, separated, text_of};
use super::{Format, Message, PastCall, Prompt, Think};
use crate::translate::wire::Api;

pub fn body(prompt: &Prompt<'_>) -> Body {
    body::write(prompt, message, |out| {
        out.extend_from_slice(b",\"stream_options\":{\"include_usage\":true}");
        match prompt.think {
            // On is what these servers do by themselves.
            None | Some(Think::On) => {}
            Some(Think::Off) => field(out, "reasoning_effort", "none"),
            Some(Think::Level(level)) => field(out, "reasoning_effort", level),
        }
        match &prompt.format {
            None => {}
            Some(Format::Json) => field(out, "response_format", &json!({"type": "json_object"})),
            Some(Format::Schema(schema)) => {
                out.extend_from_slice(b",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{");
                out.extend_from_slice(b"\"name\":\"answer\",\"strict\":true");
                field(out, "schema", schema);
                out.extend_from_slice(b"}}");
            }
        }
        if let Some(limit) = prompt.max_output_tokens {
            field(out, "max_tokens", &limit);
        }
        if let Some(temperature) = prompt.temperature {
            field(out, "temperature", &temperature);
        }
        if let Some(top_p) = prompt.top_p {
            field(out, "top_p", &top_p);
        }
    })
}

/// `content` comes last, so that a beginning can be continued.
fn message(out: &mut Vec<u8>, message: &Message<'_>) {
    body::beginning(out, Api::Chat, message, call);
    if message.images.is_empty() {
        field(out, "content", &message.content);
    } else {
        out.extend_from_slice(b",\"content\":[");
        if !message.content.is_empty() {
            out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
            json(out, &message.content);
            out.extend_from_slice(b"},");
        }
        separated(out, &message.images, |out, image| {
            out.extend_from_slice(b"{\"type\":\"image_url\",\"image_url\":{\"url\":");
            json(out, image);
            out.extend_from_slice(b"}}");
        });
        out.push(b']');
    }
    out.push(b'}');
}

fn call(out: &mut Vec<u8>, call: &PastCall<'_>) {
    out.extend_from_slice(b"{\"id\":");
    json(out, &call.id);
    out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
    json(out, &call.name);
    field(out, "arguments", &text_of(&call.arguments));
    out.extend_from_slice(b"}}");
}
