//! What makes loops: `wslrelay.exe`, which copies WSL's listeners to Windows' 127.0.0.1, and pumps such as portproxy.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::socket::{Shutdown as ShutdownSocket, shutdown};

use crate::host::Host;

/// The ports that `wslrelay` would bind on Windows at its next look (it looks once a second). Its rule: IPv4 listeners
/// of 127.0.0.1 and 0.0.0.0, IPv6 ones whose first three 32-bit words are zero.
pub(crate) fn ports_to_copy(wsl: &Host) -> Vec<u16> {
    let table = wsl.try_tool("ss", &["-ltnH"], "").unwrap();
    table.lines().filter_map(|line| copied_port(line.split_whitespace().nth(3)?)).collect()
}

pub(crate) fn copied_port(local: &str) -> Option<u16> {
    let (host, port) = local.rsplit_once(':')?;
    let host = host.split('%').next()?.trim_matches(['[', ']']);
    let is_copied = match host {
        "*" => true,
        host => match host.parse().ok()? {
            IpAddr::V4(v4) => v4.is_loopback() && v4.octets() == [127, 0, 0, 1] || v4.is_unspecified(),
            IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST || v6.is_unspecified(),
        },
    };
    is_copied.then(|| port.parse().ok())?
}

/// Takes connections on one host and carries each to a port of another, until dropped.
pub(crate) struct Pump {
    listener: Arc<TcpListener>,
    count: Arc<AtomicUsize>,
}

impl Pump {
    pub(crate) fn start(from: &Host, on: &str, to_host: &Host, to: &str) -> Self {
        let listener = Arc::new(from.listen(on));
        let count = Arc::new(AtomicUsize::new(0));
        let to: SocketAddr = to.parse().unwrap();
        let (taking, counting) = (Arc::clone(&listener), Arc::clone(&count));
        // What it accepts belongs where the listener does, what it dials belongs where the thread does.
        to_host.run(move || {
            thread::spawn(move || {
                while let Ok((near, _)) = taking.accept() {
                    counting.fetch_add(1, Ordering::Relaxed);
                    if let Ok(far) = TcpStream::connect(to) {
                        carry(near, far);
                    }
                }
            })
        });
        Self { listener, count }
    }

    /// Connections carried so far.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        let _ = shutdown(self.listener.as_raw_fd(), ShutdownSocket::Both);
    }
}

fn carry(near: TcpStream, far: TcpStream) {
    let (near, far) = (Arc::new(near), Arc::new(far));
    for (from, to) in [(Arc::clone(&near), Arc::clone(&far)), (far, near)] {
        thread::spawn(move || {
            drop(copy(&from, &to));
            drop(to.shutdown(Shutdown::Write));
        });
    }
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut block = [0; 4096];
    loop {
        match from.read(&mut block)? {
            0 => return Ok(()),
            n => to.write_all(&block[..n])?,
        }
    }
}
