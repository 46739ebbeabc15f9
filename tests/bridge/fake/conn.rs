//! The stand-in's side of one connection: reads requests, says what was planned, and notices who leaves.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::SockRef;

use super::{Ask, By, Shared, State};
use crate::script::{Opening, Reply, Shape, Step, Voice};

pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let stream = Arc::new(stream);
        let mut state = shared.lock();
        state.open.push(Arc::clone(&stream));
        let conn = Conn { stream, cuts: state.cuts, shared: Arc::clone(shared) };
        drop(state);
        // An error is the client's leaving, which is in its `Ask`.
        thread::spawn(move || drop(conn.serve()));
    }
}

struct Conn {
    stream: Arc<TcpStream>,
    /// How many cuts had been made when it was accepted: one more ends it.
    cuts: u64,
    shared: Arc<Shared>,
}

impl Conn {
    fn serve(&self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        let mut reader = BufReader::new(&*self.stream);
        while let Some(ask) = read_ask(&mut reader)? {
            let close = ask.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            if ["/api/chat", "/v1/chat/completions"].contains(&ask.path.as_str()) && ask.method == "POST" {
                self.generate(&ask)?;
            } else {
                self.inform(ask)?;
            }
            if close {
                break;
            }
        }
        Ok(())
    }

    /// What is no generation is answered at once.
    fn inform(&self, ask: Ask) -> io::Result<()> {
        let mut state = self.shared.lock();
        let (status, body) = information(&state, &ask);
        state.probes.push(ask);
        drop(state);
        self.shared.news.notify_all();
        self.whole(status, "content-type: application/json\r\n", &body)
    }

    fn generate(&self, ask: &Ask) -> io::Result<()> {
        let (number, reply) = self.choose(ask);
        self.shared.news.notify_all();
        thread::spawn({
            let (stream, shared) = (Arc::clone(&self.stream), Arc::clone(&self.shared));
            move || watch(&stream, &shared, number)
        });
        let mut voice = Voice {
            shape: self.shared.shape(),
            native: ask.path == "/api/chat",
            model: ask.body["model"].as_str().unwrap_or_default().into(),
            with_usage: ask.body["stream_options"]["include_usage"] == true,
            number,
            told: 0,
            calls: 0,
        };
        let told = self.tell(&reply, number, &mut voice);
        if told.is_ok() {
            self.shared.lock().asks[number].over = true;
        }
        told
    }

    /// Remembers the question and finds the answer.
    fn choose(&self, ask: &Ask) -> (usize, Reply) {
        let mut state = self.shared.lock();
        let number = state.asks.len();
        state.asks.push(ask.clone());
        let model = ask.body["model"].as_str().unwrap_or_default();
        let found = state.planned.iter().position(|plan| plan.is_it.as_ref().is_none_or(|is_it| is_it(ask)));
        let known = state.models.contains_key(model);
        let reply = match found {
            Some(at) => {
                let reply = match &state.planned[at].reply {
                    By::Script(reply) => reply.clone(),
                    By::Function(how) => how(ask),
                };
                if !state.planned[at].again {
                    state.planned.remove(at);
                }
                reply
            }
            None if !known => {
                let missing = format!("model '{model}' not found");
                if ask.path == "/api/chat" {
                    Reply::status(404, missing)
                } else {
                    let error = json!({"message": missing, "type": "not_found_error", "param": null, "code": null});
                    Reply::status(404, error)
                }
            }
            None => {
                state.unforeseen.push(ask.text.clone());
                Reply::status(500, "the test foresaw no such request")
            }
        };
        (number, reply)
    }

    fn tell(&self, reply: &Reply, number: usize, voice: &mut Voice) -> io::Result<()> {
        match &reply.opening {
            Opening::Whole { status, headers, body } => {
                for step in &reply.steps {
                    self.stand_still(step, number)?;
                }
                return self.whole(*status, headers, body);
            }
            Opening::Recorded(file) => return self.replay(file, reply.bytewise),
            Opening::Stream => {}
        }
        let mut begun = false;
        for step in &reply.steps {
            self.stand_still(step, number)?;
            let bytes = voice.tell(step);
            if !begun && (!bytes.is_empty() || matches!(step, Step::Head)) {
                begun = true;
                let kind = voice.content_type();
                self.say(
                    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n").as_bytes(),
                )?;
            }
            self.chunk(&bytes, reply.bytewise)?;
        }
        assert!(begun, "a reply without a word: say `head`");
        self.say(b"0\r\n\r\n")
    }

    /// The steps that say nothing.
    fn stand_still(&self, step: &Step, number: usize) -> io::Result<()> {
        match step {
            Step::Hold(word) => {
                self.shared.lock().held.insert(word);
                self.shared.news.notify_all();
                self.pause(number, Duration::MAX, |state| state.released.contains(word))
            }
            Step::Silence(time) => self.pause(number, *time, |_| false),
            Step::Stall => self.pause(number, Duration::MAX, |_| false),
            Step::Reset => {
                self.shared.lock().asks[number].over = true;
                SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO))?;
                self.stream.shutdown(Shutdown::Read)?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Step::HangUp => {
                self.shared.lock().asks[number].over = true;
                self.stream.shutdown(Shutdown::Both)?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Step::Head
            | Step::Thinking(_)
            | Step::Text(_)
            | Step::Call { .. }
            | Step::Fragment { .. }
            | Step::Done { .. }
            | Step::Error(_)
            | Step::Record(_)
            | Step::Raw(_) => Ok(()),
        }
    }

