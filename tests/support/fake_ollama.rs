//! Something that listens where Ollama should: Ollama itself, as far as a forwarder can tell, or one of the things that
//! are found there instead. It remembers every byte that it was sent, and by which address it was reached.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{Shutdown as ShutdownSocket, shutdown};
use socket2::SockRef;

pub(crate) const VERSION: &str = "0.33.0";

/// One line every so often, so that a stream is never silent for long.
const STREAM_PACE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Ollama,
    /// Accepts and resets at once: a portproxy whose target is dead.
    Resets,
    /// Accepts and says nothing.
    Mute,
    /// Speaks first, and not HTTP.
    Ssh,
    /// HTTP, status 200 to everything, but not Ollama: a router's pages, a captive portal.
    Website,
}

/// One connection, as the upstream saw it.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// The address by which it was reached.
    pub(crate) at: SocketAddr,
    pub(crate) text: String,
}

impl Heard {
    /// Nothing but the question "who are you?".
    pub(crate) fn is_only_a_probe(&self) -> bool {
        self.text.is_empty()
            || (self.text.starts_with("GET /api/version ") && self.text.matches("HTTP/1.1\r\n").count() == 1)
    }
}

/// Lives until dropped; then its port is free and its connections are reset, as when a process is killed.
pub(crate) struct FakeOllama {
    listener: Arc<TcpListener>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl FakeOllama {
    pub(crate) fn on(listener: TcpListener, manner: Manner) -> Self {
        let listener = Arc::new(listener);
        let shared = Arc::new(Shared::default());
        let accepting = thread::spawn({
            let (listener, shared) = (Arc::clone(&listener), Arc::clone(&shared));
            move || accept(&listener, manner, &shared)
        });
        Self { listener, shared, accepting: Some(accepting) }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.shared.lock().heard.clone()
    }

    /// Waits until some connection was sent `what`.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, within: Duration) -> Heard {
        let until = Instant::now() + within;
        let mut state = self.shared.lock();
        loop {
            if let Some(heard) = state.heard.iter().find(|heard| heard.text.contains(what)) {
                return heard.clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what:?} did not arrive within {within:?}, but {:?}", state.heard);
            state = self.shared.news.wait_timeout(state, left).unwrap().0;
        }
    }

    /// From now on questions are heard and answered only after `release`.
    pub(crate) fn hold(&self) {
        self.shared.lock().holds = true;
    }

    pub(crate) fn release(&self) {
        self.shared.lock().holds = false;
        self.shared.news.notify_all();
    }

    /// Resets every open connection; goes on listening.
    pub(crate) fn cut(&self) {
        let mut state = self.shared.lock();
        state.cuts += 1;
        for stream in state.open.drain(..) {
            drop(SockRef::from(&*stream).set_linger(Some(Duration::ZERO)));
            // Wakes a blocked reader and sends nothing; the last owner's close is what sends the RST.
            drop(stream.shutdown(Shutdown::Read));
        }
        drop(state);
        self.shared.news.notify_all();
    }
}

impl Drop for FakeOllama {
    fn drop(&mut self) {
        let _ = shutdown(self.listener.as_raw_fd(), ShutdownSocket::Both);
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
        self.cut();
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    heard: Vec<Heard>,
    open: Vec<Arc<TcpStream>>,
    holds: bool,
    cuts: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that has failed is no reason for its clean-up to fail, too.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, manner: Manner, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let stream = Arc::new(stream);
        let mut state = shared.lock();
        let at = stream.local_addr().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into());
        state.heard.push(Heard { at, text: String::new() });
        let mut conn = Conn {
            number: state.heard.len() - 1,
            cuts: state.cuts,
            stream,
            held: Vec::new(),
            shared: Arc::clone(shared),
        };
        if manner == Manner::Resets {
            drop(SockRef::from(&*conn.stream).set_linger(Some(Duration::ZERO)));
        } else {
            state.open.push(Arc::clone(&conn.stream));
            // An error is the client's leaving: nothing to report, the client's side is what a test looks at.
            thread::spawn(move || drop(conn.serve(manner)));
        }
        drop(state);
        shared.news.notify_all();
    }
}

struct Conn {
    stream: Arc<TcpStream>,
    number: usize,
    /// How many cuts had been made when it was accepted: one more ends it.
    cuts: u64,
    held: Vec<u8>,
    shared: Arc<Shared>,
}

