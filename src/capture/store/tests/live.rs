//! What is under way is seen while it is.

use std::time::Duration;

use bytes::Bytes;

use super::super::News;
use super::bed::{Bed, ask, give, request};
use crate::capture::record::{Pane, State};
use crate::capture::tap::Ending;
use crate::clock;

fn news(receiver: &mut tokio::sync::broadcast::Receiver<News>) -> Vec<String> {
    let mut told = Vec::new();
    while let Ok(news) = receiver.try_recv() {
        told.push(match news {
            News::Row(row) => format!("{:?} {}", row.state, row.model),
            News::Gone(_) => "gone".into(),
            News::State => "state".into(),
        });
    }
    told
}

#[test]
fn a_row_is_there_when_the_request_begins_and_follows_it() {
    let mut bed = Bed::new();
    let mut heard = bed.library().subscribe();
    let reel = bed.begin(&[]);
    bed.pump();
    assert_eq!(news(&mut heard), ["Waiting "]);
    let id = ask(&reel, &request(1));
    bed.pump();
    assert_eq!(news(&mut heard), ["Waiting qwen3:14b"]);
    reel.bytes(Pane::ClientResponse, 0, &Bytes::from_static(b"data: hel"));
    bed.pump();
    assert_eq!(news(&mut heard), [""; 0], "not for each token");
    let soon = clock::now() + Duration::from_secs(60);
    bed.core.tick(soon, std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(news(&mut heard), ["Answering qwen3:14b"]);
    assert_eq!(bed.body(id, Pane::ClientResponse), "data: hel");
    reel.ends(Ending::Done);
    drop(reel);
    bed.pump();
    assert_eq!(news(&mut heard), ["Done qwen3:14b"]);
    assert_eq!(bed.library().row(id).unwrap().state, State::Done);
}

#[test]
fn the_end_is_told_as_it_was() {
    let cases = [
        (Ending::Done, State::Done),
        (Ending::Failed, State::Failed),
        (Ending::Refused, State::Refused),
        (Ending::Aborted, State::Aborted),
    ];
    let mut bed = Bed::new();
    for (ending, state) in cases {
        let reel = bed.begin(&[]);
        ask(&reel, "{}");
        reel.ends(ending);
        let id = reel.id();
        drop(reel);
        bed.pump();
        assert_eq!(bed.library().row(id).unwrap().state, state);
    }
}

#[test]
fn what_comes_after_the_request_was_complete_is_counted_only() {
    let mut bed = Bed::new();
    let reel = bed.begin(&[]);
    let id = ask(&reel, "{}");
    reel.bytes(Pane::ClientRequest, 0, &Bytes::from_static(b"more"));
    give(&reel, "ok");
    drop(reel);
    bed.pump();
    let exchange = bed.library().exchange(id).unwrap();
    assert_eq!((&*exchange.messages[0].body, exchange.messages[0].size), (&b"{}"[..], 2));
    assert!(exchange.incomplete);
}

#[test]
fn what_is_still_open_when_the_writer_ends_is_lost_as_far_as_it_came() {
    let mut bed = Bed::new();
    let reel = bed.begin(&[]);
    let id = ask(&reel, &request(1));
    bed.pump();
    bed.restart();
    assert_eq!(bed.body(id, Pane::ClientRequest), request(1));
    let row = bed.library().row(id).unwrap();
    assert_eq!((row.state, row.incomplete), (State::Lost, true));
    drop(reel);
}

#[test]
fn an_exchange_that_brings_down_who_understands_it_is_missed_alone() {
    let mut bed = Bed::new();
    let one = bed.exchange("s", &request(1), "ok");
    let reel = bed.begin(&[]);
    let id = ask(&reel, &request(1));
    bed.pump();
    bed.core.give_up(id);
    give(&reel, "ok");
    drop(reel);
    bed.pump();
    assert_eq!(bed.library().usage().missed, 1);
    let two = bed.exchange("s", &request(2), "ok");
    bed.restart();
    assert_eq!(bed.library().row(id).unwrap().state, State::Lost, "its request was kept before");
    for id in [one, two] {
        assert_eq!(bed.library().row(id).unwrap().state, State::Done);
    }
}
