//! The service: a systemd user unit, and what keeps it, or WSL itself, from staying.

pub mod checks;
pub mod gather;
mod unit;

use std::path::PathBuf;

use serde::Serialize;

use crate::doctor::Fact;

pub use unit::vm_idle_timeout;

pub use crate::service::UNIT;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Service {
    /// The file of the unit. `Known(None)`: there is none.
    pub unit: Fact<Option<PathBuf>>,
    /// The program that its `ExecStart` names. `Known(None)`: it names none.
    pub program: Fact<Option<Program>>,
    /// What `systemctl --user is-enabled` says.
    pub enabled: Fact<String>,
    /// What `systemctl --user is-active` says.
    pub active: Fact<String>,
    /// Whether the user's own systemd can be reached.
    pub user_bus: Fact<bool>,
    /// Whether it starts without a login (`loginctl enable-linger`).
    pub linger: Fact<bool>,
    /// The user whose service it is.
    pub user: Option<String>,
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
    /// It is an old script that forwards by itself: the program that it hides, which is this one.
    pub hides: Option<PathBuf>,
}

/// What a unit starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    pub path: PathBuf,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum State {
    Missing,
    NotExecutable,
    /// It can be started. None: it is not one of ours, or did not answer.
    Runs(Option<String>),
}

/// The service of a machine on which all is well.
#[cfg(test)]
pub(crate) fn healthy() -> Service {
    let version = env!("CARGO_PKG_VERSION");
    let path = PathBuf::from("/home/me/.local/bin/ollama-forward");
    Service {
        unit: Fact::Known(Some("/home/me/.config/systemd/user/ollama-forward.service".into())),
        program: Fact::Known(Some(Program { path: path.clone(), state: State::Runs(Some(version.into())) })),
        enabled: Fact::Known("enabled".into()),
        active: Fact::Known("active".into()),
        user_bus: Fact::Known(true),
        linger: Fact::Known(true),
        user: Some("me".into()),
        vm_idle_timeout: Fact::Known(Some(-1)),
        installed: Fact::Known(Some(Installed { path, version: Some(version.into()), hides: None })),
        own_version: version.into(),
    }
}
