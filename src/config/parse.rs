//! What people write for addresses, times and numbers, on the command line or in a file. Errors say what would be right.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use super::{Listen, OLLAMA_PORT, Upstream};
use crate::net::options::Keepalive;
use crate::words;
use crate::words::Words;

impl FromStr for Upstream {
    type Err = Words;

    fn from_str(text: &str) -> Result<Self, Words> {
        let text = text.trim();
        match text {
            "" => {
                return Err(words!(
                    "an upstream must be named, or leave it out for auto",
                    "il manque la cible ; sans cette option, c'est auto"
                ));
            }
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
                return Err(words!(
                    "{scheme}:// is not supported: bytes are forwarded as they are, use http://HOST:PORT",
                    "{scheme}:// n'est pas pris en charge : les octets sont relayés tels quels, donner http://HOST:PORT"
                ));
            }
        };
        if let Some((host, path)) = place.split_once('/') {
            return Err(words!(
                "leave out the path: {host} is enough, /{path} is up to the client",
                "retirer le chemin : {host} suffit, /{path} est l'affaire du client"
            ));
        }
        if place.contains('@') {
            return Err(words!(
                "a user name or password has no place in an upstream",
                "un nom d'utilisateur ou un mot de passe n'a pas sa place dans une cible"
            ));
        }
        host_and_port(place)
    }
}

fn host_and_port(place: &str) -> Result<Upstream, Words> {
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
        return Err(words!(
            "`{place}` is not HOST, HOST:PORT or http://HOST:PORT",
            "« {place} » n'est pas de la forme HOST, HOST:PORT ou http://HOST:PORT"
        ));
    }
    // Digits and dots alone are an address that was mistyped; a resolver would wait for it in vain.
    if host.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(words!("`{host}` is not an IPv4 address", "« {host} » n'est pas une adresse IPv4"));
    }
    Ok(Upstream::Name { host: host.to_owned(), port })
}

impl FromStr for Listen {
    type Err = Words;

    fn from_str(text: &str) -> Result<Self, Words> {
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
            _ if text.parse::<u16>().is_ok() => Err(words!(
                "`{text}` is a port: use --listen-port {text}",
                "« {text} » est un port : utiliser --listen-port {text}"
            )),
            _ => Err(words!(
                "`{text}` is not an address: use 127.0.0.1:11434, [::1]:11434 or localhost",
                "« {text} » n'est pas une adresse : donner 127.0.0.1:11434, [::1]:11434 ou localhost"
            )),
        }
    }
}

/// A port from 1 to 65535.
pub fn parse_port(text: &str) -> Result<u16, Words> {
    let port = text.parse::<u16>().map_err(|_| {
        words!(
            "`{text}` is not a port: use a number from 1 to 65535",
            "« {text} » n'est pas un port : donner un nombre de 1 à 65535"
        )
    })?;
    check_port(port)
}

fn check_port(port: u16) -> Result<u16, Words> {
    if port == 0 {
        Err(words!(
            "port 0 is no port to find again: use a number from 1 to 65535",
            "le port 0 ne se retrouve pas : donner un nombre de 1 à 65535"
        ))
    } else {
        Ok(port)
    }
}

/// `1500ms`, `1.5s`, `2m`, or a plain number of seconds.
pub fn parse_duration(text: &str) -> Result<Duration, Words> {
    let text = text.trim();
    let wrong = || {
        words!(
            "`{text}` is not a time: use 500ms, 1.5s or 2m",
            "« {text} » n'est pas une durée : donner 500ms, 1.5s ou 2m"
        )
    };
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    let value: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(value * seconds).map_err(|_| words!("`{text}` is too long", "« {text} » est trop long"))
}

/// A time to connect in: at least a millisecond.
pub fn parse_positive_duration(text: &str) -> Result<Duration, Words> {
    match parse_duration(text)? {
        time if time < Duration::from_millis(1) => {
            Err(words!("`{text}` is too short: use at least 1ms", "« {text} » est trop court : donner au moins 1ms"))
        }
        time => Ok(time),
    }
}

