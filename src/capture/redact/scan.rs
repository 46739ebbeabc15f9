//! One pass over a text, for all kinds of secrets. Pure.
//!
//! Two letters decide whether anything is looked at. What is looked at then is bounded in length, or passed over for good;
//! so the time grows with the text, whatever it is.

use super::keys::{self, jwt, key};
use super::letters::letter;
use super::named::{address, assigned, aws, scheme};
use super::pem::{self, Ends};

/// A secret: these bytes are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub from: usize,
    pub until: usize,
    pub kind: &'static str,
}

/// Pairs of letters at which something may begin: a bit each.
struct Pairs([u64; 1024]);

static PAIRS: Pairs = Pairs::new();

impl Pairs {
    const fn new() -> Self {
        /// Other beginnings than those of [`keys::STARTS`].
        const OTHERS: [[u8; 2]; 17] = [
            *b"ey", *b"--", *b"Be", *b"be", *b"BE", *b"Ba", *b"ba", *b"BA", *b"aw", *b"AW", *b"Aw", *b"Se", *b"se",
            *b"SE", *b":/", *b":\\", *b"\\u",
        ];
        let mut bits = [0; 1024];
        let mut at = 0;
        while at < keys::STARTS.len() {
            bits = Self::with(bits, keys::STARTS[at]);
            at += 1;
        }
        at = 0;
        while at < OTHERS.len() {
            bits = Self::with(bits, OTHERS[at]);
            at += 1;
        }
        // Whatever follows.
        let mut second: u8 = 0;
        loop {
            bits = Self::with(bits, [b'=', second]);
            if second == u8::MAX {
                return Self(Self::with(bits, *b"\\\\"));
            }
            second += 1;
        }
    }

    const fn with(mut bits: [u64; 1024], pair: [u8; 2]) -> [u64; 1024] {
        let number = u16::from_be_bytes(pair) as usize;
        bits[number / 64] |= 1 << (number % 64);
        bits
    }

    fn has(&self, pair: [u8; 2]) -> bool {
        let number = usize::from(u16::from_be_bytes(pair));
        self.0[number / 64] >> (number % 64) & 1 == 1
    }
}

/// All secrets of a text, in order; none overlaps another.
pub(super) fn scan(text: &[u8]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut ends = Ends::default();
    let mut at = 0;
    while let Some(next) =
        text.get(at..).and_then(|rest| rest.windows(2).position(|pair| PAIRS.has([pair[0], pair[1]])))
    {
        at += next;
        if let Some(hit) = look(text, at, &mut ends) {
            at = hit.until.max(at + 1);
            found.push(hit);
        } else if text[at] == b'\\' {
            // An escape begins at the first of them: nothing may begin at the second.
            at += text[at..].iter().take_while(|byte| **byte == b'\\').count();
        } else {
            at += 1;
        }
    }
    found
}

/// What begins here, if anything does.
fn look(text: &[u8], at: usize, ends: &mut Ends) -> Option<Found> {
    let (first, width) = letter(text, at)?;
    let whole = |(until, kind)| Found { from: at, until, kind };
    match first {
        b'e' => jwt(text, at).map(whole),
        b'-' => pem::block(text, at, ends),
        b'=' => assigned(text, at, at + width),
        b':' => address(text, at),
        b'B' | b'b' => scheme(text, at),
        b'a' | b'S' => aws(text, at),
        b'A' | b's' => key(text, at).map(whole).or_else(|| aws(text, at)),
        b'r' | b'g' | b'x' | b'n' | b'h' | b't' => key(text, at).map(whole),
        _ => None,
    }
}
