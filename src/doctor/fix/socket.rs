//! A status socket whose forward has died. It goes only if it is a socket, ours, and nobody answers on it.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::file::trouble::{Attempt, trouble};
use crate::words;
use crate::words::Words;

/// A socket that nobody serves.
#[derive(Debug)]
pub(super) struct Dead {
    pub(super) path: PathBuf,
    /// Device and inode: a new forward may put its own in the same place at any moment.
    identity: (u64, u64),
}

/// `Err`: it is not ours to remove. `Ok(Err)`: there is nothing to remove.
pub(super) fn look(path: &Path) -> Result<Result<Dead, Words>, Words> {
    let shown = path.display();
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Err(words!("{shown} is gone already", "{shown} a déjà disparu")));
        }
        Err(error) => return Err(trouble(Attempt::Read, path, &error)),
    };
    if !meta.file_type().is_socket() {
        return Err(words!("{shown} is no socket", "{shown} n'est pas un socket"));
    }
    if meta.uid() != geteuid().as_raw() {
        return Err(words!("{shown} belongs to another user", "{shown} appartient à un autre utilisateur"));
    }
    match is_served(path) {
        Ok(true) => Ok(Err(words!("a forward answers on {shown} again", "un relais répond de nouveau sur {shown}"))),
        Ok(false) => Ok(Ok(Dead { path: path.to_owned(), identity: (meta.dev(), meta.ino()) })),
        Err(error) => Err(trouble(Attempt::Read, path, &error)),
    }
}

/// Without waiting: a forward that is alive but stuck may have a full queue, and would keep a plain `connect` for ever.
fn is_served(path: &Path) -> io::Result<bool> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(false),
        Err(error) => Err(error),
    }
}

impl Dead {
    /// Looks again, then removes.
    pub(super) fn remove(&self) -> Result<(), Words> {
        match look(&self.path)? {
            Ok(dead) if dead.identity == self.identity => {
                fs::remove_file(&self.path).map_err(|error| trouble(Attempt::Remove, &self.path, &error))
            }
            // Whoever took its place, or took it away, has done what was to be done.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
