//! What tests say of a check: its verdict, and the words that have to be in it.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::program::Variables;
use super::{Check, Detail, Facts, Outcome, Problem, Remedy, Status, Verdict, table};
use crate::words::Words;

/// What the check `id` makes of these facts, whatever it needs.
#[track_caller]
pub(crate) fn verdict(id: &str, facts: &Facts) -> Verdict {
    (row(id).judge)(facts)
}

/// The check comes to `status`, and what it says has all these parts: sentences in English, commands, undoing.
#[track_caller]
pub(crate) fn check(id: &str, facts: &Facts, status: Status, says: &[&str]) {
    let verdict = verdict(id, facts);
    let text = text(&verdict);
    assert_eq!(status_of(&verdict), status, "{id}: {text}");
    for part in says {
        assert!(text.contains(part), "{id}: {part:?} is not in:\n{text}");
    }
}

/// The same check never says this.
#[track_caller]
pub(crate) fn check_without(id: &str, facts: &Facts, words: &[&str]) {
    let text = text(&verdict(id, facts));
    for part in words {
        assert!(!text.contains(part), "{id}: {part:?} is in:\n{text}");
    }
}

/// Of these checks, those that are not well and wait for no other: id, status, and a part of what each says.
#[track_caller]
pub(crate) fn check_odd(outcomes: &[Outcome], expected: &[(&str, Status, &str)]) {
    let odd: Vec<_> = outcomes.iter().filter(|one| one.status() != Status::Ok && one.root.is_none()).collect();
    let said: Vec<_> = odd.iter().map(|outcome| (outcome.check.id, outcome.status())).collect();
    assert_eq!(said, expected.iter().map(|(id, status, _)| (*id, *status)).collect::<Vec<_>>());
    for (outcome, (id, _, part)) in odd.iter().zip(expected) {
        let text = text(&outcome.verdict);
        assert!(text.contains(part), "{id} does not say {part:?}: {text}");
    }
}

/// It is well, and says this.
#[track_caller]
pub(crate) fn passes(id: &str, facts: &Facts, says: &str) {
    let Verdict::Pass(words) = verdict(id, facts) else { panic!("{id}: {:?}", verdict(id, facts)) };
    assert!(words.en.contains(says), "{id}: {words}");
}

/// It says nothing, for this reason.
#[track_caller]
pub(crate) fn skips(id: &str, facts: &Facts, says: &str) {
    let Verdict::Skip(words) = verdict(id, facts) else { panic!("{id}: {:?}", verdict(id, facts)) };
    assert!(words.en.contains(says), "{id}: {words}");
}

/// It warns of this, and these are all commands that it gives.
#[track_caller]
pub(crate) fn warns(id: &str, facts: &Facts, says: &str, commands: &[&str]) {
    let Verdict::Warn(problem) = verdict(id, facts) else { panic!("{id}: {:?}", verdict(id, facts)) };
    is_told(id, &problem, says, commands);
}

/// It fails with this, and these are all commands that it gives.
#[track_caller]
pub(crate) fn fails(id: &str, facts: &Facts, says: &str, commands: &[&str]) {
    let Verdict::Fail(problem) = verdict(id, facts) else { panic!("{id}: {:?}", verdict(id, facts)) };
    is_told(id, &problem, says, commands);
}

#[track_caller]
fn is_told(id: &str, problem: &Problem, says: &str, commands: &[&str]) {
    assert!(problem.what.en.contains(says), "{id}: {}", problem.what);
    assert!(!problem.what.fr.is_empty() && problem.what.fr != problem.what.en, "{id}: {}", problem.what.fr);
    assert!(!problem.remedies.is_empty(), "{id} has no remedy");
    let all: Vec<_> = problem.remedies.iter().flat_map(|remedy| &remedy.commands).collect();
    assert_eq!(all, commands, "{id}");
}

/// Name and value of what the check adds.
#[track_caller]
pub(crate) fn details(id: &str, facts: &Facts) -> Vec<(String, String)> {
    let told = |Detail { name, value }: Detail| {
        bilingual(&name);
        bilingual(&value);
        (name.en, value.en)
    };
    (row(id).details)(facts).into_iter().map(told).collect()
}

#[track_caller]
fn row(id: &str) -> &'static Check {
    table().find(|check| check.id == id).unwrap_or_else(|| panic!("there is no check `{id}`"))
}

fn status_of(verdict: &Verdict) -> Status {
    match verdict {
        Verdict::Pass(_) => Status::Ok,
        Verdict::Warn(_) => Status::Warning,
        Verdict::Fail(_) => Status::Failure,
        Verdict::Skip(_) => Status::Skipped,
    }
}

/// All that it says, in English; that French is not forgotten is looked at on the way.
fn text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass(words) | Verdict::Skip(words) => bilingual(words),
        Verdict::Warn(problem) | Verdict::Fail(problem) => problem_text(problem),
    }
}

fn problem_text(problem: &Problem) -> String {
    let Problem { what, evidence, causes, test, remedies } = problem;
    let mut lines = vec![bilingual(what)];
    lines.extend(evidence.iter().map(|words| format!("evidence: {}", bilingual(words))));
    lines.extend(causes.iter().map(|words| format!("cause: {}", bilingual(words))));
    lines.extend(test.iter().map(|test| format!("test: {}", remedy_text(test))));
    lines.extend(remedies.iter().map(remedy_text));
    lines.join("\n")
}

fn remedy_text(remedy: &Remedy) -> String {
    let Remedy { what, place, commands, opens, undo, fix: _ } = remedy;
    let mut lines = vec![format!("[{}] {}", place.word(), bilingual(what))];
    lines.extend(commands.iter().map(|command| format!("  > {command}")));
    lines.extend(opens.iter().map(|opens| format!("  opens: {}", bilingual(opens))));
    lines.extend(undo.iter().map(|command| format!("  undo> {command}")));
    lines.join("\n")
}

#[track_caller]
fn bilingual(words: &Words) -> String {
    assert_eq!(words.en.is_empty(), words.fr.is_empty(), "{words:?}");
    assert!(!words.en.ends_with(' ') && !words.fr.ends_with(' '), "{words:?}");
    words.en.clone()
}

/// A machine in a directory, with an environment of its own.
pub(crate) struct Machine {
    directory: TempDir,
    variables: Vec<(String, OsString)>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn variables(&self) -> Variables {
        let variables = self.variables.clone();
        Box::new(move |name| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
    }
}
