//! What is told of one exchange when it is over: one line, and a block for those who look closer. No contents.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::super::metrics::{self, Exchange, Lane};
use super::super::{Bridge, Said};
use crate::clock;
use crate::translate::answer::{Finished, Note, Outcome};
use crate::translate::recover::Family;
use crate::translate::request::{Loss, Why};
use crate::translate::tools;
use crate::translate::wire::{Chunk, Took, Unreadable, Usage};
use crate::translate::{Client, Declared};

/// Loading and reading are told when a person notices them.
const NOTEWORTHY_MS: u64 = 500;

/// Everything but words.
#[derive(Debug)]
pub(crate) struct Record {
    pub id: u64,
    pub lane: Lane,
    pub model: String,
    pub client: Client,
    pub request: Summary,
    pub started: Instant,
    /// The upstream's head, and its first word or thought.
    pub head: Option<Instant>,
    pub first: Option<Instant>,
    pub last: Option<Instant>,
    pub pieces: u64,
    pub heartbeats: u32,
    pub retries: u32,
    pub resumes: u32,
    pub losses: Vec<Loss>,
    /// Where the answer came from, when it was not the model.
    pub local: Option<&'static str>,
    /// The model that was asked for, when the request got another one.
    pub replaced: Option<String>,
    pub only_told: Vec<&'static str>,
}

/// What was asked, in numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub bytes: usize,
    pub upstream_bytes: usize,
    pub items: usize,
    pub tools: Arc<[Declared]>,
    pub streamed: bool,
    pub previous: bool,
}

impl Record {
    pub(super) fn new(id: u64, model: &str, client: Client, request: Summary) -> Self {
        Self {
            id,
            lane: Lane::Responses,
            model: model.to_owned(),
            client,
            request,
            started: clock::now(),
            head: None,
            first: None,
            last: None,
            pieces: 0,
            heartbeats: 0,
            retries: 0,
            resumes: 0,
            losses: Vec::new(),
            local: None,
            replaced: None,
            only_told: Vec::new(),
        }
    }

    pub(super) fn since(&self, now: Instant) -> Duration {
        now.duration_since(self.started)
    }

    pub(super) fn head(&mut self, now: Instant) {
        self.head.get_or_insert(now);
    }

    /// The client was given a sign of life.
    pub(super) fn beat(&mut self) {
        self.heartbeats += 1;
        if self.heartbeats == 1 && self.first.is_none() {
            let phase = if self.head.is_none() { "loads the model or reads the prompt" } else { "prepares its answer" };
            info!(id = self.id, model = self.model, waited = ?self.since(clock::now()), phase, "waiting for the model");
        }
    }

    pub(super) fn chunk(&mut self, chunk: &Result<Chunk<'_>, Unreadable>) {
        let Ok(chunk) = chunk else { return };
        if chunk.text.is_empty() && chunk.thinking.is_empty() && chunk.calls.is_empty() {
            return;
        }
        self.pieces += 1;
        if self.first.is_none() {
            self.first = Some(clock::now());
        }
    }

