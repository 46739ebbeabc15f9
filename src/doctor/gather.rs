//! Gathers all facts, side by side. The whole has one deadline: what is not known by then stays unknown, and says so.
//!
//! ```text
//! system texts, routes ──┬──► addresses tried ──► Ollama ──► live test
//! port (blocking) ───────┤
//!                        ├──► interop ──► Windows
//!                        ├──► Codex
//!                        └──► service
//! ```

use std::ffi::OsString;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::getuid;
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use super::http::Place;
use super::live::gather::Via;
use super::network::{Target, Tried, TriedHow};
use super::system::ConfigState;
use super::{Fact, Facts, codex, live, network, ollama, port, service, system, windows};
use crate::bridge::settings::Settings;
use crate::config::{Config, OLLAMA_PORT, Upstream};
use crate::fault::Fault;
use crate::gateway::Snapshot;
use crate::gateway::wsl::{Mode, SystemText};
use crate::net::options::SocketPolicy;
use crate::words::Words;
use crate::{clock, words};

/// What is to be found out.
pub struct Plan {
    /// `/` outside tests.
    pub root: PathBuf,
    /// What a run would be like, as flags, environment and files have it.
    pub config: Result<Config, Fault>,
    /// Where a file is what is wrong with it: that file, as it was most likely meant.
    pub mended: Option<(PathBuf, String)>,
    /// The files that it was read from.
    pub config_files: Vec<PathBuf>,
    /// The upstream was named on the doctor's own command line: a forward that runs with another one does not count.
    pub upstream_is_typed: bool,
    /// The bridge is to be tried, whether or not the forward that runs has one.
    pub translate: bool,
    /// A real model is to speak: the one that is named, or the one that is loaded.
    pub stream_test: Option<Option<String>>,
    /// Of Windows, the live test, Codex and the service: those that are to be asked.
    pub asks: Vec<Part>,
    pub status_directory: Option<PathBuf>,
    /// Directories that we write to.
    pub writes: Vec<PathBuf>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The environment.
    pub variable: Variable,
    pub times: Times,
}

/// Looks a variable of the environment up.
pub type Variable = fn(&str) -> Option<OsString>;

/// How long the whole may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Without Windows.
    pub here: Duration,
    /// Windows.
    pub windows: Duration,
    /// A model that has to be loaded first, and speaks slowly.
    pub stream_test: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            here: Duration::from_millis(4800),
            windows: Duration::from_millis(11_500),
            stream_test: Duration::from_secs(300),
        }
    }
}

/// A part that is being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Network,
    Port,
    Windows,
    Ollama,
    Live,
    Codex,
    Service,
}

impl Part {
    pub fn words(self) -> Words {
        match self {
            Self::Network => words!("network", "réseau"),
            Self::Port => words!("port", "port"),
            Self::Windows => Words::same("Windows"),
            Self::Ollama => Words::same("Ollama"),
            Self::Live => words!("live test", "essai réel"),
            Self::Codex => Words::same("Codex"),
            Self::Service => words!("service", "service"),
        }
    }
}

/// Told when a part begins (`true`) and when it is done.
pub type Progress<'a> = &'a (dyn Fn(Part, bool) + Sync);

/// Everything, as far as it can be known in time.
pub async fn gather(plan: &Plan, progress: Progress<'_>) -> Facts {
    let from = clock::now();
    let ask = Asking {
        plan,
        progress,
        config: usable(plan),
        here: from + plan.times.here,
        windows: from + plan.times.windows,
    };
    let (text, snapshot, port) = tokio::join!(
        SystemText::read(&plan.root).with_wslinfo(&plan.root),
        ask.in_time(Part::Network, ask.here, network::gather::snapshot(&plan.root)),
        ask.port(),
    );
    let snapshot = snapshot.unwrap_or_default();
    let mut system = system::gather::gather(&ask.system(), &text, &snapshot).await;
    let mode = system.mode.known().cloned();
    let own_address = snapshot.known().and_then(Snapshot::own_address);
    let upstream = ask.upstream(&port);
    let there = port_of(&upstream);
    let way = ask.way(snapshot, mode, upstream, &port, text.is_wsl_kernel());
    let ((network, ollama, live), (interop, windows), codex, service) =
        tokio::join!(way, ask.windows(own_address, there), ask.codex(), ask.service());
    system.interop = interop;
    let mut facts = Facts { system, network, windows, port, ollama, live, codex, service };
    if plan.stream_test.is_some() && plan.asks.contains(&Part::Live) {
        ask.have_a_model_speak(&mut facts, text.is_wsl_kernel()).await;
    }
    facts
}

