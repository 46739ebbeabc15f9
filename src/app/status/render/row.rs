//! One line: a label, and parts that are cut where the terminal ends, never wrapped. Pure.

use crate::doctor::render::sheet::Style;
use crate::doctor::render::{Look, clean, cut, to_ascii, width};
use crate::words::Words;

/// The longest label of both languages, and two spaces.
const LABEL: usize = 10;
/// Between two parts.
const GAP: &str = "   ";

/// How a thing is: a sign beside the word, in colour or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Good,
    Warning,
    Bad,
    Off,
}

impl Sign {
    fn letters(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Good, false) => "✓",
            (Self::Warning, false) => "⚠",
            (Self::Bad, false) => "✗",
            (Self::Off, false) => "○",
            (Self::Good, true) => "[ok]",
            (Self::Warning, true) => "[!!]",
            (Self::Bad, true) => "[xx]",
            (Self::Off, true) => "[--]",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Good => Style::Green,
            Self::Warning => Style::Yellow,
            Self::Bad => Style::Red,
            Self::Off => Style::Dim,
        }
    }
}

/// A line that is being put together.
pub(super) struct Row<'a> {
    look: &'a Look,
    label: Option<String>,
    parts: Vec<(Style, String)>,
}

impl<'a> Row<'a> {
    pub(super) fn new(look: &'a Look, label: &Words) -> Self {
        let mut row = Self::bare(look);
        row.label = Some(row.shown(&label.of(look.lang)));
        row
    }

    /// Without a label in front.
    pub(super) fn bare(look: &'a Look) -> Self {
        Self { look, label: None, parts: Vec::new() }
    }

    /// Some of it may be the words of others.
    pub(super) fn say(self, words: &Words) -> Self {
        self.styled(Style::Plain, words)
    }

    pub(super) fn styled(mut self, style: Style, words: &Words) -> Self {
        let text = self.shown(&words.of(self.look.lang));
        if !text.is_empty() {
            self.parts.push((style, text));
        }
        self
    }

    pub(super) fn sign(mut self, sign: Sign, words: &Words) -> Self {
        let text = self.shown(&words.of(self.look.lang));
        self.parts.push((sign.style(), format!("{} {text}", sign.letters(self.look.ascii))));
        self
    }

    /// What there may be to say.
    pub(super) fn maybe(self, words: Option<&Words>) -> Self {
        match words {
            Some(words) => self.say(words),
            None => self,
        }
    }

    fn shown(&self, text: &str) -> String {
        let text = clean(text);
        if self.look.ascii { to_ascii(&text) } else { text }
    }

    /// The whole line, without a line break.
    pub(super) fn end(self) -> String {
        let Look { color, ascii, width: columns, .. } = *self.look;
        let mut pieces = Vec::with_capacity(2 * self.parts.len() + 1);
        if let Some(label) = self.label {
            let gap = LABEL.saturating_sub(width(&label)).max(1);
            pieces.push((Style::Dim, label + &" ".repeat(gap)));
        }
        for (at, part) in self.parts.into_iter().enumerate() {
            if at > 0 {
                pieces.push((Style::Plain, GAP.to_owned()));
            }
            pieces.push(part);
        }
        let plain: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        let kept = cut(plain.trim_end(), columns, if ascii { "..." } else { "…" });
        paint(&kept, &pieces, color)
    }
}

/// What is kept of these pieces, each in its colour; the sign that there was more has the colour of what it ends.
fn paint(kept: &str, pieces: &[(Style, String)], color: bool) -> String {
    let mut line = String::with_capacity(kept.len());
    let mut rest = kept;
    for (style, text) in pieces {
        let common = rest.char_indices().zip(text.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
        let (mine, behind) = rest.split_at(common.unwrap_or_else(|| rest.len().min(text.len())));
        let ends = mine.len() < text.len();
        line.push_str(&style.paint(if ends { rest } else { mine }, color));
        if ends {
            break;
        }
        rest = behind;
    }
    line
}
