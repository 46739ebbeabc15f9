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
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::capture::Tap;
use crate::capture::settings::INSPECT;
use crate::capture::store::{Desk, Library, StoreError};
use crate::net::listen::{BindError, Listener, bind};
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
    pub replay_to: Option<SocketAddr>,
    pub lang: Lang,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("replay_to", &self.replay_to).field("lang", &self.lang).finish_non_exhaustive()
    }
}

/// Binds the page's port: the one that was asked for; or the usual one, and where that is taken, any other.
pub fn listen(named: Option<SocketAddr>) -> Result<Listener, BindError> {
    // A browser on Windows has to reach it: not hidden from there.
    match (named, bind(named.unwrap_or(INSPECT), false)) {
        (None, Err(_)) => bind(SocketAddr::new(INSPECT.ip(), 0), false),
        (_, bound) => bound,
    }
}

/// Takes in what another process writes, now and then. Runs until dropped.
pub async fn follow(library: Library, failed: impl Fn(&StoreError)) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if let Err(error) = library.refresh() {
            failed(&error);
        }
    }
}
