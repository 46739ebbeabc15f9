//! The model: chosen, pulled where it is missing, loaded, and what Codex is to know of it.

use std::io::{Error, ErrorKind};

use super::choose::{Named, Pick, fits, option, pick};
use super::desk::Desk;
use super::forward::Forward;
use super::kept::{self, For};
use super::machine::Machine;
use super::{pull, upstream};
use crate::app::ask::Asker;
use crate::bridge::catalog::is_same_model;
use crate::doctor::codex::profile;
use crate::doctor::ollama::{Model, Ollama};
use crate::doctor::{Fact, Facts};
use crate::fault::{Fault, FaultId};
use crate::launch::catalogue::Entry;
use crate::launch::{Instructions, Setup, catalogue};
use crate::words;
use crate::words::Words;

/// Codex's first request alone has 9500 tokens (0.169, `exec`).
const TOO_SMALL: u64 = 12_000;
/// Pulled where there is no model at all, if somebody agrees: it can use tools, and fits a card of 16 GB.
const FIRST_MODEL: &str = "qwen3:14b";

/// A model that is in memory.
pub(super) struct Chosen {
    pub(super) name: String,
    /// That it has now; None: not known.
    pub(super) context: Option<u64>,
    ollama: Ollama,
}

/// Waits for the upstream, chooses, pulls and loads.
pub(super) async fn choose_and_load(desk: &Desk<'_>, machine: &Machine, forward: &Forward) -> Result<Chosen, Fault> {
    upstream::wait(desk, forward).await?;
    let ollama = upstream::learn(forward).await?;
    let name = choose(desk, machine, forward, &ollama).await?;
    // A model that was pulled just now is in no list yet.
    let is_listed = listed(&ollama).iter().any(|model| is_same_model(&model.name, &name));
    let ollama = if is_listed { ollama } else { upstream::learn(forward).await? };
    let name =
        listed(&ollama).iter().find(|model| is_same_model(&model.name, &name)).map_or(name, |it| it.name.clone());
    let context = upstream::load(desk, forward, &ollama, &name).await?;
    Ok(Chosen { name, context, ollama })
}

fn listed(ollama: &Ollama) -> &[Model] {
    ollama.models.known().map_or(&[], Vec::as_slice)
}

async fn choose(desk: &Desk<'_>, machine: &Machine, forward: &Forward, ollama: &Ollama) -> Result<String, Fault> {
    let remembered = kept::remembered(desk);
    let named = Named {
        typed: desk.typed.model.as_deref(),
        remembered: remembered.as_deref(),
        configured: machine.config().and_then(|config| config.model.as_deref()),
    };
    match pick(listed(ollama), named) {
        Pick::Take(model) => Ok(model.name.clone()),
        Pick::Unfit(model) => Err(unfit(model, ollama)),
        Pick::Missing(name) => offer(desk, forward, name, missing(name, ollama)).await,
        Pick::Nothing => offer(desk, forward, FIRST_MODEL, nothing()).await,
        Pick::Ask(models) => {
            let usual = recommended(machine, ollama);
            let Some(asker) = desk.asker().filter(|_| models.len() > 1) else { return Ok(usual) };
            ask(asker, &models, &usual, ollama).await
        }
    }
}

/// As the doctor has it.
pub(super) fn recommended(machine: &Machine, ollama: &Ollama) -> String {
    let facts = Facts { ollama: ollama.clone(), codex: machine.facts.clone(), ..Facts::default() };
    profile::model(&facts).map(|model| model.name.clone()).unwrap_or_default()
}

async fn ask(asker: Asker, models: &[&Model], usual: &str, ollama: &Ollama) -> Result<String, Fault> {
    let width = models.iter().map(|model| model.name.chars().count()).max().unwrap_or_default();
    let options: Vec<Words> = models
        .iter()
        .map(|model| {
            option(model, width, profile::context(&of(ollama), &model.name).filter(|_| is_loaded(ollama, model)))
        })
        .collect();
    let place = models.iter().position(|model| model.name == usual).unwrap_or_default();
    let question = words!("Which model shall Codex use?", "Quel modèle pour Codex ?");
    let answer = blocking(move || asker.choose(&question, &options, place)).await?;
    Ok(models[answer].name.clone())
}

