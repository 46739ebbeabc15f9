//! What is removed is gone from the disk.

use std::fs;

use super::super::{Library, Order, StoreError};
use super::bed::{self, Bed, ask, give, request};
use crate::capture::record::Pane;

#[test]
fn removing_an_exchange_removes_its_bytes_and_no_others() {
    let mut bed = Bed::new();
    let before = bed.exchange("s", &request(1), "the answer before");
    let ids: Vec<_> = (2..30).map(|turns| bed.exchange("s", &request(turns), "ok")).collect();
    let gone = bed.exchange("s", &request(2).replace("turn 1", "the hidden word"), "a hidden answer");
    let after = bed.exchange("s", &request(30), "the answer after");
    assert!(bed.disk().contains("hidden"));
    let obeyed = bed.obey(Order::Remove(vec![gone])).unwrap();
    assert_eq!(obeyed.exchanges, 1);
    assert!(!bed.disk().contains("hidden"));
    let next = bed.exchange("s", &request(31), "ok");
    bed.restart();
    for (id, turns) in [(before, 1), (ids[0], 2), (ids[27], 29), (after, 30), (next, 31)] {
        assert_eq!(bed.body(id, Pane::ClientRequest), request(turns));
    }
    assert_eq!(bed.body(after, Pane::ClientResponse), "the answer after");
    assert!(matches!(bed.library().exchange(gone), Err(StoreError::Unknown(_))));
    assert_eq!(bed.library().usage().exchanges, 31);
}

#[test]
fn what_is_under_way_survives_a_rewriting() {
    let mut bed = Bed::new();
    let one = bed.exchange("s", &request(1), "ok");
    let reel = bed.begin(&[("session-id", "s")]);
    let live = ask(&reel, &request(2));
    bed.pump();
    bed.obey(Order::Remove(vec![one])).unwrap();
    give(&reel, "the answer");
    drop(reel);
    bed.pump();
    bed.restart();
    assert_eq!(bed.body(live, Pane::ClientRequest), request(2));
    assert_eq!(bed.body(live, Pane::ClientResponse), "the answer");
}

#[test]
fn removing_what_is_under_way_leaves_no_trace() {
    let mut bed = Bed::new();
    let one = bed.exchange("s", &request(1), "ok");
    let reel = bed.begin(&[("session-id", "s")]);
    let live = ask(&reel, "{\"hidden\":1}");
    bed.pump();
    bed.obey(Order::Remove(vec![live])).unwrap();
    give(&reel, "hidden");
    drop(reel);
    bed.pump();
    assert!(!bed.disk().contains("hidden"));
    assert_eq!(bed.library().rows().len(), 1);
    bed.library().exchange(one).unwrap();
}

#[test]
fn removing_a_session_removes_its_directory() {
    let mut bed = Bed::new();
    bed.exchange("a", &request(1), "ok");
    let kept = bed.exchange("b", &request(1), "ok");
    let key = bed.library().sessions()[0].key.clone();
    bed.obey(Order::RemoveSession(key.clone())).unwrap();
    assert!(!bed.dir().join("sessions").join(&key).exists());
    assert_eq!(bed.library().rows().iter().filter_map(|row| row.id).collect::<Vec<_>>(), [kept]);
    let again = bed.exchange("a", &request(1), "ok");
    assert_ne!(bed.library().row(again).unwrap().session, key);
    for key in ["../..", "nothing", ""] {
        assert!(matches!(bed.obey(Order::RemoveSession(key.into())), Err(StoreError::Unknown(_))), "{key}");
    }
}

#[test]
fn removing_all_leaves_nothing() {
    let mut bed = Bed::new();
    bed.exchange("a", &request(1), "ok");
    bed.exchange("b", &request(1), "ok");
    let reel = bed.begin(&[]);
    bed.pump();
    let obeyed = bed.obey(Order::RemoveAll).unwrap();
    assert_eq!(obeyed.exchanges, 3);
    assert_eq!(bed.library().usage().bytes, 0);
    drop(reel);
    bed.pump();
    assert_eq!(fs::read_dir(bed.dir().join("sessions")).unwrap().count(), 0);
    assert!(Library::open_with(&bed.dir(), bed::sense()).unwrap().rows().is_empty());
}
