//! The service: a systemd user unit, and what keeps it, or WSL itself, from staying.

pub mod checks;
pub mod gather;

use std::path::PathBuf;

use serde::Serialize;

use crate::doctor::Fact;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Service {
    /// The file of the unit. `Known(None)`: there is none.
    pub unit: Fact<Option<PathBuf>>,
    /// The program that its `ExecStart` names.
    pub program: Option<PathBuf>,
    /// What `systemctl --user is-enabled` says.
    pub enabled: Fact<String>,
    /// What `systemctl --user is-active` says.
    pub active: Fact<String>,
    /// Whether the user's own systemd can be reached.
    pub user_bus: Fact<bool>,
    /// Whether it starts without a login (`loginctl enable-linger`).
    pub linger: Fact<bool>,
    /// `vmIdleTimeout` in `.wslconfig`, in milliseconds; None: its default, 60 000.
    pub vm_idle_timeout: Fact<Option<i64>>,
    /// The `ollama-forward` that a shell would start, and its version.
    pub installed: Fact<Option<Installed>>,
    /// The version that runs now: ours.
    pub own_version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Installed {
    pub path: PathBuf,
    /// None: it is not one of ours, or did not answer.
    pub version: Option<String>,
}
