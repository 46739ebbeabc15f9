//! A large request that gets stuck where a small one passes: full packets are lost on the way, and nobody says so.

use crate::doctor::live::Large;
use crate::doctor::ollama::checks::{Machine, machine};
use crate::doctor::{Facts, Place, Problem, Remedy, Verdict, figures};
use crate::gateway::wsl::Need;
use crate::words;
use crate::words::Words;

pub(super) fn judge(facts: &Facts) -> Verdict {
    let Large { sent, took_ms, stalled, error } = match facts.live.large.get() {
        Ok(large) => large,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let (Words { en: size, fr: taille }, Words { en: time, fr: temps }) =
        (figures::bytes(*sent), figures::ms(*took_ms));
    if *stalled {
        let problem = Problem::new(words!(
            "a request of {size} gets stuck, while a small one passes",
            "une requête de {taille} reste bloquée, alors qu'une petite passe"
        ))
        .because(words!("no answer came within {time}", "aucune réponse n'est venue en {temps}"));
        return if crosses_the_card(facts) { black_hole(facts, problem).fail() } else { not_read(problem).fail() };
    }
    match error {
        None => {
            Verdict::Pass(words!("a request of {size} passes, in {time}", "une requête de {taille} passe, en {temps}"))
        }
        Some(error) => Problem::new(words!(
            "a request of {size} fails, while a small one passes",
            "une requête de {taille} échoue, alors qu'une petite passe"
        ))
        .because(error.clone())
        .perhaps(words!(
            "an antivirus or a proxy between WSL and Ollama refuses long requests",
            "un antivirus ou un proxy entre WSL et Ollama refuse les longues requêtes"
        ))
        .perhaps(words!("Ollama ended in between", "Ollama s'est arrêté entre-temps"))
        .cured_by(Remedy::by_hand(words!(
            "have the antivirus leave Ollama's port alone, and test again: ollama-forward doctor live",
            "faire ignorer le port d'Ollama par l'antivirus, et refaire l'essai : ollama-forward doctor live"
        )))
        .fail(),
    }
}

/// Whether packets to Ollama leave through a network card: only there is their size limited.
fn crosses_the_card(facts: &Facts) -> bool {
    match machine(facts) {
        Machine::Windows => facts.system.need() != Some(Need::Nothing),
        Machine::Here => false,
        Machine::Elsewhere => true,
    }
}

fn not_read(problem: Problem) -> Problem {
    problem
        .perhaps(words!("Ollama hangs, or the machine is very busy", "Ollama est bloqué, ou la machine très occupée"))
        .perhaps(words!(
            "an antivirus reads the request first, and takes its time",
            "un antivirus lit d'abord la requête, et prend son temps"
        ))
        .cured_by(Remedy::by_hand(words!(
            "start Ollama again, and test again: ollama-forward doctor live",
            "redémarrer Ollama, et refaire l'essai : ollama-forward doctor live"
        )))
}

/// What VPNs carried where this was seen: 1396 and 1350 bytes (`wsl-networking` 3.1).
const SMALLER: u32 = 1350;
/// What IPv6 asks of every network (RFC 8200, 5).
const SMALLEST: u32 = 1280;
/// Ethernet's.
const USUAL: u32 = 1500;

fn black_hole(facts: &Facts, problem: Problem) -> Problem {
    let snapshot = facts.network.snapshot.known();
    let card = snapshot.and_then(|snapshot| snapshot.windows_side().next()).map_or("eth0", |(card, _)| card);
    let mtu = facts.network.mtu.known().copied();
    let problem = match mtu {
        Some(mtu) => problem.because(words!(
            "{card} sends packets of up to {mtu} bytes (its MTU)",
            "{card} envoie des paquets de {mtu} octets au plus (son MTU)"
        )),
        None => problem,
    };
    let problem = problem
        .perhaps(words!(
            "full packets are lost without a word: a VPN on Windows carries smaller ones than {card} sends (MTU)",
            "les paquets pleins se perdent sans un mot : un VPN sous Windows en transporte de plus petits que ceux \
             de {card} (MTU)"
        ))
        .perhaps(words!(
            "an antivirus or a filter on Windows holds long requests back",
            "un antivirus ou un filtre sous Windows retient les longues requêtes"
        ))
        .told_apart_by(cards_of_windows(card));
    with_smaller_packets(problem, card, mtu)
}

fn cards_of_windows(card: &str) -> Remedy {
    let what = words!(
        "see what the cards of Windows carry: one with less than {card} is the cause",
        "voir ce que transportent les cartes de Windows : une valeur plus petite que celle de {card} est la cause"
    );
    let command = "Get-NetIPInterface -AddressFamily IPv4 -ConnectionState Connected | Sort-Object NlMtu | \
                   Select-Object InterfaceAlias, NlMtu";
    Remedy::new(what, Place::PowerShell, [command])
}

fn with_smaller_packets(problem: Problem, card: &str, mtu: Option<u32>) -> Problem {
    let smaller = if mtu.is_some_and(|mtu| mtu <= SMALLER) { SMALLEST } else { SMALLER };
    let set = |mtu: u32| format!("ip link set dev {card} mtu {mtu}");
    let now = words!(
        "send smaller packets, until WSL is started again",
        "envoyer des paquets plus petits, jusqu'au redémarrage de WSL"
    );
    let always = words!("and at each start of WSL", "et à chaque démarrage de WSL");
    let share = words!(
        "or, on Windows 11, let WSL share the network of Windows (then: wsl --shutdown), or leave the VPN",
        "ou, sous Windows 11, laisser WSL partager le réseau de Windows (puis : wsl --shutdown), ou quitter le VPN"
    );
    let (boot, wslconfig) = ("/etc/wsl.conf".to_owned(), r"%UserProfile%\.wslconfig".to_owned());
    problem
        .cured_by(
            Remedy::shell(now, format!("sudo {}", set(smaller)))
                .undone_by([format!("sudo {}", set(mtu.unwrap_or(USUAL)))]),
        )
        .cured_by(Remedy::new(always, Place::File(boot), ["[boot]".to_owned(), format!("command = {}", set(smaller))]))
        .cured_by(Remedy::new(share, Place::File(wslconfig), ["[wsl2]", "networkingMode=mirrored"]))
}
