//! Where Ollama listens, and where it was told to.

use std::net::IpAddr;

use super::remedies::{add_portproxy, listen_everywhere, mirrored, restart_ollama};
use super::view::View;
use crate::config::OLLAMA_PORT;
use crate::doctor::windows::{Listener, Variable};
use crate::doctor::{Facts, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

/// The place that `OLLAMA_HOST` means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// Empty: all addresses.
    pub(super) address: String,
    pub(super) port: u16,
}

impl Host {
    /// As Ollama reads it (ollama, `envconfig.Host`): `0.0.0.0`, `:11500`, `http://0.0.0.0:11500/`. A scheme has a default
    /// port of its own: `http://0.0.0.0` is port 80.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim().trim_matches(['"', '\'']);
        let (default, place) = match text.split_once("://") {
            Some(("http", place)) => (80, place),
            Some(("https", place)) => (443, place),
            Some((_, place)) => (OLLAMA_PORT, place),
            None => (OLLAMA_PORT, text),
        };
        let place = place.split('/').next().unwrap_or_default();
        if let Ok(ip) = place.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Self { address: ip.to_string(), port: default };
        }
        match place.rsplit_once(':') {
            Some((address, port)) => {
                Self { address: address.trim_matches(['[', ']']).to_owned(), port: port.parse().unwrap_or(default) }
            }
            None if place.is_empty() => Self { address: "127.0.0.1".to_owned(), port: default },
            None => Self { address: place.to_owned(), port: default },
        }
    }

    fn is_any(&self) -> bool {
        matches!(self.address.as_str(), "" | "0.0.0.0" | "::")
    }

    /// Whether this listener is what the variable asks for.
    fn is(&self, listener: &Listener) -> bool {
        let address = match self.address.as_str() {
            "localhost" => listener.is_loopback(),
            _ if self.is_any() => listener.is_any(),
            address => address == listener.address,
        };
        address && self.port == listener.port
    }
}

/// The variable that a new process would get: the user's, which covers the machine's.
pub(super) fn variable(variables: &[Variable]) -> Option<&Variable> {
    let hosts = || variables.iter().filter(|variable| variable.name.eq_ignore_ascii_case("OLLAMA_HOST"));
    hosts().find(|variable| !variable.of_machine).or_else(|| hosts().next())
}

/// `OLLAMA_HOST` against what really listens: set, but not yet read; or overruled by the switch of the app.
pub(super) fn host(facts: &Facts) -> Verdict {
    match judge_host(facts) {
        Ok(verdict) | Err(verdict) => verdict,
    }
}

fn judge_host(facts: &Facts) -> Result<Verdict, Verdict> {
    let view = View::of(facts).map_err(Verdict::Skip)?;
    let variables = view.windows.variables.get().map_err(|why| Verdict::Skip(why.clone()))?;
    let all = view.windows.listeners.get().map_err(|why| Verdict::Skip(why.clone()))?;
    let Some(variable) = variable(variables) else {
        return Ok(Verdict::Pass(words!(
            "OLLAMA_HOST is not set on Windows",
            "OLLAMA_HOST n'est pas définie sous Windows"
        )));
    };
    let (value, wanted) = (&variable.value, Host::parse(&variable.value));
    let servers: Vec<&Listener> = all.iter().filter(|listener| listener.is_ollama()).collect();
    let Some(actual) = servers.first() else {
        return Ok(Verdict::Skip(words!(
            "OLLAMA_HOST is {value}, and Ollama does not listen",
            "OLLAMA_HOST vaut {value}, et Ollama n'écoute pas"
        )));
    };
    if servers.iter().any(|listener| wanted.is(listener)) {
        return Ok(Verdict::Pass(words!(
            "OLLAMA_HOST is {value}, and Ollama listens there",
            "OLLAMA_HOST vaut {value}, et Ollama y écoute"
        )));
    }
    Ok(mismatch(&view, variable, &wanted, actual, &servers))
}

fn mismatch(view: &View<'_>, variable: &Variable, wanted: &Host, actual: &Listener, servers: &[&Listener]) -> Verdict {
    let (value, place) = (&variable.value, format!("{}:{}", actual.address, actual.port));
    let overruled = actual.is_any() && actual.port == OLLAMA_PORT;
    let what = if overruled {
        words!(
            "Ollama listens on {place}, although OLLAMA_HOST is {value}: the switch \"Expose Ollama to the network\" of its \
             app overrules the variable",
            "Ollama écoute sur {place}, alors qu'OLLAMA_HOST vaut {value} : l'option « Expose Ollama to the network \
             » de son application l'emporte sur la variable"
        )
    } else {
        words!(
            "OLLAMA_HOST is {value}, but Ollama still listens on {place}: it was not restarted since",
            "OLLAMA_HOST vaut {value}, mais Ollama écoute encore sur {place} : il n'a pas été redémarré depuis"
        )
    };
    let of = if variable.of_machine { words!("machine", "la machine") } else { words!("user", "l'utilisateur") };
    let problem = Problem::new(what).because(Words {
        en: format!("OLLAMA_HOST={value} ({})", of.en),
        fr: format!("OLLAMA_HOST={value} (pour {})", of.fr),
    });
    let problem = if overruled { switch(problem, view, wanted) } else { problem.cured_by(restart_ollama(view)) };
    let reached = servers.iter().any(|listener| listener.port == view.port && view.reaches(listener));
    view.verdict(problem, !reached)
}

