//! One exchange, understood, with its neighbours.

use std::sync::Arc;

use super::answer::Failure;
use crate::capture::ExchangeId;
use crate::capture::record::{Exchange, Row};
use crate::capture::store::Library;
use crate::capture::understand;
use crate::capture::view::View;

/// Rows that are looked through for the next one of a thread. Threads take turns, some at a time.
const MOST_AFTER: usize = 200;

/// An exchange and all that can be said of it.
pub(super) struct Looked {
    pub exchange: Exchange,
    pub view: View,
}

/// `rows`: the library's, the oldest first.
pub(super) fn look(library: &Library, rows: &[Arc<Row>], id: ExchangeId) -> Result<Looked, Failure> {
    let exchange = library.exchange(id)?;
    let known = rows.iter().find(|row| row.id == Some(id));
    let before = known.and_then(|row| previous(row, rows));
    // One that cannot be read any more is as good as none.
    let previous = before.and_then(|id| library.exchange(id).ok());
    let mut view = understand::view(&exchange, previous.as_ref());
    if let Some(row) = known {
        if exchange.state.is_over() {
            view.row = Row::clone(row);
        }
        // Of one that is under way, what was just read is newer, but for what a person said.
        view.row.marked = row.marked;
        view.row.comment.clone_from(&row.comment);
    }
    view.previous = before;
    view.next = next(id, rows);
    Ok(Looked { exchange, view })
}

/// The one before it in its thread.
pub(super) fn previous(row: &Row, rows: &[Arc<Row>]) -> Option<ExchangeId> {
    understand::previous(row, rows.iter().map(AsRef::as_ref))?.id
}

/// The one that follows it: the first of which it is the previous one.
fn next(id: ExchangeId, rows: &[Arc<Row>]) -> Option<ExchangeId> {
    let after = rows.iter().filter(|row| row.id > Some(id)).take(MOST_AFTER);
    after.filter(|row| previous(row, rows) == Some(id)).find_map(|row| row.id)
}
