//! Which addresses could be Windows, best first. Pure: routes, addresses and texts in, candidates out. It refuses to know
//! whether anything answers there.

use std::fmt;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::{Address, Snapshot};

/// An address that could be Windows, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub ip: Ipv4Addr,
    pub how: How,
}

/// How an address was found; its text is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum How {
    DefaultGateway { link: String },
    Vpnkit,
    FirstHost { link: String },
    Nameserver,
    Registry,
    HostDockerInternal,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultGateway { link } => write!(f, "default gateway of {link} (WSL NAT)"),
            Self::Vpnkit => f.write_str("wsl-vpnkit's address of Windows"),
            Self::FirstHost { link } => write!(f, "first address of {link}'s network"),
            Self::Nameserver => f.write_str("nameserver of /etc/resolv.conf"),
            Self::Registry => f.write_str("NAT gateway in the Windows registry"),
            Self::HostDockerInternal => f.write_str("host.docker.internal"),
        }
    }
}

/// wsl-vpnkit's gateway inside WSL (wsl-vpnkit README), and the address that its gvproxy maps to Windows' own 127.0.0.1
/// (gvisor-tap-vsock, `cmd/gvproxy/config.go`).
const VPNKIT_GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 127, 1);
const VPNKIT_WINDOWS: Ipv4Addr = Ipv4Addr::new(192, 168, 127, 254);
const VPNKIT_LINK: &str = "wsltap";

/// The candidates that netlink and `resolv.conf` give at no cost, best first, each address once.
pub fn candidates(network: &Snapshot, resolv_conf: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    default_gateways(network, &mut found);
    vpnkit(network, &mut found);
    first_hosts(network, &mut found);
    nameservers(network, resolv_conf, &mut found);
    found
}

/// The default gateway of a Hyper-V card, when it lies in that card's own network. Where no card says that it is
/// Hyper-V's (a test bed, a future driver), `eth0` stands for it: the mode was already judged to be NAT.
fn default_gateways(network: &Snapshot, found: &mut Vec<Candidate>) {
    let mut routes: Vec<_> = network.defaults.iter().filter(|route| !route.link_down).collect();
    routes.sort_by_key(|route| (route.metric, route.link));
    for route in routes {
        let Some(gateway) = route.gateway else { continue };
        let inside = network.windows_side().any(|(_, address)| address.link == route.link && address.contains(gateway));
        if inside {
            let link = network.link_name(route.link);
            add(found, gateway, How::DefaultGateway { link });
        }
    }
}

fn vpnkit(network: &Snapshot, found: &mut Vec<Candidate>) {
    let runs = network
        .defaults
        .iter()
        .any(|route| route.gateway == Some(VPNKIT_GATEWAY) || network.link_name(route.link) == VPNKIT_LINK);
    if runs {
        add(found, VPNKIT_WINDOWS, How::Vpnkit);
    }
}

/// HNS gives the Windows side the first address of the network. The kernel must agree that it is reached directly
/// ([`Snapshot::on_link`]), or a VPN would carry the traffic elsewhere.
fn first_hosts(network: &Snapshot, found: &mut Vec<Candidate>) {
    for (link, address) in network.windows_side() {
        if let Some(first) = address.first_host()
            && network.on_link.contains(&first)
        {
            add(found, first, How::FirstHost { link: link.to_owned() });
        }
    }
}

/// With DNS tunneling off, WSL writes the gateway here; other nameservers are not Windows.
fn nameservers(network: &Snapshot, resolv_conf: &str, found: &mut Vec<Candidate>) {
    for line in resolv_conf.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let Some(ip) = words.next().and_then(|word| word.parse().ok()) else { continue };
        if network.windows_side().any(|(_, address)| address.contains(ip)) {
            add(found, ip, How::Nameserver);
        }
    }
}

fn add(found: &mut Vec<Candidate>, ip: Ipv4Addr, how: How) {
    if !found.iter().any(|candidate| candidate.ip == ip) {
        found.push(Candidate { ip, how });
    }
}

