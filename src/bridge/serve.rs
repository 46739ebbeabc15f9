//! A client's connection, from accept to its closing record, and the way of each of its requests.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue, ORIGIN, VARY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::sleep;

use super::host::{self, Place};
use super::line::{Line, Socket, Watched};
use super::metrics::{Exchange, Lane, Outcome};
use super::route::{Route, route};
use super::{Body, Bridge, exchange, pass, respond, socket, tape};
use crate::capture::record::Lane as Way;
use crate::capture::tap::Opening;
use crate::capture::{Pane, Reel};
use crate::clock;
use crate::forward::refuse::is_openai_path;
use crate::forward::{Accepted, Cut, EndedBy, Phase, Record, Shared, Target};
use crate::gateway::Whereabouts;
use crate::gateway::identify::PROBE_HEADER;
use crate::net::options::watch_over;

/// Request line and fields together. Clients of Ollama send some two thousand bytes.
const MOST_HEAD: usize = 64 << 10;

/// Serves one client.
///
/// There is no time limit on a head: a connection that idles is as dear as one whose head comes slowly, and idling is
/// what agents' connections do. What a head may cost is limited by its size.
pub fn serve(
    bridge: Arc<Bridge>,
    accepted: Accepted,
    phase: watch::Receiver<Phase>,
) -> impl Future<Output = ()> + Send {
    let Accepted { id, client, peer } = accepted;
    let line = Arc::new(Line::default());
    let session = Session::open(Arc::clone(&bridge.shared), id, peer, Arc::clone(&line));
    async move {
        let mut session = session;
        if !peer.ip().is_loopback() {
            // Refused only on a socket that is closed already.
            let _ = watch_over(&client, bridge.shared.policy.keepalive);
        }
        let local = client.local_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |local| local.ip());
        let socket = TokioIo::new(Socket::new(client, Arc::clone(&line), Arc::clone(&bridge.shared)));
        let from = From { conn: id, peer, local };
        let service = service_fn({
            let (bridge, line) = (Arc::clone(&bridge), Arc::clone(&line));
            move |request| {
                let (bridge, line) = (Arc::clone(&bridge), Arc::clone(&line));
                async move { Ok::<_, Infallible>(watched(&bridge, line, from, request).await) }
            }
        });
        let connection = http1::Builder::new()
            // A client that closes its side has left; Ollama takes it so, too.
            .half_close(false)
            .header_read_timeout(None)
            .max_header_size(MOST_HEAD)
            .preserve_header_case(true)
            .auto_date_header(false)
            .serve_connection(socket, service)
            .with_upgrades();
        session.end = Some(converse(connection, (&line, session.accepted), phase.clone()).await);
        if let Some(promised) = line.promised()
            && let Some(end) = Box::pin(socket::serve(bridge, line, promised, from, phase)).await
        {
            session.end = Some(end);
        }
    }
}

/// Whoever connects does so to ask something, and does it within this; on this machine, within some microseconds.
const FIRST_REQUEST_TIME: Duration = Duration::from_secs(1);

/// Drives the connection to its end; when we are to stop, to the end of the exchange that is under way, or about to be.
async fn converse<S>(
    connection: http1::UpgradeableConnection<TokioIo<Socket>, S>,
    (line, accepted): (&Line, Instant),
    mut phase: watch::Receiver<Phase>,
) -> End
where
    S: hyper::service::HttpService<Incoming, ResBody = Watched>,
    S::Error: Into<super::Broken>,
{
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = told_to_stop(&mut phase) => {
            // hyper closes at once where nothing was asked yet. A client that comes back to an old connection tries again,
            // one on a new connection takes an end without a word for its answer.
            let pause = match line.requests.load(Ordering::Relaxed) {
                0 => FIRST_REQUEST_TIME.saturating_sub(clock::now().duration_since(accepted)),
                _ => Duration::ZERO,
            };
            let ended = tokio::select! {
                biased;
                ended = &mut connection => ended,
                () = sleep(pause) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            return match ended {
                Ok(()) => End { by: EndedBy::Us, why: "stopping".into() },
                Err(error) => End::of(&error),
            };
        }
    };
    match ended {
        Ok(()) => End { by: EndedBy::Client, why: "closed".into() },
        Err(error) => End::of(&error),
    }
}

pub(super) async fn told_to_stop(phase: &mut watch::Receiver<Phase>) {
    // An error: whoever could tell us is gone, and the run with it.
    drop(phase.wait_for(|phase| *phase > Phase::Run).await);
}

/// How a connection ended, as far as the connection itself knows.
#[derive(Debug)]
pub(super) struct End {
    pub by: EndedBy,
    pub why: String,
}

impl End {
    fn of(error: &hyper::Error) -> Self {
        if error.is_parse() {
            return Self { by: EndedBy::Us, why: format!("not HTTP: {error}") };
        }
        let why = if error.is_incomplete_message() { "left".into() } else { crate::log::chain(error) };
        Self { by: EndedBy::Client, why }
    }
}

/// What a connection is until its record is told; telling it is the last thing it does, however it ends.
struct Session {
    shared: Arc<Shared>,
    id: u64,
    peer: SocketAddr,
    accepted: Instant,
    line: Arc<Line>,
    end: Option<End>,
}

