//! Builds the parts and joins them; the only file that knows everyone.
//!
//! ```text
//! config ─┬─ Auto ──> Follower (snapshots) ──> Finder (whereabouts) ─┐
//!         ├─ named ─────────────────────────────────────────────────┼─> forward::run <── listeners
//!         └─ Demo ───> demo::serve on a loopback port ──────────────┘
//! ```

mod ask;
mod background;
mod bugreport;
mod capture;
mod codex;
mod completions;
mod doctor;
mod live;
mod manual;
mod notify;
mod recorder;
mod service;
mod settings;
mod setup;
mod shadow;
mod status;
mod version;
mod watch;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use directories::ProjectDirs;
use futures_util::future::Either;
use tokio::sync::watch::{self as watched, Sender};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use self::notify::Manager;
use self::recorder::Recorder;
use crate::bridge::{self, Bridge, Known};
use crate::capture::Tap;
use crate::cli::{Cli, Command, Run};
use crate::clock;
use crate::config::{self, Config, Layer, Upstream};
use crate::control::ControlSocket;
use crate::demo;
use crate::fault::{self, Fault, FaultId};
use crate::forward::{self, Limits, Name, Phase, Shared, Stopped, Target};
use crate::gateway::identify::{Identity, ProbeMark, identify};
use crate::gateway::wsl::{Mode, Need, SystemText};
use crate::gateway::{Finder, Follower, SnapshotWatch, Surroundings};
use crate::log::{self, Recent};
use crate::net::descriptors;
use crate::net::inherit::Inherited;
use crate::net::listen::{BindError, Listener, bind};
use crate::net::owner::owners_of;
use crate::report::Reporter;
use crate::status::{Answer, StatusSocket};
use crate::words;
use crate::words::Lang;

/// How a command ended when it did not fail.
#[derive(Debug)]
pub enum Ended {
    Well,
    /// With a result for standard output.
    Printed(String),
    /// The same, and the result is that something is wrong.
    Found(String),
    /// The same, and the result is that no forwarder runs.
    NoneRunning(String),
    /// It failed with this exit code, and has said why.
    Told(u8),
    /// After a signal, connections had to be cut.
    Cut,
}

/// Does what was typed.
pub fn run(cli: Cli) -> Result<Ended, Fault> {
    let lang = cli.lang();
    match cli.command {
        None => forward_in_foreground(&cli.run, lang),
        Some(Command::Codex(typed)) => codex::codex(&cli.run, &typed, lang),
        Some(Command::Setup(typed)) => setup::setup(&cli.run, &typed, lang),
        Some(Command::Service(typed)) => service::service(&typed, lang),
        Some(Command::Config(typed)) => settings::config(&typed, lang),
        Some(Command::Status(typed)) => status::status(&typed, lang),
        Some(Command::Doctor(typed)) => doctor::doctor(&cli.run, &typed, lang),
        Some(Command::Bugreport(typed)) => bugreport::bugreport(&cli.run, &typed, lang),
        Some(Command::Capture(typed)) => capture::capture(&cli.run, &typed, lang),
        Some(Command::Explain { id: None }) => Ok(Ended::Printed(fault::catalogue(lang))),
        Some(Command::Explain { id: Some(text) }) => explain(&text, lang),
        Some(Command::Man { command, all }) => manual::man(&command, all.as_deref(), lang),
        Some(Command::Version { json, changes }) => version::version(json, changes, lang),
        Some(Command::Completions { shell }) => Ok(Ended::Printed(completions::script(shell, lang))),
    }
}

fn explain(text: &str, lang: Lang) -> Result<Ended, Fault> {
    match FaultId::from_text(text) {
        Some(id) => Ok(Ended::Printed(fault::explanation(id, lang))),
        None => Err(Fault::new(
            FaultId::Usage,
            words!(
                "`{text}` is no error id; `ollama-forward explain` lists them all",
                "« {text} » n'est pas un identifiant d'erreur ; `ollama-forward explain` les liste tous"
            ),
        )),
    }
}

