//! Waits while a person changes something on Windows, and says when it turns well.
//!
//! ```text
//! look ──┬─ Ollama answers ──► Reached
//!        └─ it does not ─► a line that is written over ─► 2 s, or a key:
//!                 nothing typed ─► look    Enter ─► look, at Windows too    s ─► Skipped    Ctrl-D ─► Left
//! ```
//! How long it lasts is up to the person: Ctrl-C ends it like any question.

use std::io::{self, BufRead, stdin};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::look::{Came, Found, Glance};
use super::voice::Mark;
use super::{Desk, Halt};
use crate::clock;
use crate::words;
use crate::words::Words;

/// How it ended.
pub(super) enum Waited {
    Reached,
    /// Somebody goes on without. What was known last.
    Skipped(Box<Found>),
}

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What somebody typed in the meantime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    Enter,
    Skip,
    End,
}

pub(super) fn until_reached(desk: &Desk<'_>, found: Found) -> Result<Waited, Halt> {
    desk.voice.say(&words!(
        "Do that now: this looks again every 2 s. Enter looks at once, s goes on without, Ctrl-C stops.",
        "À faire maintenant : ceci regarde toutes les 2 s. Entrée regarde aussitôt, s continue sans, Ctrl-C arrête."
    ))?;
    let begun = clock::now();
    let upstream = Some(found.upstream.clone());
    let (mut found, mut said) = (found, None);
    let mut shown = desk.problems_text(&found);
    loop {
        let outcome = outcome(&found);
        if said.as_ref().is_some_and(|said| *said != outcome) {
            desk.voice.wipe();
            desk.voice.mark(Mark::Odd, &outcome)?;
        }
        desk.voice.passing(&line(clock::now().saturating_duration_since(begun), &outcome));
        said = Some(outcome);
        let glance = match hear(LOOK_EVERY)? {
            Heard::Nothing => Glance::Ollama,
            Heard::Enter => Glance::Windows,
            Heard::Skip => return Ok(Waited::Skipped(Box::new(found))),
            Heard::End => {
                desk.voice.text("\n")?;
                return Err(Halt::Left);
            }
        };
        let seen = desk.examine(upstream.as_ref(), glance)?;
        if seen.came() == Came::Reached {
            desk.voice.wipe();
            return Ok(Waited::Reached);
        }
        let text = desk.problems_text(&seen);
        if glance == Glance::Windows && text != shown {
            desk.tell_problems(&seen)?;
            shown = text;
        }
        found.facts.network = seen.facts.network;
    }
}

/// What came of the address that speaks for the others.
fn outcome(found: &Found) -> Words {
    match found.facts.network.best() {
        Some(tried) => {
            let (address, Words { en, fr }) = (tried.address, tried.outcome());
            words!("{address}: {en}", "{address} : {fr}")
        }
        None => words!("no address of Windows is known", "aucune adresse de Windows n'est connue"),
    }
}

/// The line that is written over.
fn line(since: Duration, outcome: &Words) -> Words {
    let (since, Words { en, fr }) = (since.as_secs(), outcome);
    words!("  {since} s  {en}   (Enter, s, Ctrl-C) ", "  {since} s  {fr}   (Entrée, s, Ctrl-C) ")
}

/// Listens to the keyboard. Lines come whole: the terminal is left as it is.
fn hear(time: Duration) -> io::Result<Heard> {
    let input = stdin();
    let time = Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
    let mut watched = [PollFd::new(&input, PollFlags::IN)];
    match poll(&mut watched, Some(&time)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Heard::Nothing),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let mut text = String::new();
    Ok(match input.lock().read_line(&mut text)? {
        0 => Heard::End,
        _ => meant(&text),
    })
}

/// What a line means: `s` and the words for it, in both languages; all else looks at once.
fn meant(text: &str) -> Heard {
    match text.trim().to_lowercase().as_str() {
        "s" | "skip" | "sans" => Heard::Skip,
        _ => Heard::Enter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_wish() {
        for (text, heard) in [("\n", Heard::Enter), ("s\n", Heard::Skip), (" S \n", Heard::Skip), ("x\n", Heard::Enter)]
        {
            assert_eq!(meant(text), heard, "{text:?}");
        }
    }

    #[test]
    fn the_line_tells_time_and_outcome_in_both_languages() {
        let outcome = words!("10.0.0.1:11434: refused", "10.0.0.1:11434 : refus");
        let line = line(Duration::from_secs(12), &outcome);
        assert!(line.en.contains("12 s  10.0.0.1:11434: refused   (Enter, s"), "{}", line.en);
        assert!(line.fr.contains("(Entrée, s"), "{}", line.fr);
    }
}