/// The configuration; the defaults where it cannot be used.
fn usable(plan: &Plan) -> Config {
    let defaults = || crate::config::Layer::default().finish(plan.root.clone());
    plan.config.clone().or_else(|_| defaults()).expect("the defaults fit each other")
}

/// Ollama's port on Windows.
fn port_of(upstream: &Upstream) -> u16 {
    match upstream {
        Upstream::Auto(port) | Upstream::Name { port, .. } => *port,
        Upstream::Address(address) => address.port(),
        Upstream::Demo => OLLAMA_PORT,
    }
}

/// One run, with its deadlines.
struct Asking<'a> {
    plan: &'a Plan,
    progress: Progress<'a>,
    config: Config,
    here: Instant,
    windows: Instant,
}

impl Asking<'_> {
    /// A part, or nothing where its time is over. Tells when it begins and ends.
    async fn in_time<T>(&self, part: Part, until: Instant, asked: impl Future<Output = T>) -> Option<T> {
        (self.progress)(part, true);
        let answer = timeout_at(until.into(), asked).await.ok();
        (self.progress)(part, false);
        answer
    }

    fn system(&self) -> system::gather::Ask {
        let config = match &self.plan.config {
            Ok(_) => ConfigState::Valid(self.plan.config_files.clone()),
            Err(fault) => ConfigState::Invalid { what: fault.what.clone(), mended: self.plan.mended.clone() },
        };
        system::gather::Ask {
            root: self.plan.root.clone(),
            config: Fact::Known(config),
            writes: self.plan.writes.clone(),
            by_sudo: (self.plan.variable)("SUDO_USER").is_some(),
        }
    }

    async fn port(&self) -> port::Port {
        let ask =
            port::gather::Ask { listen: self.config.listen.clone(), directory: self.plan.status_directory.clone() };
        let listen = ask.listen.clone();
        let asked = self.in_time(Part::Port, self.here, spawn_blocking(move || port::gather::gather(&ask))).await;
        asked.and_then(Result::ok).unwrap_or_else(|| port::Port { listen, ..port::Port::default() })
    }

    /// Where connections are to go: as the forward that runs has it, unless the doctor was told otherwise.
    fn upstream(&self, port: &port::Port) -> Upstream {
        let ours = self.config.upstream.clone();
        let Some(report) = port.forward().filter(|_| !self.plan.upstream_is_typed) else { return ours };
        match (report.how.as_str(), report.upstream.as_deref()) {
            ("demo", _) => Upstream::Demo,
            ("named", Some(place)) => place.parse().unwrap_or(ours),
            // Found, with the port that it was told to look at.
            (_, Some(place)) => {
                let address: Option<SocketAddr> = place.parse().ok();
                Upstream::Auto(address.map_or(OLLAMA_PORT, |address| address.port()))
            }
            (_, None) if matches!(ours, Upstream::Auto(_)) => ours,
            (_, None) => Upstream::Auto(OLLAMA_PORT),
        }
    }

    async fn windows(
        &self,
        own_address: Option<Ipv4Addr>,
        port: u16,
    ) -> (Fact<system::Interop>, Fact<windows::Windows>) {
        let late = || words!("Windows did not answer in time", "Windows n'a pas répondu à temps");
        if !self.plan.asks.contains(&Part::Windows) {
            return (Fact::default(), Fact::default());
        }
        let asked = Box::pin(async {
            let interop = windows::gather::interop(&self.plan.root).await;
            let ask =
                windows::gather::Ask { root: self.plan.root.clone(), port, own_address, interop: interop.clone() };
            (interop, windows::gather::gather(&ask).await)
        });
        let answer = self.in_time(Part::Windows, self.windows, asked).await;
        answer.unwrap_or_else(|| (Fact::Unknown(late()), Fact::Unknown(late())))
    }

    async fn codex(&self) -> codex::Codex {
        if !self.plan.asks.contains(&Part::Codex) {
            return codex::Codex::default();
        }
        let Plan { root, home, variable, .. } = self.plan;
        let ask = codex::gather::Ask { root: root.clone(), home: home.clone(), variable: Box::new(*variable) };
        self.in_time(Part::Codex, self.here, codex::gather::gather(&ask)).await.unwrap_or_default()
    }

    async fn service(&self) -> service::Service {
        if !self.plan.asks.contains(&Part::Service) {
            return service::Service::default();
        }
        let Plan { root, home, variable, .. } = self.plan;
        let ask = service::gather::Ask {
            root: root.clone(),
            home: home.clone(),
            uid: getuid().as_raw(),
            own_version: env!("CARGO_PKG_VERSION").to_owned(),
            variable: Box::new(*variable),
        };
        self.in_time(Part::Service, self.here, service::gather::gather(&ask)).await.unwrap_or_default()
    }

    /// From the addresses to Ollama, and through the forward.
    async fn way(
        &self,
        snapshot: Fact<Snapshot>,
        mode: Option<Mode>,
        upstream: Upstream,
        port: &port::Port,
        is_wsl: bool,
    ) -> (network::Network, ollama::Ollama, live::Live) {
        let policy = self.config.policy;
        let ask = network::gather::Ask {
            root: self.plan.root.clone(),
            upstream,
            mode,
            policy,
            times: network::gather::Times::default(),
        };
        let late = network::Network { snapshot: snapshot.clone(), target: Some(ask.target()), ..Default::default() };
        let tried = self.in_time(Part::Network, self.here, network::gather::gather(&ask, snapshot)).await;
        let network = tried.unwrap_or(late);
        let Some(place) = place(&network, port, policy) else {
            return (network, ollama::Ollama::default(), live::Live::default());
        };
        let asked = ollama::gather::Ask { place, times: ollama::gather::Times::default() };
        let asked = self.in_time(Part::Ollama, self.here, ollama::gather::gather(&asked)).await;
        let ollama = asked.unwrap_or_default();
        // Which model is to speak may depend on Codex: that comes later, and takes its time.
        let now = self.plan.asks.contains(&Part::Live) && self.plan.stream_test.is_none();
        let live = if now { self.live(&network, &ollama, port, is_wsl, None).await } else { live::Live::default() };
        (network, ollama, live)
    }

    /// `--stream-test`: what is in memory afterwards is what counts.
    async fn have_a_model_speak(&self, facts: &mut Facts, is_wsl: bool) {
        let named = self.plan.stream_test.clone().flatten();
        let Some(model) = named.or_else(|| live::choose_model(facts)) else { return };
        facts.live = self.live(&facts.network, &facts.ollama, &facts.port, is_wsl, Some(model)).await;
        if let Some(place) = place(&facts.network, &facts.port, self.config.policy) {
            let asked = ollama::gather::Ask { place, times: ollama::gather::Times::default() };
            facts.ollama.loaded = ollama::gather::loaded(&asked).await;
        }
    }

    async fn live(
        &self,
        network: &network::Network,
        ollama: &ollama::Ollama,
        port: &port::Port,
        is_wsl: bool,
        model: Option<String>,
    ) -> live::Live {
        let (Some(via), Some(api)) = (via(network, port), ollama.api.known()) else {
            return live::Live::default();
        };
        let ask = live::gather::Ask {
            via,
            api: *api,
            translate: Some(self.config.bridge.clone())
                .filter(|settings| settings.translate)
                .or_else(|| self.plan.translate.then(Settings::default)),
            model,
            policy: self.config.policy,
            connect_time: self.config.connect_time,
            hide_from_windows: is_wsl,
            times: live::gather::Times { model: self.plan.times.stream_test, ..Default::default() },
        };
        // A model may take minutes, and somebody has asked for it; each of its answers has its own deadline.
        let until = if ask.model.is_some() { clock::now() + 4 * self.plan.times.stream_test } else { self.here };
        self.in_time(Part::Live, until, live::gather::gather(&ask, &|_| {})).await.unwrap_or_default()
    }
}