fn forward_in_foreground(run: &Run, lang: Lang) -> Result<Ended, Fault> {
    setup::hint(run, lang);
    let inherited = Inherited::take();
    let root = run.sysroot.clone().unwrap_or_else(|| PathBuf::from("/"));
    let layer = run.layer().over(files(run.config.as_deref())?);
    let mut log = log::start(layer.log.settings());
    let line = log.pin.take().map(|pin| live::Line::new(pin, layer.log.settings().color, lang));
    let config = layer.finish(root)?;
    shadow::warn_of_shadow();
    // Small messages never leave this thread; bulk gets one of its own when there is some.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Only name look-ups block.
        .max_blocking_threads(4)
        .build()
        .map_err(|error| no_event_loop(&error))?;
    let phase = watch_signals()?;
    let ended = runtime.block_on(forward_all(config, inherited, phase, log.recent.clone(), line));
    // A name look-up may hang for seconds; nobody waits for it any more.
    runtime.shutdown_background();
    ended
}

/// The layers of the user's file (or the one that was named) and of /etc.
fn files(named: Option<&Path>) -> Result<Layer, Fault> {
    if let Some(path) = named {
        return read_file(path)?.ok_or_else(|| {
            let path = path.display();
            Fault::new(FaultId::Config, words!("{path} does not exist", "{path} n'existe pas"))
        });
    }
    config_paths(None)
        .iter()
        .try_fold(Layer::default(), |over, path| Ok(over.over(read_file(path)?.unwrap_or_default())))
}

/// The configuration files that count, the strongest first.
fn config_paths(named: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = named {
        return vec![path.to_owned()];
    }
    let user = ProjectDirs::from("", "", "ollama-forward").map(|dirs| dirs.config_dir().join("config.toml"));
    user.into_iter().chain([PathBuf::from("/etc/ollama-forward/config.toml")]).collect()
}

fn read_file(path: &Path) -> Result<Option<Layer>, Fault> {
    match fs::read_to_string(path) {
        Ok(text) => config::parse_file(&path.display().to_string(), &text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let path = path.display();
            Err(Fault::new(
                FaultId::Config,
                words!("cannot read {path}: {error}", "impossible de lire {path} : {error}"),
            ))
        }
    }
}

fn no_event_loop(error: &io::Error) -> Fault {
    let what =
        words!("cannot start the event loop: {error}", "impossible de démarrer la boucle d'événements : {error}");
    Fault::new(FaultId::Internal, what)
}

/// SIGINT, SIGTERM or SIGHUP drain; a second one cuts.
fn watch_signals() -> Result<Sender<Phase>, Fault> {
    let (sender, _) = watched::channel(Phase::Run);
    let phase = sender.clone();
    ctrlc::set_handler(move || {
        phase.send_modify(|phase| *phase = if *phase == Phase::Run { Phase::Drain } else { Phase::Cut });
    })
    .map_err(|error| {
        Fault::new(
            FaultId::Internal,
            words!("cannot watch for signals: {error}", "impossible de surveiller les signaux : {error}"),
        )
    })?;
    Ok(sender)
}

