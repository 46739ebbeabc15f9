//! Is the upstream up? Learnt from the connections themselves; says so in one line when it changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::{info, warn};

use crate::clock;
use crate::fault::Fault;

#[derive(Debug, Default)]
pub struct Health {
    /// Mirrors `state.fault.is_some()`, so that a connection that works costs no lock.
    is_down: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    /// None while it was never down.
    changed: Option<Instant>,
}

impl Health {
    /// A connection reached the upstream.
    pub(super) fn reached(&self, upstream: impl std::fmt::Display) {
        if self.is_down.load(Ordering::Relaxed) && self.set(None).is_some() {
            info!(%upstream, "upstream up");
        }
    }

    /// A connection did not.
    pub(super) fn missed(&self, upstream: impl std::fmt::Display, fault: &Fault) {
        if self.set(Some(fault.clone())).is_none() {
            let Fault { id, what: why, .. } = fault;
            warn!(%upstream, %id, %why, next = %id.next(), "upstream down");
        }
    }

    /// Why it is down, when it is.
    pub fn fault(&self) -> Option<Fault> {
        self.lock().fault.clone()
    }

    /// When it went down or came up last.
    pub fn changed(&self) -> Option<Instant> {
        self.lock().changed
    }

    fn set(&self, fault: Option<Fault>) -> Option<Fault> {
        let mut state = self.lock();
        if state.fault.is_some() != fault.is_some() {
            state.changed = Some(clock::now());
        }
        self.is_down.store(fault.is_some(), Ordering::Relaxed);
        std::mem::replace(&mut state.fault, fault)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
