//! Private keys in PEM (RFC 7468), also where their lines are escaped, numbered, or cut off. Pure.

use memchr::memmem;

use super::letters::run;
use super::scan::Found;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// Of a label: `OPENSSH PRIVATE KEY`, `PGP PRIVATE KEY BLOCK`.
const LONGEST_LABEL: usize = 40;
/// Of a block: a key of 16384 bits has thirteen thousand letters, and may be numbered.
const LONGEST_BLOCK: usize = 32 * 1024;
/// Of the first line of a key; it has 64, or 70.
const LEAST_LINE: usize = 40;

/// Where the next end is, so that many beginnings do not look for the same end.
#[derive(Debug, Default)]
pub(super) struct Ends {
    next: Option<usize>,
}

impl Ends {
    /// The first end at or behind `at`.
    fn after(&mut self, text: &[u8], at: usize) -> Option<usize> {
        if self.next.is_none_or(|next| next < at) {
            self.next = Some(memmem::find(&text[at..], END).map_or(usize::MAX, |found| at + found));
        }
        self.next.filter(|next| *next != usize::MAX)
    }
}

/// A whole block, or what there is of it.
pub(super) fn block(text: &[u8], at: usize, ends: &mut Ends) -> Option<Found> {
    let label = text[at..].strip_prefix(BEGIN)?;
    let length = label_length(label)?;
    let from = at + BEGIN.len() + length + DASHES.len();
    let until = closed(text, from, ends).or_else(|| open(text, from))?;
    Some(Found { from: at, until, kind: "private-key" })
}

/// How long the label is, if it is that of a private key.
fn label_length(label: &[u8]) -> Option<usize> {
    let length = memmem::find(&label[..label.len().min(LONGEST_LABEL + DASHES.len())], DASHES)?;
    memmem::find(&label[..length], b"PRIVATE KEY").map(|_| length)
}

/// Up to its end, if that is in the same text.
fn closed(text: &[u8], from: usize, ends: &mut Ends) -> Option<usize> {
    let end = ends.after(text, from).filter(|end| end - from <= LONGEST_BLOCK)?;
    let until = end + END.len() + label_length(&text[end + END.len()..])? + DASHES.len();
    let inside = &text[from..end];
    // Prose that names both lines has nothing between them that a key has.
    let has_key = inside.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() >= LEAST_LINE;
    (has_key && memchr::memchr(b'"', inside).is_none()).then_some(until)
}

/// Without an end: the lines that are nothing but base64, as long as they are of full length, and one that is not.
fn open(text: &[u8], from: usize) -> Option<usize> {
    let is_part = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/' | b'=');
    let (mut at, mut until) = (from, None);
    loop {
        at = behind_break(text, at);
        let line = run(text, at, LONGEST_BLOCK, is_part);
        let is_full = line.letters >= LEAST_LINE;
        if line.letters > 0 && (is_full || until.is_some()) {
            until = Some(line.end);
        }
        if !is_full || line.end - from > LONGEST_BLOCK {
            return until;
        }
        at = line.end;
    }
}

/// Behind line breaks and indents, escaped or not.
fn behind_break(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        let slashes = text[at..].iter().take(8).take_while(|byte| **byte == b'\\').count();
        match text.get(at + slashes) {
            Some(b'n' | b'r' | b't') if slashes > 0 => at += slashes + 1,
            Some(b' ' | b'\t' | b'\n' | b'\r') if slashes == 0 => at += 1,
            Some(_) | None => return at,
        }
    }
}
