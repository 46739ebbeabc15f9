//! What the data path holds: it hands over what it has, and goes on. Never waits, never alters, never fails.
//!
//! ```text
//! Tap::open ──► Reel: (head | bytes | moment)* , last clone dropped ──► closed
//!   each ──► queue (bounded in bytes and in number) ──► Tap::next: the writer takes all at once
//! ```
//! Bytes are handed over as references to what is being sent anyway. When the queue is full, bytes are left out and counted,
//! and their exchange is marked as incomplete; its beginning and end still get through, so that its row is right.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::id::ExchangeId;
use super::record::{Happened, Head, Lane, Pane};
use crate::clock;

/// What may wait for the writer: some bodies of the largest size.
const MOST_BYTES: usize = 48 << 20;
/// Events that may wait. A token is an event; a writer that is a second late at full speed has some hundred thousand.
const MOST_EVENTS: usize = 200_000;
/// The writer wakes up once for all that comes within this, so that a token costs the data path no system call.
const GATHER: Duration = Duration::from_millis(10);

/// Where exchanges begin to be captured. Clones are the same tap.
#[derive(Clone, Debug, Default)]
pub struct Tap {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    on: AtomicBool,
    /// Of a body, in bytes; 0: nothing is kept.
    most_of_a_body: AtomicUsize,
    queue: Mutex<Queue>,
    filled: Condvar,
    /// Exchanges and pieces of them that the queue had no room for.
    missed: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    events: Vec<Event>,
    bytes: usize,
    last: Option<ExchangeId>,
    closed: bool,
}

/// Something that happened in an exchange.
#[derive(Debug)]
pub struct Event {
    pub id: ExchangeId,
    /// Microseconds since the exchange began.
    pub at_us: u64,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    /// It began. The first event of each exchange.
    Opened(Box<Opening>),
    Lane(Lane),
    Head {
        pane: Pane,
        attempt: u16,
        head: Box<Head>,
    },
    /// The next bytes of a body.
    Bytes {
        pane: Pane,
        attempt: u16,
        bytes: Bytes,
    },
    /// Bytes that are over the limit of a body, and are only counted.
    Skipped {
        pane: Pane,
        attempt: u16,
        count: u64,
    },
    /// The body has come to its own end.
    Ended {
        pane: Pane,
        attempt: u16,
    },
    Moment(Happened),
    /// It is over. The last event of each exchange.
    Closed {
        ending: Ending,
        incomplete: bool,
    },
}

/// How an exchange ended, as the data path knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client has all of the answer, good or bad.
    Done,
    /// The upstream could not be reached, or broke off.
    Failed,
    /// We did not serve it.
    Refused,
    /// The client left first.
    Aborted,
}

/// How an exchange begins.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Milliseconds since 1970.
    pub begun_ms: u64,
    pub conn: u64,
    pub peer: String,
    /// The client's request. Its `at_us` is 0.
    pub head: Head,
}

/// What the writer took.
#[derive(Debug)]
pub struct Taken {
    pub events: Vec<Event>,
    /// There will be no more.
    pub closed: bool,
}

impl Tap {
    /// Begins or ends capture. Exchanges that are under way are captured to their end, or not at all.
    pub fn switch(&self, on: bool, most_of_a_body: usize) {
        self.inner.most_of_a_body.store(most_of_a_body, Ordering::Relaxed);
        self.inner.on.store(on, Ordering::Relaxed);
    }

    pub fn is_on(&self) -> bool {
        self.inner.on.load(Ordering::Relaxed)
    }

    /// Exchanges and pieces that were left out, as the queue was full.
    pub fn missed(&self) -> u64 {
        self.inner.missed.load(Ordering::Relaxed)
    }

