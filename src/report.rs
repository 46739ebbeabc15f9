//! Gathers what `status` tells of this run.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::bridge::{Latest, Said};
use crate::clock;
use crate::config::{Config, Upstream};
use crate::fault::Fault;
use crate::forward::{Shared, Target, Totals};
use crate::gateway::Whereabouts;
use crate::gateway::wsl::Mode;
use crate::net::listen::Listener;
use crate::status::{Bytes, Connections, Exchange, Report, ReportedFault, State};

#[derive(Debug)]
pub struct Reporter {
    shared: Arc<Shared>,
    listen: Vec<String>,
    mode: Option<Mode>,
    is_demo: bool,
    translate: bool,
    started: Instant,
    /// Of the bridge, once there is one.
    latest: OnceLock<Latest>,
    seen: Mutex<Seen>,
}

/// What was learnt on the way.
#[derive(Debug)]
struct Seen {
    /// The gateway was found, lost or moved.
    changed: Instant,
    /// Version of a named upstream.
    version: Option<String>,
}

impl Reporter {
    pub fn new(config: &Config, mode: Option<Mode>, listeners: &[Listener], shared: Arc<Shared>) -> Arc<Self> {
        let now = clock::now();
        Arc::new(Self {
            shared,
            listen: listeners.iter().map(|listener| listener.address.to_string()).collect(),
            mode,
            is_demo: config.upstream == Upstream::Demo,
            translate: config.bridge.translate,
            started: now,
            latest: OnceLock::new(),
            seen: Mutex::new(Seen { changed: now, version: None }),
        })
    }

    /// The gateway is another one now.
    pub fn changed(&self, now: Instant) {
        self.lock().changed = now;
    }

    /// Where the bridge keeps how its last exchange went. A second place is not looked at.
    pub fn hears_of(&self, latest: Latest) {
        let _ = self.latest.set(latest);
    }

    /// A named upstream told its version.
    pub fn identified(&self, version: String) {
        self.lock().version = Some(version);
    }

    pub fn report(&self, now: Instant) -> Report {
        let (state, how, fault, mut ollama) = self.state();
        let seen = self.lock();
        ollama = ollama.or_else(|| seen.version.clone());
        let changed = self.shared.health.changed().map_or(seen.changed, |changed| changed.max(seen.changed));
        drop(seen);
        let Totals { open, total, failed, refused, sent, received } = self.shared.ledger.totals();
        Report {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            listen: self.listen.clone(),
            translate: self.translate,
            mode: self.mode.as_ref().map(|mode| mode.word().to_owned()),
            upstream: (state != State::Searching).then(|| self.shared.target.to_string()),
            state,
            how,
            ollama,
            error: fault.map(|fault| ReportedFault {
                id: fault.id.to_string(),
                next: fault.id.next().en,
                message: fault.what.en,
            }),
            uptime_ms: milliseconds(now.saturating_duration_since(self.started)),
            changed_ms_ago: milliseconds(now.saturating_duration_since(changed)),
            connections: Connections { open, total, failed, refused },
            bytes: Bytes { sent, received },
            capture: None,
            exchange: self.latest.get().and_then(Latest::get).map(|said| exchange(said, now)),
        }
    }

    fn state(&self) -> (State, String, Option<Fault>, Option<String>) {
        let fault = self.shared.health.fault();
        let state = if fault.is_some() { State::Down } else { State::Up };
        match &self.shared.target {
            Target::Address(_) if self.is_demo => (state, "demo".into(), fault, None),
            Target::Address(_) | Target::Name(_) => (state, "named".into(), fault, None),
            Target::Gateway(watch) => match watch.current() {
                Whereabouts::Found(gateway) => (state, gateway.how.to_string(), fault, Some(gateway.version.clone())),
                Whereabouts::Searching(fault) => {
                    (State::Searching, "not found yet".into(), Some((*fault).clone()), None)
                }
                Whereabouts::NotNeeded(_) => (State::Searching, "not needed".into(), None, None),
            },
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exchange(said: Said, now: Instant) -> Exchange {
    let Said { model, result, tokens_per_s, tokens_out, ended } = said;
    let ended_ms_ago = milliseconds(now.saturating_duration_since(ended));
    Exchange { model, result: result.to_owned(), tokens_per_s, tokens_out, ended_ms_ago }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
