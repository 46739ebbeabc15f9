//! What is asked with GET.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{ACCEPT_RANGES, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use serde_json::{Value, json};

use super::answer::{Answer, Failure, json as document, typed};
use super::range::{Wanted, wanted};
use super::route::{Other, Params};
use super::serve::Server;
use super::{export as file, list, look};
use crate::capture::record::Exchange;
use crate::capture::{ExchangeId, Pane, understand};
use crate::clock;

/// What runs, and what the page may do.
pub(super) async fn state(server: &Arc<Server>) -> Result<Answer, Failure> {
    server.aside(|server| Ok(document(StatusCode::OK, &state_of(server)))).await
}

pub(super) fn state_of(server: &Server) -> Value {
    let parts = &server.parts;
    let usage = parts.library.usage();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "lang": parts.lang.tag(),
        "capture": {
            "on": parts.tap.as_ref().is_some_and(crate::capture::Tap::is_on),
            "can_switch": parts.switch.is_some(),
            "can_write": parts.desk.is_some(),
            "can_replay": parts.replay_to.is_some(),
            "trouble": parts.library.trouble_in(parts.lang),
            "dir": parts.library.dir(),
            "bytes": usage.bytes,
            "limit": usage.limit,
            "keep_days": usage.keep_days,
            "exchanges": usage.exchanges,
            "sessions": usage.sessions,
            "missed": usage.missed,
        },
        "forward": (parts.forward)(),
    })
}

pub(super) async fn sessions(server: &Arc<Server>) -> Result<Answer, Failure> {
    let sessions = |server: &Server| json!({ "sessions": server.parts.library.sessions() });
    server.aside(move |server| Ok(document(StatusCode::OK, &sessions(server)))).await
}

pub(super) async fn exchanges(server: &Arc<Server>, params: &Params) -> Result<Answer, Failure> {
    let ask = list::Ask::of(params, server.parts.lang)?;
    server
        .aside(move |server| {
            let page = list::list(&server.parts.library, &ask, clock::now() + list::BUDGET);
            Ok(document(StatusCode::OK, &page))
        })
        .await
}

pub(super) async fn exchange(server: &Arc<Server>, id: ExchangeId) -> Result<Answer, Failure> {
    server
        .aside(move |server| {
            let library = &server.parts.library;
            let looked = look::look(library, &library.rows(), id)?;
            Ok(document(StatusCode::OK, &looked.view))
        })
        .await
}

/// The bytes of one side, as they are; or one piece of them.
pub(super) async fn body(
    server: &Arc<Server>,
    id: ExchangeId,
    pane: Pane,
    params: &Params,
    headers: &HeaderMap,
) -> Result<Answer, Failure> {
    let attempt = params.get("attempt").unwrap_or("0").parse::<u16>();
    let attempt = attempt.map_err(|_| Failure::bad("bad_number", "attempt: this is no number"))?;
    let bytes = server.aside(move |server| side(server.parts.library.exchange(id)?, pane, attempt)).await?;
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let answer = piece(bytes, range);
    let is_download = params.get("download") == Some("1");
    let name =
        || format!("{id}-{}{}.bin", pane.word(), if attempt == 0 { String::new() } else { format!("-{attempt}") });
    Ok(if is_download { file::download(answer, &name()) } else { answer })
}

fn side(exchange: Exchange, pane: Pane, attempt: u16) -> Result<Bytes, Failure> {
    let mut messages = exchange.messages.into_iter();
    let side = messages.find(|message| message.pane == pane && message.attempt == attempt);
    side.map(|message| Bytes::from(message.body))
        .ok_or_else(|| Failure::missing("unknown_pane", "there is no such side"))
}

fn piece(bytes: Bytes, range: Option<&str>) -> Answer {
    const CONTENT: &str = "application/octet-stream";
    let len = bytes.len();
    let (mut answer, told) = match wanted(range, len) {
        Wanted::All => (typed(StatusCode::OK, CONTENT, bytes), None),
        Wanted::Piece(piece) => {
            let told = format!("bytes {}-{}/{len}", piece.start, piece.end.saturating_sub(1));
            (typed(StatusCode::PARTIAL_CONTENT, CONTENT, bytes.slice(piece)), Some(told))
        }
        Wanted::Nowhere => {
            let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "no_such_range", "there are no such bytes");
            (failure.answer(), Some(format!("bytes */{len}")))
        }
    };
    if let Some(told) = told.and_then(|told| HeaderValue::from_str(&told).ok()) {
        answer.headers_mut().insert(CONTENT_RANGE, told);
    }
    answer.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer
}

/// How a request differs from another: `id` is the later one.
pub(super) async fn diff(server: &Arc<Server>, id: ExchangeId, other: Other) -> Result<Answer, Failure> {
    server
        .aside(move |server| {
            let library = &server.parts.library;
            let to = library.exchange(id)?;
            let from = match other {
                Other::This(other) => other,
                Other::Previous => {
                    let rows = library.rows();
                    let row = rows.iter().find(|row| row.id == Some(id));
                    let previous = row.and_then(|row| look::previous(row, &rows));
                    previous.ok_or_else(|| Failure::missing("no_previous", "there is none before it"))?
                }
            };
            Ok(document(StatusCode::OK, &understand::diff(&library.exchange(from)?, &to)))
        })
        .await
}

pub(super) async fn export(server: &Arc<Server>, params: &Params) -> Result<Answer, Failure> {
    let ask = file::Ask::of(params, server.parts.lang)?;
    server.aside(move |server| file::answer(&server.parts.library, &ask)).await
}
