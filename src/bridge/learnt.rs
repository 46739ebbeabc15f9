//! What was learnt of the upstream and its models, and is not asked again for each request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Notify;
use tracing::debug;

use super::Bridge;
use super::catalog::{self, Catalog, Loaded, is_same_model, parse_ps, parse_show, parse_tags};
use super::settings::UpstreamApi;
use super::small;
use crate::capture::Reel;
use crate::capture::record::Happened;
use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::forward::Target;
use crate::gateway::identify::judge;
use crate::translate::Client;
use crate::translate::request::Facts;
use crate::translate::wire::Api;

/// A model may be loaded anew, with another context.
const FRESH: Duration = Duration::from_secs(300);
/// `/api/show` answers in milliseconds. `/api/ps` may block until a load ends (`ollama-server` A5).
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// Who the upstream is decides how all is asked: this is for a machine that swaps.
const SLOWEST: Duration = Duration::from_secs(10);
/// Somebody who corrects Codex's configuration looks at the gauge soon after.
const STILL_BELIEVED: Duration = Duration::from_secs(5);
/// More models than anybody switches between.
const MOST: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Learnt {
    api: Mutex<Option<Api>>,
    catalog: Mutex<Catalog>,
    /// Tokens that fit a model's context as it is loaded, and when that was asked.
    windows: Mutex<HashMap<String, (Instant, u64)>>,
    /// Models whose window somebody wants to know.
    wanted: Mutex<Vec<Wanted>>,
    asked: Notify,
    /// The models that the upstream has.
    names: Mutex<Vec<String>>,
    /// What Codex takes for the window of a model, and when that was read.
    believed: Mutex<HashMap<String, (Instant, Option<u64>)>>,
}

/// A model whose window is to be looked at, and where it is to be told.
#[derive(Debug)]
pub(super) enum Wanted {
    Model(String, Option<(Reel, Client)>),
    /// The one that this request names.
    In(Vec<Bytes>, (Reel, Client)),
}

impl Wanted {
    async fn into_parts(self) -> Option<(String, Option<(Reel, Client)>)> {
        /// All else in a request is passed over.
        #[derive(Deserialize)]
        struct Named {
            model: String,
        }
        match self {
            Self::Model(model, told) => Some((model, told)),
            Self::In(body, told) => {
                // A long request takes a while to read.
                let read = move || serde_json::from_slice::<Named>(&body.concat()).ok();
                let named = tokio::task::spawn_blocking(read).await.ok()??;
                Some((named.model, Some(told)))
            }
        }
    }
}

/// Requests that have a model speak, and so load it.
pub(super) fn names_a_model(path: &str) -> bool {
    ["/api/chat", "/api/generate", "/v1/chat/completions", "/v1/completions", "/v1/responses"].contains(&path)
}

impl Learnt {
    /// The upstream's API where no question is needed.
    pub(super) fn api_at_once(&self, bridge: &Bridge) -> Option<Api> {
        match (bridge.settings.upstream_api, &bridge.shared.target) {
            (UpstreamApi::Chat, _) => Some(Api::Chat),
            // A gateway has answered as Ollama, or it would not be the target.
            (UpstreamApi::Ollama, _) | (UpstreamApi::Auto, Target::Gateway(_)) => Some(Api::Ollama),
            (UpstreamApi::Auto, Target::Address(_) | Target::Name(_)) => *lock(&self.api),
        }
    }

    /// The upstream's API; asks for it the first time.
    pub(super) async fn api(&self, bridge: &Bridge, patience: Duration) -> Result<Api, Fault> {
        if let Some(api) = self.api_at_once(bridge) {
            return Ok(api);
        }
        let question = (Method::GET, "/api/version");
        let small::Answer { status, body } = small::ask(bridge, question, Bytes::new(), (patience, SLOWEST)).await?;
        if status.is_server_error() || body.is_none() {
            // Whoever answers so, answers in the place of what will be there in a moment.
            let what = format!("/api/version was answered with status {}", status.as_u16());
            return Err(Fault::new(FaultId::UpstreamSilent, what));
        }
        let api = if judge(status, body.as_deref()).is_ok() { Api::Ollama } else { Api::Chat };
        debug!(?api, "upstream's API found");
        *lock(&self.api) = Some(api);
        Ok(api)
    }

    /// The upstream may be another one now.
    pub(super) fn forget(&self) {
        *lock(&self.api) = None;
        lock(&self.catalog).forget();
    }

    /// What is known of a model without a question.
    pub(super) fn facts_at_once(&self, model: &str) -> Option<Facts> {
        lock(&self.catalog).get(model, clock::now()).map(needed)
    }

    /// What a model can do. What cannot be learnt stays unknown.
    pub(super) async fn facts(&self, bridge: &Bridge, api: Api, model: &str) -> Facts {
        if api == Api::Chat {
            return Facts::default();
        }
        if let Some(facts) = self.facts_at_once(model) {
            return facts;
        }
        let question = Bytes::from(json!({"model": model}).to_string());
        let facts = ask(bridge, (Method::POST, "/api/show"), question).await.ok().flatten();
        let facts = facts.and_then(|body| parse_show(&body));
        let Some(facts) = facts else { return Facts::default() };
        let answer = needed(&facts);
        lock(&self.catalog).learn(model, facts, clock::now());
        answer
    }

    /// The upstream itself said that the model cannot think.
    pub(super) fn cannot_think(&self, model: &str) {
        let mut catalog = lock(&self.catalog);
        let known = catalog.get(model, clock::now()).cloned().unwrap_or_default();
        catalog.learn(model, catalog::Facts { thinking: Some(false), ..known }, clock::now());
    }

