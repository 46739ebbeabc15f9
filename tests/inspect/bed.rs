//! A server with a store of its own, exchanges that are played into it, and a client that says what it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ollama_forward::capture::record::{Head, Lane, Row};
use ollama_forward::capture::store::{Desk, Library, News, Options, Writer};
use ollama_forward::capture::tap::{Ending, Opening};
use ollama_forward::capture::{ExchangeId, Pane, Reel, Tap};
use ollama_forward::clock;
use ollama_forward::inspect::{Door, Parts, serve};
use ollama_forward::net::listen::bind;
use ollama_forward::words::Lang;
use serde_json::{Value, json};
use tokio::sync::{broadcast, oneshot};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_OF_A_BODY: usize = 16 << 20;

pub(crate) struct Bed {
    pub(crate) tap: Tap,
    pub(crate) library: Library,
    pub(crate) door: Door,
    pub(crate) address: SocketAddr,
    /// What the switch was last set to.
    pub(crate) switched: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

/// What is there beside the store.
#[derive(Clone, Copy, Default)]
pub(crate) struct With {
    pub(crate) replay_to: Option<SocketAddr>,
    /// Nobody writes: there are neither desk nor switch.
    pub(crate) read_only: bool,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(With::default())
    }

    pub(crate) fn with(with: With) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tap = Tap::default();
        tap.switch(true, MOST_OF_A_BODY);
        let writer = Writer::open(&dir.path().join("captures"), Options::default()).unwrap();
        let (library, desk) = (writer.library(), writer.desk());
        let writing = std::thread::spawn({
            let tap = tap.clone();
            move || writer.run(&tap)
        });
        let switched = Arc::new(AtomicBool::new(true));
        let parts = parts(with, &library, desk, &tap, &switched);
        let door = Door::new(clock::secret().unwrap());
        let (stop, stopped) = oneshot::channel();
        let (address, serving) = start(parts, door.clone(), stopped);
        let threads = vec![serving, writing];
        Self { tap, library, door, address, switched, stop: Some(stop), threads, _dir: dir }
    }

    /// An exchange from beginning to end, once the library knows that it is over.
    pub(crate) fn played(&self, model: &str, words: &str, answer: &str) -> ExchangeId {
        let mut news = self.library.subscribe();
        let reel = self.begin(model, words);
        reel.head(Pane::ClientResponse, 0, answer_head());
        let body = json!({ "model": model, "choices": [{ "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": answer } }] });
        reel.bytes(Pane::ClientResponse, 0, &Bytes::from(body.to_string()));
        reel.ended(Pane::ClientResponse, 0);
        reel.ends(Ending::Done);
        let id = reel.id();
        drop(reel);
        until(&mut news, |row| row.id == Some(id) && row.state.is_over());
        id
    }

    /// An exchange whose request is there.
    pub(crate) fn begin(&self, model: &str, words: &str) -> Reel {
        let opening = || Opening { conn: 1, peer: "127.0.0.1:9".into(), head: request_head(), ..Opening::default() };
        let reel = self.tap.open(clock::wall(), opening).unwrap();
        reel.lane(Lane::Passed);
        reel.bytes(Pane::ClientRequest, 0, &Bytes::from(request(model, words)));
        reel.ended(Pane::ClientRequest, 0);
        reel
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// GET, with the token.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "")
    }

    /// GET of a document.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }

    /// POST of a document, with the token.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, &[("content-type", "application/json")], &body.to_string())
    }

    /// With the token.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.door.token());
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        self.ask_as_stranger(method, path, &headers, body)
    }

    /// With nothing but what is said here, and our own name.
    pub(crate) fn ask_as_stranger(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let host = self.host();
        self.say(method, path, &[&[("host", host.as_str())], headers].concat(), body)
    }

    /// With nothing but what is said here.
    pub(crate) fn say(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let fields: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let fields = fields.concat();
        let length = body.len();
        self.raw(
            format!("{method} {path} HTTP/1.1\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
                .as_bytes(),
        )
    }

    /// With exactly these bytes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        // It may have closed its side already, having read enough.
        let _ = stream.write_all(bytes);
        let mut said = Vec::new();
        // Or reset it, after its answer.
        let _ = stream.read_to_end(&mut said);
        Reply::parse(&said)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Stops the server, and waits until it has.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.stop();
        self.tap.close();
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

fn parts(with: With, library: &Library, desk: Desk, tap: &Tap, switched: &Arc<AtomicBool>) -> Parts {
    let switched = Arc::clone(switched);
    let switch: Arc<dyn Fn(bool) + Send + Sync> = Arc::new({
        let tap = tap.clone();
        move |on| {
            tap.switch(on, MOST_OF_A_BODY);
            switched.store(on, Ordering::Relaxed);
        }
    });
    Parts {
        library: library.clone(),
        desk: Some(desk).filter(|_| !with.read_only),
        tap: Some(tap.clone()),
        switch: Some(switch).filter(|_| !with.read_only),
        forward: Arc::new(|| json!({ "upstream": "nowhere" })),
        replay_to: with.replay_to,
        lang: Lang::Fr,
    }
}

/// The server, on a port of its own, until `stopped`.
fn start(parts: Parts, door: Door, stopped: oneshot::Receiver<()>) -> (SocketAddr, JoinHandle<()>) {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
            tell.send(listener.address).unwrap();
            tokio::select! {
                () = serve(listener, parts, door) => {}
                _ = stopped => {}
            }
        });
    });
    (told.recv().unwrap(), thread)
}

