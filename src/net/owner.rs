//! Who listens on a port? The kernel's socket table (`man 7 sock_diag`) gives inode and user, `/proc/*/fd` the process.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr as Address};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags, Timer};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};

/// The holder of a listening socket, as far as we may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    /// None where the process belongs to another user, or lives outside our namespace.
    pub process: Option<Process>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// The program's name (`/proc/PID/comm`, cut to 15 letters by the kernel).
    pub name: String,
    /// The command line, words separated by spaces; empty where we may not see it.
    pub command: String,
}

/// A socket that listens, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    pub address: Address,
    pub owner: Owner,
}

impl Owner {
    /// The user's name, or his number.
    pub fn user(&self) -> String {
        user_name(self.uid)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = user_name(self.uid);
        match &self.process {
            Some(Process { pid, name, .. }) => write!(f, "{name} (pid {pid}, user {user})"),
            None => write!(f, "a process of user {user}"),
        }
    }
}

/// The holders of listening TCP sockets on `port`, whatever their address.
pub fn owners_of(port: u16) -> io::Result<Vec<Owner>> {
    let mut owners: Vec<Owner> = Vec::new();
    for Listening { owner, .. } in listeners_on(|address| address.port() == port)? {
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    Ok(owners)
}

/// The listening TCP sockets of this network namespace whose address is `wanted`.
pub fn listeners_on(wanted: impl Fn(Address) -> bool) -> io::Result<Vec<Listening>> {
    let mut found = Vec::new();
    for family in [AF_INET, AF_INET6] {
        for header in sockets(family, StateFlags::LISTEN)? {
            let address = Address::new(as_written(&header.socket_id, family), header.socket_id.source_port);
            if wanted(address) {
                let owner = Owner { uid: header.uid, process: process_with_socket(header.inode) };
                found.push(Listening { address, owner });
            }
        }
    }
    Ok(found)
}

/// How many established connections to `upstream` have a keepalive timer (`man 7 tcp`), and how many have none. One that has
/// data under way shows the timer of that instead: it counts as one that has.
pub fn kept_alive(upstream: Address) -> io::Result<(usize, usize)> {
    let family = if upstream.is_ipv4() { AF_INET } else { AF_INET6 };
    let (mut with, mut without) = (0, 0);
    for header in sockets(family, StateFlags::ESTABLISHED)? {
        let id = &header.socket_id;
        if id.destination_port == upstream.port() && id.destination_address == upstream.ip() {
            match header.timer {
                Some(Timer::KeepAlive(_) | Timer::Retransmit(..) | Timer::Probe(_) | Timer::TimeWait) => with += 1,
                None => without += 1,
            }
        }
    }
    Ok((with, without))
}

/// A socket of the other family that serves IPv4 clients stays in that family: `[::ffff:127.0.0.1]` is not `127.0.0.1` to WSL.
fn as_written(id: &SocketId, family: u8) -> IpAddr {
    match id.source_address {
        IpAddr::V4(ip) if family == AF_INET6 => IpAddr::V6(ip.to_ipv6_mapped()),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    }
}

/// The TCP sockets in these states.
fn sockets(family: u8, states: StateFlags) -> io::Result<Vec<InetResponseHeader>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&request(family, states), 0)?;
    let mut found = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(io::Error::other)?;
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else the kernel says, the dump is over")]
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(answer)) => found.push(answer.header),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => return Ok(found),
            }
            // Messages are aligned to four bytes (NLMSG_ALIGN, netlink(7)).
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

fn request(family: u8, states: StateFlags) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let socket_id = if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() };
    let request = InetRequest { family, protocol: IPPROTO_TCP, extensions: ExtensionFlags::empty(), states, socket_id };
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// The process that holds the socket with this inode, if we may look into it.
fn process_with_socket(inode: u32) -> Option<Process> {
    let link = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pid = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| target.as_os_str() == link.as_str())
    })?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
    Some(Process { pid, name: name.trim().to_owned(), command })
}

/// The user's name from `/etc/passwd`, or the number.
fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&passwd, uid).map_or_else(|| uid.to_string(), str::to_owned)
}

/// The name of a user in the text of `/etc/passwd` (passwd(5)).
pub fn name_in(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listener_is_found_with_our_pid() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = std::net::TcpListener::bind(address).unwrap();
            let owners = owners_of(listener.local_addr().unwrap().port()).unwrap();
            let pids: Vec<_> = owners.iter().filter_map(|owner| Some(owner.process.as_ref()?.pid)).collect();
            assert_eq!(pids, [std::process::id()], "{address}");
        }
    }

    #[test]
    fn a_listener_is_found_with_its_address_and_command() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let found = listeners_on(|address| address.port() == ours.port()).unwrap();
        let [Listening { address, owner }] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(*address, ours);
        let command = &owner.process.as_ref().unwrap().command;
        assert!(command.contains("ollama_forward"), "the test program: {command}");
    }

    #[test]
    fn keepalive_is_seen_on_the_socket() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = listener.local_addr().unwrap();
        let plain = std::net::TcpStream::connect(upstream).unwrap();
        assert_eq!(kept_alive(upstream).unwrap(), (0, 1));
        socket2::SockRef::from(&plain).set_keepalive(true).unwrap();
        assert_eq!(kept_alive(upstream).unwrap(), (1, 0));
    }

    #[test]
    fn a_free_port_has_no_owner() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(owners_of(port).unwrap(), []);
    }

    #[test]
    fn uid_zero_has_a_name() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_000), "4000000000");
    }
}
