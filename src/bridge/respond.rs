//! Our own few words to clients: why something cannot be, and how we are.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, UPGRADE};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::host::Refusal;
use super::metrics::{self, Scene, UpstreamState};
use super::{Body, Bridge, small};
use crate::clock;
use crate::fault::Fault;
use crate::forward::{Target, refuse};
use crate::gateway::Whereabouts;
use crate::gateway::identify::{ANSWER_TIME, judge};

/// A JSON document.
pub(super) fn json(status: StatusCode, document: &Value) -> Response<Body> {
    text(status, format!("{document}\n"))
}

fn text(status: StatusCode, json: String) -> Response<Body> {
    let mut response = Response::new(Body::whole(json));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An error in the envelope of the path that was asked.
pub(super) fn error(status: StatusCode, code: &str, message: &str, openai: bool) -> Response<Body> {
    let document = if openai {
        json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": code } })
    } else {
        json!({ "error": message, "code": code })
    };
    json(status, &document)
}

/// The upstream is not there; as the other lane tells it.
pub(super) fn unavailable(fault: &Fault, openai: bool) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, refuse::body(fault, openai));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(refuse::RETRY_AFTER));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The upstream was there, and left without an answer.
pub(super) fn broken(fault: &Fault, openai: bool) -> Response<Body> {
    text(StatusCode::BAD_GATEWAY, refuse::body(fault, openai))
}

/// The request is not for us, or not from whom we serve.
pub(super) fn refusal(refusal: Refusal, openai: bool) -> Response<Body> {
    let (status, code, message) = words(refusal);
    error(status, code, &format!("ollama-forward: {message}"), openai)
}

/// The same as a sentence.
pub(super) fn why(refusal: Refusal) -> &'static str {
    words(refusal).2
}

fn words(refusal: Refusal) -> (StatusCode, &'static str, &'static str) {
    match refusal {
        Refusal::BadHost => {
            (StatusCode::BAD_REQUEST, "bad_host", "the request needs exactly one Host, and it must be a host")
        }
        Refusal::ForeignHost => (
            StatusCode::FORBIDDEN,
            "foreign_host",
            "the Host of this request is not a name of this forwarder: use http://localhost with its port",
        ),
        Refusal::ForeignOrigin => {
            (StatusCode::FORBIDDEN, "foreign_origin", "web pages of other sites may not use this forwarder")
        }
        Refusal::Elsewhere => (
            StatusCode::MISDIRECTED_REQUEST,
            "not_a_proxy",
            "this forwarder leads to Ollama only: as http_proxy it serves the requests for Ollama itself, and no others",
        ),
    }
}

/// Our own question of who is there came back to us.
pub(super) fn looped() -> Response<Body> {
    error(StatusCode::LOOP_DETECTED, "loop", "ollama-forward: this is the forwarder itself", false)
}

/// To Codex the sign to go on with plain HTTP, which it does at once.
pub(super) fn no_socket() -> Response<Body> {
    let message = "ollama-forward: no WebSocket here, send POST to the same path";
    let mut response = error(StatusCode::UPGRADE_REQUIRED, "no_websocket", message, true);
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("HTTP/1.1"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

/// The counts of this run, for Prometheus.
pub(super) fn metrics(bridge: &Bridge) -> Response<Body> {
    let health = &bridge.shared.health;
    let upstream = match &bridge.shared.target {
        Target::Gateway(watch) if !matches!(watch.current(), Whereabouts::Found(_)) => UpstreamState::Searching,
        Target::Gateway(_) | Target::Address(_) | Target::Name(_) if health.fault().is_some() => UpstreamState::Down,
        Target::Gateway(_) | Target::Address(_) | Target::Name(_) => UpstreamState::Up,
    };
    let since = clock::now().duration_since(health.changed().unwrap_or(bridge.started));
    let now = clock::wall().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (stored_responses, stored_bytes) = {
        let store = bridge.store();
        (store.len(), store.bytes())
    };
    let scene = Scene {
        version: env!("CARGO_PKG_VERSION"),
        connections: bridge.shared.ledger.totals(),
        upstream,
        changed: now.saturating_sub(since).as_secs_f64(),
        stored_responses,
        stored_bytes,
    };
    let mut response = Response::new(Body::whole(bridge.metrics.render(&scene)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
    response
}

/// How we are: 200 when the upstream answers, 503 when it does not.
pub(super) async fn health(bridge: &Bridge) -> Response<Body> {
    let target = &bridge.shared.target;
    let how = match target {
        Target::Address(_) | Target::Name(_) => "named".to_owned(),
        Target::Gateway(watch) => match watch.current() {
            Whereabouts::Found(gateway) => gateway.how.to_string(),
            Whereabouts::Searching(_) => "not found yet".into(),
            Whereabouts::NotNeeded(_) => "not needed".into(),
        },
    };
    let forwarder = env!("CARGO_PKG_VERSION");
    match ask_version(bridge).await {
        Ok(version) => json(
            StatusCode::OK,
            &json!({
                "state": "up", "upstream": target.to_string(), "how": how, "ollama": version, "version": forwarder,
            }),
        ),
        Err(Fault { id, what, .. }) => json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({
                "state": "down", "upstream": target.to_string(), "how": how, "version": forwarder,
                "error": { "id": id.as_str(), "message": what, "next": id.next() },
            }),
        ),
    }
}

/// What the upstream says of itself; None when it is there and says nothing of the kind.
async fn ask_version(bridge: &Bridge) -> Result<Option<String>, Fault> {
    let question = (Method::GET, "/api/version");
    let small::Answer { status, body } =
        small::ask(bridge, question, Bytes::new(), (Duration::ZERO, ANSWER_TIME)).await?;
    Ok(judge(status, body.as_deref()).ok().map(|identity| identity.version))
}
