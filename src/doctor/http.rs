//! Small questions over HTTP: one connection each, a deadline each, and the answer read piece by piece or whole. Whoever
//! asks drives the connection, so that nothing outlives the question. It knows nothing of what is asked.

use std::borrow::Cow;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Context;
use std::time::Duration;

use chrono::DateTime;
use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::figures;
use crate::clock;
use crate::gateway::identify::{AGENT, DialFault};
use crate::net::dial::dial;
use crate::net::options::SocketPolicy;
use crate::words;
use crate::words::Words;

/// Where questions go.
#[derive(Clone, Debug)]
pub struct Place {
    pub address: SocketAddr,
    /// What `Host` says. An Ollama that is bound to loopback refuses names that it does not know (`ollama-server` A6).
    pub host: String,
    pub policy: SocketPolicy,
}

impl Place {
    /// An address that was found, or one of this machine: Ollama knows itself by a local name.
    pub fn found(address: SocketAddr, policy: SocketPolicy) -> Self {
        Self { address, host: format!("localhost:{}", address.port()), policy }
    }

    /// An address that the user named.
    pub fn named(address: SocketAddr, policy: SocketPolicy) -> Self {
        Self { address, host: address.to_string(), policy }
    }
}

/// What is asked. A body is JSON, unless a header says otherwise.
#[derive(Clone, Debug)]
pub struct Question {
    method: Method,
    path: Cow<'static, str>,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Question {
    pub fn get(path: &'static str) -> Self {
        Self { method: Method::GET, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    pub fn post(path: &'static str, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, path: path.into(), headers: Vec::new(), body: body.into() }
    }

    /// One that somebody else has asked before. None: its method or its path is none.
    pub fn again(method: &str, path: &str, headers: Vec<(String, String)>, body: impl Into<Bytes>) -> Option<Self> {
        let method = method.parse().ok()?;
        // What is in it must be a path: whom it is sent to is not its business.
        path.parse::<Uri>().ok().filter(|uri| uri.authority().is_none())?;
        Some(Self { method, path: path.to_owned().into(), headers, body: body.into() })
    }

    fn request(&self, place: &Place) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().expect("paths are ours, or were checked");
        let headers = request.headers_mut();
        if let Ok(host) = HeaderValue::from_str(&place.host) {
            headers.insert(HOST, host);
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if !self.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &self.headers {
            // One that is none, as it was taken for a secret, is left out.
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        request
    }
}

/// Why no answer came, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broke {
    Dial(DialFault),
    /// The connection ended before the answer did.
    Ended,
    NotHttp,
    /// Longer than any answer to such a question.
    TooLong,
    /// Connected, and no whole answer within this time.
    Silent(Duration),
}

impl Broke {
    /// As a sentence about this address.
    pub fn words(&self, address: SocketAddr) -> Words {
        match self {
            Self::Dial(DialFault::Refused) => {
                words!("{address} refuses connections", "{address} refuse les connexions")
            }
            Self::Dial(DialFault::Timeout) => {
                words!("{address} does not react to a connection", "{address} ne réagit pas à une connexion")
            }
            Self::Dial(DialFault::Unreachable) => words!("{address} cannot be reached", "{address} est injoignable"),
            Self::Dial(DialFault::Other(kind)) => words!(
                "the system cannot connect to {address}: {kind}",
                "le système ne peut pas se connecter à {address} : {kind}"
            ),
            Self::Ended | Self::Dial(DialFault::Reset) => words!(
                "the connection to {address} broke off before the answer was whole",
                "la connexion à {address} s'est rompue avant la fin de la réponse"
            ),
            Self::NotHttp => {
                words!("{address} answers, but not in HTTP", "{address} répond, mais pas en HTTP")
            }
            Self::TooLong => words!(
                "{address} gives an answer that is far too long",
                "{address} donne une réponse beaucoup trop longue"
            ),
            Self::Silent(time) => {
                let Words { en, fr } = figures::time(*time);
                words!(
                    "{address} accepts the connection, but gives no whole answer within {en}",
                    "{address} accepte la connexion, mais ne donne pas de réponse complète en {fr}"
                )
            }
        }
    }
}

/// An answer that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    pub status: StatusCode,
    /// Seconds since 1970 in its `Date`.
    pub date: Option<u64>,
    pub body: Vec<u8>,
}

/// Lists of models are some kilobytes each; a captive portal's page is not worth more, either.
const MOST: usize = 4 << 20;
/// Two retransmissions of the SYN fit in: Linux sends them after 1 s and 3 s.
pub const CONNECT_TIME: Duration = Duration::from_millis(3500);

/// Asks, and reads the answer to its end; all of it within this time.
pub async fn ask(place: &Place, question: &Question, within: Duration) -> Result<Whole, Broke> {
    let begun = clock::now();
    let stream = connect(place, within.min(CONNECT_TIME)).await?;
    let left = within.saturating_sub(clock::now().duration_since(begun));
    let exchange = async {
        let mut answer = Answer::ask(stream, place, question).await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.next().await {
            body.extend_from_slice(&piece?);
            if body.len() > MOST {
                return Err(Broke::TooLong);
            }
        }
        Ok(Whole { status: answer.status, date: answer.date, body })
    };
    timeout(left, exchange).await.unwrap_or(Err(Broke::Silent(within)))
}

/// Asks, and gives the answer to be read. Nothing but the connecting has a deadline.
pub async fn begin(place: &Place, question: &Question) -> Result<Answer, Broke> {
    Answer::ask(connect(place, CONNECT_TIME).await?, place, question).await
}

async fn connect(place: &Place, within: Duration) -> Result<TcpStream, Broke> {
    dial(place.address, within, &place.policy).await.map_err(|error| Broke::Dial((&error).into()))
}

/// An answer that is being read. Dropped before its end, the connection is closed, which stops a model.
pub struct Answer {
    pub status: StatusCode,
    /// Seconds since 1970 in its `Date`.
    pub date: Option<u64>,
    body: Incoming,
    link: Link,
}

impl Answer {
    async fn ask(stream: TcpStream, place: &Place, question: &Question) -> Result<Self, Broke> {
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| broke(&error))?;
        let mut connection = Some(Box::pin(connection));
        let answer = {
            let mut answer = pin!(sender.send_request(question.request(place)));
            poll_fn(|cx| {
                drive(&mut connection, cx);
                answer.as_mut().poll(cx)
            })
            .await
        };
        let (head, body) = answer.map_err(|error| broke(&error))?.into_parts();
        let link = Link { connection, _sender: sender };
        Ok(Self { status: head.status, date: date(&head.headers), body, link })
    }

