//! Finds Ollama on Windows and keeps finding it. Publishes [`Whereabouts`]; everybody else only watches.
//!
//! ```text
//! Searching --a candidate answers as Ollama--> Found
//! Found --its address is no candidate any more, or somebody else answers there--> Searching
//! Found --it does not answer for now--> Found          (Ollama restarts; connections wait and retry)
//! any --localhost reaches Windows by itself--> NotNeeded   (final)
//! ```
//! A search runs after each change of the network, when a connection asks for one, and from time to time while
//! nothing is found.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::identify::{Identity, ProbeMark, Refusal, identify};
use super::select::{Candidate, How, candidates, registry_gateway};
use super::wsl::{Mode, Need, SystemText, windows_disks};
use super::{Gateway, Snapshot, SnapshotWatch};
use crate::fault::{Fault, FaultId};
use crate::net::options::SocketPolicy;
use crate::program::run_with_interop;

/// What is known of Ollama on Windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    Found(Arc<Gateway>),
    /// Nothing has answered; why not.
    Searching(Arc<Fault>),
    /// Localhost reaches Windows in this mode: there is nothing to forward.
    NotNeeded(Mode),
}

/// The current whereabouts, and their changes.
#[derive(Clone, Debug)]
pub struct GatewayWatch {
    watch: watch::Receiver<Whereabouts>,
    ask: Arc<Notify>,
    waiting: Arc<AtomicUsize>,
}

impl GatewayWatch {
    pub fn current(&self) -> Whereabouts {
        self.watch.borrow().clone()
    }

    /// Waits until the whereabouts differ from those last seen here; for ever once nobody publishes any more.
    pub async fn changed(&mut self) -> Whereabouts {
        if self.watch.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.watch.borrow_and_update().clone()
    }

    /// A watch that has seen the present and waits for what comes.
    #[must_use]
    pub fn from_now_on(&self) -> Self {
        let mut watch = self.clone();
        watch.watch.mark_unchanged();
        watch
    }

    /// The place did not answer as it should: look again, soon.
    pub fn ask(&self) {
        self.ask.notify_one();
    }

    /// While this is held, a client waits, and the search pauses only briefly between its rounds.
    pub fn wait(&self) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.ask();
        Waiting(Arc::clone(&self.waiting))
    }
}

#[derive(Debug)]
pub struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Candidates are tried side by side, each this much later than the one before it.
const STAGGER: Duration = Duration::from_millis(250);
/// Between two rounds while a client waits; also the least pause after any round.
const SHORT_PAUSE: Duration = Duration::from_millis(300);
/// Between two rounds while nobody waits: doubles from the short one up to this.
const LONG_PAUSE: Duration = Duration::from_secs(5);
/// `reg.exe` from the Windows disk answers in under 0.2 s; interop as a whole is known to hang (WSL #7371).
const INTEROP_TIME: Duration = Duration::from_secs(3);
/// A resolver that works knows `host.docker.internal` from the hosts file.
const RESOLVE_TIME: Duration = Duration::from_secs(1);
/// Candidates that cost a Windows process are asked for once in so many rounds that found nothing.
const LATE_EVERY: u32 = 12;

/// Who was asked, and why it was not the one; best first.
type Tried = Vec<(Candidate, Refusal)>;

/// What the search needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// `/` outside tests.
    pub root: PathBuf,
    pub system: SystemText,
    /// Ollama's port on Windows.
    pub port: u16,
    pub connect_time: Duration,
    pub policy: SocketPolicy,
    pub mark: ProbeMark,
}

pub struct Finder {
    around: Surroundings,
    snapshots: SnapshotWatch,
    publish: watch::Sender<Whereabouts>,
    ask: Arc<Notify>,
    waiting: Arc<AtomicUsize>,
    /// The last gateway that was announced on the log.
    announced: Option<Arc<Gateway>>,
    /// The last complaint on the log; one line each.
    complained: Option<Fault>,
    /// What Windows programs said, kept between rounds.
    late: Vec<Candidate>,
    fruitless: u32,
}

impl Finder {
    pub fn new(around: Surroundings, snapshots: SnapshotWatch) -> (Self, GatewayWatch) {
        let not_yet = Fault::new(FaultId::NoWindows, "still looking for Ollama on Windows");
        let (publish, watch) = watch::channel(Whereabouts::Searching(Arc::new(not_yet)));
        let (ask, waiting) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let gateway_watch = GatewayWatch { watch, ask: Arc::clone(&ask), waiting: Arc::clone(&waiting) };
        let finder = Self {
            around,
            snapshots,
            publish,
            ask,
            waiting,
            announced: None,
            complained: None,
            late: Vec::new(),
            fruitless: 0,
        };
        (finder, gateway_watch)
    }

