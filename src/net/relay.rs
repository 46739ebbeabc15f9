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

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use rustix::net::{Shutdown, shutdown};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::options::reset_on_close;
use super::way::{CopyError, Hold, Read, Way};
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

/// What one connection may move in one turn.
const INTERACTIVE_TURN: usize = 256 << 10;
const BULK_TURN: usize = 32 << 20;
/// A connection that moves this much within [`WINDOW_MS`] of its beginning to move much is carried elsewhere. Handing over costs
/// some 50 µs, which 8 MiB hide.
const MUCH: usize = 8 << 20;
const WINDOW_MS: u32 = 250;

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