fn of(ollama: &Ollama) -> Facts {
    Facts { ollama: ollama.clone(), ..Facts::default() }
}

fn is_loaded(ollama: &Ollama, model: &Model) -> bool {
    ollama.loaded.known().is_some_and(|all| all.iter().any(|one| is_same_model(&one.name, &model.name)))
}

/// Asks to pull it. Where nobody can be asked, it is as it is.
async fn offer(desk: &Desk<'_>, forward: &Forward, name: &str, otherwise: Fault) -> Result<String, Fault> {
    let Some(asker) = desk.asker() else { return Err(otherwise) };
    let question = words!(
        "{name} is not there. Have Ollama pull it? It is some gigabytes",
        "{name} n'est pas là. Le faire télécharger par Ollama ? C'est quelques gigaoctets"
    );
    if !blocking(move || asker.yes(&question, false)).await? {
        return Err(otherwise);
    }
    pull::pull(desk, forward, name).await?;
    Ok(name.to_owned())
}

/// A question, on a thread that nobody has to wait for. The end of the input is the end of it all.
pub(super) async fn blocking<T: Send + 'static>(
    question: impl FnOnce() -> std::io::Result<Option<T>> + Send + 'static,
) -> Result<T, Fault> {
    let asked = tokio::task::spawn_blocking(question).await;
    let answer = asked.unwrap_or_else(|_| Err(Error::from(ErrorKind::Other)));
    let failed = |why: Words| {
        Fault::new(FaultId::Usage, why)
            .advise(words!("the input has ended", "l'entrée est terminée"), "ollama-forward codex --yes")
    };
    match answer {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(failed(words!("there was no answer", "il n'y a pas eu de réponse"))),
        Err(error) => Err(failed(Words::same(error.to_string()))),
    }
}

