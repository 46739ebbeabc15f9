//! Which system is this, and how does its WSL reach Windows? The judgement is pure; [`SystemText::read`] gathers the
//! texts that it judges, below a root directory that tests can move.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Snapshot;
use super::select::automount_root;
use crate::program::{Ran, run_with_interop};

/// How this system is joined to Windows. Words are those of `wslinfo --networking-mode`, where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The default of WSL2: Windows is the default gateway.
    Nat,
    /// Localhost reaches Windows; the Windows addresses are copied to Linux.
    Mirrored,
    /// Localhost reaches Windows; called `virtioproxy` before WSL 2.9.0.
    Consomme,
    /// The kernel sends 127.0.0.1 to Windows, and `wslinfo` could not tell which mode does so.
    LocalhostShared,
    /// Consomme (or virtioproxy, or mirrored) without the way from localhost to Windows.
    LocalhostForwardingOff,
    Bridged,
    /// WSL without a network.
    None,
    Wsl1,
    /// A container, inside WSL or elsewhere.
    Container,
    /// A Linux that is not WSL.
    Linux,
    /// WSL2 in a mode that we do not know.
    Unknown(String),
}

/// What a mode means for a forwarder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Windows is behind an address that has to be found.
    Forward,
    /// `localhost` is Windows already.
    Nothing,
    /// Only the user knows where Ollama is.
    Named,
    /// Windows cannot be reached in this configuration.
    Impossible,
}

impl Mode {
    pub fn need(&self) -> Need {
        match self {
            Self::Nat => Need::Forward,
            Self::Mirrored | Self::Consomme | Self::LocalhostShared | Self::Wsl1 => Need::Nothing,
            Self::LocalhostForwardingOff => Need::Impossible,
            Self::Bridged | Self::None | Self::Container | Self::Linux | Self::Unknown(_) => Need::Named,
        }
    }

    /// The stable word for status and logs.
    pub fn word(&self) -> &str {
        match self {
            Self::Nat => "nat",
            Self::Mirrored => "mirrored",
            Self::Consomme => "consomme",
            Self::LocalhostShared => "localhost-shared",
            Self::LocalhostForwardingOff => "localhost-forwarding-off",
            Self::Bridged => "bridged",
            Self::None => "none",
            Self::Wsl1 => "wsl1",
            Self::Container => "container",
            Self::Linux => "linux",
            Self::Unknown(word) => word,
        }
    }
}

/// As its word.
impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// The texts that tell systems apart, as they were read.
#[derive(Clone, Debug, Default)]
pub struct SystemText {
    /// `/proc/sys/kernel/osrelease`
    pub osrelease: String,
    /// `/proc/cmdline`
    pub cmdline: String,
    /// `/run/WSL` exists: WSL's own init runs here.
    pub run_wsl: bool,
    /// `/.dockerenv` or `/run/.containerenv` exists.
    pub container_mark: bool,
    /// What `wslinfo --networking-mode -n` printed, when it ran.
    pub wslinfo: Option<String>,
}

impl SystemText {
    /// The kernel is the one that Windows starts for WSL, whatever runs on it. The word in the release is the test that
    /// WSL's own init uses; `WSL_ROOT_INIT=1` is on the command line of custom kernels too (WSL, `WslCoreVm.cpp`).
    pub fn is_wsl_kernel(&self) -> bool {
        self.osrelease.to_ascii_lowercase().contains("microsoft")
            || self.cmdline.split_ascii_whitespace().any(|word| word == "WSL_ROOT_INIT=1")
            || self.run_wsl
    }

    /// WSL1 writes `Microsoft`, WSL2 `microsoft` (WSL, `UtilIsUtilityVm`).
    fn is_wsl1(&self) -> bool {
        self.osrelease.contains("Microsoft")
    }

    /// Judges the mode from these texts and from what the kernel says of its network.
    pub fn mode(&self, network: &Snapshot) -> Mode {
        if !self.is_wsl_kernel() {
            return if self.container_mark { Mode::Container } else { Mode::Linux };
        }
        if self.is_wsl1() {
            return Mode::Wsl1;
        }
        if self.container_mark || !self.run_wsl {
            return Mode::Container;
        }
        let word = self.wslinfo.as_deref().map(|text| text.trim().to_ascii_lowercase());
        let word = word.as_deref().filter(|word| !word.is_empty());
        if network.localhost_leaves {
            return match word {
                Some("mirrored") => Mode::Mirrored,
                Some("consomme" | "virtioproxy") => Mode::Consomme,
                Some(_) | None => Mode::LocalhostShared,
            };
        }
        match word {
            Some("nat") => Mode::Nat,
            Some("mirrored" | "consomme" | "virtioproxy") => Mode::LocalhostForwardingOff,
            Some("bridged") => Mode::Bridged,
            Some("none") => Mode::None,
            Some("wsl1") => Mode::Wsl1,
            // wslinfo is missing, failed, or says a word from the future: a Hyper-V card with an address of its own is NAT.
            Some(_) | None if network.has_hyperv_address() => Mode::Nat,
            Some(word) => Mode::Unknown(word.to_owned()),
            None => Mode::Unknown("unknown".to_owned()),
        }
    }

