//! Who is asked and told, and what all of these commands have.

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use directories::{BaseDirs, ProjectDirs};
use tokio::runtime::Runtime;

use crate::app::Ended;
use crate::app::ask::Asker;
use crate::app::background::no_home;
use crate::app::doctor::{look_of, runtime};
use crate::clock;
use crate::doctor::fix::diff::{self, Change};
use crate::doctor::render::{Look, clean_line, to_ascii};
use crate::fault::{Fault, FaultId};
use crate::file::Target;
use crate::words;
use crate::words::{Lang, Words};

pub(super) struct Desk {
    pub(super) look: Look,
    /// Other programs are waited for in it.
    pub(super) runtime: Runtime,
}

/// What somebody said to a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    Given,
    Declined,
}

impl Desk {
    pub(super) fn new(lang: Lang) -> Result<Self, Fault> {
        Ok(Self { look: look_of(lang), runtime: runtime()? })
    }

    pub(super) fn shown(&self, words: &Words) -> String {
        let text = words.of(self.look.lang);
        if self.look.ascii { to_ascii(&text) } else { text }
    }

    /// A sentence for whoever looks on. That nobody does is no fault.
    pub(super) fn tell(&self, words: &Words) {
        drop(writeln!(stderr(), "{}", self.shown(words)));
    }

    /// Lines that are to be seen as they are.
    pub(super) fn show(&self, text: &str) {
        for line in text.lines() {
            let line = clean_line(line);
            self.tell(&Words::same(if line.is_empty() { line } else { format!("    {line}") }));
        }
    }

    /// Whether a plan that has been shown shall be carried out.
    pub(super) fn agrees(&self, yes: bool, again: &str) -> Result<Consent, Fault> {
        if yes {
            return Ok(Consent::Given);
        }
        let Some(asker) = Asker::new(&self.look) else {
            let what = words!(
                "nothing was done: there is no terminal to ask for your consent",
                "rien n'a été fait : aucun terminal où demander votre accord"
            );
            let likely = words!("the command runs in a script", "la commande tourne dans un script");
            return Err(Fault::new(FaultId::Usage, what).advise(likely, again));
        };
        match asker.yes(&words!("Do it?", "Le faire ?"), true) {
            Ok(Some(true)) => Ok(Consent::Given),
            Ok(Some(false) | None) => {
                self.tell(&words!("Left as it is.", "Laissé en l'état."));
                Ok(Consent::Declined)
            }
            Err(error) => {
                Err(Fault::new(FaultId::Internal, words!("cannot ask: {error}", "impossible de demander : {error}")))
            }
        }
    }

    /// What a file will be: all of a new one, the difference to an old one. False: it is so already.
    pub(super) fn show_change(&self, target: &Target, text: &str) -> bool {
        let path = target.path.display();
        let Some(old) = &target.old else {
            self.tell(&words!("Writes a new file, {path}:", "Écrit un nouveau fichier, {path} :"));
            self.show(text);
            return true;
        };
        let old = String::from_utf8_lossy(&old.bytes);
        if old == text {
            self.tell(&words!("{path} reads as it should.", "{path} est déjà tel quel."));
            return false;
        }
        self.tell(&words!(
            "Changes {path}, and keeps what stands there now beside it:",
            "Modifie {path}, et garde à côté ce qui s'y trouve :"
        ));
        for change in diff::of(&old, text) {
            let line = match change {
                Change::Same(line) => format!("  {line}"),
                Change::Gone(line) => format!("- {line}"),
                Change::New(line) => format!("+ {line}"),
                Change::Skipped => "  …".to_owned(),
            };
            self.show(&line);
        }
        true
    }

    /// Writes it, and tells where the old text is.
    pub(super) fn write(&self, target: &Target, text: &str) -> Result<(), Fault> {
        let kept = target.write(text, now()).map_err(unwritten)?;
        if let Some(kept) = kept {
            let kept = kept.display();
            self.tell(&words!("What stood there is now {kept}.", "L'ancien texte est dans {kept}."));
        }
        Ok(())
    }

    /// A sentence that is the result.
    pub(super) fn done(&self, words: &Words) -> Ended {
        Ended::Printed(self.shown(words) + "\n")
    }
}

pub(super) fn unwritten(why: Words) -> Fault {
    let likely = words!(
        "the file belongs to somebody else, is written by another program, or the disk is full",
        "le fichier appartient à quelqu'un d'autre, un autre programme l'écrit, ou le disque est plein"
    );
    Fault::new(FaultId::Internal, why).advise(likely, "ollama-forward service install --print")
}

pub(super) fn now() -> SystemTime {
    clock::wall()
}

/// The user's home.
pub(super) fn home() -> Result<PathBuf, Fault> {
    BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()).ok_or_else(no_home)
}

/// Where `systemd/user` and others have their files.
pub(super) fn config_home() -> Result<PathBuf, Fault> {
    BaseDirs::new().map(|dirs| dirs.config_dir().to_owned()).ok_or_else(no_home)
}

/// Where captures and logs are.
pub(super) fn state_directory() -> Result<PathBuf, Fault> {
    let dirs = ProjectDirs::from("", "", "ollama-forward");
    dirs.as_ref().and_then(ProjectDirs::state_dir).map(Path::to_owned).ok_or_else(no_home)
}
