//! `ollama-forward capture …` as people and scripts meet it: what it prints, with which exit code, and what it leaves on
//! disk. Exchanges are written by a real writer, the forwarder that runs is a real one with the demo behind it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bed;
mod changes;
mod files;
mod forward;
mod reads;
mod terminal;

#[path = "../support/skip.rs"]
mod skip;
