//! What upstreams say, in one vocabulary for both of their APIs: an answer is a row of [`Chunk`]s.
//!
//! ```text
//! /api/chat             NDJSON, one record a line                      (Ollama 0.13 to 0.33)
//! /v1/chat/completions  server-sent events, one record a `data:` line  (LM Studio, llama-server, vLLM)
//! ```
//! A chunk borrows from the bytes that came in: most are one word, and there are many.
//!
//! ```text
//! bytes ──► lines ──┬────────────► ollama ──┬──► thoughts ──► Chunk
//!                   └──► events ──► chat ───┘      (or at once by `template`, where only one word differs)
//! ```

mod calls;
mod chat;
mod events;
mod lines;
mod ollama;
mod read;
mod template;
mod thoughts;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use lines::{Ends, Lines};
use read::Content;
use template::Template;
use thoughts::Thoughts;

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

/// A record that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A web page, as a captive portal or a proxy answers.
    Page,
    /// A line without end. Nothing after it is read.
    TooLong,
    /// What is wrong, and where in the line; never the line itself.
    NotJson(String),
}

impl Unreadable {
    fn of(line: &[u8], error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        if line.trim_ascii_start().starts_with(b"<") {
            return Self::Page;
        }
        // The error's own words may quote the record.
        let what = match error.classify() {
            Category::Io | Category::Syntax => "no JSON",
            Category::Data => "an unknown shape",
            Category::Eof => "cut",
        };
        Self::NotJson(format!("{what} at byte {} of {}", error.column(), line.len()))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page => f.write_str("the upstream answered with a web page"),
            Self::TooLong => f.write_str("the upstream's answer has a line without end"),
            Self::NotJson(what) => write!(f, "the upstream's answer has a record that cannot be read ({what})"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Bytes in, chunks out. One answer's.
#[derive(Debug)]
pub struct Decoder {
    lines: Lines,
    thoughts: Thoughts,
    template: Template,
    dialect: Dialect,
}

#[derive(Debug)]
enum Dialect {
    Ollama,
    Chat(Box<chat::Reader>),
}

impl Decoder {
    pub fn new(api: Api) -> Self {
        let (ends, dialect) = match api {
            Api::Ollama => (Ends::Newline, Dialect::Ollama),
            Api::Chat => (Ends::Either, Dialect::Chat(Box::default())),
        };
        Self { lines: Lines::new(ends), thoughts: Thoughts::new(), template: Template::default(), dialect }
    }

    /// The next bytes of the body, cut anywhere.
    pub fn feed(&mut self, bytes: Bytes) {
        self.lines.feed(bytes);
    }

    /// None: more bytes are needed. A chunk may be empty, and after an error there may be more.
    pub fn next_chunk(&mut self) -> Option<Result<Chunk<'_>, Unreadable>> {
        let Self { lines, thoughts, template, dialect } = self;
        match dialect {
            Dialect::Ollama => loop {
                match lines.next_line()? {
                    Err(unreadable) => return Some(Err(unreadable)),
                    Ok(place) if lines.get(&place).trim_ascii().is_empty() => {}
                    Ok(place) => return Some(ollama::chunk(lines.get(&place), thoughts, template)),
                }
            },
            Dialect::Chat(reader) => {
                let record = reader.next_record(lines)?;
                Some(record.and_then(|record| reader.chunk(lines, &record, thoughts, template)))
            }
        }
    }

    /// The same once the body has ended, to be asked until None: a last line without its end, and an end that waited
    /// for more. A record that was cut off is nothing: the caller saw no [`Done`].
    pub fn finish(&mut self) -> Option<Result<Chunk<'_>, Unreadable>> {
        let Self { lines, thoughts, template, dialect } = self;
        match dialect {
            Dialect::Ollama => {
                let place = match lines.next_line().or_else(|| lines.rest().map(Ok)) {
                    Some(Ok(place)) => place,
                    Some(Err(unreadable)) => return Some(Err(unreadable)),
                    None => return last(thoughts).map(Ok),
                };
                let line = lines.get(&place);
                if is_cut(line) { last(thoughts).map(Ok) } else { Some(ollama::chunk(line, thoughts, template)) }
            }
            Dialect::Chat(reader) => match reader.last_record(lines) {
                Some(record) => Some(record.and_then(|record| reader.chunk(lines, &record, thoughts, template))),
                None => reader.end(thoughts).map(Ok),
            },
        }
    }
}

/// A chunk of these parts, in which thoughts that stand in the text are thoughts.
fn sorted<'a>(
    content: Content<'a>,
    thinking: Cow<'a, str>,
    calls: Vec<CallPiece<'a>>,
    thoughts: &mut Thoughts,
) -> Chunk<'a> {
    let mut all = thinking;
    if let Some(thought) = content.thinking {
        read::append(&mut all, Cow::Owned(thought.into()));
    }
    if !all.is_empty() {
        thoughts.settle();
    }
    let (more, mut text) = thoughts.feed(content.text);
    read::append(&mut all, more);
    if !calls.is_empty() {
        thoughts.settle();
        read::append(&mut text, thoughts.feed(Cow::default()).1);
    }
    Chunk { thinking: all, text, calls, error: None, done: None }
}

/// Adds what was held of the text.
fn flush(chunk: &mut Chunk<'_>, thoughts: &mut Thoughts) {
    let (thinking, text) = thoughts.finish();
    read::append(&mut chunk.thinking, Cow::Owned(thinking));
    read::append(&mut chunk.text, Cow::Owned(text));
}

fn last(thoughts: &mut Thoughts) -> Option<Chunk<'static>> {
    let mut chunk = Chunk::default();
    flush(&mut chunk, thoughts);
    (chunk != Chunk::default()).then_some(chunk)
}

/// Whether a record at the end of a body stops before its own end.
fn is_cut(record: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(record).is_err_and(|error| error.is_eof())
}

impl Chunk<'_> {
    pub fn into_owned(self) -> Chunk<'static> {
        fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        let call = |call: CallPiece<'_>| CallPiece {
            index: call.index,
            id: call.id.map(owned),
            name: call.name.map(owned),
            arguments: owned(call.arguments),
        };
        Chunk {
            thinking: owned(self.thinking),
            text: owned(self.text),
            calls: self.calls.into_iter().map(call).collect(),
            error: self.error.map(owned),
            done: self.done,
        }
    }
}

#[cfg(test)]
mod tests;
