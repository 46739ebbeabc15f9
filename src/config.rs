//! What was meant: flags, environment and files become one [`Config`]. Pure: texts in, values out.
//!
//! ```text
//! flag > OLLAMA_FORWARD_* > user file > /etc > default
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

use crate::fault::{Fault, FaultId};
use crate::log::{Color, LogFormat, Volume, Wishes};
use crate::net::listen::leads_to;
use crate::net::options::{Keepalive, SocketPolicy};

/// Ollama's port (Ollama, `envconfig`).
pub const OLLAMA_PORT: u16 = 11434;

/// Everything a run needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub listen: Vec<SocketAddr>,
    pub upstream: Upstream,
    pub connect_time: Duration,
    pub wait_for_upstream: Duration,
    pub policy: SocketPolicy,
    pub max_connections: usize,
    pub drain_time: Duration,
    /// Where WSL's files are; `/` outside tests.
    pub root: PathBuf,
}

/// Where clients are forwarded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Windows, wherever it is, on this port.
    Auto(u16),
    /// The built-in stand-in.
    Demo,
    Address(SocketAddr),
    Name {
        host: String,
        port: u16,
    },
}

/// An address to listen on; the port may come from `--listen-port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    pub ip: IpAddr,
    pub port: Option<u16>,
}

/// One layer of configuration: what it sets, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    pub listen: Option<Vec<Listen>>,
    pub listen_port: Option<u16>,
    pub upstream: Option<Upstream>,
    pub connect_timeout: Option<Duration>,
    pub wait_for_upstream: Option<Duration>,
    pub keepalive: Option<Keepalive>,
    pub user_timeout: Option<Duration>,
    pub max_connections: Option<usize>,
    pub drain_timeout: Option<Duration>,
    pub log: Wishes,
}

impl Layer {
    /// What this layer leaves open is taken from `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            listen_port: self.listen_port.or(below.listen_port),
            upstream: self.upstream.or(below.upstream),
            connect_timeout: self.connect_timeout.or(below.connect_timeout),
            wait_for_upstream: self.wait_for_upstream.or(below.wait_for_upstream),
            keepalive: self.keepalive.or(below.keepalive),
            user_timeout: self.user_timeout.or(below.user_timeout),
            max_connections: self.max_connections.or(below.max_connections),
            drain_timeout: self.drain_timeout.or(below.drain_timeout),
            log: self.log.over(below.log),
        }
    }

    /// Fills what is still open with the defaults, and checks what only the whole can show.
    pub fn finish(self, root: PathBuf) -> Result<Config, Fault> {
        let port = self.listen_port.unwrap_or(OLLAMA_PORT);
        let listen = self.listen.unwrap_or_else(|| vec![Listen { ip: Ipv4Addr::LOCALHOST.into(), port: None }]);
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for one in listen {
            let address = SocketAddr::new(one.ip, one.port.unwrap_or(port));
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let config = Config {
            listen: addresses,
            upstream: self.upstream.unwrap_or(Upstream::Auto(OLLAMA_PORT)),
            // One retransmission of the SYN fits in: Linux sends it after 1 s.
            connect_time: self.connect_timeout.unwrap_or(Duration::from_millis(1500)),
            // Ollama for Windows is back within this after a restart.
            wait_for_upstream: self.wait_for_upstream.unwrap_or(Duration::from_secs(15)),
            policy: SocketPolicy {
                keepalive: self.keepalive.unwrap_or_default(),
                user_timeout: self.user_timeout.unwrap_or(SocketPolicy::default().user_timeout),
            },
            max_connections: self.max_connections.unwrap_or(4096),
            drain_time: self.drain_timeout.unwrap_or(Duration::from_secs(10)),
            root,
        };
        config.check_for_loop()?;
        Ok(config)
    }
}

impl Config {
    fn check_for_loop(&self) -> Result<(), Fault> {
        let Upstream::Address(upstream) = self.upstream else { return Ok(()) };
        match self.listen.iter().find(|listen| leads_to(upstream, **listen)) {
            Some(listen) => {
                let what = format!("the upstream {upstream} is the address {listen} that this forwarder listens on");
                Err(Fault::new(FaultId::UpstreamLoop, what))
            }
            None => Ok(()),
        }
    }
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text {
            "" => return Err("an upstream must be named, or leave it out for auto".into()),
            "auto" => return Ok(Self::Auto(OLLAMA_PORT)),
            "demo" => return Ok(Self::Demo),
            _ => {}
        }
        if let Some(port) = text.strip_prefix("auto:") {
            return Ok(Self::Auto(parse_port(port)?));
        }
        let place = match text.split_once("://") {
            None => text,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest.strip_suffix('/').unwrap_or(rest),
            Some((scheme, _)) => {
                return Err(format!(
                    "{scheme}:// is not supported: bytes are forwarded as they are, use http://HOST:PORT"
                ));
            }
        };
        if let Some((host, path)) = place.split_once('/') {
            return Err(format!("leave out the path: {host} is enough, /{path} is up to the client"));
        }
        if place.contains('@') {
            return Err("a user name or password has no place in an upstream".into());
        }
        host_and_port(place)
    }
}

