//! What was captured is read as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use super::super::{Library, Order, StoreError};
use super::bed::{self, Bed, ask, give, request};
use crate::capture::record::{Exchange, Happened, Lane, Pane, State};
use crate::capture::tap::Ending;

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = ["codex/requests", "codex", "ollama-0.33", "ollama-0.24", "openresponses"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

#[test]
fn every_recorded_body_comes_back_byte_for_byte() {
    let mut bed = Bed::new();
    let kept: Vec<_> = fixtures()
        .into_iter()
        .map(|path| {
            let bytes = Bytes::from(fs::read(&path).unwrap());
            let reel = bed.begin(&[("session-id", "s")]);
            reel.bytes(Pane::ClientRequest, 0, &bytes);
            reel.ended(Pane::ClientRequest, 0);
            reel.bytes(Pane::ClientResponse, 0, &bytes.slice(bytes.len() / 3..));
            let id = reel.id();
            drop(reel);
            bed.pump();
            (path, bytes, id)
        })
        .collect();
    assert!(kept.len() > 40, "the fixtures have moved");
    for library in [bed.library(), Library::open_with(&bed.dir(), bed::sense()).unwrap()] {
        for (path, bytes, id) in &kept {
            let exchange = library.exchange(*id).unwrap();
            assert!(exchange.messages[0].body == *bytes, "{}", path.display());
            assert!(exchange.messages[1].body == bytes[bytes.len() / 3..], "{}", path.display());
        }
    }
}

#[test]
fn random_bytes_come_back_byte_for_byte() {
    let mut bed = Bed::new();
    let mut seed = 11_u64;
    let mut next = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let words: [&[u8]; 9] = [b"{", b"}", b"[", b"]", b"\"", b",", b":", b"\\", b"\x00\xff lorem ipsum dolor sit amet"];
    let mut before: Vec<u8> = Vec::new();
    for _ in 0..60 {
        // Often like the one before, with something at its end.
        let mut body = if next(3) == 0 { b"{\"input\":[".to_vec() } else { before.clone() };
        (0..next(200)).for_each(|_| body.extend_from_slice(words[next(words.len())]));
        let reel = bed.begin(&[("session-id", "s")]);
        reel.bytes(Pane::ClientRequest, 0, &Bytes::from(body.clone()));
        reel.ended(Pane::ClientRequest, 0);
        let id = reel.id();
        drop(reel);
        bed.pump();
        assert!(bed.library().exchange(id).unwrap().messages[0].body == body);
        before = body;
    }
}

/// All four panes, an attempt that failed, and what happened beside bytes.
fn four_panes(bed: &mut Bed) -> Exchange {
    let reel = bed.begin(&[("session-id", "s"), ("user-agent", "codex_exec/0.169.0")]);
    ask(&reel, &request(3));
    reel.lane(Lane::Translated);
    reel.moment(Happened::Connected { to: "172.24.0.1:11434".into(), fresh: true });
    for attempt in 0..2 {
        reel.bytes(Pane::UpstreamRequest, attempt, &Bytes::from(request(3)));
        reel.ended(Pane::UpstreamRequest, attempt);
        reel.bytes(Pane::UpstreamResponse, attempt, &Bytes::from(format!("{{\"attempt\":{attempt}}}\n")));
    }
    give(&reel, "data: hello\n\n");
    reel.ends(Ending::Failed);
    let id = reel.id();
    bed.pump();
    let live = bed.library().exchange(id).unwrap();
    drop(reel);
    bed.pump();
    live
}

#[test]
fn an_exchange_is_kept_in_whole() {
    let mut bed = Bed::new();
    let live = four_panes(&mut bed);
    let id = live.id.unwrap();
    let kept = bed.library().exchange(id).unwrap();
    assert_eq!(kept.messages, live.messages);
    assert_eq!(kept.moments, live.moments);
    assert_eq!((kept.lane, kept.state, kept.conn, &*kept.peer), (Lane::Translated, State::Failed, 7, "127.0.0.1:5"));
    assert!(kept.took_us.is_some() && live.took_us.is_none());
    assert_eq!(kept.row.as_deref(), bed.library().row(id).as_deref());
    for message in &kept.messages {
        let pieces: u64 = message.pieces.iter().map(|piece| u64::from(piece.len)).sum();
        assert_eq!(pieces, message.body.len() as u64);
    }
    bed.restart();
    assert_eq!(bed.library().exchange(id).unwrap(), kept);
    assert_eq!(Library::open_with(&bed.dir(), bed::sense()).unwrap().exchange(id).unwrap(), kept);
}

#[test]
fn a_long_conversation_costs_about_what_is_new_in_it() {
    let mut bed = Bed::new();
    let cost = |bed: &mut Bed, turns: std::ops::Range<usize>| -> (Vec<_>, u64) {
        let before = bed.library().usage().bytes;
        let ids = turns.map(|turns| bed.exchange("s", &request(turns), "ok")).collect();
        (ids, bed.library().usage().bytes - before)
    };
    let (mut ids, early) = cost(&mut bed, 1..51);
    let (more, late) = cost(&mut bed, 51..101);
    assert!(late * 10 < early * 11, "{early}, then {late}");
    ids.extend(more);
    for (turns, id) in (1..).zip(&ids) {
        assert_eq!(bed.body(*id, Pane::ClientRequest), request(turns));
    }
}

#[test]
fn what_codex_does_in_a_session_stays_together_over_runs() {
    let mut bed = Bed::new();
    bed.exchange("a", &request(1), "ok");
    bed.exchange("b", &request(1), "ok");
    bed.restart();
    bed.exchange("a", &request(2), "ok");
    let sessions = bed.library().sessions();
    let told: Vec<_> = sessions.iter().map(|info| (info.client_session.as_deref(), info.exchanges)).collect();
    assert_eq!(told, [(Some("a"), 2), (Some("b"), 1)]);
    assert_eq!(sessions[0].client, "codex_exec/0.169.0");
    assert!(sessions[0].title.as_ref().unwrap().starts_with("turn 0 lorem"));
    let bytes: u64 = sessions.iter().map(|info| info.bytes).sum();
    assert_eq!(bytes, bed.library().usage().bytes);
}

#[test]
fn sessions_of_one_second_are_told_in_their_order() {
    let mut bed = Bed::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for name in names {
        // A millisecond after the one before.
        bed.now_ms -= 999;
        bed.exchange(name, &request(1), "ok");
    }
    let told = |bed: &Bed| {
        let sessions = bed.library().sessions().into_iter();
        sessions.map(|info| info.client_session.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(told(&bed), names);
    bed.restart();
    assert_eq!(told(&bed), names);
}

#[test]
fn secrets_never_reach_the_disk() {
    let mut bed = Bed::new();
    let answer = format!("data: {}\n\n", bed::SECRET);
    let reel = bed.begin_at(
        &format!("/v1/responses?key={}", bed::SECRET),
        &[("authorization", bed::SECRET), ("user-agent", "x")],
    );
    let id = ask(&reel, &format!(r#"{{"model":"m","input":[{{"content":"my key is {}"}}]}}"#, bed::SECRET));
    give(&reel, &answer);
    bed.pump();
    let live = bed.library().exchange(id).unwrap();
    drop(reel);
    bed.pump();
    let kept = bed.library().exchange(id).unwrap();
    for exchange in [live, kept] {
        let shown = format!("{exchange:?}");
        assert!(!shown.contains(bed::SECRET), "{shown}");
        for message in exchange.messages {
            assert!(!String::from_utf8(message.body.clone()).unwrap().contains(bed::SECRET));
            assert!(message.redacted > 0);
            let pieces: u64 = message.pieces.iter().map(|piece| u64::from(piece.len)).sum();
            assert_eq!(pieces, message.body.len() as u64);
        }
    }
    assert!(!bed.disk().contains(bed::SECRET));
}

#[test]
fn raw_bodies_stay_but_headers_never_do() {
    let mut bed = Bed::with(super::super::Options { raw_bodies: true, ..bed::options() });
    let reel = bed.begin(&[("authorization", "sk-header")]);
    let id = ask(&reel, bed::SECRET);
    drop(reel);
    bed.pump();
    assert_eq!(bed.body(id, Pane::ClientRequest), bed::SECRET);
    assert!(!bed.disk().contains("sk-header"));
}

#[test]
fn what_is_not_wanted_leaves_no_trace() {
    let only = |words: &[&str]| super::super::Options {
        only: words.iter().map(|word| (*word).to_owned()).collect(),
        except: vec!["llama".into()],
        ..bed::options()
    };
    let mut bed = Bed::with(only(&["qwen"]));
    let wanted = bed.exchange("s", &request(1), "ok");
    let reel = bed.begin(&[]);
    ask(&reel, r#"{"model":"llama-qwen","input":"unwanted words"}"#);
    bed.pump();
    assert_eq!(bed.library().rows().len(), 1);
    give(&reel, "unwanted words");
    drop(reel);
    drop(bed.begin(&[("user-agent", "curl")]));
    bed.pump();
    let ids: Vec<_> = bed.library().rows().iter().filter_map(|row| row.id).collect();
    assert_eq!(ids, [wanted]);
    assert!(!bed.disk().contains("unwanted"));
    assert_eq!(bed.library().usage().missed, 0);
}

#[test]
fn the_files_of_codex_capture_are_written_for_models() {
    let home = tempfile::tempdir().unwrap();
    let compat = Some(home.path().join("compat"));
    let mut bed = Bed::with(super::super::Options { compat, ..bed::options() });
    bed.exchange("s", "{}", "no model");
    assert!(!home.path().join("compat").exists());
    bed.exchange("s", &request(1), "ok");
    assert_eq!(fs::read_to_string(home.path().join("compat/latest.json")).unwrap(), bed.now_ms.to_string());
}

#[test]
fn what_another_store_has_kept_can_be_imported() {
    let mut bed = Bed::new();
    let exchange = four_panes(&mut bed);
    let id = exchange.id.unwrap();
    let whole = bed.library().exchange(id).unwrap();
    let mut other = Bed::new();
    let same = other.obey(Order::Import(Box::new(whole.clone()))).unwrap();
    assert_eq!(same.id, Some(id));
    let again = other.obey(Order::Import(Box::new(whole.clone()))).unwrap().id.unwrap();
    assert_ne!(again, id);
    other.restart();
    for id in [id, again] {
        assert_eq!(other.library().exchange(id).unwrap().messages, whole.messages);
    }
}

/// As they are for a moment while a session is removed.
#[test]
fn an_exchange_without_its_files_is_unknown() {
    let mut bed = Bed::new();
    let id = bed.exchange("s", &request(1), "ok");
    let key = bed.library().row(id).unwrap().session.clone();
    let home = bed.dir().join("sessions").join(key);
    fs::remove_dir_all(&home).unwrap();
    let error = bed.library().exchange(id).unwrap_err();
    assert!(matches!(error, StoreError::Unknown(_)), "{error}");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("index.jsonl"), "").unwrap();
    let error = bed.library().exchange(id).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn marks_and_comments_are_kept() {
    let mut bed = Bed::new();
    let id = bed.exchange("s", &request(1), "ok");
    let reel = bed.begin(&[("session-id", "s")]);
    let live = ask(&reel, &request(2));
    bed.pump();
    for id in [id, live] {
        bed.obey(Order::Mark { id, marked: Some(true), comment: Some("look".into()) }).unwrap();
    }
    give(&reel, "ok");
    drop(reel);
    bed.pump();
    bed.restart();
    for id in [id, live] {
        let row = bed.library().row(id).unwrap();
        assert_eq!((row.marked, row.comment.as_deref()), (true, Some("look")), "{id}");
    }
    let missing = crate::capture::ExchangeId::after(None, 1);
    bed.obey(Order::Mark { id: missing, marked: None, comment: None }).unwrap_err();
}

#[test]
fn time_does_not_go_back_over_a_restart() {
    let mut bed = Bed::new();
    let first = bed.exchange("s", &request(1), "ok");
    let dir = bed.dir();
    let Bed { core, home, .. } = bed;
    drop(core);
    let writer = super::super::Writer::open_with(&dir, bed::options(), bed::sense()).unwrap();
    let library = writer.library();
    let tap = crate::capture::Tap::default();
    tap.close();
    writer.run(&tap);
    tap.switch(true, 1);
    assert_eq!(library.rows().last().unwrap().id, Some(first));
    assert!(tap.open(SystemTime::UNIX_EPOCH, Default::default).is_none(), "it is closed");
    drop(home);
}
