//! Judges Codex. Pure.
//!
//! ```text
//! setup: is it here, does its configuration hold?     target: does it come here?
//! model: does it ask for what is there?               bridge: does what is between them suit it?
//! environment: variables that lead clients astray
//! ```

mod bridge;
mod environment;
mod model;
mod profiles;
mod setup;
mod target;

use super::Program;
use crate::doctor::{Check, Detail, Fact, Facts, Group, Verdict};
use crate::words;
use crate::words::Words;

pub const CHECKS: &[Check] = &[
    Check::new(Group::Codex, "codex-program", || words!("Codex", "Codex"), &[], setup::program).with(what_is_known),
    Check::new(
        Group::Codex,
        "codex-config",
        || words!("configuration of Codex", "configuration de Codex"),
        &[],
        setup::config,
    ),
    Check::new(
        Group::Codex,
        "codex-oss-url",
        || words!("variables of `codex --oss`", "variables de `codex --oss`"),
        &[],
        target::oss_url,
    ),
    Check::new(
        Group::Codex,
        "codex-target",
        || words!("where Codex sends", "où Codex envoie"),
        &["codex-config"],
        target::target,
    ),
    Check::new(
        Group::Codex,
        "codex-profile",
        || words!("profiles of Codex", "profils de Codex"),
        &["codex-config"],
        profiles::judge,
    ),
    Check::new(
        Group::Codex,
        "codex-model",
        || words!("model that Codex asks for", "modèle demandé par Codex"),
        &["codex-config"],
        model::model,
    ),
    Check::new(
        Group::Codex,
        "codex-context",
        || words!("context that Codex assumes", "contexte supposé par Codex"),
        &["codex-config"],
        model::context,
    ),
    Check::new(
        Group::Codex,
        "codex-translate",
        || words!("translation for Codex", "traduction pour Codex"),
        &["codex-config", "codex-target"],
        bridge::translate,
    ),
    Check::new(
        Group::Codex,
        "codex-timeout",
        || words!("patience of Codex", "patience de Codex"),
        &["codex-config", "codex-target"],
        bridge::idle_timeout,
    ),
    Check::new(
        Group::Codex,
        "codex-websockets",
        || words!("WebSocket of Codex", "WebSocket de Codex"),
        &["codex-config", "codex-target"],
        bridge::websockets,
    ),
    Check::new(
        Group::Codex,
        "codex-mcp",
        || words!("MCP servers of Codex", "serveurs MCP de Codex"),
        &["codex-config"],
        bridge::mcp,
    ),
    Check::new(Group::Codex, "proxy", || words!("proxy variables", "variables de proxy"), &[], environment::proxy),
    Check::new(
        Group::Codex,
        "ollama-host",
        || words!("OLLAMA_HOST in Linux", "OLLAMA_HOST sous Linux"),
        &[],
        environment::ollama_host,
    ),
];

/// Why there is nothing to judge; None: there is a Codex that reads this configuration, or it may be.
fn nothing_to_judge(facts: &Facts) -> Option<Words> {
    match &facts.codex.program {
        _ if facts.codex.is_here() => None,
        Fact::Known(Some(program)) => {
            let path = program.path.display();
            Some(words!("{path} belongs to Windows", "{path} appartient à Windows"))
        }
        Fact::Known(None) | Fact::Unknown(_) => Some(words!("no Codex here", "pas de Codex ici")),
    }
}

/// Where no way of starting Codex ends at this forward.
fn not_aimed_here() -> Verdict {
    Verdict::Skip(words!("Codex does not come here", "Codex ne passe pas par ici"))
}

fn what_is_known(facts: &Facts) -> Vec<Detail> {
    let codex = &facts.codex;
    let detail = |name: Words, value: String| Detail { name, value: Words::same(value) };
    let mut details = Vec::new();
    if let Some(Some(Program { path, .. })) = codex.program.known() {
        details.push(detail(words!("program", "programme"), path.display().to_string()));
    }
    if let Some(path) = codex.config.known().and_then(|config| config.path.as_ref()) {
        details.push(detail(words!("configuration", "configuration"), path.display().to_string()));
    }
    if !codex.profiles.is_empty() {
        let names: Vec<_> = codex.profiles.iter().map(|profile| profile.name.as_str()).collect();
        details.push(detail(words!("profiles", "profils"), names.join(", ")));
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::codex::machine;
    pub(super) use crate::doctor::proof::{fails, passes, skips, warns};

    #[test]
    fn a_healthy_machine_passes_every_check() {
        let facts = machine::healthy();
        for check in CHECKS {
            let verdict = (check.judge)(&facts);
            assert!(matches!(verdict, Verdict::Pass(_) | Verdict::Skip(_)), "{}: {verdict:?}", check.id);
        }
        passes("codex-program", &facts, "Codex 0.169.0 (/home/me/.local/bin/codex)");
        passes("codex-config", &facts, "/home/me/.codex/config.toml");
        passes("codex-target", &facts, "`codex` sends to http://localhost:11434/v1");
        passes("codex-translate", &facts, "127.0.0.1:11434 translates");
        passes("codex-model", &facts, "qwen3:14b");
        passes("codex-context", &facts, "31129 of the 32768");
        passes("codex-timeout", &facts, "every 10 s");
    }

    #[test]
    fn without_codex_nothing_is_said_of_it() {
        let mut facts = machine::healthy();
        facts.codex.program = Fact::Known(None);
        for check in CHECKS.iter().filter(|check| check.id.starts_with("codex-")) {
            skips(check.id, &facts, "no Codex here");
        }
    }

    #[test]
    fn what_could_not_be_learnt_is_skipped() {
        for check in CHECKS {
            let verdict = (check.judge)(&Facts::default());
            assert!(matches!(verdict, Verdict::Pass(_) | Verdict::Skip(_)), "{}: {verdict:?}", check.id);
        }
    }

    #[test]
    fn every_title_is_in_both_languages() {
        for check in CHECKS {
            let title = (check.title)();
            assert!(!title.en.is_empty() && !title.fr.is_empty(), "{}", check.id);
        }
        let names: Vec<_> = what_is_known(&machine::healthy()).into_iter().map(|detail| detail.value.en).collect();
        assert_eq!(names, ["/home/me/.local/bin/codex", "/home/me/.codex/config.toml"]);
    }
}