/// At least one.
pub fn parse_count(text: &str) -> Result<usize, Words> {
    match text.trim().parse() {
        Ok(0) | Err(_) => {
            Err(words!("`{text}` is not a number from 1 up", "« {text} » n'est pas un nombre, 1 ou plus"))
        }
        Ok(count) => Ok(count),
    }
}

/// None is a number too.
pub fn parse_number(text: &str) -> Result<usize, Words> {
    text.trim()
        .parse()
        .map_err(|_| words!("`{text}` is not a number from 0 up", "« {text} » n'est pas un nombre, 0 ou plus"))
}

/// A context length.
pub fn parse_tokens(text: &str) -> Result<u32, Words> {
    match text.trim().parse() {
        Ok(0) | Err(_) => Err(words!(
            "`{text}` is not a number of tokens: use 32768 or the like",
            "« {text} » n'est pas un nombre de tokens : donner par exemple 32768"
        )),
        Ok(tokens) => Ok(tokens),
    }
}

/// `33554432`, `32M`, `32MiB` or `32MB`, with the units of the GNU core utilities: MB are millions, M and MiB are not.
pub fn parse_size(text: &str) -> Result<usize, Words> {
    match parse_space(text)? {
        0 => {
            let text = text.trim();
            Err(words!(
                "`{text}` leaves no room for a request: use 32M or the like",
                "« {text} » ne laisse aucune place à une requête : donner par exemple 32M"
            ))
        }
        size => Ok(size),
    }
}

/// The same; none is a size, too.
pub fn parse_space(text: &str) -> Result<usize, Words> {
    let text = text.trim();
    let wrong = || {
        words!(
            "`{text}` is not a size: use 33554432, 32M or 32MiB",
            "« {text} » n'est pas une taille : donner 33554432, 32M ou 32MiB"
        )
    };
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit: usize = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(wrong()),
    };
    let size = number.parse::<usize>().map_err(|_| wrong())?.checked_mul(unit);
    size.ok_or_else(|| words!("`{text}` is too large", "« {text} » est trop grand"))
}

/// `IDLE/INTERVAL/COUNT`; the times in whole seconds, as the kernel takes them (tcp(7): up to 32767 s and 127 probes).
pub fn parse_keepalive(text: &str) -> Result<Keepalive, Words> {
    let wrong = || {
        words!(
            "`{text}` is not IDLE/INTERVAL/COUNT: use 15/5/3 (seconds, seconds, probes)",
            "« {text} » n'est pas de la forme IDLE/INTERVAL/COUNT : donner 15/5/3 (secondes, secondes, sondes)"
        )
    };
    let mut parts = text.trim().split('/');
    let mut next = |most: u32| -> Result<u32, Words> {
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

/// The one of these words that was most likely meant. None where none is like it.
pub fn nearest_of<'a>(words: impl IntoIterator<Item = &'a str>, unknown: &str) -> Option<&'a str> {
    let likeness = |word: &str| strsim::jaro_winkler(word, unknown);
    let nearest = words.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|word| likeness(word) > 0.7)
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
    fn sizes_are_read_with_their_units() {
        for (text, size) in [
            ("33554432", 33_554_432),
            ("32MiB", 33_554_432),
            ("32M", 33_554_432),
            ("32 mib", 33_554_432),
            ("32MB", 32_000_000),
            ("1k", 1024),
            ("1kB", 1000),
            ("2g", 2 << 30),
            ("5B", 5),
        ] {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for wrong in ["", "M", "0", "0M", "-1", "1.5M", "32 megs", "32MM", "99999999999999999999", "99999999999999G"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_context_length_is_a_number_of_tokens() {
        assert_eq!(parse_tokens("8192"), Ok(8192));
        for wrong in ["", "0", "8k", "-1", "8192.5", "5000000000"] {
            assert!(parse_tokens(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keepalive_is_three_numbers() {
        assert_eq!(parse_keepalive("15/5/3"), Ok(Keepalive::default()));
        for wrong in ["15", "15/5", "0/5/3", "15/5/0", "15/5/3/1", "15/5/200", "a/b/c"] {
            assert!(parse_keepalive(wrong).is_err(), "{wrong}");
        }
    }
}
