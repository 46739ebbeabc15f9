//! A writer that is killed loses nothing that it had written, and leaves nothing that cannot be read.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use bytes::Bytes;
use ollama_forward::capture::record::State;
use ollama_forward::capture::store::Library;
use ollama_forward::capture::{ExchangeId, Pane};

use crate::feed::{self, Dice, Wire};
use crate::{part, part_dir};

const ROUNDS: usize = 30;
/// Exchanges before a writer that nobody kills ends by itself.
const MOST: usize = 2000;

/// What an exchange of a round is: found again by its number.
fn wire(number: usize) -> Wire {
    let mut dice = Dice(number as u64);
    let items: Vec<String> =
        (0..number % 20).map(|item| format!("{{\"content\":\"{item} {}\"}}", "x".repeat(300))).collect();
    let request = format!("{{\"model\":\"m\",\"input\":[{}],\"number\":{number}}}", items.join(","));
    let answer = (0..5).map(|_| Bytes::from(dice.words(20))).collect();
    let headers = vec![("session-id".into(), format!("session {}", number % 3))];
    Wire { headers, request: request.into(), upstream: None, answer }
}

/// A part of `nothing_that_was_written_is_lost_when_the_writer_is_killed`; by itself it does nothing.
#[test]
fn writes_until_it_is_killed() {
    let Some(dir) = part_dir() else { return };
    let mut running = feed::start(&dir).unwrap();
    for number in 0..MOST {
        let id = running.keep(&wire(number));
        // libtest may be writing, too; a line of ours begins with this word.
        writeln!(std::io::stdout(), "\nkept {id} {number}").unwrap();
    }
}

/// What a writer says to have kept, until it is killed at some point after so many.
fn kept_until_killed(dir: &Path, count: usize, moment: usize) -> Vec<(ExchangeId, usize)> {
    let mut child = part("killed::writes_until_it_is_killed", dir).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut kept = Vec::new();
    for line in lines.map_while(Result::ok) {
        let Some(line) = line.strip_prefix("kept ").map(str::to_owned) else { continue };
        let (id, number) = line.split_once(' ').unwrap();
        kept.push((id.parse().unwrap(), number.parse().unwrap()));
        if kept.len() == count {
            // Some point of the next exchange.
            (0..moment).for_each(|turn| drop(std::hint::black_box(vec![turn; 64])));
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    kept
}

#[test]
fn nothing_that_was_written_is_lost_when_the_writer_is_killed() {
    let home = crate::home();
    let dir = home.path().join("captures");
    let mut dice = Dice(42);
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let count = dice.below(12) + 1;
        let kept = kept_until_killed(&dir, count, dice.below(60_000));
        assert!(kept.len() >= count, "round {round}: {kept:?}");
        all.extend(kept);
        let library = Library::open(&dir).unwrap();
        for (id, number) in &all {
            let row = library.row(*id).unwrap_or_else(|| panic!("round {round}: {number} is gone"));
            assert_eq!(row.state, State::Done);
        }
        for (id, number) in all.iter().rev().take(20) {
            assert_eq!(feed::body(&library, *id, Pane::ClientRequest), wire(*number).request);
            assert_eq!(feed::body(&library, *id, Pane::ClientResponse), wire(*number).answer.concat());
        }
        // All others were lost under way, and can be read as far as they came.
        for row in library.rows() {
            let id = row.id.unwrap();
            assert!(row.state == State::Lost || all.iter().any(|(kept, _)| *kept == id) || row.state == State::Done);
            library.exchange(id).unwrap();
        }
    }
}
