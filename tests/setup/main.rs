//! `ollama-forward setup` as people and scripts meet it: on a terminal in both languages, without one, and interrupted at each of
//! its questions. Ollama is the built-in demo, or one of the test's own on a port of its own; `codex --install` and `service
//! install` are played by a stand-in that writes down how it was called.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

mod bed;
mod quiet;
mod talk;
mod terminal;

#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/stand_in.rs"]
mod stand_in;
