//! What now, when an answer does not simply come to its end: ask again, ask for the rest, or tell of a failure.
//!
//! ```text
//! Chunk* Event ──► Finish | GiveUp | Ask ──► (the next attempt's Chunk* Event)
//!
//! Done        Finish; after a swallowed call InWords, then a failure; where only the model was loaded, as Broke
//! Failed      a bad call: the call, else InWords · no tools: InWords · no thinking: WithoutThinking (each once)
//!             busy: Again, until the wait is over · transient: Again, once · anything else is told
//! Ended       Finish, after one piece many times in a row; else as Broke
//! Broke       GoOn, until the window is over, or it broke too often
//! Lost        Again, until the window is over
//! Away        GiveUp
//! Strayed     GiveUp
//! ```
//! Instead of any Ask: Finish, where a call is with the client. It runs it, and asks again by itself.

use std::time::Duration;

use super::answer::{Answer, Continuation, End, Strayed};
use super::failure::{Failure, Kind};
use super::wire::{Chunk, Done, Reason, Unreadable};

/// Between a break and the next attempt; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// An upstream that breaks again and again breaks for a reason.
const MOST_BREAKS: u32 = 6;
/// Ollama ends an answer without a last record after 30 equal pieces in a row (0.30 and later).
const REPEATS: u32 = 30;

/// How long somebody may wait.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For the rest of an answer. Zero: answers are not continued.
    pub resume: Duration,
    /// For an upstream that is not there, or has no place.
    pub upstream: Duration,
}

/// What ends an attempt.
#[derive(Clone, Debug)]
pub enum Event {
    /// The upstream said that it is done.
    Done(Done),
    /// The upstream said that it failed, or something that nobody can read.
    Failed(Failure),
    /// The answer ended, without a word that it does.
    Ended,
    /// The connection broke, in the middle of the answer.
    Broke(String),
    /// The upstream was reached, and left before it said anything. A proxy on Windows does that in the place of an Ollama
    /// that is just starting.
    Lost { why: String, failure: Failure },
    /// It could not be reached, for as long as it was to be waited for.
    Away { why: String, failure: Failure },
    /// Asked to go on, the model begins anew in other words: it would do so again.
    Strayed,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Finish(End),
    /// A failure that is the upstream's fault: `what` happened.
    GiveUp {
        failure: Failure,
        what: String,
    },
    Ask(Ask),
}

/// Another attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub how: How,
    /// For those who look closer.
    pub why: String,
    /// Thoughts and text that were said before, and are to be continued.
    pub said: Option<(String, String)>,
    pub pause: Duration,
    /// While the upstream cannot be reached.
    pub patience: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// As before.
    Again,
    /// The answer broke off: as before, for the rest.
    GoOn,
    /// With the tools in words instead of where the upstream looks for them.
    InWords,
    /// The model cannot think: as it is known now.
    WithoutThinking,
}

/// What was tried already.
#[derive(Debug)]
pub struct Tries {
    waits: Waits,
    model: String,
    patience: Duration,
    breaks: u32,
    /// When the upstream broke, or left without a word, and has not said anything since.
    broken_since: Option<Duration>,
    /// How often it left without a word since then.
    lost: u32,
    busy: u32,
    /// Of what is tried once.
    once: Vec<How>,
    /// The client may have seen something.
    spoken: bool,
    repeats: Repeats,
}

/// Counts equal pieces in a row.
#[derive(Debug, Default)]
struct Repeats {
    piece: String,
    times: u32,
}

impl Tries {
    pub fn new(waits: Waits, model: &str) -> Self {
        Self {
            waits,
            model: model.to_owned(),
            patience: waits.upstream,
            breaks: 0,
            broken_since: None,
            lost: 0,
            busy: 0,
            once: Vec::new(),
            spoken: false,
            repeats: Repeats::default(),
        }
    }

