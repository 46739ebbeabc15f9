//! A live test through the forward: the one that runs, or one that is started for the test.

pub mod checks;
pub mod gather;

use std::net::SocketAddr;

use serde::Serialize;

use crate::doctor::Fact;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Live {
    /// Where the test went in. None: it did not take place.
    pub through: Option<Through>,
    pub small: Fact<Small>,
    pub stream: Fact<Stream>,
    pub large: Fact<Large>,
    /// A tool call through the bridge and back.
    pub tools: Fact<Tools>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Through {
    /// The forward that runs.
    Running(SocketAddr),
    /// One of our own, for the test only.
    Started(SocketAddr),
    /// Localhost is Windows: nothing is forwarded.
    Direct(SocketAddr),
}

/// `GET /api/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Small {
    pub took_us: u64,
    /// What went wrong, where something did.
    pub error: Option<String>,
}

/// A streamed answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stream {
    /// The model that spoke; None: the list of models was read piece by piece.
    pub model: Option<String>,
    pub first_ms: u64,
    pub pieces: u64,
    pub bytes: u64,
    /// The longest silence between two pieces.
    pub longest_gap_ms: u64,
    pub took_ms: u64,
    /// It came to its end: the last chunk, the last record.
    pub whole: bool,
    /// What went wrong, where something did.
    pub error: Option<String>,
}

/// A large request: what an MTU black hole swallows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Large {
    pub sent: u64,
    pub took_ms: u64,
    /// Bytes of it that the other side had acknowledged when it stalled.
    pub stalled: bool,
    /// What went wrong, where something did.
    pub error: Option<String>,
}

/// A question with one tool, its call, its result, and the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tools {
    /// The model that was asked; None: the built-in demo.
    pub model: Option<String>,
    /// The tool was called with arguments that fit.
    pub called: bool,
    /// The answer used what the tool gave.
    pub answered: bool,
    /// What came instead, where something else came.
    pub instead: Option<String>,
}
