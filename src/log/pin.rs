//! One line that stays below the log of a terminal. The log's thread writes both, so neither tears the other, and a
//! terminal that is paused holds up nobody else.
//!
//! ```text
//!            show                 a line of the log: wiped, the line of the log, drawn again, in one write
//! nothing ─────────► drawn ◄──┐
//!    ▲                 │      └── show
//!    └── hide, leave ──┘          hide wipes it; leave does not, for the terminal is another's by now
//! ```
//! The cursor rests at the beginning of what is drawn. When a terminal gets narrower and breaks the line in two, the cursor
//! stays with its beginning, and all of it can still be wiped; a terminal that cuts the line instead loses nothing above it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_appender::non_blocking::NonBlocking;

/// From the beginning of the line to the end of the screen, nothing (ECMA-48, CR and ED).
const WIPE: &[u8] = b"\r\x1b[J";
/// What stands behind the cursor, below as well: nothing; and back to the beginning.
const SETTLE: &[u8] = b"\x1b[J\r";
/// A message that is no line of the log, each of which has a time and a level: look at the place again.
const LOOK: &[u8] = b"\0";

/// What is to be drawn below the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Wanted {
    #[default]
    Nothing,
    Line(String),
    /// The same, after all that may be left of the last one was wiped.
    Anew(String),
    /// Nothing, and what is drawn is none of our business any more.
    Left,
}

/// Where the one who knows the line leaves it for the one who writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<Mutex<Wanted>>);

impl Place {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line below the log. When it is dropped, the line goes.
#[derive(Debug)]
pub struct Pin {
    writer: NonBlocking,
    place: Place,
}

impl Pin {
    pub(super) fn new(writer: NonBlocking, place: Place) -> Self {
        Self { writer, place }
    }

    /// Draws this line, which has to fit the terminal, in the place of what is there. What is drawn over does not flicker;
    /// but a terminal that was resized may have broken the last line in two, and that has to be wiped.
    pub fn show(&mut self, line: String, is_resized: bool) {
        self.want(if is_resized { Wanted::Anew(line) } else { Wanted::Line(line) });
    }

    /// Wipes it.
    pub fn hide(&mut self) {
        self.want(Wanted::Nothing);
    }

    /// Draws no more, and wipes nothing.
    pub fn leave(&mut self) {
        self.want(Wanted::Left);
    }

    fn want(&mut self, wanted: Wanted) {
        *self.place.lock() = wanted;
        // A queue that is full is worked off line by line, each of which looks at the place, too.
        let _ = self.writer.write(LOOK);
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.hide();
    }
}

/// The terminal, for lines of the log that come above the one that stays. Each message is written in one piece.
#[derive(Debug)]
pub(super) struct Above<W> {
    out: W,
    place: Place,
    is_drawn: bool,
}

impl<W: Write> Above<W> {
    pub(super) fn new(out: W, place: Place) -> Self {
        Self { out, place, is_drawn: false }
    }
}

impl<W: Write> Write for Above<W> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let wanted = self.place.lock().clone();
        let text = if message == LOOK { &[] } else { message };
        let mut whole = Vec::with_capacity(text.len() + 2 * WIPE.len());
        match &wanted {
            // What is drawn over needs no wiping, which flickers.
            Wanted::Line(_) if text.is_empty() => {}
            Wanted::Line(_) | Wanted::Anew(_) | Wanted::Nothing if self.is_drawn => whole.extend_from_slice(WIPE),
            Wanted::Line(_) | Wanted::Anew(_) | Wanted::Nothing | Wanted::Left => {}
        }
        whole.extend_from_slice(text);
        if let Wanted::Line(line) | Wanted::Anew(line) = &wanted {
            whole.extend_from_slice(b"\r");
            whole.extend_from_slice(line.as_bytes());
            whole.extend_from_slice(SETTLE);
        }
        self.is_drawn = matches!(wanted, Wanted::Line(_) | Wanted::Anew(_));
        self.out.write_all(&whole)?;
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the terminal gets for each of these messages.
    #[track_caller]
    fn check(messages: &[(&Wanted, &[u8], &str)]) {
        let place = Place::default();
        let mut above = Above::new(Vec::new(), place.clone());
        for (wanted, message, written) in messages {
            *place.lock() = (*wanted).clone();
            above.write_all(message).unwrap();
            assert_eq!(String::from_utf8(std::mem::take(&mut above.out)).unwrap(), *written, "{wanted:?}");
        }
    }

    fn line(text: &str) -> Wanted {
        Wanted::Line(text.into())
    }

    #[test]
    fn a_line_of_the_log_comes_above_and_whole() {
        let up = line("up");
        check(&[
            (&Wanted::Nothing, b"one\n", "one\n"),
            (&up, LOOK, "\rup\x1b[J\r"),
            (&up, b"two\nand a half\n", "\r\x1b[Jtwo\nand a half\n\rup\x1b[J\r"),
        ]);
    }

    #[test]
    fn a_new_line_is_drawn_over_the_old_one() {
        check(&[(&line("long"), LOOK, "\rlong\x1b[J\r"), (&line("up"), LOOK, "\rup\x1b[J\r")]);
    }

    #[test]
    fn what_a_resized_terminal_has_broken_is_wiped() {
        let anew = Wanted::Anew("up".into());
        check(&[(&anew, LOOK, "\rup\x1b[J\r"), (&anew, LOOK, "\r\x1b[J\rup\x1b[J\r")]);
    }

    #[test]
    fn what_is_hidden_is_wiped_once() {
        let up = line("up");
        check(&[
            (&up, LOOK, "\rup\x1b[J\r"),
            (&Wanted::Nothing, LOOK, "\r\x1b[J"),
            (&Wanted::Nothing, LOOK, ""),
            (&Wanted::Nothing, b"end\n", "end\n"),
        ]);
    }

    #[test]
    fn a_terminal_that_is_anothers_is_left_as_it_is() {
        let up = line("up");
        check(&[
            (&up, LOOK, "\rup\x1b[J\r"),
            (&Wanted::Left, LOOK, ""),
            (&Wanted::Left, b"three\n", "three\n"),
            (&Wanted::Nothing, LOOK, ""),
        ]);
    }

    #[test]
    fn the_line_goes_with_whoever_holds_it() {
        let (writer, guard) = tracing_appender::non_blocking(io::sink());
        let place = Place::default();
        let mut pin = Pin::new(writer, place.clone());
        pin.show("up".into(), false);
        assert_eq!(*place.lock(), line("up"));
        drop(pin);
        assert_eq!(*place.lock(), Wanted::Nothing);
        drop(guard);
    }
}
