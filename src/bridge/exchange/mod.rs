//! One request of the Responses API, from its head to its last byte.
//!
//! ```text
//! respond ── read, unpacked, parsed ──► what is asked? ─┬─ a response ───► Run ──► events, or one object
//!                                                       ├─ a short form ─► Run ──► a compaction
//!                                                       └─ a stored one ─────────► it, or that it is gone
//! ```

mod lobby;
mod open;
mod record;
mod run;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tracing::debug;

use self::open::{Question, write};
use self::record::{Record, Summary};
use super::line::Line;
use super::metrics::{self, Exchange, Lane};
use super::models::{Replaced, Thread};
use super::settings::Titles;
use super::store::{Conversation, Missing};
use super::titles;
use super::unpack::{UnpackError, parse, unpack};
use super::{Body, Bridge, Operation};
use crate::clock;
use crate::translate::Client;
use crate::translate::answer::{Answer, End, Finished, Opening, Outcome};
use crate::translate::failure::{Failure, Kind};
use crate::translate::request::{self, Telling, compact};
use crate::translate::wire::{Api, Chunk, Done};

pub(crate) use self::lobby::Lobby;
pub(crate) use self::open::small;
pub use self::run::Run;

/// Exchanges of this process, for the log.
static EXCHANGES: AtomicU64 = AtomicU64::new(1);

