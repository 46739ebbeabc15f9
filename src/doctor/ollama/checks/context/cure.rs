//! Why a context is small, and what makes it larger: by the setting that decides, and by the machine that Ollama runs on.

use super::super::cures::{Machine, machine, pull, restart, set_variable, variable};
use super::super::tools::SMALLER;
use super::{ENOUGH, known};
use crate::doctor::ollama::Loaded;
use crate::doctor::{Facts, Place, Problem, Remedy, figures};
use crate::words;
use crate::words::Words;

/// What is recommended: a power of two that is enough.
const WANTED: u64 = 32_768;

/// Says why, as far as it is known, and what helps. An empty name: no certain model.
pub(super) fn with_causes(facts: &Facts, problem: Problem, name: &str, context: u64) -> Problem {
    let model = known(facts, name);
    let trained = model.and_then(|model| model.trained_context);
    if let Some(trained) = trained.filter(|trained| *trained < ENOUGH && *trained <= context) {
        let better = words!("take a model that was trained for more", "prendre un modèle entraîné pour davantage");
        return problem
            .because(words!(
                "{name} was trained for {trained} tokens: no setting gives it more",
                "{name} a été entraîné pour {trained} tokens : aucun réglage ne lui en donne plus"
            ))
            .cured_by(pull(facts, SMALLER, better));
    }
    if model.and_then(|model| model.num_ctx) == Some(context) {
        return problem
            .because(words!(
                "its Modelfile says num_ctx {context}, which outweighs OLLAMA_CONTEXT_LENGTH",
                "son Modelfile fixe num_ctx à {context}, ce qui l'emporte sur OLLAMA_CONTEXT_LENGTH"
            ))
            .cured_by(own_modelfile(facts, name))
            .cured_by(ask_for_it());
    }
    let problem = match machine(facts) {
        Machine::Windows => windows(facts, problem),
        Machine::Here | Machine::Elsewhere => problem.cured_by(Remedy::by_hand(words!(
            "where Ollama runs, start it with OLLAMA_CONTEXT_LENGTH={WANTED}",
            "là où Ollama tourne, le démarrer avec OLLAMA_CONTEXT_LENGTH={WANTED}"
        ))),
    };
    if name.is_empty() {
        problem.cured_by(ask_for_it())
    } else {
        problem.cured_by(own_modelfile(facts, name)).cured_by(ask_for_it())
    }
}

/// A larger context needs more memory, where there is none left.
pub(super) fn memory(problem: Problem, loaded: &Loaded) -> Problem {
    let (Some(size), Some(on_card)) = (loaded.size, loaded.size_vram) else { return problem };
    if on_card >= size {
        return problem;
    }
    let (size, on_card) = (figures::bytes(size), figures::bytes(on_card));
    let (Words { en, fr }, Words { en: en_card, fr: fr_card }) = (size, on_card);
    problem.because(words!(
        "the graphics card holds {en_card} of {en} already: a larger context makes it slower, a smaller model helps",
        "la carte graphique contient déjà {fr_card} sur {fr} : un contexte plus grand ralentira, un modèle plus \
         petit aide"
    ))
}

/// The variable for all models, or the app.
fn windows(facts: &Facts, problem: Problem) -> Problem {
    let set = variable(facts, "OLLAMA_CONTEXT_LENGTH").and_then(|value| value.trim().parse::<u64>().ok());
    let problem = match set {
        Some(tokens) if tokens >= ENOUGH => return without_effect(problem, tokens),
        Some(tokens) => problem.because(words!(
            "OLLAMA_CONTEXT_LENGTH is {tokens} on Windows",
            "OLLAMA_CONTEXT_LENGTH vaut {tokens} sous Windows"
        )),
        None => problem.perhaps(words!(
            "nothing is set, and Ollama gives 4096 tokens on graphics cards below 23 GiB",
            "rien n'est réglé, et Ollama donne 4096 tokens sur une carte graphique de moins de 23 Gio"
        )),
    };
    let what = words!(
        "give every model {WANTED} tokens, and start Ollama again",
        "donner {WANTED} tokens à chaque modèle, et redémarrer Ollama"
    );
    problem.cured_by(set_variable(what, "OLLAMA_CONTEXT_LENGTH", &WANTED.to_string())).cured_by(slider())
}

/// The variable is large enough, and yet the context is not.
fn without_effect(problem: Problem, tokens: u64) -> Problem {
    problem
        .because(words!(
            "OLLAMA_CONTEXT_LENGTH is {tokens} on Windows, but does not hold",
            "OLLAMA_CONTEXT_LENGTH vaut {tokens} sous Windows, mais n'a pas d'effet"
        ))
        .perhaps(words!(
            "Ollama was not started again since the variable was set",
            "Ollama n'a pas été redémarré depuis que la variable est définie"
        ))
        .perhaps(words!(
            "the slider in Ollama's app outweighs the variable",
            "le curseur de l'application d'Ollama l'emporte sur la variable"
        ))
        .perhaps(words!("a client has asked for this context (num_ctx)", "un client a demandé ce contexte (num_ctx)"))
        .cured_by(restart(Machine::Windows))
        .cured_by(slider())
}

fn slider() -> Remedy {
    Remedy::by_hand(words!(
        "or in Ollama's app: Settings, Context length, 32k",
        "ou dans l'application d'Ollama : Settings, Context length, 32k"
    ))
}

/// A model of its own, with the same weights.
fn own_modelfile(facts: &Facts, name: &str) -> Remedy {
    let own = format!("{}-32k", name.trim_end_matches(":latest").replace([':', '/'], "-"));
    let what = words!(
        "or make a model of the same weights with {WANTED} tokens, and use its name: {own}",
        "ou créer, avec les mêmes poids, un modèle à {WANTED} tokens, et utiliser son nom : {own}"
    );
    let parameter = format!("PARAMETER num_ctx {WANTED}");
    match machine(facts) {
        Machine::Windows => Remedy::new(
            what,
            Place::PowerShell,
            [
                format!("Set-Content $env:TEMP\\Modelfile 'FROM {name}','{parameter}'"),
                format!("ollama create {own} -f $env:TEMP\\Modelfile"),
            ],
        )
        .undone_by([format!("ollama rm {own}")]),
        Machine::Here | Machine::Elsewhere => {
            let address =
                facts.network.best().map_or_else(|| "HOST:11434".to_owned(), |tried| tried.address.to_string());
            let asked = format!(r#"{{"model":"{own}","from":"{name}","parameters":{{"num_ctx":{WANTED}}}}}"#);
            Remedy::shell(what, format!("curl http://{address}/api/create -d '{asked}'"))
                .undone_by([format!(r#"curl -X DELETE http://{address}/api/delete -d '{{"model":"{own}"}}'"#)])
        }
    }
}

/// A request outweighs all other settings.
fn ask_for_it() -> Remedy {
    let what = words!(
        "or have the bridge ask for {WANTED} tokens with each request",
        "ou laisser le pont demander {WANTED} tokens à chaque requête"
    );
    Remedy::shell(what, format!("ollama-forward --translate --num-ctx {WANTED}"))
}
