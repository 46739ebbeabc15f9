//! One response while it is made: the upstream's bytes in, events out, and what happens when something breaks.
//!
//! ```text
//!            ┌───────────── again, or from where it broke ─────────────┐
//!            ▼                                                         │
//! begin ─► Asking ──head──► Reading ──done──► Ending ──► Over          │
//!            │ └──failure──►   └──break, error, swallowed──► (what now?)┴─ no way ─► Over: failed
//!            └──client leaves──► the lobby, if the model is being loaded
//! ```
//! It is polled by whoever reads the response: it has no task, and when its reader goes, it goes, and the model stops.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame};
use serde_json::Value;
use tokio::time::Sleep;
use tracing::debug;

use super::super::Bridge;
use super::super::line::Line;
use super::items_of;
use super::open::{Asking, Opened, Question, Reply, Unopened, ask, unreachable};
use super::record::Record;
use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::translate::answer::{Answer, Continuation, End, Finished, Strayed};
use crate::translate::failure::{Failure, Kind};
use crate::translate::request::Telling;
use crate::translate::wire::{Done, Reason};

/// Events that wait are handed over at this size, though more chunks are at hand.
const BATCH: usize = 16 << 10;
/// After its last record an upstream ends its answer at once; whoever waits for that longer is held up for nothing.
const ENDING: Duration = Duration::from_millis(200);
/// Between a break and the next attempt; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// An upstream that breaks again and again breaks for a reason.
const MOST_BREAKS: u32 = 6;
/// Ollama ends an answer without a last record after 30 equal pieces in a row (0.30 and later).
const REPEATS: u32 = 30;

pub struct Run {
    bridge: Arc<Bridge>,
    question: Question,
    /// None once it is finished.
    answer: Option<Answer>,
    step: Step,
    /// Events of an answer that is finished.
    last: Bytes,
    finished: Option<Finished>,
    heart: Heart,
    tries: Tries,
    repeats: Repeats,
    /// The connection on which it was asked.
    line: Option<Arc<Line>>,
    pub(super) record: Record,
}

enum Step {
    Asking(Asking),
    Reading(Box<Opened>),
    /// All was said; the connection may serve another request when its answer has come to its end.
    Ending(Box<Opened>, Pin<Box<Sleep>>),
    Over,
}

/// What was tried already; each is tried once, but for breaks.
#[derive(Debug, Default)]
struct Tries {
    breaks: u32,
    /// When the upstream broke, or left without a word, and has not said anything since.
    broken_since: Option<Instant>,
    /// How often it left without a word since then.
    lost: u32,
    again: bool,
    retold: bool,
    without_thinking: bool,
    busy: u32,
}

/// A sign of life is due when nothing was sent for a while.
struct Heart {
    period: Duration,
    sent: Instant,
    sleep: Pin<Box<Sleep>>,
}

/// Counts equal pieces in a row.
#[derive(Debug, Default)]
struct Repeats {
    piece: String,
    times: u32,
}

/// What has happened upstream.
enum News {
    Opened(Box<Opened>),
    Unopened(Unopened),
    /// Bytes came, or the answer ended.
    Read(Option<Bytes>),
    Broke(String),
}

impl Run {
    pub(super) fn begin(question: Question, answer: Answer, record: Record) -> Self {
        let bridge = Arc::clone(&question.bridge);
        let mut run = Self {
            heart: Heart::new(bridge.settings.heartbeat),
            bridge,
            question,
            answer: Some(answer),
            step: Step::Over,
            last: Bytes::new(),
            finished: None,
            tries: Tries::default(),
            repeats: Repeats::default(),
            line: None,
            record,
        };
        run.ask();
        run
    }

    /// One that needs no upstream.
    pub(super) fn said(question: Question, answer: Answer, record: Record, end: End) -> Self {
        let mut run = Self {
            heart: Heart::new(question.bridge.settings.heartbeat),
            bridge: Arc::clone(&question.bridge),
            question,
            answer: Some(answer),
            step: Step::Over,
            last: Bytes::new(),
            finished: None,
            tries: Tries::default(),
            repeats: Repeats::default(),
            line: None,
            record,
        };
        run.finish(end);
        run
    }

