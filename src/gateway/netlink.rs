//! All rtnetlink is here: one connection for dumps, another for notices, as an overrun of the notices must not cost the
//! answer to a dump. Its types stop at this module's border.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use futures_util::stream::{StreamExt, TryStreamExt};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState as Nud};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteType};
use rtnetlink::{MulticastGroup, RouteMessageBuilder};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Address, DefaultRoute, Link, Neighbour, NeighbourState, Snapshot};

#[derive(Debug, Error)]
pub enum NetlinkError {
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    #[error("cannot read {0} from netlink")]
    Dump(&'static str, #[source] rtnetlink::Error),
}

/// The routing table that `ip route` shows (`RT_TABLE_MAIN`, linux/rtnetlink.h).
const MAIN_TABLE: u32 = 254;
/// The device over which mirrored and consomme mode send localhost to Windows (WSL, `GnsEngine.cpp`).
const LOOPBACK_TO_WINDOWS: &str = "loopback0";
/// The first three bytes of every MAC address that Hyper-V gives out (Microsoft's organisation number).
const HYPERV_MAC: [u8; 3] = [0x00, 0x15, 0x5d];
const IPPROTO_TCP: u8 = 6;
/// Ollama's port; policy rules may look at it.
const OLLAMA_PORT: u16 = 11434;

/// The connection for questions.
pub(super) struct Netlink {
    handle: rtnetlink::Handle,
    /// Drives the socket; ends with this value.
    _driver: JoinSet<()>,
    /// Where `sys/class/net` is.
    root: PathBuf,
}

impl Netlink {
    pub(super) fn open(root: &Path) -> Result<Self, NetlinkError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(NetlinkError::Open)?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Ok(Self { handle, _driver: driver, root: root.to_owned() })
    }

    /// Reads the whole state anew.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, NetlinkError> {
        let mut snapshot = Snapshot {
            links: self.links().await?,
            addresses: self.addresses().await?,
            defaults: self.defaults().await?,
            ..Snapshot::default()
        };
        let firsts: Vec<_> = snapshot.windows_side().filter_map(|(_, a)| Some((a.link, a.first_host()?))).collect();
        for (link, first) in firsts {
            if let Some(way) = self.way_to(first).await
                && way.link == Some(link)
                && way.gateway.is_none()
            {
                snapshot.on_link.push(first);
            }
        }
        snapshot.localhost_leaves = match self.way_to(Ipv4Addr::LOCALHOST).await.and_then(|way| way.link) {
            Some(link) => snapshot.link_name(link) == LOOPBACK_TO_WINDOWS,
            None => false,
        };
        Ok(snapshot)
    }

    async fn links(&self) -> Result<Vec<Link>, NetlinkError> {
        let error = |source| NetlinkError::Dump("links", source);
        let messages: Vec<_> = self.handle.link().get().execute().try_collect().await.map_err(error)?;
        let mut links: Vec<_> = messages.iter().map(|message| link(message, &self.root)).collect();
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    async fn addresses(&self) -> Result<Vec<Address>, NetlinkError> {
        let error = |source| NetlinkError::Dump("addresses", source);
        let messages: Vec<_> = self.handle.address().get().execute().try_collect().await.map_err(error)?;
        let mut addresses: Vec<_> = messages
            .iter()
            .filter(|message| message.header.family == AddressFamily::Inet)
            .filter_map(|message| {
                // IFA_LOCAL is our own end; IFA_ADDRESS is the other one on point-to-point links.
                let ip = message.attributes.iter().find_map(|attribute| {
                    if let AddressAttribute::Local(std::net::IpAddr::V4(ip)) = attribute { Some(*ip) } else { None }
                })?;
                Some(Address { link: message.header.index, ip, prefix: message.header.prefix_len })
            })
            .collect();
        addresses.sort_by_key(|address| (address.link, address.ip));
        Ok(addresses)
    }

    async fn defaults(&self) -> Result<Vec<DefaultRoute>, NetlinkError> {
        let error = |source| NetlinkError::Dump("routes", source);
        let request = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let messages: Vec<_> = self.handle.route().get(request).execute().try_collect().await.map_err(error)?;
        let mut routes: Vec<_> = messages.iter().filter_map(default_route).collect();
        routes.sort_by_key(|route| (route.metric, route.link));
        Ok(routes)
    }

    /// Who was asked for on our own links, and whether he answered.
    pub(super) async fn neighbours(&self) -> Result<Vec<Neighbour>, NetlinkError> {
        let error = |source| NetlinkError::Dump("neighbours", source);
        let messages: Vec<_> = self.handle.neighbours().get().execute().try_collect().await.map_err(error)?;
        Ok(messages.iter().filter_map(neighbour).collect())
    }

    /// The largest packet of a link, in bytes.
    pub(super) async fn mtu(&self, link: u32) -> Result<Option<u32>, NetlinkError> {
        let error = |source| NetlinkError::Dump("links", source);
        let message = self.handle.link().get().match_index(link).execute().try_next().await.map_err(error)?;
        Ok(message.and_then(|message| {
            let mtu =
                |attribute: &LinkAttribute| if let LinkAttribute::Mtu(mtu) = attribute { Some(*mtu) } else { None };
            message.attributes.iter().find_map(mtu)
        }))
    }

    /// What `ip route get DESTINATION ipproto tcp dport 11434` says; policy rules included.
    async fn way_to(&self, destination: Ipv4Addr) -> Option<Way> {
        let mut request = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(destination, 32)
            .ip_protocol(IPPROTO_TCP)
            .dport(OLLAMA_PORT)
            .build();
        request.header.flags |= RouteFlags::LookupTable;
        // An error is an answer too: there is no way.
        let answer = self.handle.route().get(request).execute().try_next().await.ok()??;
        Some(Way { link: oif(&answer), gateway: gateway(&answer) })
    }
}

