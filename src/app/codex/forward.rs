//! The forward that Codex goes through: the one of this user that runs, or one that is started for this call and ends with it.
//!
//! ```text
//! one runs, and leads where it should ──► it is used, and left as it is
//! none ─┬─ the usual port is free ──────► one is started there
//!       └─ it is taken ─┬─ Port::Any ───► one is started on a free port: Codex is told which
//!                       └─ Port::Usual ─► E-PORT-TAKEN: what is written into a file must hold tomorrow
//! ```

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use super::desk::Desk;
use crate::app::background::{self, Started};
use crate::config::Upstream;
use crate::control::{self, Answer, Request};
use crate::fault::{Fault, FaultId};
use crate::gateway::wsl::Need;
use crate::net::listen::reachable;
use crate::net::owner::owners_of;
use crate::status::{self, Report};
use crate::words;
use crate::words::Words;

/// Where a forward that has to be started may listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// Wherever there is room: it ends with this call.
    Any,
    /// Where every other run listens.
    Usual,
}

/// One that answers.
pub(super) struct Forward {
    pub(super) port: u16,
    pub(super) address: SocketAddr,
    pub(super) translates: bool,
    directory: PathBuf,
    /// It was started for this call.
    ours: Option<u32>,
}

/// Finds one, or starts it; and says which.
pub(super) fn get(desk: &Desk<'_>, port: Port, need: Option<Need>) -> Result<Forward, Fault> {
    let directory = directory()?;
    let running = status::ask(&directory, desk.typed.listen_port);
    match pick(&running, desk.typed.upstream.as_ref()) {
        Some(report) => {
            let forward = Forward::of_report(report, directory)?;
            forward.tell(desk, report);
            Ok(forward)
        }
        None => start(desk, port, need, &running),
    }
}

/// The one that runs, for those who start nothing.
pub(super) fn running(desk: &Desk<'_>) -> Option<Forward> {
    let directory = directory().ok()?;
    let running = status::ask(&directory, desk.typed.listen_port);
    Forward::of_report(pick(&running, desk.typed.upstream.as_ref())?, directory).ok()
}

fn directory() -> Result<PathBuf, Fault> {
    status::directory().ok_or_else(|| {
        let what = words!("there is no home directory", "il n'y a pas de répertoire personnel");
        Fault::new(FaultId::Internal, what).advise(words!("HOME is not set", "HOME n'est pas défini"), "export HOME=…")
    })
}

/// Of those that run: one that leads where it should, before all one that translates.
fn pick<'a>(running: &'a [Report], wanted: Option<&Upstream>) -> Option<&'a Report> {
    let fits = |report: &&Report| match wanted {
        None => true,
        Some(Upstream::Demo) => report.how == "demo",
        Some(Upstream::Auto(_)) => report.how != "demo" && report.how != "named",
        Some(Upstream::Address(address)) => report.upstream.as_deref() == Some(&address.to_string()),
        Some(Upstream::Name { host, port }) => report.upstream.as_deref() == Some(&format!("{host}:{port}")),
    };
    // `max_by_key` takes the last of equals, and the lowest port stands first.
    running.iter().rev().filter(fits).max_by_key(|report| report.translate)
}

fn start(desk: &Desk<'_>, port: Port, need: Option<Need>, running: &[Report]) -> Result<Forward, Fault> {
    let config = desk.config()?;
    let usual = config.listen.first().copied().unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let (at, mut args) = match (&config.upstream, need) {
        (Upstream::Auto(windows), Some(Need::Nothing)) => beside(desk, port, *windows)?,
        (Upstream::Auto(_) | Upstream::Demo | Upstream::Address(_) | Upstream::Name { .. }, _) => {
            let (at, args) = room(desk, port, usual, running)?;
            let upstream = desk.typed.upstream.as_ref().map(|upstream| format!("--upstream={}", typed_as(upstream)));
            (at, args.into_iter().chain(upstream).collect())
        }
    };
    // Codex needs it: only who has switched it off by name goes without.
    if desk.typed.translate || desk.layer.bridge.translate.is_none() {
        args.push("--translate".to_owned());
    }
    let Started { answer, .. } = background::start(at, &args)?;
    let forward = Forward::of_answer(&answer, at, directory()?);
    let (address, does) = (forward.address, does(forward.translates));
    let Words { en, fr } = &does;
    desk.hint(&words!(
        "started a forward on {address} for this call ({en})",
        "relais démarré sur {address} pour cet appel ({fr})"
    ));
    Ok(forward)
}

/// Where it listens, and the words for that.
fn room(desk: &Desk<'_>, port: Port, usual: SocketAddr, running: &[Report]) -> Result<(u16, Vec<String>), Fault> {
    if TcpListener::bind(usual).is_ok() {
        let typed = desk.typed.listen_port.map(|port| format!("--listen-port={port}"));
        return Ok((usual.port(), typed.into_iter().collect()));
    }
    if port == Port::Usual || desk.typed.listen_port.is_some() {
        return Err(taken(usual, running));
    }
    let (free, port) = (free_port()?, usual.port());
    desk.hint(&words!(
        "port {port} belongs to somebody else; this call uses {free}",
        "le port {port} est déjà pris ; cet appel utilise {free}"
    ));
    Ok((free, vec![format!("--listen=127.0.0.1:{free}")]))
}

