//! Tells the service manager how this run is doing (`sd_notify(3)`). Without one, all of it does nothing.
//!
//! ```text
//! sockets ─► forget those that nobody wants any more ─► keep the rest ─► READY ─┬─► ( STATUS | WATCHDOG )* ─► STOPPING
//!                                                                               └─► nothing to do: it ends
//! ```
//! The manager keeps the listening sockets when we end and it starts us anew: whoever connects meanwhile waits in them.

use std::io::{self, PipeReader, pipe};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::debug;

use crate::clock;
use crate::forward::Phase;
use crate::net::listen::Listener;
use crate::report::Reporter;
use crate::status::{Report, State};

/// Whoever started us, and wants to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manager {
    listens: bool,
}

/// How often it is looked whether there is news for the manager.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For the manager to have read all that it was told: it is on this machine (`sd_notify_barrier(3)` suggests 5 s).
const BARRIER_TIME: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// Beyond the time for draining: for captures to be written.
const END_TIME: Duration = Duration::from_secs(10);

impl Manager {
    pub(super) fn of_environment() -> Self {
        Self { listens: std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty()) }
    }

    /// Has sockets closed that were kept for us, and are not wanted any more. Returns when that is done: what is bound next
    /// may need their ports.
    pub(super) fn forget(self, addresses: &[SocketAddr]) {
        if !self.listens || addresses.is_empty() {
            return;
        }
        for address in addresses {
            self.tell(&[NotifyState::FdStoreRemove, NotifyState::FdName(&name_of(*address))]);
        }
        if let Err(error) = barrier() {
            debug!(%error, "service manager not waited for");
        }
    }

    /// Has these kept beyond our end.
    pub(super) fn keep(self, listeners: &[Listener]) {
        if !self.listens {
            return;
        }
        for listener in listeners {
            let name = name_of(listener.address);
            let kept =
                sd_notify::notify_with_fds(&[NotifyState::FdStore, NotifyState::FdName(&name)], &[listener.as_fd()]);
            if let Err(error) = kept {
                debug!(%error, address = %listener.address, "socket not kept by the service manager");
            }
        }
    }

    pub(super) fn ready(self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// Waits for the end of the run, and tells of it: open connections may take `drain_time`.
    pub(super) async fn await_end(self, mut phase: watch::Receiver<Phase>, drain_time: Duration) {
        if self.listens && phase.wait_for(|phase| *phase != Phase::Run).await.is_ok() {
            let longest = u32::try_from((drain_time + END_TIME).as_micros()).unwrap_or(u32::MAX);
            self.tell(&[
                NotifyState::Stopping,
                NotifyState::Status("draining: open connections may end"),
                NotifyState::ExtendTimeoutUsec(longest),
            ]);
        }
    }

    /// Tells what has changed, and that the event loop lives: it is this loop that brings us here.
    pub(super) async fn keep_told(self, reporter: Arc<Reporter>) {
        if !self.listens {
            return;
        }
        // Twice within its time, as `sd_watchdog_enabled(3)` advises.
        let sign_of_life = sd_notify::watchdog_enabled().map(|limit| limit / 2);
        let pause = sign_of_life.unwrap_or(LOOK_EVERY).min(LOOK_EVERY);
        let (mut told, mut alive) = (String::new(), clock::now());
        loop {
            let mut news = Vec::new();
            let status = status(&reporter.report(clock::now()));
            if status != told {
                news.push(format!("STATUS={status}"));
                told = status;
            }
            let now = clock::now();
            if sign_of_life.is_some_and(|pause| now.duration_since(alive) + LOOK_EVERY >= pause) {
                news.push("WATCHDOG=1".into());
                alive = now;
            }
            if !news.is_empty() {
                // A manager that does not read must not hold up the traffic.
                let sent = spawn_blocking(move || sd_notify::notify(&[NotifyState::Custom(&news.join("\n"))]));
                if let Ok(Err(error)) = sent.await {
                    debug!(%error, "service manager not told");
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn tell(self, states: &[NotifyState<'_>]) {
        if self.listens
            && let Err(error) = sd_notify::notify(states)
        {
            debug!(%error, "service manager not told");
        }
    }
}

/// Under which a socket is kept: without colons, which separate names (`sd_listen_fds(3)`).
fn name_of(address: SocketAddr) -> String {
    format!("listen-{address}").replace(':', "_")
}

/// Returns when the manager has done all that it was told: it closes its end of a pipe then (`sd_notify_barrier(3)`).
fn barrier() -> io::Result<()> {
    let (ours, theirs): (PipeReader, _) = pipe()?;
    sd_notify::notify_with_fds(&[NotifyState::Custom("BARRIER=1")], &[theirs.as_fd()])?;
    drop(theirs);
    let mut waited = [PollFd::new(&ours, PollFlags::empty())];
    match poll(&mut waited, Some(&BARRIER_TIME))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

/// One line for `systemctl status`.
fn status(report: &Report) -> String {
    let listen = report.listen.join(", ");
    let why = report.error.as_ref().map(|fault| format!(": {}", fault.message)).unwrap_or_default();
    let upstream = report.upstream.as_deref().unwrap_or("Windows");
    let line = match report.state {
        State::Up => format!("{listen} leads to {upstream}"),
        State::Down => format!("{listen} leads to {upstream}, which is down{why}"),
        State::Searching => format!("{listen} listens, looking for Windows{why}"),
    };
    // A line's end would begin another message.
    line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::ReportedFault;

    #[test]
    fn the_status_is_one_line() {
        let report = Report::example();
        assert_eq!(status(&report), "127.0.0.1:11434 leads to 172.24.0.1:11434");
        let error = ReportedFault { id: "E".into(), message: "refused\nREADY=1".into(), next: String::new() };
        let down = Report { state: State::Down, error: Some(error), ..report };
        assert_eq!(status(&down), "127.0.0.1:11434 leads to 172.24.0.1:11434, which is down: refused READY=1");
        let searching = Report { state: State::Searching, error: None, upstream: None, ..down };
        assert_eq!(status(&searching), "127.0.0.1:11434 listens, looking for Windows");
    }

    #[test]
    fn names_of_sockets_have_no_colon() {
        for (address, name) in [("127.0.0.1:11434", "listen-127.0.0.1_11434"), ("[::1]:11434", "listen-[__1]_11434")] {
            assert_eq!(name_of(address.parse().unwrap()), name);
        }
    }
}
