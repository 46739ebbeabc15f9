//! Which model: typed > remembered > configured in Codex > asked for, or the recommended one. Pure.

use crate::bridge::catalog::is_same_model;
use crate::doctor::ollama::Model;
use crate::words;
use crate::words::Words;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pick<'a> {
    /// This one.
    Take(&'a Model),
    /// It was named, and is not there.
    Missing(&'a str),
    /// It was named, and cannot use tools.
    Unfit(&'a Model),
    /// Nobody has said anything: of these.
    Ask(Vec<&'a Model>),
    /// None is there that would do.
    Nothing,
}

/// What was named by somebody, the strongest first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named<'a> {
    /// `--model`, or `OLLAMA_FORWARD_MODEL`.
    pub(super) typed: Option<&'a str>,
    pub(super) remembered: Option<&'a str>,
    /// In Codex's own configuration.
    pub(super) configured: Option<&'a str>,
}

/// Decides, as far as that can be done without asking.
pub(super) fn pick<'a>(models: &'a [Model], named: Named<'a>) -> Pick<'a> {
    let find = |name: &str| models.iter().find(|model| is_same_model(name, &model.name));
    if let Some(name) = named.typed {
        return match find(name) {
            None => Pick::Missing(name),
            Some(model) if fits(model) => Pick::Take(model),
            Some(model) => Pick::Unfit(model),
        };
    }
    // What was said some other day, or for another server, holds only where it still can.
    let before = named.remembered.into_iter().chain(named.configured).filter_map(find).find(|model| fits(model));
    if let Some(model) = before {
        return Pick::Take(model);
    }
    let all: Vec<&Model> = models.iter().filter(|model| fits(model)).collect();
    if all.is_empty() { Pick::Nothing } else { Pick::Ask(all) }
}

/// Codex can do something with it, as far as is known.
pub(super) fn fits(model: &Model) -> bool {
    model.tools != Some(false) && model.talks()
}

/// A line of the question: its name, and its context: what it has in memory now, what its Modelfile asks for, or what it was
/// trained for.
pub(super) fn option(model: &Model, width: usize, loaded: Option<u64>) -> Words {
    let name = &model.name;
    let Words { en, fr } = match (loaded, model.num_ctx, model.trained_context) {
        (Some(context), ..) => words!("{context} tokens, in memory", "{context} tokens, en mémoire"),
        (None, Some(context), _) => words!("{context} tokens", "{context} tokens"),
        (None, None, Some(context)) => words!("up to {context} tokens", "jusqu'à {context} tokens"),
        (None, None, None) => words!("context not known", "contexte inconnu"),
    };
    words!("{name:width$}  {en}", "{name:width$}  {fr}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> Vec<Model> {
        let model = |name: &str, tools| Model { name: name.into(), tools, ..Model::default() };
        vec![
            model("a:1", Some(true)),
            model("b:latest", None),
            model("c", Some(false)),
            Model { completion: Some(false), ..model("embed", None) },
        ]
    }

    #[track_caller]
    fn takes(named: Named<'_>, expected: Option<&str>) {
        let models = models();
        let picked = match pick(&models, named) {
            Pick::Take(model) => Some(model.name.as_str()),
            Pick::Missing(_) | Pick::Unfit(_) | Pick::Ask(_) | Pick::Nothing => None,
        };
        assert_eq!(picked, expected, "{named:?}");
    }

    #[test]
    fn the_strongest_word_counts() {
        let all = Named { typed: Some("a:1"), remembered: Some("b"), configured: Some("b") };
        takes(all, Some("a:1"));
        takes(Named { typed: None, ..all }, Some("b:latest"));
        takes(Named { typed: None, remembered: None, configured: Some("a:1") }, Some("a:1"));
        takes(Named { typed: None, remembered: Some("gone"), configured: Some("a:1") }, Some("a:1"));
        takes(Named { typed: None, remembered: Some("c"), configured: Some("gpt-6") }, None);
        takes(Named::default(), None);
    }

    #[test]
    fn what_was_named_and_will_not_do_is_told() {
        let models = models();
        let typed = |name| Named { typed: Some(name), ..Named::default() };
        assert_eq!(pick(&models, typed("x")), Pick::Missing("x"));
        assert_eq!(pick(&models, typed("C:latest")), Pick::Unfit(&models[2]));
        assert_eq!(pick(&models, typed("embed")), Pick::Unfit(&models[3]));
        assert_eq!(pick(&models[2..], Named::default()), Pick::Nothing);
        assert_eq!(pick(&models, Named::default()), Pick::Ask(vec![&models[0], &models[1]]));
    }

    #[test]
    fn a_question_tells_the_context() {
        let model = Model { name: "a".into(), trained_context: Some(40_960), ..Model::default() };
        assert_eq!(option(&model, 3, Some(8192)).en, "a    8192 tokens, in memory");
        assert_eq!(option(&model, 1, None).fr, "a  jusqu'à 40960 tokens");
    }
}
