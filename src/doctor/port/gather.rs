//! Finds out who has the port, and asks our own forwards.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{Holder, Port};
use crate::doctor::Fact;
use crate::net::owner::{Listening, kept_alive, listeners_on};
use crate::status;
use crate::words;

/// What has to be told.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Where a forward listens, or would.
    pub listen: Vec<SocketAddr>,
    /// Where the status sockets are.
    pub directory: Option<PathBuf>,
}

/// Blocks: a forward that hangs is waited for, for two seconds.
pub fn gather(ask: &Ask) -> Port {
    let is_ours = |address: SocketAddr| ask.listen.iter().any(|listen| listen.port() == address.port());
    let (forwards, stale_sockets) = forwards(ask.directory.as_deref());
    let upstream = forwards.iter().find_map(|report| report.upstream.as_deref()?.parse().ok());
    Port {
        listen: ask.listen.clone(),
        holders: known(listeners_on(is_ours)).map(|all| all.iter().map(holder).collect()),
        forwards,
        stale_sockets,
        linux_ollama: known(listeners_on(|_| true))
            .map(|all| all.iter().filter(|one| is_ollama(one)).map(holder).collect()),
        keepalive: match upstream {
            Some(upstream) => known(kept_alive(upstream)),
            None => Fact::Unknown(words!("no forward runs", "aucun relais ne tourne")),
        },
    }
}

fn known<T>(asked: io::Result<T>) -> Fact<T> {
    match asked {
        Ok(value) => Fact::Known(value),
        Err(error) => Fact::Unknown(words!("the kernel did not tell: {error}", "le noyau ne l'a pas dit : {error}")),
    }
}

/// The forwards that answer, and the sockets of those that do not.
fn forwards(directory: Option<&Path>) -> (Vec<status::Report>, Vec<PathBuf>) {
    let (mut running, mut stale) = (Vec::new(), Vec::new());
    for (socket, report) in directory.map(|directory| status::look(directory, None)).unwrap_or_default() {
        match report {
            Some(report) => running.push(report),
            None => stale.push(socket),
        }
    }
    (running, stale)
}

fn holder(listening: &Listening) -> Holder {
    let Listening { address, owner } = listening;
    let process = owner.process.as_ref();
    Holder {
        port: address.port(),
        address: address.to_string(),
        user: owner.user(),
        pid: process.map(|process| process.pid),
        name: process.map(|process| process.name.clone()),
        command: process.map(|process| process.command.clone()).filter(|command| !command.is_empty()),
    }
}

fn is_ollama(listening: &Listening) -> bool {
    listening.owner.process.as_ref().is_some_and(|process| process.name == "ollama")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    #[test]
    fn the_holder_of_a_port_is_told_with_its_command() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let port = gather(&Ask { listen: vec![ours], directory: None });
        let holders = port.holders.known().unwrap();
        let [holder] = holders.as_slice() else { panic!("{holders:?}") };
        assert_eq!(
            (holder.port, holder.address.as_str(), holder.pid),
            (ours.port(), &*ours.to_string(), Some(std::process::id()))
        );
        assert!(holder.command.as_ref().unwrap().contains("ollama_forward"));
    }

    #[test]
    fn sockets_of_the_dead_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("11434.sock");
        drop(UnixListener::bind(&socket).unwrap());
        let port = gather(&Ask { listen: Vec::new(), directory: Some(directory.path().to_owned()) });
        assert_eq!((port.forwards, port.stale_sockets), (Vec::new(), vec![socket]));
    }
}