/// From the configuration to the last connection.
async fn forward_all(
    config: Config,
    inherited: Inherited,
    phase: Sender<Phase>,
    recent: Recent,
    line: Option<live::Line>,
) -> Result<Ended, Fault> {
    let manager = Manager::of_environment();
    let mark = ProbeMark::default();
    let mut system = SystemText::read(&config.root);
    let follower = follow(&config).await?;
    let mut mode = None;
    if let (Upstream::Auto(port), Some((_, snapshots))) = (&config.upstream, &follower) {
        system = system.with_wslinfo(&config.root).await;
        let judged = system.mode(&snapshots.borrow());
        if let Some(ended) = nothing_to_do(&judged, *port, &config, &mark).await? {
            manager.ready("nothing to forward: localhost already reaches Windows");
            return Ok(ended);
        }
        mode = Some(judged);
    }
    let listeners = listen(&config, system.is_wsl_kernel(), inherited, manager)?;
    let mut parts = JoinSet::new();
    let (reread, snapshots) = match follower {
        Some((follower, snapshots)) => {
            let reread = follower.reread();
            parts.spawn(follower.run());
            (Some(reread), Some(snapshots))
        }
        None => (None, None),
    };
    let target = target(&config, system, &listeners, snapshots.clone(), &mark, &mut parts)?;
    let shared = Shared::new(target, limits(&config), config.policy, mark);
    let reporter = Reporter::new(&config, mode, &listeners, Arc::clone(&shared));
    let tap = Tap::default();
    let first = listeners.first().map(|listener| listener.address);
    let recorder = Recorder::new(config.capture.clone(), tap.clone(), Arc::clone(&reporter), phase.clone(), first);
    recorder.begin()?;
    open_status(&listeners, &recorder, recent, &mut parts);
    open_control(&listeners, &recorder, &mut parts);
    if let Some(line) = line {
        parts.spawn(line.draw(Arc::clone(&recorder), phase.subscribe()));
    }
    if let Some(snapshots) = snapshots {
        parts.spawn(watch::cut_where_gone(Arc::clone(&shared), snapshots));
    }
    parts.spawn(watch::notice_sleep(Arc::clone(&shared), reread));
    manager.ready("listening");
    parts.spawn(manager.keep_told(Arc::clone(&reporter)));
    parts.spawn(manager.await_end(phase.subscribe(), config.drain_time));
    let (failed, mut failure) = watched::channel(None);
    parts.spawn(watch::supervise(Arc::clone(&shared), config.clone(), Arc::clone(&reporter), phase.clone(), failed));

    let bridge = Bridge::new(Arc::clone(&shared), known(&listeners), config.bridge.clone(), tap.clone());
    let root = config.root.clone();
    let _ = bridge.believed.set(Arc::new(move |model| Some(doctor::believed_window(&root, model))));
    if config.bridge.translate {
        reporter.hears_of(bridge.latest.clone());
    }
    let kept = Arc::clone(&bridge);
    parts.spawn(async move { kept.keep_house().await });
    let stop = phase.subscribe();
    let Stopped { cut, .. } = if config.bridge.translate {
        info!(paths = "/v1/responses, /responses", "translating");
        let serve = move |accepted| bridge::serve(Arc::clone(&bridge), accepted, stop.clone());
        forward::run(listeners, shared, phase.subscribe(), config.drain_time, serve).await
    } else {
        // Bytes, unless somebody wants to see what they are.
        let plain = Arc::clone(&shared);
        let serve = move |accepted| {
            if tap.is_on() {
                Either::Right(Box::pin(bridge::serve(Arc::clone(&bridge), accepted, stop.clone())))
            } else {
                Either::Left(forward::serve(Arc::clone(&plain), accepted))
            }
        };
        forward::run(listeners, shared, phase.subscribe(), config.drain_time, serve).await
    };
    // What they still hold of exchanges is told before capture ends.
    parts.shutdown().await;
    recorder.end();
    match failure.borrow_and_update().clone() {
        Some(fault) => Err(fault),
        None if cut > 0 => Ok(Ended::Cut),
        None => Ok(Ended::Well),
    }
}

/// Follows the network where it matters. Without netlink, a named upstream still works.
async fn follow(config: &Config) -> Result<Option<(Follower, SnapshotWatch)>, Fault> {
    match (Follower::start(config.root.clone()).await, &config.upstream) {
        (Ok(started), _) => Ok(Some(started)),
        (Err(error), Upstream::Auto(_)) => {
            let why = log::chain(&error);
            let what =
                words!("cannot ask the kernel for routes: {why}", "impossible de demander les routes au noyau : {why}");
            Err(Fault::new(FaultId::Internal, what))
        }
        (Err(error), Upstream::Demo | Upstream::Address(_) | Upstream::Name { .. }) => {
            warn!(error = %log::chain(&error), "network changes will not be noticed");
            Ok(None)
        }
    }
}

