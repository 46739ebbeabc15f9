//! What we keep for Codex in directories of our own: the model of last time, catalogues, instructions, and what `--install`
//! has replaced. Nobody else's: written anew without asking, whole or not at all.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::desk::Desk;
use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::file::trouble::{Attempt, trouble};
use crate::launch::PROFILE;

pub(super) const CATALOGUE: &str = "catalogue.json";
pub(super) const INSTRUCTIONS: &str = "instructions.md";
const MODEL: &str = "model";

/// Whom a file is for: a call must not change what an installed profile names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For<'a> {
    ThisCall,
    /// The profile in this `CODEX_HOME`.
    Profile(&'a Path),
}

pub(super) fn path(desk: &Desk<'_>, whom: For<'_>, name: &str) -> PathBuf {
    match whom {
        For::ThisCall => desk.state.join("call").join(name),
        For::Profile(home) => directory(home).join(name),
    }
}

/// Ours, in a `CODEX_HOME`.
pub(super) fn directory(home: &Path) -> PathBuf {
    home.join(PROFILE)
}

/// The model of last time.
pub(super) fn remembered(desk: &Desk<'_>) -> Option<String> {
    let text = fs::read_to_string(desk.state.join(MODEL)).ok()?;
    let name = text.lines().next()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// That it could not be kept only means that it is asked for again.
pub(super) fn remember(desk: &Desk<'_>, name: &str) {
    if remembered(desk).as_deref() != Some(name)
        && let Err(fault) = put(&desk.state.join(MODEL), &format!("{name}\n"))
    {
        desk.hint(&fault.what);
    }
}

/// Writes a text for its owner alone.
pub(super) fn put(path: &Path, text: &str) -> Result<(), Fault> {
    write(path, text.as_bytes(), 0o600)
        .map_err(|error| Fault::new(FaultId::Internal, trouble(Attempt::Write, path, &error)))
}

/// In the place of what stands there, whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = directory.join(format!(".{name}.{}", clock::nonce()));
    let written = create(&fresh, bytes, mode).and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        drop(fs::remove_file(&fresh));
    }
    written
}

fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

/// What is gone already is well.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_owners_alone_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("codex/call/catalogue.json");
        for text in ["one", "two"] {
            put(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }
}
