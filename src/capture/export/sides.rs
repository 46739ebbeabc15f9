//! What most forms ask of an exchange: its client's request and answer, addresses, times. Pure.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};

use super::super::record::{Exchange, Head, Message, Pane};

/// The side that is meant; of a pane that was tried again, the last attempt.
pub(super) fn pane(exchange: &Exchange, pane: Pane) -> Option<&Message> {
    exchange.messages.iter().filter(|message| message.pane == pane).max_by_key(|message| message.attempt)
}

/// The first header of this name. Names are lower case here.
pub(super) fn header<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    let headers = &message.head.as_ref()?.headers;
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Where a request went: with scheme and host, which a client leaves out.
pub(super) fn url(message: &Message) -> String {
    let head = message.head.as_ref();
    let target = head.and_then(|head| head.target.as_deref()).unwrap_or("/");
    if target.contains("://") {
        return target.to_owned();
    }
    let to = head.and_then(|head| head.to.as_deref());
    let host = to.or_else(|| header(message, "host")).unwrap_or("localhost");
    let slash = if target.starts_with('/') { "" } else { "/" };
    format!("http://{}{slash}{target}", host.trim_start_matches("http://").trim_end_matches('/'))
}

pub(super) fn method(message: Option<&Message>) -> &str {
    message.and_then(|message| message.head.as_ref()?.method.as_deref()).unwrap_or("GET")
}

pub(super) fn headers(message: Option<&Message>) -> &[(String, String)] {
    message.and_then(|message| message.head.as_ref()).map_or(&[], |head: &Head| &head.headers)
}

/// The body as a text, as good as it can be said as one.
pub(super) fn text(message: Option<&Message>) -> Cow<'_, str> {
    message.map_or(Cow::Borrowed(""), |message| String::from_utf8_lossy(&message.body))
}

/// `2026-11-28T18:08:50.123Z`
pub(super) fn time(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(DateTime::<Utc>::from_timestamp_millis).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Milliseconds, to three places.
#[expect(clippy::cast_precision_loss, reason = "no exchange takes 285 years")]
pub(super) fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}
