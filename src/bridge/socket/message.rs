//! What a client's message asks for, and the message that says why it cannot be. Pure.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::super::exchange::Refusal;
use super::super::unpack;

/// What is asked by a message, as it would be asked over HTTP.
pub(super) fn request_in(text: &str) -> Result<Map<String, Value>, Refusal> {
    let request = unpack::parse(text.as_bytes())
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "invalid_json", error.to_string()))?;
    let Value::Object(mut request) = request else { return Err(bad("A message must be a JSON object.")) };
    if request.remove("type").is_none_or(|kind| kind != "response.create") {
        return Err(bad("The only message that is understood here has the type `response.create`.").at("type"));
    }
    // They have no meaning on a socket, which always streams.
    for key in ["stream_options", "background"] {
        request.remove(key);
    }
    request.insert("stream".into(), Value::Bool(true));
    Ok(request)
}

/// In the one form that the specification's two descriptions, Codex, and both SDKs understand.
pub(super) fn envelope(refusal: &Refusal) -> Value {
    let error = refusal.error();
    json!({
        "type": "error", "sequence_number": 0, "status": refusal.status.as_u16(),
        "code": error["code"], "message": error["message"], "param": error["param"], "error": error,
    })
}

pub(super) fn bad(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message)
}

pub(super) fn late() -> Refusal {
    let message = "This connection was open for 60 minutes, which is the limit. Open a new one.";
    Refusal::new(StatusCode::BAD_REQUEST, "websocket_connection_limit_reached", message)
}

pub(super) fn too_large(limit: usize) -> Refusal {
    let why = unpack::UnpackError::TooLarge { limit }.to_string();
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", why)
}
