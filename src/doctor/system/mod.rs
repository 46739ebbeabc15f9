//! Which system this is, and what of it is set up.

pub mod checks;
pub mod gather;

use std::path::PathBuf;

use serde::Serialize;

use crate::doctor::Fact;
use crate::gateway::wsl::{Mode, Need};
use crate::words::Words;

#[derive(Clone, Debug, Default, Serialize)]
pub struct System {
    /// `/proc/sys/kernel/osrelease`
    pub kernel: Fact<String>,
    pub mode: Fact<Mode>,
    /// What `wslinfo --networking-mode` said.
    pub wslinfo: Fact<String>,
    /// What `wslinfo --wsl-version` said, such as `2.6.1`.
    pub wsl_version: Fact<String>,
    /// Whether Windows programs can be started.
    pub interop: Fact<Interop>,
    /// `[boot] systemd` is in force: process 1 is systemd.
    pub has_systemd: Fact<bool>,
    pub is_root: bool,
    /// By sudo, which has taken the environment away.
    pub by_sudo: bool,
    /// Why files of ours cannot be written, where they cannot.
    pub unwritable: Vec<Unwritable>,
    /// Our configuration, or what is wrong with it.
    pub config: Fact<ConfigState>,
}

/// What starts Windows programs (`wsl-networking` 2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Interop {
    Works,
    /// `[interop] enabled=false` in `/etc/wsl.conf`.
    SwitchedOff,
    /// The kernel does not know Windows programs (any more): systemd-binfmt has removed them.
    Unregistered,
    /// It is set up, but no program came back in time.
    Hangs,
    /// It is set up, but no program starts; in the system's words.
    Broken(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unwritable {
    pub path: PathBuf,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ConfigState {
    /// No file, or files that are well: their names.
    Valid(Vec<PathBuf>),
    /// What is wrong, with the name of the file or the option; and the file as it was most likely meant.
    Invalid { what: Words, mended: Option<(PathBuf, String)> },
}

impl System {
    /// What the mode means for a forwarder, where it is known.
    pub fn need(&self) -> Option<Need> {
        self.mode.known().map(Mode::need)
    }
}

#[cfg(test)]
pub(crate) fn healthy() -> System {
    System {
        kernel: Fact::Known("6.6.87.2-microsoft-standard-WSL2".into()),
        mode: Fact::Known(Mode::Nat),
        wslinfo: Fact::Known("nat".into()),
        wsl_version: Fact::Known("2.6.1".into()),
        interop: Fact::Known(Interop::Works),
        has_systemd: Fact::Known(true),
        is_root: false,
        by_sudo: false,
        unwritable: Vec::new(),
        config: Fact::Known(ConfigState::Valid(Vec::new())),
    }
}
