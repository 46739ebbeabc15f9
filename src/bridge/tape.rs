//! Hands over to capture what goes by. Where nothing is captured, there is no reel, and each of these is a look at a `None`.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response, Uri, Version};

use super::Bridge;
use super::learnt;
use super::upstream::Link;
use crate::capture::record::{Happened, Head, NoteKind};
use crate::capture::tap::Ending;
use crate::capture::{Pane, Reel};
use crate::fault::Fault;
use crate::translate::answer::{Finished, Note, Outcome};
use crate::translate::request::{Loss, Why};
use crate::translate::tools;

/// The head of a request, as capture has it.
pub(super) fn head_of_request<B>(request: &Request<B>) -> Head {
    head_of((request.method(), request.uri(), request.version()), request.headers())
}

fn head_of((method, uri, version): (&Method, &Uri, Version), headers: &HeaderMap) -> Head {
    Head {
        method: Some(method.to_string()),
        target: Some(uri.to_string()),
        version: format!("{version:?}"),
        headers: headers_of(headers),
        ..Head::default()
    }
}

/// The head of an answer.
pub(super) fn head_of_response<B>(response: &Response<B>) -> Head {
    Head {
        status: Some(response.status().as_u16()),
        version: format!("{:?}", response.version()),
        headers: headers_of(response.headers()),
        ..Head::default()
    }
}

fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

/// Says why an exchange comes to nothing.
pub(super) fn failed(reel: Option<&Reel>, fault: &Fault) {
    let Some(reel) = reel else { return };
    reel.moment(Happened::Fault { id: Some(fault.id.as_str().to_owned()), text: fault.what.en.clone() });
    reel.ends(Ending::Failed);
}

/// Says why we did not serve it.
pub(super) fn refused(reel: Option<&Reel>, why: &str) {
    let Some(reel) = reel else { return };
    reel.moment(Happened::Fault { id: None, text: why.to_owned() });
    reel.ends(Ending::Refused);
}

/// The upstream's side of an exchange. Its reel stands in a place that can be emptied: a question may outlive its client
/// (see [`super::exchange`]), and then belongs to nobody's exchange until somebody asks the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Tape {
    place: Arc<Mutex<Option<Reel>>>,
    /// How often the upstream was asked before.
    pub attempt: u16,
}

impl Tape {
    pub(super) fn of(reel: Option<Reel>) -> Self {
        Self { place: Arc::new(Mutex::new(reel)), attempt: 0 }
    }

    pub(super) fn is_on(&self) -> bool {
        self.lock().is_some()
    }

    pub(super) fn reel(&self) -> Option<Reel> {
        self.lock().clone()
    }

    /// The client has left.
    pub(super) fn leave(&self) {
        *self.lock() = None;
    }

    /// What was asked for another is now asked for `other`.
    pub(super) fn now_for(&self, other: &Self) {
        let reel = other.reel();
        *self.lock() = reel;
    }

    pub(super) fn moment(&self, what: impl FnOnce() -> Happened) {
        if let Some(reel) = &*self.lock() {
            reel.moment(what());
        }
    }

    /// The request, as it is being sent.
    pub(super) fn asks(&self, head: impl FnOnce() -> Head, body: &Bytes) {
        let Some(reel) = self.reel() else { return };
        reel.head(Pane::UpstreamRequest, self.attempt, head());
        reel.bytes(Pane::UpstreamRequest, self.attempt, body);
        reel.ended(Pane::UpstreamRequest, self.attempt);
    }

    pub(super) fn answers<B>(&self, response: &Response<B>) {
        if let Some(reel) = self.reel() {
            reel.head(Pane::UpstreamResponse, self.attempt, head_of_response(response));
        }
    }

    pub(super) fn bytes(&self, bytes: &Bytes) {
        if let Some(reel) = &*self.lock() {
            reel.bytes(Pane::UpstreamResponse, self.attempt, bytes);
        }
    }

