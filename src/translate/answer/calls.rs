//! Calls, from their first fragment to their last event.
//!
//! ```text
//! fragment* ──► Partials ──whole──► repair ──► ItemAdded ArgumentsDelta* ArgumentsDone ItemDone
//!                  └──(for those who look)──► ItemAdded, ArgumentsDelta with each fragment
//! ```

use serde_json::{Value, json};

use super::fragments::Partial;
use super::item::{Kind, Open, Stage, Unsaid};
use super::sink::Field;
use super::{Answer, Note};
use crate::translate::repair::{Broken, Slip, repair, resolve};
use crate::translate::tools::Origin;
use crate::translate::wire::CallPiece;
use crate::translate::{Call, Client, Declared};

impl Answer {
    pub(super) fn call(&mut self, piece: &CallPiece<'_>) {
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

    pub(super) fn written_call(&mut self, partial: &Partial) {
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

    pub(super) fn is_call_under_way(&self) -> bool {
        self.is_call_open() || !self.partials.is_empty()
    }

    pub(super) fn is_call_open(&self) -> bool {
        self.open.as_ref().is_some_and(|open| matches!(open.kind(), Kind::Call { .. }))
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
