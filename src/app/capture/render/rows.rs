//! Exchanges, sessions and hits in a line each. Pure.

use std::time::Duration;

use super::table::{Cell, Column, table};
use super::{Look, Sign, count};
use crate::capture::record::{Api, Level, Row, State};
use crate::capture::sentences::told;
use crate::capture::store::SessionInfo;
use crate::doctor::figures;
use crate::doctor::render::sheet::Style;
use crate::words;
use crate::words::Words;

/// A row in which words were found, and the words around the first of them.
pub(in crate::app::capture) struct Hit<'r> {
    pub(in crate::app::capture) row: &'r Row,
    pub(in crate::app::capture) excerpt: String,
}

/// Oldest first, as they are given.
pub(in crate::app::capture) fn list(rows: &[&Row], look: &Look) -> String {
    let head = |words: &Words| look.shown(&look.say(words));
    let columns = [
        Column::left(head(&words!("TIME", "HEURE")), 0),
        Column::left("ID", 0),
        Column::left(head(&words!("STATUS", "ÉTAT")), 0),
        Column::left(head(&words!("MODEL", "MODÈLE")), 2),
        Column::right("TTFT", 6),
        Column::right(head(&words!("TOOK", "DURÉE")), 5),
        Column::right(head(&words!("IN", "ENTRÉE")), 7),
        Column::right(head(&words!("OUT", "SORTIE")), 8),
        Column::right(head(&words!("CONTEXT", "CONTEXTE")), 3),
        Column::left(head(&words!("WHAT", "QUOI")), 0),
    ];
    let rows: Vec<Vec<Cell>> = rows.iter().map(|row| cells(row, look)).collect();
    table(&columns, &rows, look)
}

/// One exchange, for `tail`: the same in a line of its own, whose columns have fixed widths.
pub(in crate::app::capture) fn line(row: &Row, look: &Look) -> String {
    let cells = cells(row, look);
    let pad = |cell: &Cell, least: usize| {
        let space = least.saturating_sub(crate::doctor::render::width(&cell.text));
        format!("{}{}", look.ink(cell.style, &cell.text), " ".repeat(space))
    };
    let [time, id, status, model, ttft, took, _, _, context, what] = cells.as_slice() else {
        unreachable!("a row has ten cells")
    };
    let front =
        [(time, 8), (id, 16), (status, 9), (model, 16), (ttft, 7), (took, 7), (context, 6)].map(|(cell, least)| {
            let padded = pad(cell, least);
            (padded, crate::doctor::render::width(&cell.text).max(least))
        });
    let taken: usize = front.iter().map(|(_, width)| width + 2).sum();
    let more = if look.page.ascii { "..." } else { "…" };
    let rest = crate::doctor::render::cut(&what.text, look.page.width.saturating_sub(taken).max(16), more);
    let front: String = front.into_iter().map(|(text, _)| text + "  ").collect();
    format!("{}\n", format!("{front}{rest}").trim_end())
}

/// Newest first, as they are given.
pub(in crate::app::capture) fn hits(hits: &[Hit<'_>], look: &Look) -> String {
    let head = |words: &Words| look.shown(&look.say(words));
    let columns = [
        Column::left(head(&words!("TIME", "HEURE")), 0),
        Column::left("ID", 0),
        Column::left(head(&words!("MODEL", "MODÈLE")), 1),
        Column::left(head(&words!("WHERE", "OÙ")), 0),
    ];
    let row = |hit: &Hit<'_>| {
        vec![
            Cell::plain(look.time(hit.row.begun_ms)),
            Cell { text: id(hit.row), style: Style::Dim },
            Cell::plain(look.one_line(&hit.row.model)),
            Cell::plain(look.one_line(&hit.excerpt)),
        ]
    };
    table(&columns, &hits.iter().map(row).collect::<Vec<_>>(), look)
}

/// Oldest first, as they are given.
pub(in crate::app::capture) fn sessions(all: &[SessionInfo], look: &Look) -> String {
    let head = |words: &Words| look.shown(&look.say(words));
    let columns = [
        Column::left(head(&words!("LAST", "DERNIER")), 0),
        Column::left(head(&words!("KEY", "CLÉ")), 0),
        Column::right(head(&words!("EXCHANGES", "ÉCHANGES")), 0),
        Column::right(head(&words!("SIZE", "TAILLE")), 2),
        Column::left("CLIENT", 3),
        Column::left(head(&words!("TITLE", "TITRE")), 0),
    ];
    let row = |one: &SessionInfo| {
        vec![
            Cell::plain(look.time(one.last_ms)),
            Cell::plain(look.one_line(&one.key)),
            Cell::plain(count(one.exchanges.into())),
            Cell::plain(look.say(&figures::bytes(one.bytes))),
            Cell::plain(look.one_line(&one.client)),
            Cell::plain(look.one_line(one.title.as_deref().unwrap_or_default())),
        ]
    };
    table(&columns, &all.iter().map(row).collect::<Vec<_>>(), look)
}

