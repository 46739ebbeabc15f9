//! Recent news, numbered, for pages that come back. Of each exchange only the newest is kept, so a slow page misses nothing
//! that still holds, and many pages cost no more than one. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::capture::ExchangeId;
use crate::capture::record::Row;

/// Something that a page is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Row(Arc<Row>),
    Gone(ExchangeId),
    State,
}

/// What it is about: there is one piece of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Exchange(ExchangeId),
    State,
}

impl Piece {
    fn about(&self) -> Option<About> {
        match self {
            Self::Row(row) => row.id.map(About::Exchange),
            Self::Gone(id) => Some(About::Exchange(*id)),
            Self::State => Some(About::State),
        }
    }
}

/// Exchanges whose news are kept: a page that was away for longer than these reads its list anew.
const MOST: usize = 1000;
/// Given out at once.
const BATCH: usize = 100;

#[derive(Debug)]
pub(super) struct Ring {
    pieces: BTreeMap<u64, Piece>,
    at: BTreeMap<About, u64>,
    last: u64,
    /// The newest number of which there may be no piece though it was news.
    forgotten: u64,
}

/// What came after a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum After {
    Nothing,
    /// The oldest first; not always all.
    News(Vec<(u64, Piece)>),
    /// Some of it is gone. To be continued from here.
    Lost(u64),
}

impl Ring {
    /// `first`: greater than all numbers of earlier runs, so that a page that comes back from one is told so.
    pub(super) fn new(first: u64) -> Self {
        Self { pieces: BTreeMap::new(), at: BTreeMap::new(), last: first, forgotten: first }
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Gives its number. A row without an id is no news.
    pub(super) fn push(&mut self, piece: Piece) -> u64 {
        let Some(about) = piece.about() else { return self.last };
        self.last += 1;
        if let Some(before) = self.at.insert(about, self.last) {
            self.pieces.remove(&before);
        }
        self.pieces.insert(self.last, piece);
        if self.pieces.len() > MOST
            && let Some((number, piece)) = self.pieces.pop_first()
        {
            self.forgotten = number;
            if let Some(about) = piece.about() {
                self.at.remove(&about);
            }
        }
        self.last
    }

    /// News did not reach us: everybody has to read anew.
    pub(super) fn lose(&mut self) -> u64 {
        *self = Self::new(self.last + 1);
        self.last
    }

    /// What has come since `seen`.
    pub(super) fn after(&self, seen: u64) -> After {
        if seen < self.forgotten || seen > self.last {
            return After::Lost(self.last);
        }
        let news: Vec<_> = self.pieces.range(seen + 1..).take(BATCH).map(|(at, piece)| (*at, piece.clone())).collect();
        if news.is_empty() { After::Nothing } else { After::News(news) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> ExchangeId {
        ExchangeId::after(None, ms)
    }

    fn row(ms: u64, sent: u64) -> Piece {
        Piece::Row(Arc::new(Row { id: Some(id(ms)), sent, ..Row::default() }))
    }

    #[track_caller]
    fn check(ring: &Ring, seen: u64, expected: &[(u64, Piece)]) {
        assert_eq!(ring.after(seen), After::News(expected.to_vec()));
    }

    #[test]
    fn news_come_in_order_and_once() {
        let mut ring = Ring::new(10);
        assert_eq!(ring.after(10), After::Nothing);
        assert_eq!((ring.push(row(1, 0)), ring.push(Piece::State)), (11, 12));
        check(&ring, 10, &[(11, row(1, 0)), (12, Piece::State)]);
        check(&ring, 11, &[(12, Piece::State)]);
        assert_eq!(ring.after(12), After::Nothing);
    }

    #[test]
    fn only_the_newest_of_an_exchange_is_told() {
        let mut ring = Ring::new(0);
        for sent in 0..5 {
            ring.push(row(1, sent));
            ring.push(row(2, sent));
        }
        check(&ring, 0, &[(9, row(1, 4)), (10, row(2, 4))]);
        ring.push(Piece::Gone(id(1)));
        check(&ring, 0, &[(10, row(2, 4)), (11, Piece::Gone(id(1)))]);
    }

    #[test]
    fn who_was_away_too_long_reads_anew() {
        let mut ring = Ring::new(0);
        for ms in 0..=MOST as u64 {
            ring.push(row(ms, 0));
        }
        assert_eq!(ring.after(0), After::Lost(MOST as u64 + 1));
        assert!(matches!(ring.after(1), After::News(news) if news.len() == BATCH && news[0].0 == 2));
    }

    #[test]
    fn a_thousand_changes_of_one_exchange_are_one_piece() {
        let mut ring = Ring::new(0);
        for sent in 0..10 * MOST as u64 {
            ring.push(row(1, sent));
        }
        assert_eq!(ring.pieces.len(), 1);
        assert!(matches!(ring.after(0), After::News(news) if news.len() == 1));
    }

    #[test]
    fn numbers_of_another_run_are_lost() {
        let mut ring = Ring::new(1000);
        ring.push(row(1, 0));
        assert_eq!(ring.after(5), After::Lost(1001));
        assert_eq!(ring.after(2000), After::Lost(1001));
        assert_eq!(ring.after(u64::MAX), After::Lost(1001));
    }

    #[test]
    fn after_a_loss_everybody_reads_anew() {
        let mut ring = Ring::new(0);
        ring.push(row(1, 0));
        assert_eq!(ring.lose(), 2);
        assert_eq!(ring.after(1), After::Lost(2));
        assert_eq!(ring.after(2), After::Nothing);
    }

    #[test]
    fn rows_without_an_id_are_no_news() {
        let mut ring = Ring::new(0);
        assert_eq!(ring.push(Piece::Row(Arc::default())), 0);
        assert_eq!(ring.after(0), After::Nothing);
    }
}
