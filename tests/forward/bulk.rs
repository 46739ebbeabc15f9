//! So much that the connection is handed to the thread for bulk, which must be seen in nothing but the thread.

use std::fs;
use std::net::TcpStream;
use std::thread;

use crate::place::Lane;
use crate::support::client::Ended;
use crate::support::forward::Forward;
use crate::wire::{AT_ONCE, carry, drink, ends, finish, pour, reset};

const MUCH: usize = 64 << 20;
const SIZES: &[usize] = &[262_144, 99_991];

#[test]
fn both_ways_at_once_to_a_clean_end() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    let tell = |from: &TcpStream| {
        assert_eq!(pour(from, MUCH, SIZES), (MUCH, None));
        finish(from);
    };
    thread::scope(|scope| {
        scope.spawn(|| tell(&client));
        scope.spawn(|| tell(&upstream));
        scope.spawn(|| assert_eq!(drink(&upstream, usize::MAX), (MUCH, Some(Ended::Fin))));
        assert_eq!(drink(&client, usize::MAX), (MUCH, Some(Ended::Fin)));
    });
    has_bulk_thread(&lane.forward);
    let much = MUCH.to_string();
    lane.closed().has("sent", &much).has("received", &much);
}

#[test]
fn an_upload_and_then_its_answer() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(pour(&client, MUCH, SIZES), (MUCH, None));
            finish(&client);
        });
        assert_eq!(drink(&upstream, usize::MAX), (MUCH, Some(Ended::Fin)));
    });
    carry(&upstream, &client, "received");
    drop(upstream);
    ends(&client, Ended::Fin, AT_ONCE);
    has_bulk_thread(&lane.forward);
    let closed = lane.closed();
    closed.has("sent", &MUCH.to_string()).has("received", "8").has("ended_by", "client");
}

#[test]
fn small_words_after_much_data_arrive_as_before() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    crate::wire::flow(&upstream, &client, MUCH, SIZES);
    has_bulk_thread(&lane.forward);
    for n in 0..100 {
        carry(&client, &upstream, &format!("{n}?"));
        carry(&upstream, &client, &format!("{n}!"));
    }
    drop(client);
    ends(&upstream, Ended::Fin, AT_ONCE);
    drop(upstream);
    lane.closed().has("sent", "290").has("received", &(MUCH + 290).to_string());
}

#[test]
fn an_upstream_that_resets_in_the_middle_of_a_download() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    let (poured, drunk) = thread::scope(|scope| {
        let pouring = scope.spawn(|| {
            let (poured, _) = pour(&upstream, MUCH, SIZES);
            reset(upstream);
            poured
        });
        // Whatever was on its way may be lost; that it is not all must show.
        let (drunk, ended) = drink(&client, usize::MAX);
        assert_eq!(ended, Some(Ended::Reset), "after {drunk} bytes");
        (pouring.join().unwrap(), drunk)
    });
    has_bulk_thread(&lane.forward);
    let failed = lane.failed();
    failed.has("id", "E-UPSTREAM-RESET").has("ended_by", "upstream").has("sent", "0");
    let received: usize = failed.field("received").parse().unwrap();
    assert!((drunk..=poured).contains(&received), "{drunk} <= {received} <= {poured}");
}

#[test]
fn a_client_that_resets_in_the_middle_of_an_upload() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    let (poured, drunk) = thread::scope(|scope| {
        let pouring = scope.spawn(|| {
            let (poured, _) = pour(&client, MUCH, SIZES);
            reset(client);
            poured
        });
        let (drunk, ended) = drink(&upstream, usize::MAX);
        assert_eq!(ended, Some(Ended::Reset), "after {drunk} bytes");
        (pouring.join().unwrap(), drunk)
    });
    has_bulk_thread(&lane.forward);
    let closed = lane.closed();
    closed.has("ended_by", "client").has("why", "reset").has("received", "0");
    let sent: usize = closed.field("sent").parse().unwrap();
    assert!((drunk..=poured).contains(&sent), "{drunk} <= {sent} <= {poured}");
}

#[test]
fn a_reader_that_leaves_in_the_middle_stops_the_writer() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    thread::scope(|scope| {
        let pouring = scope.spawn(|| pour(&upstream, 16 * MUCH, SIZES));
        assert_eq!(drink(&client, MUCH), (MUCH, None));
        reset(client);
        assert_eq!(pouring.join().unwrap().1, Some(Ended::Reset));
    });
    has_bulk_thread(&lane.forward);
    lane.closed().has("ended_by", "client");
}

/// Else these tests would prove nothing.
#[track_caller]
fn has_bulk_thread(forward: &Forward) {
    let tasks = fs::read_dir(format!("/proc/{}/task", forward.pid())).unwrap();
    let names: Vec<String> =
        tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok()).collect();
    assert!(names.iter().any(|name| name.trim() == "bulk"), "{names:?}");
}
