//! Who may ask what. Captured content is private, and a browser asks on behalf of whatever page it shows: so a request has
//! to name us, to come from our own page or from a program that has the token, and to be no proxy's. Pure.
//!
//! ```text
//! no proxy ─> Host is ours ─> no WebSocket ─> no other site ─> has the token ─> (POST) is JSON ─> allowed
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, ORIGIN, UPGRADE};
use hyper::{Method, Uri};

/// Where the page is, as its clients call it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    address: SocketAddr,
}

/// The head of a request, and the address of ours that it came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub local: IpAddr,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is meant for another server, or wants a tunnel.
    NoProxy,
    /// `Host` is missing, doubled, or not one of our names.
    ForeignHost,
    NoSocket,
    /// A page of another site asks.
    ForeignSite,
    /// Neither cookie nor token.
    Stranger,
    /// A form could send it.
    NotJson,
}

impl Site {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// The cookie's name. Cookies know no ports (RFC 6265, 8.5), and another page of ours may be on the next one.
    pub(super) fn cookie(&self) -> String {
        format!("of_{}", self.address.port())
    }

    /// Whether `HOST[:PORT]` is one of our names: those of loopback, and the address that we were told to listen on.
    fn is_ours(&self, authority: &str, local: IpAddr) -> bool {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            Some(_) | None => (authority, "80"),
        };
        let is_number = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || port.parse() != Ok(self.address.port()) {
            return false;
        }
        let ip = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(ip) => ip.parse().map(IpAddr::V6).ok(),
            None => host.parse().map(IpAddr::V4).ok(),
        };
        ip.map_or_else(|| host.eq_ignore_ascii_case("localhost"), |ip| self.is_our_address(ip, local))
    }

    /// Listening on all addresses, each by which a connection came to us is ours: an address cannot have been bent.
    fn is_our_address(&self, ip: IpAddr, local: IpAddr) -> bool {
        let listens = self.address.ip().to_canonical();
        let is_loopback = ip == IpAddr::V4(Ipv4Addr::LOCALHOST) || ip == IpAddr::V6(Ipv6Addr::LOCALHOST);
        is_loopback || ip == if listens.is_unspecified() { local.to_canonical() } else { listens }
    }
}

/// `token` is what a program or a browser has to show.
pub(super) fn judge(site: &Site, token: &str, asked: &Asked<'_>) -> Result<(), Refusal> {
    if asked.method == Method::CONNECT || asked.uri.authority().is_some() {
        return Err(Refusal::NoProxy);
    }
    let host = only(asked.headers, &HOST).filter(|host| site.is_ours(host, asked.local)).ok_or(Refusal::ForeignHost)?;
    if words(asked.headers, &UPGRADE).any(|word| word.to_ascii_lowercase().contains("websocket")) {
        return Err(Refusal::NoSocket);
    }
    if !is_from_us(asked, host) {
        return Err(Refusal::ForeignSite);
    }
    if !shows(site, token, asked.headers) {
        return Err(Refusal::Stranger);
    }
    if asked.method == Method::POST && !only(asked.headers, &CONTENT_TYPE).is_some_and(is_json) {
        return Err(Refusal::NotJson);
    }
    Ok(())
}

