//! What is watched while connections come and go: addresses that vanish, sleep, and what ends the whole run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::{debug, info, warn};

use crate::clock::{self, Reading};
use crate::config::{Config, Upstream};
use crate::fault::{Fault, FaultId};
use crate::forward::{Cut, Phase, Shared, Target};
use crate::gateway::identify::{Identity, Refusal, identify};
use crate::gateway::{GatewayWatch, SnapshotWatch, Whereabouts};
use crate::report::Reporter;

/// Ends connections that can receive nothing any more.
pub(super) async fn cut_where_gone(shared: Arc<Shared>, mut snapshots: SnapshotWatch) {
    while snapshots.changed().await.is_ok() {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let cut = shared.live.cut_where_gone(|ip| snapshot.has_address(ip));
        if cut > 0 {
            info!(connections = cut, "network changed, connections of vanished addresses ended");
        }
    }
}

/// How often the clocks are compared. Shorter than the time to connect on purpose: the event loop's next timer is then
/// always due before that of a new connection, which so needs no system call to be armed.
const CLOCK_CHECK: Duration = Duration::from_secs(1);
/// After a sleep, an idle peer is probed within this.
const PROBE_AT_ONCE: Duration = Duration::from_secs(1);
/// By then each idle peer was probed, and the usual rhythm can return.
const PROBED: Duration = Duration::from_secs(3);

/// After a sleep Windows may have forgotten every connection: asks all of them at once, and looks at the network anew.
pub(super) async fn notice_sleep(shared: Arc<Shared>, reread: Option<Arc<Notify>>) {
    let mut before = Reading::take();
    loop {
        tokio::time::sleep(CLOCK_CHECK).await;
        let now = Reading::take();
        if let Some(slept) = now.slept_since(&before) {
            info!(?slept, "woke up, checking all connections");
            if let Some(reread) = &reread {
                reread.notify_one();
            }
            if let Target::Gateway(watch) = &shared.target {
                watch.ask();
            }
            shared.live.probe_within(PROBE_AT_ONCE);
            tokio::time::sleep(PROBED).await;
            shared.live.probe_within(shared.policy.keepalive.idle);
        }
        before = Reading::take();
    }
}

/// Watches what can end the whole run: the mode turns out to need no forwarder, or the upstream is ourselves.
pub(super) async fn supervise(
    shared: Arc<Shared>,
    config: Config,
    reporter: Arc<Reporter>,
    phase: watch::Sender<Phase>,
    failed: watch::Sender<Option<Fault>>,
) {
    let at_least = |least: Phase| phase.send_modify(|phase| *phase = (*phase).max(least));
    match &shared.target {
        Target::Gateway(watch) => {
            supervise_gateway(&shared, watch.clone(), &reporter).await;
            at_least(Phase::Drain);
        }
        Target::Address(_) | Target::Name(_) => {
            let fault = supervise_named(&shared, &config, &reporter).await;
            failed.send_replace(Some(fault));
            // What goes in a circle never drains.
            at_least(Phase::Cut);
        }
    }
}

/// Returns when there is nothing to forward any more.
async fn supervise_gateway(shared: &Shared, mut watch: GatewayWatch, reporter: &Reporter) {
    loop {
        let whereabouts = tokio::select! {
            () = shared.crowd.notified() => {
                watch.ask();
                continue;
            }
            whereabouts = watch.changed() => whereabouts,
        };
        reporter.changed(clock::now());
        match whereabouts {
            Whereabouts::Found(_) => {}
            Whereabouts::Searching(fault) => {
                if fault.id == FaultId::UpstreamLoop {
                    let connections = shared.live.cut_all(Cut::Loop);
                    debug!(connections, "connections that went in a circle ended");
                }
            }
            Whereabouts::NotNeeded(mode) => {
                // Held any longer, the port would keep Ollama from starting on Windows.
                info!(mode = mode.word(), "nothing to forward any more: localhost reaches Windows, port released");
                return;
            }
        }
    }
}

/// Returns when the upstream turns out to be ourselves.
async fn supervise_named(shared: &Shared, config: &Config, reporter: &Reporter) -> Fault {
    loop {
        match check_named(shared, config, reporter).await {
            Err(fault) => return fault,
            // Only what speaks Ollama's language is asked again; to others the question could do harm.
            Ok(Named::Ollama) => shared.crowd.notified().await,
            Ok(Named::Unknown) => std::future::pending().await,
        }
    }
}

/// What a named upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Ollama,
    Unknown,
}

/// A named upstream is used as given; this only tells what it is. An error: it is ourselves.
async fn check_named(shared: &Shared, config: &Config, reporter: &Reporter) -> Result<Named, Fault> {
    let address = match &config.upstream {
        Upstream::Address(address) => *address,
        Upstream::Name { host, port } => {
            let found = tokio::net::lookup_host((host.as_str(), *port)).await.ok().and_then(|mut all| all.next());
            let Some(address) = found else { return Ok(Named::Unknown) };
            address
        }
        Upstream::Auto(_) | Upstream::Demo => return Ok(Named::Unknown),
    };
    match identify(address, config.connect_time, &config.policy, &shared.mark).await {
        Ok(Identity { version }) => {
            debug!(upstream = %address, ollama = version, "upstream is Ollama");
            reporter.identified(version);
            Ok(Named::Ollama)
        }
        Err(refusal @ Refusal::Loop) => Err(refusal.fault(address)),
        Err(refusal) => {
            let Fault { id, what: why, .. } = refusal.fault(address);
            warn!(upstream = %address, %id, %why, next = %id.next(), "upstream is used as given");
            Ok(Named::Unknown)
        }
    }
}
