//! What the writer does: from the tap's events to rows and files.
//!
//! ```text
//! Opened ──► live: seen at once ──► its request is complete: begin ──► Closed: understood, judged, end
//! ```
//! A disk that is full, or a file that cannot be written, pauses it: exchanges are counted as missed and forgotten, and nobody
//! waits. It goes on by itself when there is room again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracing::warn;

use super::block::Packer;
use super::clean::{Cleaner, header};
use super::film::Film;
use super::filter::Filter;
use super::library::{Library, Shared, lock_of};
use super::lock::Lock;
use super::names::Names;
use super::pack::Kept;
use super::packs::Packs;
use super::read::Lines;
use super::sense::Sense;
use super::shelf::Entry;
use super::tend::{Due, Pause};
use super::{Doing, News, Options, StoreError, compat, place};
use crate::capture::gauge::Gauge;
use crate::capture::id::ExchangeId;
use crate::capture::record::{Exchange, Head, Pane, Row, State};
use crate::capture::tap::{Ending, Event, Opening, What};

/// The row of an exchange that is under way is renewed at most this often …
const LOOK: Duration = Duration::from_millis(200);
/// … and takes at most one part in so many of the writer's time.
const LOOK_SHARE: u32 = 10;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) shared: Arc<Shared>,
    pub(super) options: Options,
    pub(super) cleaner: Cleaner,
    pub(super) packer: Packer,
    pub(super) packs: Packs,
    pub(super) live: HashMap<ExchangeId, Live>,
    pub(super) names: Names,
    filter: Filter,
    gauge: Gauge,
    pub(super) pause: Option<Pause>,
    /// Exchanges that were not kept; those of the tap come on top.
    missed: u64,
    tap_missed: u64,
    pub(super) due: Due,
    /// Room on the disk; tests have their own.
    pub(super) room: fn(&Path) -> std::io::Result<u64>,
    _lock: Lock,
}

/// An exchange that is under way.
#[derive(Debug)]
pub(super) struct Live {
    film: Arc<Mutex<Film>>,
    pub(super) key: Arc<str>,
    /// Whether it is one to keep; None: that is known when its request is.
    pub(super) wanted: Option<bool>,
    pub(super) begin: Option<u64>,
    pub(super) is_stale: bool,
    pub(super) look_at: Instant,
}

/// Takes the lock, reads what is there, and mends it.
pub(super) fn open(dir: &Path, options: Options, sense: Sense) -> Result<Core, StoreError> {
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let dir = place::prepare(dir, &mountinfo)?;
    let lock = Lock::take(&dir)?;
    let shared = Shared::new(dir, false, sense);
    super::mend::tidy(&shared.dir).map_err(|error| StoreError::io(Doing::Tidy, &shared.dir, error))?;
    shared.read_files()?;
    let packer = Packer::new().map_err(|error| StoreError::io(Doing::Write, &shared.dir, error))?;
    let now = crate::clock::now();
    let mut core = Core {
        shared: Arc::new(shared),
        cleaner: Cleaner { sense, raw_bodies: options.raw_bodies },
        filter: Filter::new(&options.only, &options.except),
        options,
        packer,
        packs: Packs::default(),
        live: HashMap::new(),
        names: Names::default(),
        gauge: Gauge::default(),
        pause: None,
        missed: 0,
        tap_missed: 0,
        due: Due::at(now),
        room: place::room,
        _lock: lock,
    };
    core.begin_with_what_is_there();
    core.look_at_room(now);
    Ok(core)
}

impl Core {
    fn begin_with_what_is_there(&mut self) {
        let limits = self.options.limits;
        {
            let mut books = self.shared.shelf();
            books.limit = limits.size;
            books.keep_days = limits.age.as_secs() / (24 * 60 * 60);
            self.names = Names::of(&books);
        }
        let unfinished = self.shared.shelf().unfinished();
        for id in &unfinished {
            self.lose(*id);
        }
        let rows = self.library().rows();
        for row in rows.iter().filter(|row| !unfinished.iter().any(|id| row.id == Some(*id))) {
            (self.cleaner.sense.judge)(&mut self.gauge, row);
        }
    }

    /// The process ended before this exchange did.
    fn lose(&mut self, id: ExchangeId) {
        let Ok(mut exchange) = self.shared.exchange(id) else {
            return;
        };
        let Some(entry) = self.shared.shelf().entries.get(&id).cloned() else {
            return;
        };
        (exchange.row, exchange.state) = (None, State::Lost);
        let row = (self.cleaner.sense.row)(&exchange);
        let row = Row {
            id: Some(id),
            session: exchange.session.clone(),
            state: State::Lost,
            marked: entry.row.marked,
            comment: entry.row.comment.clone(),
            ..row
        };
        let from = exchange.messages.len().min(1);
        if let Err(error) = self.store(&entry.session, &exchange, Kept::End { from, row: &row }, entry.lines.begin) {
            self.failed(&error, crate::clock::now());
        }
        self.put(id, entry.session, row);
    }

