//! The doctor when little or nothing works around it: every missing fact is unknown and says why, and nothing is left behind.
//!
//! Needs no namespaces and no network: it asks about a WSL that is a directory, in which nothing answers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bed;
mod command;
mod nothing;
mod report;
