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

use crate::doctor::{Check, Group};
use crate::words;

pub const CHECKS: &[Check] = &[
    Check::new(Group::Windows, "interop", || words!("Windows programs", "programmes Windows"), &[], interop::judge)
        .with(details::source),
    Check::new(
        Group::Windows,
        "win-relay",
        || words!("copies of WSL's listeners", "recopie des écoutes de WSL"),
        &[],
        ollama::relay,
    ),
    Check::new(
        Group::Windows,
        "win-port-owner",
        || words!("owner of the port", "détenteur du port"),
        &[],
        ollama::port_owner,
    )
    .with(details::listeners),
    Check::new(Group::Windows, "win-excluded", || words!("excluded ports", "ports exclus"), &[], ollama::excluded)
        .with(details::excluded),
    Check::new(
        Group::Windows,
        "win-portproxy",
        || words!("lines of portproxy", "lignes de portproxy"),
        &["win-relay"],
        way::portproxy,
    )
    .with(details::portproxy),
    Check::new(
        Group::Windows,
        "win-ollama",
        || words!("Ollama on Windows", "Ollama sous Windows"),
        &["win-relay", "win-port-owner", "win-excluded", "win-portproxy"],
        ollama::ollama,
    )
    .with(details::processes),
    Check::new(
        Group::Windows,
        "win-host",
        || words!("OLLAMA_HOST on Windows", "OLLAMA_HOST sous Windows"),
        &["win-ollama"],
        host::host,
    )
    .with(details::variables),
    Check::new(
        Group::Windows,
        "win-listen",
        || words!("addresses Ollama listens on", "adresses d'écoute d'Ollama"),
        &["win-ollama", "win-host"],
        host::listen,
    ),
    Check::new(
        Group::Windows,
        "win-block-rule",
        || words!("firewall: block rules", "pare-feu : règles de blocage"),
        &[],
        firewall::block_rule,
    ),
    Check::new(
        Group::Windows,
        "win-policy",
        || words!("firewall: policy", "pare-feu : politique"),
        &[],
        firewall::policy,
    )
    .with(details::profiles),
    Check::new(
        Group::Windows,
        "win-rule-interface",
        || words!("firewall: bound rules", "pare-feu : règles liées"),
        &["win-block-rule", "win-policy"],
        firewall::rule_interface,
    ),
    Check::new(
        Group::Windows,
        "win-firewall",
        || words!("firewall: way in", "pare-feu : entrée"),
        &["win-block-rule", "win-policy", "win-rule-interface"],
        firewall::firewall,
    )
    .with(details::rules),
    Check::new(
        Group::Windows,
        "win-route",
        || words!("Windows' way to WSL", "chemin de Windows vers WSL"),
        &[],
        way::route,
    )
    .with(details::adapters),
    Check::new(Group::Windows, "win-hyperv", || words!("Hyper-V firewall", "pare-feu Hyper-V"), &[], way::hyperv),
];

#[cfg(test)]
mod tests;
