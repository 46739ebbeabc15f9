//! Removing exchanges of a session: it is written anew without them, and without the parts that only they had, and takes the old
//! one's place in one step.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tracing::warn;

use super::block::{Parts, Table};
use super::index::Named;
use super::keep::Core;
use super::library::{self, lock_of};
use super::pack::Pack;
use super::read::{Lines, Reader};
use super::shelf::{Entry, Session, Shelf};
use super::{Doing, News, StoreError, place};
use crate::capture::id::ExchangeId;
use crate::capture::record::Row;

impl Core {
    pub(super) fn rewrite(&mut self, key: &Arc<str>, gone: &HashSet<ExchangeId>) -> Result<(), StoreError> {
        self.packs.forget(key);
        let books = self.shared.shelf();
        let Some(session) = books.sessions.get(key) else {
            self.drop_entries(books, gone);
            return Ok(());
        };
        let (old, table) = (session.named.clone(), Arc::clone(&session.table));
        drop(books);
        let home = place::session(&self.shared.dir, key);
        let failed = |error| StoreError::io(Doing::Rewrite, &home, error);
        let mut pack = Pack::successor(&self.shared.dir, &old).map_err(failed)?;
        match self.copy(key, gone, &old, &table, &mut pack) {
            Ok(places) => self.swap(key, gone, &old, pack, &places).map_err(failed),
            Err(error) => {
                pack.abandon();
                Err(failed(error))
            }
        }
    }

    /// Readers find either the old files and what is known of them, or the new ones.
    fn swap(
        &mut self,
        key: &Arc<str>,
        gone: &HashSet<ExchangeId>,
        old: &Named,
        mut pack: Pack,
        places: &HashMap<ExchangeId, Lines>,
    ) -> io::Result<()> {
        let mut books = self.shared.shelf();
        let extent = match pack.replace() {
            Ok(extent) => extent,
            Err(error) => {
                drop(books);
                pack.abandon();
                return Err(error);
            }
        };
        books.sessions.insert(Arc::clone(key), Session { named: pack.named.clone(), extent, table: Arc::default() });
        let mut lost = gone.clone();
        for id in books.of_session(key) {
            match (places.get(&id), books.entries.get_mut(&id)) {
                (Some(lines), Some(entry)) => entry.lines = *lines,
                (None, Some(entry)) if entry.lines != Lines::default() => {
                    lost.insert(id);
                }
                (None | Some(_), _) => {}
            }
        }
        for (id, lines) in places {
            if let Some(live) = self.live.get_mut(id) {
                live.begin = lines.begin;
            }
        }
        self.drop_entries(books, &lost);
        pack.remove_old(old)
    }

    fn drop_entries(&self, mut books: MutexGuard<'_, Shelf>, gone: &HashSet<ExchangeId>) {
        for id in gone {
            books.entries.remove(id);
        }
        drop(books);
        for id in gone {
            self.shared.tell(News::Gone(*id));
        }
    }

    /// Gives where each exchange is in the new files.
    fn copy(
        &mut self,
        key: &Arc<str>,
        gone: &HashSet<ExchangeId>,
        named: &Named,
        table: &Mutex<Table>,
        pack: &mut Pack,
    ) -> io::Result<HashMap<ExchangeId, Lines>> {
        let (index, parts) = library::open(&self.shared.dir, named)?;
        let mut table = lock_of(table);
        table.extend(&parts, |_, _| ())?;
        let mut reader = Reader::new(&index, Parts::new(&parts, &table)?);
        let entries: Vec<(ExchangeId, Entry)> = {
            let books = self.shared.shelf();
            let ids = books.of_session(key).into_iter().filter(|id| !gone.contains(id));
            ids.filter_map(|id| Some((id, books.entries.get(&id)?.clone()))).collect()
        };
        let mut moved = HashMap::new();
        let mut places = HashMap::new();
        for (id, entry) in entries {
            let mut one = |at: Option<u64>, row: Option<&Row>| -> io::Result<Option<u64>> {
                at.map(|at| pack.copy(&mut self.packer, &mut reader, at, row, &mut moved)).transpose()
            };
            let begin = one(entry.lines.begin, None);
            let end = begin.and_then(|begin| Ok(Lines { begin, end: one(entry.lines.end, Some(&entry.row))? }));
            match end {
                Ok(lines) if lines == Lines::default() => {}
                Ok(lines) => drop(places.insert(id, lines)),
                // What cannot be read cannot be kept.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    warn!(%id, "an exchange is damaged and was left out");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(places)
    }
}
