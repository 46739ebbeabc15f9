//! Machines for tests: one where all is well, and what may be different about it.

use std::net::SocketAddr;

use crate::doctor::codex::{Config, Program};
use crate::doctor::network::{self, Network, Target, TriedHow};
use crate::doctor::ollama::{self, Model};
use crate::doctor::port::Port;
use crate::doctor::windows::{Variable, Windows};
use crate::doctor::{Fact, Facts};
use crate::gateway::Refusal;
use crate::gateway::wsl::Mode;
use crate::status::Report;

/// WSL in NAT mode, where Ollama answers on Windows.
pub(crate) fn working() -> Facts {
    let mut facts = Facts { ollama: ollama::healthy(), network: network(Ok("0.33.0".into())), ..Facts::default() };
    facts.system.mode = Fact::Known(Mode::Nat);
    facts
}

/// The same, where this came of the address of Windows.
pub(crate) fn refused(refusal: Refusal, took_ms: u64) -> Facts {
    let mut facts = Facts { network: network(Err(refusal)), ..Facts::default() };
    facts.network.tried[0].took_ms = took_ms;
    facts.system.mode = Fact::Known(Mode::Nat);
    facts
}

fn network(answer: Result<String, Refusal>) -> Network {
    let mut network = network::healthy();
    network.tried[0].answer = answer;
    network.neighbours = Fact::default();
    network
}

/// Localhost is Windows.
pub(crate) fn mirrored(mut facts: Facts) -> Facts {
    facts.system.mode = Fact::Known(Mode::Mirrored);
    facts.network.target = Some(Target::Localhost { port: 11434 });
    facts.network.tried[0].address = ([127, 0, 0, 1], 11434).into();
    facts.network.tried[0].how = TriedHow::Localhost;
    facts
}

/// The user has named a place in the LAN, on a Linux that is not WSL.
pub(crate) fn named_elsewhere(facts: Facts) -> Facts {
    let mut facts = named(facts, ([192, 168, 1, 20], 11434).into());
    facts.system.mode = Fact::Known(Mode::Linux);
    facts
}

/// The user has named this place.
pub(crate) fn named(mut facts: Facts, address: SocketAddr) -> Facts {
    facts.network.target = Some(Target::Named { name: address.to_string() });
    facts.network.tried[0].address = address;
    facts.network.tried[0].how = TriedHow::Named;
    facts
}

/// Windows tells this, too.
pub(crate) fn windows(mut facts: Facts, change: impl FnOnce(&mut Windows)) -> Facts {
    let mut windows = facts.windows.known().cloned().unwrap_or_default();
    change(&mut windows);
    facts.windows = Fact::Known(windows);
    facts
}

/// Variables on Windows: name, value, and whether they are the machine's.
pub(crate) fn windows_variables(facts: Facts, variables: &[(&str, &str, bool)]) -> Facts {
    let variable = |&(name, value, of_machine): &(&str, &str, bool)| Variable {
        name: name.into(),
        value: value.into(),
        of_machine,
    };
    windows(facts, |windows| windows.variables = Fact::Known(variables.iter().map(variable).collect()))
}

/// There is no Codex here.
pub(crate) fn codex_is_missing(mut facts: Facts) -> Facts {
    facts.codex.program = Fact::Known(None);
    facts
}

/// Codex is there, and set to this model.
pub(crate) fn codex_uses(mut facts: Facts, model: &str) -> Facts {
    let version = Fact::Known("0.169.0".into());
    facts.codex.program =
        Fact::Known(Some(Program { path: "/usr/bin/codex".into(), version, of_windows: false, behind: None }));
    facts.codex.config = Fact::Known(Config { model: Some(model.into()), ..Config::default() });
    facts
}

/// A forward runs, and translates or not.
pub(crate) fn forward_translates(mut facts: Facts, translate: bool) -> Facts {
    let report = Report { translate, ..Report::example() };
    facts.port = Port { listen: vec![([127, 0, 0, 1], 11434).into()], forwards: vec![report], ..Port::default() };
    facts
}

/// A model that can do what qwen3:14b can.
pub(crate) fn model(name: &str) -> Model {
    let healthy = ollama::healthy().models;
    Model { name: name.into(), ..healthy.known().unwrap()[0].clone() }
}
