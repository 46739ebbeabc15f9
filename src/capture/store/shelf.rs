//! All that is known without reading bodies: sessions, rows, and where the lines are.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::block::Table;
use super::film::Film;
use super::index::{self, Brief, Mark, Named};
use super::pack::Extent;
use super::place;
use super::read::Lines;
use super::{SessionInfo, Usage};
use crate::capture::id::ExchangeId;
use crate::capture::record::{Row, State};
use crate::words::Words;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub sessions: BTreeMap<Arc<str>, Session>,
    pub entries: BTreeMap<ExchangeId, Entry>,
    /// Those under way in this process.
    pub live: HashMap<ExchangeId, Arc<Mutex<Film>>>,
    pub limit: u64,
    pub keep_days: u64,
    pub missed: u64,
    pub trouble: Option<Words>,
}

#[derive(Debug)]
pub(super) struct Session {
    pub named: Named,
    pub extent: Extent,
    /// Where its parts are, as far as somebody wanted to know.
    pub table: Arc<Mutex<Table>>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub row: Arc<Row>,
    pub session: Arc<str>,
    pub lines: Lines,
}

/// What was read of a session's index.
#[derive(Debug)]
pub(super) struct Loaded {
    pub named: Named,
    pub extent: Extent,
    /// Nothing that was known of the session holds any more.
    anew: bool,
    lines: Vec<(u64, Brief)>,
}

/// Reads what is new in a session's index. None: there is nothing new, or nothing that can be read.
pub(super) fn load(dir: &Path, key: &str, known: Option<(&Named, Extent)>) -> io::Result<Option<Loaded>> {
    let home = place::session(dir, key);
    let file = place::read(&home.join(place::INDEX))?;
    let found = file.metadata()?;
    let known = known.filter(|(_, extent)| extent.inode == found.ino() && extent.index <= found.len());
    let from = known.map_or(0, |(_, extent)| extent.index);
    if known.is_some() && found.len() == from {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(found.len() - from).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, from)?;
    let mut extent = known.map_or(Extent { inode: found.ino(), ..Extent::default() }, |(_, extent)| extent);
    let mut named = known.map(|(named, _)| named.clone());
    let mut lines = Vec::new();
    for line in index::lines(&bytes) {
        let at = extent.index;
        extent.index += line.len() as u64;
        // A line that a crash of the machine has damaged costs what it tells, and nothing else.
        let Ok(brief) = serde_json::from_slice(line) else {
            continue;
        };
        match brief {
            Brief::Session(found) if named.is_none() => named = Some(found),
            Brief::Session(_) => {}
            Brief::Begin(_) | Brief::End(_) | Brief::Mark(_) => lines.push((at, brief)),
        }
    }
    if extent.index == from {
        return Ok(None);
    }
    for (_, line) in &lines {
        extent.counted = extent.counted.max(counted(line));
    }
    let named = match named {
        Some(named) => named,
        None => Named { version: index::VERSION, parts: some_parts(&home)?, ..Named::default() },
    };
    if named.version != index::VERSION || !place::is_parts_name(&named.parts) {
        return Ok(None);
    }
    extent.parts = fs::metadata(home.join(&named.parts)).map_or(0, |found| found.len());
    Ok(Some(Loaded { named: Named { key: key.to_owned(), ..named }, extent, anew: known.is_none(), lines }))
}

fn counted(line: &Brief) -> u32 {
    match line {
        Brief::Begin(begin) => begin.parts,
        Brief::End(end) => end.parts,
        Brief::Session(_) | Brief::Mark(_) => 0,
    }
}

/// The file of parts of a session whose first line is lost.
fn some_parts(home: &Path) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(home)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| place::is_parts_name(name)));
    }
    names.into_iter().max().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// The sessions that are there, with the inode and the length of each index.
