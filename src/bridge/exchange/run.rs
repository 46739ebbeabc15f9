//! One response while it is made: the upstream's bytes in, events out, and what happens when something breaks.
//!
//! ```text
//!            ┌───────────── again, or from where it broke ─────────────┐
//!            ▼                                                         │
//! begin ─► Asking ──head──► Reading ──done──► Ending ──► Over          │
//!            │ └──failure──►   └──break, error, swallowed──► (what now?)┴─ no way ─► Over: failed
//!            └──client leaves──► the lobby, if the model is being loaded
//! ```
//! What now, [`crate::translate::policy`] knows. A run is polled by whoever reads the response: it has no task, and when
//! its reader goes, it goes, and the model stops.

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

use super::super::learnt::Wanted;
use super::super::line::Line;
use super::super::{Bridge, tape};
use super::open::{Asking, Opened, Question, Reply, Unopened, ask, unreachable};
use super::record::Record;
use super::stored::{items_of, output_of, remember};
use crate::capture::record::Happened;
use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::translate::answer::{Answer, End, Finished};
use crate::translate::policy::{Ask, Event, How, Next, Tries, Waits};
use crate::translate::request::Telling;

/// Events that wait are handed over at this size, though more chunks are at hand.
const BATCH: usize = 16 << 10;
/// After its last record an upstream ends its answer at once; whoever waits for that longer is held up for nothing.
const ENDING: Duration = Duration::from_millis(200);

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
    /// The connection on which it was asked: its closing record tells where this went, and that it failed.
    line: Arc<Line>,
    pub(super) record: Record,
}

enum Step {
    Asking(Asking),
    Reading(Box<Opened>),
    /// All was said; the connection may serve another request when its answer has come to its end.
    Ending(Box<Opened>, Pin<Box<Sleep>>),
    Over,
}

/// A sign of life is due when nothing was sent for a while.
struct Heart {
    period: Duration,
    sent: Instant,
    sleep: Pin<Box<Sleep>>,
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
    pub(super) fn begin(question: Question, answer: Answer, record: Record, line: &Arc<Line>) -> Self {
        let mut run = Self::new(question, answer, record, line);
        run.ask();
        run
    }

    /// One that needs no upstream.
    pub(super) fn said(question: Question, answer: Answer, record: Record, line: &Arc<Line>, end: End) -> Self {
        let mut run = Self::new(question, answer, record, line);
        run.finish(end, false);
        run
    }

    fn new(question: Question, answer: Answer, record: Record, line: &Arc<Line>) -> Self {
        let bridge = Arc::clone(&question.bridge);
        let waits = Waits { resume: bridge.settings.resume_window, upstream: bridge.shared.limits.wait_for_upstream };
        Self {
            heart: Heart::new(bridge.settings.heartbeat),
            tries: Tries::new(waits, &record.model),
            bridge,
            question,
            answer: Some(answer),
            step: Step::Over,
            last: Bytes::new(),
            finished: None,
            line: Arc::clone(line),
            record,
        }
    }

    /// All events at once, for those who want only the response.
    pub(crate) async fn whole(mut self) -> Finished {
        while poll_fn(|cx| self.poll_events(cx)).await.is_some() {}
        self.finished.take().expect("a run that is over is finished")
    }

