//! Carries bytes both ways between two sockets until both ways have ended. Knows nothing of who they are.
//!
//! Each way is a machine of its own, and both run to their end: a client may close its side and still read.
//!
//! ```text
//! Empty   --small read, written at once--> Empty
//! Empty   --small read, not all written--> Rest    --written--> Empty
//! Empty   --splice from the reader------> Piped   --all spliced to the writer--> Empty
//! Empty   --the reader's FIN------------> Finished   (the FIN is passed on at once)
//! any     --either socket fails---------> Broken     (both ends of the connection)
//! ```
//! Small and bulk want different code. A token of 200 bytes is read into a buffer that all connections of the thread
//! share, and written at once: two system calls. A way that fills the buffer moves bulk: its bytes go through a pipe and
//! never enter this process. A connection that moves very much asks to be carried elsewhere ([`Outcome::MuchData`]), so
//! that tokens of others need not wait behind it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::options::reset_on_close;
use super::splice::Pipe;
use crate::clock;

/// The two ends, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Downstream,
    Upstream,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Downstream => Self::Upstream,
            Self::Upstream => Self::Downstream,
        }
    }
}

/// Who shares the thread with this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tempo {
    /// Connections with small messages: short turns, and bulk is sent away.
    Interactive,
    /// Only bulk.
    Bulk,
}

/// How a relay stopped.
#[derive(Debug)]
pub enum Outcome {
    /// Both ways ended with a FIN; `first` sent its own first.
    Finished { first: Side },
    /// One side failed; the other was or will be reset.
    Broken { side: Side, error: io::Error },
    /// Nothing ended: this connection moves bulk and should be carried on where it disturbs nobody.
    MuchData,
}

/// Bytes that all relays together have moved; read by the status.
#[derive(Debug, Default)]
pub struct Moved {
    /// Client to upstream.
    pub sent: AtomicU64,
    /// Upstream to client.
    pub received: AtomicU64,
}

/// Two connected sockets and what is under way between them. Dropped before its end, it resets both.
#[derive(Debug)]
pub struct Relay {
    downstream: End,
    upstream: End,
    sent: Way,
    received: Way,
    first_end: Option<Side>,
    window: Window,
}

#[derive(Debug, Default)]
struct Way {
    hold: Hold,
    splices: bool,
    /// The event loop forgot that the reader has data ([`Way::watch`]): ask the socket itself, until it has none.
    forgotten: bool,
    bytes: u64,
}

/// What was read and is not written yet.
#[derive(Debug, Default)]
enum Hold {
    #[default]
    Empty,
    Rest(Box<Rest>),
    Piped(Pipe, usize),
    Finished,
}

#[derive(Debug)]
struct Rest {
    bytes: Vec<u8>,
    written: usize,
}

/// One message of a model or a client fits; a read that fills it means bulk.
const SCRATCH: usize = 32 << 10;
/// A splice that finds less than this means that bulk is over.
const CALM: usize = 16 << 10;
/// What one connection may move in one turn.
const INTERACTIVE_TURN: usize = 256 << 10;
const BULK_TURN: usize = 32 << 20;
/// A connection that moves this much within [`WINDOW_MS`] of its beginning to move much is carried elsewhere. Handing over costs
/// some 50 µs, which 8 MiB hide.
const MUCH: usize = 8 << 20;
const WINDOW_MS: u32 = 250;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

impl Relay {
    pub fn new(downstream: TcpStream, upstream: TcpStream) -> Self {
        Self {
            downstream: End::new(downstream),
            upstream: End::new(upstream),
            sent: Way::default(),
            received: Way::default(),
            first_end: None,
            window: Window::default(),
        }
    }

    /// Bytes from client to upstream so far.
    pub fn sent(&self) -> u64 {
        self.sent.bytes
    }

    /// Bytes from upstream to client so far.
    pub fn received(&self) -> u64 {
        self.received.bytes
    }

    /// The side that ended its sending first, if one has.
    pub fn first_end(&self) -> Option<Side> {
        self.first_end
    }

    /// The descriptor of the upstream socket; stays the same when the relay moves to another event loop.
    pub fn upstream_fd(&self) -> RawFd {
        self.upstream.socket().as_raw_fd()
    }

    /// Our own address on the upstream's side.
    pub fn upstream_local(&self) -> Option<SocketAddr> {
        self.upstream.socket().local_addr().ok()
    }

    /// Leaves this thread's event loop, to enter another's with [`Parked::resume`].
    pub fn park(mut self) -> io::Result<Parked> {
        let ends = [self.downstream.take(), self.upstream.take()];
        for end in &ends {
            // Whatever happens between the two loops, the connection must not look finished.
            reset_on_close(end);
        }
        let [downstream, upstream] = ends.map(TcpStream::into_std);
        Ok(Parked { downstream: downstream?, upstream: upstream?, relay: self })
    }

