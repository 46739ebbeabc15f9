//! The same for a stream: what can be shown at once, and what must wait because it may become a call.
//!
//! ```text
//! Showing ──a mark begins──► Holding ──it can no longer become a call──► Showing        finish: the verdict
//! ```
//! Held is always one tail, from a possible opener on. It is read anew as it grows; a long one not at each piece, but
//! whenever it grew by an eighth, so that the work stays linear but for a small factor.

use std::sync::Arc;

use super::before::Before;
use super::cursor::Stop;
use super::forms::{self, After};
use super::opener::{self, Found, Starts};
use super::{Declared, Verdict, Why, recover};

/// Up to this many bytes, a held tail is read again at each piece.
const SHORT_TAIL: usize = 256;

#[derive(Debug)]
pub struct Holdback {
    declared: Arc<[Declared]>,
    starts: Starts,
    text: String,
    /// Up to here the text was given out.
    shown: usize,
    /// What stands before that.
    before: Before,
    /// The length at which the tail is read again.
    look_at: usize,
}

/// What the end of a message brings.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Of the whole message.
    pub verdict: Verdict,
    /// What is still to be shown: the rest of the prose before the calls, or else all that was held.
    pub unshown: String,
}

impl Holdback {
    pub fn new(declared: impl Into<Arc<[Declared]>>) -> Self {
        let declared = declared.into();
        let starts = Starts::new(&declared);
        Self { declared, starts, text: String::new(), shown: 0, before: Before::default(), look_at: 0 }
    }

    /// Takes the next piece, and gives what can be shown now.
    pub fn feed(&mut self, piece: &str) -> &str {
        self.text.push_str(piece);
        let from = self.shown;
        if self.text.len() >= self.look_at {
            self.shown = self.safe();
            let held = self.held().len();
            self.look_at = if held > SHORT_TAIL { self.text.len() + held / 8 } else { 0 };
        }
        &self.text[from..self.shown]
    }

    /// All that was fed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What waits.
    pub fn held(&self) -> &str {
        &self.text[self.shown..]
    }

    pub fn finish(self) -> End {
        let verdict = match recover(&self.text, &self.declared) {
            Verdict::Calls { before, .. } if before.len() < self.shown => Verdict::Left(Why::AlreadyShown),
            verdict @ (Verdict::Text | Verdict::Calls { .. } | Verdict::Left(_)) => verdict,
        };
        let end = match &verdict {
            Verdict::Calls { before, .. } => before.len(),
            Verdict::Text | Verdict::Left(_) => self.text.len(),
        };
        End { unshown: self.text[self.shown..end].to_owned(), verdict }
    }

    /// Up to where no call can begin any more.
    fn safe(&mut self) -> usize {
        let Self { declared, starts, text, shown, before, .. } = self;
        if declared.is_empty() {
            return text.len();
        }
        let mut from = *shown;
        while let Some((at, most)) = starts.next(text, from) {
            before.advance(text, at);
            from = at + 1;
            if !before.placed(text, most) {
                continue;
            }
            match opener::at(text, at, declared) {
                Found::Partial(place) if before.placed(text, place) => return at,
                Found::Full(found) if before.placed(text, found.place) => match forms::blocks(text, at, declared) {
                    Ok((_, After::Nothing)) | Err(Stop::Short) => return at,
                    Ok((_, After::Text(_))) | Err(Stop::Other | Stop::Broken) => {}
                },
                Found::Full(_) | Found::Partial(_) | Found::No => {}
            }
        }
        before.advance(text, text.len());
        text.len()
    }
}
