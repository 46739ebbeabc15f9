//! A sheet of paper: columns, sentences that are wrapped, commands that are not, and colours. Pure.

use super::Look;
use super::lines::{clean, clean_line, to_ascii, width, wrap};

/// The few ways in which a page stresses something. Never the only sign of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Red,
    Yellow,
    Green,
    Dim,
    Bold,
}

impl Style {
    /// The parameter of SGR (ECMA-48, 8.3.117).
    fn code(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            Self::Bold => Some(1),
            Self::Dim => Some(2),
            Self::Red => Some(31),
            Self::Green => Some(32),
            Self::Yellow => Some(33),
        }
    }

    pub(crate) fn paint(self, text: &str, color: bool) -> String {
        match self.code() {
            Some(code) if color && !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Some(_) | None => text.to_owned(),
        }
    }
}

/// What stands before a sentence: a sign, an id, a label.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) text: String,
    pub(crate) style: Style,
    /// The column's width. What does not fit pushes the rest of its line aside, by one space.
    pub(crate) width: usize,
}

impl Column {
    pub(crate) fn new(text: impl Into<String>, style: Style, width: usize) -> Self {
        Self { text: text.into(), style, width }
    }

    pub(crate) fn space(width: usize) -> Self {
        Self::new("", Style::Plain, width)
    }

    fn taken(&self) -> usize {
        let text = width(&self.text);
        if text < self.width || text == 0 { self.width } else { text + 1 }
    }
}

/// What is meant to be pasted stands this far from the edge…
const COMMAND_INDENT: usize = 6;

pub(crate) struct Sheet<'a> {
    pub(crate) look: &'a Look,
    text: String,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(look: &'a Look) -> Self {
        Self { look, text: String::new() }
    }

    /// An empty line between what was written and what comes; never two, and none at the top.
    pub(crate) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A sentence behind its columns. Its further lines begin at `hang`.
    pub(crate) fn prose_at(&mut self, columns: &[Column], hang: usize, style: Style, text: &str) {
        let text = self.shown(&clean(text));
        let lead: usize = columns.iter().map(Column::taken).sum();
        let room = |taken: usize| self.look.width.saturating_sub(taken).max(1);
        let lines = wrap(&text, room(lead), room(hang));
        let color = self.look.color;
        let mut line = String::new();
        for column in columns {
            let columns_text = self.shown(&clean_line(&column.text));
            line.push_str(&column.style.paint(&columns_text, color));
            line.push_str(&" ".repeat(column.taken() - width(&columns_text)));
        }
        for (at, words) in lines.iter().enumerate() {
            if at > 0 {
                line.push_str(&" ".repeat(hang));
            }
            line.push_str(&style.paint(words, color));
            self.text.push_str(line.trim_end());
            self.text.push('\n');
            line.clear();
        }
    }

    /// The same, where the further lines begin where the first one does.
    pub(crate) fn prose(&mut self, columns: &[Column], text: &str) {
        let hang = columns.iter().map(|column| column.width).sum();
        self.prose_at(columns, hang, Style::Plain, text);
    }

    /// Parts that are never broken, as many in a line as fit; further lines are set in.
    pub(crate) fn parts(&mut self, parts: &[String], between: &str, style: Style) {
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            let part = self.shown(&clean(part));
            match lines.last_mut() {
                Some(line) if width(line) + width(between) + width(&part) <= self.look.width => {
                    line.push_str(between);
                    line.push_str(&part);
                }
                Some(_) => lines.push(format!("  {part}")),
                None => lines.push(part),
            }
        }
        for line in lines {
            self.text.push_str(&style.paint(&line, self.look.color));
            self.text.push('\n');
        }
    }

    /// Lines to be pasted: each whole, on a line of its own.
    pub(crate) fn commands(&mut self, lines: &[String]) {
        let indent = if needs_first_column(lines) { 0 } else { COMMAND_INDENT };
        for line in lines.iter().flat_map(|line| line.lines()) {
            let line = format!("{}{}", " ".repeat(indent), Style::Bold.paint(&clean_line(line), self.look.color));
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// A line of a file, as it is.
    pub(crate) fn raw(&mut self, indent: usize, style: Style, line: &str) {
        let line = format!("{}{}", " ".repeat(indent), style.paint(clean_line(line).trim_end(), self.look.color));
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// As this look can show it.
    pub(crate) fn shown(&self, text: &str) -> String {
        if self.look.ascii { to_ascii(text) } else { text.to_owned() }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// …unless the shell looks for a word at the very edge: the end of a here-document, or of a here-string of PowerShell.
fn needs_first_column(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains("<<") || line.contains("@'") || line.contains("@\""))
}
