//! What one request has that the other has not: new items first, then tools and fields. Pure.

use serde_json::Value;

use super::items::write_item;
use super::{Look, Paper, count};
use crate::capture::view::{Diff, Field, Item};
use crate::doctor::render::sheet::Style;
use crate::words;
use crate::words::Words;

pub(in crate::app::capture) fn diff(diff: &Diff, look: &Look) -> String {
    let mut paper = Paper::new(look);
    let id = |id: Option<crate::capture::ExchangeId>| id.map(|id| id.to_string()).unwrap_or_default();
    paper.row(&look.say(&words!("from", "de")), &id(diff.from));
    paper.row(&look.say(&words!("to", "à")), &id(diff.to));
    let same = count(diff.same.into());
    paper.row(
        &look.say(&words!("the same", "identique")),
        &look.shown(&look.say(&words!("{same} items at the beginning", "{same} éléments au début"))),
    );
    items(&mut paper, &words!("Added", "Ajouté"), &diff.added);
    items(&mut paper, &words!("Removed", "Retiré"), &diff.removed);
    changed(&mut paper, diff);
    tools(&mut paper, diff);
    if !diff.fields.is_empty() {
        paper.heading(&look.say(&words!("Fields", "Champs")), &count(diff.fields.len() as u64));
        fields(&mut paper, 2, &diff.fields);
    }
    let Diff { from: _, to: _, same: _, added, removed, changed, tools, fields } = diff;
    if added.is_empty() && removed.is_empty() && changed.is_empty() && tools.is_empty() && fields.is_empty() {
        paper.line(&look.shown(&look.say(&words!("Nothing differs.", "Aucune différence."))));
    }
    paper.text
}

fn items(paper: &mut Paper<'_>, title: &Words, items: &[Item]) {
    if items.is_empty() {
        return;
    }
    paper.heading(&paper.look.say(title), &count(items.len() as u64));
    for item in items {
        write_item(paper, item);
    }
}

fn changed(paper: &mut Paper<'_>, diff: &Diff) {
    let look = paper.look;
    if diff.changed.is_empty() {
        return;
    }
    paper.heading(&look.say(&words!("Changed", "Modifié")), &count(diff.changed.len() as u64));
    for one in &diff.changed {
        paper.line(&format!("  {}", look.ink(Style::Dim, &look.one_line(&one.at))));
        super::items::write_patch(paper, &one.lines.join("\n"));
    }
}

fn tools(paper: &mut Paper<'_>, diff: &Diff) {
    let look = paper.look;
    if diff.tools.is_empty() {
        return;
    }
    paper.heading(&look.say(&words!("Tools", "Outils")), &count(diff.tools.len() as u64));
    for tool in &diff.tools {
        let (sign, style) = match tool.how {
            "added" => ("+", Style::Green),
            "removed" => ("-", Style::Red),
            _ => ("~", Style::Yellow),
        };
        paper.line(&format!("  {}", look.ink(style, &format!("{sign} {}", look.one_line(&tool.name)))));
        fields(paper, 6, &tool.fields);
    }
}

fn fields(paper: &mut Paper<'_>, indent: usize, fields: &[Field]) {
    let look = paper.look;
    let arrow = if look.page.ascii { "->" } else { "→" };
    for field in fields {
        let text = format!("{}: {} {arrow} {}", field.path, value(field.before.as_ref()), value(field.after.as_ref()));
        paper.block(indent, Style::Plain, &text.replace('\n', " "));
    }
}

fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "–".to_owned(), Value::to_string)
}
