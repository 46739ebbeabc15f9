//! Connections, and the way of each request.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::http::request::Parts as Head;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::debug;

use super::answer::{Answer, Failure, dress, locked, not_allowed, see};
use super::assets::Assets;
use super::events::{self, Feed};
use super::guard::{self, Asked, Refusal, Site};
use super::route::{Astray, Params, Route, route};
use super::{Door, Parts, old, reads, replay, writes};
use crate::clock;
use crate::net::listen::Listener;

/// How much of us strangers may hold, and for how long.
#[derive(Clone, Copy, Debug)]
struct Limits {
    connections: usize,
    /// For the head of a request, and between two requests. Slow-loris attackers lose their place after it.
    head: Duration,
}

/// A browser opens six connections to a server; some windows and scripts fit.
const LIMITS: Limits = Limits { connections: 256, head: Duration::from_secs(15) };
/// Request line and fields. An export names up to a thousand exchanges.
const MOST_HEAD: usize = 64 << 10;
/// What is worked on aside at a time: each piece may hold an exchange of some ten megabytes.
const MOST_ASIDE: usize = 4;
/// Before the answer to a wrong code, so that trying codes is slow.
const WRONG_CODE_PAUSE: Duration = Duration::from_millis(300);
/// After an error of `accept`: descriptors may be used up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
#[derive(Debug)]
pub(super) struct Server {
    pub parts: Parts,
    pub feed: Feed,
    pub assets: Assets,
    /// Replays under way.
    pub errands: Mutex<JoinSet<()>>,
    door: Door,
    site: Site,
    aside: Arc<Semaphore>,
}

/// Serves the page until dropped. Wants a runtime of its own: some requests take a while.
pub async fn serve(listener: Listener, parts: Parts, door: Door) {
    serve_within(LIMITS, listener, parts, door).await;
}

async fn serve_within(limits: Limits, listener: Listener, parts: Parts, door: Door) {
    let news = parts.library.subscribe();
    let server = Arc::new(Server {
        feed: Feed::new(clock::wall()),
        assets: Assets::new(),
        errands: Mutex::default(),
        site: Site::new(listener.address),
        aside: Arc::new(Semaphore::new(MOST_ASIDE)),
        parts,
        door,
    });
    let listener = listener.into_tokio();
    let mut tasks = JoinSet::new();
    tasks.spawn({
        let server = Arc::clone(&server);
        async move { events::follow(&server.feed, news).await }
    });
    loop {
        // What has ended gives its place away.
        while tasks.try_join_next().is_some() {}
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // Closed at once. One of the tasks is no connection.
                Ok(_) if tasks.len() > limits.connections => debug!("too many connections to the page"),
                Ok((client, _)) => {
                    tasks.spawn(converse(Arc::clone(&server), client, limits.head));
                }
                Err(error) => {
                    debug!(%error, "connection to the page not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn converse(server: Arc<Server>, client: TcpStream, head_time: Duration) {
    let local = client.local_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |local| local.ip());
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(answer(&server, local, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_header_size(MOST_HEAD)
        .serve_connection(TokioIo::new(client), service);
    if let Err(error) = connection.await {
        debug!(%error, "connection to the page broke");
    }
}

async fn answer(server: &Arc<Server>, local: IpAddr, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let is_page = head.uri.path() == "/";
    let mut answer = admit(server, local, &head, body).await.unwrap_or_else(|failure| failure.answer());
    dress(&mut answer, is_page);
    answer
}

/// Lets a request in, or not.
async fn admit(server: &Arc<Server>, local: IpAddr, head: &Head, body: Incoming) -> Result<Answer, Failure> {
    let asked = Asked { method: &head.method, uri: &head.uri, headers: &head.headers, local };
    let routed = route(head.uri.path());
    let params = Params::parse(head.uri.query());
    let judged = guard::judge(&server.site, &server.door.token(), &asked);
    // HEAD opens nothing: whoever only looks at a link must not use it up.
    let code = params.get("code").filter(|_| routed == Ok(Route::Page) && head.method == Method::GET);
    match (judged, code) {
        (Ok(()), None) => dispatch(server, head, routed?, &params, body).await,
        (Ok(()), Some(code)) => {
            server.door.admits(code, clock::now());
            Ok(see("/", None))
        }
        (Err(Refusal::Stranger), Some(code)) => {
            if server.door.admits(code, clock::now()) {
                return Ok(see("/", Some(server.cookie()?)));
            }
            tokio::time::sleep(WRONG_CODE_PAUSE).await;
            Ok(locked())
        }
        (Err(Refusal::Stranger), None) if is_for_people(&routed) => Ok(locked()),
        (Err(refusal), _) => Err(refusal.into()),
    }
}

/// A person with a browser is there, who is told what to do.
fn is_for_people(routed: &Result<Route<'_>, Astray>) -> bool {
    matches!(routed, Ok(Route::Page | Route::OldCapture(_)))
}

async fn dispatch(
    server: &Arc<Server>,
    head: &Head,
    route: Route<'_>,
    params: &Params,
    body: Incoming,
) -> Result<Answer, Failure> {
    if !route.permits(&head.method) {
        return Ok(not_allowed(route.allow()));
    }
    let headers = &head.headers;
    let no_file = || Failure::missing("unknown_path", "there is no such file");
    match route {
        Route::Page => server.assets.page(headers).ok_or_else(no_file),
        Route::Asset(name) => server.assets.asset(name, headers).ok_or_else(no_file),
        Route::State => reads::state(server).await,
        Route::Sessions => reads::sessions(server).await,
        Route::Exchanges => reads::exchanges(server, params).await,
        Route::Exchange(id) if head.method == Method::DELETE => writes::remove(server, id).await,
        Route::Exchange(id) => reads::exchange(server, id).await,
        Route::Body(id, pane) => reads::body(server, id, pane, params, headers).await,
        Route::Diff(id, other) => reads::diff(server, id, other).await,
        Route::Export => reads::export(server, params).await,
        Route::Events => Ok(events::answer(server, headers, head.method == Method::HEAD)),
        Route::Session(key) => writes::remove_session(server, key).await,
        Route::Import => writes::import(server, body).await,
        Route::Capture => writes::capture(server, body).await,
        Route::Mark(id) => writes::mark(server, id, body).await,
        Route::Prune => writes::prune(server, body).await,
        Route::Replay(id) => replay::replay(server, id, body).await,
        Route::OldCapture(number) => old::capture(server, number).await,
        Route::OldFile(file) => old::file(server, file, params).await,
        Route::OldUpdated => old::updated(server).await,
    }
}

impl Server {
    /// Does something that takes time where it holds up nobody.
    pub(super) async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let internal = || Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this could not be worked out");
        let place = Arc::clone(&self.aside).acquire_owned().await.map_err(|_| internal())?;
        let server = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&server)
        });
        done.await.unwrap_or_else(|_| Err(internal()))
    }

    /// Starts something that goes on after its request, among at most `most`. False: there are too many.
    pub(super) fn start(&self, most: usize, errand: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
        while errands.try_join_next().is_some() {}
        let has_room = errands.len() < most;
        if has_room {
            errands.spawn(errand);
        }
        has_room
    }

    /// The token, for a browser: no script reads it, no other site's request carries it, and it goes with the browser.
    fn cookie(&self) -> Result<HeaderValue, Failure> {
        let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.site.cookie(), self.door.token());
        HeaderValue::from_str(&cookie)
            .map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the token is no cookie"))
    }
}

#[cfg(test)]
mod tests;
