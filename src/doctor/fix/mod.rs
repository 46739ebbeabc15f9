//! `doctor --fix`: what the doctor may do by itself, once somebody agrees.
//!
//! ```text
//! outcomes ─► collect: steps ─► for each: look ─► show ─► ask ─► do ─► tell what was done, and how to undo it
//! ```
//! It removes sockets of forwards that have died, and writes two files of ours. It never needs an administrator, never
//! touches Windows, and what it does not do in full it does not do at all.

pub mod diff;
mod socket;

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::SystemTime;

use super::render::Look;
use super::render::sheet::{Column, Sheet, Style};
use super::{Fix, Outcome};
use crate::file::{self, Target};
use crate::words;
use crate::words::{Lang, Words};
use diff::Change;
use socket::Dead;

/// One thing that can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The check that asks for it.
    pub check: &'static str,
    pub what: Words,
    pub fix: Fix,
}

/// What the remedies of all problems offer, each once, in the order of the table.
pub fn collect(outcomes: &[Outcome]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for outcome in outcomes {
        let remedies = outcome.problem().map_or(&[][..], |problem| &problem.remedies);
        for remedy in remedies {
            let Some(fix) = &remedy.fix else { continue };
            if steps.iter().all(|step| step.fix != *fix) {
                steps.push(Step { check: outcome.check.id, what: remedy.what.clone(), fix: fix.clone() });
            }
        }
    }
    steps
}

/// Who agrees.
pub enum Consent<'a> {
    /// Whoever sits at the terminal, step by step.
    Ask(&'a mut dyn BufRead),
    /// `--yes`: to all of it.
    Given,
    /// Nobody: there is no terminal, so it is only told what could be done.
    Missing,
}

/// What came of the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub done: usize,
    /// Nothing was left to do.
    pub well: usize,
    pub declined: usize,
    /// Only told.
    pub told: usize,
    pub failed: usize,
}

/// Goes through the steps. `now` dates what is kept of old files. An error is one of `out` or of the terminal.
pub fn run(
    steps: &[Step],
    mut consent: Consent<'_>,
    out: &mut dyn Write,
    look: &Look,
    now: SystemTime,
) -> io::Result<Summary> {
    let mut talk = Talk { out, look, is_apart: true };
    let mut summary = Summary::default();
    if steps.is_empty() {
        let nothing = words!("Nothing here that `--fix` could do.", "Rien ici que `--fix` puisse faire.");
        talk.tell(|sheet| say(sheet, 0, &nothing))?;
    }
    for (at, step) in steps.iter().enumerate() {
        talk.part()?;
        talk.tell(|sheet| head(sheet, at + 1, steps.len(), step))?;
        match take(step, &mut consent, &mut talk, now)? {
            Came::Done => summary.done += 1,
            Came::Well => summary.well += 1,
            Came::Declined => summary.declined += 1,
            Came::Told => summary.told += 1,
            Came::Failed => summary.failed += 1,
        }
    }
    if summary.told + summary.done > 0 {
        talk.part()?;
        talk.tell(|sheet| closing(sheet, summary))?;
    }
    Ok(summary)
}

/// What came of one step; see [`Summary`].
#[derive(Clone, Copy)]
enum Came {
    Done,
    Well,
    Declined,
    Told,
    Failed,
}

fn take(step: &Step, consent: &mut Consent<'_>, talk: &mut Talk<'_>, now: SystemTime) -> io::Result<Came> {
    let plan = match Plan::of(&step.fix) {
        Ok(plan) => plan,
        Err(why) => return talk.tell(|sheet| refused(sheet, &why)).map(|()| Came::Failed),
    };
    talk.tell(|sheet| plan.show(sheet))?;
    if let Plan::Nothing(_) = plan {
        return Ok(Came::Well);
    }
    let agreed = match consent {
        Consent::Missing => return Ok(Came::Told),
        Consent::Given => true,
        Consent::Ask(input) => talk.asks(*input)?,
    };
    if !agreed {
        let left = words!("left as it is", "laissé en l'état");
        return talk.tell(|sheet| say(sheet, INDENT, &left)).map(|()| Came::Declined);
    }
    match plan.carry_out(now) {
        Ok(done) => talk.tell(|sheet| done.show(sheet)).map(|()| Came::Done),
        Err(why) => talk.tell(|sheet| refused(sheet, &why)).map(|()| Came::Failed),
    }
}

