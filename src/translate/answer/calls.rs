//! Calls, from their first fragment to their last event.
//!
//! ```text
//! None ──fragment──► Gathering ──for those who look──► Shown ──break──► Half ──goes on──► Shown
//!   ▲                    │                               │                └──is another, or ends──► left as it is
//!   └────────────────────┴───────────whole───────────────┴──► repair ──► given
//! ```
//! A call that comes whole is given at once, whatever the state.

use serde_json::{Value, json};

use super::fragments::{Partial, Partials};
use super::item::{Kind, Open, Stage, Unsaid};
use super::sink::Field;
use super::{Answer, Note};
use crate::translate::repair::{Broken, Slip, repair, resolve};
use crate::translate::tools::Origin;
use crate::translate::wire::CallPiece;
use crate::translate::{Call, Client, Declared};

/// The calls that are on their way. The item of one that is shown is open, and no other is.
#[derive(Debug, Default)]
pub(super) enum Calls {
    #[default]
    None,
    /// Fragments that nobody has seen.
    Gathering(Partials),
    /// The first of them is shown as it comes.
    Shown { item: Open, parts: Partials },
    /// It was, when the upstream broke. What comes now goes on with it, or is another call.
    Half { item: Open, parts: Partials },
}

impl Calls {
    pub(super) fn is_under_way(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether the item of a call is open.
    pub(super) fn has_item(&self) -> bool {
        matches!(self, Self::Shown { .. } | Self::Half { .. })
    }

    pub(super) fn item(&mut self) -> Option<&mut Open> {
        match self {
            Self::Shown { item, .. } | Self::Half { item, .. } => Some(item),
            Self::None | Self::Gathering(_) => None,
        }
    }

    /// The first call that is not complete.
    pub(super) fn first(&self) -> Option<&Partial> {
        match self {
            Self::Gathering(parts) | Self::Shown { parts, .. } | Self::Half { parts, .. } => parts.first(),
            Self::None => None,
        }
    }

    /// Takes a fragment. Gives the calls that are complete because another one began.
    fn feed(&mut self, index: u32, piece: &CallPiece<'_>) -> Vec<Partial> {
        match self {
            Self::Gathering(parts) | Self::Shown { parts, .. } | Self::Half { parts, .. } => parts.feed(index, piece),
            Self::None => {
                let mut parts = Partials::default();
                let complete = parts.feed(index, piece);
                *self = Self::Gathering(parts);
                complete
            }
        }
    }

    /// The first call is seen from now on, in this item.
    fn show(&mut self, item: Open) {
        *self = Self::Shown { item, parts: self.take().1 };
    }

    /// The first call goes on where the break was.
    fn go_on(&mut self) {
        if let (Some(item), parts) = self.take() {
            *self = Self::Shown { item, parts };
        }
    }

    pub(super) fn break_off(&mut self) {
        if let (Some(item), _) = self.take() {
            *self = Self::Half { item, parts: Partials::default() };
        }
    }

    /// At the end of an answer all are as complete as they will ever be.
    pub(super) fn take_parts(&mut self) -> Vec<Partial> {
        match self {
            Self::None => Vec::new(),
            Self::Gathering(_) => self.take().1.take(),
            Self::Shown { parts, .. } | Self::Half { parts, .. } => parts.take(),
        }
    }

    /// The item that is open, which is the caller's to close.
    fn take_item(&mut self) -> Option<Open> {
        let (item, parts) = self.take();
        if !parts.is_empty() {
            *self = Self::Gathering(parts);
        }
        item
    }

    fn take(&mut self) -> (Option<Open>, Partials) {
        match std::mem::take(self) {
            Self::None => (None, Partials::default()),
            Self::Gathering(parts) => (None, parts),
            Self::Shown { item, parts } | Self::Half { item, parts } => (Some(item), parts),
        }
    }
}

impl Answer {
    pub(super) fn call(&mut self, piece: &CallPiece<'_>) {
        let Some(index) = piece.index else {
            let name = piece.name.as_deref().unwrap_or_default();
            return self.whole_call(name, &piece.arguments);
        };
        if !self.calls.is_under_way() && self.holdback.held().is_empty() {
            // Codex prints a message when it is done, and the call may take long to write.
            self.close(Stage::Completed);
        }
        for partial in self.calls.feed(index, piece) {
            self.written_call(&partial);
        }
        // Text that is held may print this very call; but what was begun goes on.
        if self.holdback.held().is_empty() || matches!(self.calls, Calls::Shown { .. }) {
            self.show_fragment(piece);
        }
    }

