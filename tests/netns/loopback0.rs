//! The part of mirrored and consomme mode by which 127.0.0.1 in WSL is Windows: a second link, and rules that send TCP
//! there before the local table is asked. Windows does the same with its answers.

use crate::lab::Lab;

const WSL_MAC: &str = "00:15:5d:00:00:01";
const WIN_MAC: &str = "00:11:22:33:44:55";

impl Lab {
    /// As WSL ≥ 2.9 sets it up. The addresses of the rules' preferences are WSL's own.
    pub(crate) fn add_loopback0(&self) {
        self.win.ip(&format!("link add hostlo type veth peer name loopback0 netns {}", self.wsl.netns()));
        for (host, link) in [(&self.win, "hostlo"), (&self.wsl, "loopback0")] {
            for conf in ["all", link] {
                host.sysctl(&format!("net.ipv4.conf.{conf}.accept_local"), "1");
                host.sysctl(&format!("net.ipv4.conf.{conf}.route_localnet"), "1");
                host.sysctl(&format!("net.ipv4.conf.{conf}.rp_filter"), "0");
            }
        }
        self.win.ip_batch(&half("hostlo", WIN_MAC, "169.254.73.249", "169.254.73.250", WSL_MAC, "sport 11434"));
        self.wsl.ip_batch(&half("loopback0", WSL_MAC, "169.254.73.250", "169.254.73.249", WIN_MAC, ""));
    }
}

/// One side of it; `which` narrows the TCP that crosses.
fn half(link: &str, mac: &str, own: &str, other: &str, other_mac: &str, which: &str) -> String {
    format!(
        "link set {link} address {mac}
         link set {link} up
         addr add {own}/28 dev {link}
         neigh add {other} lladdr {other_mac} dev {link} nud permanent
         route add 127.0.0.1 via {other} dev {link} src 127.0.0.1 onlink table 127
         rule add pref 2 lookup local
         rule del pref 0 lookup local
         rule add pref 0 iif {link} ipproto tcp lookup local
         rule add pref 1 ipproto tcp {which} lookup 127
        "
    )
}
