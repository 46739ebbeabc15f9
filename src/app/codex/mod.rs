//! `codex`: from nothing to a Codex that talks to a model of Ollama, and back.
//!
//! ```text
//! typed ─► machine: which Codex ─► forward: the one that runs, or one for this call ─► upstream: is it up?
//!    ─► model: which ─► upstream: pulled, loaded, its context ─┬─► run: Codex has the terminal ─► after: how to go on
//!                                                              └─► install: files of Codex, shown and asked about
//! ```
//! We speak on standard error, before Codex and after it. Ctrl-C before it ends us; while it runs, Ctrl-C is its own.

mod after;
mod choose;
mod desk;
mod forward;
mod install;
mod kept;
mod machine;
mod model;
mod print;
mod pull;
mod restore;
mod run;
mod upstream;

use std::future::Future;
use std::time::{Duration, SystemTime};

use tokio::sync::watch::Sender;

use self::desk::Desk;
use self::forward::{Forward, Port};
use self::machine::Machine;
use super::doctor::runtime;
use super::{Ended, watch_signals};
use crate::cli::Run;
use crate::cli::codex::Codex;
use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::forward::Phase;
use crate::launch::alias::Shell;
use crate::launch::args::{Refusal, refused, verb};
use crate::launch::{Setup, command};
use crate::words;
use crate::words::Lang;

/// Does what was typed.
pub(super) fn codex(run: &Run, typed: &Codex, lang: Lang) -> Result<Ended, Fault> {
    let desk = Desk::new(run, typed, lang)?;
    if let Some(shell) = typed.alias {
        let usual = || Shell::of_path(&std::env::var("SHELL").unwrap_or_default());
        return Ok(alias(&desk, shell.unwrap_or_else(usual)));
    }
    if let Some(Refusal { argument, why, next }) = refused(&desk.args) {
        let what = words!("`{argument}` has no place behind `--`", "`{argument}` n'a pas sa place derrière `--`");
        return Err(Fault::new(FaultId::Usage, what).advise(why, next));
    }
    if typed.restore {
        return restore::restore(&desk);
    }
    if typed.print {
        return print::print(&desk);
    }
    if typed.install { install::install(&desk) } else { launch(&desk) }
}

/// The line alone is the result, so that it can be appended to a file.
fn alias(desk: &Desk<'_>, shell: Shell) -> Ended {
    let file = shell.file();
    desk.hint(&words!(
        "this line belongs into {file}; then `oc` starts Codex, and `oc exec \"…\"` gives it a task",
        "cette ligne va dans {file} ; ensuite `oc` lance Codex, et `oc exec \"…\"` lui confie une tâche"
    ));
    Ended::Printed(shell.line().to_owned())
}

/// Starts Codex, and ends as it does.
fn launch(desk: &Desk<'_>) -> Result<Ended, Fault> {
    let stage = Stage::new()?;
    let Some(machine) = stage.until_stopped(machine::look(desk)) else { return Ok(Ended::Cut) };
    let machine = machine?;
    let forward = forward::get(desk, Port::Any, machine.need)?;
    let ended = talk(desk, &stage, &machine, &forward);
    // Whatever came of it, what was started for this call ends with it.
    forward.end(desk);
    stage.end();
    ended
}

fn talk(desk: &Desk<'_>, stage: &Stage, machine: &Machine, forward: &Forward) -> Result<Ended, Fault> {
    let Some(prepared) = stage.until_stopped(prepare(desk, machine, forward)) else { return Ok(Ended::Cut) };
    let setup = prepared?;
    let silence = if desk.typed.offline { machine.gates.silence } else { &[] };
    let words = command::start(&setup, silence, &desk.args);
    if !desk.typed.offline {
        desk.hint(&words!(
            "Codex itself asks its maker and GitHub at its start, whatever the model; --offline switches that off",
            "Codex lui-même interroge son éditeur et GitHub à son démarrage, quel que soit le modèle ; --offline l'en empêche"
        ));
    }
    let capturing = forward.capture(desk)?;
    let begun = clock::wall();
    let code = stage.runtime.block_on(run::codex(&machine.program, &words, &stage.phase));
    if let Some(capturing) = capturing {
        capturing.end(desk);
    }
    let code = code?;
    tell_after(desk, machine, begun);
    Ok(Ended::Told(code))
}

/// The model is there, in memory, and Codex's files are written.
async fn prepare(desk: &Desk<'_>, machine: &Machine, forward: &Forward) -> Result<Setup, Fault> {
    let chosen = model::choose_and_load(desk, machine, forward).await?;
    chosen.tell(desk, machine);
    let setup = chosen.setup(desk, machine, forward.base_url(), kept::For::ThisCall)?;
    kept::remember(desk, &chosen.name);
    Ok(setup)
}

/// Times of files are told in steps of the kernel's tick: up to 10 ms (`CONFIG_HZ`), more on a disk of Windows.
const COARSE: Duration = Duration::from_millis(100);

fn tell_after(desk: &Desk<'_>, machine: &Machine, begun: SystemTime) {
    let verb = verb(&desk.args);
    let since = begun.checked_sub(COARSE).unwrap_or(begun);
    let session = machine.home.as_deref().and_then(|home| after::newest(home, since));
    after::tell(desk, machine, verb, session.as_ref());
}

/// What all that waits has: an event loop, and whether somebody has pressed Ctrl-C.
struct Stage {
    runtime: tokio::runtime::Runtime,
    phase: Sender<Phase>,
}

impl Stage {
    fn new() -> Result<Self, Fault> {
        let phase = watch_signals().map_err(|error| Fault::new(FaultId::Internal, error.to_string()))?;
        Ok(Self { runtime: runtime()?, phase })
    }

    /// None: somebody did not want to wait. What was under way is dropped.
    fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut phase = self.phase.subscribe();
        let work = Box::pin(work);
        self.runtime.block_on(async {
            tokio::select! {
                done = work => Some(done),
                _ = phase.wait_for(|phase| *phase > Phase::Run) => None,
            }
        })
    }

    /// A question may still be open: nobody waits for its answer any more.
    fn end(self) {
        self.runtime.shutdown_background();
    }
}
