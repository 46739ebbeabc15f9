//! What a person, or a limit, has the writer do with what is kept: mark, remove, prune, import.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::index::Mark;
use super::keep::Core;
use super::pack::Kept;
use super::read::Lines;
use super::{Doing, News, Obeyed, Order, StoreError, place};
use crate::capture::id::ExchangeId;
use crate::capture::record::{Exchange, Piece, Row, State};
use crate::capture::settings::Limits;

/// What is too large is made somewhat smaller than it must be: so it is not done again for each exchange.
fn with_air(size: u64) -> u64 {
    size - size / 10
}

/// Rounds in which the oldest exchanges of the last session go. Each takes the share that is too much.
const ROUNDS: u32 = 6;

impl Core {
    pub(super) fn obey(&mut self, order: Order, wall: SystemTime) -> Result<Obeyed, StoreError> {
        let before = self.shared.shelf().usage();
        let id = match order {
            Order::Mark { id, marked, comment } => self.mark(&Mark { id, marked, comment }).map(|()| None)?,
            Order::Remove(ids) => self.remove(&ids).map(|()| None)?,
            Order::RemoveSession(key) => self.remove_session(&key).map(|()| None)?,
            Order::RemoveAll => self.remove_all().map(|()| None)?,
            Order::Prune(limits) => self.prune(limits.unwrap_or(self.options.limits), wall).map(|()| None)?,
            Order::Import(exchange) => return self.import(*exchange),
        };
        let after = self.shared.shelf().usage();
        if after.bytes < before.bytes {
            self.try_again();
        }
        self.shared.tell(News::State);
        let exchanges = before.exchanges.saturating_sub(after.exchanges);
        Ok(Obeyed { exchanges, bytes: before.bytes.saturating_sub(after.bytes), id })
    }

    fn remove(&mut self, ids: &[ExchangeId]) -> Result<(), StoreError> {
        let mut sessions: BTreeMap<Arc<str>, HashSet<ExchangeId>> = BTreeMap::new();
        for id in ids {
            let entry = self.shared.shelf().entries.get(id).cloned();
            let entry = entry.ok_or_else(|| StoreError::Unknown(id.to_string()))?;
            sessions.entry(entry.session).or_default().insert(*id);
        }
        for (key, gone) in sessions {
            for id in &gone {
                self.forget(*id);
            }
            let is_left = self.shared.shelf().of_session(&key).iter().any(|id| !gone.contains(id));
            if is_left {
                self.rewrite(&key, &gone)?;
            } else {
                self.remove_session(&key)?;
            }
        }
        Ok(())
    }

    /// What comes of an exchange that is under way leaves no trace any more.
    fn forget(&mut self, id: ExchangeId) {
        self.live.remove(&id);
        self.shared.shelf().live.remove(&id);
    }

    fn remove_session(&mut self, key: &str) -> Result<(), StoreError> {
        let is_known = self.shared.shelf().sessions.contains_key(key);
        let ids = self.shared.shelf().of_session(key);
        if !is_known && ids.is_empty() {
            return Err(StoreError::Unknown(key.to_owned()));
        }
        for id in ids {
            self.forget(id);
        }
        self.packs.forget(key);
        self.names.forget(key);
        if is_known {
            let home = place::session(&self.shared.dir, key);
            // Without its index it is no session, should this be as far as we come.
            let removed = fs::remove_file(home.join(place::INDEX)).or_else(unless_gone);
            let removed = removed.and_then(|()| fs::remove_dir_all(&home).or_else(unless_gone));
            removed.map_err(|error| StoreError::io(Doing::Remove, &home, error))?;
        }
        let gone = self.shared.shelf().remove_session(key);
        self.shared.tell_gone(&gone);
        Ok(())
    }

    fn remove_all(&mut self) -> Result<(), StoreError> {
        let under_way: Vec<ExchangeId> = self.live.keys().copied().collect();
        for id in under_way {
            self.forget(id);
        }
        let infos = self.shared.shelf().infos();
        infos.iter().try_for_each(|info| self.remove_session(&info.key))
    }

    pub(super) fn mark(&mut self, mark: &Mark) -> Result<(), StoreError> {
        let entry = self.shared.shelf().entries.get(&mark.id).cloned();
        let entry = entry.ok_or_else(|| StoreError::Unknown(mark.id.to_string()))?;
        if entry.lines != Lines::default() {
            let failed = |error| StoreError::io(Doing::Write, &place::session(&self.shared.dir, &entry.session), error);
            let named = self.names.named(&entry.session, mark.id.unix_ms());
            let pack = self.packs.open(&self.shared, &entry.session, named).map_err(failed)?;
            pack.mark(mark).map_err(failed)?;
            let (named, extent) = (pack.named.clone(), pack.extent().map_err(failed)?);
            self.shared.shelf().note(&entry.session, named, extent);
        }
        if let Some(row) = self.shared.shelf().mark(mark) {
            self.shared.tell(News::Row(row));
        }
        Ok(())
    }

