//! Who may ask, over the wire. The rows of the judgement itself stand beside it.

use crate::lane_http::{OK, lane, message};
use crate::place::Lane;
use crate::wire::say;

/// Refused by us; the upstream hears nothing, and the connection goes on.
#[track_caller]
fn refused(lane: &Lane, request: &str, status: u16, code: &str) {
    let client = lane.place.connect();
    say(&client, request);
    let answer = message(&client);
    let json = answer.is(status).json();
    let found = if json["code"].is_string() { &json["code"] } else { &json["error"]["code"] };
    assert_eq!(found, code, "{request}");
}

#[test]
fn strangers_are_told_why() {
    let lane = lane();
    for (request, status, code) in [
        ("GET /api/tags HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "foreign_host"),
        ("POST /v1/responses HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n", 403, "foreign_host"),
        ("GET /__health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "foreign_host"),
        ("GET /api/tags HTTP/1.1\r\n\r\n", 400, "bad_host"),
        ("GET /api/tags HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400, "bad_host"),
        ("GET /api/tags HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", 403, "foreign_origin"),
        ("GET /api/tags HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", 403, "foreign_origin"),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, "not_a_proxy"),
        ("GET http://localhost:1/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, "not_a_proxy"),
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 421, "not_a_proxy"),
        ("OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "foreign_host"),
    ] {
        refused(&lane, request, status, code);
    }
    // Whoever may ask is the first that the upstream hears.
    let client = lane.place.connect();
    say(&client, "GET /api/ps HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n");
    let upstream = lane.upstream.accept();
    assert_eq!(message(&upstream).first, "GET /api/ps HTTP/1.1");
    say(&upstream, OK);
    message(&client).is(200);
}

#[test]
fn the_upstreams_own_name_leads_there() {
    let lane = lane();
    let client = lane.place.connect();
    let upstream_address = lane.upstream.address;
    say(&client, format!("GET http://{upstream_address}/api/ps HTTP/1.1\r\nHost: {upstream_address}\r\n\r\n"));
    assert_eq!(message(&lane.upstream.accept()).first, "GET /api/ps HTTP/1.1");
}
