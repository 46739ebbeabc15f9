//! `model:qwen is:error -title "some words"`: which exchanges somebody wants to see. Pure.
//!
//! ```text
//! query := term*            all must hold
//! term  := ('-' | '!')? (filter ':' value | word | '"' words '"')
//! ```
//! Words are looked for in whatever an exchange holds, without regard to case; filters ask its row. Dates without a zone are
//! UTC. What is no filter that we know is an error, and not a word: a typing error must not look like "nothing found".

mod find;
mod parse;
#[cfg(test)]
mod tests;

use super::record::{Api, Lane, Level, Row, State};
use crate::words::Words;
use find::Needle;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    terms: Vec<Term>,
}

/// Why a query makes no sense, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct BadQuery {
    pub what: Words,
    /// In bytes of the query.
    pub at: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    not: bool,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Words(Needle),
    Model(Needle),
    Tool(Needle),
    Client(Needle),
    Path(Needle),
    /// From, and up to, both included.
    Status(u16, u16),
    /// Of the store, or the beginning of the client's own. Lower case.
    Session(String),
    Id(String),
    State(State),
    Api(Api),
    Is(Is),
    /// Milliseconds since 1970.
    Before(u64),
    After(u64),
}

/// `is:…`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Error,
    Slow,
    Truncated,
    Aborted,
    Retried,
    Translated,
    Marked,
    Stream,
    Probe,
    Live,
    Incomplete,
    Compaction,
    Subagent,
    Replay,
}

/// Slow is what makes people wonder whether anything happens: ten seconds are as long as they keep their mind on it
/// (Nielsen, "Response Times: The 3 Important Limits"). Microseconds until the first token.
pub const SLOW_FIRST_TOKEN_US: u64 = 10_000_000;
/// Or a minute in all, however soon it began.
pub const SLOW_TOTAL_US: u64 = 60_000_000;

impl Query {
    /// `now_ms` (since 1970) is what `after:2h` counts from.
    pub fn parse(text: &str, now_ms: u64) -> Result<Self, BadQuery> {
        parse::parse(text, now_ms).map(|terms| Self { terms })
    }

    /// What a row alone can say. None: its text has to be looked into.
    pub fn matches_row(&self, row: &Row) -> Option<bool> {
        let mut is_sure = true;
        for term in &self.terms {
            match term.of_row(row) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => is_sure = false,
            }
        }
        is_sure.then_some(true)
    }

    /// All of it, with the texts of an exchange: bodies as they are, without compression. Gives the words around the first
    /// hit; nothing around it when only filters were asked for.
    pub fn matches(&self, row: &Row, texts: &[&[u8]]) -> Option<String> {
        let mut excerpt = None;
        for term in &self.terms {
            let What::Words(needle) = &term.what else {
                if term.of_row(row) != Some(true) {
                    return None;
                }
                continue;
            };
            let hit = texts.iter().chain(&fields(row)).find_map(|text| Some((*text, needle.find(text)?)));
            if hit.is_some() == term.not {
                return None;
            }
            excerpt = excerpt.or_else(|| hit.map(|(text, hit)| find::around(text, hit)));
        }
        Some(excerpt.unwrap_or_default())
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

impl Term {
    fn of_row(&self, row: &Row) -> Option<bool> {
        let holds = self.what.holds(row);
        // What is not in the row may still be in its texts.
        let is_open = matches!(self.what, What::Words(_)) && !holds;
        (!is_open).then_some(holds != self.not)
    }
}

/// All texts of a row.
fn fields(row: &Row) -> Vec<&[u8]> {
    let error = row.error.as_ref();
    let maybe = [
        &row.user,
        &row.text,
        &row.reasoning,
        &row.comment,
        &row.thread.session_id,
        &row.thread.thread_id,
        &row.thread.agent,
    ];
    let always = [&row.model, &row.client, &row.path, &row.session].into_iter().chain(&row.called);
    let texts = maybe.into_iter().flatten().chain(always);
    let texts = texts.chain(error.map(|error| &error.text)).chain(error.and_then(|error| error.id.as_ref()));
    texts.map(String::as_bytes).collect()
}

impl What {
    fn holds(&self, row: &Row) -> bool {
        let starts = |id: Option<&String>, with: &str| id.is_some_and(|id| id.to_lowercase().starts_with(with));
        match self {
            Self::Words(needle) => fields(row).iter().any(|field| needle.is_in(field)),
            Self::Model(needle) => needle.is_in(row.model.as_bytes()),
            Self::Tool(needle) => row.called.iter().any(|name| needle.is_in(name.as_bytes())),
            Self::Client(needle) => needle.is_in(row.client.as_bytes()),
            Self::Path(needle) => needle.is_in(row.path.as_bytes()),
            Self::Status(from, until) => row.status.is_some_and(|status| (*from..=*until).contains(&status)),
            Self::Session(key) => {
                row.session.eq_ignore_ascii_case(key)
                    || starts(row.thread.session_id.as_ref(), key)
                    || starts(row.thread.thread_id.as_ref(), key)
            }
            Self::Id(start) => row.id.is_some_and(|id| id.to_string().starts_with(start)),
            Self::State(state) => row.state == *state,
            Self::Api(api) => row.api == *api,
            Self::Is(is) => is.holds(row),
            Self::Before(ms) => row.begun_ms < *ms,
            Self::After(ms) => row.begun_ms >= *ms,
        }
    }
}

impl Is {
    const ALL: [(&'static str, Self); 14] = [
        ("error", Self::Error),
        ("slow", Self::Slow),
        ("truncated", Self::Truncated),
        ("aborted", Self::Aborted),
        ("retried", Self::Retried),
        ("translated", Self::Translated),
        ("marked", Self::Marked),
        ("stream", Self::Stream),
        ("probe", Self::Probe),
        ("live", Self::Live),
        ("incomplete", Self::Incomplete),
        ("compaction", Self::Compaction),
        ("subagent", Self::Subagent),
        ("replay", Self::Replay),
    ];

    fn holds(self, row: &Row) -> bool {
        let is_kind = |kind: &str| row.thread.kind.as_deref() == Some(kind);
        match self {
            Self::Error => is_error(row),
            Self::Slow => {
                row.times.first_token.is_some_and(|us| us >= SLOW_FIRST_TOKEN_US)
                    || row.times.end.is_some_and(|us| us >= SLOW_TOTAL_US)
            }
            Self::Truncated => row.context.level == Level::Cut,
            Self::Aborted => row.state == State::Aborted,
            Self::Retried => row.notes.retried > 0 || row.notes.resumed > 0,
            Self::Translated => row.lane == Lane::Translated,
            Self::Marked => row.marked,
            Self::Stream => row.stream,
            Self::Probe => row.probe,
            Self::Live => !row.state.is_over(),
            Self::Incomplete => row.incomplete,
            Self::Compaction => is_kind("compaction"),
            Self::Subagent => is_kind("subagent") || row.thread.parent_thread_id.is_some(),
            Self::Replay => row.replay_of.is_some(),
        }
    }
}

/// No good answer. A client that left has its own word.
fn is_error(row: &Row) -> bool {
    match row.state {
        State::Failed | State::Refused | State::Lost => true,
        State::Aborted => false,
        State::Waiting
        | State::Loading
        | State::Prefill
        | State::Thinking
        | State::Answering
        | State::Tool
        | State::Done => row.status.is_some_and(|status| status >= 400) || row.error.is_some(),
    }
}
