//! Variables that lead clients of Ollama astray, Codex and others.

use std::net::IpAddr;

use crate::doctor::codex::Environment;
use crate::doctor::codex::aim::{Spot, spot, wanted};
use crate::doctor::codex::url::Url;
use crate::doctor::program::quoted;
use crate::doctor::{Facts, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

/// What must not go through a proxy: `localhost` and `127.0.0.1` are written by clients; `::1` may be what a resolver makes of it.
const OURS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Those without which requests go astray.
const NEEDED: usize = 2;

pub(super) fn proxy(facts: &Facts) -> Verdict {
    let environment = &facts.codex.environment;
    let all = environment.proxies.join(", ");
    if all.is_empty() {
        return Verdict::Pass(words!("no proxy", "pas de proxy"));
    }
    // Ollama is asked without TLS, so that only these count (measured, `capture-and-ux` 1.4).
    let counts = |name: &&String| ["http_proxy", "all_proxy"].contains(&name.to_ascii_lowercase().as_str());
    let names: Vec<_> = environment.proxies.iter().filter(counts).map(String::as_str).collect();
    if names.is_empty() {
        return Verdict::Pass(words!("{all}: for https only", "{all} : pour https seulement"));
    }
    let through = missing(environment);
    if through.is_empty() {
        return Verdict::Pass(words!("{all}, but not for localhost", "{all}, mais pas pour localhost"));
    }
    let (names, through) = (names.join(", "), through.join(", "));
    let problem = Problem::new(words!(
        "{names} sends requests for {through} to a proxy, which does not find Ollama: Codex, curl and others are concerned",
        "{names} envoie les requêtes pour {through} à un proxy, qui n'y trouve pas Ollama : Codex, curl et d'autres sont concernés"
    ));
    let problem = match environment.no_proxy.as_slice() {
        [] => problem.because(words!("NO_PROXY is not set", "NO_PROXY n'est pas définie")),
        set => {
            set.iter().fold(problem, |problem, (name, value)| problem.because(Words::same(format!("{name}={value}"))))
        }
    };
    let what = words!(
        "keep it from localhost; to last, in ~/.bashrc, too",
        "le tenir à l'écart de localhost ; pour que cela dure, aussi dans ~/.bashrc"
    );
    problem.cured_by(Remedy::shell(what, export(environment))).warn()
}

/// What clients would ask a proxy for. They differ in which spelling they read first: Codex takes `NO_PROXY` even where it is empty,
/// curl and Python take `no_proxy` (measured with 0.169; curl(1)).
fn missing(environment: &Environment) -> Vec<&'static str> {
    let is_missing = |host: &&&str| {
        environment.no_proxy.is_empty() || environment.no_proxy.iter().any(|(_, value)| !exempts(value, host))
    };
    OURS.iter().take(NEEDED).filter(is_missing).copied().collect()
}

/// Whether a list such as `.corp.example,10.0.0.0/8` holds this host.
fn exempts(list: &str, host: &str) -> bool {
    let ip: Option<IpAddr> = host.parse().ok();
    list.split(',').map(str::trim).any(|entry| {
        let name = entry.strip_prefix('.').unwrap_or(entry);
        entry == "*" || name.eq_ignore_ascii_case(host) || ip.is_some_and(|ip| is_in(ip, entry))
    })
}

/// Whether an address lies in a network such as `127.0.0.0/8`.
fn is_in(ip: IpAddr, network: &str) -> bool {
    let parsed = network.split_once('/').and_then(|(base, length)| Some((base.parse().ok()?, length.parse().ok()?)));
    let Some((IpAddr::V4(base), length @ 0..=32)) = parsed else { return false };
    let IpAddr::V4(ip) = ip else { return false };
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or_default();
    (u32::from(ip) ^ u32::from(base)) & mask == 0
}