/// In modes of WSL in which localhost is Windows, a forward is only there to translate, beside Ollama's own port.
fn beside(desk: &Desk<'_>, port: Port, windows: u16) -> Result<(u16, Vec<String>), Fault> {
    if port == Port::Usual && desk.typed.listen_port.is_none() {
        let what = words!(
            "localhost is Windows here, and no forward runs that a profile could name",
            "localhost est Windows ici, et aucun relais ne tourne qu'un profil puisse désigner"
        );
        let likely = words!(
            "in this mode of WSL nothing needs to be forwarded; Codex needs the translation",
            "dans ce mode de WSL, rien n'est à relayer ; Codex a besoin de la traduction"
        );
        let next = format!("ollama-forward --translate --listen-port 11435 --upstream 127.0.0.1:{windows}");
        return Err(Fault::new(FaultId::NotRunning, what).advise(likely, next));
    }
    let free = desk.typed.listen_port.map_or_else(free_port, Ok)?;
    Ok((free, vec![format!("--listen=127.0.0.1:{free}"), format!("--upstream=127.0.0.1:{windows}")]))
}

fn does(translates: bool) -> Words {
    if translates {
        words!("it translates", "il traduit")
    } else {
        words!("it does not translate", "il ne traduit pas")
    }
}

fn free_port() -> Result<u16, Fault> {
    let found = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    found.map(|address| address.port()).map_err(|error| Fault::new(FaultId::Internal, error.to_string()))
}

fn taken(address: SocketAddr, running: &[Report]) -> Fault {
    let port = address.port();
    if let Some(report) = running.iter().find(|report| report.listen.iter().any(|listen| ends_with_port(listen, port)))
    {
        let (pid, leads) = (report.pid, report.upstream.as_deref().unwrap_or("-"));
        let what = words!(
            "port {port} belongs to ollama-forward {pid}, which leads to {leads}",
            "le port {port} appartient à ollama-forward {pid}, qui mène à {leads}"
        );
        let likely = words!(
            "it runs with another upstream than the one that was asked for",
            "il tourne avec un autre serveur que celui qui est demandé"
        );
        return Fault::new(FaultId::PortTaken, what).advise(likely, "ollama-forward status");
    }
    let owners: Vec<String> = owners_of(port).unwrap_or_default().iter().map(ToString::to_string).collect();
    let by = if owners.is_empty() { "?".to_owned() } else { owners.join(", ") };
    let what =
        words!("cannot listen on {address}: taken by {by}", "impossible d'écouter sur {address} : pris par {by}");
    let next = "ollama-forward codex --listen-port 21434 …";
    Fault::new(FaultId::PortTaken, what).advise(FaultId::PortTaken.likely(), next)
}

fn ends_with_port(listen: &str, port: u16) -> bool {
    listen.rsplit(':').next() == Some(port.to_string().as_str())
}

/// As `--upstream` reads it.
pub(super) fn typed_as(upstream: &Upstream) -> String {
    match upstream {
        Upstream::Auto(port) => format!("auto:{port}"),
        Upstream::Demo => "demo".to_owned(),
        Upstream::Address(address) => address.to_string(),
        Upstream::Name { host, port } => format!("{host}:{port}"),
    }
}

impl Forward {
    fn of_report(report: &Report, directory: PathBuf) -> Result<Self, Fault> {
        let listens = report.listen.first().and_then(|listen| listen.parse::<SocketAddr>().ok());
        let address = listens.ok_or_else(|| {
            let pid = report.pid;
            Fault::new(
                FaultId::Internal,
                words!("ollama-forward {pid} tells no address", "ollama-forward {pid} ne donne pas d'adresse"),
            )
        })?;
        let (port, address) = (address.port(), reachable(address));
        Ok(Self { port, address, translates: report.translate, directory, ours: None })
    }

