//! A client of the Responses API over one plain socket: it says what came, in which order and when, and how it ended.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::grammar;
use crate::support::client::Ended;

/// For what should happen at once, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(20);

/// A request before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asking {
    /// A request with the headers of Codex.
    pub(crate) fn codex(body: &Value) -> Self {
        Self::other(body).header("originator", "codex_exec").header("user-agent", "codex_exec/0.169.0 (Debian 12.0.0)")
    }

    /// A request of some other client.
    pub(crate) fn other(body: &Value) -> Self {
        Self::raw(body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn raw(body: impl Into<Vec<u8>>) -> Self {
        Self { method: "POST", path: "/v1/responses".into(), headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn to(method: &'static str, path: &str) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn at(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends it, and reads the head of the answer.
    #[track_caller]
    pub(crate) fn send(&self, to: SocketAddr) -> Stream {
        let mut stream = self.open(to);
        stream.read_head();
        stream
    }

    /// Sends it, and reads nothing, until [`Stream::begin`].
    #[track_caller]
    pub(crate) fn open(&self, to: SocketAddr) -> Stream {
        let mut socket = TcpStream::connect_timeout(&to, SOON).unwrap();
        socket.set_nodelay(true).unwrap();
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.path)];
        if self.headers.iter().all(|(name, _)| name != "host") {
            lines.push(format!("host: {to}"));
        }
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.push(format!("content-length: {}\r\n\r\n", self.body.len()));
        // Who is refused early may find that nobody reads the rest.
        drop(socket.write_all(&[lines.join("\r\n").as_bytes(), &self.body].concat()));
        Stream {
            socket,
            status: 0,
            head: String::new(),
            wire: Vec::new(),
            body: Vec::new(),
            read: 0,
            length: Length::Chunked,
            events: Vec::new(),
            asked: Instant::now(),
        }
    }
}

/// The question of a user, with a shell among the tools, as Codex puts it.
pub(crate) fn question(text: &str) -> Value {
    json!({
        "model": crate::fake::MODEL, "stream": true, "store": false, "tool_choice": "auto",
        "parallel_tool_calls": true, "reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"],
        "input": [user(text)], "tools": [shell()],
    })
}

pub(crate) fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

/// Codex's tool, with those of its arguments that models get wrong.
pub(crate) fn shell() -> Value {
    json!({
        "type": "function", "name": "exec_command", "description": "Runs a command.", "strict": false,
        "parameters": {"type": "object", "additionalProperties": false, "required": ["cmd"], "properties": {
            "cmd": {"type": "string"}, "workdir": {"type": "string"}, "tty": {"type": "boolean"},
            "yield_time_ms": {"type": "number"}, "justification": {"type": "string"},
            "sandbox_permissions": {"type": "string", "enum": ["use_default", "require_escalated"]},
        }},
    })
}

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) data: Value,
    pub(crate) at: Instant,
}

impl Event {
    pub(crate) fn name(&self) -> &str {
        self.data["type"].as_str().unwrap_or_default()
    }

    pub(crate) fn delta(&self) -> &str {
        self.data["delta"].as_str().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy)]
enum Length {
    Chunked,
    Bytes(usize),
    ToTheEnd,
}

/// An answer that is still coming. Dropped, it is a client that has left.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    pub(crate) status: u16,
    pub(crate) head: String,
    /// As it came, not yet taken from its chunks.
    wire: Vec<u8>,
    body: Vec<u8>,
    /// So much of the body has been read as events.
    read: usize,
    length: Length,
    pub(crate) events: Vec<Event>,
    asked: Instant,
}

impl Stream {
    #[track_caller]
    pub(crate) fn begin(mut self) -> Self {
        self.read_head();
        self
    }

    #[track_caller]
    fn read_head(&mut self) {
        let end = loop {
            if let Some(at) = self.wire.windows(4).position(|at| at == b"\r\n\r\n") {
                break at + 4;
            }
            if let Err(ended) = self.pump(SOON) {
                panic!("no head of an answer, but {ended:?} after {:?}: {:?}", self.asked.elapsed(), self.wire);
            }
        };
        let head: Vec<u8> = self.wire.drain(..end).collect();
        self.head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        self.status = self.head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
        let length = self.head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        self.length = match length {
            Some(length) => Length::Bytes(length),
            None if self.head.contains("transfer-encoding: chunked") => Length::Chunked,
            None => Length::ToTheEnd,
        };
        self.unpack();
    }

