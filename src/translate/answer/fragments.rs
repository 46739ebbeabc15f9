//! Calls that arrive in fragments, put together by their index.

use crate::translate::wire::CallPiece;

/// One call on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) arguments: String,
}

#[derive(Debug, Default)]
pub(super) struct Partials {
    open: Vec<Partial>,
    /// Calls below this index were given out.
    given: u32,
}

impl Partials {
    /// Takes a fragment. Gives the calls that are complete because another one began.
    pub(super) fn feed(&mut self, index: u32, piece: &CallPiece<'_>) -> Vec<Partial> {
        if index < self.given {
            return Vec::new();
        }
        let place = self.open.iter().position(|partial| partial.index == index).unwrap_or_else(|| {
            let place = self.open.iter().position(|partial| partial.index > index).unwrap_or(self.open.len());
            self.open.insert(place, Partial { index, ..Partial::default() });
            place
        });
        let partial = &mut self.open[place];
        if let Some(name) = &piece.name {
            // Servers send a name whole; some repeat it with each fragment.
            if partial.name != *name {
                partial.name.push_str(name);
            }
        }
        partial.arguments.push_str(&piece.arguments);
        let complete = self.open[..place].iter().take_while(|earlier| is_json(&earlier.arguments)).count();
        let done: Vec<Partial> = self.open.drain(..complete).collect();
        if let Some(last) = done.last() {
            self.given = last.index + 1;
        }
        done
    }

    /// The first call that is not complete.
    pub(super) fn first(&self) -> Option<&Partial> {
        self.open.first()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// At the end of an answer all are as complete as they will ever be.
    pub(super) fn take(&mut self) -> Vec<Partial> {
        self.given = 0;
        std::mem::take(&mut self.open)
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece<'a>(name: Option<&'a str>, arguments: &'a str) -> CallPiece<'a> {
        CallPiece { index: None, id: None, name: name.map(Into::into), arguments: arguments.into() }
    }

    /// Fragments, and the calls in the order in which they are given out; `|` stands before those of the end.
    #[track_caller]
    fn check(fragments: &[(u32, Option<&str>, &str)], given: &str) {
        let mut partials = Partials::default();
        let mut text = String::new();
        let tell = |partial: Partial| format!("{}{} ", partial.name, partial.arguments);
        for (index, name, arguments) in fragments {
            text.extend(partials.feed(*index, &piece(*name, arguments)).into_iter().map(tell));
        }
        text.push_str("| ");
        text.extend(partials.take().into_iter().map(tell));
        assert_eq!(text.trim_end(), given);
    }

    #[test]
    fn fragments_become_calls_in_order() {
        check(&[(0, Some("a"), ""), (0, None, "{\"x\""), (0, None, ":1}")], "| a{\"x\":1}");
        check(&[(0, Some("a"), "{}"), (1, Some("b"), "{"), (1, None, "}")], "a{} | b{}");
    }

    #[test]
    fn interleaved_fragments_find_their_call() {
        check(&[(0, Some("a"), "{"), (1, Some("b"), "{}"), (0, None, "}")], "| a{} b{}");
        check(&[(1, Some("b"), "{}"), (0, Some("a"), "{}")], "| a{} b{}");
    }

    #[test]
    fn a_name_that_is_repeated_is_one_name() {
        check(&[(0, Some("a"), "{"), (0, Some("a"), "}")], "| a{}");
    }

    #[test]
    fn what_comes_for_a_call_that_was_given_is_not_a_call() {
        check(&[(0, Some("a"), "{}"), (1, Some("b"), "{}"), (0, None, " ")], "a{} | b{}");
    }
}
