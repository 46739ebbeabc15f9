//! `--print`: what would be started and written. Nothing is, and nothing is loaded.

use std::fmt::Write as _;

use super::choose::{Named, Pick, pick};
use super::desk::Desk;
use super::forward::{self, Forward};
use super::kept::{self, For};
use super::machine::{self, Machine};
use super::model::{Chosen, recommended};
use super::{Ended, Stage, upstream};
use crate::doctor::ollama::{Model, Ollama};
use crate::doctor::program::quoted;
use crate::fault::Fault;
use crate::launch::gates::Profiles;
use crate::launch::{Instructions, block, command};
use crate::net::listen::reachable;
use crate::words;
use crate::words::Words;

pub(super) fn print(desk: &Desk<'_>) -> Result<Ended, Fault> {
    let stage = Stage::new()?;
    let seen = stage.until_stopped(look(desk));
    stage.end();
    let Some(seen) = seen else { return Ok(Ended::Cut) };
    let (machine, running, ollama) = seen?;
    let base_url = match &running {
        Some(forward) => forward.base_url(),
        None => desk.config()?.listen.first().map_or_else(String::new, |at| format!("http://{}/v1", reachable(*at))),
    };
    let name = model_of(desk, &machine, ollama.as_ref());
    let chosen = Chosen::unloaded(name, ollama);
    let mut page = Page { desk, text: String::new() };
    page.command(&machine, &chosen, &base_url, running.is_some());
    page.profile(&machine, &chosen, &base_url)?;
    page.instructions(&machine);
    Ok(Ended::Printed(page.text))
}

async fn look(desk: &Desk<'_>) -> Result<(Machine, Option<Forward>, Option<Ollama>), Fault> {
    let machine = machine::look(desk).await?;
    let running = forward::running(desk);
    let ollama = match &running {
        Some(forward) => upstream::learn(forward).await.ok(),
        None => None,
    };
    Ok((machine, running, ollama))
}

/// As it would be chosen; where somebody would be asked, the recommended one.
fn model_of(desk: &Desk<'_>, machine: &Machine, ollama: Option<&Ollama>) -> String {
    let remembered = kept::remembered(desk);
    let typed = desk.typed.model.as_deref();
    let configured = machine.config().and_then(|config| config.model.as_deref());
    let named = Named { typed, remembered: remembered.as_deref(), configured };
    let models: &[Model] = ollama.and_then(|ollama| ollama.models.known()).map_or(&[], Vec::as_slice);
    let found = match (pick(models, named), ollama) {
        (Pick::Take(model) | Pick::Unfit(model), _) => model.name.clone(),
        (Pick::Missing(name), _) => name.to_owned(),
        (Pick::Ask(_), Some(ollama)) => recommended(machine, ollama),
        (Pick::Nothing | Pick::Ask(_), _) => remembered.clone().unwrap_or_default(),
    };
    if found.is_empty() { "MODEL".to_owned() } else { found }
}

struct Page<'a> {
    desk: &'a Desk<'a>,
    text: String,
}

impl Page<'_> {
    /// A line that a shell, TOML and people take for a comment.
    fn note(&mut self, words: &Words) {
        let _ = writeln!(self.text, "# {}", self.desk.shown(words));
    }

    fn command(&mut self, machine: &Machine, chosen: &Chosen, base_url: &str, runs: bool) {
        let version = machine.version.as_deref().unwrap_or("?");
        self.note(&words!("Command, for Codex {version}:", "Commande, pour Codex {version} :"));
        if !runs {
            self.note(&words!(
                "no forward runs: one would be started for this call",
                "aucun relais ne tourne : un relais serait démarré pour cet appel"
            ));
        }
        match chosen.context {
            Some(_) => {}
            None => self.note(&words!(
                "the context is known once the model is loaded; then model_context_window is among these",
                "le contexte est connu une fois le modèle chargé ; model_context_window s'y ajoute alors"
            )),
        }
        let silence = if self.desk.typed.offline { machine.gates.silence } else { &[] };
        let setup = chosen.setup_with(self.desk, machine, base_url.to_owned(), For::ThisCall);
        let words = command::start(&setup, silence, &self.desk.args);
        let line: Vec<String> = std::iter::once("codex").chain(words.iter().map(String::as_str)).map(quoted).collect();
        let _ = writeln!(self.text, "{}\n", line.join(" "));
        if !self.desk.typed.offline {
            let off: Vec<String> = machine.gates.silence.iter().map(|pair| format!("-c {pair}")).collect();
            let off = off.join(" ");
            self.note(&words!(
                "Codex itself asks its maker and GitHub at its start; --offline adds: {off}",
                "Codex lui-même interroge son éditeur et GitHub à son démarrage ; --offline ajoute : {off}"
            ));
            self.note(&words!(
                "on a terminal, it then asks only raw.githubusercontent.com, which nothing switches off",
                "sur un terminal, il n'interroge alors plus que raw.githubusercontent.com, ce que rien n'empêche"
            ));
            self.text.push('\n');
        }
    }

    fn profile(&mut self, machine: &Machine, chosen: &Chosen, base_url: &str) -> Result<(), Fault> {
        let home = machine.home()?;
        let setup = chosen.setup_with(self.desk, machine, base_url.to_owned(), For::Profile(home));
        let (path, text) = match machine.gates.profiles {
            Profiles::Files => (home.join("ollama-forward.config.toml"), setup.profile()),
            Profiles::Tables => (home.join("config.toml"), block::with("", &setup.tables())),
        };
        let path = path.display();
        self.note(&words!("--install writes {path}:", "--install écrit {path} :"));
        let _ = writeln!(self.text, "{text}");
        for (path, text) in chosen.files(self.desk, machine, For::Profile(home)) {
            let path = path.display();
            self.note(&words!("and {path}:", "et {path} :"));
            let _ = writeln!(self.text, "{text}");
        }
        Ok(())
    }

    fn instructions(&mut self, machine: &Machine) {
        let used = self.desk.instructions().possible(&machine.gates);
        self.note(&words!("--instructions (* as here):", "--instructions (* ici) :"));
        for one in [Instructions::Full, Instructions::Compact, Instructions::None] {
            let Words { en, fr } = one.cost();
            let mark = if one == used { "*" } else { " " };
            self.note(&Words { en: format!("{mark} {en}"), fr: format!("{mark} {fr}") });
        }
    }
}
