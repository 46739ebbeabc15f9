//! The world outside of the machine under test: it is looked up and called, it is told by nobody, and all of that is
//! remembered.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use crate::host::Host;

/// What every name leads to: TEST-NET-3 (RFC 5737), on the far side of the only way out.
const ANYWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// A query and an answer without EDNS fit (RFC 1035, 4.2.1); with it, what Codex sends does.
const PACKET: usize = 4096;
const HEADER: usize = 12;
/// RFC 1035, 3.2.2: the type of an IPv4 address.
const TYPE_A: [u8; 2] = [0, 1];

pub(crate) struct Outside {
    names: Arc<Mutex<BTreeSet<String>>>,
}

impl Outside {
    /// Gives `host` a way out that ends at its own door, and a name server that knows every name.
    pub(crate) fn around(host: &Host) -> Self {
        let server = name_server();
        host.ip_batch(
            "link set lo up\nlink add out type veth peer name far\naddr add 198.51.100.2/24 dev out\nlink set out up\nlink set far up\n\
             route add default via 198.51.100.1 dev out\n",
        );
        if !server.is_loopback() {
            host.ip(&format!("addr add {server}/32 dev lo"));
        }
        // Refused and not lost, so that nobody waits for it.
        host.nft(
            "table inet outside {
               counter left { }
               chain out {
                 type filter hook output priority 0;
                 oifname != \"out\" accept
                 meta l4proto { tcp, udp } counter name left
                 meta l4proto tcp reject with tcp reset
                 reject
               }
             }",
        );
        let socket = host.run(move || UdpSocket::bind((server, 53))).unwrap();
        let names = Arc::default();
        let told = Arc::clone(&names);
        // It ends with the process: nobody waits for a name server.
        thread::spawn(move || serve(&socket, &told));
        Self { names }
    }

    /// The names that were asked for, ever.
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The packets that would have left the machine.
    #[track_caller]
    pub(crate) fn left(host: &Host) -> u64 {
        let said = host.try_tool("nft", &["-j", "list", "counter", "inet", "outside", "left"], "");
        let said: Value = serde_json::from_str(&said.unwrap_or_else(|error| panic!("{error}"))).unwrap();
        let counters = said["nftables"].as_array().unwrap();
        counters.iter().find_map(|entry| entry["counter"]["packets"].as_u64()).expect("the counter is there")
    }
}

/// The first one that programs here are told to ask; without any they ask this machine (resolv.conf(5)).
fn name_server() -> Ipv4Addr {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut servers = text.lines().filter_map(|line| line.strip_prefix("nameserver")?.trim().parse().ok());
    servers.next().unwrap_or(Ipv4Addr::LOCALHOST)
}

fn serve(socket: &UdpSocket, names: &Mutex<BTreeSet<String>>) {
    let mut packet = [0; PACKET];
    while let Ok((size, peer)) = socket.recv_from(&mut packet) {
        let Some((name, answer)) = answer(&packet[..size]) else { continue };
        names.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        let _ = socket.send_to(&answer, peer);
    }
}

/// The name that is asked for, and that it is [`ANYWHERE`], or has no address of that kind. None: no query.
fn answer(query: &[u8]) -> Option<(String, Vec<u8>)> {
    let (mut at, mut labels) = (HEADER, Vec::new());
    loop {
        let size = usize::from(*query.get(at)?);
        let label = query.get(at + 1..at + 1 + size)?;
        at += 1 + size;
        if size == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
    }
    let question = query.get(HEADER..at + 4)?;
    let has_address = query[at..at + 2] == TYPE_A;
    let mut answer = query[..2].to_vec();
    // A response, recursion asked for and had, no error; one question, perhaps one answer.
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0]);
    answer.extend(question);
    if has_address {
        // The name above (a pointer), type A, class IN, for no time at all, four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(ANYWHERE.octets());
    }
    Some((labels.join("."), answer))
}

#[test]
fn a_query_is_understood_and_answered() {
    let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03API\x06openai\x03com\x00\x00\x01\x00\x01";
    let (name, said) = answer(query).unwrap();
    assert_eq!(name, "api.openai.com");
    assert_eq!(said[..8], *b"\x12\x34\x81\x80\x00\x01\x00\x01");
    assert!(said.ends_with(&ANYWHERE.octets()));
    let for_ipv6 = [&query[..query.len() - 4], b"\x00\x1c\x00\x01"].concat();
    assert_eq!(answer(&for_ipv6).unwrap().1[..8], *b"\x12\x34\x81\x80\x00\x01\x00\x00");
    assert_eq!(answer(&query[..20]), None);
}
