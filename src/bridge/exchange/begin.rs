//! From a request to a run: whose it is, what it goes on from, which model it gets, and how it is written at first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::HeaderMap;
use serde_json::Value;

use super::super::line::Line;
use super::super::metrics::Lane;
use super::super::models::{Replaced, Thread};
use super::super::pass::remove_secrets;
use super::super::settings::Titles;
use super::super::store::Conversation;
use super::super::tape::{self, Tape};
use super::super::{Bridge, titles};
use super::open::{Draft, Question, write};
use super::record::{Record, Summary};
use super::refusal::Refusal;
use super::run::Run;
use crate::capture::record::Lane as Way;
use crate::clock;
use crate::translate::Client;
use crate::translate::answer::{Answer, End, Opening};
use crate::translate::request::{self, Telling};
use crate::translate::wire::{Api, Chunk, Done};

/// Exchanges of this process, for the log.
static EXCHANGES: AtomicU64 = AtomicU64::new(1);

/// What the headers tell of who asks. All of them are optional; Codex's are of 0.98 to 0.169.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker {
    headers: HeaderMap,
}

impl Asker {
    /// Without what is nobody's business here.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut headers = headers.clone();
        remove_secrets(&mut headers);
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
    (mut request, bytes): (Value, usize),
    memory: Memory<'_>,
    line: &Arc<Line>,
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
    let draft = write(&request, &earlier, bridge, (api, &facts, Telling::Structured))?;
    let mut record = record(&request, bytes, &model, client, &draft);
    record.replaced = replaced;
    (record.losses, record.only_told) = (draft.losses, draft.only_told);
    let reel = line.reel();
    tape::losses(reel.as_ref(), &record.losses, &record.only_told, record.replaced.as_deref());
    let nonce = clock::nonce();
    let answer = Answer::begin(Opening {
        nonce: &nonce[..24],
        created: clock::unix_seconds(clock::wall()),
        request: &request,
        client,
        table: draft.table,
        streamed: request["stream"] == true,
        only_told: &record.only_told,
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
        pause: Duration::ZERO,
        patience: bridge.shared.limits.wait_for_upstream,
        tape: Tape::of(reel),
    };
    // Only a socket can be warmed up: over HTTP there is no such field.
    if memory.is_some() && question.request["generate"] == false {
        record.local = Some("not to be generated");
        return Ok(Run::said(question, answer, record, line, End::Done(Done::default())));
    }
    if let Some(title) = title(bridge, asker, &question.request) {
        return Ok(said(question, answer, record, line, &title));
    }
    Ok(Run::begin(question, answer, record, line))
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
fn said(question: Question, mut answer: Answer, mut record: Record, line: &Arc<Line>, text: &str) -> Run {
    record.local = Some("title");
    record.lane = Lane::Title;
    // A title is not code: nothing in it can be a call.
    let _ = answer.chunk(&Chunk { text: text.into(), ..Chunk::default() });
    if let Some(reel) = question.tape.reel() {
        reel.lane(Way::Local);
    }
    Run::said(question, answer, record, line, End::Done(Done::default()))
}

/// English prose and code, over the vocabularies in use; only told where the upstream does not count.
const BYTES_A_TOKEN: u64 = 4;

fn record(request: &Value, bytes: usize, model: &str, client: Client, draft: &Draft) -> Record {
    let summary = Summary {
        bytes,
        upstream_bytes: draft.written.body.bytes.len(),
        items: request["input"].as_array().map_or(1, Vec::len),
        tools: draft.table.shared(),
        streamed: request["stream"] == true,
        previous: request["previous_response_id"].is_string(),
    };
    Record::new(EXCHANGES.fetch_add(1, Ordering::Relaxed), model, client, summary)
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
