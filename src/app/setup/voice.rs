//! What setup says, line by line: to the terminal, or kept for standard output where there is none.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::doctor::render::sheet::{Column, Sheet, Style};
use crate::doctor::render::{Look, cut};
use crate::doctor::{Outcome, Status, Verdict};
use crate::words::Words;

/// Standard output is for the result, so what is said to a person goes to standard error. A plan is a result.
pub(super) struct Voice {
    pub(super) look: Look,
    kept: Option<Mutex<String>>,
    /// The last line was empty, or there was none.
    is_apart: AtomicBool,
}

/// The sign before a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Well,
    Odd,
    Wrong,
    Idle,
}

impl Mark {
    fn sign(self, ascii: bool) -> (&'static str, Style) {
        match (self, ascii) {
            (Self::Well, false) => ("✓", Style::Green),
            (Self::Well, true) => ("[ok]", Style::Green),
            (Self::Odd, false) => ("⚠", Style::Yellow),
            (Self::Odd, true) => ("[!!]", Style::Yellow),
            (Self::Wrong, false) => ("✗", Style::Red),
            (Self::Wrong, true) => ("[xx]", Style::Red),
            (Self::Idle, false) => ("○", Style::Dim),
            (Self::Idle, true) => ("[--]", Style::Dim),
        }
    }
}

/// What belongs to a step begins here.
const INDENT: usize = 2;
/// Where commands and lines of files begin.
const DEEP: usize = 6;
/// To the beginning of the line, and nothing on it (ECMA-48, EL).
const WIPE: &str = "\r\x1b[K";

impl Voice {
    pub(super) fn aloud(look: Look) -> Self {
        Self { look, kept: None, is_apart: AtomicBool::new(true) }
    }

    pub(super) fn kept(look: Look) -> Self {
        Self { look, kept: Some(Mutex::default()), is_apart: AtomicBool::new(true) }
    }

    /// What was kept.
    pub(super) fn finish(&self) -> String {
        let kept = self.kept.as_ref().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner));
        kept.map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }

    /// The head of a step, such as `2/7  The forward`.
    pub(super) fn head(&self, number: &str, words: &Words) -> io::Result<()> {
        self.part()?;
        self.draw(|sheet| {
            let text = words.of(sheet.look.lang);
            let number = Column::new(number, Style::Dim, number.len() + 2);
            sheet.prose_at(&[number], DEEP, Style::Bold, &text);
        })
    }

    pub(super) fn mark(&self, mark: Mark, words: &Words) -> io::Result<()> {
        self.draw(|sheet| {
            let (sign, style) = mark.sign(sheet.look.ascii);
            let width = if sheet.look.ascii { 5 } else { 2 };
            let text = words.of(sheet.look.lang);
            sheet.prose(&[Column::space(INDENT), Column::new(sign, style, width)], &text);
        })
    }

    /// A verdict of the doctor, in its own words.
    pub(super) fn outcome(&self, outcome: &Outcome) -> io::Result<()> {
        let mark = match outcome.status() {
            Status::Ok => Mark::Well,
            Status::Warning => Mark::Odd,
            Status::Failure => Mark::Wrong,
            Status::Skipped => Mark::Idle,
        };
        match &outcome.verdict {
            Verdict::Pass(words) | Verdict::Skip(words) => self.mark(mark, words),
            Verdict::Warn(problem) | Verdict::Fail(problem) => self.mark(mark, &problem.what),
        }
    }

    pub(super) fn say(&self, words: &Words) -> io::Result<()> {
        self.draw(|sheet| {
            let text = words.of(sheet.look.lang);
            sheet.prose(&[Column::space(INDENT)], &text);
        })
    }

    /// A name, and what belongs to it, in columns.
    pub(super) fn row(&self, name: &str, width: usize, words: &Words) -> io::Result<()> {
        self.draw(|sheet| {
            let text = words.of(sheet.look.lang);
            sheet.prose(&[Column::space(INDENT + 2), Column::new(name, Style::Plain, width)], &text);
        })
    }

    /// Lines of another text, as they are.
    pub(super) fn quote<'l>(&self, lines: impl IntoIterator<Item = (Style, &'l str)>) -> io::Result<()> {
        self.draw(|sheet| {
            for (style, line) in lines {
                sheet.raw(DEEP, style, line);
            }
        })
    }

    /// A text that is ready.
    pub(super) fn text(&self, text: &str) -> io::Result<()> {
        if !text.is_empty() {
            self.is_apart.store(text == "\n" || text.ends_with("\n\n"), Ordering::Relaxed);
        }
        match &self.kept {
            Some(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
                Ok(())
            }
            None => stderr().write_all(text.as_bytes()),
        }
    }

    /// One empty line between parts.
    pub(super) fn part(&self) -> io::Result<()> {
        if self.is_apart.load(Ordering::Relaxed) { Ok(()) } else { self.text("\n") }
    }

    /// A line that is written over until something else is said: only where somebody looks on.
    pub(super) fn passing(&self, words: &Words) {
        if self.is_seen() {
            let text = Sheet::new(&self.look).shown(&words.of(self.look.lang));
            let more = if self.look.ascii { "..." } else { "…" };
            let text = cut(&text, self.look.width.saturating_sub(1), more);
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "{WIPE}{text}");
        }
    }

    pub(super) fn wipe(&self) {
        if self.is_seen() {
            let _ = write!(stderr(), "{WIPE}");
        }
    }

    fn is_seen(&self) -> bool {
        self.kept.is_none() && stderr().is_terminal()
    }

    fn draw(&self, write: impl FnOnce(&mut Sheet<'_>)) -> io::Result<()> {
        let mut sheet = Sheet::new(&self.look);
        write(&mut sheet);
        self.text(&sheet.finish())
    }
}
