//! Judges our side: who has the port, what our forward says of itself, and what else wants the same. Pure.

use std::net::{IpAddr, SocketAddr};

use super::{Holder, Port};
use crate::doctor::network::Tried;
use crate::doctor::{Check, Detail, Facts, Fix, Group, Problem, Remedy, Verdict, figures};
use crate::gateway::wsl::{Mode, Need};
use crate::status::{Report, State};
use crate::words;
use crate::words::Words;

pub const CHECKS: &[Check] = &[
    Check::new(Group::Port, "listen-port", || words!("the port", "le port"), &["config"], port).with(holders),
    Check::new(
        Group::Port,
        "forward",
        || words!("the forward", "le relais"),
        &["config", "listen-port", "win-portproxy", "win-relay"],
        forward,
    )
    .with(state),
    Check::new(
        Group::Port,
        "copied",
        || words!("not copied to Windows", "pas recopié dans Windows"),
        &["listen-port"],
        copied,
    ),
    Check::new(
        Group::Port,
        "exposure",
        || words!("who can reach it", "qui peut l'atteindre"),
        &["listen-port"],
        exposure,
    ),
    Check::new(
        Group::Port,
        "linux-ollama",
        || words!("a second Ollama", "un second Ollama"),
        &["listen-port"],
        linux_ollama,
    ),
    Check::new(Group::Port, "stale-socket", || words!("status sockets", "sockets d'état"), &[], stale_socket),
    Check::new(Group::Port, "keepalive", || words!("keepalive", "keepalive"), &["forward"], keepalive),
];

/// The kernel cuts names of programs to 15 letters (`man 5 proc`, `/proc/PID/comm`): ours has 14.
const OUR_NAME: &str = "ollama-forward";

impl Holder {
    /// As people call it: name, process, user.
    fn words(&self) -> Words {
        let (user, address) = (&self.user, &self.address);
        match (&self.name, self.pid) {
            (Some(name), Some(pid)) => {
                words!(
                    "{name} (pid {pid}, user {user}) on {address}",
                    "{name} (pid {pid}, utilisateur {user}) sur {address}"
                )
            }
            _ => words!("a process of user {user} on {address}", "un processus de l'utilisateur {user} sur {address}"),
        }
    }

    fn is_ours(&self, forwards: &[Report]) -> bool {
        self.name.as_deref() == Some(OUR_NAME) || forwards.iter().any(|report| Some(report.pid) == self.pid)
    }
}

