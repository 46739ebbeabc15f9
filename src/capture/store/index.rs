//! The lines of an index: one for each thing that happened. Of content, they hold only what a row shows.
//!
//! ```text
//! {"session":{…}}                                                     the first line
//! {"begin":{"id":"…","parts":12,"meta":11,"bodies":[…]}}              a request is complete
//! {"end":{"id":"…","parts":15,"meta":14,"bodies":[…],"row":{…}}}      its exchange is over
//! {"mark":{"id":"…","marked":true,"comment":null}}
//! ```
//! `parts` counts the parts of the session up to here, `meta` is the part that has the exchange without its bodies, and `bodies` are
//! recipes for those, in the order of its messages. An end adds to its beginning, when it has one. Pure.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::recipe::Recipe;
use crate::capture::id::ExchangeId;
use crate::capture::record::{Exchange, Message, Row};

/// The layout; readers leave alone what is newer.
pub(super) const VERSION: u32 = 1;

/// Whose session it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    pub version: u32,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_session: Option<String>,
    pub client: String,
    pub begun_ms: u64,
    /// The file of its parts: another one after each rewriting.
    pub parts: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'l> {
    Session(&'l Named),
    Begin(&'l Told),
    End(&'l Told),
    Mark(&'l Mark),
}

impl Line<'_> {
    /// As it stands in the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("numbers and texts can be written");
        bytes.push(b'\n');
        bytes
    }
}

/// An exchange's beginning or end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub id: ExchangeId,
    pub parts: u32,
    pub meta: u32,
    pub bodies: Vec<Body>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<Value>,
}

/// How a body is made, and the part with the times of its pieces.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Body {
    pub of: Recipe,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// None: as it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    pub id: ExchangeId,
    pub marked: Option<bool>,
    pub comment: Option<String>,
}

impl Mark {
    /// An empty comment is none.
    pub(super) fn apply(&self, row: &mut Row) {
        row.marked = self.marked.unwrap_or(row.marked);
        if let Some(comment) = &self.comment {
            row.comment = Some(comment.clone()).filter(|comment| !comment.is_empty());
        }
    }
}

/// What a list needs of a line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Brief {
    Session(Named),
    Begin(BriefBegin),
    End(BriefEnd),
    Mark(Mark),
}

#[derive(Debug, Deserialize)]
pub(super) struct BriefBegin {
    pub id: ExchangeId,
    pub parts: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct BriefEnd {
    pub id: ExchangeId,
    pub parts: u32,
    pub row: Box<Row>,
}

/// All of a line that tells of an exchange.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whole {
    Begin(Told),
    End(Told),
}

/// What a line tells of an exchange. None: it is damaged, or tells of something else.
pub(super) fn told(line: &[u8]) -> Option<Told> {
    match serde_json::from_slice(line).ok()? {
        Whole::Begin(told) | Whole::End(told) => Some(told),
    }
}

/// A row without what says nothing. Everything that is left out is read as its default.
pub(super) fn compact(row: &Row) -> Value {
    static NOTHING: LazyLock<Value> = LazyLock::new(|| to_value(&Row::default()));
    let mut value = to_value(row);
    without(&mut value, &NOTHING);
    value
}

fn to_value(row: &Row) -> Value {
    serde_json::to_value(row).expect("a row is numbers and texts")
}

fn without(value: &mut Value, nothing: &Value) {
    let (Value::Object(fields), Value::Object(nothing)) = (value, nothing) else {
        return;
    };
    fields.retain(|name, field| {
        let Some(nothing) = nothing.get(name) else {
            return true;
        };
        without(field, nothing);
        let is_empty = field.as_object().is_some_and(|fields| nothing.is_object() && fields.is_empty());
        field != nothing && !is_empty
    });
}

/// An exchange with these messages, without bodies, times and row: the bytes of its `meta`.
pub(super) fn meta(exchange: &Exchange, messages: &[Message]) -> Vec<u8> {
    let messages = messages.iter().map(Message::without_body);
    let bare = Exchange {
        id: exchange.id,
        session: exchange.session.clone(),
        begun_ms: exchange.begun_ms,
        lane: exchange.lane,
        state: exchange.state,
        conn: exchange.conn,
        peer: exchange.peer.clone(),
        messages: messages.collect(),
        moments: exchange.moments.clone(),
        took_us: exchange.took_us,
        incomplete: exchange.incomplete,
        row: None,
    };
    serde_json::to_vec(&bare).expect("numbers and texts can be written")
}

/// A whole line: its end is there.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::record::{Context, Level, Thread, Times, Tokens};

    fn id() -> ExchangeId {
        ExchangeId::after(None, 1_700_000_000_000)
    }

    #[track_caller]
    fn check_compact(row: &Row, expected: &str) {
        let value = compact(row);
        assert_eq!(value.to_string(), expected);
        assert_eq!(&serde_json::from_value::<Row>(value).unwrap(), row);
    }

    #[test]
    fn a_row_is_written_without_what_says_nothing() {
        check_compact(&Row::default(), "{}");
        let row = Row {
            id: Some(id()),
            tokens: Tokens { input: Some(0), ..Tokens::default() },
            times: Times { end: Some(7), ..Times::default() },
            context: Context { level: Level::Near, ..Context::default() },
            thread: Thread { kind: Some("turn".into()), ..Thread::default() },
            called: vec!["shell".into()],
            ..Row::default()
        };
        let value = serde_json::json!({
            "id": id(), "tokens": {"input": 0}, "times": {"end": 7}, "context": {"level": "near"},
            "thread": {"kind": "turn"}, "called": ["shell"],
        });
        check_compact(&row, &value.to_string());
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let body = Body { of: Recipe::Runs(vec![(0, 3)]), times: Some(4) };
        let told_of = Told { id: id(), parts: 6, meta: 5, bodies: vec![body], row: Some(compact(&Row::default())) };
        let line = Line::End(&told_of).to_bytes();
        assert_eq!(told(&line).unwrap().bodies[0].times, Some(4));
        let Brief::End(brief) = serde_json::from_slice(&line).unwrap() else { panic!("{line:?}") };
        assert_eq!((brief.id, brief.parts), (id(), 6));
    }

    #[test]
    fn a_torn_line_is_none() {
        assert_eq!(lines(b"one\ntwo\nthr").collect::<Vec<_>>(), [&b"one\n"[..], b"two\n"]);
        assert!(told(b"{\"end\":{\"id\":").is_none());
        assert!(told(b"{\"mark\":{}}").is_none());
    }

    #[test]
    fn a_mark_changes_only_what_it_names() {
        let mut row = Row { marked: true, comment: Some("why".into()), ..Row::default() };
        Mark { id: id(), marked: None, comment: None }.apply(&mut row);
        assert_eq!((row.marked, row.comment.as_deref()), (true, Some("why")));
        Mark { id: id(), marked: Some(false), comment: Some(String::new()) }.apply(&mut row);
        assert_eq!((row.marked, row.comment), (false, None));
    }
}
