//! `--install`: a profile for `codex -p ollama-forward`, and what belongs to it. Shown, asked about, written, read again.
//!
//! ```text
//! look: what stands there ─► plan ─► shown as a difference ─► asked ─► noted (restore.rs) ─► written ─► read again
//! ```

use std::path::{Path, PathBuf};

use super::desk::Desk;
use super::forward::{self, Forward, Port};
use super::kept::{self, For};
use super::machine::{self, Machine};
use super::model::{self, Chosen};
use super::restore::Note;
use super::{Ended, Stage};
use crate::clock;
use crate::doctor::codex::read_config;
use crate::doctor::fix::diff::{self, Change};
use crate::doctor::program::quoted;
use crate::fault::{Fault, FaultId};
use crate::file::{self, Target};
use crate::launch::gates::Profiles;
use crate::launch::{PROFILE, Setup, block, command};
use crate::words;
use crate::words::Words;

pub(super) fn install(desk: &Desk<'_>) -> Result<Ended, Fault> {
    let stage = Stage::new()?;
    let Some(machine) = stage.until_stopped(machine::look(desk)) else { return Ok(Ended::Cut) };
    let machine = machine?;
    let forward = forward::get(desk, Port::Usual, machine.need)?;
    let installed = stage.until_stopped(with_forward(desk, &machine, &forward));
    forward.end(desk);
    stage.end();
    installed.unwrap_or(Ok(Ended::Cut))
}

async fn with_forward(desk: &Desk<'_>, machine: &Machine, forward: &Forward) -> Result<Ended, Fault> {
    let chosen = model::choose_and_load(desk, machine, forward).await?;
    chosen.tell(desk, machine);
    let home = machine.home()?;
    let setup = chosen.setup_with(desk, machine, forward.base_url(), For::Profile(home));
    let plan = Plan::of(desk, machine, home, &chosen, &setup)?;
    if plan.is_done() {
        desk.hint(&words!("all of it reads like that already", "tout est déjà ainsi"));
    } else {
        plan.show(desk);
        if !agreed(desk).await? {
            desk.hint(&words!("nothing was written", "rien n'a été écrit"));
            return Ok(Ended::Told(1));
        }
        plan.carry_out(desk, home)?;
        kept::remember(desk, &chosen.name);
    }
    if forward.is_ours() {
        desk.hint(&words!(
            "the profile needs a forward that runs: ollama-forward --translate   or for good: ollama-forward service install -- --translate",
            "le profil a besoin d'un relais qui tourne : ollama-forward --translate   ou pour de bon : ollama-forward service install -- --translate"
        ));
    }
    Ok(Ended::Printed(how_to_use(desk, machine, &setup)))
}

async fn agreed(desk: &Desk<'_>) -> Result<bool, Fault> {
    if desk.typed.yes {
        return Ok(true);
    }
    let Some(asker) = desk.asker() else {
        let what = words!(
            "nothing was written, as there is no terminal to ask on",
            "rien n'a été écrit, faute de terminal où demander"
        );
        return Err(Fault::new(FaultId::Usage, what).advise(
            words!("standard input is no terminal", "l'entrée standard n'est pas un terminal"),
            "ollama-forward codex --install --yes",
        ));
    };
    let question = words!("Write it?", "L'écrire ?");
    model::blocking(move || asker.yes(&question, true)).await
}

