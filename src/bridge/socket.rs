//! The WebSocket transport of the Responses API: one connection, on which responses are asked for one after another.
//!
//! ```text
//! GET /v1/responses, Upgrade: websocket ──► 101 ──► {"type":"response.create", …} ──► exchange ──► one message an event
//!                                                      ▲ more of them wait their turn                    │
//!                                                      └──────────────────────────────────────────────────┘
//! ```
//! A message that cannot be answered gets an `error` in its turn, and the socket stays open. What was said stays with the
//! socket, so that `previous_response_id` works with `store:false`; a response that could not be continued is forgotten
//! (both by the Open Responses specification, 2026-04-24).
//!
//! Codex gets no socket (see [`super::route`]): a refusal sends it to HTTP at once, for the rest of its session, and there
//! each request is whole and can be repeated.

mod memory;
mod message;
mod split;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::upgrade::{self, OnUpgrade};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::debug;

use self::memory::Memory;
use self::message::{bad, envelope, late, request_in, too_large};
use self::split::split;
use super::exchange::{self, Asker, Refusal, Run};
use super::line::{Line, Socket};
use super::serve::{End, From, told_to_stop};
use super::{Body, Bridge, tape};
use crate::capture::record::{Head, Lane as Way};
use crate::capture::tap::{Ending, Opening};
use crate::capture::{Pane, Reel};
use crate::clock;
use crate::forward::{EndedBy, Phase};

/// By the specification, a connection ends after this.
const LIFE: Duration = Duration::from_secs(60 * 60);
/// Requests that wait for the one before them, which together are no larger than one may be.
const MOST_WAITING: usize = 16;
/// For the client's half of a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// A conversation comes in one message and is read in these pieces; an idle socket keeps one of them.
const READ_BUFFER: usize = 16 << 10;
/// Events leave when they are there; more than this at a time is a long answer all at once.
const WRITE_BUFFER: usize = 16 << 10;

/// A client that was promised a socket.
#[derive(Debug)]
pub(super) struct Promised {
    upgraded: OnUpgrade,
    asker: Asker,
    /// That of the handshake, where something is captured.
    head: Option<Head>,
}

/// Answers a complete handshake. The socket begins when the answer is out.
pub(super) fn accept(line: &Line, mut request: Request<Incoming>) -> Response<Body> {
    let asker = Asker::of(request.headers());
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map_or(&b""[..], HeaderValue::as_bytes);
    let accept = HeaderValue::try_from(derive_accept_key(key)).expect("base 64 is a header's value");
    let head = line.reel().map(|_| tape::head_of_request(&request));
    line.promise(Promised { upgraded: upgrade::on(&mut request), asker, head });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Serves a socket that was promised. None: it did not come to that.
pub(super) async fn serve(
    bridge: Arc<Bridge>,
    line: Arc<Line>,
    promised: Promised,
    from: From,
    phase: watch::Receiver<Phase>,
) -> Option<End> {
    let Promised { upgraded, asker, head } = promised;
    let upgraded = upgraded.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<Socket>>().expect("the connection was made of such a socket");
    let stream = open(parts.io.into_inner(), parts.read_buf, bridge.settings.max_body_size).await;
    let mut talk = Talk::new(bridge, line, asker, stream);
    (talk.from, talk.head) = (Some(from), head);
    let farewell = talk.converse(phase, LIFE).await;
    Some(talk.part(farewell).await)
}

async fn open<S: AsyncRead + AsyncWrite + Unpin>(stream: S, read: Bytes, largest: usize) -> WebSocketStream<S> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest));
    WebSocketStream::from_partially_read(stream, read.into(), Role::Server, Some(config)).await
}

/// Why a socket ends.
#[derive(Debug)]
enum Farewell {
    /// The client closed it.
    Closed,
    /// The client is gone.
    Gone(String),
    /// We were told to stop.
    Stopping,
    Late,
    TooMany,
    /// Nothing after this can be read.
    TooLarge,
    Garbled {
        code: CloseCode,
        why: String,
    },
}

/// A response under way, and the one that it continues.
struct Answering {
    run: Run,
    previous: Option<String>,
}

