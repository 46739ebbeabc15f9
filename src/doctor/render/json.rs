//! The object for programs, `doctor --json`. Pure.
//!
//! Keys and words in `code` are the same in every language and only change with `schema_version`; sentences are in the
//! language that was asked for.
//!
//! | key | value |
//! |---|---|
//! | `schema_version` | 1; a change that breaks readers counts it up, new keys do not |
//! | `program`, `version` | `ollama-forward`, and its version |
//! | `language` | `en`, `fr`: of the sentences |
//! | `mode` | the word for WSL's mode, as `status` has it; null where it is not known |
//! | `upstream` | the address that answered as Ollama, such as `172.24.0.1:11434`, or null |
//! | `ollama` | its version, or null |
//! | `overall` | `ok`, `warning`, `failure`: the worst of all checks; what was skipped does not count |
//! | `exit_code` | that of this command |
//! | `took_ms` | how long all of it took |
//! | `counts` | `ok`, `warning`, `failure`, `skipped`: how many checks came to what |
//! | `notes` | ids of the checks that have something to say, in the order of the page: failures first, roots first |
//! | `checks` | all checks that were asked for, in the order of the table |
//!
//! A check:
//!
//! | key | value |
//! |---|---|
//! | `id`, `group` | stable words; either can be given to `doctor` |
//! | `title` | what is looked at, in a few words |
//! | `status` | `ok`, `warning`, `failure`, `skipped` |
//! | `summary` | one sentence: what is well, what is wrong, or why it was skipped |
//! | `evidence` | sentences: what speaks for it |
//! | `causes` | sentences: what can have caused it, the likeliest first |
//! | `test` | a remedy that changes nothing: the question that tells these causes apart; or null |
//! | `remedies` | what cures it, the first one first |
//! | `details` | more of what is known: objects of `name` and `value` |
//! | `waits_for` | the id of the failed check that has to be cured first, or null |
//!
//! A remedy:
//!
//! | key | value |
//! |---|---|
//! | `what` | what it does, in a few words |
//! | `where` | where to type it: `shell`, `powershell`, `powershell-admin`, `file`, `hand` |
//! | `file` | the path, with `file`; else null |
//! | `commands` | the lines to type, or the lines for that file |
//! | `opens` | a sentence: what it opens to others; or null |
//! | `undo` | the lines that take it back, for the same place |
//! | `fixable` | whether `doctor --fix` can do it |

use serde::Serialize;

use super::{Counts, Frame, notes};
use crate::doctor::{Facts, Group, Outcome, Place, Problem, Remedy, Status, Verdict};
use crate::words::{Lang, Words};

/// The layout of the JSON.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    program: &'static str,
    version: &'a str,
    language: &'static str,
    mode: Option<&'a str>,
    upstream: Option<String>,
    ollama: Option<&'a str>,
    overall: Status,
    exit_code: u8,
    took_ms: u64,
    counts: Counts,
    notes: Vec<&'static str>,
    checks: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    group: Group,
    title: String,
    status: Status,
    summary: String,
    evidence: Vec<String>,
    causes: Vec<String>,
    test: Option<Step>,
    remedies: Vec<Step>,
    details: Vec<Pair>,
    waits_for: Option<&'static str>,
}

#[derive(Serialize)]
struct Step {
    what: String,
    r#where: &'static str,
    file: Option<String>,
    commands: Vec<String>,
    opens: Option<String>,
    undo: Vec<String>,
    fixable: bool,
}

#[derive(Serialize)]
struct Pair {
    name: String,
    value: String,
}

/// One object, in one line.
pub fn object(outcomes: &[Outcome], facts: &Facts, frame: &Frame, lang: Lang) -> String {
    let counts = Counts::of(outcomes);
    let answered = facts.network.answered();
    let document = Document {
        schema_version: SCHEMA_VERSION,
        program: "ollama-forward",
        version: &frame.version,
        language: lang.tag(),
        mode: facts.system.mode.known().map(crate::gateway::wsl::Mode::word),
        upstream: answered.map(|tried| tried.address.to_string()),
        ollama: answered.and_then(|tried| tried.answer.as_deref().ok()),
        overall: counts.overall(),
        exit_code: counts.exit_code(frame.strict),
        took_ms: u64::try_from(frame.took.as_millis()).unwrap_or(u64::MAX),
        counts,
        notes: notes(outcomes).iter().map(|outcome| outcome.check.id).collect(),
        checks: outcomes.iter().map(|outcome| row(outcome, facts, lang)).collect(),
    };
    serde_json::to_string(&document).expect("outcomes are plain data")
}

fn row(outcome: &Outcome, facts: &Facts, lang: Lang) -> Row {
    let nothing = Problem::default();
    let problem = outcome.problem().unwrap_or(&nothing);
    let summary = match &outcome.verdict {
        Verdict::Pass(words) | Verdict::Skip(words) => words,
        Verdict::Warn(problem) | Verdict::Fail(problem) => &problem.what,
    };
    let details = (outcome.check.details)(facts);
    Row {
        id: outcome.check.id,
        group: outcome.check.group,
        title: (outcome.check.title)().of(lang),
        status: outcome.status(),
        summary: summary.of(lang),
        evidence: sentences(&problem.evidence, lang),
        causes: sentences(&problem.causes, lang),
        test: problem.test.as_ref().map(|test| step(test, lang)),
        remedies: problem.remedies.iter().map(|remedy| step(remedy, lang)).collect(),
        details: details
            .iter()
            .map(|detail| Pair { name: detail.name.of(lang), value: detail.value.of(lang) })
            .collect(),
        waits_for: outcome.root,
    }
}

fn sentences(all: &[Words], lang: Lang) -> Vec<String> {
    all.iter().map(|words| words.of(lang)).collect()
}

fn step(remedy: &Remedy, lang: Lang) -> Step {
    let file = match &remedy.place {
        Place::File(path) => Some(path.clone()),
        Place::Shell | Place::PowerShell | Place::Admin | Place::Hand => None,
    };
    Step {
        what: remedy.what.of(lang),
        r#where: remedy.place.word(),
        file,
        commands: remedy.commands.clone(),
        opens: remedy.opens.as_ref().map(|words| words.of(lang)),
        undo: remedy.undo.clone(),
        fixable: remedy.fix.is_some(),
    }
}
