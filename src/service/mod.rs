//! What starts a forward with the system: a unit of systemd, a block of a shell's profile, a property list of macOS. Pure:
//! values in, texts out; `app::service` reads and writes.
//!
//! ```text
//! what was typed ─► Setup ─┬─► unit      ExecStart, notices, store of sockets, sandbox
//!                          ├─► profile   a block between marks, which goes as it came
//!                          └─► launchd   for those who run the bridge on macOS
//! `systemctl show` ─► state              whether it runs
//! /etc/wsl.conf ───► wsl_conf            whether systemd is switched on
//! ```

pub mod launchd;
pub mod profile;
pub mod quote;
pub mod state;
pub mod unit;
pub mod wsl_conf;

/// The unit, as systemd calls it.
pub const UNIT: &str = "ollama-forward.service";

/// What is to be started. Paths are full, and texts: a file that cannot name them cannot start them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    pub program: String,
    /// Of the run, as they were typed.
    pub options: Vec<String>,
    /// Directories in which it keeps something.
    pub writes: Vec<String>,
    /// The directory of sockets, where it is not the usual one: a shell's `status` looks there.
    pub runtime: Option<String>,
    /// It has a way to programs of Windows.
    pub is_wsl: bool,
    /// It may do only what it needs.
    pub sandbox: bool,
}

/// A setup for tests.
#[cfg(test)]
pub(crate) fn example() -> Setup {
    Setup {
        program: "/home/me/.local/bin/ollama-forward".into(),
        options: vec!["--translate".into()],
        writes: vec!["/home/me/.local/state/ollama-forward".into()],
        runtime: None,
        is_wsl: true,
        sandbox: true,
    }
}
