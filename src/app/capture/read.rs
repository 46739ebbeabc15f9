//! `status`, `list`, `show`, `diff`, `search`: what is kept is looked at, and nothing is changed.

use std::sync::Arc;

use serde::Serialize;

use super::pick::{pick, query_of};
use super::render::{self, Hit, State};
use super::trouble;
use super::{Desk, Named, print, print_bytes, print_object};
use crate::app::Ended;
use crate::capture::query::Query;
use crate::capture::record::{Exchange, Message, Row};
use crate::capture::store::Library;
use crate::capture::view::View;
use crate::capture::{ExchangeId, gauge::Gauge, understand};
use crate::cli::capture::{Diff, List, Search, Show};
use crate::fault::Fault;
use crate::words;
use crate::words::Words;

impl Desk<'_> {
    pub(super) fn status(&self) -> Result<Ended, Fault> {
        let place = self.place()?;
        let library = place.library()?;
        let usage = library.usage();
        let kept = State {
            dir: place.dir.clone(),
            trouble: library.trouble(),
            bytes: usage.bytes,
            limit: usage.limit,
            exchanges: usage.exchanges,
            sessions: usage.sessions,
            missed: usage.missed,
            latest: latest(&library),
            ..State::default()
        };
        let state = match &place.running {
            Some(answer) => kept.told_by(answer),
            None => kept,
        };
        let text = if self.common.json { super::object(&state) } else { render::state(&state, &self.look) };
        Ok(if state.running { Ended::Printed(text) } else { Ended::NoneRunning(text) })
    }

    pub(super) fn list(&self, typed: &List) -> Result<Ended, Fault> {
        let library = self.place()?.library()?;
        let rows = library.rows();
        let in_session = |row: &Row| {
            typed.session.as_ref().is_none_or(|key| {
                row.session == *key || row.thread.session_id.as_ref().is_some_and(|session| session == key)
            })
        };
        let rows = rows.into_iter().filter(|row| (typed.probes || !row.probe) && in_session(row)).collect();
        let found = last_matching(&library, rows, &query(&typed.query, self.look.now_ms)?, typed.number)?;
        let rows: Vec<&Row> = found.iter().map(|(row, _)| row.as_ref()).collect();
        if self.common.json {
            return print_object(&Named("exchanges", &rows));
        }
        if rows.is_empty() {
            self.hint(&words!(
                "no such exchange was captured; more: ollama-forward capture status",
                "aucun échange de ce genre n'a été capturé ; voir : ollama-forward capture status"
            ));
            return Ok(Ended::Well);
        }
        print(&render::list(&rows, &self.look))
    }

    pub(super) fn sessions(&self) -> Result<Ended, Fault> {
        let sessions = self.place()?.library()?.sessions();
        if self.common.json {
            return print_object(&Named("sessions", &sessions));
        }
        print(&render::sessions(&sessions, &self.look))
    }

    pub(super) fn show(&self, typed: &Show) -> Result<Ended, Fault> {
        let library = self.place()?.library()?;
        let (id, rows) = meant(&typed.id, &library)?;
        let exchange = library.exchange(id)?;
        let look = render::Look { all: typed.all, ..self.look };
        if let Some(word) = typed.pane {
            let messages: Vec<&Message> =
                exchange.messages.iter().filter(|message| message.pane == word.pane()).collect();
            if messages.is_empty() {
                return Err(no_pane(word.pane().word(), id));
            }
            if typed.raw {
                for message in messages {
                    if !print_bytes(&message.body)? {
                        break;
                    }
                }
                return Ok(Ended::Well);
            }
            if !self.common.json {
                return print(&render::pane(&messages, &look));
            }
        }
        let view = view(&exchange, &rows, &library);
        if self.common.json {
            return print_object(&Named("exchange", &view));
        }
        let text = match (typed.conversation, typed.headers, typed.timeline, typed.notes) {
            (true, ..) => render::conversation(&view, &look),
            (_, true, ..) => render::heads(&view, &look),
            (_, _, true, _) => render::timeline(&view, &look),
            (_, _, _, true) => render::notes(&view, &look),
            (false, false, false, false) => render::page(&view, &look),
        };
        print(&text)
    }

    pub(super) fn diff(&self, typed: &Diff) -> Result<Ended, Fault> {
        let library = self.place()?.library()?;
        let (id, rows) = meant(&typed.one, &library)?;
        let other = if typed.other == "previous" {
            let row = rows.iter().find(|row| row.id == Some(id));
            let before = row.and_then(|row| understand::previous(row, rows.iter().map(AsRef::as_ref)));
            before.and_then(|row| row.id).ok_or_else(|| {
                let what = words!(
                    "there is no exchange before {id} in its thread",
                    "il n'y a pas d'échange avant {id} dans son fil"
                );
                trouble::failed(what, "ollama-forward capture diff A B")
            })?
        } else {
            meant(&typed.other, &library)?.0
        };
        let diff = understand::diff(&library.exchange(other)?, &library.exchange(id)?);
        if self.common.json {
            return print_object(&Named("diff", &diff));
        }
        print(&render::diff(&diff, &self.look))
    }

    pub(super) fn search(&self, typed: &Search) -> Result<Ended, Fault> {
        let library = self.place()?.library()?;
        let query = query(&typed.words, self.look.now_ms)?;
        let mut found = last_matching(&library, library.rows(), &query, typed.number)?;
        // What a row alone could tell has no excerpt yet.
        for (row, excerpt) in &mut found {
            if excerpt.is_none() {
                *excerpt = row.id.and_then(|id| library.exchange(id).ok()).and_then(|one| within(&query, row, &one));
            }
        }
        found.reverse();
        if self.common.json {
            let hits: Vec<Found<'_>> =
                found.iter().map(|(row, excerpt)| Found { exchange: row, excerpt: excerpt.as_deref() }).collect();
            return print_object(&Named("hits", &hits));
        }
        let hits: Vec<Hit<'_>> =
            found.iter().map(|(row, excerpt)| Hit { row, excerpt: excerpt.clone().unwrap_or_default() }).collect();
        if hits.is_empty() {
            self.hint(&words!("nothing that was captured has these words", "rien de capturé ne contient ces mots"));
            return Ok(Ended::Well);
        }
        print(&render::hits(&hits, &self.look))
    }
}

