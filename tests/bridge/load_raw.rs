//! An upstream that answers each request with bytes of the test's choice, and hangs up.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::forward::SOON;

/// Said to the n-th request for a generation, from 0; `/api/version` is answered as by `version`.
type Say = dyn Fn(usize) -> Vec<u8> + Send + Sync;

pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Raw {
    /// One that says it is Ollama.
    pub(crate) fn new(say: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::saying(|_| whole("200 OK", r#"{"version":"0.33.0"}"#), say)
    }

    /// The same, at this address.
    pub(crate) fn at(address: SocketAddr, say: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind(address).unwrap(), |_| whole("200 OK", r#"{"version":"0.33.0"}"#), say)
    }

    /// `version` says the n-th answer to who it is.
    pub(crate) fn saying(
        version: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
        say: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), version, say)
    }

    fn on(
        listener: TcpListener,
        version: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
        say: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let says: Arc<(Box<Say>, Box<Say>, AtomicUsize)> =
            Arc::new((Box::new(version), Box::new(say), AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (says, count) = (Arc::clone(&says), Arc::clone(&count));
                // An error is the client's leaving.
                thread::spawn(move || drop(serve(&stream, &says.0, &says.1, &says.2, &count)));
            }
        });
        Self { address, asked }
    }

    /// How many generations were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(
    stream: &TcpStream,
    version: &Say,
    say: &Say,
    versions: &AtomicUsize,
    asked: &AtomicUsize,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOON))?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(());
    }
    let (mut line, mut length) = (String::new(), 0);
    while {
        line.clear();
        reader.read_line(&mut line)? > 2
    } {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let answer = if first.starts_with("POST /api/chat") || first.starts_with("POST /v1/chat") {
        say(asked.fetch_add(1, Ordering::SeqCst))
    } else if first.contains("/api/version") {
        version(versions.fetch_add(1, Ordering::SeqCst))
    } else {
        whole("404 Not Found", "{}")
    };
    (&*stream).write_all(&answer)?;
    stream.shutdown(Shutdown::Write)?;
    // Closed with something unread it would be a reset.
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).map(drop)
}

pub(crate) fn whole(status: &str, body: &str) -> Vec<u8> {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// What Ollama says.
pub(crate) fn speaks(text: &str) -> Vec<u8> {
    let record = |content: &str, end: &str| {
        format!("{{\"model\":\"m\",\"message\":{{\"role\":\"assistant\",\"content\":\"{content}\"}},\"done\":{end}}}\n")
    };
    whole("200 OK", &[record(text, "false"), record("", "true,\"done_reason\":\"stop\"")].concat())
}
