//! Codex, as it is started: profile, catalogue, command, and how to come back. Pure.
//!
//! ```text
//! gates: what does this Codex know? ─┐
//! instructions ──► catalogue ────────┼─► Setup ─┬─► overrides ──► command: codex -c … -m MODEL ARGS   (nothing is left behind)
//! what was typed ──► args: allowed? ─┘          ├─► profile      NAME.config.toml                     (`--install`)
//!                                               └─► block        between marks in config.toml        (`--install`, older ones)
//! a session's first line ──► rollout ──► command::resume
//! ```
//! All that is said of Codex was measured with 0.98.0, 0.130.0 and 0.169.0.

pub mod alias;
pub mod args;
pub mod block;
pub mod catalogue;
pub mod command;
pub mod gates;
pub mod instructions;
pub mod rollout;
mod setup;

pub use gates::{Gates, Version};
pub use instructions::Instructions;
pub use setup::Setup;

/// Both the profile and the provider in it: a name that nobody else uses.
pub const PROFILE: &str = "ollama-forward";
