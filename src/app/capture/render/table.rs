//! Tables: no boxes, two spaces between columns, numbers to the right, cut to the width, never wrapped. Pure.

use std::fmt::Write as _;

use super::Look;
use crate::doctor::render::sheet::Style;
use crate::doctor::render::{cut, width};

/// A column. The last one takes what room there is.
pub(super) struct Column {
    pub(super) head: String,
    pub(super) right: bool,
    /// Columns with the greatest number go first where there is no room; those with 0 stay.
    pub(super) goes: u8,
}

impl Column {
    pub(super) fn left(head: impl Into<String>, goes: u8) -> Self {
        Self { head: head.into(), right: false, goes }
    }

    pub(super) fn right(head: impl Into<String>, goes: u8) -> Self {
        Self { head: head.into(), right: true, goes }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::Plain }
    }
}

const BETWEEN: usize = 2;
/// What the last column should have at least, before another one goes.
const ROOM: usize = 16;

/// All rows have as many cells as there are columns. Texts are clean already.
pub(super) fn table(columns: &[Column], rows: &[Vec<Cell>], look: &Look) -> String {
    let Some(last) = columns.len().checked_sub(1) else { return String::new() };
    let widest = |at: usize| rows.iter().map(|row| width(&row[at].text)).max().unwrap_or(0);
    let widths: Vec<usize> =
        columns.iter().enumerate().map(|(at, column)| widest(at).max(width(&column.head))).collect();
    let shown = that_fit(columns, &widths, look.page.width);
    let taken: usize = shown.iter().filter(|at| **at != last).map(|at| widths[*at] + BETWEEN).sum();
    let room = look.page.width.saturating_sub(taken).max(1);
    let head: Vec<Cell> = columns.iter().map(|column| Cell { text: column.head.clone(), style: Style::Dim }).collect();
    let more = if look.page.ascii { "..." } else { "…" };
    let mut text = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for at in &shown {
            let cell = &row[*at];
            if *at == last {
                line.push_str(&look.ink(cell.style, &cut(&cell.text, room, more)));
                continue;
            }
            let space = " ".repeat(widths[*at] - width(&cell.text));
            let ink = look.ink(cell.style, &cell.text);
            let (before, after) = if columns[*at].right { (space.as_str(), "") } else { ("", space.as_str()) };
            let _ = write!(line, "{before}{ink}{after}{}", " ".repeat(BETWEEN));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The columns for which there is room, in their order.
fn that_fit(columns: &[Column], widths: &[usize], room: usize) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let last = columns.len() - 1;
    loop {
        let taken: usize = shown.iter().filter(|at| **at != last).map(|at| widths[*at] + BETWEEN).sum();
        if taken + ROOM.min(widths[last]) <= room {
            return shown;
        }
        let goes = shown.iter().copied().filter(|at| columns[*at].goes > 0).max_by_key(|at| columns[*at].goes);
        match goes {
            Some(goes) => shown.retain(|at| *at != goes),
            None => return shown,
        }
    }
}