    /// The id of a response that is over, and all that was said up to it and in it. None: it has failed, or is not over.
    pub(crate) fn conversation(&self) -> Option<(String, Vec<Value>)> {
        let finished = self.finished.as_ref().filter(|finished| finished.failure.is_none())?;
        let (id, output) = output_of(finished)?;
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
                    self.question.tape.moment(|| Happened::Heartbeat);
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
                if let Some(address) = at {
                    self.line.reached(address);
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
                let told = self.question.tape.reel().map(|reel| (reel, self.record.client));
                self.bridge.learnt.want(Wanted::Model(self.record.model.clone(), told));
                self.step = Step::Reading(opened);
            }
            News::Read(Some(bytes)) => {
                self.question.tape.bytes(&bytes);
                self.read(bytes);
            }
            News::Read(None) => {
                self.question.tape.ended();
                self.read_the_rest();
            }
            News::Unopened(Unopened::Told(failure)) => self.judge(Event::Failed(failure), None),
            News::Unopened(Unopened::Away(fault)) => {
                self.judge(Event::Away { why: fault.what.en.clone(), failure: unreachable(&fault) }, Some(fault));
            }
            News::Unopened(Unopened::Lost(fault)) => {
                self.judge(Event::Lost { why: fault.what.en.clone(), failure: unreachable(&fault) }, Some(fault));
            }
            News::Broke(why) => self.judge(Event::Broke(why), None),
        }
    }

    fn read(&mut self, bytes: Bytes) {
        let Step::Reading(opened) = &mut self.step else { return };
        let Some(answer) = &mut self.answer else { return };
        opened.decoder.feed(bytes);
        while let Some(chunk) = opened.decoder.next_chunk() {
            self.record.chunk(&chunk);
            if let Some(event) = self.tries.chunk(answer, chunk) {
                return self.judge(event, None);
            }
        }
    }

    fn read_the_rest(&mut self) {
        let Step::Reading(opened) = &mut self.step else { return };
        let Some(answer) = &mut self.answer else { return };
        while let Some(chunk) = opened.decoder.finish() {
            self.record.chunk(&chunk);
            if let Some(event) = self.tries.chunk(answer, chunk) {
                return self.judge(event, None);
            }
        }
        self.judge(Event::Ended, None);
    }

    /// What now? `fault`: what is known of an upstream that gave no answer.
    fn judge(&mut self, event: Event, fault: Option<Fault>) {
        let Some(answer) = &mut self.answer else { return };
        match self.tries.judge(event, answer, self.record.since(clock::now())) {
            Next::Finish(end) => self.finish(end, false),
            Next::GiveUp { failure, what } => {
                self.line.failed(fault.unwrap_or_else(|| Fault::new(FaultId::UpstreamLost, what)));
                self.finish(End::Failed(failure), true);
            }
            Next::Ask(ask) => self.ask_once_more(ask),
        }
    }

    fn ask_once_more(&mut self, Ask { how, why, said, pause, patience }: Ask) {
        let (id, model) = (self.record.id, self.record.model.as_str());
        let told = why.clone();
        self.question.tape.moment(|| match how {
            How::GoOn => Happened::Resumed { why: told },
            How::Again | How::InWords | How::WithoutThinking => Happened::Again { why: told },
        });
        self.question.tape.attempt += 1;
        match how {
            How::Again => {
                self.record.retries += 1;
                debug!(id, model, why, "asked again");
            }
            How::GoOn => {
                self.record.resumes += 1;
                self.line.resumed();
                debug!(id, model, why, attempt = self.record.resumes, "upstream broke, asked to go on");
            }
            How::InWords => {
                self.record.retries += 1;
                debug!(id, model, why, "asked again with the tools in words");
                self.question.telling = Telling::Printed;
                self.question.written = None;
            }
            How::WithoutThinking => {
                debug!(id, model, why, "asked again without thinking");
                self.bridge.learnt.cannot_think(model);
                self.question.written = None;
            }
        }
        (self.question.said, self.question.pause, self.question.patience) = (said, pause, patience);
        self.ask();
    }

    fn ask(&mut self) {
        self.step = Step::Asking(ask(self.question.clone()));
    }

    /// `is_told`: the line knows already what has failed.
    fn finish(&mut self, end: End, is_told: bool) {
        let Some(mut answer) = self.answer.take() else { return };
        let is_done = matches!(end, End::Done(_));
        let before = answer.take();
        let finished = answer.finish(end, clock::unix_seconds(clock::wall()));
        self.record.finish(&finished, &self.bridge);
        tape::finished(self.question.tape.reel().as_ref(), &finished, is_told);
        if is_done {
            self.question.tape.ended();
        }
        self.last = joined(&before, &finished.events, super::ending(self.record.client));
        self.step = match mem::replace(&mut self.step, Step::Over) {
            Step::Reading(opened) if is_done => Step::Ending(opened, Box::pin(tokio::time::sleep(ENDING))),
            // A failure must be followed by the end at once: Codex waits for it (0.98 to 0.169).
            Step::Reading(_) | Step::Asking(_) | Step::Ending(..) | Step::Over => Step::Over,
        };
        remember(&self.bridge, &self.question, &finished);
        self.finished = Some(finished);
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
            asking.leave();
            self.bridge.lobby.keep(&self.bridge, &self.record.model, asking);
        }
        self.record.left(&self.bridge);
    }
}