fn port(facts: &Facts) -> Verdict {
    let Port { holders, forwards, .. } = &facts.port;
    let holders = match holders.get() {
        Ok(holders) => holders,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let number = facts.port.listen.first().map_or(crate::config::OLLAMA_PORT, SocketAddr::port);
    let Some(other) = holders.iter().find(|holder| !holder.is_ours(forwards)) else {
        return match holders.first() {
            Some(ours) => Verdict::Pass(ours.words()),
            None => Verdict::Pass(words!("{number} is free", "{number} est libre")),
        };
    };
    if facts.system.need() == Some(Need::Nothing) {
        return taken_from_windows(other, number);
    }
    taken(facts, other, number)
}

fn taken(facts: &Facts, other: &Holder, number: u16) -> Verdict {
    let holder = other.words();
    let problem = Problem::new(Words {
        en: format!("port {number} is taken by {}", holder.en),
        fr: format!("le port {number} est pris par {}", holder.fr),
    });
    let problem = match &other.command {
        Some(command) => problem.because(words!("its command line: {command}", "sa ligne de commande : {command}")),
        None => problem,
    };
    let stop = match (other.name.as_deref(), other.pid) {
        (Some("ollama"), _) => Remedy::shell(
            words!(
                "an Ollama inside WSL: stop it, and keep it from starting",
                "un Ollama dans WSL : l'arrêter, et l'empêcher de démarrer"
            ),
            "sudo systemctl disable --now ollama",
        )
        .undone_by(["sudo systemctl enable --now ollama"]),
        (_, Some(pid)) => Remedy::shell(words!("stop it", "l'arrêter"), format!("kill {pid}")),
        (_, None) => Remedy::shell(
            words!(
                "find out what it is (it belongs to another user)",
                "voir ce que c'est (il appartient à un autre utilisateur)"
            ),
            format!("sudo ss -ltnp 'sport = :{number}'"),
        ),
    };
    let free = if number == crate::config::OLLAMA_PORT { 11435 } else { crate::config::OLLAMA_PORT };
    let elsewhere = Remedy::shell(
        words!("or listen elsewhere, and tell Codex", "ou écouter ailleurs, et le dire à Codex"),
        format!("ollama-forward --listen-port {free}"),
    );
    let problem = problem.cured_by(stop).cured_by(elsewhere);
    // With a forward elsewhere, all is well but for clients that expect this port.
    if facts.port.forwards.is_empty() { problem.fail() } else { problem.warn() }
}

/// In these modes what listens here in Linux stands in the way of Windows' own port.
fn taken_from_windows(other: &Holder, number: u16) -> Verdict {
    let holder = other.words();
    let problem = Problem::new(Words {
        en: format!("localhost should be Windows in this mode, but in WSL port {number} is taken by {}", holder.en),
        fr: format!(
            "localhost devrait être Windows dans ce mode, mais dans WSL le port {number} est pris par {}",
            holder.fr
        ),
    });
    match other.pid {
        Some(pid) => problem.cured_by(Remedy::shell(words!("stop it", "l'arrêter"), format!("kill {pid}"))).fail(),
        None => problem
            .cured_by(Remedy::shell(
                words!("find out what it is", "voir ce que c'est"),
                format!("sudo ss -ltnp 'sport = :{number}'"),
            ))
            .fail(),
    }
}

fn holders(facts: &Facts) -> Vec<Detail> {
    let known = facts.port.holders.known().map_or(&[][..], Vec::as_slice);
    let one = |holder: &Holder| Detail {
        name: Words::same(&holder.address),
        value: Words::same(holder.command.clone().unwrap_or_else(|| holder.user.clone())),
    };
    known.iter().map(one).collect()
}

fn forward(facts: &Facts) -> Verdict {
    if facts.system.need() == Some(Need::Nothing) && facts.port.forward().is_none() {
        return Verdict::Skip(words!(
            "nothing has to be forwarded in this mode",
            "il n'y a rien à relayer dans ce mode"
        ));
    }
    let Some(report) = facts.port.forward() else {
        return not_running(facts);
    };
    let (listen, pid) = (report.listen.join(", "), report.pid);
    if let Some(error) = &report.error
        && error.id == "E-UPSTREAM-LOOP"
    {
        let message = &error.message;
        return Problem::new(words!("traffic goes in a circle: {message}", "le trafic tourne en rond : {message}"))
            .perhaps(words!(
                "a portproxy on Windows sends the port back into WSL",
                "un portproxy de Windows renvoie le port dans WSL"
            ))
            .perhaps(words!(
                "WSL has copied a listener to Windows (wslrelay)",
                "WSL a recopié une écoute dans Windows (wslrelay)"
            ))
            .told_apart_by(Remedy::new(
                words!("see who has the port on Windows", "voir qui occupe le port sous Windows"),
                crate::doctor::Place::PowerShell,
                ["netsh interface portproxy show all", "netstat -ano | findstr LISTENING | findstr :11434"],
            ))
            .fail();
    }
    let upstream = report.upstream.clone().unwrap_or_else(|| "?".into());
    match (report.state, facts.network.answered()) {
        (State::Up, _) => Verdict::Pass(words!("{listen} → {upstream}, pid {pid}", "{listen} → {upstream}, pid {pid}")),
        (State::Down | State::Searching, Some(tried)) => astray(report, tried),
        (State::Down | State::Searching, None) => Verdict::Skip(words!(
            "pid {pid} runs, and does not reach Ollama either",
            "le pid {pid} tourne, et n'atteint pas Ollama non plus"
        )),
    }
}

/// Ollama is there, and the forward elsewhere.
fn astray(report: &Report, tried: &Tried) -> Verdict {
    let address = tried.address;
    let mut problem = Problem::new(words!(
        "Ollama answers at {address}, but the running forward does not get there",
        "Ollama répond à {address}, mais le relais en marche n'y arrive pas"
    ));
    if let Some(error) = &report.error {
        let message = &error.message;
        problem = problem.because(words!("the forward says: {message}", "le relais dit : {message}"));
    }
    problem
        .perhaps(words!("it was just lost, and is being found again", "il vient d'être perdu, et il est recherché"))
        .perhaps(words!("the forward was started with another upstream", "le relais a été lancé avec une autre cible"))
        .cured_by(Remedy::shell(
            words!(
                "look again, and if it stays so, start the forward anew",
                "regarder de nouveau, et si cela dure, relancer le relais"
            ),
            "ollama-forward status",
        ))
        .fail()
}

fn not_running(facts: &Facts) -> Verdict {
    let holders = facts.port.holders.known().map_or(&[][..], Vec::as_slice);
    if let Some(ours) = holders.iter().find(|holder| holder.is_ours(&[])) {
        let holder = ours.words();
        return Verdict::Skip(Words {
            en: format!("{} runs, but its status cannot be asked from here", holder.en),
            fr: format!("{} tourne, mais son état ne peut être demandé d'ici", holder.fr),
        });
    }
    let listen = facts.port.listen.first().map_or_else(|| "127.0.0.1:11434".to_owned(), ToString::to_string);
    Problem::new(words!(
        "no forward runs: nothing serves {listen}",
        "aucun relais ne tourne : rien n'écoute sur \
                                                                     {listen}"
    ))
    .cured_by(Remedy::shell(
        words!("start it, and leave it running", "le lancer, et le laisser tourner"),
        "ollama-forward --translate",
    ))
    .warn()
}

fn state(facts: &Facts) -> Vec<Detail> {
    let one = |report: &Report| {
        let (pid, version, how) = (report.pid, &report.version, &report.how);
        let (up, same) = (figures::ms(report.uptime_ms), figures::ms(report.changed_ms_ago));
        let (en, fr) =
            if report.translate { ("translates", "traduit") } else { ("does not translate", "ne traduit pas") };
        Detail {
            name: Words::same(report.listen.join(", ")),
            value: Words {
                en: format!("pid {pid}, version {version}, {how}, {en}; up {}, unchanged for {}", up.en, same.en),
                fr: format!(
                    "pid {pid}, version {version}, {how}, {fr} ; en marche depuis {}, inchangé depuis {}",
                    up.fr, same.fr
                ),
            },
        }
    };
    facts.port.forwards.iter().map(one).collect()
}

/// WSL copies what listens on these to Windows; the form that we use, `[::ffff:127.0.0.1]`, it does not (`wsl-networking` 0).
fn is_copied(holder: &Holder) -> bool {
    let Ok(address) = holder.address.parse::<SocketAddr>() else { return false };
    match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified(),
    }
}

