//! One writes, others read; and nobody else can.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytes::Bytes;
use ollama_forward::capture::store::{Library, StoreError};
use ollama_forward::capture::{ExchangeId, Pane};

use crate::feed::{self, Wire};
use crate::{part, part_dir};

fn wire(text: &str) -> Wire {
    let answer = vec![Bytes::from(text.to_owned())];
    Wire { request: Bytes::from(format!("{{\"model\":\"{text}\"}}")), answer, ..Wire::default() }
}

/// A part of `another_process_reads_what_is_written_and_cannot_write`; by itself it does nothing.
#[test]
fn reads_and_cannot_write() {
    let Some(dir) = part_dir() else { return };
    match feed::start(&dir) {
        Err(StoreError::Locked { pid, .. }) => writeln!(std::io::stdout(), "\nlocked by {pid}").unwrap(),
        other => panic!("{:?}", other.map(|_| "it may write")),
    }
    let library = Library::open(&dir).unwrap();
    let mut line = String::new();
    // Each line is an id that was written just now.
    while std::io::stdin().read_line(&mut line).unwrap() > 0 {
        library.refresh().unwrap();
        let id: ExchangeId = line.trim().parse().unwrap();
        let body = feed::body(&library, id, Pane::ClientResponse);
        writeln!(std::io::stdout(), "\nread {}", String::from_utf8(body).unwrap()).unwrap();
        line.clear();
    }
}

#[test]
fn another_process_reads_what_is_written_and_cannot_write() {
    let home = crate::home();
    let mut running = feed::start(home.path()).unwrap();
    let mut other =
        part("two::reads_and_cannot_write", home.path()).stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut orders = other.stdin.take().unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = |word: &str| lines.find_map(|line| line.strip_prefix(word).map(str::to_owned)).unwrap();
    assert_eq!(said("locked by "), std::process::id().to_string());
    for text in ["one", "two", "three"] {
        let id = running.keep(&wire(text));
        writeln!(orders, "{id}").unwrap();
        assert_eq!(said("read "), text);
    }
    drop(orders);
    assert!(other.wait().unwrap().success());
    running.stop();
}

/// Everything below a directory, with itself.
fn check_private(path: &Path) -> usize {
    let found = fs::symlink_metadata(path).unwrap();
    let expected = if found.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(found.mode() & 0o7777, expected, "{}", path.display());
    let below = fs::read_dir(path).into_iter().flatten();
    1 + below.map(|entry| check_private(&entry.unwrap().path())).sum::<usize>()
}

#[test]
fn nobody_else_can_read_what_is_kept_whatever_the_umask() {
    let home = crate::home();
    let dir = home.path().join("state/captures");
    let mut running = feed::start(&dir).unwrap();
    let one = running.keep(&wire("one"));
    running.keep(&wire("two"));
    running.desk.ask(ollama_forward::capture::store::Order::Remove(vec![one])).unwrap();
    assert_eq!(check_private(&home.path().join("state")), 7);
    running.stop();
}
