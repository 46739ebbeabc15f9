//! What is said through the forward: a streamed answer, and a tool call through the bridge.

use super::way;
use crate::doctor::live::{Stream, Tools};
use crate::doctor::ollama::checks::{Machine, machine};
use crate::doctor::{Detail, Facts, Place, Problem, Remedy, Verdict, figures};
use crate::words;
use crate::words::Words;

/// A model that spoke for less than this shows nothing: its words may arrive together by chance.
const SPOKE_MS: u64 = 200;
/// Words that come one by one take about as long as the model speaks; a part of that is something that holds them back.
const PART: u64 = 4;
/// Longer silences in the middle of an answer are no pauses for thought.
const LONG_GAP_MS: u64 = 10_000;

pub(super) fn stream(facts: &Facts) -> Verdict {
    let stream = match facts.live.stream.get() {
        Ok(stream) => stream,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    if !stream.whole {
        return broken(facts, stream).fail();
    }
    if is_held_back(stream) {
        return held_back(facts, stream).warn();
    }
    let Some(model) = &stream.model else {
        let Words { en, fr } = figures::bytes(stream.bytes);
        return Verdict::Pass(words!(
            "the list of models came whole ({en}); --stream-test listens to a real answer",
            "la liste des modèles est arrivée entière ({fr}) ; --stream-test écoute une vraie réponse"
        ));
    };
    spoken(model, stream)
}

fn spoken(model: &str, stream: &Stream) -> Verdict {
    let (first, gap, pieces) = (figures::ms(stream.first_ms), figures::ms(stream.longest_gap_ms), stream.pieces);
    let (Words { en, fr }, Words { en: gap_en, fr: gap_fr }) = (first, gap);
    if stream.longest_gap_ms >= LONG_GAP_MS {
        return Problem::new(words!(
            "{model} is silent for up to {gap_en} in the middle of an answer",
            "{model} se tait jusqu'à {gap_fr} au milieu d'une réponse"
        ))
        .perhaps(words!(
            "the model is larger than the graphics card, or the machine is busy",
            "le modèle est plus grand que la carte graphique, ou la machine est occupée"
        ))
        .cured_by(Remedy::by_hand(words!(
            "take a smaller model, or end what keeps the machine busy",
            "prendre un modèle plus petit, ou arrêter ce qui occupe la machine"
        )))
        .warn();
    }
    Verdict::Pass(words!(
        "{model} streams: first word after {en}, then {pieces} pieces at most {gap_en} apart",
        "{model} répond en flux : premier mot après {fr}, puis {pieces} morceaux à {gap_fr} d'intervalle au plus"
    ))
}

/// The model spoke for a while, and all of it came at the end.
fn is_held_back(stream: &Stream) -> bool {
    let listened = stream.took_ms.saturating_sub(stream.first_ms);
    stream.spoke_ms.is_some_and(|spoke| spoke >= SPOKE_MS && listened.saturating_mul(PART) < spoke)
}

fn held_back(facts: &Facts, stream: &Stream) -> Problem {
    let model = stream.model.as_deref().unwrap_or("demo");
    let Words { en: way_en, fr: way_fr } = way(facts);
    let (listened, spoke) =
        (figures::ms(stream.took_ms.saturating_sub(stream.first_ms)), figures::ms(stream.spoke_ms.unwrap_or_default()));
    let (Words { en, fr }, Words { en: spoke_en, fr: spoke_fr }) = (listened, spoke);
    Problem::new(words!(
        "the answer of {model} {way_en} came all at once: something on the way holds it back",
        "la réponse de {model} {way_fr} est arrivée d'un seul coup : quelque chose la retient en chemin"
    ))
    .because(words!(
        "the model spoke for {spoke_en}, and all of it came within {en}",
        "le modèle a parlé pendant {spoke_fr}, et tout est arrivé en {fr}"
    ))
    .perhaps(words!(
        "an antivirus on Windows reads answers to their end before it lets them through",
        "un antivirus sous Windows lit les réponses jusqu'au bout avant de les laisser passer"
    ))
    .perhaps(words!(
        "a proxy stands between WSL and Ollama, and collects answers",
        "un proxy entre WSL et Ollama accumule les réponses"
    ))
    .told_apart_by(direct(facts, model))
    .cured_by(Remedy::by_hand(words!(
        "have the antivirus or the proxy leave Ollama's port alone",
        "faire ignorer le port d'Ollama par l'antivirus ou le proxy"
    )))
}

/// The same question without us: `curl -N` shows each word when it comes.
fn direct(facts: &Facts, model: &str) -> Remedy {
    let address = facts.network.best().map_or_else(|| "HOST:11434".to_owned(), |tried| tried.address.to_string());
    Remedy::shell(
        words!(
            "ask without the forward: if the words come one by one, the forward is to blame, and that is worth a \
             report",
            "demander sans le relais : si les mots viennent un par un, le relais est en cause, et cela mérite un \
             rapport"
        ),
        format!(
            r#"curl -N http://{address}/api/generate -d '{{"model":"{model}","prompt":"Count to forty in words."}}'"#
        ),
    )
}

fn broken(facts: &Facts, stream: &Stream) -> Problem {
    let Words { en: way_en, fr: way_fr } = way(facts);
    let pieces = stream.pieces;
    let of = stream.model.as_ref().map_or_else(
        || words!("the list of models", "la liste des modèles"),
        |model| words!("the answer of {model}", "la réponse de {model}"),
    );
    let (en, fr) = (of.en, of.fr);
    let problem = Problem::new(if pieces == 0 {
        words!("{en} {way_en} did not come", "{fr} {way_fr} n'est pas venue")
    } else {
        words!(
            "{en} {way_en} ended early, after {pieces} pieces",
            "{fr} {way_fr} s'est terminée trop tôt, après {pieces} morceaux"
        )
    });
    let problem = match &stream.error {
        Some(error) => problem.because(error.clone()),
        None => problem.because(words!(
            "the connection ended politely, without the last record",
            "la connexion s'est fermée normalement, sans le dernier enregistrement"
        )),
    };
    let problem = match &stream.model {
        Some(_) => problem.perhaps(words!(
            "the model's process has ended: too little memory, or a fault of the driver",
            "le processus du modèle s'est arrêté : trop peu de mémoire, ou un défaut du pilote"
        )),
        None => problem,
    };
    let problem = problem.perhaps(words!(
        "the connection broke: the machine slept, or the network changed",
        "la connexion s'est rompue : la machine a été en veille, ou le réseau a changé"
    ));
    let problem = match ollamas_log(machine(facts)) {
        Some(test) => problem.told_apart_by(test),
        None => problem,
    };
    problem.cured_by(Remedy::shell(words!("test again", "refaire l'essai"), again(stream)))
}

fn ollamas_log(machine: Machine) -> Option<Remedy> {
    let what = words!("see what Ollama itself tells", "voir ce que dit Ollama lui-même");
    match machine {
        Machine::Windows => {
            let command = r#"Get-Content "$env:LOCALAPPDATA\Ollama\server.log" -Tail 30"#;
            Some(Remedy::new(what, Place::PowerShell, [command]))
        }
        Machine::Here => Some(Remedy::shell(what, "journalctl -u ollama -n 30")),
        Machine::Elsewhere => None,
    }
}

fn again(stream: &Stream) -> String {
    match &stream.model {
        Some(model) if model != "demo" => format!("ollama-forward doctor live --stream-test={model}"),
        Some(_) | None => "ollama-forward doctor live".to_owned(),
    }
}

/// The figures of the stream.
pub(super) fn details(facts: &Facts) -> Vec<Detail> {
    let Some(stream) = facts.live.stream.known() else { return Vec::new() };
    let figure = |name: Words, value: Words| Detail { name, value };
    vec![
        figure(words!("first piece", "premier morceau"), figures::ms(stream.first_ms)),
        figure(words!("longest silence", "plus long silence"), figures::ms(stream.longest_gap_ms)),
        figure(words!("in all", "en tout"), figures::ms(stream.took_ms)),
        figure(words!("pieces", "morceaux"), Words::same(stream.pieces.to_string())),
        figure(words!("size", "taille"), figures::bytes(stream.bytes)),
    ]
}

pub(super) fn tools(facts: &Facts) -> Verdict {
    let tools = match facts.live.tools.get() {
        Ok(tools) => tools,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    match (&tools.model, tools.called, tools.answered) {
        (Some(model), true, true) => Verdict::Pass(words!(
            "{model} called a tool through the bridge, and used its result",
            "{model} a appelé un outil à travers le pont, et utilisé son résultat"
        )),
        (None, true, true) => Verdict::Pass(words!(
            "a tool call goes through the bridge and back (of the built-in demo; --stream-test asks a real model)",
            "un appel d'outil passe par le pont et revient (celui de la démo intégrée ; --stream-test interroge un \
             vrai modèle)"
        )),
        (None, _, _) => own_fault(tools).fail(),
        (Some(model), false, _) => unskilled(
            tools,
            words!(
                "{model} did not call the tool that it was asked to call",
                "{model} n'a pas appelé l'outil qu'on lui demandait d'appeler"
            ),
        )
        .warn(),
        (Some(model), true, false) => unskilled(
            tools,
            words!(
                "{model} called the tool, but did not use its result",
                "{model} a appelé l'outil, mais n'a pas utilisé son résultat"
            ),
        )
        .warn(),
    }
}

/// One try of a model proves little; but Codex lives by tools.
fn unskilled(tools: &Tools, what: Words) -> Problem {
    with_instead(tools, Problem::new(what))
        .perhaps(words!(
            "the model is too small for tools, or was not made for them",
            "le modèle est trop petit pour des outils, ou n'est pas fait pour cela"
        ))
        .perhaps(words!(
            "its context is too small for the description of the tools",
            "son contexte est trop petit pour la description des outils"
        ))
        .cured_by(Remedy::shell(
            words!(
                "see which models can use tools, and try one of them",
                "voir quels modèles savent utiliser des outils, et en essayer un"
            ),
            "ollama-forward doctor model-tools context --all",
        ))
}

/// The demo always calls, so the bridge is to blame.
fn own_fault(tools: &Tools) -> Problem {
    with_instead(
        tools,
        Problem::new(words!(
            "a tool call of the built-in demo did not come through the bridge",
            "un appel d'outil de la démo intégrée n'a pas traversé le pont"
        )),
    )
    .perhaps(words!("a fault of ollama-forward itself", "un défaut d'ollama-forward lui-même"))
    .perhaps(words!(
        "this machine is so busy that the test ran out of time",
        "cette machine est si occupée que l'essai n'a pas eu le temps de finir"
    ))
    .cured_by(Remedy::shell(
        words!("test again, and report what it says", "refaire l'essai, et signaler ce qu'il dit"),
        "ollama-forward doctor live-tools --json",
    ))
}

fn with_instead(tools: &Tools, problem: Problem) -> Problem {
    match &tools.instead {
        Some(Words { en, fr }) => problem.because(words!("instead came: {en}", "à la place est venu : {fr}")),
        None => problem,
    }
}
