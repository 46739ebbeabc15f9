//! What there is too much of goes, and a full disk stops nothing but capture.

use std::time::Duration;

use super::super::{News, Options, Order};
use super::bed::{Bed, ask, give, options, request};
use crate::capture::record::{Pane, State};
use crate::capture::settings::Limits;
use crate::clock;

fn limited(limits: Limits) -> Options {
    Options { limits: Limits { free: 0, age: options().limits.age, ..limits }, ..options() }
}

/// Bytes that cannot be packed.
fn noise(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + u8::try_from((state >> 40) % 90).unwrap())
    };
    (0..4000).map(|_| next()).collect()
}

#[test]
fn the_oldest_session_goes_when_there_is_too_much() {
    let size = 60_000;
    let mut bed = Bed::with(limited(Limits { size, ..Limits::default() }));
    for turn in 0..40 {
        bed.exchange(&format!("session {}", turn / 4), "{}", &noise(turn));
        assert!(bed.library().usage().bytes <= size);
    }
    let sessions = bed.library().sessions();
    assert!((2..10).contains(&sessions.len()), "{}", sessions.len());
    assert_eq!(sessions.last().unwrap().client_session.as_deref(), Some("session 9"));
}

#[test]
fn the_oldest_exchanges_go_when_one_session_is_too_much() {
    let size = 60_000;
    let mut bed = Bed::with(limited(Limits { size, ..Limits::default() }));
    let ids: Vec<_> = (0..40).map(|turn| bed.exchange("s", "{}", &noise(turn))).collect();
    assert!(bed.library().usage().bytes <= size);
    let left: Vec<_> = bed.library().rows().iter().filter_map(|row| row.id).collect();
    assert!(left.len() > 5 && ids.ends_with(&left), "{}", left.len());
    assert_eq!(bed.body(ids[39], Pane::ClientResponse), noise(39));
}

#[test]
fn what_is_too_old_goes() {
    let mut bed = Bed::new();
    bed.exchange("old", &request(1), "ok");
    bed.now_ms += 2 * 60 * 60 * 1000;
    let kept = bed.exchange("new", &request(1), "ok");
    let limits = Limits { age: Duration::from_secs(60 * 60), ..Limits::default() };
    assert_eq!(bed.obey(Order::Prune(Some(limits))).unwrap().exchanges, 1);
    assert_eq!(bed.library().rows()[0].id, Some(kept));
    assert_eq!(bed.obey(Order::Prune(None)).unwrap().exchanges, 0);
}

#[test]
fn pruning_to_a_size_keeps_to_it() {
    let mut bed = Bed::new();
    for turn in 0..10 {
        bed.exchange("s", "{}", &noise(turn));
    }
    let before = bed.library().usage();
    let limits = Limits { size: before.bytes / 2, ..options().limits };
    let obeyed = bed.obey(Order::Prune(Some(limits))).unwrap();
    let after = bed.library().usage();
    assert!(after.bytes <= limits.size && after.exchanges > 0);
    assert_eq!(obeyed.bytes, before.bytes - after.bytes);
}

#[test]
fn capture_pauses_without_room_and_goes_on_by_itself() {
    let limits = Limits { free: 1 << 30, ..options().limits };
    let mut bed = Bed::with(Options { limits, ..options() });
    let mut heard = bed.library().subscribe();
    let one = bed.exchange("s", &request(1), "ok");
    let reel = bed.begin(&[("session-id", "s")]);
    let cut = ask(&reel, &request(2));
    bed.pump();
    bed.core.room = |_| Ok(5 << 20);
    let later = clock::now() + Duration::from_secs(60);
    bed.core.tick(later, std::time::SystemTime::UNIX_EPOCH);
    let trouble = bed.library().trouble().unwrap();
    assert!(trouble.contains("5 MiB") && trouble.contains("1024 MiB"), "{trouble}");
    give(&reel, "ok");
    drop(reel);
    bed.pump();
    bed.exchange("s", &request(3), "ok");
    assert_eq!(bed.library().usage().missed, 2);
    assert_eq!(bed.library().row(cut).unwrap().state, State::Lost, "its request was kept before");
    bed.core.room = |_| Ok(2 << 30);
    bed.core.tick(later + Duration::from_secs(60), std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(bed.library().trouble(), None);
    let four = bed.exchange("s", &request(4), "ok");
    let ids: Vec<_> = bed.library().rows().iter().filter_map(|row| row.id).collect();
    assert_eq!(ids, [one, cut, four]);
    assert!(std::iter::from_fn(|| heard.try_recv().ok()).any(|news| matches!(news, News::State)));
}

#[test]
fn a_directory_that_goes_pauses_capture_and_may_come_back() {
    let mut bed = Bed::new();
    bed.exchange("s", &request(1), "ok");
    let (dir, away) = (bed.dir(), bed.home.path().join("away"));
    std::fs::rename(&dir, &away).unwrap();
    std::fs::write(&dir, "in the way").unwrap();
    bed.exchange("t", &request(1), "ok");
    bed.exchange("t", &request(1), "ok");
    assert!(bed.library().trouble().unwrap().contains("cannot write"));
    assert_eq!(bed.library().usage().missed, 2);
    std::fs::remove_file(&dir).unwrap();
    std::fs::rename(&away, &dir).unwrap();
    bed.core.tick(clock::now() + Duration::from_secs(60), std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(bed.library().trouble(), None);
    let two = bed.exchange("s", &request(2), "ok");
    assert_eq!(bed.body(two, Pane::ClientRequest), request(2));
}

#[test]
fn a_session_that_somebody_removed_is_begun_anew() {
    let mut bed = Bed::new();
    let one = bed.exchange("s", &request(1), "ok");
    let key = bed.library().row(one).unwrap().session.clone();
    std::fs::remove_dir_all(bed.dir().join("sessions").join(key)).unwrap();
    bed.core.tick(clock::now() + Duration::from_secs(60), std::time::SystemTime::UNIX_EPOCH);
    assert!(bed.library().rows().is_empty());
    let two = bed.exchange("s", &request(2), "ok");
    bed.restart();
    assert_eq!(bed.body(two, Pane::ClientRequest), request(2));
}
