//! `tail`: exchanges as they end, for as long as somebody reads.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::read::{Match, matches, query};
use super::render;

use super::{Desk, print_bytes};
use crate::app::Ended;
use crate::capture::record::Row;
use crate::cli::capture::Tail;
use crate::fault::Fault;

/// A person sees no difference to at once; a store that rests costs a look at the sizes of its files.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Desk<'_> {
    pub(super) fn tail(&self, typed: &Tail) -> Result<Ended, Fault> {
        let library = self.place()?.library()?;
        let query = query(&typed.query, self.look.now_ms)?;
        let mut told = BTreeSet::new();
        if !typed.all {
            told.extend(library.rows().iter().filter(|row| row.state.is_over()).filter_map(|row| row.id));
        }
        let mut left = typed.number.unwrap_or(usize::MAX);
        // Ctrl-C ends us at once: nothing is under way that would have to be finished.
        while left > 0 {
            for row in library.rows() {
                let Some(id) = row.id.filter(|_| row.state.is_over()) else { continue };
                if left == 0 || !told.insert(id) || (row.probe && !typed.probes) {
                    continue;
                }
                if matches!(matches(&library, &row, &query)?, Match::No) {
                    continue;
                }
                if !print_bytes(self.told(&row).as_bytes())? {
                    return Ok(Ended::Well);
                }
                left -= 1;
            }
            if left > 0 {
                thread::sleep(LOOK_EVERY);
                library.refresh()?;
            }
        }
        Ok(Ended::Well)
    }

    fn told(&self, row: &Row) -> String {
        if self.common.json { super::object(row) } else { render::line(row, &self.look) }
    }
}
