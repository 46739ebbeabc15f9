//! What changes something. Who may is decided before ([`super::guard`]).

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body as _, Bytes, Incoming};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::answer::{Answer, Failure, json as document};
use super::reads::state_of;
use super::ring::Piece;
use super::serve::Server;
use crate::capture::ExchangeId;
use crate::capture::export;
use crate::capture::store::{Desk, Obeyed, Order};

/// A few words.
const MOST_SMALL: usize = 64 << 10;
/// A bundle of exchanges. One alone may have four bodies of sixteen megabytes.
const MOST_IMPORT: usize = 96 << 20;
/// For a body to come.
const BODY_TIME: Duration = Duration::from_secs(60);
/// Characters of a comment.
const MOST_COMMENT: usize = 2000;
/// Lines of an import whose faults are told.
const MOST_FAULTS: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
}

pub(super) async fn capture(server: &Arc<Server>, body: Incoming) -> Result<Answer, Failure> {
    let Switch { on } = parse(&read(body, MOST_SMALL).await?)?;
    server
        .aside(move |server| {
            let Some(switch) = &server.parts.switch else {
                return Err(Failure::new(
                    StatusCode::CONFLICT,
                    "cannot_switch",
                    "capture cannot be switched from here",
                ));
            };
            switch(on);
            server.feed.push(Piece::State);
            Ok(document(StatusCode::OK, &state_of(server)))
        })
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    marked: Option<bool>,
    comment: Option<String>,
}

pub(super) async fn mark(server: &Arc<Server>, id: ExchangeId, body: Incoming) -> Result<Answer, Failure> {
    let Mark { marked, comment } = parse(&read(body, MOST_SMALL).await?)?;
    if comment.as_ref().is_some_and(|comment| comment.chars().count() > MOST_COMMENT) {
        return Err(Failure::too_large(format!("a comment has at most {MOST_COMMENT} characters")));
    }
    obey(server, Order::Mark { id, marked, comment }).await
}

pub(super) async fn remove(server: &Arc<Server>, id: ExchangeId) -> Result<Answer, Failure> {
    obey(server, Order::Remove(vec![id])).await
}

pub(super) async fn remove_session(server: &Arc<Server>, key: &str) -> Result<Answer, Failure> {
    obey(server, Order::RemoveSession(key.to_owned())).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prune {}

pub(super) async fn prune(server: &Arc<Server>, body: Incoming) -> Result<Answer, Failure> {
    let Prune {} = parse(&read(body, MOST_SMALL).await?)?;
    obey(server, Order::Prune(None)).await
}

/// Takes in our own JSONL, each line by itself.
pub(super) async fn import(server: &Arc<Server>, body: Incoming) -> Result<Answer, Failure> {
    let bytes = read(body, MOST_IMPORT).await?;
    server
        .aside(move |server| {
            let desk = desk(server)?;
            let text = std::str::from_utf8(&bytes).map_err(|_| Failure::bad("bad_text", "this is no UTF-8"))?;
            let (mut ids, mut faults, mut failed) = (Vec::new(), Vec::new(), 0usize);
            for line in export::import(text) {
                let taken = match line {
                    Ok(exchange) => desk.ask(Order::Import(Box::new(exchange))).map_err(|error| error.to_string()),
                    Err(why) => Err(why.of(server.parts.lang)),
                };
                match taken {
                    Ok(obeyed) => ids.extend(obeyed.id),
                    Err(why) => {
                        failed += 1;
                        faults.extend(Some(why).filter(|_| failed <= MOST_FAULTS));
                    }
                }
            }
            let told = json!({ "imported": ids.len(), "ids": ids, "failed": failed, "faults": faults });
            let status = if ids.is_empty() && failed > 0 { StatusCode::BAD_REQUEST } else { StatusCode::OK };
            Ok(document(status, &told))
        })
        .await
}

async fn obey(server: &Arc<Server>, order: Order) -> Result<Answer, Failure> {
    server
        .aside(move |server| {
            let Obeyed { exchanges, bytes, id } = desk(server)?.ask(order)?;
            Ok(document(StatusCode::OK, &json!({ "exchanges": exchanges, "bytes": bytes, "id": id })))
        })
        .await
}

fn desk(server: &Server) -> Result<&Desk, Failure> {
    let read_only =
        || Failure::new(StatusCode::CONFLICT, "read_only", "another process writes here: this one only reads");
    server.parts.desk.as_ref().ok_or_else(read_only)
}

/// The body of a request, of at most `limit` bytes.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || Failure::too_large(format!("a request here has at most {limit} bytes"));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Failure::bad("incomplete", "the request did not come whole")),
        Err(_) => Err(Failure::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the request came too slowly")),
    }
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::bad("bad_json", format!("this is not the JSON that is expected: line {line}, column {column}"))
    })
}
