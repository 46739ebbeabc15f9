//! Zero-copy between sockets: splice(2) through a pipe. Pipes are made when bulk begins, kept in a small pool per thread,
//! and given back empty, so that an idle connection owns none.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// What is asked of the kernel for a pipe; it may give less when the user holds many
/// (`/proc/sys/fs/pipe-user-pages-soft`). Measured: bigger is not faster, 64 KiB is half as fast.
const PIPE_SIZE: usize = 1 << 20;
/// Pipes kept for the next bulk transfer; more are closed.
const POOL_SIZE: usize = 8;

thread_local! {
    static POOL: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
pub(super) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    /// An empty pipe. None when the process has no descriptors left: then bytes are copied instead.
    pub(super) fn take() -> Option<Self> {
        POOL.with_borrow_mut(Vec::pop).or_else(|| {
            let (read, write) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).ok()?;
            let _ = fcntl_setpipe_size(&write, PIPE_SIZE);
            Some(Self { read, write })
        })
    }

    /// Keeps the pipe for the next transfer. It must be empty.
    pub(super) fn give_back(self) {
        POOL.with_borrow_mut(|pool| {
            if pool.len() < POOL_SIZE {
                pool.push(self);
            }
        });
    }

    /// Moves what the socket has into the pipe, without waiting. Zero: the peer has ended its sending.
    pub(super) fn fill(&self, from: impl AsFd) -> io::Result<usize> {
        Ok(splice(from, None, &self.write, None, PIPE_SIZE, SpliceFlags::MOVE | SpliceFlags::NONBLOCK)?)
    }

    /// Moves up to `held` bytes from the pipe into the socket, without waiting.
    pub(super) fn empty(&self, to: impl AsFd, held: usize) -> io::Result<usize> {
        Ok(splice(&self.read, None, to, None, held, SpliceFlags::MOVE | SpliceFlags::NONBLOCK)?)
    }
}
