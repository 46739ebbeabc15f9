//! Windows as seen from WSL: one PowerShell that reads and changes nothing. Where it cannot run, a few cheap programs.
//!
//! ```text
//! gather ──► PowerShell: script ──► parse ──┬──► Windows ──► checks
//!       └──► cheap: netstat, reg, … ──► tables ─────┘
//! ```

mod cheap;
pub mod checks;
pub mod gather;
mod parse;
mod rule;
mod script;
mod tables;

use std::net::Ipv4Addr;

use serde::Serialize;

pub use rule::{Binding, Rule};

use crate::doctor::Fact;
use crate::words::Words;

/// What Windows told. Each part is a fact of its own: a command that fails takes only its own part away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Windows {
    /// What told it.
    pub source: Source,
    /// Who listens on Ollama's port, on its usual one, and on the one that `OLLAMA_HOST` names.
    pub listeners: Fact<Vec<Listener>>,
    /// Processes whose name begins with `ollama`.
    pub ollama_processes: Fact<Vec<Process>>,
    /// Whether Ollama is installed for this user.
    pub ollama_installed: Fact<bool>,
    /// Whether Ollama answers on Windows' own 127.0.0.1.
    pub answers_locally: Fact<bool>,
    /// `OLLAMA_*` variables of the user and of the machine; none that may hold a secret.
    pub variables: Fact<Vec<Variable>>,
    /// Adapters that lead to WSL.
    pub adapters: Fact<Vec<Adapter>>,
    pub firewall: Fact<Vec<Profile>>,
    /// Firewall rules that are in force, for incoming TCP, and for no program but those that may be Ollama.
    pub rules: Fact<Vec<Rule>>,
    pub portproxy: Fact<Vec<PortProxy>>,
    /// Ranges of TCP ports that Windows keeps for itself, first and last.
    pub excluded: Fact<Vec<(u16, u16)>>,
    /// The interface by which Windows would send to our own address.
    pub route_to_us: Fact<String>,
    /// `LoopbackEnabled` of the Hyper-V firewall for WSL.
    pub hyperv_loopback: Fact<bool>,
    /// The text of `%UserProfile%\.wslconfig`; empty where there is none.
    pub wslconfig: Fact<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Source {
    #[default]
    PowerShell,
    /// `netstat.exe`, `reg.exe`, `tasklist.exe`, `netsh.exe`: PowerShell did not answer.
    CheapTools,
    /// PowerShell told a part, the cheap tools told some of the rest.
    Both,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// As Windows writes it: `127.0.0.1`, `0.0.0.0`, `::`, `::1`.
    pub address: String,
    pub port: u16,
    pub pid: u32,
    /// Name of the program without `.exe`; empty where Windows did not tell.
    pub program: String,
    /// None where Windows did not tell: services, other users.
    pub path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Process {
    pub pid: u32,
    /// Without `.exe`.
    pub name: String,
    pub path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    pub name: String,
    pub value: String,
    /// Of the machine, not of the user.
    pub of_machine: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adapter {
    pub name: String,
    pub address: Ipv4Addr,
    pub prefix: u8,
}

/// A profile of the Windows firewall, as the active store has it.
#[expect(clippy::struct_excessive_bools, reason = "Windows has them as switches of their own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// `Domain`, `Private`, `Public`
    pub name: String,
    pub enabled: bool,
    /// Whether what no rule allows is blocked (the default).
    pub blocks_inbound: bool,
    /// Rules that allow do not count: "Block all incoming connections, including those in the list of allowed apps".
    pub shields_up: bool,
    /// False: company policy, rules of this machine do not count.
    pub allows_local_rules: bool,
    /// Interfaces that this profile does not filter.
    pub exempt: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortProxy {
    /// `*` for any.
    pub listen_address: String,
    pub listen_port: u16,
    pub connect_address: String,
    pub connect_port: u16,
}

impl Windows {
    /// What is not known here and is known there.
    #[must_use]
    fn filled_by(mut self, other: Self) -> Self {
        let mut filled = false;
        fill(&mut self.listeners, other.listeners, &mut filled);
        fill(&mut self.ollama_processes, other.ollama_processes, &mut filled);
        fill(&mut self.variables, other.variables, &mut filled);
        fill(&mut self.rules, other.rules, &mut filled);
        fill(&mut self.portproxy, other.portproxy, &mut filled);
        fill(&mut self.excluded, other.excluded, &mut filled);
        if filled {
            self.source = Source::Both;
        }
        self
    }

    /// Whether a part is missing that the cheap tools could tell.
    fn lacks_basics(&self) -> bool {
        self.listeners.known().is_none()
            || self.ollama_processes.known().is_none()
            || self.variables.known().is_none()
            || self.rules.known().is_none()
            || self.portproxy.known().is_none()
            || self.excluded.known().is_none()
    }

    /// Whether the cheap tools, too, came back with nothing.
    fn knows_nothing(&self) -> bool {
        self.listeners.known().is_none()
            && self.ollama_processes.known().is_none()
            && self.variables.known().is_none()
            && self.rules.known().is_none()
            && self.portproxy.known().is_none()
            && self.excluded.known().is_none()
    }

    /// What only PowerShell could have told is not known, for this reason.
    #[must_use]
    fn because(mut self, why: &Words) -> Self {
        self.ollama_installed = Fact::Unknown(why.clone());
        self.answers_locally = Fact::Unknown(why.clone());
        self.adapters = Fact::Unknown(why.clone());
        self.firewall = Fact::Unknown(why.clone());
        self.route_to_us = Fact::Unknown(why.clone());
        self.hyperv_loopback = Fact::Unknown(why.clone());
        self.wslconfig = Fact::Unknown(why.clone());
        self
    }
}

fn fill<T>(gap: &mut Fact<T>, other: Fact<T>, filled: &mut bool) {
    if gap.known().is_none() && other.known().is_some() {
        (*gap, *filled) = (other, true);
    }
}

impl Listener {
    pub fn is_loopback(&self) -> bool {
        self.address.starts_with("127.") || self.address == "::1"
    }

    /// Whether it takes connections for each address of Windows.
    pub fn is_any(&self) -> bool {
        matches!(self.address.as_str(), "0.0.0.0" | "::")
    }

    /// `ollama`, or a program of that family.
    pub fn is_ollama(&self) -> bool {
        is_ollama(&self.program)
    }
}

/// `ollama.exe serve`, the tray app and its runners.
fn is_ollama(program: &str) -> bool {
    program.to_ascii_lowercase().starts_with("ollama")
}

/// Words in the name of a variable that may hold a secret, such as `OLLAMA_API_KEY`.
const SECRETS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASS", "AUTH"];

/// Variables of Ollama, without those that may hold a secret.
fn may_be_told(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("OLLAMA_") && !SECRETS.iter().any(|secret| name.contains(secret))
}

/// The facts of a Windows on which all is well: Ollama listens on all addresses, and one rule lets WSL in.
#[cfg(test)]
pub(crate) fn healthy() -> Windows {
    parse::windows(include_bytes!("../../../tests/fixtures/windows/healthy.json"), &crate::words!("", "")).unwrap()
}
