//! A request that is none of ours, passed on as it is, and its answer as it comes: nothing is read, gathered or changed but
//! what belongs to the connection and not to the message (RFC 9110, 7.6.1), and what is nobody's business upstream.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{
    AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri, Version};
use serde_json::Value;
use tracing::trace;

use super::learnt::{self, Wanted};
use super::line::Line;
use super::respond;
use super::upstream::{Link, Outgoing, Unanswered};
use super::{Body, Bridge};
use crate::capture::record::Happened;
use crate::capture::{Pane, Reel};
use crate::fault::{Fault, FaultId};
use crate::forward::refuse::is_openai_path;
use crate::translate::{Client, request};

/// Passes a request on, and gives the upstream's answer.
pub(super) async fn pass(bridge: &Bridge, line: &Arc<Line>, request: Request<Incoming>) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    let openai = is_openai_path(head.uri.path().as_bytes());
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    let tape = line.reel().map(|reel| Taped::new(reel, &head, bridge.settings.max_body_size));
    to_upstream(&mut head);
    let upload = Upload { ended: body.is_end_stream(), body, line: Arc::clone(line), tape: None }.taped(tape.clone());
    match exchange(bridge, line, head, upload).await {
        Ok(response) => {
            if let Some(Taped { reel, client, asked: Some(asked) }) = tape {
                bridge.learnt.want(Wanted::In(asked.take(), (reel, client)));
            }
            trace!(%method, path, status = response.status().as_u16(), "passed on");
            response
        }
        Err(Failure::Unreachable(fault)) => {
            let response = respond::unavailable(&fault, openai);
            line.failed(fault);
            response
        }
        Err(Failure::Broken(fault)) => {
            let response = respond::broken(&fault, openai);
            line.failed(fault);
            response
        }
    }
}

/// Why a request got no answer.
enum Failure {
    Unreachable(Fault),
    /// It may have been sent, so it is not sent again.
    Broken(Fault),
}

async fn exchange(bridge: &Bridge, line: &Arc<Line>, head: Parts, body: Upload) -> Result<Response<Body>, Failure> {
    let patience = bridge.shared.limits.wait_for_upstream;
    let mut upstream = bridge.upstream.link(patience).await.map_err(Failure::Unreachable)?;
    if let Some(reel) = line.reel() {
        reel.moment(Happened::Connected { to: upstream.address().to_string(), fresh: !upstream.was_idle() });
    }
    let has_body = !body.ended;
    let spare = (upstream.was_idle() && !has_body).then(|| head.clone());
    let body = Outgoing::Passing(body);
    let mut outcome = upstream.try_ask(Request::from_parts(head, body)).await.map_err(|unanswered| *unanswered);
    if let Err(unanswered) = &mut outcome
        && upstream.was_idle()
        && let Some(request) = again(unanswered, spare)
    {
        // It died while it idled. Nothing that could be lost or doubled has been sent.
        upstream = bridge.upstream.new_link(patience).await.map_err(Failure::Unreachable)?;
        outcome = upstream.try_ask(request).await.map_err(|unanswered| *unanswered);
    }
    line.reached(upstream.address());
    match outcome {
        Ok(response) => Ok(to_client(response, upstream, line)),
        Err(Unanswered { error, .. }) => Err(Failure::Broken(broken(&upstream, &error))),
    }
}

/// The request, where it may be sent a second time: nothing of it was sent, or it has no body.
fn again(unanswered: &mut Unanswered, spare: Option<Parts>) -> Option<Request<Outgoing>> {
    if unanswered.error.is_parse() {
        // That was an answer, if not one in HTTP.
        return None;
    }
    unanswered.request.take().or_else(|| spare.map(|head| Request::from_parts(head, Outgoing::whole(""))))
}

fn to_client(response: Response<Incoming>, upstream: Link, line: &Arc<Line>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    remove_hop_by_hop(&mut head.headers);
    head.version = Version::HTTP_11;
    if body.is_end_stream() {
        upstream.give_back();
        return Response::from_parts(head, Body::empty());
    }
    let passing = Passing { link: Some(upstream), body, line: Arc::clone(line), broken: None };
    Response::from_parts(head, Body::Passing(passing))
}

