//! One way of a connection: read here, write there, by copy or by splice. The machine that it belongs to, and who may call
//! what when, is in [`super::relay`].

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::splice::Pipe;

#[derive(Debug, Default)]
pub(super) struct Way {
    pub(super) hold: Hold,
    pub(super) splices: bool,
    /// The event loop forgot that the reader has data ([`Way::watch`]): ask the socket itself, until it has none.
    pub(super) forgotten: bool,
    pub(super) bytes: u64,
}

/// What was read and is not written yet.
#[derive(Debug, Default)]
pub(super) enum Hold {
    #[default]
    Empty,
    Rest(Box<Rest>),
    Piped(Pipe, usize),
    Finished,
}

#[derive(Debug)]
pub(super) struct Rest {
    bytes: Vec<u8>,
    written: usize,
}

/// One message of a model or a client fits; a read that fills it means bulk.
const SCRATCH: usize = 32 << 10;
/// A splice that finds less than this means that bulk is over.
const CALM: usize = 16 << 10;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

pub(super) enum Read {
    Bytes(usize),
    /// The socket was not ready after all.
    Nothing,
    End,
}

pub(super) enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl Way {
    /// Small messages: read into the thread's buffer and write at once. What the writer does not take becomes the rest.
    pub(super) fn copy(&mut self, from: &TcpStream, to: &TcpStream) -> Result<Read, CopyError> {
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
    pub(super) fn splice_from(&mut self, from: &TcpStream) -> Result<Read, CopyError> {
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
    pub(super) fn watch<T>(&mut self, cx: &mut Context<'_>, from: &TcpStream) -> Poll<io::Result<T>> {
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
    pub(super) fn write(&mut self, to: &TcpStream) -> io::Result<()> {
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
