//! An upstream that says what a test has it say, and remembers what it was asked and who left before the end.
//!
//! It listens on loopback, one thread a connection, and knows Ollama's APIs as far as the bridge and Codex use them.
//! Nothing here sleeps: a test waits for what has happened, and gives up after `SOON`.

mod conn;

use std::collections::{BTreeMap, HashSet};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{Shutdown as ShutdownSocket, shutdown};
use serde_json::Value;
use socket2::{Domain, SockRef, Socket, Type};

use self::conn::accept;
use crate::script::{Reply, Shape};

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
        Self::on(([127, 0, 0, 1], 0).into(), shape)
    }

    pub(crate) fn on(address: SocketAddr, shape: Shape) -> Self {
        let reserved = reuse(address);
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

    /// From now on no model is loaded, as far as it tells.
    pub(crate) fn loads(&self) {
        self.shared.lock().loading = true;
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
    loading: bool,
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
