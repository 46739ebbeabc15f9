//! How much a model can hold in mind, and where it is kept. The commonest fault of all: Ollama gives 4096 tokens below 23 GiB
//! of graphics memory, Codex begins with ten thousand, and what does not fit is cut off without a word.

mod cure;
mod gpu;

use super::cures::variable;
use super::{codex_model, if_codex, translates};
pub(super) use gpu::judge as gpu;

use crate::bridge::catalog::is_same_model;
use crate::doctor::ollama::{Api, Loaded, Model};
use crate::doctor::{Detail, Facts, Problem, Remedy, Verdict, figures};
use crate::words;
use crate::words::Words;

/// The first request of Codex 0.169: 9.5 thousand tokens from `codex exec`, 12.8 thousand from its screen (`codex-client` 0).
const FIRST_REQUEST: u64 = 10_000;
/// Less leaves no room for that request and its answer.
const TOO_SMALL: u64 = 12_000;
/// Less leaves little room for the files that Codex reads.
const ENOUGH: u64 = 32_000;

/// Is the context of the loaded model large enough for Codex?
pub(super) fn judge(facts: &Facts) -> Verdict {
    let loaded = match loaded(facts) {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return unloaded(facts),
        Err(why) => return Verdict::Skip(why),
    };
    let name = &loaded.name;
    let Some(context) = loaded.context else {
        return Verdict::Skip(words!(
            "this Ollama does not tell the context of {name} (newer ones do, since 0.10)",
            "cette version d'Ollama ne dit pas le contexte de {name} (les versions plus récentes le disent, depuis \
             la 0.10)"
        ));
    };
    if context >= ENOUGH {
        return Verdict::Pass(words!(
            "{name} is loaded with a context of {context} tokens",
            "{name} est chargé avec un contexte de {context} tokens"
        ));
    }
    let problem = Problem::new(words!(
        "{name} is loaded with a context of only {context} tokens",
        "{name} est chargé avec un contexte de {context} tokens seulement"
    ));
    let problem = cure::with_causes(facts, cure::memory(problem, loaded), name, context);
    if context < TOO_SMALL { if_codex(facts, cut_off(facts, problem)) } else { little_room(problem).warn() }
}

/// What becomes of a request that does not fit.
fn cut_off(facts: &Facts, problem: Problem) -> Problem {
    let problem = problem.because(words!(
        "the first request of Codex alone has about {FIRST_REQUEST} tokens",
        "la première requête de Codex compte à elle seule environ {FIRST_REQUEST} tokens"
    ));
    let silently = words!(
        "Ollama cuts the oldest messages off without a word, so the model forgets its task",
        "Ollama retire les messages les plus anciens sans un mot, et le modèle oublie sa tâche"
    );
    let clearly = words!(
        "with --translate, Codex is told that its request does not fit",
        "avec --translate, Codex apprend que sa requête ne tient pas"
    );
    match translates(facts) {
        Some(true) => problem.because(clearly),
        Some(false) => problem.because(silently),
        None => problem.because(silently).because(clearly),
    }
}

fn little_room(problem: Problem) -> Problem {
    problem.because(words!(
        "Codex begins with about {FIRST_REQUEST} tokens, so little room is left for the files that it reads",
        "Codex commence avec environ {FIRST_REQUEST} tokens, donc il reste peu de place pour les fichiers qu'il lit"
    ))
}

/// The loaded model that Codex would use: the one that it is set to, or else the one with most room. Models for embeddings do
/// not count. None: it is not loaded.
fn loaded(facts: &Facts) -> Result<Option<&Loaded>, Words> {
    if facts.ollama.api.known() == Some(&Api::Chat) {
        return Err(words!(
            "this server is not Ollama, and does not tell the context of its models",
            "ce serveur n'est pas Ollama, et ne dit pas le contexte de ses modèles"
        ));
    }
    let loaded = facts.ollama.loaded.get().map_err(Clone::clone)?;
    if let Some(model) = codex_model(facts) {
        return Ok(loaded.iter().find(|one| is_same_model(&one.name, &model.name)));
    }
    let talks = |one: &&Loaded| known(facts, &one.name).is_none_or(Model::talks);
    Ok(loaded.iter().filter(talks).max_by_key(|one| one.context))
}

/// What is known of a model.
fn known<'a>(facts: &'a Facts, name: &str) -> Option<&'a Model> {
    facts.ollama.models.known()?.iter().find(|model| is_same_model(&model.name, name))
}