struct Way {
    link: Option<u32>,
    gateway: Option<Ipv4Addr>,
}

fn link(message: &LinkMessage, root: &Path) -> Link {
    let mut name = String::new();
    let mut hyperv = false;
    for attribute in &message.attributes {
        if let LinkAttribute::IfName(text) = attribute {
            name.clone_from(text);
        }
        if let LinkAttribute::Address(mac) = attribute {
            hyperv = mac.starts_with(&HYPERV_MAC);
        }
    }
    // `loopback0` carries a Hyper-V address too, but leads to Windows' localhost, not to a network.
    let hyperv = name != LOOPBACK_TO_WINDOWS && (hyperv || is_vmbus_device(root, &name));
    let flags = message.header.flags;
    let up = flags.contains(LinkFlags::Up) && flags.contains(LinkFlags::LowerUp);
    Link { index: message.header.index, name, hyperv, up }
}

fn neighbour(message: &NeighbourMessage) -> Option<Neighbour> {
    let ip = message.attributes.iter().find_map(|attribute| {
        if let NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) = attribute { Some(*ip) } else { None }
    })?;
    // Of broadcasts and groups the kernel keeps entries that nobody has answered for.
    if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() {
        return None;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "a state from the future tells us nothing")]
    let state = match message.header.state {
        Nud::Reachable | Nud::Stale | Nud::Delay | Nud::Probe | Nud::Permanent | Nud::Noarp => NeighbourState::There,
        Nud::Incomplete | Nud::Failed => NeighbourState::Gone,
        _ => return None,
    };
    Some(Neighbour { ip, link: message.header.ifindex, state })
}

/// A card of the Hyper-V switch hangs on the VM bus (WSL, `GnsEngine.cpp`, finds its cards the same way).
fn is_vmbus_device(root: &Path, name: &str) -> bool {
    let device = root.join("sys/class/net").join(name).join("device");
    std::fs::canonicalize(device).is_ok_and(|path| path.to_string_lossy().to_ascii_lowercase().contains("vmbus"))
}

fn default_route(message: &RouteMessage) -> Option<DefaultRoute> {
    let wanted = message.header.address_family == AddressFamily::Inet
        && message.header.destination_prefix_length == 0
        && message.header.kind == RouteType::Unicast
        && table(message) == MAIN_TABLE;
    if !wanted {
        return None;
    }
    let metric = message
        .attributes
        .iter()
        .find_map(|attribute| if let RouteAttribute::Priority(metric) = attribute { Some(*metric) } else { None });
    Some(DefaultRoute {
        link: oif(message)?,
        gateway: gateway(message),
        metric: metric.unwrap_or(0),
        link_down: message.header.flags.intersects(RouteFlags::Linkdown | RouteFlags::Dead),
    })
}

/// Tables above 255 do not fit the header and come as an attribute.
fn table(message: &RouteMessage) -> u32 {
    let attribute = message
        .attributes
        .iter()
        .find_map(|attribute| if let RouteAttribute::Table(table) = attribute { Some(*table) } else { None });
    attribute.unwrap_or_else(|| u32::from(message.header.table))
}

fn oif(message: &RouteMessage) -> Option<u32> {
    message
        .attributes
        .iter()
        .find_map(|attribute| if let RouteAttribute::Oif(index) = attribute { Some(*index) } else { None })
}

fn gateway(message: &RouteMessage) -> Option<Ipv4Addr> {
    message.attributes.iter().find_map(|attribute| {
        if let RouteAttribute::Gateway(RouteAddress::Inet(ip)) = attribute { Some(*ip) } else { None }
    })
}

/// The connection on which the kernel tells that something changed.
pub(super) struct Notices {
    /// Each arrival is told here; the contents do not matter.
    arrived: mpsc::Receiver<()>,
    _driver: JoinSet<()>,
}

impl Notices {
    /// Subscribes. No privilege is needed.
    pub(super) fn open() -> Result<Self, NetlinkError> {
        let groups =
            [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv4Route, MulticastGroup::Ipv4Rule];
        let (connection, _, mut messages) = rtnetlink::new_multicast_connection(&groups).map_err(NetlinkError::Open)?;
        let (notice, arrived) = mpsc::channel(1);
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        driver.spawn(async move {
            // Overruns come as messages too: each means "read anew". One notice that waits is as good as a thousand, so a
            // full channel loses nothing; a closed one ends this task.
            while messages.next().await.is_some() {
                if let Err(mpsc::error::TrySendError::Closed(())) = notice.try_send(()) {
                    return;
                }
            }
        });
        Ok(Self { arrived, _driver: driver })
    }

    /// Waits for the next notice. `None`: the connection ended and must be opened again.
    pub(super) async fn next(&mut self) -> Option<()> {
        self.arrived.recv().await
    }
}
