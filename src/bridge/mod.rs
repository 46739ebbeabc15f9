//! Layer 7: the same port as [`crate::forward`], read as HTTP. Requests of the Responses API are translated where that is
//! asked for, all others pass through as they are; all are captured where that is asked for ([`crate::capture`]).
//!
//! ```text
//! serve ─ a client's connection ─> host (may it?) ─> route ─┬─> exchange ─┐
//!                                                           ├─> socket ───┤ (exchanges, one after another)
//!                                                           ├─> pass ─────┴─> upstream (links)
//!                                                           └─> respond (our own few words)
//! ```

pub mod catalog;
mod exchange;
mod host;
mod latest;
mod learnt;
mod line;
pub mod metrics;
pub mod models;
mod pass;
mod respond;
mod route;
mod serve;
pub mod settings;
mod small;
mod socket;
pub mod store;
mod tape;
pub mod titles;
pub mod unpack;
mod upstream;

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use http_body_util::Full;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};

use self::exchange::Lobby;
pub use self::exchange::Run;
use self::learnt::Learnt;
use self::metrics::Metrics;
use self::models::Models;
use self::settings::Settings;
use self::store::Store;
use crate::capture::Tap;
use crate::clock;
use crate::forward::Shared;

pub use host::Known;
pub use latest::{Latest, Said};
pub use pass::{Passing, Upload};
pub use route::Operation;
pub use serve::serve;
pub use upstream::{Link, Outgoing, Unanswered, Upstream};

/// Model → tokens. May read files: it is called where that holds nobody up.
pub type Believed = Arc<dyn Fn(&str) -> Option<u64> + Send + Sync>;

/// What all exchanges share.
pub struct Bridge {
    pub shared: Arc<Shared>,
    pub upstream: Upstream,
    /// The names by which clients may call us.
    pub known: Known,
    pub settings: Settings,
    /// Where exchanges are captured, when they are.
    pub tap: Tap,
    /// What Codex takes for the window of a model. Only told to capture.
    pub believed: OnceLock<Believed>,
    /// The exchange that ended last, for whoever shows it.
    pub latest: Latest,
    learnt: Learnt,
    lobby: Lobby,
    store: Mutex<Store>,
    models: Mutex<Models>,
    metrics: Metrics,
    started: Instant,
}

impl Bridge {
    pub fn new(shared: Arc<Shared>, known: Known, settings: Settings, tap: Tap) -> Arc<Self> {
        let upstream = Upstream::new(Arc::clone(&shared));
        let store = Mutex::new(Store::new(settings.stored_responses, store::MOST_BYTES));
        let models = Mutex::new(Models::new(settings.subagents));
        let (learnt, lobby) = (Learnt::default(), Lobby::default());
        let (metrics, started) = (Metrics::default(), clock::now());
        let (believed, latest) = (OnceLock::new(), Latest::default());
        Arc::new(Self {
            shared,
            upstream,
            known,
            settings,
            tap,
            believed,
            latest,
            learnt,
            lobby,
            store,
            models,
            metrics,
            started,
        })
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn models(&self) -> MutexGuard<'_, Models> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes on beside the connections. Runs until dropped.
    pub async fn keep_house(&self) {
        tokio::join!(self.upstream.tidy(), self.lobby.run(), self.learnt.run(self));
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").field("idle_links", &self.upstream.idle()).finish_non_exhaustive()
    }
}

/// Why a body broke off. The client's connection is then reset.
pub type Broken = Box<dyn Error + Send + Sync>;

/// The body of an answer to a client.
pub enum Body {
    Whole(Full<Bytes>),
    /// The upstream's, as it comes.
    Passing(Passing),
    /// A response's, made while they are read.
    Events(Box<Run>),
}

impl Body {
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Full::new(bytes.into()))
    }

    pub fn empty() -> Self {
        Self::Whole(Full::default())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Passing(_) => "Passing",
            Self::Events(_) => "Events",
        })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Self::Passing(passing) => Pin::new(passing).poll_frame(cx).map_err(Into::into),
            Self::Events(run) => Pin::new(&mut **run).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Passing(passing) => passing.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Passing(passing) => passing.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
