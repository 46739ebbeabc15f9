//! Reads the body of a request, whatever it is packed in.

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use serde_json::Value;

use super::super::Bridge;
use super::super::unpack::{UnpackError, parse, unpack};
use super::refusal::Refusal;
use crate::capture::{Pane, Reel};

/// The request, and how large it was.
pub(super) async fn read(
    bridge: &Bridge,
    headers: &HeaderMap,
    body: Incoming,
    reel: Option<&Reel>,
) -> Result<(Value, usize), Refusal> {
    let limit = bridge.settings.max_body_size;
    let too_large =
        |error: &UnpackError| Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", error.to_string());
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(&UnpackError::TooLarge { limit }));
    }
    let packed = match Limited::new(body, limit).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large(&UnpackError::TooLarge { limit })),
        Err(error) => return Err(Refusal::bad(format!("The request did not come whole: {error}."))),
    };
    if let Some(reel) = reel {
        reel.bytes(Pane::ClientRequest, 0, &packed);
        reel.ended(Pane::ClientRequest, 0);
    }
    let encodings: Vec<&str> =
        headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    let bytes = unpack(Some(&encodings.join(",")), packed, limit).map_err(|error| {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Refusal::new(status, "request_not_readable", error.to_string())
    })?;
    let request =
        parse(&bytes).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "invalid_json", error.to_string()))?;
    Ok((request, bytes.len()))
}
