//! Addresses as clients of Ollama write them. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::OLLAMA_PORT;
use crate::net::listen::leads_to;

/// An address as Codex takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub host: String,
    pub port: u16,
    /// With its first slash, without its last.
    pub path: String,
}

impl Url {
    /// None: it is no address of HTTP.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let usual = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        Self::after_scheme(rest, usual)
    }

    /// `OLLAMA_HOST` as Ollama and its clients read it: all of it but the host may be left out (Ollama, `envconfig`).
    pub fn of_ollama_host(text: &str) -> Option<Self> {
        let text = text.trim().trim_matches(['"', '\'']);
        match text.split_once("://") {
            Some(_) => Self::parse(text),
            None => Self::after_scheme(text, OLLAMA_PORT),
        }
    }

    fn after_scheme(rest: &str, usual: u16) -> Option<Self> {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host_only = |host: &str| host.trim_matches(['[', ']']).to_owned();
        let (host, port) = match authority.rsplit_once(':') {
            // The last colon of a bare IPv6 address begins no port.
            Some(_) if host_only(authority).parse::<Ipv6Addr>().is_ok() => (host_only(authority), usual),
            Some((host, port)) => (host_only(host), port.parse().ok()?),
            None => (host_only(authority), usual),
        };
        let host = if host.is_empty() { Ipv4Addr::LOCALHOST.to_string() } else { host.to_ascii_lowercase() };
        Some(Self { host, port, path: path.trim_end_matches('/').to_owned() })
    }

    /// What the host stands for, as far as it tells without a resolver.
    pub fn ips(&self) -> Vec<IpAddr> {
        if self.host == "localhost" {
            return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        self.host.parse().into_iter().collect()
    }

    pub fn leads_to(&self, listener: SocketAddr) -> bool {
        self.ips().into_iter().any(|ip| leads_to(SocketAddr::new(ip, self.port), listener))
    }

    /// This very machine.
    pub fn is_local(&self) -> bool {
        self.ips().iter().any(|ip| ip.is_loopback() || ip.is_unspecified())
    }

    /// The Responses API of Ollama is at `/v1/responses`; Codex adds only the last part.
    pub fn has_v1(&self) -> bool {
        self.path.ends_with("/v1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn url(text: &str, expected: Option<(&str, u16, &str)>) {
        let parsed = Url::parse(text);
        let parsed = parsed.as_ref().map(|url| (url.host.as_str(), url.port, url.path.as_str()));
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn addresses_are_read_in_every_form() {
        url("http://localhost:11434/v1", Some(("localhost", 11434, "/v1")));
        url("HTTP://LocalHost/v1/", Some(("localhost", 80, "/v1")));
        url("https://example.com", Some(("example.com", 443, "")));
        url("http://[::1]:11434/v1", Some(("::1", 11434, "/v1")));
        url("http://[::1]/v1", Some(("::1", 80, "/v1")));
        url("http://:11434", Some(("127.0.0.1", 11434, "")));
        for none in ["localhost:11434", "ftp://x", "http://x:many/v1", "http://x:65536", ""] {
            url(none, None);
        }
    }

    #[track_caller]
    fn host(text: &str, expected: (&str, u16)) {
        let url = Url::of_ollama_host(text).unwrap();
        assert_eq!((url.host.as_str(), url.port), expected, "{text}");
    }

    #[test]
    fn ollama_host_may_leave_out_all_but_the_host() {
        host("172.24.0.1", ("172.24.0.1", 11434));
        host("pc:8080", ("pc", 8080));
        host("http://pc", ("pc", 80));
        host("::1", ("::1", 11434));
        host("[::1]:1", ("::1", 1));
        host("", ("127.0.0.1", 11434));
    }
}
