//! Counts of this run, for the status.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::net::relay::Moved;

#[derive(Debug, Default)]
pub struct Ledger {
    total: AtomicU64,
    ended: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    pub moved: Moved,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub open: u64,
    pub total: u64,
    /// Ended by the upstream's failure, or never reached it.
    pub failed: u64,
    /// Not admitted: too many were open.
    pub refused: u64,
    /// Bytes from clients to the upstream.
    pub sent: u64,
    /// Bytes from the upstream to clients.
    pub received: u64,
}

impl Ledger {
    pub fn opened(&self) {
        self.total.fetch_add(1, Ordering::Relaxed);
    }

    pub fn ended(&self, failed: bool) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub fn totals(&self) -> Totals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let ended = read(&self.ended);
        let total = read(&self.total);
        Totals {
            open: total.saturating_sub(ended),
            total,
            failed: read(&self.failed),
            refused: read(&self.refused),
            sent: read(&self.moved.sent),
            received: read(&self.moved.received),
        }
    }
}
