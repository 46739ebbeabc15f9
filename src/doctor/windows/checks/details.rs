//! What else is known of Windows, for `--all` and JSON.

use crate::doctor::windows::{Rule, Source, Windows};
use crate::doctor::{Detail, Facts};
use crate::words;
use crate::words::Words;

fn of(facts: &Facts, tell: impl FnOnce(&Windows, &mut Vec<Detail>)) -> Vec<Detail> {
    let mut details = Vec::new();
    if let Some(windows) = facts.windows.known() {
        tell(windows, &mut details);
    }
    details
}

fn add(details: &mut Vec<Detail>, name: Words, value: impl Into<String>) {
    details.push(Detail { name, value: Words::same(value) });
}

pub(super) fn source(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        let source = match windows.source {
            Source::PowerShell => "powershell.exe",
            Source::CheapTools => "netstat.exe, tasklist.exe, reg.exe, netsh.exe",
            Source::Both => "powershell.exe, netstat.exe, tasklist.exe, reg.exe, netsh.exe",
        };
        add(details, words!("asked", "interrogé"), source);
    })
}

pub(super) fn listeners(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        for listener in windows.listeners.known().into_iter().flatten() {
            let (address, port) = (&listener.address, listener.port);
            let owner = format!("{} (pid {})", listener.program, listener.pid);
            add(details, Words::same(format!("{address}:{port}")), owner);
        }
    })
}

pub(super) fn processes(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        for process in windows.ollama_processes.known().into_iter().flatten() {
            let path = process.path.as_deref().unwrap_or("?");
            add(details, Words::same(process.name.clone()), format!("pid {}, {path}", process.pid));
        }
    })
}

pub(super) fn variables(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        for variable in windows.variables.known().into_iter().flatten() {
            let name = &variable.name;
            let name = if variable.of_machine {
                words!("{name} (machine)", "{name} (machine)")
            } else {
                words!("{name} (user)", "{name} (utilisateur)")
            };
            add(details, name, variable.value.clone());
        }
    })
}

pub(super) fn excluded(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        let ranges = windows.excluded.known().into_iter().flatten().map(|(first, last)| format!("{first}-{last}"));
        let ranges: Vec<String> = ranges.collect();
        if !ranges.is_empty() {
            add(details, words!("kept by Windows", "réservés par Windows"), ranges.join(", "));
        }
    })
}

pub(super) fn profiles(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        for profile in windows.firewall.known().into_iter().flatten() {
            let value = format!(
                "Enabled={} DefaultInboundAction={} AllowInboundRules={} AllowLocalFirewallRules={}",
                profile.enabled,
                if profile.blocks_inbound { "Block" } else { "Allow" },
                !profile.shields_up,
                profile.allows_local_rules
            );
            add(details, Words::same(profile.name.clone()), value);
        }
    })
}

/// Those that speak of Ollama; the others are Windows' own.
pub(super) fn rules(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        let ports: Vec<u16> = windows.listeners.known().into_iter().flatten().map(|listener| listener.port).collect();
        let ours = |rule: &&Rule| ports.iter().chain([&crate::config::OLLAMA_PORT]).any(|port| rule.is_about(*port));
        for rule in windows.rules.known().into_iter().flatten().filter(ours) {
            let list = |items: &[String]| if items.is_empty() { "*".to_owned() } else { items.join(",") };
            let value = format!(
                "{} LPort={} RA4={} Profile={} App={}",
                if rule.allows { "Allow" } else { "Block" },
                list(&rule.ports),
                list(&rule.remote),
                list(&rule.profiles),
                rule.program.as_deref().unwrap_or("*")
            );
            add(details, Words::same(rule.name.clone()), value);
        }
    })
}

pub(super) fn portproxy(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        for line in windows.portproxy.known().into_iter().flatten() {
            let from = format!("{}:{}", line.listen_address, line.listen_port);
            add(details, Words::same(from), format!("{}:{}", line.connect_address, line.connect_port));
        }
    })
}

pub(super) fn adapters(facts: &Facts) -> Vec<Detail> {
    of(facts, |windows, details| {
        for adapter in windows.adapters.known().into_iter().flatten() {
            add(details, Words::same(adapter.name.clone()), format!("{}/{}", adapter.address, adapter.prefix));
        }
    })
}
