//! The list of exchanges, and the search in it: the newest first, a page at a time, each page within a time.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::{Serialize, Serializer};

use super::answer::Failure;
use super::route::{Params, is_key};
use crate::capture::ExchangeId;
use crate::capture::query::Query;
use crate::capture::record::Row;
use crate::capture::store::Library;
use crate::clock;
use crate::words::Lang;

const LIMIT: usize = 200;
const MOST: usize = 1000;
/// Bytes of a query: nobody types more.
const MOST_QUERY: usize = 2000;
/// For the reading of bodies; the page goes on from the cursor.
pub(super) const BUDGET: Duration = Duration::from_millis(500);

/// Which exchanges are meant.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub query: Query,
    pub session: Option<String>,
}

impl Filter {
    /// `lang`: of what is said of a bad query.
    pub(super) fn of(params: &Params, lang: Lang) -> Result<Self, Failure> {
        let text = params.get("q").unwrap_or_default();
        if text.len() > MOST_QUERY {
            return Err(Failure::bad("bad_query", "the query is too long"));
        }
        let query = if text.trim().is_empty() {
            Query::default()
        } else {
            let now = clock::wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
            let parsed = Query::parse(text, u64::try_from(now).unwrap_or_default());
            parsed.map_err(|bad| Failure::bad("bad_query", bad.what.of(lang)).with("at", bad.at))?
        };
        let session = params.get("session");
        if session.is_some_and(|key| !is_key(key)) {
            return Err(Failure::bad("bad_id", "this is no session's key"));
        }
        Ok(Self { query, session: session.map(str::to_owned) })
    }

    pub(super) fn is_of_session(&self, row: &Row) -> bool {
        self.session.as_ref().is_none_or(|key| *key == row.session)
    }

    pub(super) fn judge(&self, library: &Library, row: &Row) -> Judged {
        match self.query.matches_row(row) {
            Some(true) => Judged::Fits,
            Some(false) => Judged::Not,
            None => match self.hit(library, row) {
                None => Judged::Not,
                // Only words were looked for that must not be there.
                Some(words) if words.is_empty() => Judged::Fits,
                Some(words) => Judged::Hit(words),
            },
        }
    }

    fn hit(&self, library: &Library, row: &Row) -> Option<String> {
        let exchange = library.exchange(row.id?).ok()?;
        let texts: Vec<&[u8]> = exchange.messages.iter().map(|message| message.body.as_slice()).collect();
        self.query.matches(row, &texts)
    }
}

/// Whether an exchange is meant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Judged {
    Not,
    /// By its row alone.
    Fits,
    /// By its texts: the words around.
    Hit(String),
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Ask {
    pub filter: Filter,
    /// Only older ones.
    pub before: Option<ExchangeId>,
    pub limit: usize,
}

impl Ask {
    pub(super) fn of(params: &Params, lang: Lang) -> Result<Self, Failure> {
        let before = params.get("before").map(str::parse).transpose();
        let before = before.map_err(|_| Failure::bad("bad_id", "before: this is no id"))?;
        let limit = params.get("limit").map(str::parse::<usize>).transpose();
        let limit = limit.map_err(|_| Failure::bad("bad_number", "limit: this is no number"))?;
        Ok(Self { filter: Filter::of(params, lang)?, before, limit: limit.unwrap_or(LIMIT).clamp(1, MOST) })
    }
}

/// A part of the list.
#[derive(Debug, Default, Serialize)]
pub(super) struct Page {
    pub rows: Vec<Found>,
    /// There are older ones, which were not looked at.
    pub more: bool,
    /// Of the session, or of all.
    pub total: usize,
    /// Looked at for this answer.
    pub scanned: usize,
    /// To go on: `before` of the next question.
    pub cursor: Option<ExchangeId>,
}

#[derive(Debug, Serialize)]
pub(super) struct Found {
    #[serde(flatten, serialize_with = "itself")]
    pub row: Arc<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit: Option<String>,
}

fn itself<S: Serializer>(row: &Arc<Row>, serializer: S) -> Result<S::Ok, S::Error> {
    row.as_ref().serialize(serializer)
}

/// Looks until the page is full or it is `until`; but always at one, so that whoever goes on comes to the end.
pub(super) fn list(library: &Library, ask: &Ask, until: Instant) -> Page {
    let rows: Vec<_> = library.rows().into_iter().filter(|row| ask.filter.is_of_session(row)).collect();
    let mut page = Page { total: rows.len(), ..Page::default() };
    for row in rows.into_iter().rev().filter(|row| ask.before.is_none_or(|before| row.id < Some(before))) {
        if page.rows.len() >= ask.limit || (page.scanned > 0 && clock::now() >= until) {
            page.more = true;
            return page;
        }
        page.scanned += 1;
        page.cursor = row.id;
        match ask.filter.judge(library, &row) {
            Judged::Not => {}
            Judged::Fits => page.rows.push(Found { row, hit: None }),
            Judged::Hit(words) => page.rows.push(Found { row, hit: Some(words) }),
        }
    }
    page.cursor = None;
    page
}