/// Nothing is loaded: what would be used, as far as it is set.
fn unloaded(facts: &Facts) -> Verdict {
    let model = codex_model(facts).or_else(|| the_only_one(facts.ollama.models.known()?));
    let state = match model {
        Some(Model { name, .. }) => words!("{name} is not loaded now", "{name} n'est pas chargé en ce moment"),
        None => words!("no model is loaded now", "aucun modèle n'est chargé en ce moment"),
    };
    let Some((context, source)) = planned(facts, model) else {
        return Verdict::Skip(by_default(&state));
    };
    let Words { en: en_source, fr: fr_source } = source;
    if context >= ENOUGH {
        let Words { en, fr } = state;
        return Verdict::Skip(words!(
            "{en}; its context would be {context} tokens ({en_source}); `ollama-forward doctor --stream-test` \
             measures it",
            "{fr} ; son contexte serait de {context} tokens ({fr_source}) ; `ollama-forward doctor --stream-test` le \
             mesure"
        ));
    }
    let Words { en, fr } =
        model.map_or_else(|| words!("a model", "un modèle"), |model| Words::same(model.name.clone()));
    let problem = Problem::new(words!(
        "{en} would be loaded with a context of only {context} tokens ({en_source})",
        "{fr} serait chargé avec un contexte de {context} tokens seulement ({fr_source})"
    ));
    let name = model.map_or("", |model| model.name.as_str());
    let problem = cure::with_causes(facts, problem, name, context).told_apart_by(measure());
    if context < TOO_SMALL { cut_off(facts, problem).warn() } else { little_room(problem).warn() }
}

fn the_only_one(models: &[Model]) -> Option<&Model> {
    let mut talking = models.iter().filter(|model| model.talks());
    talking.next().filter(|_| talking.next().is_none())
}

/// The context that was set for a model, and where.
fn planned(facts: &Facts, model: Option<&Model>) -> Option<(u64, Words)> {
    let most = model.and_then(|model| model.trained_context).unwrap_or(u64::MAX);
    if let Some(tokens) = model.and_then(|model| model.num_ctx) {
        let source = words!("num_ctx in its Modelfile", "num_ctx dans son Modelfile");
        return Some((tokens.min(most), source));
    }
    let tokens: u64 = variable(facts, "OLLAMA_CONTEXT_LENGTH")?.trim().parse().ok()?;
    let source = words!("OLLAMA_CONTEXT_LENGTH on Windows", "OLLAMA_CONTEXT_LENGTH sous Windows");
    (tokens > 0).then(|| (tokens.min(most), source))
}

/// Ollama 0.15.5 and newer (`ollama-server` A5).
fn by_default(Words { en, fr }: &Words) -> Words {
    words!(
        "{en}; unless it is set, the context would be 4096 tokens on graphics cards below 23 GiB, and 32768 or more above; \
         `ollama-forward doctor --stream-test` measures it",
        "{fr} ; sauf réglage, le contexte serait de 4096 tokens sur une carte graphique de moins de 23 Gio, et 32768 \
         ou plus au-delà ; `ollama-forward doctor --stream-test` le mesure"
    )
}

fn measure() -> Remedy {
    let what = words!(
        "load it and measure, with one short question to the model",
        "le charger et mesurer, par une courte question au modèle"
    );
    Remedy::shell(what, "ollama-forward doctor --stream-test")
}

/// Each model in memory.
pub(super) fn details(facts: &Facts) -> Vec<Detail> {
    let Some(all) = facts.ollama.loaded.known() else { return Vec::new() };
    let detail = |one: &Loaded| {
        let context = one.context.map(|tokens| words!("{tokens} tokens", "{tokens} tokens"));
        let memory = one.size.filter(|size| *size > 0).map(|size| {
            let Words { en, fr } = figures::bytes(size);
            words!("{en} in memory", "{fr} en mémoire")
        });
        let parts: Vec<Words> = [context, memory].into_iter().flatten().collect();
        let join = |of: fn(&Words) -> &str| parts.iter().map(of).collect::<Vec<_>>().join(", ");
        let value = Words { en: join(|words| &words.en), fr: join(|words| &words.fr) };
        Detail { name: Words::same(one.name.clone()), value }
    };
    all.iter().map(detail).collect()
}

#[cfg(test)]
mod tests;
