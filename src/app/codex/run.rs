//! Codex has the terminal, and its signals: whoever sits there ends Codex, not us. We wait, and end as it did.
//!
//! ```text
//! Ctrl-C on the terminal ──► Codex and us: Codex decides, we wait
//! a signal to us alone ────► Codex gets SIGTERM, we wait
//! ```

use std::io::{stdin, stdout};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::process::Child;
use tokio::sync::watch::Sender;

use crate::fault::{Fault, FaultId};
use crate::forward::Phase;
use crate::program::start_here;
use crate::words;

/// What a shell makes of a signal that ended a program.
const SIGNALLED: i32 = 128;

/// Starts it, and returns its exit code.
pub(super) async fn codex(program: &Path, words: &[String], phase: &Sender<Phase>) -> Result<u8, Fault> {
    let shown = program.display();
    let failed = |error: std::io::Error| {
        Fault::new(
            FaultId::NoCodex,
            words!("cannot start {shown}: {error}", "impossible de démarrer {shown} : {error}"),
        )
    };
    let mut signals = phase.subscribe();
    let mut child = start_here(program, words).map_err(failed)?;
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map(code).map_err(failed),
            Ok(()) = signals.changed() => pass_on(&child),
        }
    }
}

/// Where a terminal has us in front, the signal came from its keyboard, and Codex got it as well.
fn pass_on(child: &Child) {
    let in_front = |group: rustix::io::Result<Pid>| group.is_ok_and(|group| group == getpgrp());
    if in_front(tcgetpgrp(stdin())) || in_front(tcgetpgrp(stdout())) {
        return;
    }
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        // It may have ended just now.
        let _ = kill_process(pid, Signal::TERM);
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| SIGNALLED + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_as_shells_tell_it() {
        for (raw, expected) in [(0, 0), (3 << 8, 3), (255 << 8, 255), (9, 137), (2, 130)] {
            assert_eq!(code(ExitStatus::from_raw(raw)), expected, "{raw}");
        }
    }
}
