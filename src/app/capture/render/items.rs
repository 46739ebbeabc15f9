//! What was said: messages, thoughts, calls, what came of them. Pure.

use super::rows::time;
use super::{Look, Paper, count};
use crate::capture::view::{Call, Item, ItemKind, Part, View};
use crate::doctor::figures;
use crate::doctor::render::sheet::Style;
use crate::words;
use crate::words::Words;

/// `capture show --conversation`: the whole of it, and the answer.
pub(in crate::app::capture) fn conversation(view: &View, look: &Look) -> String {
    let mut paper = Paper::new(look);
    conversation_of(&mut paper, view);
    answer(&mut paper, view);
    paper.text
}

/// What is new in the request; with `--all`, its whole history.
pub(super) fn conversation_of(paper: &mut Paper<'_>, view: &View) {
    let look = paper.look;
    if view.conversation.is_empty() {
        return;
    }
    let new = view.conversation.iter().filter(|item| item.new).count();
    let everything = look.all || new == 0 || new == view.conversation.len();
    let (n, of) = (count(new as u64), count(view.conversation.len() as u64));
    let more = if everything {
        of
    } else {
        look.say(&words!("{n} new of {of} (--all shows the others)", "{n} nouveaux sur {of} (--all montre les autres)"))
    };
    paper.heading(&look.say(&words!("Conversation", "Conversation")), &look.shown(&more));
    for item in view.conversation.iter().filter(|item| everything || item.new) {
        write_item(paper, item);
    }
}

pub(super) fn answer(paper: &mut Paper<'_>, view: &View) {
    if view.answer.is_empty() {
        return;
    }
    let look = paper.look;
    paper.heading(&look.say(&words!("Answer", "Réponse")), "");
    for item in &view.answer {
        write_item(paper, item);
    }
}

pub(super) fn write_item(paper: &mut Paper<'_>, item: &Item) {
    let look = paper.look;
    let mut head = format!("  {}", look.ink(style(item), &look.shown(&title(item, look))));
    if let Some(name) = &item.name {
        head.push_str("   ");
        head.push_str(&look.one_line(name));
    }
    let mut details = vec![look.one_line(&item.at)];
    if let (Some(from), Some(until)) = (item.from_us, item.until_us) {
        details.push(format!("{} – {}", time(Some(from), look), time(Some(until), look)));
    }
    if let Some(status) = item.status.as_deref().filter(|status| *status != "completed") {
        details.push(look.one_line(status));
    }
    details.retain(|detail| !detail.is_empty());
    paper.line(&format!("{head}   {}", look.ink(Style::Dim, &look.shown(&details.join("   ")))));
    if let Some(call) = &item.call {
        write_call(paper, call);
    }
    write_parts(paper, &item.parts, 4);
    if let Some(output) = &item.output {
        let words = words!("came back", "résultat");
        paper.line(&format!("    {}", look.ink(Style::Dim, &look.shown(&look.say(&words)))));
        write_parts(paper, output, 6);
    }
}

fn title(item: &Item, look: &Look) -> String {
    let kind = match item.kind {
        ItemKind::Message => return look.one_line(&item.role),
        ItemKind::Reasoning => words!("thought", "réflexion"),
        ItemKind::Call => words!("call", "appel"),
        ItemKind::Output => words!("output", "résultat"),
        ItemKind::Compaction => words!("compaction", "compaction"),
        ItemKind::Refusal => words!("refusal", "refus"),
        ItemKind::Other => words!("other", "autre"),
    };
    look.say(&kind)
}

fn style(item: &Item) -> Style {
    match item.kind {
        ItemKind::Message | ItemKind::Compaction => Style::Bold,
        ItemKind::Reasoning | ItemKind::Output | ItemKind::Other => Style::Dim,
        ItemKind::Call => Style::Yellow,
        ItemKind::Refusal => Style::Red,
    }
}

fn write_call(paper: &mut Paper<'_>, call: &Call) {
    match call {
        Call::Command { command, workdir, timeout_ms: _, why } => {
            let mut lines = command.lines();
            paper.block(4, Style::Plain, &format!("$ {}", lines.next().unwrap_or_default()));
            let rest: Vec<&str> = lines.collect();
            if !rest.is_empty() {
                paper.block(6, Style::Plain, &rest.join("\n"));
            }
            for (name, value) in [(words!("in", "dans"), workdir), (words!("why", "pourquoi"), why)] {
                if let Some(value) = value {
                    let name = paper.look.say(&name);
                    paper.block(4, Style::Dim, &format!("{name} {value}"));
                }
            }
        }
        Call::Patch { patch } => write_patch(paper, patch),
        Call::Plan { explanation, steps } => {
            if let Some(explanation) = explanation {
                paper.block(4, Style::Plain, explanation);
            }
            for step in steps {
                let sign = match step.status.as_str() {
                    "completed" => "[x]",
                    "in_progress" => "[>]",
                    _ => "[ ]",
                };
                paper.block(4, Style::Plain, &format!("{sign} {}", step.step));
            }
        }
        Call::Tool { arguments } => {
            let text = arguments.as_str().map_or_else(|| pretty(arguments), str::to_owned);
            paper.block(4, Style::Plain, &text);
        }
    }
}

/// A patch, its lines in the colours of a diff.
pub(super) fn write_patch(paper: &mut Paper<'_>, patch: &str) {
    if patch.lines().count() > super::MOST_LINES && !paper.look.all {
        // It is cut as any text is, and then has one colour.
        return paper.block(4, Style::Plain, patch);
    }
    for line in patch.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => Style::Green,
            Some(b'-') => Style::Red,
            Some(b'*' | b'@') => Style::Bold,
            Some(_) | None => Style::Plain,
        };
        paper.block(4, style, if line.is_empty() { " " } else { line });
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn write_parts(paper: &mut Paper<'_>, parts: &[Part], indent: usize) {
    let look = paper.look;
    for part in parts {
        match part {
            Part::Text { text } => paper.block(indent, Style::Plain, text),
            Part::Image { url, bytes } => {
                let size = look.say(&figures::bytes(*bytes));
                let place = url.split([',', ';']).next().unwrap_or_default();
                let words: Words = words!("image, {size}, {place}", "image, {size}, {place}");
                paper.block(indent, Style::Dim, &look.say(&words));
            }
            Part::Json { value } => {
                paper.block(indent, Style::Plain, &pretty(value));
            }
        }
    }
}
