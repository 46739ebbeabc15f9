//! Says that a test cannot run here, for `scripts/test` to count.

use std::io::Write;
use std::panic::Location;
use std::thread;

/// `SKIP TARGET TEST: REASON`. Written past libtest's capture, which hides what a passing test prints.
#[track_caller]
pub(crate) fn say_skipped(target: &str, reason: &str) {
    let thread = thread::current();
    let at = Location::caller().to_string();
    // With one test thread, tests run on the main one, which does not bear their name.
    let test = thread.name().filter(|name| *name != "main").unwrap_or(&at);
    say(&format!("SKIP {target} {test}: {reason}"));
}

/// In one piece and at the start of a line, whatever libtest is writing just now.
pub(crate) fn say(line: &str) {
    drop(std::io::stderr().write_all(format!("\n{line}\n").as_bytes()));
}