fn fitting(ollama: &Ollama) -> String {
    /// As many as a line takes.
    const MOST: usize = 6;
    let names: Vec<&str> =
        listed(ollama).iter().filter(|model| fits(model)).take(MOST).map(|it| it.name.as_str()).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn unfit(model: &Model, ollama: &Ollama) -> Fault {
    let (name, others) = (&model.name, fitting(ollama));
    let what = words!(
        "{name} cannot use tools: Codex can do nothing with it",
        "{name} ne sait pas utiliser d'outils : Codex ne peut rien en faire"
    );
    let likely = words!("these can: {others}", "ceux-ci le savent : {others}");
    Fault::new(FaultId::NoModel, what).advise(likely, "ollama-forward codex --model MODEL")
}

fn missing(name: &str, ollama: &Ollama) -> Fault {
    let others = fitting(ollama);
    let what = words!("Ollama has no model {name}", "Ollama n'a pas de modèle {name}");
    let likely = words!(
        "a typing error, or it was never pulled; there are: {others}",
        "une faute de frappe, ou il n'a jamais été téléchargé ; il y a : {others}"
    );
    Fault::new(FaultId::NoModel, what).advise(likely, pull::by_hand(name))
}

fn nothing() -> Fault {
    let what =
        words!("Ollama has no model that can use tools", "Ollama n'a aucun modèle qui sache utiliser des outils");
    Fault::new(FaultId::NoModel, what).advise(FaultId::NoModel.likely(), pull::by_hand(FIRST_MODEL))
}

impl Chosen {
    /// Says which it is, and what is not as it should be.
    pub(super) fn tell(&self, desk: &Desk<'_>, machine: &Machine) {
        let name = &self.name;
        match self.context {
            Some(context) => {
                desk.hint(&words!("{name}, {context} tokens in memory", "{name}, {context} tokens en mémoire"));
                if context < TOO_SMALL {
                    desk.hint(&words!(
                        "⚠ {context} tokens are too few for Codex, whose first request alone has 9500: ollama-forward doctor ollama",
                        "⚠ {context} tokens, c'est trop peu pour Codex, dont la première requête en compte déjà 9500 : ollama-forward doctor ollama"
                    ));
                }
            }
            None => desk.hint(&words!(
                "⚠ {name}, context not known: Codex assumes 258400 tokens, and what does not fit is lost without a word",
                "⚠ {name}, contexte inconnu : Codex suppose 258400 tokens, et ce qui dépasse est perdu sans un mot"
            )),
        }
        let wished = desk.instructions();
        if wished.possible(&machine.gates) != wished {
            let (version, word) = (machine.version.as_deref().unwrap_or("?"), wished.word());
            desk.hint(&words!(
                "⚠ Codex {version} has no way to `--instructions {word}`: it gets its own",
                "⚠ Codex {version} ne permet pas `--instructions {word}` : il garde les siennes"
            ));
        }
    }

    /// What Codex is told; the files that belong to it are written.
    pub(super) fn setup(
        &self,
        desk: &Desk<'_>,
        machine: &Machine,
        base_url: String,
        whom: For<'_>,
    ) -> Result<Setup, Fault> {
        let files = self.files(desk, machine, whom);
        files.iter().try_for_each(|(path, text)| kept::put(path, text))?;
        Ok(self.setup_with(desk, machine, base_url, whom))
    }

    /// The same, without writing anything.
    pub(super) fn setup_with(&self, desk: &Desk<'_>, machine: &Machine, base_url: String, whom: For<'_>) -> Setup {
        let at = |name| Some(kept::path(desk, whom, name).display().to_string());
        let (catalogue, instructions) = match form(desk, machine) {
            Form::Neither => (None, None),
            Form::Catalogue(_) => (at(kept::CATALOGUE), None),
            Form::File(_) => (None, at(kept::INSTRUCTIONS)),
        };
        Setup { model: self.name.clone(), base_url, context: self.context, catalogue, instructions }
    }

    /// What Codex reads besides: where, and what stands there.
    pub(super) fn files(&self, desk: &Desk<'_>, machine: &Machine, whom: For<'_>) -> Vec<(std::path::PathBuf, String)> {
        match form(desk, machine) {
            Form::Neither => Vec::new(),
            Form::Catalogue(text) => {
                let text = catalogue::text(&self.entries(), &self.name, text);
                vec![(kept::path(desk, whom, kept::CATALOGUE), text)]
            }
            Form::File(text) => vec![(kept::path(desk, whom, kept::INSTRUCTIONS), text.to_owned())],
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let facts = of(&self.ollama);
        let entry = |model: &Model| {
            // `/model` switches to others; what they will have once loaded, only their Modelfile may tell.
            let own = (model.name != self.name).then(|| profile::context(&facts, &model.name)).flatten();
            let context = own.or(self.context);
            Entry { name: model.name.clone(), context, vision: model.vision == Some(true) }
        };
        let mut all: Vec<Entry> = listed(&self.ollama).iter().filter(|model| fits(model)).map(entry).collect();
        if all.iter().all(|entry| entry.name != self.name) {
            all.push(Entry { name: self.name.clone(), context: self.context, vision: false });
        }
        all
    }

    /// From what is known without loading anything, for `--print`.
    pub(super) fn unloaded(name: String, ollama: Option<Ollama>) -> Self {
        let ollama = ollama.unwrap_or_else(|| Ollama { models: Fact::Known(Vec::new()), ..Ollama::default() });
        let context = profile::context(&of(&ollama), &name);
        Self { name, context, ollama }
    }
}

/// How Codex is told its instructions.
enum Form {
    /// Its own stay.
    Neither,
    /// `model_catalog_json`
    Catalogue(&'static str),
    /// `model_instructions_file`, for those that read no catalogue.
    File(&'static str),
}

fn form(desk: &Desk<'_>, machine: &Machine) -> Form {
    let instructions: Instructions = desk.instructions().possible(&machine.gates);
    match instructions.text() {
        None => Form::Neither,
        Some(text) if machine.gates.catalogue => Form::Catalogue(text),
        Some(text) => Form::File(text),
    }
}