pub(super) fn list(dir: &Path) -> io::Result<BTreeMap<String, (u64, u64)>> {
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(place::sessions(dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let Some(key) = entry.file_name().into_string().ok().filter(|name| place::is_key(name)) else {
            continue;
        };
        if entry.file_type()?.is_dir() {
            let index = fs::symlink_metadata(entry.path().join(place::INDEX));
            found.insert(key, index.map_or((0, 0), |index| (index.ino(), index.len())));
        }
    }
    Ok(found)
}

impl Shelf {
    /// Takes in what was read. Gives the exchanges that have changed, and those that are gone.
    pub(super) fn take_in(&mut self, loaded: Loaded) -> (Vec<ExchangeId>, Vec<ExchangeId>) {
        let key: Arc<str> = loaded.named.key.as_str().into();
        let mut gone = if loaded.anew { self.remove_session(&key) } else { Vec::new() };
        let known = self.sessions.get(&key).map(|session| Arc::clone(&session.table));
        let table = known.unwrap_or_default();
        self.sessions.insert(Arc::clone(&key), Session { named: loaded.named, extent: loaded.extent, table });
        let mut changed = Vec::new();
        for (at, line) in loaded.lines {
            changed.extend(self.line(&key, at, line));
        }
        gone.retain(|id| !self.entries.contains_key(id));
        changed.sort_unstable();
        changed.dedup();
        (changed, gone)
    }

    fn line(&mut self, key: &Arc<str>, at: u64, line: Brief) -> Option<ExchangeId> {
        match line {
            Brief::Session(_) => None,
            Brief::Begin(begin) => {
                let lines = Lines { begin: Some(at), end: None };
                self.entries.insert(begin.id, Entry { row: begun(begin.id, key), session: Arc::clone(key), lines });
                Some(begin.id)
            }
            Brief::End(end) => {
                let begin = self.entries.get(&end.id).and_then(|entry| entry.lines.begin);
                let row = Row { id: Some(end.id), session: key.to_string(), ..*end.row };
                let lines = Lines { begin, end: Some(at) };
                self.entries.insert(end.id, Entry { row: row.into(), session: Arc::clone(key), lines });
                Some(end.id)
            }
            Brief::Mark(mark) => self.mark(&mark).map(|_| mark.id),
        }
    }

    /// How much there is of a session now.
    pub(super) fn note(&mut self, key: &Arc<str>, named: Named, extent: Extent) {
        let new = || Session { named, extent, table: Arc::default() };
        self.sessions.entry(Arc::clone(key)).or_insert_with(new).extent = extent;
    }

    pub(super) fn mark(&mut self, mark: &Mark) -> Option<Arc<Row>> {
        let entry = self.entries.get_mut(&mark.id)?;
        mark.apply(Arc::make_mut(&mut entry.row));
        Some(Arc::clone(&entry.row))
    }

    /// Gives the exchanges that it had.
    pub(super) fn remove_session(&mut self, key: &str) -> Vec<ExchangeId> {
        self.sessions.remove(key);
        let ids = self.of_session(key);
        self.entries.retain(|_, entry| &*entry.session != key);
        ids
    }

    pub(super) fn of_session(&self, key: &str) -> Vec<ExchangeId> {
        self.entries.iter().filter(|(_, entry)| &*entry.session == key).map(|(id, _)| *id).collect()
    }

    /// Those with a beginning and no end, that nobody here is at.
    pub(super) fn unfinished(&self) -> Vec<ExchangeId> {
        let is_unfinished = |(id, entry): &(&ExchangeId, &Entry)| {
            entry.lines.end.is_none() && !entry.row.state.is_over() && !self.live.contains_key(id)
        };
        self.entries.iter().filter(is_unfinished).map(|(id, _)| *id).collect()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.sessions.values().map(Session::bytes).sum()
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            bytes: self.bytes(),
            limit: self.limit,
            exchanges: self.entries.len() as u64,
            sessions: self.sessions.len() as u64,
            missed: self.missed,
            keep_days: self.keep_days,
        }
    }

    pub(super) fn infos(&self) -> Vec<SessionInfo> {
        let info = |session: &Session| SessionInfo {
            key: session.named.key.clone(),
            client_session: session.named.client_session.clone(),
            client: session.named.client.clone(),
            title: None,
            begun_ms: session.named.begun_ms,
            last_ms: session.named.begun_ms,
            exchanges: 0,
            bytes: session.bytes(),
        };
        let mut infos: BTreeMap<&str, SessionInfo> =
            self.sessions.iter().map(|(key, session)| (&**key, info(session))).collect();
        let mut firsts: BTreeMap<&str, ExchangeId> = BTreeMap::new();
        for (id, entry) in &self.entries {
            firsts.entry(&entry.session).or_insert(*id);
            // The first exchange of a new session is there before its files.
            let begun = || SessionInfo {
                key: entry.session.to_string(),
                client_session: entry.row.thread.session_id.clone(),
                client: entry.row.client.clone(),
                begun_ms: entry.row.begun_ms,
                ..SessionInfo::default()
            };
            let info = infos.entry(&entry.session).or_insert_with(begun);
            info.exchanges += 1;
            info.last_ms = info.last_ms.max(entry.row.begun_ms);
            let is_title = entry.row.thread.kind.as_deref() == Some("title");
            if info.title.is_none() && !is_title {
                info.title = entry.row.user.as_deref().and_then(title);
            }
        }
        let mut infos: Vec<SessionInfo> = infos.into_values().collect();
        // Keys tell the second only.
        infos.sort_by_key(|info| (info.begun_ms, firsts.get(info.key.as_str()).copied()));
        infos
    }
}

impl Session {
    pub(super) fn bytes(&self) -> u64 {
        self.extent.index + self.extent.parts
    }
}

/// Letters of a title.
const TITLE: usize = 80;

/// The first line of it that says something, cut.
fn title(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let mut letters = line.chars();
    let mut title: String = letters.by_ref().take(TITLE).collect();
    if letters.next().is_some() {
        title.push('…');
    }
    Some(title)
}

fn begun(id: ExchangeId, key: &str) -> Arc<Row> {
    let state = State::Waiting;
    Arc::new(Row { id: Some(id), session: key.to_owned(), begun_ms: id.unix_ms(), state, ..Row::default() })
}
