//! The bridge on loopback: the real program with `--translate`, between a client and an upstream whose every byte, and
//! every misdeed, is in the test's hands.
//!
//! What passes through must be what it would be without us: `lane_http` reads HTTP/1.1 to the letter for that. What is
//! translated is told by `script`, said by `fake`, heard by `client` and judged, as to its form, by `grammar`.
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

mod capture;
mod chat;
mod errors;
mod lane;
mod lane_http;
mod lane_who;
mod liveness;
mod load;
mod load_raw;
mod lobby;
mod pass;
mod pass_breaks;
mod pass_same;
mod recovery;
mod resume;
mod socket;
mod state;
mod text;
mod tools;
