//! What the page and the commands read. In the writer's process it shows what the writer knows; in another one it follows the
//! files.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::block::{Parts, Table};
use super::index::Named;
use super::pack::Extent;
use super::read::{Lines, Reader};
use super::sense::Sense;
use super::shelf::{self, Shelf};
use super::{Doing, News, SessionInfo, StoreError, Usage, lock, place};
use crate::capture::id::ExchangeId;
use crate::capture::record::{Exchange, Row, State};
use crate::words::{Lang, Words};

/// News that a reader may be behind. Then it is told so, and reads all rows again.
const MOST_NEWS: usize = 1024;
/// A writer may have rewritten a session between two looks at it; more often than this, something else is wrong.
const TRIES: u32 = 4;

/// What the page and the commands read: rows of all exchanges, and each whole. Clones are the same library.
#[derive(Clone, Debug)]
pub struct Library {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub dir: PathBuf,
    /// Another process writes.
    follows: bool,
    pub sense: Sense,
    shelf: Mutex<Shelf>,
    /// Held while files are looked at for what is new.
    refreshing: Mutex<()>,
    news: broadcast::Sender<News>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("dir", &self.dir).field("follows", &self.follows).finish_non_exhaustive()
    }
}

/// Where an exchange is.
struct Found {
    named: Named,
    extent: Extent,
    table: Arc<Mutex<Table>>,
    lines: Lines,
    row: Arc<Row>,
}