    /// Has the connection's closing record tell where it went, and that it failed.
    pub(in crate::bridge) fn told_to(mut self, line: &Arc<Line>) -> Self {
        self.line = Some(Arc::clone(line));
        self
    }

    /// All events at once, for those who want only the response.
    pub(crate) async fn whole(mut self) -> Finished {
        while poll_fn(|cx| self.poll_events(cx)).await.is_some() {}
        self.finished.take().expect("a run that is over is finished")
    }

    /// The id of a response that is over, and all that was said up to it and in it. None: it has failed, or is not over.
    pub(crate) fn conversation(&self) -> Option<(String, Vec<Value>)> {
        let finished = self.finished.as_ref().filter(|finished| finished.failure.is_none())?;
        let mut response: Value = serde_json::from_str(&finished.object).ok()?;
        let id = response["id"].as_str()?.to_owned();
        let Value::Array(output) = response["output"].take() else { return None };
        let mut items = self.question.earlier.to_vec();
        items.extend(items_of(&self.question.request));
        items.extend(output);
        Some((id, items))
    }

    /// The next events. None: there are no more.
    pub(crate) fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if self.answer.as_ref().is_some_and(|answer| answer.waiting() > BATCH) || !self.last.is_empty() {
                return Poll::Ready(Some(self.take()));
            }
            match self.poll_news(cx) {
                Poll::Ready(Some(news)) => self.hear(news),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let Some(answer) = &mut self.answer else { return Poll::Pending };
                    if answer.waiting() > 0 {
                        return Poll::Ready(Some(self.take()));
                    }
                    if self.heart.poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    answer.heartbeat();
                    self.record.beat();
                    // Nobody hears it: then the heart is only wound up again.
                    self.heart.wind(clock::now());
                }
            }
        }
    }

    fn take(&mut self) -> Bytes {
        let now = clock::now();
        self.heart.sent = now;
        if !self.last.is_empty() {
            return mem::take(&mut self.last);
        }
        self.answer.as_mut().map(Answer::take).unwrap_or_default()
    }

    fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<Option<News>> {
        match &mut self.step {
            Step::Asking(asking) => asking.poll(cx).map(|Reply { written, at, outcome }| {
                self.question.written = written;
                if let (Some(line), Some(address)) = (&self.line, at) {
                    line.reached(address);
                }
                Some(match outcome {
                    Ok(opened) => News::Opened(Box::new(opened)),
                    Err(unopened) => News::Unopened(unopened),
                })
            }),
            Step::Reading(opened) => opened.poll_frame(cx).map(|frame| {
                Some(match frame {
                    Some(Ok(frame)) => News::Read(Some(frame.into_data().unwrap_or_default())),
                    Some(Err(error)) => News::Broke(error.to_string()),
                    None => News::Read(None),
                })
            }),
            Step::Ending(opened, limit) => {
                let ended = loop {
                    match opened.poll_frame(cx) {
                        Poll::Ready(Some(Ok(_))) => {}
                        Poll::Ready(Some(Err(_))) => break Some(false),
                        Poll::Ready(None) => break Some(true),
                        Poll::Pending => break limit.as_mut().poll(cx).is_ready().then_some(false),
                    }
                };
                let Some(clean) = ended else { return Poll::Pending };
                if let Step::Ending(opened, _) = mem::replace(&mut self.step, Step::Over)
                    && clean
                {
                    opened.give_back();
                }
                Poll::Ready(None)
            }
            Step::Over => Poll::Ready(None),
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Opened(opened) => {
                self.record.head(clock::now());
                self.bridge.learnt.want_window(&self.record.model);
                self.step = Step::Reading(opened);
            }
            News::Read(Some(bytes)) => self.read(bytes),
            News::Read(None) => self.ended_without_a_word(),
            News::Unopened(Unopened::Told(failure)) => self.failed(failure),
            News::Unopened(Unopened::Away(fault)) => self.gave_up(&unreachable(&fault), fault),
            News::Unopened(Unopened::Lost(fault)) => self.lost(fault),
            News::Broke(why) => self.broke(&why),
        }
    }

    fn read(&mut self, bytes: Bytes) {
        let Step::Reading(opened) = &mut self.step else { return };
        let Some(answer) = &mut self.answer else { return };
        opened.decoder.feed(bytes);
        while let Some(chunk) = opened.decoder.next_chunk() {
            let happened = match chunk {
                Err(unreadable) => Happened::Failed(Failure::from(&unreadable)),
                Ok(chunk) => take_in(answer, &chunk, &mut self.repeats, &mut self.record),
            };
            match happened {
                Happened::Nothing => (self.tries.broken_since, self.tries.lost) = (None, 0),
                Happened::Done(done) => return self.done(done),
                Happened::Failed(failure) => return self.failed(failure),
                Happened::Strayed => return self.strayed(),
            }
        }
    }

    /// The upstream said that it is done.
    fn done(&mut self, done: Done) {
        let Some(answer) = &self.answer else { return };
        if answer.is_swallowed(&done) {
            return self.swallowed();
        }
        if done.reason == Reason::Loaded {
            return self.broke("it only loaded the model");
        }
        self.finish(End::Done(done));
    }

    /// Ollama could not parse a call, and threw it away.
    fn swallowed(&mut self) {
        if self.tries.retold {
            let message = "The model made a tool call that Ollama could not read, and threw it away, twice. \
                           Try again, or another model. Next: ollama-forward --translate --debug"
                .to_owned();
            return self.finish(End::Failed(Failure { kind: Kind::Permanent, message }));
        }
        self.retell("a call was swallowed");
    }

    /// The same question, with the tools in words instead of where the upstream looks for them.
    fn retell(&mut self, why: &'static str) {
        self.tries.retold = true;
        self.record.retold = true;
        self.record.retries += 1;
        debug!(model = self.record.model, why, "asked again with the tools in words");
        self.question.telling = Telling::Printed;
        self.question.written = None;
        self.begin_again();
    }

    fn failed(&mut self, failure: Failure) {
        let Some(answer) = &mut self.answer else { return };
        match &failure.kind {
            Kind::BadCall { arguments } => {
                if arguments.as_deref().is_some_and(|arguments| answer.call_from_error(arguments)) {
                    return self.finish(End::Cut);
                }
                if !self.tries.retold {
                    return self.retell("a call could not be parsed");
                }
            }
            Kind::NoTools if !self.tries.retold => return self.retell("the model has no form for tools"),
            Kind::NoThinking if !self.tries.without_thinking => {
                self.tries.without_thinking = true;
                self.bridge.learnt.cannot_think(&self.record.model);
                self.question.written = None;
                return self.begin_again();
            }
            Kind::Busy if self.wait_for_a_place() => return,
            // One that has just come back may need a moment more.
            Kind::Transient if self.tries.broken_since.is_some() => return self.broke(&failure.message),
            Kind::Transient if failure.may_pass() && self.may_try_again() => {
                self.tries.again = true;
                self.record.retries += 1;
                self.question.pause = FIRST_PAUSE;
                return self.begin_again();
            }
            Kind::Transient
            | Kind::Busy
            | Kind::NoTools
            | Kind::NoThinking
            | Kind::Permanent
            | Kind::Overflow { .. }
            | Kind::NoModel => {}
        }
        self.finish(End::Failed(failure));
    }

    /// Once; and of what the client has seen the beginning, only where answers are continued at all.
    fn may_try_again(&self) -> bool {
        !self.tries.again && (self.record.first.is_none() || !self.bridge.settings.resume_window.is_zero())
    }

    /// The upstream's queue is full: tries later, for as long as a client may wait for an upstream.
    fn wait_for_a_place(&mut self) -> bool {
        let waited = self.record.since(clock::now());
        if waited > self.bridge.shared.limits.wait_for_upstream.max(self.bridge.settings.resume_window) {
            return false;
        }
        self.question.pause = pause(self.tries.busy);
        self.tries.busy += 1;
        self.record.retries += 1;
        self.begin_again();
        true
    }

    fn ended_without_a_word(&mut self) {
        let Step::Reading(opened) = &mut self.step else { return };
        let Some(answer) = &mut self.answer else { return };
        let mut last = Happened::Nothing;
        while let (Happened::Nothing, Some(chunk)) = (&last, opened.decoder.finish()) {
            last = match chunk {
                Ok(chunk) => take_in(answer, &chunk, &mut self.repeats, &mut self.record),
                Err(unreadable) => Happened::Failed(Failure::from(&unreadable)),
            };
        }
        match last {
            Happened::Done(done) => self.done(done),
            Happened::Failed(failure) => self.failed(failure),
            Happened::Strayed => self.strayed(),
            Happened::Nothing if self.repeats.times >= REPEATS => self.finish(End::Cut),
            Happened::Nothing => self.broke("the answer ended without its last record"),
        }
    }

    /// The answer broke off: asks for the rest, as long as that makes sense.
    fn broke(&mut self, why: &str) {
        let Some(answer) = &mut self.answer else { return };
        let now = clock::now();
        let since = *self.tries.broken_since.get_or_insert(now);
        self.tries.breaks += 1;
        let left = self.bridge.settings.resume_window.saturating_sub(now.duration_since(since));
        match answer.break_off() {
            Continuation::Enough => return self.finish(End::Cut),
            Continuation::Afresh => self.question.said = None,
            Continuation::From { thinking, text } => self.question.said = Some((thinking, text)),
        }
        if left.is_zero() || self.tries.breaks > MOST_BREAKS {
            return self.broken_for_good(why);
        }
        debug!(model = self.record.model, why, attempt = self.tries.breaks, "upstream broke, asked to go on");
        self.record.resumes += 1;
        self.question.pause = pause(self.tries.breaks - 1);
        self.question.patience = left;
        self.repeats = Repeats::default();
        self.ask();
    }

    /// Asked to go on, the model begins anew in other words: it would do so again.
    fn strayed(&mut self) {
        let message = "Ollama's answer broke off, and this model does not go on where it was. Ask again.".to_owned();
        let fault = Fault::new(FaultId::UpstreamLost, "an answer broke off, and the model did not go on with it");
        self.gave_up(&Failure { kind: Kind::Transient, message }, fault);
    }

    /// The upstream was reached, and left before it said anything. A proxy on Windows does that in the place of an Ollama
    /// that is just starting, so it is asked again for as long as it might as well be waited for.
    fn lost(&mut self, fault: Fault) {
        let now = clock::now();
        let limits = &self.bridge.shared.limits;
        let window = if self.tries.breaks > 0 { self.bridge.settings.resume_window } else { limits.wait_for_upstream };
        let since = *self.tries.broken_since.get_or_insert(now);
        let left = window.saturating_sub(now.duration_since(since));
        if left.is_zero() && self.tries.again {
            return self.gave_up(&unreachable(&fault), fault);
        }
        debug!(model = self.record.model, why = fault.what, "upstream left without an answer, asked again");
        self.tries.again = true;
        self.record.retries += 1;
        self.question.pause = pause(self.tries.lost);
        self.question.patience = left;
        self.tries.lost += 1;
        self.ask();
    }

    fn broken_for_good(&mut self, why: &str) {
        let message = format!(
            "The upstream's answer broke off ({why}), and could not be continued within {:?}. Next: ollama-forward status",
            self.bridge.settings.resume_window
        );
        let fault = Fault::new(FaultId::UpstreamLost, format!("an answer broke off ({why})"));
        self.gave_up(&Failure { kind: Kind::Transient, message }, fault);
    }

    fn gave_up(&mut self, failure: &Failure, fault: Fault) {
        if let Some(line) = &self.line {
            line.failed(fault);
        }
        self.finish(End::Failed(failure.clone()));
    }

    /// Asks once more; what was said so far stays said.
    fn begin_again(&mut self) {
        let Some(answer) = &mut self.answer else { return };
        match answer.break_off() {
            Continuation::Enough => return self.finish(End::Cut),
            Continuation::Afresh => self.question.said = None,
            Continuation::From { thinking, text } => self.question.said = Some((thinking, text)),
        }
        self.ask();
    }

    fn ask(&mut self) {
        self.step = Step::Asking(ask(self.question.clone()));
        self.question.pause = Duration::ZERO;
    }

    fn finish(&mut self, end: End) {
        let Some(answer) = self.answer.take() else { return };
        let is_done = matches!(end, End::Done(_));
        let before = {
            let mut answer = answer;
            let before = answer.take();
            let finished = answer.finish(end, clock::unix_seconds(clock::wall()));
            self.record.finish(&finished, &self.bridge);
            self.finished = Some(finished);
            before
        };
        let finished = self.finished.as_ref().expect("set just now");
        self.last = joined(&before, &finished.events, super::ending(self.record.client));
        self.step = match mem::replace(&mut self.step, Step::Over) {
            Step::Reading(opened) if is_done => Step::Ending(opened, Box::pin(tokio::time::sleep(ENDING))),
            // A failure must be followed by the end at once: Codex waits for it (0.98 to 0.169).
            Step::Reading(_) | Step::Asking(_) | Step::Ending(..) | Step::Over => Step::Over,
        };
        super::remember(&self.bridge, &self.question, finished);
    }
}

