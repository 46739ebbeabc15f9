//! A demo on a loopback port, and HTTP spoken to it by hand. It knows nothing of what the answers mean.

use ollama_forward::demo::{Pace, serve};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// So slow that no test lives to see a second piece.
pub(crate) const SLOWLY: Pace = Pace { piece: Duration::from_secs(3600) };

/// A demo that hangs fails its test by this.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Demo {
    address: SocketAddr,
    /// Dropped to drop `serve`.
    serving: Option<oneshot::Sender<()>>,
    /// Dropped to end the runtime, which would hide a task that outlives `serve`.
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Demo {
    pub(crate) fn start() -> Self {
        Self::at(Pace { piece: Duration::ZERO })
    }

    pub(crate) fn at(pace: Pace) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (serving, served) = oneshot::channel::<()>();
        let (running, ran) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    ended = serve(listener, pace, capture_day) => panic!("{ended:?}"),
                    _ = served => {}
                }
                ran.await.unwrap_err();
            });
        });
        Self { address, serving: Some(serving), running: Some((running, thread)) }
    }

    /// `serve` is dropped, its runtime goes on.
    pub(crate) fn stop_serving(&mut self) {
        self.serving = None;
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// Writes and reads to the end.
    #[track_caller]
    pub(crate) fn ask(&self, request: &str) -> String {
        let mut client = self.connect();
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        self.ask(&post(path, body))
    }

    /// A streamed chat, read up to its first record.
    pub(crate) fn begin_chat(&self) -> TcpStream {
        let mut client = self.connect();
        let request = r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#;
        client.write_all(post("/api/chat", request).as_bytes()).unwrap();
        let mut reader = BufReader::new(client.try_clone().unwrap());
        let mut line = String::new();
        while !line.starts_with('{') {
            line.clear();
            assert_ne!(reader.read_line(&mut line).unwrap(), 0, "ended before its first record");
        }
        client
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.stop_serving();
        if let Some((running, thread)) = self.running.take() {
            drop(running);
            let ended = thread.join();
            if !std::thread::panicking() {
                assert!(ended.is_ok(), "the demo ended by itself");
            }
        }
    }
}

pub(crate) fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

pub(crate) fn head(answer: &str) -> &str {
    &answer[..answer.find("\r\n\r\n").expect("an HTTP head") + 2]
}

pub(crate) fn body(answer: &str) -> &str {
    &answer[head(answer).len() + 2..]
}

/// The moment of the captures, for ever.
fn capture_day() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_223_691)
}
