//! What captured exchanges look like on a terminal. Pure: rows and views in, text out.
//!
//! ```text
//! rows ─► rows ─► table      a line each, cut to the width, never wrapped
//! view ─► page ─► items      head, context, times, conversation, answer; or one of them
//!         timeline, heads    events and headers of one exchange
//! diff ─► diff               what one request has that the other has not
//!         state, commands    what is captured where; what is to be typed
//! ```
//! All of it may carry what clients and models have said: no line leaves here that could move a cursor.

mod commands;
mod diff;
mod indent;
mod items;
mod page;
mod rows;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod timeline;

use chrono::{DateTime, FixedOffset, Utc};

pub(super) use commands::{Recipe, commands};
pub(super) use diff::diff;
pub(super) use indent::indented;
pub(super) use items::conversation;
pub(super) use page::{notes, page};
pub(super) use rows::{Hit, hits, line, list, sessions};
pub(super) use state::{State, state};
pub(super) use timeline::{heads, pane, timeline};

use crate::doctor::render::sheet::Style;
use crate::doctor::render::{Look as Page, clean, clean_line, to_ascii, width};
use crate::words::{Lang, Words};

/// How it is to look, and where the reader's clock is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) page: Page,
    /// Seconds east of Greenwich, at this time (seconds since 1970).
    pub(super) offset: fn(i64) -> i32,
    /// Milliseconds since 1970.
    pub(super) now_ms: u64,
    /// No text is cut.
    pub(super) all: bool,
}

/// What a line begins with, beside its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Good,
    Warning,
    Bad,
    UnderWay,
    Off,
}

impl Look {
    pub(super) fn lang(&self) -> Lang {
        self.page.lang
    }

    fn say(&self, words: &Words) -> String {
        words.of(self.page.lang)
    }

    fn sign(&self, sign: Sign) -> &'static str {
        match (sign, self.page.ascii) {
            (Sign::Good, false) => "✓",
            (Sign::Warning, false) => "⚠",
            (Sign::Bad, false) => "✗",
            (Sign::UnderWay, false) => "●",
            (Sign::Off, false) => "○",
            (Sign::Good, true) => "[ok]",
            (Sign::Warning, true) => "[!!]",
            (Sign::Bad, true) => "[xx]",
            (Sign::UnderWay, true) => "[..]",
            (Sign::Off, true) => "[--]",
        }
    }

    fn style(sign: Sign) -> Style {
        match sign {
            Sign::Good => Style::Green,
            Sign::Warning => Style::Yellow,
            Sign::Bad => Style::Red,
            Sign::UnderWay => Style::Bold,
            Sign::Off => Style::Dim,
        }
    }

    fn ink(&self, style: Style, text: &str) -> String {
        style.paint(text, self.page.color)
    }

    /// As the terminal can show it.
    fn shown(&self, text: &str) -> String {
        if self.page.ascii { to_ascii(text) } else { text.to_owned() }
    }

    /// A sentence in one line that may carry the words of others.
    fn one_line(&self, text: &str) -> String {
        self.shown(&clean(text))
    }

    /// A line that keeps its spaces.
    fn as_it_is(&self, line: &str) -> String {
        let line = clean_line(line);
        if self.page.ascii { to_ascii(&line) } else { line }
    }

    fn local(&self, ms: u64) -> DateTime<FixedOffset> {
        let seconds = i64::try_from(ms / 1000).unwrap_or_default();
        let offset = FixedOffset::east_opt((self.offset)(seconds)).unwrap_or_else(utc);
        DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default().with_timezone(&offset)
    }

    /// `18:42:07`; on another day `2026-11-27 18:42:07`.
    fn time(&self, ms: u64) -> String {
        let (then, now) = (self.local(ms), self.local(self.now_ms));
        let form = if then.date_naive() == now.date_naive() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        then.format(form).to_string()
    }
}

fn utc() -> FixedOffset {
    FixedOffset::east_opt(0).expect("Greenwich is an offset")
}

/// `32 768`
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Lines with a label in front, and blocks of text below.
struct Paper<'a> {
    look: &'a Look,
    text: String,
}

/// The longest label of both languages, and two spaces.
const LABEL: usize = 12;
/// Of a text that is not shown whole: a screen has about as many.
const MOST_LINES: usize = 30;
/// Of a line in it; a minified file is one line.
const MOST_LETTERS: usize = 2000;

impl<'a> Paper<'a> {
    fn new(look: &'a Look) -> Self {
        Self { look, text: String::new() }
    }

    /// `label       text`: the text as it is, colours included.
    fn row(&mut self, label: &str, text: &str) {
        let label = self.look.shown(label);
        let space = LABEL.saturating_sub(width(&label)).max(1);
        let line = format!("{}{}{text}", self.look.ink(Style::Dim, &label), " ".repeat(space));
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str, more: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let line = format!("{}   {more}", self.look.ink(Style::Bold, &self.look.shown(title)));
        self.line(&line);
    }

    /// A text of others, set in; what is left out is counted.
    fn block(&mut self, indent: usize, style: Style, text: &str) {
        let space = " ".repeat(indent);
        let lines: Vec<&str> = text.lines().collect();
        let most = if self.look.all { usize::MAX } else { MOST_LINES };
        for line in lines.iter().take(most) {
            let whole = self.look.all || line.len() <= MOST_LETTERS;
            let kept = if whole { (*line).to_owned() } else { cut_letters(line) };
            self.line(&format!("{space}{}", self.look.ink(style, &self.look.as_it_is(&kept))));
        }
        if lines.len() > most {
            let left = lines.len() - most;
            let words = crate::words!("… {left} more lines (--all)", "… encore {left} lignes (--all)");
            self.line(&format!("{space}{}", self.look.ink(Style::Dim, &self.look.shown(&self.look.say(&words)))));
        }
    }
}

fn cut_letters(line: &str) -> String {
    line.chars().take(MOST_LETTERS).chain(['…']).collect()
}