    /// The models that the upstream has, as far as it was asked.
    pub(super) fn names_at_once(&self) -> Vec<String> {
        lock(&self.names).clone()
    }

    /// Tokens that fit the context as the model is loaded, when that was asked before.
    pub(super) fn window(&self, model: &str) -> Option<u64> {
        lock(&self.windows).get(model).map(|(_, window)| *window)
    }

    /// Has the window of a model looked at that is loaded now, unless it is known and not old and nobody is to be told.
    pub(super) fn want(&self, wanted: Wanted) {
        if let Wanted::Model(model, None) = &wanted
            && self.is_fresh(model)
        {
            return;
        }
        let mut all = lock(&self.wanted);
        if all.len() < MOST {
            all.push(wanted);
            self.asked.notify_one();
        }
    }

    fn is_fresh(&self, model: &str) -> bool {
        let is_fresh = |when: Instant| clock::now().duration_since(when) < FRESH;
        lock(&self.windows).get(model).is_some_and(|(when, _)| is_fresh(*when))
    }

    /// Looks at windows when somebody wants to know. Runs until dropped.
    pub(super) async fn run(&self, bridge: &Bridge) {
        loop {
            self.asked.notified().await;
            let wanted = std::mem::take(&mut *lock(&self.wanted));
            for one in wanted {
                if let Some((model, told)) = one.into_parts().await {
                    self.look(bridge, model, told).await;
                }
            }
        }
    }

    async fn look(&self, bridge: &Bridge, model: String, told: Option<(Reel, Client)>) {
        // Without a translation nobody has asked yet who the upstream is.
        let api = if told.is_some() { self.api(bridge, Duration::ZERO).await.ok() } else { self.api_at_once(bridge) };
        if api != Some(Api::Ollama) {
            return;
        }
        if !self.is_fresh(&model) {
            self.look_at_windows(bridge, &model).await;
            *lock(&self.names) = all(bridge).await;
        }
        let Some((reel, client)) = told else { return };
        // Also has the model's own maximum learnt.
        self.facts(bridge, Api::Ollama, &model).await;
        let maximum = lock(&self.catalog).get(&model, clock::now()).and_then(|facts| facts.context_length);
        let window = self.window(&model);
        let believed = match client {
            Client::Codex => believed(bridge, &model).await,
            Client::Other => None,
        };
        debug!(model, window, maximum, "model looked at");
        reel.moment(Happened::Model { name: model, window, maximum, believed });
    }

    async fn look_at_windows(&self, bridge: &Bridge, wanted: &str) {
        let Ok(Some(all)) = loaded(bridge).await else { return };
        for loaded in all {
            if let Some(window) = loaded.context_length {
                let model = if is_same_model(wanted, &loaded.model) { wanted } else { &loaded.model };
                let mut windows = lock(&self.windows);
                if windows.len() >= MOST && !windows.contains_key(model) {
                    windows.clear();
                }
                windows.insert(model.to_owned(), (clock::now(), window));
            }
        }
    }
}

/// What Codex takes for the window of a model. Read anew now and then, as files may change.
async fn believed(bridge: &Bridge, model: &str) -> Option<u64> {
    let told = &bridge.learnt.believed;
    let known = lock(told).get(model).filter(|(when, _)| clock::now().duration_since(*when) < STILL_BELIEVED).copied();
    if let Some((_, window)) = known {
        return window;
    }
    let (believed, name) = (bridge.believed.get().cloned()?, model.to_owned());
    let window = tokio::task::spawn_blocking(move || believed(&name)).await.ok().flatten();
    let mut told = lock(told);
    if told.len() >= MOST {
        told.clear();
    }
    told.insert(model.to_owned(), (clock::now(), window));
    window
}

fn needed(facts: &catalog::Facts) -> Facts {
    Facts { thinking: facts.thinking, vision: facts.vision, family: facts.family.clone() }
}

/// The models that the upstream has.
pub(super) async fn all(bridge: &Bridge) -> Vec<String> {
    let told = ask(bridge, (Method::GET, "/api/tags"), Bytes::new()).await.ok().flatten();
    told.and_then(|body| parse_tags(&body)).unwrap_or_default()
}

/// Whether the model is not in memory yet: the list of loaded ones lacks it, or cannot be had because one is being loaded.
pub(super) async fn is_loading(bridge: &Bridge, model: &str) -> bool {
    match loaded(bridge).await {
        Ok(Some(loaded)) => !loaded.iter().any(|loaded| is_same_model(model, &loaded.model)),
        Ok(None) => false,
        Err(Blocked) => true,
    }
}

/// No answer comes.
#[derive(Clone, Copy, Debug)]
struct Blocked;

/// The models in memory. None: the upstream cannot be asked.
async fn loaded(bridge: &Bridge) -> Result<Option<Vec<Loaded>>, Blocked> {
    let told = ask(bridge, (Method::GET, "/api/ps"), Bytes::new()).await?;
    Ok(told.and_then(|body| parse_ps(&body)))
}

/// A small question that nothing waits long for. None: it was not answered with a document.
async fn ask(bridge: &Bridge, question: (Method, &'static str), body: Bytes) -> Result<Option<Vec<u8>>, Blocked> {
    let asked = small::ask(bridge, question, body, (ANSWER_TIME, SLOWEST));
    match tokio::time::timeout(ANSWER_TIME, asked).await {
        Ok(Ok(small::Answer { status: StatusCode::OK, body })) => Ok(body),
        Ok(Ok(_) | Err(_)) => Ok(None),
        Err(_) => Err(Blocked),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
