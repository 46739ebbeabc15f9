//! File descriptors: how many there may be, and how it looks when they are used up.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Out of descriptors (`EMFILE`, `ENFILE`) or of memory for one: it passes when something is closed.
pub fn is_exhausted(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// Raises the soft limit to the hard one. Returns how many descriptors the process may have then.
pub fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Refused only where a sandbox forbids it; then the old limit stays.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many connections fit when `limit` descriptors may be open and `in_use` are: two sockets each, and some left for
/// pipes, the second event loop and status requests.
pub fn connections_that_fit(limit: u64, in_use: u64) -> usize {
    const SPARE: u64 = 8;
    let free = limit.saturating_sub(in_use).saturating_sub(SPARE);
    usize::try_from(free / 2).unwrap_or(usize::MAX).max(1)
}

/// How many descriptors this process has open.
pub fn in_use() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(16, |entries| entries.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_descriptors_a_connection_and_some_to_spare() {
        assert_eq!(connections_that_fit(64, 12), 22);
        assert_eq!(connections_that_fit(8, 12), 1);
    }

    #[test]
    fn exhaustion_is_told_from_other_errors() {
        assert!(is_exhausted(&Errno::MFILE.into()));
        assert!(!is_exhausted(&Errno::CONNREFUSED.into()));
    }
}
