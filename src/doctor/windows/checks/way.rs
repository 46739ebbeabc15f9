//! What Windows does with connections on their way: portproxy, routes, and the firewall of Hyper-V.

use std::net::Ipv4Addr;

use super::remedies::{
    add_portproxy, delete_portproxy, enable_loopback, prefer_wsl_route, start_ip_helper, start_ollama,
};
use super::view::{Symptom, View, Way};
use crate::doctor::windows::{Listener, PortProxy};
use crate::doctor::{Facts, Place, Problem, Remedy, Verdict};
use crate::gateway::wsl::Mode;
use crate::words;

/// What Windows passes on to somewhere else: back into WSL, to nobody, from an address that it has lost, from all networks.
pub(super) fn portproxy(facts: &Facts) -> Verdict {
    let view = match View::of(facts) {
        Ok(view) => view,
        Err(why) => return Verdict::Skip(why),
    };
    let lines = match view.windows.portproxy.get() {
        Ok(lines) => lines,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let port = view.port;
    let ours = || lines.iter().filter(|line| line.listen_port == port);
    let found: Vec<_> = ours().filter_map(|line| judge_line(&view, line)).collect();
    // What explains the symptom comes before what is only to be wished otherwise.
    let worst = found.iter().find(|(_, explains)| *explains).or(found.first());
    match (worst, ours().next()) {
        (Some((problem, explains)), _) => view.verdict(problem.clone(), *explains),
        (None, Some(line)) => {
            let (from, to) = (&line.listen_address, format!("{}:{}", line.connect_address, line.connect_port));
            Verdict::Pass(words!(
                "portproxy passes {from}:{port} on to {to}",
                "portproxy fait suivre {from}:{port} vers {to}"
            ))
        }
        (None, None) => Verdict::Pass(words!(
            "portproxy has nothing on port {port} of Windows",
            "portproxy n'a rien sur le port {port} de Windows"
        )),
    }
}

/// A line of portproxy, and what it has to do with Ollama.
struct Line<'a> {
    rule: &'a PortProxy,
    /// `0.0.0.0:11434` and `172.24.3.7:11434`
    from: String,
    to: String,
    /// It listens on all addresses.
    any: bool,
    /// None where Windows did not tell who listens.
    listeners: Option<Vec<&'a Listener>>,
}

/// What is wrong with a line, and whether that keeps us from Ollama.
fn judge_line(view: &View<'_>, line: &PortProxy) -> Option<(Problem, bool)> {
    let any = matches!(line.listen_address.as_str(), "0.0.0.0" | "*");
    let line = Line {
        rule: line,
        from: format!("{}:{}", line.listen_address, line.listen_port),
        to: format!("{}:{}", line.connect_address, line.connect_port),
        any,
        listeners: view.listeners().ok(),
    };
    into_wsl(view, &line)
        .or_else(|| stale(view, &line))
        .or_else(|| dead(view, &line))
        .or_else(|| on_all_addresses(view, &line))
}

/// Windows sends it into WSL, and the forward sends it to Windows.
fn into_wsl(view: &View<'_>, line: &Line<'_>) -> Option<(Problem, bool)> {
    let target: Ipv4Addr = line.rule.connect_address.parse().ok()?;
    let in_wsl = view.facts.network.own_address() == Some(target)
        || view
            .facts
            .network
            .snapshot
            .known()?
            .windows_side()
            .any(|(_, network)| network.contains(target) && view.host() != Some(target));
    let host = view.host().map(|host| host.to_string());
    let before_us =
        line.any || line.rule.listen_address.starts_with("127.") || host.as_ref() == Some(&line.rule.listen_address);
    if !in_wsl || !before_us {
        return None;
    }
    let Line { from, to, .. } = line;
    let what = words!(
        "portproxy sends {from} of Windows into WSL ({to}), and a forward there sends it back: a loop, in which Ollama does not \
         get the port",
        "portproxy envoie {from} de Windows dans WSL ({to}), et un relais le renvoie : une boucle, où Ollama n'obtient pas le \
         port"
    );
    let problem = Problem::new(what).cured_by(delete_portproxy(line.rule)).cured_by(start_ollama(view));
    Some((problem, !ollama_is_reached(line, view)))
}

fn ollama_is_reached(line: &Line<'_>, view: &View<'_>) -> bool {
    line.listeners.iter().flatten().any(|listener| listener.is_ollama() && view.reaches(listener))
}

/// It listens on an address that Windows has not, or the service behind it does not run.
fn stale(view: &View<'_>, line: &Line<'_>) -> Option<(Problem, bool)> {
    let listeners = line.listeners.as_ref()?;
    let (Line { from, .. }, address) = (line, &line.rule.listen_address);
    let takes = |listener: &&&Listener| &listener.address == address || (listener.is_any() && line.any);
    if view.way != Way::Gateway || listeners.iter().any(|listener| takes(&listener) || view.reaches(listener)) {
        return None;
    }
    let host = view.host().map(|host| host.to_string());
    if line.any || host.as_ref() == Some(address) {
        let what = words!(
            "portproxy is to listen on {from} of Windows, and does not: the service IP Helper does not run",
            "portproxy doit écouter sur {from} de Windows, et ne le fait pas : le service Assistance IP ne tourne pas"
        );
        return Some((Problem::new(what).cured_by(start_ip_helper()), true));
    }
    let now = host.unwrap_or_else(|| "?".to_owned());
    let what = words!(
        "portproxy listens on {address}, an address that Windows has no longer: towards WSL it is now {now}",
        "portproxy écoute sur {address}, une adresse que Windows n'a plus : côté WSL, c'est maintenant {now}"
    );
    let problem = Problem::new(what).cured_by(delete_portproxy(line.rule));
    Some((add_portproxy(view).into_iter().fold(problem, Problem::cured_by), true))
}

