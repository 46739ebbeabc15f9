//! The routes of `codex_capture`, whose scripts go on working. It knew exchanges with a model only, so these do, too.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use super::answer::{Answer, Failure, json as document, see, typed};
use super::look::look;
use super::route::{OldFile, Params};
use super::serve::Server;
use crate::capture::ExchangeId;
use crate::capture::export::{Exported, compat};
use crate::capture::record::Row;

fn with_model(server: &Server) -> Vec<Arc<Row>> {
    let mut rows = server.parts.library.rows();
    rows.retain(|row| !row.model.is_empty());
    rows
}

/// The page of the exchange that was captured as number `number`, from 0.
pub(super) async fn capture(server: &Arc<Server>, number: usize) -> Result<Answer, Failure> {
    server
        .aside(move |server| {
            let id = with_model(server).get(number).and_then(|row| row.id);
            let id = id.ok_or_else(|| Failure::missing("unknown_exchange", "there are not so many exchanges"))?;
            Ok(see(&format!("/#/x/{id}"), None))
        })
        .await
}

/// A file of the latest exchange, or of the one that `id` names.
pub(super) async fn file(server: &Arc<Server>, file: OldFile, params: &Params) -> Result<Answer, Failure> {
    let id: Option<ExchangeId> =
        params.get("id").map(str::parse).transpose().map_err(|_| Failure::bad("bad_id", "id: this is no id"))?;
    let (name, content_type) = match file {
        OldFile::Latest => ("latest.json", "application/json"),
        OldFile::Request => ("latest.request.json", "application/json"),
        OldFile::Response => ("latest.response.txt", "text/plain; charset=utf-8"),
    };
    server
        .aside(move |server| {
            let nothing = || Failure::missing("unknown_exchange", "nothing is captured yet");
            let library = &server.parts.library;
            let id = id.or_else(|| with_model(server).last()?.id).ok_or_else(nothing)?;
            let looked = look(library, &library.rows(), id)?;
            let files = compat(Exported { exchange: &looked.exchange, view: &looked.view });
            let content = files.into_iter().find(|(known, _)| *known == name).map(|(_, content)| content);
            Ok(typed(StatusCode::OK, content_type, content.ok_or_else(nothing)?))
        })
        .await
}

/// When the latest exchange changed last, in seconds since 1970; 0 when there is none.
pub(super) async fn updated(server: &Arc<Server>) -> Result<Answer, Failure> {
    server
        .aside(move |server| {
            let ms = with_model(server).last().map_or(0, |row| row.begun_ms + row.times.end.unwrap_or_default() / 1000);
            #[expect(clippy::cast_precision_loss, reason = "milliseconds fit into 53 bits for the next 280 000 years")]
            let seconds = ms as f64 / 1000.0;
            Ok(document(StatusCode::OK, &json!({ "mtime": seconds })))
        })
        .await
}
