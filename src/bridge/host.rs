//! Who may ask: no page of another site, no name that was bent towards us (DNS rebinding), no request that is meant for
//! another server. Pure.
//!
//! An address in `Host` cannot have been bent, so private ones are let in as Ollama does; names are listed.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Uri, Version};

/// The names of this machine and of its listeners.
#[derive(Clone, Debug, Default)]
pub struct Known {
    listeners: Vec<SocketAddr>,
    /// This machine's name, where others can reach us by it.
    name: Option<String>,
}

/// Where the upstream is now, as far as it has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Address(SocketAddr),
    Name(String, u16),
    Nowhere,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `Host` is missing, doubled, or no host.
    BadHost,
    /// A name that is not ours.
    ForeignHost,
    /// A page of another site asks.
    ForeignOrigin,
    /// Meant for another server; we are no proxy.
    Elsewhere,
}

impl Known {
    /// `name` is this machine's own.
    pub fn new(listeners: Vec<SocketAddr>, name: Option<String>) -> Self {
        let is_open = listeners.iter().any(|listener| !listener.ip().is_loopback());
        Self { listeners, name: name.filter(|_| is_open) }
    }

    /// Whether others than this machine's own programs may reach us.
    fn is_open(&self) -> bool {
        self.listeners.iter().any(|listener| !listener.ip().is_loopback())
    }

    fn is_our_name(&self, name: &str) -> bool {
        if is_localhost(name) {
            return true;
        }
        // Neither can be had in the public DNS; containers call their host so.
        let reserved = [".local", ".internal"].iter().any(|end| ends_with(name, end));
        self.is_open() && reserved || self.name.as_ref().is_some_and(|ours| name.eq_ignore_ascii_case(ours))
    }

    fn is_our_address(&self, ip: IpAddr, local: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_loopback() || ip == local.to_canonical() || self.listeners.iter().any(|listener| listener.ip() == ip)
    }

    /// A request target that names a server names us: by one of our ports, or the upstream's own place. That of a program
    /// that was told to use us as its proxy names Ollama as it knows it: on this machine, and with Ollama's port.
    fn is_here(&self, host: &Host<'_>, port: u16, local: IpAddr, upstream: &Place) -> bool {
        let ours = match host {
            Host::Address(ip) => self.is_our_address(*ip, local),
            Host::Name(name) => self.is_our_name(name),
        };
        let our_port = self.listeners.iter().any(|listener| listener.port() == port) || upstream.port() == Some(port);
        ours && our_port || upstream.is(host, Some(port))
    }

    fn may_be_called(&self, host: &Host<'_>, local: IpAddr, upstream: &Place) -> bool {
        let ours = match host {
            Host::Address(ip) => self.is_our_address(*ip, local) || is_private(*ip),
            Host::Name(name) => self.is_our_name(name),
        };
        ours || upstream.is(host, None)
    }
}

impl Place {
    fn port(&self) -> Option<u16> {
        match self {
            Self::Address(address) => Some(address.port()),
            Self::Name(_, port) => Some(*port),
            Self::Nowhere => None,
        }
    }

    fn is(&self, host: &Host<'_>, port: Option<u16>) -> bool {
        match (self, host) {
            (Self::Address(address), Host::Address(ip)) => {
                address.ip().to_canonical() == ip.to_canonical() && port.is_none_or(|port| port == address.port())
            }
            (Self::Name(ours, our_port), Host::Name(name)) => {
                ours.eq_ignore_ascii_case(name) && port.is_none_or(|port| port == *our_port)
            }
            (Self::Address(_) | Self::Name(..) | Self::Nowhere, Host::Address(_) | Host::Name(_)) => false,
        }
    }
}

/// By which names a client may call us in `Host` (`--any-host`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Ours,
    Any,
}

/// Judges the head of a request that came to our address `local`. `upstream` is asked for only where it matters.
pub(super) fn judge(
    known: &Known,
    local: IpAddr,
    upstream: impl Fn() -> Place,
    (method, uri, version): (&Method, &Uri, Version),
    (headers, who): (&HeaderMap, Names),
) -> Result<(), Refusal> {
    if method == Method::CONNECT {
        return Err(Refusal::Elsewhere);
    }
    if headers.contains_key(ORIGIN)
        && !headers.get_all(ORIGIN).iter().all(|origin| is_ours_or_an_apps(origin.as_bytes()))
    {
        return Err(Refusal::ForeignOrigin);
    }
    let mut named = headers.get_all(HOST).iter();
    let host = match (named.next(), named.next()) {
        (_, Some(_)) => return Err(Refusal::BadHost),
        (None, None) if version >= Version::HTTP_11 => return Err(Refusal::BadHost),
        (None, None) => None,
        (Some(host), None) => Some(host.to_str().map_err(|_| Refusal::BadHost)?),
    };
    if let Some(authority) = uri.authority() {
        let (host, port) = parse(authority.as_str()).ok_or(Refusal::BadHost)?;
        let plain = uri.scheme_str().is_none_or(|scheme| scheme.eq_ignore_ascii_case("http"));
        let here = plain && known.is_here(&host, port.unwrap_or(80), local, &upstream());
        return if here { Ok(()) } else { Err(Refusal::Elsewhere) };
    }
    match host {
        // Empty: the client's URL has no host (RFC 9110, 7.2).
        None | Some("") => Ok(()),
        Some(host) => {
            let (host, _) = parse(host).ok_or(Refusal::BadHost)?;
            if who == Names::Any
                || known.may_be_called(&host, local, &Place::Nowhere)
                || known.may_be_called(&host, local, &upstream())
            {
                Ok(())
            } else {
                Err(Refusal::ForeignHost)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

/// `HOST[:PORT]`. A user name has no place in it.
fn parse(authority: &str) -> Option<(Host<'_>, Option<u16>)> {
    if authority.contains('@') || authority.parse::<Authority>().is_err() {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(port.parse().ok()?),
    };
    let address = match host.strip_prefix('[') {
        Some(rest) => Some(IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?)),
        None => host.parse().ok().map(IpAddr::V4),
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    match address {
        Some(ip) => Some((Host::Address(ip), port)),
        None if name.is_empty() => None,
        None => Some((Host::Name(name), port)),
    }
}

fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || ends_with(name, ".localhost")
}

fn ends_with(name: &str, end: &str) -> bool {
    let at = name.len().checked_sub(end.len());
    at.is_some_and(|at| at > 0 && name.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(end)))
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unspecified(),
    }
}

/// Pages of this machine, and programs that are made of pages; the same as Ollama's own list.
fn is_ours_or_an_apps(origin: &[u8]) -> bool {
    const APPS: [&str; 5] = ["app", "file", "tauri", "vscode-webview", "vscode-file"];
    let Some((scheme, rest)) = std::str::from_utf8(origin).ok().and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    if APPS.contains(&scheme) {
        return true;
    }
    ["http", "https"].contains(&scheme)
        && parse(rest).is_some_and(|(host, _)| match host {
            Host::Address(ip) => ip.is_loopback() || ip.is_unspecified(),
            Host::Name(name) => is_localhost(name),
        })
}

#[cfg(test)]
mod tests;
