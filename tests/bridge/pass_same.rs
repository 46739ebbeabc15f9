//! The same client and the same upstream, once without us and once with: each of them sees the same.

use std::net::TcpStream;

use crate::lane_http::{Message, bare, chunked, lane, message};
use crate::place::Upstream;
use crate::wire::{connect, finish, say};

/// What the upstream heard and what the client got.
#[track_caller]
fn seen(client: &TcpStream, upstream: &Upstream, request: &str, answer: &str) -> (Message, Message) {
    say(client, request);
    let upstream = upstream.accept();
    let heard = message(&upstream);
    say(&upstream, answer);
    let has_body = !request.starts_with("HEAD ") && !answer.contains(" 204 ") && !answer.contains(" 304 ");
    if !has_body {
        return (heard, bare(client));
    }
    if !answer.contains("Content-Length") && !answer.contains("chunked") {
        finish(&upstream);
    }
    (heard, message(client))
}

/// Without the fields that are about one connection only, and in one order.
fn lasting(mut message: Message) -> Message {
    message.fields.retain(|field| !["Connection", "Keep-Alive"].iter().any(|hop| field.starts_with(hop)));
    message.fields.sort();
    // The case of these is not kept; it means nothing (RFC 9110, 5.1).
    message.trailers.iter_mut().for_each(|trailer| *trailer = trailer.to_lowercase());
    message
}

#[track_caller]
fn check(request: &str, answer: &str) {
    let upstream = Upstream::on("127.0.0.1:0");
    let direct = seen(&connect(upstream.address), &upstream, request, answer);
    let lane = lane();
    let through = seen(&lane.place.connect(), &lane.upstream, request, answer);
    assert_eq!(lasting(through.0), lasting(direct.0), "what the upstream heard");
    assert_eq!(lasting(through.1), lasting(direct.1), "what the client got");
}

const GET: &str =
    "GET /api/ps?x=%20y&z HTTP/1.1\r\nHost: localhost:11434\r\nX-OddCase: 1\r\naccept: a\r\naccept: b\r\n\r\n";
const HEAD: &str = "HEAD /api/tags HTTP/1.1\r\nHost: localhost:11434\r\n\r\n";
const POST: &str = "POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1:11434\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\": \"é\"}";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nok";

#[test]
fn questions() {
    check(GET, OK);
    check(POST, OK);
    check("DELETE /api/delete HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", OK);
    check("OPTIONS /api/tags HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n", OK);
    check("PROPFIND //odd//./path;p HTTP/1.1\r\nHost: localhost\r\n\r\n", OK);
    check("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", OK);
}

#[test]
fn a_question_in_chunks() {
    let pieces = [chunked("first"), chunked(" second")].concat();
    check(
        &format!(
            "POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{pieces}0\r\n\r\n"
        ),
        OK,
    );
}

#[test]
fn a_question_with_trailers() {
    let head = "POST /api/x HTTP/1.1\r\nHost: localhost\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(&format!("{head}{}0\r\nX-Sum: 7\r\n\r\n", chunked("seven")), OK);
}

#[test]
fn answers_of_known_length() {
    check(GET, OK);
    check(GET, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 18\r\n\r\n404 page not found");
    check(
        GET,
        "HTTP/1.1 200 Fine By Me\r\nX-OddCase: 1\r\nset-cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
    );
    check(GET, "HTTP/1.1 599 Whatever\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
}

#[test]
fn answers_without_a_body() {
    check(HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 123456\r\nContent-Type: application/json\r\n\r\n");
    check(HEAD, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
    check(GET, "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n");
    check(GET, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
}

#[test]
fn streams() {
    let lines: String = (0..40).map(|n| chunked(&format!("{{\"n\":{n}}}\n"))).collect();
    check(
        POST,
        &format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n{lines}0\r\n\r\n"
        ),
    );
    let events: String = (0..40).map(|n| chunked(&format!("data: {{\"n\":{n}}}\n\n"))).collect();
    let done = chunked("data: [DONE]\n\n");
    check(
        POST,
        &format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n{events}{done}0\r\n\r\n"
        ),
    );
}

#[test]
fn an_answer_with_trailers() {
    let get = "GET / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: TE\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(get, &format!("{head}{}0\r\nX-Sum: 7\r\n\r\n", chunked("seven")));
}
