//! Keeps exchanges on disk: each session in a directory of its own, an index that is read in a moment, and parts that are stored
//! once however often they are sent.
//!
//! ```text
//! tap ──► Writer ─► keep ──┬─► film: what is under way          sessions/KEY/index.jsonl   a line an event, a row an exchange
//!                          ├─► clean: secrets go                sessions/KEY/parts.zst     what bodies are made of
//!                          ├─► split ─► pack ─► recipe, block   lock                       held by the one that writes
//!                          └─► shelf: rows, where they are ◄── Library: rows, exchanges, news
//! ```
//!
//! # What holds
//! - A body is read as it was kept, byte for byte: it is cut, never parsed and written again ([`split`]).
//! - Parts are written before the line that names them. What a crash tears is the end of a file, and is cut off there.
//! - Nothing is synchronised with the disk for each exchange: a process that is killed loses nothing that was written, a machine
//!   that loses its power at most the last half minute.
//! - Removing removes the bytes: a session is written anew without what only the removed exchanges had, and takes the old
//!   one's place in one step ([`pack`]).
//! - What cannot be written is counted as missed. Nobody waits for the disk.
//!
//! # What it cannot
//! Secrets are looked for in a body as it came. In one that is compressed they are not seen.

mod block;
mod clean;
mod compat;
mod film;
mod filter;
mod index;
mod keep;
mod library;
mod lock;
mod mend;
mod names;
mod orders;
mod pack;
mod packs;
mod pieces;
mod place;
mod read;
mod recipe;
mod rewrite;
mod sense;
mod shelf;
mod split;
mod tend;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use library::Library;
pub use sense::{Files, Sense};
pub use writer::{Desk, Options, Writer};

use super::id::ExchangeId;
use super::record::{Exchange, Row};
use super::settings::Limits;
use crate::words;
use crate::words::Words;

/// What has changed in a library.
#[derive(Clone, Debug)]
pub enum News {
    /// An exchange is new, or has changed.
    Row(Arc<Row>),
    Gone(ExchangeId),
    /// Something else: [`Library::usage`], [`Library::trouble`].
    State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SessionInfo {
    /// In the store; letters, digits, `-`.
    pub key: String,
    /// The client's own id of it.
    pub client_session: Option<String>,
    pub client: String,
    /// The first user's words, cut.
    pub title: Option<String>,
    pub begun_ms: u64,
    pub last_ms: u64,
    pub exchanges: u32,
    /// On disk.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    pub bytes: u64,
    pub limit: u64,
    pub exchanges: u64,
    pub sessions: u64,
    /// Exchanges and pieces that were not kept since the start.
    pub missed: u64,
    pub keep_days: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes there.
    #[error("{dir} is written by process {pid}")]
    Locked { dir: PathBuf, pid: u32 },
    /// The directory is not one for secrets: why.
    #[error("{dir}: {why}")]
    Unfit { dir: PathBuf, why: Words },
    #[error("cannot {doing} {path}")]
    Io {
        doing: Doing,
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("there is no exchange {0}")]
    Unknown(String),
    #[error("the writer has ended")]
    Ended,
}

impl StoreError {
    fn io(doing: Doing, path: &Path, error: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), error }
    }

    /// The whole of it, with its cause.
    pub fn told(&self) -> Words {
        match self {
            Self::Locked { dir, pid } => {
                let dir = dir.display();
                words!("{dir} is written by process {pid}", "le processus {pid} écrit dans {dir}")
            }
            Self::Unfit { dir, why: Words { en, fr } } => {
                let dir = dir.display();
                words!("{dir}: {en}", "{dir} : {fr}")
            }
            Self::Io { doing, path, error } => {
                let (path, Words { en, fr }) = (path.display(), doing.told());
                words!("cannot {en} {path}: {error}", "impossible {fr} {path} : {error}")
            }
            Self::Unknown(id) => words!("there is no exchange {id}", "il n'y a pas d'échange {id}"),
            Self::Ended => words!("the writer has ended", "l'écriture est terminée"),
        }
    }
}

/// What could not be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Create,
    Lock,
    LookAt,
    Protect,
    Read,
    Remove,
    Rewrite,
    Tidy,
    Write,
}

impl Doing {
    /// Behind "cannot", and behind "impossible".
    fn told(self) -> Words {
        match self {
            Self::Create => words!("create", "de créer"),
            Self::Lock => words!("lock", "de verrouiller"),
            Self::LookAt => words!("look at", "de consulter"),
            Self::Protect => words!("protect", "de protéger"),
            Self::Read => words!("read", "de lire"),
            Self::Remove => words!("remove", "de supprimer"),
            Self::Rewrite => words!("rewrite", "de réécrire"),
            Self::Tidy => words!("tidy", "de ranger"),
            Self::Write => words!("write", "d'écrire"),
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told().fmt(f)
    }
}

/// What a writer can be told.
#[derive(Clone, Debug)]
pub enum Order {
    /// None: stays as it is.
    Mark {
        id: ExchangeId,
        marked: Option<bool>,
        comment: Option<String>,
    },
    Remove(Vec<ExchangeId>),
    RemoveSession(String),
    RemoveAll,
    /// By the limits of the options, or these.
    Prune(Option<Limits>),
    /// An exchange of another store. It gets a new id where its own is taken.
    Import(Box<Exchange>),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obeyed {
    pub exchanges: u64,
    /// Freed on disk.
    pub bytes: u64,
    pub id: Option<ExchangeId>,
}
