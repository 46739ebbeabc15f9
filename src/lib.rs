//! The map. `ollama-forward` brings clients in WSL2 to Ollama on Windows.
//!
//! # One byte's way
//! [`net::listen`] accepts it → [`forward`] makes a session → [`gateway`] says where Windows is now → [`net::dial`]
//! connects → [`net::relay`] carries it, copied when small, spliced when much → the session's closing record.
//!
//! With `--translate`, [`bridge`] makes the session: it reads HTTP, and keeps links to the upstream of its own.
//!
//! # How Windows is found
//! netlink notices → `gateway::settle` → a whole [`gateway::Snapshot`] → [`gateway::select`] gives candidates →
//! [`gateway::identify`] asks who they are → [`gateway::Whereabouts`], which everybody else watches.
//!
//! # Who knows whom
//! ```text
//! main → app ─┬→ cli → config → net
//!             ├→ bridge ──→ forward, gateway, net, translate
//!             ├→ forward ─→ gateway ─→ net ─→ clock
//!             ├→ report ──→ forward, gateway, status
//!             └→ demo, status, log
//! ```
//! `fault` (what can go wrong) and `clock` (time and chance) know nobody and may be known by all. Pure, without any I/O:
//! `config`, `fault`, `gateway::{select, settle}`, `bridge::{host, route}`, `bridge::socket::{memory, message, split}`, and
//! the judging halves of `gateway::{wsl, identify}`.
//! `tests/architecture.rs` holds this table.
//!
//! # Invariants
//! - An address that was only discovered gets no client byte before it answered `GET /api/version` as Ollama.
//! - The network's state is read anew after each notice, never patched.
//! - A stream that breaks ends in a reset, never in a clean FIN; one half that ends does not end the other.
//! - Nothing is sent to an upstream twice: attempts are repeated only while no byte has gone there.
//! - Each connection tells exactly one closing record. Contents are never logged.
//! - An idle connection owns no buffer and no pipe.
//! - `translate` does no I/O and reads no clock. (Its bridge is not built yet; no command uses it.)
//! - Every task belongs to a `JoinSet` and ends with it.

pub mod app;
pub mod bridge;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod fault;
pub mod forward;
pub mod gateway;
pub mod log;
pub mod net;
pub mod report;
pub mod status;
pub mod translate;
