//! Links to the upstream: HTTP/1 connections with one user at a time, who drives them. No task and no channel stands between
//! a byte that arrives and the client that waits for it.
//!
//! ```text
//! link() ──> Link ──ask──> answer ──poll_frame*──> its end ──give_back──> idle, for a few seconds
//!              └─ dropped: the connection is closed at once, which stops the model
//! ```

mod wire;

use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustix::net::{RecvFlags, recv};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use self::wire::Wire;
use super::pass::Upload;
use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::forward::{self, Shared};

/// Agents ask a few things side by side, seldom more.
const MOST_IDLE: usize = 8;
/// Short: Windows' NAT forgets idle connections, and Ollama may be another process by then.
const IDLE_TIME: Duration = Duration::from_secs(5);

/// Where links come from.
pub struct Upstream {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
}

#[derive(Default)]
struct Pool {
    /// The one that idles longest is the first.
    idle: Mutex<Vec<Idle>>,
    /// Told when a link begins to idle and none did before.
    filled: Notify,
}

struct Idle {
    wire: Wired,
    since: Instant,
    /// See [`forward::Live::probes`].
    probes: u64,
}

/// One connection to the upstream, used by nobody else. Dropped before [`Link::give_back`], it is closed.
pub struct Link {
    wire: Wired,
    pool: Arc<Pool>,
    probes: u64,
    was_idle: bool,
}

/// A connection and the way to put requests into it. None once it has ended.
struct Wired {
    sender: http1::SendRequest<Outgoing>,
    connection: Option<Box<http1::Connection<TokioIo<Wire>, Outgoing>>>,
    address: SocketAddr,
    fd: std::os::fd::RawFd,
}

/// A request that came to no answer.
#[derive(Debug)]
pub struct Unanswered {
    pub error: hyper::Error,
    /// Given back when nothing of it has been sent.
    pub request: Option<Request<Outgoing>>,
}