/// `NatGatewayIpAddress` in what `reg.exe query` printed: `    NatGatewayIpAddress    REG_SZ    172.24.0.1`.
/// Only the value's own name is matched: everything else on the page is localized.
pub fn registry_gateway(printed: &str) -> Option<Ipv4Addr> {
    printed.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("NatGatewayIpAddress")).then(|| words.last()?.parse().ok())?
    })
}

/// Where Windows' C: is mounted: `[automount] root` of `/etc/wsl.conf`, `/mnt/` when it says nothing
/// (Microsoft, "Advanced settings configuration in WSL").
pub fn automount_root(conf: &str) -> String {
    wsl_conf(conf, "automount", "root").unwrap_or("mnt").trim_matches('/').to_owned()
}

/// The value of a key in a section of `/etc/wsl.conf`, without its quotes. Names are read without regard to case.
pub fn wsl_conf<'a>(conf: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let mut inside = false;
    for line in conf.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.trim().eq_ignore_ascii_case(section);
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && name.trim().eq_ignore_ascii_case(key)
        {
            return Some(value.trim().trim_matches('"'));
        }
    }
    None
}

impl Address {
    /// Whether `ip` lies in this address's network.
    pub fn contains(&self, ip: Ipv4Addr) -> bool {
        (u32::from(ip) ^ u32::from(self.ip)) & self.mask() == 0
    }

