//! Lines of ours in a file of somebody else: added between two marks, and taken out again so that every other byte is as it was.

/// Begins a line of ours. What stands behind it is for people.
const BEGIN: &str = "# >>> ollama-forward";
const END: &str = "# <<< ollama-forward";
/// In the first mark, where the text before it had no line break at its end: it goes with the block.
const JOINED: &str = " (after a line break of its own)";
const FOR_PEOPLE: &str = ": written by `ollama-forward codex --install`, removed by `ollama-forward codex --restore`";

/// The text with this block: in the place of one that is there, or at the end.
pub fn with(text: &str, body: &str) -> String {
    if let Some(Found { start, end, joined }) = find(text) {
        return format!("{}{}{}", &text[..start], block(body, joined), &text[end..]);
    }
    let joined = !text.is_empty() && !text.ends_with('\n');
    format!("{text}{}", block(body, joined))
}

/// The text without it. None: there is none.
pub fn without(text: &str) -> Option<String> {
    let Found { start, end, joined } = find(text)?;
    // What was written behind it since then must not become part of the line before it.
    let kept = if joined && end < text.len() { "\n" } else { "" };
    Some(format!("{}{kept}{}", &text[..start], &text[end..]))
}

/// The block itself, with its marks. None: there is none.
pub fn of(text: &str) -> Option<&str> {
    let Found { start, end, .. } = find(text)?;
    Some(&text[start..end])
}

fn block(body: &str, joined: bool) -> String {
    let (break_, note) = if joined { ("\n", JOINED) } else { ("", "") };
    format!("{break_}{BEGIN}{note}{FOR_PEOPLE}\n{body}{END}\n")
}

struct Found {
    start: usize,
    end: usize,
    joined: bool,
}

/// From the break that belongs to it to the end of its last line.
fn find(text: &str) -> Option<Found> {
    let begin = line_start(text, BEGIN)?;
    let joined = text[begin + BEGIN.len()..].starts_with(JOINED);
    let end = begin + line_start(&text[begin..], END)?;
    let end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    let start = if joined { begin.checked_sub(1)? } else { begin };
    Some(Found { start, end, joined })
}

/// Where the first line begins that begins so.
fn line_start(text: &str, with: &str) -> Option<usize> {
    text.match_indices(with).map(|(at, _)| at).find(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn comes_and_goes(text: &str) {
        let with_block = with(text, "a = 1\n");
        assert!(with_block.starts_with(text) && with_block.contains("\na = 1\n"), "{with_block}");
        assert_eq!(without(&with_block).as_deref(), Some(text), "{with_block}");
        let renewed = with(&with_block, "b = 2\n");
        assert!(renewed.contains("b = 2\n") && !renewed.contains("a = 1"), "{renewed}");
        assert_eq!(without(&renewed).as_deref(), Some(text), "{renewed}");
    }

    #[test]
    fn every_other_byte_stays() {
        for text in
            ["", "\n", "x = 1\n", "x = 1", "# é\r\n[a]\r\nb = 1\r\n\r\n", "x = \"# >>> ollama-forward\"\n", "\n\n\n"]
        {
            comes_and_goes(text);
        }
    }

    #[test]
    fn what_was_added_behind_it_stays_where_it_is() {
        let text = with("x = 1", "a = 1\n") + "[mine]\ny = 2\n";
        assert_eq!(without(&text).as_deref(), Some("x = 1\n[mine]\ny = 2\n"));
        assert!(with(&text, "b = 2\n").ends_with("[mine]\ny = 2\n"));
    }

    #[test]
    fn a_text_without_marks_has_no_block() {
        for text in ["", "a = 1\n", "  # >>> ollama-forward\n", "# >>> ollama-forward\na = 1\n"] {
            assert_eq!((without(text), of(text)), (None, None), "{text}");
        }
        assert_eq!(of(&with("x\n", "a\n")).map(|block| block.lines().count()), Some(3));
    }
}
