//! What capture may be told (`--capture` and its options). Values only: where they come from is `config`'s business.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::words;
use crate::words::Words;

/// How exchanges are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Exchanges are kept from the start; else from `capture on`.
    pub on: bool,
    /// None: the default place, which `app` knows.
    pub dir: Option<PathBuf>,
    /// Where the page is; None: there is none.
    pub inspect: Option<SocketAddr>,
    /// That address was asked for; the usual one may be replaced by another when it is taken.
    pub inspect_was_named: bool,
    /// The four files of `codex_capture` are kept here, too.
    pub compat: Option<PathBuf>,
    pub limits: Limits,
    /// Secrets in bodies stay as they are. Those in headers never do.
    pub raw_bodies: bool,
    /// Only exchanges that match one of these, if there are any; and none that matches one of those.
    pub only: Vec<String>,
    pub except: Vec<String>,
}

/// The page's address (the one that people know from `codex_capture`).
pub const INSPECT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5001);

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All sessions together, on disk.
    pub size: u64,
    /// Sessions whose last exchange is older go.
    pub age: Duration,
    /// Of one body, in bytes; the rest is counted only.
    pub body: usize,
    /// Capture pauses when the disk has less free than this.
    pub free: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A month of daily use, by the figures of the README.
            size: 256 << 20,
            age: Duration::from_secs(14 * 24 * 60 * 60),
            // A conversation with images is some megabytes.
            body: 16 << 20,
            free: 1 << 30,
        }
    }
}

/// `--capture[=DIR]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureTo {
    Off,
    /// To the usual place.
    On,
    Dir(PathBuf),
}

/// `--inspect[=ADDR]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InspectAt {
    Off,
    /// At the usual place.
    On,
    Address(SocketAddr),
}

/// The words by which the environment and files say yes and no; the same as those of clap's boolish values.
fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" | "t" => Some(true),
        "false" | "no" | "off" | "0" | "n" | "f" => Some(false),
        _ => None,
    }
}

impl FromStr for CaptureTo {
    type Err = Words;

    fn from_str(text: &str) -> Result<Self, Words> {
        match yes_or_no(text) {
            Some(true) => Ok(Self::On),
            Some(false) => Ok(Self::Off),
            None if text.is_empty() => {
                Err(words!("a directory is missing after `=`", "il manque un répertoire après `=`"))
            }
            None => Ok(Self::Dir(text.into())),
        }
    }
}

impl FromStr for InspectAt {
    type Err = Words;

    fn from_str(text: &str) -> Result<Self, Words> {
        if let Some(yes) = yes_or_no(text) {
            return Ok(if yes { Self::On } else { Self::Off });
        }
        let wrong = || {
            words!(
                "`{text}` is not an address: use 127.0.0.1:5001, a port, or off",
                "« {text} » n'est pas une adresse : donner 127.0.0.1:5001, un port, ou off"
            )
        };
        if let Ok(port) = text.parse::<u16>() {
            return if port == 0 { Err(wrong()) } else { Ok(Self::Address(SocketAddr::new(INSPECT.ip(), port))) };
        }
        let ip = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, INSPECT.port()));
        let named = text.strip_prefix("localhost").and_then(|rest| match rest {
            "" => Some(INSPECT),
            rest => Some(SocketAddr::new(INSPECT.ip(), rest.strip_prefix(':')?.parse().ok()?)),
        });
        text.parse().or_else(|_| ip()).or_else(|_| named.ok_or_else(wrong)).map(Self::Address)
    }
}

/// One layer of what was asked of capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub capture: Option<CaptureTo>,
    pub inspect: Option<InspectAt>,
    pub max_size: Option<usize>,
    pub max_age: Option<Duration>,
    pub max_body: Option<usize>,
    pub min_free: Option<usize>,
    pub raw: Option<bool>,
    pub only: Option<Vec<String>>,
    pub except: Option<Vec<String>>,
    pub compat: Option<PathBuf>,
}

