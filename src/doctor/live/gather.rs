//! Tests the forward: the one that runs, or one of our own, or localhost where that is Windows. All at once where that costs a
//! model nothing; with `--stream-test`, a model is asked once and again.
//!
//! ```text
//! start what is needed ─► small ┐
//!                         large ├─ side by side ─► stop what was started ─► Live
//!               stream, tools ──┘
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::own::{Own, OwnDemo, Plan};
use super::stream::{self, Source, ms, refusal};
use super::{Large, Live, Small, Stream, Through, Tools, tools};
use crate::bridge::settings::Settings;
use crate::clock;
use crate::doctor::Fact;
use crate::doctor::http::{Broke, Place, Question, ask};
use crate::doctor::ollama::Api;
use crate::net::listen::BindError;
use crate::net::options::SocketPolicy;
use crate::words;
use crate::words::Words;

/// What is tested, and how.
#[derive(Clone, Debug)]
pub struct Ask {
    pub via: Via,
    /// What the upstream speaks.
    pub api: Api,
    /// Whether somebody wants the bridge, and how it is set. None: no tool call is tested. A running forward that translates
    /// counts as wanted, whatever stands here.
    pub translate: Option<Settings>,
    /// `--stream-test`: a model that is really asked, which may have to be loaded.
    pub model: Option<String>,
    pub policy: SocketPolicy,
    /// One attempt to connect, of a forward of our own.
    pub connect_time: Duration,
    /// This is WSL: what we listen on for a moment must not be copied to Windows.
    pub hide_from_windows: bool,
    pub times: Times,
}

impl Ask {
    fn plan(&self, upstream: SocketAddr, bridge: Option<Settings>) -> Plan {
        let Self { policy, connect_time, hide_from_windows, .. } = *self;
        Plan { upstream, bridge, policy, connect_time, hide_from_windows }
    }
}

/// The way in.
#[derive(Clone, Debug)]
pub enum Via {
    /// A forward runs.
    Running { address: SocketAddr, translates: bool, upstream_is_demo: bool },
    /// None runs: one of our own goes to this address.
    Own(SocketAddr),
    /// None runs, and the upstream is the built-in demo.
    OwnDemo,
    /// Localhost is Windows.
    Direct(SocketAddr),
}

#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub small: Duration,
    /// For what is streamed without a model of the user's: the list of models, or the demo.
    pub list: Duration,
    pub large: Duration,
    /// For a tool call of the demo and back.
    pub demo: Duration,
    /// For each answer of the model of `--stream-test`.
    pub model: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            small: Duration::from_secs(2),
            list: Duration::from_secs(3),
            // Retransmissions of what a black hole has swallowed come after 0.2, 0.6, 1.4 and 3 s.
            large: Duration::from_secs(3),
            demo: Duration::from_secs(3),
            // Ollama gives a load up after so long without progress (`ollama-server` A5).
            model: Duration::from_secs(300),
        }
    }
}

/// How long the model of `--stream-test` has been working; told once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It says nothing yet: it is being loaded, or reads.
    Waiting(Duration),
    Speaking(Duration),
}

/// Tests all that was asked for. `progress` hears of what takes long.
pub async fn gather(ask: &Ask, progress: &(dyn Fn(Progress) + Sync)) -> Live {
    let stage = match Stage::set(ask) {
        Ok(stage) => stage,
        Err(error) => {
            let why = words!(
                "no forward could be started for the test: {error}",
                "aucun relais n'a pu être lancé pour l'essai : {error}"
            );
            return Live { through: None, ..nothing(&why) };
        }
    };
    let place = Place::found(stage.address(), ask.policy);
    let spoken = async {
        let (stream, tools) = (listen(ask, &place, progress), call_a_tool(ask, &stage, &place));
        // A model answers one request at a time, so the second would only wait for the first.
        if ask.model.is_some() { (stream.await, tools.await) } else { tokio::join!(stream, tools) }
    };
    let (small, large, (stream, tools)) =
        tokio::join!(small(&place, ask.times.small), large(&place, ask.times.large), spoken);
    let through = stage.through.clone();
    stage.clear().await;
    Live {
        through: Some(through),
        small: Fact::Known(small),
        stream: Fact::Known(stream),
        large: Fact::Known(large),
        tools,
    }
}

fn nothing(why: &Words) -> Live {
    Live {
        through: None,
        small: Fact::Unknown(why.clone()),
        stream: Fact::Unknown(why.clone()),
        large: Fact::Unknown(why.clone()),
        tools: Fact::Unknown(why.clone()),
    }
}

/// Everything that runs for the test.
struct Stage {
    through: Through,
    forward: Option<Own>,
    /// The upstream, where it is a demo of our own.
    _demo: Option<OwnDemo>,
}

