//! Ollama as the doctor sees it: what it tells of itself and its models, and the ways in which it can be odd.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{Shutdown as ShutdownSocket, shutdown};
use serde_json::{Value, json};

/// What it tells.
#[derive(Debug, Clone)]
pub(crate) struct Says {
    pub(crate) version: &'static str,
    /// Name and capabilities.
    pub(crate) models: Vec<(&'static str, Vec<&'static str>)>,
    /// Name, context in tokens, size, and how much of it is on the graphics card.
    pub(crate) loaded: Vec<(&'static str, u64, u64, u64)>,
    /// By how many seconds its clock is ahead.
    pub(crate) clock_ahead: i64,
    pub(crate) quirk: Quirk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    None,
    /// `/api/ps` does not answer: a model is being loaded.
    Loads,
    /// Of a large body nothing but the beginning arrives: a black hole for large packets.
    LosesLargeBodies,
    /// Lists of models break off in the middle.
    BreaksOff,
}

impl Default for Says {
    fn default() -> Self {
        Self {
            version: "0.33.0",
            models: vec![("qwen3:14b", vec!["completion", "tools", "thinking"])],
            loaded: vec![("qwen3:14b", 32_768, 9_000_000_000, 9_000_000_000)],
            clock_ahead: 0,
            quirk: Quirk::None,
        }
    }
}

/// Lives until dropped.
pub(crate) struct Ollama {
    listener: Arc<TcpListener>,
    accepting: Option<JoinHandle<()>>,
    open: Arc<Mutex<Vec<Arc<TcpStream>>>>,
}

impl Ollama {
    pub(crate) fn on(listener: TcpListener, says: Says) -> Self {
        let (listener, says) = (Arc::new(listener), Arc::new(says));
        let open: Arc<Mutex<Vec<Arc<TcpStream>>>> = Arc::default();
        let accepting = thread::spawn({
            let (listener, open) = (Arc::clone(&listener), Arc::clone(&open));
            move || {
                while let Ok((stream, _)) = listener.accept() {
                    let stream = Arc::new(stream);
                    open.lock().unwrap().push(Arc::clone(&stream));
                    let says = Arc::clone(&says);
                    // An error is the client's leaving.
                    thread::spawn(move || drop(converse(&stream, &says)));
                }
            }
        });
        Self { listener, accepting: Some(accepting), open }
    }
}

impl Drop for Ollama {
    fn drop(&mut self) {
        let _ = shutdown(self.listener.as_raw_fd(), ShutdownSocket::Both);
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
        for stream in self.open.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn converse(stream: &TcpStream, says: &Says) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut length, mut chunked) = (0, false);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            match header.split_once(':') {
                None => break,
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(("transfer-encoding", _)) => chunked = true,
                Some(_) => {}
            }
        }
        assert!(!chunked, "the doctor and the forward know how long their questions are");
        if says.quirk == Quirk::LosesLargeBodies && length > 16_384 {
            // Nothing more is read: what is under way stays under way.
            return wait_for_the_end(stream);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        answer(stream, says, &path, &asked)?;
    }
}

/// Until the client leaves; its bytes stay in the kernel.
fn wait_for_the_end(stream: &TcpStream) -> io::Result<()> {
    nix::poll::poll(&mut [PollFd::new(stream.as_fd(), PollFlags::empty())], 20_000u16)?;
    Ok(())
}

fn answer(mut stream: &TcpStream, says: &Says, path: &str, asked: &Value) -> io::Result<()> {
    let name = asked["model"].as_str().unwrap_or_default();
    let model = says.models.iter().find(|(known, _)| *known == name);
    let (status, body) = match path {
        "/api/version" => (200, json!({"version": says.version})),
        "/api/tags" => {
            let models: Vec<Value> = says.models.iter().map(|(name, _)| json!({"name": name, "model": name})).collect();
            (200, json!({"models": models}))
        }
        "/api/ps" if says.quirk == Quirk::Loads => return wait_for_the_end(stream),
        "/api/ps" => {
            let loaded = says.loaded.iter().map(|(name, context, size, vram)| {
                json!({"name": name, "model": name, "context_length": context, "size": size, "size_vram": vram})
            });
            (200, json!({"models": loaded.collect::<Vec<_>>()}))
        }
        "/api/show" => match model {
            Some((_, capabilities)) => (
                200,
                json!({
                    "capabilities": capabilities, "parameters": "", "details": {"family": "qwen3"},
                    "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40_960},
                }),
            ),
            None => (404, json!({"error": format!("model '{name}' not found")})),
        },
        _ => (404, json!({"error": "404 page not found"})),
    };
    let body = body.to_string();
    let date = date(says.clock_ahead);
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ndate: {date}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if says.quirk == Quirk::BreaksOff && path == "/api/tags" {
        stream.write_all(&body.as_bytes()[..body.len() / 2])?;
        return stream.shutdown(Shutdown::Both);
    }
    stream.write_all(body.as_bytes())
}

/// RFC 9110, 5.6.7.
fn date(ahead: i64) -> String {
    let now: chrono::DateTime<chrono::Utc> = SystemTime::now().into();
    (now + chrono::TimeDelta::seconds(ahead)).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
