//! Lines become comments, with a mark and the day, and lines again. Taking out and putting back gives the same bytes.
//!
//! ```text
//! LINE          ──►  # [ollama-forward 2026-11-28] LINE
//! LINE, inside  ──►  : # [ollama-forward 2026-11-28] LINE      a block that has become empty is an error; `:` is not
//! ```

use std::ops::RangeInclusive;

/// What is to become of some lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// From 1.
    pub lines: RangeInclusive<usize>,
    /// They stand inside a block of the shell, in which a command has to remain.
    pub is_inside: bool,
}

const MARK: &str = "# [ollama-forward ";
const INSIDE: &str = ": ";

/// The text with these lines out. `date` is a day, as `2026-11-28`.
pub fn out(text: &str, edits: &[Edit], date: &str) -> String {
    let mut new = String::with_capacity(text.len());
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let edit = edits.iter().find(|edit| edit.lines.contains(&(at + 1)));
        let Some(edit) = edit else {
            new.push_str(line);
            continue;
        };
        let (indent, rest) = line.split_at(line.len() - line.trim_start_matches([' ', '\t']).len());
        new.push_str(indent);
        if edit.is_inside && at + 1 == *edit.lines.start() {
            new.push_str(INSIDE);
        }
        new.push_str(MARK);
        new.push_str(date);
        new.push_str("] ");
        new.push_str(rest);
    }
    new
}

/// The text with all marked lines as they were, and how many there were.
pub fn back(text: &str) -> (String, usize) {
    let mut new = String::with_capacity(text.len());
    let mut count = 0;
    for line in text.split_inclusive('\n') {
        match unmarked(line) {
            Some((indent, rest)) => {
                count += 1;
                new.push_str(indent);
                new.push_str(rest);
            }
            None => new.push_str(line),
        }
    }
    (new, count)
}

fn unmarked(line: &str) -> Option<(&str, &str)> {
    let (indent, rest) = line.split_at(line.len() - line.trim_start_matches([' ', '\t']).len());
    let marked = rest.strip_prefix(INSIDE).unwrap_or(rest).strip_prefix(MARK)?;
    let (date, rest) = marked.split_once("] ")?;
    let is_day = date.len() == 10 && date.chars().all(|c| c.is_ascii_digit() || c == '-');
    is_day.then_some((indent, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "2026-11-28";

    #[track_caller]
    fn check(text: &str, lines: RangeInclusive<usize>, is_inside: bool, expected: &str) {
        let new = out(text, &[Edit { lines: lines.clone(), is_inside }], DAY);
        assert_eq!(new, expected);
        assert_eq!(back(&new), (text.to_owned(), lines.count()), "byte for byte");
    }

    #[test]
    fn lines_go_out_and_come_back() {
        check("a\nb\nc\n", 2..=2, false, "a\n# [ollama-forward 2026-11-28] b\nc\n");
        check(
            "a\n\tb \\\r\n  c",
            2..=3,
            false,
            "a\n\t# [ollama-forward 2026-11-28] b \\\r\n  # [ollama-forward 2026-11-28] c",
        );
        check(
            "if x\n  b \\\n c\nfi\n",
            2..=3,
            true,
            "if x\n  : # [ollama-forward 2026-11-28] b \\\n # [ollama-forward 2026-11-28] c\nfi\n",
        );
        check("# a\n", 1..=1, false, "# [ollama-forward 2026-11-28] # a\n");
        check(": # [x] a", 1..=1, true, ": # [ollama-forward 2026-11-28] : # [x] a");
        check("   \n", 1..=1, false, "   # [ollama-forward 2026-11-28] \n");
    }

    #[test]
    fn what_others_marked_stays() {
        for text in ["# [ollama-forward] a\n", "# [ollama-forward soon] a\n", "# ollama-forward 2026-11-28 a\n", ""] {
            assert_eq!(back(text), (text.to_owned(), 0));
        }
    }
}
