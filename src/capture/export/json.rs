//! Lays JSON out anew, from its text: order, numbers and what stands twice are as they were. Pure.

use serde::de::IgnoredAny;

/// Deeper JSON is handed on as text: its indents would be larger than itself.
const MOST_DEPTH: usize = 128;
/// What an export puts around the JSON of others.
const AROUND: usize = 8;

/// How it is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `{"a": 1, "b": [2]}`
    Line,
    /// Two spaces a level.
    Pretty,
}

/// Whether this is JSON that can be laid out.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok() && depth(text) <= MOST_DEPTH
}

/// None: it is no JSON.
pub(super) fn lay_out(text: &str, layout: Layout) -> Option<String> {
    if serde_json::from_str::<IgnoredAny>(text).is_err() || depth(text) > MOST_DEPTH + AROUND {
        return None;
    }
    let mut page = Page { out: String::with_capacity(text.len() + text.len() / 8), layout, depth: 0 };
    let mut last = None;
    for token in Tokens::of(text) {
        page.put(token, last);
        last = token.bytes().next();
    }
    Some(page.out)
}

fn depth(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for token in Tokens::of(text) {
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// What is written.
struct Page {
    out: String,
    layout: Layout,
    depth: usize,
}

impl Page {
    fn put(&mut self, token: &str, last: Option<u8>) {
        let is_first = matches!(last, Some(b'{' | b'['));
        match token {
            "}" | "]" => {
                self.depth -= 1;
                if !is_first {
                    self.break_line();
                }
                self.out.push_str(token);
            }
            "," if self.layout == Layout::Line => self.out.push_str(", "),
            "," => {
                self.out.push(',');
                self.break_line();
            }
            ":" => self.out.push_str(": "),
            _ => {
                if is_first {
                    self.break_line();
                }
                self.value(token);
            }
        }
    }

    fn value(&mut self, token: &str) {
        self.depth += usize::from(matches!(token, "{" | "["));
        // As short as it can be said: `\u00e9` is é. A half of a pair has no other form.
        let text = token.starts_with('"').then(|| serde_json::from_str::<String>(token).ok()).flatten();
        match text.and_then(|text| serde_json::to_string(&text).ok()) {
            Some(text) => self.out.push_str(&text),
            None => self.out.push_str(token),
        }
    }

    fn break_line(&mut self) {
        if self.layout == Layout::Pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }
}

/// The words of JSON that is known to be some.
struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tokens<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let bytes = self.text.as_bytes();
        let from = self.at + bytes[self.at..].iter().position(|byte| !byte.is_ascii_whitespace())?;
        let length = match bytes[from] {
            b'"' => text_length(&bytes[from..]),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                bytes[from..].iter().take_while(|byte| is_part(byte)).count().max(1)
            }
        };
        self.at = from + length;
        self.text.get(from..self.at)
    }
}

/// With both quotes.
fn text_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(next) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += next;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, line: &str, pretty: &str) {
        assert_eq!(lay_out(text, Layout::Line).as_deref(), Some(line));
        assert_eq!(lay_out(text, Layout::Pretty).as_deref(), Some(pretty));
        assert_eq!(lay_out(line, Layout::Pretty).as_deref(), Some(pretty), "from the line");
        assert_eq!(lay_out(pretty, Layout::Line).as_deref(), Some(line), "and back");
    }

    #[test]
    fn order_and_numbers_are_kept() {
        check(
            r#"{"z":1.0,"a":[1e5,-0, 12345678901234567890123],"z":{ },"e":[ ]}"#,
            r#"{"z": 1.0, "a": [1e5, -0, 12345678901234567890123], "z": {}, "e": []}"#,
            "{\n  \"z\": 1.0,\n  \"a\": [\n    1e5,\n    -0,\n    12345678901234567890123\n  ],\n  \"z\": {},\n  \"e\": []\n}",
        );
        check("null", "null", "null");
    }

    #[test]
    fn texts_are_said_without_needless_escapes() {
        check(
            r#"["\u00e9\/\u003c","{\"a\":[,]}","\\","\ud83d\ude00"]"#,
            r#"["é/<", "{\"a\":[,]}", "\\", "😀"]"#,
            "[\n  \"é/<\",\n  \"{\\\"a\\\":[,]}\",\n  \"\\\\\",\n  \"😀\"\n]",
        );
        check(r#"["\ud83d"]"#, r#"["\ud83d"]"#, "[\n  \"\\ud83d\"\n]");
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_refused() {
        for text in ["", "{", "{\"a\"}", "[1,]", "nul", "\"open", "{\"a\":1} x"] {
            assert_eq!(lay_out(text, Layout::Pretty), None, "{text}");
            assert!(!is_json(text), "{text}");
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_json(&deep(MOST_DEPTH)) && !is_json(&deep(MOST_DEPTH + 1)));
        assert_eq!(lay_out(&deep(1_000_000), Layout::Pretty), None);
    }
}
