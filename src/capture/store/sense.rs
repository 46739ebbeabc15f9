//! What the store asks of those who understand: it keeps bytes, and does not know what they mean.

use crate::capture::export::{self, Exported};
use crate::capture::gauge::Gauge;
use crate::capture::record::{Context, Exchange, Row, State};
use crate::capture::redact::{self, Redacted};
use crate::capture::understand;

/// Names of files, and what is to be in them.
pub type Files = Vec<(&'static str, Vec<u8>)>;

/// The functions that it calls. Tests of the store have their own.
#[derive(Clone, Copy, Debug)]
pub struct Sense {
    pub row: fn(&Exchange) -> Row,
    pub state: fn(&Exchange) -> State,
    pub headers: fn(&mut [(String, String)]) -> u32,
    pub body: fn(&[u8], Option<&str>) -> Option<Redacted>,
    pub target: fn(&str) -> Option<String>,
    pub judge: fn(&mut Gauge, &Row) -> Context,
    pub compat: fn(&Exchange) -> Files,
}

impl Default for Sense {
    fn default() -> Self {
        Self {
            row: understand::row,
            state: understand::state,
            headers: redact::headers,
            body: redact::body,
            target: redact::target,
            judge: Gauge::judge,
            compat,
        }
    }
}

fn compat(exchange: &Exchange) -> Files {
    let view = understand::view(exchange, None);
    export::compat(Exported { exchange, view: &view })
}
