//! Tells a running forwarder what to do, over a unix socket beside that of `status`: one line of JSON, answered by one.
//!
//! Unlike `status`, which only tells, this obeys: the socket is for its owner alone, by its mode and by who connects.
//! Nobody is served for longer than a time, and no line is longer than an exchange can be.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::capture::ExchangeId;

/// What can be asked. One line of JSON, answered by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Request {
    /// Turn capture on or off.
    Capture {
        on: bool,
    },
    /// Where capture is, and how the page is opened.
    About,
    /// A link that opens the page, once.
    Link,
    Mark {
        id: ExchangeId,
        marked: Option<bool>,
        comment: Option<String>,
    },
    Remove {
        ids: Vec<ExchangeId>,
    },
    RemoveSession {
        key: String,
    },
    RemoveAll,
    Prune {
        size: Option<u64>,
        age_s: Option<u64>,
    },
    /// One line of our own export.
    Import {
        line: String,
    },
    /// Drain, and end.
    Stop,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    pub error: Option<String>,
    /// Capture is on.
    pub on: bool,
    pub dir: Option<PathBuf>,
    /// Why nothing is kept though it should be.
    pub trouble: Option<String>,
    /// The page: `http://127.0.0.1:5001/`.
    pub page: Option<String>,
    pub link: Option<String>,
    pub exchanges: u64,
    pub bytes: u64,
    pub limit: u64,
    pub missed: u64,
    pub id: Option<ExchangeId>,
    /// Where clients connect, and to where that leads.
    pub listen: Vec<String>,
    pub upstream: Option<String>,
    pub translate: bool,
    pub pid: u32,
}

/// Does what was asked. It may block: it has a thread of its own.
pub type Handler = Arc<dyn Fn(Request) -> Answer + Send + Sync>;

/// The longest request is an exchange that is imported: four bodies of the largest size, in JSON.
const LONGEST_LINE: u64 = 64 << 20;
/// For a whole request to come, or a whole answer to go: both ends are on this machine.
const LINE_TIME: Duration = Duration::from_secs(30);
/// Requests that are served at a time; more wait to be accepted.
const MOST_AT_A_TIME: usize = 8;
/// After which whoever asks gives up: pruning a full store takes some seconds.
const ANSWER_TIME: Duration = Duration::from_secs(120);
/// What a control socket is called, behind its port.
const EXTENSION: &str = "control";

/// The socket of a running forwarder; its file goes with it.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of our file: a newer run may have put its own in the same place.
    identity: Option<(u64, u64)>,
}

