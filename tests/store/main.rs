//! What is captured, on real disks and between processes: a writer that is killed, one that has no room, two at once, and how
//! much room and time what Codex sends takes.
//!
//! All of it runs under `umask 000`. Parts that need a process of their own are tests that others run, and that do nothing by
//! themselves.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod disk;
mod feed;
mod killed;
mod many;
mod shape;
#[path = "../support/skip.rs"]
mod skip;
mod two;

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// Where a part works.
const DIR: &str = "OLLAMA_FORWARD_TEST_STORE";
/// Set for the part that mounts a disk of its own.
const MOUNTS: &str = "OLLAMA_FORWARD_TEST_MOUNTS";

/// Before `main`: only a process with a single thread may enter a user namespace.
#[ctor::ctor(unsafe)]
fn enter() {
    rustix::process::umask(rustix::fs::Mode::empty());
    if std::env::var_os(MOUNTS).is_some() {
        disk::enter();
    }
}

/// A directory that nobody else may write in, in spite of the umask.
fn home() -> tempfile::TempDir {
    let private = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(private).tempdir().unwrap()
}

/// Another process that runs the part of this name.
fn part(name: &str, dir: &std::path::Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(DIR, dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The directory of a part; None in a run of all tests.
fn part_dir() -> Option<std::path::PathBuf> {
    std::env::var_os(DIR).map(Into::into)
}