/// It passes on to a port of Windows on which nobody listens, or to itself.
fn dead(view: &View<'_>, line: &Line<'_>) -> Option<(Problem, bool)> {
    let target = &line.rule.connect_address;
    if !(target.starts_with("127.") || target == "localhost") || view.answered() {
        return None;
    }
    let all = view.windows.listeners.known()?;
    let port = line.rule.connect_port;
    let serves = |listener: &&Listener| {
        let here = listener.is_loopback() || listener.is_any();
        listener.port == port && here && !listener.program.eq_ignore_ascii_case("svchost")
    };
    // Of other ports it is not known who listens there; a connection that is dropped tells.
    let known = port == view.port || all.iter().any(|listener| listener.port == port);
    if all.iter().any(|listener| serves(&listener)) || !(known || view.symptom == Symptom::Dropped) {
        return None;
    }
    let Line { from, to, .. } = line;
    let itself = line.any && port == view.port;
    let what = if itself {
        words!(
            "portproxy holds {from} of Windows, and so {to}, too: it sends connections to itself, and Ollama cannot have the port",
            "portproxy occupe {from} de Windows, donc aussi {to} : il s'envoie les connexions à lui-même, et Ollama ne peut pas \
             obtenir le port"
        )
    } else {
        words!(
            "portproxy passes {from} of Windows on to {to}, where nobody listens",
            "portproxy fait suivre {from} de Windows vers {to}, où personne n'écoute"
        )
    };
    let problem = Problem::new(what);
    let problem = if itself { problem.cured_by(delete_portproxy(line.rule)) } else { problem };
    let problem = problem.cured_by(start_ollama(view));
    Some((if itself { add_portproxy(view).into_iter().fold(problem, Problem::cured_by) } else { problem }, true))
}

fn on_all_addresses(view: &View<'_>, line: &Line<'_>) -> Option<(Problem, bool)> {
    let Line { from, to, any, .. } = line;
    if !any {
        return None;
    }
    let what = words!(
        "portproxy listens on {from} of Windows and passes on to {to}: only the firewall keeps the LAN out, and Ollama asks \
         nobody for a password",
        "portproxy écoute sur {from} de Windows et fait suivre vers {to} : seul le pare-feu tient le réseau local à l'écart, et \
         Ollama ne demande de mot de passe à personne"
    );
    let problem = Problem::new(what).cured_by(delete_portproxy(line.rule));
    Some((add_portproxy(view).into_iter().fold(problem, Problem::cured_by), false))
}

/// A VPN may take over the network that Windows shares with WSL: what Windows answers then goes into the VPN (WSL #5068).
pub(super) fn route(facts: &Facts) -> Verdict {
    match judge_route(facts) {
        Ok(verdict) | Err(verdict) => verdict,
    }
}

fn judge_route(facts: &Facts) -> Result<Verdict, Verdict> {
    let view = View::of(facts).map_err(Verdict::Skip)?;
    view.gateway_only()?;
    let interface = view.windows.route_to_us.get().map_err(|why| Verdict::Skip(why.clone()))?;
    let us = facts.network.own_address().map_or_else(|| "WSL".to_owned(), |own| own.to_string());
    if view.is_wsl_adapter(interface) || view.answered() {
        return Ok(Verdict::Pass(words!(
            "Windows reaches {us} over {interface}",
            "Windows atteint {us} par {interface}"
        )));
    }
    let what = words!(
        "Windows sends what is for {us} into {interface}, not to WSL: its answers never come here",
        "Windows envoie ce qui est pour {us} dans {interface}, pas à WSL : ses réponses n'arrivent jamais ici"
    );
    let prefix = view.prefix().unwrap_or_else(|| us.clone());
    let cause = words!("a VPN has taken over {prefix}", "un VPN s'est approprié {prefix}");
    let test = Remedy::new(
        words!("see which way Windows takes", "voir quel chemin prend Windows"),
        Place::PowerShell,
        [format!("Find-NetRoute -RemoteIPAddress {us} | Select-Object InterfaceAlias, NextHop, RouteMetric")],
    );
    let problem = Problem::new(what).perhaps(cause).told_apart_by(test).cured_by(prefer_wsl_route());
    Ok(view.verdict(problem.cured_by(super::remedies::mirrored()), view.symptom == Symptom::Silence))
}

/// In mirrored mode, the firewall of Hyper-V decides whether localhost is shared.
pub(super) fn hyperv(facts: &Facts) -> Verdict {
    let view = match View::of(facts) {
        Ok(view) => view,
        Err(why) => return Verdict::Skip(why),
    };
    let mirrored = matches!(facts.system.mode.known(), Some(Mode::Mirrored | Mode::LocalhostShared));
    if view.way != Way::Localhost || !mirrored {
        return Verdict::Skip(words!("only matters in mirrored mode", "n'importe qu'en mode mirrored"));
    }
    match view.windows.hyperv_loopback.get() {
        Err(why) => Verdict::Skip(why.clone()),
        Ok(true) => Verdict::Pass(words!(
            "the Hyper-V firewall lets WSL and Windows share localhost",
            "le pare-feu Hyper-V laisse WSL et Windows partager localhost"
        )),
        Ok(false) => {
            let what = words!(
                "the Hyper-V firewall keeps localhost of WSL and of Windows apart",
                "le pare-feu Hyper-V sépare le localhost de WSL et celui de Windows"
            );
            let evidence = words!("LoopbackEnabled is False", "LoopbackEnabled vaut False");
            view.verdict(Problem::new(what).because(evidence).cured_by(enable_loopback()), true)
        }
    }
}
