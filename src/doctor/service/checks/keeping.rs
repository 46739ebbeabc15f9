//! Does it stay when nobody is logged in?

use super::state::lingering;
use super::{is_wanted, no_service};
use crate::doctor::service::vm_idle_timeout;
use crate::doctor::{Fact, Facts, Place, Problem, Remedy, Verdict};
use crate::gateway::wsl::Mode;
use crate::words;

pub(super) fn linger(facts: &Facts) -> Verdict {
    if let Some(verdict) = no_service(facts) {
        return verdict;
    }
    match &facts.service.linger {
        Fact::Unknown(why) => Verdict::Skip(why.clone()),
        Fact::Known(true) => Verdict::Pass(words!("starts and stays without a login", "démarre et reste sans connexion")),
        Fact::Known(false) if !is_wanted(facts) => {
            Verdict::Skip(words!("the service is not in use", "le service n'est pas utilisé"))
        }
        Fact::Known(false) => Problem::new(words!(
            "the service stops with your last login, though editors and their shells may live on",
            "le service s'arrête avec votre dernière session, alors que des éditeurs et leurs terminaux peuvent continuer"
        ))
        .because(words!("lingering is off for this user", "le maintien (linger) est désactivé pour cet utilisateur"))
        .cured_by(lingering(facts))
        .warn(),
    }
}

/// What WSL does without the key (Microsoft, "Advanced settings configuration in WSL").
const USUAL_MS: i64 = 60_000;

/// A service alone does not keep WSL awake (WSL #9401, #10138; reports disagree). Whoever has it start without a login minds.
pub(super) fn vm_idle(facts: &Facts) -> Verdict {
    if let Some(verdict) = no_service(facts) {
        return verdict;
    }
    if let Some(Mode::Linux | Mode::Container) = facts.system.mode.known() {
        return Verdict::Skip(words!("this is not WSL", "ce n'est pas WSL"));
    }
    let service = &facts.service;
    if !is_wanted(facts) || service.linger != Fact::Known(true) {
        return Verdict::Skip(words!(
            "the service is for sessions only",
            "le service ne sert que pendant les sessions"
        ));
    }
    // Windows knows which user's file counts.
    let windows = facts.windows.known().and_then(|windows| windows.wslconfig.known());
    let timeout = match (windows, &service.vm_idle_timeout) {
        (Some(text), _) => vm_idle_timeout(text),
        (None, Fact::Known(timeout)) => *timeout,
        (None, Fact::Unknown(why)) => return Verdict::Skip(why.clone()),
    };
    match timeout {
        Some(..0) => Verdict::Pass(words!("WSL does not stop when idle", "WSL ne s'arrête pas au repos")),
        Some(0..) | None => stops_after(timeout.unwrap_or(USUAL_MS), windows.map(String::as_str)),
    }
}

fn stops_after(ms: i64, wslconfig: Option<&str>) -> Verdict {
    let seconds = ms / 1000;
    let has_section = wslconfig.is_some_and(|text| {
        text.lines().any(|line| line.trim().trim_start_matches('\u{feff}').eq_ignore_ascii_case("[wsl2]"))
    });
    let problem = Problem::new(words!(
        "WSL may stop {seconds} s after the last terminal was closed, and the service with it",
        "WSL peut s'arrêter {seconds} s après la fermeture du dernier terminal, et le service avec lui"
    ))
    .because(words!(
        "WSL may count terminals only: without one, a distribution ends after 15 s (instanceIdleTimeout), and the machine of all {seconds} s later (vmIdleTimeout)",
        "WSL peut ne compter que les terminaux : sans eux, une distribution s'arrête après 15 s (instanceIdleTimeout), et la machine de toutes {seconds} s plus tard (vmIdleTimeout)"
    ));
    let what = if has_section {
        words!(
            "keep WSL awake: add the last line to the section that is there",
            "garder WSL éveillé : ajouter la dernière ligne à la section qui existe"
        )
    } else {
        words!("keep WSL awake, at the cost of its memory", "garder WSL éveillé, au prix de sa mémoire")
    };
    let place = Place::File(r"%UserProfile%\.wslconfig".into());
    let restart = words!(
        "then restart WSL (this ends all that runs in it)",
        "puis redémarrer WSL (tout ce qui y tourne est arrêté)"
    );
    problem
        .cured_by(Remedy::new(what, place, ["[wsl2]", "vmIdleTimeout=-1"]))
        .cured_by(Remedy::new(restart, Place::PowerShell, ["wsl --shutdown"]))
        .warn()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{passes, skips, warns};
    use super::*;
    use crate::doctor::codex::machine;
    use crate::doctor::windows::Windows;

    #[test]
    fn a_service_should_outlive_the_last_login() {
        let mut facts = machine::healthy();
        facts.service.linger = Fact::Known(false);
        warns("linger", &facts, "stops with your last login", &["sudo loginctl enable-linger me"]);
        facts.service.active = Fact::Known("inactive".into());
        warns("linger", &facts, "stops with your last login", &["sudo loginctl enable-linger me"]);
        facts.service.enabled = Fact::Known("disabled".into());
        skips("linger", &facts, "not in use");
    }

    const COMMANDS: [&str; 3] = ["[wsl2]", "vmIdleTimeout=-1", "wsl --shutdown"];

    #[test]
    fn a_service_does_not_keep_wsl_awake() {
        let mut facts = machine::healthy();
        passes("vm-idle", &facts, "does not stop");
        facts.service.vm_idle_timeout = Fact::Known(None);
        warns("vm-idle", &facts, "60 s after the last terminal", &COMMANDS);
        facts.service.vm_idle_timeout = Fact::Known(Some(0));
        warns("vm-idle", &facts, "may stop 0 s after", &COMMANDS);
        facts.service.linger = Fact::Known(false);
        skips("vm-idle", &facts, "for sessions only");
    }

    #[test]
    fn windows_knows_best_which_file_counts() {
        let mut facts = machine::healthy();
        let text = |text: &str| Fact::Known(Windows { wslconfig: Fact::Known(text.into()), ..Windows::default() });
        facts.windows = text("[wsl2]\r\nvmIdleTimeout=5000\r\n");
        warns("vm-idle", &facts, "may stop 5 s after", &COMMANDS);
        facts.service.vm_idle_timeout = Fact::default();
        facts.windows = text("[wsl2]\nvmIdleTimeout=-1\n");
        passes("vm-idle", &facts, "does not stop");
        facts.windows = Fact::default();
        skips("vm-idle", &facts, "not asked");
        facts.system.mode = Fact::Known(Mode::Linux);
        skips("vm-idle", &facts, "not WSL");
    }
}
