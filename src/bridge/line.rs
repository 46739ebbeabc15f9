//! What is known of one client's connection: counts for its closing record, and how it must end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use rustix::net::{Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::socket::Promised;
use super::tape;
use super::{Body, Broken};
use crate::capture::tap::Ending;
use crate::capture::{Pane, Reel};
use crate::fault::Fault;
use crate::forward::Shared;
use crate::net::options::reset_on_close;

/// Shared by the connection's socket, its requests, and the bodies of its answers.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub requests: AtomicU64,
    /// Answers broke off, and were asked to go on.
    pub resumes: AtomicU64,
    /// Bytes from the client, bytes to the client.
    pub sent: AtomicU64,
    pub received: AtomicU64,
    /// A request came, and its answer has not come to its end.
    under_way: AtomicBool,
    /// An answer broke off, by the upstream's fault.
    broken: AtomicBool,
    /// A request was answered before all of it was read.
    left_unread: AtomicBool,
    last: Mutex<Last>,
    /// Where the exchange under way is captured, when it is.
    reel: Mutex<Option<Reel>>,
    /// What it becomes after its last answer.
    promised: Mutex<Option<Box<Promised>>>,
}

/// What its latest request came to.
#[derive(Debug, Default)]
struct Last {
    upstream: Option<SocketAddr>,
    fault: Option<Fault>,
}

impl Line {
    /// A request came.
    pub(super) fn begins(&self, reel: Option<Reel>) {
        self.tapes(reel);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.under_way.store(true, Ordering::Relaxed);
    }

    /// Its answer is whole.
    pub(super) fn ends(&self) {
        self.under_way.store(false, Ordering::Relaxed);
        self.tapes(None);
    }

    /// Where the exchange that begins is captured; or none is under way any more.
    pub(super) fn tapes(&self, reel: Option<Reel>) {
        *self.reel.lock().unwrap_or_else(PoisonError::into_inner) = reel;
    }

    /// Where the exchange under way is captured.
    pub(super) fn reel(&self) -> Option<Reel> {
        self.reel.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed)
    }

    pub(super) fn reached(&self, upstream: SocketAddr) {
        *self.last() = Last { upstream: Some(upstream), fault: None };
    }

    pub(super) fn failed(&self, fault: Fault) {
        tape::failed(self.reel().as_ref(), &fault);
        self.last().fault = Some(fault);
    }

    pub(super) fn resumed(&self) {
        self.resumes.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer under way cannot be finished.
    pub(super) fn broke(&self, fault: Fault) {
        self.broken.store(true, Ordering::Relaxed);
        self.failed(fault);
    }

    pub(super) fn left_unread(&self) {
        self.left_unread.store(true, Ordering::Relaxed);
    }

    /// After this answer, no HTTP is spoken any more.
    pub(super) fn promise(&self, socket: Promised) {
        *self.promised.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(socket));
    }

    pub(super) fn promised(&self) -> Option<Promised> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner).take().map(|socket| *socket)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    pub(super) fn upstream(&self) -> Option<SocketAddr> {
        self.last().upstream
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.last().fault.clone()
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer, watched for its end.
pub(super) struct Watched {
    pub body: Body,
    pub line: Arc<Line>,
    /// Where it is captured, until its end.
    pub reel: Option<Reel>,
}

impl Watched {
    /// The client has all of it.
    pub(super) fn ends(&mut self) {
        self.line.ends();
        if let Some(reel) = self.reel.take() {
            reel.ended(Pane::ClientResponse, 0);
            reel.ends(Ending::Done);
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let (Some(reel), Some(Ok(frame))) = (&self.reel, &frame)
            && let Some(bytes) = frame.data_ref()
        {
            reel.bytes(Pane::ClientResponse, 0, bytes);
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.ends();
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

/// How long a client that is still sending may take to notice that it was answered. Closing before that would reset the
/// connection and could take the answer away from it (RFC 9112, 9.6).
const GOODBYE: Duration = Duration::from_secs(2);

/// A client's socket. Counts what it moves. Closed while an answer is under way, it is reset: what broke off must not look
/// like a whole.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    line: Arc<Line>,
    shared: Arc<Shared>,
    goodbye: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, line: Arc<Line>, shared: Arc<Shared>) -> Self {
        Self { stream, line, shared, goodbye: None }
    }

    fn wrote(&self, count: usize) {
        self.line.received.fetch_add(count as u64, Ordering::Relaxed);
        self.shared.ledger.moved.received.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.line.is_under_way() {
            reset_on_close(&self.stream);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let count = (buffer.filled().len() - before) as u64;
        self.line.sent.fetch_add(count, Ordering::Relaxed);
        self.shared.ledger.moved.sent.fetch_add(count, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.wrote(count);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.wrote(count);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The kernel has it already.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.line.left_unread.load(Ordering::Relaxed) {
            return Pin::new(&mut self.stream).poll_shutdown(cx);
        }
        if self.goodbye.is_none() {
            shutdown(&self.stream, Shutdown::Write)?;
            self.goodbye = Some(Box::pin(tokio::time::sleep(GOODBYE)));
        }
        let mut rest = [0; 16 << 10];
        loop {
            if self.goodbye.as_mut().is_some_and(|goodbye| goodbye.as_mut().poll(cx).is_ready()) {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut rest);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
