//! What two answers must have in common to be the same to a client: status, header lines, chunk boundaries, the keys and their order,
//! and the words that are part of the protocol. It forgets names, texts, numbers, dates, and how many equal records follow each other.

use crate::support::{body, head};

/// Values that clients decide by; all other strings are alike.
const WORDS: [&str; 9] =
    ["", "assistant", "stop", "length", "tool_calls", "function", "chat.completion.chunk", "fp_ollama", "exec_command"];

pub(crate) fn of(answer: &str) -> Vec<String> {
    let mut lines: Vec<String> = head(answer).lines().map(header).collect();
    lines[1..].sort();
    for chunk in chunks(body(answer)) {
        let shape = json_shape(chunk);
        if lines.last() != Some(&shape) {
            lines.push(shape);
        }
    }
    lines
}

fn header(line: &str) -> String {
    match line.split_once(": ") {
        Some(("Date", _)) => "Date: …".to_owned(),
        Some(_) | None => line.to_owned(),
    }
}

/// The payloads of `Transfer-Encoding: chunked`, which must end with an empty one.
#[track_caller]
pub(crate) fn chunks(mut body: &str) -> Vec<&str> {
    let mut chunks = Vec::new();
    loop {
        let (size, rest) = body.split_once("\r\n").expect("the size of a chunk");
        let (chunk, rest) = rest.split_at(usize::from_str_radix(size, 16).expect("a size in hex"));
        body = rest.strip_prefix("\r\n").expect("the end of a chunk");
        if chunk.is_empty() {
            return chunks;
        }
        chunks.push(chunk);
    }
}

/// Text with JSON in it, where each value that is a string or a number is replaced.
fn json_shape(text: &str) -> String {
    let mut shape = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '0'..='9' => rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()),
            _ => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match c {
            '"' if after.starts_with(':') || WORDS.contains(&token.trim_matches('"')) => {
                shape.push_str(token);
            }
            '"' => shape.push_str("\"…\""),
            '0'..='9' => shape.push('0'),
            _ => shape.push(c),
        }
        rest = after;
    }
    shape
}

/// With both quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text[1..].find(|c: char| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    end.expect("a string that ends") + 2
}

#[test]
fn keys_and_words_stay_and_values_go() {
    let text = r#"data: {"id":"x-1","n":12,"role":"assistant","arguments":"{\"cmd\":\"ls\"}","content":"","no":null}"#;
    let shape = r#"data: {"id":"…","n":0,"role":"assistant","arguments":"…","content":"","no":null}"#;
    assert_eq!(json_shape(text), shape);
}