    /// The upstream's answer is whole.
    pub(super) fn ended(&self) {
        if let Some(reel) = &*self.lock() {
            reel.ended(Pane::UpstreamResponse, self.attempt);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Reel>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The head of a request to the upstream, with where it goes.
pub(super) fn head_to<B>(request: &Request<B>, link: &Link) -> Head {
    Head { to: Some(link.address().to_string()), ..head_of_request(request) }
}

/// A model that is in memory answers with its head at once; a prompt is read after that.
const PERHAPS_LOADING: Duration = Duration::from_millis(700);

/// Notices that the model is being loaded. Never ends.
pub(super) async fn watch_load(tape: &Tape, bridge: &Bridge, model: &str) -> Infallible {
    if tape.is_on() {
        tokio::time::sleep(PERHAPS_LOADING).await;
        if learnt::is_loading(bridge, model).await {
            tape.moment(|| Happened::Loading);
        }
    }
    std::future::pending().await
}

/// What of a request did not cross over as it was.
pub(super) fn losses(reel: Option<&Reel>, losses: &[Loss], only_told: &[&'static str], replaced: Option<&str>) {
    let Some(reel) = reel else { return };
    if let Some(asked) = replaced {
        let text = format!("asked for {asked}, which only OpenAI has: its parent's model instead");
        reel.moment(Happened::Note { kind: NoteKind::Model, at: Some("model".into()), text });
    }
    for loss in losses {
        let text = loss.to_string();
        let text = text.strip_prefix(&loss.at).map_or(text.as_str(), |rest| rest.trim_start_matches([':', ' ']));
        reel.moment(Happened::Note { kind: kind_of(&loss.why), at: Some(loss.at.clone()), text: text.to_owned() });
    }
    for told in only_told {
        reel.moment(Happened::Note { kind: NoteKind::ToldOnly, at: None, text: (*told).to_owned() });
    }
}

fn kind_of(why: &Why) -> NoteKind {
    match why {
        Why::Tool(
            tools::Why::Renamed(_)
            | tools::Why::NoSchema
            | tools::Why::NotAnObject
            | tools::Why::UnionMerged
            | tools::Why::ReferenceLost,
        )
        | Why::Role(_)
        | Why::AlwaysThinks => NoteKind::Renamed,
        Why::ToldOnly => NoteKind::ToldOnly,
        Why::Tool(
            tools::Why::NotOffered(_) | tools::Why::NoName | tools::Why::Duplicate | tools::Why::Unmentioned(_),
        )
        | Why::NoEquivalent(_)
        | Why::Malformed
        | Why::ThoughtsAlone
        | Why::Sealed
        | Why::ImageOfRole
        | Why::Blind
        | Why::ImageElsewhere
        | Why::ImageBroken
        | Why::File
        | Why::Thoughtless
        | Why::ChoiceOfNothing => NoteKind::Dropped,
    }
}

/// The response is whole, or has failed. `is_told`: [`failed`] has said why, and by which fault.
pub(super) fn finished(reel: Option<&Reel>, finished: &Finished, is_told: bool) {
    let Some(reel) = reel else { return };
    for note in &finished.notes {
        let kind = match note {
            Note::Repaired { .. } => NoteKind::Repaired,
            Note::Recovered { .. } | Note::FromError => NoteKind::Recovered,
            Note::Left(_) | Note::Unfit { .. } | Note::Twice { .. } => NoteKind::Other,
        };
        reel.moment(Happened::Note { kind, at: None, text: note.to_string() });
    }
    let result = match finished.result {
        Outcome::Completed => "completed",
        Outcome::Incomplete => "incomplete",
        Outcome::Failed => "failed",
    };
    let code = finished.failure.as_ref().map(|failure| failure.code().to_owned());
    let (input, output) = (finished.usage.input, finished.usage.output);
    reel.moment(Happened::Finished { result: result.to_owned(), code, input, output });
    if let Some(failure) = &finished.failure {
        if !is_told {
            reel.moment(Happened::Fault { id: None, text: failure.message.clone() });
        }
        reel.ends(Ending::Failed);
    } else {
        reel.ends(Ending::Done);
    }
}
