//! Binds listeners.
//!
//! In WSL a listener on 127.0.0.1 is copied to Windows: `wslrelay.exe` binds the same port there, and Ollama cannot
//! start, or traffic runs in a circle. A listener on `[::ffff:127.0.0.1]` serves exactly the same clients, and wslrelay
//! skips it (WSL, `localhost.cpp`: it looks at IPv6 addresses whose first three words are zero only). That is the mapped form.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use rustix::io::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Error)]
pub enum BindError {
    #[error("cannot listen on {0}: the port is taken")]
    Taken(SocketAddr),
    #[error("cannot listen on {0}: not an address of this machine")]
    NotOurs(SocketAddr),
    #[error("cannot listen on {0}: not allowed")]
    Denied(SocketAddr),
    #[error("cannot listen on {0}")]
    Other(SocketAddr, #[source] io::Error),
}

/// A bound socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    /// As the user wrote it; never the mapped form.
    pub address: SocketAddr,
    /// Bound in the form that wslrelay does not copy to Windows.
    pub hidden: bool,
}

/// 256 clients at once must not wait for a second SYN; the kernel cuts this to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Binds `address` and listens. With `hide_from_windows`, an IPv4 loopback address is bound in its mapped form where the
/// kernel has IPv6 at all.
pub fn bind(address: SocketAddr, hide_from_windows: bool) -> Result<Listener, BindError> {
    if hide_from_windows
        && let IpAddr::V4(ip) = address.ip()
        && ip.is_loopback()
    {
        let mapped = SocketAddr::from((ip.to_ipv6_mapped(), address.port()));
        match open(mapped) {
            Err(error) if has_no_ipv6(&error) => {}
            opened => return finish(opened, address, true),
        }
    }
    finish(open(address), address, false)
}

fn finish(opened: io::Result<TcpListener>, address: SocketAddr, hidden: bool) -> Result<Listener, BindError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest of the system's errors speak for themselves")]
    let listener = opened.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken(address),
        io::ErrorKind::AddrNotAvailable => BindError::NotOurs(address),
        io::ErrorKind::PermissionDenied => BindError::Denied(address),
        _ => BindError::Other(address, error),
    })?;
    let port = listener.local_addr().map_or(address.port(), |local| local.port());
    Ok(Listener { socket: listener, address: SocketAddr::new(address.ip(), port), hidden })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if let IpAddr::V6(ip) = address.ip() {
        socket.set_only_v6(!is_mapped(ip))?;
    }
    // A restart must not wait for old connections in TIME_WAIT (RFC 9293, 3.4.2); two listeners still clash.
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it: one system call less a connection.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn is_mapped(ip: Ipv6Addr) -> bool {
    ip.to_ipv4_mapped().is_some()
}

fn has_no_ipv6(error: &io::Error) -> bool {
    error.raw_os_error().map(Errno::from_raw_os_error) == Some(Errno::AFNOSUPPORT)
}

impl Listener {
    /// A socket that listens already, under the name that the user gave it.
    pub fn adopt(socket: std::net::TcpListener, address: SocketAddr, hidden: bool) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // As `open` does; whoever made this one may not have.
        SockRef::from(&socket).set_tcp_nodelay(true)?;
        Ok(Self { socket: TcpListener::from_std(socket)?, address, hidden })
    }

    /// The bare socket, for a server that accepts by itself.
    pub fn into_tokio(self) -> TcpListener {
        self.socket
    }

    /// The next client, with its address as people know it.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.socket.poll_accept(cx).map_ok(|(stream, peer)| (stream, plain(peer)))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A client's address as people know it: a mapped address is the IPv4 one it stands for.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Where a listener is reached on this machine: one on all addresses on the loopback of its own family, as each serves only
/// that ([`bind`]).
pub fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listener.port())
}

/// Whether connecting to `address` would reach a listener on `listener`.
pub fn leads_to(address: SocketAddr, listener: SocketAddr) -> bool {
    let (goes, listens) = (address.ip().to_canonical(), listener.ip().to_canonical());
    let to_this_machine = goes.is_loopback() || goes.is_unspecified();
    address.port() == listener.port()
        && (goes == listens
            || (listens.is_unspecified() && to_this_machine)
            || (goes.is_unspecified() && listens.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_mapped_form_is_ipv6_to_the_kernel_and_ipv4_to_people() {
        let listener = bind("127.0.0.1:0".parse().unwrap(), true).unwrap();
        assert!(listener.hidden);
        assert!(listener.socket.local_addr().unwrap().is_ipv6());
        assert_eq!(listener.address.ip(), "127.0.0.1".parse::<IpAddr>().unwrap());
        let client = std::net::TcpStream::connect(listener.address).unwrap();
        let (_, peer) = std::future::poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn both_forms_clash_with_a_second_listener() {
        for (first, second) in [(true, true), (true, false), (false, true), (false, false)] {
            let held = bind("127.0.0.1:0".parse().unwrap(), first).unwrap();
            let clash = bind(held.address, second);
            assert!(matches!(clash, Err(BindError::Taken(_))), "{first} {second}");
        }
    }

    #[test]
    fn what_listens_everywhere_is_reached_on_the_loopback_of_its_family() {
        for (listener, at) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:2", "[::1]:2"),
            ("[::ffff:127.0.0.1]:3", "127.0.0.1:3"),
            ("192.168.1.2:4", "192.168.1.2:4"),
        ] {
            assert_eq!(reachable(listener.parse().unwrap()), at.parse().unwrap(), "{listener}");
        }
    }

    #[tokio::test]
    async fn only_ipv4_loopback_is_mapped() {
        let loopback6 = bind("[::1]:0".parse().unwrap(), true);
        assert!(loopback6.is_ok_and(|listener| !listener.hidden));
        assert!(!bind("127.0.0.1:0".parse().unwrap(), false).unwrap().hidden);
    }

    #[tokio::test]
    async fn an_address_of_somebody_else_is_told_apart() {
        let error = bind("192.0.2.1:0".parse().unwrap(), false).unwrap_err();
        assert!(matches!(error, BindError::NotOurs(_)));
    }

    #[track_caller]
    fn check(listener: &str, address: &str, same: bool) {
        assert_eq!(leads_to(address.parse().unwrap(), listener.parse().unwrap()), same);
    }

    #[test]
    fn the_same_address_and_port_is_a_loop() {
        check("127.0.0.1:11434", "127.0.0.1:11434", true);
        check("127.0.0.1:11434", "[::ffff:127.0.0.1]:11434", true);
        check("0.0.0.0:11434", "127.0.0.1:11434", true);
        check("127.0.0.1:11434", "0.0.0.0:11434", true);
    }

    #[test]
    fn another_port_or_host_is_no_loop() {
        check("127.0.0.1:11434", "127.0.0.1:11435", false);
        check("127.0.0.1:11434", "127.0.0.2:11434", false);
        check("127.0.0.1:11434", "172.24.0.1:11434", false);
        check("0.0.0.0:11434", "172.24.0.1:11434", false);
    }
}
