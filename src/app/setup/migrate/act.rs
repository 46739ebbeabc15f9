//! Does one step after the other, each whole or not at all.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Local, Utc};
use rustix::fs::{AtFlags, CWD, RenameFlags, linkat, renameat_with};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::super::super::doctor::runtime;
use super::Machine;
use super::find::{self, Step};
use super::journal::{Journal, Link, Move};
use crate::clock;
use crate::file::{self, trouble::Attempt, trouble::trouble};
use crate::migrate::comment::{self, Edit};
use crate::net::owner::owners_of;
use crate::program::{Program, on_path};
use crate::words;
use crate::words::Words;

pub(super) struct Acts<'a> {
    pub(super) machine: &'a Machine,
    pub(super) journal: &'a mut Journal,
    pub(super) now: SystemTime,
}

/// What came of a step: what was done, or why not.
pub(super) type Came<'a> = (&'a Step, Result<Words, Words>);

/// systemd waits up to 90 s for a unit that does not stop; a forwarder stops at once.
const SYSTEMD_TIME: Duration = Duration::from_secs(20);
/// socat ends at once; whoever does not is told by name.
const END_TIME: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Acts<'_> {
    pub(super) fn carry_out<'s>(&mut self, steps: &[&'s Step]) -> Vec<Came<'s>> {
        let mut came: Vec<Came<'s>> = Vec::new();
        let mut files: Vec<&Path> = Vec::new();
        let mut cron_is_done = false;
        for step in steps {
            let result = match step {
                Step::Unit { path, .. } => self.unit(path),
                // All lines of a file at once: their numbers hold for what was read.
                Step::Lines { file, .. } if files.contains(&file.as_path()) => continue,
                Step::Lines { file, .. } => {
                    files.push(file);
                    self.lines(file, steps)
                }
                Step::Cron { .. } if cron_is_done => continue,
                Step::Cron { .. } => {
                    cron_is_done = true;
                    self.cron(steps)
                }
                Step::Script { path, replace, .. } => self.script(path, *replace),
                Step::Process { pids, .. } => end(pids, self.machine),
                Step::ByHand { .. } => continue,
            };
            came.push((step, result));
        }
        came
    }

    fn day(&self) -> String {
        DateTime::<Local>::from(self.now).format("%Y-%m-%d").to_string()
    }

    fn lines(&self, file: &Path, steps: &[&Step]) -> Result<Words, Words> {
        let edits: Vec<Edit> = steps
            .iter()
            .filter_map(|step| {
                let Step::Lines { file: other, found, .. } = step else { return None };
                if other == file { found.edit() } else { None }
            })
            .collect();
        let backup = rewrite(file, self.now, |text| comment::out(text, &edits, &self.day()))?;
        let (file, backup) = (file.display(), backup.unwrap_or_default());
        let (count, backup) = (edits.iter().map(|edit| edit.lines.clone().count()).sum::<usize>(), backup.display());
        Ok(words!(
            "{file}: lines commented out: {count} (what stood there: {backup})",
            "{file} : lignes mises en commentaire : {count} (l'ancien texte : {backup})"
        ))
    }

    fn cron(&self, steps: &[&Step]) -> Result<Words, Words> {
        let edits: Vec<Edit> = steps
            .iter()
            .filter_map(|step| {
                let Step::Cron { line, .. } = step else { return None };
                Some(line.edit())
            })
            .collect();
        rewrite_crontab(&self.machine.state, |text| comment::out(text, &edits, &self.day()))?;
        let count = edits.len();
        Ok(words!("crontab: lines commented out: {count}", "crontab : lignes mises en commentaire : {count}"))
    }

    fn unit(&mut self, path: &Path) -> Result<Words, Words> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for link in links_to(path) {
            if !self.journal.links.contains(&link) {
                self.journal.links.push(link);
            }
        }
        let aside = self.aside(path)?;
        systemctl(&["--user", "disable", "--now", &name]);
        // Where systemd does not run, its links stay.
        for link in links_to(path) {
            fs::remove_file(&link.path).map_err(|error| trouble(Attempt::Remove, &link.path, &error))?;
        }
        rename(path, &aside)?;
        systemctl(&["--user", "daemon-reload"]);
        let (path, aside) = (path.display(), aside.display());
        Ok(words!("{path}: stopped, and moved to {aside}", "{path} : arrêté, et déplacé vers {aside}"))
    }

    fn script(&mut self, path: &Path, replace: bool) -> Result<Words, Words> {
        let aside = self.aside(path)?;
        let (old, new) = (path.display(), aside.display());
        if !replace {
            rename(path, &aside)?;
            return Ok(words!("{old}: moved to {new}", "{old} : déplacé vers {new}"));
        }
        let copy = self.copy_of_program(path)?;
        if let Err(why) = take_place(path, &aside, &copy) {
            drop(fs::remove_file(&copy));
            return Err(why);
        }
        Ok(words!(
            "{old}: moved to {new}; this program stands there now",
            "{old} : déplacé vers {new} ; ce programme est maintenant à sa place"
        ))
    }

    /// Where it will be, and noted so before it goes.
    fn aside(&mut self, path: &Path) -> Result<PathBuf, Words> {
        let to = free_name(path, self.now);
        self.journal.moves.push(Move { from: path.to_owned(), to: to.clone() });
        self.journal.write()?;
        Ok(to)
    }

    /// In the same directory, under a name of its own.
    fn copy_of_program(&self, path: &Path) -> Result<PathBuf, Words> {
        let fresh = path.with_file_name(format!(".{}.{}", find::NAME, clock::nonce()));
        let copied = || -> io::Result<()> {
            let mut from = fs::File::open(&self.machine.program)?;
            let mut to = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&fresh)?;
            io::copy(&mut from, &mut to)?;
            to.set_permissions(Permissions::from_mode(0o755))?;
            to.sync_all()
        };
        copied().map_err(|error| {
            drop(fs::remove_file(&fresh));
            trouble(Attempt::Write, path, &error)
        })?;
        Ok(fresh)
    }
}

