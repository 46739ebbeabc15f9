//! Ten thousand exchanges are there in a moment.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use ollama_forward::capture::Pane;
use ollama_forward::capture::store::Library;
use ollama_forward::clock;

use crate::feed::{self, Wire};

const SESSIONS: usize = 20;
const EACH: usize = 500;

/// One more of a line, with another id.
fn again(line: &str, id: &str, number: usize) -> String {
    line.replace(id, &format!("{:016x}", u64::from_str_radix(id, 16).unwrap() + number as u64))
}

/// Makes a store of many exchanges from one that was written.
fn copy(from: &Path, to: &Path) {
    let home = fs::read_dir(from.join("sessions")).unwrap().next().unwrap().unwrap().path();
    let index = fs::read_to_string(home.join("index.jsonl")).unwrap();
    let (first, rest) = index.split_once('\n').unwrap();
    let id = rest.split('"').nth(5).unwrap();
    for session in 0..SESSIONS {
        let place = to.join(format!("sessions/20260101-000000-{session:08x}"));
        fs::create_dir_all(&place).unwrap();
        fs::copy(home.join("parts.zst"), place.join("parts.zst")).unwrap();
        let lines: Vec<String> = (0..EACH).map(|number| again(rest, id, session * EACH + number)).collect();
        fs::write(place.join("index.jsonl"), format!("{first}\n{}", lines.concat())).unwrap();
    }
}

#[test]
fn ten_thousand_exchanges_are_listed_and_one_is_read() {
    let home = crate::home();
    let (one, many) = (home.path().join("one"), home.path().join("many"));
    let mut running = feed::start(&one).unwrap();
    let request = format!(
        "{{\"model\":\"qwen3:14b\",\"input\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}",
        "hello ".repeat(50)
    );
    let headers = vec![("session-id".into(), "s".into()), ("user-agent".into(), "codex_exec/0.169.0".into())];
    let answer = vec![Bytes::from_static(b"data: {\"type\":\"response.completed\"}\n\n")];
    let id = running.keep(&Wire { headers, request: request.clone().into(), upstream: None, answer });
    running.stop();
    copy(&one, &many);
    let begun = clock::now();
    let library = Library::open(&many).unwrap();
    let rows = library.rows();
    let took = begun.elapsed();
    assert_eq!(rows.len(), SESSIONS * EACH);
    assert!(rows.is_sorted_by_key(|row| row.id));
    assert_eq!(rows[0].id, Some(id));
    assert_eq!(library.sessions().len(), SESSIONS);
    let last = rows.last().unwrap().id.unwrap();
    assert_eq!(feed::body(&library, last, Pane::ClientRequest), request.as_bytes());
    println!("{} rows in {took:?}", rows.len());
}
