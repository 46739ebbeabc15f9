//! Why there is no good answer, in the words of whoever knows.

use serde_json::Value;

use crate::capture::record::{Api, ErrorNote, Exchange, Happened, Message, State};

use super::answer::Answer;
use super::form::Form;
use super::sides::{Sides, is_cut};
use super::{json, user};

/// Messages are shown in a line; a page of HTML is none.
const LONGEST: usize = 500;
/// Ollama hands on the JSON of its engine as a text, in JSON.
const DEEPEST: u32 = 6;

/// What is wrong with an exchange, if anything is.
pub(super) fn find(exchange: &Exchange, sides: &Sides<'_>, api: Api, got: &Answer, said: &Answer) -> Option<ErrorNote> {
    let note = |text: &str| Some(ErrorNote { id: None, text: user::cut(text, LONGEST).unwrap_or_default() });
    let fault = exchange.moments.iter().rev().find_map(|moment| {
        let Happened::Fault { id, text } = &moment.what else { return None };
        Some((id, text))
    });
    if let Some((id, text)) = fault {
        return Some(ErrorNote { id: id.clone(), text: user::cut(text, LONGEST).unwrap_or_default() });
    }
    if let Some((status, message)) = bad_status(sides) {
        return note(&of_body(message).unwrap_or_else(|| format!("HTTP {status}")));
    }
    if let Some(text) = &got.error {
        return note(text);
    }
    let why = unfinished(exchange, sides, api, got)?;
    note(said.error.as_deref().unwrap_or(why))
}

fn bad_status<'e>(sides: &Sides<'e>) -> Option<(u16, &'e Message)> {
    let message = sides.got?;
    let status = message.head.as_ref()?.status.filter(|status| *status >= 400)?;
    Some((status, message))
}

/// The row is kept, so these are in one language.
fn unfinished(exchange: &Exchange, sides: &Sides<'_>, api: Api, got: &Answer) -> Option<&'static str> {
    // Other streams have other ends: the progress of a download.
    let is_known = api != Api::Other && got.form.is_stream() && got.records > 0;
    match exchange.state {
        // A client that has all it wants may leave first.
        State::Aborted | State::Failed | State::Lost if got.ended => None,
        State::Aborted => Some("the client left before the answer was complete"),
        State::Failed => Some("the answer broke off"),
        State::Refused => Some("refused"),
        State::Lost => Some("the program ended before the answer did"),
        State::Done if is_known && !got.ended && !exchange.incomplete && !sides.got.is_some_and(is_cut) => {
            Some("the stream ended without its last event")
        }
        State::Done
        | State::Waiting
        | State::Loading
        | State::Prefill
        | State::Thinking
        | State::Answering
        | State::Tool => None,
    }
}

/// The message in the body of a bad answer.
fn of_body(message: &Message) -> Option<String> {
    match Form::of(message) {
        Form::Json => json::parse(&message.body).and_then(|value| told(&value)),
        Form::Ndjson => message.body.split(|byte| *byte == b'\n').find_map(|line| told(&json::parse(line)?)),
        Form::Text => {
            let start = &message.body[..message.body.len().min(4 * LONGEST)];
            user::cut(&String::from_utf8_lossy(start), LONGEST)
        }
        Form::Sse | Form::Binary | Form::Empty => None,
    }
}

/// The message in an error of OpenAI, Ollama, its engine, or a plain web server.
pub(super) fn told(value: &Value) -> Option<String> {
    told_within(value, DEEPEST)
}

fn told_within(value: &Value, deepest: u32) -> Option<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) if deepest > 0 && text.trim_start().starts_with('{') => {
            let inner = serde_json::from_str(text).ok().and_then(|inner| told_within(&inner, deepest - 1));
            inner.or_else(|| Some(text.clone()))
        }
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) if deepest > 0 => {
            let known = ["error", "message", "detail", "code"].into_iter().filter_map(|key| fields.get(key));
            known.filter(|value| !value.is_null()).find_map(|value| told_within(value, deepest - 1))
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}
