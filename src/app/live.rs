//! The line below the log of a run on a terminal: how things are, looked at on a timer. The data path knows nothing of it.

use std::io::stderr;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::doctor::{columns, look_of};
use super::recorder::Recorder;
use super::status::render;
use crate::doctor::render::Look;
use crate::forward::Phase;
use crate::log::{self, Color, Pin};
use crate::words::Lang;

/// As often as an eye takes for at once, and seldom enough to cost nothing: counters are read, and nothing is drawn unless
/// something has changed.
const EVERY: Duration = Duration::from_millis(250);

/// The line, before it is drawn.
#[derive(Debug)]
pub(super) struct Line {
    pin: Pin,
    look: Look,
}

impl Line {
    pub(super) fn new(pin: Pin, color: Color, lang: Lang) -> Self {
        Self { pin, look: Look { color: log::use_color(color, true), ..look_of(lang) } }
    }

    /// Draws it again and again, until dropped.
    pub(super) async fn draw(mut self, recorder: Arc<Recorder>, phase: watch::Receiver<Phase>) {
        let mut timer = interval(EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drawn: Option<(String, usize)> = None;
        loop {
            timer.tick().await;
            let Some(width) = width() else {
                if drawn.take().is_some() {
                    self.pin.leave();
                }
                continue;
            };
            let stops = *phase.borrow() != Phase::Run;
            let line = render::live(&recorder.report(), stops, &Look { width, ..self.look });
            let is_resized = drawn.as_ref().is_some_and(|(_, then)| *then != width);
            if is_resized || drawn.as_ref().is_none_or(|(then, _)| *then != line) {
                self.pin.show(line.clone(), is_resized);
                drawn = Some((line, width));
            }
        }
    }
}

/// Columns of the terminal, as it is now. None: it is not ours, as we were sent to the background.
fn width() -> Option<usize> {
    // A terminal that does not control us has no foreground to be in.
    if tcgetpgrp(stderr()).is_ok_and(|foreground| foreground != getpgrp()) {
        return None;
    }
    Some(columns(stderr()))
}
