//! The facts of a whole machine on which all is well, for tests that break one thing at a time.

use std::net::SocketAddr;

use super::{Config, read};
use crate::doctor::ollama::{Loaded, Model, Ollama};
use crate::doctor::{Fact, Facts, network, port, service, system};

pub(crate) fn healthy() -> Facts {
    Facts {
        system: system::healthy(),
        network: network::healthy(),
        port: port::healthy(),
        ollama: ollama(),
        codex: super::healthy(),
        service: service::healthy(),
        ..Facts::default()
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
