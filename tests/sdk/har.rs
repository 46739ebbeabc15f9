//! Exported captures, as other tools read them: HAR by its schema, JSON lines by jq, commands by bash.

use std::fs;
use std::process::Command;

use ollama_forward::capture::export::{Exported, Format, export};
use ollama_forward::capture::record::{Exchange, Head, Message, Pane};
use ollama_forward::capture::view::View;

use crate::{node, passes};

/// A request with all that HAR is particular about, an answer that is no text, and one that never came.
fn exchanges() -> Vec<Exchange> {
    let request = |target: &str, body: &[u8]| message(Pane::ClientRequest, Some(target), body);
    let answer = |body: &[u8]| message(Pane::ClientResponse, None, body);
    let of =
        |messages| Exchange { begun_ms: 1_764_352_000_123, took_us: Some(1_500_000), messages, ..Exchange::default() };
    vec![
        of(vec![
            request(
                "/v1/responses?key=[redacted]&q=a b|c%zz&d=\u{e9}\"",
                "{\"model\":\"m\",\"input\":\"\u{c9}t\u{e9}?\"}".as_bytes(),
            ),
            answer(b"data: {\"a\":1}\n\ndata: [DONE]\n\n"),
        ]),
        of(vec![request("http://localhost:11434/api/chat#x", b"\xff\x00"), answer(b"\xfe")]),
        of(vec![request("*", b"")]),
        of(Vec::new()),
    ]
}

fn message(pane: Pane, target: Option<&str>, body: &[u8]) -> Message {
    let head = Head {
        at_us: if target.is_some() { 0 } else { 900_000 },
        method: target.map(|_| "POST".to_owned()),
        target: target.map(str::to_owned),
        status: target.is_none().then_some(200),
        version: "HTTP/1.1".to_owned(),
        headers: vec![("host".to_owned(), "[::1]:11434".to_owned()), ("x-it".to_owned(), "it's".to_owned())],
        ..Head::default()
    };
    let size = body.len() as u64;
    Message {
        pane,
        attempt: 0,
        head: Some(head),
        body: body.to_vec(),
        size,
        pieces: Vec::new(),
        ended_us: Some(1_000_000),
        redacted: 0,
    }
}

fn exported(format: Format) -> String {
    let (exchanges, view) = (exchanges(), View::default());
    let all: Vec<_> = exchanges.iter().map(|exchange| Exported { exchange, view: &view }).collect();
    export(format, "", &all)
}

#[test]
#[ignore = "needs SDKs: scripts/get-sdks"]
fn har_fits_its_schema() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("capture.har");
    fs::write(&file, exported(Format::Har)).unwrap();
    let mut command = node(scratch.path(), "har.mjs");
    command.arg(&file).arg(exchanges().len().to_string());
    passes(command);
}

#[test]
fn jq_reads_both_kinds_of_json_lines() {
    for (format, filter) in [
        (Format::Jsonl, "if input_line_number == 1 then .version == 1 else .begun_ms == 1764352000123 end"),
        (Format::CodexCapture, ".summary.duration_ms == 1500"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lines");
        fs::write(&file, exported(format)).unwrap();
        let mut command = Command::new("jq");
        command.args(["-e", filter]).arg(&file);
        if command.output().is_err() {
            crate::support::skip::say_skipped("sdk", "jq is not installed");
            return;
        }
        passes(command);
    }
}

#[test]
fn bash_takes_each_command_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("commands");
    fs::write(&file, exported(Format::Curl)).unwrap();
    // In place of curl: tells what it was given, and asks nobody.
    let script = format!(
        "curl() {{ printf '%s|' \"$@\"; case \"$*\" in *@-*) cat | od -An -c | tr -d ' \\n';; esac; echo; }}; . {}",
        file.display()
    );
    let output = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].starts_with("-sS|-N|-g|-X|POST|http://[::1]:11434/v1/responses?"), "{said}");
    assert!(lines[0].contains("|-H|x-it: it's|"), "{said}");
    assert!(lines[1].ends_with("@-|377\\0"), "{said}");
    assert!(lines[2].starts_with("-sS|-N|-g|-X|POST|http://[::1]:11434/*|"), "{said}");
}
