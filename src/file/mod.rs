//! A file of ours, written anew: what stood there is kept beside it, and nothing half-written is ever seen.
//!
//! ```text
//! look: which file is it, whose, and what stands there ──► shown to the user ──► write:
//!     directories (0700) ─ new text in a file beside it, fsync ─ old text to a file beside it, fsync
//!     ─ still as it was shown? ─ rename ─ fsync of the directory ─ old copies beyond the last 5 go
//! ```
//! A link is followed, wherever it leads: people keep such files in a repository of their own, and a rename onto the link
//! would part them from it. What keeps this safe is whose file it is, not where: it has to belong to us. As root, in a
//! home of somebody else (sudo, a container), that somebody stands for us, and gets what is made there.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use rustix::process::geteuid;

pub mod trouble;

use self::trouble::{Attempt, trouble};
use crate::clock;
use crate::words;
use crate::words::Words;

/// Where a text goes.
#[derive(Debug)]
pub struct Target {
    /// The file itself.
    pub path: PathBuf,
    /// The link by which it was named.
    pub link: Option<PathBuf>,
    /// What stands there now.
    pub old: Option<Old>,
    /// Whom new files and directories are given to, where that is not us.
    owner: Option<(u32, u32)>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Old {
    pub bytes: Vec<u8>,
    mode: u32,
}

/// Files of ours are a few hundred bytes.
const LARGEST: u64 = 1 << 20;
/// Copies of old texts that are kept, as `ollama launch` does.
const COPIES: usize = 5;

/// Finds out, and changes nothing.
pub fn look(named: &Path) -> Result<Target, Words> {
    let is_link = match fs::symlink_metadata(named) {
        Ok(meta) => meta.is_symlink(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (_, owner) = whose(named)?;
            return Ok(Target { path: named.to_owned(), link: None, old: None, owner });
        }
        Err(error) => return Err(trouble(Attempt::Read, named, &error)),
    };
    let shown = named.display();
    let path = match fs::canonicalize(named) {
        Ok(path) if is_link => path,
        Ok(_) => named.to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(words!("{shown} is a link that leads nowhere", "{shown} est un lien qui ne mène nulle part"));
        }
        Err(error) => return Err(trouble(Attempt::Read, named, &error)),
    };
    let meta = fs::metadata(&path).map_err(|error| trouble(Attempt::Read, &path, &error))?;
    let shown = path.display();
    if !meta.is_file() {
        return Err(words!("{shown} is no file", "{shown} n'est pas un fichier"));
    }
    let (ours, owner) = whose(named)?;
    if meta.uid() != ours {
        let uid = meta.uid();
        return Err(words!("{shown} belongs to user {uid}", "{shown} appartient à l'utilisateur {uid}"));
    }
    if meta.len() > LARGEST {
        return Err(words!("{shown} is larger than any file of ours", "{shown} est plus gros que tout fichier à nous"));
    }
    let old = read(&path).map_err(|error| trouble(Attempt::Read, &path, &error))?;
    Ok(Target { path, link: is_link.then(|| named.to_owned()), old: Some(old), owner })
}

fn read(path: &Path) -> io::Result<Old> {
    let file = File::open(path)?;
    let mode = file.metadata()?.mode() & 0o777;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(Old { bytes, mode })
}

