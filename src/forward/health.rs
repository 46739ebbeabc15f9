//! Is the upstream up? Learnt from the connections themselves; says so in one line when it changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::{info, warn};

use crate::fault::Fault;

#[derive(Debug, Default)]
pub struct Health {
    /// Mirrors `fault.is_some()`, so that a connection that works costs no lock.
    is_down: AtomicBool,
    fault: Mutex<Option<Fault>>,
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
            warn!(%upstream, id = %fault.id, why = %fault, next = fault.id.next(), "upstream down");
        }
    }

    /// Why it is down, when it is.
    pub fn fault(&self) -> Option<Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, fault: Option<Fault>) -> Option<Fault> {
        let mut current = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_down.store(fault.is_some(), Ordering::Relaxed);
        std::mem::replace(&mut *current, fault)
    }
}
