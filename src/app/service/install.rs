//! `service install`: shows what it will do, asks, does it, and sees that the run answers.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::desk::{self, Consent, Desk, home};
use super::manager::Manager;
use super::wanted::{Wanted, tell_of_variables};
use super::{doctor, login, way};
use crate::app::Ended;
use crate::cli::service::{Install, Kind};
use crate::doctor::Fact;
use crate::doctor::service::Service;
use crate::fault::{Fault, FaultId};
use crate::file::{self, Target};
use crate::service::state::State;
use crate::service::{UNIT, launchd, profile, unit};
use crate::status::{self, Report};
use crate::words;

pub(super) fn install(desk: &Desk, typed: &Install) -> Result<Ended, Fault> {
    let wanted = Wanted::of(typed)?;
    if let Some(kind) = typed.print {
        return print(&wanted, kind);
    }
    match typed.by {
        Some(Kind::Launchd) => {
            let what =
                words!("launchd is of macOS, and this is Linux", "launchd appartient à macOS, et ceci est Linux");
            let likely = words!("it can only be shown here", "ici, on peut seulement l'afficher");
            Err(Fault::new(FaultId::Usage, what).advise(likely, "ollama-forward service install --print launchd"))
        }
        Some(Kind::Profile) => {
            tell_of_variables(desk);
            login::install(desk, &wanted, typed.yes)
        }
        Some(Kind::Systemd) if !doctor::has_systemd() => Err(no_systemd(desk, &wanted)),
        None if !doctor::has_systemd() => {
            if wanted.setup.is_wsl {
                doctor::tell_how_to_have_systemd(desk, &wsl_conf());
            }
            desk.tell(&words!(
                "Without systemd, the profile of your shell can start it at login:",
                "Sans systemd, le profil de votre shell peut le démarrer à la connexion :"
            ));
            tell_of_variables(desk);
            login::install(desk, &wanted, typed.yes)
        }
        Some(Kind::Systemd) | None => {
            tell_of_variables(desk);
            by_systemd(desk, &wanted, typed)
        }
    }
}

fn print(wanted: &Wanted, kind: Kind) -> Result<Ended, Fault> {
    Ok(Ended::Printed(match kind {
        Kind::Systemd => unit::unit(&wanted.setup),
        Kind::Profile => profile::with_block(None, &wanted.setup, login::usual_place()?.1),
        Kind::Launchd => launchd::property_list(&wanted.setup, &home()?.display().to_string()),
    }))
}

fn wsl_conf() -> String {
    fs::read_to_string("/etc/wsl.conf").unwrap_or_default()
}

fn no_systemd(desk: &Desk, wanted: &Wanted) -> Fault {
    if wanted.setup.is_wsl {
        doctor::tell_how_to_have_systemd(desk, &wsl_conf());
    }
    let what = words!("systemd does not run here", "systemd ne tourne pas ici");
    let likely = words!("WSL was started without it", "WSL a été démarré sans lui");
    Fault::new(FaultId::Internal, what).advise(likely, "ollama-forward service install --by profile")
}

/// What is to be done, and with whose consent.
struct Plan<'a> {
    wanted: &'a Wanted,
    target: Target,
    text: String,
    /// A forward that has the port now, and is not the service.
    stops: Option<u32>,
    /// The user's systemd shall start at boot.
    lingers: bool,
    /// It runs already: its sockets are handed on.
    runs: bool,
    user: Option<String>,
}

fn by_systemd(desk: &Desk, wanted: &Wanted, typed: &Install) -> Result<Ended, Fault> {
    let path = way::unit_path()?;
    let known = doctor::look(desk);
    let manager = Manager::new(desk);
    let answers = manager.answers();
    if !answers {
        doctor::tell_of_bus(desk, &known, path.clone());
    }
    let old = if answers { manager.state()? } else { State::default() };
    let target = file::look(&path).map_err(desk::unwritten)?;
    let text = unit::unit(&wanted.setup);
    let lingers = !answers || known.linger == Fact::Known(false);
    let stops = other_on(wanted.port(), &old);
    let plan = Plan { wanted, target, text, stops, lingers, runs: old.runs(), user: known.user.clone() };
    let changes = show(desk, &plan);
    if desk.agrees(typed.yes, &wanted.typed("-y"))? == Consent::Declined {
        return Ok(Ended::Well);
    }
    if !answers {
        wake(desk, &manager, &plan)?;
    }
    carry_out(desk, &manager, &plan, changes)?;
    let report = manager.settles()?;
    // Without an answer before, it was what has woken the user's systemd.
    let stays = !answers
        || if plan.lingers { linger(desk, &manager, plan.user.as_deref()) } else { known.linger == Fact::Known(true) };
    tell_more(desk, &known, &path, wanted);
    Ok(told(desk, report.as_ref(), stays))
}

/// The forward on this port that is not the service's.
fn other_on(port: u16, service: &State) -> Option<u32> {
    let reports = status::directory().map(|directory| status::ask(&directory, Some(port))).unwrap_or_default();
    reports.first().map(|report| report.pid).filter(|pid| service.pid != Some(*pid))
}

