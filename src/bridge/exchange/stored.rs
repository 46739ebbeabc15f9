//! Responses that are kept: what is asked of them, and which are.

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::store::Missing;
use super::super::{Body, Bridge, respond};
use super::open::Question;
use super::refusal::Refusal;
use crate::translate::answer::{Finished, Outcome};

/// `GET /v1/responses/{id}`.
pub(super) fn fetch(bridge: &Bridge, id: &str, query: Option<&str>) -> Result<Response<Body>, Refusal> {
    if query.is_some_and(|query| query.split('&').any(|pair| pair == "stream=true")) {
        return Err(Refusal::bad("A stored response is told at once, not streamed again.").at("stream"));
    }
    let object = bridge.store().get(id).map_err(|why| missing(&why))?;
    let mut response = Response::new(Body::whole(object));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// `DELETE /v1/responses/{id}`.
pub(super) fn delete(bridge: &Bridge, id: &str) -> Result<Response<Body>, Refusal> {
    bridge.store().delete(id).map_err(|why| missing(&why))?;
    Ok(respond::json(StatusCode::OK, &json!({"id": id, "object": "response", "deleted": true})))
}

/// `GET /v1/responses/{id}/input_items`, all on one page.
pub(super) fn input_items(bridge: &Bridge, id: &str) -> Result<Response<Body>, Refusal> {
    let store = bridge.store();
    let items = store.input_items(id).map_err(|why| missing(&why))?;
    let name = |item: Option<&Value>| item.map(|item| item["id"].clone()).unwrap_or_default();
    let document = json!({
        "object": "list",
        "first_id": name(items.first()),
        "last_id": name(items.last()),
        "has_more": false,
        "data": items,
    });
    Ok(respond::json(StatusCode::OK, &document))
}

fn missing(missing: &Missing) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", missing.to_string()).at("response_id")
}

/// Keeps a response for later requests, unless its request said otherwise (`store`, true where it is left out).
pub(super) fn remember(bridge: &Bridge, question: &Question, finished: &Finished) {
    if question.request["store"] == false || finished.result == Outcome::Failed || bridge.settings.stored_responses == 0
    {
        return;
    }
    let Some((id, output)) = output_of(finished) else { return };
    let mut input = items_of(&question.request);
    if question.previous.is_none() {
        // What a socket remembered, the store has not.
        input.splice(0..0, question.earlier.iter().cloned());
    }
    bridge.store().put(&id, finished.object.clone(), input, output, question.previous.as_ref());
}

/// The id of a response, and its items.
pub(super) fn output_of(finished: &Finished) -> Option<(String, Vec<Value>)> {
    let mut response: Value = serde_json::from_str(&finished.object).ok()?;
    let id = response["id"].as_str()?.to_owned();
    let Value::Array(output) = response["output"].take() else { return None };
    Some((id, output))
}

/// The items that a request itself brings.
pub(super) fn items_of(request: &Value) -> Vec<Value> {
    match &request["input"] {
        Value::Array(items) => items.clone(),
        Value::String(text) => vec![json!({"type": "message", "role": "user", "content": text})],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
