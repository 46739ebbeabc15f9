//! The built-in stand-in for Ollama (`--upstream demo`): its HTTP server, over a listener that is given. All that is said comes from the
//! pure parts: `route` and `catalog`, `wire` (JSON in and out), `model` and `tools` (the script). It refuses to know the rest of the
//! crate, what time it is (a clock is given), and how long an answer should take (a pace is given).
//!
//! Nothing outlives [`serve`]: connections are tasks of its set, and an answer is made while its body is read, by no task at all.

mod catalog;
mod model;
mod route;
mod tools;
mod wire;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body as _, Bytes, Frame, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use model::{Answer, Conversation};
use route::Route;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tracing::{debug, error, warn};
use wire::{Asked, Dialect, Refusal, Took, Work, api, keep_alive, v1};

/// How fast the demo speaks.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From one streamed piece to the next. An answer that is not streamed takes as long in all.
    pub piece: Duration,
}

impl Default for Pace {
    /// Some 30 words a second: a model of middle size on a good card, and one sees that it streams.
    fn default() -> Self {
        Self { piece: Duration::from_millis(33) }
    }
}

/// Serves until dropped, or until the listener fails for good.
pub async fn serve(listener: TcpListener, pace: Pace, clock: fn() -> SystemTime) -> io::Result<Infallible> {
    let since = clock();
    let demo = Arc::new(Demo { pace, clock, since, loaded_until: Mutex::new(since) });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&demo)));
                }
                Err(gone) if gone.kind() == io::ErrorKind::ConnectionAborted => debug!(error = %gone, "demo: client left before it was accepted"),
                Err(failed) if connections.is_empty() => return Err(failed),
                // Out of descriptors, most likely: the end of a connection frees one.
                Err(failed) => {
                    warn!(error = %failed, "demo: cannot accept until a connection ends");
                    if let Some(ended) = connections.join_next().await {
                        report(ended);
                    }
                }
            },
            Some(ended) = connections.join_next() => report(ended),
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(panic) = ended {
        error!(error = %panic, "demo: a connection panicked");
    }
}

async fn converse(stream: TcpStream, demo: Arc<Demo>) {
    if let Err(failed) = stream.set_nodelay(true) {
        debug!(error = %failed, "demo: cannot set nodelay");
    }
    let service = service_fn(|request| {
        let demo = Arc::clone(&demo);
        async move { Ok::<_, Infallible>(demo.respond(request).await) }
    });
    // Without half-close: like Ollama, a client that closes its side has left, and hyper drops what it was being told.
    let connection = http1::Builder::new().title_case_headers(true).serve_connection(TokioIo::new(stream), service);
    if let Err(broken) = connection.await {
        debug!(error = %broken, "demo: connection broke");
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Agents send whole files and images; beyond this somebody has made a mistake.
const BODY_LIMIT: usize = 32 << 20;

/// Of the process, not of a server: ids stay unique when there are two.
static SERIAL: AtomicU64 = AtomicU64::new(0);

struct Demo {
    pace: Pace,
    clock: fn() -> SystemTime,
    since: SystemTime,
    loaded_until: Mutex<SystemTime>,
}

impl Demo {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        self.endpoint(request).await.unwrap_or_else(|refusal| refused(&path, &refusal))
    }

    async fn endpoint(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let now = (self.clock)();
        let found = route::route(request.method().as_str(), request.uri().path())?;
        let body = request.into_body();
        Ok(match found {
            Route::Alive => whole(route::TEXT, b"Ollama is running".to_vec()),
            Route::Version => whole(route::JSON, catalog::version()),
            Route::Tags => whole(route::JSON, catalog::tags(self.since)),
            Route::Ps => whole(route::JSON, catalog::ps(*self.loaded_until(), now)),
            Route::Models => whole(route::V1_JSON, catalog::models(self.since)),
            Route::Model(id) => whole(route::V1_JSON, catalog::model(&id, self.since)?),
            Route::Show => whole(route::JSON, catalog::show(&read(body).await?, self.since)?),
            Route::Chat => self.answer(api::chat(&read(body).await?)?).await?,
            Route::Generate => self.answer(api::generate(&read(body).await?)?).await?,
            Route::Completions => self.answer(v1::chat(&read(body).await?)?).await?,
        })
    }

    async fn answer(&self, asked: Asked) -> Result<Response<Body>, Refusal> {
        wire::known_model(&asked.model)?;
        let kept = asked.keep_alive.unwrap_or(keep_alive::DEFAULT);
        let now = (self.clock)();
        *self.loaded_until() = now + kept;
        Ok(match asked.work {
            Work::Load(shape) => {
                let reason = if kept.is_zero() { "unload" } else { "load" };
                whole(route::JSON, api::loaded(shape, reason, now))
            }
            Work::Answer(dialect, conversation) => {
                let speech = Speech::begin(dialect, &conversation, self.pace, self.clock);
                if asked.stream { speech.streamed() } else { speech.at_once().await }
            }
        })
    }

    fn loaded_until(&self) -> std::sync::MutexGuard<'_, SystemTime> {
        self.loaded_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(Refusal::TooLarge(BODY_LIMIT));
    }
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(failed) if failed.is::<LengthLimitError>() => Err(Refusal::TooLarge(BODY_LIMIT)),
        Err(failed) => Err(Refusal::Malformed(failed.to_string())),
    }
}

