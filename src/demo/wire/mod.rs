//! JSON of Ollama's two APIs: bytes to a question, pieces to bytes. Pure: it knows no sockets and no HTTP library, and of time only
//! the moments that it is given. What both APIs share is here; `api` and `v1` have what is their own.
//!
//! Structs list their fields in Ollama's order; that order is what its captures are compared by.

pub(crate) mod api;
pub(crate) mod keep_alive;
pub(crate) mod v1;

use super::model::{Answer, Conversation, Ended, Piece, Role};
use super::tools::{self, Call};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use thiserror::Error;

/// The one model there is; its name says what it is.
pub(crate) const MODEL: &str = "demo:latest";

/// What a client asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) work: Work,
}

#[derive(Debug)]
pub(crate) enum Work {
    /// Nothing to answer: load the model, or unload it when it is to be kept for no time.
    Load(api::Shape),
    Answer(Dialect, Conversation),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dialect {
    Api(api::Shape),
    V1 { include_usage: bool },
}

/// How long it took; `/api` reports it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) total: Duration,
    pub(crate) prompt: Duration,
    pub(crate) eval: Duration,
}

#[derive(Debug, Error, PartialEq)]
pub(crate) enum Refusal {
    #[error("404 page not found")]
    NoSuchPath,
    #[error("405 method not allowed")]
    WrongMethod { allow: &'static str },
    #[error("{0}")]
    Malformed(String),
    #[error("model '{0}' not found")]
    UnknownModel(String),
    #[error("request body is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
}

impl Refusal {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::NoSuchPath | Self::UnknownModel(_) => 404,
            Self::WrongMethod { .. } => 405,
            Self::TooLarge(_) => 413,
        }
    }
}

pub(crate) fn known_model(name: &str) -> Result<(), Refusal> {
    match name {
        "demo" | MODEL => Ok(()),
        "" => Err(Refusal::Malformed("model is required".to_owned())),
        other => Err(Refusal::UnknownModel(other.to_owned())),
    }
}

pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if body.is_empty() {
        return Err(malformed("missing request body"));
    }
    serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))
}

fn malformed(message: &str) -> Refusal {
    Refusal::Malformed(message.to_owned())
}

pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our records have string keys only")
}

/// A tool as both APIs have it. Tools of another type than `function` have no name and cannot be called.
#[derive(Debug, Deserialize)]
struct Tool {
    function: Option<Function>,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: Option<String>,
    #[serde(default)]
    parameters: Value,
}

fn callable(tools: Option<Vec<Tool>>) -> Vec<tools::Tool> {
    let functions = tools.unwrap_or_default().into_iter().filter_map(|tool| tool.function);
    let named = |Function { name, parameters }: Function| Some(tools::Tool { name: name?, parameters });
    functions.filter_map(named).filter(|tool| !tool.name.is_empty()).collect()
}

/// A role that we have no name for is taken for context, as most chat templates do.
fn role(name: Option<&str>) -> Role {
    match name.unwrap_or_default().to_lowercase().as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => Role::System,
    }
}

/// Zero and below mean no limit.
fn limit(pieces: i64) -> Option<usize> {
    usize::try_from(pieces).ok().filter(|limit| *limit > 0)
}

/// One piece, or all of them, sorted into what a message has places for.
struct Spoken<'a> {
    text: String,
    thinking: String,
    calls: Vec<&'a Call>,
}

impl<'a> Spoken<'a> {
    fn from_pieces(pieces: &'a [Piece]) -> Self {
        let mut spoken = Self { text: String::new(), thinking: String::new(), calls: Vec::new() };
        for piece in pieces {
            match piece {
                Piece::Thinking(word) => spoken.thinking.push_str(word),
                Piece::Text(word) => spoken.text.push_str(word),
                Piece::Call(call) => spoken.calls.push(call),
            }
        }
        spoken
    }
}

fn done_reason(ended: Ended) -> &'static str {
    match ended {
        Ended::Stop => "stop",
        Ended::Length => "length",
    }
}

fn has_call(answer: &Answer) -> bool {
    answer.pieces.iter().any(|piece| matches!(piece, Piece::Call(_)))
}
