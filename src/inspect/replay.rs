//! Sends a captured request again, to our own listener, so that its answer is captured like any other. Tools that a model
//! calls in it are not run: nobody reads the answer but the capture.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::answer::{Answer, Failure, json as document};
use super::serve::Server;
use super::writes::{parse, read};
use crate::capture::record::{Api, Exchange, Head, Message, Row};
use crate::capture::{ExchangeId, Pane};

/// Names the exchange that a request repeats.
const REPLAY_OF: HeaderName = HeaderName::from_static("x-ollama-forward-replay");
/// A body of the largest size, written as a JSON text.
const MOST_REQUEST: usize = 40 << 20;
/// Replays under way: a model answers one at a time, most of the time.
const MOST_REPLAYS: usize = 4;
/// Our own listener answers at once, or is not there.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// For the answer: a large model that is loaded first, and a long thought.
const ANSWER_TIME: Duration = Duration::from_secs(30 * 60);
/// Bytes of the answer.
const MOST_ANSWER: u64 = 64 << 20;
/// What stands for a secret that was taken out (`capture::redact`).
const REDACTED: &str = "[redacted";

/// Headers that are not said again: of a connection, of a body's length, of who asks, and of a page that asked.
const NOT_AGAIN: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const NOT_AGAIN_BEGINS: &[&str] = &["access-control-", "proxy-", "sec-", "x-forwarded-", "x-ollama-forward-"];

/// What is to be different this time.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    model: Option<String>,
    body: Option<String>,
}

pub(super) async fn replay(server: &Arc<Server>, id: ExchangeId, body: Incoming) -> Result<Answer, Failure> {
    let changes: Changes = parse(&read(body, MOST_REQUEST).await?)?;
    let Some(to) = server.parts.replay_to else {
        return Err(Failure::new(StatusCode::CONFLICT, "cannot_replay", "there is nobody to send it to"));
    };
    let (request, redacted) = server
        .aside(move |server| {
            let exchange = server.parts.library.exchange(id)?;
            let row = server.parts.library.row(id).unwrap_or_default();
            request(&exchange, &row, id, to, changes)
        })
        .await?;
    let connected = tokio::time::timeout(CONNECT_TIME, TcpStream::connect(to)).await;
    let Ok(Ok(stream)) = connected else {
        return Err(Failure::new(StatusCode::BAD_GATEWAY, "unreachable", format!("{to} cannot be reached")));
    };
    let errand = async move {
        // What becomes of it is captured; there is nobody else to tell.
        let _ = tokio::time::timeout(ANSWER_TIME, send(stream, request)).await;
    };
    if !server.start(MOST_REPLAYS, errand) {
        let message = format!("{MOST_REPLAYS} replays are under way: wait for one to end");
        return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many_replays", message));
    }
    Ok(document(StatusCode::ACCEPTED, &json!({ "sent": true, "redacted": redacted })))
}

/// The request, once more; and how many secrets are missing in its body.
fn request(
    exchange: &Exchange,
    row: &Row,
    id: ExchangeId,
    to: SocketAddr,
    changes: Changes,
) -> Result<(Request<Full<Bytes>>, u32), Failure> {
    let unfit = |why: &str| Failure::new(StatusCode::CONFLICT, "not_replayable", why);
    let message = exchange.messages.iter().find(|message| message.pane == Pane::ClientRequest);
    let message = message.ok_or_else(|| unfit("its request was not captured"))?;
    let head = message.head.as_ref().ok_or_else(|| unfit("its request was not captured"))?;
    let method = head.method.as_deref().and_then(|method| method.parse::<Method>().ok());
    let method = method.ok_or_else(|| unfit("its method cannot be read"))?;
    let is_harmless = row.api != Api::Other && method == Method::POST || [Method::GET, Method::HEAD].contains(&method);
    if !is_harmless {
        return Err(unfit("only questions to a model are sent again"));
    }
    let path = path(head).ok_or_else(|| unfit("its path cannot be read"))?;
    let is_other_body = changes.body.is_some() || changes.model.is_some();
    let redacted = if changes.body.is_some() { 0 } else { message.redacted };
    let body = body_of(message, changes)?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = path;
    for (name, value) in &head.headers {
        if let Some((name, value)) = again(name, value, is_other_body) {
            request.headers_mut().append(name, value);
        }
    }
    let internal = || Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an address is no header");
    request.headers_mut().insert(HOST, HeaderValue::from_str(&to.to_string()).map_err(|_| internal())?);
    request.headers_mut().insert(REPLAY_OF, HeaderValue::from_str(&id.to_string()).map_err(|_| internal())?);
    Ok((request, redacted))
}

/// Path and query, and never a server.
fn path(head: &Head) -> Option<Uri> {
    let uri: Uri = head.target.as_deref()?.parse().ok()?;
    let path = uri.path_and_query()?.as_str();
    if path.starts_with('/') { path.parse().ok() } else { None }
}

/// A header that is said again.
fn again(name: &str, value: &str, is_other_body: bool) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let word = name.as_str();
    let is_out = NOT_AGAIN.contains(&word)
        || NOT_AGAIN_BEGINS.iter().any(|begin| word.starts_with(begin))
        || value.contains(REDACTED)
        || is_other_body && word == "content-encoding";
    if is_out { None } else { HeaderValue::from_str(value).ok().map(|value| (name, value)) }
}

fn body_of(message: &Message, changes: Changes) -> Result<Bytes, Failure> {
    let body = match changes.body {
        Some(body) => body.into_bytes(),
        None if message.size > message.body.len() as u64 => {
            let why = "its request was too large to be kept whole";
            return Err(Failure::new(StatusCode::CONFLICT, "not_replayable", why));
        }
        None => message.body.clone(),
    };
    let Some(model) = changes.model else { return Ok(body.into()) };
    let other = || Failure::bad("bad_json", "the model can be changed in a JSON object only");
    let mut request: Value = serde_json::from_slice(&body).map_err(|_| other())?;
    request.as_object_mut().ok_or_else(other)?.insert("model".into(), model.into());
    serde_json::to_vec(&request).map(Bytes::from).map_err(|_| other())
}

/// Sends it, and reads the answer away.
async fn send(stream: TcpStream, request: Request<Full<Bytes>>) -> Result<(), hyper::Error> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::select! {
        // It ends first when it breaks, or when all has come.
        ended = connection => ended,
        read = read_away(sender, request) => read,
    }
}

async fn read_away(mut sender: SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<(), hyper::Error> {
    let mut body = sender.send_request(request).await?.into_body();
    let mut bytes = 0;
    while bytes <= MOST_ANSWER && !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
