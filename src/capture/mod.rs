//! What clients and models really say to each other, kept for a person to look at. Off until asked for.
//!
//! ```text
//! bridge ── Reel ──► Tap (a bounded queue) ──► writer (its own thread) ──┬─► redact ─► store: index.jsonl, parts.zst
//!   the data path: pushes, never waits          understands, counts      └─► Library: rows, news ─► inspect, commands
//! ```
//!
//! The data path hands over references to bytes that it has anyway ([`tap`]); everything that costs time happens behind the
//! queue: taking apart, recognising secrets, writing ([`store`]), and making sense of it ([`understand`]).
//!
//! # Words
//! An *exchange* is one request with its answer. It has up to four *panes*: what the client asked, what the upstream was
//! asked, what the upstream answered, what the client got; two where nothing is translated. A *row* is an exchange in a
//! line ([`record::Row`]), a *view* is all that can be said of it ([`view::View`]). A *session* is what one client did in
//! one go: Codex names its own, others get one a run.

pub mod id;
pub mod record;
pub mod sentences;
pub mod settings;
pub mod tap;
pub mod view;

pub use id::ExchangeId;
pub use record::Pane;
pub use settings::Settings;
pub use tap::{Reel, Tap};
pub mod export;
pub mod gauge;
pub mod query;
pub mod redact;
pub mod store;
pub mod understand;
