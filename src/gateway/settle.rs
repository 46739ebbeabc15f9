//! A burst of notices becomes one re-read. Pure: it is told the time and says when it is due.
//!
//! ```text
//! Quiet --notice--> Pending --notice--> Pending --due--> Quiet
//! ```
//! A re-read is due when no notice came for [`QUIET`], or [`LONGEST`] after the first notice of a storm that never ends.

use std::time::{Duration, Instant};

/// Notices of one change arrive within a few milliseconds; 75 ms lies inside the 50–100 ms that were measured to be enough.
pub const QUIET: Duration = Duration::from_millis(75);
/// A storm (thousands of routes) must not postpone the re-read for ever.
pub const LONGEST: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub struct Settle {
    pending: Option<Pending>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    first: Instant,
    last: Instant,
}

impl Settle {
    /// Something changed.
    pub fn notice(&mut self, now: Instant) {
        let first = self.pending.map_or(now, |pending| pending.first);
        self.pending = Some(Pending { first, last: now });
    }

    /// When the re-read is due, if anything changed at all.
    pub fn due(&self) -> Option<Instant> {
        self.pending.map(|pending| (pending.last + QUIET).min(pending.first + LONGEST))
    }

    /// The re-read begins; what is noticed from now on belongs to the next one.
    pub fn begin(&mut self) {
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notices at these milliseconds; due at that one.
    #[track_caller]
    fn check(notices: &[u64], due: Option<u64>) {
        let start = crate::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut settle = Settle::default();
        for &ms in notices {
            settle.notice(at(ms));
        }
        assert_eq!(settle.due(), due.map(at));
    }

    #[test]
    fn nothing_noticed_is_never_due() {
        check(&[], None);
    }

    #[test]
    fn one_notice_is_due_after_the_quiet_time() {
        check(&[10], Some(85));
    }

    #[test]
    fn each_further_notice_postpones_it() {
        check(&[0, 30, 60], Some(135));
    }

    #[test]
    fn a_storm_cannot_postpone_it_for_ever() {
        let storm: Vec<u64> = (0..100).map(|n| n * 50).collect();
        check(&storm, Some(500));
    }

    #[test]
    fn after_the_reread_began_it_is_quiet_again() {
        let mut settle = Settle::default();
        settle.notice(crate::clock::now());
        settle.begin();
        assert_eq!(settle.due(), None);
    }
}
