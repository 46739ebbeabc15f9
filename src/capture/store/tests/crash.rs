//! What a crash leaves.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::super::Library;
use super::bed::{self, Bed, ask, give, request};
use crate::capture::record::{Pane, State};

/// The files of the only session.
fn files(bed: &Bed) -> (PathBuf, PathBuf) {
    let home = fs::read_dir(bed.dir().join("sessions")).unwrap().next().unwrap().unwrap().path();
    (home.join("index.jsonl"), home.join("parts.zst"))
}

#[test]
fn a_tail_that_is_torn_anywhere_costs_the_last_exchange_only() {
    let mut bed = Bed::new();
    let one = bed.exchange("s", &request(1), "ok one");
    let (index, parts) = files(&bed);
    let before = (fs::read(&index).unwrap(), fs::read(&parts).unwrap());
    let two = bed.exchange("s", r#"{"model":"m"}"#, "ok two");
    let after = (fs::read(&index).unwrap(), fs::read(&parts).unwrap());
    let end = 1 + after.0[..after.0.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
    // Parts come before their lines: a line of the index is torn, or parts are that no line names.
    let torn_lines = (before.0.len()..after.0.len()).map(|len| (len, after.1.len()));
    let torn_parts = (before.1.len()..after.1.len()).map(|len| (before.0.len(), len));
    for (turn, (index_len, parts_len)) in torn_lines.chain(torn_parts).enumerate() {
        fs::write(&index, &after.0[..index_len]).unwrap();
        fs::write(&parts, &after.1[..parts_len]).unwrap();
        let reader = Library::open_with(&bed.dir(), bed::sense()).unwrap();
        assert_eq!(bed::body(&reader, one, Pane::ClientResponse), "ok one", "{index_len} {parts_len}");
        let has_begun = index_len >= end;
        assert_eq!(reader.row(two).map(|row| row.state.is_over()), has_begun.then_some(false), "{index_len}");
        if turn % 19 != 0 {
            continue;
        }
        bed.crash();
        let state = bed.library().row(two).map(|row| row.state);
        assert_eq!(state, has_begun.then_some(State::Lost), "{index_len} {parts_len}");
        let three = bed.exchange("s", &request(3), "ok three");
        for (id, turns) in [(one, 1), (three, 3)] {
            assert_eq!(bed.body(id, Pane::ClientRequest), request(turns));
        }
        bed.obey(super::super::Order::RemoveAll).unwrap();
        fs::create_dir_all(index.parent().unwrap()).unwrap();
    }
}

#[test]
fn an_exchange_that_its_process_did_not_end_is_lost_but_its_request_is_there() {
    let mut bed = Bed::new();
    let reel = bed.begin(&[("session-id", "s")]);
    let id = ask(&reel, &request(5));
    reel.bytes(Pane::ClientResponse, 0, &bytes::Bytes::from_static(b"half an ans"));
    bed.pump();
    let watching = Library::open_with(&bed.dir(), bed::sense()).unwrap();
    assert_eq!(watching.row(id).unwrap().state, State::Waiting, "it is under way elsewhere");
    bed.crash();
    drop(reel);
    for library in [bed.library(), Library::open_with(&bed.dir(), bed::sense()).unwrap()] {
        let row = library.row(id).unwrap();
        assert_eq!((row.state, &*row.model), (State::Lost, "qwen3:14b"));
        assert_eq!(bed::body(&library, id, Pane::ClientRequest), request(5));
    }
}

#[test]
fn parts_that_a_machine_has_lost_are_an_error_and_never_other_bytes() {
    let mut bed = Bed::new();
    let one = bed.exchange("s", &request(1), "ok one");
    let (_, parts) = files(&bed);
    let kept = fs::metadata(&parts).unwrap().len();
    let two = bed.exchange("s", &request(2), "ok two");
    OpenOptions::new().write(true).open(&parts).unwrap().set_len(kept).unwrap();
    bed.crash();
    let three = bed.exchange("s", &request(3), "ok three");
    assert_eq!(bed.body(one, Pane::ClientRequest), request(1));
    assert_eq!(bed.body(three, Pane::ClientRequest), request(3));
    assert!(bed.library().row(two).is_some());
    bed.library().exchange(two).unwrap_err();
}

#[test]
fn a_damaged_line_costs_what_it_tells() {
    let mut bed = Bed::new();
    let ids: Vec<_> = (1..4).map(|turns| bed.exchange("s", &request(turns), "ok")).collect();
    let (index, _) = files(&bed);
    let text = fs::read_to_string(&index).unwrap();
    let line = text.lines().nth(3).unwrap();
    let at = text.find(line).unwrap();
    OpenOptions::new().write(true).open(&index).unwrap().write_all_at(&vec![0; line.len()], at as u64).unwrap();
    bed.crash();
    for id in [ids[0], ids[2]] {
        bed.library().exchange(id).unwrap();
    }
}

#[test]
fn a_reader_sees_what_a_writer_adds_and_rewrites() {
    let mut bed = Bed::new();
    let reader = Library::open_with(&bed.dir(), bed::sense()).unwrap();
    assert!(reader.rows().is_empty());
    let one = bed.exchange("s", &request(1), "ok");
    reader.refresh().unwrap();
    assert_eq!(reader.rows(), bed.library().rows());
    let two = bed.exchange("s", &request(2), "ok");
    let reel = bed.begin(&[("session-id", "s")]);
    let live = ask(&reel, &request(3));
    bed.pump();
    reader.refresh().unwrap();
    assert_eq!(reader.row(live).unwrap().model, "qwen3:14b");
    bed.obey(super::super::Order::Remove(vec![one])).unwrap();
    // It still believes the old files.
    assert_eq!(bed::body(&reader, two, Pane::ClientRequest), request(2));
    reader.refresh().unwrap();
    assert!(reader.row(one).is_none());
    give(&reel, "ok");
    drop(reel);
    bed.pump();
    reader.refresh().unwrap();
    assert_eq!(reader.rows(), bed.library().rows());
    bed.obey(super::super::Order::RemoveAll).unwrap();
    reader.refresh().unwrap();
    assert!(reader.rows().is_empty());
}
