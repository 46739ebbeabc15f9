//! A check, and how checks are judged together. Pure.
//!
//! ```text
//! check: facts ──judge──► Pass | Warn | Fail | Skip
//! all:   in the order of the table; a check whose need has failed is not judged, it waits for its root
//! ```
//! So a cause is told once, at its root: without a route, ten checks wait for `route` and say so, and only `route` fails.
//! A check that was skipped because a fact is missing holds nobody up: what depends on it is judged with less.

use serde::Serialize;

use super::Facts;
use crate::words::Words;

/// One row of the table.
pub struct Check {
    /// Stable; what people type and programs read.
    pub id: &'static str,
    pub group: Group,
    /// What is looked at, in two to four words.
    pub title: fn() -> Words,
    /// Checks that must not have failed, or this one says nothing.
    pub needs: &'static [&'static str],
    pub judge: fn(&Facts) -> Verdict,
    /// More of what is known, for `--all` and JSON: name and value.
    pub details: fn(&Facts) -> Vec<Detail>,
}

impl Check {
    /// A row that has nothing to add to its verdict.
    pub const fn new(
        group: Group,
        id: &'static str,
        title: fn() -> Words,
        needs: &'static [&'static str],
        judge: fn(&Facts) -> Verdict,
    ) -> Self {
        Self { id, group, title, needs, judge, details: no_details }
    }

    /// The same, with more of what is known.
    #[must_use]
    pub const fn with(mut self, details: fn(&Facts) -> Vec<Detail>) -> Self {
        self.details = details;
        self
    }
}

/// A name and its value, such as an address and what answered there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    pub name: Words,
    pub value: Words,
}

/// For a check that has nothing to add.
pub fn no_details(_: &Facts) -> Vec<Detail> {
    Vec::new()
}

/// Where a check stands on the page. The order is that of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    System,
    Network,
    Windows,
    Port,
    Ollama,
    Live,
    Codex,
    Service,
}

impl Group {
    pub const ALL: [Self; 8] =
        [Self::System, Self::Network, Self::Windows, Self::Port, Self::Ollama, Self::Live, Self::Codex, Self::Service];

    /// What people type.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Network => "network",
            Self::Windows => "windows",
            Self::Port => "port",
            Self::Ollama => "ollama",
            Self::Live => "live",
            Self::Codex => "codex",
            Self::Service => "service",
        }
    }
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is well, in one sentence with its figures.
    Pass(Words),
    /// It works, but not as it should, or not for long.
    Warn(Box<Problem>),
    /// It does not work.
    Fail(Box<Problem>),
    /// It does not apply here, or a fact is missing: why.
    Skip(Words),
}

/// What is wrong, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, in one sentence: the cause where it is known, else the symptom.
    pub what: Words,
    /// What speaks for it: facts of this very run.
    pub evidence: Vec<Words>,
    /// Where `what` is a symptom: what can cause it, the likeliest first.
    pub causes: Vec<Words>,
    /// The question that tells these causes apart.
    pub test: Option<Remedy>,
    /// What cures it, the first one first.
    pub remedies: Vec<Remedy>,
}

/// Something to do, ready to be pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What it does, in a few words.
    pub what: Words,
    pub place: Place,
    /// Lines to type there. Empty where there is nothing to type.
    pub commands: Vec<String>,
    /// What it opens to others, where it does.
    pub opens: Option<Words>,
    /// How to take it back: lines to type in the same place.
    pub undo: Vec<String>,
    /// What `--fix` can do about it by itself.
    pub fix: Option<Fix>,
}

/// Where a remedy is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A shell in WSL.
    Shell,
    /// PowerShell on Windows.
    PowerShell,
    /// PowerShell on Windows, started as administrator.
    Admin,
    /// Lines of this file.
    File(String),
    /// By hand: `what` says it all.
    Hand,
}

impl Place {
    /// The word in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::PowerShell => "powershell",
            Self::Admin => "powershell-admin",
            Self::File(_) => "file",
            Self::Hand => "hand",
        }
    }
}

/// What the doctor itself may do after it has asked: nothing that needs an administrator, nothing on Windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// A status socket of ours whose forwarder has died.
    RemoveSocket(std::path::PathBuf),
    /// Our own configuration file: written anew; what stood there is kept beside it.
    WriteConfig { path: std::path::PathBuf, text: String },
    /// A profile for Codex (`codex -p ollama-forward`); what stood there is kept beside it.
    WriteCodexProfile { path: std::path::PathBuf, text: String },
}

impl Remedy {
    pub fn new(what: Words, place: Place, commands: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let commands = commands.into_iter().map(Into::into).collect();
        Self { what, place, commands, opens: None, undo: Vec::new(), fix: None }
    }

    /// One line for a shell in WSL.
    pub fn shell(what: Words, command: impl Into<String>) -> Self {
        Self::new(what, Place::Shell, [command])
    }

