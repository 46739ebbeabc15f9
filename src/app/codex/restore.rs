//! `--restore`: what `--install` has written goes, and what stood there before comes back, byte for byte. What somebody has
//! changed since then stays, beside the old text.
//!
//! What was replaced is noted in `ollama-forward/installed.json` of the same `CODEX_HOME`, before anything is written.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::{Ended, kept, machine};
use crate::app::doctor::runtime;
use crate::fault::{Fault, FaultId};
use crate::file::trouble::{Attempt, trouble};
use crate::launch::gates::Profiles;
use crate::launch::{Gates, PROFILE, block};
use crate::words;
use crate::words::Words;

/// The layout of the note; a change that breaks readers counts it up.
const SCHEMA_VERSION: u32 = 1;
const NAME: &str = "installed.json";

/// What was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    schema_version: u32,
    /// `CODEX_HOME` was made for it.
    made_home: bool,
    files: Vec<Replaced>,
    block: Option<Block>,
    ours: Vec<PathBuf>,
    backups: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Replaced {
    path: PathBuf,
    /// None: there was no such file.
    before: Option<String>,
    mode: u32,
    /// What was written.
    after: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    path: PathBuf,
    was_there: bool,
}

impl Note {
    /// The one of an earlier `--install`, or a new one.
    pub(super) fn of(home: &Path) -> Self {
        Self::read(home).unwrap_or_else(|| Self {
            schema_version: SCHEMA_VERSION,
            made_home: !home.exists(),
            ..Self::default()
        })
    }

    fn read(home: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(kept::directory(home).join(NAME)).ok()?).ok()
    }

    pub(super) fn save(&self, home: &Path) -> Result<(), Fault> {
        let text = serde_json::to_string_pretty(self).expect("a note is plain data");
        kept::put(&kept::directory(home).join(NAME), &(text + "\n"))
    }

    /// A file that is about to be replaced. What we wrote ourselves is not what was there before.
    pub(super) fn file(&mut self, path: &Path, old: Option<String>, after: &str) {
        let earlier = self.files.iter().position(|one| one.path == path).map(|at| self.files.remove(at));
        let before = match earlier {
            Some(earlier) if old.as_ref() == Some(&earlier.after) => earlier.before,
            Some(_) | None => old,
        };
        self.files.push(Replaced { path: path.to_owned(), before, mode: mode(path), after: after.to_owned() });
    }

    pub(super) fn block(&mut self, path: &Path, was_there: bool) {
        self.block.get_or_insert(Block { path: path.to_owned(), was_there });
    }

    pub(super) fn ours(&mut self, paths: impl Iterator<Item = PathBuf>) {
        let fresh: Vec<PathBuf> = paths.filter(|path| !self.ours.contains(path)).collect();
        self.ours.extend(fresh);
    }

    pub(super) fn backup(&mut self, path: PathBuf) {
        self.backups.push(path);
    }
}

pub(super) fn restore(desk: &Desk<'_>) -> Result<Ended, Fault> {
    let runtime = runtime()?;
    let codex = runtime.block_on(machine::facts());
    runtime.shutdown_background();
    let gates = Gates::of(codex.version());
    let home = codex.home.unwrap_or_default();
    let note = Note::read(&home).unwrap_or_default();
    let steps = steps(&note, &home)?;
    if steps.is_empty() && note == Note::default() {
        let home = home.display();
        let text = words!("nothing was installed in {home}", "rien n'a été installé dans {home}");
        return Ok(Ended::Printed(desk.shown(&text) + "\n"));
    }
    for step in &steps {
        desk.hint(&step.words());
    }
    if !agreed(desk)? {
        desk.hint(&words!("nothing was changed", "rien n'a été modifié"));
        return Ok(Ended::Told(1));
    }
    for step in &steps {
        step.carry_out()?;
    }
    tidy(&note, &home)?;
    Ok(gone(desk, gates))
}

fn gone(desk: &Desk<'_>, gates: Gates) -> Ended {
    // Older ones stop: "config profile not found".
    if gates.profiles == Profiles::Files {
        desk.hint(&words!(
            "`codex -p {PROFILE}` must not be typed any more: without the profile, Codex goes to a hosted service and does not say so",
            "ne plus taper `codex -p {PROFILE}` : sans le profil, Codex s'adresse à un service en ligne sans le dire"
        ));
    }
    let done = words!("what --install has written is gone", "ce que --install avait écrit n'y est plus");
    Ended::Printed(desk.shown(&done) + "\n")
}

fn agreed(desk: &Desk<'_>) -> Result<bool, Fault> {
    if desk.typed.yes {
        return Ok(true);
    }
    let refused = |why: Words| {
        Fault::new(FaultId::Usage, why).advise(
            words!(
                "standard input is no terminal, or has ended",
                "l'entrée standard n'est pas un terminal, ou est terminée"
            ),
            "ollama-forward codex --restore --yes",
        )
    };
    let nobody = || {
        refused(words!(
            "nothing was changed, as there is no terminal to ask on",
            "rien n'a été modifié, faute de terminal où demander"
        ))
    };
    let asker = desk.asker().ok_or_else(nobody)?;
    let answer = asker.yes(&words!("Do it?", "Le faire ?"), true);
    answer.map_err(|error| refused(Words::same(error.to_string())))?.ok_or_else(nobody)
}