/// Waits for a row of which this holds.
pub(crate) fn until(news: &mut broadcast::Receiver<News>, holds: impl Fn(&Row) -> bool) {
    let wait = async {
        loop {
            match news.recv().await.unwrap() {
                News::Row(row) if holds(&row) => return,
                News::Row(_) | News::Gone(_) | News::State => {}
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, wait).await }).unwrap();
}

pub(crate) fn request(model: &str, words: &str) -> String {
    json!({ "model": model, "messages": [{ "role": "user", "content": words }] }).to_string()
}

pub(crate) fn request_head() -> Head {
    Head {
        method: Some("POST".into()),
        target: Some("/v1/chat/completions".into()),
        version: "HTTP/1.1".into(),
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("authorization".into(), "Bearer a-secret-of-the-client".into()),
            ("user-agent".into(), "curl/8.5.0".into()),
        ],
        ..Head::default()
    }
}

fn answer_head() -> Head {
    Head {
        status: Some(200),
        version: "HTTP/1.1".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        ..Head::default()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// 0: nothing came.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn parse(said: &[u8]) -> Self {
        let end = said.windows(4).position(|four| four == b"\r\n\r\n").map_or(said.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&said[..end]);
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: said[end..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// A page that listens to news.
pub(crate) struct Page {
    reader: BufReader<TcpStream>,
    text: String,
    /// Comments go on for ever.
    until: Instant,
    last: String,
}

/// One event of the feed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Page {
    pub(crate) fn open(bed: &Bed, last_id: Option<&str>) -> Self {
        let mut stream = bed.connect();
        let (host, token) = (bed.host(), bed.door.token());
        let last = last_id.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n{last}\r\n")
            .unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        Self { reader, text: String::new(), until: clock::now() + PATIENCE, last: String::new() }
    }

    /// The next event. None: the server has closed.
    pub(crate) fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                self.last = event.to_owned();
                let event = parse_event(event);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            } else {
                self.chunk()?;
            }
        }
    }

    /// The next of this name.
    pub(crate) fn until(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().expect("the feed goes on");
            if event.name == name {
                return event;
            }
        }
    }

    /// The next row of which this holds.
    pub(crate) fn row(&mut self, holds: impl Fn(&Value) -> bool) -> Event {
        loop {
            let event = self.until("row");
            if holds(&event.data) {
                return event;
            }
        }
    }

    fn chunk(&mut self) -> Option<()> {
        assert!(clock::now() < self.until, "nothing comes any more; the last was {}", self.last);
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let size = usize::from_str_radix(line[..read].trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).ok()?;
        self.text.push_str(std::str::from_utf8(&chunk[..size]).unwrap());
        if size == 0 { None } else { Some(()) }
    }
}

/// None: a comment.
fn parse_event(text: &str) -> Option<Event> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = serde_json::from_str(field("data")?).unwrap();
    Some(Event { id: field("id").map(|id| id.parse().unwrap()), name: field("event")?.to_owned(), data })
}
