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
use crate::doctor::{Check, Facts, Group, Problem, Verdict};
use crate::words;

/// Whether Ollama answers, and what it is good for. All others need the first.
pub const CHECKS: &[Check] = &[
    Check::new(
        Group::Ollama,
        "reach",
        || words!("Ollama answers", "Ollama répond"),
        // Whatever stands in the way is the cause, and this only its symptom.
        &[
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
        reach::judge,
    ),
    Check::new(
        Group::Ollama,
        "version",
        || words!("Ollama's version", "version d'Ollama"),
        &["reach"],
        server::version,
    ),
    Check::new(Group::Ollama, "clock", || words!("the clocks", "les horloges"), &["reach"], server::clock),
    Check::new(Group::Ollama, "models", || words!("models", "modèles"), &["reach"], tools::models).with(tools::details),
    Check::new(
        Group::Ollama,
        "model-tools",
        || words!("models that use tools", "modèles à outils"),
        &["reach", "models"],
        tools::judge,
    ),
    Check::new(
        Group::Ollama,
        "context",
        || words!("the model's context", "contexte du modèle"),
        &["reach", "models"],
        context::judge,
    )
    .with(context::details),
    Check::new(Group::Ollama, "gpu", || words!("graphics card", "carte graphique"), &["reach", "models"], context::gpu),
    Check::new(
        Group::Ollama,
        "queue",
        || words!("requests side by side", "requêtes simultanées"),
        &["reach"],
        server::queue,
    ),
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
