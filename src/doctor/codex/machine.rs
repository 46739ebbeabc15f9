//! The facts of a whole machine on which all is well, for tests that break one thing at a time.

use std::net::SocketAddr;

use super::{Config, read};
use crate::doctor::ollama::{Loaded, Model, Ollama};
use crate::doctor::port::Port;
use crate::doctor::system::System;
use crate::doctor::{Fact, Facts};
use crate::gateway::wsl::Mode;
use crate::gateway::{Address, Link, Snapshot};
use crate::status::{Bytes, Connections, Report, State};

pub(crate) fn healthy() -> Facts {
    let snapshot = Snapshot {
        links: vec![Link { index: 2, name: "eth0".into(), hyperv: true, up: true }],
        addresses: vec![Address { link: 2, ip: [172, 24, 3, 7].into(), prefix: 20 }],
        ..Snapshot::default()
    };
    let mut facts = Facts {
        system: System { mode: Fact::Known(Mode::Nat), has_systemd: Fact::Known(true), ..System::default() },
        port: Port { listen: vec!["127.0.0.1:11434".parse().unwrap()], forwards: vec![report()], ..Port::default() },
        ollama: ollama(),
        codex: super::healthy(),
        service: crate::doctor::service::healthy(),
        ..Facts::default()
    };
    facts.network.snapshot = Fact::Known(snapshot);
    facts
}

fn report() -> Report {
    Report {
        pid: 42,
        version: env!("CARGO_PKG_VERSION").into(),
        listen: vec!["127.0.0.1:11434".into()],
        translate: true,
        mode: Some("nat".into()),
        upstream: Some("172.24.0.1:11434".into()),
        state: State::Up,
        how: "default gateway of eth0 (WSL NAT)".into(),
        ollama: Some("0.33.0".into()),
        error: None,
        uptime_ms: 60_000,
        changed_ms_ago: 60_000,
        connections: Connections { open: 0, total: 3, failed: 0, refused: 0 },
        bytes: Bytes { sent: 1, received: 1 },
    }
}

fn ollama() -> Ollama {
    let model = |name: &str, tools| Model {
        name: name.into(),
        tools: Some(tools),
        completion: Some(true),
        trained_context: Some(40_960),
        ..Model::default()
    };
    let loaded = Loaded { name: "qwen3:14b".into(), context: Some(32_768), size: None, size_vram: None };
    Ollama {
        version: Fact::Known("0.33.0".into()),
        models: Fact::Known(vec![model("gemma3:12b", false), model("qwen3:14b", true)]),
        loaded: Fact::Known(vec![loaded]),
        ..Ollama::default()
    }
}

/// Another `config.toml`.
pub(crate) fn config(facts: &mut Facts, text: &str) {
    let path = facts.codex.home.as_ref().map(|home| home.join("config.toml"));
    facts.codex.config = Fact::Known(Config { path, ..read::config(text) });
}

/// A profile beside it.
pub(crate) fn profile(facts: &mut Facts, name: &str, text: &str) {
    let config = Config { path: facts.codex.profile_path(name), ..read::config(text) };
    facts.codex.profiles.push(super::Profile { name: name.into(), config });
}

pub(crate) fn version(facts: &mut Facts, version: &str) {
    let Fact::Known(Some(program)) = &mut facts.codex.program else { panic!("no program") };
    program.version = Fact::Known(version.into());
}

pub(crate) fn model<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Model {
    let Fact::Known(models) = &mut facts.ollama.models else { panic!("no models") };
    models.iter_mut().find(|model| model.name == name).unwrap()
}

/// The context that is in memory.
pub(crate) fn loaded(facts: &mut Facts, context: u64) {
    let Fact::Known(loaded) = &mut facts.ollama.loaded else { panic!("nothing loaded") };
    loaded[0].context = Some(context);
}

/// The forward listens elsewhere.
pub(crate) fn listen(facts: &mut Facts, address: &str) {
    facts.port.listen = vec![address.parse::<SocketAddr>().unwrap()];
    facts.port.forwards[0].listen = vec![address.into()];
}