/// The last question to a model; if there was none, whatever came last.
fn latest(library: &Library) -> Option<Row> {
    let rows = library.rows();
    let question = rows.iter().rfind(|row| !row.probe && !row.model.is_empty());
    question.or(rows.last()).map(|row| Row::clone(row))
}

/// A hit, for programs.
#[derive(Serialize)]
struct Found<'a> {
    exchange: &'a Row,
    excerpt: Option<&'a str>,
}

fn no_pane(pane: &str, id: ExchangeId) -> Fault {
    let what = words!(
        "exchange {id} has no {pane}: it was not translated, or did not get so far",
        "l'échange {id} n'a pas de {pane} : il n'a pas été traduit, ou n'est pas allé si loin"
    );
    trouble::failed(what, format!("ollama-forward capture show {id} --headers"))
}

/// The exchange that was meant, and all rows.
pub(super) fn meant(text: &str, library: &Library) -> Result<(ExchangeId, Vec<Arc<Row>>), Fault> {
    let rows = library.rows();
    let id = pick(text, rows.iter().map(AsRef::as_ref)).map_err(|why| trouble::pick(text, &why))?;
    Ok((id, rows))
}

/// All that can be said of an exchange, with what the ones before it teach.
pub(super) fn view(exchange: &Exchange, rows: &[Arc<Row>], library: &Library) -> View {
    let row = rows.iter().find(|row| row.id == exchange.id);
    let before = row.and_then(|row| understand::previous(row, rows.iter().map(AsRef::as_ref))).and_then(|row| row.id);
    let previous = before.and_then(|id| library.exchange(id).ok());
    let mut view = understand::view(exchange, previous.as_ref());
    if let Some(row) = row {
        // What the writer knew of the context is in its row; a row that is still open is judged here.
        view.row = Row::clone(row);
        view.context = row.context.clone();
        if view.context == crate::capture::record::Context::default() {
            view.context = judged(row, rows);
        }
        view.next = rows
            .iter()
            .find(|next| next.id > exchange.id && before_is(next, rows, exchange.id))
            .and_then(|next| next.id);
    }
    view.previous = before;
    view
}

fn before_is(row: &Row, rows: &[Arc<Row>], id: Option<ExchangeId>) -> bool {
    understand::previous(row, rows.iter().map(AsRef::as_ref)).is_some_and(|before| before.id == id)
}

fn judged(row: &Row, rows: &[Arc<Row>]) -> crate::capture::record::Context {
    let mut gauge = Gauge::default();
    for earlier in rows.iter().filter(|earlier| earlier.id < row.id && earlier.state.is_over()) {
        gauge.judge(earlier);
    }
    gauge.judge(row)
}

/// Words, as one query; `now_ms` is what its times count from.
pub(super) fn query(words: &[String], now_ms: u64) -> Result<Query, Fault> {
    let text = query_of(words);
    Query::parse(&text, now_ms).map_err(|bad| {
        let Words { en, fr } = bad.what;
        trouble::usage(words!("`{text}`: {en}", "« {text} » : {fr}"), "ollama-forward capture --help")
    })
}

/// A row, and the words around a hit where its text was looked into.
pub(super) type Matching = (Arc<Row>, Option<String>);

/// The last `most` rows that a query wants, oldest first.
pub(super) fn last_matching(
    library: &Library,
    rows: Vec<Arc<Row>>,
    query: &Query,
    most: usize,
) -> Result<Vec<Matching>, Fault> {
    let mut found = Vec::new();
    for row in rows.into_iter().rev() {
        if found.len() == most {
            break;
        }
        match matches(library, &row, query)? {
            Match::No => {}
            Match::Row => found.push((row, None)),
            Match::Text(excerpt) => found.push((row, Some(excerpt))),
        }
    }
    found.reverse();
    Ok(found)
}

pub(super) enum Match {
    No,
    /// By the row alone.
    Row,
    /// By its texts: the words around the hit.
    Text(String),
}

pub(super) fn matches(library: &Library, row: &Row, query: &Query) -> Result<Match, Fault> {
    if query.is_empty() {
        return Ok(Match::Row);
    }
    match (query.matches_row(row), row.id) {
        (Some(true), _) => Ok(Match::Row),
        (Some(false), _) | (None, None) => Ok(Match::No),
        (None, Some(id)) => match library.exchange(id) {
            Ok(exchange) => Ok(within(query, row, &exchange).map_or(Match::No, Match::Text)),
            // It was deleted meanwhile.
            Err(crate::capture::store::StoreError::Unknown(_)) => Ok(Match::No),
            Err(error) => Err(error.into()),
        },
    }
}

fn within(query: &Query, row: &Row, exchange: &Exchange) -> Option<String> {
    let texts: Vec<&[u8]> = exchange.messages.iter().map(|message| message.body.as_slice()).collect();
    query.matches(row, &texts)
}
