//! Takes the secrets out of what is kept and shown. Those in headers and targets go always; those in bodies, unless bodies
//! are to stay raw.

use super::sense::Sense;
use crate::capture::record::{Exchange, Head, Message, Piece};
use crate::capture::redact::Edit;

#[derive(Clone, Copy, Debug)]
pub(super) struct Cleaner {
    pub sense: Sense,
    pub raw_bodies: bool,
}

impl Cleaner {
    pub(super) fn head(&self, head: &mut Head) -> u32 {
        let mut count = (self.sense.headers)(&mut head.headers);
        if let Some(target) = head.target.as_deref().and_then(self.sense.target) {
            head.target = Some(target);
            count += 1;
        }
        count
    }

    pub(super) fn body(&self, message: &mut Message) {
        if self.raw_bodies || message.body.is_empty() {
            return;
        }
        let content_type = message.head.as_ref().and_then(|head| header(head, "content-type"));
        if let Some(clean) = (self.sense.body)(&message.body, content_type) {
            message.redacted += clean.secrets;
            message.pieces = remap(&message.pieces, &clean.edits);
            message.body = clean.body;
        }
    }

    /// All of an exchange that comes from elsewhere.
    pub(super) fn all(&self, exchange: &mut Exchange) {
        for message in &mut exchange.messages {
            if let Some(head) = &mut message.head {
                message.redacted += self.head(head);
            }
            self.body(message);
        }
    }
}

/// The first value of a header.
pub(super) fn header<'h>(head: &'h Head, name: &str) -> Option<&'h str> {
    head.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// When the pieces of the new body came. What stands for a secret came with the secret's first byte.
fn remap(pieces: &[Piece], edits: &[Edit]) -> Vec<Piece> {
    let mut edits = edits.iter().peekable();
    let mut from = 0;
    let mut removed_until = 0;
    let mut mapped = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let until = from + usize::try_from(piece.len).unwrap_or(usize::MAX);
        // Bytes of this piece that a secret of an earlier one reaches into.
        let mut len = until - removed_until.clamp(from, until);
        while let Some(edit) = edits.next_if(|edit| edit.from < until) {
            let end = edit.from + edit.len;
            len = (len + edit.by).saturating_sub(end.min(until) - edit.from);
            removed_until = end;
        }
        if len > 0 {
            mapped.push(Piece { at_us: piece.at_us, len: u32::try_from(len).unwrap_or(u32::MAX) });
        }
        from = until;
    }
    mapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[u32], edits: &[(usize, usize, usize)], expected: &[(u64, u32)]) {
        let pieces: Vec<Piece> = (0..).zip(pieces).map(|(at_us, len)| Piece { at_us, len: *len }).collect();
        let edits: Vec<Edit> = edits.iter().map(|&(from, len, by)| Edit { from, len, by }).collect();
        let mapped: Vec<_> = remap(&pieces, &edits).into_iter().map(|piece| (piece.at_us, piece.len)).collect();
        assert_eq!(mapped, expected);
    }

    #[test]
    fn pieces_are_as_long_as_what_is_left_of_them() {
        check(&[10, 10], &[], &[(0, 10), (1, 10)]);
        check(&[10, 10], &[(2, 4, 6)], &[(0, 12), (1, 10)]);
        check(&[10, 10], &[(2, 4, 1), (15, 5, 7)], &[(0, 7), (1, 12)]);
    }

    #[test]
    fn a_secret_over_several_pieces_belongs_to_the_first() {
        check(&[10, 10, 10], &[(8, 15, 3)], &[(0, 11), (2, 7)]);
        check(&[4, 4, 4], &[(0, 12, 10)], &[(0, 10)]);
        check(&[4, 4, 4], &[(2, 4, 1), (6, 2, 5)], &[(0, 3), (1, 5), (2, 4)]);
    }
}
