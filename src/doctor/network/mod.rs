//! The way to Windows: cards, routes, and who answers.

pub mod checks;
pub mod gather;
pub mod tried;

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;

use crate::doctor::Fact;
use crate::gateway::select::How;
use crate::gateway::{Refusal, Snapshot};

pub use crate::gateway::{Neighbour, NeighbourState};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Network {
    pub snapshot: Fact<Snapshot>,
    /// Where connections are to go, in the configuration or of a forward that runs.
    pub target: Option<Target>,
    /// Why the name of the upstream could not be resolved.
    pub unresolved: Option<String>,
    /// Every address that was tried, best first.
    pub tried: Vec<Tried>,
    /// Of the card that leads to Windows, in bytes.
    pub mtu: Fact<u32>,
    /// Whom the kernel has asked for on our links, after the addresses were tried.
    pub neighbours: Fact<Vec<Neighbour>>,
}

/// What the user wants to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Target {
    /// Windows, wherever it is, on this port.
    Auto {
        port: u16,
    },
    /// Localhost is Windows in this mode.
    Localhost {
        port: u16,
    },
    Named {
        name: String,
    },
    Demo,
}

/// One address, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    pub address: SocketAddr,
    pub how: TriedHow,
    /// Ollama's version, or why it was not Ollama.
    pub answer: Result<String, Refusal>,
    pub took_ms: u64,
}

/// Why an address was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum TriedHow {
    Candidate(How),
    /// Named by the user.
    Named,
    /// Localhost, in a mode in which it is Windows.
    Localhost,
}

impl Network {
    /// The address that answered as Ollama; the best of them.
    pub fn answered(&self) -> Option<&Tried> {
        self.tried.iter().find(|tried| tried.answer.is_ok())
    }

    /// The address that speaks for the others: the one that answered, or the best candidate.
    pub fn best(&self) -> Option<&Tried> {
        self.answered().or(self.tried.first())
    }

    /// What the kernel knows of an address on one of our links.
    pub fn neighbour(&self, ip: Ipv4Addr) -> Option<NeighbourState> {
        self.neighbours.known()?.iter().find(|neighbour| neighbour.ip == ip).map(|neighbour| neighbour.state)
    }

    /// The name of the card that leads to Windows.
    pub fn link(&self) -> Option<&str> {
        Some(self.snapshot.known()?.windows_side().next()?.0)
    }

    /// The network that WSL and Windows share, such as `172.24.0.0/20`: what a firewall rule has to let in.
    pub fn windows_prefix(&self) -> Option<String> {
        let snapshot = self.snapshot.known()?;
        let (_, address) = snapshot.windows_side().next()?;
        Some(format!("{}/{}", address.network(), address.prefix))
    }

    /// Our own address in that network.
    pub fn own_address(&self) -> Option<Ipv4Addr> {
        self.snapshot.known()?.own_address()
    }
}

#[cfg(test)]
pub(crate) fn healthy() -> Network {
    use crate::gateway::{Address, DefaultRoute, Link};
    let windows = Ipv4Addr::new(172, 24, 0, 1);
    let link = |index, name: &str, hyperv| Link { index, name: name.into(), hyperv, up: true };
    let snapshot = Snapshot {
        links: vec![link(1, "lo", false), link(2, "eth0", true)],
        addresses: vec![Address { link: 2, ip: Ipv4Addr::new(172, 24, 3, 7), prefix: 20 }],
        defaults: vec![DefaultRoute { link: 2, gateway: Some(windows), metric: 0, link_down: false }],
        on_link: vec![windows],
        localhost_leaves: false,
    };
    let how = TriedHow::Candidate(How::DefaultGateway { link: "eth0".into() });
    Network {
        snapshot: Fact::Known(snapshot),
        target: Some(Target::Auto { port: 11434 }),
        unresolved: None,
        tried: vec![Tried { address: (windows, 11434).into(), how, answer: Ok("0.33.0".into()), took_ms: 2 }],
        mtu: Fact::Known(1500),
        neighbours: Fact::Known(vec![Neighbour { ip: windows, link: 2, state: NeighbourState::There }]),
    }
}