impl ControlSocket {
    /// Opens the socket of the forwarder that listens on `port`. We hold that port, so a file that is there already was
    /// left by a run that died.
    pub fn open(directory: &Path, port: u16) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let path = path_of(directory, port);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let identity = identity(&path);
        Ok(Self { listener, path, identity })
    }

    /// Answers until dropped. [`Request::Stop`] is answered with what `About` gives, and only then handed over: whoever
    /// has been stopped cannot answer any more.
    pub async fn serve(self, handler: Handler) {
        let mut served = JoinSet::new();
        loop {
            while served.len() >= MOST_AT_A_TIME {
                served.join_next().await;
            }
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((client, _)) => {
                        served.spawn(serve_one(client, Arc::clone(&handler)));
                    }
                    Err(error) => {
                        warn!(%error, "control request not accepted");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
                Some(_) = served.join_next() => {}
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if identity(&self.path) == self.identity {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn path_of(directory: &Path, port: u16) -> PathBuf {
    directory.join(format!("{port}.{EXTENSION}"))
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Errors end the conversation and concern only whoever asked. What was asked is never logged: it may hold an exchange.
async fn serve_one(mut client: tokio::net::UnixStream, handler: Handler) {
    // Between bind and chmod, or in a directory that others may enter, the mode alone would not tell.
    let ours = geteuid().as_raw();
    if !client.peer_cred().is_ok_and(|peer| peer.uid() == ours || peer.uid() == 0) {
        debug!("control request of another user refused");
        return;
    }
    let mut line = Vec::new();
    let read = {
        let mut reader = tokio::io::BufReader::new((&mut client).take(LONGEST_LINE + 1));
        timeout(LINE_TIME, reader.read_until(b'\n', &mut line)).await
    };
    let answer = match read {
        Ok(Ok(_)) if line.len() as u64 > LONGEST_LINE => refused("the request is too long"),
        // It left without a word: somebody looked whether we are here.
        Ok(Ok(0)) => return,
        Ok(Ok(_)) => match serde_json::from_slice(&line) {
            Ok(request) => {
                drop(line);
                return obey(client, request, handler).await;
            }
            Err(_) => refused("this forwarder does not know such a request; is it older than the command?"),
        },
        Ok(Err(error)) => {
            debug!(%error, "control request not read");
            return;
        }
        Err(_) => {
            debug!("control request did not come in time");
            return;
        }
    };
    send(&mut client, &answer).await;
}

async fn obey(mut client: tokio::net::UnixStream, request: Request, handler: Handler) {
    let stops = request == Request::Stop;
    let first = if stops { Request::About } else { request };
    send(&mut client, &handled(first, &handler).await).await;
    drop(client);
    if stops {
        handled(Request::Stop, &handler).await;
    }
}

async fn handled(request: Request, handler: &Handler) -> Answer {
    let handler = Arc::clone(handler);
    let answer = tokio::task::spawn_blocking(move || handler(request)).await;
    answer.unwrap_or_else(|_| refused("the forwarder failed at it"))
}

fn refused(why: &str) -> Answer {
    Answer { error: Some(why.to_owned()), ..Answer::default() }
}

async fn send(client: &mut tokio::net::UnixStream, answer: &Answer) {
    let mut text = serde_json::to_vec(answer).expect("an answer is plain data");
    text.push(b'\n');
    match timeout(LINE_TIME, client.write_all(&text)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "control answer not sent"),
        Err(_) => debug!("control answer not read"),
    }
}

/// Asks the forwarder on `port`, or the only one that runs. None: none runs (or more than one, and no port was given).
pub fn ask(directory: &Path, port: Option<u16>, request: &Request) -> io::Result<Option<Answer>> {
    let port = match (port, running(directory).as_slice()) {
        (Some(port), _) => port,
        (None, [only]) => *only,
        (None, _) => return Ok(None),
    };
    match UnixStream::connect(path_of(directory, port)) {
        Ok(stream) => talk(stream, request).map(Some),
        Err(error) if is_nobody(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The ports of all forwarders of this user that can be told something, in their order.
pub fn running(directory: &Path) -> Vec<u16> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let port = |path: PathBuf| {
        let is_socket = path.extension().is_some_and(|extension| extension == EXTENSION);
        path.file_stem().filter(|_| is_socket)?.to_str()?.parse().ok()
    };
    let mut ports: Vec<u16> = entries.flatten().filter_map(|entry| port(entry.path())).collect();
    ports.sort_unstable();
    ports.retain(|port| runs(directory, *port));
    ports
}

/// Whether somebody serves this port's socket.
pub fn runs(directory: &Path, port: u16) -> bool {
    UnixStream::connect(path_of(directory, port)).is_ok()
}

/// No socket, or one that a run left that died.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

fn talk(mut stream: UnixStream, request: &Request) -> io::Result<Answer> {
    stream.set_write_timeout(Some(LINE_TIME))?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    if line.len() as u64 > LONGEST_LINE {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the request is too long"));
    }
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(LONGEST_LINE)).read_until(b'\n', &mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the forwarder ended without an answer"));
    }
    Ok(serde_json::from_slice(&answer)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A forwarder on port 11434 that notes what it is asked, and what `question` learns from it.
    async fn served<T: Send + 'static>(question: impl FnOnce(&Path) -> T + Send + 'static) -> (T, Vec<Request>) {
        let directory = tempfile::tempdir().unwrap();
        let socket = ControlSocket::open(directory.path(), 11434).unwrap();
        let path = directory.path().to_owned();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let handler: Handler = Arc::new(move |request| {
            let on = matches!(request, Request::Capture { on: true });
            noted.lock().unwrap().push(request);
            Answer { on, pid: 42, ..Answer::default() }
        });
        let answer = tokio::task::spawn_blocking(move || question(&path));
        let answer = tokio::select! {
            () = socket.serve(handler) => unreachable!("serves until dropped"),
            answer = answer => answer.unwrap(),
        };
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "the file goes with the socket");
        let asked = asked.lock().unwrap().clone();
        (answer, asked)
    }

    fn on() -> Request {
        Request::Capture { on: true }
    }

    #[tokio::test]
    async fn a_request_is_handed_over_and_its_answer_comes_back() {
        let (answers, asked) = served(|path| {
            let only = ask(path, None, &on()).unwrap().map(|answer| (answer.on, answer.pid));
            let named = ask(path, Some(11434), &Request::About).unwrap().map(|answer| (answer.on, answer.pid));
            (only, named, ask(path, Some(1), &on()).unwrap(), running(path))
        })
        .await;
        assert_eq!(answers, (Some((true, 42)), Some((false, 42)), None, vec![11434]));
        assert_eq!(asked, [on(), Request::About]);
    }

    #[tokio::test]
    async fn the_socket_is_for_its_owner_alone() {
        let (mode, _) = served(|path| fs::metadata(path.join("11434.control")).unwrap().mode() & 0o777).await;
        assert_eq!(mode, 0o600);
    }

    #[tokio::test]
    async fn who_is_to_stop_answers_first() {
        let directory = tempfile::tempdir().unwrap();
        let socket = ControlSocket::open(directory.path(), 11434).unwrap();
        let path = directory.path().to_owned();
        let (tell, told) = std::sync::mpsc::channel();
        let handler: Handler = Arc::new(move |request| {
            tell.send(request).unwrap();
            Answer { pid: 42, ..Answer::default() }
        });
        let asked = tokio::task::spawn_blocking(move || {
            let answer = ask(&path, None, &Request::Stop).unwrap().unwrap();
            (answer.pid, told.recv().unwrap(), told.recv().unwrap())
        });
        let asked = tokio::select! {
            () = socket.serve(handler) => unreachable!("serves until dropped"),
            asked = asked => asked.unwrap(),
        };
        assert_eq!(asked, (42, Request::About, Request::Stop));
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_and_harms_nobody() {
        let (answers, asked) = served(|path| {
            let said = |bytes: &[u8]| {
                let mut stream = UnixStream::connect(path.join("11434.control")).unwrap();
                stream.write_all(bytes).unwrap();
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                text
            };
            let errors: Vec<bool> = [&b"hello\n"[..], b"\xff\x00\n", b"{\"do\":\"dance\"}\n", b"{\"do\":\"abo"]
                .into_iter()
                .map(|bytes| serde_json::from_str::<Answer>(&said(bytes)).unwrap().error.is_some())
                .collect();
            (errors, said(b""), ask(path, None, &Request::About).unwrap().is_some())
        })
        .await;
        assert_eq!(answers, (vec![true; 4], String::new(), true));
        assert_eq!(asked, [Request::About]);
    }

    #[tokio::test]
    async fn an_exchange_of_many_megabytes_gets_through() {
        let line = "x".repeat(20 << 20);
        let sent = Request::Import { line: line.clone() };
        let (answer, asked) = served(move |path| ask(path, None, &sent).unwrap().is_some()).await;
        assert!(answer && asked == [Request::Import { line }]);
    }

    #[tokio::test]
    async fn somebody_who_says_nothing_keeps_nobody_waiting() {
        let (answered, _) = served(|path| {
            let silent: Vec<UnixStream> =
                (0..3).map(|_| UnixStream::connect(path.join("11434.control")).unwrap()).collect();
            let answered = ask(path, None, &Request::About).unwrap().is_some();
            drop(silent);
            answered
        })
        .await;
        assert!(answered);
    }

    #[test]
    fn a_socket_that_nobody_serves_means_not_running() {
        let directory = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(directory.path().join("11434.control")).unwrap());
        assert_eq!(ask(directory.path(), None, &on()).unwrap(), None);
        assert_eq!(ask(directory.path(), Some(11434), &on()).unwrap(), None);
        assert_eq!(ask(&directory.path().join("missing"), None, &on()).unwrap(), None);
    }

    #[test]
    fn of_two_that_run_one_has_to_be_named() {
        let directory = tempfile::tempdir().unwrap();
        let bound: Vec<_> = [11434, 11435]
            .map(|port| std::os::unix::net::UnixListener::bind(path_of(directory.path(), port)).unwrap())
            .into();
        assert_eq!(running(directory.path()), [11434, 11435]);
        assert_eq!(ask(directory.path(), None, &on()).unwrap(), None);
        drop(bound);
    }

    #[tokio::test]
    async fn the_file_of_a_newer_run_stays() {
        let directory = tempfile::tempdir().unwrap();
        let older = ControlSocket::open(directory.path(), 11434).unwrap();
        let newer = ControlSocket::open(directory.path(), 11434).unwrap();
        drop(older);
        assert!(runs(directory.path(), 11434));
        drop(newer);
        assert!(!runs(directory.path(), 11434));
    }
}
