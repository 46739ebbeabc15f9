//! Ollama on Windows, for the bridge: says what a test has it say, to the n-th request for a generation.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::SockRef;

use crate::forward::SOON;

pub(crate) const MODEL: &str = "qwen3:14b";

#[derive(Clone, Debug)]
pub(crate) enum Say {
    Text(&'static str),
    /// Nothing more until the test says this word.
    Hold(&'static str),
    Done,
}

#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) body: Value,
    /// The address at which it came.
    pub(crate) at: SocketAddr,
}

impl Ask {
    /// What the model is told that it has said already.
    pub(crate) fn said(&self) -> Option<&str> {
        let last = self.body["messages"].as_array()?.last()?;
        (last["role"] == "assistant").then(|| last["content"].as_str()).flatten()
    }
}

/// Lives until dropped; then its connections are reset, as when a process is killed.
pub(crate) struct Ollama {
    shared: Arc<Shared>,
    listener: TcpListener,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    answers: Vec<Vec<Say>>,
    asks: Vec<Ask>,
    released: HashSet<&'static str>,
    open: Vec<Arc<TcpStream>>,
    over: bool,
}

impl Ollama {
    /// `answers` in the order of the requests.
    pub(crate) fn on(listener: TcpListener, answers: &[&[Say]]) -> Self {
        let shared = Arc::new(Shared::default());
        shared.lock().answers = answers.iter().map(|answer| answer.to_vec()).collect();
        let (of_thread, accepting) = (Arc::clone(&shared), listener.try_clone().unwrap());
        thread::spawn(move || accept(&accepting, &of_thread));
        Self { shared, listener }
    }

    pub(crate) fn release(&self, word: &'static str) {
        self.shared.lock().released.insert(word);
        self.shared.news.notify_all();
    }

    pub(crate) fn asks(&self) -> Vec<Ask> {
        self.shared.lock().asks.clone()
    }

    /// The request with this number, from 0, once it has come.
    #[track_caller]
    pub(crate) fn ask(&self, number: usize) -> Ask {
        let until = Instant::now() + SOON;
        let mut state = self.shared.lock();
        loop {
            if let Some(ask) = state.asks.get(number) {
                return ask.clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no request {number} within {SOON:?}, only {:?}", state.asks);
            state = self.shared.news.wait_timeout(state, left).unwrap().0;
        }
    }
}

impl Drop for Ollama {
    fn drop(&mut self) {
        drop(SockRef::from(&self.listener).shutdown(Shutdown::Both));
        let mut state = self.shared.lock();
        state.over = true;
        for stream in state.open.drain(..) {
            drop(SockRef::from(&*stream).set_linger(Some(Duration::ZERO)));
            // Wakes whoever reads; the last owner's close sends the RST.
            drop(stream.shutdown(Shutdown::Read));
        }
        drop(state);
        self.shared.news.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that has failed is no reason for its clean-up to fail, too.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let stream = Arc::new(stream);
        let mut state = shared.lock();
        if state.over {
            return;
        }
        state.open.push(Arc::clone(&stream));
        drop(state);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // An error is the client's leaving.
            drop(serve(&stream, &shared));
            shared.lock().open.retain(|open| !Arc::ptr_eq(open, &stream));
        });
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader)? {
        if path != "/api/chat" {
            let body = match path.as_str() {
                "/api/version" => json!({"version": "0.33.0"}),
                "/api/show" => json!({"capabilities": ["completion", "tools", "thinking"]}),
                _ => json!({"models": [{"name": MODEL, "model": MODEL, "context_length": 4096}]}),
            };
            write(stream, &whole(&body.to_string()))?;
            continue;
        }
        let mut state = shared.lock();
        let number = state.asks.len();
        state.asks.push(Ask { body, at: stream.local_addr()? });
        let answer = state.answers.get(number).cloned().unwrap_or_default();
        drop(state);
        shared.news.notify_all();
        tell(stream, shared, &answer)?;
    }
    Ok(())
}

fn tell(stream: &TcpStream, shared: &Shared, answer: &[Say]) -> io::Result<()> {
    let mut begun = false;
    for say in answer {
        let (text, done) = match say {
            Say::Text(text) => (*text, false),
            Say::Done => ("", true),
            Say::Hold(word) => {
                let state = shared.lock();
                let held = |state: &mut State| !state.released.contains(word) && !state.over;
                let state = shared.news.wait_while(state, held).unwrap_or_else(PoisonError::into_inner);
                if state.over {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                continue;
            }
        };
        let mut record = json!({"model": MODEL, "message": {"role": "assistant", "content": text}, "done": done});
        if done {
            record["done_reason"] = json!("stop");
        }
        if !begun {
            write(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n",
            )?;
            begun = true;
        }
        let line = format!("{record}\n");
        write(stream, &format!("{:x}\r\n{line}\r\n", line.len()))?;
    }
    write(stream, "0\r\n\r\n")
}

fn write(mut stream: &TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())
}

fn whole(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Path and body. `None` once the client has closed between two requests.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, Value)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path, serde_json::from_slice(&body).unwrap_or_default())))
}
