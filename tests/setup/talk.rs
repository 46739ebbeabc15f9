//! On a terminal: whole conversations, in both languages, and those that break off.

use std::net::TcpListener;

use crate::bed::{Bed, Ollama, PoorOllama, free_port};
use crate::terminal::Terminal;

/// What is asked where the demo stands in, and how each question ends; the last one is the confirmation.
const ENGLISH: [&str; 8] = [
    "Translate for Codex? [Y/n]",
    "Port [",
    "Number [1]",
    "Ask it? [Y/n]",
    "Write it? [Y/n]",
    "Capture exchanges? [y/N]",
    "Add that line? [y/N]",
    "Do it? [Y/n]",
];
const FRENCH: [&str; 8] = [
    "Traduire pour Codex\u{a0}? [O/n]",
    "Port [",
    "Numéro [1]",
    "Lui demander\u{a0}? [O/n]",
    "L'écrire\u{a0}? [O/n]",
    "Capturer les échanges\u{a0}? [o/N]",
    "Ajouter cette ligne\u{a0}? [o/N]",
    "Le faire\u{a0}? [O/n]",
];

/// A configuration that gives the conversation a port of its own.
fn bed_with_port() -> (Bed, u16) {
    let (bed, port) = (Bed::new(), free_port());
    bed.write_config(&format!("listen_port = {port}\n"));
    (bed, port)
}

fn open(bed: &Bed, variables: &[(&str, &str)], args: &[&str]) -> Option<Terminal> {
    Terminal::open(bed, variables, &bed.setup_words(args))
}

#[test]
fn enter_at_every_question_sets_up_what_is_recommended() {
    for (lang, questions, seen, last) in [
        ("en", ENGLISH, "the built-in demo stands in for Ollama", "Three commands to remember"),
        ("fr", FRENCH, "la démo intégrée remplace Ollama", "Trois commandes à retenir"),
    ] {
        let (bed, port) = bed_with_port();
        let Some(mut terminal) = open(&bed, &[("OLLAMA_FORWARD_LANG", lang)], &["--upstream", "demo"]) else { return };
        terminal.sees(seen);
        for question in questions {
            terminal.answers(question, "");
        }
        terminal.sees(last);
        let (code, text) = terminal.ends();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(&format!("listen_port = {port}")) && text.contains("+ translate = true"), "{text}");
        assert!(text.contains("stand-in: codex --print --yes --model demo:latest"), "the preview is shown: {text}");
        assert!(bed.config_text().ends_with("upstream = \"demo\"\ntranslate = true\n"), "{}", bed.config_text());
        let install = format!("{lang} codex --install --yes --model demo:latest --listen-port {port} --upstream demo");
        assert_eq!(bed.calls(), [install]);
    }
}

#[test]
fn answers_are_taken_and_wrong_ones_asked_for_again() {
    let (bed, _) = bed_with_port();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken, port) = (holder.local_addr().unwrap().port(), free_port());
    let Some(mut terminal) = open(&bed, &[], &[]) else { return };
    terminal.answers("Where is Ollama?", "https://pc");
    terminal.sees("`https://pc` is no place to forward to");
    terminal.answers("Where is Ollama?", "demo");
    terminal.answers(ENGLISH[0], "n");
    terminal.answers(ENGLISH[1], "http");
    terminal.answers(ENGLISH[1], &taken.to_string());
    terminal.sees(&format!("port {taken} is taken by "));
    terminal.answers(ENGLISH[1], &port.to_string());
    terminal.answers("Number [1]", "2");
    terminal.sees("without a model");
    terminal.answers(ENGLISH[5], "y");
    terminal.answers(ENGLISH[6], "y");
    terminal.answers(ENGLISH[7], "y");
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(0), "{text}");
    let written = bed.config_text();
    assert!(written.contains(&format!("listen_port = {port}\n")) && written.contains("capture = true\n"), "{written}");
    assert!(!written.contains("translate"), "{written}");
    assert_eq!(bed.calls(), ["en service install --yes"]);
}

