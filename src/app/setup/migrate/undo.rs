//! `setup --from-socat --undo`: marked lines come back, and what was moved goes back.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::super::Ended;
use super::super::super::ask::Asker;
use super::act::{free_name, rename, rewrite, rewrite_crontab, systemctl};
use super::find::{crontab_text, startup_files, text};
use super::journal::{Journal, Link, Move};
use super::show::{at_home, nothing_done};
use super::{Machine, shown, tell};
use crate::clock;
use crate::doctor::render::Look;
use crate::fault::{Fault, FaultId};
use crate::file::trouble::{Attempt, trouble};
use crate::migrate::comment;
use crate::words;
use crate::words::Words;

/// One thing that goes back.
enum Back {
    Lines(PathBuf, usize),
    Cron(usize),
    Move(Move),
    Link(Link),
}

impl Back {
    fn words(&self) -> Words {
        match self {
            Self::Lines(file, count) => {
                let file = file.display();
                words!("{file}: lines that come back: {count}", "{file} : lignes qui reviennent : {count}")
            }
            Self::Cron(count) => {
                words!("crontab: lines that come back: {count}", "crontab : lignes qui reviennent : {count}")
            }
            Self::Move(Move { from, to }) => {
                let (from, to) = (from.display(), to.display());
                words!("{from}: comes back from {to}", "{from} : revient de {to}")
            }
            Self::Link(Link { path, .. }) => {
                let path = path.display();
                words!("{path}: is made again", "{path} : est refait")
            }
        }
    }
}

/// Does what was typed.
pub(super) fn undo(machine: &Machine, yes: bool, look: &Look) -> Result<Ended, Fault> {
    let internal = |why| Fault::new(FaultId::Internal, why);
    let journal = Journal::read(&machine.state).map_err(internal)?;
    let backs = find(machine, &journal);
    if backs.is_empty() {
        let nothing = words!("There is nothing to undo.\n", "Il n'y a rien à annuler.\n");
        return Ok(Ended::Printed(shown(&nothing, look)));
    }
    let line = |words: &Words| at_home(&shown(words, look), machine) + "\n";
    let plan: String = backs.iter().map(|back| line(&back.words())).collect();
    if !yes {
        let Some(asker) = Asker::new(look) else {
            let hint = nothing_done(machine, "--from-socat --undo");
            return Ok(Ended::Printed(plan + "\n" + &shown(&hint, look)));
        };
        let broken = |error: std::io::Error| Fault::new(FaultId::Internal, format!("cannot ask: {error}"));
        tell(&plan).map_err(broken)?;
        if asker.yes(&words!("Undo it?", "Annuler tout cela ?"), true).map_err(broken)? != Some(true) {
            let nothing = words!("Nothing was changed.\n", "Rien n'a été modifié.\n");
            return Ok(Ended::Printed(shown(&nothing, look)));
        }
    }
    let (mut page, mut all_well) = (String::new(), true);
    for back in &backs {
        let words = match carry_out(back, machine) {
            Ok(words) => words,
            Err(Words { en, fr }) => {
                all_well = false;
                words!("not done: {en}", "pas fait : {fr}")
            }
        };
        page.push_str(&line(&words));
    }
    if backs.iter().any(|back| matches!(back, Back::Link(_))) {
        systemctl(&["--user", "daemon-reload"]);
    }
    if !all_well {
        return Ok(Ended::Found(page));
    }
    journal.remove().map_err(internal)?;
    let closing = words!("Nothing was started again.\n", "Rien n'a été redémarré.\n");
    Ok(Ended::Printed(page + &shown(&closing, look)))
}

fn find(machine: &Machine, journal: &Journal) -> Vec<Back> {
    let marked = |file: PathBuf| {
        let (_, count) = comment::back(&text(&file)?);
        (count > 0).then_some(Back::Lines(file, count))
    };
    let mut backs: Vec<Back> = startup_files(machine).into_iter().filter_map(marked).collect();
    if let Some((_, count)) = crontab_text().map(|text| comment::back(&text)).filter(|(_, count)| *count > 0) {
        backs.push(Back::Cron(count));
    }
    // The last one first: one place may have been used twice.
    let moves = journal.moves.iter().rev().filter(|Move { to, .. }| to.symlink_metadata().is_ok());
    backs.extend(moves.cloned().map(Back::Move));
    let links = journal.links.iter().filter(|link| link.path.symlink_metadata().is_err());
    backs.extend(links.cloned().map(Back::Link));
    backs
}

fn carry_out(back: &Back, machine: &Machine) -> Result<Words, Words> {
    match back {
        Back::Lines(file, _) => {
            rewrite(file, clock::wall(), |text| comment::back(text).0)?;
        }
        Back::Cron(_) => rewrite_crontab(&machine.state, |text| comment::back(text).0)?,
        Back::Move(Move { from, to }) => return put_back(from, to),
        Back::Link(Link { path, target }) => {
            let made = || {
                fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
                std::os::unix::fs::symlink(target, path)
            };
            made().map_err(|error| trouble(Attempt::Write, path, &error))?;
        }
    }
    Ok(back.words())
}

/// What stands there by now, such as this program, is kept beside it.
fn put_back(from: &Path, to: &Path) -> Result<Words, Words> {
    let shown = from.display();
    if from.symlink_metadata().is_err() {
        rename(to, from)?;
        return Ok(words!("{shown}: is back", "{shown} : de retour"));
    }
    let kept = free_name(from, clock::wall());
    rename(from, &kept)?;
    if let Err(why) = rename(to, from) {
        rename(&kept, from)?;
        return Err(why);
    }
    let kept = kept.display();
    Ok(words!(
        "{shown}: is back; what stood there is now {kept}",
        "{shown} : de retour ; ce qui s'y trouvait est maintenant {kept}"
    ))
}
