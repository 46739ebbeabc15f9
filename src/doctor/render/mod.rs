//! What the outcomes look like: a page for people, an object for programs. Pure.
//!
//! ```text
//! outcomes ──┬─► text      notes first, then one line a check     lines: columns, wrapping, what a terminal must not obey
//!            └─► json      the same, for programs                 labels: every word of the page that no check brings
//! table ───────► list      what can be asked for
//! who is asked ► progress  one line, while it lasts
//! ```

pub mod json;
mod labels;
mod lines;
pub mod list;
mod note;
mod progress;
pub(crate) mod sheet;
mod text;

use std::time::Duration;

use serde::Serialize;

pub use lines::{clean, clean_line};
pub(crate) use lines::{cut, to_ascii, width};
pub use progress::progress;
pub use text::{page, problems};

use super::{Outcome, Status};
use crate::words::Lang;

/// How a page is to look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub lang: Lang,
    /// Columns. Sentences are wrapped there; what is meant to be pasted never is.
    pub width: usize,
    pub color: bool,
    /// For terminals without UTF-8: signs and sentences in ASCII.
    pub ascii: bool,
    pub extent: Extent,
}

/// The width of a page that nobody looks at on a terminal.
pub const DEFAULT_WIDTH: usize = 80;

impl Default for Look {
    fn default() -> Self {
        Self { lang: Lang::En, width: DEFAULT_WIDTH, color: false, ascii: false, extent: Extent::Normal }
    }
}

/// How much of it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Notes in full; one line for each check that was judged.
    #[default]
    Normal,
    /// Also what was skipped, and why, and the details of every check.
    All,
    /// What is wrong, each with what cures it first.
    Summary,
}

/// What is known of the run itself.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Of this program.
    pub version: String,
    /// From the first question to the last judgement.
    pub took: Duration,
    /// `--strict`: a warning counts for the exit code, too.
    pub strict: bool,
    /// Only some checks were asked for: that they are well does not mean that all is.
    pub partial: bool,
}

/// How many checks came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub ok: usize,
    pub warning: usize,
    pub failure: usize,
    /// Those that wait for a failed one, too.
    pub skipped: usize,
}

impl Counts {
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            match outcome.status() {
                Status::Ok => counts.ok += 1,
                Status::Warning => counts.warning += 1,
                Status::Failure => counts.failure += 1,
                Status::Skipped => counts.skipped += 1,
            }
        }
        counts
    }

    /// All in one word: `skipped` is nothing that could be wrong.
    pub fn overall(self) -> Status {
        match self {
            Self { failure: 1.., .. } => Status::Failure,
            Self { warning: 1.., .. } => Status::Warning,
            Self { .. } => Status::Ok,
        }
    }

    /// 1: something does not work; with `strict` also: something is not as it should be.
    pub fn exit_code(self, strict: bool) -> u8 {
        u8::from(self.failure > 0 || strict && self.warning > 0)
    }
}

/// What there is to say, in the order of the page: failures, then warnings, each in the order of the table, in which
/// roots come before what follows from them.
pub fn notes(outcomes: &[Outcome]) -> Vec<&Outcome> {
    let of = |status| outcomes.iter().filter(move |outcome| outcome.status() == status);
    of(Status::Failure).chain(of(Status::Warning)).collect()
}