    /// Relays until both ways ended, a side failed, or, in [`Tempo::Interactive`], the connection moves too much.
    pub async fn run(&mut self, tempo: Tempo, moved: &Moved) -> Outcome {
        poll_fn(|cx| self.poll(cx, tempo, moved)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, tempo: Tempo, moved: &Moved) -> Poll<Outcome> {
        let sent = self.pump(cx, Side::Downstream, tempo, &moved.sent);
        if let Poll::Ready(Err(stop)) = sent {
            return Poll::Ready(stop.into());
        }
        let received = self.pump(cx, Side::Upstream, tempo, &moved.received);
        if let Poll::Ready(Err(stop)) = received {
            return Poll::Ready(stop.into());
        }
        if sent.is_pending() || received.is_pending() {
            return Poll::Pending;
        }
        self.downstream.clean = true;
        self.upstream.clean = true;
        Poll::Ready(Outcome::Finished { first: self.first_end.expect("both ways have ended") })
    }

    /// Moves what can be moved away from `reader`. Ready(Ok): this way has ended.
    fn pump(&mut self, cx: &mut Context<'_>, reader: Side, tempo: Tempo, total: &AtomicU64) -> Poll<Result<(), Stop>> {
        let writer = reader.other();
        let (way, back, from, to) = match reader {
            Side::Downstream => (&mut self.sent, &self.received, self.downstream.socket(), self.upstream.socket()),
            Side::Upstream => (&mut self.received, &self.sent, self.upstream.socket(), self.downstream.socket()),
        };
        let mut turn = match tempo {
            Tempo::Interactive => INTERACTIVE_TURN,
            Tempo::Bulk => BULK_TURN,
        };
        loop {
            match &mut way.hold {
                Hold::Finished => return Poll::Ready(Ok(())),
                Hold::Empty => {}
                Hold::Rest(_) | Hold::Piped(..) => {
                    let Poll::Ready(writable) = to.poll_write_ready(cx) else {
                        return way.watch(cx, from).map_err(|error| Stop::Failed(reader, error));
                    };
                    writable.map_err(|error| Stop::Failed(writer, error))?;
                    way.write(to).map_err(|error| Stop::Failed(writer, error))?;
                    continue;
                }
            }
            if turn == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !way.forgotten {
                ready!(from.poll_read_ready(cx)).map_err(|error| Stop::Failed(reader, error))?;
            }
            let read = if way.splices { way.splice_from(from) } else { way.copy(from, to) };
            match read {
                Ok(Read::Bytes(count)) => {
                    way.bytes += count as u64;
                    total.fetch_add(count as u64, Ordering::Relaxed);
                    turn = turn.saturating_sub(count);
                    if way.splices && tempo == Tempo::Interactive && self.window.is_much(count) {
                        return Poll::Ready(Err(Stop::MuchData));
                    }
                }
                Ok(Read::Nothing) => {}
                Ok(Read::End) => {
                    way.hold = Hold::Finished;
                    self.first_end.get_or_insert(reader);
                    // After the second FIN both sockets are closed, which sends it.
                    if !matches!(back.hold, Hold::Finished) {
                        // Fails only when the writer is gone already, which its own way will find out.
                        let _ = shutdown(to, Shutdown::Write);
                    }
                }
                Err(CopyError::Read(error)) => return Poll::Ready(Err(Stop::Failed(reader, error))),
                Err(CopyError::Write(error)) => return Poll::Ready(Err(Stop::Failed(writer, error))),
            }
        }
    }
}

/// Why a pump stopped before the end of its way.
enum Stop {
    Failed(Side, io::Error),
    MuchData,
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(side, error) => Self::Broken { side, error },
            Stop::MuchData => Self::MuchData,
        }
    }
}