    /// By age first, then by size.
    fn prune(&mut self, limits: Limits, wall: SystemTime) -> Result<(), StoreError> {
        self.remove_old(limits.age, wall)?;
        if self.shared.shelf().bytes() > limits.size {
            self.shrink(limits.size)?;
        }
        Ok(())
    }

    pub(super) fn keep_to_age(&mut self, wall: SystemTime, now: Instant) {
        if let Err(error) = self.remove_old(self.options.limits.age, wall) {
            self.failed(&error, now);
        }
    }

    pub(super) fn keep_to_size(&mut self, now: Instant) {
        let limit = self.options.limits.size;
        if self.shared.shelf().bytes() <= limit {
            return;
        }
        if let Err(error) = self.shrink(with_air(limit)) {
            self.failed(&error, now);
        }
        self.shared.tell(News::State);
    }

    /// Sessions whose last exchange is older go.
    fn remove_old(&mut self, age: Duration, wall: SystemTime) -> Result<(), StoreError> {
        let now_ms = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let oldest_ms = now_ms.saturating_sub(age.as_millis());
        let infos = self.shared.shelf().infos();
        for info in infos.iter().filter(|info| u128::from(info.last_ms) < oldest_ms) {
            if !self.is_under_way(&info.key) {
                self.remove_session(&info.key)?;
            }
        }
        Ok(())
    }

    fn is_under_way(&self, key: &str) -> bool {
        self.live.values().any(|live| &*live.key == key)
    }

    /// The oldest sessions go, and then the oldest exchanges of the last one.
    fn shrink(&mut self, size: u64) -> Result<(), StoreError> {
        let mut infos = self.shared.shelf().infos();
        infos.sort_by_key(|info| info.last_ms);
        let last = infos.pop();
        for info in infos {
            if self.shared.shelf().bytes() <= size {
                return Ok(());
            }
            if !self.is_under_way(&info.key) {
                self.remove_session(&info.key)?;
            }
        }
        let Some(last) = last else {
            return Ok(());
        };
        let key: Arc<str> = last.key.into();
        for _ in 0..ROUNDS {
            let gone = self.too_much(&key, size);
            if gone.is_empty() {
                break;
            }
            self.rewrite(&key, &gone)?;
        }
        Ok(())
    }

    /// The oldest exchanges of a session: the share of them that is too much. The last one stays, as do those under way.
    fn too_much(&self, key: &str, size: u64) -> HashSet<ExchangeId> {
        let books = self.shared.shelf();
        let bytes = books.bytes();
        let excess = bytes.saturating_sub(size);
        if excess == 0 {
            return HashSet::new();
        }
        let mut ids = books.of_session(key);
        ids.pop();
        ids.retain(|id| !self.live.contains_key(id));
        let count = (ids.len() as u64).saturating_mul(excess).div_ceil(bytes.max(1));
        ids.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        ids.into_iter().collect()
    }

    fn import(&mut self, mut exchange: Exchange) -> Result<Obeyed, StoreError> {
        let books = self.shared.shelf();
        let last = books.entries.keys().next_back().copied();
        let is_free = |id: &ExchangeId| !books.entries.contains_key(id);
        let fresh = ExchangeId::after(None, exchange.begun_ms);
        let id = exchange.id.filter(is_free).or(Some(fresh).filter(is_free));
        let id = id.unwrap_or_else(|| ExchangeId::after(last, exchange.begun_ms));
        drop(books);
        let told = exchange.row.take();
        if !exchange.state.is_over() {
            exchange.state = State::Lost;
        }
        exchange.messages.iter_mut().for_each(|message| {
            if message.pieces.iter().map(|piece| u64::from(piece.len)).sum::<u64>() != message.body.len() as u64 {
                let len = u32::try_from(message.body.len()).unwrap_or(u32::MAX);
                message.pieces = vec![Piece { at_us: message.ended_us.unwrap_or_default(), len }];
            }
        });
        self.cleaner.all(&mut exchange);
        let key = self.key_of(&exchange);
        exchange.id = Some(id);
        exchange.session = key.to_string();
        let mut row = Row { id: Some(id), session: key.to_string(), ..(self.cleaner.sense.row)(&exchange) };
        if let Some(told) = told {
            (row.marked, row.comment, row.context) = (told.marked, told.comment, told.context);
        }
        self.store(&key, &exchange, Kept::End { from: 0, row: &row }, None)?;
        self.put(id, key, row);
        self.keep_to_size(crate::clock::now());
        let bytes = 0;
        Ok(Obeyed { exchanges: 1, bytes, id: Some(id) })
    }
}

fn unless_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
