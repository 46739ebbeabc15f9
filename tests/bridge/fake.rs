//! An upstream that says what a test has it say, and remembers what it was asked and who left before the end.
//!
//! It listens on loopback, one thread a connection, and knows Ollama's APIs as far as the bridge and Codex use them.
//! Nothing here sleeps: a test waits for what has happened, and gives up after `SOON`.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{Shutdown as ShutdownSocket, shutdown};
use serde_json::{Value, json};
use socket2::{Domain, SockRef, Socket, Type};

use crate::script::{Opening, Reply, Shape, Step, Voice};

/// For what should happen at once, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(20);

pub(crate) const MODEL: &str = "qwen3:14b";

/// One request, and how its client fared.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Null when it is not JSON.
    pub(crate) body: Value,
    pub(crate) text: String,
    /// When the client closed before it had all of the answer.
    pub(crate) left: Option<Instant>,
    /// All has been said, or the upstream itself has broken it off.
    over: bool,
}

impl Ask {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn last(&self) -> &Value {
        self.messages().last().unwrap_or(&Value::Null)
    }

    /// What tools have answered, in order.
    pub(crate) fn results(&self) -> Vec<&str> {
        let results = self.messages().iter().filter(|message| message["role"] == "tool");
        results.map(|message| message["content"].as_str().unwrap_or_default()).collect()
    }

    /// The names of the functions that the model may call.
    pub(crate) fn tools(&self) -> Vec<&str> {
        let tools = self.body["tools"].as_array().map_or(&[][..], Vec::as_slice);
        tools.iter().filter_map(|tool| tool["function"]["name"].as_str()).collect()
    }

    /// The name by which the model knows a tool whose own name this is, whatever was put before it.
    #[track_caller]
    pub(crate) fn tool(&self, ends: &str) -> String {
        let tools = self.tools();
        let found = tools.iter().find(|name| name.ends_with(ends));
        found.unwrap_or_else(|| panic!("no tool {ends:?} among {tools:?}")).to_string()
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

/// Lives until dropped; then its port is free and its connections are reset, as when a process is killed. A request that
/// the test did not foresee, or an answer that nobody asked for, fails the test.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    /// Keeps the port while nothing listens.
    _reserved: Socket,
    shared: Arc<Shared>,
    listening: Mutex<Option<(Arc<TcpListener>, JoinHandle<()>)>>,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self::shaped(Shape::V0_33)
    }

