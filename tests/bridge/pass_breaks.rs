//! What passes through and breaks: a broken answer never looks whole, and who leaves is noticed at once.

use crate::lane_http::{GET, OK, bare, chunk, chunked, exchange, lane, message};
use crate::support::client::Ended;
use crate::wire::{AT_ONCE, ends, finish, head, hear, reset, say};

const CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An answer that breaks off after `said`; the client gets what there was, and then a reset.
#[track_caller]
fn breaks(answer: &str, said: &str, with_reset: bool) {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    say(&upstream, answer);
    bare(&client).is(200);
    hear(&client, said);
    if with_reset {
        reset(upstream);
    } else {
        drop(upstream);
    }
    ends(&client, Ended::Reset, AT_ONCE);
    lane.failed().has("ended_by", "upstream").has("requests", "1");
}

#[test]
fn an_answer_that_breaks_off_ends_in_a_reset() {
    for with_reset in [false, true] {
        breaks(&format!("{CHUNKS}{}", chunked("half word")), "9\r\nhalf word\r\n", with_reset);
        breaks("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "half", with_reset);
    }
}

#[test]
fn the_last_words_before_a_break_are_not_lost() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    // Words and end in one.
    say(&upstream, format!("{CHUNKS}{}", chunked("last words")));
    drop(upstream);
    bare(&client).is(200);
    assert_eq!(chunk(&client).as_deref(), Some("last words"));
    ends(&client, Ended::Reset, AT_ONCE);
}

#[test]
fn no_answer_at_all_is_told_in_words() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    drop(upstream);
    let answer = message(&client);
    assert_eq!(answer.is(502).json()["code"], "E-UPSTREAM-LOST");
    // The connection is as good as before.
    say(&client, GET);
    let upstream = lane.upstream.accept();
    message(&upstream);
    say(&upstream, OK);
    message(&client).is(200);
}

/// A client leaves: the upstream, which may be at work on a model, sees that at once.
#[track_caller]
fn leaves(answer: &str, by_reset: bool) {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    if !answer.is_empty() {
        say(&upstream, answer);
        bare(&client).is(200);
    }
    if by_reset {
        reset(client);
    } else {
        finish(&client);
    }
    ends(&upstream, Ended::Fin, AT_ONCE);
    lane.closed().has("ended_by", "client");
}

#[test]
fn a_client_that_leaves_ends_its_exchange_at_once() {
    for by_reset in [false, true] {
        leaves("", by_reset);
        leaves(CHUNKS, by_reset);
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_question_ends_it() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf");
    let upstream = lane.upstream.accept();
    head(&upstream);
    hear(&upstream, "half");
    drop(client);
    ends(&upstream, Ended::Fin, AT_ONCE);
}

#[test]
fn a_connection_that_the_upstream_closed_is_not_used_again() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let first = lane.upstream.accept();
    message(&first);
    say(&first, OK);
    message(&client).is(200);
    drop(first);
    // Even what must not be sent twice: it is known before.
    let post = "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody";
    say(&client, post);
    let second = lane.upstream.accept();
    assert_eq!(message(&second).body, "body");
    say(&second, OK);
    message(&client).is(200);
}

#[test]
fn a_question_that_met_a_dying_connection_is_asked_again_if_that_is_safe() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let first = lane.upstream.accept();
    message(&first);
    say(&first, OK);
    message(&client).is(200);
    // Dies with the question in its hands.
    say(&client, GET);
    head(&first);
    reset(first);
    let second = lane.upstream.accept();
    message(&second);
    say(&second, OK);
    message(&client).is(200);
    // A body may have had an effect already.
    say(&client, "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
    message(&second);
    reset(second);
    message(&client).is(502);
}

#[test]
fn a_new_connection_that_dies_is_not_tried_again() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    reset(upstream);
    assert_eq!(message(&client).is(502).json()["code"], "E-UPSTREAM-RESET");
}

#[test]
fn an_upstream_that_talks_nonsense_is_told_in_words() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    say(&upstream, "SSH-2.0-OpenSSH_for_Windows_9.5\r\n");
    message(&client).is(502);
    say(&client, GET);
    let next = lane.upstream.accept();
    exchange_on(&client, &next);
}

#[track_caller]
fn exchange_on(client: &std::net::TcpStream, upstream: &std::net::TcpStream) {
    message(upstream);
    say(upstream, OK);
    message(client).is(200);
    exchange(client, upstream, GET, OK).1.is(200);
}
