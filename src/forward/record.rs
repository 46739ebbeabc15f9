//! The closing record: exactly one line a connection, whatever became of it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tracing::{debug, warn};

use crate::fault::FaultId;

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    Client,
    Upstream,
    Us,
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Us => "us",
        })
    }
}

/// What is told of a connection when it is over.
#[derive(Debug)]
pub struct Record {
    pub conn: u64,
    pub peer: SocketAddr,
    /// None when it was never reached.
    pub upstream: Option<SocketAddr>,
    /// Bytes from the client to the upstream.
    pub sent: u64,
    /// Bytes from the upstream to the client.
    pub received: u64,
    /// Requests that were answered, where we speak HTTP.
    pub requests: Option<u64>,
    /// How often an answer broke off and was asked to go on. None: never.
    pub resumes: Option<u64>,
    pub took: Duration,
    pub ended_by: EndedBy,
    pub why: String,
    /// Set when it failed.
    pub id: Option<FaultId>,
}

impl Record {
    pub fn tell(&self) {
        let Self { conn, peer, upstream, sent, received, requests, resumes, took, ended_by, why, id } = self;
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let upstream = upstream.map_or_else(|| "none".to_owned(), |address| address.to_string());
        if let Some(id) = id {
            warn!(conn, %peer, upstream, sent, received, requests, resumes, took_ms, %ended_by, why, %id, "connection failed");
        } else {
            debug!(conn, %peer, upstream, sent, received, requests, resumes, took_ms, %ended_by, why, "connection closed");
        }
    }
}
