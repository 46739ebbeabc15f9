//! `ollama-forward bugreport`: all that was learnt, in one text that can be read before it is shared. Pure.
//!
//! ```text
//! facts, outcomes ─┐
//! gather: files,   ├─► assemble: sections, each redacted ─► save: a file for its owner only ─► review: what is in it
//! log, journal   ──┘
//! ```
//! It is for developers, and so in English, as the facts are; only `review` speaks to whoever made it. Nothing is ever sent
//! anywhere.

pub mod gather;
pub mod redact;
pub mod save;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::render::sheet::{Column, Sheet, Style};
use super::render::{Extent, Frame, Look, clean_line, page};
use super::{Facts, Outcome};
use crate::words;
use crate::words::Words;
use redact::{Known, Redactor};

/// What goes into a report beside facts and outcomes.
#[derive(Clone, Debug)]
pub struct Sources {
    /// When it was made.
    pub at: SystemTime,
    /// Texts of configuration files, or why they could not be read. A file that does not exist is not among them.
    pub files: Vec<(PathBuf, Result<String, String>)>,
    /// The last lines of each forward that runs, by its port.
    pub logs: Vec<(u16, Vec<String>)>,
    /// Lines of the journal; None: there is no service.
    pub journal: Option<Vec<String>>,
    /// What must not be found in it.
    pub known: Known,
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub body: String,
}

impl Section {
    fn new(title: impl Into<String>, body: impl Into<String>) -> Self {
        Self { title: title.into(), body: body.into() }
    }

    pub fn lines(&self) -> usize {
        self.body.lines().count()
    }
}

/// Redacted already.
#[derive(Clone, Debug)]
pub struct BugReport {
    pub sections: Vec<Section>,
    head: String,
}

/// Wide enough for sentences, narrow enough for the page of an issue.
const WIDTH: usize = 100;

/// Puts everything together, and takes out what is nobody's business.
pub fn assemble(facts: &Facts, outcomes: &[Outcome], sources: &Sources, frame: &Frame) -> BugReport {
    let look = Look { width: WIDTH, extent: Extent::All, ..Look::default() };
    let mut value = serde_json::to_value(facts).expect("facts are plain data");
    redact::scrub(&mut value);
    let mut sections = vec![
        Section::new("Checks", page(outcomes, facts, frame, &look)),
        Section::new("Facts", serde_json::to_string_pretty(&value).expect("JSON is JSON")),
    ];
    for (path, text) in &sources.files {
        let body = text.clone().unwrap_or_else(|why| format!("(not read: {why})"));
        sections.push(Section::new(format!("File {}", path.display()), body));
    }
    for (port, lines) in &sources.logs {
        let title = format!("Log of the forward on port {port}");
        sections
            .push(Section::new(title, body(lines, "(it told no lines: an older version, or one that said nothing)")));
    }
    if sources.logs.is_empty() {
        sections.push(Section::new("Log", "(no forward runs)"));
    }
    if let Some(journal) = &sources.journal {
        sections.push(Section::new("Journal of the service", body(journal, "(the journal told nothing)")));
    }
    let at = DateTime::<Utc>::from(sources.at).format("%Y-%m-%d %H:%M:%S UTC");
    let head = format!(
        "ollama-forward bug report\nmade {at} by ollama-forward {}\n\n\
         Names of users and hosts, keys, passwords, e-mail addresses and public IP addresses were taken out, as far as\n\
         they could be recognised. Read it before you share it.\n",
        frame.version
    );
    BugReport { sections: redacted(sections, &sources.known), head }
}

fn body(lines: &[String], none: &str) -> String {
    if lines.is_empty() { none.to_owned() } else { lines.join("\n") }
}

/// A name that one part tells is taken out of all.
fn redacted(sections: Vec<Section>, known: &Known) -> Vec<Section> {
    let mut redactor = Redactor::new(known);
    for Section { title, body } in &sections {
        redactor.learn(title);
        redactor.learn(body);
    }
    let mut part = |Section { title, body }| {
        let body: Vec<String> = redactor.redact(&body).lines().map(|line| clean_line(line.trim_end())).collect();
        Section { title: clean_line(&redactor.redact(&title)), body: body.join("\n") }
    };
    sections.into_iter().map(&mut part).collect()
}

impl BugReport {
    /// All of it, as it is saved.
    pub fn text(&self) -> String {
        let mut text = self.head.clone();
        for section in &self.sections {
            // A string takes all that is written to it.
            let _ = writeln!(text, "\n== {} ==\n{}", section.title, section.body);
        }
        text
    }
}

/// What was saved, for whoever has to look through it.
pub fn review(report: &BugReport, path: &Path, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    let shown = path.display();
    say(&mut sheet, &words!("Written, for you only: {shown}", "Écrit, pour vous seul : {shown}"));
    sheet.blank();
    let (one, many) = (words!("line", "ligne").of(look.lang), words!("lines", "lignes").of(look.lang));
    let most = report.sections.iter().map(Section::lines).max().unwrap_or_default().to_string().len();
    for section in &report.sections {
        let count = section.lines();
        let lines = format!("{count:>most$} {}", if count < 2 { &one } else { &many });
        let column = Column::new(lines, Style::Dim, most + 1 + many.len() + 2);
        sheet.prose(&[Column::space(2), column], &section.title);
    }
    sheet.blank();
    say(
        &mut sheet,
        &words!(
            "Names of users and hosts, keys, passwords, e-mail addresses and public IP addresses were taken out, as far as \
             they could be recognised. Read it before you share it. It was not sent anywhere.",
            "Les noms d'utilisateur et d'hôte, les clés, les mots de passe, les adresses électroniques et les adresses IP \
             publiques ont été retirés, dans la mesure où ils sont reconnaissables. Relisez-le avant de le partager. Il n'a \
             été envoyé nulle part."
        ),
    );
    sheet.finish()
}

fn say(sheet: &mut Sheet<'_>, words: &Words) {
    let text = words.of(sheet.look.lang);
    sheet.prose(&[], &text);
}

#[cfg(test)]
mod tests;