impl Conn {
    fn serve(&mut self, manner: Manner) -> io::Result<()> {
        match manner {
            Manner::Ollama => self.be_ollama(),
            Manner::Resets => Ok(()),
            Manner::Mute => self.listen_only(),
            Manner::Ssh => {
                self.say("SSH-2.0-OpenSSH_for_Windows_9.5\r\n")?;
                self.listen_only()
            }
            Manner::Website => {
                while self.next_head()?.is_some() {
                    self.say(&whole("200 OK", "text/html", "<title>Router login</title>"))?;
                }
                Ok(())
            }
        }
    }

    fn be_ollama(&mut self) -> io::Result<()> {
        while let Some(head) = self.next_head()? {
            self.wait_for_release();
            let path = head.split(' ').nth(1).unwrap_or("/");
            match path {
                "/" => self.say(&whole("200 OK", "text/plain", "Ollama is running"))?,
                "/api/version" => self.say(&json(&format!(r#"{{"version":"{VERSION}"}}"#)))?,
                "/api/tags" => self.say(&json(r#"{"models":[{"name":"demo:latest"}]}"#))?,
                "/stream" => self.stream_lines(u64::MAX)?,
                "/think" => {
                    self.stream_lines(1)?;
                    return self.listen_only();
                }
                "/break" => {
                    self.stream_lines(3)?;
                    return SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO));
                }
                "/upload" => self.swallow_body(&head)?,
                _ => self.say(&whole("404 Not Found", "text/plain", "404 page not found"))?,
            }
            if head.to_ascii_lowercase().contains("connection: close") {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Chunked NDJSON, line by line, until the client leaves, somebody cuts, or `count` is reached.
    fn stream_lines(&mut self, count: u64) -> io::Result<()> {
        self.say("HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n")?;
        for n in 0..count {
            let line = format!("{{\"n\":{n}}}\n");
            self.say(&format!("{:x}\r\n{line}\r\n", line.len()))?;
            self.pause(STREAM_PACE)?;
        }
        Ok(())
    }

    fn swallow_body(&mut self, head: &str) -> io::Result<()> {
        let head = head.to_ascii_lowercase();
        let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        let length: usize = length.unwrap_or(0);
        let mut got = std::mem::take(&mut self.held).len();
        while got < length {
            got += self.read_some()?.len();
        }
        self.say(&json(&format!(r#"{{"received":{got}}}"#)))
    }

    fn listen_only(&mut self) -> io::Result<()> {
        while !self.next_bytes()?.is_empty() {}
        Ok(())
    }

    fn next_head(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.held.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = self.held.drain(..end + 4).collect::<Vec<_>>();
                return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
            }
            let bytes = self.next_bytes()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            self.held.extend(bytes);
        }
    }

    /// Read and remembered; empty at the end.
    fn next_bytes(&mut self) -> io::Result<Vec<u8>> {
        let bytes = self.read_some()?;
        let mut state = self.shared.lock();
        // A socket whose reading was shut down still gives what arrives before it is closed.
        if state.cuts != self.cuts {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        state.heard[self.number].text.push_str(&String::from_utf8_lossy(&bytes));
        drop(state);
        self.shared.news.notify_all();
        Ok(bytes)
    }

    fn read_some(&mut self) -> io::Result<Vec<u8>> {
        let mut block = vec![0; 64 * 1024];
        let n = (&*self.stream).read(&mut block)?;
        block.truncate(n);
        Ok(block)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        (&*self.stream).write_all(text.as_bytes())
    }

    fn wait_for_release(&self) {
        let state = self.shared.lock();
        drop(self.shared.news.wait_while(state, |state| state.holds && state.cuts == self.cuts));
    }

    fn pause(&self, pace: Duration) -> io::Result<()> {
        let state = self.shared.lock();
        let (state, waited) =
            self.shared.news.wait_timeout_while(state, pace, |state| state.cuts == self.cuts).unwrap();
        drop(state);
        if waited.timed_out() { Ok(()) } else { Err(io::ErrorKind::ConnectionAborted.into()) }
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.shared.lock().open.retain(|stream| !Arc::ptr_eq(stream, &self.stream));
    }
}

fn json(body: &str) -> String {
    whole("200 OK", "application/json; charset=utf-8", body)
}

fn whole(status: &str, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
