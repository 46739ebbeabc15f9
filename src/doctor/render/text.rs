//! The page for people: what is wrong first, then one line for each check, then the count. Pure.

use super::labels;
use super::lines::width;
use super::note;
use super::sheet::{Column, Sheet, Style};
use super::{Counts, Extent, Frame, Look, notes};
use crate::doctor::{Facts, Group, Outcome, Status, Verdict};
use crate::words;
use crate::words::Words;

/// All of it.
///
/// What is to be pasted stands on lines of its own and is never broken. No line ends in spaces, and no text of another
/// program can give the terminal an order.
pub fn page(outcomes: &[Outcome], facts: &Facts, frame: &Frame, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    header(&mut sheet, facts, frame);
    let noted = notes(outcomes);
    all_notes(&mut sheet, &noted, facts);
    match look.extent {
        Extent::Normal | Extent::All => groups(&mut sheet, outcomes, &noted, facts),
        Extent::Summary => {}
    }
    closing(&mut sheet, outcomes, frame);
    sheet.finish()
}

/// What is wrong, in full, and nothing around it: for who goes on from there.
pub fn problems(outcomes: &[Outcome], facts: &Facts, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    for (at, outcome) in notes(outcomes).into_iter().enumerate() {
        sheet.blank();
        note::full(&mut sheet, at + 1, outcome, facts);
    }
    sheet.finish()
}

/// Program, mode, upstream, time; broken between two of them where it has to be.
fn header(sheet: &mut Sheet<'_>, facts: &Facts, frame: &Frame) {
    let lang = sheet.look.lang;
    let parts = [
        format!("ollama-forward {}", frame.version),
        labels::mode(facts).of(lang),
        labels::upstream(facts).of(lang),
        labels::duration(frame.took, lang),
    ];
    sheet.parts(&parts, labels::between(sheet.look), Style::Bold);
}

fn all_notes(sheet: &mut Sheet<'_>, noted: &[&Outcome], facts: &Facts) {
    let mut before = None;
    for (at, outcome) in noted.iter().enumerate() {
        let status = outcome.status();
        if before != Some(status) && sheet.look.extent != Extent::Summary {
            let title = match status {
                Status::Failure => words!("What is wrong", "Ce qui ne va pas"),
                Status::Warning | Status::Ok | Status::Skipped => {
                    words!("What could be better", "Ce qui pourrait aller mieux")
                }
            };
            heading(sheet, &title);
        }
        before = Some(status);
        sheet.blank();
        match sheet.look.extent {
            Extent::Normal | Extent::All => note::full(sheet, at + 1, outcome, facts),
            Extent::Summary => note::short(sheet, at + 1, outcome, facts),
        }
    }
}

fn heading(sheet: &mut Sheet<'_>, title: &Words) {
    sheet.blank();
    let title = title.of(sheet.look.lang);
    sheet.prose_at(&[], 0, Style::Bold, &title);
}

/// An id that is longer pushes its own sentence aside, and no other.
const WIDEST_ID: usize = 20;
/// A name that is longer pushes its own value aside.
const WIDEST_NAME: usize = 24;

fn groups(sheet: &mut Sheet<'_>, outcomes: &[Outcome], noted: &[&Outcome], facts: &Facts) {
    let all = sheet.look.extent == Extent::All;
    let is_shown = |outcome: &&Outcome| all || outcome.status() != Status::Skipped;
    let ids = outcomes.iter().filter(is_shown).map(|outcome| outcome.check.id.len()).filter(|id| *id <= WIDEST_ID);
    let column = ids.max().unwrap_or_default() + 2;
    for group in Group::ALL {
        let shown: Vec<_> = outcomes.iter().filter(|outcome| outcome.check.group == group).filter(is_shown).collect();
        if shown.is_empty() {
            continue;
        }
        heading(sheet, &labels::group(group));
        for outcome in shown {
            line(sheet, outcome, noted, column);
            if all {
                details(sheet, outcome, facts);
            } else {
                waiting(sheet, outcomes, outcome.check.id);
            }
        }
    }
}

/// `✓ id  sentence`
fn line(sheet: &mut Sheet<'_>, outcome: &Outcome, noted: &[&Outcome], column: usize) {
    let words = match &outcome.verdict {
        Verdict::Pass(words) | Verdict::Skip(words) => words.clone(),
        Verdict::Warn(_) | Verdict::Fail(_) => {
            let number = noted.iter().position(|noted| noted.check.id == outcome.check.id).map_or(0, |at| at + 1);
            let title = (outcome.check.title)();
            Words {
                en: format!("{}: see {number} above", title.en),
                fr: format!("{} : voir {number} ci-dessus", title.fr),
            }
        }
    };
    let status = outcome.status();
    let text = words.of(sheet.look.lang);
    sheet.prose(&[sign(sheet, status), Column::new(outcome.check.id, Style::Plain, column)], &text);
}

