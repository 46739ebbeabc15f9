//! Is Ollama there, and who else has its port?

use super::remedies::{free_port, restart_ollama, start_ollama};
use super::view::{Symptom, View, Way};
use crate::doctor::windows::{Listener, Process};
use crate::doctor::{Facts, Place, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

const RELAY: &str = "wslrelay";
/// The service host, in which portproxy lives.
const SERVICES: &str = "svchost";
/// The kernel itself: pid 4, whose ports nobody can take back by ending it.
const SYSTEM: u32 = 4;

fn is(listener: &Listener, program: &str) -> bool {
    listener.program.eq_ignore_ascii_case(program)
}

/// `wslrelay` on the port: WSL has copied a listener of its own to Windows (`wsl-networking` 0.1).
pub(super) fn relay(facts: &Facts) -> Verdict {
    let (view, listeners) = match begin(facts) {
        Ok(begun) => begun,
        Err(skip) => return skip,
    };
    let port = view.port;
    let Some(relay) = listeners.iter().find(|listener| is(listener, RELAY)) else {
        return Verdict::Pass(words!(
            "WSL has copied no listener of its own to port {port} of Windows",
            "WSL n'a recopié aucune écoute de son côté vers le port {port} de Windows"
        ));
    };
    let beside = listeners.iter().any(|listener| listener.is_ollama() && view.reaches(listener));
    let (address, pid) = (&relay.address, relay.pid);
    let problem = Problem::new(copied(port, beside)).because(words!(
        "{address}:{port} belongs to wslrelay (pid {pid})",
        "{address}:{port} appartient à wslrelay (pid {pid})"
    ));
    let problem = with_copied(problem, &view);
    let problem = if beside { problem } else { problem.cured_by(start_ollama(&view)) };
    let off = words!(
        "or let WSL copy nothing to Windows any more; then, in PowerShell: wsl --shutdown",
        "ou interdire à WSL toute recopie vers Windows ; puis, dans PowerShell : wsl --shutdown"
    );
    let off =
        Remedy::new(off, Place::File(r"%UserProfile%\.wslconfig".into()), ["[wsl2]", "localhostForwarding=false"])
            .undone_by(["[wsl2]", "localhostForwarding=true"]);
    view.verdict(problem.cured_by(off), !beside)
}

fn copied(port: u16, beside: bool) -> Words {
    if beside {
        words!(
            "WSL has copied a listener of its own to 127.0.0.1:{port} of Windows: programs there that mean Ollama are sent \
             into WSL",
            "WSL a recopié une écoute de son côté vers 127.0.0.1:{port} de Windows : les programmes qui y cherchent Ollama \
             sont envoyés dans WSL"
        )
    } else {
        words!(
            "WSL has copied a listener of its own to 127.0.0.1:{port} of Windows, and Ollama cannot have the port",
            "WSL a recopié une écoute de son côté vers 127.0.0.1:{port} de Windows, et Ollama ne peut pas obtenir le port"
        )
    }
}

/// Who it is that is copied: listeners of WSL on the same port. Ours are mapped addresses, which WSL leaves alone.
fn with_copied(problem: Problem, view: &View<'_>) -> Problem {
    let port = view.port;
    let holders = view.facts.port.holders.known().map_or(&[][..], Vec::as_slice);
    let copied: Vec<_> = holders.iter().filter(|it| it.port == port && !it.address.starts_with("[::ffff:")).collect();
    if copied.is_empty() {
        let test = words!("see who listens on this port in WSL", "voir qui écoute sur ce port dans WSL");
        return problem.told_apart_by(Remedy::shell(test, format!("ss -ltnp 'sport = :{port}'")));
    }
    copied.into_iter().fold(problem, |problem, holder| {
        let (address, name) = (&holder.address, holder.name.as_deref().unwrap_or("?"));
        let problem =
            problem.because(words!("in WSL, {name} listens on {address}", "dans WSL, {name} écoute sur {address}"));
        let stop = words!(
            "stop {name} in WSL; `ollama-forward` listens in a way that is not copied",
            "arrêter {name} dans WSL ; `ollama-forward` écoute d'une façon qui n'est pas recopiée"
        );
        problem.cured_by(match holder.pid {
            Some(pid) => Remedy::shell(stop, format!("kill {pid}")),
            None => Remedy::by_hand(stop),
        })
    })
}

/// Somebody whom nobody expects on Ollama's port.
pub(super) fn port_owner(facts: &Facts) -> Verdict {
    let (view, listeners) = match begin(facts) {
        Ok(begun) => begun,
        Err(skip) => return skip,
    };
    let port = view.port;
    let expected = |listener: &&&Listener| {
        listener.is_ollama() || is(listener, SERVICES) || is(listener, RELAY) || listener.program.is_empty()
    };
    let Some(other) = listeners.iter().find(|listener| !expected(listener)) else {
        return Verdict::Pass(words!(
            "no other program holds port {port} of Windows",
            "aucun autre programme n'occupe le port {port} de Windows"
        ));
    };
    let program = &other.program;
    let beside = listeners.iter().any(|listener| listener.is_ollama() && view.reaches(listener));
    let speaks = view.answered() || view.windows.answers_locally.known() == Some(&true);
    if !beside && speaks {
        return Verdict::Pass(words!(
            "{program} holds port {port} of Windows, and answers as Ollama",
            "{program} occupe le port {port} de Windows, et répond comme Ollama"
        ));
    }
    view.verdict(stranger(&view, other, beside), !beside)
}

fn stranger(view: &View<'_>, other: &Listener, beside: bool) -> Problem {
    let Listener { address, port, pid, program, path: _ } = other;
    let what = if beside {
        words!(
            "{program} has {address}:{port} of Windows, beside Ollama: whoever asks for Ollama there gets {program}",
            "{program} occupe {address}:{port} de Windows, à côté d'Ollama : qui y cherche Ollama trouve {program}"
        )
    } else {
        words!(
            "port {port} of Windows belongs to {program}, not to Ollama",
            "le port {port} de Windows appartient à {program}, pas à Ollama"
        )
    };
    let which = words!("see which program that is", "voir de quel programme il s'agit");
    let test = Remedy::new(which, Place::PowerShell, [format!("Get-Process -Id {pid} | Select-Object Name, Path")]);
    let stop = words!(
        "end {program}, if it is not needed; then start Ollama",
        "arrêter {program}, s'il n'est pas nécessaire ; puis démarrer Ollama"
    );
    let stop = if *pid > SYSTEM {
        Remedy::new(stop, Place::PowerShell, [format!("Stop-Process -Id {pid}")])
    } else {
        Remedy::by_hand(stop)
    };
    let problem = Problem::new(what)
        .because(words!("{address}:{port}: {program} (pid {pid})", "{address}:{port} : {program} (pid {pid})"))
        .told_apart_by(test)
        .cured_by(stop);
    if beside { problem } else { problem.cured_by(start_ollama(view)) }
}

/// Windows keeps the port for itself (Hyper-V, `WinNAT`), and lets nobody listen on it.
pub(super) fn excluded(facts: &Facts) -> Verdict {
    let (view, listeners) = match begin(facts) {
        Ok(begun) => begun,
        Err(skip) => return skip,
    };
    let ranges = match view.windows.excluded.get() {
        Ok(ranges) => ranges,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let port = view.port;
    let Some((first, last)) = ranges.iter().find(|(first, last)| (*first..=*last).contains(&port)) else {
        return Verdict::Pass(words!(
            "Windows leaves port {port} to programs",
            "Windows laisse le port {port} aux programmes"
        ));
    };
    if !listeners.is_empty() {
        return Verdict::Pass(words!(
            "port {port} is in a range that Windows has reserved since ({first}-{last}), but it is in use",
            "le port {port} est dans une plage que Windows a réservée depuis ({first}-{last}), mais il est utilisé"
        ));
    }
    let what = words!(
        "Windows keeps port {port} for itself: Ollama cannot listen on it",
        "Windows se réserve le port {port} : Ollama ne peut pas y écouter"
    );
    let problem = Problem::new(what)
        .because(words!("excluded range {first}-{last}", "plage exclue {first}-{last}"))
        .cured_by(free_port(&view))
        .cured_by(start_ollama(&view));
    view.verdict(problem, true)
}

/// Whether Ollama runs, listens, and answers on Windows' own 127.0.0.1.
pub(super) fn ollama(facts: &Facts) -> Verdict {
    let (view, listeners) = match begin(facts) {
        Ok(begun) => begun,
        Err(skip) => return skip,
    };
    let place = view.place();
    if view.answered() {
        return Verdict::Pass(words!(
            "Ollama runs on Windows, and answers at {place}",
            "Ollama tourne sous Windows, et répond à {place}"
        ));
    }
    if listeners.is_empty() {
        return silent(&view);
    }
    let here = listeners.iter().any(|listener| listener.is_loopback() || listener.is_any());
    let port = view.port;
    match view.windows.answers_locally.known() {
        Some(false) if here && !by_portproxy(&listeners) => {
            view.verdict(stuck(&view), matches!(view.symptom, Symptom::Silence | Symptom::Dropped | Symptom::Foreign))
        }
        Some(true) => Verdict::Pass(words!(
            "Ollama runs on Windows, and answers on its own 127.0.0.1:{port}",
            "Ollama tourne sous Windows, et répond sur son propre 127.0.0.1:{port}"
        )),
        Some(false) | None => {
            Verdict::Pass(words!("port {port} of Windows is in use", "le port {port} de Windows est utilisé"))
        }
    }
}

fn stuck(view: &View<'_>) -> Problem {
    let port = view.port;
    let what = words!(
        "Ollama listens on port {port} of Windows, but does not answer there, either",
        "Ollama écoute sur le port {port} de Windows, mais n'y répond pas non plus"
    );
    let evidence = words!(
        "http://127.0.0.1:{port}/api/version, asked by Windows itself, gave no answer within 2 s",
        "http://127.0.0.1:{port}/api/version, demandé par Windows lui-même, n'a rien donné en 2 s"
    );
    let cause = words!("Ollama is stuck, or just starting", "Ollama est bloqué, ou vient de démarrer");
    Problem::new(what).because(evidence).perhaps(cause).cured_by(restart_ollama(view))
}

fn by_portproxy(listeners: &[&Listener]) -> bool {
    listeners.iter().all(|listener| is(listener, SERVICES) || is(listener, RELAY))
}

/// Nobody listens on the port: another port, not started, or not there at all.
fn silent(view: &View<'_>) -> Verdict {
    let port = view.port;
    let all = view.windows.listeners.known().map_or(&[][..], Vec::as_slice);
    if let Some(other) = all.iter().find(|listener| listener.is_ollama()) {
        let (address, actual) = (&other.address, other.port);
        let what = words!(
            "Ollama listens on port {actual} of Windows, and port {port} is asked for",
            "Ollama écoute sur le port {actual} de Windows, alors que c'est le port {port} qui est demandé"
        );
        let go = words!("go where Ollama is", "aller là où est Ollama");
        let problem = Problem::new(what)
            .because(words!("ollama listens on {address}:{actual}", "ollama écoute sur {address}:{actual}"))
            .cured_by(Remedy::shell(go, format!("ollama-forward --upstream auto:{actual}")));
        return view.verdict(problem, true);
    }
    let (processes, installed) = (&view.windows.ollama_processes, &view.windows.ollama_installed);
    match (processes.known().map(Vec::as_slice), installed.known()) {
        (Some([first, ..]), _) => not_listening(view, first),
        (Some([]), Some(false)) => not_installed(view),
        (Some([]), Some(true) | None) | (None, Some(_) | None) => not_running(view),
    }
}

fn not_listening(view: &View<'_>, process: &Process) -> Verdict {
    let (port, name, pid) = (view.port, &process.name, process.pid);
    let what = words!(
        "Ollama runs on Windows, but listens on no port that is known: {port} is closed",
        "Ollama tourne sous Windows, mais n'écoute sur aucun port connu : {port} est fermé"
    );
    let problem = Problem::new(what)
        .because(words!("{name} (pid {pid}) runs", "{name} (pid {pid}) tourne"))
        .perhaps(words!(
            "its server is just starting, or ends again and again",
            "son serveur démarre à l'instant, ou s'arrête sans cesse"
        ))
        .told_apart_by(Remedy::new(
            words!("see what its server says", "voir ce que dit son serveur"),
            Place::PowerShell,
            [r#"Get-Content "$env:LOCALAPPDATA\Ollama\server.log" -Tail 20"#],
        ))
        .cured_by(restart_ollama(view));
    view.verdict(problem, true)
}

fn not_installed(view: &View<'_>) -> Verdict {
    let what = words!(
        "Ollama is not installed for this user of Windows",
        "Ollama n'est pas installé pour cet utilisateur de Windows"
    );
    let install = Remedy::new(words!("install it", "l'installer"), Place::PowerShell, ["winget install Ollama.Ollama"])
        .undone_by(["winget uninstall Ollama.Ollama"]);
    let elsewhere = words!("or, if it runs elsewhere, name the place", "ou, s'il tourne ailleurs, indiquer où");
    let problem = Problem::new(what)
        .because(words!("no process and no program of that name", "ni processus ni programme de ce nom"))
        .cured_by(install)
        .cured_by(Remedy::shell(elsewhere, "ollama-forward --upstream HOST:PORT"));
    view.verdict(problem, true)
}

fn not_running(view: &View<'_>) -> Verdict {
    let port = view.port;
    let what = if view.windows.ollama_processes.known().is_some() {
        words!("Ollama is not running on Windows", "Ollama ne tourne pas sous Windows")
    } else {
        words!("Ollama does not listen on Windows", "Ollama n'écoute pas sous Windows")
    };
    let problem = Problem::new(what)
        .because(words!("nobody listens on port {port} of Windows", "personne n'écoute sur le port {port} de Windows"));
    let problem = match (view.symptom, view.way) {
        (Symptom::Silence, Way::Gateway | Way::Unclear) => problem.because(words!(
            "silence is no sign of a firewall here: Windows hides closed ports",
            "le silence ne trahit pas ici un pare-feu : Windows masque les ports fermés"
        )),
        (Symptom::Silence, Way::Localhost)
        | (
            Symptom::Answered
            | Symptom::Refused
            | Symptom::Dropped
            | Symptom::Foreign
            | Symptom::Loop
            | Symptom::Unreachable
            | Symptom::Untried,
            Way::Gateway | Way::Localhost | Way::Unclear,
        ) => problem,
    };
    view.verdict(problem.cured_by(start_ollama(view)), true)
}

/// What all four begin with.
fn begin(facts: &Facts) -> Result<(View<'_>, Vec<&Listener>), Verdict> {
    let view = View::of(facts).map_err(Verdict::Skip)?;
    let listeners = view.listeners()?;
    Ok((view, listeners))
}
