//! WSL and Windows, joined as WSL's networking modes join them.

use std::sync::Once;

use crate::forward::{Forward, SOON};
use crate::host::{Host, available};
use crate::support::client::{Answer, Client};
use crate::support::fake_ollama::{FakeOllama, Manner};
use crate::support::skip;
use crate::sysroot::{Mode, Sysroot};

/// Where Windows is, in NAT mode, until a test moves it.
pub(crate) const GATEWAY: &str = "172.24.0.1:11434";
/// Where the forwarder listens.
pub(crate) const LOCAL: &str = "127.0.0.1:11434";

/// Short enough for a test, and each one with its own length, so that a result tells which of them it was.
pub(crate) const QUICK: &[&str] =
    &["--connect-timeout", "500ms", "--wait-for-upstream", "2s", "--keepalive", "1/1/2", "--user-timeout", "3s"];

pub(crate) struct Lab {
    pub(crate) win: Host,
    pub(crate) wsl: Host,
    pub(crate) sysroot: Sysroot,
}

impl Lab {
    /// eth0 on the Hyper-V switch, Windows is the default gateway. `None` when this machine cannot: it has been said.
    #[track_caller]
    pub(crate) fn nat() -> Option<Self> {
        let lab = Self::bare(Mode::Nat)?;
        lab.win.ip_batch("link set lo up\nlink set vEth up\n");
        lab.wsl.ip_batch(
            "link set lo up\nlink set eth0 address 00:15:5d:4a:1c:07\nlink set eth0 up\n\
             addr add 172.24.3.7/20 brd + dev eth0\naddr add 10.255.255.254/32 dev lo\n",
        );
        lab.win.ip("addr add 172.24.0.1/20 dev vEth");
        lab.wsl.ip("route add default via 172.24.0.1 dev eth0 proto kernel");
        Some(lab)
    }

    /// eth0 carries Windows' own LAN address and the gateway is the LAN's router: mirrored, consomme, bridged, plain Linux.
    #[track_caller]
    pub(crate) fn lan(mode: Mode) -> Option<Self> {
        let lab = Self::bare(mode)?;
        lab.win.ip_batch("link set lo up\nlink set vEth up\naddr add 192.168.1.1/24 dev vEth\n");
        lab.wsl.ip_batch(
            "link set lo up\nlink set eth0 address 00:00:00:00:01:00\nlink set eth0 up\n\
             addr add 192.168.1.50/24 brd + dev eth0 noprefixroute\n\
             route add 192.168.1.0/24 dev eth0 src 192.168.1.50 metric 281\n\
             route add default via 192.168.1.1 dev eth0 metric 25\n",
        );
        Some(lab)
    }

    #[track_caller]
    fn bare(mode: Mode) -> Option<Self> {
        if let Err(reason) = available() {
            say_skipped(&reason);
            return None;
        }
        let (win, wsl) = (Host::new("win").unwrap(), Host::new("wsl").unwrap());
        win.ip(&format!("link add vEth type veth peer name eth0 netns {}", wsl.netns()));
        Some(Self { win, wsl, sysroot: Sysroot::new(mode) })
    }

    /// The forwarder, in WSL.
    pub(crate) fn forward(&self, args: &[&str]) -> Forward {
        Forward::start(&self.wsl, &self.sysroot, args)
    }

    /// One request through the forwarder.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        let mut client = self.wsl.connect(LOCAL);
        client.get(path);
        client.answer(SOON)
    }

    /// A stream through the forwarder, already running.
    #[track_caller]
    pub(crate) fn stream(&self) -> Client {
        let mut client = self.wsl.connect(LOCAL);
        client.get("/stream");
        client.line("\"n\":1", SOON).unwrap();
        client
    }

    /// Ollama on every address of Windows.
    pub(crate) fn ollama(&self) -> FakeOllama {
        self.win.serve("0.0.0.0:11434", Manner::Ollama)
    }

    /// Every packet to or from Ollama's port is lost on Windows, also those of running connections.
    pub(crate) fn lose_everything(&self) {
        self.win.nft(
            "table ip fw {
               chain in  { type filter hook input priority 0; tcp dport 11434 drop; }
               chain out { type filter hook output priority 0; tcp sport 11434 drop; }
             }",
        );
    }

    /// The stealth mode of Windows' firewall: closed ports are silent.
    pub(crate) fn silence_resets(&self) {
        self.win.nft(
            "table ip fw {
               chain out { type filter hook output priority 0; tcp flags & rst == rst drop; }
             }",
        );
    }

    pub(crate) fn firewall_off(&self) {
        self.win.nft("delete table ip fw");
    }

    /// Windows has left the address, and WSL has forgotten where it was.
    pub(crate) fn lose_the_host(&self) {
        // Three questions a second apart are the default: a test need not wait so long.
        self.wsl.sysctl("net.ipv4.neigh.eth0.retrans_time_ms", "100");
        self.win.ip("addr del 172.24.0.1/20 dev vEth");
        self.wsl.ip("neigh flush all");
    }

    /// The default routes of WSL, as `ip` writes them.
    pub(crate) fn defaults(&self) -> Vec<String> {
        self.wsl.ip_says("-4 route show default").lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Both ends get addresses of another network.
    pub(crate) fn new_subnet(&self) {
        self.win.ip_batch("addr flush dev vEth\naddr add 172.30.96.1/20 dev vEth\n");
        self.wsl.ip_batch(
            "addr del 172.24.3.7/20 dev eth0\naddr add 172.30.98.229/20 brd + dev eth0\nroute add default via 172.30.96.1 dev eth0\n",
        );
    }

    /// Windows gets one more address in the same network, and WSL's default route leads there.
    pub(crate) fn add_gateway(&self, to: &str) {
        self.win.ip(&format!("addr add {to}/20 dev vEth"));
        self.wsl.ip(&format!("route replace default via {to} dev eth0 proto kernel"));
    }

    /// Windows has another address in the same network, and WSL's default route leads there.
    pub(crate) fn move_gateway(&self, to: &str) {
        self.win.ip_batch(&format!("addr flush dev vEth\naddr add {to}/20 dev vEth\n"));
        self.wsl.ip(&format!("route replace default via {to} dev eth0 proto kernel"));
    }
}

/// For people once, and for `scripts/test` once a test.
#[track_caller]
fn say_skipped(reason: &str) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| skip::say(&format!("SKIPPED netns: {reason}")));
    skip::say_skipped("netns", reason);
}
