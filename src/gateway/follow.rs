//! Follows the kernel's network state: notices in, snapshots out. Publishes only what differs from before.
//!
//! ```text
//! (notice | stream end | safety timer | woken)* -> settle -> dump -> compare -> publish
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, trace, warn};

use super::netlink::{NetlinkError, Notices};
use super::settle::Settle;
use super::{Snapshot, look};
use crate::clock;

/// A lost notice costs at most this long.
const SAFETY_REREAD: Duration = Duration::from_secs(30);
/// A dump is a few system calls; one that takes longer hangs.
const DUMP_TIME: Duration = Duration::from_secs(2);
/// Before a connection that ended is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(200);

/// The current snapshot, and its changes.
pub type SnapshotWatch = watch::Receiver<Arc<Snapshot>>;

pub struct Follower {
    publish: watch::Sender<Arc<Snapshot>>,
    reread: Arc<Notify>,
    root: PathBuf,
    notices: Option<Notices>,
}

impl Follower {
    /// Subscribes first and reads then, so that no change falls between the two.
    pub async fn start(root: PathBuf) -> Result<(Self, SnapshotWatch), NetlinkError> {
        let notices = Notices::open()?;
        let snapshot = look(&root).await?;
        let (publish, watch) = watch::channel(Arc::new(snapshot));
        Ok((Self { publish, reread: Arc::new(Notify::new()), root, notices: Some(notices) }, watch))
    }

    /// Asks for a re-read from outside, as after a sleep.
    pub fn reread(&self) -> Arc<Notify> {
        Arc::clone(&self.reread)
    }

    /// Follows until nobody watches any more.
    pub async fn run(mut self) {
        let mut settle = Settle::default();
        let mut safety = Instant::from_std(clock::now()) + SAFETY_REREAD;
        loop {
            let due = settle.due().map_or(safety, |due| Instant::from_std(due).min(safety));
            tokio::select! {
                () = self.publish.closed() => return,
                () = self.reread.notified() => settle.notice(clock::now()),
                () = notice(&mut self.notices) => settle.notice(clock::now()),
                () = sleep_until(due) => {
                    settle.begin();
                    safety = Instant::from_std(clock::now()) + SAFETY_REREAD;
                    self.read().await;
                }
            }
        }
    }

    async fn read(&self) {
        match timeout(DUMP_TIME, self.dump()).await {
            Ok(Ok(snapshot)) => {
                let changed = self.publish.send_if_modified(|current| {
                    let changed = **current != snapshot;
                    if changed {
                        *current = Arc::new(snapshot);
                    }
                    changed
                });
                trace!(changed, "network state read");
            }
            Ok(Err(error)) => warn!(error = %crate::log::chain(&error), "network state not read"),
            Err(_) => warn!("network state not read in time"),
        }
    }

    /// A connection per dump: it costs microseconds, and a broken one is never met twice.
    async fn dump(&self) -> Result<Snapshot, NetlinkError> {
        look(&self.root).await
    }
}

/// Returns after a notice, or after a lost connection was opened again: both mean "read anew".
async fn notice(notices: &mut Option<Notices>) {
    if let Some(open) = notices {
        if open.next().await.is_some() {
            return;
        }
        debug!("netlink connection ended, opening another");
        *notices = None;
    }
    loop {
        match Notices::open() {
            Ok(open) => {
                *notices = Some(open);
                return;
            }
            Err(error) => {
                debug!(error = %crate::log::chain(&error), "netlink connection not opened");
                tokio::time::sleep(REOPEN_PAUSE).await;
            }
        }
    }
}