    fn of_answer(answer: &Answer, port: u16, directory: PathBuf) -> Self {
        let listens = answer.listen.first().and_then(|listen| listen.parse().ok());
        let address = listens.map_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)), reachable);
        Self { port, address, translates: answer.translate, directory, ours: Some(answer.pid) }
    }

    fn tell(&self, desk: &Desk<'_>, report: &Report) {
        let (address, leads) = (self.address, report.upstream.as_deref().unwrap_or("?"));
        let Words { en, fr } = does(self.translates);
        desk.hint(&words!(
            "uses the forward that runs on {address} → {leads} ({en})",
            "utilise le relais qui tourne sur {address} → {leads} ({fr})"
        ));
        if !self.translates {
            let (pid, port) = (report.pid, self.port);
            let stop = format!(
                "ollama-forward capture stop --listen-port {port} && ollama-forward --translate --listen-port {port}"
            );
            desk.hint(&words!(
                "⚠ without a translation, tools of Codex fail with many models; to have it, start forward {pid} anew: {stop}",
                "⚠ sans traduction, les outils de Codex échouent avec beaucoup de modèles ; pour l'avoir, relancer le relais {pid} : {stop}"
            ));
        }
    }

    /// What a provider's `base_url` should be.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// It was started for this call.
    pub(super) fn is_ours(&self) -> bool {
        self.ours.is_some()
    }

    /// What it says of itself now. None: it has gone.
    pub(super) fn report(&self) -> Option<Report> {
        status::ask(&self.directory, Some(self.port)).pop()
    }

    fn ask(&self, request: &Request) -> Result<Answer, Fault> {
        let gone = || {
            let port = self.port;
            Fault::new(
                FaultId::NotRunning,
                words!("the forward on port {port} has ended", "le relais du port {port} s'est arrêté"),
            )
        };
        let answer = control::ask(&self.directory, Some(self.port), request).ok().flatten().ok_or_else(gone)?;
        match answer.error {
            Some(error) => Err(Fault::new(FaultId::Capture, error)),
            None => Ok(answer),
        }
    }

    /// Turns capture on where that was asked for, and says where it can be seen.
    pub(super) fn capture<'a>(&'a self, desk: &Desk<'_>) -> Result<Option<Capturing<'a>>, Fault> {
        if !desk.typed.capture {
            return Ok(None);
        }
        let was_on = self.ask(&Request::About)?.on;
        self.ask(&Request::Capture { on: true })?;
        let capturing = Capturing { forward: self, was_on };
        let answer = match self.ask(&Request::Link) {
            Ok(answer) => answer,
            Err(fault) => {
                capturing.end(desk);
                return Err(fault);
            }
        };
        let link = answer.link.or(answer.page).unwrap_or_default();
        desk.hint(&words!("captures this call: {link}", "capture cet appel : {link}"));
        Ok(Some(capturing))
    }

    /// Stops it where it was started for this call, and waits for that. That this fails changes nothing of how Codex ended.
    pub(super) fn end(mut self, desk: &Desk<'_>) {
        let Some(pid) = self.ours.take() else { return };
        let ended = self.ask(&Request::Stop).and_then(|_| background::await_end(self.port, pid));
        let address = self.address;
        match ended {
            Ok(()) => desk.hint(&words!("the forward on {address} has ended", "le relais sur {address} est arrêté")),
            Err(fault) => desk.hint(&fault.what),
        }
    }
}

/// Also when something failed in between. Whoever drops it does not wait.
impl Drop for Forward {
    fn drop(&mut self) {
        if self.ours.is_some() {
            drop(control::ask(&self.directory, Some(self.port), &Request::Stop));
        }
    }
}

/// Capture is on for this call.
pub(super) struct Capturing<'a> {
    forward: &'a Forward,
    was_on: bool,
}

impl Capturing<'_> {
    /// As it was before.
    pub(super) fn end(self, desk: &Desk<'_>) {
        if self.was_on {
            return;
        }
        match self.forward.ask(&Request::Capture { on: false }) {
            Ok(_) => desk.hint(&words!(
                "capture is off again; what was kept: ollama-forward capture list",
                "la capture est de nouveau arrêtée ; ce qui a été gardé : ollama-forward capture list"
            )),
            Err(fault) => desk.hint(&fault.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(port: u16, translate: bool, how: &str, upstream: &str) -> Report {
        Report {
            listen: vec![format!("127.0.0.1:{port}")],
            translate,
            how: how.into(),
            upstream: Some(upstream.into()),
            ..Report::example()
        }
    }

    #[track_caller]
    fn picks(running: &[Report], wanted: Option<&str>, port: Option<u16>) {
        let wanted = wanted.map(|text| text.parse::<Upstream>().unwrap());
        let picked =
            pick(running, wanted.as_ref()).and_then(|report| report.listen[0].rsplit(':').next()?.parse().ok());
        assert_eq!(picked, port, "{wanted:?}");
    }

    #[test]
    fn the_one_that_translates_is_used_unless_it_leads_elsewhere() {
        let gateway = report(1, false, "default gateway of eth0 (WSL NAT)", "172.24.0.1:11434");
        let demo = report(2, true, "demo", "127.0.0.1:9");
        let named = report(3, true, "named", "10.0.0.1:11434");
        let all = [gateway, demo, named];
        picks(&all, None, Some(2));
        picks(&all, Some("demo"), Some(2));
        picks(&all, Some("auto"), Some(1));
        picks(&all, Some("10.0.0.1"), Some(3));
        picks(&all, Some("10.0.0.2"), None);
        picks(&[], None, None);
    }

    #[test]
    fn an_upstream_is_typed_as_it_is_read() {
        for text in ["auto", "auto:1", "demo", "10.0.0.1:5", "[::1]:5", "pc:11434"] {
            let upstream: Upstream = text.parse().unwrap();
            assert_eq!(typed_as(&upstream).parse::<Upstream>().unwrap(), upstream, "{text}");
        }
    }
}
