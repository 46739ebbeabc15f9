//! What was moved, and where: written before it is done, so that it can be undone however it ended.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::file::trouble::{Attempt, trouble};
use crate::words::Words;

/// All that is needed to go back, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Journal {
    schema_version: u32,
    pub(super) moves: Vec<Move>,
    /// Links by which systemd started what was moved.
    pub(super) links: Vec<Link>,
    #[serde(skip)]
    path: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Move {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) path: PathBuf,
    pub(super) target: PathBuf,
}

const SCHEMA_VERSION: u32 = 1;

impl Journal {
    pub(super) fn read(state: &Path) -> Result<Self, Words> {
        let path = state.join("from-socat.json");
        let empty = Self { schema_version: SCHEMA_VERSION, path: path.clone(), ..Self::default() };
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<Self>(&bytes) {
                Ok(journal) => Ok(Self { path, ..journal }),
                Err(error) => Err(trouble(Attempt::Read, &path, &io::Error::other(error))),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(empty),
            Err(error) => Err(trouble(Attempt::Read, &path, &error)),
        }
    }

    /// Whole, or not at all.
    pub(super) fn write(&self) -> Result<(), Words> {
        let written = || -> io::Result<()> {
            let directory = self.path.parent().unwrap_or(Path::new("/"));
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            let fresh = directory.join(format!(".from-socat.{}", clock::nonce()));
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(serde_json::json!(self).to_string().as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)?;
            File::open(directory)?.sync_all()
        };
        written().map_err(|error| trouble(Attempt::Write, &self.path, &error))
    }

    /// When all of it is undone.
    pub(super) fn remove(&self) -> Result<(), Words> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(trouble(Attempt::Remove, &self.path, &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