/// A client's connection after the handshake.
struct Talk<S> {
    bridge: Arc<Bridge>,
    line: Arc<Line>,
    asker: Asker,
    stream: WebSocketStream<S>,
    /// Texts that came while another was answered, and why others cannot be answered, in their order.
    waiting: VecDeque<Result<Utf8Bytes, Refusal>>,
    memory: Memory,
    /// For capture: who asks, and how the handshake was.
    from: Option<From>,
    head: Option<Head>,
    /// Where the response under way is captured: each is an exchange.
    reel: Option<Reel>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn new(bridge: Arc<Bridge>, line: Arc<Line>, asker: Asker, stream: WebSocketStream<S>) -> Self {
        let (waiting, memory) = (VecDeque::new(), Memory::default());
        Self { bridge, line, asker, stream, waiting, memory, from: None, head: None, reel: None }
    }

    /// Begins to capture what a message asks.
    fn tape(&mut self, text: &Utf8Bytes) {
        let (from, head) = (self.from, &self.head);
        self.reel = from.and_then(|From { conn, peer, .. }| {
            let (peer, head) = (peer.to_string(), head.clone().unwrap_or_default());
            self.bridge.tap.open(clock::wall(), || Opening { conn, peer, head, ..Opening::default() })
        });
        self.line.tapes(self.reel.clone());
        if let Some(reel) = &self.reel {
            reel.lane(Way::Translated);
            reel.bytes(Pane::ClientRequest, 0, &Bytes::copy_from_slice(text.as_bytes()));
            reel.ended(Pane::ClientRequest, 0);
        }
    }

    /// A message of the answer, on a line of its own.
    fn tape_answer(&self, message: &Bytes) {
        if let Some(reel) = &self.reel {
            reel.bytes(Pane::ClientResponse, 0, message);
            reel.bytes(Pane::ClientResponse, 0, &Bytes::from_static(b"\n"));
        }
    }

    /// The answer is over.
    fn tape_ends(&mut self) {
        self.line.tapes(None);
        if let Some(reel) = self.reel.take() {
            reel.ended(Pane::ClientResponse, 0);
            reel.ends(Ending::Done);
        }
    }

    /// Answers what is asked, in its order, until there is a reason to end.
    async fn converse(&mut self, phase: watch::Receiver<Phase>, life: Duration) -> Farewell {
        let Err(farewell) = self.answer_all(phase, life).await;
        farewell
    }

    /// What is under way when we have to leave is finished before that; it is dropped when the client leaves.
    async fn answer_all(&mut self, mut phase: watch::Receiver<Phase>, life: Duration) -> Result<Infallible, Farewell> {
        let mut late = pin!(sleep(life));
        let mut answering: Option<Answering> = None;
        let mut ending = None;
        loop {
            if answering.is_none() {
                if let Some(farewell) = ending.take() {
                    return Err(farewell);
                }
                if let Some(next) = self.waiting.pop_front() {
                    if let Ok(text) = &next {
                        self.tape(text);
                    }
                    match next.and_then(|text| self.begin(&text)) {
                        Ok(begun) => answering = Some(begun),
                        Err(refusal) => self.refuse(&refusal).await?,
                    }
                    continue;
                }
            }
            tokio::select! {
                // Who has left is heard first, though there is more to tell.
                biased;
                message = self.stream.next() => self.hear(message)?,
                // Before the end of an answer, or the next one would begin though we are to stop.
                () = told_to_stop(&mut phase), if ending.is_none() => ending = Some(Farewell::Stopping),
                () = &mut late, if ending.is_none() => ending = Some(Farewell::Late),
                events = next_events(answering.as_mut()) => {
                    if let Some(events) = events {
                        self.tell(&events).await?;
                    } else {
                        self.remember(answering.take());
                        self.tape_ends();
                    }
                }
            }
        }
    }

    fn hear(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Farewell> {
        let next = match message {
            Some(Ok(Message::Text(text))) => Ok(text),
            Some(Ok(Message::Binary(_))) => Err(bad("Messages must be text, and this one is binary.")),
            // A ping is answered below us.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Close(_))) | None => return Err(Farewell::Closed),
            Some(Err(error)) => return Err(Farewell::of(&error)),
        };
        let waiting: usize = self.waiting.iter().flatten().map(|text| text.len()).sum();
        let more = next.as_ref().map_or(0, |text| text.len());
        if self.waiting.len() == MOST_WAITING || waiting + more > self.bridge.settings.max_body_size {
            return Err(Farewell::TooMany);
        }
        self.waiting.push_back(next);
        Ok(())
    }

    fn begin(&mut self, text: &str) -> Result<Answering, Refusal> {
        self.line.requests.fetch_add(1, Ordering::Relaxed);
        let request = request_in(text)?;
        let previous = request.get("previous_response_id").and_then(Value::as_str).map(str::to_owned);
        let memory = &self.memory;
        let find = |id: &str| memory.find(id).map(<[Value]>::to_vec);
        let asked = (Value::Object(request), text.len());
        match exchange::begin(&self.bridge, &self.asker, asked, Some(&find), &self.line) {
            Ok(run) => Ok(Answering { run, previous }),
            Err(refusal) => {
                self.forget(previous.as_deref());
                Err(refusal)
            }
        }
    }

    fn remember(&mut self, answered: Option<Answering>) {
        let Some(Answering { run, previous }) = answered else { return };
        match run.conversation() {
            Some((id, items)) => self.memory.keep(id, items),
            None => self.forget(previous.as_deref()),
        }
    }

    fn forget(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            self.memory.forget(id);
        }
    }

