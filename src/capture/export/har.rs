//! HAR 1.2, for browsers and other tools: an entry for what a client asked and got. Pure.
//!
//! What HAR has no words for stands beside it, behind `_`, as its specification wants it: all panes, the events of streams,
//! the context, what a translation did.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize;

use super::super::record::{Context, Head, Message, Pane};
use super::super::view::{Note, Stream};
use super::{Exported, sides};

#[derive(Serialize)]
struct Har<'e> {
    log: Log<'e>,
}

#[derive(Serialize)]
struct Log<'e> {
    version: &'static str,
    creator: Creator,
    entries: Vec<Entry<'e>>,
}

#[derive(Serialize)]
struct Creator {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'e> {
    started_date_time: String,
    time: f64,
    request: Request<'e>,
    response: Response<'e>,
    cache: Cache,
    timings: Timings,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'e str>,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_panes")]
    panes: Vec<Side<'e>>,
    #[serde(rename = "_events")]
    events: &'e [Stream],
    #[serde(rename = "_context")]
    context: &'e Context,
    #[serde(rename = "_notes")]
    notes: &'e [Note],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'e> {
    method: &'e str,
    url: String,
    http_version: &'e str,
    cookies: [(); 0],
    headers: Vec<Pair<'e>>,
    query_string: Vec<Pair<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData<'e>>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'e> {
    status: u16,
    status_text: &'static str,
    http_version: &'e str,
    cookies: [(); 0],
    headers: Vec<Pair<'e>>,
    content: Content<'e>,
    #[serde(rename = "redirectURL")]
    redirect_url: &'e str,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
struct Pair<'e> {
    name: Cow<'e, str>,
    value: Cow<'e, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData<'e> {
    mime_type: &'e str,
    text: Cow<'e, str>,
    /// `base64`; HAR knows it for answers only.
    #[serde(rename = "_encoding", skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'e> {
    size: u64,
    mime_type: &'e str,
    text: Cow<'e, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

#[derive(Serialize)]
struct Cache {}

/// In milliseconds; -1: does not apply. They add up to `time`.
#[derive(Serialize)]
struct Timings {
    blocked: f64,
    dns: f64,
    connect: f64,
    send: f64,
    wait: f64,
    receive: f64,
}

/// One of our panes, whole.
#[derive(Serialize)]
struct Side<'e> {
    pane: Pane,
    attempt: u16,
    head: Option<&'e Head>,
    size: u64,
    text: Cow<'e, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

/// What HAR says where it is not known.
const UNKNOWN: i64 = -1;

pub(super) fn write(all: &[Exported<'_>]) -> String {
    let creator = Creator { name: "ollama-forward", version: env!("CARGO_PKG_VERSION") };
    let log = Log { version: "1.2", creator, entries: all.iter().map(|one| entry(*one)).collect() };
    serde_json::to_string_pretty(&Har { log }).expect("it has texts for keys and no odd numbers")
}

fn entry(one: Exported<'_>) -> Entry<'_> {
    let Exported { exchange, view } = one;
    let asked = sides::pane(exchange, Pane::ClientRequest);
    let answered = sides::pane(exchange, Pane::ClientResponse);
    let timings = timings(one, asked, answered);
    Entry {
        started_date_time: sides::time(exchange.begun_ms),
        time: timings.send + timings.wait + timings.receive,
        request: request(asked),
        response: response(answered),
        cache: Cache {},
        timings,
        comment: view.row.comment.as_deref(),
        id: exchange.id.map(|id| id.to_string()).unwrap_or_default(),
        panes: exchange.messages.iter().map(side).collect(),
        events: &view.streams,
        context: &view.context,
        notes: &view.notes,
    }
}

/// What the client saw: its request sent, the wait for the first byte, the rest.
fn timings(one: Exported<'_>, asked: Option<&Message>, answered: Option<&Message>) -> Timings {
    let sent = asked.and_then(|message| message.ended_us).unwrap_or_default();
    let head = answered.and_then(|message| Some(message.head.as_ref()?.at_us)).unwrap_or(sent).max(sent);
    let end = one.exchange.took_us.or(answered.and_then(|message| message.ended_us)).unwrap_or(head).max(head);
    Timings {
        blocked: -1.0,
        dns: -1.0,
        connect: -1.0,
        send: sides::milliseconds(sent),
        wait: sides::milliseconds(head - sent),
        receive: sides::milliseconds(end - head),
    }
}

fn request(message: Option<&Message>) -> Request<'_> {
    let url = message.map_or_else(|| "http://localhost/".to_owned(), sides::url);
    let query = message.and_then(|message| message.head.as_ref()?.target.as_deref()?.split_once('?'));
    let post_data = message.filter(|message| !message.body.is_empty()).map(|message| {
        let (text, encoding) = text(&message.body);
        PostData { mime_type: kind(Some(message)), text, encoding }
    });
    Request {
        method: sides::method(message),
        url: address(&url),
        http_version: version(message),
        cookies: [],
        headers: pairs(message),
        query_string: query.map(|(_, query)| parameters(query)).unwrap_or_default(),
        post_data,
        headers_size: UNKNOWN,
        body_size: size(message),
    }
}

fn response(message: Option<&Message>) -> Response<'_> {
    let (text, encoding) = text(message.map_or(&[], |message| &message.body));
    Response {
        // What browsers say of an answer that never came.
        status: message.and_then(|message| message.head.as_ref()?.status).unwrap_or_default(),
        status_text: "",
        http_version: version(message),
        cookies: [],
        headers: pairs(message),
        content: Content { size: message.map_or(0, |message| message.size), mime_type: kind(message), text, encoding },
        redirect_url: message.and_then(|message| sides::header(message, "location")).unwrap_or_default(),
        headers_size: UNKNOWN,
        body_size: size(message),
    }
}

fn side(message: &Message) -> Side<'_> {
    let (text, encoding) = text(&message.body);
    let Message { pane, attempt, head, size, .. } = message;
    Side { pane: *pane, attempt: *attempt, head: head.as_ref(), size: *size, text, encoding }
}

fn size(message: Option<&Message>) -> i64 {
    message.map_or(UNKNOWN, |message| i64::try_from(message.size).unwrap_or(UNKNOWN))
}

fn version(message: Option<&Message>) -> &str {
    let version = message.and_then(|message| message.head.as_ref()).map_or("", |head| head.version.as_str());
    if version.is_empty() { "HTTP/1.1" } else { version }
}

fn kind(message: Option<&Message>) -> &str {
    message.and_then(|message| sides::header(message, "content-type")).unwrap_or("application/octet-stream")
}

fn pairs(message: Option<&Message>) -> Vec<Pair<'_>> {
    let pair = |(name, value): &'_ (String, String)| (name.clone(), value.clone());
    let pairs = sides::headers(message).iter().map(pair);
    pairs.map(|(name, value)| Pair { name: name.into(), value: value.into() }).collect()
}

fn text(body: &[u8]) -> (Cow<'_, str>, Option<&'static str>) {
    match std::str::from_utf8(body) {
        Ok(text) => (text.into(), None),
        Err(_) => (BASE64_STANDARD.encode(body).into(), Some("base64")),
    }
}

/// An address as RFC 3986 has it: what it does not allow is written as `%XX`.
fn address(url: &str) -> String {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path = url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
    let bytes = url.as_bytes();
    let mut address = String::with_capacity(url.len());
    for (at, byte) in url.bytes().enumerate() {
        let is_allowed = match byte {
            b'%' => bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
            b'[' | b']' => at < path,
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte),
        };
        if is_allowed {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

fn parameters(query: &str) -> Vec<Pair<'_>> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Pair { name: decoded(name), value: decoded(value) }
        })
        .collect()
}

/// `%20` and `+` as what they stand for.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return text.into();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}