    pub fn by_hand(what: Words) -> Self {
        Self::new(what, Place::Hand, [""; 0])
    }

    #[must_use]
    pub fn opens(mut self, opens: Words) -> Self {
        self.opens = Some(opens);
        self
    }

    #[must_use]
    pub fn undone_by(mut self, commands: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.undo = commands.into_iter().map(Into::into).collect();
        self
    }

    #[must_use]
    pub fn fixed_by(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

impl Problem {
    pub fn new(what: Words) -> Self {
        Self { what, ..Self::default() }
    }

    #[must_use]
    pub fn because(mut self, evidence: Words) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Causes are added in the order of their likelihood.
    #[must_use]
    pub fn perhaps(mut self, cause: Words) -> Self {
        self.causes.push(cause);
        self
    }

    #[must_use]
    pub fn told_apart_by(mut self, test: Remedy) -> Self {
        self.test = Some(test);
        self
    }

    #[must_use]
    pub fn cured_by(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }

    pub fn fail(self) -> Verdict {
        Verdict::Fail(Box::new(self))
    }

    pub fn warn(self) -> Verdict {
        Verdict::Warn(Box::new(self))
    }
}

/// A check and what it came to in this run.
pub struct Outcome {
    pub check: &'static Check,
    pub verdict: Verdict,
    /// The failed check that this one waits for. The verdict is then a skip.
    pub root: Option<&'static str>,
}

impl Outcome {
    pub fn status(&self) -> Status {
        match self.verdict {
            Verdict::Pass(_) => Status::Ok,
            Verdict::Warn(_) => Status::Warning,
            Verdict::Fail(_) => Status::Failure,
            Verdict::Skip(_) => Status::Skipped,
        }
    }

    pub fn problem(&self) -> Option<&Problem> {
        match &self.verdict {
            Verdict::Warn(problem) | Verdict::Fail(problem) => Some(problem),
            Verdict::Pass(_) | Verdict::Skip(_) => None,
        }
    }
}

/// The verdict as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    Warning,
    Failure,
    Skipped,
}

/// Judges all rows, in their order.
pub fn judge(table: impl IntoIterator<Item = &'static Check>, facts: &Facts) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for check in table {
        let root = check.needs.iter().find_map(|need| {
            let need = outcomes.iter().find(|outcome| outcome.check.id == *need)?;
            if need.status() == Status::Failure { Some(need.check.id) } else { need.root }
        });
        let verdict = match root {
            Some(root) => Verdict::Skip(crate::words!("waits for `{root}`", "attend `{root}`")),
            None => (check.judge)(facts),
        };
        outcomes.push(Outcome { check, verdict, root });
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn row(id: &'static str, needs: &'static [&'static str], judge: fn(&Facts) -> Verdict) -> Check {
        Check { id, group: Group::System, title: || Words::same("x"), needs, judge, details: no_details }
    }

    fn pass(_: &Facts) -> Verdict {
        Verdict::Pass(Words::same("well"))
    }

    fn fail(_: &Facts) -> Verdict {
        Problem::new(Words::same("broken")).fail()
    }

    fn warn(_: &Facts) -> Verdict {
        Problem::new(Words::same("odd")).warn()
    }

    fn unknown(_: &Facts) -> Verdict {
        Verdict::Skip(Words::same("not known"))
    }

    #[track_caller]
    fn check(table: &'static [Check], expected: &[(&str, Status, Option<&str>)]) {
        let outcomes = judge(table, &Facts::default());
        let said: Vec<_> = outcomes.iter().map(|outcome| (outcome.check.id, outcome.status(), outcome.root)).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn what_follows_from_a_failure_waits_for_its_root() {
        static TABLE: &[Check] = &[
            row("link", &[], fail),
            row("route", &["link"], fail),
            row("reach", &["route"], fail),
            row("other", &[], pass),
        ];
        check(
            TABLE,
            &[
                ("link", Status::Failure, None),
                ("route", Status::Skipped, Some("link")),
                ("reach", Status::Skipped, Some("link")),
                ("other", Status::Ok, None),
            ],
        );
    }

    #[test]
    fn warnings_and_missing_facts_hold_nobody_up() {
        static TABLE: &[Check] =
            &[row("odd", &[], warn), row("dark", &[], unknown), row("reach", &["odd", "dark"], fail)];
        check(
            TABLE,
            &[("odd", Status::Warning, None), ("dark", Status::Skipped, None), ("reach", Status::Failure, None)],
        );
    }

    #[test]
    fn two_causes_are_two_failures() {
        static TABLE: &[Check] = &[row("a", &[], fail), row("b", &[], fail), row("c", &["a", "b"], fail)];
        check(TABLE, &[("a", Status::Failure, None), ("b", Status::Failure, None), ("c", Status::Skipped, Some("a"))]);
    }
}
