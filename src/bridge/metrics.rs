//! `GET /metrics`: what happened in this run, as Prometheus reads it (text format 0.0.4). Numbers and words of ours only:
//! no name of a model, no path, nothing that a client said, so that the number of series is bounded.
//!
//! Written here rather than with a crate: an exchange is counted once, at its end, by a few additions, and the text is a
//! hundred lines of formatting, where `prometheus-client` would bring a lock of its own and a derive macro.

mod histogram;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::forward::Totals;
use crate::translate::recover::Family;
use crate::translate::repair::Slip;
use crate::translate::wire::Usage;
use histogram::Histogram;
use text::Text;

/// Of the answer to `GET /metrics`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The way that an exchange took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// `POST /v1/responses`.
    Responses,
    /// The same over a WebSocket.
    Socket,
    /// `POST /v1/responses/compact`.
    Compact,
    /// A title, made here.
    Title,
    /// Through to the upstream as it is.
    Passed,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Completed,
    /// Cut by a limit.
    Incomplete,
    Failed,
    /// Not let through to the upstream: the request made no sense.
    Refused,
    /// The client left before the end.
    Abandoned,
}

const LANES: [(Lane, &str); 5] = [
    (Lane::Responses, "responses"),
    (Lane::Socket, "socket"),
    (Lane::Compact, "compact"),
    (Lane::Title, "title"),
    (Lane::Passed, "passed"),
];
const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Completed, "completed"),
    (Outcome::Incomplete, "incomplete"),
    (Outcome::Failed, "failed"),
    (Outcome::Refused, "refused"),
    (Outcome::Abandoned, "abandoned"),
];

/// One exchange, when it is over.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    pub lane: Lane,
    pub outcome: Outcome,
    /// From the request to its last byte.
    pub total: Duration,
    /// From the request to the first piece of its answer.
    pub first: Option<Duration>,
    /// How many pieces the answer had, and how long it was from the first to the last one.
    pub pieces: u32,
    pub speaking: Duration,
    pub usage: Usage,
    pub repairs: &'a [Slip],
    pub recoveries: &'a [Family],
    /// Kinds of what could not be carried over.
    pub losses: &'a [&'static str],
    pub resumes: u32,
    /// Silent second attempts, before the first byte.
    pub retries: u32,
    pub heartbeats: u32,
}

impl Exchange<'_> {
    pub fn new(lane: Lane, outcome: Outcome, total: Duration) -> Self {
        Self {
            lane,
            outcome,
            total,
            first: None,
            pieces: 0,
            speaking: Duration::ZERO,
            usage: Usage::default(),
            repairs: &[],
            recoveries: &[],
            losses: &[],
            resumes: 0,
            retries: 0,
            heartbeats: 0,
        }
    }
}

/// What others know, at the moment of asking.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub version: &'a str,
    pub connections: Totals,
    pub upstream: UpstreamState,
    /// When that changed, in seconds since 1970.
    pub changed: f64,
    pub stored_responses: usize,
    pub stored_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamState {
    Up,
    Down,
    Searching,
}

/// The counts of this run.
#[derive(Debug, Default)]
pub struct Metrics {
    exchanges: [[AtomicU64; OUTCOMES.len()]; LANES.len()],
    first: Histogram,
    total: Histogram,
    gaps: Histogram,
    input: AtomicU64,
    cached: AtomicU64,
    output: AtomicU64,
    reasoning: AtomicU64,
    resumes: AtomicU64,
    retries: AtomicU64,
    heartbeats: AtomicU64,
    /// Rare, and more kinds than anyone wants to name twice.
    kinds: Mutex<Kinds>,
}

#[derive(Debug, Default)]
struct Kinds {
    repairs: BTreeMap<&'static str, u64>,
    recoveries: BTreeMap<String, u64>,
    losses: BTreeMap<&'static str, u64>,
}

/// A model that has to be loaded first needs minutes.
const FIRST: &[u64] = &[50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000];
const TOTAL: &[u64] = &[100, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000];
/// From 1000 tokens a second down to one in five seconds.
const GAPS: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

impl Metrics {
    /// Once for each exchange.
    pub fn record(&self, exchange: &Exchange<'_>) {
        let lane = LANES.iter().position(|(lane, _)| *lane == exchange.lane);
        let outcome = OUTCOMES.iter().position(|(outcome, _)| *outcome == exchange.outcome);
        if let (Some(lane), Some(outcome)) = (lane, outcome) {
            add(&self.exchanges[lane][outcome], 1);
        }
        // What passes through is not ours, and would hide what is.
        if exchange.lane != Lane::Passed {
            self.total.observe(TOTAL, exchange.total);
        }
        if let Some(first) = exchange.first {
            self.first.observe(FIRST, first);
        }
        if let Some(gaps) = exchange.pieces.checked_sub(1).filter(|gaps| *gaps > 0) {
            self.gaps.observe(GAPS, exchange.speaking / gaps);
        }
        let Usage { input, cached, output, reasoning } = exchange.usage;
        for (counter, count) in
            [(&self.input, input), (&self.cached, cached), (&self.output, output), (&self.reasoning, reasoning)]
        {
            add(counter, count.unwrap_or_default());
        }
        for (counter, count) in [
            (&self.resumes, exchange.resumes),
            (&self.retries, exchange.retries),
            (&self.heartbeats, exchange.heartbeats),
        ] {
            add(counter, count.into());
        }
        self.record_kinds(exchange);
    }

