//! Asks small programs of Windows, side by side, where PowerShell is missing, forbidden, or hangs. They tell less, but none of
//! them needs more than a fraction of a second (WSL #7591).

use std::path::Path;
use std::time::Duration;

use super::gather::Disk;
use super::parse::{port_proxy, text};
use super::rule::Rule;
use super::tables::{self, Row};
use super::{Listener, Process, Source, Variable, Windows, is_ollama, may_be_told};
use crate::doctor::Fact;
use crate::program::{End, run_with_interop};
use crate::words;
use crate::words::Words;

const USER_VARIABLES: &str = r"HKCU\Environment";
const MACHINE_VARIABLES: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
const PORT_PROXY: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\PortProxy\v4tov4\tcp";
const LOCAL_RULES: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";
const POLICY_RULES: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules";
const EXCLUDED: [&str; 5] = ["interface", "ipv4", "show", "excludedportrange", "protocol=tcp"];

/// What they tell of this port, and of Ollama on any other. All are asked at once; each has `limit`.
pub(super) async fn ask(disk: &Disk, port: u16, limit: Duration) -> Windows {
    let printed = |name: &'static str, args: &'static [&'static str]| printed(disk, name, args, limit);
    let (sockets, programs, user, machine, proxies, local, policy, excluded) = tokio::join!(
        printed("netstat.exe", &["-ano"]),
        // All programs, as which of them matter is what `netstat.exe` is telling at the same time.
        printed("tasklist.exe", &["/FO", "CSV", "/NH"]),
        values(disk, USER_VARIABLES, limit),
        values(disk, MACHINE_VARIABLES, limit),
        values(disk, PORT_PROXY, limit),
        values(disk, LOCAL_RULES, limit),
        values(disk, POLICY_RULES, limit),
        printed("netsh.exe", &EXCLUDED),
    );
    let programs = programs.map(|printed| tables::tasklist(&printed));
    let (sockets, excluded) =
        (sockets.map(|printed| tables::netstat(&printed)), excluded.map(|it| tables::excluded(&it)));
    Windows {
        source: Source::CheapTools,
        listeners: fact(sockets.and_then(|rows| listeners(rows, programs.as_deref().unwrap_or_default(), port))),
        ollama_processes: fact(programs.and_then(processes)),
        variables: fact(user.and_then(|user| Ok(variables(user, machine?)))),
        portproxy: fact(proxies.and_then(|values| {
            values
                .iter()
                .map(|(from, to)| port_proxy(from, to))
                .collect::<Option<_>>()
                .ok_or_else(|| unreadable("reg.exe"))
        })),
        rules: fact(local.and_then(|local| Ok(rules(local, policy?)))),
        excluded: fact(excluded),
        ..Windows::default()
    }
}

fn fact<T>(told: Result<T, Words>) -> Fact<T> {
    told.map_or_else(Fact::Unknown, Fact::Known)
}

/// A Windows on which nobody listens at all is none.
fn listeners(rows: Vec<Row>, programs: &[(String, u32)], wanted: u16) -> Result<Vec<Listener>, Words> {
    if rows.is_empty() {
        return Err(unreadable("netstat.exe"));
    }
    let listener = |(address, port, pid): Row| {
        let program =
            programs.iter().find(|(_, known)| *known == pid).map(|(name, _)| name.clone()).unwrap_or_default();
        Listener { address, port, pid, program, path: None }
    };
    let matters = |listener: &Listener| listener.port == wanted || listener.is_ollama();
    Ok(rows.into_iter().map(listener).filter(matters).collect())
}

fn processes(programs: Vec<(String, u32)>) -> Result<Vec<Process>, Words> {
    if programs.is_empty() {
        return Err(unreadable("tasklist.exe"));
    }
    let ollama = programs.into_iter().filter(|(name, _)| is_ollama(name));
    Ok(ollama.map(|(name, pid)| Process { pid, name, path: None }).collect())
}

fn variables(user: Vec<(String, String)>, machine: Vec<(String, String)>) -> Vec<Variable> {
    let of = |values: Vec<(String, String)>, of_machine| {
        let told = values.into_iter().filter(|(name, _)| may_be_told(name));
        told.map(move |(name, value)| Variable { name, value, of_machine })
    };
    of(user, false).chain(of(machine, true)).collect()
}

fn rules(local: Vec<(String, String)>, policy: Vec<(String, String)>) -> Vec<Rule> {
    let of = |values: Vec<(String, String)>, by_policy| {
        values.into_iter().filter_map(move |(id, text)| Rule::parse(&id, by_policy, &text))
    };
    of(local, false).chain(of(policy, true)).collect()
}

/// The values of a key; none where there is no such key, which `reg.exe` tells by its code 1 (Microsoft, "reg query").
async fn values(disk: &Disk, key: &str, limit: Duration) -> Result<Vec<(String, String)>, Words> {
    let ran = ran(disk, "reg.exe", &["query", key], limit).await?;
    match ran {
        (End::Exit(Some(0 | 1)), printed) => Ok(tables::registry(&printed)),
        (end, _) => Err(failed("reg.exe", end, limit)),
    }
}

async fn printed(disk: &Disk, name: &str, args: &[&str], limit: Duration) -> Result<String, Words> {
    match ran(disk, name, args, limit).await? {
        (End::Exit(Some(0)), printed) => Ok(printed),
        (end, _) => Err(failed(name, end, limit)),
    }
}

async fn ran(disk: &Disk, name: &str, args: &[&str], limit: Duration) -> Result<(End, String), Words> {
    let program: &Path = &disk.system32(name);
    let ran = run_with_interop(program, args, disk.path(), limit).await;
    let ran = ran.map_err(|error| words!("{name} does not start: {error}", "{name} ne démarre pas : {error}"))?;
    Ok((ran.end, text(&ran.output)))
}

fn failed(name: &str, end: End, limit: Duration) -> Words {
    match end {
        End::Late => {
            let seconds = limit.as_secs_f32();
            words!("{name} did not come back within {seconds} s", "{name} n'a pas rendu la main en {seconds} s")
        }
        End::Exit(Some(code)) => words!("{name} failed with code {code}", "{name} a échoué avec le code {code}"),
        End::Exit(None) => words!("{name} was killed", "{name} a été tué"),
    }
}

fn unreadable(name: &str) -> Words {
    words!("what {name} prints cannot be read", "ce qu'affiche {name} est illisible")
}
