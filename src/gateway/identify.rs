//! Is this Ollama? `GET /api/version` to one address, judged. Nothing else is ever sent to an address that was only
//! discovered.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, Serializer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::net::dial::{DialError, dial};
use crate::net::options::SocketPolicy;

/// What an upstream said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// As in `{"version":"0.33.0"}`.
    pub version: String,
}

/// Why an address was not accepted as Ollama.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Dial(DialFault),
    /// It accepted, then reset or closed without a byte.
    Reset,
    /// It accepted and said nothing in [`ANSWER_TIME`].
    Silent,
    /// It said something else; the text tells what, in a few words.
    NotOllama(String),
    /// Our own probe came back to us.
    Loop,
}

/// [`DialError`] without its `io::Error`, so that refusals can be compared and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialFault {
    Refused,
    Timeout,
    Unreachable,
    /// Accepted and reset before we saw that it was accepted.
    Reset,
    Other(io::ErrorKind),
}

/// How we call ourselves to an upstream.
pub(crate) const AGENT: &str = concat!("ollama-forward/", env!("CARGO_PKG_VERSION"));
/// Ollama answers `/api/version` from memory, within a millisecond; this is for a busy host.
pub const ANSWER_TIME: Duration = Duration::from_secs(2);
/// `{"version":"…"}` is 20 bytes.
const ANSWER_LIMIT: usize = 4096;
/// The header that carries the mark of our own probes.
pub const PROBE_HEADER: &str = "x-ollama-forward-probe";

/// Recognises our own probe when the upstream leads back to our listener. Shared by all who probe and all who accept.
#[derive(Clone, Debug)]
pub struct ProbeMark {
    word: Arc<str>,
    under_way: Arc<AtomicUsize>,
    came_back: Arc<AtomicUsize>,
}

impl Default for ProbeMark {
    fn default() -> Self {
        Self { word: clock::nonce().into(), under_way: Arc::default(), came_back: Arc::default() }
    }
}

impl ProbeMark {
    /// Whether an accepted connection could be our own probe: only then is it worth looking at its first bytes.
    pub fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }

    /// Whether these first bytes of an accepted connection are our probe. Remembers that it came back.
    pub fn recognise(&self, first_bytes: &[u8]) -> bool {
        let ours = first_bytes.windows(self.word.len()).any(|window| window == self.word.as_bytes());
        if ours {
            self.came_back.fetch_add(1, Ordering::Relaxed);
        }
        ours
    }

    fn returns(&self) -> usize {
        self.came_back.load(Ordering::Relaxed)
    }
}

struct UnderWay<'a>(&'a ProbeMark);

impl<'a> UnderWay<'a> {
    fn begin(mark: &'a ProbeMark) -> Self {
        mark.under_way.fetch_add(1, Ordering::Relaxed);
        Self(mark)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks one address who it is.
pub async fn identify(
    address: SocketAddr,
    connect_time: Duration,
    policy: &SocketPolicy,
    mark: &ProbeMark,
) -> Result<Identity, Refusal> {
    let returns = mark.returns();
    let _under_way = UnderWay::begin(mark);
    let stream = dial(address, connect_time, policy).await.map_err(|error| Refusal::Dial((&error).into()))?;
    let answer = timeout(ANSWER_TIME, ask(stream, address, mark)).await.unwrap_or(Err(Refusal::Silent));
    if mark.returns() > returns { Err(Refusal::Loop) } else { answer }
}

async fn ask(stream: TcpStream, address: SocketAddr, mark: &ProbeMark) -> Result<Identity, Refusal> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| refusal(&error))?;
    let request = Request::get("/api/version")
        .header(HOST, address.to_string())
        .header(USER_AGENT, AGENT)
        .header(PROBE_HEADER, &*mark.word)
        .body(Empty::<Bytes>::new())
        .expect("constant parts and an address make a valid request");
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(|error| refusal(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await;
        judge(status, body.map(http_body_util::Collected::to_bytes).ok().as_deref())
    };
    tokio::select! {
        // The connection first: it knows why it failed, while the request only learns that it did.
        biased;
        Err(error) = connection => Err(refusal(&error)),
        answer = exchange => answer,
    }
}

fn refusal(error: &hyper::Error) -> Refusal {
    let broke_off = error.source().is_some_and(<dyn Error>::is::<io::Error>);
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() || broke_off {
        return Refusal::Reset;
    }
    Refusal::NotOllama("an answer that is not HTTP".into())
}

/// Ollama says 200 and a JSON object with a string `version`.
pub(crate) fn judge(status: StatusCode, body: Option<&[u8]>) -> Result<Identity, Refusal> {
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }
    if status != StatusCode::OK {
        return Err(Refusal::NotOllama(format!("HTTP {} for /api/version", status.as_u16())));
    }
    let version = body.and_then(|body| serde_json::from_slice::<Version>(body).ok());
    match version {
        Some(Version { version }) => Ok(Identity { version }),
        None => Err(Refusal::NotOllama("HTTP 200, but no Ollama version in it".into())),
    }
}

