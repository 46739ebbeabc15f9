//! What is asked on a terminal. `script` of util-linux makes one.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::bed::Bed;
use crate::skip;

/// The command on a terminal, with these lines typed. None: there is no `script` here.
fn typed(bed: &Bed, args: &str, lines: &str) -> Option<(Option<i32>, String)> {
    let program = env!("CARGO_BIN_EXE_ollama-forward");
    let mut command = Command::new("script");
    bed.surround(&mut command);
    command.args(["-qec", &format!("{program} capture {args}"), "/dev/null"]);
    // A browser that opens nothing, before any real one.
    let bin = bed.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/true", bin.join("wslview")).unwrap();
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        skip::say_skipped("capture_cli", "script is not installed");
        return None;
    };
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[test]
fn only_a_yes_deletes() {
    for (lines, code, left) in [("n\n", 1, 4), ("\n", 1, 4), ("y\n", 0, 3), ("oui\n", 0, 3)] {
        let bed = Bed::with_exchanges();
        let Some((ended, text)) = typed(&bed, "rm last", lines) else { return };
        assert!(text.contains("Delete exchange ") && text.contains("[y/N]"), "{text}");
        assert_eq!((ended, bed.ids().len()), (Some(code), left), "{lines:?}: {text}");
    }
}

#[test]
fn the_question_is_in_the_readers_language() {
    let bed = Bed::with_exchanges();
    let Some((_, text)) = typed(&bed, "rm --all --lang fr", "non\n") else { return };
    assert!(text.contains("Supprimer les 4 échanges") && text.contains("rien n'a été supprimé"), "{text}");
    assert_eq!(bed.ids().len(), 4);
}

#[test]
fn a_wizard_without_a_terminal_names_the_options() {
    let said = Bed::empty().fails(2, &["wizard"]);
    assert!(said.contains("capture start --listen-host 127.0.0.1 --port 11434"), "{said}");
}

#[test]
fn a_bad_port_ends_the_wizard() {
    for (lines, bad) in [("\nhttp\n", "`http`"), ("\n0\n", "`0`"), ("\n\n\n\n65536\n", "`65536`")] {
        let bed = Bed::empty();
        let Some((code, text)) = typed(&bed, "wizard", lines) else { return };
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("E-USAGE") && text.contains(bad), "{text}");
    }
    let bed = Bed::empty();
    let Some((code, text)) = typed(&bed, "wizard", "\n\nsideways\n") else { return };
    assert!(code == Some(2) && text.contains("reverse or forward"), "{text}");
}

#[test]
fn a_wizard_starts_what_outlives_its_terminal() {
    let bed = Bed::empty();
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (port, page) = (free(), free());
    let Some((code, text)) = typed(&bed, "wizard", &format!("\n{port}\nforward\ndemo\n{page}\n\n")) else { return };
    let status = bed.run(&["status", "--json"]);
    let stopped = bed.run(&["stop"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("HTTP_PROXY=http://127.0.0.1:{port} ")), "{text}");
    assert!(text.contains(&format!("http://127.0.0.1:{page}/?code=")), "{text}");
    let status: serde_json::Value = serde_json::from_slice(&status.out).unwrap();
    assert_eq!((&status["running"], &status["on"]), (&true.into(), &true.into()), "{status}");
    assert_eq!(stopped.code, Some(0), "{}", stopped.err);
}