impl Stage {
    fn set(ask: &Ask) -> Result<Self, BindError> {
        let own = |upstream| {
            let own = Own::start(ask.plan(upstream, ask.translate.clone()))?;
            Ok((Through::Started(own.address), Some(own)))
        };
        let (demo, (through, forward)) = match &ask.via {
            Via::Running { address, .. } => (None, (Through::Running(*address), None)),
            Via::Direct(address) => (None, (Through::Direct(*address), None)),
            Via::Own(upstream) => (None, own(*upstream)?),
            Via::OwnDemo => {
                let demo = OwnDemo::start(ask.hide_from_windows)?;
                let started = own(demo.address)?;
                (Some(demo), started)
            }
        };
        Ok(Self { through, forward, _demo: demo })
    }

    fn address(&self) -> SocketAddr {
        match self.through {
            Through::Running(address) | Through::Started(address) | Through::Direct(address) => address,
        }
    }

    async fn clear(self) {
        if let Some(forward) = self.forward {
            forward.stop().await;
        }
    }
}

async fn small(place: &Place, within: Duration) -> Small {
    let begun = clock::now();
    let answer = ask(place, &Question::get("/api/version"), within).await;
    let took = clock::now().duration_since(begun);
    let error = match answer {
        // A server that is not Ollama says that it does not know the path, which is an answer as well.
        Ok(whole) if whole.status.is_server_error() => Some(refusal(whole.status, &whole.body)),
        Ok(_) => None,
        Err(broke) => Some(broke.words(place.address)),
    };
    Small { took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX), error }
}

/// More than any buffer on the way holds back, so that full packets have to arrive.
const LARGE: usize = 256 << 10;
/// No model has it, so nothing is loaded.
const NO_MODEL: &str = "ollama-forward-doctor/no-such-model";

async fn large(place: &Place, within: Duration) -> Large {
    let body = json!({ "model": NO_MODEL, "padding": "x".repeat(LARGE) }).to_string();
    let sent = body.len() as u64;
    let begun = clock::now();
    let answer = ask(place, &Question::post("/api/show", body), within).await;
    let took_ms = ms(clock::now().duration_since(begun));
    // That there is no such model, or no such path: it has arrived.
    let (stalled, error) = match answer {
        Ok(whole) if whole.status.is_server_error() => (false, Some(refusal(whole.status, &whole.body))),
        Ok(_) => (false, None),
        Err(Broke::Silent(_)) => (true, None),
        Err(broke @ (Broke::Dial(_) | Broke::Ended | Broke::NotHttp | Broke::TooLong)) => {
            (false, Some(broke.words(place.address)))
        }
    };
    Large { sent, took_ms, stalled, error }
}

/// The name of the demo's only model.
const DEMO: &str = "demo";

async fn listen(ask: &Ask, place: &Place, progress: &(dyn Fn(Progress) + Sync)) -> Stream {
    let is_demo = match &ask.via {
        Via::Running { upstream_is_demo, .. } => *upstream_is_demo,
        Via::OwnDemo => true,
        Via::Own(_) | Via::Direct(_) => false,
    };
    let (source, within) = match &ask.model {
        Some(model) => (Source::Chat(ask.api, model.clone()), ask.times.model),
        None if is_demo => (Source::Chat(Api::Ollama, DEMO.into()), ask.times.list),
        None => (Source::List(ask.api), ask.times.list),
    };
    stream::listen(place, &source, within, progress).await
}

/// Asks the model of `--stream-test`, or else the demo, which costs nothing. Where the way in does not translate, a bridge of
/// our own stands before it.
async fn call_a_tool(ask: &Ask, stage: &Stage, place: &Place) -> Fact<Tools> {
    let running = matches!(ask.via, Via::Running { translates: true, .. });
    let settings = match &ask.translate {
        Some(settings) => settings.clone(),
        None if running => Settings::default(),
        None => {
            return Fact::Unknown(words!(
                "without --translate no tool call is translated",
                "sans --translate, aucun appel d'outil n'est traduit"
            ));
        }
    };
    let tools = match &ask.model {
        // The forward of our own was started with the bridge that was asked for.
        Some(model) if running || stage.forward.is_some() => Ok(tools::round_trip(place, model, ask.times.model).await),
        Some(model) => call_through_own(ask, settings, place.address, (model, ask.times.model)).await,
        None => call_the_demo(ask, settings).await,
    };
    match tools {
        Ok(tools) => Fact::Known(Tools { model: ask.model.clone(), ..tools }),
        Err(error) => Fact::Unknown(words!(
            "no bridge could be started for the test: {error}",
            "aucun pont n'a pu être lancé pour l'essai : {error}"
        )),
    }
}

async fn call_the_demo(ask: &Ask, settings: Settings) -> Result<Tools, BindError> {
    let demo = OwnDemo::start(ask.hide_from_windows)?;
    call_through_own(ask, settings, demo.address, (DEMO, ask.times.demo)).await
}

async fn call_through_own(
    ask: &Ask,
    settings: Settings,
    upstream: SocketAddr,
    (model, within): (&str, Duration),
) -> Result<Tools, BindError> {
    let bridge = Own::start(ask.plan(upstream, Some(settings)))?;
    let tools = tools::round_trip(&Place::found(bridge.address, ask.policy), model, within).await;
    bridge.stop().await;
    Ok(tools)
}

#[cfg(test)]
mod tests;
