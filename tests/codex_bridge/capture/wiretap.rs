//! Stands between Codex and the bridge, and keeps what each said to the other, to the byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use nix::sys::socket::{Shutdown as ShutdownSocket, shutdown};

use crate::wire;

/// One request and its answer, as they were on the wire.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) asked: Said,
    pub(crate) answered: Said,
}

#[derive(Debug)]
pub(crate) struct Said {
    /// The first line.
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Without the frames of chunks.
    pub(crate) body: Vec<u8>,
}

/// Both directions of a connection.
type Line = Arc<[Mutex<Vec<u8>>; 2]>;

pub(crate) struct Wiretap {
    pub(crate) address: SocketAddr,
    lines: Arc<Mutex<Vec<Line>>>,
    listener: Arc<TcpListener>,
    accepting: Option<JoinHandle<()>>,
}

impl Wiretap {
    pub(crate) fn before(bridge: SocketAddr) -> Self {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let accepting = thread::spawn({
            let (listener, lines) = (Arc::clone(&listener), Arc::clone(&lines));
            move || {
                while let Ok((codex, _)) = listener.accept() {
                    let line = Line::default();
                    lines.lock().unwrap().push(Arc::clone(&line));
                    thread::spawn(move || relay(&codex, &wire::connect(bridge), &line));
                }
            }
        });
        Self { address: listener.local_addr().unwrap(), lines, listener, accepting: Some(accepting) }
    }

    /// What was asked of a model, in order. Codex has a connection for each.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let lines = self.lines.lock().unwrap();
        let both = lines.iter().map(|line| line.each_ref().map(|bytes| bytes.lock().unwrap().clone()));
        both.filter(|[asked, _]| asked.starts_with(b"POST /v1/responses "))
            .map(|[asked, answered]| Heard { asked: read(&asked), answered: read(&answered) })
            .collect()
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        let _ = shutdown(self.listener.as_raw_fd(), ShutdownSocket::Both);
        drop(self.accepting.take().map(JoinHandle::join));
    }
}

fn relay(codex: &TcpStream, bridge: &TcpStream, line: &Line) {
    codex.set_nodelay(true).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| carry(codex, bridge, &line[0]));
        carry(bridge, codex, &line[1]);
    });
}

/// Until either leaves; then both are left.
fn carry(mut from: &TcpStream, mut to: &TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut block = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut block) {
        kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&block[..count]);
        if to.write_all(&block[..count]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        drop(stream.shutdown(Shutdown::Both));
    }
}

fn read(bytes: &[u8]) -> Said {
    let end = bytes.windows(4).position(|at| at == b"\r\n\r\n").expect("there is a whole head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let start = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into())).collect();
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = &bytes[end + 4..];
    Said { start, headers, body: if is_chunked { dechunked(body) } else { body.to_vec() } }
}

/// What of it has come.
fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|at| at == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        let piece = &bytes[end + 2..];
        body.extend_from_slice(&piece[..size.min(piece.len())]);
        bytes = piece.get(size + 2..).unwrap_or_default();
    }
    body
}