    async fn refuse(&mut self, refusal: &Refusal) -> Result<(), Farewell> {
        debug!(status = refusal.status.as_u16(), code = refusal.code, "request refused");
        tape::refused(self.reel.as_ref(), &refusal.message);
        let text = envelope(refusal).to_string();
        self.tape_answer(&Bytes::copy_from_slice(text.as_bytes()));
        self.tape_ends();
        self.stream.send(Message::Text(text.into())).await.map_err(|error| Farewell::of(&error))
    }

    async fn tell(&mut self, events: &Bytes) -> Result<(), Farewell> {
        for event in split(events) {
            self.tape_answer(&event);
            let text = Utf8Bytes::try_from(event).expect("JSON is UTF-8");
            self.stream.feed(Message::Text(text)).await.map_err(|error| Farewell::of(&error))?;
        }
        self.stream.flush().await.map_err(|error| Farewell::of(&error))
    }

    /// Closes, as far as there is somebody to close it with.
    async fn part(mut self, farewell: Farewell) -> End {
        let largest = self.bridge.settings.max_body_size;
        let (code, refusal) = match &farewell {
            Farewell::Closed => (None, None),
            Farewell::Gone(why) => return End { by: EndedBy::Client, why: why.clone() },
            Farewell::Stopping => (Some(CloseCode::Away), None),
            Farewell::Late => (Some(CloseCode::Normal), Some(late())),
            Farewell::TooMany => (Some(CloseCode::Policy), None),
            Farewell::TooLarge => (Some(CloseCode::Size), Some(too_large(largest))),
            Farewell::Garbled { code, .. } => (Some(*code), None),
        };
        let (by, why) = farewell.told();
        if let Some(refusal) = refusal {
            // Whoever left meanwhile is told by the record.
            drop(self.refuse(&refusal).await);
        }
        if let Some(code) = code {
            let frame = CloseFrame { code, reason: why.clone().into() };
            drop(self.stream.send(Message::Close(Some(frame))).await);
        }
        if matches!(farewell, Farewell::TooLarge | Farewell::Garbled { .. }) {
            // What it still sends is no message, but has to be taken from the wire before the end is heard.
            self.line.left_unread();
        } else {
            drop(timeout(GOODBYE, async { while self.stream.next().await.is_some() {} }).await);
        }
        drop(self.stream.get_mut().shutdown().await);
        End { by, why }
    }
}

impl Farewell {
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is ends the connection by itself")]
    fn of(error: &Error) -> Self {
        match error {
            Error::Capacity(_) => Self::TooLarge,
            Error::Utf8(_) => Self::Garbled { code: CloseCode::Invalid, why: error.to_string() },
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone("left".into()),
            Error::Protocol(_) => Self::Garbled { code: CloseCode::Protocol, why: error.to_string() },
            Error::ConnectionClosed | Error::AlreadyClosed => Self::Closed,
            _ => Self::Gone(crate::log::chain(error)),
        }
    }

    /// For the closing record, and for the client where it can be told.
    fn told(&self) -> (EndedBy, String) {
        match self {
            Self::Closed => (EndedBy::Client, "closed".into()),
            Self::Gone(why) => (EndedBy::Client, why.clone()),
            Self::Stopping => (EndedBy::Us, "stopping".into()),
            Self::Late => (EndedBy::Us, "open for an hour, which is the limit".into()),
            Self::TooMany => (EndedBy::Us, "too many requests wait for their turn".into()),
            Self::TooLarge => (EndedBy::Us, "a message was too large".into()),
            Self::Garbled { why, .. } => (EndedBy::Us, format!("not a WebSocket's frames: {why}")),
        }
    }
}

/// The next events of what is under way. None: that was all.
async fn next_events(answering: Option<&mut Answering>) -> Option<Bytes> {
    match answering {
        Some(answering) => poll_fn(|cx| answering.run.poll_events(cx)).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