    /// Searches until nothing has to be found any more, or nobody publishes snapshots.
    pub async fn run(mut self) {
        loop {
            let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
            let mode = self.around.system.mode(&snapshot);
            if mode.need() == Need::Nothing {
                self.publish.send_replace(Whereabouts::NotNeeded(mode));
                return;
            }
            let mut candidates = self.candidates(&snapshot);
            if self.is_gone(&candidates) {
                self.withdraw();
                candidates = self.candidates(&snapshot);
            }
            let mut snapshots = self.snapshots.clone();
            let outcome = tokio::select! {
                changed = snapshots.changed() => if changed.is_ok() { continue } else { return },
                outcome = self.first_that_answers(candidates) => outcome,
            };
            let looks_further = outcome.is_err() && self.fruitless.is_multiple_of(LATE_EVERY);
            self.conclude(outcome);
            if looks_further && self.found().is_none() {
                // Clients know the reason by now; only the search waits for programs that are slow.
                let late = tokio::select! {
                    changed = snapshots.changed() => if changed.is_ok() { continue } else { return },
                    late = self.late_round() => late,
                };
                if let Some(gateway) = late {
                    self.announce(Arc::new(gateway));
                }
            }
            if !self.pause().await {
                return;
            }
        }
    }

    /// The addresses that cost nothing to know, best first, then those that slow programs told before.
    fn candidates(&self, snapshot: &Snapshot) -> Vec<Candidate> {
        let resolv_conf = fs::read_to_string(self.around.root.join("etc/resolv.conf")).unwrap_or_default();
        let mut all = candidates(snapshot, &resolv_conf);
        let known = |late: &&Candidate| !all.iter().any(|candidate| candidate.ip == late.ip);
        let late: Vec<Candidate> = self.late.iter().filter(known).cloned().collect();
        all.extend(late);
        all
    }

    /// The addresses that only Windows programs or a resolver know.
    async fn late_round(&mut self) -> Option<Gateway> {
        self.late = late_candidates(&self.around.root).await;
        self.first_that_answers(self.late.clone()).await.ok()
    }

    async fn first_that_answers(&self, candidates: Vec<Candidate>) -> Result<Gateway, Tried> {
        let order: Vec<Ipv4Addr> = candidates.iter().map(|candidate| candidate.ip).collect();
        let mut asked: FuturesUnordered<_> = (0u32..)
            .zip(candidates)
            .map(|(place, candidate)| async move {
                sleep(STAGGER * place).await;
                let address = SocketAddr::from((candidate.ip, self.around.port));
                let answer = identify(address, self.around.connect_time, &self.around.policy, &self.around.mark).await;
                (candidate, answer)
            })
            .collect();
        let mut tried = Vec::new();
        while let Some((candidate, answer)) = asked.next().await {
            match answer {
                Ok(Identity { version }) => {
                    let address = SocketAddr::from((candidate.ip, self.around.port));
                    return Ok(Gateway { address, how: candidate.how, version });
                }
                Err(refusal) => {
                    debug!(ip = %candidate.ip, how = %candidate.how, why = ?refusal, "candidate refused");
                    tried.push((candidate, refusal));
                }
            }
        }
        tried.sort_by_key(|(candidate, _)| order.iter().position(|ip| *ip == candidate.ip));
        Err(tried)
    }

    fn found(&self) -> Option<Arc<Gateway>> {
        match &*self.publish.borrow() {
            Whereabouts::Found(gateway) => Some(Arc::clone(gateway)),
            Whereabouts::Searching(_) | Whereabouts::NotNeeded(_) => None,
        }
    }

    /// Whether the network does not lead to the gateway any more.
    fn is_gone(&self, candidates: &[Candidate]) -> bool {
        let is_candidate = |address: IpAddr| candidates.iter().any(|candidate| IpAddr::V4(candidate.ip) == address);
        self.found().is_some_and(|current| !is_candidate(current.address.ip()))
    }

    /// The gateway gets no new connection from now on, and what slow programs told of the old network is forgotten.
    fn withdraw(&mut self) {
        let Some(current) = self.found() else { return };
        let what = format!("the network no longer leads to {}", current.address);
        self.tell(Whereabouts::Searching(Arc::new(Fault::new(FaultId::NoWindows, what))));
        self.late.clear();
        self.fruitless = 0;
    }

    fn conclude(&mut self, outcome: Result<Gateway, Tried>) {
        match outcome {
            Ok(gateway) => self.announce(Arc::new(gateway)),
            Err(tried) => {
                self.complain(&tried);
                self.fruitless = self.fruitless.wrapping_add(1);
            }
        }
    }