fn sign(sheet: &Sheet<'_>, status: Status) -> Column {
    let sign = labels::sign(status, sheet.look);
    // In ASCII, signs are words of four letters.
    Column::new(format!("  {sign}"), note::color(status), 3 + width(sign))
}

/// What waits for this check, in one line instead of one each.
fn waiting(sheet: &mut Sheet<'_>, outcomes: &[Outcome], root: &str) {
    let count = outcomes.iter().filter(|outcome| outcome.root == Some(root)).count();
    if count > 0 {
        let text = labels::waiting(count, root).of(sheet.look.lang);
        sheet.prose(&[sign(sheet, Status::Skipped)], &text);
    }
}

/// Two columns below the line of their check.
fn details(sheet: &mut Sheet<'_>, outcome: &Outcome, facts: &Facts) {
    let lang = sheet.look.lang;
    let details: Vec<(String, String)> = (outcome.check.details)(facts)
        .into_iter()
        .map(|detail| (sheet.shown(&detail.name.of(lang)), detail.value.of(lang)))
        .collect();
    let names = details.iter().map(|(name, _)| width(name)).filter(|name| *name <= WIDEST_NAME);
    let column = names.max().unwrap_or_default() + 2;
    for (name, value) in &details {
        sheet.prose(&[Column::space(6), Column::new(name.as_str(), Style::Dim, column)], value);
    }
}

/// The count, and what to type next.
fn closing(sheet: &mut Sheet<'_>, outcomes: &[Outcome], frame: &Frame) {
    let counts = Counts::of(outcomes);
    let look = sheet.look;
    sheet.blank();
    let text = labels::counts(counts, look);
    sheet.prose_at(&[], 0, Style::Bold, &text);
    if let Some(verdict) = verdict(counts, frame) {
        let text = verdict.of(look.lang);
        sheet.prose(&[], &text);
    }
    let hints = hints(outcomes, counts, look.extent);
    let column = hints.iter().map(|(command, _)| command.len()).max().unwrap_or_default() + 2;
    for (command, words) in hints {
        let text = words.of(look.lang);
        sheet.prose(&[Column::new(command, Style::Bold, column)], &text);
    }
}

/// One sentence on the whole, where the count does not say it.
fn verdict(counts: Counts, frame: &Frame) -> Option<Words> {
    match counts {
        Counts { failure: 1.., .. } => None,
        Counts { warning: 1.., .. } => Some(words!(
            "It works; see above for what could be better.",
            "Tout fonctionne ; voir ci-dessus ce qui pourrait aller mieux."
        )),
        Counts { ok: 0, .. } => Some(words!("Nothing could be checked.", "Rien n'a pu être contrôlé.")),
        Counts { .. } if frame.partial => Some(words!("What was asked for is well.", "Ce qui était demandé va bien.")),
        Counts { .. } => Some(words!("All is well.", "Tout va bien.")),
    }
}

fn hints(outcomes: &[Outcome], counts: Counts, extent: Extent) -> Vec<(&'static str, Words)> {
    let mut hints = Vec::new();
    let problems = outcomes.iter().filter_map(Outcome::problem);
    let fixable = problems.flat_map(|problem| &problem.remedies).filter(|remedy| remedy.fix.is_some()).count();
    if fixable > 0 {
        hints.push((
            "ollama-forward doctor --fix",
            match fixable {
                1 => words!("does one of these, once you agree", "applique un de ces remèdes, avec votre accord"),
                _ => words!(
                    "does {fixable} of these, once you agree",
                    "applique {fixable} de ces remèdes, avec votre accord"
                ),
            },
        ));
    }
    match extent {
        Extent::Summary if counts.failure + counts.warning > 0 => {
            hints.push((
                "ollama-forward doctor",
                words!("why, and how to undo it", "pourquoi, et comment revenir en arrière"),
            ));
        }
        Extent::Normal if counts.skipped > 0 => {
            hints.push((
                "ollama-forward doctor --all",
                words!("every check, and why some were skipped", "chaque contrôle, et pourquoi certains sont ignorés"),
            ));
        }
        Extent::Normal => {
            hints.push((
                "ollama-forward doctor --all",
                words!("every check with its details", "chaque contrôle avec ses détails"),
            ));
        }
        Extent::Summary | Extent::All => {}
    }
    hints
}