fn cells(row: &Row, look: &Look) -> Vec<Cell> {
    let (sign, word) = status(row);
    let status = format!("{} {}", look.sign(sign), look.shown(&look.say(&word)));
    let number = |value: Option<u64>| Cell::plain(value.map(count).unwrap_or_default());
    vec![
        Cell::plain(look.time(row.begun_ms)),
        Cell { text: id(row), style: Style::Dim },
        Cell { text: status, style: Look::style(sign) },
        Cell::plain(look.one_line(&row.model)),
        Cell::plain(time(row.times.first_token, look)),
        Cell::plain(time(row.times.end, look)),
        number(row.tokens.input),
        number(row.tokens.output),
        context(row, look),
        Cell::plain(what(row, look)),
    ]
}

pub(super) fn id(row: &Row) -> String {
    row.id.map(|id| id.to_string()).unwrap_or_default()
}

pub(super) fn time(us: Option<u64>, look: &Look) -> String {
    us.map(|us| look.shown(&look.say(&figures::time(Duration::from_micros(us))))).unwrap_or_default()
}

/// How it ended, or where it is.
pub(super) fn status(row: &Row) -> (Sign, Words) {
    let code = |or: Words| row.status.map_or(or, |status| Words::same(status.to_string()));
    match row.state {
        State::Done if row.status.is_some_and(|status| status >= 400) => (Sign::Bad, code(word(row.state))),
        State::Done => (Sign::Good, code(word(row.state))),
        State::Failed | State::Refused => {
            let code = row.status.filter(|status| *status >= 400);
            (Sign::Bad, code.map_or_else(|| word(row.state), |status| Words::same(status.to_string())))
        }
        State::Aborted | State::Lost => (Sign::Warning, word(row.state)),
        State::Waiting | State::Loading | State::Prefill | State::Thinking | State::Answering | State::Tool => {
            (Sign::UnderWay, word(row.state))
        }
    }
}

pub(super) fn word(state: State) -> Words {
    match state {
        State::Waiting => words!("waiting", "en attente"),
        State::Loading => words!("loading", "chargement"),
        State::Prefill => words!("prefill", "lecture"),
        State::Thinking => words!("thinking", "réflexion"),
        State::Answering => words!("answering", "réponse"),
        State::Tool => words!("tool call", "appel d'outil"),
        State::Done => words!("done", "terminé"),
        State::Failed => words!("failed", "échec"),
        State::Aborted => words!("aborted", "abandonné"),
        State::Refused => words!("refused", "refusé"),
        State::Lost => words!("lost", "perdu"),
    }
}

fn context(row: &Row, look: &Look) -> Cell {
    let (Some(used), Some(window)) = (row.context.used, row.context.window.filter(|window| *window > 0)) else {
        return match row.context.level {
            Level::Cut => Cell { text: look.sign(Sign::Warning).to_owned(), style: Style::Red },
            Level::Unknown | Level::Fits | Level::Near => Cell::plain(""),
        };
    };
    let share = format!("{} %", used.saturating_mul(100) / window);
    match row.context.level {
        Level::Cut => {
            let cut = look.say(&words!("cut", "coupé"));
            Cell { text: look.shown(&format!("{} {cut}", look.sign(Sign::Bad))), style: Style::Red }
        }
        Level::Near => Cell { text: format!("{} {share}", look.sign(Sign::Warning)), style: Style::Yellow },
        Level::Unknown | Level::Fits => Cell::plain(share),
    }
}

/// What it was about: why it failed, what was called, what was said, what was asked.
fn what(row: &Row, look: &Look) -> String {
    let mark = match (row.marked, look.page.ascii) {
        (false, _) => "",
        (true, false) => "★ ",
        (true, true) => "* ",
    };
    let arrow = if look.page.ascii { "->" } else { "→" };
    let text = row.error.as_ref().map(|error| error.text.as_str()).filter(|text| !text.is_empty());
    let said = [row.text.as_deref(), row.user.as_deref()].into_iter().flatten().find(|text| !text.trim().is_empty());
    let what = match (text, row.called.as_slice(), said) {
        (Some(error), _, _) => look.say(&told(error)),
        (None, called @ [_, ..], _) => format!("{arrow} {}", called.join(", ")),
        (None, [], Some(said)) if row.api != Api::Other => said.to_owned(),
        (None, [], _) => format!("{} {}", row.method, row.path),
    };
    format!("{mark}{}", look.one_line(&what))
}
