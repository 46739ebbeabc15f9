//! Attacks: of other sites, of other programs, of names that were bent towards us.

use std::io::{Read as _, Write as _};

use super::bed::Bed;

const NO_ID: &str = "0000000000000001";

/// A path of each kind, with a method that it knows.
fn all_routes() -> Vec<(&'static str, String)> {
    let get = [
        "/",
        "/assets/app.js",
        "/assets/nothing",
        "/api/v1/state",
        "/api/v1/sessions",
        "/api/v1/exchanges",
        "/api/v1/export",
        "/api/v1/events",
        "/api/last-updated",
        "/capture/0",
        "/raw/latest.json",
        "/raw/request",
        "/raw/response",
        "/nothing",
    ];
    let post = ["/api/v1/capture", "/api/v1/prune", "/api/v1/import"];
    let of_one = |what: &str| format!("/api/v1/exchanges/{NO_ID}{what}");
    let mut all: Vec<_> = get.iter().map(|path| ("GET", (*path).to_owned())).collect();
    all.extend(post.iter().map(|path| ("POST", (*path).to_owned())));
    all.extend(["", "/body/client_request", "/diff/previous"].map(|what| ("GET", of_one(what))));
    all.extend(["/mark", "/replay"].map(|what| ("POST", of_one(what))));
    all.extend([("DELETE", of_one("")), ("DELETE", "/api/v1/sessions/a".into())]);
    all
}

#[track_caller]
fn check_all(bed: &Bed, headers: &[(&str, &str)], status: u16) {
    for (method, path) in all_routes() {
        let json = ("content-type", "application/json");
        let reply = bed.say(method, &path, &[headers, &[json]].concat(), "{}");
        assert_eq!(reply.status, status, "{method} {path} {headers:?}: {}", reply.text());
        assert!(!reply.headers.iter().any(|(name, _)| name.starts_with("access-control-")), "{method} {path}");
    }
}

#[test]
fn a_foreign_host_gets_nothing_on_any_route() {
    let bed = Bed::new();
    let bearer = format!("Bearer {}", bed.door.token());
    let bearer = ("authorization", bearer.as_str());
    let port = bed.address.port();
    for host in ["evil.example".into(), format!("evil.example:{port}"), "127.0.0.1".into(), format!("127.0.0.2:{port}")]
    {
        check_all(&bed, &[bearer, ("host", &host)], 403);
    }
    let host = bed.host();
    check_all(&bed, &[bearer, ("host", &host), ("host", &host)], 403);
    check_all(&bed, &[bearer], 403);
}

#[test]
fn without_the_token_nobody_gets_anything() {
    let bed = Bed::new();
    let host = bed.host();
    check_all(&bed, &[("host", &host)], 401);
    check_all(&bed, &[("host", &host), ("authorization", "Bearer 0"), ("cookie", "of_1=0; x")], 401);
    for method in ["OPTIONS", "PUT", "TRACE", "HEAD"] {
        assert_eq!(bed.ask_as_stranger(method, "/api/v1/state", &[], "").status, 401, "{method}");
    }
}

#[test]
fn pages_of_other_sites_get_nothing_with_the_cookie() {
    let bed = Bed::new();
    let (host, cookie) = (bed.host(), format!("of_{}={}", bed.address.port(), bed.door.token()));
    let ours = [("host", host.as_str()), ("cookie", cookie.as_str())];
    let with = |name, value| [&ours[..], &[(name, value)]].concat();
    check_all(&bed, &with("sec-fetch-site", "cross-site"), 403);
    check_all(&bed, &with("sec-fetch-site", "same-site"), 403);
    check_all(&bed, &with("origin", "http://localhost:3000"), 403);
    check_all(&bed, &with("origin", "null"), 403);
    assert!(bed.switched.load(std::sync::atomic::Ordering::Relaxed));
}

#[test]
fn forms_write_nothing() {
    let bed = Bed::new();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let reply = bed.ask("POST", "/api/v1/capture", &[("content-type", content_type)], r#"{"on":false}"#);
        assert_eq!(reply.status, 415, "{content_type}");
    }
    assert!(bed.tap.is_on());
}

