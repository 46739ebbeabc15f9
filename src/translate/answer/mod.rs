//! The answer of a model as the events of a response. One state machine; every line that can change the order of events
//! stands here and in [`item`].
//!
//! ```text
//! Chunk* End ──► Created InProgress ( ItemAdded Delta* ItemDone )* ( Completed | Incomplete | Failed )
//! ```
//! At most one item is open. A delta leaves with the chunk that brought it, but for a tail that may become a call (see
//! [`Holdback`]). A call leaves when it is complete, checked and mended: Codex runs it some 10 ms later, with the stream
//! still open (0.169). After [`Answer::break_off`] the chunks of another attempt continue the same events.

mod again;
mod calls;
mod frame;
mod item;
mod note;
mod sink;

use bytes::Bytes;
use serde_json::{Value, json};

use self::again::Again;
use self::calls::{Partial, Partials};
use self::frame::{Frame, Status, usage_json};
use self::item::{Kind, Open, Stage, Unsaid};
use self::sink::{Field, Sink};
use super::failure::{self, Failure};
use super::recover::{Holdback, Verdict};
use super::repair::{Broken, repair};
use super::tools::{Origin, Table};
use super::wire::{CallPiece, Chunk, Done, Reason, Took, Usage};
use super::{Call, Client, Declared};

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
    mute_thoughts: bool,
    partials: Partials,
    /// The call that is open was begun by an attempt that broke.
    half: bool,
    calls: usize,
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
            mute_thoughts: false,
            partials: Partials::default(),
            half: false,
            calls: 0,
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
        if let Some(open) = &mut self.open {
            open.delta(&mut self.sink, "");
        } else {
            let object = self.frame.object(Status::InProgress, &self.items, None);
            self.sink.event("response.in_progress", &[Field::Json("response", &object)]);
        }
    }

    /// The upstream broke. What cannot be continued is forgotten: half a call, and thoughts that will be thought again.
    pub fn break_off(&mut self) -> Continuation {
        self.partials.take();
        self.half = self.is_call_open();
        self.counts.earlier += std::mem::take(&mut self.counts.pieces);
        self.mute_thoughts = !self.thoughts.is_empty();
        if self.calls > 0 {
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
        let texts = [&self.said, self.holdback.text()];
        let said_something =
            self.calls > 0 || !self.partials.is_empty() || texts.iter().any(|text| !text.trim().is_empty());
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

    /// The last events, whatever happened. `at` in seconds since 1970.
    pub fn finish(mut self, end: End, at: u64) -> Finished {
        let (reason, usage, took) = match &end {
            End::Done(done) => (done.reason.clone(), done.usage, done.took),
            End::Cut => (Reason::Length, Usage::default(), Took::default()),
            End::Failed(_) => (Reason::Stop, Usage::default(), Took::default()),
        };
        let is_failed = matches!(end, End::Failed(_));
        let keeps_open = self.keeps_open(&end);
        if !keeps_open {
            self.last_words(&reason, is_failed);
        }
        let is_cut = reason == Reason::Length && !(end == End::Cut && self.calls > 0);
        let outcome = match (&end, self.client) {
            (End::Failed(_), _) => Outcome::Failed,
            (End::Done(_) | End::Cut, Client::Other) if is_cut => Outcome::Incomplete,
            (End::Done(_) | End::Cut, Client::Codex | Client::Other) => Outcome::Completed,
        };
        if !keeps_open {
            self.close(if outcome == Outcome::Completed { Stage::Completed } else { Stage::Incomplete });
        }
        let usage = self.counts.complete(usage);
        let usage_json = usage_json(usage);
        let (kind, status) = match (outcome, &end) {
            (_, End::Failed(failure)) => ("response.failed", Status::Failed(failure)),
            (Outcome::Incomplete, _) => ("response.incomplete", Status::Incomplete),
            (Outcome::Completed | Outcome::Failed, _) => ("response.completed", Status::Completed { at }),
        };
        let object = self.frame.object(status, &self.items, (!is_failed).then_some(usage_json.as_str()));
        self.sink.event(kind, &[Field::Json("response", &object)]);
        let failure = match end {
            End::Failed(failure) => Some(failure),
            End::Done(_) | End::Cut => None,
        };
        let (events, calls, notes) = (self.sink.take(), self.calls, self.notes);
        Finished { events, object, result: outcome, failure, usage, took, calls, notes }
    }

    /// What was held back until the end: calls in fragments, and text that may be a call. Neither is a call where the
    /// answer was cut, though it may look whole.
    fn last_words(&mut self, reason: &Reason, is_failed: bool) {
        let is_cut = is_failed || *reason == Reason::Length;
        let held = self.again.finish();
        self.hold(&held);
        for partial in self.partials.take() {
            if !is_cut {
                self.written_call(&partial);
            }
        }
        if self.is_call_open() {
            self.half = false;
            self.close(Stage::Incomplete);
        }
        self.show("");
        if self.calls > 0 || is_cut {
            return self.flush_text(None);
        }
        let end = self.fresh_holdback().finish();
        self.show(&end.unshown);
        match end.verdict {
            Verdict::Calls { calls, .. } => {
                if let Some(first) = calls.first() {
                    self.notes.push(Note::Recovered { family: first.family, calls: calls.len() });
                }
                for printed in calls {
                    self.give_written(&printed.name, &Value::Object(printed.arguments).to_string());
                }
            }
            Verdict::Left(why) => self.notes.push(Note::Left(why)),
            Verdict::Text => {}
        }
    }

    /// A failure that the client will retry leaves its item open: Codex then forgets the half of it (0.98 to 0.169), and
    /// does not take it for the beginning of the next answer.
    fn keeps_open(&self, end: &End) -> bool {
        match end {
            End::Failed(failure) => self.client == Client::Codex && failure.kind == failure::Kind::Transient,
            End::Done(_) | End::Cut => false,
        }
    }

    fn think(&mut self, piece: &str) {
        if self.mute_thoughts {
            return;
        }
        self.thoughts.push_str(piece);
        if self.is_call_under_way() {
            return;
        }
        if !self.is_open(&Kind::Thoughts) {
            if piece.trim().is_empty() && self.thoughts.trim().is_empty() {
                return;
            }
            self.close(Stage::Completed);
            let id = self.id_of("rs");
            self.open = Some(Open::begin(&mut self.sink, Kind::Thoughts, id, self.items.len()));
        }
        if let Some(open) = &mut self.open {
            open.delta(&mut self.sink, piece);
        }
    }

    fn text(&mut self, piece: &str) -> Result<(), Strayed> {
        let (held, rest) = self.again.feed(piece)?;
        if !held.is_empty() {
            self.hold(&held);
        }
        if !rest.is_empty() {
            self.hold(rest);
        }
        Ok(())
    }

    fn hold(&mut self, piece: &str) {
        let shown = self.holdback.feed(piece);
        if shown.is_empty() {
            return;
        }
        if let Some(open) = &mut self.open
            && *open.kind() == Kind::Message
        {
            open.delta(&mut self.sink, shown);
        } else {
            let shown = shown.to_owned();
            self.show(&shown);
        }
    }

    fn show(&mut self, piece: &str) {
        // A call that is on its way has to be whole first.
        if self.is_call_under_way() {
            self.blank.push_str(piece);
        } else {
            self.say(piece);
        }
    }

    fn say(&mut self, piece: &str) {
        if !self.is_open(&Kind::Message) {
            self.blank.push_str(piece);
            if self.blank.trim().is_empty() || self.is_call_open() {
                return;
            }
            self.close(Stage::Completed);
            let id = self.id_of("msg");
            self.open = Some(Open::begin(&mut self.sink, Kind::Message, id, self.items.len()));
            let first = std::mem::take(&mut self.blank);
            return self.say(&first);
        }
        if let Some(open) = &mut self.open
            && !piece.is_empty()
        {
            open.delta(&mut self.sink, piece);
        }
    }

    /// Text that is held comes out, but not where it prints the call that follows it.
    fn flush_text(&mut self, before: Option<(&str, &str)>) {
        if self.holdback.held().is_empty() {
            return;
        }
        let holdback = self.fresh_holdback();
        let held = holdback.held().to_owned();
        if let Some((name, arguments)) = before {
            let end = holdback.finish();
            if let Verdict::Calls { calls, .. } = &end.verdict
                && let [printed] = calls.as_slice()
                && let Ok((call, _)) = repair(name, arguments, self.declared())
                && let Ok((same, _)) =
                    repair(&printed.name, &Value::Object(printed.arguments.clone()).to_string(), self.declared())
                && call == same
            {
                self.notes.push(Note::Twice { tool: call.name });
                return self.say(&end.unshown);
            }
        }
        self.say(&held);
    }

    fn fresh_holdback(&mut self) -> Holdback {
        self.said.push_str(self.holdback.text());
        let fresh = Holdback::new(self.table.shared());
        std::mem::replace(&mut self.holdback, fresh)
    }

    fn call(&mut self, piece: &CallPiece<'_>) {
        let Some(index) = piece.index else {
            let name = piece.name.as_deref().unwrap_or_default();
            return self.whole_call(name, &piece.arguments);
        };
        if self.partials.is_empty() && !self.is_call_open() && self.holdback.held().is_empty() {
            // Codex prints a message when it is done, and the call may take long to write.
            self.close(Stage::Completed);
        }
        for partial in self.partials.feed(index, piece) {
            self.written_call(&partial);
        }
        // Text that is held may print this very call.
        if self.holdback.held().is_empty() {
            self.show_fragment(piece);
        }
    }

    fn whole_call(&mut self, name: &str, arguments: &str) {
        self.flush_text(Some((name, arguments)));
        self.give_written(name, arguments);
    }

    fn written_call(&mut self, partial: &Partial) {
        self.whole_call(&partial.name, &partial.arguments);
    }

    /// Shows a fragment as it comes to those who may look at it. Codex never does.
    fn show_fragment(&mut self, piece: &CallPiece<'_>) {
        let Some(partial) = self.partials.first() else { return };
        if self.client == Client::Codex || partial.arguments.is_empty() {
            return;
        }
        if self.is_call_open() && !self.half {
            if let Some(open) = &mut self.open
                && piece.index == Some(partial.index)
                && !piece.arguments.is_empty()
            {
                open.delta(&mut self.sink, &piece.arguments);
            }
            return;
        }
        let Some(Origin::Function { namespace, name }) = self.table.origin(&partial.name).cloned() else { return };
        let arguments = partial.arguments.clone();
        if self.half
            && let Some(open) = &mut self.open
        {
            match open.unsaid(&name, namespace.as_deref(), &arguments) {
                Unsaid::Nothing => return,
                Unsaid::Rest(rest) => {
                    self.half = false;
                    return open.delta(&mut self.sink, rest);
                }
                Unsaid::Other => self.close(Stage::Incomplete),
            }
        }
        self.half = false;
        self.close(Stage::Completed);
        let kind = Kind::Call { call_id: self.id_of("call"), name, namespace };
        let id = self.id_of("fc");
        let open = self.open.insert(Open::begin(&mut self.sink, kind, id, self.items.len()));
        open.delta(&mut self.sink, &arguments);
    }

    /// Checks, mends and gives a call. One that cannot be run is given, too: the client tells the model why.
    fn give_written(&mut self, name: &str, arguments: &str) {
        match repair(name, arguments, self.declared()) {
            Ok((call, slips)) => self.give(&call, slips),
            Err(why) => {
                let call = Call { name: unknown_name(name, &why, self.declared()), arguments: as_written(arguments) };
                self.notes.push(Note::Unfit { tool: call.name.clone(), why });
                self.give(&call, Vec::new());
            }
        }
    }

    fn give(&mut self, call: &Call, slips: Vec<super::repair::Slip>) {
        if !slips.is_empty() {
            self.notes.push(Note::Repaired { tool: call.name.clone(), slips });
        }
        self.calls += 1;
        if std::mem::take(&mut self.half) {
            self.close(Stage::Incomplete);
        }
        let shown = self.open.take_if(|open| matches!(open.kind(), Kind::Call { .. }));
        let (id, call_id, is_shown) = match &shown {
            Some(open) => match open.kind() {
                Kind::Call { call_id, .. } => (open.id().to_owned(), call_id.clone(), true),
                Kind::Thoughts | Kind::Message => unreachable!("only a call was taken"),
            },
            None => (self.id_of("fc"), self.id_of("call"), false),
        };
        self.close(Stage::Completed);
        let item = self.table.item(call, &call_id, &id);
        self.announce(&item, &id, is_shown);
    }

    /// The events of a call that is complete.
    fn announce(&mut self, item: &Value, id: &str, is_shown: bool) {
        let place = [Field::Plain("item_id", id), Field::Number("output_index", self.items.len())];
        let (key, kind) = match item["type"].as_str() {
            Some("function_call") => ("arguments", "response.function_call_arguments"),
            Some("custom_tool_call") => ("input", "response.custom_tool_call_input"),
            _ => ("", ""),
        };
        let whole = item[key].as_str().unwrap_or_default();
        if !is_shown {
            let mut begun = item.clone();
            begun["status"] = json!("in_progress");
            if !key.is_empty() {
                begun[key] = json!("");
            }
            let begun = begun.to_string();
            self.sink.event("response.output_item.added", &[place[1], Field::Json("item", &begun)]);
            if !kind.is_empty() {
                self.sink.event(&format!("{kind}.delta"), &[place[0], place[1], Field::Text("delta", whole)]);
            }
        }
        let name = item["name"].as_str().unwrap_or_default();
        match key {
            "arguments" => {
                let arguments = Field::Text("arguments", whole);
                self.sink.event(&format!("{kind}.done"), &[place[0], place[1], Field::Text("name", name), arguments]);
            }
            "input" => self.sink.event(&format!("{kind}.done"), &[place[0], place[1], Field::Text("input", whole)]),
            _ => {}
        }
        let item = item.to_string();
        self.sink.event("response.output_item.done", &[place[1], Field::Json("item", &item)]);
        self.items.push(item);
    }

    fn close(&mut self, stage: Stage) {
        if let Some(open) = self.open.take() {
            let item = open.close(&mut self.sink, stage);
            self.items.push(item);
        }
    }

    fn is_open(&self, kind: &Kind) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind() == kind)
    }

    fn is_call_under_way(&self) -> bool {
        self.is_call_open() || !self.partials.is_empty()
    }

    fn is_call_open(&self) -> bool {
        self.open.as_ref().is_some_and(|open| matches!(open.kind(), Kind::Call { .. }))
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

impl Counts {
    /// What the upstream did not count is estimated by what it sent.
    fn complete(self, counted: Usage) -> Usage {
        let pieces = self.pieces + self.earlier;
        let output = counted.output.map_or(pieces, |output| output + self.earlier);
        Usage {
            input: counted.input.or(Some(self.estimated_input)),
            cached: counted.cached,
            output: Some(output),
            reasoning: counted.reasoning.or(Some(self.thoughts.min(output))),
        }
    }
}

/// A name that is declared stays so, though its arguments do not fit.
fn unknown_name(name: &str, why: &Broken, declared: &[Declared]) -> String {
    match why {
        Broken::UnknownTool(bare) => bare.clone(),
        Broken::BadJson | Broken::NotAnObject | Broken::Missing(_) | Broken::NoPatch => {
            super::repair::resolve(name, declared).map_or(name, |tool| &tool.name).to_owned()
        }
    }
}

/// An object in any case: history with other arguments is refused by some upstreams for ever after (Ollama's `/v1/responses`,
/// 0.33).
fn as_written(arguments: &str) -> serde_json::Map<String, Value> {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => object,
        Ok(_) | Err(_) if arguments.trim().is_empty() => serde_json::Map::new(),
        Ok(_) | Err(_) => serde_json::Map::from_iter([("arguments".to_owned(), json!(arguments))]),
    }
}

#[cfg(test)]
mod tests;