    /// The next event.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Event {
        match self.try_next(SOON) {
            Ok(event) => event,
            Err(ended) => panic!("no event but {ended:?}, after {}", self.told()),
        }
    }

    /// The next event of this name; those before it have come, too.
    #[track_caller]
    pub(crate) fn until(&mut self, name: &str) -> Event {
        self.until_it(name, |event| event.name() == name)
    }

    /// The event that completes a text of this content.
    #[track_caller]
    pub(crate) fn until_text(&mut self, text: &str) -> Event {
        let mut so_far: String = self.events.iter().filter(|event| is_text(event)).map(Event::delta).collect();
        self.until_it(text, |event| {
            if is_text(event) {
                so_far += event.delta();
            }
            so_far == text
        })
    }

    #[track_caller]
    pub(crate) fn until_it(&mut self, what: &str, mut is_it: impl FnMut(&Event) -> bool) -> Event {
        loop {
            match self.try_next(SOON) {
                Ok(event) if is_it(&event) => return event,
                Ok(_) => {}
                Err(ended) => panic!("no {what:?} but {ended:?}, after {}", self.told()),
            }
        }
    }

    /// An event, or why there is none.
    #[track_caller]
    pub(crate) fn try_next(&mut self, within: Duration) -> Result<Event, Ended> {
        loop {
            let rest = &self.body[self.read..];
            if let Some(end) = rest.windows(2).position(|at| at == b"\n\n") {
                let text = String::from_utf8(rest[..end].to_vec()).expect("events are UTF-8");
                self.read += end + 2;
                if text == "data: [DONE]" {
                    let last = self.events.last().map(Event::name);
                    let over = ["response.completed", "response.incomplete", "response.failed"];
                    assert!(last.is_some_and(|last| over.contains(&last)), "it is not done: {}", self.told());
                    continue;
                }
                // A comment keeps no client waiting, and is no event.
                let Some(event) = parse(&text) else { continue };
                self.events.push(event.clone());
                return Ok(event);
            }
            if self.is_whole() {
                assert!(rest.is_empty(), "the body ends within an event: {:?}", String::from_utf8_lossy(rest));
                return Err(Ended::Fin);
            }
            self.pump(within)?;
        }
    }

    /// Reads to the end of the body, which has to be a whole answer by the grammar.
    #[track_caller]
    pub(crate) fn whole(mut self) -> Answer {
        assert_eq!(self.status, 200, "{} {}", self.head, String::from_utf8_lossy(&self.body));
        loop {
            match self.try_next(SOON) {
                Ok(_) => {}
                Err(Ended::Fin) => break,
                Err(ended) => panic!("instead of the end of the body {ended:?}, after {}", self.told()),
            }
        }
        let ended = Instant::now();
        let events: Vec<Value> = self.events.iter().map(|event| event.data.clone()).collect();
        if let Err(why) = grammar::check(&events) {
            panic!("{why}, in {}", self.told());
        }
        let last = self.events.last().expect("there is a terminal event");
        Answer { end: last.name().to_owned(), response: last.data["response"].clone(), last: last.at, ended, events }
    }

    /// The whole body as one text.
    #[track_caller]
    pub(crate) fn text(mut self) -> String {
        while !self.is_whole() {
            if let Err(ended) = self.pump(SOON) {
                panic!("the body ends with {ended:?}: {:?}", String::from_utf8_lossy(&self.body));
            }
        }
        String::from_utf8(self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    fn is_whole(&self) -> bool {
        match self.length {
            Length::Chunked => self.wire.starts_with(b"0\r\n"),
            Length::Bytes(length) => self.body.len() >= length,
            Length::ToTheEnd => false,
        }
    }

    fn pump(&mut self, within: Duration) -> Result<(), Ended> {
        let until = Instant::now() + within;
        let mut block = [0; 16 * 1024];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Ended::Timeout);
            }
            self.socket.set_read_timeout(Some(left)).unwrap();
            match self.socket.read(&mut block) {
                Ok(0) => return Err(Ended::Fin),
                Ok(count) => {
                    self.wire.extend_from_slice(&block[..count]);
                    self.unpack();
                    return Ok(());
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&e.kind()) => {}
                Err(_) => return Err(Ended::Reset),
            }
        }
    }

    /// From the wire to the body, once there is a head.
    fn unpack(&mut self) {
        if self.head.is_empty() {
            return;
        }
        if !matches!(self.length, Length::Chunked) {
            self.body.append(&mut self.wire);
            return;
        }
        while let Some(end) = self.wire.windows(2).position(|at| at == b"\r\n") {
            let size =
                std::str::from_utf8(&self.wire[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.unwrap_or_else(|| panic!("not a chunk: {:?}", String::from_utf8_lossy(&self.wire)));
            let from = end + 2;
            if size == 0 || self.wire.len() < from + size + 2 {
                return;
            }
            self.body.extend_from_slice(&self.wire[from..from + size]);
            self.wire.drain(..from + size + 2);
        }
    }

    fn told(&self) -> String {
        let events: Vec<String> = self.events.iter().map(|event| event.data.to_string()).collect();
        format!("{}{}", self.head, events.join("\n"))
    }
}

fn is_text(event: &Event) -> bool {
    event.name() == "response.output_text.delta"
}

fn parse(text: &str) -> Option<Event> {
    let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
    let (data, at) = (data.join("\n"), Instant::now());
    if data.is_empty() {
        return None;
    }
    let data: Value = serde_json::from_str(&data).unwrap_or_else(|e| panic!("{e}: {text}"));
    let event = text.lines().find_map(|line| line.strip_prefix("event:"));
    assert_eq!(event.map(str::trim), data["type"].as_str(), "the event's name and its type: {text}");
    Some(Event { data, at })
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `completed`, `incomplete` or `failed`, with `response.` before it.
    pub(crate) end: String,
    pub(crate) response: Value,
    pub(crate) events: Vec<Value>,
    pub(crate) last: Instant,
    pub(crate) ended: Instant,
}

impl Answer {
    #[track_caller]
    pub(crate) fn completed(self) -> Self {
        assert_eq!(self.end, "response.completed", "{}", self.response);
        self
    }

    /// Failed for this reason, in words that have all of these, and over at once.
    #[track_caller]
    pub(crate) fn has_failed(self, code: &str, words: &[&str]) -> Self {
        assert_eq!(self.end, "response.failed", "{}", self.response);
        assert_eq!(self.response["error"]["code"], code, "{}", self.response["error"]);
        let message = self.response["error"]["message"].as_str().unwrap_or_default();
        for word in words {
            assert!(message.contains(word), "{word:?} is not in {message:?}");
        }
        let after = self.ended - self.last;
        assert!(after < Duration::from_secs(1), "the body ends {after:?} after the failure");
        self
    }

    fn items(&self, kind: &str) -> Vec<&Value> {
        let items = self.response["output"].as_array().map_or(&[][..], Vec::as_slice);
        items.iter().filter(|item| item["type"] == kind).collect()
    }

    /// The types of its items.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        let items = self.response["output"].as_array().map_or(&[][..], Vec::as_slice);
        items.iter().map(|item| item["type"].as_str().unwrap_or_default()).collect()
    }

    pub(crate) fn text(&self) -> String {
        let parts = self.items("message").into_iter().filter_map(|item| item["content"].as_array()).flatten();
        parts.filter_map(|part| part["text"].as_str()).collect()
    }

    pub(crate) fn thoughts(&self) -> String {
        let parts = self.items("reasoning").into_iter().filter_map(|item| item["summary"].as_array()).flatten();
        parts.filter_map(|part| part["text"].as_str()).collect()
    }

    /// Names and arguments of its calls.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        let calls = self.items("function_call").into_iter();
        calls
            .map(|call| {
                let arguments = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
                (call["name"].as_str().unwrap().to_owned(), arguments)
            })
            .collect()
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert_eq!(self.text(), text, "{}", self.response);
        self
    }

    #[track_caller]
    pub(crate) fn calls_only(self, name: &str, arguments: &Value) -> Self {
        assert_eq!(self.calls(), [(name.to_owned(), arguments.clone())], "{}", self.response);
        self
    }

    /// How many events of this name there were.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event["type"] == name).count()
    }
}
