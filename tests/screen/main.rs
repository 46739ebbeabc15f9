//! What stands on a terminal while `status --watch` or a run draws on it, and that nothing of it gets into a pipe. The
//! terminal is one of tmux, which tells what can be seen on it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bed;
mod live;
mod pipe;
mod watch;

#[path = "../support/skip.rs"]
mod skip;
