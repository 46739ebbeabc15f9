//! A small HTTP client over one plain socket. It says what a user's program would see: status, body, how it ended, when.
//! It knows nothing of namespaces: whoever holds a connected socket may hand it over.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How the other side left, as far as this side can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Fin,
    Reset,
    /// Nothing happened until the deadline of the test.
    Timeout,
}

/// Everything that came until the end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 when it was not HTTP, or nothing at all.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) ended: Ended,
    /// From the moment of the question.
    pub(crate) after: Duration,
}

impl Answer {
    /// The forwarder's own answer for "Windows cannot be reached", in Ollama's words.
    #[track_caller]
    pub(crate) fn is_unavailable(&self, codes: &[&str]) {
        assert_eq!((self.status, self.ended), (503, Ended::Fin), "{self:?}");
        let json = self.json();
        assert!(codes.iter().any(|code| json["code"] == *code), "{self:?}");
        assert!(json["error"].is_string() && json["hint"] == "ollama-forward doctor", "{self:?}");
        let head = self.head.to_ascii_lowercase();
        for line in ["content-type: application/json", "connection: close", "retry-after: 2"] {
            assert!(head.contains(line), "{line:?} is missing: {self:?}");
        }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.body) {
            Ok(json) => json,
            Err(e) => panic!("not JSON ({e}): {self:?}"),
        }
    }
}

pub(crate) struct Client {
    stream: TcpStream,
    /// Read but not yet asked for.
    held: Vec<u8>,
    /// A write has met the reset. The kernel tells it once: the read after it sees an ordinary end, tcp(7).
    broken: bool,
    asked: Instant,
}

impl Client {
    pub(crate) fn connect(to: SocketAddr, within: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, within)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, held: Vec::new(), broken: false, asked: Instant::now() })
    }

    /// Errors are not reported here: who writes to a dead connection learns it from the next read.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.asked = Instant::now();
        if let Err(e) = self.stream.write_all(bytes.as_ref()) {
            self.broken |= ended_by(&e) == Ended::Reset;
        }
    }

    pub(crate) fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost:11434\r\nconnection: close\r\n\r\n"));
    }

    /// Says that nothing more will be sent; still reads.
    pub(crate) fn finish(&mut self) {
        drop(self.stream.shutdown(Shutdown::Write));
    }

    /// Reads to the end of the connection, or to the deadline; then hangs up.
    pub(crate) fn answer(mut self, within: Duration) -> Answer {
        let ended = self.read_until(within, |_| false).expect_err("only an end stops it");
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or(("", &text));
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        Answer { status: status.unwrap_or(0), head: head.into(), body: body.into(), ended, after: self.asked.elapsed() }
    }

    /// How and when it ends, whatever else comes before.
    pub(crate) fn end(&mut self, within: Duration) -> (Ended, Duration) {
        let from = Instant::now();
        let ended = self.read_until(within, |_| false).expect_err("only an end stops it");
        self.held.clear();
        (ended, from.elapsed())
    }

    /// The next line that contains `what`; everything up to it is consumed.
    pub(crate) fn line(&mut self, what: &str, within: Duration) -> Result<String, Ended> {
        let is_there = |held: &[u8]| find_line(held, what);
        let (from, to) = self
            .read_until(within, |held| is_there(held).is_some())
            .map(|()| is_there(&self.held).expect("read_until has just seen it"))?;
        let line = String::from_utf8_lossy(&self.held[from..to]).into_owned();
        self.held.drain(..to);
        Ok(line)
    }

    /// Writes until the connection breaks: an upload into a hole. Returns how long that took.
    pub(crate) fn send_until_it_breaks(&mut self, within: Duration) -> (Ended, Duration) {
        let from = Instant::now();
        let block = [b'x'; 16 * 1024];
        loop {
            let left = within.saturating_sub(from.elapsed());
            if left.is_zero() {
                return (Ended::Timeout, from.elapsed());
            }
            self.stream.set_write_timeout(Some(left)).expect("not zero");
            match self.stream.write(&block) {
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return (ended_by(&e), from.elapsed()),
            }
        }
    }

    fn read_until(&mut self, within: Duration, enough: impl Fn(&[u8]) -> bool) -> Result<(), Ended> {
        let until = Instant::now() + within;
        let mut block = [0; 16 * 1024];
        while !enough(&self.held) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Ended::Timeout);
            }
            self.stream.set_read_timeout(Some(left)).expect("not zero");
            match self.stream.read(&mut block) {
                Ok(0) => return Err(if self.broken { Ended::Reset } else { Ended::Fin }),
                Ok(n) => self.held.extend_from_slice(&block[..n]),
                // A socket with a time limit is interrupted whenever the kernel stops the thread for a moment, signal(7).
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(ended_by(&e)),
            }
        }
        Ok(())
    }
}

fn find_line(held: &[u8], what: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    for line in held.split_inclusive(|b| *b == b'\n') {
        let to = from + line.len();
        if line.ends_with(b"\n") && String::from_utf8_lossy(line).contains(what) {
            return Some((from, to));
        }
        from = to;
    }
    None
}

#[expect(clippy::wildcard_enum_match_arm, reason = "io::ErrorKind is not ours and grows")]
fn ended_by(error: &io::Error) -> Ended {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => Ended::Reset,
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Ended::Timeout,
        _ => panic!("an end that this client does not know: {error:?}"),
    }
}
