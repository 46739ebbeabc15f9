//! Secrets that a stream has cut into pieces: `"delta":"sk-pr"`, `"delta":"oj-…"`. Pure.
//!
//! ```text
//! lines ─► records ─► texts of one kind, in order ─► joined, without escapes ─► secrets ─► back into the pieces
//! ```
//! The first piece of a secret becomes its mark, the others nothing; so each record stays what it was, with less in it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Piece;
use super::scan::scan;

/// Fields in which models say something, a bit at a time.
const SPOKEN: [&[u8]; 10] = [
    b"delta",
    b"content",
    b"response",
    b"text",
    b"arguments",
    b"thinking",
    b"reasoning",
    b"reasoning_content",
    b"partial_json",
    b"refusal",
];

/// What pieces of one text have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Channel<'b> {
    /// The field.
    name: &'b [u8],
    /// `type` of the record, and the item that it belongs to, where it has them.
    kind: &'b [u8],
    item: &'b [u8],
}

type Spoken<'b> = BTreeMap<Channel<'b>, Vec<Range<usize>>>;

/// What is to go from a stream of events or lines, in no order. Nothing, if it is no stream.
pub(super) fn stream(body: &[u8]) -> Vec<Piece> {
    let mut spoken = Spoken::new();
    for line in records(body) {
        collect(body, line, &mut spoken);
    }
    spoken.values().filter(|pieces| pieces.len() > 1).flat_map(|pieces| joined(body, pieces)).collect()
}

/// The JSON of each record: behind `data:`, or a line that is an object.
fn records(body: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    let lines = memchr::memchr_iter(b'\n', body).chain([body.len()]).map(move |end| {
        let line = from..end;
        from = end + 1;
        line
    });
    lines.filter_map(|line| {
        let text = &body[line.clone()];
        let data = text.strip_prefix(b"data:").unwrap_or(text).trim_ascii_start();
        data.starts_with(b"{").then(|| line.end - data.len()..line.end)
    })
}

/// Adds the texts of a record. A word-reader, not a parser: what is no JSON only finds less.
fn collect<'b>(body: &'b [u8], record: Range<usize>, spoken: &mut Spoken<'b>) {
    let mut key: Option<&[u8]> = None;
    let (mut kind, mut item): (&[u8], &[u8]) = (b"", b"");
    let mut texts: Vec<(&[u8], Range<usize>)> = Vec::new();
    let (mut at, mut depth) = (record.start, 0_i64);
    while let Some(open) = memchr::memchr(b'"', &body[at..record.end]) {
        let from = at + open + 1;
        let until = closing(&body[..record.end], from);
        let (between, text) = (&body[at..from - 1], &body[from..until]);
        depth += between.iter().map(|byte| i64::from(*byte == b'{') - i64::from(*byte == b'}')).sum::<i64>();
        let behind = body[until..record.end].get(1..).unwrap_or_default().trim_ascii_start();
        at = (until + 1).min(record.end);
        if behind.starts_with(b":") {
            key = Some(text);
            continue;
        }
        match key.take().filter(|_| between.trim_ascii() == b":") {
            Some(b"type") if depth == 1 => kind = text,
            Some(b"item_id") if depth == 1 => item = text,
            // A record that ends a text repeats it, and one that is a whole answer has many: those are no pieces.
            Some(name)
                if !text.is_empty() && SPOKEN.contains(&name) && texts.iter().all(|(known, _)| *known != name) =>
            {
                texts.push((name, from..until));
            }
            Some(_) | None => {}
        }
    }
    for (name, range) in texts {
        spoken.entry(Channel { name, kind, item }).or_default().push(range);
    }
}

/// Where the text ends that begins here: at its quote, or where there is no more.
fn closing(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(next) = memchr::memchr2(b'"', b'\\', &text[at..]) {
        at += next;
        if text[at] == b'"' {
            return at;
        }
        at = (at + 2).min(text.len());
    }
    text.len()
}

/// Secrets in the pieces as one text.
fn joined(body: &[u8], pieces: &[Range<usize>]) -> Vec<Piece> {
    let mut text = Vec::new();
    for piece in pieces {
        letters(body, piece, |_, letter| text.push(letter));
    }
    let found = scan(&text);
    let mut done = Vec::new();
    let (mut place, mut next) = (0, found.iter().peekable());
    for piece in pieces {
        if next.peek().is_none() {
            break;
        }
        letters(body, piece, |bytes, _| {
            while next.next_if(|hit| hit.until <= place).is_some() {}
            if let Some(hit) = next.peek().filter(|hit| hit.from <= place) {
                add(&mut done, piece, bytes, (hit.from == place).then_some(hit.kind));
            }
            place += 1;
        });
    }
    done
}

/// One more letter that goes: the end of what goes already, or the beginning of more. `kind`: a secret begins here.
fn add(done: &mut Vec<Piece>, piece: &Range<usize>, bytes: Range<usize>, kind: Option<&'static str>) {
    match done.last_mut() {
        Some(last) if kind.is_none() && last.until == bytes.start && piece.contains(&last.from) => {
            last.until = bytes.end;
        }
        Some(_) | None => done.push(Piece { from: bytes.start, until: bytes.end, kind }),
    }
}

/// Each letter of a JSON text, with its bytes. What is not ASCII is only told apart from what is.
fn letters(body: &[u8], piece: &Range<usize>, mut each: impl FnMut(Range<usize>, u8)) {
    let mut at = piece.start;
    while at < piece.end {
        let (letter, width) = match body[at] {
            b'\\' => escaped(&body[at..piece.end]),
            byte => (byte, 1),
        };
        each(at..at + width, letter);
        at += width;
    }
}

fn escaped(text: &[u8]) -> (u8, usize) {
    match text.get(1) {
        Some(b'n') => (b'\n', 2),
        Some(b'r') => (b'\r', 2),
        Some(b't') => (b'\t', 2),
        Some(b'b' | b'f') => (b' ', 2),
        Some(b'u') => {
            let digits = text.get(2..6).and_then(|digits| std::str::from_utf8(digits).ok());
            let code = digits.and_then(|digits| u8::from_str_radix(digits.strip_prefix("00")?, 16).ok());
            (code.filter(u8::is_ascii).unwrap_or(u8::MAX), text.len().min(6))
        }
        Some(letter) => (*letter, 2),
        None => (b'\\', 1),
    }
}
