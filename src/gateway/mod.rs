//! Where is Windows? One value, watched.
//!
//! ```text
//! netlink notice -> settle -> dump -> compare -> Snapshot -> candidates -> who answers as Ollama -> Whereabouts
//! ```
//! State is never patched from single messages: every notice leads to a whole new [`Snapshot`], because the kernel does
//! not announce everything (a route that vanishes with its address, for one). An address is published only after it
//! answered `GET /api/version` as Ollama.

mod find;
mod follow;
pub mod identify;
mod netlink;
pub mod select;
pub mod settle;
pub mod wsl;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde::Serialize;

pub use find::{Finder, GatewayWatch, Surroundings, Whereabouts, late_candidates};
pub use follow::{Follower, SnapshotWatch};
pub use identify::{Identity, ProbeMark, Refusal};
pub use netlink::NetlinkError;

/// Ollama on Windows, as it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    pub address: SocketAddr,
    pub how: select::How,
    /// What `/api/version` said.
    pub version: String,
}

/// The part of the kernel's network state that decides where Windows is. Two equal snapshots need no new search.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    pub links: Vec<Link>,
    /// IPv4 only: WSL's NAT knows nothing else, and Ollama on 0.0.0.0 is IPv4 too.
    pub addresses: Vec<Address>,
    /// The unicast default routes of the main table.
    pub defaults: Vec<DefaultRoute>,
    /// First addresses of our networks that the kernel reaches directly, by the card they belong to.
    pub on_link: Vec<Ipv4Addr>,
    /// The kernel sends TCP to 127.0.0.1 out through `loopback0`: localhost is Windows (mirrored, consomme).
    pub localhost_leaves: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    pub index: u32,
    pub name: String,
    /// A card of the Hyper-V switch.
    pub hyperv: bool,
    /// Administratively up and with a carrier.
    pub up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    /// Index of the link it is on.
    pub link: u32,
    pub ip: Ipv4Addr,
    /// Length of the network's prefix in bits.
    pub prefix: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DefaultRoute {
    pub link: u32,
    pub gateway: Option<Ipv4Addr>,
    pub metric: u32,
    /// The kernel would not use it: its link has no carrier.
    pub link_down: bool,
}

/// Somebody on one of our links, as the kernel's table of neighbours (ARP) has him.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    pub ip: Ipv4Addr,
    /// Index of the link.
    pub link: u32,
    pub state: NeighbourState,
}

/// `NUD_*` of linux/neighbour.h, as far as they tell whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NeighbourState {
    /// He has answered: REACHABLE, STALE, DELAY, PROBE, PERMANENT, NOARP.
    There,
    /// Nobody says that this address is his: INCOMPLETE, FAILED.
    Gone,
}

/// One look at the kernel's network state; `root` is `/` outside tests.
pub async fn look(root: &Path) -> Result<Snapshot, NetlinkError> {
    netlink::Netlink::open(root)?.snapshot().await
}

/// Everybody whom the kernel has asked for on our links.
pub async fn neighbours(root: &Path) -> Result<Vec<Neighbour>, NetlinkError> {
    netlink::Netlink::open(root)?.neighbours().await
}

/// The largest packet of a link, in bytes.
pub async fn mtu(root: &Path, link: u32) -> Result<Option<u32>, NetlinkError> {
    netlink::Netlink::open(root)?.mtu(link).await
}

impl Snapshot {
    /// The networks that lead to Windows: those of Hyper-V cards, or of `eth0` where no card says that it is one.
    pub fn windows_side(&self) -> impl Iterator<Item = (&str, &Address)> {
        let any_hyperv = self.links.iter().any(|link| link.hyperv);
        self.addresses.iter().filter_map(move |address| {
            let link = self.links.iter().find(|link| link.index == address.link)?;
            let ours = if any_hyperv { link.hyperv } else { link.name == "eth0" };
            ours.then_some((link.name.as_str(), address))
        })
    }

    /// Our own address in the network that we share with Windows.
    pub fn own_address(&self) -> Option<Ipv4Addr> {
        Some(self.windows_side().next()?.1.ip)
    }

    fn has_hyperv_address(&self) -> bool {
        self.addresses.iter().any(|address| self.links.iter().any(|link| link.hyperv && link.index == address.link))
    }

    pub fn link_name(&self, index: u32) -> String {
        let found = self.links.iter().find(|link| link.index == index);
        found.map_or_else(|| format!("link {index}"), |link| link.name.clone())
    }

    /// Whether a connection from this local address can still receive anything.
    pub fn has_address(&self, ip: Ipv4Addr) -> bool {
        ip.is_loopback() || self.addresses.iter().any(|address| address.ip == ip)
    }
}
