//! What is made of recorded traffic: Codex 0.80 to 0.169, Ollama 0.24 and 0.33.

mod answers;
mod hostile;
mod languages;
mod threads;
mod turns;

use crate::capture::record::{Exchange, Head, Lane, Message, Pane, Piece, State};
use crate::capture::view::{Item, ItemKind, Part};

/// A file of `tests/fixtures`.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/", $name)).as_slice()
    };
}
pub(super) use fixture;

pub(super) fn message(pane: Pane, body: &[u8]) -> Message {
    Message {
        pane,
        attempt: 0,
        head: None,
        body: body.to_vec(),
        size: body.len() as u64,
        pieces: Vec::new(),
        ended_us: None,
        redacted: 0,
    }
}

/// A request of Codex, with the headers of a version (`headers.json`).
pub(super) fn codex(version: &str, body: &[u8]) -> Message {
    let all: serde_json::Value = serde_json::from_slice(fixture!("capture/headers.json")).unwrap();
    let headers: Vec<(String, String)> = serde_json::from_value(all[version].clone()).unwrap();
    asked("/v1/responses", headers, body)
}

pub(super) fn asked(target: &str, headers: Vec<(String, String)>, body: &[u8]) -> Message {
    let (method, target) = (Some("POST".to_owned()), Some(target.to_owned()));
    let head = Head { method, target, headers, ..Head::default() };
    Message { head: Some(head), ended_us: Some(100), ..message(Pane::ClientRequest, body) }
}

/// An answer whose head came after 1 ms, and each event 1 ms after the one before.
pub(super) fn streamed(pane: Pane, content_type: &str, body: &[u8]) -> Message {
    let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
    let head = Head { at_us: 1000, status: Some(200), headers, ..Head::default() };
    let ending: &[u8] = if content_type.contains("event-stream") { b"\n\n" } else { b"\n" };
    let mut pieces = Vec::new();
    let mut from = 0;
    while from < body.len() {
        let end = memchr::memmem::find(&body[from..], ending).map_or(body.len(), |end| from + end + ending.len());
        let at_us = 1000 * (pieces.len() as u64 + 2);
        pieces.push(Piece { at_us, len: u32::try_from(end - from).unwrap() });
        from = end;
    }
    let ended_us = pieces.last().map(|piece| piece.at_us);
    Message { head: Some(head), pieces, ended_us, ..message(pane, body) }
}

/// A recorded answer of HTTP/1.1: each chunk is a piece.
pub(super) fn recorded(pane: Pane, http: &[u8]) -> Message {
    let end = memchr::memmem::find(http, b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&http[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().ok();
    let headers = lines.map(|line| line.split_once(": ").unwrap()).map(|(key, value)| (key.into(), value.into()));
    let head = Head { at_us: 1000, status, headers: headers.collect(), ..Head::default() };
    let (mut rest, mut body, mut pieces) = (&http[end + 4..], Vec::new(), Vec::new());
    while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
        let len = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..end + 2 + len]);
        pieces.push(Piece { at_us: 1000 * (pieces.len() as u64 + 2), len: u32::try_from(len).unwrap() });
        rest = &rest[(end + 2 + len + 2).min(rest.len())..];
    }
    let ended_us = pieces.last().map(|piece| piece.at_us);
    Message { head: Some(head), pieces, ended_us, ..message(pane, &body) }
}

pub(super) fn exchange(lane: Lane, messages: Vec<Message>) -> Exchange {
    let took_us = messages.iter().filter_map(|message| message.ended_us).max();
    Exchange { lane, state: State::Done, messages, took_us, ..Exchange::default() }
}

/// Items in a line each.
pub(super) fn told(items: &[Item]) -> Vec<String> {
    let text = |part: &Part| match part {
        Part::Text { text } => text.chars().take(40).collect(),
        Part::Image { url, .. } => format!("<{}>", url.chars().take(14).collect::<String>()),
        Part::Json { value } => value.to_string().chars().take(40).collect(),
    };
    let line = |item: &Item| {
        let kind = match item.kind {
            ItemKind::Message => &item.role,
            ItemKind::Reasoning => "thought",
            ItemKind::Call => "call",
            ItemKind::Output => "output",
            ItemKind::Compaction => "compaction",
            ItemKind::Refusal => "refusal",
            ItemKind::Other => "other",
        };
        let texts: Vec<String> = item.parts.iter().map(text).collect();
        let mut line = format!("{kind}: {}{}", item.name.as_deref().unwrap_or_default(), texts.join("|"));
        if let Some(call) = &item.call {
            line.push(' ');
            line.extend(serde_json::to_string(call).unwrap().chars().take(90));
        }
        line
    };
    items.iter().map(line).collect()
}
