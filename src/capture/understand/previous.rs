//! The request that another one goes on from: by thread, and not by time alone, as threads run side by side.

use crate::capture::record::{Api, Row};

/// The one before `row` in its thread (else, of its session and API): what `view` and `diff` compare with.
pub fn previous<'r>(row: &Row, rows: impl IntoIterator<Item = &'r Row>) -> Option<&'r Row> {
    let is_before = |other: &&Row| order(other) < order(row) && other.id != row.id;
    let goes_on = |other: &&Row| goes_on(row, other);
    let candidates = rows.into_iter().filter(is_before).filter(goes_on);
    // What failed and was asked again is no step, unless there is nothing else.
    candidates.max_by_key(|other| (!is_the_same_again(row, other), order(other)))
}

/// The same request, which got no answer that anything could go on from.
fn is_the_same_again(row: &Row, other: &Row) -> bool {
    let got_nothing = other.error.is_some() && other.text.is_none() && other.called.is_empty();
    let is_same =
        row.thread.turn_id == other.thread.turn_id && row.messages == other.messages && row.user == other.user;
    got_nothing && is_same
}

fn order(row: &Row) -> (u64, Option<crate::capture::ExchangeId>) {
    (row.begun_ms, row.id)
}

fn goes_on(row: &Row, other: &Row) -> bool {
    let is_probe = row.probe || other.probe;
    match (&row.thread.thread_id, &other.thread.thread_id) {
        (Some(thread), Some(of)) => thread == of && !is_probe && is_conversation(row) == is_conversation(other),
        (None, None) => !is_probe && key(row) == key(other),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// What a client without threads asks in one go.
fn key(row: &Row) -> (&str, Api, &str, &str) {
    (&row.session, row.api, &row.model, &row.path)
}

/// A title is asked for beside a conversation, and is no part of it.
fn is_conversation(row: &Row) -> bool {
    !matches!(row.thread.kind.as_deref(), Some("title" | "prewarm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::capture::ExchangeId;
    use crate::capture::record::{ErrorNote, Thread};

    fn row(begun_ms: u64, thread: Option<&str>, kind: &str) -> Row {
        let thread_id = thread.map(str::to_owned);
        let thread = Thread { thread_id, kind: Some(kind.to_owned()), ..Thread::default() };
        Row { id: Some(ExchangeId::after(None, begun_ms)), begun_ms, thread, model: "m".into(), ..Row::default() }
    }

    #[track_caller]
    fn check(rows: &[Row], of: usize, expected: Option<usize>) {
        assert_eq!(previous(&rows[of], rows).map(|row| row.begun_ms), expected.map(|place| rows[place].begun_ms));
    }

    #[test]
    fn threads_that_run_side_by_side_are_kept_apart() {
        let rows = [
            row(1, Some("a"), "turn"),
            row(2, Some("b"), "subagent"),
            row(3, Some("a"), "turn"),
            row(4, Some("b"), "subagent"),
        ];
        check(&rows, 0, None);
        check(&rows, 1, None);
        check(&rows, 2, Some(0));
        check(&rows, 3, Some(1));
    }

    #[test]
    fn titles_are_left_aside_and_compactions_are_not() {
        let rows = [
            row(1, Some("a"), "turn"),
            row(2, Some("a"), "title"),
            row(3, Some("a"), "compaction"),
            row(4, Some("a"), "title"),
            row(5, Some("a"), "turn"),
        ];
        check(&rows, 1, None);
        check(&rows, 2, Some(0));
        check(&rows, 4, Some(2));
    }

    #[test]
    fn what_failed_and_was_asked_again_is_passed_over() {
        let mut rows = [row(1, Some("a"), "turn"), row(2, Some("a"), "turn"), row(3, Some("a"), "turn")];
        for row in &mut rows[1..] {
            row.messages = 8;
        }
        rows[1].error = Some(ErrorNote::default());
        check(&rows, 2, Some(0));
        check(&rows[1..], 1, Some(0));
        rows[1].text = Some("half of it".into());
        check(&rows, 2, Some(1));
    }

    #[test]
    fn without_a_thread_the_same_question_counts() {
        let mut rows =
            [row(1, None, ""), row(2, None, ""), row(3, None, ""), row(4, None, ""), row(5, Some("a"), "turn")];
        rows[1].session = "other".into();
        rows[2].api = Api::Chat;
        check(&rows, 3, Some(0));
        check(&rows, 4, None);
        rows[0].probe = true;
        check(&rows, 3, None);
    }

    #[test]
    fn what_comes_later_is_not_before() {
        let rows = [row(2, Some("a"), "turn"), row(1, Some("a"), "turn")];
        check(&rows, 0, Some(1));
        check(&rows, 1, None);
    }
}
