//! Listening sockets that were handed to us: by a socket unit of the user's, or by systemd's store, in which the run before
//! us left its own (`sd_listen_fds(3)`, systemd.service(5) "`FileDescriptorStoreMax=`").
//!
//! Whoever connects while nobody accepts waits in such a socket, and is not refused.

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::SockRef;

use super::listen::Listener;

/// What was handed over and nobody has claimed yet.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(SocketAddr, TcpListener)>,
}

impl Inherited {
    /// Takes what was handed to this very process. To be called once, before it opens anything and has a second thread.
    pub fn take() -> Self {
        // A shell that a service started has the variables, too; without the number they could mean anybody.
        let is_for_us = std::env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
        let mut handed = if is_for_us { ListenFd::from_env() } else { ListenFd::empty() };
        // What is no TCP socket is none of our own, and stays unused.
        let sockets = (0..handed.len()).filter_map(|at| handed.take_tcp_listener(at).ok().flatten());
        Self { sockets: sockets.filter_map(known).collect() }
    }

    /// The one that listens on `address`. Must be called within the event loop.
    pub fn claim(&mut self, address: SocketAddr) -> Option<Listener> {
        let wanted = plain(address);
        let at = self.sockets.iter().position(|(local, _)| plain(*local) == wanted)?;
        let (local, socket) = self.sockets.swap_remove(at);
        Listener::adopt(socket, address, local.ip() != local.ip().to_canonical()).ok()
    }

    /// Closes what nobody has claimed, and tells which these were.
    pub fn close_rest(self) -> Vec<SocketAddr> {
        self.sockets.into_iter().map(|(local, _)| plain(local)).collect()
    }
}

/// With its address. None: it does not listen, or has none.
fn known(socket: TcpListener) -> Option<(SocketAddr, TcpListener)> {
    let listens = SockRef::from(&socket).is_listener().unwrap_or(false);
    Some((socket.local_addr().ok().filter(|_| listens)?, socket))
}

/// The mapped form, which hides a listener from Windows, serves the same clients ([`super::listen`]).
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if these had been handed over.
    fn handed(addresses: &[&str]) -> (Inherited, Vec<SocketAddr>) {
        let sockets = addresses.iter().map(|address| TcpListener::bind(address).unwrap());
        let sockets: Vec<_> = sockets.filter_map(known).collect();
        let at = sockets.iter().map(|(local, _)| plain(*local)).collect();
        (Inherited { sockets }, at)
    }

    #[tokio::test]
    async fn only_what_is_configured_is_taken_over() {
        let (mut inherited, at) = handed(&["127.0.0.1:0", "127.0.0.2:0"]);
        let listener = inherited.claim(at[0]).unwrap();
        assert_eq!((listener.address, listener.hidden), (at[0], false));
        assert!(inherited.claim(at[0]).is_none(), "it has been given away");
        assert!(inherited.claim(SocketAddr::new(at[1].ip(), at[0].port())).is_none());
        assert_eq!(inherited.close_rest(), [at[1]]);
        assert!(TcpListener::bind(at[1]).is_ok(), "what was not taken is free again");
    }

    #[tokio::test]
    async fn one_that_hides_from_windows_goes_on_hiding() {
        let (mut inherited, at) = handed(&["[::ffff:127.0.0.1]:0"]);
        let listener = inherited.claim(at[0]).unwrap();
        assert!(at[0].is_ipv4() && listener.hidden);
        assert_eq!(listener.address, at[0]);
    }

    #[test]
    fn what_does_not_listen_is_left() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        assert!(known(socket.into()).is_none());
    }
}
