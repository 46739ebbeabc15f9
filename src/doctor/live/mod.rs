//! A live test through the forward: the one that runs, or one that is started for the test.

pub mod checks;
pub mod gather;
mod own;
mod stream;
mod tools;

use std::net::SocketAddr;

use serde::Serialize;

use crate::bridge::catalog::is_same_model;
use crate::doctor::ollama::Model;
use crate::doctor::{Fact, Facts};
use crate::words::Words;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Live {
    /// Where the test went in. None: it did not take place.
    pub through: Option<Through>,
    pub small: Fact<Small>,
    pub stream: Fact<Stream>,
    pub large: Fact<Large>,
    /// A tool call through the bridge and back.
    pub tools: Fact<Tools>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Through {
    /// The forward that runs.
    Running(SocketAddr),
    /// One of our own, for the test only.
    Started(SocketAddr),
    /// Localhost is Windows: nothing is forwarded.
    Direct(SocketAddr),
}

/// `GET /api/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Small {
    pub took_us: u64,
    /// What went wrong, where something did.
    pub error: Option<Words>,
}

/// A streamed answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stream {
    /// The model that spoke; None: the list of models was read piece by piece.
    pub model: Option<String>,
    /// To the first piece.
    pub first_ms: u64,
    pub pieces: u64,
    pub bytes: u64,
    /// The longest silence between two pieces.
    pub longest_gap_ms: u64,
    pub took_ms: u64,
    /// For how long the model spoke, as Ollama counts it.
    pub spoke_ms: Option<u64>,
    /// It came to its end: the last chunk, the last record.
    pub whole: bool,
    /// What went wrong, where something did.
    pub error: Option<Words>,
}

/// A large request: what an MTU black hole swallows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Large {
    /// The size of the request's body, in bytes.
    pub sent: u64,
    pub took_ms: u64,
    /// The connection stood, and no answer came.
    pub stalled: bool,
    /// What went wrong otherwise, where something did.
    pub error: Option<Words>,
}

/// A question with one tool, its call, its result, and the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tools {
    /// The model that was asked; None: the built-in demo.
    pub model: Option<String>,
    /// The tool was called with arguments that fit.
    pub called: bool,
    /// The answer used what the tool gave.
    pub answered: bool,
    /// What came instead, where something else came.
    pub instead: Option<Words>,
}

/// The model that a test should ask, where none was named: the one that Codex is set to, one that is loaded already, one
/// that can use tools, or any. None: there is none that answers text.
pub fn choose_model(facts: &Facts) -> Option<String> {
    let models = facts.ollama.models.known()?;
    let codex = facts.codex.config.known().and_then(|config| config.model.as_deref());
    let loaded = facts.ollama.loaded.known().map_or(&[][..], Vec::as_slice);
    let is_loaded = |model: &Model| loaded.iter().any(|one| is_same_model(&one.name, &model.name));
    let rank = |model: &&Model| {
        let codex = codex.is_some_and(|name| is_same_model(name, &model.name));
        let tools = model.tools == Some(true);
        (codex, tools && is_loaded(model), is_loaded(model), tools)
    };
    // Of equals, `max_by_key` takes the last; the first is the one that changed last.
    let best = models.iter().rev().filter(|model| model.talks()).max_by_key(rank);
    best.map(|model| model.name.clone())
}

/// What the test shows where all is well.
#[cfg(test)]
pub(crate) fn healthy() -> Live {
    let stream = Stream {
        first_ms: 4,
        pieces: 1,
        bytes: 1_400,
        longest_gap_ms: 0,
        took_ms: 4,
        whole: true,
        ..Stream::default()
    };
    Live {
        through: Some(Through::Running(([127, 0, 0, 1], 11434).into())),
        small: Fact::Known(Small { took_us: 1_200, error: None }),
        stream: Fact::Known(stream),
        large: Fact::Known(Large { sent: 262_144, took_ms: 9, stalled: false, error: None }),
        tools: Fact::Known(Tools { model: None, called: true, answered: true, instead: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::doctor::codex::Config;
    use crate::doctor::ollama::{self, Loaded};

    /// Models with what makes them different: `L` loaded, `T` tools, `E` embeddings only, `C` the one of Codex.
    #[track_caller]
    fn check(models: &[(&str, &str)], chosen: Option<&str>) {
        let mut facts = Facts::default();
        let model = |(name, marks): &(&str, &str)| Model {
            name: (*name).into(),
            tools: Some(marks.contains('T')),
            completion: Some(!marks.contains('E')),
            ..Model::default()
        };
        let healthy = ollama::healthy().loaded.known().unwrap()[0].clone();
        let loaded = models.iter().filter(|(_, marks)| marks.contains('L'));
        let loaded = loaded.map(|(name, _)| Loaded { name: (*name).into(), ..healthy.clone() });
        facts.ollama.loaded = Fact::Known(loaded.collect());
        facts.ollama.models = Fact::Known(models.iter().map(model).collect());
        let codex = models.iter().find(|(_, marks)| marks.contains('C')).map(|(name, _)| (*name).to_owned());
        facts.codex.config = Fact::Known(Config { model: codex, ..Config::default() });
        assert_eq!(choose_model(&facts).as_deref(), chosen, "{models:?}");
    }

    #[test]
    fn the_model_that_is_asked_is_the_one_that_would_be_used() {
        check(&[("a", ""), ("b", "T"), ("c", "TL"), ("d", "C")], Some("d"));
        check(&[("a", ""), ("b", "L"), ("c", "TL"), ("d", "T")], Some("c"));
        check(&[("a", "T"), ("b", "L")], Some("b"));
        check(&[("a", ""), ("b", "T"), ("c", "T")], Some("b"));
        check(&[("a", "EL"), ("b", "")], Some("b"));
        check(&[("a", "E")], None);
        check(&[], None);
    }

    #[test]
    fn without_a_list_there_is_no_model() {
        assert_eq!(choose_model(&Facts::default()), None);
    }
}
