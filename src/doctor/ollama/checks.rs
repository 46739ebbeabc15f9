//! Judges Ollama. Pure.

#[cfg(test)]
pub(in crate::doctor) mod bed;
mod context;
mod cures;
mod reach;
mod server;
mod tools;

pub(in crate::doctor) use cures::{Machine, machine};

use super::Model;
use crate::bridge::catalog::is_same_model;
use crate::doctor::check::no_details;
use crate::doctor::{Check, Facts, Group, Problem, Verdict};
use crate::words;

/// Whether Ollama answers, and what it is good for. All others need the first.
pub const CHECKS: &[Check] = &[
    Check {
        id: "reach",
        group: Group::Ollama,
        title: || words!("Ollama answers", "Ollama répond"),
        // Whatever stands in the way is the cause, and this only its symptom.
        needs: &[
            "wsl",
            "mode",
            "target",
            "link",
            "route",
            "candidates",
            "neighbour",
            "router",
            "win-ollama",
            "win-relay",
            "win-port-owner",
            "win-host",
            "win-listen",
            "win-excluded",
            "win-block-rule",
            "win-policy",
            "win-rule-interface",
            "win-firewall",
            "win-portproxy",
            "win-route",
            "win-hyperv",
        ],
        judge: reach::judge,
        details: no_details,
    },
    Check {
        id: "version",
        group: Group::Ollama,
        title: || words!("Ollama's version", "version d'Ollama"),
        needs: &["reach"],
        judge: server::version,
        details: no_details,
    },
    Check {
        id: "clock",
        group: Group::Ollama,
        title: || words!("the clocks", "les horloges"),
        needs: &["reach"],
        judge: server::clock,
        details: no_details,
    },
    Check {
        id: "models",
        group: Group::Ollama,
        title: || words!("models", "modèles"),
        needs: &["reach"],
        judge: tools::models,
        details: tools::details,
    },
    Check {
        id: "model-tools",
        group: Group::Ollama,
        title: || words!("models that use tools", "modèles à outils"),
        needs: &["reach", "models"],
        judge: tools::judge,
        details: no_details,
    },
    Check {
        id: "context",
        group: Group::Ollama,
        title: || words!("the model's context", "contexte du modèle"),
        needs: &["reach", "models"],
        judge: context::judge,
        details: context::details,
    },
    Check {
        id: "gpu",
        group: Group::Ollama,
        title: || words!("graphics card", "carte graphique"),
        needs: &["reach", "models"],
        judge: context::gpu,
        details: no_details,
    },
    Check {
        id: "queue",
        group: Group::Ollama,
        title: || words!("requests side by side", "requêtes simultanées"),
        needs: &["reach"],
        judge: server::queue,
        details: no_details,
    },
];

/// Where there is no Codex, what only Codex needs is no failure.
fn if_codex(facts: &Facts, problem: Problem) -> Verdict {
    if facts.codex.program.known() == Some(&None) { problem.warn() } else { problem.fail() }
}

/// The model that Codex is set to, where this Ollama has it.
fn codex_model(facts: &Facts) -> Option<&Model> {
    let name = facts.codex.config.known()?.model.as_deref()?;
    facts.ollama.models.known()?.iter().find(|model| is_same_model(&model.name, name))
}

/// Whether the forward that runs translates. None: none runs, or it is not known.
fn translates(facts: &Facts) -> Option<bool> {
    facts.port.forward().map(|report| report.translate)
}
