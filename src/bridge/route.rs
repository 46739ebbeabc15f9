//! Which request goes where. Pure.

use hyper::header::{CONNECTION, HeaderMap, HeaderName, UPGRADE, USER_AGENT};
use hyper::{Method, Version};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The Responses API: translated.
    Responses,
    /// A WebSocket on the Responses API, by a complete handshake.
    Socket,
    /// A WebSocket that its client is better without.
    NoSocket,
    Health,
    Metrics,
    /// None of ours.
    Pass,
}

/// What the Responses API can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    Create,
    Compact,
    Fetch(&'a str),
    Delete(&'a str),
    InputItems(&'a str),
    Cancel(&'a str),
}

/// `translate`: responses are translated; else what goes by is only looked at, but for a WebSocket, which no upstream has.
pub(super) fn route(method: &Method, path: &str, version: Version, headers: &HeaderMap, translate: bool) -> Route {
    if translate && Operation::of(method, path).is_some() {
        return Route::Responses;
    }
    let reads = method == Method::GET || method == Method::HEAD;
    let is_upgrade = || below_responses(path) == Some("") && headers.contains_key(UPGRADE);
    match path {
        _ if !reads => Route::Pass,
        _ if !translate => {
            if is_upgrade() {
                Route::NoSocket
            } else {
                Route::Pass
            }
        }
        "/metrics" => Route::Metrics,
        _ if is_upgrade() => {
            if version >= Version::HTTP_11 && is_handshake(headers) && !is_codex(headers) {
                Route::Socket
            } else {
                Route::NoSocket
            }
        }
        _ if is_health(path) => Route::Health,
        _ => Route::Pass,
    }
}

impl<'a> Operation<'a> {
    /// None: the path is not of the Responses API, or that method means nothing there.
    pub fn of(method: &Method, path: &'a str) -> Option<Self> {
        let mut parts = below_responses(path)?.split('/');
        let asked = (method.as_str(), parts.next().unwrap_or_default(), parts.next(), parts.next());
        match asked {
            ("POST", "", None, None) => Some(Self::Create),
            ("POST", "compact", None, None) => Some(Self::Compact),
            (_, "", ..) => None,
            ("GET", id, None, None) => Some(Self::Fetch(id)),
            ("DELETE", id, None, None) => Some(Self::Delete(id)),
            ("GET", id, Some("input_items"), None) => Some(Self::InputItems(id)),
            ("POST", id, Some("cancel"), None) => Some(Self::Cancel(id)),
            (..) => None,
        }
    }
}

/// What follows `/v1/responses` or `/responses`, without slashes around it.
fn below_responses(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1/responses").or_else(|| path.strip_prefix("/responses"))?;
    match rest.strip_prefix('/') {
        Some(below) => Some(below.strip_suffix('/').unwrap_or(below)),
        None => rest.is_empty().then_some(""),
    }
}

/// `/__health` and what monitors ask for under names like it. The underscore keeps them apart from the upstream's own.
fn is_health(path: &str) -> bool {
    let name = path.trim_matches('/');
    let word = name.trim_start_matches('_');
    word.len() < name.len() && ["health", "healthz", "livez", "readyz", "live", "ready", "ping"].contains(&word)
}

/// RFC 6455, 4.2.1.
fn is_handshake(headers: &HeaderMap) -> bool {
    let lists = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    let only = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Sixteen bytes in base 64.
    let is_key = |key: &str| {
        let digits = key.strip_suffix("==").unwrap_or_default();
        digits.len() == 22 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    };
    lists(UPGRADE, "websocket")
        && lists(CONNECTION, "upgrade")
        && only("sec-websocket-version") == Some("13")
        && only("sec-websocket-key").is_some_and(is_key)
}

/// Codex falls back to HTTP at once when it is told 426, and that is the way that is measured.
fn is_codex(headers: &HeaderMap) -> bool {
    let begins = |name: &str, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    headers
        .get_all("openai-beta")
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("responses_websockets")))
        || begins("originator", "codex")
        || begins(USER_AGENT.as_str(), "codex")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    const HANDSHAKE: [(&str, &str); 4] = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "rYqn1Z5F00LuSJpGenmoUA=="),
    ];

    #[track_caller]
    fn check(method: &Method, path: &str, lines: &[(&'static str, &'static str)], expected: Route) {
        assert_eq!(route(method, path, Version::HTTP_11, &headers(lines), true), expected, "{method} {path}");
    }

    #[test]
    fn without_translate_all_passes_but_a_socket() {
        let plain = |method, path, lines: &[_]| route(&method, path, Version::HTTP_11, &headers(lines), false);
        for (method, path) in [(Method::POST, "/v1/responses"), (Method::GET, "/metrics"), (Method::GET, "/__health")] {
            assert_eq!(plain(method, path, &[]), Route::Pass, "{path}");
        }
        assert_eq!(plain(Method::GET, "/v1/responses", &HANDSHAKE), Route::NoSocket);
        assert_eq!(plain(Method::GET, "/api/chat", &HANDSHAKE), Route::Pass);
    }

    #[test]
    fn the_responses_api_is_translated() {
        for prefix in ["/v1/responses", "/responses"] {
            for (method, below) in [
                (Method::POST, ""),
                (Method::POST, "/"),
                (Method::POST, "/compact"),
                (Method::GET, "/resp_1"),
                (Method::DELETE, "/resp_1"),
                (Method::GET, "/resp_1/input_items"),
                (Method::POST, "/resp_1/cancel"),
            ] {
                check(&method, &format!("{prefix}{below}"), &[], Route::Responses);
            }
        }
    }

    #[test]
    fn everything_else_passes() {
        for (method, path) in [
            (Method::GET, "/"),
            (Method::POST, "/api/chat"),
            (Method::POST, "/v1/chat/completions"),
            (Method::GET, "/v1/models"),
            (Method::GET, "/v1/responses"),
            (Method::OPTIONS, "/v1/responses"),
            (Method::PUT, "/v1/responses/resp_1"),
            (Method::POST, "/v1/responses/resp_1"),
            (Method::GET, "/v1/responses/resp_1/input_items/more"),
            (Method::POST, "/v1/responsesx"),
            (Method::GET, "/health"),
            (Method::POST, "/__health"),
            (Method::GET, "/_other"),
            (Method::POST, "/metrics"),
        ] {
            check(&method, path, &[], Route::Pass);
        }
    }

    #[test]
    fn operations_know_their_id() {
        for (method, path, expected) in [
            (Method::GET, "/v1/responses/resp_1", Operation::Fetch("resp_1")),
            (Method::DELETE, "/responses/resp_1/", Operation::Delete("resp_1")),
            (Method::GET, "/v1/responses/compact", Operation::Fetch("compact")),
            (Method::GET, "/v1/responses/a/input_items", Operation::InputItems("a")),
            (Method::POST, "/v1/responses/a/cancel", Operation::Cancel("a")),
        ] {
            assert_eq!(Operation::of(&method, path), Some(expected), "{path}");
        }
    }

    #[test]
    fn probes_find_our_health_and_not_the_upstreams() {
        for path in ["/__health", "/_health", "/__health/", "/_healthz", "/__readyz", "/_ping"] {
            check(&Method::GET, path, &[], Route::Health);
            check(&Method::HEAD, path, &[], Route::Health);
        }
        for path in ["/healthz", "/ping", "/_", "/__healthy", "/api/_health"] {
            check(&Method::GET, path, &[], Route::Pass);
        }
        check(&Method::GET, "/metrics", &[], Route::Metrics);
    }

    #[test]
    fn a_complete_handshake_may_become_a_socket() {
        check(&Method::GET, "/v1/responses", &HANDSHAKE, Route::Socket);
        check(&Method::GET, "/responses", &HANDSHAKE, Route::Socket);
        check(&Method::GET, "/api/chat", &HANDSHAKE, Route::Pass);
    }

    #[test]
    fn codex_and_half_a_handshake_get_no_socket() {
        for line in [
            ("openai-beta", "responses_websockets=2026-02-06"),
            ("originator", "codex_exec"),
            ("user-agent", "codex_cli_rs/0.98.0"),
        ] {
            check(&Method::GET, "/v1/responses", &[&HANDSHAKE[..], &[line]].concat(), Route::NoSocket);
        }
        for missing in 1..HANDSHAKE.len() {
            let mut lines = HANDSHAKE.to_vec();
            lines.remove(missing);
            check(&Method::GET, "/v1/responses", &lines, Route::NoSocket);
        }
        check(&Method::GET, "/v1/responses", &[("upgrade", "h2c")], Route::NoSocket);
        let old = route(&Method::GET, "/v1/responses", Version::HTTP_10, &headers(&HANDSHAKE), true);
        assert_eq!(old, Route::NoSocket);
    }
}
