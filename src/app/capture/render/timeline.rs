//! One exchange as it went over the wire: heads of its sides, and the events of its streams. Pure.

use super::indent::indented;
use super::rows::time;
use super::table::{Cell, Column, table};
use super::{Look, Paper, count};
use crate::capture::record::{Head, Message};
use crate::capture::view::{Channel, PaneView, Stream, View};
use crate::doctor::figures;
use crate::doctor::render::sheet::Style;
use crate::words;
use crate::words::Words;

/// `capture show --headers`
pub(in crate::app::capture) fn heads(view: &View, look: &Look) -> String {
    let mut paper = Paper::new(look);
    for pane in &view.panes {
        pane_head(&mut paper, pane);
    }
    paper.text
}

fn pane_head(paper: &mut Paper<'_>, pane: &PaneView) {
    let look = paper.look;
    let size = look.say(&figures::bytes(pane.size));
    let again = if pane.attempt == 0 { String::new() } else { format!(" #{}", pane.attempt + 1) };
    paper.heading(&format!("{}{again}", pane.pane.word()), &format!("{size}   {}", pane.form));
    if let Some(head) = &pane.head {
        write_head(paper, head);
    }
    if pane.kept < pane.size {
        let kept = look.say(&figures::bytes(pane.kept));
        let words = words!("only {kept} of the body were kept", "seuls {kept} du corps ont été conservés");
        paper.line(&look.ink(Style::Yellow, &look.shown(&format!("  {}", look.say(&words)))));
    }
    if pane.redacted > 0 {
        let n = pane.redacted;
        let words = words!("{n} secrets were taken out", "{n} secrets ont été retirés");
        paper.line(&look.ink(Style::Dim, &look.shown(&format!("  {}", look.say(&words)))));
    }
}

fn write_head(paper: &mut Paper<'_>, head: &Head) {
    let look = paper.look;
    let parts = [
        head.method.clone(),
        head.target.clone(),
        Some(head.version.clone()),
        head.status.map(|status| status.to_string()),
        head.to.as_ref().map(|to| format!("→ {to}")),
    ];
    let line: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let at = time(Some(head.at_us), look);
    paper.line(&format!("  {}   {}", look.one_line(&line.join(" ")), look.ink(Style::Dim, &at)));
    for (name, value) in &head.headers {
        paper.line(&format!(
            "  {} {}",
            look.ink(Style::Dim, &look.one_line(&format!("{name}:"))),
            look.one_line(value)
        ));
    }
}

/// `capture show --pane P`: the head and the body of one side, as far as that is text.
pub(in crate::app::capture) fn pane(messages: &[&Message], look: &Look) -> String {
    let mut paper = Paper::new(look);
    for message in messages {
        let size = look.say(&figures::bytes(message.size));
        let again = if message.attempt == 0 { String::new() } else { format!(" #{}", message.attempt + 1) };
        paper.heading(&format!("{}{again}", message.pane.word()), &size);
        if let Some(head) = &message.head {
            write_head(&mut paper, head);
        }
        if message.body.is_empty() {
            continue;
        }
        paper.line("");
        match indented(&message.body) {
            // As it was sent it is one line, which nobody reads; --raw has it.
            Some(text) => paper.block(2, Style::Plain, &text),
            None => paper.block(2, Style::Plain, &String::from_utf8_lossy(&message.body)),
        }
    }
    paper.text
}

/// `capture show --timeline`
pub(in crate::app::capture) fn timeline(view: &View, look: &Look) -> String {
    let mut text = String::new();
    for stream in &view.streams {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&one_stream(stream, look));
    }
    if text.is_empty() {
        let words = words!("The answer was no stream.", "La réponse n'était pas un flux.");
        return format!("{}\n", look.shown(&look.say(&words)));
    }
    text
}

fn one_stream(stream: &Stream, look: &Look) -> String {
    let pane = stream.pane.map(crate::capture::Pane::word).unwrap_or_default();
    let total = count(stream.events.len() as u64 + stream.left_out);
    let mut text = format!("{}   {}, {total}\n", look.ink(Style::Bold, pane), stream.form);
    let head = |words: &Words| look.shown(&look.say(words));
    let columns = [
        Column::right(head(&words!("AT", "À")), 0),
        Column::left(head(&words!("EVENT", "ÉVÉNEMENT")), 2),
        Column::left(head(&words!("CHANNEL", "CANAL")), 1),
        Column::left(head(&words!("TEXT", "TEXTE")), 0),
    ];
    let rows: Vec<Vec<Cell>> = stream
        .events
        .iter()
        .map(|event| {
            let (channel, style) = match event.channel {
                Channel::None => ("", Style::Plain),
                Channel::Content => ("content", Style::Plain),
                Channel::Reasoning => ("reasoning", Style::Dim),
                Channel::Tool => ("tool", Style::Yellow),
                Channel::Error => ("error", Style::Red),
            };
            vec![
                Cell::plain(time(Some(event.at_us), look)),
                Cell::plain(look.one_line(&event.name)),
                Cell::plain(channel),
                Cell { text: look.one_line(&event.text), style },
            ]
        })
        .collect();
    text.push_str(&table(&columns, &rows, look));
    if stream.left_out > 0 {
        let left = count(stream.left_out);
        let words = words!("… {left} more events", "… encore {left} événements");
        text.push_str(&look.shown(&look.say(&words)));
        text.push('\n');
    }
    text
}
