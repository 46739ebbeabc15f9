//! What the doctor knows of the service, and how he would say it: facts and sentences are his own.

use std::env;
use std::path::{Path, PathBuf};

use rustix::process::getuid;

use super::desk::{self, Desk};
use crate::doctor::service::Service;
use crate::doctor::service::checks::CHECKS;
use crate::doctor::service::gather::{Ask, gather};
use crate::doctor::{Fact, Facts, Place, Problem, Remedy, Verdict};
use crate::service::wsl_conf;
use crate::words;
use crate::words::Words;

/// What is known of the service of this user.
pub(super) fn look(desk: &Desk) -> Service {
    let ask = Ask {
        root: "/".into(),
        home: desk::home().ok(),
        uid: getuid().as_raw(),
        own_version: env!("CARGO_PKG_VERSION").into(),
        variable: Box::new(|name| env::var_os(name)),
    };
    desk.runtime.block_on(gather(&ask))
}

/// Whether systemd is what has started this system (`sd_booted(3)`).
pub(super) fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// What he would say of a machine on which the service is installed, in use, and lingers: does WSL stop it when idle?
pub(super) fn tell_of_idle(desk: &Desk, service: &Service, unit: PathBuf) {
    let known = |word: &str| Fact::Known(word.to_owned());
    let service = Service {
        unit: Fact::Known(Some(unit)),
        enabled: known("enabled"),
        active: known("active"),
        linger: Fact::Known(true),
        ..service.clone()
    };
    tell(desk, "vm-idle", &Facts { service, ..Facts::default() });
}

/// Of one whose systemd, or that of its user, does not run.
pub(super) fn tell_of_bus(desk: &Desk, service: &Service, unit: PathBuf) {
    let service = Service { unit: Fact::Known(Some(unit)), user_bus: Fact::Known(false), ..service.clone() };
    tell(desk, "user-bus", &Facts { service, ..Facts::default() });
}

fn tell(desk: &Desk, id: &str, facts: &Facts) {
    let check = CHECKS.iter().find(|check| check.id == id);
    match check.map(|check| (check.judge)(facts)) {
        Some(Verdict::Warn(problem) | Verdict::Fail(problem)) => say(desk, &problem),
        Some(Verdict::Pass(_) | Verdict::Skip(_)) | None => {}
    }
}

fn say(desk: &Desk, problem: &Problem) {
    let Words { en, fr } = &problem.what;
    desk.tell(&words!("! {en}.", "! {fr}."));
    for evidence in &problem.evidence {
        let Words { en, fr } = evidence;
        desk.tell(&words!("  {en}.", "  {fr}."));
    }
    for remedy in &problem.remedies {
        say_remedy(desk, remedy);
    }
}

fn say_remedy(desk: &Desk, remedy: &Remedy) {
    let Words { en, fr } = &remedy.what;
    let place = match &remedy.place {
        Place::File(path) => words!(", in {path}", ", dans {path}"),
        Place::PowerShell | Place::Admin => words!(", in PowerShell on Windows", ", dans PowerShell sous Windows"),
        Place::Shell | Place::Hand => Words::default(),
    };
    let Words { en: place_en, fr: place_fr } = place;
    desk.tell(&words!("  {en}{place_en}:", "  {fr}{place_fr} :"));
    desk.show(&remedy.commands.join("\n"));
}

/// How systemd is switched on, on a WSL where it is not.
pub(super) fn tell_how_to_have_systemd(desk: &Desk, wsl_conf: &str) {
    desk.tell(&words!("! systemd does not run here.", "! systemd ne tourne pas ici."));
    if !wsl_conf::has_systemd(wsl_conf) {
        let what = if wsl_conf::has_section(wsl_conf) {
            words!(
                "switch it on, in /etc/wsl.conf (add the last line to the section that is there)",
                "l'activer, dans /etc/wsl.conf (ajouter la dernière ligne à la section qui existe)"
            )
        } else {
            words!("switch it on, in /etc/wsl.conf", "l'activer, dans /etc/wsl.conf")
        };
        let Words { en, fr } = what;
        desk.tell(&words!("  {en}:", "  {fr} :"));
        desk.show(&wsl_conf::LINES.join("\n"));
    }
    desk.tell(&words!(
        "  then restart WSL (this ends all that runs in it), in PowerShell on Windows:",
        "  puis redémarrer WSL (tout ce qui y tourne est arrêté), dans PowerShell sous Windows :"
    ));
    desk.show("wsl --shutdown");
}