/// Modes in which Windows needs no forwarding, or cannot be found by itself.
async fn nothing_to_do(mode: &Mode, port: u16, config: &Config, mark: &ProbeMark) -> Result<Option<Ended>, Fault> {
    match mode.need() {
        Need::Forward => Ok(None),
        Need::Nothing => {
            tell_nothing_needed(mode, port, config, mark).await;
            Ok(Some(Ended::Well))
        }
        Need::Impossible => {
            let what = words!(
                "WSL's localhost does not lead to Windows in this mode, and its gateway is not Windows",
                "dans ce mode, le localhost de WSL ne mène pas à Windows, et sa passerelle n'est pas Windows"
            );
            Err(Fault::new(FaultId::NoLocalhostForwarding, what))
        }
        Need::Named => {
            let what = match mode {
                Mode::Container => words!(
                    "this is a container, whose gateway is not Windows (try --upstream host.docker.internal)",
                    "c'est un conteneur, dont la passerelle n'est pas Windows (essayer --upstream host.docker.internal)"
                ),
                Mode::Linux => words!(
                    "this Linux is not WSL, so there is no Windows to find",
                    "ce Linux n'est pas WSL : il n'y a pas de Windows à trouver"
                ),
                Mode::Bridged | Mode::None | Mode::Unknown(_) => {
                    let word = mode.word();
                    words!(
                        "WSL's networking mode is {word}, in which Windows has no fixed place",
                        "le mode réseau de WSL est {word}, où Windows n'a pas de place fixe"
                    )
                }
                Mode::Nat
                | Mode::Mirrored
                | Mode::Consomme
                | Mode::LocalhostShared
                | Mode::LocalhostForwardingOff
                | Mode::Wsl1 => {
                    unreachable!("these need no name")
                }
            };
            Err(Fault::new(FaultId::NeedsUpstream, what))
        }
    }
}

async fn tell_nothing_needed(mode: &Mode, port: u16, config: &Config, mark: &ProbeMark) {
    let localhost = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port));
    let answer = identify(localhost, config.connect_time, &config.policy, mark).await;
    info!(mode = mode.word(), "nothing to forward: localhost already reaches Windows");
    match answer {
        Ok(Identity { version }) => info!(address = %localhost, ollama = version, "Ollama answers"),
        // In these modes a closed port is silent too (WSL #10855): do not blame the firewall.
        Err(refusal) => {
            let why = refusal.fault(localhost).what;
            warn!(address = %localhost, %why, next = "start Ollama on Windows", "Ollama does not answer");
        }
    }
}

/// The names by which clients may call this machine.
fn known(listeners: &[Listener]) -> Known {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    Known::new(listeners.iter().map(|listener| listener.address).collect(), name)
}

fn limits(config: &Config) -> Limits {
    let most = descriptors::raise_limit();
    Limits {
        connect_time: config.connect_time,
        wait_for_upstream: config.wait_for_upstream,
        max_connections: config.max_connections,
        connections_that_fit: descriptors::connections_that_fit(most, descriptors::in_use()),
    }
}

/// Takes over the listeners that were handed to us, and binds the others; all, or none.
fn listen(
    config: &Config,
    hide_from_windows: bool,
    mut inherited: Inherited,
    manager: Manager,
) -> Result<Vec<Listener>, Fault> {
    let mut claimed: Vec<Option<Listener>> = config.listen.iter().map(|address| inherited.claim(*address)).collect();
    let unwanted = inherited.close_rest();
    for address in &unwanted {
        warn!(%address, "a socket was handed over that is not configured, and is not used");
    }
    // Their ports may be wanted below, on other addresses.
    manager.forget(&unwanted);
    let mut listeners = Vec::new();
    for (address, claimed) in config.listen.iter().zip(&mut claimed) {
        let listener = match claimed.take() {
            Some(listener) => listener,
            None => bind(*address, hide_from_windows).map_err(|error| bind_fault(&error))?,
        };
        let ip = address.ip();
        if hide_from_windows && !listener.hidden {
            warn!(%address, "WSL copies this listener to Windows, where it can keep Ollama from starting");
        }
        if !ip.is_loopback() {
            warn!(%address, "other machines can reach this listener, and Ollama asks nobody for a password");
        }
        listeners.push(listener);
    }
    for listener in &listeners {
        info!(address = %listener.address, "listening");
    }
    manager.keep(&listeners);
    Ok(listeners)
}

