//! A store in a temporary directory, and exchanges to put into it; with a simple understanding of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::Value;

use super::super::keep::{self, Core};
use super::super::{Library, Obeyed, Options, Order, Sense, StoreError};
use crate::capture::id::ExchangeId;
use crate::capture::record::{Exchange, Head, Pane, Row, State};
use crate::capture::redact::{Edit, Redacted};
use crate::capture::settings::Limits;
use crate::capture::tap::{Ending, Opening, Reel, Tap};
use crate::clock;

/// What is a secret here.
pub(super) const SECRET: &str = "sk-very-secret";
const INSTEAD: &str = "[redacted:key]";

pub(super) fn sense() -> Sense {
    Sense {
        row,
        state: |exchange| if exchange.messages.len() > 1 { State::Answering } else { State::Waiting },
        headers: |headers| {
            let secrets = headers.iter_mut().filter(|(name, _)| name == "authorization");
            u32::try_from(secrets.map(|(_, value)| *value = "[redacted]".into()).count()).unwrap()
        },
        body: |body, _| {
            let text = str::from_utf8(body).ok()?;
            let found: Vec<usize> = text.match_indices(SECRET).map(|(at, _)| at).collect();
            let edits = found.iter().map(|at| Edit { from: *at, len: SECRET.len(), by: INSTEAD.len() }).collect();
            let body = text.replace(SECRET, INSTEAD).into_bytes();
            let secrets = u32::try_from(found.len()).unwrap();
            (secrets > 0).then_some(Redacted { body, edits, secrets })
        },
        target: |target| target.contains(SECRET).then(|| target.replace(SECRET, INSTEAD)),
        judge: |_, row| row.context.clone(),
        compat: |exchange| vec![("latest.json", exchange.begun_ms.to_string().into_bytes())],
    }
}

fn row(exchange: &Exchange) -> Row {
    let request = &exchange.messages[0];
    let head = request.head.clone().unwrap_or_default();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let answer = exchange.messages.iter().find(|message| message.pane == Pane::ClientResponse);
    Row {
        begun_ms: exchange.begun_ms,
        state: exchange.state,
        method: head.method.unwrap_or_default(),
        path: head.target.unwrap_or_default(),
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        user: body["input"].as_array().and_then(|input| Some(input.last()?["content"].as_str()?.to_owned())),
        text: answer.map(|answer| String::from_utf8_lossy(&answer.body).chars().take(80).collect()),
        incomplete: exchange.incomplete,
        redacted: exchange.messages.iter().map(|message| message.redacted).sum(),
        ..Row::default()
    }
}

