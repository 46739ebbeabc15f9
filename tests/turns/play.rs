//! One response without any network: what upstreams said, fed to the decoder and the answer as the bridge does, and the
//! events that come out, read back and held against their grammar.

use bytes::Bytes;
use ollama_forward::translate::Client;
use ollama_forward::translate::answer::{Answer, Continuation, End, Finished, Opening};
use ollama_forward::translate::failure::{Failure, Kind};
use ollama_forward::translate::request::{Facts, Settings, Telling, translate};
use ollama_forward::translate::tools::{Mode, Table};
use ollama_forward::translate::wire::{Api, Chunk, Decoder, Done, Reason};
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

enum Outcome {
    End(End),
    Again(String),
}

/// Ollama ends an answer without a last record after 30 equal pieces in a row.
const REPEATS: usize = 30;

/// `cut` gives the length of the next frame, from what is left.
pub(crate) fn play(attempts: &Attempts<'_>, mut cut: impl FnMut(usize) -> usize) -> Played {
    let Attempts { request, client, api, bodies } = attempts;
    let mut answer = begin(request, *client);
    let (mut bytes, mut again, mut retold) = (Vec::new(), Vec::new(), false);
    let mut left = bodies.iter();
    let end = loop {
        let Some(body) = left.next() else { break End::Failed(gave_up()) };
        let mut decoder = Decoder::new(*api);
        let mut rest = &body[..];
        let mut repeats = Repeats::default();
        let mut said = None;
        while said.is_none() && !rest.is_empty() {
            let (frame, more) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
            rest = more;
            decoder.feed(Bytes::copy_from_slice(frame));
            while said.is_none()
                && let Some(chunk) = decoder.next_chunk()
            {
                said = take_in(&mut answer, chunk.map_err(|error| error.to_string()), &mut repeats);
            }
        }
        while said.is_none()
            && let Some(chunk) = decoder.finish()
        {
            said = take_in(&mut answer, chunk.map_err(|error| error.to_string()), &mut repeats);
        }
        let outcome = judge(said, &mut answer, &repeats, &mut retold);
        bytes.extend(answer.take());
        match outcome {
            Outcome::End(end) => break end,
            Outcome::Again(why) => match answer.break_off() {
                Continuation::Enough => break End::Cut,
                Continuation::Afresh => again.push((events_in(&bytes), format!("{why}; asked once more"))),
                Continuation::From { thinking, text } => {
                    let from = format!("{why}; asked to go on from {thinking:?} {text:?}");
                    again.push((events_in(&bytes), from));
                }
            },
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

/// What an upstream's last word was.
enum Said {
    Done(Done),
    Error(String),
    Broke(String),
    Strayed,
}

fn take_in(answer: &mut Answer, chunk: Result<Chunk<'_>, String>, repeats: &mut Repeats) -> Option<Said> {
    let chunk = match chunk {
        Ok(chunk) => chunk,
        Err(unreadable) => return Some(Said::Broke(unreadable)),
    };
    repeats.count(&chunk.text);
    if answer.chunk(&chunk).is_err() {
        return Some(Said::Strayed);
    }
    match (&chunk.error, chunk.done) {
        (Some(error), _) => Some(Said::Error(error.clone().into_owned())),
        (None, Some(done)) => Some(Said::Done(done)),
        (None, None) => None,
    }
}

/// As `bridge::exchange` does, but for clocks and links: each body is one attempt, and there are no others.
fn judge(said: Option<Said>, answer: &mut Answer, repeats: &Repeats, retold: &mut bool) -> Outcome {
    let failed = |message: &str| Outcome::End(End::Failed(Failure { kind: Kind::Permanent, message: message.into() }));
    match said {
        Some(Said::Done(done)) if answer.is_swallowed(&done) => {
            if std::mem::replace(retold, true) {
                return failed("A call was swallowed twice.");
            }
            Outcome::Again("a call was swallowed".into())
        }
        Some(Said::Done(done)) if done.reason == Reason::Loaded => Outcome::Again("it only loaded the model".into()),
        Some(Said::Done(done)) => Outcome::End(End::Done(done)),
        Some(Said::Error(text)) => {
            let failure = Failure::from_line(&text, "m");
            if let Kind::BadCall { arguments } = &failure.kind {
                if arguments.as_deref().is_some_and(|arguments| answer.call_from_error(arguments)) {
                    return Outcome::End(End::Cut);
                }
                if !std::mem::replace(retold, true) {
                    return Outcome::Again("a call could not be parsed".into());
                }
            }
            Outcome::End(End::Failed(failure))
        }
        Some(Said::Broke(why)) => Outcome::Again(why),
        Some(Said::Strayed) => failed("It does not go on where it broke."),
        None if repeats.times >= REPEATS => Outcome::End(End::Cut),
        None => Outcome::Again("it ended without its last record".into()),
    }
}

fn gave_up() -> Failure {
    Failure { kind: Kind::Transient, message: "It broke off, and could not be continued.".into() }
}

#[derive(Default)]
struct Repeats {
    piece: String,
    times: usize,
}

impl Repeats {
    fn count(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if self.piece != piece {
            *self = Self { piece: piece.to_owned(), times: 0 };
        }
        self.times += 1;
    }
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