impl Upstream {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, pool: Arc::default() }
    }

    /// A connection with nobody else on it: an idle one that is still good and leads where the target is now, or a new
    /// one. Keeps trying for at most `patience` while the upstream cannot be reached.
    pub async fn link(&self, patience: Duration) -> Result<Link, Fault> {
        match self.idle_link() {
            Some(link) => Ok(link),
            None => self.new_link(patience).await,
        }
    }

    /// A connection that was made just now, for a second attempt after an idle one turned out to be dead. The others of its
    /// age are given up with it.
    pub async fn new_link(&self, patience: Duration) -> Result<Link, Fault> {
        self.pool.lock().clear();
        let probes = self.shared.live.probes();
        let (stream, address) = forward::reach(&self.shared, clock::now() + patience, pending()).await?;
        let wire = Wired::new(stream, address, &self.shared).await;
        let wire = wire.map_err(|error| Fault::new(FaultId::Internal, format!("cannot use {address}: {error}")))?;
        Ok(Link { wire, pool: Arc::clone(&self.pool), probes, was_idle: false })
    }

    fn idle_link(&self) -> Option<Link> {
        let (now, probes) = (clock::now(), self.shared.live.probes());
        loop {
            let Idle { wire, since, probes: then } = self.pool.lock().pop()?;
            let is_fresh = now.duration_since(since) < IDLE_TIME && then == probes;
            if is_fresh && self.shared.target.leads_to(wire.address) && wire.is_quiet() {
                return Some(Link { wire, pool: Arc::clone(&self.pool), probes, was_idle: true });
            }
        }
    }

    /// Closes links that idled long enough. Runs until dropped; costs nothing while none idles.
    pub async fn tidy(&self) {
        loop {
            let oldest = self.pool.lock().first().map(|idle| idle.since);
            match oldest {
                None => self.pool.filled.notified().await,
                Some(since) => {
                    tokio::time::sleep_until((since + IDLE_TIME).into()).await;
                    let now = clock::now();
                    self.pool.lock().retain(|idle| now.duration_since(idle.since) < IDLE_TIME);
                }
            }
        }
    }

    /// How many links idle.
    pub fn idle(&self) -> usize {
        self.pool.lock().len()
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// Sends the request, drives the connection, and waits for the head of the answer. The rest of the request's body goes
    /// on being sent while the answer is read.
    pub async fn ask(&mut self, request: Request<Outgoing>) -> Result<Response<Incoming>, hyper::Error> {
        self.try_ask(request).await.map_err(|unanswered| unanswered.error)
    }

    /// The same; gives the request back when nothing of it was sent.
    pub async fn try_ask(&mut self, request: Request<Outgoing>) -> Result<Response<Incoming>, Box<Unanswered>> {
        let mut answer = pin!(self.wire.sender.try_send_request(request));
        let connection = &mut self.wire.connection;
        let answered = poll_fn(|cx| {
            drive(connection, cx);
            answer.as_mut().poll(cx)
        });
        answered.await.map_err(|mut error| {
            let request = error.take_message();
            Box::new(Unanswered { error: error.into_error(), request })
        })
    }

    /// Drives the connection and reads the answer.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Incoming,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        drive(&mut self.wire.connection, cx);
        Pin::new(body).poll_frame(cx)
    }

    /// Reads an answer to its end. None when it is longer than `most`; the link can then not be given back.
    pub async fn read(&mut self, mut body: Incoming, most: usize) -> Result<Option<Vec<u8>>, hyper::Error> {
        let mut whole = Vec::new();
        while let Some(frame) = poll_fn(|cx| self.poll_frame(cx, &mut body)).await {
            let Ok(bytes) = frame?.into_data() else { continue };
            if whole.len() + bytes.len() > most {
                return Ok(None);
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(Some(whole))
    }

    /// It came from the pool: a failure before any byte of an answer may only mean that it was stale.
    pub fn was_idle(&self) -> bool {
        self.was_idle
    }

    /// Where it leads.
    pub fn address(&self) -> SocketAddr {
        self.wire.address
    }

    /// The answer was read to its end: the connection may serve another. One that cannot, is closed.
    pub fn give_back(mut self) {
        // Tells the connection that its answer was read; nobody has to be woken when something comes while it idles.
        drive(&mut self.wire.connection, &mut Context::from_waker(Waker::noop()));
        if self.wire.connection.is_none() || !self.wire.sender.is_ready() {
            return;
        }
        let mut idle = self.pool.lock();
        if idle.len() == MOST_IDLE {
            idle.remove(0);
        }
        if idle.is_empty() {
            self.pool.filled.notify_one();
        }
        idle.push(Idle { wire: self.wire, since: clock::now(), probes: self.probes });
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("address", &self.wire.address)
            .field("was_idle", &self.was_idle)
            .finish_non_exhaustive()
    }
}

/// Errors reach whoever waits for the answer or reads its body.
fn drive(connection: &mut Option<Box<http1::Connection<TokioIo<Wire>, Outgoing>>>, cx: &mut Context<'_>) {
    if let Some(running) = connection
        && Pin::new(running).poll(cx).is_ready()
    {
        *connection = None;
    }
}

impl Wired {
    async fn new(stream: TcpStream, address: SocketAddr, shared: &Arc<Shared>) -> Result<Self, hyper::Error> {
        let fd = stream.as_raw_fd();
        let wire = TokioIo::new(Wire::new(stream, address, shared));
        let (sender, connection) = http1::Builder::new().preserve_header_case(true).handshake(wire).await?;
        Ok(Self { sender, connection: Some(Box::new(connection)), address, fd })
    }

    /// Nothing has come since it began to idle, not even its end.
    fn is_quiet(&self) -> bool {
        if self.connection.is_none() {
            return false;
        }
        #[expect(unsafe_code, reason = "the connection owns the socket and does not lend it")]
        // SAFETY: the connection is there, and with it the socket whose descriptor this is.
        let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(self.fd) };
        let nothing = recv(socket, &mut [0u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        nothing.is_err_and(|error| error == rustix::io::Errno::AGAIN)
    }
}

/// The body of a request to the upstream.
#[derive(Debug)]
pub enum Outgoing {
    Whole(Full<Bytes>),
    /// A client's, passed on as it comes.
    Passing(Upload),
}

impl Outgoing {
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Full::new(bytes.into()))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Self::Passing(upload) => Pin::new(upload).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Passing(upload) => upload.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Passing(upload) => upload.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io;
    use std::net::Ipv4Addr;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use crate::forward::{Limits, Target};
    use crate::gateway::ProbeMark;
    use crate::net::options::SocketPolicy;

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    async fn upstream() -> (Upstream, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limits = Limits {
            connect_time: Duration::from_secs(1),
            wait_for_upstream: Duration::from_secs(1),
            max_connections: 1,
            connections_that_fit: 1,
        };
        let target = Target::Address(listener.local_addr().unwrap());
        let shared = Shared::new(target, limits, SocketPolicy::default(), ProbeMark::default());
        (Upstream::new(shared), listener)
    }

    fn question() -> Request<Outgoing> {
        Request::get("/").header("host", "localhost").body(Outgoing::whole("")).unwrap()
    }

    /// One exchange, to its end; the link goes back.
    async fn use_once(upstream: &Upstream, served: &mut Option<TcpStream>, listener: &TcpListener) -> bool {
        let mut link = upstream.link(Duration::ZERO).await.unwrap();
        let was_idle = link.was_idle();
        if !was_idle {
            *served = Some(listener.accept().await.unwrap().0);
        }
        let stream = served.as_mut().unwrap();
        let serve = async {
            let mut head = [0; 1024];
            assert_ne!(stream.read(&mut head).await.unwrap(), 0);
            tokio::io::AsyncWriteExt::write_all(stream, OK).await.unwrap();
        };
        let (answer, ()) = tokio::join!(link.ask(question()), serve);
        let body = link.read(answer.unwrap().into_body(), 10).await.unwrap();
        assert_eq!(body.as_deref(), Some(&b"ok"[..]));
        link.give_back();
        was_idle
    }

    #[tokio::test]
    async fn a_link_that_was_given_back_is_used_again() {
        let (upstream, listener) = upstream().await;
        let mut served = None;
        assert!(!use_once(&upstream, &mut served, &listener).await);
        assert!(use_once(&upstream, &mut served, &listener).await);
        assert_eq!(upstream.idle(), 1);
    }

    #[tokio::test]
    async fn a_link_that_ended_while_it_idled_is_not() {
        let (upstream, listener) = upstream().await;
        let mut served = None;
        use_once(&upstream, &mut served, &listener).await;
        // The end is there before the event loop has a chance to hear of it.
        drop(served.take());
        assert!(!use_once(&upstream, &mut served, &listener).await);
    }

    #[tokio::test]
    async fn a_link_that_idled_while_the_machine_slept_is_not() {
        let (upstream, listener) = upstream().await;
        let mut served = None;
        use_once(&upstream, &mut served, &listener).await;
        upstream.shared.live.probe_within(Duration::from_secs(1));
        assert!(!use_once(&upstream, &mut served, &listener).await);
    }

    #[tokio::test]
    async fn a_link_that_is_dropped_closes_at_once() {
        let (upstream, listener) = upstream().await;
        let mut link = upstream.link(Duration::ZERO).await.unwrap();
        let (mut served, _) = listener.accept().await.unwrap();
        let serve = async {
            let mut head = [0; 1024];
            assert_ne!(served.read(&mut head).await.unwrap(), 0);
            tokio::io::AsyncWriteExt::write_all(&mut served, &OK[..OK.len() - 1]).await.unwrap();
        };
        let (answer, ()) = tokio::join!(link.ask(question()), serve);
        assert!(answer.is_ok());
        drop(link);
        assert_eq!(served.read(&mut [0; 10]).await.unwrap(), 0);
        assert_eq!(upstream.idle(), 0);
    }

    #[tokio::test]
    async fn a_link_is_not_given_back_before_its_end() {
        let (upstream, listener) = upstream().await;
        let link = upstream.link(Duration::ZERO).await.unwrap();
        let mut asked = link;
        let (mut served, _) = listener.accept().await.unwrap();
        let serve = async {
            let mut head = [0; 1024];
            assert_ne!(served.read(&mut head).await.unwrap(), 0);
            tokio::io::AsyncWriteExt::write_all(&mut served, &OK[..OK.len() - 1]).await.unwrap();
        };
        let (answer, ()) = tokio::join!(asked.ask(question()), serve);
        asked.give_back();
        drop(answer);
        assert_eq!(upstream.idle(), 0);
    }

    #[tokio::test]
    async fn an_upstream_that_refuses_is_a_fault() {
        let (upstream, listener) = upstream().await;
        drop(listener);
        assert_eq!(upstream.link(Duration::ZERO).await.unwrap_err().id, FaultId::UpstreamRefused);
    }

    #[tokio::test]
    async fn an_end_that_we_brought_about_is_no_end_of_an_answer() {
        let (upstream, listener) = upstream().await;
        let shared = &upstream.shared;
        let (stream, served) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), async {
            listener.accept().await.unwrap().0
        });
        let mut wire = Wire::new(stream.unwrap(), listener.local_addr().unwrap(), shared);
        let elsewhere = Ipv4Addr::new(172, 20, 0, 9);
        wire.watched = shared.live.watch(elsewhere.into(), wire.stream.as_raw_fd());
        assert_eq!(shared.live.cut_where_gone(|_| false), 1);
        assert_eq!(wire.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        drop((wire, served));
        assert_eq!(shared.live.cut_where_gone(|_| false), 0);
    }
}