enum Read {
    Bytes(usize),
    /// The socket was not ready after all.
    Nothing,
    End,
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl Way {
    /// Small messages: read into the thread's buffer and write at once. What the writer does not take becomes the rest.
    fn copy(&mut self, from: &TcpStream, to: &TcpStream) -> Result<Read, CopyError> {
        BUFFER.with_borrow_mut(|buffer| {
            let received = if self.forgotten { receive_now(from, buffer) } else { receive(from, buffer) };
            let count = match received.map_err(CopyError::Read)? {
                None => {
                    self.forgotten = false;
                    return Ok(Read::Nothing);
                }
                Some(0) => return Ok(Read::End),
                Some(count) => count,
            };
            self.splices = count == buffer.len();
            let written = transmit(to, &buffer[..count]).map_err(CopyError::Write)?;
            if written < count {
                let bytes = buffer[written..count].to_vec();
                self.hold = Hold::Rest(Box::new(Rest { bytes, written: 0 }));
            }
            Ok(Read::Bytes(count))
        })
    }

    /// Bulk: from the socket into a pipe.
    fn splice_from(&mut self, from: &TcpStream) -> Result<Read, CopyError> {
        let Some(pipe) = Pipe::take() else {
            self.splices = false;
            return Ok(Read::Nothing);
        };
        let filled = if self.forgotten { pipe.fill(from) } else { from.try_io(Interest::READABLE, || pipe.fill(from)) };
        let filled = not_yet(filled);
        match filled.map_err(CopyError::Read)? {
            Some(0) => {
                pipe.give_back();
                Ok(Read::End)
            }
            Some(count) => {
                self.splices = count >= CALM;
                self.hold = Hold::Piped(pipe, count);
                Ok(Read::Bytes(count))
            }
            None => {
                self.forgotten = false;
                pipe.give_back();
                Ok(Read::Nothing)
            }
        }
    }

    /// While the writer takes nothing, nobody reads, and a reader that dies would go unnoticed. Waits for its death.
    ///
    /// The event loop tells of news only, and data that waits is no news: so it is made to forget the data first.
    fn watch<T>(&mut self, cx: &mut Context<'_>, from: &TcpStream) -> Poll<io::Result<T>> {
        if from.poll_read_ready(cx)?.is_ready() {
            if let Some(error) = not_yet(from.try_io(Interest::ERROR, || SockRef::from(from).take_error()))?.flatten() {
                return Poll::Ready(Err(error));
            }
            let forget: io::Result<()> = from.try_io(Interest::READABLE, || Err(io::ErrorKind::WouldBlock.into()));
            not_yet(forget)?;
            self.forgotten = true;
            // Ready again means that the reader has ended its sending, which takes nothing from us.
            if let Poll::Ready(Err(error)) = from.poll_read_ready(cx) {
                return Poll::Ready(Err(error));
            }
        }
        Poll::Pending
    }

    /// Writes some of what is held.
    fn write(&mut self, to: &TcpStream) -> io::Result<()> {
        let all_written = match &mut self.hold {
            Hold::Empty | Hold::Finished => false,
            Hold::Rest(rest) => {
                rest.written += transmit(to, &rest.bytes[rest.written..])?;
                rest.written == rest.bytes.len()
            }
            Hold::Piped(pipe, held) => {
                *held -= not_yet(to.try_io(Interest::WRITABLE, || pipe.empty(to, *held)))?.unwrap_or(0);
                *held == 0
            }
        };
        if all_written && let Hold::Piped(pipe, _) = std::mem::take(&mut self.hold) {
            pipe.give_back();
        }
        Ok(())
    }
}

/// Reads what is there, whatever the event loop thinks. None: nothing.
fn receive_now(from: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    not_yet(recv(from, buffer, RecvFlags::empty()).map(|(count, _)| count).map_err(io::Error::from))
}

/// Reads what is there. None: nothing yet.
fn receive(from: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let size = buffer.len();
    let mut outcome = Ok(None);
    let ready = from.try_io(Interest::READABLE, || match recv(from, &mut *buffer, RecvFlags::empty()) {
        Ok((count, _)) => {
            outcome = Ok(Some(count));
            // A partly filled buffer means that the socket is empty: with this the event loop asks the kernel again
            // only when it has news (epoll(7), edge-triggered), which saves the read that would say "nothing".
            if count > 0 && count < size { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        }
        Err(error) => Err(error.into()),
    });
    match ready {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        Ok(()) | Err(_) => outcome,
    }
}

/// Writes what the socket takes, which may be nothing.
fn transmit(to: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let sent = to.try_io(Interest::WRITABLE, || Ok(send(to, bytes, SendFlags::NOSIGNAL)?));
    Ok(not_yet(sent)?.unwrap_or(0))
}

fn not_yet<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// How much was moved lately.
#[derive(Debug, Default)]
struct Window {
    since_ms: u32,
    bytes: usize,
}

impl Window {
    fn is_much(&mut self, count: usize) -> bool {
        let now = clock::coarse_ms();
        if now.wrapping_sub(self.since_ms) > WINDOW_MS {
            *self = Self { since_ms: now, bytes: 0 };
        }
        self.bytes += count;
        self.bytes >= MUCH
    }
}

/// A socket that is reset when it is closed before its relay came to a good end.
#[derive(Debug)]
struct End {
    socket: Option<TcpStream>,
    clean: bool,
}

impl End {
    fn new(socket: TcpStream) -> Self {
        Self { socket: Some(socket), clean: false }
    }

    fn socket(&self) -> &TcpStream {
        self.socket.as_ref().expect("taken only by park, which consumes the relay")
    }

    fn take(&mut self) -> TcpStream {
        self.socket.take().expect("taken only by park, which consumes the relay")
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket
            && !self.clean
        {
            reset_on_close(socket);
        }
    }
}

/// A relay between two event loops.
#[derive(Debug)]
pub struct Parked {
    downstream: std::net::TcpStream,
    upstream: std::net::TcpStream,
    relay: Relay,
}

impl Parked {
    /// Enters the event loop of the calling task.
    pub fn resume(self) -> io::Result<Relay> {
        let Self { downstream, upstream, mut relay } = self;
        for end in [&downstream, &upstream] {
            SockRef::from(end).set_linger(None)?;
        }
        relay.downstream = End::new(TcpStream::from_std(downstream)?);
        relay.upstream = End::new(TcpStream::from_std(upstream)?);
        Ok(relay)
    }
}
