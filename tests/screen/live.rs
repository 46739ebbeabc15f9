//! The line below the log of a run.

use crate::bed::{Bed, Terminal, count, typed};

/// The line, which is the last one on the screen.
#[track_caller]
fn line(terminal: &Terminal<'_>, ends: &str) -> Vec<String> {
    terminal.until(ends, |screen| {
        screen.last().is_some_and(|line| line.starts_with("✓ up   127.0.0.1:") && line.contains(ends))
    })
}

#[test]
fn it_stays_below_the_log_and_goes_at_the_end() {
    let bed = Bed::new();
    let Some(terminal) = bed.terminal(200, 24, &typed(&bed.run_args())) else { return };
    let screen = line(&terminal, "0 open, 0 done");
    assert!(screen[0].contains(" INFO listening address=127.0.0.1:"), "{screen:#?}");
    assert_eq!(count(&screen, "✓ up"), 1, "{screen:#?}");
    let body = r#"{"model":"demo","input":"Needle","stream":false}"#;
    assert!(bed.ask("POST /v1/responses", body).starts_with("HTTP/1.1 200"));
    let screen = line(&terminal, "0 open, 1 done   demo");
    assert!(screen.last().unwrap().ends_with(" tokens/s"), "{screen:#?}");
    assert!(screen[screen.len() - 2].contains(" INFO exchange id="), "{screen:#?}");
    terminal.keys(&["C-c"]);
    let screen = terminal.is_restored(0);
    assert_eq!(count(&screen, "✓ up"), 0, "{screen:#?}");
}

#[test]
fn lines_of_the_log_stay_whole_while_it_is_drawn() {
    let bed = Bed::new();
    let Some(terminal) = bed.terminal(250, 24, &typed(&format!("-v {}", bed.run_args()))) else { return };
    line(&terminal, "0 open, 0 done");
    for _ in 0..60 {
        bed.ask("GET /api/version", "");
    }
    line(&terminal, "0 open, 60 done");
    terminal.until("all of them are told", |_| {
        terminal.history().iter().filter(|line| line.contains("connection closed")).count() == 60
    });
    let history = terminal.history();
    let (last, log) = history.split_last().unwrap();
    assert!(last.starts_with("✓ up"), "{last}");
    for line in log {
        let is_of_log = line.as_bytes().get(2) == Some(&b':') && line.as_bytes().get(5) == Some(&b':');
        assert!(is_of_log && line.matches("INFO").count() + line.matches("DEBUG").count() == 1, "{line:?}");
        assert!(!line.contains('✓'), "{line:?}");
    }
}

#[test]
fn it_fits_a_terminal_that_is_resized() {
    let bed = Bed::new();
    let Some(terminal) = bed.terminal(120, 24, &typed(&bed.run_args())) else { return };
    line(&terminal, "0 open, 0 done");
    for (columns, ends) in [(40, "…"), (90, "0 done"), (30, "…"), (120, "0 done")] {
        terminal.resize(columns, 24);
        let screen = line(&terminal, ends);
        assert_eq!(count(&screen, "✓ up"), 1, "{columns}: {screen:#?}");
        assert!(screen.last().unwrap().chars().count() < usize::from(columns), "{columns}: {screen:#?}");
    }
}

#[test]
fn it_speaks_the_readers_language_and_ascii() {
    let bed = Bed::new();
    let run = typed(&format!("--lang fr {}", bed.run_args()));
    let Some(terminal) = bed.terminal(120, 24, &format!("LC_ALL=C {run}")) else { return };
    terminal.until("the line", |screen| {
        screen.last().is_some_and(|line| line.starts_with("[ok] joignable   127.0.0.1:") && line.contains(" -> "))
    });
}

#[test]
fn who_does_not_want_it_does_not_get_it() {
    for (before, more) in [
        ("", "--live never"),
        ("OLLAMA_FORWARD_LIVE=never", ""),
        ("", "--log-format json"),
        ("TERM=dumb", ""),
        ("TERM=", ""),
    ] {
        let bed = Bed::new();
        let run = typed(&format!("{} {more}", bed.run_args()));
        // Once a second is up, four lines would have been drawn.
        let Some(terminal) = bed.terminal(120, 24, &format!("{before} timeout -s INT 1 {run}")) else { return };
        let screen = terminal.until("the end", |screen| screen.iter().any(|line| line.starts_with("ended=")));
        assert!(screen.concat().contains("listening"), "{before} {more}: {screen:#?}");
        assert_eq!(terminal.history().iter().filter(|line| line.contains("0 done")).count(), 0, "{screen:#?}");
    }
}

#[test]
fn in_the_background_it_leaves_the_terminal_to_others() {
    let bed = Bed::new();
    let run = typed(&bed.run_args());
    // An interactive shell gives jobs groups of their own; what runs in front is a `cat` that shows what is typed.
    let script = format!("bash --norc -ic '{run} & cat'");
    let Some(terminal) = bed.terminal(120, 24, &script) else { return };
    terminal.until_shown("translating");
    terminal.keys(&["typed", "Enter"]);
    let screen = terminal.until("cat answers", |screen| count(screen, "typed") == 2);
    assert_eq!(count(&screen, "✓ up"), 0, "{screen:#?}");
}