fn how_to_use(desk: &Desk<'_>, machine: &Machine, setup: &Setup) -> String {
    let [talk, exec, resume] = command::with_profile(&machine.gates, setup)
        .map(|words| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
    let titles = [
        words!("to talk:", "pour dialoguer :"),
        words!("for a task:", "pour une tâche :"),
        words!("to go on:", "pour reprendre :"),
        words!("to undo it:", "pour annuler :"),
    ]
    .map(|words| desk.shown(&words));
    let undo = "ollama-forward codex --restore".to_owned();
    let width = titles.iter().map(|title| title.chars().count()).max().unwrap_or_default();
    let lines = titles.iter().zip([talk, exec, resume, undo]).map(|(title, line)| format!("{title:width$}  {line}\n"));
    lines.collect()
}

/// What is to stand where.
struct Plan {
    /// Codex's own files, in which something of ours comes or goes.
    shown: Vec<(Target, String)>,
    /// Our own, which only the profile names.
    ours: Vec<(PathBuf, String)>,
    profiles: Profiles,
}

impl Plan {
    fn of(desk: &Desk<'_>, machine: &Machine, home: &Path, chosen: &Chosen, setup: &Setup) -> Result<Self, Fault> {
        let config = look(&home.join("config.toml"))?;
        let text = utf8(&config)?;
        let mut shown = Vec::new();
        match machine.gates.profiles {
            Profiles::Tables => {
                let new = block::with(&text, &setup.tables());
                check(&new, &config.path)?;
                shown.push((config, new));
            }
            Profiles::Files => {
                // Of an older Codex: together with the file, it would stop this one.
                let without = block::without(&text);
                refuse_table(without.as_deref().unwrap_or(&text), &config.path)?;
                shown.extend(without.map(|new| (config, new)));
                shown.push((look(&home.join(format!("{PROFILE}.config.toml")))?, setup.profile()));
            }
        }
        shown.retain(|(target, new)| target.old.as_ref().map(|old| old.bytes.as_slice()) != Some(new.as_bytes()));
        let mut ours = chosen.files(desk, machine, For::Profile(home));
        ours.retain(|(path, new)| std::fs::read(path).ok().as_deref() != Some(new.as_bytes()));
        Ok(Self { shown, ours, profiles: machine.gates.profiles })
    }

    fn is_done(&self) -> bool {
        self.shown.is_empty() && self.ours.is_empty()
    }

    fn show(&self, desk: &Desk<'_>) {
        for (target, new) in &self.shown {
            let path = target.path.display();
            desk.hint(&match (&target.link, &target.old) {
                (Some(link), _) => {
                    let link = link.display();
                    words!("changes {path}, to which {link} leads:", "modifie {path}, vers lequel mène {link} :")
                }
                (None, Some(_)) => words!("changes {path}:", "modifie {path} :"),
                (None, None) => words!("writes a new file, {path}:", "écrit un nouveau fichier, {path} :"),
            });
            let old = target.old.as_ref().map(|old| String::from_utf8_lossy(&old.bytes).into_owned());
            for change in diff::of(&old.unwrap_or_default(), new) {
                desk.line(&match change {
                    Change::Same(line) => format!("    {line}"),
                    Change::Gone(line) => format!("  - {line}"),
                    Change::New(line) => format!("  + {line}").trim_end().to_owned(),
                    Change::Skipped => "    …".to_owned(),
                });
            }
        }
        for (path, text) in &self.ours {
            let (path, lines) = (path.display(), text.lines().count());
            desk.hint(&words!("writes {path} ({lines} lines)", "écrit {path} ({lines} lignes)"));
        }
    }

    /// Noted first, so that whatever happens can be undone.
    fn carry_out(&self, desk: &Desk<'_>, home: &Path) -> Result<(), Fault> {
        let mut note = Note::of(home);
        for (target, new) in &self.shown {
            let is_block = target.path.file_name().is_some_and(|name| name == "config.toml");
            if is_block && self.profiles == Profiles::Files {
                continue;
            }
            if is_block {
                note.block(&target.path, target.old.is_some());
            } else {
                note.file(&target.path, target.old.is_some().then(|| utf8(target)).transpose()?, new);
            }
        }
        note.ours(self.ours.iter().map(|(path, _)| path.clone()));
        note.save(home)?;
        for (path, text) in &self.ours {
            kept::put(path, text)?;
        }
        for (target, new) in &self.shown {
            let path = target.path.display();
            let internal = |why: Words| Fault::new(FaultId::Internal, why);
            let backup = target.write(new, clock::wall()).map_err(internal)?;
            let again = file::look(&target.path).map_err(internal)?;
            if again.old.is_none_or(|old| old.bytes != new.as_bytes()) {
                return Err(internal(words!(
                    "{path} does not read as it was written",
                    "{path} ne se relit pas comme il a été écrit"
                )));
            }
            desk.hint(&words!("✓ written: {path}", "✓ écrit : {path}"));
            if let Some(backup) = backup {
                let kept = backup.display();
                desk.hint(&words!("  what stood there is now {kept}", "  l'ancien texte est dans {kept}"));
                note.backup(backup);
            }
        }
        note.save(home)
    }
}

fn look(path: &Path) -> Result<Target, Fault> {
    file::look(path).map_err(|why| Fault::new(FaultId::NoCodex, why))
}

fn utf8(target: &Target) -> Result<String, Fault> {
    let bytes = target.old.as_ref().map_or(&[][..], |old| &old.bytes);
    String::from_utf8(bytes.to_vec()).map_err(|_| {
        let path = target.path.display();
        Fault::new(FaultId::NoCodex, words!("{path} is not UTF-8", "{path} n'est pas en UTF-8"))
    })
}

/// The tables of ours may stand there already, written by hand.
fn check(text: &str, path: &Path) -> Result<(), Fault> {
    let Some(why) = read_config(text).broken else { return Ok(()) };
    let path = path.display();
    let what = words!(
        "with our tables, {path} would not be TOML any more: {why}",
        "avec nos tables, {path} ne serait plus du TOML : {why}"
    );
    let likely = words!(
        "it has a [profiles.{PROFILE}] or a [model_providers.{PROFILE}] already",
        "il contient déjà [profiles.{PROFILE}] ou [model_providers.{PROFILE}]"
    );
    let next = words!("take these tables out of it, and try again", "retirer ces tables, puis recommencer");
    Err(Fault::new(FaultId::NoCodex, what).advise(likely, next))
}

/// `[profiles.ollama-forward]` that somebody else wrote stops a Codex whose profiles are files (0.169).
fn refuse_table(text: &str, path: &Path) -> Result<(), Fault> {
    if read_config(text).old_profiles.iter().all(|name| name != PROFILE) {
        return Ok(());
    }
    let path = path.display();
    let what = words!(
        "{path} has a table [profiles.{PROFILE}]: with it, this Codex refuses `-p {PROFILE}`",
        "{path} contient une table [profiles.{PROFILE}] : avec elle, ce Codex refuse `-p {PROFILE}`"
    );
    let likely = words!("it was written for an older Codex", "elle a été écrite pour un Codex plus ancien");
    let next = words!("take that table out of {path}", "retirer cette table de {path}");
    Err(Fault::new(FaultId::NoCodex, what).advise(likely, next))
}
