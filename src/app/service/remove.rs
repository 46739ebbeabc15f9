//! `service uninstall`: stops it and takes out what `install` has written, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::desk::{self, Consent, Desk};
use super::manager::Manager;
use super::way::{self, Way, not_installed};
use super::{doctor, login};
use crate::app::Ended;
use crate::doctor::Fact;
use crate::fault::Fault;
use crate::service::{UNIT, unit};
use crate::words;

/// Open connections may take longer only where the run was told so; then systemd is asked again.
const DRAIN_TIME: Duration = Duration::from_secs(600);

pub(super) fn uninstall(desk: &Desk, yes: bool) -> Result<Ended, Fault> {
    match way::find()? {
        Way::Systemd(path) => of_systemd(desk, &path, yes),
        Way::Login(login) => login::uninstall(desk, &login, yes),
        Way::None => Err(not_installed()),
    }
}

fn of_systemd(desk: &Desk, path: &Path, yes: bool) -> Result<Ended, Fault> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let shown = path.display();
    desk.tell(&words!("Runs:", "Lance :"));
    desk.show(&format!("systemctl --user disable --now {UNIT}"));
    if unit::is_ours(&text) {
        desk.tell(&words!(
            "Then removes {shown}, and keeps a copy beside it.",
            "Puis supprime {shown}, et en garde une copie à côté."
        ));
    } else {
        desk.tell(&words!(
            "Then removes {shown}, which somebody else has written, and keeps a copy beside it.",
            "Puis supprime {shown}, écrit par quelqu'un d'autre, et en garde une copie à côté."
        ));
    }
    if desk.agrees(yes, "ollama-forward service uninstall -y")? == Consent::Declined {
        return Ok(Ended::Well);
    }
    let manager = Manager::new(desk);
    // Where systemd does not run, there is nothing to stop, and the unit goes all the same.
    if doctor::has_systemd() {
        manager.stops(&["disable", "--now", UNIT], DRAIN_TIME)?;
    }
    let kept = put_aside(path)?;
    if doctor::has_systemd() {
        manager.does(&["daemon-reload"])?;
        drop(manager.does(&["reset-failed", UNIT]));
    }
    tell_of_rest(desk, path, &kept);
    Ok(desk.done(&words!(
        "The service is removed. Configuration and captures stay where they are.",
        "Le service est supprimé. La configuration et les captures restent en place."
    )))
}

/// The file under another name, which systemd does not read: one step, which is done or not.
fn put_aside(path: &Path) -> Result<PathBuf, Fault> {
    let stamp = DateTime::<Utc>::from(desk::now()).format("%Y%m%d-%H%M%S");
    let kept = path.with_file_name(format!("{UNIT}.bak-{stamp}"));
    fs::rename(path, &kept).map_err(|error| {
        let shown = path.display();
        desk::unwritten(words!("cannot remove {shown}: {error}", "impossible de supprimer {shown} : {error}"))
    })?;
    Ok(kept)
}

/// What stays, as it was not ours to take.
fn tell_of_rest(desk: &Desk, path: &Path, kept: &Path) {
    let kept = kept.display();
    desk.tell(&words!("Its text is now {kept}.", "Son texte est dans {kept}."));
    let drop_ins = path.with_file_name(format!("{UNIT}.d"));
    if drop_ins.is_dir() {
        let drop_ins = drop_ins.display();
        desk.tell(&words!("Your own changes stay: {drop_ins}.", "Vos propres modifications restent : {drop_ins}."));
    }
    if let Ok(Some(login)) = login::find() {
        let file = login.file.display();
        desk.tell(&words!(
            "The block in {file} stays; once more, this command takes it out, too.",
            "Le bloc de {file} reste ; relancée, cette commande l'enlève aussi."
        ));
    }
    let known = doctor::look(desk);
    if known.linger == Fact::Known(true) {
        let user = known.user.unwrap_or_else(|| "\"$USER\"".into());
        desk.tell(&words!(
            "systemd goes on starting for you at boot, which other services may need. To end that:",
            "systemd continue de démarrer pour vous avec Linux, ce dont d'autres services peuvent avoir besoin. Pour l'arrêter :"
        ));
        desk.show(&format!("loginctl disable-linger {user}"));
    }
}