    fn whole_call(&mut self, name: &str, arguments: &str) {
        self.flush_text(Some((name, arguments)));
        self.give_written(name, arguments);
    }

    pub(super) fn written_call(&mut self, partial: &Partial) {
        self.whole_call(&partial.name, &partial.arguments);
    }

    /// Shows a fragment as it comes to those who may look at it. Codex never does.
    fn show_fragment(&mut self, piece: &CallPiece<'_>) {
        if self.client == Client::Codex {
            return;
        }
        if let Calls::Shown { item, parts } = &mut self.calls {
            let is_first = parts.first().is_some_and(|first| piece.index == Some(first.index));
            if is_first && !piece.arguments.is_empty() {
                item.delta(&mut self.sink, &piece.arguments);
            }
            return;
        }
        let Some(partial) = self.calls.first().filter(|partial| !partial.arguments.is_empty()) else { return };
        let Some(Origin::Function { namespace, name }) = self.table.origin(&partial.name).cloned() else { return };
        let arguments = partial.arguments.clone();
        if let Calls::Half { item, .. } = &mut self.calls {
            match item.unsaid(&name, namespace.as_deref(), &arguments) {
                Unsaid::Nothing => return,
                Unsaid::Rest(rest) => {
                    item.delta(&mut self.sink, rest);
                    return self.calls.go_on();
                }
                Unsaid::Other => self.leave_call(),
            }
        }
        self.close(Stage::Completed);
        let kind = Kind::Call { call_id: self.id_of("call"), name, namespace };
        let id = self.id_of("fc");
        let mut item = Open::begin(&mut self.sink, kind, id, self.items.len());
        item.delta(&mut self.sink, &arguments);
        self.calls.show(item);
    }

    /// The item of a call that will not go on stays as it is.
    pub(super) fn leave_call(&mut self) {
        if let Some(item) = self.calls.take_item() {
            let item = item.close(&mut self.sink, Stage::Incomplete);
            self.items.push(item);
        }
        self.show_later_thoughts();
    }

    /// Checks, mends and gives a call. One that cannot be run is given, too: the client tells the model why.
    pub(super) fn give_written(&mut self, name: &str, arguments: &str) {
        match repair(name, arguments, self.declared()) {
            Ok((call, slips)) => self.give(&call, slips),
            Err(why) => {
                let call = Call { name: unknown_name(name, &why, self.declared()), arguments: as_written(arguments) };
                self.notes.push(Note::Unfit { tool: call.name.clone(), why });
                self.give(&call, Vec::new());
            }
        }
    }

    pub(super) fn give(&mut self, call: &Call, slips: Vec<Slip>) {
        if !slips.is_empty() {
            self.notes.push(Note::Repaired { tool: call.name.clone(), slips });
        }
        self.given += 1;
        if matches!(self.calls, Calls::Half { .. }) {
            self.leave_call();
        }
        let shown = self.calls.take_item();
        let ids = shown.as_ref().and_then(|item| Some((item.id().to_owned(), item.call_id()?.to_owned())));
        let (id, call_id) = ids.unwrap_or_else(|| (self.id_of("fc"), self.id_of("call")));
        self.close(Stage::Completed);
        let item = self.table.item(call, &call_id, &id);
        self.announce(&item, &id, shown.is_some());
        self.show_later_thoughts();
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
}

/// A name that is declared stays so, though its arguments do not fit.
fn unknown_name(name: &str, why: &Broken, declared: &[Declared]) -> String {
    match why {
        Broken::UnknownTool(bare) => bare.clone(),
        Broken::BadJson | Broken::NotAnObject | Broken::Missing(_) | Broken::NoPatch => {
            resolve(name, declared).map_or(name, |tool| &tool.name).to_owned()
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
