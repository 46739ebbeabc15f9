//! systemd of the user, by its own programs: systemctl, loginctl, journalctl. Each has a deadline.

use std::env;
use std::ffi::OsString;
use std::time::Duration;

use rustix::process::getuid;

use super::desk::Desk;
use super::show::report_of;
use crate::app::background::until;
use crate::fault::{Fault, FaultId};
use crate::program::{End, Program, Ran, on_path};
use crate::service::UNIT;
use crate::service::state::{PROPERTIES, State};
use crate::status::Report;
use crate::words;
use crate::words::Words;

/// For questions; systemd answers in milliseconds.
const ASK_TIME: Duration = Duration::from_secs(10);
/// For a start: `TimeoutStartSec` of the unit, and what comes before it.
const START_TIME: Duration = Duration::from_secs(45);
/// After systemd says that it listens, it answers at once; a machine that is busy may take longer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// For the user's systemd to start.
const BUS_TIME: Duration = Duration::from_secs(10);
/// Lines that are shown when something failed.
const LAST_LINES: u32 = 12;

/// The user's own systemd.
pub(super) struct Manager<'a> {
    desk: &'a Desk,
    /// `su` and SSH lose it (`pam_systemd`).
    runtime: Option<OsString>,
}

impl<'a> Manager<'a> {
    pub(super) fn new(desk: &'a Desk) -> Self {
        let is_set = env::var_os("XDG_RUNTIME_DIR").is_some_and(|path| !path.is_empty());
        let usual = format!("/run/user/{}", getuid().as_raw());
        Self { desk, runtime: (!is_set).then(|| usual.into()) }
    }

    /// Whether it can be spoken to at all.
    pub(super) fn answers(&self) -> bool {
        self.systemctl(&["show", "--property=Version"], ASK_TIME).is_ok()
    }

    /// Waits for it, after somebody has had it started.
    pub(super) fn comes_up(&self) -> bool {
        until(BUS_TIME, || self.answers().then_some(())).is_some()
    }

    pub(super) fn state(&self) -> Result<State, Fault> {
        let property = format!("--property={PROPERTIES}");
        Ok(State::parse(&self.systemctl(&["show", UNIT, &property], ASK_TIME)?))
    }

    /// A verb that changes something at once.
    pub(super) fn does(&self, args: &[&str]) -> Result<(), Fault> {
        self.systemctl(args, ASK_TIME).map(drop)
    }

    /// `start` or `restart`, which return when it listens; open connections may take `drain` to end before.
    pub(super) fn starts(&self, verb: &str, drain: Duration) -> Result<(), Fault> {
        self.systemctl(&[verb, UNIT], START_TIME + drain).map(drop)
    }

    /// Waits until the run answers. None: it has ended well, having nothing to do.
    pub(super) fn settles(&self) -> Result<Option<Report>, Fault> {
        let settled = until(ANSWER_TIME, || {
            let state = match self.state() {
                Ok(state) => state,
                Err(fault) => return Some(Err(fault)),
            };
            if state.has_failed() {
                return Some(Err(self.failure(&state)));
            }
            if state.has_ended_well() {
                return Some(Ok(None));
            }
            state.pid.and_then(report_of).map(|report| Ok(Some(report)))
        });
        match settled {
            Some(settled) => settled,
            None => Err(self.failure(&self.state()?)),
        }
    }

    /// `stop`, or a verb that stops it.
    pub(super) fn stops(&self, args: &[&str], drain: Duration) -> Result<(), Fault> {
        self.systemctl(args, START_TIME + drain).map(drop)
    }

    /// Has systemd start for this user at boot. An error: the words of loginctl.
    pub(super) fn lingers(&self, user: Option<&str>) -> Result<(), Fault> {
        let args: Vec<&str> = ["enable-linger"].into_iter().chain(user).collect();
        self.run("loginctl", &args, ASK_TIME).map(drop)
    }

    /// The last lines of the journal, oldest first; none where there is no journal, or no line in it.
    pub(super) fn journal(&self, lines: u32, format: &str) -> Vec<String> {
        let (unit, lines) = (format!("--user-unit={UNIT}"), lines.to_string());
        let said = self.run("journalctl", &[&unit, "-n", &lines, "-o", format, "--no-pager", "-q"], ASK_TIME);
        said.map(|text| text.lines().map(crate::doctor::render::clean_line).collect()).unwrap_or_default()
    }

    /// What went wrong with the service itself: its last lines, and the doctor.
    pub(super) fn failure(&self, state: &State) -> Fault {
        let lines = self.journal(LAST_LINES, "cat");
        let said = if lines.is_empty() { String::new() } else { format!("\n    {}", lines.join("\n    ")) };
        let (active, result, code) = (&state.active, &state.result, state.exit_code);
        let what = words!(
            "the service is installed, but does not run ({active}, {result}, exit code {code}){said}",
            "le service est installé, mais ne tourne pas ({active}, {result}, code de sortie {code}){said}"
        );
        if state.failed_in_sandbox() {
            let likely = words!(
                "this systemd cannot set up the sandbox of the unit",
                "ce systemd ne sait pas mettre en place le bac à sable de l'unité"
            );
            return Fault::new(FaultId::Internal, what)
                .advise(likely, "ollama-forward service install --no-sandbox -- OPTIONS");
        }
        let tell = words!("its last lines tell", "ses dernières lignes le disent");
        // What the run itself ends with ([`FaultId::exit_code`]).
        let (id, likely) = match code {
            5 => (FaultId::PortTaken, FaultId::PortTaken.likely()),
            2 => (FaultId::Config, tell),
            _ => (FaultId::Internal, tell),
        };
        Fault::new(id, what).advise(likely, "ollama-forward doctor   ollama-forward service logs")
    }

    fn systemctl(&self, args: &[&str], limit: Duration) -> Result<String, Fault> {
        self.run("systemctl", &[&["--user"], args].concat(), limit)
    }

    fn run(&self, name: &str, args: &[&str], limit: Duration) -> Result<String, Fault> {
        let Some(path) = on_path(&[name]) else {
            let what = words!("there is no {name} here", "{name} est absent d'ici");
            return Err(Fault::new(FaultId::Internal, what).advise(
                words!("this Linux has no systemd", "ce Linux n'a pas systemd"),
                "ollama-forward service install",
            ));
        };
        let runtime = self.runtime.clone().map(|path| ("XDG_RUNTIME_DIR", path));
        let program = Program { variables: runtime.as_slice(), ..Program::new(&path, args, limit) };
        let ran = self.desk.runtime.block_on(program.run());
        let line = format!("{name} {}", args.join(" "));
        let why = match ran {
            Ok(Ran { output, end: End::Exit(Some(0)), .. }) => return Ok(String::from_utf8_lossy(&output).into_owned()),
            Ok(Ran { errors, end: End::Exit(_), .. }) => Words::same(first_line(&errors)),
            Ok(Ran { end: End::Late, .. }) => {
                let seconds = limit.as_secs();
                words!("no answer within {seconds} s", "pas de réponse en {seconds} s")
            }
            Err(error) => Words::same(error.to_string()),
        };
        let Words { en, fr } = why;
        let likely = words!(
            "the user's systemd does not run, or does not know the unit",
            "le systemd de l'utilisateur ne tourne pas, ou ne connaît pas l'unité"
        );
        Err(Fault::new(FaultId::Internal, words!("`{line}`: {en}", "`{line}` : {fr}"))
            .advise(likely, "ollama-forward doctor service"))
    }
}

/// The first line of what a program complained of, fit for a terminal.
fn first_line(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("-");
    crate::doctor::render::clean_line(line)
}
