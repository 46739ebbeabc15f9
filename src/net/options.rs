//! Socket options, and why each has its value. Only options are here.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// How the upstream side notices that its peer is gone. Measured: Linux waits 7200 s with keepalive on and for ever
/// without it; with these values a dead peer is noticed within 30 s, idle or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketPolicy {
    pub keepalive: Keepalive,
    /// `TCP_USER_TIMEOUT` (RFC 5482): how long sent data may stay unacknowledged. Overrides the keepalive count, so it should be
    /// the same total. Zero leaves the kernel's own (about 15 minutes).
    pub user_timeout: Duration,
}

/// `IDLE/INTERVAL/COUNT` of TCP keepalive (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    pub idle: Duration,
    pub interval: Duration,
    pub count: u32,
}

impl Default for SocketPolicy {
    fn default() -> Self {
        Self { keepalive: Keepalive::default(), user_timeout: Duration::from_secs(30) }
    }
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { idle: Duration::from_secs(15), interval: Duration::from_secs(5), count: 3 }
    }
}

impl Keepalive {
    fn to_socket2(self) -> TcpKeepalive {
        TcpKeepalive::new().with_time(self.idle).with_interval(self.interval).with_retries(self.count)
    }
}

/// For a socket that will connect to the upstream; must come before the connect, so that the handshake obeys it too.
///
/// The user timeout goes on this side only: a client that reads slowly has a zero window, and the timeout would kill it
/// (measured: after 20.5 s at 20 s).
pub fn prepare_upstream<S: std::os::fd::AsFd>(socket: &S, policy: &SocketPolicy) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&policy.keepalive.to_socket2())?;
    if !policy.user_timeout.is_zero() {
        socket.set_tcp_user_timeout(Some(policy.user_timeout))?;
    }
    Ok(())
}

/// For a client that is not on this machine: it can vanish without a word, which a loopback client cannot.
pub fn watch_over<S: std::os::fd::AsFd>(socket: &S, keepalive: Keepalive) -> io::Result<()> {
    SockRef::from(socket).set_tcp_keepalive(&keepalive.to_socket2())
}

/// Asks the kernel to probe an idle peer within `idle` from now; used after a sleep, when peers may be gone.
pub fn set_keepalive_idle<S: std::os::fd::AsFd>(socket: &S, idle: Duration) -> io::Result<()> {
    SockRef::from(socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(idle))
}

/// From now on, closing this socket resets the connection: a broken stream must not look like a finished one.
pub fn reset_on_close<S: std::os::fd::AsFd>(socket: &S) {
    // Fails only on a descriptor that is no socket.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}
