//! What passes through: unbuffered, in order, on connections that are used again, and nobody's secrets with it.

use std::thread;

use crate::lane_http::{GET, OK, bare, chunk, chunked, exactly, exchange, lane, message};
use crate::place::Lane;
use crate::support::client::Ended;
use crate::support::forward::SOON;
use crate::wire::{AT_ONCE, MOMENT, drink, ends, finish, head, hear, pour, rest, say};

const CHUNKS: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn each_line_arrives_before_the_next_is_said() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    head(&upstream);
    // Even the head, before there is a body.
    say(&upstream, CHUNKS);
    bare(&client).is(200);
    for n in 0..20 {
        let said = format!("{{\"n\":{n}}}\n");
        say(&upstream, chunked(&said));
        assert_eq!(chunk(&client), Some(said));
    }
    say(&upstream, "0\r\n\r\n");
    assert_eq!(chunk(&client), None);
}

#[test]
fn an_upload_arrives_while_it_is_made() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, "POST /api/create HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let upstream = lane.upstream.accept();
    head(&upstream);
    for n in 0..20 {
        let piece = format!("piece {n}");
        say(&client, chunked(&piece));
        assert_eq!(chunk(&upstream), Some(piece));
    }
    say(&client, "0\r\n\r\n");
    assert_eq!(chunk(&upstream), None);
    say(&upstream, OK);
    message(&client).is(200);
}

#[test]
fn five_megabytes_arrive_to_the_byte_both_ways() {
    const TOTAL: usize = 5_000_001;
    let lane = lane();
    let client = lane.place.connect();
    say(&client, format!("POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: {TOTAL}\r\n\r\n"));
    let upstream = lane.upstream.accept();
    head(&upstream);
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(pour(&client, TOTAL, &[1, 70_000, 4096]), (TOTAL, None)));
        assert_eq!(drink(&upstream, TOTAL), (TOTAL, None));
    });
    say(&upstream, format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n"));
    bare(&client).is(200);
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(pour(&upstream, TOTAL, &[1, 70_000, 4096]), (TOTAL, None)));
        assert_eq!(drink(&client, TOTAL), (TOTAL, None));
    });
    exchange(&client, &upstream, GET, OK).1.is(200);
}

#[test]
fn a_client_that_waits_for_leave_to_continue_gets_it() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, "POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    let upstream = lane.upstream.accept();
    head(&upstream);
    hear(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    say(&client, "body");
    hear(&upstream, "body");
    say(&upstream, OK);
    message(&client).is(200);
}

#[test]
fn one_connection_serves_one_question_after_another() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    message(&upstream);
    say(&upstream, OK);
    message(&client).is(200);
    for _ in 0..3 {
        exchange(&client, &upstream, GET, OK).1.is(200);
    }
    // Another client's question finds the same connection.
    exchange(&lane.place.connect(), &upstream, GET, OK).1.is(200);
}

#[test]
fn questions_in_a_row_are_answered_in_a_row() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, format!("{GET}{}", GET.replace("tags", "ps")));
    let upstream = lane.upstream.accept();
    assert_eq!(message(&upstream).first, "GET /api/tags HTTP/1.1");
    say(&upstream, OK);
    assert_eq!(message(&client).is(200).body, "ok");
    assert_eq!(message(&upstream).first, "GET /api/ps HTTP/1.1");
    say(&upstream, "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nother");
    assert_eq!(message(&client).is(201).body, "other");
}

#[test]
fn two_clients_never_share_a_connection() {
    let lane = lane();
    let (one, other) = (lane.place.connect(), lane.place.connect());
    say(&one, GET);
    let first = lane.upstream.accept();
    message(&first);
    say(&other, GET.replace("tags", "ps"));
    let second = lane.upstream.accept();
    assert_eq!(message(&second).first, "GET /api/ps HTTP/1.1");
    say(&second, OK);
    message(&other).is(200);
    say(&first, OK);
    message(&one).is(200);
}

#[test]
fn an_old_client_gets_its_answer_without_chunks() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, "GET /api/tags HTTP/1.0\r\n\r\n");
    let upstream = lane.upstream.accept();
    let heard = message(&upstream);
    assert_eq!(heard.first, "GET /api/tags HTTP/1.1");
    assert_eq!(heard.field("host"), Some("localhost"));
    say(&upstream, format!("{CHUNKS}{}{}0\r\n\r\n", chunked("one "), chunked("two")));
    let (answer, ended) = rest(&client, AT_ONCE);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\none two"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
    assert_eq!(ended, Ended::Fin);
}

