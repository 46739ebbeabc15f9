//! Layer 4: accepts clients and carries their bytes to the upstream, unread.
//!
//! ```text
//! accept -> (loop guard) -> reach the upstream, retrying -> relay -> closing record
//!                                    \-> refuse: 503 for HTTP, RST for others
//! ```

mod bulk;
mod health;
mod ledger;
mod live;
mod reach;
mod record;
pub mod refuse;
mod session;
mod target;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::fault::{Fault, FaultId};
use crate::gateway::ProbeMark;
use crate::net::descriptors;
use crate::net::listen::Listener;
use crate::net::options::SocketPolicy;

pub use health::Health;
pub use ledger::{Ledger, Totals};
pub use live::{Cut, Live, Watched};
pub use reach::reach;
pub use record::{EndedBy, Record};
pub use session::serve;
pub use target::{Name, Target};

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    pub target: Target,
    pub limits: Limits,
    pub policy: SocketPolicy,
    pub mark: ProbeMark,
    pub live: Live,
    pub ledger: Ledger,
    pub health: Health,
    pub bulk: bulk::Bulk,
    /// Told when unusually many connections are open: perhaps they go in a circle.
    pub crowd: Notify,
    ids: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One attempt to connect.
    pub connect_time: Duration,
    /// All attempts together, while a client waits.
    pub wait_for_upstream: Duration,
    /// Connections at a time; more are refused.
    pub max_connections: usize,
    /// Connections that the descriptors allow; more wait in the kernel's backlog.
    pub connections_that_fit: usize,
}

impl Shared {
    pub fn new(target: Target, limits: Limits, policy: SocketPolicy, mark: ProbeMark) -> Arc<Self> {
        Arc::new(Self {
            target,
            limits,
            policy,
            mark,
            live: Live::default(),
            ledger: Ledger::default(),
            health: Health::default(),
            bulk: bulk::Bulk::default(),
            crowd: Notify::new(),
            ids: AtomicU64::new(1),
        })
    }
}

/// What the process was asked to do. Goes one way only: run, drain, cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Run,
    /// Accept no more; let what is open come to its end.
    Drain,
    /// End everything now.
    Cut,
}

/// What was open when the forwarder stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub drained: usize,
    pub cut: usize,
}

/// While descriptors are used up, the kernel keeps clients in the backlog; ask again after this.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(20);
/// Clients that are told "too many connections" at a time; more are simply reset.
const MAX_REFUSALS: usize = 64;

/// A client that was let in. Whoever serves it opens it in the ledger, tells its record, and takes it out of [`Live`].
#[derive(Debug)]
pub struct Accepted {
    pub id: u64,
    pub client: TcpStream,
    pub peer: SocketAddr,
}

/// Accepts clients and has each served by `serve` until the phase says otherwise, then drains for at most `drain_time`.
pub async fn run<Served>(
    listeners: Vec<Listener>,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
    drain_time: Duration,
    serve: impl Fn(Accepted) -> Served,
) -> Stopped
where
    Served: Future<Output = ()> + Send + 'static,
{
    let mut sessions = JoinSet::new();
    let mut refusals = JoinSet::new();
    let mut full = false;
    let mut crowd = Crowd::default();
    while *phase.borrow_and_update() == Phase::Run {
        while sessions.try_join_next().is_some() {}
        if crowd.grew(sessions.len()) {
            shared.crowd.notify_one();
        }
        let has_room = sessions.len() < shared.limits.connections_that_fit;
        if !has_room && !full {
            let (id, open) = (FaultId::OutOfDescriptors, sessions.len());
            warn!(%id, open, next = %id.next(), "no descriptors left, new clients wait");
        }
        full = !has_room;
        tokio::select! {
            biased;
            _ = phase.changed() => {}
            _ = sessions.join_next(), if !has_room => {}
            accepted = accept(&listeners), if has_room => match accepted {
                Ok((client, peer)) => {
                    // What ended while we waited gives its place away.
                    while sessions.try_join_next().is_some() {}
                    let accepted = Accepted { id: shared.ids.fetch_add(1, Ordering::Relaxed), client, peer };
                    let id = accepted.id;
                    if let Some(accepted) = admit(sessions.len(), &mut refusals, &shared, accepted) {
                        let abort = sessions.spawn(serve(accepted));
                        shared.live.insert(id, abort);
                    }
                }
                Err(error) if descriptors::is_exhausted(&error) => sleep(EXHAUSTED_PAUSE).await,
                // The client gave up between SYN and accept, or the network failed for it (accept(2)).
                Err(error) => debug!(%error, "connection not accepted"),
            }
        }
    }
    drop(listeners);
    drain(sessions, &shared, phase, drain_time).await
}

