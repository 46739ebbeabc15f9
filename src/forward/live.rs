//! The open connections: which may be ended from outside, and why they were.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use tokio::task::AbortHandle;

use crate::fault::FaultId;
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

impl Cut {
    /// In the words of a closing record. A connection that was dropped without a reason ends because we do.
    pub fn reason(why: Option<Self>) -> (&'static str, Option<FaultId>) {
        match why {
            Some(Self::AddressGone) => {
                ("the local address is gone, nothing can arrive any more", Some(FaultId::UpstreamLost))
            }
            Some(Self::Loop) => ("it went in a circle", Some(FaultId::UpstreamLoop)),
            Some(Self::Stopping) | None => ("stopping", None),
        }
    }
}

#[derive(Debug, Default)]
pub struct Live {
    open: Mutex<Open>,
    probes: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    connections: HashMap<u64, Connection>,
    /// Sockets to an upstream elsewhere that belong to no connection for good.
    links: HashMap<u64, Link>,
    next_link: u64,
}

#[derive(Debug)]
struct Link {
    socket: UpstreamSocket,
    cut: Arc<AtomicBool>,
}

/// A socket that [`Live`] may end. Whoever holds it gives it back to [`Live::unwatch`] before the socket is closed.
#[derive(Debug)]
pub struct Watched {
    number: u64,
    cut: Arc<AtomicBool>,
}

impl Watched {
    /// The end of the stream that its user sees is our doing.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
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
    /// Valid while the entry is in the map: [`Live::remove`] and [`Live::unwatch`] come before the socket is closed.
    fd: RawFd,
}

impl UpstreamSocket {
    fn new(local: IpAddr, fd: RawFd) -> Option<Self> {
        let IpAddr::V4(local) = local.to_canonical() else { return None };
        Some(Self { local, fd })
    }

    /// Only while the lock of the map that holds it is held.
    fn borrow(&self) -> BorrowedFd<'_> {
        #[expect(unsafe_code, reason = "a borrowed descriptor spares each connection a second one")]
        // SAFETY: an entry is removed, under the lock that the caller holds, before its socket is closed.
        unsafe {
            BorrowedFd::borrow_raw(self.fd)
        }
    }
}

impl Live {
    pub(super) fn insert(&self, id: u64, abort: AbortHandle) {
        self.lock().connections.insert(id, Connection { abort, upstream: None, cut: None });
    }

    /// The connection has a socket to an upstream elsewhere. `fd` must stay open until [`Live::remove`].
    pub(super) fn connected(&self, id: u64, local: IpAddr, fd: RawFd) {
        let Some(socket) = UpstreamSocket::new(local, fd) else { return };
        if let Some(connection) = self.lock().connections.get_mut(&id) {
            connection.upstream = Some(socket);
        }
    }

    /// Forgets a connection. Must be called before its sockets are closed. Returns why we ended it, if we did.
    pub fn remove(&self, id: u64) -> Option<Cut> {
        self.lock().connections.remove(&id)?.cut
    }

    /// Watches over a socket to an upstream elsewhere that serves one connection after another. When its local address
    /// vanishes it is shut down, so that its user sees the end at once. `fd` must stay open until [`Live::unwatch`].
    pub fn watch(&self, local: IpAddr, fd: RawFd) -> Option<Watched> {
        let socket = UpstreamSocket::new(local, fd)?;
        let mut open = self.lock();
        let number = open.next_link;
        open.next_link += 1;
        let cut = Arc::new(AtomicBool::new(false));
        open.links.insert(number, Link { socket, cut: Arc::clone(&cut) });
        Some(Watched { number, cut })
    }

    /// Forgets a socket. Must be called before it is closed.
    pub fn unwatch(&self, watched: &Watched) {
        self.lock().links.remove(&watched.number);
    }

    /// How often all sockets were probed because the machine slept: what idled over that is not to be relied on.
    pub fn probes(&self) -> u64 {
        self.probes.load(Ordering::Relaxed)
    }

    /// Ends every connection whose local address is gone. Returns how many.
    pub fn cut_where_gone(&self, exists: impl Fn(Ipv4Addr) -> bool) -> usize {
        let mut open = self.lock();
        let gone = open.links.values().filter(|link| !exists(link.socket.local));
        let links = gone.map(Link::cut).count();
        links + open.cut(Cut::AddressGone, |connection| connection.upstream.is_some_and(|socket| !exists(socket.local)))
    }

    /// Ends every connection. Returns how many.
    pub fn cut_all(&self, why: Cut) -> usize {
        self.lock().cut(why, |_| true)
    }

    /// Has the kernel probe every idle upstream within `idle`, instead of when its time comes.
    pub fn probe_within(&self, idle: Duration) {
        self.probes.fetch_add(1, Ordering::Relaxed);
        let open = self.lock();
        let of_connections = open.connections.values().filter_map(|connection| connection.upstream.as_ref());
        for socket in of_connections.chain(open.links.values().map(|link| &link.socket)) {
            // A socket that is dead already cannot be probed, and need not.
            let _ = set_keepalive_idle(&socket.borrow(), idle);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn cut(&mut self, why: Cut, which: impl Fn(&Connection) -> bool) -> usize {
        let chosen = self.connections.values_mut().filter(|connection| which(connection));
        chosen
            .map(|connection| {
                connection.cut = Some(why);
                connection.abort.abort();
            })
            .count()
    }
}

impl Link {
    fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        // Fails only on a socket that has ended by itself.
        let _ = shutdown(self.socket.borrow(), Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    #[test]
    fn a_link_whose_address_is_gone_ends_for_its_user() {
        let live = Live::default();
        let (mut ours, _theirs) = pair();
        let watched = live.watch("172.20.0.9".parse().unwrap(), ours.as_raw_fd()).unwrap();
        assert_eq!(live.cut_where_gone(|ip| ip == Ipv4Addr::new(172, 20, 0, 9)), 0);
        assert!(!watched.is_cut());
        assert_eq!(live.cut_where_gone(|_| false), 1);
        assert!(watched.is_cut());
        assert_eq!(ours.read(&mut [0]).unwrap(), 0);
        live.unwatch(&watched);
        assert_eq!(live.cut_where_gone(|_| false), 0);
    }

    #[test]
    fn a_probe_is_remembered_by_those_that_idle() {
        let live = Live::default();
        let before = live.probes();
        live.probe_within(Duration::from_secs(1));
        assert_ne!(live.probes(), before);
    }
}