    /// The address of the network itself.
    pub fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.ip) & self.mask())
    }

    /// The first address of the network that is not our own; none where a network has no room for one.
    pub fn first_host(&self) -> Option<Ipv4Addr> {
        let first = Ipv4Addr::from((u32::from(self.ip) & self.mask()).wrapping_add(1));
        (self.prefix <= 30 && first != self.ip).then_some(first)
    }

    fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{DefaultRoute, Link};

    /// A network in the words of `ip`: links `(index, name, hyperv)`, addresses `(index, "ip/prefix")`, default routes
    /// `(index, gateway, metric)`.
    fn network(links: &[(u32, &str, bool)], addresses: &[(u32, &str)], defaults: &[(u32, &str, u32)]) -> Snapshot {
        let link = |&(index, name, hyperv): &(u32, &str, bool)| Link { index, name: name.into(), hyperv, up: true };
        let address = |&(link, text): &(u32, &str)| {
            let (ip, prefix) = text.split_once('/').unwrap();
            Address { link, ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
        };
        let route = |&(link, gateway, metric): &(u32, &str, u32)| DefaultRoute {
            link,
            gateway: gateway.parse().ok(),
            metric,
            link_down: false,
        };
        let mut snapshot = Snapshot {
            links: links.iter().map(link).collect(),
            addresses: addresses.iter().map(address).collect(),
            defaults: defaults.iter().map(route).collect(),
            ..Snapshot::default()
        };
        snapshot.on_link = snapshot.addresses.iter().filter_map(Address::first_host).collect();
        snapshot
    }

    const NAT: &[(u32, &str, bool)] = &[(1, "lo", false), (2, "eth0", true)];

    #[track_caller]
    fn check(network: &Snapshot, resolv_conf: &str, expected: &[&str]) {
        let found: Vec<String> = candidates(network, resolv_conf).iter().map(|c| c.ip.to_string()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_gateway_of_the_hyperv_card_comes_first() {
        check(&network(NAT, &[(2, "172.24.3.7/20")], &[(2, "172.24.0.1", 0)]), "", &["172.24.0.1"]);
    }

    #[test]
    fn lowest_metric_wins() {
        let two = network(NAT, &[(2, "172.24.3.7/20")], &[(2, "172.24.0.9", 100), (2, "172.24.0.5", 50)]);
        check(&two, "", &["172.24.0.5", "172.24.0.9", "172.24.0.1"]);
    }

    #[test]
    fn a_gateway_outside_the_cards_own_network_is_not_windows() {
        check(&network(NAT, &[(2, "172.24.3.7/20")], &[(2, "10.0.0.1", 0)]), "", &["172.24.0.1"]);
    }

    #[test]
    fn a_gateway_on_a_link_without_carrier_is_skipped() {
        let mut down = network(NAT, &[(2, "172.24.3.7/20")], &[(2, "172.24.0.5", 0)]);
        down.defaults[0].link_down = true;
        check(&down, "", &["172.24.0.1"]);
    }

    #[test]
    fn under_a_vpn_the_first_address_of_eth0_stands_in() {
        let links = &[(2, "eth0", true), (3, "tun0", false)];
        let vpn = network(links, &[(2, "172.24.3.7/20"), (3, "10.8.0.6/24")], &[(3, "10.8.0.1", 0)]);
        check(&vpn, "", &["172.24.0.1"]);
    }

    #[test]
    fn a_first_address_that_the_kernel_would_send_elsewhere_is_not_used() {
        let links = &[(2, "eth0", true), (3, "tun0", false)];
        let mut vpn = network(links, &[(2, "172.24.3.7/20")], &[(3, "10.8.0.1", 0)]);
        vpn.on_link.clear();
        check(&vpn, "", &[]);
    }

    #[test]
    fn vpnkit_has_an_address_of_its_own_for_windows() {
        let links = &[(2, "eth0", true), (3, "wsltap", false)];
        let addresses = &[(2, "172.24.3.7/20"), (3, "192.168.127.2/24")];
        let defaults = &[(3, "192.168.127.1", 50), (2, "172.24.0.1", 100)];
        check(&network(links, addresses, defaults), "", &["172.24.0.1", "192.168.127.254"]);
    }

    #[test]
    fn a_nameserver_counts_only_inside_the_network() {
        let nat = network(NAT, &[(2, "172.24.3.7/20")], &[]);
        check(&nat, "nameserver 10.255.255.254\nnameserver 172.24.0.3\n", &["172.24.0.1", "172.24.0.3"]);
        check(&nat, "# nameserver 172.24.0.3\nsearch lan\nnameserver\n", &["172.24.0.1"]);
    }

    #[test]
    fn without_a_hyperv_mark_eth0_stands_for_the_card() {
        let plain = network(&[(2, "eth0", false)], &[(2, "172.24.3.7/20")], &[(2, "172.24.0.1", 0)]);
        check(&plain, "", &["172.24.0.1"]);
    }

    #[test]
    fn no_network_gives_no_candidate() {
        check(&Snapshot::default(), "nameserver 10.255.255.254", &[]);
    }

    #[test]
    fn the_registry_value_is_read_from_a_localized_page() {
        let page = "\r\nHKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows\\CurrentVersion\\Lxss\r\n    NatGatewayIpAddress    REG_SZ    172.30.96.1\r\n\r\n";
        assert_eq!(registry_gateway(page), Some(Ipv4Addr::new(172, 30, 96, 1)));
        assert_eq!(registry_gateway("ERREUR : clé introuvable"), None);
        assert_eq!(registry_gateway("    NatGatewayIpAddress    REG_SZ    "), None);
    }

    #[test]
    fn the_automount_root_is_read_from_its_own_section() {
        assert_eq!(automount_root(""), "mnt");
        assert_eq!(automount_root("[automount]\nroot = /win/\n"), "win");
        assert_eq!(automount_root("[boot]\nroot=/no\n[automount]\nenabled=true\n"), "mnt");
    }

    #[test]
    fn other_keys_of_wsl_conf_are_read_the_same_way() {
        let conf = "[boot]\nsystemd = true\n[Interop]\n# enabled=true\nEnabled = \"false\"\n";
        assert_eq!(wsl_conf(conf, "interop", "enabled"), Some("false"));
        assert_eq!(wsl_conf(conf, "boot", "systemd"), Some("true"));
        assert_eq!(wsl_conf(conf, "interop", "systemd"), None);
    }

    #[test]
    fn first_hosts_need_room() {
        let address = |ip: &str, prefix| Address { link: 1, ip: ip.parse().unwrap(), prefix };
        assert_eq!(address("172.24.3.7", 20).first_host(), Some(Ipv4Addr::new(172, 24, 0, 1)));
        assert_eq!(address("172.24.0.1", 20).first_host(), None);
        assert_eq!(address("10.255.255.254", 32).first_host(), None);
    }
}