/// One thing to do.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// What we wrote goes.
    Remove(PathBuf),
    /// What was there before comes back.
    Put { path: PathBuf, bytes: Vec<u8>, mode: u32 },
    /// Our lines go, and all others stay, also those that came since.
    Cut { path: PathBuf, bytes: Vec<u8>, mode: u32 },
    /// Somebody has changed it since: it stays, and the old text is put beside it.
    Beside { path: PathBuf, old: PathBuf, bytes: Vec<u8>, mode: u32 },
    /// Somebody has changed it since, and there was nothing before: it stays.
    Keep(PathBuf),
}

fn steps(note: &Note, home: &Path) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    for one in &note.files {
        steps.extend(of_file(one)?);
    }
    let usual = Block { path: home.join("config.toml"), was_there: true };
    let Block { path, was_there } = note.block.as_ref().unwrap_or(&usual);
    let bytes = read(path)?.unwrap_or_default();
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    match (block::without(text), was_there) {
        (Some(rest), false) if rest.is_empty() => steps.push(Step::Remove(path.clone())),
        (Some(rest), _) => steps.push(Step::Cut { path: path.clone(), bytes: rest.into_bytes(), mode: mode(path) }),
        // An --install for a newer Codex has taken the block out.
        (None, false) if bytes.is_empty() && path.exists() => steps.push(Step::Remove(path.clone())),
        (None, _) => {}
    }
    Ok(steps)
}

fn of_file(one: &Replaced) -> Result<Option<Step>, Fault> {
    let path = one.path.clone();
    let before = one.before.clone().map(String::into_bytes);
    let now = read(&path)?;
    if now == before {
        return Ok(None);
    }
    let is_ours = now.is_none_or(|now| now == one.after.as_bytes());
    Ok(Some(match (is_ours, before) {
        (true, Some(bytes)) => Step::Put { path, bytes, mode: one.mode },
        (true, None) => Step::Remove(path),
        (false, Some(bytes)) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let old = path.with_file_name(format!("{name}.before-{PROFILE}"));
            Step::Beside { path, old, bytes, mode: one.mode }
        }
        (false, None) => Step::Keep(path),
    }))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::new(FaultId::Internal, trouble(Attempt::Read, path, &error))),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).map_or(0o600, |meta| meta.permissions().mode() & 0o777)
}

impl Step {
    fn words(&self) -> Words {
        match self {
            Self::Remove(path) => {
                let path = path.display();
                words!("removes {path}, which was not there before", "supprime {path}, qui n'existait pas avant")
            }
            Self::Put { path, .. } => {
                let path = path.display();
                words!("puts {path} back as it was", "remet {path} dans son état d'avant")
            }
            Self::Cut { path, .. } => {
                let path = path.display();
                words!(
                    "takes our lines out of {path}; all others stay",
                    "retire nos lignes de {path} ; toutes les autres restent"
                )
            }
            Self::Beside { path, old, .. } => {
                let (path, old) = (path.display(), old.display());
                words!(
                    "⚠ {path} was changed since: it stays, and the text of before goes to {old}",
                    "⚠ {path} a été modifié depuis : il reste, et le texte d'avant va dans {old}"
                )
            }
            Self::Keep(path) => {
                let path = path.display();
                words!("⚠ {path} was changed since: it stays", "⚠ {path} a été modifié depuis : il reste")
            }
        }
    }

    fn carry_out(&self) -> Result<(), Fault> {
        let internal =
            |attempt, path: &Path, error: &std::io::Error| Fault::new(FaultId::Internal, trouble(attempt, path, error));
        match self {
            Self::Remove(path) => kept::remove(path).map_err(|error| internal(Attempt::Remove, path, &error)),
            Self::Put { path, bytes, mode }
            | Self::Cut { path, bytes, mode }
            | Self::Beside { old: path, bytes, mode, .. } => {
                // A link stays one: what it leads to is what was written.
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
                kept::write(&path, bytes, *mode).map_err(|error| internal(Attempt::Write, &path, &error))
            }
            Self::Keep(_) => Ok(()),
        }
    }
}

/// What is only ours goes without a word: it is in a directory of our own, or was copied by us.
fn tidy(note: &Note, home: &Path) -> Result<(), Fault> {
    let own = kept::directory(home);
    let all = note.ours.iter().chain(&note.backups).cloned().chain([own.join(NAME)]);
    for path in all {
        kept::remove(&path).map_err(|error| Fault::new(FaultId::Internal, trouble(Attempt::Remove, &path, &error)))?;
    }
    // What somebody else put there stays, and the directory with it.
    drop(fs::remove_dir(&own));
    if note.made_home {
        drop(fs::remove_dir(home));
    }
    Ok(())
}
