//! Rows of heads, and what is said to each.

use super::*;

/// A listener on loopback, or one that others can reach.
const CLOSED: &str = "127.0.0.1:11434";
const OPEN: &str = "0.0.0.0:11434";

fn judged(
    listener: &str,
    upstream: &Place,
    (method, uri, version): (Method, &str, Version),
    lines: &[(&str, &str)],
) -> Result<(), Refusal> {
    let known = Known::new(vec![listener.parse().unwrap()], Some("my-pc".into()));
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.parse::<hyper::header::HeaderName>().unwrap(), value.parse().unwrap());
    }
    let local = "172.20.3.4".parse().unwrap();
    judge(&known, local, || upstream.clone(), (&method, &uri.parse().unwrap(), version), (&headers, Names::Ours))
}

fn windows() -> Place {
    Place::Address("172.20.0.1:11434".parse().unwrap())
}

#[track_caller]
fn host(listener: &str, host: &str, expected: Result<(), Refusal>) {
    let request = (Method::GET, "/api/tags", Version::HTTP_11);
    assert_eq!(judged(listener, &windows(), request, &[("host", host)]), expected, "{listener} {host}");
}

#[test]
fn our_own_names_are_ours() {
    for listener in [CLOSED, OPEN] {
        for name in [
            "localhost",
            "localhost:11434",
            "LocalHost.:1",
            "ollama.localhost",
            "127.0.0.1:11434",
            "127.9.9.9",
            "[::1]:11434",
            "[::ffff:127.0.0.1]",
            "172.20.3.4:11434",
            "0.0.0.0:11434",
            "",
        ] {
            host(listener, name, Ok(()));
        }
    }
}

#[test]
fn the_upstreams_place_is_ours_too() {
    host(CLOSED, "172.20.0.1:11434", Ok(()));
    let named = Place::Name("Windows.lan".into(), 8080);
    let request = || (Method::GET, "/", Version::HTTP_11);
    assert_eq!(judged(CLOSED, &named, request(), &[("host", "windows.LAN:8080")]), Ok(()));
    assert_eq!(judged(CLOSED, &windows(), request(), &[("host", "windows.lan")]), Err(Refusal::ForeignHost));
}

#[test]
fn a_name_that_was_bent_towards_us_is_foreign() {
    for listener in [CLOSED, OPEN] {
        for name in
            ["evil.example", "evil.example:11434", "localhost.evil.example", "notlocalhost", "8.8.8.8", "[2001:db8::1]"]
        {
            host(listener, name, Err(Refusal::ForeignHost));
        }
    }
}

#[test]
fn others_may_call_us_by_name_only_where_they_can_reach_us() {
    for name in ["my-pc", "MY-PC:11434", "my-pc.local", "host.docker.internal:11434"] {
        host(OPEN, name, Ok(()));
        host(CLOSED, name, Err(Refusal::ForeignHost));
    }
}

#[test]
fn a_host_that_is_none_is_refused() {
    for name in ["a b", "user@localhost", "localhost:port", "localhost:99999", "[::1", ":11434", "[localhost]", "a/b"] {
        host(CLOSED, name, Err(Refusal::BadHost));
    }
}

#[test]
fn there_is_one_host_or_the_client_is_old() {
    for (version, hosts, expected) in [
        (Version::HTTP_11, &[][..], Err(Refusal::BadHost)),
        (Version::HTTP_10, &[], Ok(())),
        (Version::HTTP_11, &[("host", "localhost"), ("host", "localhost")], Err(Refusal::BadHost)),
        (Version::HTTP_10, &[("host", "evil.example")], Err(Refusal::ForeignHost)),
    ] {
        assert_eq!(judged(CLOSED, &windows(), (Method::GET, "/", version), hosts), expected, "{version:?} {hosts:?}");
    }
}

#[track_caller]
fn target(uri: &str, expected: Result<(), Refusal>) {
    // What `Host` says does not count where the target itself names a server.
    let lines = [("host", "whatever.example")];
    assert_eq!(judged(CLOSED, &windows(), (Method::GET, uri, Version::HTTP_11), &lines), expected, "{uri}");
}

#[test]
fn an_absolute_target_must_be_us_or_the_upstream() {
    for uri in [
        "http://localhost:11434/api/tags",
        "http://127.0.0.1:11434/",
        "http://[::1]:11434/",
        "HTTP://LOCALHOST:11434",
        "http://172.20.0.1:11434/api/tags",
        "http://172.20.3.4:11434/",
    ] {
        target(uri, Ok(()));
    }
    for uri in [
        "http://evil.example/",
        "http://localhost/",
        "http://localhost:22/",
        "https://localhost:11434/",
        "ftp://localhost:11434/",
        "http://172.20.0.1:80/",
        "http://192.168.1.1:11434/",
        "http://169.254.169.254/latest/meta-data",
    ] {
        target(uri, Err(Refusal::Elsewhere));
    }
    target("http://localhost:11434@evil.example:11434/", Err(Refusal::BadHost));
}

#[test]
fn we_are_no_tunnel() {
    for to in ["localhost:11434", "evil.example:443"] {
        let request = (Method::CONNECT, to, Version::HTTP_11);
        assert_eq!(judged(CLOSED, &windows(), request, &[("host", to)]), Err(Refusal::Elsewhere), "{to}");
    }
}

#[test]
fn an_asterisk_is_about_whoever_host_says() {
    for (host, expected) in [("localhost", Ok(())), ("evil.example", Err(Refusal::ForeignHost))] {
        let request = (Method::OPTIONS, "*", Version::HTTP_11);
        assert_eq!(judged(CLOSED, &windows(), request, &[("host", host)]), expected, "{host}");
    }
}

#[track_caller]
fn origin(origins: &[&str], expected: Result<(), Refusal>) {
    let mut lines = vec![("host", "localhost:11434")];
    lines.extend(origins.iter().map(|origin| ("origin", *origin)));
    let request = (Method::POST, "/v1/responses", Version::HTTP_11);
    assert_eq!(judged(CLOSED, &windows(), request, &lines), expected, "{origins:?}");
}

#[test]
fn pages_of_this_machine_and_programs_made_of_pages_may_ask() {
    for one in [
        "http://localhost",
        "http://localhost:3000",
        "https://127.0.0.1:8443",
        "http://0.0.0.0:8080",
        "http://[::1]:3000",
        "app://obsidian.md",
        "file://",
        "tauri://localhost",
        "vscode-webview://abc",
        "vscode-file://vscode-app",
    ] {
        origin(&[one], Ok(()));
    }
}

#[test]
fn pages_of_other_sites_may_not() {
    for one in [
        "null",
        "",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://192.168.1.5",
        "chrome-extension://abc",
        "localhost",
        "ftp://localhost",
        "http://user@localhost",
    ] {
        origin(&[one], Err(Refusal::ForeignOrigin));
    }
    origin(&["http://localhost", "https://evil.example"], Err(Refusal::ForeignOrigin));
}
