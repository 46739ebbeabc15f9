//! The answer of a model as the events of a response. One state machine; what goes in and in which order stands here.
//!
//! ```text
//! Chunk* End ──► Created InProgress ( ItemAdded Delta* ItemDone )* ( Completed | Incomplete | Failed )
//!   ├─ thoughts, text ──► speech ─┐
//!   ├─ calls ──► calls ───────────┼─► item, sink ──► bytes
//!   └─ End ──► ending ────────────┘
//! ```
//! At most one item is open. A delta leaves with the chunk that brought it, but for a tail that may become a call (see
//! [`Holdback`]). A call leaves when it is complete, checked and mended: Codex runs it some 10 ms later, with the stream
//! still open (0.169). After [`Answer::break_off`] the chunks of another attempt continue the same events.

mod again;
mod calls;
mod ending;
mod fragments;
mod frame;
mod item;
mod note;
mod sink;
mod speech;

use bytes::Bytes;
use serde_json::Value;

use self::again::Again;
use self::calls::Calls;
use self::frame::{Frame, Status};
use self::item::{Open, Stage};
use self::sink::{Field, Sink};
use super::failure::Failure;
use super::recover::Holdback;
use super::tools::Table;
use super::wire::{Chunk, Done, Reason, Took, Usage};
use super::{Client, Declared};

pub use self::again::Strayed;
pub use self::note::Note;

/// What an answer has to know of its request.
#[derive(Debug)]
pub struct Opening<'r> {
    /// An unguessable word; the ids are made of it.
    pub nonce: &'r str,
    /// Seconds since 1970.
    pub created: u64,
    pub request: &'r Value,
    pub client: Client,
    pub table: Table,
    /// Events are wanted; else only the whole response at the end.
    pub streamed: bool,
    /// What could only be asked for in words: the response says so in its `metadata`.
    pub only_told: &'r [&'static str],
    /// Where the upstream does not count.
    pub estimated_input: u64,
}

#[derive(Debug)]
pub struct Answer {
    sink: Sink,
    frame: Frame,
    nonce: String,
    ids: usize,
    client: Client,
    table: Table,
    /// A message or thoughts that are open; none while [`Self::calls`] has an item that is.
    open: Option<Open>,
    /// Finished items, as JSON.
    items: Vec<String>,
    holdback: Holdback,
    /// Text that the model said before what [`Self::holdback`] has, in this attempt or an earlier one.
    said: String,
    again: Again,
    /// Blanks at the start of a message, which is none yet.
    blank: String,
    thoughts: String,
    /// Those that came while the item of a call was open.
    later: String,
    mute_thoughts: bool,
    calls: Calls,
    /// Calls that the client has.
    given: usize,
    counts: Counts,
    notes: Vec<Note>,
}

/// Pieces, which are tokens as a rule.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    estimated_input: u64,
    /// Of attempts that broke.
    earlier: u64,
    pieces: u64,
    thoughts: u64,
}

/// How an upstream that broke is to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// A call is with the client already, which will ask again by itself: the answer ends here.
    Enough,
    /// Nothing was said that counts.
    Afresh,
    /// With this as the beginning of the assistant's message.
    From { thinking: String, text: String },
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Done(Done),
    /// Without a last word, and nothing more will come: by Ollama's guard against repetition (0.30 and later), or by a break
    /// after a call.
    Cut,
    Failed(Failure),
}

/// A response that is over.
#[derive(Debug)]
pub struct Finished {
    /// The last events.
    pub events: Bytes,
    /// The response object, as JSON.
    pub object: String,
    pub result: Outcome,
    pub failure: Option<Failure>,
    pub usage: Usage,
    pub took: Took,
    pub calls: usize,
    pub notes: Vec<Note>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Completed,
    Incomplete,
    Failed,
}