impl Refusal {
    /// The refusal of `place` as a fault that people can act on.
    pub fn fault(&self, place: impl fmt::Display) -> Fault {
        let (id, what) = match self {
            Self::Dial(DialFault::Refused) => (FaultId::UpstreamRefused, format!("{place} refuses connections")),
            Self::Dial(DialFault::Timeout) => (FaultId::UpstreamTimeout, format!("{place} does not answer")),
            Self::Dial(DialFault::Unreachable) => (FaultId::UpstreamUnreachable, format!("{place} cannot be reached")),
            Self::Dial(DialFault::Other(kind)) => (FaultId::Internal, format!("cannot connect to {place}: {kind}")),
            Self::Reset | Self::Dial(DialFault::Reset) => {
                (FaultId::UpstreamReset, format!("{place} accepts connections and drops them"))
            }
            Self::Silent => (FaultId::UpstreamSilent, format!("{place} accepts connections and says nothing")),
            Self::NotOllama(said) => (FaultId::UpstreamNotOllama, format!("{place} is not Ollama: {said}")),
            Self::Loop => (FaultId::UpstreamLoop, format!("{place} leads back to this forwarder")),
        };
        Fault::new(id, what)
    }

    /// Someone else answers there: whoever it is, it must get no traffic. The others may be Ollama on its way up.
    pub fn is_foreign(&self) -> bool {
        match self {
            Self::NotOllama(_) | Self::Loop => true,
            Self::Dial(_) | Self::Reset | Self::Silent => false,
        }
    }
}

/// As the id of its fault.
impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.fault("").id.as_str())
    }
}

impl From<&DialError> for DialFault {
    fn from(error: &DialError) -> Self {
        match error {
            DialError::Timeout(_) => Self::Timeout,
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "the rest of the system's errors tell nothing of the place"
            )]
            DialError::Connect(_, source) => match source.kind() {
                io::ErrorKind::ConnectionRefused => Self::Refused,
                io::ErrorKind::TimedOut => Self::Timeout,
                io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected | io::ErrorKind::BrokenPipe => Self::Reset,
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
                    Self::Unreachable
                }
                other => Self::Other(other),
            },
            DialError::Socket(source) => Self::Other(source.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &[u8], version: Option<&str>) {
        let judged = judge(StatusCode::from_u16(status).unwrap(), Some(body)).ok();
        assert_eq!(judged.map(|identity| identity.version).as_deref(), version);
    }

    #[test]
    fn ollama_is_known_by_its_version() {
        check(200, br#"{"version":"0.33.0"}"#, Some("0.33.0"));
        check(200, br#"{"version":"0.5.7","extra":1}"#, Some("0.5.7"));
    }

    #[test]
    fn others_are_not_ollama() {
        check(404, br#"{"version":"0.33.0"}"#, None);
        check(200, b"<html>login</html>", None);
        check(200, br#"{"version":3}"#, None);
        check(200, br#"{"status":"ok"}"#, None);
        check(302, b"", None);
    }

    #[test]
    fn only_our_own_probe_is_recognised() {
        let mark = ProbeMark::default();
        let request = format!("GET /api/version HTTP/1.1\r\n{PROBE_HEADER}: {}\r\n\r\n", mark.word);
        assert!(!mark.recognise(b"GET /api/version HTTP/1.1\r\nx-ollama-forward-probe: 00\r\n\r\n"));
        assert!(!ProbeMark::default().recognise(request.as_bytes()));
        assert!(mark.recognise(request.as_bytes()));
    }
}