    /// The response is whole, or has failed.
    pub(super) fn finish(&mut self, finished: &Finished, bridge: &Bridge) {
        let now = clock::now();
        self.last = Some(now);
        self.count(finished, bridge, now);
        let window = bridge.learnt.window(&self.model);
        let Finished { usage, took, notes, result, .. } = finished;
        let repaired = notes.iter().filter(|note| matches!(note, Note::Repaired { .. })).count();
        let recovered = notes.iter().filter(|note| matches!(note, Note::Recovered { .. } | Note::FromError)).count();
        let (id, model, request) = (self.id, self.model.as_str(), &self.request);
        let (items, tools, calls) = (request.items, request.tools.len(), finished.calls);
        let first_ms = self.first.map(|first| milliseconds(first.duration_since(self.started)));
        let took_ms = milliseconds(self.since(now));
        let rate = rate(*usage, took, self.first, now);
        let some_time = |time: Option<Duration>| time.map(milliseconds).filter(|ms| *ms >= NOTEWORTHY_MS);
        let (load_ms, prompt_ms) = (some_time(took.load), some_time(took.prompt));
        let tokens_in = usage.input;
        let tokens_out = usage.output;
        let (retries, resumes, losses) = (some(self.retries), some(self.resumes), some(self.lost().count()));
        let (repaired, recovered, local) = (some(repaired), some(recovered), self.local);
        let result = match result {
            Outcome::Completed => "completed",
            Outcome::Incomplete => "incomplete",
            Outcome::Failed => "failed",
        };
        bridge.latest.keep(Said { model: self.model.clone(), result, tokens_per_s: rate, tokens_out, ended: now });
        if let Some(failure) = &finished.failure {
            let (code, why) = (failure.code(), failure.message.as_str());
            warn!(
                id,
                model,
                items,
                tools,
                first_ms,
                took_ms,
                tokens_out,
                retries,
                resumes,
                losses,
                result,
                code,
                why,
                "exchange"
            );
        } else {
            info!(
                id,
                model,
                items,
                tools,
                first_ms,
                load_ms,
                prompt_ms,
                took_ms,
                tokens_per_s = rate,
                tokens_in,
                window,
                tokens_out,
                calls,
                repaired,
                recovered,
                retries,
                resumes,
                losses,
                local,
                result,
                "exchange"
            );
        }
        for note in notes {
            debug!(id, %note, "note");
        }
        if bridge.settings.debug {
            debug!("{}", self.block(finished, window));
        }
    }

    fn count(&self, finished: &Finished, bridge: &Bridge, now: Instant) {
        let (mut repairs, mut recoveries) = (Vec::new(), Vec::new());
        for note in &finished.notes {
            match note {
                Note::Repaired { slips, .. } => repairs.extend_from_slice(slips),
                Note::Recovered { family, .. } => recoveries.push(*family),
                Note::FromError => recoveries.push(Family::Harmony),
                Note::Left(_) | Note::Unfit { .. } | Note::Twice { .. } => {}
            }
        }
        let losses: Vec<&'static str> = self.lost().map(|loss| loss.why.word()).collect();
        let outcome = match finished.result {
            Outcome::Completed => metrics::Outcome::Completed,
            Outcome::Incomplete => metrics::Outcome::Incomplete,
            Outcome::Failed => metrics::Outcome::Failed,
        };
        bridge.metrics.record(&Exchange {
            first: self.first.map(|first| first.duration_since(self.started)),
            pieces: u32::try_from(self.pieces).unwrap_or(u32::MAX),
            speaking: self.first.map_or(Duration::ZERO, |first| now.duration_since(first)),
            usage: finished.usage,
            repairs: &repairs,
            recoveries: &recoveries,
            losses: &losses,
            resumes: self.resumes,
            retries: self.retries,
            heartbeats: self.heartbeats,
            ..Exchange::new(self.lane, outcome, self.since(now))
        });
    }

    /// What counts: that optional parameters of a tool are not mentioned is so by wish.
    fn lost(&self) -> impl Iterator<Item = &Loss> {
        // Codex declares `web_search` with every request.
        let by_design = |why: &Why| {
            matches!(why, Why::Tool(tools::Why::Unmentioned(_)))
                || matches!(why, Why::Tool(tools::Why::NotOffered(kind)) if kind == "web_search")
        };
        self.losses.iter().filter(move |loss| !by_design(&loss.why))
    }

    /// The client left before the end.
    pub(super) fn left(&self, bridge: &Bridge) {
        let now = clock::now();
        bridge.metrics.record(&Exchange {
            resumes: self.resumes,
            retries: self.retries,
            heartbeats: self.heartbeats,
            ..Exchange::new(self.lane, metrics::Outcome::Abandoned, self.since(now))
        });
        let (id, model, items, tools) = (self.id, self.model.as_str(), self.request.items, self.request.tools.len());
        let first_ms = self.first.map(|first| milliseconds(first.duration_since(self.started)));
        let (took_ms, pieces, resumes) = (milliseconds(self.since(now)), self.pieces, some(self.resumes));
        info!(id, model, items, tools, first_ms, took_ms, pieces, resumes, result = "client left", "exchange");
    }