pub(super) struct Bed {
    pub home: tempfile::TempDir,
    pub tap: Tap,
    pub core: Core,
    /// When the next exchange begins.
    pub now_ms: u64,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self::with(options())
    }

    pub(super) fn with(options: Options) -> Self {
        let home = tempfile::tempdir().unwrap();
        let core = open(&home.path().join("captures"), options);
        let tap = Tap::default();
        tap.switch(true, 16 << 20);
        Self { home, tap, core, now_ms: 1_764_000_000_000 }
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.home.path().join("captures")
    }

    pub(super) fn library(&self) -> Library {
        self.core.library()
    }

    /// The writer takes what has happened.
    pub(super) fn pump(&mut self) {
        for event in self.tap.next(Duration::ZERO).events {
            self.core.take(event, clock::now());
        }
        self.core.tap_missed(self.tap.missed());
    }

    /// The writer ends, and another one begins.
    pub(super) fn restart(&mut self) {
        self.restart_with(options());
    }

    pub(super) fn restart_with(&mut self, options: Options) {
        self.core.end();
        let elsewhere = tempfile::tempdir().unwrap();
        // The old one lets go of the lock first.
        self.core = open(elsewhere.path(), Options::default());
        self.core = open(&self.dir(), options);
    }

    /// As after `kill -9`: nothing is ended, nothing is written any more.
    pub(super) fn crash(&mut self) {
        let elsewhere = tempfile::tempdir().unwrap();
        self.core = open(elsewhere.path(), Options::default());
        self.core = open(&self.dir(), options());
    }

    pub(super) fn begin(&mut self, headers: &[(&str, &str)]) -> Reel {
        self.begin_at("/v1/responses", headers)
    }

    pub(super) fn begin_at(&mut self, target: &str, headers: &[(&str, &str)]) -> Reel {
        self.now_ms += 1000;
        let head = Head {
            method: Some("POST".into()),
            target: Some(target.into()),
            version: "HTTP/1.1".into(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Head::default()
        };
        let wall = SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms);
        let opening = Opening { begun_ms: 0, conn: 7, peer: "127.0.0.1:5".into(), head };
        self.tap.open(wall, || opening).unwrap()
    }

    /// A whole exchange of a session, with two panes.
    pub(super) fn exchange(&mut self, session: &str, request: &str, answer: &str) -> ExchangeId {
        let reel = self.begin(&[("session-id", session), ("user-agent", "codex_exec/0.169.0 (x)")]);
        let id = ask(&reel, request);
        give(&reel, answer);
        drop(reel);
        self.pump();
        id
    }

    pub(super) fn obey(&mut self, order: Order) -> Result<Obeyed, StoreError> {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms);
        self.core.obey(order, wall)
    }

    pub(super) fn body(&self, id: ExchangeId, pane: Pane) -> String {
        body(&self.library(), id, pane)
    }

    /// All that is on the disk, packed and unpacked.
    pub(super) fn disk(&self) -> String {
        let mut all = String::new();
        gather(&self.dir(), &mut all);
        all
    }
}

fn gather(dir: &Path, all: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, all);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "zst") {
            all.push_str(&String::from_utf8_lossy(&zstd::stream::decode_all(&bytes[..]).unwrap()));
        }
        all.push_str(&String::from_utf8_lossy(&bytes));
    }
}

fn open(dir: &Path, options: Options) -> Core {
    keep::open(dir, options, sense()).unwrap()
}

pub(super) fn options() -> Options {
    // Exchanges of these tests are old.
    let age = Duration::from_secs(1 << 32);
    Options { limits: Limits { free: 0, age, ..Limits::default() }, ..Options::default() }
}

pub(super) fn body(library: &Library, id: ExchangeId, pane: Pane) -> String {
    let exchange = library.exchange(id).unwrap();
    let message = exchange.messages.into_iter().find(|message| message.pane == pane);
    String::from_utf8(message.map(|message| message.body).unwrap_or_default()).unwrap()
}

/// The client's request comes, in two pieces.
pub(super) fn ask(reel: &Reel, request: &str) -> ExchangeId {
    let (one, two) = request.as_bytes().split_at(request.len() / 2);
    for piece in [one, two] {
        reel.bytes(Pane::ClientRequest, 0, &Bytes::copy_from_slice(piece));
    }
    reel.ended(Pane::ClientRequest, 0);
    reel.id()
}

/// It is answered, and all is well.
pub(super) fn give(reel: &Reel, answer: &str) {
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    reel.head(Pane::ClientResponse, 0, Head { status: Some(200), headers, ..Head::default() });
    for piece in answer.as_bytes().chunks(7) {
        reel.bytes(Pane::ClientResponse, 0, &Bytes::copy_from_slice(piece));
    }
    reel.ended(Pane::ClientResponse, 0);
    reel.ends(Ending::Done);
}

/// A request with so many items of history.
pub(super) fn request(turns: usize) -> String {
    let item = |turn: usize| format!(r#"{{"role":"user","content":"turn {turn} {}"}}"#, "lorem ipsum ".repeat(20));
    let items: Vec<String> = (0..turns).map(item).collect();
    format!(
        r#"{{"model":"qwen3:14b","input":[{}],"turn":{turns},"instructions":"{}"}}"#,
        items.join(","),
        "be good ".repeat(50)
    )
}
