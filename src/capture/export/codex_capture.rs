//! The files of `codex_capture`, so that what was written for them goes on working. Pure.
//!
//! Names and order of keys, the layout of its JSON and the marks of cut previews are those of its addon; what it could not
//! read (the Responses API, Ollama's own) is filled in. `latest.response.txt` has the true bytes.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::super::record::{Message, Pane, Row};
use super::super::view::{Item, ItemKind, Part};
use super::Exported;
use super::json::{Layout, is_json, lay_out};
use super::sides;

/// Characters of previews, before `…`.
const USER: usize = 300;
const ANSWER: usize = 800;

#[derive(Serialize)]
struct Payload<'e> {
    /// Seconds since 1970.
    timestamp: f64,
    summary: Summary<'e>,
    request: Request<'e>,
    response: Response<'e>,
}

#[derive(Serialize)]
struct Summary<'e> {
    endpoint: &'e str,
    method: &'e str,
    model: Option<&'e str>,
    messages_count: u32,
    last_user_message_preview: Option<String>,
    system_prompt_chars: u64,
    tools_count: u32,
    status_code: Option<u16>,
    is_stream: bool,
    assistant_text_preview: Option<String>,
    assistant_reasoning_preview: Option<String>,
    duration_ms: u64,
}

#[derive(Serialize)]
struct Request<'e> {
    url: &'e str,
    method: &'e str,
    headers: Headers<'e>,
    body_text: &'e str,
    json: Option<&'e RawValue>,
}

#[derive(Serialize)]
struct Response<'e> {
    status_code: Option<u16>,
    headers: Headers<'e>,
    body_text: &'e str,
    /// None: it is no stream.
    events: Option<Vec<Event<'e>>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Event<'e> {
    Data {
        raw: &'e str,
        json: Option<&'e RawValue>,
    },
    /// `[DONE]`
    Done {
        raw: &'e str,
    },
}

/// An object in the order of the headers; one that comes again is joined to the first.
struct Headers<'e>(&'e [(String, String)]);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut joined: Vec<(&str, String)> = Vec::new();
        for (name, value) in self.0 {
            match joined.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, before)) => {
                    before.push_str(", ");
                    before.push_str(value);
                }
                None => joined.push((name, value.clone())),
            }
        }
        serializer.collect_map(joined)
    }
}

/// `history.jsonl`: a line an exchange.
pub(super) fn history(all: &[Exported<'_>]) -> String {
    all.iter().map(|one| payload(*one, Layout::Line) + "\n").collect()
}

/// The four files. Only a call of a model has them, as there.
pub(super) fn files(one: Exported<'_>) -> Vec<(&'static str, Vec<u8>)> {
    let request = sides::pane(one.exchange, Pane::ClientRequest);
    let asked = sides::text(request);
    if !sides::method(request).eq_ignore_ascii_case("POST") || !asked.contains("\"model\"") {
        return Vec::new();
    }
    let is_object = asked.trim_start().starts_with('{');
    let request = lay_out(&asked, Layout::Pretty).filter(|_| is_object).unwrap_or_else(|| asked.into_owned());
    let answer =
        sides::pane(one.exchange, Pane::ClientResponse).map(|message| message.body.clone()).unwrap_or_default();
    vec![
        ("latest.json", payload(one, Layout::Pretty).into_bytes()),
        ("latest.request.json", request.into_bytes()),
        ("latest.response.txt", answer),
        ("history.jsonl", history(&[one]).into_bytes()),
    ]
}

fn payload(one: Exported<'_>, layout: Layout) -> String {
    let Exported { exchange, view } = one;
    let request = sides::pane(exchange, Pane::ClientRequest);
    let response = sides::pane(exchange, Pane::ClientResponse);
    let (asked, answered) = (sides::text(request), sides::text(response));
    let url = request.map(sides::url).unwrap_or_default();
    let method = sides::method(request);
    let status_code = response.and_then(|message| message.head.as_ref()?.status).or(view.row.status);
    let events = response.filter(|message| is_stream(message, &answered)).map(|_| events(&answered));
    let took_us = exchange.took_us.or(view.row.times.end).unwrap_or_default();
    let payload = Payload {
        timestamp: sides::milliseconds(exchange.begun_ms.saturating_add(took_us / 1000)),
        summary: Summary {
            endpoint: &url,
            method,
            status_code,
            is_stream: events.is_some() || view.row.stream,
            ..summary(one, took_us)
        },
        request: Request {
            url: &url,
            method,
            headers: Headers(sides::headers(request)),
            body_text: &asked,
            json: raw(&asked),
        },
        response: Response { status_code, headers: Headers(sides::headers(response)), body_text: &answered, events },
    };
    let text = serde_json::to_string(&payload).expect("it has texts for keys and no odd numbers");
    lay_out(&text, layout).unwrap_or(text)
}

/// What is understood of it.
fn summary(one: Exported<'_>, took_us: u64) -> Summary<'_> {
    let row: &Row = &one.view.row;
    let said = |items: &[Item], kind: ItemKind| spoken(items.iter().filter(|item| item.kind == kind));
    let users = one.view.conversation.iter().rev().filter(|item| item.kind == ItemKind::Message && item.role == "user");
    let user = Some(spoken(users.take(1))).filter(|text| !text.is_empty()).or_else(|| row.user.clone());
    let text =
        Some(said(&one.view.answer, ItemKind::Message)).filter(|text| !text.is_empty()).or_else(|| row.text.clone());
    let reasoning = Some(said(&one.view.answer, ItemKind::Reasoning)).filter(|text| !text.is_empty());
    Summary {
        endpoint: "",
        method: "",
        model: Some(row.model.as_str()).filter(|model| !model.is_empty()),
        messages_count: row.messages,
        last_user_message_preview: user.map(|text| preview(&text, USER)),
        system_prompt_chars: row.system_chars,
        tools_count: row.tools,
        status_code: None,
        is_stream: false,
        assistant_text_preview: text.map(|text| preview(&text, ANSWER)),
        assistant_reasoning_preview: reasoning.or_else(|| row.reasoning.clone()).map(|text| preview(&text, ANSWER)),
        duration_ms: took_us / 1000,
    }
}

fn spoken<'i>(items: impl Iterator<Item = &'i Item>) -> String {
    items
        .flat_map(|item| &item.parts)
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            Part::Image { .. } | Part::Json { .. } => None,
        })
        .collect()
}

fn preview(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) if !text[end..].starts_with('…') || text[end..].chars().count() > 1 => {
            format!("{}…", &text[..end])
        }
        Some(_) | None => text.to_owned(),
    }
}

fn raw(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok().filter(|_| is_json(text))
}

/// By its type, or as it looks: some servers say no type.
fn is_stream(message: &Message, text: &str) -> bool {
    let kind = sides::header(message, "content-type").unwrap_or_default().to_ascii_lowercase();
    let text = text.trim_start();
    kind.contains("text/event-stream")
        || kind.contains("ndjson")
        || text.starts_with("data:")
        || text.starts_with("event:")
}

/// Each record: its lines that hold data, or, where a line is a record, that.
fn events(text: &str) -> Vec<Event<'_>> {
    let has_data = text.lines().any(|line| line.starts_with("data:"));
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .filter_map(|line| {
            let data = if has_data { line.strip_prefix("data:")?.trim() } else { line.trim() };
            Some(match data {
                "[DONE]" => Event::Done { raw: line },
                _ => Event::Data { raw: line, json: raw(data) },
            })
        })
        .collect()
}