    fn announce(&mut self, gateway: Arc<Gateway>) {
        (self.fruitless, self.complained) = (0, None);
        let (upstream, how, ollama) = (gateway.address, gateway.how.to_string(), gateway.version.as_str());
        match &self.announced {
            Some(before) if before.address != upstream => {
                info!(from = %before.address, %upstream, how, ollama, "gateway moved");
            }
            Some(_) if self.found().is_some() => {}
            Some(_) | None => info!(%upstream, how, ollama, "forwarding to"),
        }
        self.announced = Some(Arc::clone(&gateway));
        self.tell(Whereabouts::Found(gateway));
    }

    /// Publishes what is new, and only that.
    fn tell(&self, whereabouts: Whereabouts) {
        self.publish.send_if_modified(|current| {
            let changed = *current != whereabouts;
            *current = whereabouts;
            changed
        });
    }

    fn complain(&mut self, tried: &[(Candidate, Refusal)]) {
        if let Some(current) = self.found() {
            let foreign = tried
                .iter()
                .any(|(candidate, refusal)| IpAddr::V4(candidate.ip) == current.address.ip() && refusal.is_foreign());
            if !foreign {
                return;
            }
        }
        let fault = self.fault(tried);
        if self.complained.as_ref() != Some(&fault) {
            let Fault { id, what: why, .. } = &fault;
            if let Some(before) = self.announced.take() {
                warn!(was = %before.address, %id, %why, next = %id.next(), "gateway lost");
            } else {
                warn!(%id, %why, next = %id.next(), "searching for Ollama on Windows");
            }
            self.complained = Some(fault.clone());
        }
        self.tell(Whereabouts::Searching(Arc::new(fault)));
    }

    /// A loop outweighs all, as it is never the network's fault; else the best candidate speaks for the others.
    fn fault(&self, tried: &[(Candidate, Refusal)]) -> Fault {
        let looped = tried.iter().find(|(_, refusal)| *refusal == Refusal::Loop);
        match looped.or(tried.first()) {
            Some((candidate, refusal)) => {
                refusal.fault(format_args!("{}:{} ({})", candidate.ip, self.around.port, candidate.how))
            }
            None => Fault::new(FaultId::NoWindows, "no network leads to Windows: there is no usable route or address"),
        }
    }

    /// Waits for a reason to search again. `false`: there will be none.
    async fn pause(&mut self) -> bool {
        let found = self.found().is_some();
        let asked = async {
            sleep(SHORT_PAUSE).await;
            self.ask.notified().await;
        };
        let again = async {
            if found {
                std::future::pending::<()>().await;
            }
            let doubled = SHORT_PAUSE * 2u32.saturating_pow(self.fruitless.min(8));
            let waiting = self.waiting.load(Ordering::Relaxed) > 0;
            sleep(if waiting { SHORT_PAUSE } else { doubled.min(LONG_PAUSE) }).await;
        };
        tokio::select! {
            changed = self.snapshots.changed() => {
                self.fruitless = 0;
                changed.is_ok()
            }
            () = asked => true,
            () = again => true,
        }
    }
}

/// Candidates that cost a Windows process or a name lookup.
pub async fn late_candidates(root: &Path) -> Vec<Candidate> {
    let (registry, docker) = tokio::join!(registry(root), host_docker_internal());
    let registry = registry.map(|ip| Candidate { ip, how: How::Registry });
    let docker = docker.map(|ip| Candidate { ip, how: How::HostDockerInternal });
    registry.into_iter().chain(docker).collect()
}

/// WSL stores the gateway of its NAT network and uses it again (WSL, `WslCoreConfig.cpp`).
async fn registry(root: &Path) -> Option<Ipv4Addr> {
    let disk = windows_disks(root).join("c");
    let program = disk.join("Windows/System32/reg.exe");
    if !program.exists() {
        return None;
    }
    let args = ["query", r"HKLM\Software\Microsoft\Windows\CurrentVersion\Lxss", "/v", "NatGatewayIpAddress"];
    let ran = run_with_interop(&program, &args, &disk, INTEROP_TIME).await.ok()?;
    registry_gateway(&ran.told()?)
}

async fn host_docker_internal() -> Option<Ipv4Addr> {
    let addresses = timeout(RESOLVE_TIME, tokio::net::lookup_host(("host.docker.internal", 0))).await.ok()?.ok()?;
    let mut addresses = addresses.map(|address| address.ip());
    addresses.find_map(|ip| match ip {
        IpAddr::V4(ip) if !ip.is_loopback() => Some(ip),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    })
}
