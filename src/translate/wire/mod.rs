//! What upstreams say, in one vocabulary for both of their APIs: an answer is a row of [`Chunk`]s.
//!
//! ```text
//! /api/chat             NDJSON, one record a line                      (Ollama 0.13 to 0.33)
//! /v1/chat/completions  server-sent events, one record a `data:` line  (LM Studio, llama-server, vLLM)
//! ```
//! A chunk borrows from the bytes that came in: most are one word, and there are many.

use std::borrow::Cow;
use std::time::Duration;

/// Which API the upstream is spoken to by (`--upstream-api`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Ollama,
    Chat,
}

/// One piece of an answer. Any of its parts may be empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk<'a> {
    pub thinking: Cow<'a, str>,
    pub text: Cow<'a, str>,
    pub calls: Vec<CallPiece<'a>>,
    /// The upstream gave up in mid-stream, and why.
    pub error: Option<Cow<'a, str>>,
    /// The answer is over.
    pub done: Option<Done>,
}

/// A call, or a fragment of one.
#[derive(Clone, Debug, PartialEq)]
pub struct CallPiece<'a> {
    /// Which call of the answer this is a fragment of. None: the call is whole.
    pub index: Option<u32>,
    pub id: Option<Cow<'a, str>>,
    pub name: Option<Cow<'a, str>>,
    /// JSON text, as written by the model or by the upstream.
    pub arguments: Cow<'a, str>,
}

/// How an answer ended, by its own account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    pub reason: Reason,
    pub usage: Usage,
    pub took: Took,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    #[default]
    Stop,
    /// The limit of tokens, or of the context.
    Length,
    /// The model was loaded or unloaded, and said nothing.
    Loaded,
    Other(String),
}

/// Tokens, where the upstream counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The prompt's, with those that came from a cache.
    pub input: Option<u64>,
    pub cached: Option<u64>,
    /// All that were generated.
    pub output: Option<u64>,
    /// Of these, the thoughts.
    pub reasoning: Option<u64>,
}

/// Times, where the upstream measured them (Ollama does).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    pub load: Option<Duration>,
    pub prompt: Option<Duration>,
    pub generation: Option<Duration>,
}
