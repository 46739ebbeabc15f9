//! One note: what is wrong, what speaks for it, what can have caused it, and what to type. Pure.
//!
//! ```text
//! 1 ✗ id  what
//!     because  evidence
//!     likely   1. the likeliest cause
//!     test     the question that tells the causes apart
//!              where to type it:
//!
//!       the line to type
//!
//!     fix      what cures it …
//!     opens    … what that opens to others
//!     undo     … and how to take it back
//! ```

use super::labels::{self, Labels};
use super::lines::width;
use super::sheet::{Column, Sheet, Style};
use crate::doctor::{Facts, Outcome, Problem, Remedy, Status};
use crate::words;
use crate::words::Words;

/// What belongs to a note begins here.
const INDENT: usize = 4;

/// In full.
pub(super) fn full(sheet: &mut Sheet<'_>, number: usize, outcome: &Outcome, facts: &Facts) {
    let Some(problem) = outcome.problem() else { return };
    head(sheet, number, outcome, problem);
    let labels = labels::labels(sheet.look.lang);
    list(sheet, &labels, labels.because, &problem.evidence, Marks::Dashes);
    list(sheet, &labels, labels.likely, &problem.causes, Marks::Numbers);
    if let Some(test) = &problem.test {
        remedy(sheet, &labels, labels.test, test, facts);
    }
    for (at, cure) in problem.remedies.iter().enumerate() {
        let label = match problem.remedies.len() {
            1 => labels.fix.to_owned(),
            _ => format!("{} {}", labels.fix, at + 1),
        };
        remedy(sheet, &labels, &label, cure, facts);
    }
}

/// What is wrong, and what cures it first.
pub(super) fn short(sheet: &mut Sheet<'_>, number: usize, outcome: &Outcome, facts: &Facts) {
    let Some(problem) = outcome.problem() else { return };
    head(sheet, number, outcome, problem);
    let Some(cure) = problem.remedies.first() else { return };
    if cure.commands.is_empty() {
        say(sheet, &[Column::space(INDENT)], &cure.what);
    } else {
        commands(sheet, &[Column::space(INDENT)], cure, facts);
    }
}

fn head(sheet: &mut Sheet<'_>, number: usize, outcome: &Outcome, problem: &Problem) {
    let status = outcome.status();
    let sign = labels::sign(status, sheet.look);
    let number = number.to_string();
    let columns = [
        Column::new(number, Style::Plain, 2),
        Column::new(sign, color(status), width(sign) + 1),
        Column::new(outcome.check.id, Style::Bold, outcome.check.id.len() + 2),
    ];
    let what = problem.what.of(sheet.look.lang);
    // Set in behind the id, so that the parts below stand out; but not where a long id would leave too little room.
    let lead: usize = columns.iter().map(|column| column.width).sum();
    let hang = if lead <= sheet.look.width / 3 { lead } else { INDENT };
    sheet.prose_at(&columns, hang, Style::Plain, &what);
}

pub(super) fn color(status: Status) -> Style {
    match status {
        Status::Ok => Style::Green,
        Status::Warning => Style::Yellow,
        Status::Failure => Style::Red,
        Status::Skipped => Style::Dim,
    }
}

fn say(sheet: &mut Sheet<'_>, columns: &[Column], words: &Words) {
    let text = words.of(sheet.look.lang);
    sheet.prose(columns, &text);
}

fn labelled(label: &str, labels: &Labels) -> [Column; 2] {
    [Column::space(INDENT), Column::new(label, Style::Dim, labels.column)]
}

/// What tells the items of a list apart, where there are several.
#[derive(Clone, Copy)]
enum Marks {
    Dashes,
    Numbers,
}

fn list(sheet: &mut Sheet<'_>, labels: &Labels, label: &str, items: &[Words], marks: Marks) {
    for (at, item) in items.iter().enumerate() {
        let mark = match marks {
            Marks::Dashes if items.len() > 1 => "-".to_owned(),
            Marks::Numbers if items.len() > 1 => format!("{}.", at + 1),
            Marks::Dashes | Marks::Numbers => String::new(),
        };
        let mark_width = if mark.is_empty() { 0 } else { mark.len() + 1 };
        let [indent, label] = labelled(if at == 0 { label } else { "" }, labels);
        say(sheet, &[indent, label, Column::new(mark, Style::Plain, mark_width)], item);
    }
}

fn remedy(sheet: &mut Sheet<'_>, labels: &Labels, label: &str, remedy: &Remedy, facts: &Facts) {
    say(sheet, &labelled(label, labels), &remedy.what);
    commands(sheet, &labelled("", labels), remedy, facts);
    if let Some(opens) = &remedy.opens {
        say(sheet, &labelled(labels.opens, labels), opens);
    }
    if !remedy.undo.is_empty() {
        say(sheet, &labelled(labels.undo, labels), &words!("in the same place:", "au même endroit :"));
        pasted(sheet, &remedy.undo);
    }
    if remedy.fix.is_some() {
        let words = words!(
            "`ollama-forward doctor --fix` does it, once you agree",
            "`ollama-forward doctor --fix` s'en charge, avec votre accord"
        );
        say(sheet, &labelled(labels.or, labels), &words);
    }
}

/// Where to type, and the lines.
fn commands(sheet: &mut Sheet<'_>, columns: &[Column], remedy: &Remedy, facts: &Facts) {
    if remedy.commands.is_empty() {
        return;
    }
    if let Some(place) = labels::place(&remedy.place, facts) {
        say(sheet, columns, &place);
    }
    pasted(sheet, &remedy.commands);
}

fn pasted(sheet: &mut Sheet<'_>, lines: &[String]) {
    sheet.blank();
    sheet.commands(lines);
    sheet.blank();
}
