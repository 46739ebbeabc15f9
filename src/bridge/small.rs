//! Small questions of our own to the upstream: who it is, which models it has and which are loaded.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use tokio::time::timeout;

use super::Bridge;
use super::upstream::{Link, Outgoing};
use crate::fault::{Fault, FaultId};
use crate::gateway::identify::AGENT;

/// Answers are some kilobytes; a captive portal's page is not worth more, either.
pub(super) const MOST: usize = 4 << 20;

/// The answer to a small question.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    /// None: longer than any answer to such a question.
    pub body: Option<Vec<u8>>,
}

/// Asks. `patience`: while the upstream cannot be reached; `within`: for the answer, once it was.
pub(super) async fn ask(
    bridge: &Bridge,
    (method, path): (Method, &'static str),
    body: Bytes,
    (patience, within): (Duration, Duration),
) -> Result<Answer, Fault> {
    let mut link = bridge.upstream.link(patience).await?;
    loop {
        let mut request = request(method.clone(), path, &link, bridge, Outgoing::whole(body.clone()));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let address = link.address();
        let answered = timeout(within, exchange(&mut link, request)).await;
        match answered {
            Ok(Ok(answer)) => {
                link.give_back();
                return Ok(answer);
            }
            // It had been idle too long, most likely.
            Ok(Err(error)) if link.was_idle() && !error.is_parse() => link = bridge.upstream.new_link(patience).await?,
            Ok(Err(error)) => {
                let what = format!("the connection to {address} broke: {}", crate::log::chain(&error));
                return Err(Fault::new(FaultId::UpstreamLost, what));
            }
            Err(_) => {
                let what = format!("{address} accepts connections and says nothing");
                return Err(Fault::new(FaultId::UpstreamSilent, what));
            }
        }
    }
}

async fn exchange(link: &mut Link, request: Request<Outgoing>) -> Result<Answer, hyper::Error> {
    let response = link.ask(request).await?;
    let status = response.status();
    Ok(Answer { status, body: link.read(response.into_body(), MOST).await? })
}

/// A request of our own. An Ollama that is bound to loopback refuses hosts that it does not know (`ollama-server` A6).
pub(super) fn request(
    method: Method,
    path: &'static str,
    link: &Link,
    bridge: &Bridge,
    body: Outgoing,
) -> Request<Outgoing> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_static(path);
    let host = bridge.shared.target.host_header(link.address());
    if let Ok(host) = HeaderValue::from_str(&host) {
        request.headers_mut().insert(HOST, host);
    }
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
    request
}
