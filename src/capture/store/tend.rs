//! What the writer does beside writing, now and then: looks for room on the disk, pauses and goes on, makes what was written
//! last, renews rows, and lets go of what is too old.

use std::time::{Duration, Instant, SystemTime};

use tracing::warn;

use super::keep::{Core, Live};
use super::{Doing, News, StoreError};
use crate::capture::id::ExchangeId;
use crate::words;
use crate::words::Words;

/// How often the disk's room is looked at.
const ROOM: Duration = Duration::from_secs(1);
/// After a write that failed, the next one is tried then.
const AGAIN: Duration = Duration::from_secs(10);
/// What a crash of the machine may cost; a crash of the process costs nothing that was written.
const SYNC: Duration = Duration::from_secs(30);
/// How often old sessions are looked for.
const AGE: Duration = Duration::from_secs(600);

/// Why nothing is kept at the moment.
#[derive(Debug)]
pub(super) struct Pause {
    /// Not before.
    until: Instant,
    is_error: bool,
}

/// When what is done now and then is done next.
#[derive(Debug)]
pub(super) struct Due {
    room: Instant,
    sync: Instant,
    age: Instant,
}

impl Due {
    pub(super) fn at(now: Instant) -> Self {
        Self { room: now, sync: now + SYNC, age: now }
    }
}

impl Core {
    /// Something could not be written: nothing is kept for a while.
    pub(super) fn failed(&mut self, error: &StoreError, now: Instant) {
        warn!(error = %error, "capture pauses");
        let cause = match error {
            StoreError::Io { error, .. } => error.to_string(),
            StoreError::Locked { .. } | StoreError::Unfit { .. } | StoreError::Unknown(_) | StoreError::Ended => {
                error.to_string()
            }
        };
        let dir = self.shared.dir.display();
        let words = words!("cannot write to {dir}: {cause}", "impossible d'écrire dans {dir} : {cause}");
        // Whatever is wrong with an open file, it is opened anew.
        self.packs.close();
        self.pause(words, now + AGAIN, true);
    }

    fn pause(&mut self, words: Words, until: Instant, is_error: bool) {
        self.pause = Some(Pause { until, is_error });
        self.shared.shelf().trouble = Some(words);
        self.shared.tell(News::State);
    }

    /// What is due by now.
    pub(super) fn tick(&mut self, now: Instant, wall: SystemTime) {
        let is_due = |live: &Live| live.wanted == Some(true) && live.is_stale && live.look_at <= now;
        let stale: Vec<ExchangeId> = self.live.iter().filter(|(_, live)| is_due(live)).map(|(id, _)| *id).collect();
        for id in stale {
            self.show(id, crate::clock::now());
        }
        if self.due.room <= now {
            self.due.room = now + ROOM;
            self.look_at_room(now);
        }
        if self.due.sync <= now {
            self.due.sync = now + SYNC;
            self.sync(now);
        }
        if self.due.age <= now {
            self.due.age = now + AGE;
            self.keep_to_age(wall, now);
            self.keep_to_size(now);
        }
    }

    pub(super) fn sync(&mut self, now: Instant) {
        if let Err(error) = self.packs.sync() {
            let error = StoreError::io(Doing::Write, &self.shared.dir, error);
            self.failed(&error, now);
        }
    }

    pub(super) fn look_at_room(&mut self, now: Instant) {
        if self.pause.as_ref().is_some_and(|pause| now < pause.until) {
            return;
        }
        self.look_for_sessions();
        let dir = self.shared.dir.clone();
        match (self.room)(&dir) {
            Ok(room) if room < self.options.limits.free => {
                let left = room >> 20;
                let least = self.options.limits.free >> 20;
                let words = words!(
                    "the disk has {left} MiB left; capture goes on at {least} MiB",
                    "il reste {left} Mio sur le disque ; la capture reprendra à {least} Mio"
                );
                let is_new = self.pause.as_ref().is_none_or(|pause| pause.is_error);
                if is_new {
                    self.pause(words, now, false);
                }
            }
            Ok(_) => self.resume(),
            Err(error) => self.failed(&StoreError::io(Doing::LookAt, &dir, error), now),
        }
    }

    /// There may be room again.
    pub(super) fn try_again(&mut self) {
        let now = crate::clock::now();
        if let Some(pause) = &mut self.pause {
            pause.until = now;
        }
        self.look_at_room(now);
    }

    fn resume(&mut self) {
        if self.pause.take().is_some() {
            self.shared.shelf().trouble = None;
            self.shared.tell(News::State);
        }
    }

    /// Somebody may have removed a session behind our back: what is written to it would be nowhere.
    fn look_for_sessions(&mut self) {
        for key in self.packs.vanished() {
            self.packs.forget(&key);
            self.names.forget(&key);
            let gone = self.shared.shelf().remove_session(&key);
            for id in &gone {
                if let Some(live) = self.live.get_mut(id) {
                    live.begin = None;
                }
            }
            self.shared.tell_gone(&gone);
        }
    }
}