/// Before the next attempt, after so many.
fn pause(attempts: u32) -> Duration {
    FIRST_PAUSE * 2u32.pow(attempts.min(4))
}

/// What a chunk means for the run.
enum Happened {
    Nothing,
    Done(Done),
    Failed(Failure),
    /// It will not go on where it broke.
    Strayed,
}

fn take_in(
    answer: &mut Answer,
    chunk: &crate::translate::wire::Chunk<'_>,
    repeats: &mut Repeats,
    record: &mut Record,
) -> Happened {
    record.chunk(chunk);
    repeats.count(&chunk.text);
    if let Err(Strayed) = answer.chunk(chunk) {
        return Happened::Strayed;
    }
    match (&chunk.error, &chunk.done) {
        (Some(error), _) => Happened::Failed(Failure::from_line(error, &record.model)),
        (None, Some(done)) => Happened::Done(done.clone()),
        (None, None) => Happened::Nothing,
    }
}

impl Repeats {
    fn count(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if self.piece == piece {
            self.times += 1;
        } else {
            piece.clone_into(&mut self.piece);
            self.times = 1;
        }
    }
}

fn joined(first: &Bytes, second: &Bytes, last: &'static str) -> Bytes {
    if first.is_empty() && last.is_empty() {
        return second.clone();
    }
    [&first[..], second, last.as_bytes()].concat().into()
}

impl Heart {
    fn new(period: Duration) -> Self {
        Self { period, sent: clock::now(), sleep: Box::pin(tokio::time::sleep(period)) }
    }

    /// Ready when a beat is due.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let due = self.sent + self.period;
            if clock::now() >= due {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(due.into());
        }
    }

    fn wind(&mut self, now: Instant) {
        self.sent = now;
        self.sleep.as_mut().reset((now + self.period).into());
    }
}

impl Body for Run {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().poll_events(cx).map(|events| events.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Drop for Run {
    /// Whoever leaves before the end stops the model; but not while it is being loaded.
    fn drop(&mut self) {
        if self.answer.is_none() {
            return;
        }
        if let Step::Asking(asking) = mem::replace(&mut self.step, Step::Over)
            && self.question.said.is_none()
        {
            self.bridge.lobby.keep(&self.bridge, &self.record.model, asking);
        }
        self.record.left(&self.bridge);
    }
}
