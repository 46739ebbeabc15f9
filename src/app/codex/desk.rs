//! What every part of the command has at hand: what was typed, and the reader.

use std::io::{Write, stderr};
use std::path::PathBuf;

use directories::ProjectDirs;

use crate::app::ask::Asker;
use crate::app::doctor::look_of;
use crate::app::files;
use crate::cli::Run;
use crate::cli::codex::{Codex, Instructions};
use crate::config::{Config, Layer};
use crate::doctor::render::{Look, to_ascii};
use crate::fault::{Fault, FaultId};
use crate::words;
use crate::words::{Lang, Words};

pub(super) struct Desk<'a> {
    pub(super) typed: &'a Codex,
    pub(super) look: Look,
    /// Codex's own words.
    pub(super) args: Vec<String>,
    /// What was typed, and what files and variables say of a run.
    pub(super) layer: Layer,
    /// Where we keep what Codex reads: ours, not Codex's.
    pub(super) state: PathBuf,
}

impl<'a> Desk<'a> {
    pub(super) fn new(run: &Run, typed: &'a Codex, lang: Lang) -> Result<Self, Fault> {
        let args = typed.args.iter().map(|word| word.to_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        let args = args.ok_or_else(|| {
            Fault::new(FaultId::Usage, words!("an argument is not UTF-8", "un argument n'est pas en UTF-8"))
        })?;
        let own = Layer { upstream: typed.upstream.clone(), listen_port: typed.listen_port, ..Layer::default() };
        let layer = own.over(run.layer()).over(files(run.config.as_deref())?);
        let dirs = ProjectDirs::from("", "", "ollama-forward");
        let state = dirs.as_ref().and_then(|dirs| dirs.state_dir()).ok_or_else(|| {
            let what = words!("there is no home directory", "il n'y a pas de répertoire personnel");
            Fault::new(FaultId::Internal, what)
                .advise(words!("HOME is not set", "HOME n'est pas défini"), "export HOME=…")
        })?;
        Ok(Self { typed, look: look_of(lang), args, layer, state: state.join("codex") })
    }

    /// What a run would be, with what was typed here.
    pub(super) fn config(&self) -> Result<Config, Fault> {
        self.layer.clone().finish(PathBuf::from("/"))
    }

    /// Whoever sits at the terminal, unless nothing is to be asked.
    pub(super) fn asker(&self) -> Option<Asker> {
        if self.typed.yes { None } else { Asker::new(&self.look) }
    }

    pub(super) fn instructions(&self) -> Instructions {
        self.typed.instructions.unwrap_or_default()
    }

    /// A line on standard error, which says who speaks.
    pub(super) fn hint(&self, words: &Words) {
        let _ = writeln!(stderr(), "ollama-forward: {}", self.shown(words));
    }

    /// A line on standard error, as it is.
    pub(super) fn line(&self, text: &str) {
        let text = if self.look.ascii { to_ascii(text) } else { text.to_owned() };
        let _ = writeln!(stderr(), "{text}");
    }

    /// As the terminal can show it.
    pub(super) fn shown(&self, words: &Words) -> String {
        let text = words.of(self.look.lang);
        if self.look.ascii { to_ascii(&text) } else { text }
    }
}
