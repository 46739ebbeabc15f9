//! The server as a whole: its version, its clock, and how it lets requests wait.

use super::cures::{Machine, machine, set_variable, variable};
use super::if_codex;
use crate::doctor::ollama::Api;
use crate::doctor::{Facts, Place, Problem, Remedy, Verdict};
use crate::gateway::wsl::Mode;
use crate::words;
use crate::words::Words;

/// `codex --oss` refuses what is older (0.169; `codex-client` 1).
const CODEX_WANTS: [u64; 3] = [0, 13, 4];
/// `/v1/responses`, which Codex speaks, came with it (`ollama-server` A7).
const HAS_RESPONSES: [u64; 3] = [0, 13, 3];

pub(super) fn version(facts: &Facts) -> Verdict {
    let version = match facts.ollama.version.get() {
        Ok(version) => version,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    match numbers(version) {
        // Built by hand: Codex takes it, too.
        None | Some([0, 0, 0]) => Verdict::Pass(words!(
            "Ollama says \"{version}\", which is no release; Codex accepts it",
            "Ollama indique « {version} », qui n'est pas une version publiée ; Codex l'accepte"
        )),
        Some(numbers) if numbers >= CODEX_WANTS => Verdict::Pass(words!(
            "Ollama {version}; Codex wants 0.13.4 or newer",
            "Ollama {version} ; Codex demande la version 0.13.4 ou une plus récente"
        )),
        Some(numbers) => {
            let problem = Problem::new(words!(
                "Ollama {version} is too old for Codex, which wants 0.13.4 or newer",
                "Ollama {version} est trop ancien pour Codex, qui demande la version 0.13.4 ou une plus récente"
            ));
            let problem = if numbers < HAS_RESPONSES {
                problem.because(words!(
                    "before 0.13.3, Ollama has no /v1/responses, which Codex speaks",
                    "avant la version 0.13.3, Ollama n'a pas /v1/responses, l'API que Codex utilise"
                ))
            } else {
                problem
            };
            if_codex(facts, problem.cured_by(update(machine(facts))))
        }
    }
}

/// The three numbers that a version begins with, such as those of `0.33.0-rc2`.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let core = version.trim().trim_start_matches('v').split(['-', '+', ' ']).next()?;
    let mut parts = core.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn update(machine: Machine) -> Remedy {
    let what = words!("update Ollama", "mettre Ollama à jour");
    match machine {
        Machine::Windows => Remedy::new(
            words!(
                "update Ollama (or in its app: restart to update)",
                "mettre Ollama à jour (ou dans son application : redémarrer pour mettre à jour)"
            ),
            Place::PowerShell,
            ["winget upgrade --id Ollama.Ollama"],
        ),
        Machine::Here => Remedy::shell(what, "curl -fsSL https://ollama.com/install.sh | sh"),
        Machine::Elsewhere => Remedy::by_hand(words!(
            "update Ollama on that machine: https://ollama.com/download",
            "mettre Ollama à jour sur cette machine-là : https://ollama.com/download"
        )),
    }
}

/// Seconds by which clocks may differ: the header has no parts of seconds, and the answer takes its time.
const CLOCKS_AGREE: u64 = 5;

pub(super) fn clock(facts: &Facts) -> Verdict {
    let (theirs, ours) = match facts.ollama.clocks.get() {
        Ok(clocks) => *clocks,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let apart = theirs.abs_diff(ours);
    if apart <= CLOCKS_AGREE {
        return Verdict::Pass(words!(
            "the clocks here and at Ollama agree (within {CLOCKS_AGREE} s)",
            "les horloges d'ici et d'Ollama concordent (à {CLOCKS_AGREE} s près)"
        ));
    }
    let problem = Problem::new(if ours < theirs {
        words!(
            "the clock here is {apart} s behind that of Ollama",
            "l'horloge d'ici retarde de {apart} s sur celle d'Ollama"
        )
    } else {
        words!(
            "the clock here is {apart} s ahead of that of Ollama",
            "l'horloge d'ici avance de {apart} s sur celle d'Ollama"
        )
    });
    if machine(facts) == Machine::Windows && is_wsl(facts) {
        return problem
            .perhaps(words!(
                "Windows slept, and WSL has not noticed: logs, certificates and builds then go wrong",
                "Windows a été en veille, et WSL ne l'a pas remarqué : journaux, certificats et compilations en \
                 souffrent"
            ))
            .cured_by(Remedy::shell(
                words!("take the time of Windows", "reprendre l'heure de Windows"),
                "sudo hwclock -s",
            ))
            .warn();
    }
    let what = words!("compare the clocks of both machines", "comparer les horloges des deux machines");
    problem.cured_by(Remedy::shell(what, "timedatectl")).warn()
}

fn is_wsl(facts: &Facts) -> bool {
    facts.system.mode.known().is_none_or(|mode| !matches!(mode, Mode::Linux | Mode::Container))
}

/// Codex asks for turns of sub-agents and for titles side by side: fewer waiting places than this can run out.
const FEW_PLACES: u64 = 8;

pub(super) fn queue(facts: &Facts) -> Verdict {
    if facts.ollama.api.known() == Some(&Api::Chat) {
        return Verdict::Skip(words!(
            "this server is not Ollama, and has settings of its own for this",
            "ce serveur n'est pas Ollama, et a ses propres réglages pour cela"
        ));
    }
    if let Some(value) = variable(facts, "OLLAMA_KEEP_ALIVE").filter(|value| is_nothing(value)) {
        return Problem::new(words!(
            "Ollama drops its model after each answer, and loads it again for the next",
            "Ollama décharge son modèle après chaque réponse, et le recharge pour la suivante"
        ))
        .because(words!("OLLAMA_KEEP_ALIVE is {value} on Windows", "OLLAMA_KEEP_ALIVE vaut {value} sous Windows"))
        .cured_by(keep_alive())
        .warn();
    }
    let places = variable(facts, "OLLAMA_MAX_QUEUE").and_then(|value| value.trim().parse().ok());
    if let Some(places) = places.filter(|places: &u64| *places < FEW_PLACES) {
        return Problem::new(words!(
            "Ollama lets only {places} requests wait while a model loads, and tells the others \"server busy\" (503)",
            "Ollama ne laisse attendre que {places} requêtes pendant qu'un modèle se charge, et répond aux autres « \
             server busy » (503)"
        ))
        .because(words!("OLLAMA_MAX_QUEUE is {places} on Windows", "OLLAMA_MAX_QUEUE vaut {places} sous Windows"))
        .cured_by(max_queue())
        .warn();
    }
    let parallel = variable(facts, "OLLAMA_NUM_PARALLEL").and_then(|value| value.trim().parse::<u64>().ok());
    Verdict::Pass(match parallel {
        Some(parallel @ 2..) => words!(
            "a model answers {parallel} requests at a time; each of them needs memory for a context of its own",
            "un modèle répond à {parallel} requêtes à la fois ; chacune demande de la mémoire pour son propre contexte"
        ),
        Some(0 | 1) | None => words!(
            "a model answers one request at a time (OLLAMA_NUM_PARALLEL): sub-agents and titles wait for their turn",
            "un modèle répond à une requête à la fois (OLLAMA_NUM_PARALLEL) : sous-agents et titres attendent leur tour"
        ),
    })
}

/// `0`, `0s`, `0m`: the model leaves at once. A negative one keeps it for ever.
fn is_nothing(keep_alive: &str) -> bool {
    let number = keep_alive.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
    number.parse::<f64>().is_ok_and(|number| number == 0.0)
}

fn keep_alive() -> Remedy {
    let what: Words = words!(
        "keep a model for half an hour after its last answer, and start Ollama again",
        "garder un modèle une demi-heure après sa dernière réponse, et redémarrer Ollama"
    );
    set_variable(what, "OLLAMA_KEEP_ALIVE", "30m")
}

fn max_queue() -> Remedy {
    let what = words!(
        "let as many wait as usual, and start Ollama again",
        "en laisser attendre autant que d'ordinaire, et redémarrer Ollama"
    );
    set_variable(what, "OLLAMA_MAX_QUEUE", "512")
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::doctor::check::Status;
    use crate::doctor::fact::Fact;
    use crate::doctor::ollama::checks::bed::{codex_is_missing, named_elsewhere, windows_variables, working};
    use crate::doctor::proof::{check, check_without};

    fn of_version(version: &str) -> Facts {
        let mut facts = working();
        facts.ollama.version = Fact::Known(version.into());
        facts
    }

    #[test]
    fn a_version_that_codex_takes_is_well() {
        for version in ["0.33.0", "0.13.4", "v1.0.0", "0.33.0-rc2", "0.33.0-demo"] {
            check("version", &of_version(version), Status::Ok, &[version]);
        }
        for odd in ["0.0.0", "main-3f2a", "", "0.13", "0.13.3.1"] {
            check("version", &of_version(odd), Status::Ok, &["no release"]);
        }
    }

    #[test]
    fn an_older_one_is_too_old_for_codex() {
        let says =
            ["Ollama 0.13.3 is too old for Codex", "0.13.4", "winget upgrade --id Ollama.Ollama", "[powershell]"];
        check("version", &of_version("0.13.3"), Status::Failure, &says);
        check_without("version", &of_version("0.13.3"), &["/v1/responses"]);
        check("version", &of_version("0.9.6"), Status::Failure, &["/v1/responses"]);
        check("version", &codex_is_missing(of_version("0.9.6")), Status::Warning, &["too old"]);
    }

    #[test]
    fn a_version_that_nobody_told_is_no_failure() {
        let mut facts = working();
        facts.ollama.version = Fact::Unknown(words!("it is another server", "c'est un autre serveur"));
        check("version", &facts, Status::Skipped, &["it is another server"]);
    }

    #[test]
    fn ollama_elsewhere_is_updated_elsewhere() {
        let mut facts = named_elsewhere(of_version("0.9.6"));
        facts.network.tried[0].answer = Ok("0.9.6".into());
        check("version", &facts, Status::Failure, &["[hand]", "https://ollama.com/download"]);
    }

    #[test]
    fn clocks_may_differ_by_a_few_seconds() {
        let at = |theirs, ours| {
            let mut facts = working();
            facts.ollama.clocks = Fact::Known((theirs, ours));
            facts
        };
        check("clock", &at(1000, 995), Status::Ok, &["agree"]);
        check("clock", &at(1000, 940), Status::Warning, &["60 s behind", "sudo hwclock -s"]);
        check("clock", &at(1000, 1006), Status::Warning, &["6 s ahead"]);
        let linux = named_elsewhere(at(1000, 1060));
        check("clock", &linux, Status::Warning, &["timedatectl"]);
        check_without("clock", &linux, &["hwclock"]);
    }

    #[test]
    fn a_model_that_is_dropped_after_each_answer_is_a_warning() {
        for nothing in ["0", "0s", " 0m "] {
            let facts = windows_variables(working(), &[("OLLAMA_KEEP_ALIVE", nothing, false)]);
            check("queue", &facts, Status::Warning, &["loads it again", "'OLLAMA_KEEP_ALIVE','30m','User'"]);
        }
        for something in ["5m", "-1", "30", "forever"] {
            let facts = windows_variables(working(), &[("OLLAMA_KEEP_ALIVE", something, false)]);
            check("queue", &facts, Status::Ok, &[]);
        }
    }

    #[test]
    fn the_users_variable_stands_above_the_machines() {
        let both = [("OLLAMA_KEEP_ALIVE", "0", true), ("OLLAMA_KEEP_ALIVE", "1h", false)];
        check("queue", &windows_variables(working(), &both), Status::Ok, &[]);
    }

    #[test]
    fn variables_of_windows_say_nothing_of_ollama_elsewhere() {
        let facts = windows_variables(named_elsewhere(working()), &[("OLLAMA_KEEP_ALIVE", "0", false)]);
        check("queue", &facts, Status::Ok, &["one request at a time"]);
        let mut other = facts;
        other.ollama.api = Fact::Known(Api::Chat);
        check("queue", &other, Status::Skipped, &["is not Ollama"]);
    }

    #[test]
    fn few_waiting_places_are_a_warning() {
        let facts = windows_variables(working(), &[("OLLAMA_MAX_QUEUE", "2", false)]);
        check(
            "queue",
            &facts,
            Status::Warning,
            &["only 2 requests wait", "server busy", "'OLLAMA_MAX_QUEUE','512','User'"],
        );
    }

    #[test]
    fn how_many_are_answered_side_by_side_is_told() {
        check("queue", &working(), Status::Ok, &["one request at a time"]);
        let facts = windows_variables(working(), &[("OLLAMA_NUM_PARALLEL", "4", false)]);
        check("queue", &facts, Status::Ok, &["4 requests at a time"]);
    }
}
