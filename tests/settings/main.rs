//! `config` and `setup --from-socat` as people meet them: the program, a home of its own, and nothing else of the machine.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bed;
mod config;
mod migrate;
mod shadow;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/stand_in.rs"]
mod stand_in;
mod version;
