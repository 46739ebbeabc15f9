//! A text for people: what was said, what it took, what was changed on the way. Pure.
//!
//! What others have written stands in blocks whose fences are longer than any in it, or in one line of code.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::record::{Exchange, NoteKind, Row};
use super::super::view::{Call, Item, ItemKind, Part, View};
use super::{Exported, sides};

pub(super) fn write(all: &[Exported<'_>]) -> String {
    let mut text = "# Capture of ollama-forward\n".to_owned();
    for one in all {
        exchange(&mut text, one.exchange, one.view);
    }
    text
}

fn exchange(text: &mut String, exchange: &Exchange, view: &View) {
    let row = &view.row;
    let title = format!("{} {} {}", row.method, row.path, row.model);
    let _ = writeln!(text, "\n## {} {}\n", sides::time(exchange.begun_ms), code(title.trim()));
    text.push_str("| | |\n|---|---|\n");
    for (name, value) in figures(exchange, row) {
        let _ = writeln!(text, "| {name} | {} |", code(&value).replace('|', "\\|"));
    }
    if !view.notes.is_empty() {
        text.push_str("\n### Notes\n\n");
        for note in &view.notes {
            let at = note.at.as_deref().map(|at| format!(" {}", code(at))).unwrap_or_default();
            let _ = writeln!(text, "- {}{at}: {}", kind(note.kind), code(&note.text));
        }
    }
    for (title, items) in [
        ("Conversation", &view.conversation),
        ("Answer", &view.answer),
        ("What the model itself said", &view.upstream_answer),
    ] {
        if !items.is_empty() {
            let _ = writeln!(text, "\n### {title}");
            for one in items {
                item(text, one);
            }
        }
    }
}

/// What is known of it in numbers and names.
fn figures(exchange: &Exchange, row: &Row) -> Vec<(&'static str, String)> {
    let ms = |us: Option<u64>| us.map(|us| format!("{:.1} ms", sides::milliseconds(us)));
    let count = |count: Option<u64>| count.map(|count| count.to_string());
    let rate = |rate: Option<f64>| rate.map(|rate| format!("{rate:.1} tokens/s"));
    let named = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let error = |error: &super::super::record::ErrorNote| match &error.id {
        Some(id) => format!("{id}: {}", error.text),
        None => error.text.clone(),
    };
    let all = [
        ("id", exchange.id.map(|id| id.to_string())),
        ("session", named(&exchange.session)),
        ("client", named(&row.client)),
        ("model", named(&row.model)),
        ("state", Some(row.state.word().to_owned())),
        ("status", row.status.map(|status| status.to_string())),
        ("error", row.error.as_ref().map(error)),
        ("took", ms(exchange.took_us.or(row.times.end))),
        ("first token", ms(row.times.first_token)),
        ("model loaded", ms(row.times.load)),
        ("tokens in", count(row.tokens.input)),
        ("tokens out", count(row.tokens.output)),
        ("prompt", rate(row.tokens.prompt_rate)),
        ("answer", rate(row.tokens.decode_rate)),
        ("context used", count(row.context.used)),
        ("context window", count(row.context.window)),
        ("messages", Some(row.messages.to_string())),
        ("tools", Some(row.tools.to_string())),
        ("called", named(&row.called.join(", "))),
        ("secrets taken out", Some(row.redacted.to_string()).filter(|count| count != "0")),
        ("comment", row.comment.clone()),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn kind(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::Dropped => "dropped",
        NoteKind::Renamed => "renamed",
        NoteKind::ToldOnly => "told in words only",
        NoteKind::Repaired => "repaired",
        NoteKind::Recovered => "recovered",
        NoteKind::Model => "model",
        NoteKind::Other => "other",
    }
}

fn item(text: &mut String, item: &Item) {
    let name = item.name.as_deref().map(|name| format!(" {}", code(name))).unwrap_or_default();
    let title = match item.kind {
        ItemKind::Message if item.role.is_empty() => "message".to_owned(),
        ItemKind::Message => code(&item.role),
        ItemKind::Reasoning => "reasoning".to_owned(),
        ItemKind::Call => format!("call{name}"),
        ItemKind::Output => format!("output{name}"),
        ItemKind::Compaction => "compaction".to_owned(),
        ItemKind::Refusal => "refusal".to_owned(),
        ItemKind::Other => format!("other{name}"),
    };
    let new = if item.new { ", new" } else { "" };
    let _ = writeln!(text, "\n#### {title}{new}");
    match &item.call {
        Some(one) => call(text, one),
        None => {
            for one in &item.parts {
                part(text, one);
            }
        }
    }
}

fn call(text: &mut String, call: &Call) {
    match call {
        Call::Command { command, workdir, timeout_ms, why } => {
            block(text, "sh", command);
            let timeout = timeout_ms.map(|ms| format!("{ms} ms"));
            for (name, value) in [("in", workdir), ("at most", &timeout), ("why", why)] {
                if let Some(value) = value {
                    let _ = writeln!(text, "\n{name} {}", code(value));
                }
            }
        }
        Call::Patch { patch } => block(text, "diff", patch),
        Call::Plan { explanation, steps } => {
            text.push('\n');
            if let Some(explanation) = explanation {
                let _ = writeln!(text, "{}\n", code(explanation));
            }
            for step in steps {
                let done = if step.status == "completed" { 'x' } else { ' ' };
                let _ = writeln!(text, "- [{done}] {} ({})", code(&step.step), code(&step.status));
            }
        }
        Call::Tool { arguments: Value::String(arguments) } => block(text, "text", arguments),
        Call::Tool { arguments } => block(text, "json", &pretty(arguments)),
    }
}

fn part(text: &mut String, part: &Part) {
    match part {
        Part::Text { text: said } => block(text, "text", said),
        Part::Image { url, bytes } if url.starts_with("data:") => {
            let _ = writeln!(text, "\nimage, {bytes} bytes");
        }
        Part::Image { url, .. } => {
            let _ = writeln!(text, "\nimage {}", code(url));
        }
        Part::Json { value } => block(text, "json", &pretty(value)),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A block that ends where it should, whatever is in it.
fn block(text: &mut String, language: &str, content: &str) {
    let fence = "`".repeat(longest_run(content).max(2) + 1);
    let end = if content.is_empty() || content.ends_with('\n') { "" } else { "\n" };
    let _ = writeln!(text, "\n{fence}{language}\n{content}{end}{fence}");
}

/// In a line, as code.
fn code(text: &str) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let fence = "`".repeat(longest_run(&line) + 1);
    // A space keeps a mark at its edge from the fence, and is not shown.
    let space = if line.is_empty() || line.starts_with(['`', ' ']) || line.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{space}{line}{space}{fence}")
}

fn longest_run(text: &str) -> usize {
    let (mut run, mut longest) = (0, 0);
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