/// What browsers say of where a request comes from. Programs say nothing of it.
///
/// Pages of other ports are other sites' to us, though not to browsers. A link to our page may stand anywhere: following
/// it only shows our page.
fn is_from_us(asked: &Asked<'_>, host: &str) -> bool {
    let is_origin_ours = if asked.headers.contains_key(ORIGIN) {
        let origin = only(asked.headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
        origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
    } else {
        true
    };
    let is_site_ours = || values(asked.headers, &SEC_FETCH_SITE).all(|site| ["same-origin", "none"].contains(&site));
    is_origin_ours && (is_site_ours() || is_link(asked))
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Somebody followed a link to a page: `/`, or one of its old addresses.
fn is_link(asked: &Asked<'_>) -> bool {
    let path = asked.uri.path();
    asked.method == Method::GET
        && (path == "/" || path.starts_with("/capture/"))
        && only(asked.headers, &SEC_FETCH_MODE) == Some("navigate")
}

/// Whether the token is there, as a cookie or in `Authorization`.
fn shows(site: &Site, token: &str, headers: &HeaderMap) -> bool {
    let name = site.cookie();
    let cookies = values(headers, &COOKIE).flat_map(|line| line.split(';'));
    // There may be more than one: any server of this host can set cookies for all its ports.
    let mut cookies = cookies.filter_map(|cookie| cookie.trim().split_once('=')).filter(|(known, _)| *known == name);
    let bearer = only(headers, &AUTHORIZATION).and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, word)| word.trim());
    bearer.is_some_and(|word| is_same(word, token)) || cookies.any(|(_, word)| is_same(word, token))
}

/// In a time that does not tell where they differ.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let differ = one.bytes().zip(other.bytes()).fold(0, |differ, (one, other)| differ | (one ^ other));
    // Read by nobody but here, so that no comparison is left out for being decided already.
    std::hint::black_box(differ) == 0 && one.len() == other.len() && !one.is_empty()
}

/// Types that no form can send, so that a browser asks before another site's page may (Fetch, "CORS-safelisted").
fn is_json(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/x-ndjson"].iter().any(|json| name.eq_ignore_ascii_case(json))
}

/// The value of a header that is there once, and is text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None | Some(_), _) => None,
    }
}

/// All values of a header; what is no text is an empty one.
fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default())
}

