//! Our own few words to clients: why something cannot be, and how we are.

use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::Body;
use crate::fault::Fault;
use crate::forward::refuse;

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