/// What cannot be answered, in the API's own envelope.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub param: Option<String>,
    /// The envelope's `type`.
    kind: &'static str,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let kind = if status == StatusCode::NOT_FOUND { "not_found_error" } else { "invalid_request_error" };
        Self { status, code, message: message.into(), param: None, kind }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    pub(crate) fn at(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// The value of `error`.
    pub(crate) fn error(&self) -> Value {
        json!({"message": self.message, "type": self.kind, "param": self.param, "code": self.code})
    }

    fn into_response(self) -> Response<Body> {
        super::respond::json(self.status, &json!({"error": self.error()}))
    }
}

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
        Some(Operation::Fetch(id)) => stored(bridge, id, head.uri.query()),
        Some(Operation::Delete(id)) => forget(bridge, id),
        Some(Operation::InputItems(id)) => items(bridge, id),
        Some(Operation::Cancel(_)) => Err(Refusal::bad(
            "Only responses with `background` can be cancelled, and there are none here. Hang up instead.",
        )),
        None => Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.")),
    };
    answered.unwrap_or_else(|refusal| {
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
    let (request, bytes) = read(bridge, headers, body).await?;
    let streamed = request["stream"] == true;
    let run = begin(bridge, &Asker::of(headers), request, bytes, None)?.told_to(line);
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
    let (request, bytes) = read(bridge, headers, body).await?;
    let asked = compact::prompt(request).map_err(refused)?;
    let mut run = begin(bridge, &Asker::of(headers), asked, bytes, None)?.told_to(line);
    run.record.lane = Lane::Compact;
    let finished = run.whole().await;
    if let Some(failure) = &finished.failure {
        return Err(failed(failure));
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
        return failed(failure).into_response();
    }
    let mut response = Response::new(Body::whole(finished.object.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn failed(failure: &Failure) -> Refusal {
    let status = StatusCode::from_u16(failure.http_status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let code = if failure.kind == Kind::NoModel { "model_not_found" } else { failure.code() };
    Refusal { kind: failure.kind_of_error(), ..Refusal::new(status, code, failure.message.clone()) }
}

fn refused(refused: request::Refused) -> Refusal {
    let refusal = Refusal::bad(refused.message);
    match refused.param {
        Some(param) => refusal.at(param),
        None => refusal,
    }
}

/// What the headers tell of who asks. All of them are optional; Codex's are of 0.98 to 0.169.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker {
    headers: HeaderMap,
}

impl Asker {
    /// Without what is nobody's business here.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut headers = headers.clone();
        for secret in ["authorization", "cookie", "proxy-authorization"] {
            headers.remove(secret);
        }
        Self { headers }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Begins a response.
pub(crate) fn begin(
    bridge: &Arc<Bridge>,
    asker: &Asker,
    mut request: Value,
    bytes: usize,
    memory: Memory<'_>,
) -> Result<Run, Refusal> {
    if !request.is_object() {
        return Err(Refusal::bad("The body must be a JSON object."));
    }
    let client = request::client(asker.get("originator"), asker.get("user-agent"), &request);
    let (earlier, previous) = earlier(bridge, &request, memory)?;
    continues(&request, &earlier)?;
    let replaced = choose_model(bridge, asker, &mut request);
    let model = request["model"].as_str().unwrap_or_default().to_owned();
    let api = bridge.learnt.api_at_once(bridge);
    let facts = bridge.learnt.facts_at_once(&model);
    let is_known = api.is_some() && (facts.is_some() || !needs_facts(&request));
    let (api, facts) = (api.unwrap_or(Api::Ollama), facts.unwrap_or_default());
    let draft = write(&request, &earlier, bridge, (api, &facts, Telling::Structured)).map_err(refused)?;
    let mut record = record(&request, bytes, &model, client, &draft);
    record.replaced = replaced;
    record.only_told.clone_from(&draft.only_told);
    let nonce = clock::nonce();
    let answer = Answer::begin(Opening {
        nonce: &nonce[..24],
        created: clock::unix_seconds(clock::wall()),
        request: &request,
        client,
        table: draft.table,
        streamed: request["stream"] == true,
        only_told: &draft.only_told,
        estimated_input: draft.written.body.bytes.len() as u64 / BYTES_A_TOKEN,
    });
    let question = Question {
        bridge: Arc::clone(bridge),
        request: Arc::new(request),
        earlier: Arc::new(earlier),
        previous,
        telling: Telling::Structured,
        written: is_known.then_some(draft.written),
        said: None,
        pause: std::time::Duration::ZERO,
        patience: bridge.shared.limits.wait_for_upstream,
    };
    // Only a socket can be warmed up: over HTTP there is no such field.
    if memory.is_some() && question.request["generate"] == false {
        record.local = Some("not to be generated");
        return Ok(Run::said(question, answer, record, End::Done(Done::default())));
    }
    if let Some(title) = title(bridge, asker, &question.request) {
        return Ok(said(question, answer, record, &title));
    }
    Ok(Run::begin(question, answer, record))
}

/// The request's model, or that of its parent, where it names one that only OpenAI has. Gives the name that was asked for.
fn choose_model(bridge: &Bridge, asker: &Asker, request: &mut Value) -> Option<String> {
    let thread = Thread::read(|name| asker.get(name), request);
    let named = request["model"].as_str()?;
    let (used, replaced) = bridge.models().choose(named, &thread, &bridge.learnt.names_at_once());
    let Replaced { asked, .. } = replaced?;
    request["model"] = used.into();
    Some(asked)
}

/// A title that needs no model: the TUI of Codex asks for it beside the user's first turn (0.169), which would have to wait.
fn title(bridge: &Bridge, asker: &Asker, request: &Value) -> Option<String> {
    match bridge.settings.titles {
        Titles::Local => titles::answer(&titles::find(request, asker.get("x-codex-turn-metadata"))?),
        Titles::Model => None,
    }
}

/// A response that is known already.
fn said(question: Question, mut answer: Answer, mut record: Record, text: &str) -> Run {
    record.local = Some("title");
    record.lane = Lane::Title;
    // A title is not code: nothing in it can be a call.
    let _ = answer.chunk(&Chunk { text: text.into(), ..Chunk::default() });
    Run::said(question, answer, record, End::Done(Done::default()))
}

/// English prose and code, over the vocabularies in use; only told where the upstream does not count.
const BYTES_A_TOKEN: u64 = 4;

fn record(request: &Value, bytes: usize, model: &str, client: Client, draft: &open::Draft) -> Record {
    let summary = Summary {
        bytes,
        upstream_bytes: draft.written.body.bytes.len(),
        items: request["input"].as_array().map_or(1, Vec::len),
        tools: draft.table.declared().iter().map(|tool| tool.name.clone()).collect(),
        streamed: request["stream"] == true,
        previous: request["previous_response_id"].is_string(),
    };
    let mut record = Record::new(EXCHANGES.fetch_add(1, Ordering::Relaxed), model, client, summary);
    record.losses.clone_from(&draft.losses);
    record
}

/// Whether the way in which a request is written depends on what its model can do.
fn needs_facts(request: &Value) -> bool {
    let has_image = |item: &Value| {
        let parts = |key: &str| item[key].as_array().into_iter().flatten();
        parts("content").chain(parts("output")).any(|part| part["type"] == "input_image")
    };
    request["reasoning"]["effort"].is_string() || request["input"].as_array().into_iter().flatten().any(has_image)
}

/// Where the responses are kept that a request may refer to, other than the bridge's store.
pub(crate) type Memory<'m> = Option<&'m dyn Fn(&str) -> Option<Vec<Value>>>;

/// The items up to the response that a request refers to, and where the store has them.
fn earlier(
    bridge: &Bridge,
    request: &Value,
    memory: Memory<'_>,
) -> Result<(Vec<Value>, Option<Conversation>), Refusal> {
    let Some(id) = request["previous_response_id"].as_str() else { return Ok((Vec::new(), None)) };
    if let Some(items) = memory.and_then(|memory| memory(id)) {
        return Ok((items, None));
    }
    let conversation = bridge.store().conversation(id).map_err(|missing| {
        let code = "previous_response_not_found";
        Refusal::new(StatusCode::BAD_REQUEST, code, missing.to_string()).at("previous_response_id")
    })?;
    let items = conversation.items().into_iter().cloned().collect();
    Ok((items, Some(conversation)))
}

/// Whoever goes on from a response answers its calls, and not others. A whole history may have lost a call, and is taken
/// as it is.
fn continues(request: &Value, earlier: &[Value]) -> Result<(), Refusal> {
    if !request["previous_response_id"].is_string() {
        return Ok(());
    }
    let items = request["input"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |item: &Value, end: &str| item["type"].as_str().is_some_and(|kind| kind.ends_with(end));
    let is_called = |id: &Value| earlier.iter().chain(items).any(|item| of(item, "_call") && item["call_id"] == *id);
    let orphan = items
        .iter()
        .find(|item| of(item, "_call_output") && item["call_id"].is_string() && !is_called(&item["call_id"]));
    match orphan.and_then(|item| item["call_id"].as_str()) {
        None => Ok(()),
        Some(id) => {
            let id: String = id.chars().filter(|c| !c.is_control()).take(80).collect();
            Err(Refusal::bad(format!("No tool call found for function call output with call_id {id}.")).at("input"))
        }
    }
}

/// Reads a request's body, whatever it is packed in, and how large it was.
async fn read(bridge: &Bridge, headers: &HeaderMap, body: Incoming) -> Result<(Value, usize), Refusal> {
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

/// Keeps a response for later requests, unless its request said otherwise (`store`, true where it is left out).
fn remember(bridge: &Bridge, question: &Question, finished: &Finished) {
    if question.request["store"] == false || finished.result == Outcome::Failed || bridge.settings.stored_responses == 0
    {
        return;
    }
    let response: Value = serde_json::from_str(&finished.object).unwrap_or_default();
    let (Some(id), Some(output)) = (response["id"].as_str(), response["output"].as_array()) else { return };
    let mut input = items_of(&question.request);
    if question.previous.is_none() {
        // What a socket remembered, the store has not.
        input.splice(0..0, question.earlier.iter().cloned());
    }
    bridge.store().put(id, finished.object.clone(), input, output.clone(), question.previous.as_ref());
}

/// The items that a request itself brings.
pub(crate) fn items_of(request: &Value) -> Vec<Value> {
    match &request["input"] {
        Value::Array(items) => items.clone(),
        Value::String(text) => vec![json!({"type": "message", "role": "user", "content": text})],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn stored(bridge: &Bridge, id: &str, query: Option<&str>) -> Result<Response<Body>, Refusal> {
    if query.is_some_and(|query| query.split('&').any(|pair| pair == "stream=true")) {
        return Err(Refusal::bad("A stored response is told at once, not streamed again.").at("stream"));
    }
    let object = bridge.store().get(id).map_err(|why| missing(&why))?;
    let mut response = Response::new(Body::whole(object));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn forget(bridge: &Bridge, id: &str) -> Result<Response<Body>, Refusal> {
    bridge.store().delete(id).map_err(|why| missing(&why))?;
    Ok(super::respond::json(StatusCode::OK, &json!({"id": id, "object": "response", "deleted": true})))
}

/// `GET /v1/responses/{id}/input_items`, all on one page.
fn items(bridge: &Bridge, id: &str) -> Result<Response<Body>, Refusal> {
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
    Ok(super::respond::json(StatusCode::OK, &document))
}

fn missing(missing: &Missing) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", missing.to_string()).at("response_id")
}
