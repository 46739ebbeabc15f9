//! The forwarder on loopback: the real program between real sockets, whose every byte is in the test's hands.
//!
//! Needs nothing but 127.0.0.0/8 and `::1`. What one test cannot have everywhere, it asks for, and else says
//! `SKIP forward <test>: <reason>` on stderr. `place` and `wire` are the tools, the rest are the scenarios.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

mod place;
#[expect(dead_code, reason = "the rest is for the other targets")]
#[path = "../support/mod.rs"]
mod support;
mod wire;

mod absent;
mod bulk;
mod bytes;
mod crowds;
mod demo;
mod descriptors;
mod endings;
mod names;
mod places;
mod pressure;
mod secrets;
mod status;
mod stopping;
mod strangers;