#[test]
fn ctrl_c_at_any_question_leaves_the_home_as_it_was() {
    for stop in 0..ENGLISH.len() {
        let (bed, _) = bed_with_port();
        let before = bed.home();
        let Some(mut terminal) = open(&bed, &[], &["--upstream", "demo"]) else { return };
        for question in &ENGLISH[..stop] {
            terminal.answers(question, "");
        }
        terminal.sees(ENGLISH[stop]);
        terminal.types("\u{3}");
        let (code, text) = terminal.ends();
        assert_eq!(code, Some(130), "{text}");
        assert_eq!((bed.home(), bed.calls()), (before, Vec::new()), "at {:?}", ENGLISH[stop]);
    }
}

#[test]
fn who_stops_while_waiting_or_before_has_changed_nothing() {
    for (upstream, question) in [("127.0.0.1:1", "(Enter, s, Ctrl-C)"), ("auto", "nothing to stop")] {
        for key in ["\u{3}", "\u{4}"] {
            let (bed, _) = bed_with_port();
            let before = bed.home();
            let Some(mut terminal) = open(&bed, &[], &["--upstream", upstream]) else { return };
            terminal.sees(question);
            terminal.types(key);
            let (code, text) = terminal.ends();
            assert_eq!((code, bed.home()), (Some(130), before), "{text}");
        }
    }
}

#[test]
fn the_end_of_input_and_a_no_leave_the_home_as_it_was() {
    for (key, expected) in [("\u{4}", 130), ("n\n", 1)] {
        let (bed, _) = bed_with_port();
        let before = bed.home();
        let Some(mut terminal) = open(&bed, &[], &["--upstream", "demo"]) else { return };
        for question in &ENGLISH[..7] {
            terminal.answers(question, "");
        }
        terminal.sees(ENGLISH[7]);
        terminal.types(key);
        terminal.sees("nothing was changed");
        let (code, text) = terminal.ends();
        assert_eq!(code, Some(expected), "{text}");
        assert_eq!((bed.home(), bed.calls()), (before, Vec::new()));
    }
}

#[test]
fn an_ollama_that_comes_up_while_somebody_waits_is_noticed() {
    for (lang, hint, well, questions) in [
        ("en", "Enter looks at once", "answers at 127.0.0.1", ENGLISH),
        ("fr", "Entrée regarde aussitôt", "répond à 127.0.0.1", FRENCH),
    ] {
        let (bed, _) = bed_with_port();
        let windows = free_port();
        let variables = [("OLLAMA_FORWARD_LANG", lang), ("OLLAMA_FORWARD_UPSTREAM", &*format!("127.0.0.1:{windows}"))];
        let Some(mut terminal) = open(&bed, &variables, &["--test=no"]) else { return };
        terminal.sees(hint);
        let _ollama = Ollama::on(windows);
        terminal.sees(well);
        for (number, question) in questions.iter().enumerate() {
            if number != 3 {
                terminal.answers(question, "");
            }
        }
        let (code, text) = terminal.ends();
        assert_eq!(code, Some(0), "{text}");
        assert!(bed.config_text().contains(&format!("upstream = \"127.0.0.1:{windows}\"\n")), "{text}");
    }
}

#[test]
fn who_does_not_want_to_wait_goes_on_without() {
    let (bed, _) = bed_with_port();
    let upstream = format!("127.0.0.1:{}", free_port());
    let Some(mut terminal) = open(&bed, &[], &["--upstream", &upstream]) else { return };
    // What is wrong is told by the doctor, with what cures it.
    terminal.sees("nothing listens on 127.0.0.1");
    terminal.sees("ollama serve");
    terminal.sees("Ctrl-C stops.");
    terminal.types("\n");
    terminal.types("s\n");
    terminal.sees("without Ollama");
    for question in [ENGLISH[0], ENGLISH[1], ENGLISH[5], ENGLISH[6], ENGLISH[7]] {
        terminal.answers(question, "");
    }
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(0), "{text}");
    assert!(bed.config_text().contains("translate = true") && bed.calls().is_empty(), "{text}");
}

