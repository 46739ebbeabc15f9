//! How an answer ends: what was held back until then comes out, and the last event tells how it went.
//!
//! ```text
//! End ──► held text, calls that are whole ──► ItemDone? ──► Completed | Incomplete | Failed
//! ```
//! An answer ends by value: nothing can be said after it.

use serde_json::Value;

use super::frame::{Status, usage_json};
use super::item::Stage;
use super::sink::Field;
use super::{Answer, Counts, End, Finished, Note, Outcome};
use crate::translate::Client;
use crate::translate::failure::{self, Failure};
use crate::translate::recover::Verdict;
use crate::translate::wire::{Reason, Took, Usage};

impl Answer {
    /// The last events, whatever happened. `at` in seconds since 1970.
    pub fn finish(mut self, end: End, at: u64) -> Finished {
        let (reason, usage, took) = match &end {
            End::Done(done) => (done.reason.clone(), done.usage, done.took),
            End::Cut => (Reason::Length, Usage::default(), Took::default()),
            End::Failed(_) => (Reason::Stop, Usage::default(), Took::default()),
        };
        let end = self.unless_silent(end);
        let is_failed = matches!(end, End::Failed(_));
        let keeps_open = self.keeps_open(&end);
        if !keeps_open {
            self.last_words(&reason, is_failed);
        }
        let is_cut = reason == Reason::Length && !(end == End::Cut && self.given > 0);
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
        let (events, calls, notes) = (self.sink.take(), self.given, self.notes);
        Finished { events, object, result: outcome, failure, usage, took, calls, notes }
    }

    /// What was held back until the end: calls in fragments, and text that may be a call. Neither is a call where the
    /// answer was cut, though it may look whole.
    fn last_words(&mut self, reason: &Reason, is_failed: bool) {
        let is_cut = is_failed || *reason == Reason::Length;
        let held = self.again.finish();
        self.hold(&held);
        for partial in self.calls.take_parts() {
            if !is_cut {
                self.written_call(&partial);
            }
        }
        self.leave_call();
        self.show("");
        if self.given > 0 || is_cut {
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

    /// Where Codex would be told of a cut answer that it is complete, and have neither a word nor a call of it, its turn
    /// would end in silence. It is a failure then, not a message: a message would stay in the conversation as the model's
    /// own words, and `codex exec` would take it for the result.
    fn unless_silent(&self, end: End) -> End {
        let (what, advice) = match &end {
            End::Done(done) if done.reason == Reason::Length => (
                "The answer reached its length limit",
                "Ask for smaller steps, raise OLLAMA_CONTEXT_LENGTH on Windows, or begin a new conversation.",
            ),
            End::Cut => ("The model repeated itself and was stopped", "Try again, or another model."),
            End::Done(_) | End::Failed(_) => return end,
        };
        if self.client == Client::Other || self.given > 0 || self.has_words() {
            return end;
        }
        let place = match (self.calls.is_under_way(), self.thoughts.is_empty()) {
            (true, _) => "in the middle of a tool call",
            (false, false) => "in the middle of its thoughts",
            (false, true) => "before its first word",
        };
        let message = format!("{what} {place}. {advice}");
        End::Failed(Failure { kind: failure::Kind::Permanent, message })
    }

    /// A failure that the client will retry leaves its item open: Codex then forgets the half of it (0.98 to 0.169), and
    /// does not take it for the beginning of the next answer.
    fn keeps_open(&self, end: &End) -> bool {
        match end {
            End::Failed(failure) => self.client == Client::Codex && failure.kind == failure::Kind::Transient,
            End::Done(_) | End::Cut => false,
        }
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
