//! Records that differ in one word. A server writes the same record for each word of an answer, so that one which is
//! byte for byte the last one, but for the inside of that string and of the time, needs no parser: what stands in the
//! string is the word, if it holds nothing that ends or escapes a string. This is several times faster.

use std::borrow::Cow;

use memchr::memchr2;

use super::Chunk;

/// Where every record differs in more, learning is given up.
const ATTEMPTS: u8 = 16;

#[derive(Debug, Default)]
pub(super) struct Template {
    /// What stands before, between and after the strings that differ. The last of these is the word.
    fixed: Vec<Vec<u8>>,
    thinking: bool,
    learned: u8,
}

impl Template {
    pub(super) fn read<'a>(&self, record: &'a [u8]) -> Option<Chunk<'a>> {
        let (last, before) = self.fixed.split_last()?;
        let (mut rest, mut word) = (record, &record[..0]);
        for fixed in before {
            rest = rest.strip_prefix(fixed.as_slice())?;
            let end = memchr2(b'"', b'\\', rest)?;
            (word, rest) = rest.split_at(end);
        }
        // The first byte after the word is one of `last`, a quotation mark.
        if rest != last.as_slice() || word.is_empty() || word.iter().any(u8::is_ascii_control) {
            return None;
        }
        let word = Cow::Borrowed(std::str::from_utf8(word).ok()?);
        Some(if self.thinking {
            Chunk { thinking: word, ..Chunk::default() }
        } else {
            Chunk { text: word, ..Chunk::default() }
        })
    }

    /// `chunk` is all that `record` says.
    pub(super) fn learn(&mut self, record: &[u8], chunk: &Chunk<'_>) {
        if self.learned == ATTEMPTS || !chunk.calls.is_empty() || chunk.error.is_some() || chunk.done.is_some() {
            return;
        }
        let (word, thinking) = match (&chunk.thinking, &chunk.text) {
            (Cow::Borrowed(word), text) if text.is_empty() && !word.is_empty() => (*word, true),
            (thinking, Cow::Borrowed(word)) if thinking.is_empty() && !word.is_empty() => (*word, false),
            _ => return,
        };
        // The word is borrowed from the record, which tells where it stands.
        let Some(start) = word.as_ptr().addr().checked_sub(record.as_ptr().addr()) else { return };
        let (Some(before), Some(after)) = (record.get(..start), record.get(start + word.len()..)) else { return };
        if !before.ends_with(b"\"") || !after.starts_with(b"\"") {
            return;
        }
        self.learned += 1;
        self.thinking = thinking;
        self.fixed = match time(before) {
            Some((time, end)) => vec![before[..time].to_vec(), before[end..].to_vec(), after.to_vec()],
            None => vec![before.to_vec(), after.to_vec()],
        };
    }
}

/// The inside of Ollama's `created_at`, which nobody reads. A quotation mark that is not escaped begins or ends a string,
/// so that this key is found nowhere else.
fn time(record: &[u8]) -> Option<(usize, usize)> {
    const KEY: &[u8] = b"\"created_at\":\"";
    let start = memchr::memmem::find(record, KEY)? + KEY.len();
    let length = memchr2(b'"', b'\\', &record[start..])?;
    Some((start, start + length))
}