#[test]
fn a_preflight_is_told_nothing() {
    let bed = Bed::new();
    let asks = [("origin", "http://evil.example"), ("access-control-request-method", "POST")];
    let reply = bed.ask("OPTIONS", "/api/v1/capture", &asks, "");
    assert_eq!(reply.status, 403);
    assert!(!reply.headers.iter().any(|(name, _)| name.starts_with("access-control-")));
    let reply = bed.ask("OPTIONS", "/api/v1/capture", &[], "");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
}

#[test]
fn this_is_no_proxy() {
    let bed = Bed::new();
    let (host, token) = (bed.host(), bed.door.token());
    let fields = format!("host: {host}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    for (line, status) in [
        ("GET http://evil.example/ HTTP/1.1".to_owned(), 421),
        (format!("GET http://{host}/ HTTP/1.1"), 421),
        ("CONNECT 127.0.0.1:11434 HTTP/1.1".to_owned(), 421),
        (format!("CONNECT {host} HTTP/1.1"), 421),
    ] {
        assert_eq!(bed.raw(format!("{line}\r\n{fields}").as_bytes()).status, status, "{line}");
    }
}

#[test]
fn there_are_no_web_sockets() {
    let bed = Bed::new();
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    assert_eq!(bed.ask("GET", "/api/v1/events", &upgrade, "").status, 400);
}

#[test]
fn a_link_opens_the_page_once() {
    let bed = Bed::new();
    let link = format!("/?code={}", bed.door.code());
    let reply = bed.ask_as_stranger("HEAD", &link, &[], "");
    assert_eq!(reply.status, 401, "whoever looks at a link does not use it up");
    let reply = bed.ask_as_stranger("GET", &link, &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], "");
    assert_eq!((reply.status, reply.header("location")), (303, Some("/")));
    let cookie = reply.header("set-cookie").unwrap();
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(value, format!("of_{}={}", bed.address.port(), bed.door.token()));
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/");
    assert_eq!(bed.ask_as_stranger("GET", "/", &[("cookie", value)], "").status, 200);
    assert_eq!(bed.ask_as_stranger("GET", "/api/v1/state", &[("cookie", value)], "").status, 200);
    let again = bed.ask_as_stranger("GET", &link, &[], "");
    assert_eq!(again.status, 401);
    assert_eq!(again.header("set-cookie"), None);
    // With the cookie, an old link still leads to the page.
    assert_eq!(bed.ask_as_stranger("GET", &link, &[("cookie", value)], "").status, 303);
}

#[test]
fn wrong_codes_open_nothing() {
    let bed = Bed::new();
    let code = bed.door.code();
    let token = bed.door.token();
    let long = "a".repeat(5000);
    for wrong in ["x", &code[1..], &format!("{code}0"), &token, "%00", &long] {
        let reply = bed.ask_as_stranger("GET", &format!("/?code={wrong}"), &[], "");
        assert_eq!((reply.status, reply.header("set-cookie")), (401, None), "{wrong}");
    }
    assert_eq!(bed.ask_as_stranger("POST", &format!("/?code={code}"), &[], "").status, 401);
    assert_eq!(bed.ask_as_stranger("GET", &format!("/api/v1/state?code={code}"), &[], "").status, 401);
    assert_eq!(bed.ask_as_stranger("GET", &format!("/?code={code}"), &[], "").status, 303, "it is good still");
}

#[test]
fn a_browser_without_cookie_is_told_in_both_languages_how_to_get_one() {
    let bed = Bed::new();
    for path in ["/", "/capture/0"] {
        let reply = bed.ask_as_stranger("GET", path, &[], "");
        assert_eq!(reply.status, 401);
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
        let text = reply.text();
        assert!(text.contains("ollama-forward capture open"));
        assert!(text.contains("works once") && text.contains("à usage unique"));
        assert!(!text.contains("/assets/"), "it needs nothing that needs the cookie");
    }
}

