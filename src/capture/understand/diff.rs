//! How one request differs from another: what it has more, what it has less, and what is not the same any more.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use similar::ChangeTag;
use similar::algorithms::{Capture, Replace, myers};

use crate::capture::record::Exchange;
use crate::capture::view::{Call, Changed, Diff, Field, Item, Part, Tool, ToolChange};

use super::request::{BYTES_A_TOKEN, Request};
use super::sides::Sides;

/// Texts are compared line by line up to this size and number of lines, so that no comparison takes long: the algorithm's
/// time grows with lines times differences. What is larger is shown whole.
const MOST_BYTES: usize = 256 << 10;
const MOST_LINES: usize = 2000;
/// The same, of all items together.
const MOST_LINES_OF_ALL: usize = 20_000;

/// How a request differs from another one.
pub fn diff(from: &Exchange, to: &Exchange) -> Diff {
    let (before, after) = (Request::read(Sides::of(from).asked), Request::read(Sides::of(to).asked));
    let (old, new) = (before.conversation(), after.conversation());
    let same = same_start(&old, &new);
    let mut diff = Diff {
        from: from.id,
        to: to.id,
        same: u32::try_from(same).unwrap_or(u32::MAX),
        tools: tools(&before.tools(BYTES_A_TOKEN), &after.tools(BYTES_A_TOKEN)),
        fields: fields(&before.parameters(), &after.parameters()),
        ..Diff::default()
    };
    let (old, new) = (&old[same..], &new[same..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| is_same(old, new)).count();
    compare(&old[..old.len() - end], &new[..new.len() - end], &mut diff);
    diff
}

/// Items that both begin with.
pub(super) fn same_start(old: &[Item], new: &[Item]) -> usize {
    old.iter().zip(new).take_while(|(old, new)| is_same(old, new)).count()
}

/// What both say; where it stands, and what came of it since, is no part of that.
fn is_same(old: &Item, new: &Item) -> bool {
    let said = |item: &Item| (item.kind, item.parts.len());
    said(old) == said(new)
        && (&old.role, &old.name, &old.call_id) == (&new.role, &new.name, &new.call_id)
        && old.parts == new.parts
        && old.call == new.call
}

pub(super) fn is_same_tool(old: &Tool, new: &Tool) -> bool {
    (&old.kind, &old.description, &old.schema) == (&new.kind, &new.description, &new.schema)
}

/// What is between the start and the end that are the same, place by place.
fn compare(old: &[Item], new: &[Item], diff: &mut Diff) {
    let both = old.len().min(new.len());
    let mut budget = MOST_LINES_OF_ALL;
    for (old, new) in old.iter().zip(new) {
        if is_same(old, new) {
            continue;
        }
        if (old.kind, &old.role) == (new.kind, &new.role) {
            let lines = lines(&shown(old), &shown(new), &mut budget);
            let (before, after) = (old.clone(), Item { new: true, ..new.clone() });
            diff.changed.push(Changed { at: new.at.clone(), before, after, lines });
        } else {
            diff.removed.push(old.clone());
            diff.added.push(Item { new: true, ..new.clone() });
        }
    }
    diff.removed.extend_from_slice(&old[both..]);
    diff.added.extend(new[both..].iter().map(|item| Item { new: true, ..item.clone() }));
}

/// An item as a text.
fn shown(item: &Item) -> String {
    let part = |part: &Part| match part {
        Part::Text { text } => text.clone(),
        Part::Image { bytes, .. } => format!("[image, {bytes} bytes]"),
        Part::Json { value } => pretty(value),
    };
    let mut texts: Vec<String> = item.parts.iter().map(part).collect();
    texts.extend(item.call.as_ref().map(|call| match call {
        Call::Command { command, .. } => command.clone(),
        Call::Patch { patch } => patch.clone(),
        Call::Plan { steps, .. } => {
            steps.iter().map(|step| format!("[{}] {}", step.status, step.step)).collect::<Vec<_>>().join("\n")
        }
        Call::Tool { arguments } => arguments.as_str().map_or_else(|| pretty(arguments), str::to_owned),
    }));
    texts.join("\n")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// The lines of both, each with ` `, `-` or `+` before it.
fn lines(before: &str, after: &str, budget: &mut usize) -> Vec<String> {
    let count = |text: &str| memchr::memchr_iter(b'\n', text.as_bytes()).count();
    let (old, new) = (count(before), count(after));
    let is_much = before.len().max(after.len()) > MOST_BYTES || old.max(new) > MOST_LINES || old + new > *budget;
    *budget = budget.saturating_sub(old + new);
    if is_much {
        let removed = before.lines().map(|line| format!("-{line}"));
        return removed.chain(after.lines().map(|line| format!("+{line}"))).collect();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // One algorithm by name: the crate's own choice among all of them makes the program half a megabyte larger.
    let mut found = Replace::new(Capture::new());
    let Ok(()) = myers::diff(&mut found, &old[..], 0..old.len(), &new[..], 0..new.len());
    let sign = |tag: ChangeTag| match tag {
        ChangeTag::Equal => ' ',
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
    };
    let all = found.into_inner().into_ops();
    let changes = all.iter().flat_map(|operation| operation.iter_changes(&old[..], &new[..]));
    changes.map(|change| format!("{}{}", sign(change.tag()), change.value())).collect()
}

fn tools(old: &[Tool], new: &[Tool]) -> Vec<ToolChange> {
    let named = |tools: &[Tool]| -> BTreeMap<String, Value> {
        let told = |tool: &Tool| json!({"kind": tool.kind, "description": tool.description, "schema": tool.schema});
        tools.iter().map(|tool| (tool.name.clone(), told(tool))).collect()
    };
    let (old, new) = (named(old), named(new));
    let missing = |tools: &BTreeMap<String, Value>, others: &BTreeMap<String, Value>, how: &'static str| {
        let only = tools.keys().filter(|name| !others.contains_key(*name));
        only.map(|name| ToolChange { name: name.clone(), how, fields: Vec::new() }).collect::<Vec<_>>()
    };
    let mut changes = missing(&new, &old, "added");
    for (name, tool) in &new {
        if let Some(before) = old.get(name).filter(|before| *before != tool) {
            changes.push(ToolChange { name: name.clone(), how: "changed", fields: fields(before, tool) });
        }
    }
    changes.extend(missing(&old, &new, "removed"));
    changes
}

/// Values that differ, by their paths: `reasoning.effort`.
fn fields(before: &Value, after: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    differ("", Some(before).filter(|value| !value.is_null()), Some(after).filter(|value| !value.is_null()), &mut found);
    found
}

/// As deep as JSON is read, which is bounded.
fn differ(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Field>) {
    if before == after {
        return;
    }
    let (is_root, nothing) = (path.is_empty(), Map::new());
    let (old, new) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
    let known = if is_root { (old.or(Some(&nothing)), new.or(Some(&nothing))) } else { (old, new) };
    let (Some(old), Some(new)) = known else {
        found.push(Field { path: path.to_owned(), before: before.cloned(), after: after.cloned() });
        return;
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let path = if is_root { key.clone() } else { format!("{path}.{key}") };
        differ(&path, old.get(key), new.get(key), found);
    }
}
