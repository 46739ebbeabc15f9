//! One line for a terminal that waits. Pure: the caller draws it, and wipes it before the page.

use std::time::Duration;

use super::Look;
use super::labels::duration;
use super::lines::{clean, cut, to_ascii};
use crate::words;
use crate::words::Words;

/// Who has not answered yet, and since when; without a line break, and never wider than the terminal, so that a carriage
/// return wipes all of it.
pub fn progress(asked: &[&Words], since: Duration, look: &Look) -> String {
    let names: Vec<String> = asked.iter().map(|words| clean(&words.of(look.lang))).collect();
    let (names, time) = (names.join(", "), duration(since, look.lang));
    let mut text = if asked.is_empty() {
        words!("judging… {time}", "évaluation… {time}").of(look.lang)
    } else {
        words!("{time}, still asking: {names}", "{time}, questions en cours : {names}").of(look.lang)
    };
    if look.ascii {
        text = to_ascii(&text);
    }
    let more = if look.ascii { "..." } else { "…" };
    // A character in the last column makes some terminals wrap.
    cut(&text, look.width.saturating_sub(1), more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Lang;

    #[track_caller]
    fn check(asked: &[&str], look: Look, line: &str) {
        let words: Vec<Words> = asked.iter().map(|name| Words::same(*name)).collect();
        let words: Vec<&Words> = words.iter().collect();
        assert_eq!(progress(&words, Duration::from_millis(1234), &look), line);
    }

    #[test]
    fn it_names_who_is_awaited_and_fits_the_terminal() {
        let look = Look::default();
        check(&["Windows", "Ollama"], look, "1.2 s, still asking: Windows, Ollama");
        check(&["Windows", "Ollama"], Look { width: 31, ..look }, "1.2 s, still asking: Windows,…");
        check(&["Windows", "Ollama"], Look { width: 33, ascii: true, ..look }, "1.2 s, still asking: Windows,...");
        check(&["Windows"], Look { lang: Lang::Fr, ..look }, "1,2\u{a0}s, questions en cours\u{a0}: Windows");
        check(&[], Look { lang: Lang::Fr, ascii: true, ..look }, "evaluation... 1,2 s");
    }

    #[test]
    fn it_stays_in_its_line() {
        check(&["one\ntwo\r\u{1b}[2J"], Look::default(), "1.2 s, still asking: one two \u{fffd}[2J");
    }
}
