//! The open connections: which may be ended from outside, and why they were.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::net::options::set_keepalive_idle;

/// Why a connection was ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The local address of its upstream socket is gone: nothing can arrive there any more, though Linux keeps it for minutes.
    AddressGone,
    /// The upstream leads back to us, so this connection goes in a circle.
    Loop,
    Stopping,
}

#[derive(Debug, Default)]
pub struct Live {
    connections: Mutex<HashMap<u64, Connection>>,
}

#[derive(Debug)]
struct Connection {
    abort: AbortHandle,
    /// Set once connected, for upstreams that are not on this machine.
    upstream: Option<UpstreamSocket>,
    cut: Option<Cut>,
}

#[derive(Clone, Copy, Debug)]
struct UpstreamSocket {
    local: Ipv4Addr,
    /// Valid while the entry is in the map: [`Live::remove`] comes before the socket is closed.
    fd: RawFd,
}

impl Live {
    pub(super) fn insert(&self, id: u64, abort: AbortHandle) {
        self.lock().insert(id, Connection { abort, upstream: None, cut: None });
    }

    /// The connection has a socket to an upstream elsewhere. `fd` must stay open until [`Live::remove`].
    pub(super) fn connected(&self, id: u64, local: IpAddr, fd: RawFd) {
        let IpAddr::V4(local) = local.to_canonical() else { return };
        if let Some(connection) = self.lock().get_mut(&id) {
            connection.upstream = Some(UpstreamSocket { local, fd });
        }
    }

    /// Forgets a connection. Must be called before its sockets are closed. Returns why we ended it, if we did.
    pub(super) fn remove(&self, id: u64) -> Option<Cut> {
        self.lock().remove(&id)?.cut
    }

    /// Ends every connection whose local address is gone. Returns how many.
    pub fn cut_where_gone(&self, exists: impl Fn(Ipv4Addr) -> bool) -> usize {
        self.cut(Cut::AddressGone, |connection| connection.upstream.is_some_and(|socket| !exists(socket.local)))
    }

    /// Ends every connection. Returns how many.
    pub fn cut_all(&self, why: Cut) -> usize {
        self.cut(why, |_| true)
    }

    fn cut(&self, why: Cut, which: impl Fn(&Connection) -> bool) -> usize {
        let mut connections = self.lock();
        let chosen = connections.values_mut().filter(|connection| which(connection));
        chosen
            .map(|connection| {
                connection.cut = Some(why);
                connection.abort.abort();
            })
            .count()
    }

    /// Has the kernel probe every idle upstream within `idle`, instead of when its time comes.
    pub fn probe_within(&self, idle: Duration) {
        for connection in self.lock().values() {
            let Some(socket) = connection.upstream else { continue };
            #[expect(unsafe_code, reason = "a borrowed descriptor spares each connection a second one")]
            // SAFETY: an entry is removed, under this same lock, before its socket is closed; we hold the lock.
            let fd = unsafe { BorrowedFd::borrow_raw(socket.fd) };
            // A socket that is dead already cannot be probed, and need not.
            let _ = set_keepalive_idle(&fd, idle);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
