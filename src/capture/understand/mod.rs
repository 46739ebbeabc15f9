//! Makes sense of bytes: what was asked, what was answered, when, and what is wrong with it. Pure, and calm: whatever the
//! bytes are, there is an answer, in time that grows with their number.
//!
//! ```text
//! Message ─form─► json ─────────────► request: entries ─► items, tools, parameters ─┐
//!                 └─ frames ─► answer: records ─► draft ─► items, usage, times ─────┼─► row, view, diff
//! headers, body ────────────► thread ───────────────────────────────────────────────┘
//! ```
//! Answers are read by the shape of their records and not by the path: whoever speaks a known language is understood.

mod answer;
mod call;
mod diff;
mod errors;
mod form;
mod frames;
mod hints;
mod items;
mod json;
mod overall;
mod previous;
mod request;
mod row;
mod sides;
mod state;
mod thread;
mod times;
mod user;
mod weigh;

#[cfg(test)]
mod tests;

pub use diff::diff;
pub use overall::view;
pub use previous::previous;
pub use row::row;
pub use state::state;
