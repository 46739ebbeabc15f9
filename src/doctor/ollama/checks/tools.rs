//! The models: whether there are any, and whether they can use tools, which is all that Codex works with.

use super::cures::pull;
use super::{codex_model, if_codex, translates};
use crate::doctor::ollama::{Api, Model};
use crate::doctor::{Detail, Facts, Problem, Remedy, Verdict, figures};
use crate::words;
use crate::words::Words;

/// A model for a card of 12 GB that uses tools well.
pub(super) const SMALLER: &str = "qwen3:14b";
/// The one that `codex --oss` takes when none is named.
const CODEX_OWN: &str = "gpt-oss:20b";

pub(super) fn models(facts: &Facts) -> Verdict {
    let models = match facts.ollama.models.get() {
        Ok(models) => models,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let all = models.len();
    let talking: Vec<&str> = models.iter().filter(|model| model.talks()).map(|model| model.name.as_str()).collect();
    let count = talking.len();
    match talking.as_slice() {
        [] => {
            let problem = Problem::new(if all == 0 {
                words!("Ollama has no model yet", "Ollama n'a encore aucun modèle")
            } else {
                words!(
                    "none of Ollama's models ({all}) answers text: they are for embeddings",
                    "aucun des modèles d'Ollama ({all}) ne répond par du texte : ils servent aux plongements \
                     (embeddings)"
                )
            });
            with_pulls(facts, problem).fail()
        }
        [only] => Verdict::Pass(words!("1 model: {only}", "1 modèle : {only}")),
        [first, ..] => Verdict::Pass(words!("{count} models, such as {first}", "{count} modèles, dont {first}")),
    }
}

fn with_pulls(facts: &Facts, problem: Problem) -> Problem {
    if facts.ollama.api.known() == Some(&Api::Chat) {
        return problem
            .cured_by(Remedy::by_hand(words!("load a model in that server", "charger un modèle dans ce serveur")));
    }
    let smaller = words!(
        "get a model that can use tools: 9.3 GB, for a graphics card of 12 GB",
        "télécharger un modèle qui sait utiliser des outils : 9,3 Go, pour une carte graphique de 12 Go"
    );
    let codex = words!(
        "or the one that `codex --oss` takes by itself: 14 GB, for a graphics card of 16 GB",
        "ou celui que `codex --oss` prend de lui-même : 14 Go, pour une carte graphique de 16 Go"
    );
    problem.cured_by(pull(facts, SMALLER, smaller)).cured_by(pull(facts, CODEX_OWN, codex))
}

/// Each model with its size and what it can do.
pub(super) fn details(facts: &Facts) -> Vec<Detail> {
    let Some(models) = facts.ollama.models.known() else { return Vec::new() };
    let detail = |model: &Model| Detail { name: Words::same(model.name.clone()), value: about(model) };
    models.iter().map(detail).collect()
}

fn about(model: &Model) -> Words {
    let size = model.size.filter(|size| *size > 0).map(figures::bytes);
    let trained =
        model.trained_context.map(|tokens| words!("trained for {tokens} tokens", "entraîné pour {tokens} tokens"));
    let parts = [
        size,
        trained,
        model.num_ctx.map(|tokens| Words::same(format!("num_ctx {tokens}"))),
        (model.tools == Some(true)).then(|| words!("tools", "outils")),
        (model.thinking == Some(true)).then(|| words!("thinks", "réfléchit")),
        (model.vision == Some(true)).then(|| words!("sees images", "voit les images")),
        (!model.talks()).then(|| words!("embeddings only", "plongements seulement")),
    ];
    let parts: Vec<Words> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return words!("tells nothing of itself", "ne dit rien de lui-même");
    }
    let join = |of: fn(&Words) -> &str| parts.iter().map(of).collect::<Vec<_>>().join(", ");
    Words { en: join(|words| &words.en), fr: join(|words| &words.fr) }
}

