//! Judges what Windows told. Pure.
//!
//! ```text
//! win-relay ─┐
//! win-port-owner ─┤
//! win-excluded ───┼──► win-ollama ──► win-host ──► win-listen
//! win-portproxy ──┘
//! win-block-rule ──► win-policy ──► win-rule-interface ──► win-firewall
//! ```
//! A row fails only where Ollama did not answer and the row is a reason for it; what merely is not as it should be is a
//! warning. Where Ollama is on 127.0.0.1 only and no rule lets WSL in, both rows fail, as both have to be cured.

mod details;
mod firewall;
mod host;
mod interop;
mod ollama;
mod remedies;
mod view;
mod way;

use crate::doctor::check::no_details;
use crate::doctor::{Check, Group};
use crate::words;

pub const CHECKS: &[Check] = &[
    Check {
        id: "interop",
        group: Group::Windows,
        title: || words!("Windows programs", "programmes Windows"),
        needs: &[],
        judge: interop::judge,
        details: details::source,
    },
    Check {
        id: "win-relay",
        group: Group::Windows,
        title: || words!("copies of WSL's listeners", "recopie des écoutes de WSL"),
        needs: &[],
        judge: ollama::relay,
        details: no_details,
    },
    Check {
        id: "win-port-owner",
        group: Group::Windows,
        title: || words!("owner of the port", "détenteur du port"),
        needs: &[],
        judge: ollama::port_owner,
        details: details::listeners,
    },
    Check {
        id: "win-excluded",
        group: Group::Windows,
        title: || words!("excluded ports", "ports exclus"),
        needs: &[],
        judge: ollama::excluded,
        details: details::excluded,
    },
    Check {
        id: "win-portproxy",
        group: Group::Windows,
        title: || words!("lines of portproxy", "lignes de portproxy"),
        needs: &["win-relay"],
        judge: way::portproxy,
        details: details::portproxy,
    },
    Check {
        id: "win-ollama",
        group: Group::Windows,
        title: || words!("Ollama on Windows", "Ollama sous Windows"),
        needs: &["win-relay", "win-port-owner", "win-excluded", "win-portproxy"],
        judge: ollama::ollama,
        details: details::processes,
    },
    Check {
        id: "win-host",
        group: Group::Windows,
        title: || words!("OLLAMA_HOST on Windows", "OLLAMA_HOST sous Windows"),
        needs: &["win-ollama"],
        judge: host::host,
        details: details::variables,
    },
    Check {
        id: "win-listen",
        group: Group::Windows,
        title: || words!("addresses Ollama listens on", "adresses d'écoute d'Ollama"),
        needs: &["win-ollama", "win-host"],
        judge: host::listen,
        details: no_details,
    },
    Check {
        id: "win-block-rule",
        group: Group::Windows,
        title: || words!("firewall: block rules", "pare-feu : règles de blocage"),
        needs: &[],
        judge: firewall::block_rule,
        details: no_details,
    },
    Check {
        id: "win-policy",
        group: Group::Windows,
        title: || words!("firewall: policy", "pare-feu : politique"),
        needs: &[],
        judge: firewall::policy,
        details: details::profiles,
    },
    Check {
        id: "win-rule-interface",
        group: Group::Windows,
        title: || words!("firewall: bound rules", "pare-feu : règles liées"),
        needs: &["win-block-rule", "win-policy"],
        judge: firewall::rule_interface,
        details: no_details,
    },
    Check {
        id: "win-firewall",
        group: Group::Windows,
        title: || words!("firewall: way in", "pare-feu : entrée"),
        needs: &["win-block-rule", "win-policy", "win-rule-interface"],
        judge: firewall::firewall,
        details: details::rules,
    },
    Check {
        id: "win-route",
        group: Group::Windows,
        title: || words!("Windows' way to WSL", "chemin de Windows vers WSL"),
        needs: &[],
        judge: way::route,
        details: details::adapters,
    },
    Check {
        id: "win-hyperv",
        group: Group::Windows,
        title: || words!("Hyper-V firewall", "pare-feu Hyper-V"),
        needs: &[],
        judge: way::hyperv,
        details: no_details,
    },
];

#[cfg(test)]
mod tests;
