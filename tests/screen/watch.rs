//! `status --watch` on a terminal.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bed::{Bed, count, typed};

#[test]
fn it_is_drawn_in_its_place_and_follows_what_happens() {
    let bed = Bed::new();
    let _forward = bed.forward();
    let Some(terminal) = bed.terminal(80, 24, &typed("status --watch=100ms")) else { return };
    let screen = terminal.until_shown("0 open, 1 done");
    assert!(screen[0].starts_with("forward   127.0.0.1:"), "{screen:#?}");
    assert!(screen[1].starts_with("upstream  ✓ up for "), "{screen:#?}");
    assert!(screen.iter().any(|line| line.starts_with("service   ○ not installed")), "{screen:#?}");
    assert!(!terminal.has_cursor());
    for number in 2..6 {
        bed.ask("GET /api/version", "");
        let screen = terminal.until_shown(&format!("0 open, {number} done"));
        assert_eq!((count(&screen, "forward "), count(&screen, "hint ")), (1, 0), "{screen:#?}");
        assert!(screen[0].starts_with("forward "), "{screen:#?}");
    }
}

#[test]
fn the_last_requests_stand_below_without_what_was_said() {
    let bed = Bed::new();
    let _forward = bed.forward();
    let Some(terminal) = bed.terminal(120, 30, &typed("status --watch=100ms")) else { return };
    terminal.until_shown("translates /v1/responses");
    let body = r#"{"model":"demo","input":"Needle in a haystack","stream":false}"#;
    assert!(bed.ask("POST /v1/responses", body).starts_with("HTTP/1.1 200"));
    let screen = terminal.until_shown("exchange id=");
    let log = screen.iter().position(|line| line.contains("INFO exchange id=")).unwrap();
    let blank = screen.iter().position(String::is_empty).unwrap();
    assert!(blank < log && screen[log].contains("model=\"demo\""), "{screen:#?}");
    assert!(!screen.concat().contains("Needle"), "{screen:#?}");
    terminal.until("the bridge tells, too", |screen| screen.iter().any(|line| line.contains("last: demo")));
    // Where there is no room, there is none for the log.
    terminal.resize(120, 9);
    let screen = terminal.until("no log", |screen| count(screen, "service ") == 1 && !screen.concat().contains("INFO"));
    assert!(screen[0].starts_with("forward "), "{screen:#?}");
}

#[test]
fn it_is_cut_to_the_terminal_and_drawn_anew_when_that_is_resized() {
    let bed = Bed::new();
    let _forward = bed.forward();
    let Some(terminal) = bed.terminal(200, 24, &typed("status --watch=1h")) else { return };
    terminal.until_shown("received");
    for (columns, ends) in [(40, "…"), (100, "pid"), (30, "…"), (200, "received")] {
        terminal.resize(columns, 24);
        let screen = terminal.until(&format!("{columns} columns"), |screen| {
            let first = screen.first().is_some_and(|line| line.starts_with("forward ") && line.contains(ends));
            first && screen.iter().all(|line| line.chars().count() < usize::from(columns))
        });
        assert_eq!((count(&screen, "forward "), count(&screen, "service ")), (1, 1), "{columns}: {screen:#?}");
    }
    terminal.resize(80, 4);
    terminal.until("three lines", |screen| screen.len() == 3 && count(screen, "service ") == 1);
}

#[test]
fn a_forwarder_that_goes_is_waited_for() {
    let bed = Bed::new();
    let forward = bed.forward();
    let Some(terminal) = bed.terminal(80, 24, &typed("status --watch=100ms")) else { return };
    terminal.until_shown("✓ up for ");
    assert_eq!(forward.end(), Some(0));
    let screen = terminal.until_shown("✗ none runs   waiting for one for ");
    assert_eq!(screen.len(), 1, "{screen:#?}");
    let _next = bed.forward();
    terminal.until("it is there again", |screen| count(screen, "upstream  ✓ up for ") == 1);
}

#[test]
fn each_way_to_leave_restores_the_terminal_and_ends_well() {
    for key in ["q", "C-c", "C-d"] {
        let bed = Bed::new();
        let _forward = bed.forward();
        let Some(terminal) = bed.terminal(80, 24, &typed("status --watch")) else { return };
        terminal.until_shown("service ");
        terminal.keys(&["x", "C-z", key]);
        let screen = terminal.is_restored(0);
        // What was seen stays, and the shell goes on below.
        assert!(screen[0].starts_with("forward ") && count(&screen, "service ") == 1, "{key}: {screen:#?}");
    }
}

#[test]
fn a_signal_restores_the_terminal_too() {
    let bed = Bed::new();
    let script = format!("echo $$ > pid; exec {}", typed("status --watch --lang fr"));
    let Some(terminal) = bed.terminal(80, 24, &format!("sh -c '{script}'")) else { return };
    terminal.until_shown("✗ aucun ne tourne   attendu depuis ");
    let pid: i32 = std::fs::read_to_string(bed.path("pid")).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    terminal.is_restored(0);
}
