//! The map. `ollama-forward` brings clients in WSL2 to Ollama on Windows, and with `--translate` Codex to its models.
//!
//! # One byte's way
//! [`net::listen`] accepts it → [`forward`] makes a session → [`gateway`] says where Windows is now → [`net::dial`]
//! connects → [`net::relay`] carries it, copied when small, spliced when much → the session's closing record.
//!
//! # One request's way (`--translate`)
//! The same listener → [`bridge`] makes the session, and reads HTTP → `bridge::host`: may this client ask? →
//! `bridge::route`: what is it?
//!
//! ```text
//!            ┌─ a response ──► exchange: unpacked, parsed ──► translate::request ──► a prompt and a table of tools
//!            │                                                       │
//! route ─────┤        events ◄── translate::answer ◄── translate::wire ◄── upstream: a link, asked and read
//!            │                       ├─ tools: whose call is it          │
//!            │                       ├─ recover: was one printed         └─ broke? asked for the rest: the same answer
//!            │                       └─ repair: does it fit
//!            ├─ a WebSocket ─► socket: exchanges, one after another
//!            ├─ health, metrics ─► respond
//!            └─ all else ────► pass: as it is, there and back
//! ```
//! Whoever reads the events drives all of it, in one task: a byte from Ollama is an event in the same poll. When the
//! reader goes, the link goes, and the model stops; only a load is kept (`bridge::exchange::lobby`). The exchange's last
//! line, and its block with `--debug`, are `bridge::exchange::record`.
//!
//! # What is captured (`--capture`)
//! `bridge` sees HTTP, with or without a translation, and hands each part of it to a [`capture::Reel`], which goes on being
//! the data path's own business for some nanoseconds: a push into a bounded queue. Behind it:
//!
//! ```text
//! Tap ──► capture::store::Writer (a thread) ──► redact ──► index.jsonl, parts.zst
//!           └──► understand, gauge ──► Library: rows, news ─┬─► inspect (a thread): the page
//!                                                           └─► `ollama-forward capture …`, through export, query
//! ```
//! A running forward is told what to do by [`control`], over a unix socket; `app::recorder` joins all of it. How things are
//! it tells whoever asks over the socket of [`status`], and on a terminal by a line below its log ([`log::Pin`]).
//!
//! # Daily use
//! ```text
//! setup ────► looks, with the doctor's eyes ──► asks ──► config.toml, then `codex --install` and `service install`
//! codex ────► a forward: the one that runs, or app::background ──► a model, loaded ──► launch: what Codex is told ──► Codex
//! service ──► service: a unit, a plist, a line of a profile ──► systemd, which a run answers by app::notify, and which keeps
//!             its sockets over a restart (net::inherit)
//! setup --from-socat ──► migrate: what of an old script, its process and its aliases is recognised, and taken out
//! ```
//! Each command's flow is in [`app`]; what it decides stands in a module of its own, without I/O.
//!
//! # How Windows is found
//! netlink notices → `gateway::settle` → a whole [`gateway::Snapshot`] → [`gateway::select`] gives candidates →
//! [`gateway::identify`] asks who they are → [`gateway::Whereabouts`], which everybody else watches.
//!
//! # Who knows whom
//! ```text
//! main → app ─┬→ cli → config, fault, launch → bridge::settings, capture::settings, net, words
//!             ├→ doctor ──→ bridge, capture, config, demo, forward, gateway, launch, migrate, net, program, service, status, words
//!             ├→ launch ──→ words
//!             ├→ bridge ──→ capture, forward, gateway, net, translate
//!             ├→ inspect ─→ capture, net, words
//!             ├→ control ─→ capture
//!             ├→ forward ─→ gateway ─┬→ net ─→ clock
//!             │                      └→ program
//!             ├→ report ──→ bridge, forward, gateway, status
//!             └→ demo, status, log
//! ```
//! `fault` (what can go wrong) and `clock` (time and chance) know next to nobody and may be known by all; `translate`,
//! `demo`, `program` (runs other programs), `service` (texts by which it starts with the system) and `words` (sentences in
//! both languages) know nobody. Pure, without any I/O: `translate`, `config`, `fault`, `launch`, `migrate`, `service`,
//! `words`, `gateway::{select, settle}`, the script of `demo`, the judging halves of `gateway::{wsl, identify}`, all of
//! capture but `store` and `tap`; of the bridge `catalog, host, metrics, models, route, settings, store, titles, unpack` and
//! `socket::{memory, message, split}`; of the doctor `bugreport` with its `redact`, `check`, `fact`, `figures`, `fix::diff`,
//! `render`, the `checks` of each area, all of `codex` but its `gather`, and `service::unit`; of `app::setup` its `plan`, its
//! `keys` and what it may `tell`; of `app::manual` its `page` and `texts`. `tests/architecture.rs` holds this table.
//!
//! # Invariants
//! - An address that was only discovered gets no client byte before it answered `GET /api/version` as Ollama.
//! - The network's state is read anew after each notice, never patched.
//! - A stream that breaks ends in a reset, never in a clean FIN; one half that ends does not end the other.
//! - Forwarded, nothing is sent to an upstream twice: attempts are repeated only while no byte has gone there.
//! - Each connection tells exactly one closing record, each exchange exactly one line.
//! - Contents, keys and `Authorization` are never logged, and keys go no further than to us.
//! - An idle connection owns no buffer and no pipe.
//! - Every task belongs to a `JoinSet` and ends with it.
//!
//! And of the bridge:
//! - A response has exactly one last event, whatever breaks, and never more than one open item ([`translate::answer`]).
//! - A call is given out once, when it is complete and fits; what a client has seen is never said again.
//! - What looks like a printed call stays text, unless the rule of [`translate::recover`] holds in full.
//! - What is well-formed is never mended, what could mean two things is never guessed, every mend is a note
//!   ([`translate::repair`]).
//! - Nothing of a request is dropped without a [`translate::request::Loss`].
//! - An upstream is asked again, for what is missing, only as part of the same response.
//! - When a client leaves, its upstream stops. A load goes on, for whoever asks the same again.
//! - `translate` does no I/O, and reads no clock.
//!
//! And of capture:
//! - The data path never waits for it: what finds no room is counted, and its exchange marked.
//! - Nothing is kept that nobody asked for; nothing is written before secrets are taken out.
//! - What was written whole is never lost by a crash; what is deleted leaves no byte.
//! - The page runs nothing, asks nobody but us, and shows all that was captured as text.

pub mod app;
pub mod bridge;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod demo;
pub mod doctor;
pub mod fault;
pub mod file;
pub mod forward;
pub mod gateway;
pub mod inspect;
pub mod launch;
pub mod log;
pub mod migrate;
pub mod net;
pub mod program;
pub mod report;
pub mod service;
pub mod status;
pub mod translate;
pub mod words;
