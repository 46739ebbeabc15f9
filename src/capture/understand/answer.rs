//! What was answered, from one body: streamed or whole, in any of the four languages, good or bad.

mod chat;
mod draft;
mod responses;

use serde_json::Value;

use crate::capture::record::Message;
use crate::capture::view::{Channel, Event, Item};

use self::draft::Draft;

use super::form::Form;
use super::frames::{Arrival, Frame, Frames};
use super::json::{self, text};
use super::{errors, items};

/// An answer, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub form: Form,
    pub items: Vec<Item>,
    pub events: Vec<Event>,
    /// Events that are not listed.
    pub left_out: u64,
    /// Events that were understood as JSON.
    pub records: u64,
    pub usage: Usage,
    pub model: Option<String>,
    /// The upstream's own words, where there is no good answer.
    pub error: Option<String>,
    /// It has come to an end of its own.
    pub ended: bool,
    pub firsts: Firsts,
}

/// What an upstream counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub input: Option<u64>,
    pub cached: Option<u64>,
    pub output: Option<u64>,
    pub reasoning: Option<u64>,
    /// Microseconds, by its own clock.
    pub load: Option<u64>,
    pub prompt: Option<u64>,
    pub generation: Option<u64>,
}

/// When things came for the first time, and the last token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Firsts {
    pub event: Option<u64>,
    pub token: Option<u64>,
    pub text: Option<u64>,
    pub tool: Option<u64>,
    pub last: Option<u64>,
}

/// What a record adds to the answer.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub channel: Channel,
    pub text: String,
}

impl Said {
    fn new(channel: Channel, text: impl Into<String>) -> Self {
        Self { channel, text: text.into() }
    }

    fn error(text: impl Into<String>) -> Self {
        Self::new(Channel::Error, text)
    }
}

/// Reads a body. At most `most_events` of its events are listed.
pub(super) fn read(message: Option<&Message>, most_events: usize) -> Answer {
    let Some(message) = message else { return Answer::default() };
    let form = Form::of(message);
    let mut reader = Reader { answer: Answer { form, ..Answer::default() }, draft: Draft::default(), most_events };
    match form {
        Form::Json => {
            let whole = json::parse(&message.body);
            if let Some(value) = whole.filter(|value| !matches!(value, Value::Null)) {
                reader.answer.records = 1;
                reader.record(&value, "", None);
                // Whoever answers in one piece has nothing to add.
                reader.answer.ended |= message.ended_us.is_some();
            }
        }
        Form::Sse | Form::Ndjson => reader.stream(message),
        Form::Text | Form::Binary | Form::Empty => {}
    }
    reader.finish()
}

/// What one event says by itself, without those before it.
pub(super) fn channel(frame: &Frame<'_>) -> Channel {
    let Some(value) = json::parse(&frame.data) else { return Channel::None };
    let mut reader = Reader { answer: Answer::default(), draft: Draft::default(), most_events: 0 };
    reader.record(&value, &frame.name, None).channel
}

struct Reader {
    answer: Answer,
    draft: Draft,
    most_events: usize,
}

impl Reader {
    fn stream(&mut self, message: &Message) {
        let mut arrival = Arrival::new(message);
        for frame in Frames::new(&message.body, self.answer.form) {
            let at_us = arrival.of((frame.from + frame.len).saturating_sub(1));
            let (name, said) = self.frame(&frame, at_us);
            self.answer.firsts.note(at_us, said.channel);
            if self.answer.events.len() < self.most_events {
                let len = u32::try_from(frame.len).unwrap_or(u32::MAX);
                let Said { channel, text } = said;
                self.answer.events.push(Event { at_us, name, channel, text, from: frame.from as u64, len });
            } else {
                self.answer.left_out += 1;
            }
        }
    }

    fn frame(&mut self, frame: &Frame<'_>, at_us: u64) -> (String, Said) {
        if frame.data.trim_ascii() == b"[DONE]" {
            self.answer.ended = true;
            return ("[DONE]".to_owned(), Said::default());
        }
        let name = || frame.name.clone().into_owned();
        // What is cut is not guessed at: a delta that is half there is none.
        let Some(value) = json::parse_whole(&frame.data) else { return (name(), Said::default()) };
        self.answer.records += 1;
        let said = self.record(&value, &frame.name, Some(at_us));
        let told = || ["type", "object"].into_iter().find_map(|key| text(&value, key)).unwrap_or_default().to_owned();
        (if frame.name.is_empty() { told() } else { name() }, said)
    }

    /// Each language is known by the shape of its records.
    fn record(&mut self, value: &Value, name: &str, at_us: Option<u64>) -> Said {
        let kind = text(value, "type").unwrap_or(name);
        let (answer, draft) = (&mut self.answer, &mut self.draft);
        if kind.starts_with("response.") {
            return responses::event(kind, value, at_us, answer, draft);
        }
        if text(value, "object") == Some("response") || value.get("output").is_some_and(Value::is_array) {
            return responses::whole(value, answer, draft);
        }
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            let told = errors::told(error).unwrap_or_else(|| error.to_string());
            answer.error = Some(told.clone());
            return Said::error(told);
        }
        if kind == "error" {
            let told = errors::told(value).unwrap_or_else(|| "error".to_owned());
            answer.error = Some(told.clone());
            return Said::error(told);
        }
        if value.get("choices").is_some() || text(value, "object").is_some_and(|object| object.starts_with("chat.")) {
            return chat::completion(value, at_us, answer, draft);
        }
        if value.get("message").is_some() || value.get("response").is_some() || value.get("done").is_some() {
            return chat::ollama(value, at_us, answer, draft);
        }
        Said::default()
    }

    fn finish(self) -> Answer {
        let mut answer = self.answer;
        for (place, (value, from_us, until_us)) in self.draft.finish().into_iter().enumerate() {
            let before = answer.items.len();
            items::read(&value, &format!("output[{place}]"), &mut answer.items);
            for item in &mut answer.items[before..] {
                (item.from_us, item.until_us) = (from_us, until_us);
            }
        }
        answer
    }
}

impl Firsts {
    fn note(&mut self, at_us: u64, channel: Channel) {
        self.event.get_or_insert(at_us);
        let of_its_own = match channel {
            Channel::None | Channel::Error => return,
            Channel::Reasoning => None,
            Channel::Content => Some(&mut self.text),
            Channel::Tool => Some(&mut self.tool),
        };
        if let Some(first) = of_its_own {
            first.get_or_insert(at_us);
        }
        self.token.get_or_insert(at_us);
        self.last = Some(at_us);
    }

    /// The earlier of both.
    pub(super) fn or_earlier(self, other: Self) -> Self {
        let earlier = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        Self {
            event: earlier(self.event, other.event),
            token: earlier(self.token, other.token),
            text: earlier(self.text, other.text),
            tool: earlier(self.tool, other.tool),
            last: self.last,
        }
    }
}