impl Answer {
    pub fn begin(opening: Opening<'_>) -> Self {
        let Opening { nonce, created, request, client, table, streamed, only_told, estimated_input } = opening;
        let frame = Frame::new(&format!("resp_{nonce}"), created, request, client, only_told);
        let mut sink = Sink::muted(!streamed);
        let object = frame.object(Status::InProgress, &[], None);
        sink.event("response.created", &[Field::Json("response", &object)]);
        sink.event("response.in_progress", &[Field::Json("response", &object)]);
        Self {
            sink,
            frame,
            nonce: nonce.to_owned(),
            ids: 0,
            client,
            holdback: Holdback::new(table.shared()),
            table,
            open: None,
            items: Vec::new(),
            said: String::new(),
            again: Again::default(),
            blank: String::new(),
            thoughts: String::new(),
            later: String::new(),
            mute_thoughts: false,
            calls: Calls::None,
            given: 0,
            counts: Counts { estimated_input, ..Counts::default() },
            notes: Vec::new(),
        }
    }

    /// The id of the response.
    pub fn id(&self) -> String {
        format!("resp_{}", self.nonce)
    }

    /// The events since the last call.
    pub fn take(&mut self) -> Bytes {
        self.sink.take()
    }

    /// Bytes of events that wait.
    pub fn waiting(&self) -> usize {
        self.sink.len()
    }

    /// Takes what the model said. An error or an end in the chunk is for the caller.
    ///
    /// # Errors
    /// After a break, the model began anew in other words than those that the client has seen.
    pub fn chunk(&mut self, chunk: &Chunk<'_>) -> Result<(), Strayed> {
        if !chunk.thinking.is_empty() {
            self.counts.pieces += 1;
            self.counts.thoughts += 1;
            self.think(&chunk.thinking);
        }
        if !chunk.text.is_empty() {
            self.counts.pieces += 1;
            self.text(&chunk.text)?;
        }
        for piece in &chunk.calls {
            self.counts.pieces += 1;
            self.call(piece);
        }
        Ok(())
    }

    /// A sign of life, in the one form that every reader takes (measured with Codex 0.169, openai-python, openai-node): an
    /// empty delta of what is open, else `in_progress` with the output so far.
    pub fn heartbeat(&mut self) {
        if let Some(open) = self.open.as_mut().or_else(|| self.calls.item()) {
            open.delta(&mut self.sink, "");
        } else {
            let object = self.frame.object(Status::InProgress, &self.items, None);
            self.sink.event("response.in_progress", &[Field::Json("response", &object)]);
        }
    }

    /// The upstream broke. What cannot be continued is forgotten: half a call, and thoughts that will be thought again.
    pub fn break_off(&mut self) -> Continuation {
        self.calls.break_off();
        self.counts.earlier += std::mem::take(&mut self.counts.pieces);
        self.mute_thoughts = !self.thoughts.is_empty();
        if self.given > 0 {
            return Continuation::Enough;
        }
        let text = [&self.said, self.holdback.text()].concat();
        self.again = Again::after(text.clone());
        if text.is_empty() {
            Continuation::Afresh
        } else {
            Continuation::From { thinking: self.thoughts.clone(), text }
        }
    }

    /// The upstream told of an end after which the client would have nothing, though the model made tokens: Ollama swallows
    /// calls that it cannot parse (0.13 to 0.33).
    pub fn is_swallowed(&self, done: &Done) -> bool {
        let said_something = self.given > 0 || self.calls.first().is_some() || self.has_words();
        let made = done.usage.output.unwrap_or_default() > 1;
        !said_something && made && done.reason == Reason::Stop && !self.table.declared().is_empty()
    }

    /// Takes the call whose arguments stood in the upstream's error text. False: they fit no tool, or not one alone.
    pub fn call_from_error(&mut self, arguments: &str) -> bool {
        let Some((call, slips)) = super::repair::for_arguments(arguments, self.declared()) else { return false };
        self.notes.push(Note::FromError);
        self.flush_text(None);
        self.give(&call, slips);
        true
    }

    fn close(&mut self, stage: Stage) {
        if let Some(open) = self.open.take() {
            let item = open.close(&mut self.sink, stage);
            self.items.push(item);
        }
    }

    fn id_of(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}_{}{:02x}", self.nonce, self.ids)
    }

    /// Calls have to fit what the client declared, not what the model was told of it.
    fn declared(&self) -> &[Declared] {
        self.table.whole()
    }
}

#[cfg(test)]
mod tests;