    pub(super) fn library(&self) -> Library {
        Library { shared: Arc::clone(&self.shared) }
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.live.is_empty() || self.pause.is_some()
    }

    pub(super) fn tap_missed(&mut self, missed: u64) {
        if self.tap_missed != missed {
            self.tap_missed = missed;
            self.tell_missed();
        }
    }

    pub(super) fn miss(&mut self) {
        self.missed += 1;
        self.tell_missed();
    }

    fn tell_missed(&self) {
        self.shared.shelf().missed = self.missed + self.tap_missed;
        self.shared.tell(News::State);
    }

    pub(super) fn take(&mut self, event: Event, now: Instant) {
        let (id, at_us) = (event.id, event.at_us);
        match event.what {
            What::Opened(opening) => self.opened(id, *opening, now),
            What::Closed { ending, incomplete } => self.closed(id, at_us, state(ending), incomplete, now),
            what @ (What::Lane(_)
            | What::Head { .. }
            | What::Bytes { .. }
            | What::Skipped { .. }
            | What::Ended { .. }
            | What::Moment(_)) => {
                let Some(live) = self.live.get_mut(&id) else {
                    return;
                };
                let is_request = matches!(what, What::Ended { pane: Pane::ClientRequest, attempt: 0 });
                lock_of(&live.film).take(at_us, what);
                live.is_stale = true;
                if is_request {
                    self.request_is_complete(id, now);
                }
            }
        }
    }

    fn opened(&mut self, id: ExchangeId, opening: Opening, now: Instant) {
        if self.pause.is_some() {
            self.miss();
            return;
        }
        let head = &opening.head;
        let texts = [path(head), client(head)];
        let wanted = self.filter.verdict(&texts, false);
        if wanted == Some(false) {
            return;
        }
        let key = self.names.key(head, client(head), opening.begun_ms);
        let film = Film::new(id, key.to_string(), opening, self.cleaner);
        let live = Live { film: Arc::new(Mutex::new(film)), key, wanted, begin: None, is_stale: false, look_at: now };
        self.live.insert(id, live);
        if wanted == Some(true) {
            self.show(id, now);
        }
    }

    /// Makes an exchange's row anew, and tells it. Gives what was seen.
    pub(super) fn show(&mut self, id: ExchangeId, now: Instant) -> Option<Exchange> {
        let live = self.live.get_mut(&id)?;
        let seen = lock_of(&live.film).seen();
        let row = Row { state: seen.state, ..(self.cleaner.sense.row)(&seen) };
        live.is_stale = false;
        live.look_at = now + LOOK.max(crate::clock::now().saturating_duration_since(now) * LOOK_SHARE);
        let (key, film) = (Arc::clone(&live.key), Arc::clone(&live.film));
        self.shared.shelf().live.insert(id, film);
        self.put(id, key, row);
        Some(seen)
    }

    /// The session of an exchange that comes from elsewhere.
    pub(super) fn key_of(&mut self, exchange: &Exchange) -> Arc<str> {
        let nothing = Head::default();
        let head = exchange.messages.first().and_then(|message| message.head.as_ref()).unwrap_or(&nothing);
        self.names.key(head, client(head), exchange.begun_ms)
    }

    /// Puts a row on the shelf. What a person has said of it stays.
    pub(super) fn put(&self, id: ExchangeId, session: Arc<str>, row: Row) {
        let mut books = self.shared.shelf();
        let before = books.entries.get(&id);
        let mut row = Row { id: Some(id), session: session.to_string(), ..row };
        let known = before.map(|entry| entry.lines).unwrap_or_default();
        if let Some(before) = before {
            row.marked = before.row.marked;
            row.comment.clone_from(&before.row.comment);
        }
        let row = Arc::new(row);
        let entry = Entry { row: Arc::clone(&row), session, lines: known };
        books.entries.insert(id, entry);
        drop(books);
        self.shared.tell(News::Row(row));
    }

    fn request_is_complete(&mut self, id: ExchangeId, now: Instant) {
        let Some(live) = self.live.get_mut(&id).filter(|live| live.begin.is_none()) else {
            return;
        };
        lock_of(&live.film).seal_request();
        if live.wanted.is_none() {
            let wanted = self.decide(id);
            if !wanted {
                self.live.remove(&id);
                return;
            }
        }
        let Some(seen) = self.show(id, now) else {
            return;
        };
        let Some(key) = self.live.get(&id).map(|live| Arc::clone(&live.key)) else {
            return;
        };
        if self.pause.is_some() {
            return;
        }
        match self.store(&key, &seen, Kept::Begin, None) {
            Ok(at) => {
                if let Some(live) = self.live.get_mut(&id) {
                    live.begin = Some(at);
                }
            }
            Err(error) => self.failed(&error, now),
        }
    }