/// Either the switch goes, or we go where the switch leads.
fn switch(problem: Problem, view: &View<'_>, wanted: &Host) -> Problem {
    let off = words!(
        "switch \"Expose Ollama to the network\" off in the settings of the Ollama app; it then listens as the variable says",
        "désactiver « Expose Ollama to the network » dans les réglages de l'application Ollama ; elle écoute alors comme le dit \
         la variable"
    );
    let restarted = words!(
        "Ollama was not restarted since the variable was set",
        "Ollama n'a pas été redémarré depuis que la variable est définie"
    );
    let problem = problem.perhaps(words!("the switch is on", "l'option est active")).perhaps(restarted);
    if wanted.port == view.port {
        return problem.cured_by(Remedy::by_hand(off)).cured_by(restart_ollama(view));
    }
    let port = OLLAMA_PORT;
    let leave = words!(
        "leave it as it is, where port {port} is the one that is wanted; else switch it off in the app's settings",
        "laisser ainsi, si c'est bien le port {port} qui est voulu ; sinon, la désactiver dans les réglages de l'application"
    );
    problem.cured_by(Remedy::by_hand(leave))
}

/// Whether Ollama listens where WSL can reach it.
pub(super) fn listen(facts: &Facts) -> Verdict {
    match judge_listen(facts) {
        Ok(verdict) | Err(verdict) => verdict,
    }
}

fn judge_listen(facts: &Facts) -> Result<Verdict, Verdict> {
    let view = View::of(facts).map_err(Verdict::Skip)?;
    view.gateway_only()?;
    let (port, place) = (view.port, view.place());
    let listeners = view.listeners()?;
    if view.answered() {
        return Ok(Verdict::Pass(words!(
            "something listens at {place}, and answers",
            "on écoute à {place}, et on y répond"
        )));
    }
    let Some(first) = listeners.first() else {
        return Ok(Verdict::Skip(words!(
            "nobody listens on port {port} of Windows",
            "personne n'écoute sur le port {port} de Windows"
        )));
    };
    if let Some(reachable) = listeners.iter().find(|listener| view.reaches(listener)) {
        let (address, program) = (&reachable.address, &reachable.program);
        return Ok(Verdict::Pass(words!(
            "{program} listens on {address}:{port}, which includes {place}",
            "{program} écoute sur {address}:{port}, ce qui comprend {place}"
        )));
    }
    Ok(out_of_reach(&view, first, &listeners))
}

fn out_of_reach(view: &View<'_>, first: &Listener, listeners: &[&Listener]) -> Verdict {
    let (port, place) = (view.port, view.place());
    let program = if first.program.is_empty() { "Ollama" } else { &first.program };
    let address = &first.address;
    let only = listeners.iter().all(|listener| listener.is_loopback());
    let what = if only {
        words!(
            "{program} listens on {address} of Windows only, which WSL cannot reach over NAT",
            "{program} n'écoute que sur {address} de Windows, que WSL ne peut pas atteindre par le NAT"
        )
    } else {
        words!(
            "{program} listens on {address} of Windows only, and WSL looks for it at {place}",
            "{program} n'écoute que sur {address} de Windows, et WSL le cherche à {place}"
        )
    };
    let mut problem = Problem::new(what);
    for Listener { address, program, pid, .. } in listeners {
        problem = problem
            .because(words!("{address}:{port}: {program} (pid {pid})", "{address}:{port} : {program} (pid {pid})"));
    }
    problem = problem.cured_by(listen_everywhere(view));
    if only {
        problem = add_portproxy(view).into_iter().fold(problem, Problem::cured_by).cured_by(mirrored());
    } else {
        let go = words!("or go where it listens", "ou aller là où il écoute");
        problem = problem.cured_by(Remedy::shell(go, format!("ollama-forward --upstream {address}:{port}")));
    }
    view.verdict(problem, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, address: &str, port: u16) {
        assert_eq!(Host::parse(text), Host { address: address.into(), port }, "{text}");
    }

    #[test]
    fn the_variable_is_read_as_ollama_reads_it() {
        check("0.0.0.0", "0.0.0.0", 11434);
        check("0.0.0.0:11500", "0.0.0.0", 11500);
        check(":11500", "", 11500);
        check("", "127.0.0.1", 11434);
        check("  \"127.0.0.1:11434\" ", "127.0.0.1", 11434);
        check("http://0.0.0.0:11500/", "0.0.0.0", 11500);
        check("http://0.0.0.0", "0.0.0.0", 80);
        check("https://ollama.example", "ollama.example", 443);
        check("[::]:11434", "::", 11434);
        check("::1", "::1", 11434);
        check("localhost", "localhost", 11434);
        check("0.0.0.0:99999", "0.0.0.0", 11434);
    }
}
