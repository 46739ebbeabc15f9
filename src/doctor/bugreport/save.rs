//! Saves a report where its owner, and nobody else, can read it. It never takes the place of another file.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use crate::file::trouble::{Attempt, trouble};
use crate::words;
use crate::words::Words;

/// The name for a report of this time, in UTC.
pub fn default_name(now: SystemTime) -> String {
    DateTime::<Utc>::from(now).format("ollama-forward-bugreport-%Y%m%d-%H%M%S.txt").to_string()
}

/// Writes to `output`, or to a file with the default name in `directory`. Returns where.
pub fn save(text: &str, output: Option<&Path>, directory: &Path, now: SystemTime) -> Result<PathBuf, Words> {
    let path = output.map_or_else(|| directory.join(default_name(now)), Path::to_owned);
    match write(&path, text) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let path = path.display();
            Err(words!("{path} exists already, and stays as it is", "{path} existe déjà et reste en l'état"))
        }
        Err(error) => Err(trouble(Attempt::Write, &path, &error)),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a report is none.
        drop(fs::remove_file(path));
    }
    written
}
