//! Requests of the Responses API, until they are translated: told that they are not.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use super::{Body, Bridge, respond};

pub(super) async fn respond(_bridge: &Arc<Bridge>, request: Request<Incoming>) -> Response<Body> {
    drop(request);
    std::future::ready(respond::error(StatusCode::SERVICE_UNAVAILABLE, "not_translated", "not translated yet", true))
        .await
}
