//! How long things took, in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bounds, in milliseconds; the last bucket has none.
pub(super) const MOST_BOUNDS: usize = 12;

#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; MOST_BOUNDS + 1],
    microseconds: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, bounds: &[u64], took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = bounds.iter().position(|bound| microseconds <= bound * 1000).unwrap_or(bounds.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// How many took at most each bound, how many there were in all, and what they sum up to.
    pub(super) fn read(&self, bounds: &[u64]) -> (Vec<u64>, u64, Duration) {
        let mut below = 0;
        let mut up_to = |bucket: &AtomicU64| {
            below += bucket.load(Ordering::Relaxed);
            below
        };
        let buckets = self.buckets[..bounds.len()].iter().map(&mut up_to).collect();
        let all = up_to(&self.buckets[bounds.len()]);
        (buckets, all, Duration::from_micros(self.microseconds.load(Ordering::Relaxed)))
    }
}