/// As `NAME.bak-20261128-152809`, in UTC, as `crate::file` has it; with a number where that is taken.
pub(super) fn free_name(path: &Path, now: SystemTime) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stamp = DateTime::<Utc>::from(now).format("%Y%m%d-%H%M%S").to_string();
    let first = path.with_file_name(format!("{name}.bak-{stamp}"));
    let more = (2..100).map(|number| path.with_file_name(format!("{name}.bak-{stamp}-{number}")));
    let is_free = |path: &PathBuf| path.symlink_metadata().is_err();
    std::iter::once(first.clone()).chain(more).find(is_free).unwrap_or(first)
}

/// The script gets its second name before its first one is another's, so that there is always something of that name. A link
/// is named itself, not what it leads to (linkat(2)).
fn take_place(script: &Path, aside: &Path, copy: &Path) -> Result<(), Words> {
    if linkat(CWD, script, CWD, aside, AtFlags::empty()).is_err() {
        // Some file systems have no second names.
        rename(script, aside)?;
    }
    fs::rename(copy, script).map_err(|error| trouble(Attempt::Write, script, &error))
}

/// Onto a name that nobody has.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Words> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot promise it (renameat2(2)); that nobody had the name was seen before.
        Err(Errno::INVAL | Errno::NOSYS) => fs::rename(from, to),
        other => other.map_err(io::Error::from),
    }
    .map_err(|error| trouble(Attempt::Write, to, &error))
}

/// Writes a file of the user's anew, with a copy of what stood there. Returns where that is.
pub(super) fn rewrite(file: &Path, now: SystemTime, edit: impl Fn(&str) -> String) -> Result<Option<PathBuf>, Words> {
    let target = file::look(file)?;
    let old = target.old.as_ref().map(|old| old.bytes.clone()).unwrap_or_default();
    let text = String::from_utf8(old).map_err(|error| trouble(Attempt::Read, file, &io::Error::other(error)))?;
    target.write(&edit(&text), now)
}