/// Where Ollama is asked: at the address that answered, or that was named; the demo, through its forward.
fn place(network: &network::Network, port: &port::Port, policy: SocketPolicy) -> Option<Place> {
    if network.target == Some(Target::Demo) {
        return Some(Place::found(listener(port)?, policy));
    }
    let named = |tried: &&Tried| tried.how == TriedHow::Named;
    let tried = network.answered().or_else(|| network.best().filter(named))?;
    let make = if named(&tried) { Place::named } else { Place::found };
    Some(make(tried.address, policy))
}

/// The way in for the live test: the forward that runs, or one of our own.
fn via(network: &network::Network, port: &port::Port) -> Option<Via> {
    if let (Some(report), Some(address)) = (port.forward(), listener(port)) {
        return Some(Via::Running { address, translates: report.translate, upstream_is_demo: report.how == "demo" });
    }
    match network.target {
        Some(Target::Demo) => Some(Via::OwnDemo),
        Some(Target::Localhost { .. }) => Some(Via::Direct(network.answered()?.address)),
        Some(Target::Auto { .. } | Target::Named { .. }) => Some(Via::Own(network.best()?.address)),
        None => None,
    }
}

/// Where the running forward listens.
fn listener(port: &port::Port) -> Option<SocketAddr> {
    port.forward()?.listen.first()?.parse().ok()
}
