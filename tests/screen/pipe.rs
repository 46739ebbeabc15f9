//! What a pipe gets: results, and no order to a terminal.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::bed::{Bed, Process};

const SOON: Duration = Duration::from_secs(20);

/// `status --watch` into a pipe, and what it says.
fn watch(bed: &Bed, args: &[&str]) -> (Process, Receiver<String>) {
    let args = [&["status", "--watch=50ms"], args].concat();
    let mut process = Process(bed.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let out = BufReader::new(process.0.stdout.take().unwrap());
    let (send, lines) = mpsc::channel();
    // It ends with the pipe.
    thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    (process, lines)
}

#[test]
fn each_change_is_a_line_and_nothing_else_is() {
    let bed = Bed::new();
    let (mut watching, lines) = watch(&bed, &["--color", "auto"]);
    let next = || lines.recv_timeout(SOON).unwrap();
    assert_eq!(next(), "✗ no forwarder runs");
    let forward = bed.forward();
    let mut seen = vec![next()];
    assert!(seen[0].starts_with(&format!("✓ up   127.0.0.1:{} → 127.0.0.1:", bed.port)), "{seen:?}");
    while !seen.last().unwrap().contains("0 open, 1 done") && seen.len() < 5 {
        seen.push(next());
    }
    bed.ask("GET /api/version", "");
    while !seen.last().unwrap().contains("0 open, 2 done") && seen.len() < 10 {
        seen.push(next());
    }
    assert!(seen.last().unwrap().contains("0 open, 2 done"), "{seen:?}");
    assert_eq!(forward.end(), Some(0));
    assert_eq!(next(), "✗ no forwarder runs");
    assert!(seen.iter().zip(&seen[1..]).all(|(one, other)| one != other), "{seen:?}");
    assert!(!seen.concat().contains('\x1b'), "{seen:?}");
    watching.signal(Signal::SIGINT);
    assert_eq!(watching.code(), Some(0));
    assert!(lines.recv_timeout(SOON).is_err(), "it has said all");
}

#[test]
fn json_is_an_object_each_time_with_the_same_keys_in_both_languages() {
    let bed = Bed::new();
    let _forward = bed.forward();
    let keys = |lang: &str| -> Vec<Vec<String>> {
        let (_watching, lines) = watch(&bed, &["--json", "--lang", lang]);
        let object = || serde_json::from_str::<Value>(&lines.recv_timeout(SOON).unwrap()).unwrap();
        let mut all = Vec::new();
        for _ in 0..3 {
            let object = object();
            let one = &object["forwards"][0];
            assert!(one["latency_ms"].is_f64() && one["models"].is_array(), "{object}");
            assert_eq!((&object["schema_version"], &one["hint"]), (&1.into(), &Value::Null), "{object}");
            all.push(one.as_object().unwrap().keys().cloned().collect());
        }
        all
    };
    let english = keys("en");
    assert!(english.iter().all(|keys| *keys == english[0]));
    assert_eq!(english, keys("fr"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let bed = Bed::new();
    let mut watching = Process(
        bed.command(&["status", "--watch=20ms", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut first = [0];
    watching.0.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let mut errors = watching.0.stderr.take().unwrap();
    let mut said = String::new();
    errors.read_to_string(&mut said).unwrap();
    assert_eq!((watching.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn a_look_is_the_same_text_without_colour_and_does_not_count() {
    let bed = Bed::new();
    let _forward = bed.forward();
    let said = |args: &[&str]| {
        let output = bed.command(&[&["status"], args].concat()).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.is_empty()), (Some(0), true), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (plain, coloured) = (said(&[]), said(&["--color", "always"]));
    assert!(!plain.contains('\x1b') && coloured.contains("\x1b[32m✓ up for "), "{coloured}");
    assert!(plain.contains("0 open, 1 done") && said(&[]).contains("0 open, 1 done"), "{plain}");
    let ascii = said(&["--ascii"]);
    assert!(ascii.is_ascii(), "{ascii}");
    assert!(said(&["--lang", "fr"]).starts_with("relais    127.0.0.1:"));
}

#[test]
fn a_log_in_a_pipe_has_no_line_below_it() {
    let bed = Bed::new();
    let args = bed.run_args();
    let mut command = bed.command(&args.split(' ').collect::<Vec<_>>());
    let mut running = Process(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("translating") {
        assert!(log.read_line(&mut text).unwrap() > 0, "{text}");
    }
    bed.ask("GET /api/version", "");
    running.signal(Signal::SIGINT);
    log.read_to_string(&mut text).unwrap();
    assert_eq!(running.code(), Some(0), "{text}");
    assert!(!text.contains('\x1b') && !text.contains("0 done"), "{text}");
}

#[test]
fn a_unit_that_is_there_is_told_though_systemd_does_not_answer() {
    let bed = Bed::new();
    let _forward = bed.forward();
    let units = bed.path("config/systemd/user");
    std::fs::create_dir_all(&units).unwrap();
    std::fs::write(units.join("ollama-forward.service"), "[Service]\n").unwrap();
    let bin = bed.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let systemctl = bin.join("systemctl");
    let say = |script: &str| {
        // Another process writes it: one that our other tests fork would hold it open, and then it cannot be run.
        let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod 755 \"$1\"";
        let written = std::process::Command::new("sh").args(["-c", write, "sh"]).arg(&systemctl).arg(script).status();
        assert!(written.unwrap().success());
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let output = bed.command(&["status", "--json"]).env("PATH", path).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["service"].take()
    };
    assert_eq!(say("echo active"), serde_json::json!({"installed": true, "active": "active"}));
    assert_eq!(say("echo failed; exit 3"), serde_json::json!({"installed": true, "active": "failed"}));
    assert_eq!(say("echo \"$@\" >&2; exit 1"), serde_json::json!({"installed": true, "active": null}));
    assert_eq!(say("sleep 60"), serde_json::json!({"installed": true, "active": null}));
}
