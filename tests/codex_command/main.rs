//! `ollama-forward codex …` as people and scripts meet it: what Codex is given, what is left behind, how it ends. Codex is a
//! script that notes its words; the forward is a real one, with the demo or a few made-up models behind it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bed;
mod files;
mod ollama;
mod start;
mod terminal;

#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/stand_in.rs"]
mod stand_in;
