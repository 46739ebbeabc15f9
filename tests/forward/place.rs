//! Where a forwarder runs: an address that nobody else can take, a home of its own, and an upstream beside it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::{fs, io};

use serde_json::Value;
use socket2::{Domain, SockRef, Socket, Type};
use tempfile::TempDir;

use crate::support::client::Client;
use crate::support::fake_ollama::{FakeOllama, Manner};
use crate::support::forward::{Forward, Line, SOON};
use crate::support::skip::say_skipped;
use crate::wire::{self, head};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ollama-forward");

/// An address that is bound and does not listen: connecting is refused, nobody else is given the port, and whoever sets
/// `SO_REUSEADDR`, as the forwarder does, may still listen there.
pub(crate) struct Reserved {
    pub(crate) address: SocketAddr,
    socket: Socket,
}

impl Reserved {
    pub(crate) fn on(address: &str) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&address.into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { address, socket }
    }

    /// Now it listens.
    pub(crate) fn open(self) -> TcpListener {
        self.socket.listen(4096).unwrap();
        self.socket.into()
    }
}

/// One home and one address, for one forwarder after the other.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    home: TempDir,
    _reserved: Reserved,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::on("127.0.0.1:0")
    }

    pub(crate) fn on(address: &str) -> Self {
        let reserved = Reserved::on(address);
        let home = tempfile::tempdir().unwrap();
        for dir in ["home", "runtime", "config", "state"] {
            fs::create_dir(home.path().join(dir)).unwrap();
        }
        Self { address: reserved.address, home, _reserved: reserved }
    }

    /// The program with this home, and nothing else of our environment. `wrapper` is what starts it, if not we.
    pub(crate) fn command(&self, wrapper: &[&str]) -> Command {
        let mut words = wrapper.iter().copied().chain([PROGRAM]);
        let mut command = Command::new(words.next().expect("there is the program"));
        command.args(words).stdin(Stdio::null());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("RUST_BACKTRACE", "1");
        for (name, dir) in [
            ("HOME", "home"),
            ("XDG_RUNTIME_DIR", "runtime"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
        ] {
            command.env(name, self.home.path().join(dir));
        }
        command
    }

    pub(crate) fn start(&self, args: &[&str]) -> Forward {
        self.start_by(&[], args)
    }

    pub(crate) fn start_by(&self, wrapper: &[&str], args: &[&str]) -> Forward {
        let mut command = self.command(wrapper);
        let address = self.address.to_string();
        command.args(["-v", "--log-format", "json", "--listen", &address]).args(args);
        Forward::new(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        wire::connect(self.address)
    }

    /// A client that speaks HTTP.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address, SOON).unwrap()
    }

    #[track_caller]
    pub(crate) fn serves(&self) {
        let mut client = self.client();
        client.get("/api/version");
        assert_eq!(client.answer(SOON).status, 200);
    }

    pub(crate) fn status(&self, args: &[&str]) -> Output {
        self.command(&[]).arg("status").args(args).output().unwrap()
    }

    /// What `status --json` says of the one forwarder that runs here.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        let output = self.status(&["--json"]);
        assert!(output.status.success(), "{output:?}");
        let mut document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["forwards"].as_array().map(Vec::len), Some(1), "{document}");
        document["forwards"][0].take()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }
}

/// An upstream without manners of its own.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

impl Upstream {
    pub(crate) fn on(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        // Of accept, too.
        SockRef::from(&listener).set_read_timeout(Some(SOON)).unwrap();
        Self { address: listener.local_addr().unwrap(), listener }
    }

    #[track_caller]
    pub(crate) fn accept(&self) -> TcpStream {
        match self.try_accept() {
            Ok(stream) => stream,
            Err(e) => panic!("no connection within {SOON:?}: {e}"),
        }
    }

    pub(crate) fn try_accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.listener.accept()?;
        wire::prepare(&stream);
        Ok(stream)
    }
}

/// A forwarder before an upstream of bare sockets. It has asked who that is, and got no answer: it will not ask again,
/// and whatever comes now is a client's.
pub(crate) struct Lane {
    pub(crate) forward: Forward,
    pub(crate) upstream: Upstream,
    pub(crate) place: Place,
}

impl Lane {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(args: &[&str]) -> Self {
        Self::by(&[], args)
    }

    pub(crate) fn by(wrapper: &[&str], args: &[&str]) -> Self {
        let (place, upstream) = (Place::new(), Upstream::on("127.0.0.1:0"));
        let address = upstream.address.to_string();
        let args = [&["--upstream", &address], args].concat();
        let mut forward = place.start_by(wrapper, &args);
        let question = head(&upstream.accept());
        assert!(question.starts_with("GET /api/version "), "{question}");
        forward.wait("upstream is used as given");
        Self { forward, upstream, place }
    }

    /// One connection: the client's end and the upstream's.
    #[track_caller]
    pub(crate) fn pair(&self) -> (TcpStream, TcpStream) {
        let client = self.place.connect();
        (client, self.upstream.accept())
    }
}

impl Lane {
    /// The closing record of its only connection, which came to a good end.
    #[track_caller]
    pub(crate) fn closed(self) -> Line {
        self.record("connection closed")
    }

    /// The closing record of its only connection, which failed.
    #[track_caller]
    pub(crate) fn failed(self) -> Line {
        self.record("connection failed")
    }

    #[track_caller]
    fn record(mut self, message: &str) -> Line {
        let record = self.forward.wait_for_text("\"message\":\"connection ");
        assert_eq!(record.message, message, "{}", record.text);
        let exit = self.forward.stop();
        exit.with(0);
        let records = exit.count("connection closed") + exit.count("connection failed");
        assert_eq!(records, 1, "one closing record a connection:\n{}", exit.text());
        record
    }
}

/// A forwarder before something that listens by itself.
pub(crate) fn before(manner: Manner, args: &[&str]) -> (Place, FakeOllama, Forward) {
    let (place, listener) = (Place::new(), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap().to_string();
    let fake = FakeOllama::on(listener, manner);
    let forward = place.start(&[&["--upstream", &address], args].concat());
    (place, fake, forward)
}

/// Says that a test cannot run here.
#[track_caller]
pub(crate) fn skip(reason: &str) {
    say_skipped("forward", reason);
}