    /// Hands a chunk to the answer. None: there is more to come.
    pub fn chunk(&mut self, answer: &mut Answer, chunk: Result<Chunk<'_>, Unreadable>) -> Option<Event> {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(unreadable) => return Some(Event::Failed(Failure::from(&unreadable))),
        };
        self.spoken |= !chunk.text.is_empty() || !chunk.thinking.is_empty() || !chunk.calls.is_empty();
        self.repeats.count(&chunk.text);
        if let Err(Strayed) = answer.chunk(&chunk) {
            return Some(Event::Strayed);
        }
        match (&chunk.error, chunk.done) {
            (Some(error), _) => Some(Event::Failed(Failure::from_line(error, &self.model))),
            (None, Some(done)) => Some(Event::Done(done)),
            (None, None) => {
                (self.broken_since, self.lost) = (None, 0);
                None
            }
        }
    }

    /// `now`: since the response began.
    pub fn judge(&mut self, event: Event, answer: &mut Answer, now: Duration) -> Next {
        match event {
            Event::Done(done) if answer.is_swallowed(&done) => self.swallowed(answer),
            Event::Done(done) if done.reason == Reason::Loaded => self.broke("it only loaded the model", answer, now),
            Event::Done(done) => Next::Finish(End::Done(done)),
            Event::Failed(failure) => self.failed(failure, answer, now),
            Event::Ended if self.repeats.times >= REPEATS => Next::Finish(End::Cut),
            Event::Ended => self.broke("the answer ended without its last record", answer, now),
            Event::Broke(why) => self.broke(&why, answer, now),
            Event::Lost { why, failure } => self.lost(why, failure, answer, now),
            Event::Away { why, failure } => Next::GiveUp { failure, what: why },
            Event::Strayed => Next::GiveUp {
                failure: Failure {
                    kind: Kind::Transient,
                    message: "Ollama's answer broke off, and this model does not go on where it was. Ask again.".into(),
                },
                what: "an answer broke off, and the model did not go on with it".into(),
            },
        }
    }

    /// Ollama could not parse a call, and threw it away.
    fn swallowed(&mut self, answer: &mut Answer) -> Next {
        if self.is_tried(How::InWords) {
            let message = "The model made a tool call that Ollama could not read, and threw it away, twice. \
                           Try again, or another model. Next: ollama-forward --translate --debug"
                .to_owned();
            return Next::Finish(End::Failed(Failure { kind: Kind::Permanent, message }));
        }
        self.in_words("a call was swallowed", answer)
    }

    fn failed(&mut self, failure: Failure, answer: &mut Answer, now: Duration) -> Next {
        match &failure.kind {
            Kind::BadCall { arguments } => {
                if arguments.as_deref().is_some_and(|arguments| answer.call_from_error(arguments)) {
                    return Next::Finish(End::Cut);
                }
                if !self.is_tried(How::InWords) {
                    return self.in_words("a call could not be parsed", answer);
                }
            }
            Kind::NoTools if !self.is_tried(How::InWords) => {
                return self.in_words("the model has no form for tools", answer);
            }
            Kind::NoThinking if !self.is_tried(How::WithoutThinking) => {
                self.tried(How::WithoutThinking);
                return self.ask(How::WithoutThinking, "the model cannot think", Duration::ZERO, answer);
            }
            // For as long as a client may wait for an upstream.
            Kind::Busy if now <= self.waits.upstream.max(self.waits.resume) => {
                self.busy += 1;
                return self.ask(How::Again, &failure.message, pause(self.busy - 1), answer);
            }
            // One that has just come back may need a moment more.
            Kind::Transient if self.broken_since.is_some() => return self.broke(&failure.message, answer, now),
            Kind::Transient if self.may_try_again() => {
                self.tried(How::Again);
                return self.ask(How::Again, &failure.message, FIRST_PAUSE, answer);
            }
            Kind::Transient
            | Kind::Busy
            | Kind::NoTools
            | Kind::NoThinking
            | Kind::Permanent
            | Kind::Overflow { .. }
            | Kind::NoModel => {}
        }
        Next::Finish(End::Failed(failure))
    }

    fn tried(&mut self, how: How) {
        if !self.is_tried(how) {
            self.once.push(how);
        }
    }

    fn is_tried(&self, how: How) -> bool {
        self.once.contains(&how)
    }

    /// Once; and of what the client has seen the beginning, only where answers are continued at all.
    fn may_try_again(&self) -> bool {
        !self.is_tried(How::Again) && (!self.spoken || !self.waits.resume.is_zero())
    }

    /// Asks for the rest, as long as that makes sense.
    fn broke(&mut self, why: &str, answer: &mut Answer, now: Duration) -> Next {
        let left = self.left(self.waits.resume, now);
        self.breaks += 1;
        if answer.break_off() == Continuation::Enough {
            return Next::Finish(End::Cut);
        }
        if left.is_zero() || self.breaks > MOST_BREAKS {
            let message = format!(
                "The upstream's answer broke off ({why}), and could not be continued within {:?}. \
                 Next: ollama-forward status",
                self.waits.resume
            );
            let failure = Failure { kind: Kind::Transient, message };
            return Next::GiveUp { failure, what: format!("an answer broke off ({why})") };
        }
        self.patience = left;
        self.ask(How::GoOn, why, pause(self.breaks - 1), answer)
    }

    /// Asks again, for as long as the upstream might as well be waited for.
    fn lost(&mut self, why: String, failure: Failure, answer: &mut Answer, now: Duration) -> Next {
        let window = if self.breaks > 0 { self.waits.resume } else { self.waits.upstream };
        let left = self.left(window, now);
        if left.is_zero() && self.is_tried(How::Again) {
            return Next::GiveUp { failure, what: why };
        }
        self.tried(How::Again);
        self.lost += 1;
        self.patience = left;
        self.ask(How::Again, &why, pause(self.lost - 1), answer)
    }

    /// Of a window that begins when the upstream leaves.
    fn left(&mut self, window: Duration, now: Duration) -> Duration {
        let since = *self.broken_since.get_or_insert(now);
        window.saturating_sub(now.saturating_sub(since))
    }

    fn in_words(&mut self, why: &str, answer: &mut Answer) -> Next {
        self.tried(How::InWords);
        self.ask(How::InWords, why, Duration::ZERO, answer)
    }

    /// What was said so far stays said.
    fn ask(&mut self, how: How, why: &str, pause: Duration, answer: &mut Answer) -> Next {
        let said = match answer.break_off() {
            Continuation::Enough => return Next::Finish(End::Cut),
            Continuation::Afresh => None,
            Continuation::From { thinking, text } => Some((thinking, text)),
        };
        self.repeats = Repeats::default();
        Next::Ask(Ask { how, why: why.to_owned(), said, pause, patience: self.patience })
    }
}

/// Before the next attempt, after so many.
fn pause(attempts: u32) -> Duration {
    FIRST_PAUSE * 2u32.pow(attempts.min(4))
}

impl Repeats {
    fn count(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if self.piece == piece {
            self.times += 1;
        } else {
            piece.clone_into(&mut self.piece);
            self.times = 1;
        }
    }
}

#[cfg(test)]
mod tests;