#[test]
fn each_answer_says_what_a_browser_may_do_with_it() {
    let bed = Bed::new();
    let id = bed.played("qwen3", "hello", "world");
    let replies = [
        bed.get("/"),
        bed.get("/api/v1/state"),
        bed.get("/nothing"),
        bed.get(&format!("/api/v1/exchanges/{id}/body/client_request")),
        bed.get("/api/v1/export?format=html"),
        bed.get("/raw/response"),
        bed.ask_as_stranger("GET", "/", &[], ""),
        bed.ask_as_stranger("GET", "/api/v1/state", &[], ""),
        bed.say("GET", "/", &[("host", "evil.example")], ""),
    ];
    for reply in &replies {
        let policy = reply.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"));
    }
    // The page itself is no secret, and has a tag to be asked for again.
    let kept: Vec<_> = replies.iter().map(|reply| reply.header("cache-control").unwrap()).collect();
    assert_eq!(kept[0], "no-cache");
    assert!(kept[1..].iter().all(|word| *word == "no-store"), "{kept:?}");
    let page = replies[0].header("content-security-policy").unwrap();
    assert!(page.contains("script-src 'self'") && page.contains("require-trusted-types-for 'script'"));
    assert!(!replies[4].header("content-security-policy").unwrap().contains("script-src"));
}

#[test]
fn paths_lead_nowhere_else() {
    let bed = Bed::new();
    for (path, status) in [
        ("/assets/../../../etc/passwd", 404),
        ("/assets/%2e%2e/guard.rs", 404),
        ("/assets/..%2fguard.rs", 404),
        ("/api/v1/exchanges/../../etc/passwd", 404),
        ("/api/v1/exchanges/..", 400),
        ("/api/v1/exchanges/%2e%2e", 400),
        ("/api/v1/exchanges/%00", 400),
        ("/api/v1/exchanges/0000000000000001/body/..", 400),
        ("/api/v1/exchanges/0000000000000001/body/../..", 404),
        ("/api/v1/exchanges?before=..", 400),
        ("/api/v1/exchanges?session=../..", 400),
        ("/api/v1/export?id=../..", 400),
        ("/api/v1/export?session=a%0d%0aset-cookie:%20a", 400),
        ("/raw/request?id=..", 400),
    ] {
        assert_eq!(bed.get(path).status, status, "{path}");
    }
    let long = format!("/api/v1/exchanges/{}", "0".repeat(60_000));
    assert_eq!(bed.get(&long).status, 400);
}

#[test]
fn what_is_no_http_is_refused() {
    let bed = Bed::new();
    let (host, token) = (bed.host(), bed.door.token());
    let good = format!("host: {host}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n");
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"hello\r\n\r\n".to_vec(),
        format!("GET /\0 HTTP/1.1\r\n{good}\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\n{good}bad name: x\r\n\r\n").into_bytes(),
        format!("POST /api/v1/prune HTTP/1.1\r\n{good}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}").into_bytes(),
        format!("GET / HTTP/1.1\r\n{good}x: {}\r\n\r\n", "a".repeat(200_000)).into_bytes(),
    ] {
        let reply = bed.raw(&bytes);
        assert!([0, 400, 414, 431].contains(&reply.status), "{}: {:?}", reply.status, &bytes[..bytes.len().min(40)]);
    }
}

#[test]
fn half_a_head_holds_up_nobody() {
    let bed = Bed::new();
    let mut slow: Vec<_> = (0..100).map(|_| bed.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
    }
    assert_eq!(bed.get("/api/v1/state").status, 200);
}

#[test]
fn when_the_server_stops_its_connections_close() {
    let mut bed = Bed::new();
    let mut idle = bed.connect();
    let host = bed.host();
    write!(idle, "GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 401");
    bed.stop();
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = idle.read_to_end(&mut rest);
    assert!(String::from_utf8_lossy(&rest).ends_with("</html>\n"));
}
