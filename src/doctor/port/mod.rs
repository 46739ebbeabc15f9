//! The port on our side: who has it, and what our own forwards say of themselves.

pub mod checks;
pub mod gather;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use crate::doctor::Fact;
use crate::status::Report;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Port {
    /// Where a forward listens, or would.
    pub listen: Vec<SocketAddr>,
    /// Who listens on these ports now.
    pub holders: Fact<Vec<Holder>>,
    /// What our forwards tell.
    pub forwards: Vec<Report>,
    /// Sockets of forwards that have died.
    pub stale_sockets: Vec<PathBuf>,
    /// Ollama runs in Linux, too: its processes.
    pub linux_ollama: Fact<Vec<Holder>>,
    /// Keepalive of our own connections to the upstream, as the kernel has it: the number with, and without.
    pub keepalive: Fact<(usize, usize)>,
}

/// Who listens on a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    pub port: u16,
    /// Addresses as the kernel has them, such as `[::ffff:127.0.0.1]:11434`.
    pub address: String,
    pub user: String,
    /// None where we may not see it.
    pub pid: Option<u32>,
    pub name: Option<String>,
    pub command: Option<String>,
}

impl Port {
    /// The forward that listens on the port that is asked about.
    pub fn forward(&self) -> Option<&Report> {
        let wanted = |listen: &str| {
            let address: Option<SocketAddr> = listen.parse().ok();
            address.is_some_and(|address| self.listen.iter().any(|ours| ours.port() == address.port()))
        };
        self.forwards.iter().find(|report| report.listen.iter().any(|listen| wanted(listen)))
    }
}

#[cfg(test)]
pub(crate) fn healthy() -> Port {
    let holder = Holder {
        port: 11434,
        address: "[::ffff:127.0.0.1]:11434".into(),
        user: "me".into(),
        pid: Some(42),
        name: Some("ollama-forward".into()),
        command: Some("ollama-forward --translate".into()),
    };
    Port {
        listen: vec!["127.0.0.1:11434".parse().unwrap()],
        holders: Fact::Known(vec![holder]),
        forwards: vec![Report::example()],
        stale_sockets: Vec::new(),
        linux_ollama: Fact::Known(Vec::new()),
        keepalive: Fact::Known((1, 0)),
    }
}
