//! Judges the service. Pure.

mod keeping;
mod program;
mod state;

use super::UNIT;
use crate::doctor::{Check, Detail, Fact, Facts, Group, Remedy, Verdict};
use crate::words;
use crate::words::Words;

/// What can keep a unit from running comes before the unit itself.
pub const CHECKS: &[Check] = &[
    Check::new(
        Group::Service,
        "service-program",
        || words!("program of the service", "programme du service"),
        &[],
        program::of_unit,
    ),
    Check::new(
        Group::Service,
        "user-bus",
        || words!("systemd of the user", "systemd de l'utilisateur"),
        &[],
        state::user_bus,
    ),
    Check::new(
        Group::Service,
        "service-state",
        || words!("service", "service"),
        &["service-program", "user-bus"],
        state::active,
    )
    .with(what_is_known),
    Check::new(
        Group::Service,
        "service-enabled",
        || words!("start of the service", "démarrage du service"),
        &["user-bus"],
        state::enabled,
    ),
    Check::new(
        Group::Service,
        "linger",
        || words!("service without a login", "service sans connexion"),
        &["user-bus"],
        keeping::linger,
    ),
    Check::new(
        Group::Service,
        "vm-idle",
        || words!("idle stop of WSL", "arrêt de WSL au repos"),
        &[],
        keeping::vm_idle,
    ),
    Check::new(Group::Service, "binary", || words!("versions", "versions"), &[], program::versions),
];

/// Why there is no service to judge; None: there is one.
fn no_service(facts: &Facts) -> Option<Verdict> {
    if facts.system.by_sudo {
        return Some(Verdict::Skip(words!(
            "by sudo, the service of another user is not seen: run it without sudo",
            "par sudo, le service d'un autre utilisateur ne se voit pas : à lancer sans sudo"
        )));
    }
    match &facts.service.unit {
        Fact::Known(Some(_)) => None,
        Fact::Known(None) => Some(Verdict::Skip(words!("not installed as a service", "non installé comme service"))),
        Fact::Unknown(why) => Some(Verdict::Skip(why.clone())),
    }
}

/// Whether the user wants it to run by itself.
fn is_wanted(facts: &Facts) -> bool {
    let service = &facts.service;
    let says = |fact: &Fact<String>, word| fact.known().is_some_and(|said| said.starts_with(word));
    says(&service.enabled, "enabled") || says(&service.active, "active")
}

/// A command for the user's own systemd.
fn systemctl(what: Words, verb: &str) -> Remedy {
    Remedy::shell(what, format!("systemctl --user {verb} {UNIT}"))
}

fn what_is_known(facts: &Facts) -> Vec<Detail> {
    let service = &facts.service;
    let mut details = Vec::new();
    let mut add = |name: Words, value: Option<String>| {
        if let Some(value) = value {
            details.push(Detail { name, value: Words::same(value) });
        }
    };
    let unit = service.unit.known().and_then(Option::as_ref);
    add(words!("unit", "unité"), unit.map(|path| path.display().to_string()));
    let program = service.program.known().and_then(Option::as_ref);
    add(words!("program", "programme"), program.map(|program| program.path.display().to_string()));
    add(words!("enabled", "activé"), service.enabled.known().cloned());
    add(words!("state", "état"), service.active.known().cloned());
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::codex::machine;
    pub(super) use crate::doctor::proof::{fails, passes, skips, warns};

    #[test]
    fn a_healthy_service_passes_every_check() {
        let facts = machine::healthy();
        for check in CHECKS {
            let verdict = (check.judge)(&facts);
            assert!(matches!(verdict, Verdict::Pass(_)), "{}: {verdict:?}", check.id);
        }
        let known: Vec<_> = what_is_known(&facts).into_iter().map(|detail| detail.value.en).collect();
        let (unit, program) =
            ("/home/me/.config/systemd/user/ollama-forward.service", "/home/me/.local/bin/ollama-forward");
        assert_eq!(known, [unit, program, "enabled", "active"]);
    }

    #[test]
    fn without_a_service_nothing_is_said_of_it() {
        let mut facts = machine::healthy();
        facts.service.unit = Fact::Known(None);
        for check in CHECKS.iter().filter(|check| check.id != "binary") {
            skips(check.id, &facts, "not installed as a service");
        }
        assert_eq!(what_is_known(&Facts::default()), []);
        facts.system.by_sudo = true;
        skips("service-state", &facts, "by sudo, the service of another user");
    }

    #[test]
    fn what_could_not_be_learnt_is_skipped() {
        for check in CHECKS {
            skips(check.id, &Facts::default(), "not asked");
        }
    }
}
