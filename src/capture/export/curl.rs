//! The same request once more, as a command for a shell. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::super::record::{Lane, Message, Pane};
use super::super::redact::REDACTED;
use super::{Exported, sides};

/// Headers that curl sets itself, and must set for this body.
const OWN: [&str; 7] =
    ["host", "content-length", "connection", "transfer-encoding", "accept-encoding", "expect", "keep-alive"];

pub(super) fn write(all: &[Exported<'_>]) -> String {
    let mut text = String::new();
    for one in all {
        let began = sides::time(one.exchange.begun_ms);
        let id = one.exchange.id.map(|id| id.to_string()).unwrap_or_default();
        let mut add = |title: &str, message: &Message| {
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "# {id} {began}: {title}");
            command(&mut text, message);
        };
        if let Some(request) = sides::pane(one.exchange, Pane::ClientRequest) {
            add("as the client asked", request);
        }
        if one.exchange.lane == Lane::Translated
            && let Some(request) = sides::pane(one.exchange, Pane::UpstreamRequest)
        {
            add("as the upstream was asked", request);
        }
    }
    text
}

fn command(text: &mut String, message: &Message) {
    let url = sides::url(message);
    let headers = sides::headers(Some(message));
    let (hidden, shown): (Vec<_>, Vec<_>) = headers
        .iter()
        .filter(|(name, _)| !OWN.iter().any(|own| name.eq_ignore_ascii_case(own)))
        .partition(|(_, value)| value.contains("[redacted"));
    for (name, _) in hidden {
        let _ = writeln!(text, "# left out, as its value was redacted: {}", plain(name));
    }
    if url.contains(REDACTED) {
        text.push_str("# [redacted] in the address stands for a value that is not known\n");
    }
    if message.size > message.body.len() as u64 {
        let _ = writeln!(text, "# the body was cut: {} of {} bytes", message.body.len(), message.size);
    }
    let input = Input::of(&message.body);
    text.push_str(&input.before);
    let _ = write!(text, "curl -sS -N -g -X {} {}", quoted(sides::method(Some(message))), quoted(&url));
    for (name, value) in shown {
        // An empty value needs another sign, or curl takes the header away.
        let header = if value.trim().is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        let _ = write!(text, " \\\n  -H {}", quoted(&header));
    }
    text.push_str(&input.after);
}

/// How the body gets to curl: as an argument it would be too long.
struct Input {
    before: String,
    after: String,
}

impl Input {
    fn of(body: &[u8]) -> Self {
        if body.is_empty() {
            return Self { before: String::new(), after: "\n".to_owned() };
        }
        let piped = |program: String, lines: &str| {
            let end = delimiter(lines);
            let before = format!("{program} <<'{end}' |\n{lines}\n{end}\n");
            Self { before, after: " \\\n  --data-binary @-\n".to_owned() }
        };
        match std::str::from_utf8(body) {
            Ok(text) if is_harmless(text) && super::json::is_json(text) => {
                // A line break behind JSON is none of its business.
                let (lines, end) = (text.trim_end_matches('\n'), delimiter(text));
                Self { before: String::new(), after: format!(" \\\n  --data-binary @- <<'{end}'\n{lines}\n{end}\n") }
            }
            Ok(text) if is_harmless(text) => piped(format!("head -c {}", text.len()), text),
            Ok(_) | Err(_) => {
                let encoded = BASE64_STANDARD.encode(body);
                let lines: Vec<&str> =
                    (0..encoded.len()).step_by(76).map(|at| &encoded[at..encoded.len().min(at + 76)]).collect();
                piped("base64 -d".to_owned(), &lines.join("\n"))
            }
        }
    }
}

/// Nothing that a terminal obeys, or that a shell drops.
fn is_harmless(text: &str) -> bool {
    !text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t')
}

/// A word that is none of the lines.
fn delimiter(text: &str) -> String {
    let taken: BTreeSet<&str> = text.lines().filter(|line| line.starts_with("EOF")).collect();
    let mut names = std::iter::once("EOF".to_owned()).chain((1..=taken.len()).map(|number| format!("EOF{number}")));
    names.find(|name| !taken.contains(name.as_str())).expect("there are more names than lines")
}

/// For bash: one word, whatever is in it.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut quoted = "$'".to_owned();
    for letter in text.chars() {
        match letter {
            '\'' | '\\' => {
                quoted.push('\\');
                quoted.push(letter);
            }
            _ if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('\'');
    quoted
}

/// For a comment: one line.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}
