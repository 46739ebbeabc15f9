//! The way to Windows: cards, routes, and who answers.

pub mod checks;
pub mod gather;

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;

use crate::doctor::Fact;
use crate::gateway::select::How;
use crate::gateway::{Refusal, Snapshot};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Network {
    pub snapshot: Fact<Snapshot>,
    /// Where connections are to go, in the configuration or of a forward that runs.
    pub target: Option<Target>,
    /// Every address that was tried, best first.
    pub tried: Vec<Tried>,
    /// Of the card that leads to Windows, in bytes.
    pub mtu: Fact<u32>,
    /// What the kernel knows of each candidate on its own link.
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
    /// A forward of ours says that it goes there.
    Forward,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    pub ip: Ipv4Addr,
    pub state: NeighbourState,
}

/// `NUD_*` of linux/neighbour.h, as far as they tell something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NeighbourState {
    /// It has answered: REACHABLE, STALE, DELAY, PROBE, PERMANENT, NOARP.
    There,
    /// Nobody says that this address is his: FAILED, INCOMPLETE.
    Gone,
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

    /// The network that WSL and Windows share, such as `172.24.0.0/20`: what a firewall rule has to let in.
    pub fn windows_prefix(&self) -> Option<String> {
        let snapshot = self.snapshot.known()?;
        let (_, address) = snapshot.windows_side().next()?;
        Some(format!("{}/{}", address.network(), address.prefix))
    }

    /// Our own address in that network.
    pub fn own_address(&self) -> Option<Ipv4Addr> {
        Some(self.snapshot.known()?.windows_side().next()?.1.ip)
    }
}
