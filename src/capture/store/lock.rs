//! One writer a directory. The kernel holds the lock, and lets go of it when the process ends, however it ends.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Doing, StoreError, place};

const NAME: &str = "lock";
/// A reader that looks whether somebody writes holds the lock for some microseconds: then it is tried again.
const TRIES: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(20);

/// Held while it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(NAME);
        let failed = |error: io::Error| StoreError::io(Doing::Lock, &path, error);
        let mut file = place::create(&path).map_err(failed)?;
        let mut tries = 1;
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != Errno::WOULDBLOCK {
                return Err(failed(error.into()));
            }
            if tries == TRIES {
                return Err(StoreError::Locked { dir: dir.to_owned(), pid: pid(&mut file) });
            }
            tries += 1;
            thread::sleep(BETWEEN);
        }
        // Who holds it is a help for people only; a full disk is no reason not to.
        let told = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        drop(told);
        Ok(Self { _file: file })
    }
}

/// Whether a process writes in this directory now.
pub(super) fn is_held(dir: &Path) -> bool {
    let Ok(file) = place::read(&dir.join(NAME)) else {
        return false;
    };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

fn pid(file: &mut File) -> u32 {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(20).read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_held(dir.path()));
        let lock = Lock::take(dir.path()).unwrap();
        assert!(is_held(dir.path()));
        match Lock::take(dir.path()) {
            Err(StoreError::Locked { pid, .. }) => assert_eq!(pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert!(!is_held(dir.path()));
        Lock::take(dir.path()).unwrap();
    }
}