    /// Whether an exchange whose model is known is one to keep.
    fn decide(&mut self, id: ExchangeId) -> bool {
        let Some(live) = self.live.get_mut(&id) else {
            return false;
        };
        let row = (self.cleaner.sense.row)(&lock_of(&live.film).seen());
        let film = lock_of(&live.film);
        let head = film.exchange().messages[0].head.clone().unwrap_or_default();
        drop(film);
        let wanted = self.filter.verdict(&[path(&head), client(&head), &row.model], true) == Some(true);
        live.wanted = Some(wanted);
        wanted
    }

    fn closed(&mut self, id: ExchangeId, at_us: u64, state: State, incomplete: bool, now: Instant) {
        if self.live.get(&id).is_some_and(|live| live.wanted.is_none()) {
            self.decide(id);
        }
        let Some(live) = self.live.remove(&id).filter(|live| live.wanted == Some(true)) else {
            return;
        };
        let exchange = lock_of(&live.film).end(at_us, state, incomplete);
        let mut row = Row { id: Some(id), session: live.key.to_string(), ..(self.cleaner.sense.row)(&exchange) };
        row.context = (self.cleaner.sense.judge)(&mut self.gauge, &row);
        if let Some(before) = self.shared.row(id) {
            row.marked = before.marked;
            row.comment.clone_from(&before.comment);
        }
        let kept = Kept::End { from: usize::from(live.begin.is_some()), row: &row };
        let stored = if self.pause.is_some() {
            Err(None)
        } else {
            self.store(&live.key, &exchange, kept, live.begin).map_err(Some)
        };
        if let Err(error) = &stored {
            if let Some(error) = error {
                self.failed(error, now);
            }
            self.miss();
        }
        self.shared.shelf().live.remove(&id);
        if stored.is_err() && live.begin.is_none() {
            self.shared.shelf().entries.remove(&id);
            self.shared.tell(News::Gone(id));
            return;
        }
        let state = if stored.is_ok() { row.state } else { State::Lost };
        let has_model = !row.model.is_empty();
        self.put(id, live.key, Row { state, ..row });
        if has_model && stored.is_ok() {
            self.compat(&exchange);
        }
        self.keep_to_size(now);
    }

    fn compat(&self, exchange: &Exchange) {
        let Some(dir) = &self.options.compat else {
            return;
        };
        if let Err(error) = compat::write(dir, &(self.cleaner.sense.compat)(exchange)) {
            warn!(dir = %dir.display(), %error, "cannot write the files of codex_capture");
        }
    }

    /// Writes a line and its parts, and notes where they are.
    pub(super) fn store(
        &mut self,
        key: &Arc<str>,
        exchange: &Exchange,
        kept: Kept<'_>,
        begin: Option<u64>,
    ) -> Result<u64, StoreError> {
        let id = exchange.id.expect("an exchange that is kept has an id");
        let named = self.names.named(key, exchange.begun_ms);
        let failed = |error| StoreError::io(Doing::Write, &place::session(&self.shared.dir, key), error);
        let pack = self.packs.open(&self.shared, key, named).map_err(failed)?;
        let at = pack.keep(&mut self.packer, exchange, kept).map_err(failed);
        // What is written of it is known even when the rest could not be.
        let extent = pack.extent().map_err(failed)?;
        let named = pack.named.clone();
        let mut books = self.shared.shelf();
        books.note(key, named, extent);
        let at = at?;
        let lines = match kept {
            Kept::Begin => Lines { begin: Some(at), end: None },
            Kept::End { .. } => Lines { begin, end: Some(at) },
        };
        if let Some(entry) = books.entries.get_mut(&id) {
            entry.lines = lines;
        } else {
            let row = Arc::new(Row { id: Some(id), session: key.to_string(), ..Row::default() });
            books.entries.insert(id, Entry { row, session: Arc::clone(key), lines });
        }
        Ok(at)
    }

    /// The tap is closed: what is still open will not end any more.
    pub(super) fn end(&mut self) {
        let now = crate::clock::now();
        let open: Vec<ExchangeId> = self.live.keys().copied().collect();
        for id in open {
            self.closed(id, 0, State::Lost, true, now);
        }
        self.sync(now);
    }

    /// Something went wrong with an exchange that should not have: it is forgotten, the others go on.
    pub(super) fn give_up(&mut self, id: ExchangeId) {
        self.live.remove(&id);
        let mut books = self.shared.shelf();
        books.live.remove(&id);
        if books.entries.get(&id).is_some_and(|entry| entry.lines == Lines::default()) {
            books.entries.remove(&id);
            drop(books);
            self.shared.tell(News::Gone(id));
        } else {
            drop(books);
        }
        self.miss();
    }
}

fn state(ending: Ending) -> State {
    match ending {
        Ending::Done => State::Done,
        Ending::Failed => State::Failed,
        Ending::Refused => State::Refused,
        Ending::Aborted => State::Aborted,
    }
}

fn path(head: &Head) -> &str {
    head.target.as_deref().and_then(|target| target.split('?').next()).unwrap_or_default()
}

/// `curl/8.5.0`: the first word by which a client calls itself.
fn client(head: &Head) -> &str {
    header(head, "user-agent").and_then(|agent| agent.split_whitespace().next()).unwrap_or_default()
}
