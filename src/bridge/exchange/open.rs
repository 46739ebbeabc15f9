//! Asks the upstream, until the head of its answer is there: finds out which API it speaks, writes the request for it, and
//! tries a second time where that is safe.
//!
//! ```text
//! Question ──(API? capabilities? written?)──► link ──ask──► 200: Opened
//!                                              ▲    └─ stale: once more   └─ else: Failure
//! ```
//! The whole of it is one future that owns what it needs, so that it can outlive its client (see [`super::lobby`]).

use std::future::Future;
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::super::store::Conversation;
use super::super::tape::{self, Tape};
use super::super::upstream::{Link, Outgoing};
use super::super::{Bridge, learnt, small};
use crate::capture::record::{Happened, Head};
use crate::fault::{Fault, FaultId};
use crate::translate::failure::{Failure, Kind};
use crate::translate::request::{self, Facts, Loss, Telling};
use crate::translate::tools::Table;
use crate::translate::wire::{Api, Decoder};

/// What an upstream is asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub bridge: Arc<Bridge>,
    pub request: Arc<Value>,
    /// The items before the request's own.
    pub earlier: Arc<Vec<Value>>,
    pub previous: Option<Conversation>,
    pub telling: Telling,
    /// The request as it was written for an upstream that is known already.
    pub written: Option<Written>,
    /// Thoughts and text that were said before a break.
    pub said: Option<(String, String)>,
    /// Before the first attempt.
    pub pause: Duration,
    /// While the upstream cannot be reached.
    pub patience: Duration,
    /// Where what is said with the upstream is captured.
    pub tape: Tape,
}

/// A request in the words of its upstream.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub api: Api,
    pub body: Arc<request::Body>,
}

/// An answer that has begun.
#[derive(Debug)]
pub(super) struct Opened {
    link: Link,
    body: Incoming,
    pub decoder: Decoder,
}

/// How a question came out, with the request as it was written last, and where it went.
pub(super) struct Reply {
    pub written: Option<Written>,
    pub at: Option<SocketAddr>,
    pub outcome: Result<Opened, Unopened>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unopened {
    /// The upstream said so.
    Told(Failure),
    /// It could not be reached for as long as somebody may wait.
    Away(Fault),
    /// It was reached, and left without a word: perhaps it is just starting or stopping.
    Lost(Fault),
}

/// A question that is being asked. Boxed, as it lives in a response that mostly only reads.
pub(super) struct Asking {
    reply: Pin<Box<dyn Future<Output = Reply> + Send>>,
    sent: Arc<OnceLock<Sent>>,
    tape: Tape,
}

/// A question that the upstream has.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub body: Bytes,
    pub to: SocketAddr,
}

impl Asking {
    /// None: the upstream knows nothing of it yet.
    pub(super) fn sent(&self) -> Option<&Sent> {
        self.sent.get()
    }

    /// Nobody waits for it any more.
    pub(super) fn leave(&self) {
        self.tape.leave();
    }