    pub(crate) fn shaped(shape: Shape) -> Self {
        let reserved = reuse(([127, 0, 0, 1], 0).into());
        let address = reserved.local_addr().unwrap().as_socket().unwrap();
        let state = State { shape: Some(shape), ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), news: Condvar::new() });
        let fake = Self { address, _reserved: reserved, shared, listening: Mutex::new(None) };
        fake.has_model(MODEL, &["completion", "tools", "thinking"]);
        fake.up();
        fake
    }

    /// Replaces what is known of it.
    pub(crate) fn has_model(&self, name: &str, capabilities: &[&str]) {
        let capabilities = capabilities.iter().map(ToString::to_string).collect();
        self.shared.lock().models.insert(name.into(), capabilities);
    }

    /// The next answer. Answers are given in the order in which they were promised.
    pub(crate) fn will(&self, reply: Reply) {
        self.plan(None, reply, false);
    }

    /// The answer to the next request of this kind.
    pub(crate) fn when(&self, is_it: impl Fn(&Ask) -> bool + Send + 'static, reply: Reply) {
        self.plan(Some(Box::new(is_it)), reply, false);
    }

    /// The answer to every request of this kind, be there none or many.
    pub(crate) fn whenever(&self, is_it: impl Fn(&Ask) -> bool + Send + 'static, reply: Reply) {
        self.plan(Some(Box::new(is_it)), reply, true);
    }

    /// As told by a request: for names that the test cannot know before.
    pub(crate) fn reply_by(&self, how: impl Fn(&Ask) -> Reply + Send + 'static) {
        self.shared.lock().planned.push(Planned { is_it: None, reply: By::Function(Box::new(how)), again: false });
    }

    fn plan(&self, is_it: Option<Predicate>, reply: Reply, again: bool) {
        self.shared.lock().planned.push(Planned { is_it, reply: By::Script(reply), again });
    }

    /// Whoever holds at this word goes on, also who comes there later.
    pub(crate) fn release(&self, word: &'static str) {
        self.shared.lock().released.insert(word);
        self.shared.news.notify_all();
    }

    /// What it was asked to generate, so far.
    pub(crate) fn asks(&self) -> Vec<Ask> {
        self.shared.lock().asks.clone()
    }

    /// Everything else that it was asked.
    pub(crate) fn probes(&self) -> Vec<Ask> {
        self.shared.lock().probes.clone()
    }

    /// The request with this number, from 0, once it has come.
    #[track_caller]
    pub(crate) fn ask(&self, number: usize) -> Ask {
        self.wait(&format!("request {number}"), |state| state.asks.get(number).cloned())
    }

    /// Until an answer has come to this word, and all before it has been written.
    #[track_caller]
    pub(crate) fn held(&self, word: &'static str) {
        self.wait(word, |state| state.held.contains(word).then_some(()));
    }

    /// When the client of this request left.
    #[track_caller]
    pub(crate) fn left(&self, number: usize) -> Instant {
        self.wait(&format!("the end of request {number}"), |state| state.asks.get(number)?.left)
    }

    /// Resets every open connection; goes on listening.
    pub(crate) fn cut(&self) {
        let mut state = self.shared.lock();
        for stream in state.open.drain(..) {
            drop(SockRef::from(&*stream).set_linger(Some(Duration::ZERO)));
            // Wakes whoever reads, and sends nothing; the last owner's close is what sends the RST.
            drop(stream.shutdown(Shutdown::Read));
        }
        state.cuts += 1;
        state.asks.iter_mut().filter(|ask| ask.left.is_none()).for_each(|ask| ask.over = true);
        drop(state);
        self.shared.news.notify_all();
    }

    /// Its connections are reset, and new ones are refused.
    pub(crate) fn down(&self) {
        let listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((listener, accepting)) = listening {
            let _ = shutdown(listener.as_raw_fd(), ShutdownSocket::Both);
            drop(accepting.join());
        }
        self.cut();
    }

    pub(crate) fn up(&self) {
        let socket = reuse(self.address);
        socket.listen(1024).unwrap();
        let listener = Arc::new(TcpListener::from(socket));
        let accepting = thread::spawn({
            let (listener, shared) = (Arc::clone(&listener), Arc::clone(&self.shared));
            move || accept(&listener, &shared)
        });
        *self.listening.lock().unwrap() = Some((listener, accepting));
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, mut find: impl FnMut(&State) -> Option<T>) -> T {
        let until = Instant::now() + SOON;
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = find(&state) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            let asked: Vec<&str> = state.asks.iter().map(|ask| ask.text.as_str()).collect();
            assert!(!left.is_zero(), "no {what} within {SOON:?}; it was asked {asked:?}");
            state = self.shared.news.wait_timeout(state, left).unwrap().0;
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.down();
        if thread::panicking() {
            return;
        }
        let state = self.shared.lock();
        assert!(state.unforeseen.is_empty(), "the test foresaw no such request: {:?}", state.unforeseen);
        let unasked: Vec<&By> = state.planned.iter().filter(|plan| !plan.again).map(|plan| &plan.reply).collect();
        assert!(unasked.is_empty(), "nobody asked for {unasked:?}");
    }
}

fn reuse(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket
}

type Predicate = Box<dyn Fn(&Ask) -> bool + Send>;

struct Planned {
    is_it: Option<Predicate>,
    reply: By,
    again: bool,
}

enum By {
    Script(Reply),
    Function(Box<dyn Fn(&Ask) -> Reply + Send>),
}

impl std::fmt::Debug for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Script(reply) => reply.fmt(f),
            Self::Function(_) => f.write_str("a reply that depends on the request"),
        }
    }
}

struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    shape: Option<Shape>,
    models: BTreeMap<String, Vec<String>>,
    planned: Vec<Planned>,
    asks: Vec<Ask>,
    probes: Vec<Ask>,
    unforeseen: Vec<String>,
    released: HashSet<&'static str>,
    held: HashSet<&'static str>,
    open: Vec<Arc<TcpStream>>,
    cuts: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that has failed is no reason for its clean-up to fail, too.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shape(&self) -> Shape {
        self.lock().shape.expect("it is given at the start")
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
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
                self.pause(number, |state| state.released.contains(word))
            }
            Step::Stall => self.pause(number, |_| false),
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

    /// Until the test allows to go on; ends with the client, too.
    fn pause(&self, number: usize, over: impl Fn(&State) -> bool) -> io::Result<()> {
        let gone = |state: &State| state.asks[number].left.is_some() || state.cuts != self.cuts;
        let state = self.shared.lock();
        let state = self.shared.news.wait_while(state, |state| !over(state) && !gone(state)).unwrap();
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
            let loaded = names().map(|name| json!({"name": name, "model": name, "context_length": 32_768, "size": 1}));
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
