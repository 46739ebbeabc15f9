//! `ollama-forward codex` with the real Codex CLI, before the demo, on a machine of its own from which nothing gets out.
//!
//! Needs three versions of Codex (`scripts/get-codex`, and their paths in `OLLAMA_FORWARD_CODEX`, `…_0130`, `…_098`) and
//! what the lab of `netns` needs; `scripts/test` sees to it. Each Codex has a home of its own, and whoever it looks up or
//! connects to is remembered.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

#[expect(unused_imports, reason = "the log of a forward is for the other targets")]
mod forward {
    //! What `netns` calls by this name.
    pub(crate) use crate::support::forward::{Forward, SOON};
}
#[expect(dead_code, reason = "the rest is for the scenarios of netns")]
#[path = "../netns/host.rs"]
mod host;
mod outside;
mod run;
mod scene;
#[expect(dead_code, reason = "the rest is for the other targets")]
#[path = "../support/mod.rs"]
mod support;
mod upstream;

/// A test of each of these for each version of Codex.
macro_rules! on_every_version {
    ($($name:ident),* $(,)?) => {
        mod v0_98 {
            $(#[test]
            #[ignore = "needs Codex: scripts/get-codex"]
            fn $name() {
                super::$name($crate::scene::Version::V0_98);
            })*
        }
        mod v0_130 {
            $(#[test]
            #[ignore = "needs Codex: scripts/get-codex"]
            fn $name() {
                super::$name($crate::scene::Version::V0_130);
            })*
        }
        mod v0_169 {
            $(#[test]
            #[ignore = "needs Codex: scripts/get-codex"]
            fn $name() {
                super::$name($crate::scene::Version::V0_169);
            })*
        }
    };
}

mod first;
mod installed;
mod resume;
mod terminal;
mod traffic;
