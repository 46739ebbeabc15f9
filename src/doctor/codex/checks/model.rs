//! Does Codex ask for a model that is there, and believe in the context that it has?

use super::{not_aimed_here, nothing_to_judge};
use crate::bridge::catalog::is_same_model;
use crate::config::OLLAMA_PORT;
use crate::doctor::codex::aim::{How, OSS_MODEL, Way, wanted, ways};
use crate::doctor::codex::profile::{self, PROFILE, install, oss_command, start};
use crate::doctor::ollama::Model;
use crate::doctor::program::quoted;
use crate::doctor::{Fact, Facts, Place, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

/// The first request of Codex alone has 9,500 tokens from `codex exec`, and 12,800 from its screen (`codex-client` 0): with less
/// than this, what Codex believes is not the trouble.
const TOO_SMALL: u64 = 12_000;

pub(super) fn model(facts: &Facts) -> Verdict {
    if let Some(why) = nothing_to_judge(facts) {
        return Verdict::Skip(why);
    }
    let models = match &facts.ollama.models {
        Fact::Known(models) => models,
        Fact::Unknown(why) => return Verdict::Skip(why.clone()),
    };
    let ways = ways(facts);
    if ways.is_empty() {
        return not_aimed_here();
    }
    // `codex --oss` is for those who name a model, unless there is nothing else.
    let configured: Vec<_> = ways.iter().filter(|way| way.how != How::Oss).collect();
    if configured.is_empty() {
        return by_oss(facts, models);
    }
    if let Some(problem) = configured.iter().find_map(|way| unsuitable(facts, models, way)) {
        return problem.warn();
    }
    let names = configured.iter().filter_map(|way| way.model.as_deref());
    let mut names: Vec<_> = names.collect();
    names.dedup();
    let names = names.join(", ");
    Verdict::Pass(words!("{names}: in Ollama", "{names} : dans Ollama"))
}

/// Its own model, whatever the configuration says, unless `-m` names one.
fn by_oss(facts: &Facts, models: &[Model]) -> Verdict {
    let command = oss_command(facts);
    if models.iter().any(|model| model.name == OSS_MODEL) {
        return Verdict::Pass(words!(
            "`codex --oss` asks for {OSS_MODEL}: in Ollama",
            "`codex --oss` demande {OSS_MODEL} : dans Ollama"
        ));
    }
    Verdict::Pass(words!(
        "`codex --oss` would pull {OSS_MODEL} unless `-m` names a model: `{command}`",
        "`codex --oss` téléchargerait {OSS_MODEL} si `-m` ne nomme pas de modèle : `{command}`"
    ))
}

fn unsuitable(facts: &Facts, models: &[Model], way: &Way<'_>) -> Option<Problem> {
    let command = way.how.command();
    let Some(name) = &way.model else {
        let problem = Problem::new(words!(
            "`{command}` names no model: it asks Ollama for one of OpenAI's",
            "`{command}` ne nomme pas de modèle : il demande à Ollama un modèle d'OpenAI"
        ));
        return Some(cured(facts, way, problem));
    };
    match models.iter().find(|model| is_same_model(name, &model.name)) {
        None => {
            let have = listed(models);
            let problem = Problem::new(words!(
                "`{command}` asks for {name}, which Ollama does not have",
                "`{command}` demande {name}, qu'Ollama n'a pas"
            ));
            let problem = problem.because(words!("Ollama has {have}", "Ollama a {have}"));
            let what = words!("have Ollama pull it", "le faire télécharger par Ollama");
            Some(cured(facts, way, problem).cured_by(pull(facts, what, name)))
        }
        Some(model) if model.tools == Some(false) => {
            let problem = Problem::new(words!(
                "`{command}` asks for {name}, which cannot use tools: Codex can do nothing with it",
                "`{command}` demande {name}, qui ne sait pas utiliser d'outils : Codex ne peut rien en faire"
            ));
            Some(cured(facts, way, problem))
        }
        Some(_) => None,
    }
}

fn listed(models: &[Model]) -> String {
    /// As many as a line takes.
    const MOST: usize = 6;
    let names: Vec<_> = models.iter().take(MOST).map(|model| model.name.as_str()).collect();
    let more = if models.len() > MOST { ", …" } else { "" };
    if names.is_empty() { "-".to_owned() } else { names.join(", ") + more }
}

/// Another model, where there is one that would do.
fn cured(facts: &Facts, way: &Way<'_>, problem: Problem) -> Problem {
    match (profile::model(facts), &way.config.path) {
        (Some(model), Some(path)) => {
            let line = format!("model = \"{}\"", model.name);
            let what = words!("take a model that can use tools", "prendre un modèle qui sait utiliser des outils");
            problem.cured_by(Remedy::new(what, Place::File(path.display().to_string()), [line]))
        }
        (Some(_), None) => problem.cured_by(start(facts)),
        (None, _) => {
            let what = words!(
                "have Ollama pull one that can use tools",
                "faire télécharger par Ollama un modèle qui sait utiliser des outils"
            );
            problem.cured_by(pull(facts, what, "qwen3:14b"))
        }
    }
}

/// From here, whichever machine Ollama runs on.
fn pull(facts: &Facts, what: Words, model: &str) -> Remedy {
    let address = wanted(facts).map_or_else(|| format!("localhost:{OLLAMA_PORT}"), |address| address.to_string());
    let body = quoted(&serde_json::json!({ "model": model }).to_string());
    Remedy::shell(what, format!("curl http://{address}/api/pull -d {body}"))
}

pub(super) fn context(facts: &Facts) -> Verdict {
    if let Some(why) = nothing_to_judge(facts) {
        return Verdict::Skip(why);
    }
    let ways = ways(facts);
    if ways.is_empty() {
        return not_aimed_here();
    }
    let judged: Vec<_> = ways.iter().filter_map(|way| Some((way, Window::of(facts, way)?))).collect();
    let Some((_, window)) = judged.first() else { return not_loaded(facts) };
    if let Some((_, Window { model, there, .. })) = judged.iter().find(|(_, window)| window.there < TOO_SMALL) {
        return Verdict::Skip(words!(
            "{model} has {there} tokens, too few for Codex whatever it believes",
            "{model} a {there} tokens, trop peu pour Codex quoi qu'il croie"
        ));
    }
    if let Some((way, window)) = judged.iter().find(|(_, window)| window.usable > window.there) {
        return too_much(facts, way, window);
    }
    let Window { model, there, usable } = window;
    Verdict::Pass(words!(
        "Codex uses {usable} of the {there} tokens of {model}",
        "Codex utilise {usable} des {there} tokens de {model}"
    ))
}

fn not_loaded(facts: &Facts) -> Verdict {
    match facts.ollama.loaded.get() {
        Err(why) => Verdict::Skip(why.clone()),
        Ok(_) => Verdict::Skip(words!(
            "the model is not in memory, and only then does Ollama tell its context: ask it something, and come back",
            "le modèle n'est pas en mémoire, et Ollama ne donne son contexte qu'une fois chargé : posez-lui une \
             question, puis revenez"
        )),
    }
}

/// The context that there is, and what Codex uses of the one that it assumes.
struct Window {
    model: String,
    there: u64,
    usable: u64,
}

impl Window {
    /// None: it is not known how much there is.
    fn of(facts: &Facts, way: &Way<'_>) -> Option<Self> {
        let model = match way.how {
            How::Plain | How::Profile(_) => way.model.clone()?,
            // Whatever `-m` names: most likely what is in memory.
            How::Oss => profile::model(facts)?.name.clone(),
        };
        let there = profile::context(facts, &model)?;
        let usable = way.config.usable_window(&model);
        Some(Self { model, there, usable })
    }
}

fn too_much(facts: &Facts, way: &Way<'_>, window: &Window) -> Verdict {
    let Window { model, there, usable } = window;
    let command = way.how.command();
    let problem = Problem::new(words!(
        "Codex believes in {usable} tokens, {model} has {there}: `{command}` does not shorten its history in time",
        "Codex croit disposer de {usable} tokens, {model} en a {there} : `{command}` n'abrège pas l'historique à \
         temps"
    ));
    let problem = problem.because(match way.translates() {
        Some(true) => words!(
            "with --translate, a history that is too long is refused with a clear word",
            "avec --translate, un historique trop long est refusé en termes clairs"
        ),
        Some(false) | None => words!(
            "Ollama cuts off the beginning without a word, and the model forgets its task",
            "Ollama coupe le début sans rien dire, et le modèle oublie sa tâche"
        ),
    });
    window_set(facts, way, window, problem).warn()
}

fn window_set(facts: &Facts, way: &Way<'_>, window: &Window, problem: Problem) -> Problem {
    let there = window.there;
    let line = format!("model_context_window = {there}");
    match (way.how, &way.config.path) {
        (How::Profile(PROFILE), _) => {
            let what = words!(
                "write the profile anew, with the context of now (it shows it, and asks)",
                "réécrire le profil, avec le contexte actuel (montré d'abord, puis demandé)"
            );
            problem.cured_by(Remedy::shell(what, "ollama-forward codex --install"))
        }
        (How::Plain | How::Profile(_), Some(path)) => {
            let what = words!("tell Codex how much there is", "dire à Codex combien de tokens il y a");
            problem.cured_by(Remedy::new(what, Place::File(path.display().to_string()), [line]))
        }
        // In the main file it would hold for OpenAI's models, too.
        (How::Oss, _) | (How::Plain | How::Profile(_), None) => {
            let what = words!(
                "tell Codex how much there is, this time",
                "dire à Codex combien de tokens il y a, pour cette fois"
            );
            let command = format!("{} -c {}", oss_command(facts), line.replace(' ', ""));
            install(facts).into_iter().fold(problem.cured_by(Remedy::shell(what, command)), Problem::cured_by)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{passes, skips, warns};
    use super::*;
    use crate::doctor::codex::{Catalog, machine};

    const FILE: &[&str] = &["model = \"qwen3:14b\""];

    /// Codex set up as in the healthy machine, with another model.
    fn asking_for(model: &str) -> Facts {
        let mut facts = machine::healthy();
        machine::config(&mut facts, &format!("{model}\nmodel_provider = \"ollama\"\n"));
        facts
    }

    #[test]
    fn the_model_must_be_there_and_use_tools() {
        passes("codex-model", &asking_for("model = \"qwen3:14b\""), "qwen3:14b: in Ollama");
        passes("codex-model", &asking_for("model = \"QWEN3:14b\""), "in Ollama");
        let facts = asking_for("model = \"qwen3\"");
        let pull = [FILE, &[r#"curl http://127.0.0.1:11434/api/pull -d '{"model":"qwen3"}'"#]].concat();
        warns("codex-model", &facts, "`codex` asks for qwen3, which Ollama does not have", &pull);
        let facts = asking_for("model = \"gemma3:12b\"");
        warns("codex-model", &facts, "gemma3:12b, which cannot use tools", FILE);
        warns("codex-model", &asking_for(""), "`codex` names no model: it asks Ollama for one of OpenAI's", FILE);
    }

    #[test]
    fn without_a_model_for_tools_one_has_to_be_pulled() {
        let mut facts = asking_for("model = \"gemma3:12b\"");
        machine::model(&mut facts, "qwen3:14b").tools = Some(false);
        warns(
            "codex-model",
            &facts,
            "cannot use tools",
            &[r#"curl http://127.0.0.1:11434/api/pull -d '{"model":"qwen3:14b"}'"#],
        );
    }

    #[test]
    fn a_profile_is_judged_by_its_own_model() {
        let mut facts = machine::healthy();
        machine::config(&mut facts, "model = \"gpt-6\"");
        machine::profile(&mut facts, "local", "model_provider = \"ollama\"\nmodel = \"none:7b\"");
        let pull = [FILE, &[r#"curl http://127.0.0.1:11434/api/pull -d '{"model":"none:7b"}'"#]].concat();
        warns("codex-model", &facts, "`codex -p local` asks for none:7b", &pull);
    }

    #[test]
    fn our_own_profile_is_written_anew_when_the_context_is_another() {
        let mut facts = machine::healthy();
        machine::config(&mut facts, "model = \"gpt-6\"");
        let old = "model_provider = \"ollama\"\nmodel = \"qwen3:14b\"\nmodel_context_window = 200000";
        machine::profile(&mut facts, PROFILE, old);
        warns("codex-context", &facts, "190000", &["ollama-forward codex --install"]);
    }

    #[test]
    fn codex_oss_has_a_model_of_its_own() {
        let mut facts = machine::healthy();
        machine::config(&mut facts, "model = \"gpt-6\"");
        passes(
            "codex-model",
            &facts,
            "would pull gpt-oss:20b unless `-m` names a model: `codex --oss --local-provider ollama -m qwen3:14b`",
        );
        machine::model(&mut facts, "gemma3:12b").name = "gpt-oss:20b".into();
        passes("codex-model", &facts, "`codex --oss` asks for gpt-oss:20b: in Ollama");
    }

    #[test]
    fn what_ollama_does_not_tell_is_not_judged() {
        let mut facts = machine::healthy();
        facts.ollama.models = Fact::Unknown(words!("Ollama did not answer", "Ollama n'a pas répondu"));
        skips("codex-model", &facts, "Ollama did not answer");
        facts.ollama.loaded = Fact::Unknown(words!("a model is loading", "un modèle se charge"));
        skips("codex-context", &facts, "a model is loading");
        facts.ollama.loaded = Fact::Known(vec![]);
        skips("codex-context", &facts, "not in memory");
        let mut facts = asking_for("model = \"qwen3:14b\"");
        machine::listen(&mut facts, "127.0.0.1:11435");
        skips("codex-model", &facts, "Codex does not come here");
        skips("codex-context", &facts, "Codex does not come here");
    }

    #[test]
    fn a_window_that_is_not_told_is_believed_to_be_large() {
        let facts = asking_for("model = \"qwen3:14b\"");
        let says = "Codex believes in 258400 tokens, qwen3:14b has 32768: `codex` does not shorten";
        warns("codex-context", &facts, says, &["model_context_window = 32768"]);
        let Verdict::Warn(problem) = context(&facts) else { panic!() };
        assert!(problem.evidence[0].en.contains("refused with a clear word"), "{}", problem.evidence[0]);
        let mut facts = facts.clone();
        facts.port.forwards[0].translate = false;
        let Verdict::Warn(problem) = context(&facts) else { panic!() };
        assert!(problem.evidence[0].en.contains("cuts off the beginning"), "{}", problem.evidence[0]);
    }

    #[track_caller]
    fn window(configured: Option<u64>, catalogued: Option<u64>, there: u64, expected: Option<&str>) {
        let line = configured.map_or(String::new(), |window| format!("\nmodel_context_window = {window}"));
        let mut facts = asking_for(&format!("model = \"qwen3:14b\"{line}"));
        machine::loaded(&mut facts, there);
        if let (Fact::Known(config), Some(window)) = (&mut facts.codex.config, catalogued) {
            let windows = vec![("qwen3:14b".to_owned(), Some(window))];
            config.catalog = Some(Catalog { windows, ..Catalog::default() });
        }
        match expected {
            None => passes("codex-context", &facts, "Codex uses"),
            Some(says) => warns("codex-context", &facts, says, &[&format!("model_context_window = {there}")]),
        }
    }

    #[test]
    fn the_window_of_the_file_outweighs_that_of_the_catalogue() {
        window(Some(32_768), None, 32_768, None);
        window(Some(32_768), Some(131_072), 32_768, None);
        window(Some(16_384), None, 32_768, None);
        window(None, Some(32_768), 32_768, None);
        window(None, None, 262_144, None);
        window(Some(65_536), None, 32_768, Some("in 62259 tokens, qwen3:14b has 32768"));
        window(None, Some(131_072), 32_768, Some("in 124518 tokens"));
    }

    #[test]
    fn a_context_that_is_far_too_small_is_the_trouble_itself() {
        let mut facts = asking_for("model = \"qwen3:14b\"");
        machine::loaded(&mut facts, 4096);
        skips("codex-context", &facts, "qwen3:14b has 4096 tokens, too few for Codex");
    }

    #[test]
    fn the_window_of_openai_is_left_alone() {
        let mut facts = machine::healthy();
        machine::config(&mut facts, "model = \"gpt-6\"");
        let text = profile::text(&facts).unwrap();
        let mut commands = vec!["codex --oss --local-provider ollama -m qwen3:14b -c model_context_window=32768"];
        commands.extend(text.trim_end().lines());
        commands.push("codex -p ollama-forward");
        warns("codex-context", &facts, "`codex --oss` does not shorten", &commands);
    }

    #[test]
    fn many_models_are_cut_short() {
        let models: Vec<_> = (1..=9).map(|n| Model { name: format!("m{n}"), ..Model::default() }).collect();
        assert_eq!(listed(&models), "m1, m2, m3, m4, m5, m6, …");
        assert_eq!(listed(&[]), "-");
    }
}