fn show(desk: &Desk, plan: &Plan<'_>) -> bool {
    let changes = desk.show_change(&plan.target, &plan.text);
    if let Some(pid) = plan.stops {
        let port = plan.wanted.port();
        desk.tell(&words!(
            "Stops ollama-forward {pid}, which has port {port} now.",
            "Arrête ollama-forward {pid}, qui occupe le port {port}."
        ));
    }
    desk.tell(&words!("Then runs:", "Lance ensuite :"));
    let verb = if plan.runs { "restart" } else { "start" };
    desk.show(&format!(
        "systemctl --user daemon-reload\nsystemctl --user enable {UNIT}\nsystemctl --user {verb} {UNIT}"
    ));
    if plan.lingers {
        let user = plan.user.as_ref().map(|user| format!(" {user}")).unwrap_or_default();
        desk.show(&format!("loginctl enable-linger{user}"));
        desk.tell(&words!(
            "The last one lets it start with Linux, and stay without a login.",
            "La dernière commande le fait démarrer avec Linux, et rester sans session."
        ));
    }
    changes
}

/// Has the user's systemd started.
fn wake(desk: &Desk, manager: &Manager<'_>, plan: &Plan<'_>) -> Result<(), Fault> {
    let woken = manager.lingers(plan.user.as_deref());
    if woken.is_ok() && manager.comes_up() {
        return Ok(());
    }
    let user = plan.user.as_deref().unwrap_or("\"$USER\"");
    let what = words!(
        "the user's systemd does not run: nothing was changed",
        "le systemd de l'utilisateur ne tourne pas : rien n'a été modifié"
    );
    if let Err(fault) = woken {
        desk.tell(&fault.what);
    }
    let likely = words!(
        "WSL did not open a session at its start (microsoft/WSL#8842, #10205)",
        "WSL n'a pas ouvert de session au démarrage (microsoft/WSL#8842, #10205)"
    );
    Err(Fault::new(FaultId::Internal, what).advise(likely, format!("sudo loginctl enable-linger {user}")))
}

fn carry_out(desk: &Desk, manager: &Manager<'_>, plan: &Plan<'_>, changes: bool) -> Result<(), Fault> {
    for directory in &plan.wanted.setup.writes {
        make(Path::new(directory))?;
    }
    if changes {
        desk.write(&plan.target, &plan.text)?;
    }
    manager.does(&["daemon-reload"])?;
    manager.does(&["enable", UNIT])?;
    if plan.stops.is_some() {
        login::stop_on(plan.wanted.port())?;
    }
    // Five failures that were before this do not count any more; one that is not loaded has none.
    drop(manager.does(&["reset-failed", UNIT]));
    let drain = plan.wanted.config.drain_time;
    let verb = if manager.state()?.runs() { "restart" } else { "start" };
    match manager.starts(verb, drain) {
        Ok(()) => Ok(()),
        Err(fault) => {
            let state = manager.state()?;
            Err(if state.has_failed() { manager.failure(&state) } else { fault })
        }
    }
}

/// In a sandbox, only a directory that is there can be written to.
fn make(directory: &Path) -> Result<(), Fault> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| {
        let directory = directory.display();
        desk::unwritten(words!("cannot create {directory}: {error}", "impossible de créer {directory} : {error}"))
    })
}

fn told(desk: &Desk, report: Option<&Report>, stays: bool) -> Ended {
    let Some(report) = report else {
        return desk.done(&words!(
            "The service is installed, and has ended by itself: localhost leads to Windows here without it",
            "Le service est installé, et s'est terminé de lui-même : ici, localhost mène à Windows sans lui"
        ));
    };
    let (pid, at) = (report.pid, report.listen.join(", "));
    desk.done(&if stays {
        words!(
            "The service runs: ollama-forward {pid} at {at}, now and whenever Linux starts",
            "Le service tourne : ollama-forward {pid} sur {at}, dès maintenant et à chaque démarrage de Linux"
        )
    } else {
        words!(
            "The service runs: ollama-forward {pid} at {at}, now and from each login on",
            "Le service tourne : ollama-forward {pid} sur {at}, dès maintenant et à chaque ouverture de session"
        )
    })
}

/// Whether it will start with Linux. Where that cannot be done, it works in sessions.
fn linger(desk: &Desk, manager: &Manager<'_>, user: Option<&str>) -> bool {
    let lingers = manager.lingers(user);
    if let Err(fault) = &lingers {
        desk.tell(&fault.what);
        let user = user.unwrap_or("\"$USER\"");
        desk.tell(&words!(
            "! It stops with your last session. To have it stay:",
            "! Il s'arrête avec votre dernière session. Pour qu'il reste :"
        ));
        desk.show(&format!("sudo loginctl enable-linger {user}"));
    }
    lingers.is_ok()
}

fn tell_more(desk: &Desk, known: &Service, path: &Path, wanted: &Wanted) {
    if wanted.setup.is_wsl {
        doctor::tell_of_idle(desk, known, path.to_owned());
    }
    desk.tell(&words!("From now on:", "Désormais :"));
    desk.show("ollama-forward service status\nollama-forward service logs -f\nollama-forward service restart");
}
