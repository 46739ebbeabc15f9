//! What can be asked for: every check, for `doctor --list`. Pure.

use serde::Serialize;

use super::Look;
use super::json::SCHEMA_VERSION;
use super::labels;
use super::lines::width;
use super::sheet::{Column, Sheet, Style};
use crate::doctor::{Check, Group};
use crate::words;
use crate::words::Lang;

/// Groups with their checks: the id that can be typed, what is looked at, and which checks have to be well before.
pub fn text(table: &[&'static Check], look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    let column = table.iter().map(|check| check.id.len()).max().unwrap_or_default() + 2;
    for group in Group::ALL {
        let checks: Vec<_> = table.iter().filter(|check| check.group == group).collect();
        if checks.is_empty() {
            continue;
        }
        sheet.blank();
        let title = labels::group(group).of(look.lang);
        let word = group.word();
        sheet.prose_at(&[Column::new(word, Style::Bold, width(word) + 2)], 2, Style::Dim, &title);
        for check in checks {
            let mut text = (check.title)().of(look.lang);
            if !check.needs.is_empty() {
                let needs = check.needs.join(", ");
                text.push_str(&words!(" (needs {needs})", " (nécessite {needs})").of(look.lang));
            }
            sheet.prose(&[Column::space(2), Column::new(check.id, Style::Plain, column)], &text);
        }
    }
    sheet.finish()
}

#[derive(Serialize)]
struct Listing<'a> {
    schema_version: u32,
    checks: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    group: Group,
    title: String,
    needs: &'a [&'a str],
}

/// The same as one object: `{"schema_version", "checks": [{"id", "group", "title", "needs": []}]}`.
pub fn object(table: &[&'static Check], lang: Lang) -> String {
    let row = |check: &&'static Check| Row {
        id: check.id,
        group: check.group,
        title: (check.title)().of(lang),
        needs: check.needs,
    };
    let listing = Listing { schema_version: SCHEMA_VERSION, checks: table.iter().map(row).collect() };
    serde_json::to_string(&listing).expect("a list is plain data")
}