    fn block(&self, finished: &Finished, window: Option<u64>) -> String {
        let request = &self.request;
        let mut text = format!("exchange {} · {}\n", self.id, self.model);
        let who = match self.client {
            Client::Codex => "Codex",
            Client::Other => "client",
        };
        let _ = writeln!(
            text,
            "  asked     {who}: {}, {} bytes{}{}",
            counted(request.items, "item"),
            request.bytes,
            if request.streamed { ", streamed" } else { "" },
            if request.previous { ", after a stored response" } else { "" },
        );
        if let Some(asked) = &self.replaced {
            let _ = writeln!(text, "  model     asked for {asked}, which only OpenAI has: its parent's");
        }
        match &*request.tools {
            [] => text.push_str("  tools     none\n"),
            tools => {
                let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
                let _ = writeln!(text, "  tools     {}: {}", tools.len(), names.join(" "));
            }
        }
        let _ = writeln!(text, "  sent      {} bytes to the upstream", request.upstream_bytes);
        for loss in &self.losses {
            let _ = writeln!(text, "  lost      {loss}");
        }
        let time = |at: Option<Instant>| {
            at.map_or("never".to_owned(), |at| format!("{:.3} s", at.duration_since(self.started).as_secs_f64()))
        };
        let _ = writeln!(
            text,
            "  times     head {}, first word {}, end {}",
            time(self.head),
            time(self.first),
            time(self.last)
        );
        let _ = writeln!(text, "  upstream  {}", measured(&finished.took));
        let window = window.map_or_else(String::new, |window| format!(" of {window}"));
        let (input, output) = (finished.usage.input.unwrap_or_default(), finished.usage.output.unwrap_or_default());
        let _ = writeln!(text, "  tokens    {input}{window} in, {output} out, in {} pieces", self.pieces);
        for told in &self.only_told {
            let _ = writeln!(text, "  told      {told}");
        }
        for note in &finished.notes {
            let _ = writeln!(text, "  note      {note}");
        }
        let result = match finished.result {
            Outcome::Completed => "completed",
            Outcome::Incomplete => "incomplete",
            Outcome::Failed => "failed",
        };
        let counts = [
            counted(finished.calls, "call"),
            counted(self.heartbeats as usize, "heartbeat"),
            counted(self.retries as usize, "retry"),
            counted(self.resumes as usize, "resume"),
        ];
        let _ = write!(text, "  came      {result}: {}", counts.join(", "));
        text
    }
}

fn counted(count: usize, what: &str) -> String {
    match (count, what) {
        (1, what) => format!("1 {what}"),
        (_, "retry") => format!("{count} retries"),
        (_, what) => format!("{count} {what}s"),
    }
}

fn measured(took: &Took) -> String {
    let time = |name: &str, time: Option<Duration>| time.map(|time| format!("{name} {:.3} s", time.as_secs_f64()));
    let parts: Vec<String> =
        [time("load", took.load), time("prompt", took.prompt), time("generation", took.generation)]
            .into_iter()
            .flatten()
            .collect();
    if parts.is_empty() { "told no times".to_owned() } else { parts.join(", ") }
}

/// Fewer tokens than this tell nothing of a model's speed.
const ENOUGH_TOKENS: u64 = 8;

/// Tokens a second: by the upstream's own clock where it has one.
fn rate(usage: Usage, took: &Took, first: Option<Instant>, now: Instant) -> Option<u64> {
    let tokens = usage.output.filter(|tokens| *tokens >= ENOUGH_TOKENS)?;
    let time = took.generation.or_else(|| first.map(|first| now.duration_since(first)))?;
    let milliseconds = u64::try_from(time.as_millis()).ok().filter(|milliseconds| *milliseconds > 0)?;
    Some((tokens * 1000).div_ceil(milliseconds))
}

/// What is zero is not told.
fn some<T: Default + PartialEq + TryInto<u64>>(count: T) -> Option<u64> {
    (count != T::default()).then(|| count.try_into().ok()).flatten()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
