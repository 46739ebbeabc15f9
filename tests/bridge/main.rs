//! The program with `--translate`, between real sockets: what passes through must be what it would be without us.
//!
//! `lane_http` reads HTTP/1.1 to the letter, the rest are the scenarios; the tools are those of the forwarder's tests.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

mod bed;
#[expect(dead_code, reason = "the rest is for other scenarios")]
mod client;
#[expect(dead_code, reason = "the rest is for other scenarios")]
mod fake;
mod grammar;
#[expect(dead_code, reason = "the rest is for the other target")]
#[path = "../forward/place.rs"]
mod place;
#[expect(dead_code, reason = "the rest is for other scenarios")]
mod script;
#[expect(dead_code, reason = "the rest is for the other targets")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the rest is for the other target")]
#[path = "../forward/wire.rs"]
mod wire;

mod chat;
mod lane;
mod lane_http;
mod lane_who;
mod load;
mod load_raw;
mod lobby;
mod pass;
mod pass_breaks;
mod pass_same;
