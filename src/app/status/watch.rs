//! `status --watch`: how things are, again and again, until somebody has seen enough.
//!
//! ```text
//! asking ──scene──► drawn ──TIME──► asking …        a key, a signal: the end, with 0
//!                     └── the terminal has another size: drawn again
//! ```

use std::io::{self, IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use tokio::sync::watch::Receiver;
use tokio::time::sleep;

use super::gather::gather;
use super::render;
use super::scene::Scene;
use super::screen::{Screen, size};
use crate::app::doctor::runtime;
use crate::app::{Ended, watch_signals};
use crate::cli::status::Status;
use crate::clock;
use crate::doctor::render::Look;
use crate::fault::{Fault, FaultId};
use crate::forward::Phase;

/// How soon a key is noticed, and a terminal that was resized is drawn anew.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Below the blocks: a blank line, and a line of the log.
const LEAST_LOG: usize = 2;

pub(super) fn watch(typed: &Status, every: Duration, look: &Look) -> Result<Ended, Fault> {
    let broken = |error: &dyn std::error::Error| Fault::new(FaultId::Internal, format!("cannot watch: {error}"));
    let runtime = runtime()?;
    let stop = watch_signals().map_err(|error| broken(&error))?.subscribe();
    let ended = if stdout().is_terminal() && !typed.json {
        let mut screen = Screen::open().map_err(|error| broken(&error))?;
        runtime.block_on(on_screen(typed.listen_port, every, look, &mut screen, stop))
    } else {
        runtime.block_on(into_pipe(typed, every, look, stop))
    };
    runtime.shutdown_background();
    match ended {
        // A reader that has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(broken(&error)),
        Ok(()) | Err(_) => Ok(Ended::Well),
    }
}

async fn stopped(stop: &mut Receiver<Phase>) {
    // Whoever could tell is gone: nothing will end us but a key.
    if stop.wait_for(|phase| *phase > Phase::Run).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What is seen, and since when nobody was there.
#[derive(Debug, Default)]
struct Seen {
    scene: Scene,
    absent_since: Option<Instant>,
}

impl Seen {
    fn take(&mut self, scene: Scene, now: Instant) {
        self.absent_since = if scene.forwards.is_empty() { self.absent_since.or(Some(now)) } else { None };
        self.scene = scene;
    }

    /// The lines of a screen of this size.
    fn lines(&self, look: &Look, rows: usize, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, forward) in self.scene.forwards.iter().enumerate() {
            if at > 0 {
                lines.push(String::new());
            }
            lines.extend(render::block(forward, &self.scene.service, look));
        }
        if let Some(since) = self.absent_since {
            let ms = now.saturating_duration_since(since).as_millis();
            lines.extend(render::absent(u64::try_from(ms).unwrap_or(u64::MAX), look));
        }
        // The cursor needs a row of its own below.
        let room = rows.saturating_sub(1);
        let log = self.scene.forwards.iter().flat_map(|forward| &forward.log);
        let left = room.saturating_sub(lines.len());
        if left >= LEAST_LOG {
            let mut log: Vec<&String> = log.collect();
            // Of several forwarders, by their times.
            log.sort();
            let skipped = log.len().saturating_sub(left - 1);
            if !log.is_empty() {
                lines.push(String::new());
            }
            lines.extend(log.into_iter().skip(skipped).map(|line| render::log_line(line, look)));
        }
        // The last line of a block says what is to be done: it outlasts the others.
        if lines.len() > room
            && let Some(last) = lines.pop()
        {
            lines.truncate(room.saturating_sub(1));
            lines.push(last);
        }
        lines.truncate(room);
        lines
    }
}

async fn on_screen(
    port: Option<u16>,
    every: Duration,
    look: &Look,
    screen: &mut Screen,
    mut stop: Receiver<Phase>,
) -> io::Result<()> {
    let mut seen: Option<Seen> = None;
    let mut drawn_at = size();
    let ask = |pause: Duration| async move {
        sleep(pause).await;
        gather(port).await
    };
    let mut asking = Box::pin(ask(Duration::ZERO));
    loop {
        let is_news = tokio::select! {
            () = stopped(&mut stop) => return Ok(()),
            scene = &mut asking => {
                seen.get_or_insert_default().take(scene, clock::now());
                asking = Box::pin(ask(every));
                true
            }
            () = sleep(LOOK_EVERY) => false,
        };
        if screen.is_left() {
            return Ok(());
        }
        let now_at = size();
        let is_resized = now_at != drawn_at;
        if !is_news && !is_resized {
            continue;
        }
        drawn_at = now_at;
        if let Some(seen) = &seen {
            // A character in the last column makes some terminals wrap.
            let look = Look { width: now_at.0.saturating_sub(1), ..*look };
            screen.draw(&seen.lines(&look, now_at.1, clock::now()), is_resized)?;
        }
    }
}

/// A line whenever something has changed; with `--json`, an object each time.
async fn into_pipe(typed: &Status, every: Duration, look: &Look, mut stop: Receiver<Phase>) -> io::Result<()> {
    let mut told: Vec<String> = Vec::new();
    loop {
        let scene = tokio::select! {
            scene = gather(typed.listen_port) => scene,
            () = stopped(&mut stop) => return Ok(()),
        };
        if typed.json {
            say(&scene.to_json())?;
        } else {
            let lines = changes(&scene, look);
            for line in lines.iter().filter(|line| !told.contains(line)) {
                say(line)?;
            }
            told = lines;
        }
        tokio::select! {
            () = sleep(every) => {}
            () = stopped(&mut stop) => return Ok(()),
        }
    }
}

/// A line for each forwarder, in which nothing stands that changes by itself.
fn changes(scene: &Scene, look: &Look) -> Vec<String> {
    if scene.forwards.is_empty() {
        return vec![render::gone(look)];
    }
    scene.forwards.iter().map(|forward| render::change(&forward.report, look)).collect()
}

fn say(line: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::app::status::scene::Forward;
    use crate::status::Report;

    const LOOK: Look = Look {
        lang: crate::words::Lang::En,
        width: 79,
        color: false,
        ascii: false,
        extent: crate::doctor::render::Extent::Normal,
    };

    fn forward(log: &[&str]) -> Forward {
        Forward { report: Report::example(), log: log.iter().map(ToString::to_string).collect(), asked: None }
    }

    /// What stands behind the blocks, on a screen of this many rows.
    #[track_caller]
    fn below(forwards: &[&[&str]], rows: usize, expected: &[&str]) {
        let mut seen = Seen::default();
        let scene = Scene { forwards: forwards.iter().map(|log| forward(log)).collect(), ..Scene::default() };
        seen.take(scene, clock::now());
        let lines = seen.lines(&LOOK, rows, clock::now());
        assert!(lines.len() < rows, "{lines:#?}");
        let blocks = forwards.len() * 7 - 1;
        assert_eq!(lines.get(blocks.min(lines.len())..).unwrap_or_default(), expected, "{lines:#?}");
    }

    #[test]
    fn the_last_lines_of_the_log_take_what_room_there_is() {
        let log: &[&str] = &["2026-11-28T21:40:01+01:00  INFO one", "2026-11-28T21:40:03+01:00  INFO three"];
        let (one, three) = ("21:40:01 INFO one", "21:40:03 INFO three");
        below(&[log], 24, &["", one, three]);
        below(&[log], 10, &["", one, three]);
        below(&[log], 9, &["", three]);
        below(&[log], 8, &[]);
        below(&[log], 3, &[]);
        below(&[&[]], 24, &[]);
        let other: &[&str] = &["2026-11-28T21:40:02+01:00  INFO two"];
        below(&[log, other], 24, &["", one, "21:40:02 INFO two", three]);
    }

    #[test]
    fn what_is_to_be_done_outlasts_the_rest() {
        let mut seen = Seen::default();
        let report = Report { state: crate::status::State::Down, ..Report::example() };
        let down = Forward { report, ..forward(&[]) };
        seen.take(Scene { forwards: vec![down], ..Scene::default() }, clock::now());
        for rows in 1..8 {
            let lines = seen.lines(&LOOK, rows, clock::now());
            assert_eq!(lines.len(), rows - 1);
            assert!(lines.last().is_none_or(|last| last == "hint      ollama-forward doctor"), "{lines:#?}");
        }
    }

    #[test]
    fn who_is_gone_is_gone_since_the_first_look_that_missed_him() {
        let (mut seen, first) = (Seen::default(), clock::now());
        let later = first + Duration::from_secs(65);
        seen.take(Scene::default(), first);
        seen.take(Scene::default(), later);
        assert_eq!(seen.lines(&LOOK, 24, later), ["forward   ✗ none runs   waiting for one for 1 min"]);
        seen.take(Scene { forwards: vec![forward(&[])], ..Scene::default() }, later);
        assert!(seen.lines(&LOOK, 24, later)[0].starts_with("forward   127.0.0.1:11434 → "));
    }
}
