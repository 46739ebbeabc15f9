//! The facts of this run from where the checks of Windows stand: which port, which way, which symptom.

use std::net::Ipv4Addr;

use crate::config::OLLAMA_PORT;
use crate::doctor::network::{Target, Tried};
use crate::doctor::windows::rule::{Incoming, WSL_ADAPTER};
use crate::doctor::windows::{Adapter, Listener, Windows};
use crate::doctor::{Facts, Problem, Verdict};
use crate::gateway::identify::DialFault;
use crate::gateway::wsl::Need;
use crate::gateway::{Address, Refusal};
use crate::words;
use crate::words::Words;

/// What was seen from here of the address that speaks for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symptom {
    Answered,
    /// No packet came back: a firewall, a route, or a closed port of a Windows in stealth mode (`wsl-networking` 2.2).
    Silence,
    /// A reset came back: no firewall is in the way.
    Refused,
    /// Somebody accepted, and reset, closed or said nothing.
    Dropped,
    /// Somebody else answered.
    Foreign,
    Loop,
    /// The packets do not even leave.
    Unreachable,
    Untried,
}

/// How Ollama on Windows is reached from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Over WSL's NAT: through Windows' firewall, to an address of Windows.
    Gateway,
    /// Localhost is Windows.
    Localhost,
    /// Bridged, without a network, or not known.
    Unclear,
}

pub(super) struct View<'a> {
    pub facts: &'a Facts,
    pub windows: &'a Windows,
    pub port: u16,
    pub way: Way,
    pub symptom: Symptom,
}

impl<'a> View<'a> {
    /// None of it where Windows did not tell, or is not where connections go: the reason, then.
    pub(super) fn of(facts: &'a Facts) -> Result<Self, Words> {
        if let Some(why) = elsewhere(facts) {
            return Err(why);
        }
        let windows = facts.windows.get().map_err(Clone::clone)?;
        let way = match facts.system.need() {
            Some(Need::Forward) => Way::Gateway,
            Some(Need::Nothing) => Way::Localhost,
            Some(Need::Named | Need::Impossible) | None => Way::Unclear,
        };
        Ok(Self { facts, windows, port: port(facts), way, symptom: symptom(facts) })
    }

    pub(super) fn answered(&self) -> bool {
        self.symptom == Symptom::Answered
    }

    /// A failure where this is the reason that Ollama did not answer, and only then.
    pub(super) fn verdict(&self, problem: Problem, explains: bool) -> Verdict {
        if !explains || self.answered() {
            return problem.warn();
        }
        match self.facts.network.best() {
            Some(tried) => {
                let (address, Words { en, fr }) = (tried.address, tried.outcome());
                problem.because(words!("from here, {address}: {en}", "vu d'ici, {address} : {fr}")).fail()
            }
            None => problem.fail(),
        }
    }

    /// What comes from here has to get through: the firewall and the routes of Windows matter.
    pub(super) fn gateway_only(&self) -> Result<(), Verdict> {
        match self.way {
            Way::Gateway => Ok(()),
            Way::Localhost => Err(Verdict::Skip(words!(
                "localhost is Windows in this mode: nothing stands between",
                "dans ce mode, localhost est Windows : rien ne s'interpose"
            ))),
            Way::Unclear => Err(Verdict::Skip(words!(
                "only judged where WSL reaches Windows over NAT",
                "n'est jugé que si WSL atteint Windows par le NAT"
            ))),
        }
    }

    /// Windows' own address in the network that it shares with WSL.
    pub(super) fn host(&self) -> Option<Ipv4Addr> {
        let own = self.own_network();
        let adapters = self.adapters();
        let shared = adapters.iter().find(|adapter| own.is_some_and(|own| own.contains(adapter.address)));
        let tried = self.facts.network.best().and_then(|tried| match tried.address.ip() {
            std::net::IpAddr::V4(ip) if !ip.is_loopback() => Some(ip),
            std::net::IpAddr::V4(_) | std::net::IpAddr::V6(_) => None,
        });
        let first = || adapters.first().map(|adapter| adapter.address).or_else(|| own?.first_host());
        shared.map(|adapter| adapter.address).or(tried).or_else(first)
    }

    /// What a firewall rule has to let in, such as `172.24.0.0/20`.
    pub(super) fn prefix(&self) -> Option<String> {
        let of_adapter = || {
            let Adapter { address, prefix, .. } = self.adapters().first()?;
            let address = Address { link: 0, ip: *address, prefix: *prefix };
            Some(format!("{}/{prefix}", address.network()))
        };
        self.facts.network.windows_prefix().or_else(of_adapter)
    }