impl Wishes {
    /// What this layer leaves open is taken from `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            capture: self.capture.or(below.capture),
            inspect: self.inspect.or(below.inspect),
            max_size: self.max_size.or(below.max_size),
            max_age: self.max_age.or(below.max_age),
            max_body: self.max_body.or(below.max_body),
            min_free: self.min_free.or(below.min_free),
            raw: self.raw.or(below.raw),
            only: self.only.or(below.only),
            except: self.except.or(below.except),
            compat: self.compat.or(below.compat),
        }
    }

    /// What was meant. Files of `codex_capture` are kept only while something is captured, so they ask for that, too.
    pub fn settings(self) -> Settings {
        let usual = Limits::default();
        let (on, dir) = match self.capture {
            Some(CaptureTo::Off) => (false, None),
            None => (self.compat.is_some(), None),
            Some(CaptureTo::On) => (true, None),
            Some(CaptureTo::Dir(dir)) => (true, Some(dir)),
        };
        let inspect = match self.inspect {
            Some(InspectAt::Off) => None,
            Some(InspectAt::On) => Some(INSPECT),
            Some(InspectAt::Address(address)) => Some(address),
            None => on.then_some(INSPECT),
        };
        let bytes = |size: Option<usize>, usual: u64| size.map_or(usual, |size| size as u64);
        Settings {
            on,
            dir,
            inspect,
            inspect_was_named: matches!(self.inspect, Some(InspectAt::Address(_))),
            compat: self.compat,
            limits: Limits {
                size: bytes(self.max_size, usual.size),
                age: self.max_age.unwrap_or(usual.age),
                body: self.max_body.unwrap_or(usual.body),
                free: bytes(self.min_free, usual.free),
            },
            raw_bodies: self.raw == Some(true),
            only: self.only.unwrap_or_default(),
            except: self.except.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn inspect(text: &str, expected: Option<InspectAt>) {
        assert_eq!(text.parse().ok(), expected, "{text}");
    }

    #[test]
    fn the_page_may_be_elsewhere() {
        let at = |address: &str| Some(InspectAt::Address(address.parse().unwrap()));
        inspect("true", Some(InspectAt::On));
        inspect("off", Some(InspectAt::Off));
        inspect("5002", at("127.0.0.1:5002"));
        inspect("127.0.0.2", at("127.0.0.2:5001"));
        inspect("localhost:80", at("127.0.0.1:80"));
        inspect("[::1]:9", at("[::1]:9"));
        for wrong in ["", "65536", "here", "localhost:x", "http://127.0.0.1:5001"] {
            inspect(wrong, None);
        }
    }

    #[test]
    fn a_word_of_consent_is_no_directory() {
        assert_eq!("yes".parse(), Ok(CaptureTo::On));
        assert_eq!("0".parse(), Ok(CaptureTo::Off));
        assert_eq!("./yes".parse(), Ok(CaptureTo::Dir("./yes".into())));
        assert!("".parse::<CaptureTo>().is_err());
    }

    #[test]
    fn capture_brings_its_page_unless_told_otherwise() {
        let capture = |capture, inspect| Wishes { capture, inspect, ..Wishes::default() }.settings();
        let nothing = capture(None, None);
        assert_eq!((nothing.on, nothing.inspect), (false, None));
        let both = capture(Some(CaptureTo::On), None);
        assert_eq!((both.on, both.inspect), (true, Some(INSPECT)));
        let silent = capture(Some(CaptureTo::On), Some(InspectAt::Off));
        assert_eq!((silent.on, silent.inspect), (true, None));
        let page = capture(None, Some(InspectAt::On));
        assert_eq!((page.on, page.inspect), (false, Some(INSPECT)));
    }

    #[test]
    fn a_layer_wins_over_the_one_below() {
        let over = Wishes { capture: Some(CaptureTo::Off), ..Wishes::default() };
        let below = Wishes { capture: Some(CaptureTo::On), max_size: Some(1), ..Wishes::default() };
        assert_eq!(over.over(below), Wishes { capture: Some(CaptureTo::Off), max_size: Some(1), ..Wishes::default() });
    }
}