#[test]
fn an_answer_may_come_before_the_question_ends() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, "POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\nbegin");
    let upstream = lane.upstream.accept();
    head(&upstream);
    hear(&upstream, "begin");
    say(&upstream, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    drop(upstream);
    // It goes on sending before it looks.
    let (_, _) = pour(&client, 3_000_000, &[65_536]);
    assert_eq!(message(&client).is(413).body, "big");
    ends(&client, Ended::Fin, AT_ONCE);
}

#[test]
fn an_answer_that_is_read_beside_the_upload_does_not_end_it() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, "POST /api/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let upstream = lane.upstream.accept();
    head(&upstream);
    say(&upstream, CHUNKS);
    bare(&client).is(200);
    for word in ["ping", "pong", "ping"] {
        say(&client, chunked(word));
        assert_eq!(chunk(&upstream).as_deref(), Some(word));
        say(&upstream, chunked(word));
        assert_eq!(chunk(&client).as_deref(), Some(word));
    }
    say(&client, "0\r\n\r\n");
    assert_eq!(chunk(&upstream), None);
    say(&upstream, "0\r\n\r\n");
    assert_eq!(chunk(&client), None);
}

#[test]
fn what_belongs_to_the_connection_stays_with_it() {
    let lane = lane();
    let client = lane.place.connect();
    let request = "GET /api/tags HTTP/1.1\r\nHost: localhost\r\nConnection: close, X-Hop, host\r\nX-Hop: 1\r\nX-End: 2\r\n\
        Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: h2c\r\n\r\n";
    say(&client, request);
    let upstream = lane.upstream.accept();
    let mut heard = message(&upstream).fields;
    heard.sort();
    assert_eq!(heard, ["Host: localhost", "X-End: 2"]);
    say(
        &upstream,
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: max=3\r\nX-End: 2\r\nContent-Length: 0\r\n\r\n",
    );
    let mut got = message(&client).fields;
    got.sort();
    assert_eq!(got, ["Connection: close", "Content-Length: 0", "X-End: 2"]);
    ends(&client, Ended::Fin, AT_ONCE);
}

#[test]
fn secrets_go_nowhere() {
    let lane = Lane::with(&["--translate", "-vv"]);
    let client = lane.place.connect();
    say(
        &client,
        "GET /api/tags?key=sesame HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sesame\r\n\
        Proxy-Authorization: Basic sesame\r\nCookie: c=sesame\r\nX-Kept: 1\r\n\r\n",
    );
    let upstream = lane.upstream.accept();
    let heard = message(&upstream);
    assert_eq!(heard.fields, ["Host: localhost", "X-Kept: 1"]);
    say(&upstream, OK);
    message(&client).is(200);
    drop(client);
    let exit = lane.forward.stop();
    assert!(!exit.text().contains("sesame"), "{}", exit.text());
}

#[test]
fn an_absolute_target_becomes_a_plain_one() {
    let lane = lane();
    let client = lane.place.connect();
    let authority = lane.place.address;
    say(&client, format!("GET http://{authority}/api/tags?a=b HTTP/1.1\r\nHost: other.example\r\n\r\n"));
    let upstream = lane.upstream.accept();
    let heard = message(&upstream);
    assert_eq!(heard.first, "GET /api/tags?a=b HTTP/1.1");
    assert_eq!(heard.fields, [format!("Host: {authority}")]);
}

#[test]
fn proxies_of_the_environment_are_not_ours() {
    let proxy = "http://127.0.0.1:9";
    let words = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| format!("{name}={proxy}"));
    let wrapper: Vec<&str> = std::iter::once("env").chain(words.iter().map(String::as_str)).collect();
    let lane = Lane::by(&wrapper, &["--translate"]);
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    message(&upstream);
    say(&upstream, OK);
    message(&client).is(200);
}

#[test]
fn an_answer_that_ends_with_its_connection_ends_so() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    message(&upstream);
    say(&upstream, "HTTP/1.1 200 OK\r\n\r\nsome words");
    bare(&client).is(200);
    assert_eq!(chunk(&client).as_deref(), Some("some words"));
    ends(&client, Ended::Timeout, MOMENT);
    finish(&upstream);
    client.set_read_timeout(Some(AT_ONCE)).unwrap();
    assert_eq!(exactly(&client, 5), "0\r\n\r\n");
}

#[test]
fn a_connection_that_nobody_uses_is_closed_soon() {
    let lane = lane();
    let client = lane.place.connect();
    say(&client, GET);
    let upstream = lane.upstream.accept();
    message(&upstream);
    say(&upstream, OK);
    message(&client).is(200);
    ends(&upstream, Ended::Timeout, MOMENT);
    ends(&upstream, Ended::Fin, SOON);
}
