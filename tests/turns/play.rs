//! One response without any network: what upstreams said, fed to the decoder and the answer as the bridge does, and the
//! events that come out, read back and held against their grammar.

use std::time::Duration;

use bytes::Bytes;
use ollama_forward::translate::Client;
use ollama_forward::translate::answer::{Answer, End, Finished, Opening};
use ollama_forward::translate::failure::{Failure, Kind};
use ollama_forward::translate::policy::{Event, Next, Tries, Waits};
use ollama_forward::translate::request::{Facts, Settings, Telling, translate};
use ollama_forward::translate::tools::{Mode, Table};
use ollama_forward::translate::wire::{Api, Decoder};
use serde_json::Value;

/// A row of attempts, each of which goes on where the last one broke.
pub(crate) struct Attempts<'a> {
    pub(crate) request: &'a Value,
    pub(crate) client: Client,
    pub(crate) api: Api,
    pub(crate) bodies: &'a [Vec<u8>],
}

/// A response that is over.
pub(crate) struct Played {
    pub(crate) events: Vec<Value>,
    /// Why another attempt was made, after so many events.
    pub(crate) again: Vec<(usize, String)>,
    pub(crate) finished: Finished,
}

/// As the bridge waits where nothing is set.
const WAITS: Waits = Waits { resume: Duration::from_secs(60), upstream: Duration::from_secs(30) };

/// `cut` gives the length of the next frame, from what is left.
pub(crate) fn play(attempts: &Attempts<'_>, mut cut: impl FnMut(usize) -> usize) -> Played {
    let Attempts { request, client, api, bodies } = attempts;
    let mut answer = begin(request, *client);
    let (mut bytes, mut again, mut tries) = (Vec::new(), Vec::new(), Tries::new(WAITS, "m"));
    let mut left = bodies.iter();
    let mut last = gave_up();
    let end = loop {
        let Some(body) = left.next() else { break End::Failed(last) };
        let event = attempt(*api, body, &mut cut, &mut tries, &mut answer);
        // After the last body, the same would come again.
        last = if let Event::Failed(failure) = &event { failure.clone() } else { gave_up() };
        // No time goes by: each body is one attempt.
        let next = tries.judge(event, &mut answer, Duration::ZERO);
        bytes.extend(answer.take());
        match next {
            Next::Finish(end) => break end,
            Next::GiveUp { failure, .. } => break End::Failed(failure),
            Next::Ask(ask) => again.push((
                events_in(&bytes),
                match ask.said {
                    None => format!("{}; asked once more", ask.why),
                    Some((thinking, text)) => format!("{}; asked to go on from {thinking:?} {text:?}", ask.why),
                },
            )),
        }
    };
    bytes.extend(answer.take());
    let finished = answer.finish(end, 2);
    bytes.extend(&finished.events);
    let events = if request["stream"] == true { read(&bytes) } else { Vec::new() };
    Played { events, again, finished }
}

pub(crate) fn begin(request: &Value, client: Client) -> Answer {
    Answer::begin(Opening {
        nonce: "n",
        created: 1,
        request,
        client,
        table: table(request),
        streamed: request["stream"] == true,
        only_told: &[],
        estimated_input: 9,
    })
}

fn table(request: &Value) -> Table {
    let settings = Settings { tools: Mode::Compact, num_ctx: None, api: Api::Ollama };
    translate(request, &[], &settings, &Facts::default(), Telling::Structured).unwrap().table
}

/// Feeds one body as `bridge::exchange` does, up to what ends it.
fn attempt(
    api: Api,
    body: &[u8],
    cut: &mut impl FnMut(usize) -> usize,
    tries: &mut Tries,
    answer: &mut Answer,
) -> Event {
    let mut decoder = Decoder::new(api);
    let mut rest = body;
    while !rest.is_empty() {
        let (frame, more) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
        rest = more;
        decoder.feed(Bytes::copy_from_slice(frame));
        while let Some(chunk) = decoder.next_chunk() {
            if let Some(event) = tries.chunk(answer, chunk) {
                return event;
            }
        }
    }
    while let Some(chunk) = decoder.finish() {
        if let Some(event) = tries.chunk(answer, chunk) {
            return event;
        }
    }
    Event::Ended
}

fn gave_up() -> Failure {
    Failure { kind: Kind::Transient, message: "It broke off, and could not be continued.".into() }
}

fn events_in(bytes: &[u8]) -> usize {
    bytes.windows(2).filter(|end| end == b"\n\n").count()
}

/// Every event, in order, after the grammar was checked.
#[track_caller]
pub(crate) fn read(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut events = Vec::new();
    for (number, event) in text.split_terminator("\n\n").enumerate() {
        let (kind, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(kind.strip_prefix("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], number);
        events.push(data);
    }
    check(&events);
    events
}

/// The grammar that stands at the top of `translate::answer`.
#[track_caller]
fn check(events: &[Value]) {
    let (mut open, mut said, mut items, mut ids) = (None, String::new(), Vec::new(), Vec::new());
    let (last, before) = events.split_last().unwrap();
    assert_eq!((&before[0]["type"], &before[1]["type"]), (&"response.created".into(), &"response.in_progress".into()));
    for event in &before[2..] {
        match event["type"].as_str().unwrap() {
            "response.in_progress" => assert_eq!(event["response"]["output"], Value::Array(items.clone())),
            "response.output_item.added" => {
                assert_eq!(open, None, "two items are open: {event}");
                assert_eq!(event["output_index"], items.len());
                let id = event["item"]["id"].as_str().unwrap().to_owned();
                assert!(!ids.contains(&id), "twice: {id}");
                ids.push(id.clone());
                (open, said) = (Some(id), String::new());
            }
            "response.output_item.done" => {
                assert_eq!(event["item"]["id"].as_str().map(str::to_owned), open.take());
                assert_eq!(event["output_index"], items.len());
                items.push(event["item"].clone());
            }
            other => {
                assert_eq!(event["item_id"].as_str().map(str::to_owned), open, "{event}");
                assert_eq!(event["output_index"], items.len());
                said.push_str(event["delta"].as_str().unwrap_or_default());
                if other.ends_with("_text.done") {
                    assert_eq!(event["text"], said, "what was shown is not what is kept");
                }
            }
        }
    }
    let kind = last["type"].as_str().unwrap().strip_prefix("response.").unwrap();
    assert!(["completed", "incomplete", "failed"].contains(&kind), "without an end: {last}");
    assert_eq!((last["response"]["status"].as_str(), &last["response"]["output"]), (Some(kind), &Value::Array(items)));
    assert!(open.is_none() || kind == "failed", "an item is left open");
}
