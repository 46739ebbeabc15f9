//! The files of one session, as the writer has them open. What is appended is there in whole or not at all.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::block::{Batch, Hash, Packer, Parts, Table, hash};
use super::index::{self, Body, Line, Mark, Named, Told};
use super::pieces;
use super::place;
use super::read::Reader;
use super::recipe::{Recent, Written};
use super::split::split;
use crate::capture::id::ExchangeId;
use crate::capture::record::{Exchange, Message, Pane, Row};

#[derive(Debug)]
pub(super) struct Pack {
    pub named: Named,
    home: PathBuf,
    index: File,
    index_len: u64,
    parts: File,
    table: Table,
    known: HashMap<Hash, u32>,
    /// Parts that a line of the index has counted: their numbers are never given again, even if the parts are lost.
    counted: u32,
    recent: Recent,
    is_synced: bool,
}

/// What an exchange is kept for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kept<'k> {
    /// Its request is complete: the first message.
    Begin,
    /// It is over: the messages from this one on.
    End { from: usize, row: &'k Row },
}

/// How much there is of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub inode: u64,
    pub index: u64,
    pub parts: u64,
    /// Parts that have numbers.
    pub counted: u32,
}

impl Pack {
    /// A session that is new.
    pub(super) fn create(dir: &Path, named: Named) -> io::Result<Self> {
        let home = place::session(dir, &named.key);
        place::make(&home)?;
        let made = Self::begin(home.clone(), named, place::INDEX);
        if made.is_err() {
            // A session without a name is none, and a full disk needs each byte.
            drop(fs::remove_dir_all(&home));
        }
        made
    }

    fn begin(home: PathBuf, named: Named, index: &str) -> io::Result<Self> {
        let index = place::create_empty(&home.join(index))?;
        let parts = place::create_empty(&home.join(&named.parts))?;
        let mut pack = Self {
            named,
            home,
            index,
            index_len: 0,
            parts,
            table: Table::default(),
            known: HashMap::new(),
            counted: 0,
            recent: Recent::default(),
            is_synced: false,
        };
        let line = Line::Session(&pack.named).to_bytes();
        pack.add_line(&line)?;
        Ok(pack)
    }

    /// A session that is there. What a crash has torn is cut off: `extent` ends with the last whole line.
    pub(super) fn open(dir: &Path, named: Named, extent: Extent) -> io::Result<Self> {
        let home = place::session(dir, &named.key);
        let index = place::write(&home.join(place::INDEX))?;
        let parts = place::create(&home.join(&named.parts))?;
        let (mut table, mut known) = (Table::default(), HashMap::new());
        table.extend(&parts, |hash, part| {
            known.insert(hash, part);
        })?;
        if parts.metadata()?.len() > table.end() {
            parts.set_len(table.end())?;
        }
        if index.metadata()?.len() > extent.index {
            index.set_len(extent.index)?;
        }
        Ok(Self {
            named,
            home,
            index,
            index_len: extent.index,
            parts,
            table,
            known,
            counted: extent.counted,
            recent: Recent::default(),
            is_synced: true,
        })
    }

    pub(super) fn extent(&self) -> io::Result<Extent> {
        let inode = self.index.metadata()?.ino();
        Ok(Extent { inode, index: self.index_len, parts: self.table.end(), counted: self.counted })
    }

    /// Gives where its line begins.
    pub(super) fn keep(&mut self, packer: &mut Packer, exchange: &Exchange, kept: Kept<'_>) -> io::Result<u64> {
        let id = exchange.id.ok_or(io::ErrorKind::InvalidInput)?;
        let messages = match kept {
            Kept::Begin => &exchange.messages[..1],
            Kept::End { from, .. } => &exchange.messages[from..],
        };
        let mut batch = self.batch();
        let bodies = messages.iter().map(|message| Draft {
            pane: message.pane,
            parts: split(&message.body).into_iter().map(|range| self.part(&mut batch, &message.body[range])).collect(),
            times: self.times(&mut batch, message),
        });
        let bodies: Vec<Draft> = bodies.collect();
        let meta = self.part(&mut batch, &index::meta(exchange, messages));
        let row = match kept {
            Kept::Begin => None,
            Kept::End { row, .. } => Some(row),
        };
        self.write(packer, &batch, Entry { id, meta, bodies, row })
    }

