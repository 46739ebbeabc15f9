//! Judges the live test. Pure.

mod mtu;
mod spoken;

use super::{Small, Through};
use crate::doctor::{Check, Detail, Facts, Group, Problem, Remedy, Verdict, figures};
use crate::words;
use crate::words::Words;

/// What goes through the forward, and what does not. A large request, a stream or a tool call say something of their own only
/// where a small request passes.
pub const CHECKS: &[Check] = &[
    Check::new(
        Group::Live,
        "live-small",
        || words!("a small request", "une petite requête"),
        &["reach", "forward"],
        small,
    )
    .with(details),
    Check::new(
        Group::Live,
        "live-stream",
        || words!("a streamed answer", "une réponse en flux"),
        &["reach", "live-small"],
        spoken::stream,
    )
    .with(spoken::details),
    Check::new(
        Group::Live,
        "live-large",
        || words!("a large request", "une grosse requête"),
        &["reach", "live-small"],
        mtu::judge,
    ),
    Check::new(
        Group::Live,
        "live-tools",
        || words!("a tool call", "un appel d'outil"),
        &["reach", "live-small"],
        spoken::tools,
    ),
];

/// Ollama answers this from memory, within a millisecond: more than this is no small delay.
const SLOW_US: u64 = 1_000_000;

fn small(facts: &Facts) -> Verdict {
    let Small { took_us, error } = match facts.live.small.get() {
        Ok(small) => small,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let Words { en, fr } = figures::time(std::time::Duration::from_micros(*took_us));
    let way = way(facts);
    let (way_en, way_fr) = (way.en, way.fr);
    match error {
        Some(error) => not_passed(facts, error).fail(),
        None if *took_us >= SLOW_US => {
            Problem::new(words!("a small request {way_en} takes {en}", "une petite requête {way_fr} prend {fr}"))
                .perhaps(words!(
                    "packets are lost on the way, and sent again",
                    "des paquets se perdent en chemin, et sont renvoyés"
                ))
                .perhaps(words!(
                    "Windows or WSL is short of memory or processor time",
                    "Windows ou WSL manque de mémoire ou de temps processeur"
                ))
                .told_apart_by(Remedy::shell(
                    words!("see whether packets are sent again", "voir si des paquets sont renvoyés"),
                    "nstat -az TcpRetransSegs",
                ))
                .cured_by(Remedy::by_hand(words!(
                    "end what keeps the machine busy, and test again: ollama-forward doctor live",
                    "arrêter ce qui occupe la machine, et refaire l'essai : ollama-forward doctor live"
                )))
                .warn()
        }
        None => Verdict::Pass(words!("a small request {way_en} takes {en}", "une petite requête {way_fr} prend {fr}")),
    }
}

/// Ollama itself answers, or this would not be judged.
fn not_passed(facts: &Facts, error: &Words) -> Problem {
    let way = way(facts);
    let (way_en, way_fr) = (way.en, way.fr);
    let problem = Problem::new(words!(
        "a small request {way_en} fails, though Ollama answers when it is asked directly",
        "une petite requête {way_fr} échoue, alors qu'Ollama répond quand on l'interroge directement"
    ))
    .because(error.clone());
    match &facts.live.through {
        Some(Through::Running(_)) => running_is_wrong(facts, problem),
        Some(Through::Started(_) | Through::Direct(_)) | None => problem
            .perhaps(words!(
                "Ollama has ended in between, or was started again",
                "Ollama s'est arrêté entre-temps, ou a été redémarré"
            ))
            .perhaps(words!(
                "a firewall inside WSL blocks connections to 127.0.0.1",
                "un pare-feu dans WSL bloque les connexions à 127.0.0.1"
            ))
            .told_apart_by(Remedy::shell(
                words!("look at the rules of the firewall", "regarder les règles du pare-feu"),
                "sudo nft list ruleset",
            ))
            .cured_by(Remedy::shell(words!("test again", "refaire l'essai"), "ollama-forward doctor reach live")),
    }
}

fn running_is_wrong(facts: &Facts, problem: Problem) -> Problem {
    let upstream = facts.port.forward().and_then(|report| report.upstream.as_deref());
    let problem = match upstream {
        Some(upstream) => problem.because(words!("the forward goes to {upstream}", "le relais mène à {upstream}")),
        None => problem,
    };
    let restart = words!("stop it (Ctrl-C), and start it again", "l'arrêter (Ctrl-C), et le relancer");
    problem
        .perhaps(words!(
            "the forward goes to another place than the one that answers",
            "le relais mène à un autre endroit que celui qui répond"
        ))
        .perhaps(words!("it hangs, or is an older version", "il est bloqué, ou d'une version plus ancienne"))
        .told_apart_by(Remedy::shell(
            words!("see where it goes, and what it says", "voir où il mène, et ce qu'il dit"),
            "ollama-forward status",
        ))
        .cured_by(Remedy::shell(restart, "ollama-forward"))
}

/// By which way the test went, as the end of a sentence.
fn way(facts: &Facts) -> Words {
    match &facts.live.through {
        Some(Through::Running(address)) => {
            words!("through the forward at {address}", "à travers le relais de {address}")
        }
        Some(Through::Started(_)) => {
            words!("through a forward started for this test", "à travers un relais lancé pour cet essai")
        }
        Some(Through::Direct(address)) => {
            words!("to {address} itself", "à {address} directement")
        }
        None => words!("to Ollama", "à Ollama"),
    }
}

fn details(facts: &Facts) -> Vec<Detail> {
    let went = match facts.live.through {
        None => return Vec::new(),
        Some(Through::Running(address)) => words!("the forward that runs, {address}", "le relais en marche, {address}"),
        Some(Through::Started(_)) => words!("a forward of its own", "un relais à lui"),
        Some(Through::Direct(address)) => words!("{address} itself", "{address} directement"),
    };
    vec![Detail { name: words!("the test went through", "l'essai est passé par"), value: went }]
}

#[cfg(test)]
mod tests;
