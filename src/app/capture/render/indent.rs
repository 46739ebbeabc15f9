//! JSON on several lines, its keys in their order and its numbers as they are written. Pure.

use serde::de::IgnoredAny;

/// None: it is no JSON, or so deep that nobody reads it.
pub(in crate::app::capture) fn indented(json: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(json).ok()?.trim();
    if !text.starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_string {
            out.push(letter);
            in_string = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            ' ' | '\n' | '\r' | '\t' => {}
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = letter == '"';
                out.push(letter);
            }
        }
    }
    Some(out)
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        assert_eq!(indented(json.as_bytes()).as_deref(), expected, "{json}");
    }

    #[test]
    fn keys_keep_their_order_and_numbers_their_form() {
        check(
            "{\"z\":1.0,\"a\":[1e3,{}, [ ]]}",
            Some("{\n  \"z\": 1.0,\n  \"a\": [\n    1e3,\n    {},\n    []\n  ]\n}"),
        );
    }

    #[test]
    fn texts_stay_as_they_are() {
        check(r#"{"a":"{\"b\": [1,2]\\"}"#, Some("{\n  \"a\": \"{\\\"b\\\": [1,2]\\\\\"\n}"));
    }

    #[test]
    fn what_is_no_object_or_list_is_left_alone() {
        for text in ["", "x", "{", "12", "\"a\"", "{}x"] {
            check(text, None);
        }
        assert_eq!(indented(b"\xff"), None);
        // Deeper than a reader of JSON goes (serde_json: 128).
        assert_eq!(indented("[".repeat(100_000).as_bytes()), None);
    }
}