    /// Somebody else waits for it now.
    fn now_for(&self, tape: &Tape) {
        self.tape.now_for(tape);
        tape.moment(|| Happened::Again {
            why: "goes on with the same request, whose client left during the load".into(),
        });
        if let Some(sent) = self.sent() {
            let head = || Head { to: Some(sent.to.to_string()), ..Head::default() };
            self.tape.asks(head, &sent.body);
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reply> {
        self.reply.as_mut().poll(cx)
    }
}

impl Opened {
    /// Drives the connection, and gives what has come.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.link.poll_frame(cx, &mut self.body)
    }

    /// The answer was read to its end.
    pub(super) fn give_back(self) {
        drop(self.body);
        self.link.give_back();
    }
}

/// A request as written for an upstream, and what its answer has to know.
#[derive(Debug)]
pub(super) struct Draft {
    pub written: Written,
    pub table: Table,
    pub losses: Vec<Loss>,
    /// What the client asked for and could only be passed on in words.
    pub only_told: Vec<&'static str>,
}

/// Writes the request for an upstream with these properties.
pub(super) fn write(
    request: &Value,
    earlier: &[Value],
    bridge: &Bridge,
    (api, facts, telling): (Api, &Facts, Telling),
) -> Result<Draft, request::Refused> {
    let settings = request::Settings { tools: bridge.settings.tools, num_ctx: bridge.settings.num_ctx, api };
    let translation = request::translate(request, earlier, &settings, facts, telling)?;
    let body = match api {
        Api::Ollama => request::ollama::body(&translation.prompt),
        Api::Chat => request::chat::body(&translation.prompt),
    };
    let written = Written { api, body: Arc::new(body) };
    let mut only_told: Vec<&'static str> = translation.tool_choice_note.into_iter().collect();
    if translation.told_format.is_some() {
        only_told.push("text.format was asked for in words: its grammar would forbid tool calls");
    }
    Ok(Draft { written, table: translation.table, losses: translation.losses, only_told })
}

/// Asks; or goes on with the same question, where somebody has asked it before and left.
pub(super) fn ask(question: Question) -> Asking {
    let lobby = &question.bridge.lobby;
    let asked = question.written.as_ref().filter(|_| question.said.is_none());
    if let Some(waiting) = asked.and_then(|written| lobby.take(&written.body.bytes)) {
        waiting.now_for(&question.tape);
        return waiting;
    }
    let sent = Arc::new(OnceLock::new());
    let (place, tape) = (Arc::clone(&sent), question.tape.clone());
    let reply = async move {
        let mut written = question.written.clone();
        let outcome = answer(&question, &mut written, &place).await;
        let at = place.get().map(|sent| sent.to);
        Reply { written, at, outcome }
    };
    Asking { reply: Box::pin(reply), sent, tape }
}

async fn answer(question: &Question, written: &mut Option<Written>, sent: &OnceLock<Sent>) -> Result<Opened, Unopened> {
    if !question.pause.is_zero() {
        tokio::time::sleep(question.pause).await;
    }
    if written.is_none() {
        let found = find_out(question).await?;
        let waiting = question.said.is_none().then(|| question.bridge.lobby.take(&found.body.bytes)).flatten();
        *written = Some(found);
        if let Some(waiting) = waiting {
            waiting.now_for(&question.tape);
            if let Some(same) = waiting.sent() {
                sent.get_or_init(|| same.clone());
            }
            return waiting.reply.await.outcome;
        }
    }
    let Written { api, body, .. } = written.as_ref().expect("written just now");
    let bytes = match &question.said {
        Some((thinking, text)) => Bytes::from(body.continued(*api, thinking, text)),
        None => body.bytes.clone(),
    };
    let (link, response) = send(question, *api, bytes, sent).await?;
    question.tape.answers(&response);
    if response.status() == StatusCode::OK {
        return Ok(Opened { link, body: response.into_body(), decoder: Decoder::new(*api) });
    }
    Err(Unopened::Told(refusal(question, link, response).await))
}

/// Which API the upstream speaks, and what the model can do where the request depends on it.
async fn find_out(question: &Question) -> Result<Written, Unopened> {
    let Question { bridge, request, earlier, telling, patience, .. } = question;
    let unanswered = |fault: Fault| {
        let was_there = matches!(fault.id, FaultId::UpstreamLost | FaultId::UpstreamSilent);
        if was_there { Unopened::Lost(fault) } else { Unopened::Away(fault) }
    };
    let api = bridge.learnt.api(bridge, *patience).await.map_err(unanswered)?;
    let model = request["model"].as_str().unwrap_or_default();
    let facts = bridge.learnt.facts(bridge, api, model).await;
    let draft = write(request, earlier, bridge, (api, &facts, *telling));
    let refused = |refused: request::Refused| Failure { kind: Kind::Permanent, message: refused.message };
    draft.map(|draft| draft.written).map_err(|why| Unopened::Told(refused(why)))
}

pub(super) fn unreachable(fault: &Fault) -> Failure {
    let message = format!("{fault}. Likely: {}. Next: {}.", fault.id.likely(), fault.id.next());
    Failure { kind: Kind::Transient, message }
}

/// Sends a request to the API's own path, and waits for the head of the answer.
async fn send(
    question: &Question,
    api: Api,
    bytes: Bytes,
    sent: &OnceLock<Sent>,
) -> Result<(Link, Response<Incoming>), Unopened> {
    let Question { bridge, patience, tape, .. } = question;
    let patience = *patience;
    let mut link = match bridge.upstream.link(patience).await {
        Ok(link) => link,
        Err(fault) => {
            bridge.learnt.forget();
            return Err(Unopened::Away(fault));
        }
    };
    tape.moment(|| Happened::Connected { to: link.address().to_string(), fresh: !link.was_idle() });
    let model = question.request["model"].as_str().unwrap_or_default();
    let mut is_first = true;
    loop {
        sent.get_or_init(|| Sent { body: bytes.clone(), to: link.address() });
        let request = chat_request(api, &link, bridge, bytes.clone());
        if mem::take(&mut is_first) {
            tape.asks(|| tape::head_to(&request, &link), &bytes);
        }
        let answered = tokio::select! {
            biased;
            answered = link.ask(request) => answered,
            never = tape::watch_load(tape, bridge, model) => match never {},
        };
        let error = match answered {
            Ok(response) => return Ok((link, response)),
            Err(error) => error,
        };
        if error.is_parse() {
            let message =
                format!("What answers at {} does not speak HTTP as a model server does: {error}.", link.address());
            return Err(Unopened::Told(Failure { kind: Kind::Transient, message }));
        }
        if !link.was_idle() {
            let what = format!("{} broke off before it answered: {}", link.address(), crate::log::chain(&error));
            return Err(Unopened::Lost(Fault::new(FaultId::UpstreamLost, what)));
        }
        // It had been idle too long, most likely; nothing was answered, so nothing is lost.
        tape.moment(|| Happened::Again { why: "the connection had been closed while it idled".into() });
        link = bridge.upstream.new_link(patience).await.map_err(Unopened::Away)?;
    }
}

fn chat_request(api: Api, link: &Link, bridge: &Bridge, bytes: Bytes) -> Request<Outgoing> {
    let (path, accept) = match api {
        Api::Ollama => ("/api/chat", "application/x-ndjson"),
        Api::Chat => ("/v1/chat/completions", "text/event-stream"),
    };
    let mut request = small::request(Method::POST, path, link, bridge, Outgoing::whole(bytes));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    request
}

/// Why there is another status than 200, in words for the person who waits.
async fn refusal(question: &Question, mut link: Link, response: Response<Incoming>) -> Failure {
    let model = question.request["model"].as_str().unwrap_or_default();
    let status = response.status().as_u16();
    let body = link.read(response.into_body(), small::MOST).await.ok().flatten();
    link.give_back();
    let body = body.unwrap_or_default();
    question.tape.bytes(&Bytes::from(body.clone()));
    question.tape.ended();
    let failure = Failure::from_status(status, &body, model);
    if failure.kind != Kind::NoModel {
        return failure;
    }
    let there = learnt::all(&question.bridge).await;
    Failure::no_model(model, &there)
}
