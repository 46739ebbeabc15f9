//! Windows as seen from WSL: one PowerShell that reads and changes nothing. Where it cannot run, a few cheap programs.

pub mod checks;
pub mod gather;

use std::net::Ipv4Addr;

use serde::Serialize;

use crate::doctor::Fact;

/// What Windows told. Each part is a fact of its own: a command that fails takes only its own part away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Windows {
    /// What told it.
    pub source: Source,
    /// Who listens on Ollama's port.
    pub listeners: Fact<Vec<Listener>>,
    /// Processes whose name begins with `ollama`.
    pub ollama_processes: Fact<Vec<Process>>,
    /// Whether Ollama is installed for this user.
    pub ollama_installed: Fact<bool>,
    /// Whether Ollama answers on Windows' own 127.0.0.1.
    pub answers_locally: Fact<bool>,
    /// `OLLAMA_*` variables of the user and of the machine.
    pub variables: Fact<Vec<Variable>>,
    /// Adapters that lead to WSL.
    pub adapters: Fact<Vec<Adapter>>,
    pub firewall: Fact<Vec<Profile>>,
    /// Firewall rules for Ollama's port or program, incoming, enabled.
    pub rules: Fact<Vec<Rule>>,
    pub portproxy: Fact<Vec<PortProxy>>,
    /// Excluded ranges of TCP ports, first and last.
    pub excluded: Fact<Vec<(u16, u16)>>,
    /// The interface by which Windows would send to our own address.
    pub route_to_us: Fact<String>,
    /// `LoopbackEnabled` of the Hyper-V firewall for WSL.
    pub hyperv_loopback: Fact<bool>,
    /// The text of `%UserProfile%\.wslconfig`.
    pub wslconfig: Fact<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Source {
    #[default]
    PowerShell,
    /// `netstat.exe`, `reg.exe`, `netsh.exe`: PowerShell did not answer.
    CheapTools,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// As Windows writes it: `127.0.0.1`, `0.0.0.0`, `::`, `::1`.
    pub address: String,
    pub pid: u32,
    /// Name of the program without `.exe`; empty where Windows did not tell.
    pub program: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Process {
    pub pid: u32,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// `Domain`, `Private`, `Public`
    pub name: String,
    pub enabled: bool,
    /// Whether what no rule allows is blocked (the default).
    pub blocks_inbound: bool,
    /// False: company policy, rules of this machine do not count.
    pub allows_local_rules: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub name: String,
    pub display: String,
    /// False: it blocks.
    pub allows: bool,
    /// The program that it is for; None for any.
    pub program: Option<String>,
    /// `Any`, or names separated by commas.
    pub profile: String,
    /// `Any`, addresses, prefixes, `LocalSubnet`.
    pub remote: Vec<String>,
    /// `Any`, or a port or a range each.
    pub local_ports: Vec<String>,
    /// Aliases of interfaces that it is bound to; none for any.
    pub interfaces: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortProxy {
    pub listen_address: String,
    pub listen_port: u16,
    pub connect_address: String,
    pub connect_port: u16,
}