/// Who has to own what stands at `path`, and whom new things are given to: us; for root, whoever owns the directory.
fn whose(path: &Path) -> Result<(u32, Option<(u32, u32)>), Words> {
    let us = geteuid().as_raw();
    if us != 0 {
        return Ok((us, None));
    }
    for parent in path.ancestors().skip(1) {
        match fs::metadata(parent) {
            Ok(meta) => {
                let owner = (meta.uid() != us).then(|| (meta.uid(), meta.gid()));
                return Ok((meta.uid(), owner));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(trouble(Attempt::Read, parent, &error)),
        }
    }
    Ok((us, None))
}

impl Target {
    /// Returns where the old text is kept now, when there was one.
    pub fn write(&self, text: &str, now: SystemTime) -> Result<Option<PathBuf>, Words> {
        let mut trail = Trail::default();
        let written = self.replace(text, now, &mut trail);
        let backup = written.map_err(|failed| match failed {
            Failed::Io(error) => trouble(Attempt::Write, &self.path, &error),
            Failed::Changed => {
                let path = self.path.display();
                words!("{path} has changed meanwhile: look at it again", "{path} a changé entre-temps : à revoir")
            }
        })?;
        trail.keep();
        if let Some(backup) = &backup {
            self.forget_oldest(backup);
        }
        Ok(backup)
    }

    fn replace(&self, text: &str, now: SystemTime, trail: &mut Trail) -> Result<Option<PathBuf>, Failed> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        self.make_directories(directory, trail)?;
        let mode = self.old.as_ref().map_or(0o600, |old| old.mode);
        let fresh = directory.join(format!(".{}.{}", self.name(), clock::nonce()));
        self.create(&fresh, text.as_bytes(), mode, trail)?;
        let backup = match &self.old {
            Some(old) => Some(self.back_up(old, now, trail)?),
            None => None,
        };
        self.check_unchanged()?;
        fs::rename(&fresh, &self.path)?;
        // Some file systems cannot; the file itself is safe by then.
        drop(File::open(directory).and_then(|directory| directory.sync_all()));
        Ok(backup)
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn make_directories(&self, directory: &Path, trail: &mut Trail) -> io::Result<()> {
        let missing: Vec<&Path> = directory.ancestors().take_while(|part| !part.exists()).collect();
        for part in missing.into_iter().rev() {
            DirBuilder::new().mode(0o700).create(part)?;
            trail.directories.push(part.to_owned());
            self.give_away(part)?;
        }
        Ok(())
    }

    /// A new file, in full and on the disk; it never takes the place of another.
    fn create(&self, path: &Path, bytes: &[u8], mode: u32, trail: &mut Trail) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        trail.files.push(path.to_owned());
        file.write_all(bytes)?;
        self.give_away(path)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()
    }

    fn give_away(&self, path: &Path) -> io::Result<()> {
        match self.owner {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid)),
            None => Ok(()),
        }
    }

    /// As `NAME.bak-20261128-152809`, in UTC; with a number behind it where there are such already.
    fn back_up(&self, old: &Old, now: SystemTime, trail: &mut Trail) -> io::Result<PathBuf> {
        let stamp = DateTime::<Utc>::from(now).format("%Y%m%d-%H%M%S").to_string();
        let same = self.copies().into_iter().rfind(|(copy, _)| copy.0 == stamp);
        let end = same.map_or_else(String::new, |((_, number), _)| format!("-{}", number.saturating_add(1)));
        let path = self.path.with_file_name(format!("{}{MARK}{stamp}{end}", self.name()));
        self.create(&path, &old.bytes, old.mode, trail)?;
        Ok(path)
    }

    /// Old texts that are kept, oldest first. What cannot be listed is none.
    fn copies(&self) -> Vec<(Stamp, PathBuf)> {
        let start = format!("{}{MARK}", self.name());
        let stamped = |path: PathBuf| {
            let name = path.file_name()?.to_str()?;
            Some((stamp(name.strip_prefix(&start)?)?, path))
        };
        let entries = self.path.parent().and_then(|directory| fs::read_dir(directory).ok());
        let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let mut copies: Vec<(Stamp, PathBuf)> = paths.filter_map(stamped).collect();
        copies.sort();
        copies
    }

    /// Somebody may have written there since it was shown.
    fn check_unchanged(&self) -> Result<(), Failed> {
        let now = match read(&self.path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        if now == self.old { Ok(()) } else { Err(Failed::Changed) }
    }

    /// Copies beyond the last few. That they stay when they cannot be removed harms nobody.
    fn forget_oldest(&self, newest: &Path) {
        let mut copies = self.copies();
        // A clock that was set back may date it before others.
        copies.retain(|(_, path)| path != newest);
        let too_many = (copies.len() + 1).saturating_sub(COPIES);
        for (_, copy) in &copies[..too_many] {
            drop(fs::remove_file(copy));
        }
    }
}

/// Between the name of a file and the time at which its text was replaced.
const MARK: &str = ".bak-";

/// When a text was replaced, and which one it was of that second.
type Stamp = (String, u32);

/// `20261128-152809`, and perhaps a number: ours. Copies that people made have names of their own.
fn stamp(text: &str) -> Option<Stamp> {
    let is_number = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    let (date, time, number) = match parts.as_slice() {
        [date, time] => (date, time, 1),
        [date, time, number] if !number.starts_with('+') => (date, time, number.parse().ok()?),
        _ => return None,
    };
    (is_number(date, 8) && is_number(time, 6)).then(|| (format!("{date}-{time}"), number))
}

enum Failed {
    Io(io::Error),
    Changed,
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What was made on the way. Unless all went well it goes again, newest first.
#[derive(Default)]
struct Trail {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Trail {
    fn keep(mut self) {
        self.files.clear();
        self.directories.clear();
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        for file in self.files.iter().rev() {
            drop(fs::remove_file(file));
        }
        for directory in self.directories.iter().rev() {
            drop(fs::remove_dir(directory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_copies_are_counted() {
        assert_eq!(stamp("20261128-152809"), Some(("20261128-152809".into(), 1)));
        assert_eq!(stamp("20261128-152809-12"), Some(("20261128-152809".into(), 12)));
        for name in ["mine", "2026", "20261128-152809-old", "20261128-152809-2-3", "20261128-1528", ""] {
            assert_eq!(stamp(name), None, "{name}");
        }
    }
}
