//! How the exchange went that ended last. Numbers and the model's name; nothing that was said.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Kept once an exchange, and read when somebody looks. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Latest(Arc<Mutex<Option<Said>>>);

/// What is told of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub model: String,
    /// As in the log: `completed`, `incomplete`, `failed`.
    pub result: &'static str,
    /// None: too few tokens to tell.
    pub tokens_per_s: Option<u64>,
    pub tokens_out: Option<u64>,
    pub ended: Instant,
}

impl Latest {
    /// None: none has ended in this run.
    pub fn get(&self) -> Option<Said> {
        self.lock().clone()
    }

    pub(super) fn keep(&self, said: Said) {
        *self.lock() = Some(said);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