fn host_and_port(place: &str) -> Result<Upstream, String> {
    if let Ok(ip) = place.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(Upstream::Address(SocketAddr::new(ip, OLLAMA_PORT)));
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, parse_port(port)?),
        None => (place, OLLAMA_PORT),
    };
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(Upstream::Address(SocketAddr::new(ip, port)));
    }
    let is_name_like = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() || !host.chars().all(is_name_like) {
        return Err(format!("`{place}` is not HOST, HOST:PORT or http://HOST:PORT"));
    }
    // Digits and dots alone are an address that was mistyped; a resolver would wait for it in vain.
    if host.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(format!("`{host}` is not an IPv4 address"));
    }
    Ok(Upstream::Name { host: host.to_owned(), port })
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: address.ip(), port: Some(check_port(address.port())?) });
        }
        if let Ok(ip) = text.trim_matches(['[', ']']).parse() {
            return Ok(Self { ip, port: None });
        }
        let localhost = IpAddr::from(Ipv4Addr::LOCALHOST);
        match text.split_once(':') {
            None if text == "localhost" => Ok(Self { ip: localhost, port: None }),
            Some(("localhost", port)) => Ok(Self { ip: localhost, port: Some(parse_port(port)?) }),
            _ if text.parse::<u16>().is_ok() => Err(format!("`{text}` is a port: use --listen-port {text}")),
            _ => Err(format!("`{text}` is not an address: use 127.0.0.1:11434, [::1]:11434 or localhost")),
        }
    }
}

/// A port from 1 to 65535.
pub fn parse_port(text: &str) -> Result<u16, String> {
    let port = text.parse::<u16>().map_err(|_| format!("`{text}` is not a port: use a number from 1 to 65535"))?;
    check_port(port)
}

fn check_port(port: u16) -> Result<u16, String> {
    if port == 0 { Err("port 0 is no port to find again: use a number from 1 to 65535".into()) } else { Ok(port) }
}

/// `1500ms`, `1.5s`, `2m`, or a plain number of seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}` is not a time: use 500ms, 1.5s or 2m")),
    };
    let value: f64 = number.parse().map_err(|_| format!("`{text}` is not a time: use 500ms, 1.5s or 2m"))?;
    Duration::try_from_secs_f64(value * seconds).map_err(|_| format!("`{text}` is too long"))
}

/// A time to connect in: at least a millisecond.
pub fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if time < Duration::from_millis(1) => Err(format!("`{text}` is too short: use at least 1ms")),
        time => Ok(time),
    }
}

/// At least one.
pub fn parse_count(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(0) | Err(_) => Err(format!("`{text}` is not a number from 1 up")),
        Ok(count) => Ok(count),
    }
}

/// `IDLE/INTERVAL/COUNT`; the times in whole seconds, as the kernel takes them (tcp(7): up to 32767 s and 127 probes).
pub fn parse_keepalive(text: &str) -> Result<Keepalive, String> {
    let wrong = || format!("`{text}` is not IDLE/INTERVAL/COUNT: use 15/5/3 (seconds, seconds, probes)");
    let mut parts = text.trim().split('/');
    let mut next = |most: u32| -> Result<u32, String> {
        let part = parts.next().ok_or_else(wrong)?.trim();
        let number = part.strip_suffix('s').unwrap_or(part).parse().map_err(|_| wrong())?;
        if (1..=most).contains(&number) { Ok(number) } else { Err(wrong()) }
    };
    let (idle, interval, count) = (next(32767)?, next(32767)?, next(127)?);
    if parts.next().is_some() {
        return Err(wrong());
    }
    let seconds = |n: u32| Duration::from_secs(n.into());
    Ok(Keepalive { idle: seconds(idle), interval: seconds(interval), count })
}

/// The keys of a configuration file, as they may be written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    listen: Option<OneOrMany>,
    listen_port: Option<Word>,
    upstream: Option<Word>,
    ollama_url: Option<Word>,
    connect_timeout: Option<Word>,
    wait_for_upstream: Option<Word>,
    keepalive: Option<Word>,
    user_timeout: Option<Word>,
    max_connections: Option<Word>,
    drain_timeout: Option<Word>,
    quiet: Option<bool>,
    debug: Option<bool>,
    log_format: Option<Word>,
    color: Option<Word>,
}

