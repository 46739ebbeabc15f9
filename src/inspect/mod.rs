//! The page: what is captured, live, in a browser; and the same as JSON, for programs.
//!
//! ```text
//! serve ─ a connection ─> guard (may it?) ─> route ─┬─> reads ─ look, list, export ─┐
//!                          └─ no token: door        ├─> writes, replay              ├─ Library, Desk
//!                                                   ├─> events ─ ring               │
//!                                                   ├─> old (codex_capture) ────────┘
//!                                                   └─> assets
//! ```
//! What takes time (reading and understanding megabytes) is done aside, so that news go on.

mod answer;
mod assets;
mod door;
mod events;
mod export;
mod guard;
mod list;
mod look;
mod old;
mod one_file;
mod range;
mod reads;
mod replay;
mod ring;
mod route;
mod serve;
mod writes;

use std::fmt;
use std::sync::Arc;

use crate::capture::Tap;
use crate::capture::store::{Desk, Library};
use crate::words::Lang;

pub use door::Door;
pub use one_file::one_file;
pub use serve::serve;

/// What the page may do and show. What is not capture's business comes in as functions.
pub struct Parts {
    pub library: Library,
    /// None: another process writes, or nobody; then the page only reads.
    pub desk: Option<Desk>,
    pub tap: Option<Tap>,
    /// Turns capture on or off.
    pub switch: Option<Arc<dyn Fn(bool) + Send + Sync>>,
    /// Facts on the running forward, for `/api/v1/state`: any JSON.
    pub forward: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// Where a replay is sent: our own listener. None: there is none.
    pub replay_to: Option<std::net::SocketAddr>,
    pub lang: Lang,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("replay_to", &self.replay_to).field("lang", &self.lang).finish_non_exhaustive()
    }
}