/// An answer on its way out. Whoever drops it has ended it.
struct Speech {
    dialect: Dialect,
    head: v1::Head,
    answer: Answer,
    said: usize,
    pace: Pace,
    clock: fn() -> SystemTime,
    begun: SystemTime,
    first: SystemTime,
}

impl Speech {
    fn begin(dialect: Dialect, conversation: &Conversation, pace: Pace, clock: fn() -> SystemTime) -> Self {
        let begun = clock();
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let head = v1::Head { serial, created: catalog::unix_seconds(begun) };
        let answer = model::answer(conversation, serial);
        Self { dialect, head, answer, said: 0, pace, clock, begun, first: clock() }
    }

    fn streamed(self) -> Response<Body> {
        let kind = match self.dialect {
            Dialect::Api(_) => "application/x-ndjson",
            Dialect::V1 { .. } => "text/event-stream",
        };
        let body = stream::unfold(self, Self::next);
        response(kind, StreamBody::new(body).boxed_unsync())
    }

    /// One record, which becomes one HTTP chunk.
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Infallible>, Self)> {
        let count = self.answer.pieces.len();
        if self.said > 0 && self.said < count {
            tokio::time::sleep(self.pace.piece).await;
        }
        let record = match self.answer.pieces.get(self.said) {
            Some(piece) => match self.dialect {
                Dialect::Api(shape) => api::piece(shape, piece, (self.clock)()),
                Dialect::V1 { .. } => v1::piece(self.head, piece, self.said == 0),
            },
            None if self.said == count => self.end(),
            None => return None,
        };
        self.said += 1;
        Some((Ok(Frame::data(record.into())), self))
    }

    fn end(&self) -> Vec<u8> {
        let now = (self.clock)();
        match self.dialect {
            Dialect::Api(shape) => api::end(shape, &self.answer, self.took(now), now),
            Dialect::V1 { include_usage } => v1::end(self.head, &self.answer, include_usage),
        }
    }

    async fn at_once(self) -> Response<Body> {
        let pauses = u32::try_from(self.answer.pieces.len()).unwrap_or(u32::MAX).saturating_sub(1);
        tokio::time::sleep(self.pace.piece.saturating_mul(pauses)).await;
        let now = (self.clock)();
        match self.dialect {
            Dialect::Api(shape) => whole(route::JSON, api::whole(shape, &self.answer, self.took(now), now)),
            Dialect::V1 { .. } => whole(route::V1_JSON, v1::whole(self.head, &self.answer)),
        }
    }

    /// A clock that was set back in between counts as no time.
    fn took(&self, now: SystemTime) -> Took {
        let between = |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap_or_default();
        Took {
            total: between(self.begun, now),
            prompt: between(self.begun, self.first),
            eval: between(self.first, now),
        }
    }
}

fn whole(kind: &'static str, body: Vec<u8>) -> Response<Body> {
    response(kind, Full::new(Bytes::from(body)).boxed_unsync())
}

fn refused(path: &str, refusal: &Refusal) -> Response<Body> {
    let (kind, body) = route::refused(path, refusal);
    let mut response = whole(kind, body);
    *response.status_mut() = StatusCode::from_u16(refusal.status()).expect("refusals have statuses of HTTP");
    if let Refusal::WrongMethod { allow } = refusal {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

fn response(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