/// Makes a client's request ours.
fn to_upstream(head: &mut Parts) {
    let wants_trailers = head.headers.get(TE).is_some_and(|te| lists(te, "trailers"));
    remove_hop_by_hop(&mut head.headers);
    remove_secrets(&mut head.headers);
    if wants_trailers {
        head.headers.insert(TE, HeaderValue::from_static("trailers"));
        head.headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    // The authority of an absolute form stands above the header (RFC 9112, 3.2.2).
    let named = head.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    match named {
        Some(host) => drop(head.headers.insert(HOST, host)),
        None if !head.headers.contains_key(HOST) => {
            head.headers.insert(HOST, HeaderValue::from_static("localhost"));
        }
        None => {}
    }
    let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    head.uri = Uri::from(path);
    head.version = Version::HTTP_11;
}

/// Takes away what is nobody's business but the client's and its server's.
pub(super) fn remove_secrets(headers: &mut HeaderMap) {
    for secret in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
        headers.remove(secret);
    }
}

/// Takes away what is meant for the next hop only: the fields that `Connection` names, and those that always are.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            // Naming these would change what the message is, or to whom it goes.
            .filter(|name| ![HOST, hyper::header::CONTENT_LENGTH, hyper::header::CONTENT_TYPE].contains(name))
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
    for name in [PROXY_AUTHENTICATE, TE, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

fn lists(value: &HeaderValue, word: &str) -> bool {
    value.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(word)))
}

fn broken(link: &Link, error: &hyper::Error) -> Fault {
    let address = link.address();
    let source = error.source().and_then(<dyn Error>::downcast_ref::<io::Error>);
    if source.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
        return Fault::new(FaultId::UpstreamReset, format!("{address} reset the connection"));
    }
    Fault::new(FaultId::UpstreamLost, format!("the connection to {address} broke: {}", crate::log::chain(error)))
}

/// The body of a client's request, on its way to the upstream.
#[derive(Debug)]
pub struct Upload {
    body: Incoming,
    line: Arc<Line>,
    ended: bool,
    tape: Option<Taped>,
}

/// A request that is captured.
#[derive(Clone, Debug)]
struct Taped {
    reel: Reel,
    client: Client,
    /// What was uploaded, where it names a model, for whoever wants to know which.
    asked: Option<Asked>,
}

impl Taped {
    fn new(reel: Reel, head: &Parts, most: usize) -> Self {
        let told = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let client = request::client(told("originator"), told("user-agent"), &Value::Null);
        let asked = learnt::names_a_model(head.uri.path()).then(|| Asked { room: most, ..Asked::default() });
        Self { reel, client, asked }
    }
}

#[derive(Clone, Debug, Default)]
struct Asked {
    parts: Arc<Mutex<Vec<Bytes>>>,
    /// Bytes that may be held; what is larger names no model to us.
    room: usize,
}

impl Asked {
    fn add(&self, bytes: &Bytes) {
        let mut parts = self.lock();
        let held: usize = parts.iter().map(Bytes::len).sum();
        if held + bytes.len() <= self.room {
            parts.push(bytes.clone());
        }
    }

    fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Bytes>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    fn taped(mut self, tape: Option<Taped>) -> Self {
        if let (true, Some(Taped { reel, .. })) = (self.ended, &tape) {
            reel.ended(Pane::ClientRequest, 0);
        }
        self.tape = tape;
        self
    }

    fn tape(&self, frame: Option<&Result<Frame<Bytes>, hyper::Error>>) {
        let Some(Taped { reel, asked, .. }) = &self.tape else { return };
        if let Some(Ok(frame)) = frame
            && let Some(bytes) = frame.data_ref()
        {
            reel.bytes(Pane::ClientRequest, 0, bytes);
            if let Some(asked) = asked {
                asked.add(bytes);
            }
        }
        if self.ended && !matches!(frame, Some(Err(_))) {
            reel.ended(Pane::ClientRequest, 0);
        }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let had_ended = self.ended;
        self.ended = frame.is_none() || self.body.is_end_stream();
        if !had_ended {
            self.tape(frame.as_ref());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.ended {
            self.line.left_unread();
        }
    }
}

/// The body of an answer, on its way to the client.
#[derive(Debug)]
pub struct Passing {
    /// None after the end.
    link: Option<Link>,
    body: Incoming,
    line: Arc<Line>,
    broken: Option<hyper::Error>,
}

impl HttpBody for Passing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let Self { link: place, body, line, broken: error_to_tell } = &mut *self;
        let Some(link) = place else { return Poll::Ready(None) };
        let frame = ready!(link.poll_frame(cx, body));
        if let Some(Err(error)) = frame {
            line.broke(broken(link, &error));
            *place = None;
            *error_to_tell = Some(error);
            // What came before the break is still to be sent; that is done while this waits.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if (frame.is_none() || body.is_end_stream())
            && let Some(link) = place.take()
        {
            link.give_back();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