#[test]
fn ctrl_c_between_two_steps_says_how_to_go_on() {
    let (bed, _) = bed_with_port();
    bed.waits_at("service install");
    let Some(mut terminal) = open(&bed, &[], &["--upstream", "demo", "--yes", "--test=no", "--service=yes"]) else {
        return;
    };
    let gate = bed.await_call();
    terminal.types("\u{3}");
    terminal.sees("it stops when this step is done");
    drop(gate);
    terminal.sees("To go on: ollama-forward codex --install");
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(130), "{text}");
    // What had begun was done in full, and nothing after it.
    assert_eq!(bed.calls(), ["en service install --yes"]);
    assert!(text.contains("before that: ") && bed.config_text().contains("translate = true"), "{text}");
}

#[test]
fn a_model_that_is_downloaded_meanwhile_can_be_chosen() {
    let (bed, _) = bed_with_port();
    let ollama = PoorOllama::with(r#"{"models":[]}"#);
    let Some(mut terminal) = open(&bed, &[], &["--upstream", &ollama.upstream, "--test=no"]) else { return };
    terminal.answers(ENGLISH[0], "");
    terminal.answers(ENGLISH[1], "");
    terminal.sees("ollama pull qwen3:14b");
    terminal.answers("Look again?", "");
    terminal.sees("Ollama has no model yet");
    ollama.now_has(r#"{"models":[{"name":"fresh:1b"}]}"#);
    terminal.answers("Look again?", "");
    for question in [ENGLISH[2], ENGLISH[4], ENGLISH[5], ENGLISH[6], ENGLISH[7]] {
        terminal.answers(question, "");
    }
    let (code, text) = terminal.ends();
    assert_eq!((code, bed.calls().len()), (Some(0), 1), "{text}");
    assert!(bed.calls()[0].contains("--model fresh:1b"), "{:?}", bed.calls());
}

#[test]
fn a_port_that_is_taken_is_told_and_another_proposed() {
    let bed = Bed::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().port();
    bed.write_config(&format!("listen_port = {taken}\n"));
    let Some(mut terminal) = open(&bed, &[], &["--upstream", "demo", "--codex=no", "--test=no"]) else { return };
    terminal.answers(ENGLISH[0], "");
    terminal.sees(&format!("port {taken} is taken by "));
    terminal.answers(ENGLISH[1], "");
    for question in [ENGLISH[2], ENGLISH[5], ENGLISH[6], ENGLISH[7]] {
        terminal.answers(question, "");
    }
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(0), "{text}");
    assert!(!bed.config_text().contains(&format!("listen_port = {taken}\n")), "{text}");
}

#[test]
fn a_second_run_shows_what_is_so_and_changes_nothing() {
    let (bed, port) = bed_with_port();
    bed.write_config(&format!("listen_port = {port}\nupstream = \"demo\"\ntranslate = true\n"));
    std::fs::create_dir_all(bed.path("home/.codex")).unwrap();
    std::fs::write(bed.path("home/.codex/ollama-forward.config.toml"), "model = \"demo:latest\"\n").unwrap();
    bed.has_service();
    let before = bed.home();
    let Some(mut terminal) = open(&bed, &[], &[]) else { return };
    for question in &ENGLISH[..4] {
        terminal.answers(question, "");
    }
    terminal.answers("Write it anew? [y/N]", "");
    terminal.answers(ENGLISH[5], "");
    terminal.sees("The service is installed already.");
    terminal.answers("Install it anew? [y/N]", "");
    terminal.sees("it is all so already");
    terminal.sees("ollama-forward status");
    let (code, text) = terminal.ends();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!((bed.home(), bed.calls()), (before, Vec::new()));
}

#[test]
fn a_first_run_without_a_command_names_setup_once() {
    let run = |bed: &Bed| {
        let words = ["--upstream", "demo", "--listen-port", &free_port().to_string()].map(str::to_owned);
        let mut terminal = Terminal::open(bed, &[], &words)?;
        terminal.sees("listening");
        terminal.types("\u{3}");
        Some(terminal.ends().1)
    };
    let bed = Bed::new();
    let Some(text) = run(&bed) else { return };
    assert_eq!(text.matches("ollama-forward setup").count(), 1, "{text}");
    bed.write_config("");
    let Some(text) = run(&bed) else { return };
    assert!(!text.contains("ollama-forward setup"), "{text}");
}