    /// The next piece, as it came. None: the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Broke>> {
        let (body, link) = (&mut self.body, &mut self.link);
        loop {
            let frame = poll_fn(|cx| {
                drive(&mut link.connection, cx);
                Pin::new(&mut *body).poll_frame(cx)
            });
            match frame.await? {
                Ok(frame) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => return Some(Ok(piece)),
                    // Nothing of the answer itself.
                    Ok(_) | Err(_) => {}
                },
                Err(error) => return Some(Err(broke(&error))),
            }
        }
    }
}

type Running = Pin<Box<Connection<TokioIo<TcpStream>, Full<Bytes>>>>;

/// A connection, and what keeps it open. None once it has ended.
struct Link {
    connection: Option<Running>,
    _sender: SendRequest<Full<Bytes>>,
}

/// How it ends reaches whoever waits for the answer or reads it.
fn drive(connection: &mut Option<Running>, cx: &mut Context<'_>) {
    if let Some(running) = connection
        && running.as_mut().poll(cx).is_ready()
    {
        *connection = None;
    }
}

fn broke(error: &hyper::Error) -> Broke {
    if error.is_parse() { Broke::NotHttp } else { Broke::Ended }
}

/// RFC 9110, 5.6.7; the same as in mail.
fn date(headers: &HeaderMap) -> Option<u64> {
    let date = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
    u64::try_from(date.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::doctor::fake::{Fake, Reply};

    const TIME: Duration = Duration::from_secs(5);
    /// For what is to end by its deadline.
    const BRIEF: Duration = Duration::from_millis(100);

    async fn asked(reply: Reply, within: Duration) -> (Result<Whole, Broke>, Fake) {
        let fake = Fake::always(reply);
        let place = Place::named(fake.address, SocketPolicy::default());
        (ask(&place, &Question::post("/api/show", "{}"), within).await, fake)
    }

    #[track_caller]
    fn check(answer: Result<Whole, Broke>, expected: Result<(u16, Option<u64>, &str), Broke>) {
        let told =
            answer.map(|whole| (whole.status.as_u16(), whole.date, String::from_utf8_lossy(&whole.body).into_owned()));
        assert_eq!(told, expected.map(|(status, date, body)| (status, date, body.to_owned())));
    }

    #[tokio::test]
    async fn an_answer_has_a_status_a_date_and_a_body() {
        let text = "HTTP/1.1 404 Not Found\r\nDate: Sat, 28 Nov 2026 15:26:18 GMT\r\nContent-Length: 2\r\n\r\nno";
        check(asked(Reply::raw(text), TIME).await.0, Ok((404, Some(1_795_879_578), "no")));
        let odd = "HTTP/1.1 200 OK\r\nDate: today\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
        check(asked(Reply::raw(odd), TIME).await.0, Ok((200, None, "ab")));
    }

    #[tokio::test]
    async fn what_is_asked_names_its_host_and_no_secret() {
        let fake = Fake::always(Reply::json("{}"));
        let place = Place::found(fake.address, SocketPolicy::default());
        ask(&place, &Question::get("/api/version"), TIME).await.unwrap();
        let heard = fake.heard();
        assert!(heard[0].starts_with("GET /api/version HTTP/1.1\r\n"), "{heard:?}");
        let host = format!("host: localhost:{}\r\n", fake.address.port());
        assert!(heard[0].to_ascii_lowercase().contains(&host), "{heard:?}");
    }

    #[tokio::test]
    async fn ways_to_break_are_told_apart() {
        check(asked(Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), TIME).await.0, Err(Broke::Ended));
        check(asked(Reply::raw(""), TIME).await.0, Err(Broke::Ended));
        check(asked(Reply::raw("SSH-2.0-OpenSSH_for_Windows_9.5\r\n"), TIME).await.0, Err(Broke::NotHttp));
        check(asked(Reply::Never, BRIEF).await.0, Err(Broke::Silent(BRIEF)));
        check(asked(Reply::Deaf, BRIEF).await.0, Err(Broke::Silent(BRIEF)));
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
        check(asked(Reply::RawThenNothing(half.into()), BRIEF).await.0, Err(Broke::Silent(BRIEF)));
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_not_read_for_ever() {
        let endless =
            Reply::Slowly { pieces: vec![vec![b'x'; MOST], vec![b'x'; 2]], pause: Duration::ZERO, breaks: false };
        check(asked(endless, TIME).await.0, Err(Broke::TooLong));
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_refuses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::named(listener.local_addr().unwrap(), SocketPolicy::default());
        drop(listener);
        let answer = ask(&place, &Question::get("/"), TIME).await;
        check(answer, Err(Broke::Dial(DialFault::Refused)));
    }

    #[tokio::test]
    async fn pieces_are_given_as_they_come() {
        let pieces = vec![b"one".to_vec(), b"two".to_vec()];
        let fake = Fake::always(Reply::Slowly { pieces, pause: Duration::from_millis(20), breaks: false });
        let place = Place::named(fake.address, SocketPolicy::default());
        let mut answer = begin(&place, &Question::get("/")).await.unwrap();
        assert_eq!(answer.next().await, Some(Ok("one".into())));
        assert_eq!(answer.next().await, Some(Ok("two".into())));
        assert_eq!(answer.next().await, None);
    }
}