/// What is said and heard, piece by piece.
struct Talk<'a> {
    out: &'a mut dyn Write,
    look: &'a Look,
    /// The last line was empty, or there was none.
    is_apart: bool,
}

impl Talk<'_> {
    fn tell(&mut self, write: impl FnOnce(&mut Sheet<'_>)) -> io::Result<()> {
        let mut sheet = Sheet::new(self.look);
        write(&mut sheet);
        let text = sheet.finish();
        self.is_apart = text.ends_with("\n\n");
        self.out.write_all(text.as_bytes())
    }

    /// One empty line between parts.
    fn part(&mut self) -> io::Result<()> {
        if self.is_apart { Ok(()) } else { self.out.write_all(b"\n") }
    }

    /// Asks once. Silence is no.
    fn asks(&mut self, input: &mut dyn BufRead) -> io::Result<bool> {
        let question = words!("    Do it? [y/N] ", "    Le faire ? [o/N] ").of(self.look.lang);
        self.out.write_all(question.as_bytes())?;
        self.out.flush()?;
        let mut answer = String::new();
        if input.read_line(&mut answer)? == 0 {
            // Nobody has pressed Enter.
            self.out.write_all(b"\n")?;
        }
        Ok(is_yes(&answer, self.look.lang))
    }
}

/// What one step comes to, here and now.
enum Plan {
    /// It is well already: why.
    Nothing(Words),
    Remove(Dead),
    Write {
        target: Target,
        text: String,
    },
}

impl Plan {
    fn of(fix: &Fix) -> Result<Self, Words> {
        match fix {
            Fix::RemoveSocket(path) => match socket::look(path)? {
                Ok(dead) => Ok(Self::Remove(dead)),
                Err(well) => Ok(Self::Nothing(well)),
            },
            Fix::WriteConfig { path, text } | Fix::WriteCodexProfile { path, text } => {
                let target = file::look(path)?;
                if target.old.as_ref().is_some_and(|old| old.bytes == text.as_bytes()) {
                    let path = path.display();
                    return Ok(Self::Nothing(words!("{path} reads like that already", "{path} est déjà ainsi")));
                }
                Ok(Self::Write { target, text: text.clone() })
            }
        }
    }

    fn carry_out(self, now: SystemTime) -> Result<Done, Words> {
        match self {
            Self::Nothing(what) => Ok(Done { what, kept: None, undo: None }),
            Self::Remove(dead) => {
                let path = dead.path.display().to_string();
                dead.remove()?;
                // A forward that starts opens one of its own.
                Ok(Done { what: words!("removed: {path}", "supprimé : {path}"), kept: None, undo: None })
            }
            Self::Write { target, text } => {
                let backup = target.write(&text, now)?;
                let (path, quoted) = (target.path.display(), quoted(&target.path));
                let undo = match &backup {
                    Some(backup) => format!("mv -- {} {quoted}", self::quoted(backup)),
                    None => format!("rm -- {quoted}"),
                };
                let kept = backup.map(|backup| backup.display().to_string());
                let kept = kept.map(|kept| words!("what stood there is now {kept}", "l'ancien texte est dans {kept}"));
                Ok(Done { what: words!("written: {path}", "écrit : {path}"), kept, undo: Some(undo) })
            }
        }
    }

    /// What would be done.
    fn show(&self, sheet: &mut Sheet<'_>) {
        match self {
            Self::Nothing(why) => say(sheet, INDENT, why),
            Self::Remove(dead) => {
                let path = dead.path.display();
                say(sheet, INDENT, &words!("removes the socket {path}", "supprime le socket {path}"));
                sheet.blank();
            }
            Self::Write { target, text } => show_write(sheet, target, text),
        }
    }
}

