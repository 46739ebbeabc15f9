//! Ollama's `/api/chat` (0.13 to 0.33).

use super::body::{self, Body, field, json, separated};
use super::{Format, Message, PastCall, Prompt, Think};
use crate::translate::wire::Api;

/// `truncate:false`: a prompt that is too long is an error that says so, not a conversation without its beginning.
pub fn body(prompt: &Prompt<'_>) -> Body {
    body::write(prompt, message, |out| {
        out.extend_from_slice(b",\"truncate\":false");
        match prompt.think {
            None => {}
            Some(Think::Off) => field(out, "think", &false),
            Some(Think::On) => field(out, "think", &true),
            Some(Think::Level(level)) => field(out, "think", level),
        }
        match &prompt.format {
            None => {}
            Some(Format::Json) => field(out, "format", "json"),
            Some(Format::Schema(schema)) => field(out, "format", schema),
        }
        options(out, prompt);
    })
}

/// Only what was asked for: the model has values of its own, and another `num_ctx` loads it anew.
fn options(out: &mut Vec<u8>, prompt: &Prompt<'_>) {
    let start = out.len();
    if let Some(num_ctx) = prompt.num_ctx {
        field(out, "num_ctx", &num_ctx);
    }
    if let Some(limit) = prompt.max_output_tokens {
        field(out, "num_predict", &limit);
    }
    if let Some(temperature) = prompt.temperature {
        field(out, "temperature", &temperature);
    }
    if let Some(top_p) = prompt.top_p {
        field(out, "top_p", &top_p);
    }
    if out.len() > start {
        // The first option's comma becomes the start of the object.
        out.splice(start..=start, *b",\"options\":{");
        out.push(b'}');
    }
}

/// `content` comes last, so that a beginning can be continued.
fn message(out: &mut Vec<u8>, message: &Message<'_>) {
    body::beginning(out, Api::Ollama, message, call);
    if let Some(answered) = &message.answers {
        field(out, "tool_name", &answered.name);
    }
    if !message.images.is_empty() {
        out.extend_from_slice(b",\"images\":[");
        separated(out, &message.images, |out, image| json(out, base64_of(image)));
        out.push(b']');
    }
    field(out, "content", &message.content);
    out.push(b'}');
}

fn call(out: &mut Vec<u8>, call: &PastCall<'_>) {
    out.extend_from_slice(b"{\"id\":");
    json(out, &call.id);
    out.extend_from_slice(b",\"function\":{\"name\":");
    json(out, &call.name);
    field(out, "arguments", &call.arguments);
    out.extend_from_slice(b"}}");
}

/// Images are bare base64 here; which are, the translation has seen to.
fn base64_of(image: &str) -> &str {
    image.split_once(";base64,").map_or(image, |(_, data)| data)
}
