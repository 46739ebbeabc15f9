//! What stands before a place in a text, as far as it tells whether a mark counts there. Read once and forwards, so that
//! a long text costs no more for each of its words than a short one.

use super::opener::Place;

pub(super) const THOUGHTS: [(&str, &str); 4] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
];

/// Ends of sentences and of tags. After a letter, a quotation mark or a colon, a mark may be only spoken of.
const BEFORE_A_MARK: [char; 8] = ['.', '!', '?', '…', '。', '！', '？', '>'];

#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// Up to here the text was read.
    at: usize,
    /// Where this line begins.
    line: usize,
    /// Whether the line has an odd number of backticks.
    ticked: bool,
    /// Whether a code fence is open. One with a language never closes another.
    fenced: bool,
    /// Which thoughts were begun at the start of a line, and not ended.
    thinking: [bool; THOUGHTS.len()],
}

impl Before {
    pub(super) fn advance(&mut self, text: &str, to: usize) {
        for (at, byte) in (self.at..to).zip(&text.as_bytes()[self.at..to]) {
            match byte {
                b'\n' => self.newline(text, at),
                b'`' => self.ticked = !self.ticked,
                b'>' | b']' => self.tag(text, at + 1),
                _ => {}
            }
        }
        self.at = to;
    }

    /// Whether a mark counts here. Asks only for what stands before, so that it never changes its mind.
    pub(super) fn placed(&self, text: &str, place: Place) -> bool {
        if self.ticked || self.fenced || self.thinking.contains(&true) {
            return false;
        }
        let line = text[self.line..self.at].trim_end();
        match line.as_bytes().last() {
            None => return true,
            Some(last) if last.is_ascii_alphanumeric() => return false,
            Some(_) => {}
        }
        let free = line.ends_with("|>")
            || THOUGHTS.iter().any(|(_, end)| line.ends_with(end))
            || place == Place::Sentence && line.ends_with(BEFORE_A_MARK);
        free && !line.trim_start().starts_with('>')
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fenced
    }

    fn newline(&mut self, text: &str, at: usize) {
        if let Some(language) = text[self.line..at].trim_start().strip_prefix("```") {
            self.fenced = !self.fenced || !language.trim().is_empty();
        }
        (self.line, self.ticked) = (at + 1, false);
    }

    fn tag(&mut self, text: &str, end: usize) {
        let read = &text[..end];
        for (open, (begin, close)) in self.thinking.iter_mut().zip(THOUGHTS) {
            if read.ends_with(close) {
                *open = false;
            } else if read.ends_with(begin) && text[self.line..end - begin.len()].trim_start().is_empty() {
                *open = true;
            }
        }
    }
}

/// The end of thoughts whose beginning was not printed.
pub(super) fn thoughts_end(text: &str, from: usize) -> Option<usize> {
    THOUGHTS.iter().filter_map(|(_, end)| Some(from + text[from..].find(end)? + end.len())).min()
}