impl Session {
    fn open(shared: Arc<Shared>, id: u64, peer: SocketAddr, line: Arc<Line>) -> Self {
        shared.ledger.opened();
        Self { shared, id, peer, accepted: clock::now(), line, end: None }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let cut = self.shared.live.remove(self.id);
        let (line, fault) = (&self.line, self.line.fault());
        let (by, why, id) = match (self.end.take(), fault) {
            (None, _) => {
                let (why, id) = Cut::reason(cut);
                (EndedBy::Us, why.to_owned(), id)
            }
            (Some(_), Some(fault)) if line.is_broken() => (EndedBy::Upstream, fault.what.en, Some(fault.id)),
            // Its last request was told why it could not be served.
            (Some(_), Some(fault)) => (EndedBy::Us, fault.what.en, Some(fault.id)),
            (Some(End { by, why }), None) => (by, why, None),
        };
        self.shared.ledger.ended(id.is_some());
        let record = Record {
            conn: self.id,
            peer: self.peer,
            upstream: line.upstream(),
            sent: line.sent.load(Ordering::Relaxed),
            received: line.received.load(Ordering::Relaxed),
            requests: Some(line.requests.load(Ordering::Relaxed)),
            resumes: Some(line.resumes.load(Ordering::Relaxed)).filter(|times| *times > 0),
            took: clock::now().duration_since(self.accepted),
            ended_by: by,
            why,
            id,
        };
        record.tell();
    }
}

/// Where a client comes from, and at which of our addresses it came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct From {
    pub conn: u64,
    pub peer: SocketAddr,
    local: IpAddr,
}

impl From {
    /// Begins to capture a request, where that is asked for.
    pub(super) fn open<B>(self, bridge: &Bridge, request: &Request<B>) -> Option<Reel> {
        bridge.tap.open(clock::wall(), || Opening {
            conn: self.conn,
            peer: self.peer.to_string(),
            head: tape::head_of_request(request),
            ..Opening::default()
        })
    }
}

/// Answers one request; the line knows while that is under way.
async fn watched(bridge: &Arc<Bridge>, line: Arc<Line>, from: From, request: Request<Incoming>) -> Response<Watched> {
    let reel = from.open(bridge, &request);
    line.begins(reel.clone());
    let is_bare = request.method() == Method::HEAD;
    let response = answer(bridge, &line, from.local, request).await;
    if let Some(reel) = &reel {
        reel.head(Pane::ClientResponse, 0, tape::head_of_response(&response));
    }
    let is_over = is_bare || response.body().is_end_stream();
    let mut response = response.map(|body| Watched { body, line, reel });
    if is_over {
        response.body_mut().ends();
    }
    response
}

/// Answers one request.
async fn answer(bridge: &Arc<Bridge>, line: &Arc<Line>, local: IpAddr, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    let openai = is_openai_path(path.as_bytes());
    let head = (request.method(), request.uri(), request.version());
    let names = if bridge.settings.any_host { host::Names::Any } else { host::Names::Ours };
    let may = host::judge(&bridge.known, local, || place(&bridge.shared.target), head, (request.headers(), names));
    if let Err(refusal) = may {
        tape::refused(line.reel().as_ref(), respond::why(refusal));
        return respond::refusal(refusal, openai);
    }
    if is_our_probe(&bridge.shared, &request) {
        return respond::looped();
    }
    let route = route(request.method(), path, request.version(), request.headers(), bridge.settings.translate);
    if let Some(reel) = line.reel() {
        reel.lane(match route {
            Route::Pass => Way::Passed,
            Route::Responses | Route::Socket => Way::Translated,
            Route::NoSocket | Route::Health | Route::Metrics => Way::Local,
        });
    }
    match route {
        Route::Pass => {
            let begun = clock::now();
            let response = pass::pass(bridge, line, request).await;
            let outcome = if response.status().is_server_error() { Outcome::Failed } else { Outcome::Completed };
            bridge.metrics.record(&Exchange::new(Lane::Passed, outcome, clock::now() - begun));
            response
        }
        Route::Responses => {
            let origin = request.headers().get(ORIGIN).cloned();
            let response = exchange::respond(bridge, line, request).await;
            readable_by(response, origin)
        }
        Route::Socket => socket::accept(line, request),
        Route::NoSocket => respond::no_socket(),
        Route::Health => respond::health(bridge).await,
        Route::Metrics => respond::metrics(bridge),
    }
}

/// Lets the page that asked read our answer; which pages may ask was decided before.
fn readable_by(mut response: Response<Body>, origin: Option<HeaderValue>) -> Response<Body> {
    if let Some(origin) = origin {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn is_our_probe(shared: &Shared, request: &Request<Incoming>) -> bool {
    shared.mark.is_under_way()
        && request.headers().get(PROBE_HEADER).is_some_and(|word| shared.mark.recognise(word.as_bytes()))
}

/// Where requests go now, in the words of a `Host`.
fn place(target: &Target) -> Place {
    match target {
        Target::Address(address) => Place::Address(*address),
        Target::Name(name) => Place::Name(name.host.clone(), name.port),
        Target::Gateway(watch) => match watch.current() {
            Whereabouts::Found(gateway) => Place::Address(gateway.address),
            Whereabouts::Searching(_) | Whereabouts::NotNeeded(_) => Place::Nowhere,
        },
    }
}
