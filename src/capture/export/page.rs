//! The inspector's own page as one file, with the data in it. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::record::Row;
use super::super::view::View;
use super::{Exported, HTML_DATA, sides};

/// What the page reads in place of asking for it.
#[derive(Serialize)]
struct Data<'e> {
    exported: bool,
    rows: Vec<&'e Row>,
    views: Vec<&'e View>,
    /// By id, then by pane: `upstream_request`, and `upstream_request.1` where it was asked again.
    bodies: BTreeMap<String, BTreeMap<String, std::borrow::Cow<'e, str>>>,
}

/// The template with the data in place of its mark: an element of its own, or the content of the one that is there.
pub fn html(template: &str, all: &[Exported<'_>]) -> String {
    let (before, after) = template.split_once(HTML_DATA).unwrap_or((template, ""));
    let json = inert(&data(all));
    if before.trim_end().ends_with(OPEN) {
        format!("{before}{json}{after}")
    } else {
        format!("{before}{OPEN}{json}</script>{after}")
    }
}

const OPEN: &str = "<script type=\"application/json\" id=\"data\">";

fn data(all: &[Exported<'_>]) -> String {
    let bodies = all.iter().map(|one| {
        let id = one.exchange.id.map(|id| id.to_string()).unwrap_or_default();
        let body = one.exchange.messages.iter().map(|message| {
            let pane = message.pane.word();
            let name = if message.attempt == 0 { pane.to_owned() } else { format!("{pane}.{}", message.attempt) };
            (name, sides::text(Some(message)))
        });
        (id, body.collect())
    });
    let data = Data {
        exported: true,
        rows: all.iter().map(|one| &one.view.row).collect(),
        views: all.iter().map(|one| one.view).collect(),
        bodies: bodies.collect(),
    };
    serde_json::to_string(&data).expect("it has texts for keys and no odd numbers")
}

/// JSON that no reader of HTML or of scripts takes for anything else. Such letters are in texts only, where each has
/// another form.
fn inert(json: &str) -> String {
    let mut inert = String::with_capacity(json.len() + json.len() / 16);
    for letter in json.chars() {
        match letter {
            '<' => inert.push_str("\\u003c"),
            '>' => inert.push_str("\\u003e"),
            '&' => inert.push_str("\\u0026"),
            '\u{2028}' => inert.push_str("\\u2028"),
            '\u{2029}' => inert.push_str("\\u2029"),
            _ => inert.push(letter),
        }
    }
    inert
}
