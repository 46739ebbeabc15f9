//! HTTP/1.1 messages, read from bare sockets to the letter.

use std::io::Read;
use std::net::TcpStream;

use crate::place::Lane;
use crate::wire::{head, say};

/// One message: its first line, its fields, its body without framing, and its trailers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) first: String,
    pub(crate) fields: Vec<String>,
    pub(crate) body: String,
    pub(crate) trailers: Vec<String>,
}

impl Message {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|field| {
            let (key, value) = field.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert!(self.first.starts_with(&format!("HTTP/1.1 {status} ")), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.field("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A forwarder that translates, before an upstream of bare sockets.
pub(crate) fn lane() -> Lane {
    Lane::with(&["--translate"])
}

/// The next message with a body, if its framing says that it has one.
#[track_caller]
pub(crate) fn message(stream: &TcpStream) -> Message {
    let mut message = bare(stream);
    if let Some(length) = message.field("content-length") {
        message.body = exactly(stream, length.parse().unwrap());
    } else if message.field("transfer-encoding").is_some() {
        while let Some(piece) = piece(stream) {
            message.body += &piece;
        }
        message.trailers = lines(stream);
    } else if message.first.starts_with("HTTP/") {
        let mut rest = Vec::new();
        { stream }.read_to_end(&mut rest).unwrap();
        message.body = String::from_utf8(rest).unwrap();
    }
    message
}

/// The next message, of which only the head is read.
#[track_caller]
pub(crate) fn bare(stream: &TcpStream) -> Message {
    let head = head(stream);
    let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
    let first = lines.next().unwrap();
    Message { first, fields: lines.collect(), body: String::new(), trailers: Vec::new() }
}

/// The next chunk; None for the end, after which there are no trailers.
#[track_caller]
pub(crate) fn chunk(stream: &TcpStream) -> Option<String> {
    let chunk = piece(stream);
    if chunk.is_none() {
        assert_eq!(line(stream), "");
    }
    chunk
}

#[track_caller]
fn piece(stream: &TcpStream) -> Option<String> {
    let size = line(stream);
    let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("{size:?} is no size"));
    if size == 0 {
        return None;
    }
    let piece = exactly(stream, size);
    assert_eq!(line(stream), "");
    Some(piece)
}

pub(crate) fn chunked(piece: &str) -> String {
    format!("{:x}\r\n{piece}\r\n", piece.len())
}

#[track_caller]
pub(crate) fn exactly(mut stream: &TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn lines(stream: &TcpStream) -> Vec<String> {
    std::iter::repeat_with(|| line(stream)).take_while(|line| !line.is_empty()).collect()
}

#[track_caller]
fn line(mut stream: &TcpStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

/// A whole exchange on connections that are there: what the upstream heard, and what the client got.
#[track_caller]
pub(crate) fn exchange(client: &TcpStream, upstream: &TcpStream, request: &str, answer: &str) -> (Message, Message) {
    say(client, request);
    let heard = message(upstream);
    say(upstream, answer);
    (heard, message(client))
}

pub(crate) const GET: &str = "GET /api/tags HTTP/1.1\r\nHost: localhost:11434\r\n\r\n";
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