    /// Begins to capture an exchange. None: nothing is captured. `opening` is made only where it is needed.
    pub fn open(&self, wall: SystemTime, opening: impl FnOnce() -> Opening) -> Option<Reel> {
        if !self.is_on() {
            return None;
        }
        let began = clock::now();
        let begun_ms = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let begun_ms = u64::try_from(begun_ms).unwrap_or_default();
        let opening = Opening { begun_ms, ..opening() };
        let mut queue = self.lock();
        if queue.closed || queue.events.len() >= MOST_EVENTS {
            self.inner.missed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let id = ExchangeId::after(queue.last, begun_ms);
        queue.last = Some(id);
        self.push(queue, Event { id, at_us: 0, what: What::Opened(Box::new(opening)) }, 0);
        let reel = Inside {
            tap: self.clone(),
            id,
            began,
            ending: AtomicU8::new(ABORTED),
            incomplete: AtomicBool::new(false),
            kept: Default::default(),
        };
        Some(Reel(Arc::new(reel)))
    }

    /// What has happened since the last call. Waits for something to happen, for at most `patience`.
    pub fn next(&self, patience: Duration) -> Taken {
        let queue = self.lock();
        let is_idle = |queue: &mut Queue| queue.events.is_empty() && !queue.closed;
        let (queue, _) =
            self.inner.filled.wait_timeout_while(queue, patience, is_idle).unwrap_or_else(PoisonError::into_inner);
        let wants_more = |queue: &mut Queue| !queue.closed;
        let gather = if queue.events.is_empty() { Duration::ZERO } else { GATHER };
        let (mut queue, _) =
            self.inner.filled.wait_timeout_while(queue, gather, wants_more).unwrap_or_else(PoisonError::into_inner);
        queue.bytes = 0;
        let closed = queue.closed;
        Taken { events: mem::take(&mut queue.events), closed }
    }

    /// No more exchanges; the writer ends when it has what is there.
    pub fn close(&self) {
        self.inner.on.store(false, Ordering::Relaxed);
        self.lock().closed = true;
        self.inner.filled.notify_all();
    }

    /// The next exchange's id is after this one: those of an earlier run.
    pub fn continue_after(&self, last: ExchangeId) {
        let mut queue = self.lock();
        queue.last = queue.last.max(Some(last));
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mut queue: MutexGuard<'_, Queue>, event: Event, bytes: usize) {
        queue.bytes += bytes;
        queue.events.push(event);
        let is_first = queue.events.len() == 1;
        drop(queue);
        if is_first {
            self.inner.filled.notify_one();
        }
    }
}

/// One exchange that is captured. Everybody who sees a part of it holds a clone; when the last one goes, it is over.
#[derive(Clone, Debug)]
pub struct Reel(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    tap: Tap,
    id: ExchangeId,
    began: Instant,
    /// One of the constants below.
    ending: AtomicU8,
    incomplete: AtomicBool,
    /// Bytes of each pane that were handed over, all attempts together.
    kept: [AtomicUsize; 4],
}

const ABORTED: u8 = 0;
const DONE: u8 = 1;
const FAILED: u8 = 2;
const REFUSED: u8 = 3;

impl Reel {
    pub fn id(&self) -> ExchangeId {
        self.0.id
    }

    /// How it ends, as things are now: the last word counts, but a failure stays one.
    pub fn ends(&self, ending: Ending) {
        let (word, stays) = match ending {
            Ending::Aborted => (ABORTED, false),
            Ending::Done => (DONE, false),
            Ending::Failed => (FAILED, true),
            Ending::Refused => (REFUSED, true),
        };
        let before = self.0.ending.load(Ordering::Relaxed);
        if stays || before == ABORTED || before == DONE {
            self.0.ending.store(word, Ordering::Relaxed);
        }
    }

    pub fn lane(&self, lane: Lane) {
        self.0.tell(What::Lane(lane));
    }

    /// `head.at_us` is filled in.
    pub fn head(&self, pane: Pane, attempt: u16, mut head: Head) {
        head.at_us = self.0.at_us();
        self.0.tell(What::Head { pane, attempt, head: Box::new(head) });
    }

    /// The next bytes of a body.
    pub fn bytes(&self, pane: Pane, attempt: u16, bytes: &Bytes) {
        if bytes.is_empty() {
            return;
        }
        let kept = &self.0.kept[pane as usize];
        let room = self.0.tap.inner.most_of_a_body.load(Ordering::Relaxed).saturating_sub(kept.load(Ordering::Relaxed));
        let take = room.min(bytes.len());
        if take > 0 {
            kept.fetch_add(take, Ordering::Relaxed);
            self.0.tell(What::Bytes { pane, attempt, bytes: bytes.slice(..take) });
        }
        if take < bytes.len() {
            self.0.tell(What::Skipped { pane, attempt, count: (bytes.len() - take) as u64 });
        }
    }

    /// A body has come to its own end.
    pub fn ended(&self, pane: Pane, attempt: u16) {
        self.0.tell(What::Ended { pane, attempt });
    }

