//! The socket below a link's HTTP: watched, so that a local address that vanishes, or a sleep, is noticed by its user.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::forward::{Shared, Watched};

/// The socket of a link. An end that we brought about from outside is an error to its user, never the end of an answer.
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    shared: Arc<Shared>,
    /// None for an upstream on this machine, whose address cannot vanish.
    pub(super) watched: Option<Watched>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, address: SocketAddr, shared: &Arc<Shared>) -> Self {
        let elsewhere = !address.ip().to_canonical().is_loopback();
        let local = stream.local_addr().ok().filter(|_| elsewhere);
        let watched = local.and_then(|local| shared.live.watch(local.ip(), stream.as_raw_fd()));
        Self { stream, shared: Arc::clone(shared), watched }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(watched) = &self.watched {
            self.shared.live.unwatch(watched);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() == before && self.watched.as_ref().is_some_and(Watched::is_cut) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the local address is gone")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The kernel has it already.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