pub(super) fn lock_of<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(dir: PathBuf, follows: bool, sense: Sense) -> Self {
        Self {
            dir,
            follows,
            sense,
            shelf: Mutex::default(),
            refreshing: Mutex::default(),
            news: broadcast::channel(MOST_NEWS).0,
        }
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock_of(&self.shelf)
    }

    /// Nobody may be there to hear it.
    pub(super) fn tell(&self, news: News) {
        drop(self.news.send(news));
    }

    pub(super) fn tell_gone(&self, gone: &[ExchangeId]) {
        for id in gone {
            self.tell(News::Gone(*id));
        }
    }

    /// Takes in what is new in the files.
    pub(super) fn read_files(&self) -> Result<(), StoreError> {
        let _one = lock_of(&self.refreshing);
        let failed = |error| StoreError::io(Doing::Read, &self.dir, error);
        let found = shelf::list(&self.dir).map_err(failed)?;
        let known: Vec<(Named, Extent)> =
            self.shelf().sessions.values().map(|session| (session.named.clone(), session.extent)).collect();
        for (named, _) in known.iter().filter(|(named, _)| !found.contains_key(&named.key)) {
            let gone = self.shelf().remove_session(&named.key);
            self.tell_gone(&gone);
        }
        for (key, (inode, len)) in found {
            let known = known.iter().find(|(named, _)| named.key == key).map(|(named, extent)| (named, *extent));
            if known.is_some_and(|(_, extent)| (extent.inode, extent.index) == (inode, len)) {
                continue;
            }
            match shelf::load(&self.dir, &key, known) {
                Ok(Some(loaded)) => self.take_in(loaded),
                Ok(None) => {}
                // A session that is being made or removed just now.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    fn take_in(&self, loaded: shelf::Loaded) {
        let (changed, gone) = self.shelf().take_in(loaded);
        self.tell_gone(&gone);
        for id in changed {
            if let Some(row) = self.row(id) {
                self.tell(News::Row(row));
            }
        }
    }

    /// What another process has begun and not ended: it is under way there, or lost with it.
    fn look_at_unfinished(&self) {
        let unfinished = self.shelf().unfinished();
        if unfinished.is_empty() {
            return;
        }
        let is_written = lock::is_held(&self.dir);
        for id in unfinished {
            let Some(before) = self.row(id) else { continue };
            if is_written && !before.method.is_empty() {
                continue;
            }
            let row = self.begun(id, if is_written { None } else { Some(State::Lost) });
            if let Some(entry) = self.shelf().entries.get_mut(&id).filter(|entry| entry.lines.end.is_none()) {
                entry.row = Arc::new(row.unwrap_or(Row { state: State::Lost, ..(*before).clone() }));
                self.tell(News::Row(Arc::clone(&entry.row)));
            }
        }
    }

    /// The row of an exchange of which only the beginning is there.
    fn begun(&self, id: ExchangeId, state: Option<State>) -> Option<Row> {
        let mut exchange = self.exchange(id).ok()?;
        exchange.row = None;
        exchange.state = state.unwrap_or_else(|| (self.sense.state)(&exchange));
        let row = (self.sense.row)(&exchange);
        Some(Row { id: Some(id), session: exchange.session, state: exchange.state, ..row })
    }

    pub(super) fn row(&self, id: ExchangeId) -> Option<Arc<Row>> {
        self.shelf().entries.get(&id).map(|entry| Arc::clone(&entry.row))
    }

    pub(super) fn exchange(&self, id: ExchangeId) -> Result<Exchange, StoreError> {
        let mut tries = 1;
        loop {
            let film = self.shelf().live.get(&id).cloned();
            if let Some(film) = film {
                let row = self.row(id).map(|row| Box::new((*row).clone()));
                return Ok(Exchange { row, ..lock_of(&film).seen() });
            }
            let found = self.find(id).ok_or_else(|| StoreError::Unknown(id.to_string()))?;
            match self.read(&found) {
                Err(_) if tries < TRIES => tries += 1,
                Err(error) => return Err(self.unread(id, &found, error)),
                Ok(exchange) => return Ok(exchange),
            }
            if self.follows {
                self.read_files()?;
            }
        }
    }

    /// What a reader is told. Its session may be about to go: the files first, what is known of them a moment later.
    fn unread(&self, id: ExchangeId, found: &Found, error: io::Error) -> StoreError {
        let home = place::session(&self.dir, &found.named.key);
        match fs::symlink_metadata(home.join(place::INDEX)) {
            Err(gone) if gone.kind() == ErrorKind::NotFound => StoreError::Unknown(id.to_string()),
            Ok(_) | Err(_) => StoreError::io(Doing::Read, &home, error),
        }
    }

    fn find(&self, id: ExchangeId) -> Option<Found> {
        let books = self.shelf();
        let entry = books.entries.get(&id)?;
        let session = books.sessions.get(&entry.session)?;
        Some(Found {
            named: session.named.clone(),
            extent: session.extent,
            table: Arc::clone(&session.table),
            lines: entry.lines,
            row: Arc::clone(&entry.row),
        })
    }

    fn read(&self, found: &Found) -> io::Result<Exchange> {
        let (index, parts) = open(&self.dir, &found.named)?;
        if index.metadata()?.ino() != found.extent.inode {
            return Err(ErrorKind::NotFound.into());
        }
        let mut table = lock_of(&found.table);
        table.extend(&parts, |_, _| ())?;
        let mut exchange = Reader::new(&index, Parts::new(&parts, &table)?).exchange(found.lines)?;
        exchange.id = found.row.id;
        exchange.session.clone_from(&found.row.session);
        exchange.row = Some(Box::new((*found.row).clone()));
        if found.lines.end.is_none() {
            exchange.state = found.row.state;
        }
        Ok(exchange)
    }
}

/// The files of a session, to be read.
pub(super) fn open(dir: &Path, named: &Named) -> io::Result<(File, File)> {
    let home = place::session(dir, &named.key);
    Ok((place::read(&home.join(place::INDEX))?, place::read(&home.join(&named.parts))?))
}

impl Library {
    /// Reads what is there, and writes nothing. A directory that does not exist is empty.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, Sense::default())
    }

    /// With another understanding.
    pub fn open_with(dir: &Path, sense: Sense) -> Result<Self, StoreError> {
        let library = Self { shared: Arc::new(Shared::new(dir.to_owned(), true, sense)) };
        library.refresh()?;
        Ok(library)
    }

    /// Takes in what a writer of another process has added.
    pub fn refresh(&self) -> Result<(), StoreError> {
        if self.shared.follows {
            self.shared.read_files()?;
            self.shared.look_at_unfinished();
        }
        Ok(())
    }

    /// Oldest first, those under way included.
    pub fn rows(&self) -> Vec<Arc<Row>> {
        self.shared.shelf().entries.values().map(|entry| Arc::clone(&entry.row)).collect()
    }

    pub fn row(&self, id: ExchangeId) -> Option<Arc<Row>> {
        self.shared.row(id)
    }

    /// Oldest first.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.shared.shelf().infos()
    }

    /// All of an exchange, with its bodies; also of one that is under way.
    pub fn exchange(&self, id: ExchangeId) -> Result<Exchange, StoreError> {
        self.shared.exchange(id)
    }

    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.shared.news.subscribe()
    }

    pub fn usage(&self) -> Usage {
        self.shared.shelf().usage()
    }

    /// Why nothing is kept at the moment, though it should be: a full disk, a directory that went.
    pub fn trouble(&self) -> Option<String> {
        self.trouble_in(Lang::En)
    }

    /// The same in another language.
    pub fn trouble_in(&self, lang: Lang) -> Option<String> {
        self.shared.shelf().trouble.as_ref().map(|words: &Words| words.of(lang))
    }

    pub fn dir(&self) -> PathBuf {
        self.shared.dir.clone()
    }
}
