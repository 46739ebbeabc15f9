//! Runs our own program for what other commands do better: `codex --install`, `service install`. Only their command lines are
//! known here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch::Receiver;

use super::voice::{Mark, Voice};
use super::{Desk, Halt};
use crate::app::background;
use crate::app::doctor::runtime;
use crate::doctor::render::sheet::Style;
use crate::fault::{Fault, FaultId};
use crate::forward::Phase;
use crate::program::{End, Program};
use crate::words;

/// They write a file or two; a service is started and has to answer, and a model may have to be loaded to know its context.
const LIMIT: Duration = Duration::from_secs(330);
/// Systemd answers in milliseconds, or hangs.
const QUESTION: Duration = Duration::from_secs(10);
/// A preview only shows.
const PREVIEW: Duration = Duration::from_secs(60);
/// Of a preview: a profile and the head of a catalogue.
const LINES: usize = 40;

/// What came of a command of ours.
pub(super) struct Came {
    pub(super) well: bool,
    /// The exit code, for who wants to tell it.
    pub(super) end: End,
}

impl Desk<'_> {
    /// What a command would do, in its own words. False: it cannot do it here, and has said why.
    pub(super) fn preview(&self, args: &[String]) -> Result<bool, Halt> {
        Ok(self.run_own(args, PREVIEW, LINES, None)?.well)
    }

    /// Has a command do it, and shows what it says. Ctrl-C does not reach it, as it has a group of its own; that it was heard
    /// is told at once.
    pub(super) fn carry(&self, args: &[String], phase: &mut Receiver<Phase>) -> Result<Came, Halt> {
        self.run_own(args, LIMIT, usize::MAX, Some(phase))
    }

    /// Whether a command ends well. What it says matters to nobody.
    pub(super) fn is_well(&self, args: &[&str]) -> Result<bool, Halt> {
        let path = self.own_program()?;
        let ran = runtime()?.block_on(Program::new(&path, args, QUESTION).run());
        Ok(ran.is_ok_and(|ran| ran.end == End::Exit(Some(0))))
    }

    fn run_own(
        &self,
        args: &[String],
        limit: Duration,
        most: usize,
        phase: Option<&mut Receiver<Phase>>,
    ) -> Result<Came, Halt> {
        let path = self.own_program()?;
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        // Its words stand among ours.
        let variables = [("OLLAMA_FORWARD_LANG", OsString::from(self.voice.look.lang.tag()))];
        let program = Program { variables: &variables, ..Program::new(&path, &words, limit) };
        let ran = runtime()?.block_on(async {
            let mut run = Box::pin(program.run());
            if let Some(phase) = phase {
                tokio::select! {
                    ran = &mut run => return ran,
                    _ = phase.wait_for(|phase| *phase > Phase::Run) => {}
                }
                let heard = words!("it stops when this step is done", "arrêt dès que cette étape est faite");
                // A terminal that is gone is no reason to leave a step half-done.
                let _ = self.voice.mark(Mark::Odd, &heard);
            }
            run.await
        });
        let ran = ran.map_err(|error| {
            let shown = path.display();
            Fault::new(
                FaultId::Internal,
                words!("cannot run {shown}: {error}", "impossible de lancer {shown} : {error}"),
            )
        })?;
        // Results come after what led to them.
        show(&self.voice, &ran.errors, most)?;
        show(&self.voice, &ran.output, most)?;
        Ok(Came { well: ran.end == End::Exit(Some(0)), end: ran.end })
    }

    fn own_program(&self) -> Result<PathBuf, Fault> {
        self.typed.own_program.clone().map_or_else(background::own_program, Ok)
    }
}

fn show(voice: &Voice, text: &[u8], most: usize) -> Result<(), Halt> {
    let text = String::from_utf8_lossy(text);
    let all = text.lines().count();
    voice.quote(text.lines().take(most).map(|line| (Style::Plain, line)))?;
    if all > most {
        let left = all - most;
        voice.quote([(
            Style::Dim,
            words!("… {left} more lines", "… encore {left} lignes").of(voice.look.lang).as_str(),
        )])?;
    }
    Ok(())
}