    /// Until the test allows to go on, or the time is over; ends with the client, too.
    fn pause(&self, number: usize, time: Duration, over: impl Fn(&State) -> bool) -> io::Result<()> {
        let gone = |state: &State| state.asks[number].left.is_some() || state.cuts != self.cuts;
        let waits = |state: &mut State| !over(state) && !gone(state);
        let state = self.shared.lock();
        let (state, _) = self.shared.news.wait_timeout_while(state, time, waits).unwrap();
        if gone(&state) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    fn replay(&self, file: &[u8], bytewise: bool) -> io::Result<()> {
        let body = file.windows(4).position(|at| at == b"\r\n\r\n").expect("a recorded answer has a head") + 4;
        self.say(&file[..body])?;
        let mut rest = &file[body..];
        while let Some(end) = rest.windows(2).position(|at| at == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
            self.chunk(&rest[end + 2..end + 2 + size], bytewise)?;
            rest = &rest[end + 2 + size + 2..];
        }
        self.say(b"0\r\n\r\n")?;
        // As recorded: `connection: close`.
        self.stream.shutdown(Shutdown::Write)
    }

    fn chunk(&self, bytes: &[u8], bytewise: bool) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        for piece in bytes.chunks(if bytewise { 1 } else { bytes.len() }) {
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            self.say(&chunk)?;
        }
        Ok(())
    }

    fn whole(&self, status: u16, headers: &str, body: &str) -> io::Result<()> {
        self.say(format!("HTTP/1.1 {status} -\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    fn say(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.stream).write_all(bytes)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.shared.lock().open.retain(|stream| !Arc::ptr_eq(stream, &self.stream));
    }
}

/// Notices that the client leaves; ends when it says more, or leaves.
fn watch(stream: &TcpStream, shared: &Shared, number: usize) {
    if matches!(stream.peek(&mut [0]), Ok(0) | Err(_)) {
        let ask = &mut shared.lock().asks[number];
        if !ask.over {
            ask.left = Some(Instant::now());
        }
    }
    shared.news.notify_all();
}

/// What Ollama tells about itself.
fn information(state: &State, ask: &Ask) -> (u16, String) {
    let shape = state.shape.expect("it is given at the start");
    let names = || state.models.keys();
    let value = match ask.path.as_str() {
        "/v1/models" => {
            let models: Vec<Value> = names().map(|name| json!({"id": name, "object": "model"})).collect();
            json!({"object": "list", "data": models})
        }
        _ if shape == Shape::OpenAi => return (404, r#"{"error":{"message":"File Not Found","code":404}}"#.into()),
        "/" => return (200, "Ollama is running".into()),
        "/api/version" => json!({"version": shape.version()}),
        "/api/tags" => {
            json!({"models": names().map(|name| json!({"name": name, "model": name})).collect::<Vec<_>>()})
        }
        "/api/ps" => {
            let loaded = names().filter(|_| !state.loading);
            let loaded = loaded.map(|name| json!({"name": name, "model": name, "context_length": 32_768, "size": 1}));
            json!({"models": loaded.collect::<Vec<_>>()})
        }
        "/api/show" => {
            let name = ["model", "name"].iter().find_map(|key| ask.body[key].as_str()).unwrap_or_default();
            let Some(capabilities) = state.models.get(name) else {
                return (404, json!({"error": format!("model '{name}' not found")}).to_string());
            };
            let info = json!({"general.architecture": "qwen3", "qwen3.context_length": 40_960});
            json!({"capabilities": capabilities, "model_info": info, "parameters": "", "details": {"family": "qwen3"}})
        }
        _ => return (404, "404 page not found".into()),
    };
    (200, value.to_string())
}

/// `None` once the client has closed between two requests.
fn read_ask(reader: &mut impl BufRead) -> io::Result<Option<Ask>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut ask = Ask { method, path, headers, body: Value::Null, text: String::new(), left: None, over: false };
    let bytes = read_body(reader, &ask)?;
    ask.body = serde_json::from_slice(&bytes).unwrap_or_default();
    ask.text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Some(ask))
}

fn read_body(reader: &mut impl BufRead, ask: &Ask) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if ask.header("transfer-encoding") != Some("chunked") {
        body.resize(ask.header("content-length").map_or(0, |length| length.parse().unwrap()), 0);
        reader.read_exact(&mut body)?;
        return Ok(body);
    }
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        let from = body.len();
        body.resize(from + size + 2, 0);
        reader.read_exact(&mut body[from..])?;
        body.truncate(from + size);
        if size == 0 {
            return Ok(body);
        }
    }
}