    pub(super) fn adapters(&self) -> &'a [Adapter] {
        self.windows.adapters.known().map_or(&[], Vec::as_slice)
    }

    fn own_network(&self) -> Option<&'a Address> {
        self.facts.network.snapshot.known()?.windows_side().next().map(|(_, address)| address)
    }

    /// `172.24.0.1:11434`, or what comes closest to it.
    pub(super) fn place(&self) -> String {
        let port = self.port;
        match (self.way, self.host()) {
            (Way::Localhost, _) => format!("127.0.0.1:{port}"),
            (Way::Gateway | Way::Unclear, Some(host)) => format!("{host}:{port}"),
            (Way::Gateway | Way::Unclear, None) => format!("port {port}"),
        }
    }

    /// Who listens on the port that we need; the reason where that is not known.
    pub(super) fn listeners(&self) -> Result<Vec<&'a Listener>, Verdict> {
        let all = self.windows.listeners.get().map_err(|why| Verdict::Skip(why.clone()))?;
        Ok(all.iter().filter(|listener| listener.port == self.port).collect())
    }

    /// Whether what this listener takes includes what comes from here.
    pub(super) fn reaches(&self, listener: &Listener) -> bool {
        let host = self.host().map(|host| host.to_string());
        match self.way {
            Way::Gateway => listener.is_any() || host.is_none_or(|host| host == listener.address),
            Way::Localhost => listener.is_any() || listener.address.starts_with("127."),
            Way::Unclear => !listener.is_loopback(),
        }
    }

    /// The connection that the firewall of Windows judges.
    pub(super) fn incoming(&self) -> Incoming<'a> {
        let listeners = self.listeners().unwrap_or_default();
        let ours = listeners.iter().find(|listener| self.reaches(listener)).or(listeners.first());
        let named = ours.filter(|listener| !listener.program.is_empty());
        Incoming {
            port: self.port,
            program: named.map(|listener| listener.path.as_deref().unwrap_or(&listener.program)),
            // Windows' own address stands in for ours: rules let in networks, and both are in the same.
            from: self.facts.network.own_address().or(self.host()),
            to: self.host(),
        }
    }

    /// Whether an interface of Windows leads to WSL.
    pub(super) fn is_wsl_adapter(&self, name: &str) -> bool {
        name.starts_with(WSL_ADAPTER) || self.adapters().iter().any(|adapter| adapter.name == name)
    }
}

fn port(facts: &Facts) -> u16 {
    match &facts.network.target {
        Some(Target::Auto { port } | Target::Localhost { port }) => *port,
        Some(Target::Named { .. }) => facts.network.best().map_or(OLLAMA_PORT, |tried| tried.address.port()),
        Some(Target::Demo) | None => OLLAMA_PORT,
    }
}

fn symptom(facts: &Facts) -> Symptom {
    let Some(Tried { answer, .. }) = facts.network.best() else { return Symptom::Untried };
    match answer {
        Ok(_) => Symptom::Answered,
        Err(Refusal::Dial(DialFault::Timeout)) => Symptom::Silence,
        Err(Refusal::Dial(DialFault::Refused)) => Symptom::Refused,
        Err(Refusal::Dial(DialFault::Unreachable | DialFault::Other(_))) => Symptom::Unreachable,
        Err(Refusal::Dial(DialFault::Reset) | Refusal::Reset | Refusal::Silent) => Symptom::Dropped,
        Err(Refusal::NotOllama(_)) => Symptom::Foreign,
        Err(Refusal::Loop) => Symptom::Loop,
    }
}

/// Why Windows does not matter, where connections go to somewhere else by the user's own wish.
fn elsewhere(facts: &Facts) -> Option<Words> {
    match &facts.network.target {
        Some(Target::Demo) => Some(words!(
            "connections go to the built-in demo, not to Windows",
            "les connexions vont à la démo intégrée, pas à Windows"
        )),
        Some(Target::Named { name }) if !is_windows(facts, name) => Some(words!(
            "connections go to {name}, which is not this Windows",
            "les connexions vont à {name}, qui n'est pas ce Windows"
        )),
        Some(Target::Named { .. } | Target::Auto { .. } | Target::Localhost { .. }) | None => None,
    }
}

/// Whether what the user named is this Windows: in the network that it shares with us, or by one of its names in WSL.
fn is_windows(facts: &Facts, name: &str) -> bool {
    let shared = facts.network.snapshot.known().map(|snapshot| snapshot.windows_side().collect::<Vec<_>>());
    let inside = |ip| shared.iter().flatten().any(|(_, address)| address.contains(ip) && address.ip != ip);
    let localhost = facts.system.need() == Some(Need::Nothing);
    let tried = facts.network.best().is_some_and(|tried| match tried.address.ip() {
        std::net::IpAddr::V4(ip) => inside(ip) || (ip.is_loopback() && localhost),
        std::net::IpAddr::V6(_) => false,
    });
    tried || name.starts_with("host.docker.internal")
}