    /// Reads the texts below `root` (`/` outside tests), but asks no program.
    pub fn read(root: &Path) -> Self {
        let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        let exists = |path: &str| root.join(path).exists();
        Self {
            osrelease: text("proc/sys/kernel/osrelease"),
            cmdline: text("proc/cmdline"),
            run_wsl: exists("run/WSL"),
            container_mark: exists(".dockerenv") || exists("run/.containerenv"),
            wslinfo: None,
        }
    }

    /// Asks `wslinfo` too. Only who has to find Windows needs its word, and it may hang.
    #[must_use]
    pub async fn with_wslinfo(mut self, root: &Path) -> Self {
        if self.is_wsl_kernel() {
            self.wslinfo = wslinfo(root, "--networking-mode").await;
        }
        self
    }
}

/// `wslinfo` asks a socket of WSL's init and answers in milliseconds, or not at all.
const WSLINFO_TIME: Duration = Duration::from_secs(1);

/// What `wslinfo` says to this question, when it says it in time.
pub async fn wslinfo(root: &Path, question: &str) -> Option<String> {
    let program = root.join("usr/bin/wslinfo");
    run_with_interop(&program, &[question, "-n"], root, WSLINFO_TIME).await.ok().and_then(Ran::told)
}

/// The directory in which WSL mounts the disks of Windows, each by its letter: `/mnt`, or what `/etc/wsl.conf` says.
pub fn windows_disks(root: &Path) -> PathBuf {
    let conf = std::fs::read_to_string(root.join("etc/wsl.conf")).unwrap_or_default();
    root.join(automount_root(&conf))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{Address, Link};

    fn wsl2(wslinfo: Option<&str>) -> SystemText {
        SystemText {
            osrelease: "6.6.87.2-microsoft-standard-WSL2".into(),
            run_wsl: true,
            wslinfo: wslinfo.map(Into::into),
            ..SystemText::default()
        }
    }

    fn hyperv() -> Snapshot {
        Snapshot {
            links: vec![Link { index: 2, name: "eth0".into(), hyperv: true, up: true }],
            addresses: vec![Address { link: 2, ip: [172, 24, 3, 7].into(), prefix: 20 }],
            ..Snapshot::default()
        }
    }

    fn shared() -> Snapshot {
        Snapshot { localhost_leaves: true, ..hyperv() }
    }

    #[track_caller]
    fn check(text: &SystemText, network: &Snapshot, mode: &Mode) {
        assert_eq!(&text.mode(network), mode);
    }

    #[test]
    fn the_word_of_wslinfo_decides() {
        check(&wsl2(Some("nat")), &Snapshot::default(), &Mode::Nat);
        check(&wsl2(Some("nat\n")), &hyperv(), &Mode::Nat);
        check(&wsl2(Some("bridged")), &hyperv(), &Mode::Bridged);
        check(&wsl2(Some("none")), &Snapshot::default(), &Mode::None);
    }

    #[test]
    fn the_kernels_route_of_localhost_outweighs_the_word() {
        check(&wsl2(Some("nat")), &shared(), &Mode::LocalhostShared);
        check(&wsl2(None), &shared(), &Mode::LocalhostShared);
    }

    #[test]
    fn both_names_of_consomme_are_known() {
        check(&wsl2(Some("consomme")), &shared(), &Mode::Consomme);
        check(&wsl2(Some("virtioproxy")), &shared(), &Mode::Consomme);
        check(&wsl2(Some("mirrored")), &shared(), &Mode::Mirrored);
    }

    #[test]
    fn a_shared_mode_whose_localhost_stays_inside_cannot_reach_windows() {
        check(&wsl2(Some("consomme")), &hyperv(), &Mode::LocalhostForwardingOff);
        check(&wsl2(Some("virtioproxy")), &hyperv(), &Mode::LocalhostForwardingOff);
        check(&wsl2(Some("mirrored")), &hyperv(), &Mode::LocalhostForwardingOff);
    }

    #[test]
    fn without_wslinfo_a_hyperv_card_means_nat() {
        check(&wsl2(None), &hyperv(), &Mode::Nat);
        check(&wsl2(Some("warp-drive")), &hyperv(), &Mode::Nat);
        check(&wsl2(Some("warp-drive")), &Snapshot::default(), &Mode::Unknown("warp-drive".into()));
    }

    #[test]
    fn wsl1_spells_microsoft_with_a_capital() {
        let text = SystemText { osrelease: "4.4.0-19041-Microsoft".into(), ..wsl2(None) };
        check(&text, &Snapshot::default(), &Mode::Wsl1);
    }

    #[test]
    fn a_custom_kernel_is_known_by_its_command_line() {
        let text = SystemText {
            osrelease: "6.12.0-custom".into(),
            cmdline: "initrd=x WSL_ROOT_INIT=1 panic=-1".into(),
            ..wsl2(Some("nat"))
        };
        check(&text, &hyperv(), &Mode::Nat);
    }

    #[test]
    fn a_container_on_the_kernel_of_wsl_is_a_container() {
        check(&SystemText { container_mark: true, ..wsl2(Some("nat")) }, &hyperv(), &Mode::Container);
        check(&SystemText { run_wsl: false, ..wsl2(None) }, &hyperv(), &Mode::Container);
    }

    #[test]
    fn another_linux_is_linux() {
        let text = SystemText { osrelease: "6.12.9-arch1-1".into(), ..SystemText::default() };
        check(&text, &hyperv(), &Mode::Linux);
        check(&SystemText { container_mark: true, ..text }, &hyperv(), &Mode::Container);
    }
}
