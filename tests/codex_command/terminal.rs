//! What is asked on a terminal, and whose Ctrl-C is. `script` of util-linux makes one.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use crate::bed::Bed;
use crate::ollama::Ollama;
use crate::skip;

const CTRL_C: &[u8] = b"\x03";

/// The program on a terminal.
struct Terminal {
    child: Child,
    heard: String,
}

impl Terminal {
    /// None: there is no `script` here.
    fn run(bed: &Bed, args: &str) -> Option<Self> {
        let mut command = Command::new("script");
        bed.surround(&mut command);
        let own = bed.own().join(" ");
        command.args([
            "-qec",
            &format!("exec {} codex {own} {args}", env!("CARGO_BIN_EXE_ollama-forward")),
            "/dev/null",
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(child) = command.spawn() else {
            skip::say_skipped("codex_command", "script is not installed");
            return None;
        };
        Some(Self { child, heard: String::new() })
    }

    fn types(&mut self, keys: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(keys).unwrap();
    }

    /// Until this is read, or all has ended.
    #[track_caller]
    fn hears(&mut self, text: &str) {
        let mut block = [0; 4096];
        while !self.heard.contains(text) {
            let read = self.child.stdout.as_mut().unwrap().read(&mut block).unwrap();
            assert!(read > 0, "{text} was not said: {}", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&block[..read]));
        }
    }

    fn ends(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        self.child.stdout.as_mut().unwrap().read_to_end(&mut rest).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, self.heard + &String::from_utf8_lossy(&rest))
    }
}

fn two_models() -> (Ollama, Bed) {
    let ollama = Ollama::with(&[("a:1", true), ("b:1", true), ("c:1", false)]);
    let bed = Bed::before(&ollama.address);
    (ollama, bed)
}

#[test]
fn the_model_is_asked_for_among_those_that_can_use_tools() {
    for (lang, question) in [("en", "Which model shall Codex use?"), ("fr", "Quel modèle pour Codex")] {
        let (_ollama, bed) = two_models();
        let Some(mut terminal) = Terminal::run(&bed, &format!("--lang {lang} -- exec hi")) else { return };
        terminal.hears("[1]");
        terminal.types(b"2\n");
        let (code, text) = terminal.ends();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(question) && text.contains("40960 tokens") && !text.contains("c:1"), "{text}");
        assert!(bed.words().windows(2).any(|words| words == ["-m", "b:1"]), "{:?}", bed.words());
    }
}

#[test]
fn ctrl_c_at_a_question_leaves_nothing_behind() {
    let (_ollama, bed) = two_models();
    let Some(mut terminal) = Terminal::run(&bed, "-- exec hi") else { return };
    terminal.hears("[1]");
    terminal.types(CTRL_C);
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(130), "{text}");
    assert!(!bed.started_codex());
    bed.none_runs();
}

#[test]
fn ctrl_c_belongs_to_codex_while_it_runs() {
    let does = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done";
    let bed = Bed::new().doing(does);
    let Some(mut terminal) = Terminal::run(&bed, "--yes -- exec hi") else { return };
    terminal.hears("ready");
    terminal.types(CTRL_C);
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(7), "{text}");
    assert!(text.contains("caught") && text.contains("to go on with the last session"), "{text}");
    bed.none_runs();
}

#[test]
fn a_missing_model_is_pulled_when_somebody_agrees() {
    let (ollama, bed) = two_models();
    let Some(mut terminal) = Terminal::run(&bed, "--model d:1 -- exec hi") else { return };
    terminal.hears("[y/N]");
    terminal.types(b"y\n");
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("pulled d:1") && ollama.asked().contains(&"POST /api/pull: d:1".to_owned()), "{text}");
    assert!(bed.words().contains(&"d:1".to_owned()));

    let (ollama, bed) = two_models();
    let Some(mut terminal) = Terminal::run(&bed, "--model d:1 -- exec hi") else { return };
    terminal.hears("[y/N]");
    terminal.types(b"\n");
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("E-NO-MODEL") && ollama.asked().is_empty(), "{text}");
}

#[test]
fn a_profile_is_written_when_somebody_agrees() {
    for (key, code, written) in [(&b"n\n"[..], 1, false), (b"\n", 0, true)] {
        let bed = Bed::new();
        let Some(mut terminal) = Terminal::run(&bed, "--install") else { return };
        terminal.hears("[Y/n]");
        terminal.types(key);
        let (ended, text) = terminal.ends();
        assert_eq!(ended, Some(code), "{text}");
        assert!(text.contains("+ model = \"demo:latest\""), "{text}");
        assert_eq!(bed.path("codex/ollama-forward.config.toml").exists(), written);
    }
}
