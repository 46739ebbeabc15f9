//! Which exchange somebody means: `last`, `last~2`, an id, or a part of one. Pure.

use crate::capture::ExchangeId;
use crate::capture::record::Row;

/// Why it is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoPick {
    /// Nothing was captured yet.
    Empty,
    /// There are not so many.
    TooFar {
        have: usize,
    },
    /// Not the form of an id, of a part of one, or of `last`.
    NoForm,
    Unknown,
    /// More than one has this part.
    Ambiguous {
        first: ExchangeId,
        second: ExchangeId,
    },
}

/// Digits that a part of an id has at least: fewer are a typing error.
const LEAST: usize = 4;

/// `rows`: oldest first. `last` means what somebody asked a model, unless there are only questions that look around.
pub(super) fn pick<'r>(text: &str, rows: impl IntoIterator<Item = &'r Row>) -> Result<ExchangeId, NoPick> {
    let rows = rows.into_iter();
    if let Some(back) = back(text) {
        return nth_last(back, rows);
    }
    if !is_part(text) {
        return Err(NoPick::NoForm);
    }
    let has_it = |id: &ExchangeId| id.to_string().contains(text);
    let mut found = rows.filter_map(|row| row.id).filter(has_it);
    match (found.next(), found.next()) {
        (None, _) => Err(NoPick::Unknown),
        (Some(only), None) => Ok(only),
        (Some(first), Some(second)) => Err(NoPick::Ambiguous { first, second }),
    }
}

/// Whether these words can only mean exchanges, not something to look for.
pub(super) fn are_ids<'r>(words: &[String], rows: &(impl IntoIterator<Item = &'r Row> + Clone)) -> bool {
    let is_id = |word: &String| word.parse::<ExchangeId>().is_ok() || pick(word, rows.clone()).is_ok();
    !words.is_empty() && words.iter().all(is_id)
}

fn is_part(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    digits && (LEAST..=16).contains(&text.len())
}

/// `last`: 0; `last~N`: N.
fn back(text: &str) -> Option<usize> {
    match text.strip_prefix("last")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

fn nth_last<'r>(back: usize, rows: impl Iterator<Item = &'r Row>) -> Result<ExchangeId, NoPick> {
    let all: Vec<&Row> = rows.filter(|row| row.id.is_some()).collect();
    let asked: Vec<&Row> = all.iter().copied().filter(|row| !row.probe).collect();
    let counted = if asked.is_empty() { all } else { asked };
    let at = counted.len().checked_sub(1).ok_or(NoPick::Empty)?.checked_sub(back);
    at.and_then(|at| counted[at].id).ok_or(NoPick::TooFar { have: counted.len() })
}

/// One query of all that was typed: what has spaces was quoted for the shell, and so is one thing to look for.
pub(super) fn query_of(words: &[String]) -> String {
    let quoted = |word: &String| {
        let is_one = word.contains(char::is_whitespace) && !word.contains('"');
        match word.split_once(':').filter(|(key, _)| is_key(key)) {
            Some((key, value)) if is_one => format!("{key}:\"{value}\""),
            None if is_one => format!("\"{word}\""),
            Some(_) | None => word.clone(),
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn is_key(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |ms: u64, probe: bool| Row { id: Some(ExchangeId::after(None, ms)), probe, ..Row::default() };
        vec![row(0x1_0000_00aa, false), row(0x1_0000_00bb, false), row(0x1_0000_00cc, false), row(0x1_0000_00dd, true)]
    }

    #[track_caller]
    fn check(text: &str, expected: Result<usize, NoPick>) {
        let rows = rows();
        assert_eq!(pick(text, &rows), expected.map(|at| rows[at].id.unwrap()), "{text}");
    }

    #[test]
    fn the_last_one_is_a_question_to_a_model() {
        check("last", Ok(2));
        check("last~1", Ok(1));
        check("last~2", Ok(0));
        check("last~3", Err(NoPick::TooFar { have: 3 }));
        check("last~99999999999999999999999", Err(NoPick::NoForm));
        let probes = &rows()[3..];
        assert_eq!(pick("last", probes), Ok(probes[0].id.unwrap()));
        assert_eq!(pick("last", &[]), Err(NoPick::Empty));
    }

    #[test]
    fn an_id_is_found_by_any_part_that_only_one_has() {
        let rows = rows();
        check(&rows[1].id.unwrap().to_string(), Ok(1));
        check("dd00000", Ok(3));
        check("00bb0", Ok(1));
        let (first, second) = (rows[0].id.unwrap(), rows[1].id.unwrap());
        check("00000", Err(NoPick::Ambiguous { first, second }));
        check("fedcba", Err(NoPick::Unknown));
    }

    #[test]
    fn what_is_no_id_is_not_looked_for() {
        for text in ["", "bb0", "BB00", "model", "../../etc", "last~", "last~x", "latest", "00000000000000000"] {
            check(text, Err(NoPick::NoForm));
        }
    }

    #[test]
    fn words_are_ids_when_all_of_them_are() {
        let rows = rows();
        let are = |words: &[&str]| are_ids(&words.iter().map(ToString::to_string).collect::<Vec<_>>(), &rows.iter());
        assert!(are(&["last", "00bb0"]) && are(&["0123456789abcdef"]));
        assert!(!are(&[]) && !are(&["last", "qwen"]) && !are(&["face"]));
    }

    #[test]
    fn what_the_shell_kept_together_stays_together() {
        let query = |words: &[&str]| query_of(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(query(&["model:qwen", "is:error"]), "model:qwen is:error");
        assert_eq!(query(&["two words", "one"]), "\"two words\" one");
        assert_eq!(query(&["tool:two words"]), "tool:\"two words\"");
        assert_eq!(query(&["-tool:a b", "\"as is\" now"]), "-tool:\"a b\" \"as is\" now");
    }
}