    /// Takes an exchange over from another file, part by part.
    pub(super) fn copy(
        &mut self,
        packer: &mut Packer,
        from: &mut Reader<'_>,
        at: u64,
        row: Option<&Row>,
        moved: &mut HashMap<u32, u32>,
    ) -> io::Result<u64> {
        let told = from.line(at)?;
        let mut batch = self.batch();
        let mut take = |pack: &Self, from: &mut Parts<'_>, part: u32| -> io::Result<u32> {
            if let Some(number) = moved.get(&part) {
                return Ok(*number);
            }
            let number = pack.part(&mut batch, &from.join(&[part])?);
            moved.insert(part, number);
            Ok(number)
        };
        let mut bodies = Vec::new();
        let panes = panes_of(from, &told)?;
        for (body, pane) in told.bodies.iter().zip(panes) {
            let parts = from.parts_of(at, body)?;
            let parts = parts.into_iter().map(|part| take(self, &mut from.parts, part)).collect::<io::Result<_>>()?;
            let times = body.times.map(|part| take(self, &mut from.parts, part)).transpose()?;
            bodies.push(Draft { pane, parts, times });
        }
        let meta = take(self, &mut from.parts, told.meta)?;
        self.write(packer, &batch, Entry { id: told.id, meta, bodies, row })
    }

    pub(super) fn mark(&mut self, mark: &Mark) -> io::Result<()> {
        let line = Line::Mark(mark).to_bytes();
        self.add_line(&line)
    }

    fn batch(&self) -> Batch {
        Batch::new(self.table.next().max(self.counted))
    }

    fn part(&self, batch: &mut Batch, bytes: &[u8]) -> u32 {
        let hash = hash(bytes);
        self.known.get(&hash).copied().unwrap_or_else(|| batch.add(hash, bytes))
    }

    fn times(&self, batch: &mut Batch, message: &Message) -> Option<u32> {
        (!message.pieces.is_empty()).then(|| self.part(batch, &pieces::encode(&message.pieces)))
    }

    fn write(&mut self, packer: &mut Packer, batch: &Batch, what: Entry<'_>) -> io::Result<u64> {
        let told_bodies = what.bodies.iter().map(|draft| (self.recent.tell(draft.pane, &draft.parts), draft.times));
        let (bodies, steps): (Vec<_>, Vec<_>) =
            told_bodies.map(|((of, steps), times)| (Body { of, times }, steps)).unzip();
        let row = what.row.map(index::compact);
        let told = Told { id: what.id, parts: batch.next(), meta: what.meta, bodies, row };
        let line = if told.row.is_some() { Line::End(&told) } else { Line::Begin(&told) };
        let line = line.to_bytes();
        self.add_parts(&batch.pack(packer)?)?;
        let at = self.index_len;
        self.add_line(&line)?;
        self.counted = told.parts;
        for ((draft, steps), body) in what.bodies.into_iter().zip(steps).zip(0..) {
            self.recent.remember(Written { pane: draft.pane, at, body, steps, parts: draft.parts });
        }
        Ok(at)
    }

    /// Blocks that are whole stay, whatever follows: a reader may have seen them.
    fn add_parts(&mut self, blocks: &[u8]) -> io::Result<()> {
        if blocks.is_empty() {
            return Ok(());
        }
        self.is_synced = false;
        let written = self.parts.write_all_at(blocks, self.table.end());
        let known = &mut self.known;
        self.table.extend(&self.parts, |hash, part| {
            known.entry(hash).or_insert(part);
        })?;
        if written.is_err() {
            self.parts.set_len(self.table.end())?;
        }
        written
    }

    fn add_line(&mut self, line: &[u8]) -> io::Result<()> {
        self.is_synced = false;
        let written = self.index.write_all_at(line, self.index_len);
        match written {
            Ok(()) => self.index_len += line.len() as u64,
            Err(_) => self.index.set_len(self.index_len)?,
        }
        written
    }

    /// Makes what was written last through a crash of the machine. Parts first: a line without its parts is worth less.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.parts.sync_data()?;
            self.index.sync_data()?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// An empty successor, beside this session's files; [`Pack::replace`] puts it in their place.
    pub(super) fn successor(dir: &Path, named: &Named) -> io::Result<Self> {
        let number = named.parts.trim_start_matches("parts").trim_start_matches('-').trim_end_matches(".zst");
        let next = number.parse().unwrap_or(1_u32).wrapping_add(1) % 1_000_000_000;
        let named = Named { parts: format!("parts-{next}.zst"), ..named.clone() };
        Self::begin(place::session(dir, &named.key), named, place::INDEX_NEW)
    }

    /// Takes the place of the old files, in one step: the index names its file of parts.
    pub(super) fn replace(&mut self) -> io::Result<Extent> {
        let extent = self.extent()?;
        self.sync()?;
        fs::rename(self.home.join(place::INDEX_NEW), self.home.join(place::INDEX))?;
        Ok(extent)
    }

    /// Removes the parts of the session whose place this has taken.
    pub(super) fn remove_old(&self, old: &Named) -> io::Result<()> {
        place::sync_dir(&self.home)?;
        fs::remove_file(self.home.join(&old.parts))
    }

    /// Whether its files are still where they were.
    pub(super) fn is_there(&self) -> bool {
        let inode = |file: io::Result<fs::Metadata>| file.map(|found| found.ino()).ok();
        let index = fs::symlink_metadata(self.home.join(place::INDEX));
        let parts = fs::symlink_metadata(self.home.join(&self.named.parts));
        inode(index) == inode(self.index.metadata()) && inode(parts) == inode(self.parts.metadata())
    }

    /// Removes a successor that did not come to its end.
    pub(super) fn abandon(self) {
        drop(fs::remove_file(self.home.join(place::INDEX_NEW)));
        drop(fs::remove_file(self.home.join(&self.named.parts)));
    }
}

/// A body, before it is known how its parts are told.
struct Draft {
    pane: Pane,
    parts: Vec<u32>,
    times: Option<u32>,
}

struct Entry<'w> {
    id: ExchangeId,
    meta: u32,
    bodies: Vec<Draft>,
    row: Option<&'w Row>,
}

/// The panes of a line's bodies.
fn panes_of(from: &mut Reader<'_>, told: &Told) -> io::Result<Vec<Pane>> {
    let meta = from.parts.join(&[told.meta])?;
    let exchange: Exchange = serde_json::from_slice(&meta)?;
    if exchange.messages.len() != told.bodies.len() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(exchange.messages.iter().map(|message| message.pane).collect())
}