fn show_write(sheet: &mut Sheet<'_>, target: &Target, text: &str) {
    let path = target.path.display();
    let what = match (&target.link, &target.old) {
        (Some(link), _) => {
            let link = link.display();
            words!("changes {path}, to which {link} leads", "modifie {path}, vers lequel mène {link}")
        }
        (None, Some(_)) => words!("changes {path}", "modifie {path}"),
        (None, None) => words!("writes a new file, {path}", "écrit un nouveau fichier, {path}"),
    };
    say(sheet, INDENT, &what);
    sheet.blank();
    let old = target.old.as_ref().map(|old| String::from_utf8_lossy(&old.bytes).into_owned()).unwrap_or_default();
    for change in diff::of(&old, text) {
        let more = if sheet.look.ascii { "..." } else { "…" };
        let (mark, style, line) = match &change {
            Change::Same(line) => (" ", Style::Plain, line.as_str()),
            Change::Gone(line) => ("-", Style::Red, line.as_str()),
            Change::New(line) => ("+", Style::Green, line.as_str()),
            Change::Skipped => (" ", Style::Dim, more),
        };
        sheet.raw(INDENT + 2, style, &format!("{mark} {line}"));
    }
    sheet.blank();
}

/// What was done.
struct Done {
    what: Words,
    kept: Option<Words>,
    undo: Option<String>,
}

impl Done {
    fn show(&self, sheet: &mut Sheet<'_>) {
        let sign = if sheet.look.ascii { "[ok]" } else { "✓" };
        marked(sheet, sign, Style::Green, &self.what);
        if let Some(kept) = &self.kept {
            say(sheet, INDENT, kept);
        }
        if let Some(undo) = &self.undo {
            say(sheet, INDENT, &words!("to undo it:", "pour annuler :"));
            sheet.blank();
            sheet.commands(std::slice::from_ref(undo));
            sheet.blank();
        }
    }
}

/// What belongs to a step begins here.
const INDENT: usize = 4;

fn say(sheet: &mut Sheet<'_>, indent: usize, words: &Words) {
    let text = words.of(sheet.look.lang);
    sheet.prose(&[Column::space(indent)], &text);
}

fn head(sheet: &mut Sheet<'_>, number: usize, all: usize, step: &Step) {
    let number = format!("{number}/{all}");
    let width = number.len() + 2;
    let what = step.what.of(sheet.look.lang);
    let id = Column::new(step.check, Style::Bold, step.check.len() + 2);
    sheet.prose_at(&[Column::new(number, Style::Plain, width), id], INDENT, Style::Plain, &what);
}

fn marked(sheet: &mut Sheet<'_>, sign: &str, style: Style, words: &Words) {
    let text = words.of(sheet.look.lang);
    let width = if sheet.look.ascii { 5 } else { 2 };
    sheet.prose(&[Column::space(INDENT), Column::new(sign, style, width)], &text);
}

fn refused(sheet: &mut Sheet<'_>, why: &Words) {
    let sign = if sheet.look.ascii { "[xx]" } else { "✗" };
    let Words { en, fr } = why;
    marked(sheet, sign, Style::Red, &words!("not done: {en}", "pas fait : {fr}"));
}

fn closing(sheet: &mut Sheet<'_>, summary: Summary) {
    if summary.told > 0 {
        let words = words!(
            "Nothing was changed, as there is no terminal to ask on: `ollama-forward doctor --fix --yes` does it unasked.",
            "Rien n'a été modifié, faute de terminal où demander : `ollama-forward doctor --fix --yes` le fait d'office."
        );
        say(sheet, 0, &words);
    }
    if summary.done > 0 {
        let words = words!("Now look again: `ollama-forward doctor`", "À vérifier à présent : `ollama-forward doctor`");
        say(sheet, 0, &words);
    }
}

/// In French also `y`, which fingers have learnt; in English nothing else, as `o` is no word for it.
fn is_yes(answer: &str, lang: Lang) -> bool {
    let answer = answer.trim().to_lowercase();
    match lang {
        Lang::En => matches!(answer.as_str(), "y" | "yes"),
        Lang::Fr => matches!(answer.as_str(), "o" | "oui" | "y" | "yes"),
    }
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+:@%,".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
