//! A writer in its thread, and exchanges for it.

use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use ollama_forward::capture::record::{Head, Lane};
use ollama_forward::capture::settings::Limits;
use ollama_forward::capture::store::{Desk, Library, News, Options, StoreError, Writer};
use ollama_forward::capture::tap::{Ending, Opening};
use ollama_forward::capture::{ExchangeId, Pane, Tap};
use ollama_forward::clock;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// An exchange as it is on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    pub headers: Vec<(String, String)>,
    pub request: Bytes,
    /// Of a translation.
    pub upstream: Option<(Bytes, Vec<Bytes>)>,
    pub answer: Vec<Bytes>,
}

impl Wire {
    pub(crate) fn size(&self) -> usize {
        let sum = |pieces: &[Bytes]| pieces.iter().map(Bytes::len).sum::<usize>();
        let upstream = self.upstream.as_ref().map_or(0, |(request, answer)| request.len() + sum(answer));
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
        headers + self.request.len() + upstream + sum(&self.answer)
    }
}

pub(crate) struct Running {
    pub tap: Tap,
    pub library: Library,
    pub desk: Desk,
    news: Receiver<News>,
    /// Gives the time for which it worked.
    thread: JoinHandle<Duration>,
}

pub(crate) fn options() -> Options {
    Options { limits: Limits { free: 0, ..Limits::default() }, ..Options::default() }
}

pub(crate) fn start(dir: &Path) -> Result<Running, StoreError> {
    let writer = Writer::open(dir, options())?;
    let (library, desk, tap) = (writer.library(), writer.desk(), Tap::default());
    tap.switch(true, 16 << 20);
    let news = library.subscribe();
    let its_tap = tap.clone();
    let thread = thread::spawn(move || {
        writer.run(&its_tap);
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    });
    Ok(Running { tap, library, desk, news, thread })
}

impl Running {
    /// Hands an exchange over. Gives its id, before anything is written.
    pub(crate) fn give(&self, wire: &Wire) -> ExchangeId {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let head = Head {
            method: Some("POST".into()),
            target: Some("/v1/responses".into()),
            version: "HTTP/1.1".into(),
            headers: wire.headers.clone(),
            ..Head::default()
        };
        let opening = Opening { conn: 1, peer: "127.0.0.1:40000".into(), head, ..Opening::default() };
        let reel = self.tap.open(clock::wall(), || opening).unwrap();
        reel.bytes(Pane::ClientRequest, 0, &wire.request);
        reel.ended(Pane::ClientRequest, 0);
        if let Some((request, answer)) = &wire.upstream {
            reel.lane(Lane::Translated);
            let headers = vec![header("content-type", "application/json")];
            let (method, target) = (Some("POST".into()), Some("/api/chat".into()));
            reel.head(Pane::UpstreamRequest, 0, Head { method, target, headers, ..Head::default() });
            reel.bytes(Pane::UpstreamRequest, 0, request);
            reel.ended(Pane::UpstreamRequest, 0);
            let headers = vec![header("content-type", "application/x-ndjson")];
            reel.head(Pane::UpstreamResponse, 0, Head { status: Some(200), headers, ..Head::default() });
            for bytes in answer {
                reel.bytes(Pane::UpstreamResponse, 0, bytes);
            }
            reel.ended(Pane::UpstreamResponse, 0);
        }
        let headers = vec![header("content-type", "text/event-stream")];
        reel.head(Pane::ClientResponse, 0, Head { status: Some(200), headers, ..Head::default() });
        for bytes in &wire.answer {
            reel.bytes(Pane::ClientResponse, 0, bytes);
        }
        reel.ended(Pane::ClientResponse, 0);
        reel.ends(Ending::Done);
        reel.id()
    }

    /// Waits until something has changed, and `is_so`.
    pub(crate) fn until(&mut self, mut is_so: impl FnMut(&Library) -> bool) {
        while !is_so(&self.library) {
            match self.news.blocking_recv() {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the writer has ended"),
            }
        }
    }

    /// Hands an exchange over, and waits until it is written.
    pub(crate) fn keep(&mut self, wire: &Wire) -> ExchangeId {
        let id = self.give(wire);
        self.until(|library| library.row(id).is_some_and(|row| row.state.is_over()));
        id
    }

    pub(crate) fn stop(self) -> Duration {
        self.tap.close();
        self.thread.join().unwrap()
    }
}

/// The body of a pane, as it was kept.
pub(crate) fn body(library: &Library, id: ExchangeId, pane: Pane) -> Vec<u8> {
    let exchange = library.exchange(id).unwrap();
    exchange.messages.into_iter().find(|message| message.pane == pane).unwrap().body
}

/// Chance that is the same each time.
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    /// Words as they stand in answers and in what commands print.
    pub(crate) fn words(&mut self, count: usize) -> String {
        const SYLLABLES: [&str; 24] = [
            "co", "de", "fi", "le", "te", "st", "ru", "st", "er", "or", "in", "put", "main", "lib", "src", "use",
            "mod", "fn", "let", "mut", "ok", "err", "io", "str",
        ];
        let mut text = String::new();
        for _ in 0..count {
            (0..=self.below(3)).for_each(|_| text.push_str(SYLLABLES[self.below(SYLLABLES.len())]));
            text.push_str([" ", " ", " ", ", ", "_", "/", "::", "\\n"][self.below(8)]);
        }
        text
    }

    pub(crate) fn id(&mut self) -> String {
        format!("{:08x}-{:04x}-{:04x}", self.below(1 << 31), self.below(1 << 16), self.below(1 << 16))
    }

    /// Bytes that cannot be packed.
    pub(crate) fn noise(&mut self, len: usize) -> Bytes {
        (0..len).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }
}
