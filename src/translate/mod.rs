//! Responses ⇄ chat: the pure half of the bridge. No I/O, no clock; one request and its answer at a time.
//!
//! ```text
//! request ──request──► Prompt ──► body for /api/chat or /v1/chat/completions
//!            │  └─ tools: each declaration a plain function, and back
//!            └──────► losses: what no chat model can do
//!
//! bytes ──wire──► Chunk* ──answer──► events
//!           │                ├─ recover: calls that were printed as text
//!           │                └─ repair: names and arguments that need mending
//!           └─ failure: why there is none, and what a client makes of it
//!                └─ policy: what now? once more, from where it broke, or the end
//! ```

pub mod answer;
pub mod failure;
pub mod policy;
pub mod recover;
pub mod repair;
pub mod request;
pub mod tools;
pub mod wire;

use serde_json::{Map, Value};

/// A function that the model may call, as the upstream was told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Unique among the tools of one request.
    pub name: String,
    /// A JSON schema of type `object`.
    pub parameters: Value,
}

/// Who asks: what a client makes of an answer differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Codex throws a turn away that is `incomplete` (0.98 to 0.169), so a cut answer is `completed` for it.
    Codex,
    Other,
}

/// A call that is complete and checked: its name is declared, its arguments fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: String,
    pub arguments: Map<String, Value>,
}
