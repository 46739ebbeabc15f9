//! Where a request repeats the one before it: cuts its JSON so that equal pieces are equal bytes.
//!
//! ```text
//! {"model":"m","stream":true,"input":[{…},{…},{…}],"tools":[{…},{…}],"instructions":"…"}
//! ──────────────────────────────────┼────┼────┼────┼──────────┼────┼────┼─────────────┼────┼─
//! ```
//! Codex sends the whole history each turn, and adds to its end: an element goes with the comma before it, so that all
//! elements but the new ones are the same bytes in the next request. Any list of the top level is cut like that, and long
//! values are cut out of what is around them.
//!
//! Only places are found here; nothing is parsed, and nothing is written anew. So what is put together again is what it was,
//! whatever the bytes are. Pure.

use std::ops::Range;

/// A value that is shorter is not worth a piece of its own.
const LEAST: usize = 256;
/// Pieces of a list are not smaller than this: a list of numbers is no list of messages.
const LEAST_ELEMENT: usize = 96;
/// A larger body has larger pieces, so that no body has many more of them.
const MOST_PIECES: usize = 4096;

/// The pieces of a body, in order: together they are the body.
pub(super) fn split(body: &[u8]) -> Vec<Range<usize>> {
    let mut cuts = Cuts { at: Vec::new(), least: LEAST_ELEMENT };
    if body.len() > MOST_PIECES * LEAST_ELEMENT {
        cuts.least = (body.len() / MOST_PIECES).next_power_of_two();
    }
    find(body, &mut cuts);
    let mut from = 0;
    let mut pieces: Vec<_> = cuts.at.into_iter().map(|at| mem_range(&mut from, at)).collect();
    if from < body.len() {
        pieces.push(from..body.len());
    }
    pieces
}

fn mem_range(from: &mut usize, until: usize) -> Range<usize> {
    let range = *from..until;
    *from = until;
    range
}

/// Places to cut at, growing.
struct Cuts {
    at: Vec<usize>,
    least: usize,
}

impl Cuts {
    fn last(&self) -> usize {
        self.at.last().copied().unwrap_or_default()
    }

    fn cut(&mut self, at: usize) {
        if at > self.last() {
            self.at.push(at);
        }
    }
}

/// What stands directly in the object of the top level.
fn find(body: &[u8], cuts: &mut Cuts) {
    let Some(open) = body.iter().position(|byte| !byte.is_ascii_whitespace()) else {
        return;
    };
    if body[open] != b'{' {
        return;
    }
    let mut at = open + 1;
    while let Some(value) = next_value(body, at) {
        at = match body[value] {
            b'[' => list(body, value, cuts),
            _ => long(body, value, cuts),
        };
    }
}

/// Behind the next key and its colon. None: there is no more.
fn next_value(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match body.get(at)? {
            b'"' => at = end_of_text(body, at),
            b':' => {
                let value = at + 1 + body[at + 1..].iter().position(|byte| !byte.is_ascii_whitespace())?;
                return Some(value);
            }
            b'}' => return None,
            _ => at += 1,
        }
    }
}

/// Cuts a long value out. Gives its end.
fn long(body: &[u8], value: usize, cuts: &mut Cuts) -> usize {
    let end = end_of_value(body, value);
    if end - value >= LEAST {
        cuts.cut(value);
        cuts.cut(end);
    }
    end
}

/// Cuts between the elements of a list. Gives its end.
fn list(body: &[u8], open: usize, cuts: &mut Cuts) -> usize {
    let before = cuts.at.len();
    cuts.cut(open + 1);
    let mut at = open + 1;
    loop {
        let end = end_of_value(body, at);
        match body.get(end) {
            Some(b',') => {
                if end - cuts.last() >= cuts.least {
                    cuts.cut(end);
                }
                at = end + 1;
            }
            Some(_) => {
                // The last element is a piece of its own: with what follows, it would be another one in the next request.
                cuts.cut(end);
                if end - open < LEAST {
                    cuts.at.truncate(before);
                }
                return (end + 1).min(body.len());
            }
            None => return body.len(),
        }
    }
}

/// The end of a value: the comma or the closing bracket behind it, or the end of all.
fn end_of_value(body: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => {
                at = end_of_text(body, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    body.len()
}

/// Behind the closing quotation mark of a text that opens here.
fn end_of_text(body: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', body.get(at..).unwrap_or_default()) {
        at += found;
        if body[at] == b'"' {
            return at + 1;
        }
        // What is escaped never ends it.
        at += 2;
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<&str> {
        split(body.as_bytes()).into_iter().map(|range| &body[range]).collect()
    }

    #[track_caller]
    fn check_whole(body: &[u8]) {
        let mut at = 0;
        for piece in split(body) {
            assert!(piece.start == at && piece.end > at, "{piece:?} after {at}");
            at = piece.end;
        }
        assert_eq!(at, body.len());
    }

    fn item(text: &str) -> String {
        format!(r#"{{"role":"user","content":"{text} {}"}}"#, "x ".repeat(100))
    }

    #[test]
    fn an_element_stays_the_same_when_more_follow() {
        let items = [item("one"), item(r#"two \" ], with "#), item("three"), item("four")];
        let short = format!(r#"{{"model":"m","input":[{}],"n":1}}"#, items[..2].join(","));
        let long = format!(r#"{{"model":"m","input":[{}],"n":1}}"#, items.join(","));
        let (short, long) = (texts(&short), texts(&long));
        assert_eq!(short.len(), 4, "{short:?}");
        assert_eq!(short[..3], long[..3]);
        assert_eq!(short.last(), long.last());
    }

    #[test]
    fn a_long_value_is_apart_from_short_ones_that_change() {
        let body = |id: u32| format!(r#"{{"instructions":"{}","id":{id}}}"#, "be good ".repeat(40));
        let (one, two) = (body(1), body(2));
        assert_eq!(texts(&one)[1], texts(&two)[1]);
        assert_ne!(texts(&one)[2], texts(&two)[2]);
    }

    #[test]
    fn numbers_are_not_cut_one_by_one() {
        let numbers: Vec<String> = (0..5000).map(|number: u32| number.to_string()).collect();
        let body = format!(r#"{{"context":[{}]}}"#, numbers.join(","));
        let pieces = split(body.as_bytes());
        assert!(pieces.len() < body.len() / LEAST_ELEMENT + 3, "{}", pieces.len());
    }

    #[test]
    fn a_large_body_has_no_more_pieces_than_there_may_be() {
        let body = format!(r#"{{"input":[{}1]}}"#, "12345678,".repeat(500_000));
        let pieces = split(body.as_bytes());
        assert!(pieces.len() < 2 * MOST_PIECES, "{}", pieces.len());
        check_whole(body.as_bytes());
    }

    #[test]
    fn what_is_no_object_is_one_piece() {
        for body in ["[1,2]", "data: {}\n\n", "x", "\"{\""] {
            assert_eq!(texts(body), [body]);
        }
        assert!(split(b"").is_empty());
    }

    #[test]
    fn all_of_any_bytes_is_there() {
        let body = format!(r#"{{"a" : [ {}, {} ] , "b":{{"c":[]}},"d":[], "e":"\u00e9\\"}} "#, item("1"), item("2"));
        for end in 0..=body.len() {
            check_whole(&body.as_bytes()[..end]);
        }
        let alphabet = b"{}[]\",:\\ a1\xff";
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            let mut bytes = vec![b'{'];
            for _ in 0..24 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                bytes.push(alphabet[usize::try_from(seed >> 33).unwrap() % alphabet.len()]);
            }
            check_whole(&bytes);
        }
    }
}