fn bind_fault(error: &BindError) -> Fault {
    match error {
        BindError::Taken(address) => {
            let owners = owners_of(address.port()).unwrap_or_default();
            let holders = owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let what = if holders.is_empty() {
                words!(
                    "cannot listen on {address}: taken by another program",
                    "impossible d'écouter sur {address} : pris par un autre programme"
                )
            } else {
                words!(
                    "cannot listen on {address}: taken by {holders}",
                    "impossible d'écouter sur {address} : pris par {holders}"
                )
            };
            Fault::new(FaultId::PortTaken, what)
        }
        BindError::NotOurs(address) => Fault::new(
            FaultId::ListenAddress,
            words!(
                "cannot listen on {address}: not an address of this machine",
                "impossible d'écouter sur {address} : ce n'est pas une adresse de cette machine"
            ),
        ),
        BindError::Denied(address) => Fault::new(
            FaultId::ListenDenied,
            words!("cannot listen on {address}: not allowed", "impossible d'écouter sur {address} : accès refusé"),
        ),
        BindError::Other(address, why) => Fault::new(
            FaultId::Internal,
            words!("cannot listen on {address}: {why}", "impossible d'écouter sur {address} : {why}"),
        ),
    }
}

/// Where connections go; starts what has to run for it.
fn target(
    config: &Config,
    system: SystemText,
    listeners: &[Listener],
    snapshots: Option<SnapshotWatch>,
    mark: &ProbeMark,
    parts: &mut JoinSet<()>,
) -> Result<Target, Fault> {
    match &config.upstream {
        Upstream::Auto(port) => {
            let around = Surroundings {
                root: config.root.clone(),
                system,
                port: *port,
                connect_time: config.connect_time,
                policy: config.policy,
                mark: mark.clone(),
            };
            let snapshots = snapshots.expect("auto follows the network, or has failed");
            let (finder, watch) = Finder::new(around, snapshots);
            parts.spawn(finder.run());
            Ok(Target::Gateway(watch))
        }
        Upstream::Demo => {
            let listener = start_demo(system.is_wsl_kernel(), parts).map_err(|error| {
                let what = words!("cannot start the demo: {error}", "impossible de démarrer la démo : {error}");
                Fault::new(FaultId::Internal, what)
            })?;
            info!(upstream = %listener, how = "demo", "forwarding to");
            Ok(Target::Address(listener))
        }
        Upstream::Address(address) => {
            info!(upstream = %address, how = "named", "forwarding to");
            Ok(Target::Address(*address))
        }
        Upstream::Name { host, port } => {
            info!(upstream = %format_args!("{host}:{port}"), how = "named", "forwarding to");
            let own = listeners.iter().map(|listener| listener.address).collect();
            Ok(Target::Name(Name::new(host.clone(), *port, own)))
        }
    }
}

fn start_demo(hide_from_windows: bool, parts: &mut JoinSet<()>) -> io::Result<std::net::SocketAddr> {
    let listener = bind(std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0)), hide_from_windows)
        .map_err(io::Error::other)?;
    let address = listener.address;
    parts.spawn(async move {
        let Err(error) = demo::serve(listener.into_tokio(), demo::Pace::default(), clock::wall).await;
        warn!(%error, "demo ended");
    });
    Ok(address)
}

/// Lets `ollama-forward capture` tell us what to do.
fn open_control(listeners: &[Listener], recorder: &Arc<Recorder>, parts: &mut JoinSet<()>) {
    let (Some(first), Some(directory)) = (listeners.first(), crate::status::directory()) else { return };
    match ControlSocket::open(&directory, first.address.port()) {
        Ok(socket) => {
            let recorder = Arc::clone(recorder);
            parts.spawn(socket.serve(Arc::new(move |request| recorder.answer(request))));
        }
        Err(error) => warn!(%error, directory = %directory.display(), "capture cannot be turned on in this run"),
    }
}

/// Lets `ollama-forward status` find us. Without it, traffic runs all the same.
fn open_status(listeners: &[Listener], recorder: &Arc<Recorder>, recent: Recent, parts: &mut JoinSet<()>) {
    let Some(first) = listeners.first() else { return };
    let Some(directory) = crate::status::directory() else {
        debug!("no home directory, so no status");
        return;
    };
    match StatusSocket::open(&directory, first.address.port()) {
        Ok(socket) => {
            let recorder = Arc::clone(recorder);
            let answer = move || Answer { report: recorder.report(), log: recent.lines() };
            parts.spawn(socket.serve(answer));
        }
        Err(error) => warn!(%error, directory = %directory.display(), "no status of this run"),
    }
}
