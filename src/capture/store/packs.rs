//! The sessions that are open for writing: a few, as each holds two files and a table of its parts.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::index::Named;
use super::library::Shared;
use super::pack::Pack;

/// More clients rarely talk at once.
const MOST_OPEN: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Packs {
    open: HashMap<Arc<str>, Open>,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Open {
    pack: Pack,
    used: u64,
}

impl Packs {
    /// The session of this key: as it is on the shelf, or a new one of this name.
    pub(super) fn open(&mut self, shared: &Shared, key: &Arc<str>, named: Named) -> io::Result<&mut Pack> {
        self.clock += 1;
        if !self.open.contains_key(key) {
            self.make_room()?;
            let known = shared.shelf().sessions.get(key).map(|session| (session.named.clone(), session.extent));
            let pack = match known {
                Some((named, extent)) => Pack::open(&shared.dir, named, extent)?,
                None => Pack::create(&shared.dir, named)?,
            };
            self.open.insert(Arc::clone(key), Open { pack, used: 0 });
        }
        let open = self.open.get_mut(key).expect("it was opened just now");
        open.used = self.clock;
        Ok(&mut open.pack)
    }

    fn make_room(&mut self) -> io::Result<()> {
        if self.open.len() < MOST_OPEN {
            return Ok(());
        }
        let oldest = self.open.iter().min_by_key(|(_, open)| open.used).map(|(key, _)| Arc::clone(key));
        match oldest.and_then(|key| self.open.remove(&key)) {
            Some(mut open) => open.pack.sync(),
            None => Ok(()),
        }
    }

    /// Those whose files are gone.
    pub(super) fn vanished(&self) -> Vec<Arc<str>> {
        let vanished = self.open.iter().filter(|(_, open)| !open.pack.is_there());
        vanished.map(|(key, _)| Arc::clone(key)).collect()
    }

    /// Its files are about to be removed or replaced.
    pub(super) fn forget(&mut self, key: &str) {
        self.open.remove(key);
    }

    /// They are opened anew when they are needed.
    pub(super) fn close(&mut self) {
        self.open.clear();
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.open.values_mut().try_for_each(|open| open.pack.sync())
    }
}
