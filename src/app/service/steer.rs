//! `start`, `stop`, `restart`, `logs`, in whichever way it is installed.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::desk::Desk;
use super::manager::Manager;
use super::way::{self, Way, not_installed};
use super::{login, show};
use crate::app::Ended;
use crate::fault::{Fault, FaultId};
use crate::program::{in_terminal, on_path};
use crate::service::UNIT;
use crate::words;

/// The longest that open connections may take to end is in the options of the unit, which systemd knows: it stops waiting
/// by itself (`TimeoutStopSec=`, or what the run asks for). This only bounds a systemd that does not.
const DRAIN_TIME: Duration = Duration::from_secs(3600);

pub(super) fn start(desk: &Desk) -> Result<Ended, Fault> {
    match way::find()? {
        Way::Systemd(_) => begin(desk, "start"),
        Way::Login(login) => login::start(desk, &login),
        Way::None => Err(not_installed()),
    }
}

/// Its sockets stay open meanwhile: nobody is refused.
pub(super) fn restart(desk: &Desk) -> Result<Ended, Fault> {
    match way::find()? {
        Way::Systemd(_) => begin(desk, "restart"),
        Way::Login(login) => login::restart(desk, &login),
        Way::None => Err(not_installed()),
    }
}

fn begin(desk: &Desk, verb: &str) -> Result<Ended, Fault> {
    let manager = Manager::new(desk);
    drop(manager.does(&["reset-failed", UNIT]));
    if let Err(fault) = manager.starts(verb, DRAIN_TIME) {
        let state = manager.state()?;
        return Err(if state.has_failed() { manager.failure(&state) } else { fault });
    }
    Ok(desk.done(&match manager.settles()? {
        Some(report) => {
            let (pid, way) = (report.pid, show::way_of(&report));
            words!("The service runs: ollama-forward {pid}, {way}", "Le service tourne : ollama-forward {pid}, {way}")
        }
        None => words!(
            "The service has ended by itself: localhost leads to Windows here without it",
            "Le service s'est terminé de lui-même : ici, localhost mène à Windows sans lui"
        ),
    }))
}

pub(super) fn stop(desk: &Desk) -> Result<Ended, Fault> {
    match way::find()? {
        Way::Systemd(_) => {
            let manager = Manager::new(desk);
            manager.stops(&["stop", UNIT], DRAIN_TIME)?;
            Ok(desk.done(&words!(
                "The service has stopped; it starts again with Linux, or by: ollama-forward service start",
                "Le service est arrêté ; il redémarre avec Linux, ou par : ollama-forward service start"
            )))
        }
        Way::Login(login) => login::stop(desk, &login),
        Way::None => Err(not_installed()),
    }
}

pub(super) fn logs(desk: &Desk, follow: bool, lines: u32) -> Result<Ended, Fault> {
    match way::find()? {
        Way::Systemd(_) if follow => {
            let (unit, lines) = (format!("--user-unit={UNIT}"), lines.to_string());
            hand_over("journalctl", &[&unit, "-n", &lines, "-f"], "--no-pager".as_ref())
        }
        Way::Systemd(_) => {
            let manager = Manager::new(desk);
            let said = manager.journal(lines, "short-iso");
            // Where there is no journal for users, the run itself remembers.
            let said = if said.is_empty() { show::remembered(lines) } else { said };
            if said.is_empty() {
                desk.tell(&words!("The journal has no line of it.", "Le journal n'en a aucune ligne."));
                return Ok(Ended::Well);
            }
            Ok(Ended::Printed(said.join("\n") + "\n"))
        }
        Way::Login(login) => {
            let (log, lines) = (login::log_of(&login)?, lines.to_string());
            let args: &[&str] = if follow { &["-n", &lines, "-F"] } else { &["-n", &lines] };
            hand_over("tail", args, log.as_os_str())
        }
        Way::None => Err(not_installed()),
    }
}

/// To a program that has our terminal until it ends, or Ctrl-C ends both.
fn hand_over(name: &str, args: &[&str], last: &OsStr) -> Result<Ended, Fault> {
    let path = on_path(&[name]);
    let program = path.as_deref().unwrap_or(Path::new(name));
    let words = [program.as_os_str()].into_iter().chain(args.iter().map(OsStr::new));
    match in_terminal(words, last) {
        Ok(true) => Ok(Ended::Well),
        Ok(false) => Ok(Ended::Told(1)),
        Err(error) => {
            let what = words!("cannot start {name}: {error}", "impossible de lancer {name} : {error}");
            Err(Fault::new(FaultId::Internal, what))
        }
    }
}
