//! The writer's thread, and where it is told what to do.

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use super::keep::{self, Core};
use super::library::{Library, lock_of};
use super::sense::Sense;
use super::{Obeyed, Order, StoreError};
use crate::capture::settings::Limits;
use crate::capture::tap::{Event, Tap};
use crate::clock;

/// How long to wait for something to happen, while nothing is under way, and while rows of exchanges have to be renewed.
const IDLE: Duration = Duration::from_secs(5);
const BUSY: Duration = Duration::from_millis(200);

/// How a writer keeps.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub limits: Limits,
    pub raw_bodies: bool,
    pub only: Vec<String>,
    pub except: Vec<String>,
    pub compat: Option<PathBuf>,
}

/// The one that writes into a directory; holds its lock.
#[derive(Debug)]
pub struct Writer {
    core: Arc<Mutex<Core>>,
    library: Library,
}

impl Writer {
    /// Makes the directory where it is missing, mends what a crash has left, and takes the lock.
    pub fn open(dir: &Path, options: Options) -> Result<Self, StoreError> {
        Self::open_with(dir, options, Sense::default())
    }

    /// With another understanding.
    pub fn open_with(dir: &Path, options: Options, sense: Sense) -> Result<Self, StoreError> {
        let core = keep::open(dir, options, sense)?;
        let library = core.library();
        Ok(Self { core: Arc::new(Mutex::new(core)), library })
    }

    pub fn library(&self) -> Library {
        self.library.clone()
    }

    pub fn desk(&self) -> Desk {
        Desk { core: Arc::downgrade(&self.core) }
    }

    /// Writes what comes from the tap, and obeys orders, until the tap is closed. Blocks: it has a thread of its own.
    pub fn run(self, tap: &Tap) {
        if let Some(last) = self.library.rows().last().and_then(|row| row.id) {
            tap.continue_after(last);
        }
        let mut is_busy = false;
        loop {
            let taken = tap.next(if is_busy { BUSY } else { IDLE });
            let mut core = lock_of(&self.core);
            for event in taken.events {
                take(&mut core, event);
            }
            core.tap_missed(tap.missed());
            core.tick(clock::now(), clock::wall());
            is_busy = core.is_busy();
            if taken.closed {
                core.end();
                return;
            }
        }
    }

    /// One order, for a process that has no tap.
    pub fn obey(&mut self, order: Order) -> Result<Obeyed, StoreError> {
        lock_of(&self.core).obey(order, clock::wall())
    }
}

/// What was captured is hostile: should it bring down what understands it, one exchange is missed, and capture goes on.
fn take(core: &mut Core, event: Event) {
    let id = event.id;
    let taken = panic::catch_unwind(AssertUnwindSafe(|| core.take(event, clock::now())));
    if taken.is_err() {
        core.give_up(id);
    }
}

/// Where orders for a running writer are given. They are obeyed in the thread that gives them, between two of the writer's
/// steps: nobody has to wake it up.
#[derive(Clone, Debug)]
pub struct Desk {
    core: Weak<Mutex<Core>>,
}

impl Desk {
    /// Blocks until it is done.
    pub fn ask(&self, order: Order) -> Result<Obeyed, StoreError> {
        let core = self.core.upgrade().ok_or(StoreError::Ended)?;
        lock_of(&core).obey(order, clock::wall())
    }
}