/// Can they use tools?
pub(super) fn judge(facts: &Facts) -> Verdict {
    let models = match facts.ollama.models.get() {
        Ok(models) => models,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let talking: Vec<&Model> = models.iter().filter(|model| model.talks()).collect();
    if talking.iter().all(|model| model.tools.is_none()) {
        return Verdict::Skip(words!(
            "this server does not tell what its models can do (Ollama does since 0.6.4)",
            "ce serveur ne dit pas ce que ses modèles savent faire (Ollama le dit depuis la version 0.6.4)"
        ));
    }
    if let Some(Model { name, tools: Some(false), .. }) = codex_model(facts) {
        return without_tools(
            facts,
            words!(
                "{name}, which Codex is set to, cannot use tools",
                "{name}, que la configuration de Codex désigne, ne sait pas utiliser d'outils"
            ),
        );
    }
    let able: Vec<&Model> = talking.into_iter().filter(|model| model.tools == Some(true)).collect();
    let thinking = able.iter().filter(|model| model.thinking == Some(true)).count();
    let (names, count) = (some_of(&able), able.len());
    if able.is_empty() {
        let what =
            words!("none of Ollama's models can use tools", "aucun des modèles d'Ollama ne sait utiliser d'outils");
        return without_tools(facts, what);
    }
    Verdict::Pass(words!(
        "{count} can use tools: {names}; {thinking} of them can think",
        "modèles à outils : {names} ({count}), dont {thinking} avec réflexion"
    ))
}

/// Codex does its work with tools. With `--translate` such a model is told of them in words, and its calls are read from
/// its text.
fn without_tools(facts: &Facts, what: Words) -> Verdict {
    let problem = Problem::new(what);
    if translates(facts) == Some(true) {
        let problem = problem.because(words!(
            "--translate tells it of the tools in words, which works less often",
            "--translate lui décrit les outils par des mots, ce qui marche moins souvent"
        ));
        return with_pulls(facts, problem).warn();
    }
    let problem = problem.because(words!(
        "Ollama refuses requests with tools for such a model (400): Codex can do nothing with it",
        "Ollama refuse les requêtes avec outils pour un tel modèle (400) : Codex ne peut rien en faire"
    ));
    let problem = with_pulls(facts, problem).cured_by(Remedy::shell(
        words!(
            "or have the bridge tell it of the tools in words",
            "ou laisser le pont lui décrire les outils par des mots"
        ),
        "ollama-forward --translate",
    ));
    if_codex(facts, problem)
}

/// More names than these say no more.
const MOST_NAMED: usize = 3;

fn some_of(models: &[&Model]) -> String {
    let names: Vec<&str> = models.iter().take(MOST_NAMED).map(|model| model.name.as_str()).collect();
    let more = if models.len() > MOST_NAMED { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::doctor::check::Status;
    use crate::doctor::fact::Fact;
    use crate::doctor::ollama::checks::bed::{
        codex_is_missing, codex_uses, forward_translates, model, named_elsewhere, working,
    };
    use crate::doctor::proof::{self, check, check_without};

    fn with(models: &[Model]) -> Facts {
        let mut facts = working();
        facts.ollama.models = Fact::Known(models.to_vec());
        forward_translates(facts, false)
    }

    #[test]
    fn models_are_counted() {
        check("models", &working(), Status::Ok, &["1 model: qwen3:14b"]);
        check("models", &with(&[model("a"), model("b")]), Status::Ok, &["2 models, such as a"]);
    }

    #[test]
    fn without_a_model_one_is_to_be_pulled_on_windows() {
        let says = ["no model yet", "[powershell]", "ollama pull qwen3:14b", "ollama pull gpt-oss:20b"];
        check("models", &with(&[]), Status::Failure, &says);
    }

    #[test]
    fn models_for_embeddings_do_not_talk() {
        let embedding = Model { completion: Some(false), ..model("nomic-embed-text") };
        check(
            "models",
            &with(&[embedding]),
            Status::Failure,
            &["none of Ollama's models (1) answers text", "ollama pull"],
        );
    }

    #[test]
    fn ollama_elsewhere_is_told_to_pull_over_http() {
        let mut facts = named_elsewhere(with(&[]));
        facts.network.tried[0].answer = Ok("0.33.0".into());
        check(
            "models",
            &facts,
            Status::Failure,
            &[r#"curl http://192.168.1.20:11434/api/pull -d '{"model":"qwen3:14b"}'"#],
        );
    }

    #[test]
    fn each_model_is_told_of_in_a_line() {
        let line = proof::details("models", &working()).remove(0);
        assert_eq!(line, ("qwen3:14b".into(), "9.2 GB, trained for 40960 tokens, tools, thinks".into()));
    }

    #[test]
    fn models_that_use_tools_are_named() {
        check("model-tools", &working(), Status::Ok, &["1 can use tools: qwen3:14b", "1 of them can think"]);
        let many: Vec<Model> = ["a", "b", "c", "d"].map(model).to_vec();
        check("model-tools", &with(&many), Status::Ok, &["4 can use tools: a, b, c, …"]);
    }

    #[test]
    fn codex_can_do_nothing_without_tools() {
        let chatty = Model { tools: Some(false), ..model("gemma3:12b") };
        let facts = with(std::slice::from_ref(&chatty));
        let says =
            ["none of Ollama's models can use tools", "400", "ollama pull qwen3:14b", "ollama-forward --translate"];
        check("model-tools", &facts, Status::Failure, &says);
        check("model-tools", &codex_is_missing(facts.clone()), Status::Warning, &["none"]);
        let translated = forward_translates(facts, true);
        check("model-tools", &translated, Status::Warning, &["in words"]);
        check_without("model-tools", &translated, &["400"]);
        let named = codex_uses(with(&[model("qwen3:14b"), chatty]), "gemma3:12b");
        check("model-tools", &named, Status::Failure, &["gemma3:12b, which Codex is set to, cannot use tools"]);
    }

    #[test]
    fn what_a_server_does_not_tell_is_no_failure() {
        let silent = Model { name: "a".into(), ..Model::default() };
        check("model-tools", &with(&[silent]), Status::Skipped, &["does not tell", "0.6.4"]);
    }
}
