//! Thoughts and text, as they come.
//!
//! ```text
//! thoughts ─────────────────────────────► Thoughts item      or kept, while a call is shown
//! text ──► Again ──► Holdback ──► blank ─► Message item      or kept, while a call is on its way
//! ```
//! A message begins with its first letter. What may be a printed call is held until it is none.

use serde_json::Value;

use super::again::Strayed;
use super::item::{Kind, Open, Stage};
use super::{Answer, Note};
use crate::translate::recover::{Holdback, Verdict};
use crate::translate::repair::repair;

impl Answer {
    pub(super) fn think(&mut self, piece: &str) {
        if self.mute_thoughts {
            return;
        }
        self.thoughts.push_str(piece);
        if self.calls.has_item() {
            self.later.push_str(piece);
        } else {
            self.show_thoughts(piece);
        }
    }

    /// Thoughts come before a call of which nothing is seen yet, and after one that is shown.
    pub(super) fn show_later_thoughts(&mut self) {
        if !self.later.is_empty() {
            let later = std::mem::take(&mut self.later);
            self.show_thoughts(&later);
        }
    }

    fn show_thoughts(&mut self, piece: &str) {
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

    pub(super) fn text(&mut self, piece: &str) -> Result<(), Strayed> {
        let (held, rest) = self.again.feed(piece)?;
        if !held.is_empty() {
            self.hold(&held);
        }
        if !rest.is_empty() {
            self.hold(rest);
        }
        Ok(())
    }

    pub(super) fn hold(&mut self, piece: &str) {
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

    pub(super) fn show(&mut self, piece: &str) {
        // A call that is on its way has to be whole first.
        if self.calls.is_under_way() {
            self.blank.push_str(piece);
        } else {
            self.say(piece);
        }
    }

    fn say(&mut self, piece: &str) {
        if !self.is_open(&Kind::Message) {
            self.blank.push_str(piece);
            if self.blank.trim().is_empty() || self.calls.has_item() {
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
    pub(super) fn flush_text(&mut self, before: Option<(&str, &str)>) {
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

    pub(super) fn fresh_holdback(&mut self) -> Holdback {
        self.said.push_str(self.holdback.text());
        let fresh = Holdback::new(self.table.shared());
        std::mem::replace(&mut self.holdback, fresh)
    }

    /// Whether the model said anything to the client, shown or not.
    pub(super) fn has_words(&self) -> bool {
        [&self.said, self.holdback.text()].iter().any(|text| !text.trim().is_empty())
    }

    fn is_open(&self, kind: &Kind) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind() == kind)
    }
}