fn words<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    values(headers, name).flat_map(|value| value.split(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "00112233445566778899aabbccddeeff";
    const BEARER: (&str, &str) = ("authorization", "Bearer 00112233445566778899aabbccddeeff");
    const HOST_IS_OURS: (&str, &str) = ("host", "localhost:5001");
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[track_caller]
    fn check_at(listens: &str, local: &str, line: &str, headers: &[(&str, &str)], expected: Result<(), Refusal>) {
        let (method, target) = line.split_once(' ').unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let (method, uri) = (method.parse().unwrap(), target.parse().unwrap());
        let asked = Asked { method: &method, uri: &uri, headers: &map, local: local.parse().unwrap() };
        let judged = judge(&Site::new(listens.parse().unwrap()), TOKEN, &asked);
        assert_eq!(judged, expected, "{line} {headers:?}");
    }

    #[track_caller]
    fn check(line: &str, headers: &[(&str, &str)], expected: Result<(), Refusal>) {
        check_at("127.0.0.1:5001", "127.0.0.1", line, headers, expected);
    }

    #[test]
    fn our_names_are_those_of_loopback_with_our_port() {
        for host in ["localhost:5001", "LOCALHOST:5001", "127.0.0.1:5001", "[::1]:5001"] {
            check("GET /api/v1/state", &[("host", host), BEARER], Ok(()));
        }
    }

    #[test]
    fn all_other_names_are_foreign_even_with_the_token() {
        for host in [
            "",
            "evil.example",
            "evil.example:5001",
            "localhost",
            "localhost:80",
            "localhost:5002",
            "localhost:+5001",
            "localhost:05001x",
            "localhost:",
            "localhost.:5001",
            "localhost.evil.example:5001",
            "evil.localhost:5001",
            "user@localhost:5001",
            "127.0.0.2:5001",
            "127.1:5001",
            "0x7f.0.0.1:5001",
            "2130706433:5001",
            "0.0.0.0:5001",
            "[::]:5001",
            "[::ffff:127.0.0.1]:5001",
            "::1:5001",
            "[::1:5001",
            "[localhost]:5001",
            "192.168.1.20:5001",
        ] {
            for path in ["/", "/assets/app.js", "/api/v1/state", "/raw/latest.json"] {
                let line = format!("GET {path}");
                check(&line, &[("host", host), BEARER], Err(Refusal::ForeignHost));
            }
        }
    }

    #[test]
    fn a_host_that_is_missing_or_doubled_is_none() {
        check("GET /", &[BEARER], Err(Refusal::ForeignHost));
        check("GET /", &[HOST_IS_OURS, HOST_IS_OURS, BEARER], Err(Refusal::ForeignHost));
        check("GET /", &[HOST_IS_OURS, ("host", "evil.example"), BEARER], Err(Refusal::ForeignHost));
    }

    #[test]
    fn an_address_that_we_were_told_to_listen_on_is_ours_too() {
        let at = |listens, local, host, expected| {
            check_at(listens, local, "GET /", &[("host", host), BEARER], expected);
        };
        at("192.168.1.20:5001", "192.168.1.20", "192.168.1.20:5001", Ok(()));
        at("192.168.1.20:5001", "192.168.1.20", "192.168.1.21:5001", Err(Refusal::ForeignHost));
        at("0.0.0.0:5001", "192.168.1.20", "192.168.1.20:5001", Ok(()));
        at("0.0.0.0:5001", "192.168.1.20", "192.168.1.21:5001", Err(Refusal::ForeignHost));
        at("[::]:5001", "::ffff:192.168.1.20", "192.168.1.20:5001", Ok(()));
        at("127.0.0.1:80", "127.0.0.1", "localhost", Ok(()));
    }

    #[test]
    fn we_are_no_proxy() {
        check("CONNECT localhost:5001", &[HOST_IS_OURS, BEARER], Err(Refusal::NoProxy));
        check("GET http://evil.example/", &[HOST_IS_OURS, BEARER], Err(Refusal::NoProxy));
        check("GET http://localhost:5001/", &[HOST_IS_OURS, BEARER], Err(Refusal::NoProxy));
    }

    #[test]
    fn there_are_no_web_sockets() {
        for upgrade in ["websocket", "h2c, WebSocket"] {
            check("GET /api/v1/events", &[HOST_IS_OURS, BEARER, ("upgrade", upgrade)], Err(Refusal::NoSocket));
        }
        check("GET /api/v1/events", &[HOST_IS_OURS, BEARER, ("upgrade", "h2c")], Ok(()));
    }

    #[test]
    fn pages_of_other_sites_may_neither_read_nor_write() {
        for site in ["cross-site", "same-site", "CROSS-SITE", "anything"] {
            for line in ["GET /api/v1/state", "GET /api/v1/events", "GET /assets/app.js", "GET /", "GET /raw/request"] {
                check(line, &[HOST_IS_OURS, BEARER, ("sec-fetch-site", site)], Err(Refusal::ForeignSite));
            }
            let write = [HOST_IS_OURS, BEARER, JSON, ("sec-fetch-site", site)];
            check("POST /api/v1/capture", &write, Err(Refusal::ForeignSite));
            check("DELETE /api/v1/sessions/a", &write, Err(Refusal::ForeignSite));
        }
        for site in ["same-origin", "none"] {
            check("POST /api/v1/capture", &[HOST_IS_OURS, BEARER, JSON, ("sec-fetch-site", site)], Ok(()));
            check("GET /api/v1/state", &[HOST_IS_OURS, BEARER, ("sec-fetch-site", site)], Ok(()));
        }
    }

    #[test]
    fn a_second_value_does_not_hide_the_first() {
        let twice = [HOST_IS_OURS, BEARER, ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")];
        check("GET /api/v1/state", &twice, Err(Refusal::ForeignSite));
        let twice = [HOST_IS_OURS, BEARER, ("origin", "http://localhost:5001"), ("origin", "http://evil.example")];
        check("GET /api/v1/state", &twice, Err(Refusal::ForeignSite));
    }

    #[test]
    fn links_to_the_page_may_stand_anywhere() {
        let link = [HOST_IS_OURS, BEARER, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        check("GET /", &link, Ok(()));
        check("GET /?code=1", &link, Ok(()));
        check("GET /capture/3", &link, Ok(()));
        check("GET /api/v1/export", &link, Err(Refusal::ForeignSite));
        check("GET /assets/app.js", &link, Err(Refusal::ForeignSite));
        check("POST /", &link, Err(Refusal::ForeignSite));
    }

    #[test]
    fn an_origin_has_to_be_the_host_that_is_asked() {
        let with = |origin, expected| {
            check("POST /api/v1/prune", &[HOST_IS_OURS, BEARER, JSON, ("origin", origin)], expected);
            check("GET /api/v1/state", &[HOST_IS_OURS, BEARER, ("origin", origin)], expected);
        };
        with("http://localhost:5001", Ok(()));
        for origin in [
            "null",
            "",
            "https://localhost:5001",
            "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1:5001",
            "http://evil.example",
            "http://localhost:5001.evil.example",
            "http://localhost:5001/",
        ] {
            with(origin, Err(Refusal::ForeignSite));
        }
    }

    #[test]
    fn nobody_gets_anything_without_the_token() {
        for line in ["GET /", "GET /assets/app.js", "GET /api/v1/state", "GET /nothing", "OPTIONS /", "TRACE /"] {
            check(line, &[HOST_IS_OURS], Err(Refusal::Stranger));
        }
        check("POST /api/v1/prune", &[HOST_IS_OURS, JSON], Err(Refusal::Stranger));
    }

    #[test]
    fn the_token_is_a_cookie_of_our_port_or_a_bearer() {
        let with = |name, value: &str, expected| check("GET /", &[HOST_IS_OURS, (name, value)], expected);
        with("authorization", &format!("bearer {TOKEN}"), Ok(()));
        with("cookie", &format!("of_5001={TOKEN}"), Ok(()));
        with("cookie", &format!("a=b; of_5001=wrong; of_5001={TOKEN}; c=d"), Ok(()));
        for cookie in [
            format!("of_5002={TOKEN}"),
            format!("of_5001={TOKEN}0"),
            format!("of_5001={}", &TOKEN[1..]),
            format!("xof_5001={TOKEN}"),
            "of_5001=".to_owned(),
            "of_5001".to_owned(),
            TOKEN.to_owned(),
        ] {
            with("cookie", &cookie, Err(Refusal::Stranger));
        }
        for word in [format!("Basic {TOKEN}"), TOKEN.to_owned(), "Bearer ".to_owned(), "Bearer x".to_owned()] {
            with("authorization", &word, Err(Refusal::Stranger));
        }
        let twice = [HOST_IS_OURS, BEARER, ("authorization", "Bearer x")];
        check("GET /", &twice, Err(Refusal::Stranger));
    }

    #[test]
    fn what_a_form_can_send_writes_nothing() {
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", ""] {
            let headers = [HOST_IS_OURS, BEARER, ("content-type", content_type)];
            check("POST /api/v1/prune", &headers, Err(Refusal::NotJson));
        }
        check("POST /api/v1/prune", &[HOST_IS_OURS, BEARER], Err(Refusal::NotJson));
        check("POST /api/v1/prune", &[HOST_IS_OURS, BEARER, JSON, JSON], Err(Refusal::NotJson));
        for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/x-ndjson"] {
            check("POST /api/v1/import", &[HOST_IS_OURS, BEARER, ("content-type", content_type)], Ok(()));
        }
        check("DELETE /api/v1/sessions/a", &[HOST_IS_OURS, BEARER], Ok(()));
    }

    #[test]
    fn words_are_the_same_when_all_of_them_is() {
        assert!(is_same("abc", "abc"));
        for (one, other) in [("abc", "abd"), ("abc", "ab"), ("ab", "abc"), ("", ""), ("", "a")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
