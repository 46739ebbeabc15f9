//! How one side goes is how the other side sees it go, and at once.

use std::io::ErrorKind;

use crate::place::{Lane, before};
use crate::support::client::{Client, Ended};
use crate::support::fake_ollama::Manner;
use crate::support::forward::SOON;
use crate::wire::{AT_ONCE, MOMENT, carry, ends, finish, pour, reset};

/// More than all buffers on the way together.
const ENDLESS: usize = 1 << 30;

#[test]
fn a_reset_upstream_resets_the_client() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "a question");
    reset(upstream);
    ends(&client, Ended::Reset, AT_ONCE);
    let failed = lane.failed();
    failed.has("id", "E-UPSTREAM-RESET").has("ended_by", "upstream").has("sent", "10").has("received", "0");
}

#[test]
fn a_reset_client_resets_the_upstream() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&upstream, &client, "some words");
    reset(client);
    ends(&upstream, Ended::Reset, AT_ONCE);
    lane.closed().has("ended_by", "client").has("why", "reset").has("sent", "0").has("received", "10");
}

#[test]
fn a_stream_that_dies_in_mid_word_ends_in_a_reset() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "GET /api/chat HTTP/1.1\r\n\r\n");
    carry(&upstream, &client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1f\r\n{\"response\":\"Hel");
    reset(upstream);
    ends(&client, Ended::Reset, AT_ONCE);
    lane.failed().has("id", "E-UPSTREAM-RESET").has("ended_by", "upstream");
}

#[test]
fn a_client_that_leaves_is_seen_by_an_upstream_that_thinks() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "a long question");
    drop(client);
    ends(&upstream, Ended::Fin, AT_ONCE);
    drop(upstream);
    lane.closed().has("ended_by", "client").has("sent", "15");
}

#[test]
fn an_upstream_that_answers_a_client_that_left_is_reset() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    drop(client);
    ends(&upstream, Ended::Fin, AT_ONCE);
    assert_eq!(pour(&upstream, ENDLESS, &[8]).1, Some(Ended::Reset));
    lane.closed().has("ended_by", "client");
}

#[test]
fn a_client_that_dies_while_its_upload_is_stuck_is_not_kept() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    client.set_write_timeout(Some(MOMENT)).unwrap();
    assert_eq!(pour(&client, ENDLESS, &[65_536]).1, Some(Ended::Timeout));
    reset(client);
    let mut forward = lane.forward;
    let closed = forward.wait_until("the closing record", AT_ONCE, |line| line.message == "connection closed");
    closed.has("ended_by", "client");
    drop(upstream);
}

#[test]
fn an_upstream_that_dies_while_its_answer_is_stuck_ends_in_a_reset() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    upstream.set_write_timeout(Some(MOMENT)).unwrap();
    let (stuck, _) = pour(&upstream, ENDLESS, &[65_536]);
    reset(upstream);
    let (drunk, ended) = crate::wire::drink(&client, usize::MAX);
    assert_eq!(ended, Some(Ended::Reset), "{drunk} of {stuck} bytes");
    lane.failed().has("id", "E-UPSTREAM-RESET");
}

#[test]
fn both_sides_may_finish_at_the_same_moment() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    finish(&client);
    finish(&upstream);
    ends(&client, Ended::Fin, AT_ONCE);
    ends(&upstream, Ended::Fin, AT_ONCE);
    lane.closed().has("sent", "0").has("received", "0");
}

#[test]
fn an_upstream_that_accepts_and_resets_is_named() {
    let (place, _upstream, mut forward) = before(Manner::Resets, &["--wait-for-upstream", "0"]);
    forward.wait("upstream is used as given").has("id", "E-UPSTREAM-RESET");
    // It may be so quick that already the connect fails, the forwarder's or ours; then the client can still be told.
    for _ in 0..20 {
        match Client::connect(place.address, SOON) {
            Ok(mut client) => {
                client.get("/api/version");
                let answer = client.answer(SOON);
                if answer.ended != Ended::Reset {
                    answer.is_unavailable(&["E-UPSTREAM-RESET"]);
                }
            }
            Err(e) => assert_eq!(e.kind(), ErrorKind::ConnectionReset),
        }
        forward.wait("connection failed").has("id", "E-UPSTREAM-RESET");
    }
}
