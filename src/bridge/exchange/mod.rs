//! One request of the Responses API, from its head to its last byte.
//!
//! ```text
//! respond ── read, unpacked, parsed ──► what is asked? ─┬─ a response ───► Run ──► events, or one object
//!                                                       ├─ a short form ─► Run ──► a compaction
//!                                                       └─ a stored one ─────────► it, or that it is gone
//! ```

mod begin;
mod body;
mod lobby;
mod open;
mod record;
mod refusal;
mod run;
mod stored;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tracing::debug;

use super::line::Line;
use super::metrics::{self, Exchange, Lane};
use super::{Body, Bridge, Operation, tape};
use crate::clock;
use crate::translate::Client;
use crate::translate::answer::Finished;
use crate::translate::request::compact;

pub(crate) use self::begin::{Asker, begin};
pub(crate) use self::lobby::Lobby;
pub(crate) use self::refusal::Refusal;
pub use self::run::Run;

/// What follows the last event. The specification wants it; Codex skips it, and gets nothing that it does not need.
fn ending(client: Client) -> &'static str {
    match client {
        Client::Codex => "",
        Client::Other => "data: [DONE]\n\n",
    }
}

/// Answers a request of the Responses API. Never with a 500: Codex hides its text and tries thirty times (0.169).
pub(super) async fn respond(bridge: &Arc<Bridge>, line: &Arc<Line>, request: Request<Incoming>) -> Response<Body> {
    let begun = clock::now();
    let (head, body) = request.into_parts();
    let answered = match Operation::of(&head.method, head.uri.path()) {
        Some(Operation::Create) => create(bridge, line, &head.headers, body).await,
        Some(Operation::Compact) => make_short(bridge, line, &head.headers, body).await,
        Some(Operation::Fetch(id)) => stored::fetch(bridge, id, head.uri.query()),
        Some(Operation::Delete(id)) => stored::delete(bridge, id),
        Some(Operation::InputItems(id)) => stored::input_items(bridge, id),
        Some(Operation::Cancel(_)) => Err(Refusal::bad(
            "Only responses with `background` can be cancelled, and there are none here. Hang up instead.",
        )),
        None => Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.")),
    };
    answered.unwrap_or_else(|refusal| {
        tape::refused(line.reel().as_ref(), &refusal.message);
        debug!(status = refusal.status.as_u16(), code = refusal.code, "request refused");
        bridge.metrics.record(&Exchange::new(Lane::Responses, metrics::Outcome::Refused, clock::now() - begun));
        refusal.into_response()
    })
}

async fn create(
    bridge: &Arc<Bridge>,
    line: &Arc<Line>,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    let (request, bytes) = body::read(bridge, headers, body, line.reel().as_ref()).await?;
    let streamed = request["stream"] == true;
    let run = begin(bridge, &Asker::of(headers), (request, bytes), None, line)?;
    if streamed {
        return Ok(events(run));
    }
    Ok(object(&run.whole().await))
}

/// `POST /v1/responses/compact`: the model sums the conversation up, and an item that holds the summary takes its place.
async fn make_short(
    bridge: &Arc<Bridge>,
    line: &Arc<Line>,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    let (request, bytes) = body::read(bridge, headers, body, line.reel().as_ref()).await?;
    let asked = compact::prompt(request)?;
    let mut run = begin(bridge, &Asker::of(headers), (asked, bytes), None, line)?;
    run.record.lane = Lane::Compact;
    let finished = run.whole().await;
    if let Some(failure) = &finished.failure {
        return Err(failure.into());
    }
    let response: Value = serde_json::from_str(&finished.object).unwrap_or_default();
    let items = response["output"].as_array().map(Vec::as_slice).unwrap_or_default();
    let summary: String = items.iter().filter_map(|item| item["content"][0]["text"].as_str()).collect();
    if summary.trim().is_empty() {
        return Err(Refusal::new(StatusCode::BAD_GATEWAY, "server_error", "The model gave no summary. Try again."));
    }
    let nonce = clock::nonce();
    let document = json!({
        "id": format!("resp_{nonce}"),
        "object": "response.compaction",
        "created_at": response["created_at"],
        "output": [compact::compaction_item(&format!("cmp_{nonce}"), summary.trim())],
        "usage": response["usage"],
    });
    Ok(super::respond::json(StatusCode::OK, &document))
}

/// The events as they come.
fn events(run: Run) -> Response<Body> {
    let mut response = Response::new(Body::Events(Box::new(run)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The whole response, or why there is none.
fn object(finished: &Finished) -> Response<Body> {
    if let Some(failure) = &finished.failure {
        return Refusal::from(failure).into_response();
    }
    let mut response = Response::new(Body::whole(finished.object.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