fn copied(facts: &Facts) -> Verdict {
    if facts.system.mode.known() != Some(&Mode::Nat) {
        return Verdict::Skip(words!("only in NAT mode", "seulement en mode NAT"));
    }
    let holders = match facts.port.holders.get() {
        Ok(holders) => holders,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let Some(holder) = holders.iter().find(|holder| is_copied(holder)) else {
        return Verdict::Pass(words!("WSL has nothing to copy", "WSL n'a rien à recopier"));
    };
    let (address, port) = (&holder.address, holder.port);
    Problem::new(words!(
        "WSL copies the listener {address} to Windows: Ollama there cannot take port {port}, or traffic goes in a circle",
        "WSL recopie l'écoute {address} dans Windows : Ollama ne peut y prendre le port {port}, ou le trafic tourne \
         en rond"
    ))
    .cured_by(Remedy::shell(
        words!(
            "listen on 127.0.0.1 by ollama-forward, which takes a form that WSL does not copy",
            "écouter sur 127.0.0.1 avec ollama-forward, sous une forme que WSL ne recopie pas"
        ),
        format!("ollama-forward --listen 127.0.0.1:{port}"),
    ))
    .warn()
}

fn exposure(facts: &Facts) -> Verdict {
    let holders = match facts.port.holders.get() {
        Ok(holders) => holders,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let is_open = |holder: &&Holder| {
        let address = holder.address.parse::<SocketAddr>().ok().map(|address| address.ip().to_canonical());
        holder.is_ours(&facts.port.forwards) && address.is_some_and(|ip| !ip.is_loopback())
    };
    match holders.iter().find(is_open) {
        None => Verdict::Pass(words!("this machine only", "cette machine seulement")),
        Some(holder) => {
            let address = &holder.address;
            Problem::new(words!(
                "the forward listens on {address}: other machines can use your Ollama, which asks nobody for a password",
                "le relais écoute sur {address} : d'autres machines peuvent utiliser votre Ollama, qui ne demande de \
                 mot de passe à personne"
            ))
            .cured_by(Remedy::shell(words!("if that is not meant", "si ce n'est pas voulu"), "ollama-forward --listen 127.0.0.1"))
            .warn()
        }
    }
}

fn linux_ollama(facts: &Facts) -> Verdict {
    let running = match facts.port.linux_ollama.get() {
        Ok(running) => running,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let Some(first) = running.first() else {
        return Verdict::Pass(words!("none in WSL", "aucun dans WSL"));
    };
    let holder = first.words();
    Problem::new(Words {
        en: format!("an Ollama runs inside WSL, too: {}", holder.en),
        fr: format!("un Ollama tourne aussi dans WSL : {}", holder.fr),
    })
    .because(words!(
        "two Ollamas have two sets of models: what one has pulled, the other has not",
        "deux Ollama ont deux jeux de modèles : ce que l'un a téléchargé, l'autre ne l'a pas"
    ))
    .cured_by(
        Remedy::shell(
            words!("keep only the one on Windows", "ne garder que celui de Windows"),
            "sudo systemctl disable --now ollama",
        )
        .undone_by(["sudo systemctl enable --now ollama"]),
    )
    .warn()
}

fn stale_socket(facts: &Facts) -> Verdict {
    let Some(first) = facts.port.stale_sockets.first() else {
        return Verdict::Pass(words!("none is left over", "aucun ne traîne"));
    };
    let (path, more) = (first.display(), facts.port.stale_sockets.len() - 1);
    let mut problem = Problem::new(words!(
        "{path} was left by a forward that died",
        "{path} a été laissé par un relais qui s'est arrêté net"
    ));
    if more > 0 {
        problem = problem.because(words!("{more} more like it", "et {more} de plus, du même genre"));
    }
    for socket in &facts.port.stale_sockets {
        problem = problem.cured_by(
            Remedy::shell(words!("remove it", "le supprimer"), format!("rm '{}'", socket.display()))
                .fixed_by(Fix::RemoveSocket(socket.clone())),
        );
    }
    problem.warn()
}

fn keepalive(facts: &Facts) -> Verdict {
    match facts.port.keepalive.get() {
        Err(why) => Verdict::Skip(why.clone()),
        Ok((0, 0)) => Verdict::Skip(words!("no connection is open to look at", "aucune connexion ouverte à examiner")),
        Ok((with, 0)) => Verdict::Pass(words!(
            "{with} connections to Ollama are asked whether they live",
            "{with} connexions à Ollama sont sondées"
        )),
        Ok((_, without)) => Problem::new(words!(
            "{without} connections to Ollama have no keepalive: after a sleep they would wait for ever",
            "{without} connexions à Ollama n'ont pas de keepalive : après une veille, elles attendraient sans fin"
        ))
        .perhaps(words!(
            "they are those of another program that goes to Ollama directly",
            "ce sont celles d'un autre programme, qui va droit à Ollama"
        ))
        .told_apart_by(Remedy::shell(
            words!("see whose they are", "voir à qui elles sont"),
            "ss -tnpo state established",
        ))
        .warn(),
    }
}

#[cfg(test)]
mod tests;