/// cron takes a file, and keeps none: the text goes through one of ours.
pub(super) fn rewrite_crontab(state: &Path, edit: impl Fn(&str) -> String) -> Result<(), Words> {
    let gone = || words!("the crontab cannot be read any more", "le crontab n'est plus lisible");
    let program = on_path(&["crontab"]).ok_or_else(gone)?;
    let text = find::crontab_text().ok_or_else(gone)?;
    let path = state.join(format!("crontab.{}", clock::nonce()));
    file::look(&path)?.write(&edit(&text), clock::wall())?;
    let argument = path.display().to_string();
    let runtime = runtime().map_err(|fault| fault.what)?;
    let ran = runtime.block_on(Program::new(&program, &[&argument], Duration::from_secs(5)).run());
    drop(fs::remove_file(&path));
    let ran = ran.map_err(|error| trouble(Attempt::Read, &program, &error))?;
    let errors = String::from_utf8_lossy(&ran.errors).trim().to_owned();
    ran.told().map(drop).ok_or_else(|| words!("crontab says: {errors}", "crontab dit : {errors}"))
}

/// Asks the user's systemd, where there is one. What it cannot do, the files say all the same.
pub(super) fn systemctl(args: &[&str]) {
    if let (Some(program), Ok(runtime)) = (on_path(&["systemctl"]), runtime()) {
        drop(runtime.block_on(Program::new(&program, args, SYSTEMD_TIME).run()));
    }
}

/// `*.wants/NAME` and `*.requires/NAME` beside a unit (systemctl(1), "enable").
fn links_to(unit: &Path) -> Vec<Link> {
    let Some((directory, name)) = unit.parent().zip(unit.file_name()) else { return Vec::new() };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_wants = |path: &PathBuf| path.extension().is_some_and(|end| end == "wants" || end == "requires");
    let links = entries.filter(is_wants).map(|directory| directory.join(name));
    links.filter_map(|path| Some(Link { target: fs::read_link(&path).ok()?, path })).collect()
}

/// Ends them, the first one first, and waits until the port is free of the last. Each is looked at again once we hold it: its
/// number may have become another's.
fn end(pids: &[u32], machine: &Machine) -> Result<Words, Words> {
    for pid in pids {
        let Some(number) = i32::try_from(*pid).ok().and_then(Pid::from_raw) else { continue };
        // It may have ended with its parent.
        let Ok(held) = pidfd_open(number, PidfdFlags::empty()) else { continue };
        if find::tool_of(*pid, machine.port).is_some() {
            pidfd_send_signal(&held, Signal::TERM)
                .map_err(|error| words!("pid {pid} does not end: {error}", "pid {pid} ne se termine pas : {error}"))?;
        }
    }
    let (port, last) = (machine.port, pids.last().copied());
    let begun = clock::now();
    loop {
        let owners = owners_of(port).unwrap_or_default();
        let holds = |pid| owners.iter().any(|owner| owner.process.as_ref().map(|process| process.pid) == pid);
        if !holds(last) {
            break;
        }
        if clock::now().duration_since(begun) >= END_TIME {
            let pid = last.unwrap_or_default();
            return Err(words!(
                "pid {pid} still holds port {port}: kill -9 {pid}",
                "pid {pid} garde le port {port} : kill -9 {pid}"
            ));
        }
        thread::sleep(LOOK_EVERY);
    }
    let pids = pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match owners_of(port).unwrap_or_default().first() {
        Some(owner) => Err(words!(
            "ended, but port {port} is held by {owner} now",
            "terminé, mais le port {port} est pris par {owner}"
        )),
        None => Ok(words!("pid {pids}: ended; port {port} is free", "pid {pids} : terminé ; le port {port} est libre")),
    }
}
