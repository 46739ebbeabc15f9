//! The bridge on loopback: the real program between a client of the Responses API and an Ollama whose every byte, and
//! every misdeed, is in the test's hands.
//!
//! `script` is what the upstream says, `fake` says it, `client` hears what becomes of it, `grammar` judges its form.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

mod bed;
mod client;
mod fake;
mod grammar;
#[expect(dead_code, reason = "the rest is for the forwarder")]
#[path = "../forward/place.rs"]
mod place;
mod script;
#[expect(dead_code, reason = "the rest is for the other targets")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the rest is for the forwarder")]
#[path = "../forward/wire.rs"]
mod wire;

mod errors;
mod liveness;
mod recovery;
mod resume;
mod socket;
mod state;
mod text;
mod tools;
