//! The real Codex CLI through the bridge, before an Ollama that says what a test has it say.
//!
//! Needs three versions of Codex (`scripts/get-codex`, and their paths in `OLLAMA_FORWARD_CODEX`, `…_0130`, `…_098`);
//! `scripts/test` sees to it. Everything is on loopback, each Codex with a home of its own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

#[expect(dead_code, reason = "the rest is for the bridge alone")]
#[path = "../bridge/fake/mod.rs"]
mod fake;
#[expect(dead_code, reason = "the rest is for the forwarder")]
#[path = "../forward/place.rs"]
mod place;
mod run;
#[expect(dead_code, reason = "the rest is for the bridge alone")]
#[path = "../bridge/script.rs"]
mod script;
#[expect(dead_code, reason = "the rest is for the other targets")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the rest is for the forwarder")]
#[path = "../forward/wire.rs"]
mod wire;

/// A test of each of these for each version of Codex.
macro_rules! on_every_version {
    ($($name:ident),* $(,)?) => {
        mod v0_98 {
            $(#[test]
            #[ignore = "needs Codex: scripts/get-codex"]
            fn $name() {
                super::$name($crate::run::Version::V0_98);
            })*
        }
        mod v0_130 {
            $(#[test]
            #[ignore = "needs Codex: scripts/get-codex"]
            fn $name() {
                super::$name($crate::run::Version::V0_130);
            })*
        }
        mod v0_169 {
            $(#[test]
            #[ignore = "needs Codex: scripts/get-codex"]
            fn $name() {
                super::$name($crate::run::Version::V0_169);
            })*
        }
    };
}

mod broken;
mod capture;
mod history;
mod printed;
mod tools;
mod tui;
mod turns;
