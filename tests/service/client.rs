//! Clients of the forward: one question each.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A restart, a watchdog, and what the machine does beside.
const PATIENCE: Duration = Duration::from_secs(30);

/// A port that nobody has just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn ask(port: u16, request: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// What `GET /api/version` is answered with.
pub(crate) fn version(port: u16) -> io::Result<String> {
    let mut stream = ask(port, "GET /api/version HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

#[track_caller]
pub(crate) fn answers(port: u16) {
    let text = version(port).unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("demo"), "{text}");
}

/// An answer of the model, which comes in pieces: the first one has come.
pub(crate) struct Answer(TcpStream);

impl Answer {
    pub(crate) fn begun(port: u16) -> Self {
        let body = r#"{"model":"demo:latest","messages":[{"role":"user","content":"Hello"}]}"#;
        let head = "POST /api/chat HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
        let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let mut stream = ask(port, &request).unwrap();
        stream.read_exact(&mut [0; 64]).unwrap();
        Self(stream)
    }

    /// The rest of it.
    pub(crate) fn rest(mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        text
    }
}

/// A client that asks again and again, until it is told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    asks: JoinHandle<(u32, Vec<String>)>,
}

impl Load {
    pub(crate) fn on(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let asks = thread::spawn(move || {
            let (mut well, mut troubles) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) && troubles.len() < 10 {
                match version(port) {
                    Ok(text) if text.contains("demo") => well += 1,
                    Ok(text) => troubles.push(text),
                    Err(error) => troubles.push(error.to_string()),
                }
            }
            (well, troubles)
        });
        Self { stop, asks }
    }

    /// How many answers came, and what came instead of others.
    pub(crate) fn stop(self) -> (u32, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.asks.join().unwrap()
    }
}