const KEYS: [&str; 14] = [
    "listen",
    "listen_port",
    "upstream",
    "ollama_url",
    "connect_timeout",
    "wait_for_upstream",
    "keepalive",
    "user_timeout",
    "max_connections",
    "drain_timeout",
    "quiet",
    "debug",
    "log_format",
    "color",
];

/// A value as a flag would have it: `15` and `"15s"` both say fifteen seconds.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Word {
    Integer(i64),
    Float(f64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Word {
    fn into_text(self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// Reads the text of a configuration file; `name` is how errors call it.
pub fn parse_file(name: &str, text: &str) -> Result<Layer, Fault> {
    let fault = |what: String| Fault::new(FaultId::Config, format!("{name}: {what}"));
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| fault(position(text, &error)))?;
    if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(fault(format!("unknown key `{unknown}`{}", suggestion(unknown))));
    }
    let file: File = table.try_into().map_err(|error: toml::de::Error| fault(error.message().to_owned()))?;
    file.into_layer().map_err(|(key, why)| fault(format!("{key}: {why}")))
}

fn position(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
    format!("line {line}: {}", error.message())
}

fn suggestion(unknown: &str) -> String {
    let unknown = unknown.replace('-', "_");
    let nearest = KEYS.iter().max_by(|a, b| similarity(a, &unknown).total_cmp(&similarity(b, &unknown)));
    match nearest.filter(|key| similarity(key, &unknown) > 0.7) {
        Some(key) => format!(", did you mean `{key}`?"),
        None => format!("; known keys: {}", KEYS.join(", ")),
    }
}

fn similarity(key: &str, unknown: &str) -> f64 {
    strsim::jaro_winkler(key, unknown)
}

impl File {
    fn into_layer(self) -> Result<Layer, (&'static str, String)> {
        fn value<T>(
            key: &'static str,
            word: Option<Word>,
            parse: impl Fn(&str) -> Result<T, String>,
        ) -> Result<Option<T>, (&'static str, String)> {
            word.map(|word| parse(&word.into_text())).transpose().map_err(|why| (key, why))
        }
        let listen = self.listen.map(|listen| match listen {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        });
        let listen = listen.map(|all| all.iter().map(|text| text.parse()).collect()).transpose();
        Ok(Layer {
            listen: listen.map_err(|why| ("listen", why))?,
            listen_port: value("listen_port", self.listen_port, parse_port)?,
            upstream: value("upstream", self.upstream.or(self.ollama_url), str::parse)?,
            connect_timeout: value("connect_timeout", self.connect_timeout, parse_positive_duration)?,
            wait_for_upstream: value("wait_for_upstream", self.wait_for_upstream, parse_duration)?,
            keepalive: value("keepalive", self.keepalive, parse_keepalive)?,
            user_timeout: value("user_timeout", self.user_timeout, parse_duration)?,
            max_connections: value("max_connections", self.max_connections, parse_count)?,
            drain_timeout: value("drain_timeout", self.drain_timeout, parse_duration)?,
            log: Wishes {
                volume: match (self.quiet, self.debug) {
                    (Some(true), Some(true)) => return Err(("quiet", "and debug exclude each other".into())),
                    (Some(true), _) => Some(Volume::Quiet),
                    (_, Some(true)) => Some(Volume::Debug),
                    (_, _) => None,
                },
                format: value("log_format", self.log_format, |text| LogFormat::from_str(text, false))?,
                color: value("color", self.color, |text| Color::from_str(text, false))?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn upstream(text: &str, expected: &str) {
        let parsed = match text.parse::<Upstream>() {
            Ok(Upstream::Auto(port)) => format!("auto {port}"),
            Ok(Upstream::Demo) => "demo".into(),
            Ok(Upstream::Address(address)) => address.to_string(),
            Ok(Upstream::Name { host, port }) => format!("name {host} {port}"),
            Err(_) => "error".into(),
        };
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn upstreams_are_read_in_every_form() {
        upstream("auto", "auto 11434");
        upstream("auto:11500", "auto 11500");
        upstream("demo", "demo");
        upstream("172.24.0.1", "172.24.0.1:11434");
        upstream("172.24.0.1:8080", "172.24.0.1:8080");
        upstream("http://172.24.0.1:11434/", "172.24.0.1:11434");
        upstream("http://windows.lan", "name windows.lan 11434");
        upstream("my-pc:1", "name my-pc 1");
        upstream("::1", "[::1]:11434");
        upstream("[::1]", "[::1]:11434");
        upstream("[fe80::1]:99", "[fe80::1]:99");
    }

    #[test]
    fn upstreams_that_cannot_work_are_refused() {
        for text in [
            "",
            "https://host",
            "ftp://host",
            "host:0",
            "host:65536",
            "host:x",
            "http://host/v1",
            "user@host",
            "a b",
            "1.2.3",
            "300.1.1.1",
            "host:",
            ":11434",
            "auto:",
        ] {
            upstream(text, "error");
        }
    }

    #[track_caller]
    fn listen(text: &str, expected: Option<(&str, Option<u16>)>) {
        let parsed = text.parse::<Listen>().ok();
        let expected = expected.map(|(ip, port)| Listen { ip: ip.parse().unwrap(), port });
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn listen_addresses_are_read_in_every_form() {
        listen("127.0.0.1", Some(("127.0.0.1", None)));
        listen("127.0.0.1:80", Some(("127.0.0.1", Some(80))));
        listen("localhost:80", Some(("127.0.0.1", Some(80))));
        listen("localhost", Some(("127.0.0.1", None)));
        listen("[::1]:80", Some(("::1", Some(80))));
        listen("::1", Some(("::1", None)));
        for wrong in ["11434", "example.org:80", "127.0.0.1:0", "127.0.0.1:70000", "", ":80"] {
            listen(wrong, None);
        }
    }

    #[test]
    fn times_are_read_with_their_units() {
        let ms = Duration::from_millis;
        for (text, time) in
            [("1500ms", ms(1500)), ("1.5s", ms(1500)), ("2m", ms(120_000)), ("15", ms(15_000)), ("0", ms(0))]
        {
            assert_eq!(parse_duration(text), Ok(time), "{text}");
        }
        for wrong in ["", "s", "-1s", "1 parsec", "1.2.3s", "99999999999999999999h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert!(parse_positive_duration("0").is_err());
    }

    #[test]
    fn keepalive_is_three_numbers() {
        assert_eq!(parse_keepalive("15/5/3"), Ok(Keepalive::default()));
        for wrong in ["15", "15/5", "0/5/3", "15/5/0", "15/5/3/1", "15/5/200", "a/b/c"] {
            assert!(parse_keepalive(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_sets_what_it_names() {
        let text = "listen = [\"127.0.0.1\", \"[::1]:11435\"]\nlisten_port = 11500\nupstream = \"pc\"\nkeepalive = \"10/5/3\"\nconnect_timeout = 2\nwait_for_upstream = \"500ms\"\nmax_connections = 10\n";
        let layer = parse_file("config.toml", text).unwrap();
        assert_eq!(layer.listen_port, Some(11500));
        assert_eq!(layer.connect_timeout, Some(Duration::from_secs(2)));
        assert_eq!(layer.wait_for_upstream, Some(Duration::from_millis(500)));
        let config = layer.finish("/".into()).unwrap();
        let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["127.0.0.1:11500", "[::1]:11435"]);
        assert_eq!(config.upstream, Upstream::Name { host: "pc".into(), port: 11434 });
    }

    #[track_caller]
    fn refused(text: &str, says: &str) {
        let fault = parse_file("config.toml", text).unwrap_err();
        assert_eq!(fault.id, FaultId::Config);
        assert!(fault.what.contains(says), "{}", fault.what);
    }

    #[test]
    fn a_file_with_a_mistake_is_refused_by_place_and_key() {
        refused("conect_timeout = 2", "unknown key `conect_timeout`, did you mean `connect_timeout`?");
        refused("listen-port = 2", "did you mean `listen_port`?");
        refused("zebra = 2", "known keys: listen,");
        refused("upstream = \"https://x\"", "upstream: https:// is not supported");
        refused("listen_port = 0", "listen_port: port 0");
        refused("a = 1\nb = ", "line 2");
        refused("listen = 5", "config.toml: ");
        refused("log_format = \"xml\"", "log_format: invalid variant: xml");
        refused("quiet = true\ndebug = true", "exclude each other");
    }

    #[test]
    fn a_layer_wins_over_the_one_below() {
        let over = Layer { listen_port: Some(1), ..Layer::default() };
        let below = Layer { listen_port: Some(2), max_connections: Some(7), ..Layer::default() };
        let both = over.over(below);
        assert_eq!((both.listen_port, both.max_connections), (Some(1), Some(7)));
    }

    #[test]
    fn an_upstream_that_is_ourselves_is_refused() {
        let layer = Layer { upstream: "127.0.0.1".parse().ok(), ..Layer::default() };
        assert_eq!(layer.finish("/".into()).unwrap_err().id, FaultId::UpstreamLoop);
    }

    #[test]
    fn the_same_listener_twice_is_one() {
        let twice = vec!["127.0.0.1".parse().unwrap(), "localhost:11434".parse().unwrap()];
        let config = Layer { listen: Some(twice), ..Layer::default() }.finish("/".into()).unwrap();
        assert_eq!(config.listen.len(), 1);
    }
}