/// Both spellings, with all that stands in either.
fn export(environment: &Environment) -> String {
    let mut entries: Vec<&str> = Vec::new();
    let given = environment.no_proxy.iter().flat_map(|(_, value)| value.split(',').map(str::trim));
    for entry in given.chain(OURS) {
        if !entry.is_empty() && !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    let list = quoted(&entries.join(","));
    format!("export NO_PROXY={list} no_proxy={list}")
}

/// For Ollama's own program and its libraries; Codex does not read it (measured with 0.169).
pub(super) fn ollama_host(facts: &Facts) -> Verdict {
    let Some(text) = facts.codex.environment.ollama_host.as_deref() else {
        return Verdict::Pass(words!("not set", "non définie"));
    };
    let Some(url) = Url::of_ollama_host(text) else {
        let problem =
            Problem::new(words!("OLLAMA_HOST={text} is no address", "OLLAMA_HOST={text} n'est pas une adresse"));
        return problem.cured_by(unset()).warn();
    };
    if url.ips().iter().any(IpAddr::is_unspecified) {
        let problem = Problem::new(words!(
            "OLLAMA_HOST={text} in Linux is an address to listen on: some clients cannot connect to it, and an Ollama in Linux would take the port",
            "OLLAMA_HOST={text} sous Linux est une adresse d'écoute : certains clients ne peuvent pas s'y connecter, et un Ollama sous Linux prendrait le port"
        ));
        let problem = problem.because(words!("it belongs on Windows only", "sa place n'est que sous Windows"));
        return problem.cured_by(unset()).warn();
    }
    let here = wanted(facts).map_or_else(String::new, |address| format!(" ({address})"));
    let problem = match spot(facts, &url) {
        Spot::Forward(_) => return Verdict::Pass(words!("{text}: ollama-forward", "{text} : ollama-forward")),
        Spot::WindowsItself => {
            return Verdict::Pass(words!("{text}: localhost is Windows here", "{text} : localhost est Windows ici"));
        }
        Spot::PastForward => words!(
            "OLLAMA_HOST={text} leads clients to Windows' address, past ollama-forward{here}: when that address changes, they no longer find Ollama",
            "OLLAMA_HOST={text} mène les clients à l'adresse de Windows, sans passer par ollama-forward{here} : quand elle change, ils ne trouvent plus Ollama"
        ),
        Spot::OtherPort | Spot::Elsewhere => words!(
            "OLLAMA_HOST={text} leads clients elsewhere, not to ollama-forward{here}",
            "OLLAMA_HOST={text} mène les clients ailleurs, et non à ollama-forward{here}"
        ),
    };
    let problem = Problem::new(problem);
    match wanted(facts) {
        Some(address) if address.port() != crate::config::OLLAMA_PORT => {
            let what = words!("lead them here", "les mener ici");
            problem.cured_by(Remedy::shell(what, format!("export OLLAMA_HOST={address}"))).warn()
        }
        Some(_) | None => problem.cured_by(unset()).warn(),
    }
}

fn unset() -> Remedy {
    Remedy::shell(
        words!(
            "unset it here, and where it is set (such as ~/.bashrc): without it, clients go to localhost:11434",
            "l'effacer ici, et là où elle est définie (par exemple ~/.bashrc) : sans elle, les clients vont à \
             localhost:11434"
        ),
        "unset OLLAMA_HOST",
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{passes, warns};
    use super::*;
    use crate::doctor::Fact;
    use crate::doctor::codex::machine;
    use crate::gateway::wsl::Mode;

    #[track_caller]
    fn with(proxies: &[&str], no_proxy: &[(&str, &str)], expected: Result<&str, (&str, &str)>) {
        let mut facts = machine::healthy();
        let environment = &mut facts.codex.environment;
        environment.proxies = proxies.iter().map(ToString::to_string).collect();
        environment.no_proxy = no_proxy.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        match expected {
            Ok(says) => passes("proxy", &facts, says),
            Err((says, export)) => warns("proxy", &facts, says, &[export]),
        }
    }

    #[test]
    fn a_proxy_for_localhost_warns() {
        with(&[], &[], Ok("no proxy"));
        with(&["HTTPS_PROXY", "https_proxy"], &[], Ok("HTTPS_PROXY, https_proxy: for https only"));
        let export = "export NO_PROXY=localhost,127.0.0.1,::1 no_proxy=localhost,127.0.0.1,::1";
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            with(
                &["HTTPS_PROXY", name],
                &[],
                Err((&format!("{name} sends requests for localhost, 127.0.0.1"), export)),
            );
        }
    }

    #[test]
    fn what_stands_in_no_proxy_is_kept() {
        let proxy = &["http_proxy"];
        with(proxy, &[("NO_PROXY", "localhost,127.0.0.1")], Ok("but not for localhost"));
        for enough in [
            "*",
            "localhost, 127.0.0.0/8",
            ".localhost,127.0.0.1,::1",
            "LOCALHOST,0.0.0.0/0",
            "a,localhost,127.0.0.1/32",
        ] {
            with(proxy, &[("no_proxy", enough)], Ok("but not for localhost"));
        }
        let export =
            "export NO_PROXY=.corp.example,127.0.0.1,localhost,::1 no_proxy=.corp.example,127.0.0.1,localhost,::1";
        with(proxy, &[("NO_PROXY", ".corp.example, 127.0.0.1")], Err(("requests for localhost to", export)));
        let export = "export NO_PROXY='127.*,localhost,127.0.0.1,::1' no_proxy='127.*,localhost,127.0.0.1,::1'";
        with(proxy, &[("NO_PROXY", "127.*,localhost")], Err(("requests for 127.0.0.1 to", export)));
    }

    #[test]
    fn both_spellings_count() {
        let proxy = &["http_proxy"];
        let (upper, lower) = (("NO_PROXY", "localhost,127.0.0.1"), ("no_proxy", "corp"));
        let export = "export NO_PROXY=localhost,127.0.0.1,corp,::1 no_proxy=localhost,127.0.0.1,corp,::1";
        with(proxy, &[upper, lower], Err(("localhost, 127.0.0.1", export)));
        let export = "export NO_PROXY=localhost,127.0.0.1,::1 no_proxy=localhost,127.0.0.1,::1";
        with(proxy, &[("NO_PROXY", ""), ("no_proxy", "localhost,127.0.0.1")], Err(("localhost", export)));
    }

    #[test]
    fn networks_hold_their_addresses() {
        let ip: IpAddr = [127, 0, 0, 1].into();
        for (network, holds) in [
            ("127.0.0.0/8", true),
            ("127.0.0.1/32", true),
            ("0.0.0.0/0", true),
            ("127.0.0.0/33", false),
            ("128.0.0.0/1", false),
            ("10.0.0.0/8", false),
            ("127.0.0.0", false),
            ("::1/128", false),
            ("/", false),
        ] {
            assert_eq!(is_in(ip, network), holds, "{network}");
        }
    }

    #[track_caller]
    fn host(text: &str, expected: Result<&str, &str>) {
        let mut facts = machine::healthy();
        facts.codex.environment.ollama_host = Some(text.into());
        match expected {
            Ok(says) => passes("ollama-host", &facts, says),
            Err(says) => warns("ollama-host", &facts, says, &["unset OLLAMA_HOST"]),
        }
    }

    #[test]
    fn ollama_host_leads_to_the_forward_or_is_not_set() {
        passes("ollama-host", &machine::healthy(), "not set");
        for text in ["localhost", "127.0.0.1:11434", "http://localhost:11434", ":11434", "\"localhost\""] {
            host(text, Ok("ollama-forward"));
        }
        for text in ["0.0.0.0", "0.0.0.0:11434", "http://0.0.0.0:11434", "[::]:11434"] {
            host(text, Err("is an address to listen on"));
        }
        host("172.24.0.1", Err("past ollama-forward (127.0.0.1:11434)"));
        host("ollama.example.com:443", Err("leads clients elsewhere"));
        host("localhost:many", Err("is no address"));
        host("http://localhost", Err("leads clients elsewhere"));
    }

    #[test]
    fn a_forward_on_another_port_is_named() {
        let mut facts = machine::healthy();
        machine::listen(&mut facts, "127.0.0.1:11435");
        facts.codex.environment.ollama_host = Some("localhost".into());
        warns(
            "ollama-host",
            &facts,
            "not to ollama-forward (127.0.0.1:11435)",
            &["export OLLAMA_HOST=127.0.0.1:11435"],
        );
        facts.system.mode = Fact::Known(Mode::Mirrored);
        passes("ollama-host", &facts, "localhost is Windows here");
    }
}
