//! `setup --from-socat`: an old script, its process and what starts it are found, shown, and replaced after asking.
//!
//! ```text
//! find: steps ──► plan, shown ──► asked (once, or each) ──► act: one step after the other ──► what was done
//!                                                            └─► journal: what was moved, written before it is
//! --undo: marked lines come back, what was moved goes back
//! ```
//! Lines are undone by their mark, wherever they are by then, so that what was written below them since stays. Only what
//! was moved needs the journal. Each act is whole or not at all: Ctrl-C between two of them leaves nothing half-done.

mod act;
mod find;
mod journal;
mod show;
mod undo;

use std::ffi::OsString;
use std::path::PathBuf;

use directories::{BaseDirs, ProjectDirs};
use rustix::process::geteuid;

use self::act::Acts;
use self::find::Step;
use self::journal::Journal;
use super::super::Ended;
use super::super::ask::Asker;
use super::super::background::{no_home, own_program};
use super::super::doctor::look_of;
use crate::cli::setup::Setup;
use crate::clock;
use crate::config::OLLAMA_PORT;
use crate::doctor::render::{Look, to_ascii};
use crate::fault::{Fault, FaultId};
use crate::words;
use crate::words::{Lang, Words};

/// Where things are. Tests bring a home of their own.
struct Machine {
    /// Where the system's files are; `/` outside tests.
    root: PathBuf,
    home: PathBuf,
    /// `XDG_CONFIG_HOME`, or what it is by default.
    config: PathBuf,
    /// Where the journal is.
    state: PathBuf,
    /// Directories of programs, the first one first.
    path: Vec<PathBuf>,
    port: u16,
    uid: u32,
    /// This program.
    program: PathBuf,
}

impl Machine {
    fn of(typed: &Setup) -> Result<Self, Fault> {
        let base = BaseDirs::new().ok_or_else(no_home)?;
        let own = ProjectDirs::from("", "", "ollama-forward").ok_or_else(no_home)?;
        let program = own_program()?;
        let path: OsString = std::env::var_os("PATH").unwrap_or_default();
        Ok(Self {
            root: typed.sysroot.clone().unwrap_or_else(|| "/".into()),
            home: base.home_dir().to_owned(),
            config: base.config_dir().to_owned(),
            state: own.state_dir().unwrap_or(own.data_dir()).to_owned(),
            path: std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect(),
            port: typed.listen_port.unwrap_or(OLLAMA_PORT),
            uid: geteuid().as_raw(),
            program,
        })
    }
}

/// Does what was typed.
pub(super) fn migrate(typed: &Setup, lang: Lang) -> Result<Ended, Fault> {
    let look = look_of(lang);
    let machine = Machine::of(typed)?;
    if typed.undo {
        return undo::undo(&machine, typed.yes, &look);
    }
    let steps = find::find(&machine);
    if steps.is_empty() {
        let port = machine.port;
        return Ok(Ended::Printed(shown(
            &words!(
                "No old script, alias or process for port {port} was found: nothing to replace.\n",
                "Aucun ancien script, alias ou processus pour le port {port} : rien à remplacer.\n"
            ),
            &look,
        )));
    }
    let plan = show::plan(&steps, &machine, &look);
    let Some(chosen) = choose(&steps, &plan, typed.yes, &look)? else {
        let hint = if steps.iter().all(Step::is_by_hand) {
            Words::default()
        } else {
            show::nothing_done(&machine, "--from-socat")
        };
        return Ok(Ended::Printed(plan + &shown(&hint, &look)));
    };
    if chosen.is_empty() {
        let nothing = words!("Nothing was changed.\n", "Rien n'a été modifié.\n");
        return Ok(Ended::Printed(shown(&nothing, &look)));
    }
    let mut journal = Journal::read(&machine.state).map_err(|why| Fault::new(FaultId::Internal, why))?;
    let mut acts = Acts { machine: &machine, journal: &mut journal, now: clock::wall() };
    let came: Vec<_> = acts.carry_out(&chosen);
    let all_well = came.iter().all(|(_, result)| result.is_ok());
    let text = show::done(&came, &machine, &look);
    Ok(if all_well { Ended::Printed(text) } else { Ended::Found(text) })
}

/// What somebody agreed to. None: there is nobody to ask, or nothing to be agreed to.
fn choose<'a>(steps: &'a [Step], plan: &str, yes: bool, look: &Look) -> Result<Option<Vec<&'a Step>>, Fault> {
    let broken = |error: std::io::Error| Fault::new(FaultId::Internal, format!("cannot ask: {error}"));
    let possible: Vec<&Step> = steps.iter().filter(|step| !step.is_by_hand()).collect();
    if possible.is_empty() {
        return Ok(None);
    }
    if yes {
        tell(plan).map_err(broken)?;
        return Ok(Some(possible));
    }
    let Some(asker) = Asker::new(look) else { return Ok(None) };
    tell(plan).map_err(broken)?;
    let question = words!("What is to be done?", "Que faire ?");
    let options =
        [words!("all of it", "tout"), words!("ask for each", "demander pour chacun"), words!("nothing", "rien")];
    match asker.choose(&question, &options, 0).map_err(broken)? {
        Some(0) => Ok(Some(possible)),
        Some(1) => {
            let mut chosen = Vec::new();
            for step in possible {
                let Words { en, fr } = show::what(step);
                let place = show::place(step);
                match asker.yes(&words!("{place}: {en}?", "{place} : {fr} ?"), true).map_err(broken)? {
                    Some(true) => chosen.push(step),
                    Some(false) => {}
                    None => return Ok(Some(Vec::new())),
                }
            }
            Ok(Some(chosen))
        }
        Some(_) | None => Ok(Some(Vec::new())),
    }
}

/// On standard error: it is no result yet.
fn tell(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    write!(std::io::stderr(), "{text}")
}

/// As this terminal can show it.
fn shown(words: &Words, look: &Look) -> String {
    let text = words.of(look.lang);
    if look.ascii { to_ascii(&text) } else { text }
}
