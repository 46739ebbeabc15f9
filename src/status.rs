//! What the running forwarder is doing: a report over a unix socket. A client connects, gets one JSON object, and is done.
//!
//! The object holds the keys of [`Report`], and `log`: the last lines of the log. A client says nothing, so nobody has to
//! wait for what it might say: an older one skips the key that it does not know, an older forwarder does not send it.
//! What `status` finds out beside it, and how all of it is shown, is the business of `app::status`.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directories::ProjectDirs;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tracing::{debug, warn};

/// The layout of the JSON; a change that breaks readers counts it up.
pub const SCHEMA_VERSION: u32 = 1;

/// One running forwarder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub pid: u32,
    pub version: String,
    pub listen: Vec<String>,
    /// Whether it translates the Responses API.
    #[serde(default)]
    pub translate: bool,
    /// How this system is joined to Windows; None when the upstream was named.
    pub mode: Option<String>,
    pub upstream: Option<String>,
    pub state: State,
    /// How the upstream was found.
    pub how: String,
    /// Ollama's version, once it told.
    pub ollama: Option<String>,
    pub error: Option<ReportedFault>,
    pub uptime_ms: u64,
    /// Since upstream or state last changed.
    pub changed_ms_ago: u64,
    pub connections: Connections,
    pub bytes: Bytes,
    /// None: nothing is captured or shown, and nothing was in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Capture>,
    /// The translated exchange that ended last. None: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
}

/// How an exchange went, without anything that was said in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub model: String,
    /// `completed`, `incomplete` or `failed`.
    pub result: String,
    /// None: too few tokens to tell.
    pub tokens_per_s: Option<u64>,
    pub tokens_out: Option<u64>,
    pub ended_ms_ago: u64,
}

/// What is kept of the exchanges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capture {
    pub on: bool,
    /// Where it can be seen.
    pub page: Option<String>,
    pub sessions: u64,
    pub exchanges: u64,
    /// On disk, and the most that may be there.
    pub bytes: u64,
    pub limit: u64,
    /// Exchanges and pieces that were not kept, as too much came at once or the disk was full.
    pub missed: u64,
    /// Why nothing is kept at the moment, though it should be.
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Up,
    Down,
    Searching,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedFault {
    pub id: String,
    pub message: String,
    pub next: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    pub open: u64,
    pub total: u64,
    pub failed: u64,
    pub refused: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// From clients to the upstream.
    pub sent: u64,
    pub received: u64,
}

/// What a client is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    #[serde(flatten)]
    pub report: Report,
    /// Oldest first. They are for a report on a fault, and for `status --watch`. An older forwarder does not send them.
    #[serde(default)]
    pub log: Vec<String>,
}

impl From<Report> for Answer {
    fn from(report: Report) -> Self {
        Self { report, log: Vec::new() }
    }
}

#[cfg(test)]
impl Report {
    /// A forward on which all is well, for tests.
    pub(crate) fn example() -> Self {
        Self {
            pid: 42,
            version: env!("CARGO_PKG_VERSION").into(),
            listen: vec!["127.0.0.1:11434".into()],
            translate: true,
            mode: Some("nat".into()),
            upstream: Some("172.24.0.1:11434".into()),
            state: State::Up,
            how: "default gateway of eth0 (WSL NAT)".into(),
            ollama: Some("0.33.0".into()),
            error: None,
            uptime_ms: 11_520_000,
            changed_ms_ago: 65_000,
            connections: Connections { open: 2, total: 420, failed: 1, refused: 0 },
            bytes: Bytes { sent: 1_234_567, received: 999 },
            capture: None,
            exchange: None,
        }
    }
}

/// The directory of the sockets: the user's runtime directory, or the state directory where there is none.
pub fn directory() -> Option<PathBuf> {
    let dirs = ProjectDirs::from("", "", "ollama-forward")?;
    Some(dirs.runtime_dir().or_else(|| dirs.state_dir())?.to_owned())
}

/// The socket of a running forwarder; its file goes with it.
#[derive(Debug)]
pub struct StatusSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of our file: a newer run may have put its own in the same place.
    identity: Option<(u64, u64)>,
}

