//! News to pages, as server-sent events (HTML, 9.2): `hello`, then `row`, `gone` and `state`; `reset` where some were missed.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::stream::{Stream, unfold};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::answer::{Answer, Body, typed};
use super::reads;
use super::ring::{After, Piece, Ring};
use super::serve::Server;
use crate::capture::store::News;

const CONTENT: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A comment is sent after so much silence, so that a browser that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Between two batches: what changes meanwhile is sent once. Faster than that nobody reads.
const PAUSE: Duration = Duration::from_millis(50);
/// Milliseconds until a browser connects again.
const RETRY: u32 = 1000;

/// What has happened, for all pages.
#[derive(Debug)]
pub(super) struct Feed {
    ring: Mutex<Ring>,
    last: watch::Sender<u64>,
}

impl Feed {
    /// `now`: numbers begin with it, so those of an earlier run are smaller.
    pub(super) fn new(now: SystemTime) -> Self {
        let first = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let ring = Ring::new(u64::try_from(first).unwrap_or_default());
        Self { last: watch::Sender::new(ring.last()), ring: Mutex::new(ring) }
    }

    pub(super) fn push(&self, piece: Piece) {
        let last = self.ring().push(piece);
        self.last.send_replace(last);
    }

    fn lose(&self) {
        let last = self.ring().lose();
        self.last.send_replace(last);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes in what a library tells, until it tells no more.
pub(super) async fn follow(feed: &Feed, mut news: broadcast::Receiver<News>) {
    loop {
        match news.recv().await {
            Ok(News::Row(row)) => feed.push(Piece::Row(row)),
            Ok(News::Gone(id)) => feed.push(Piece::Gone(id)),
            Ok(News::State) => feed.push(Piece::State),
            Err(RecvError::Lagged(_)) => feed.lose(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// A page that listens.
struct Listening {
    server: Arc<Server>,
    changed: watch::Receiver<u64>,
    /// The number up to which it knows everything.
    seen: u64,
    said: Said,
}

/// What it was told last.
#[derive(Clone, Copy, PartialEq)]
enum Said {
    Nothing,
    /// Or a comment: it can be told more at once.
    Hello,
    News,
}

/// News without end. `is_head`: only what stands before them.
pub(super) fn answer(server: &Arc<Server>, headers: &HeaderMap, is_head: bool) -> Answer {
    if is_head {
        return typed(StatusCode::OK, CONTENT, "");
    }
    let mut answer = Response::new(Body::Feed(Box::pin(stream(Arc::clone(server), last_id(headers)))));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
    answer
}

/// What a browser that comes back has seen. What is no number is none of ours: `u64::MAX`, which is no news'.
fn last_id(headers: &HeaderMap) -> Option<u64> {
    let id = headers.get(LAST_EVENT_ID)?;
    Some(id.to_str().ok().and_then(|id| id.parse().ok()).unwrap_or(u64::MAX))
}

fn stream(server: Arc<Server>, seen: Option<u64>) -> impl Stream<Item = Bytes> + Send {
    let changed = server.feed.last.subscribe();
    let seen = seen.unwrap_or_else(|| server.feed.ring().last());
    let listening = Listening { server, changed, seen, said: Said::Nothing };
    unfold(listening, |mut listening| async move {
        let text = listening.next().await;
        Some((Bytes::from(text), listening))
    })
}

impl Listening {
    /// The next thing to say.
    async fn next(&mut self) -> String {
        match self.said {
            Said::Nothing => {
                self.said = Said::Hello;
                return self.hello();
            }
            Said::Hello => {}
            Said::News => tokio::time::sleep(PAUSE).await,
        }
        loop {
            self.changed.borrow_and_update();
            let after = self.server.feed.ring().after(self.seen);
            self.said = Said::News;
            match after {
                After::News(news) => return self.tell(&news),
                After::Lost(last) => {
                    self.seen = last;
                    return event(Some(last), "reset", "{}");
                }
                After::Nothing => {}
            }
            // The sender is the feed's, which we hold.
            if tokio::time::timeout(HEARTBEAT, self.changed.changed()).await.is_err() {
                self.said = Said::Hello;
                return ":\n\n".to_owned();
            }
        }
    }

    fn hello(&self) -> String {
        let lang = self.server.parts.lang.tag();
        let data = json!({ "version": env!("CARGO_PKG_VERSION"), "lang": lang }).to_string();
        // A number here is one that it may come back with; one that it came with may be another run's.
        let id = Some(self.seen).filter(|seen| *seen == self.server.feed.ring().last());
        format!("retry: {RETRY}\n{}", event(id, "hello", &data))
    }

    fn tell(&mut self, news: &[(u64, Piece)]) -> String {
        let mut text = String::new();
        for (number, piece) in news {
            let (name, data) = match piece {
                // Rows are data only: there is nothing in them that has no JSON.
                Piece::Row(row) => ("row", serde_json::to_string(&**row).unwrap_or_default()),
                Piece::Gone(id) => ("gone", json!({ "id": id }).to_string()),
                Piece::State => ("state", reads::state_of(&self.server).to_string()),
            };
            text.push_str(&event(Some(*number), name, &data));
            self.seen = *number;
        }
        text
    }
}

/// `data` is JSON, so it has no line breaks.
fn event(id: Option<u64>, name: &str, data: &str) -> String {
    let mut text = String::with_capacity(data.len() + 64);
    if let Some(id) = id {
        // Writing to a text does not fail.
        let _ = writeln!(text, "id: {id}");
    }
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
    text
}