/// Notices that the connections have become many, each doubling once.
#[derive(Debug)]
struct Crowd {
    next: usize,
}

/// Agents open a handful of connections; a circle through wslrelay opens thousands within a second.
const CROWD: usize = 32;

impl Default for Crowd {
    fn default() -> Self {
        Self { next: CROWD }
    }
}

impl Crowd {
    fn grew(&mut self, open: usize) -> bool {
        if open < self.next / 4 {
            self.next = CROWD;
        }
        let grew = open >= self.next;
        if grew {
            self.next *= 2;
        }
        grew
    }
}

/// The next client on any of the listeners.
async fn accept(listeners: &[Listener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|cx| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Gives the client back when there is room for it among `open` others, and else tells it that there is none.
fn admit(open: usize, refusals: &mut JoinSet<()>, shared: &Arc<Shared>, accepted: Accepted) -> Option<Accepted> {
    let max = shared.limits.max_connections;
    if open < max {
        return Some(accepted);
    }
    while refusals.try_join_next().is_some() {}
    if refusals.len() >= MAX_REFUSALS {
        shared.ledger.refused();
        crate::net::options::reset_on_close(&accepted.client);
        return None;
    }
    let fault = Fault::new(FaultId::TooManyConnections, format!("{max} connections are open, which is the limit"));
    refusals.spawn(session::refuse_at_the_door(Arc::clone(shared), accepted, fault));
    None
}

async fn drain(
    mut sessions: JoinSet<()>,
    shared: &Shared,
    mut phase: watch::Receiver<Phase>,
    drain_time: Duration,
) -> Stopped {
    while sessions.try_join_next().is_some() {}
    let open = sessions.len();
    if open > 0 {
        info!(open, within = ?drain_time, "stopping");
    }
    let all_ended = async { while sessions.join_next().await.is_some() {} };
    tokio::select! {
        _ = timeout(drain_time, all_ended) => {}
        _ = phase.wait_for(|phase| *phase == Phase::Cut) => {}
    }
    let cut = sessions.len();
    shared.live.cut_all(Cut::Stopping);
    sessions.shutdown().await;
    shared.bulk.stop();
    info!(drained = open - cut, cut, "stopped");
    Stopped { drained: open - cut, cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of open connections, in the order in which they are seen; those at which a crowd is noticed.
    #[track_caller]
    fn check(seen: impl IntoIterator<Item = usize>, noticed: &[usize]) {
        let mut crowd = Crowd::default();
        let at: Vec<usize> = seen.into_iter().filter(|open| crowd.grew(*open)).collect();
        assert_eq!(at, noticed);
    }

    #[test]
    fn a_crowd_is_noticed_at_each_doubling() {
        check(0..200, &[32, 64, 128]);
    }

    #[test]
    fn a_crowd_that_stays_is_noticed_once() {
        check([31, 32, 33, 31, 32, 33], &[32]);
    }

    #[test]
    fn after_it_went_the_next_crowd_is_noticed_again() {
        check((0..40).chain([3, 2]).chain(0..40), &[32, 32]);
    }
}