    fn record_kinds(&self, exchange: &Exchange<'_>) {
        let Exchange { repairs, recoveries, losses, .. } = exchange;
        if repairs.is_empty() && recoveries.is_empty() && losses.is_empty() {
            return;
        }
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        for slip in *repairs {
            *kinds.repairs.entry(slip.word()).or_default() += 1;
        }
        for family in *recoveries {
            *kinds.recoveries.entry(format!("{family:?}")).or_default() += 1;
        }
        for loss in *losses {
            *kinds.losses.entry(loss).or_default() += 1;
        }
    }

    /// The page.
    pub fn render(&self, scene: &Scene<'_>) -> String {
        let mut text = Text::default();
        text.gauge("build_info", "Which program this is.", &[(&[("version", scene.version)], 1)]);
        self.render_exchanges(&mut text);
        text.histogram("first_token_seconds", "From a request to the first piece of its answer.", FIRST, &self.first);
        text.histogram("exchange_seconds", "From a request to the last byte of its answer.", TOTAL, &self.total);
        text.histogram("piece_gap_seconds", "Between two pieces of an answer, its mean.", GAPS, &self.gaps);
        let tokens = [
            ("input", &self.input),
            ("cached", &self.cached),
            ("output", &self.output),
            ("reasoning", &self.reasoning),
        ];
        let tokens = tokens.map(|(kind, count)| (kind, read(count)));
        text.by_kind("tokens_total", "Tokens; input with those from the cache, output with thoughts.", tokens);
        self.render_kinds(&mut text);
        for (name, help, count) in [
            ("resumes_total", "Answers that broke off and were continued.", &self.resumes),
            ("retries_total", "Silent second attempts before the first byte.", &self.retries),
            ("heartbeats_total", "Events that only say that the answer is still coming.", &self.heartbeats),
        ] {
            text.counter(name, help, &[(&[], read(count))]);
        }
        render_scene(&mut text, scene);
        text.done()
    }

    fn render_exchanges(&self, text: &mut Text) {
        let mut rows: Vec<([(&str, &str); 2], u64)> = Vec::new();
        for ((_, lane), counts) in LANES.iter().zip(&self.exchanges) {
            for ((_, result), count) in OUTCOMES.iter().zip(counts) {
                rows.push(([("lane", lane), ("result", result)], read(count)));
            }
        }
        let rows: Vec<_> = rows.iter().map(|(labels, count)| (&labels[..], *count)).collect();
        text.counter("exchanges_total", "Requests, by their way and their end.", &rows);
    }

    fn render_kinds(&self, text: &mut Text) {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let repairs = kinds.repairs.iter().map(|(kind, count)| (*kind, *count));
        text.by_kind("repairs_total", "Mended calls, by what was wrong.", repairs);
        let recoveries = kinds.recoveries.iter().map(|(kind, count)| (kind.as_str(), *count));
        text.by_kind("recoveries_total", "Calls that were printed as text, by who prints so.", recoveries);
        let losses = kinds.losses.iter().map(|(kind, count)| (*kind, *count));
        text.by_kind("losses_total", "What of requests could not be carried over.", losses);
    }
}

fn render_scene(text: &mut Text, scene: &Scene<'_>) {
    let Scene { connections, upstream, changed, stored_responses, stored_bytes, .. } = *scene;
    let states = [(UpstreamState::Up, "up"), (UpstreamState::Down, "down"), (UpstreamState::Searching, "searching")];
    let states = states.map(|(state, word)| ([("state", word)], u64::from(state == upstream)));
    let rows: Vec<_> = states.iter().map(|(labels, is)| (&labels[..], *is)).collect();
    text.gauge("upstream_state", "1 at the state that the upstream is in.", &rows);
    text.moment("upstream_changed_timestamp_seconds", "When that changed.", changed);
    let Totals { open, total, failed, refused, sent, received } = connections;
    text.gauge("connections_open", "Connections of clients.", &[(&[], open)]);
    for (name, help, count) in [
        ("connections_total", "All connections of clients so far.", total),
        ("connections_failed_total", "Those that the upstream failed.", failed),
        ("connections_refused_total", "Those that were too many.", refused),
        ("sent_bytes_total", "Bytes to the upstream.", sent),
        ("received_bytes_total", "Bytes from the upstream.", received),
    ] {
        text.counter(name, help, &[(&[], count)]);
    }
    text.gauge("stored_responses", "Responses that may be referred to.", &[(&[], stored_responses as u64)]);
    text.gauge("stored_bytes", "What they take, by estimate.", &[(&[], stored_bytes as u64)]);
}

fn add(counter: &AtomicU64, count: u64) {
    // Most are zero, and an atomic addition is dearer than to look.
    if count > 0 {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests;