    pub fn moment(&self, what: Happened) {
        self.0.tell(What::Moment(what));
    }
}

impl Inside {
    fn at_us(&self) -> u64 {
        u64::try_from(clock::now().duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }

    fn tell(&self, what: What) {
        let at_us = self.at_us();
        let bytes = match &what {
            What::Bytes { bytes, .. } => bytes.len(),
            What::Opened(_)
            | What::Lane(_)
            | What::Head { .. }
            | What::Skipped { .. }
            | What::Ended { .. }
            | What::Moment(_)
            | What::Closed { .. } => 0,
        };
        let must = matches!(what, What::Closed { .. });
        let queue = self.tap.lock();
        let is_full = queue.events.len() >= MOST_EVENTS || queue.bytes + bytes > MOST_BYTES;
        if (is_full && !must) || queue.closed {
            drop(queue);
            self.incomplete.store(true, Ordering::Relaxed);
            self.tap.inner.missed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.tap.push(queue, Event { id: self.id, at_us, what }, bytes);
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let ending = match self.ending.load(Ordering::Relaxed) {
            DONE => Ending::Done,
            FAILED => Ending::Failed,
            REFUSED => Ending::Refused,
            _ => Ending::Aborted,
        };
        let incomplete = self.incomplete.load(Ordering::Relaxed);
        self.tell(What::Closed { ending, incomplete });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(most_of_a_body: usize) -> Tap {
        let tap = Tap::default();
        tap.switch(true, most_of_a_body);
        tap
    }

    fn open(tap: &Tap) -> Reel {
        tap.open(SystemTime::UNIX_EPOCH, Opening::default).expect("it is on")
    }

    /// What has been told so far, in words.
    fn told(tap: &Tap) -> Vec<String> {
        let name = |event: Event| match event.what {
            What::Opened(_) => "opened".to_owned(),
            What::Lane(lane) => format!("{lane:?}"),
            What::Head { pane, .. } => format!("head {}", pane.word()),
            What::Bytes { bytes, .. } => String::from_utf8_lossy(&bytes).into_owned(),
            What::Skipped { count, .. } => format!("skipped {count}"),
            What::Ended { pane, .. } => format!("ended {}", pane.word()),
            What::Moment(_) => "moment".to_owned(),
            What::Closed { ending, incomplete } => format!("closed {ending:?} {incomplete}"),
        };
        tap.next(Duration::ZERO).events.into_iter().map(name).collect()
    }

    #[test]
    fn switched_off_nothing_is_made() {
        let tap = Tap::default();
        assert!(tap.open(SystemTime::UNIX_EPOCH, || unreachable!("nobody needs it")).is_none());
        assert!(told(&tap).is_empty());
    }

    #[test]
    fn an_exchange_is_told_in_order_and_closed_when_nobody_holds_it() {
        let tap = tap(100);
        let reel = open(&tap);
        let other = reel.clone();
        reel.bytes(Pane::ClientRequest, 0, &Bytes::from_static(b"hello"));
        drop(reel);
        other.ended(Pane::ClientRequest, 0);
        other.ends(Ending::Done);
        assert_eq!(told(&tap), ["opened", "hello", "ended client_request"]);
        drop(other);
        assert_eq!(told(&tap), ["closed Done false"]);
    }

    #[test]
    fn whoever_leaves_without_a_word_has_aborted() {
        let tap = tap(100);
        drop(open(&tap));
        assert_eq!(told(&tap), ["opened", "closed Aborted false"]);
    }

    #[test]
    fn a_failure_stays_one() {
        let tap = tap(100);
        let reel = open(&tap);
        reel.ends(Ending::Failed);
        reel.ends(Ending::Done);
        drop(reel);
        assert_eq!(told(&tap), ["opened", "closed Failed false"]);
    }

    #[test]
    fn what_is_over_the_limit_of_a_body_is_counted() {
        let tap = tap(4);
        let reel = open(&tap);
        reel.bytes(Pane::ClientRequest, 0, &Bytes::from_static(b"hello"));
        reel.bytes(Pane::ClientRequest, 0, &Bytes::from_static(b"you"));
        reel.bytes(Pane::ClientResponse, 0, &Bytes::from_static(b"yes"));
        assert_eq!(told(&tap), ["opened", "hell", "skipped 1", "skipped 3", "yes"]);
    }

    #[test]
    fn a_full_queue_leaves_out_bytes_and_marks_the_exchange() {
        let tap = tap(usize::MAX);
        let reel = open(&tap);
        let much = Bytes::from(vec![0; MOST_BYTES]);
        reel.bytes(Pane::ClientRequest, 0, &much);
        reel.bytes(Pane::ClientRequest, 0, &Bytes::from_static(b"more"));
        drop(reel);
        let events = tap.next(Duration::ZERO).events;
        assert_eq!(events.len(), 3);
        assert!(matches!(events[2].what, What::Closed { incomplete: true, .. }));
        assert_eq!(tap.missed(), 1);
    }

    #[test]
    fn after_close_the_writer_learns_of_the_end() {
        let tap = tap(100);
        let reel = open(&tap);
        tap.close();
        assert!(tap.next(Duration::from_secs(60)).closed);
        assert!(tap.open(SystemTime::UNIX_EPOCH, Opening::default).is_none());
        drop(reel);
        assert!(told(&tap).is_empty());
    }
}
