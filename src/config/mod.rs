//! What was meant: flags, environment and files become one [`Config`]. Pure: texts in, values out.
//!
//! ```text
//! flag > OLLAMA_FORWARD_* > user file > /etc > default
//! ```

mod file;
pub mod held;
pub mod keys;
pub mod lines;
mod parse;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::bridge::settings::{self, Settings};
use crate::capture;
use crate::fault::{Fault, FaultId};
use crate::log::Wishes;
use crate::net::listen::leads_to;
use crate::net::options::{Keepalive, SocketPolicy};
use crate::words;

pub use file::{mended, parse_file};
pub use parse::{
    nearest_of, parse_count, parse_duration, parse_keepalive, parse_number, parse_port, parse_positive_duration,
    parse_size, parse_space, parse_tokens,
};

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
    /// Counts where it translates, or something is captured; else bytes are forwarded as they are.
    pub bridge: Settings,
    pub capture: capture::Settings,
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
    pub bridge: settings::Wishes,
    pub capture: capture::settings::Wishes,
    /// The key of something that was typed and does nothing without `translate`.
    pub needs_translate: Option<&'static str>,
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
            bridge: self.bridge.over(below.bridge),
            capture: self.capture.over(below.capture),
            needs_translate: self.needs_translate.or(below.needs_translate),
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
            bridge: self.bridge.settings(),
            capture: self.capture.settings(),
            root,
        };
        // In a file or in the environment it is a setting that waits to be of use; typed, it is a mistake.
        if let (false, Some(key)) = (config.bridge.translate, self.needs_translate) {
            let option = key.replace('_', "-");
            let what = words!(
                "--{option} does nothing without --translate: add that",
                "--{option} ne fait rien sans --translate : l'ajouter"
            );
            return Err(Fault::new(FaultId::Usage, what));
        }
        config.check_for_loop()?;
        Ok(config)
    }
}

impl Config {
    fn check_for_loop(&self) -> Result<(), Fault> {
        let Upstream::Address(upstream) = self.upstream else { return Ok(()) };
        match self.listen.iter().find(|listen| leads_to(upstream, **listen)) {
            Some(listen) => {
                let what = words!(
                    "the upstream {upstream} is the address {listen} that this forwarder listens on",
                    "la cible {upstream} est l'adresse {listen} sur laquelle ce relais écoute"
                );
                Err(Fault::new(FaultId::UpstreamLoop, what))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_needs_the_bridge_is_a_mistake_without_it() {
        let typed = Layer { needs_translate: Some("num_ctx"), ..Layer::default() };
        let fault = typed.clone().finish("/".into()).unwrap_err();
        assert_eq!(
            (fault.id, fault.what.en.as_str()),
            (FaultId::Usage, "--num-ctx does nothing without --translate: add that")
        );
        let bridge = settings::Wishes { translate: Some(true), ..settings::Wishes::default() };
        let file = Layer { bridge, ..Layer::default() };
        assert_eq!(typed.over(file).finish("/".into()).unwrap().bridge, Settings::default());
    }

    #[test]
    fn the_same_listener_twice_is_one() {
        let twice = vec!["127.0.0.1".parse().unwrap(), "localhost:11434".parse().unwrap()];
        let config = Layer { listen: Some(twice), ..Layer::default() }.finish("/".into()).unwrap();
        assert_eq!(config.listen.len(), 1);
    }
}
