//! Why an upstream gave no answer, and what a client is to make of it.
//!
//! ```text
//! status, body ─┐
//! error line ───┴──► told (its words, out of their wrapping) ──► causes (a table of words) ──► Failure
//! ```
//! What Codex does with each code was found by running 0.98 to 0.169: `invalid_prompt` ends the turn and shows the message as
//! it is, `server_error` is tried again.

mod causes;
mod told;

use super::wire::Unreadable;
use told::{Told, clean};

/// An answer that did not come, or not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    /// One clear sentence for the person in front of the client, with what to do about it.
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asking again would bring the same.
    Permanent,
    /// Asking again may go well.
    Transient,
    /// The prompt is longer than the context. In tokens, where known.
    Overflow { used: Option<u64>, available: Option<u64> },
    /// The upstream does not have this model.
    NoModel,
    /// The upstream's queue is full: worth waiting for.
    Busy,
    /// The upstream could not parse the model's call; its arguments, where the error tells them.
    BadCall { arguments: Option<String> },
    /// The model cannot use tools, as the upstream has it.
    NoTools,
    /// The model cannot think, as the upstream has it.
    NoThinking,
}

/// So many names of models are told.
const NAMED: usize = 6;

impl Failure {
    /// An answer that is no success.
    pub fn from_status(status: u16, body: &[u8], model: &str) -> Self {
        causes::judge(Some(status), &Told::read(body), model)
    }

    /// An error in mid-stream, as [`super::wire::Chunk::error`] has it.
    pub fn from_line(text: &str, model: &str) -> Self {
        causes::judge(None, &Told::read(text.as_bytes()), model)
    }

    /// `there`: the models that the upstream has.
    pub fn no_model(model: &str, there: &[String]) -> Self {
        let near = |name: &String| {
            let bare = |name: &str| name.trim_end_matches(":latest").to_lowercase();
            // In thousandths, as floats have no order.
            let likeness = strsim::jaro_winkler(&bare(name), &bare(model)) * 1000.0;
            std::cmp::Reverse(format!("{likeness:08.0}"))
        };
        let mut names: Vec<&String> = there.iter().collect();
        names.sort_by_cached_key(|name| near(name));
        let told: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{}`", clean(name))).collect();
        let has = match (told.is_empty(), there.len().saturating_sub(NAMED)) {
            (true, _) => "it has none yet".to_owned(),
            (false, 0) => format!("it has {}", told.join(", ")),
            (false, more) => format!("it has {} and {more} more", told.join(", ")),
        };
        let model = clean(model);
        let or = if told.is_empty() { "" } else { ", or choose another with `-m`" };
        let message = format!("The upstream has no model `{model}`; {has}. Get it with `ollama pull {model}`{or}.");
        Self { kind: Kind::NoModel, message }
    }

    /// `error.code` of `response.failed`.
    pub fn code(&self) -> &'static str {
        match self.kind {
            Kind::Permanent | Kind::NoModel | Kind::NoTools | Kind::NoThinking => "invalid_prompt",
            Kind::Overflow { .. } => "context_length_exceeded",
            Kind::Transient | Kind::Busy | Kind::BadCall { .. } => "server_error",
        }
    }

    /// The status of an answer that is no stream. Never 500: Codex hides what a 500 says, and asks 30 times.
    pub fn http_status(&self) -> u16 {
        match self.kind {
            Kind::Permanent | Kind::Overflow { .. } | Kind::NoTools | Kind::NoThinking => 400,
            Kind::NoModel => 404,
            Kind::Transient | Kind::BadCall { .. } => 502,
            Kind::Busy => 503,
        }
    }

    /// `type` in the error object of `OpenAI`'s APIs.
    pub fn kind_of_error(&self) -> &'static str {
        match self.kind {
            Kind::Permanent | Kind::Overflow { .. } | Kind::NoModel | Kind::NoTools | Kind::NoThinking => {
                "invalid_request_error"
            }
            Kind::Transient | Kind::Busy | Kind::BadCall { .. } => "server_error",
        }
    }
}

impl From<&Unreadable> for Failure {
    fn from(unreadable: &Unreadable) -> Self {
        match unreadable {
            Unreadable::Page => causes::page(None),
            Unreadable::TooLong | Unreadable::NotJson(_) => {
                let mut message = unreadable.to_string();
                message.replace_range(..1, "T");
                Self { kind: Kind::Transient, message: message + "." }
            }
        }
    }
}

#[cfg(test)]
mod tests;