impl StatusSocket {
    /// Opens the socket of the forwarder that listens on `port`. We hold that port, so a socket file that is there already
    /// was left by a run that died.
    pub fn open(directory: &Path, port: u16) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let path = directory.join(format!("{port}.sock"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        let identity = identity(&path);
        Ok(Self { listener, path, identity })
    }

    /// Answers every client with a fresh report, until dropped.
    pub async fn serve<A: Into<Answer>>(self, answer: impl Fn() -> A) {
        loop {
            match self.listener.accept().await {
                Ok((client, _)) => send(client, &answer().into()).await,
                Err(error) => {
                    warn!(%error, "status request not accepted");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

/// All of it fits the socket's buffer: a client that does not read does not hold us up. Should a system have smaller
/// ones, it does so for a moment only.
async fn send(mut client: tokio::net::UnixStream, answer: &Answer) {
    let mut text = serde_json::to_vec(answer).expect("a report is plain data");
    text.push(b'\n');
    match tokio::time::timeout(ANSWER_TIME, client.write_all(&text)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "status not sent"),
        Err(_) => debug!("status not read"),
    }
}

impl Drop for StatusSocket {
    fn drop(&mut self) {
        if identity(&self.path) == self.identity {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// A forwarder that runs answers at once.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Asks every running forwarder of this user, or the one on `port`.
pub fn ask(directory: &Path, port: Option<u16>) -> Vec<Report> {
    answers(directory, port).into_iter().map(|answer| answer.report).collect()
}

/// The same, with the last lines of their logs.
pub fn answers(directory: &Path, port: Option<u16>) -> Vec<Answer> {
    sockets(directory, port).into_iter().filter_map(|(_, answer)| answer).collect()
}

/// Each socket in the directory, and what its forwarder tells. None: it was left by a run that died.
pub fn look(directory: &Path, port: Option<u16>) -> Vec<(PathBuf, Option<Report>)> {
    let sockets = sockets(directory, port).into_iter();
    sockets.map(|(path, answer)| (path, answer.map(|answer| answer.report))).collect()
}

fn sockets(directory: &Path, port: Option<u16>) -> Vec<(PathBuf, Option<Answer>)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut sockets: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    sockets.retain(|path| path.extension().is_some_and(|extension| extension == "sock"));
    if let Some(port) = port {
        sockets.retain(|path| path.file_stem().is_some_and(|stem| *stem == *port.to_string()));
    }
    sockets.sort();
    let asked = sockets.into_iter().map(|path| {
        let answer = ask_one(&path);
        (path, answer)
    });
    asked.collect()
}

fn ask_one(path: &Path) -> Option<Answer> {
    serde_json::from_str(&read_answer(path)?).ok()
}

/// The last lines of the log of the forwarder on `port`, oldest first. None where none runs, or an older one.
pub fn log_lines(directory: &Path, port: u16) -> Vec<String> {
    #[derive(Deserialize)]
    struct Lines {
        #[serde(default)]
        log: Vec<String>,
    }
    let answer = read_answer(&directory.join(format!("{port}.sock")));
    let lines = answer.and_then(|answer| serde_json::from_str::<Lines>(&answer).ok());
    lines.map(|lines| lines.log).unwrap_or_default()
}

/// Far more than any forwarder has to say.
const ANSWER_LIMIT: u64 = 1 << 20;

fn read_answer(path: &Path) -> Option<String> {
    // A socket that nobody serves was left by a run that died: not running.
    let stream = UnixStream::connect(path).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIME)).ok()?;
    let mut text = String::new();
    stream.take(ANSWER_LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::example()
    }

    #[tokio::test]
    async fn a_report_survives_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        let socket = StatusSocket::open(directory.path(), 11434).unwrap();
        let path = directory.path().to_owned();
        let asked =
            tokio::task::spawn_blocking(move || (ask(&path, None), ask(&path, Some(1)), ask(&path, Some(11434))));
        let served = tokio::select! {
            () = socket.serve(report) => unreachable!("serves until dropped"),
            asked = asked => asked.unwrap(),
        };
        assert_eq!(served, (vec![report()], vec![], vec![report()]));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    /// What `question` learns from a forwarder on port 11434 that answers like this.
    async fn served<T: Send + 'static>(
        answer: impl Fn() -> Answer,
        question: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> T {
        let directory = tempfile::tempdir().unwrap();
        let socket = StatusSocket::open(directory.path(), 11434).unwrap();
        let path = directory.path().to_owned();
        let asked = tokio::task::spawn_blocking(move || question(&path));
        tokio::select! {
            () = socket.serve(answer) => unreachable!("serves until dropped"),
            asked = asked => asked.unwrap(),
        }
    }

    fn with_log() -> Answer {
        Answer { report: report(), log: vec!["INFO one \"1\"".into(), "WARN zwei é".into()] }
    }

    #[tokio::test]
    async fn the_log_comes_with_the_report() {
        let asked = served(with_log, |path| (log_lines(path, 11434), log_lines(path, 1), answers(path, None))).await;
        assert_eq!(asked, (with_log().log, vec![], vec![with_log()]));
    }

    /// It reads to the end, and takes a report.
    #[tokio::test]
    async fn an_older_client_reads_a_report_with_a_log() {
        let text = served(with_log, |path| {
            let mut text = String::new();
            UnixStream::connect(path.join("11434.sock")).unwrap().read_to_string(&mut text).unwrap();
            text
        });
        assert_eq!(serde_json::from_str::<Report>(&text.await).unwrap(), report());
    }

    #[test]
    fn a_forwarder_that_knows_no_log_has_no_lines() {
        let directory = tempfile::tempdir().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(directory.path().join("11434.sock")).unwrap();
        // It sends a report and nothing else.
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            io::Write::write_all(&mut client, &serde_json::to_vec(&report()).unwrap()).unwrap();
        });
        assert_eq!(answers(directory.path(), None), [report().into()]);
        server.join().unwrap();
        assert_eq!(log_lines(directory.path(), 11434), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_keeps_nobody_waiting() {
        // The most that a log can hold, in letters that JSON doubles.
        let full = || Answer { report: report(), log: vec!["\"".repeat(400); 64] };
        let lines = served(full, |path| {
            let silent: Vec<UnixStream> =
                (0..3).map(|_| UnixStream::connect(path.join("11434.sock")).unwrap()).collect();
            let asked = crate::clock::now();
            let lines = log_lines(path, 11434);
            drop(silent);
            (lines.len(), asked.elapsed() < ANSWER_TIME)
        });
        assert_eq!(lines.await, (64, true));
    }

    #[test]
    fn a_socket_that_nobody_serves_means_not_running() {
        let directory = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(directory.path().join("11434.sock")).unwrap());
        assert_eq!(ask(directory.path(), None), []);
        assert_eq!(ask(&directory.path().join("missing"), None), []);
    }
}
