//! JSON as it was captured: whole, or cut at the limit.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::Value;
use serde_json::error::Category;

/// As deep as `serde_json` goes.
const DEEPEST: usize = 127;

/// What can be read of it. None: it is no JSON, or nested deeper than is read.
pub(super) fn parse(body: &[u8]) -> Option<Value> {
    let body = without_mark(body);
    let error = match serde_json::from_slice(body) {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(body);
    match (error.classify(), &text) {
        // It may be broken in the middle of a letter, too.
        (Category::Eof, _) => mend(&text),
        (Category::Syntax, Cow::Owned(text)) => serde_json::from_str(text).ok().or_else(|| mend(text)),
        (Category::Syntax | Category::Data | Category::Io, _) => None,
    }
}

/// The same, where what is cut is none.
pub(super) fn parse_whole(body: &[u8]) -> Option<Value> {
    let strict = serde_json::from_slice(body).ok();
    strict.or_else(|| match String::from_utf8_lossy(body) {
        Cow::Owned(text) => serde_json::from_str(&text).ok(),
        Cow::Borrowed(_) => None,
    })
}

/// A text that is JSON, or else the text.
pub(super) fn parse_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Notepad puts a byte order mark before what it saves.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Bytes of a value's JSON.
pub(super) fn size(value: &Value) -> u64 {
    let mut count = Count(0);
    // Counting does not fail.
    serde_json::to_writer(&mut count, value).map_or(0, |()| count.0)
}

/// The text at a key; None where it is empty.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

pub(super) fn owned(value: &Value, key: &str) -> Option<String> {
    text(value, key).map(str::to_owned)
}

/// The values of a list; none where it is no list.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was complete before it was cut, with all closed that was open.
fn mend(text: &str) -> Option<Value> {
    let (mut open, mut complete) = (Vec::new(), 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            in_string = byte != b'"' || is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                open.push(if byte == b'{' { '}' } else { ']' });
                complete = at + 1;
            }
            b'}' | b']' => {
                open.pop().filter(|closing| *closing == char::from(byte))?;
                complete = at + 1;
            }
            b',' => complete = at,
            _ => {}
        }
        if open.len() > DEEPEST {
            return None;
        }
    }
    let mut whole = text[..complete].to_owned();
    whole.extend(open.iter().rev());
    serde_json::from_str(&whole).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[track_caller]
    fn check(body: &[u8], value: Option<&Value>) {
        assert_eq!(parse(body).as_ref(), value, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn whole_bodies_are_read() {
        check(b"\xef\xbb\xbf {\"a\":[1]} ", Some(&json!({"a": [1]})));
        check(b"{\"a\":\"\xff\"}", Some(&json!({"a": "\u{fffd}"})));
        check(b"", None);
        check(b"hello", None);
        check(b"{\"a\":1} {\"a\":2}", None);
    }

    #[test]
    fn what_is_cut_may_be_none() {
        assert_eq!(parse_whole(b"{\"a\":\"\xff\"}"), Some(json!({"a": "\u{fffd}"})));
        assert_eq!(parse_whole(b"{\"a\":1,\"b"), None);
    }

    #[test]
    fn of_a_cut_body_all_is_read_that_was_complete() {
        check(
            b"{\"model\":\"m\",\"input\":[{\"a\":\"x,]y\"},{\"b\":\"cut he",
            Some(&json!({"model": "m", "input": [{"a": "x,]y"}, {}]})),
        );
        check(b"{\"a\":[1,2,3", Some(&json!({"a": [1, 2]})));
        check(b"{\"a\":\"\\\"\",\"b", Some(&json!({"a": "\""})));
        check(b"{\"a\":\"\xc3", Some(&json!({})));
    }

    #[test]
    fn what_is_nested_too_deep_is_no_value() {
        check("[".repeat(1 << 20).as_bytes(), None);
        check(("[".repeat(1 << 16) + &"]".repeat(1 << 16)).as_bytes(), None);
        assert!(parse("[".repeat(100).as_bytes()).is_some());
    }

    #[test]
    fn sizes_are_those_of_compact_json() {
        assert_eq!(size(&json!({"a": [1, "é"]})), 14);
    }
}
