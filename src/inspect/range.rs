//! `Range: bytes=…`, for one piece of a body (RFC 9110, 14). Pure.

use std::ops::Range;

/// Which bytes are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Piece(Range<usize>),
    /// None of them is there.
    Nowhere,
}

/// What is malformed, or asks for several pieces, is passed over: a server may answer with all.
pub(super) fn wanted(range: Option<&str>, len: usize) -> Wanted {
    let Some((from, to)) = range.and_then(|range| range.strip_prefix("bytes=")).and_then(|range| range.split_once('-'))
    else {
        return Wanted::All;
    };
    match (number(from), number(to)) {
        (Some(from), Some(to)) if from > to => Wanted::All,
        (Some(from), _) if from >= len && (to.is_empty() || number(to).is_some()) => Wanted::Nowhere,
        (Some(from), Some(to)) => Wanted::Piece(from..len.min(to.saturating_add(1))),
        (Some(from), None) if to.is_empty() => Wanted::Piece(from..len),
        (None, Some(0)) if from.is_empty() => Wanted::Nowhere,
        (None, Some(last)) if from.is_empty() && len > 0 => Wanted::Piece(len.saturating_sub(last)..len),
        (None, Some(_)) if from.is_empty() => Wanted::Nowhere,
        (None | Some(_), None | Some(_)) => Wanted::All,
    }
}

/// More than fits counts as the most.
fn number(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, len: usize, expected: &Wanted) {
        assert_eq!(wanted(Some(range), len), *expected, "{range} of {len}");
    }

    #[test]
    fn one_piece_is_cut_to_what_there_is() {
        check("bytes=0-0", 10, &Wanted::Piece(0..1));
        check("bytes=2-5", 10, &Wanted::Piece(2..6));
        check("bytes=2-", 10, &Wanted::Piece(2..10));
        check("bytes=2-99999999999999999999999", 10, &Wanted::Piece(2..10));
        check("bytes=-3", 10, &Wanted::Piece(7..10));
        check("bytes=-30", 10, &Wanted::Piece(0..10));
    }

    #[test]
    fn what_is_not_there_is_nowhere() {
        check("bytes=10-", 10, &Wanted::Nowhere);
        check("bytes=10-12", 10, &Wanted::Nowhere);
        check("bytes=-0", 10, &Wanted::Nowhere);
        check("bytes=0-", 0, &Wanted::Nowhere);
        check("bytes=-1", 0, &Wanted::Nowhere);
        check("bytes=99999999999999999999999-", 10, &Wanted::Nowhere);
    }

    #[test]
    fn all_else_is_passed_over() {
        assert_eq!(wanted(None, 10), Wanted::All);
        for range in
            ["", "bytes=", "bytes=-", "bytes=5-2", "bytes=1-2,4-5", "bytes=a-b", "items=1-2", "bytes=1-x", "bytes=+1-2"]
        {
            check(range, 10, &Wanted::All);
        }
    }
}
