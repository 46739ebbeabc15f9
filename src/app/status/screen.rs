//! A few lines of a terminal that are drawn again and again in their place, and the keys that are typed meanwhile.
//!
//! ```text
//! open: no echo, no cursor ──► draw* ──► drop: below what was drawn, cursor and echo as they were
//! ```
//! Plain ECMA-48 rather than a library for screens: six orders, which every terminal has, and the two flags of termios.
//!
//! Between two drawings the cursor rests at the first letter of what is drawn. A terminal that gets narrower breaks lines in
//! two or cuts them; either way the cursor stays there, and from there down all of it can be drawn over.

use std::fmt::Write as _;
use std::io::{self, Write, stdin, stdout};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// DECTCEM: the cursor is not seen, and seen.
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// What stands behind in the line, and all below it, goes (EL and ED).
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// A terminal as we found it, and as we have it while this lives.
pub(super) struct Screen {
    /// None: what is typed does not come from a terminal, and is not read.
    before: Option<Termios>,
    /// Lines that are drawn.
    drawn: usize,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        let before = tcgetattr(stdin()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            // Keys come unseen, Ctrl-C and Ctrl-Z among them, so that whatever ends us restores the terminal; and to read
            // them waits for none (termios(3), VMIN and VTIME).
            raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
            raw.special_codes[SpecialCodeIndex::VMIN] = 0;
            raw.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        }
        let screen = Self { before, drawn: 0 };
        write(HIDE_CURSOR)?;
        Ok(screen)
    }

    /// Draws these lines, none of which may be wider than the terminal, in the place of the last ones. What is drawn over
    /// does not flicker; but a terminal that was resized may take two lines for one that it has broken, until they are wiped.
    pub(super) fn draw(&mut self, lines: &[String], is_resized: bool) -> io::Result<()> {
        write(&frame(lines, is_resized))?;
        self.drawn = lines.len();
        Ok(())
    }

    /// Whether somebody has typed `q`, Ctrl-C or Ctrl-D since the last time.
    pub(super) fn is_left(&self) -> bool {
        if self.before.is_none() {
            return false;
        }
        let mut typed = [0; 64];
        let count = rustix::io::read(stdin(), &mut typed).unwrap_or_default();
        typed[..count].iter().any(|key| matches!(key, b'q' | b'Q' | 0x03 | 0x04))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no order.
        let _ = write(&format!("{}{SHOW_CURSOR}", "\n".repeat(self.drawn)));
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// From the first letter of what is drawn, and back to it.
fn frame(lines: &[String], is_resized: bool) -> String {
    let mut text = format!("\r{}", if is_resized { CLEAR_BELOW } else { "" });
    for line in lines {
        text.push_str(line);
        text.push_str(CLEAR_LINE);
        text.push_str("\r\n");
    }
    text.push_str(CLEAR_BELOW);
    if !lines.is_empty() {
        let _ = write!(text, "\x1b[{}A", lines.len());
    }
    text
}

fn write(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Columns and rows, as they are now.
pub(super) fn size() -> (usize, usize) {
    let size = tcgetwinsize(stdout()).ok();
    let positive = |number: u16, usual: usize| if number == 0 { usual } else { usize::from(number) };
    size.map_or((80, 24), |size| (positive(size.ws_col, 80), positive(size.ws_row, 24)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_where_it_began() {
        assert_eq!(frame(&["one".into(), "two".into()], false), "\rone\x1b[K\r\ntwo\x1b[K\r\n\x1b[J\x1b[2A");
        assert_eq!(frame(&[], false), "\r\x1b[J");
        assert_eq!(frame(&["one".into()], true), "\r\x1b[Jone\x1b[K\r\n\x1b[J\x1b[1A");
    }
}
