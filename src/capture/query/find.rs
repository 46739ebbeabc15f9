//! Looks for words in bodies: without regard to case, and whether or not JSON has escaped their letters. Pure.
//!
//! No copy of a body is made: the letters are read where they are. Spaces are any white space, so that a phrase is found
//! across the lines of a text.

use std::ops::Range;

/// What is looked for, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needle {
    letters: Vec<char>,
    /// Bytes with which its first letter may begin; at most three.
    firsts: Vec<u8>,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().map(fold).collect();
        let mut firsts = Vec::new();
        if let Some(first) = letters.first() {
            let upper = single(first.to_uppercase()).unwrap_or(*first);
            for letter in [*first, upper] {
                firsts.push(letter.encode_utf8(&mut [0; 4]).as_bytes()[0]);
            }
            // What some writer of JSON escapes: Go `<`, `>` and `&`, PHP `/`, others all that is not ASCII.
            if !first.is_ascii_alphanumeric() {
                firsts.push(b'\\');
            }
        }
        firsts.sort_unstable();
        firsts.dedup();
        Self { letters, firsts }
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        self.find(text).is_some()
    }

    /// The first place. Nothing is everywhere.
    pub(super) fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        if self.letters.first() == Some(&' ') {
            return (0..text.len()).find_map(|at| self.at(text, at));
        }
        match *self.firsts.as_slice() {
            [] => Some(0..0),
            [one] => memchr::memchr_iter(one, text).find_map(|at| self.at(text, at)),
            [one, two] => memchr::memchr2_iter(one, two, text).find_map(|at| self.at(text, at)),
            [one, two, three, ..] => memchr::memchr3_iter(one, two, three, text).find_map(|at| self.at(text, at)),
        }
    }

    fn at(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        [as_it_is, as_json].into_iter().find_map(|read| {
            let mut at = from;
            for expected in &self.letters {
                let (letter, width) = read(text, at)?;
                if fold(letter) != *expected {
                    return None;
                }
                at += width;
            }
            Some(from..at)
        })
    }
}

/// The same for `A` and `a`, `É` and `é`, `Σ`, `σ` and `ς`; white space is a space.
fn fold(letter: char) -> char {
    if letter.is_ascii() {
        return if letter.is_ascii_whitespace() { ' ' } else { letter.to_ascii_lowercase() };
    }
    if letter.is_whitespace() {
        return ' ';
    }
    let upper = single(letter.to_uppercase()).unwrap_or(letter);
    single(upper.to_lowercase()).unwrap_or(letter)
}

/// Not those that become two letters.
fn single(mut letters: impl Iterator<Item = char>) -> Option<char> {
    letters.next().filter(|_| letters.next().is_none())
}

/// The letter here, and its bytes.
fn as_it_is(text: &[u8], at: usize) -> Option<(char, usize)> {
    let first = *text.get(at)?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let width = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((char::REPLACEMENT_CHARACTER, 1)),
    };
    let letter = text.get(at..at + width).and_then(|bytes| std::str::from_utf8(bytes).ok()?.chars().next());
    Some(letter.map_or((char::REPLACEMENT_CHARACTER, 1), |letter| (letter, width)))
}

/// Backslashes before one letter that are looked at: JSON in JSON in JSON has seven.
const MOST_SLASHES: usize = 8;

/// The same, where JSON may have escaped it, once or more.
fn as_json(text: &[u8], at: usize) -> Option<(char, usize)> {
    let slashes = text.get(at..)?.iter().take(MOST_SLASHES).take_while(|byte| **byte == b'\\').count();
    if slashes == 0 {
        return as_it_is(text, at);
    }
    let letter = match text.get(at + slashes) {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(byte @ (b'"' | b'/')) => char::from(*byte),
        Some(b'u') => {
            let unit = |from: usize| {
                let digits = text.get(from..from + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
                u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
            };
            let end = at + slashes + 5;
            let first = unit(end - 4);
            let second = unit(end + slashes + 1);
            let pair = first.into_iter().chain(second);
            let letter = char::decode_utf16(pair).next().and_then(Result::ok);
            return match letter {
                Some(letter) => Some((letter, slashes + 5 + if letter.len_utf16() == 2 { slashes + 5 } else { 0 })),
                None => Some(('\\', slashes.div_ceil(2))),
            };
        }
        // The rest of them is before what comes.
        Some(_) | None => return Some(('\\', slashes.min(2))),
    };
    Some((letter, slashes + 1))
}

/// Bytes around a hit that are shown.
const BEFORE: usize = 60;
const AFTER: usize = 120;
/// Bytes of the hit itself.
const HIT: usize = 200;

/// The words around a hit, in a line, without escapes.
pub(super) fn around(text: &[u8], hit: Range<usize>) -> String {
    let mut from = hit.start.saturating_sub(BEFORE);
    // Not in the middle of a letter, nor of an escape.
    while from < hit.start && (text[from] & 0xc0 == 0x80 || text[from.saturating_sub(6)..from].contains(&b'\\')) {
        from += 1;
    }
    let until = hit.end.min(hit.start + HIT).saturating_add(AFTER).min(text.len());
    let (mut line, mut at) = (String::new(), from);
    while at < until {
        let Some((letter, width)) = as_json(text, at) else { break };
        at += width;
        let is_space = letter.is_whitespace() || letter.is_control();
        if !is_space {
            line.push(letter);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    let (start, end) = (if from > 0 { "…" } else { "" }, if at < text.len() { "…" } else { "" });
    format!("{start}{}{end}", line.trim())
}
