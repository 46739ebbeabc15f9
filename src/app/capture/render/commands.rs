//! What is to be typed so that Codex, or a check, comes through a forwarder. Pure.

use serde::Serialize;

use super::{Look, Paper, Sign};
use crate::doctor::render::sheet::Style;
use crate::words;

/// Where clients connect, and what is there.
#[derive(Clone, Debug, Serialize)]
pub(in crate::app::capture) struct Recipe {
    /// `127.0.0.1:11434`
    pub(in crate::app::capture) address: String,
    pub(in crate::app::capture) page: Option<String>,
    /// A forwarder runs there, and captures.
    pub(in crate::app::capture) running: bool,
    pub(in crate::app::capture) on: bool,
    pub(in crate::app::capture) translate: bool,
}

impl Recipe {
    /// Name and command, in the order in which they are printed.
    pub(in crate::app::capture) fn lines(&self) -> Vec<(&'static str, String)> {
        let at = &self.address;
        vec![
            ("exec", format!("CODEX_OSS_BASE_URL=http://{at}/v1 codex exec --oss \"say hello\"")),
            ("interactive", format!("CODEX_OSS_BASE_URL=http://{at}/v1 codex --oss")),
            ("proxy", format!("HTTP_PROXY=http://{at} NO_PROXY= codex exec --oss \"say hello\"")),
            ("check", format!("curl -i http://{at}/api/version")),
        ]
    }
}

pub(in crate::app::capture) fn commands(recipe: &Recipe, look: &Look) -> String {
    let mut paper = Paper::new(look);
    for (name, command) in recipe.lines() {
        let label = match name {
            "exec" => words!("one task", "une tâche"),
            "interactive" => words!("to talk", "dialogue"),
            "proxy" => words!("as a proxy", "en proxy"),
            _ => words!("check", "essai"),
        };
        paper.row(&look.say(&label), &look.ink(Style::Bold, &look.as_it_is(&command)));
    }
    if let Some(page) = &recipe.page {
        paper.row("page", &look.one_line(page));
    }
    let hint = match (recipe.running, recipe.on) {
        (false, _) => Some(words!(
            "nothing runs there yet: ollama-forward --translate --capture",
            "rien n'y tourne encore : ollama-forward --translate --capture"
        )),
        (true, false) => {
            Some(words!("capture is off: ollama-forward capture on", "capture arrêtée : ollama-forward capture on"))
        }
        (true, true) if !recipe.translate => Some(words!(
            "without --translate, Codex's tools may not work with local models",
            "sans --translate, les outils de Codex risquent d'échouer avec les modèles locaux"
        )),
        (true, true) => None,
    };
    if let Some(hint) = hint {
        let text = format!("{} {}", look.sign(Sign::Warning), look.shown(&look.say(&hint)));
        paper.row("", &look.ink(Style::Yellow, &text));
    }
    paper.text
}
