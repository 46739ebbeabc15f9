//! Does systemd run it?

use super::{no_service, systemctl};
use crate::doctor::service::UNIT;
use crate::doctor::{Fact, Facts, Place, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

pub(super) fn user_bus(facts: &Facts) -> Verdict {
    if let Some(verdict) = no_service(facts) {
        return verdict;
    }
    if facts.system.has_systemd == Fact::Known(false) {
        return without_systemd();
    }
    match &facts.service.user_bus {
        Fact::Unknown(why) => Verdict::Skip(why.clone()),
        Fact::Known(true) => Verdict::Pass(words!("answers", "répond")),
        Fact::Known(false) => {
            let problem = Problem::new(words!(
                "the service is installed, but the user's systemd does not run, which would start it",
                "le service est installé, mais le systemd de l'utilisateur, qui le lancerait, ne tourne pas"
            ))
            .perhaps(words!(
                "WSL did not open a session at its start (microsoft/WSL#8842, #10205)",
                "WSL n'a pas ouvert de session au démarrage (microsoft/WSL#8842, #10205)"
            ))
            .perhaps(words!(
                "this shell came by `su` or over SSH, without a session",
                "ce shell vient de `su` ou de SSH, sans session"
            ));
            let test = Remedy::shell(
                words!("see what systemd says of it", "voir ce qu'en dit systemd"),
                "systemctl status \"user@$(id -u).service\" --no-pager",
            );
            problem.told_apart_by(test).cured_by(lingering(facts)).fail()
        }
    }
}

/// Started at boot, the user's systemd needs no session.
pub(super) fn lingering(facts: &Facts) -> Remedy {
    let user = facts.service.user.as_deref().unwrap_or("\"$USER\"");
    let what = words!("have systemd start it at boot", "le faire lancer par systemd au démarrage");
    Remedy::shell(what, format!("sudo loginctl enable-linger {user}"))
        .undone_by([format!("sudo loginctl disable-linger {user}")])
}

fn without_systemd() -> Verdict {
    let problem = Problem::new(words!(
        "the service is installed, but systemd does not run here, which would start it",
        "le service est installé, mais systemd, qui le lancerait, ne tourne pas ici"
    ));
    let set = words!("switch systemd on", "activer systemd");
    let lines = ["[boot]", "systemd=true"];
    let restart = words!(
        "then restart WSL (this ends all that runs in it)",
        "puis redémarrer WSL (tout ce qui y tourne est arrêté)"
    );
    problem
        .cured_by(Remedy::new(set, Place::File("/etc/wsl.conf".into()), lines))
        .cured_by(Remedy::new(restart, Place::PowerShell, ["wsl --shutdown"]))
        .fail()
}

pub(super) fn active(facts: &Facts) -> Verdict {
    if let Some(verdict) = no_service(facts) {
        return verdict;
    }
    let state = match facts.service.active.get() {
        Ok(state) => state.as_str(),
        Err(why) => return Verdict::Skip(why.clone()),
    };
    // By hand it runs as well; then the service would find its port taken.
    let runs_by_hand = !facts.port.forwards.is_empty();
    let start = || systemctl(words!("start it", "le lancer"), "start");
    match state {
        "active" | "reloading" => Verdict::Pass(Words::same(state)),
        "inactive" if runs_by_hand => Verdict::Pass(words!(
            "inactive, and an ollama-forward runs without it",
            "inactif, et un ollama-forward tourne sans lui"
        )),
        "inactive" | "deactivating" => {
            Problem::new(words!("the service does not run", "le service ne tourne pas")).cured_by(start()).warn()
        }
        "failed" | "activating" => {
            let failed = if state == "failed" {
                words!("the service has failed", "le service a échoué")
            } else {
                words!("the service starts again and again", "le service redémarre sans cesse")
            };
            let problem = Problem::new(failed).told_apart_by(journal()).cured_by(systemctl(
                words!("once its cause is gone, start it anew", "la cause une fois écartée, le relancer"),
                "restart",
            ));
            if runs_by_hand {
                let taken = words!(
                    "an ollama-forward runs already, outside of the service, and has its port",
                    "un ollama-forward tourne déjà, hors du service, et occupe son port"
                );
                problem.perhaps(taken).warn()
            } else {
                problem.fail()
            }
        }
        other => Verdict::Skip(words!("systemd says: {other}", "systemd dit : {other}")),
    }
}

fn journal() -> Remedy {
    Remedy::shell(
        words!("see what it said last", "voir ce qu'il a dit en dernier"),
        format!("journalctl --user -u {UNIT} -n 20 --no-pager"),
    )
}

pub(super) fn enabled(facts: &Facts) -> Verdict {
    if let Some(verdict) = no_service(facts) {
        return verdict;
    }
    let state = match facts.service.enabled.get() {
        Ok(state) => state.as_str(),
        Err(why) => return Verdict::Skip(why.clone()),
    };
    match state {
        "disabled" => {
            Problem::new(words!("the service does not start by itself", "le service ne démarre pas tout seul"))
                .because(words!("`is-enabled` says: disabled", "`is-enabled` dit : disabled"))
                .cured_by(
                    systemctl(words!("have it started from now on", "le faire démarrer désormais"), "enable --now")
                        .undone_by(systemctl(Words::default(), "disable --now").commands),
                )
                .warn()
        }
        "masked" | "masked-runtime" => {
            let problem = Problem::new(words!(
                "the service is masked: nothing can start it",
                "le service est masqué : rien ne peut le lancer"
            ));
            let unmask = systemctl(words!("unmask it", "le démasquer"), "unmask");
            problem.cured_by(unmask.undone_by(systemctl(Words::default(), "mask").commands)).warn()
        }
        "bad" | "not-found" => {
            let what = words!("systemd has not read the unit", "systemd n'a pas lu l'unité");
            let reload = words!("have it read anew", "la faire relire");
            Problem::new(what).cured_by(Remedy::shell(reload, "systemctl --user daemon-reload")).warn()
        }
        // `enabled`, `static`, `linked`, … (systemctl(1), "is-enabled")
        other => Verdict::Pass(Words::same(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, passes, skips, warns};
    use super::*;
    use crate::doctor::codex::machine;

    /// A service in this state, and no forward beside it.
    fn in_state(active: &str) -> Facts {
        let mut facts = machine::healthy();
        facts.port.forwards.clear();
        facts.service.active = Fact::Known(active.into());
        facts
    }

    #[test]
    fn a_service_that_does_not_run_says_so() {
        passes("service-state", &in_state("active"), "active");
        warns(
            "service-state",
            &in_state("inactive"),
            "does not run",
            &["systemctl --user start ollama-forward.service"],
        );
        let restart = ["systemctl --user restart ollama-forward.service"];
        fails("service-state", &in_state("failed"), "has failed", &restart);
        fails("service-state", &in_state("activating"), "starts again and again", &restart);
        skips("service-state", &in_state("maintenance"), "systemd says: maintenance");
        let Verdict::Fail(problem) = active(&in_state("failed")) else { panic!() };
        let test = problem.test.unwrap();
        assert_eq!(test.commands, ["journalctl --user -u ollama-forward.service -n 20 --no-pager"]);
    }

    #[test]
    fn a_forward_beside_the_service_has_its_port() {
        let mut facts = machine::healthy();
        facts.service.active = Fact::Known("inactive".into());
        passes("service-state", &facts, "runs without it");
        facts.service.active = Fact::Known("failed".into());
        warns("service-state", &facts, "has failed", &["systemctl --user restart ollama-forward.service"]);
    }

    #[test]
    fn a_service_should_start_by_itself() {
        let mut facts = machine::healthy();
        for (state, says, command) in [
            ("disabled", "does not start by itself", "systemctl --user enable --now ollama-forward.service"),
            ("masked", "is masked", "systemctl --user unmask ollama-forward.service"),
            ("not-found", "has not read the unit", "systemctl --user daemon-reload"),
        ] {
            facts.service.enabled = Fact::Known(state.into());
            warns("service-enabled", &facts, says, &[command]);
        }
        for state in ["enabled", "enabled-runtime", "static", "linked"] {
            facts.service.enabled = Fact::Known(state.into());
            passes("service-enabled", &facts, state);
        }
    }

    #[test]
    fn without_the_users_systemd_nothing_starts_it() {
        let mut facts = machine::healthy();
        facts.service.user_bus = Fact::Known(false);
        fails("user-bus", &facts, "the user's systemd does not run", &["sudo loginctl enable-linger me"]);
        facts.service.user = None;
        fails("user-bus", &facts, "does not run", &["sudo loginctl enable-linger \"$USER\""]);
        facts.system.has_systemd = Fact::Known(false);
        fails("user-bus", &facts, "systemd does not run here", &["[boot]", "systemd=true", "wsl --shutdown"]);
    }
}
