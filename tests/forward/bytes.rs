//! Bytes arrive whole, both ways, whatever their rhythm, and an end that one side makes is not the other's end.

use std::net::TcpStream;
use std::thread;

use crate::place::Lane;
use crate::support::client::Ended;
use crate::wire::{AT_ONCE, MOMENT, carry, drink, ends, finish, flow, hear, pour, say};

/// Between tokens and images, and never a round number.
const ODD: &[usize] = &[1, 1, 7, 300_000, 1, 1461, 65_537, 1, 199, 32_768, 32_769];

#[test]
fn odd_pieces_both_ways_at_once() {
    check_both_ways(20_000_003, ODD);
}

#[test]
fn one_byte_at_a_time_both_ways_at_once() {
    check_both_ways(4_001, &[1]);
}

#[test]
fn three_hundred_kilobytes_at_a_time_both_ways_at_once() {
    check_both_ways(9_000_001, &[300_000]);
}

#[test]
fn a_client_that_has_finished_still_gets_its_answer() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "a question");
    finish(&client);
    ends(&upstream, Ended::Fin, AT_ONCE);
    ends(&client, Ended::Timeout, MOMENT);
    flow(&upstream, &client, 3_000_000, ODD);
    drop(upstream);
    ends(&client, Ended::Fin, AT_ONCE);
    record(lane, 10, 3_000_000, "client");
}

#[test]
fn an_upstream_that_has_finished_still_hears_the_client() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&upstream, &client, "an answer");
    finish(&upstream);
    ends(&client, Ended::Fin, AT_ONCE);
    flow(&client, &upstream, 3_000_000, ODD);
    drop(client);
    ends(&upstream, Ended::Fin, AT_ONCE);
    record(lane, 3_000_000, 9, "upstream");
}

#[test]
fn what_was_said_before_the_upstream_was_reached_arrives_first() {
    let lane = Lane::new();
    let client = lane.place.connect();
    say(&client, "first, ");
    say(&client, "then more");
    finish(&client);
    let upstream = lane.upstream.accept();
    hear(&upstream, "first, then more");
    ends(&upstream, Ended::Fin, AT_ONCE);
    drop(upstream);
    record(lane, 16, 0, "client");
}

#[test]
fn pauses_of_any_length_change_nothing() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    for n in 0..3 {
        ends(&client, Ended::Timeout, MOMENT);
        carry(&client, &upstream, &format!("question {n}"));
        carry(&upstream, &client, &format!("answer {n}"));
    }
}

#[track_caller]
fn check_both_ways(total: usize, sizes: &[usize]) {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    let tell = |from: &TcpStream| {
        assert_eq!(pour(from, total, sizes), (total, None));
        finish(from);
    };
    thread::scope(|scope| {
        scope.spawn(|| tell(&client));
        scope.spawn(|| tell(&upstream));
        scope.spawn(|| assert_eq!(drink(&upstream, usize::MAX), (total, Some(Ended::Fin))));
        assert_eq!(drink(&client, usize::MAX), (total, Some(Ended::Fin)));
    });
    let total = total.to_string();
    lane.closed().has("sent", &total).has("received", &total);
}

#[track_caller]
fn record(lane: Lane, sent: u64, received: u64, ended_by: &str) {
    let upstream = lane.upstream.address.to_string();
    let closed = lane.closed();
    closed.has("upstream", &upstream).has("ended_by", ended_by);
    closed.has("sent", &sent.to_string()).has("received", &received.to_string());
}
