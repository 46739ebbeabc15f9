//! Asks Ollama: who it is, which models it has, what they can do, what is in memory. All side by side, each question with its
//! own deadline. Where the server is another one, it gives what `/v1/models` tells.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use hyper::StatusCode;
use serde_json::json;
use tokio::time::timeout_at;

use super::{Api, Loaded, Model, Ollama};
use crate::bridge::catalog::{self, Listed, parse_list, parse_ps, parse_show, parse_tags};
use crate::clock;
use crate::doctor::Fact;
use crate::doctor::http::{Broke, Place, Question, Whole, ask};
use crate::gateway::identify::judge;
use crate::words;
use crate::words::Words;

/// What is asked, and how patiently.
#[derive(Clone, Debug)]
pub struct Ask {
    pub place: Place,
    pub times: Times,
}

#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// For each question.
    pub each: Duration,
    /// For `/api/show` of all models together.
    pub shows: Duration,
}

impl Default for Times {
    fn default() -> Self {
        // Ollama answers from memory, within milliseconds; this is for a busy machine.
        Self { each: Duration::from_secs(2), shows: Duration::from_millis(2500) }
    }
}

/// Models that are asked about one by one: the first of the list are those that changed last.
const MOST_SHOWN: usize = 24;
/// As many at a time: each reads a model's file on disk.
const SIDE_BY_SIDE: usize = 6;

/// Asks for all there is to know.
pub async fn gather(ask: &Ask) -> Ollama {
    let (who, models, loaded) = tokio::join!(who(ask), models(ask), loaded(ask));
    let Who { version, clocks } = who;
    match version {
        Version::Told(version) => {
            Ollama { api: Fact::Known(Api::Ollama), version: Fact::Known(version), models, loaded, clocks }
        }
        Version::Foreign => foreign(ask, clocks).await,
        Version::Unknown(why) => {
            // What did not even tell its version is not loading a model: it does not answer.
            let loaded = if loaded.known().is_some() { loaded } else { Fact::Unknown(why.clone()) };
            Ollama { api: Fact::Unknown(why.clone()), version: Fact::Unknown(why), models, loaded, clocks }
        }
    }
}

struct Who {
    version: Version,
    clocks: Fact<(u64, u64)>,
}

enum Version {
    Told(String),
    /// It answers, and not as Ollama does.
    Foreign,
    Unknown(Words),
}

async fn who(ask: &Ask) -> Who {
    match get(ask, "/api/version").await {
        Err(why) => Who { version: Version::Unknown(why.clone()), clocks: Fact::Unknown(why) },
        Ok(Whole { status, date, body }) => {
            let ours = clock::unix_seconds(clock::wall());
            let address = ask.place.address;
            let clocks = date.map_or_else(
                || Fact::Unknown(words!("{address} tells no time", "{address} ne donne pas l'heure")),
                |theirs| Fact::Known((theirs, ours)),
            );
            let version = judge(status, Some(&body));
            Who { version: version.map_or(Version::Foreign, |who| Version::Told(who.version)), clocks }
        }
    }
}

/// What a server tells that is not Ollama.
async fn foreign(ask: &Ask, clocks: Fact<(u64, u64)>) -> Ollama {
    let address = ask.place.address;
    let names = match get(ask, "/v1/models").await {
        Ok(Whole { status: StatusCode::OK, body, .. }) => parse_tags(&body),
        Ok(_) | Err(_) => None,
    };
    let Some(names) = names else {
        let why = words!(
            "{address} answers neither as Ollama nor with /v1/models",
            "{address} ne répond ni comme Ollama ni à /v1/models"
        );
        let version = Fact::Unknown(why.clone());
        let api = Fact::Unknown(why.clone());
        return Ollama { api, version, models: Fact::Unknown(why.clone()), loaded: Fact::Unknown(why), clocks };
    };
    let why = words!(
        "{address} is not Ollama, but a server such as LM Studio or llama-server, and does not tell this",
        "{address} n'est pas Ollama, mais un serveur comme LM Studio ou llama-server, qui ne le dit pas"
    );
    let models = names.into_iter().map(|name| Model { name, ..Model::default() }).collect();
    Ollama {
        api: Fact::Known(Api::Chat),
        version: Fact::Unknown(why.clone()),
        models: Fact::Known(models),
        loaded: Fact::Unknown(why),
        clocks,
    }
}

async fn models(ask: &Ask) -> Fact<Vec<Model>> {
    let listed = match get(ask, "/api/tags").await {
        Ok(Whole { status: StatusCode::OK, body, .. }) => parse_list(&body),
        Ok(_) => None,
        Err(why) => return Fact::Unknown(why),
    };
    let Some(listed) = listed else {
        let address = ask.place.address;
        return Fact::Unknown(words!(
            "{address} gives no list of models at /api/tags",
            "{address} ne donne pas de liste de modèles à /api/tags"
        ));
    };
    let mut models: Vec<Model> = listed.iter().map(model).collect();
    show(ask, &mut models).await;
    Fact::Known(models)
}

/// What the list tells; newer versions tell more than older ones.
fn model(listed: &Listed) -> Model {
    let mut model = Model { name: listed.model.clone(), size: listed.size, ..Model::default() };
    learn(&mut model, &listed.facts);
    model
}

/// What is told last counts; what it does not tell stays as it was.
fn learn(model: &mut Model, facts: &catalog::Facts) {
    model.tools = facts.tools.or(model.tools);
    model.thinking = facts.thinking.or(model.thinking);
    model.vision = facts.vision.or(model.vision);
    model.completion = facts.completion.or(model.completion);
    model.trained_context = facts.context_length.or(model.trained_context);
    model.num_ctx = facts.num_ctx.or(model.num_ctx);
}

/// Asks about the models one by one. Those whose answer does not come in time keep what the list told.
async fn show(ask: &Ask, models: &mut [Model]) {
    let until: Instant = clock::now() + ask.times.shows;
    let questions: Vec<(usize, String)> =
        models.iter().take(MOST_SHOWN).enumerate().map(|(at, model)| (at, model.name.clone())).collect();
    let mut answers = stream::iter(questions)
        .map(|(at, name)| async move { (at, show_one(ask, &name).await) })
        .buffer_unordered(SIDE_BY_SIDE);
    while let Ok(Some((at, facts))) = timeout_at(until.into(), answers.next()).await {
        if let Some(facts) = facts {
            learn(&mut models[at], &facts);
        }
    }
}

async fn show_one(ask: &Ask, name: &str) -> Option<catalog::Facts> {
    let question = Question::post("/api/show", json!({"model": name}).to_string());
    match self::ask(&ask.place, &question, ask.times.each).await {
        Ok(Whole { status: StatusCode::OK, body, .. }) => parse_show(&body),
        Ok(_) | Err(_) => None,
    }
}

/// What is in memory now.
pub async fn loaded(ask: &Ask) -> Fact<Vec<Loaded>> {
    let address = ask.place.address;
    let listed = match self::ask(&ask.place, &Question::get("/api/ps"), ask.times.each).await {
        Ok(Whole { status: StatusCode::OK, body, .. }) => parse_ps(&body),
        Ok(_) => None,
        Err(Broke::Silent(_)) => {
            return Fact::Unknown(words!(
                "a model is being loaded: Ollama does not tell what is in memory until that has ended",
                "un modèle est en cours de chargement : d'ici là, Ollama ne dit pas ce qui est en mémoire"
            ));
        }
        Err(broke) => return Fact::Unknown(broke.words(address)),
    };
    let Some(listed) = listed else {
        return Fact::Unknown(words!(
            "{address} does not tell what is in memory (/api/ps)",
            "{address} ne dit pas ce qui est en mémoire (/api/ps)"
        ));
    };
    let loaded = listed.into_iter().map(|one| Loaded {
        name: one.model,
        context: one.context_length,
        size: one.size,
        size_vram: one.size_vram,
    });
    Fact::Known(loaded.collect())
}

async fn get(ask: &Ask, path: &'static str) -> Result<Whole, Words> {
    let answer = self::ask(&ask.place, &Question::get(path), ask.times.each).await;
    answer.map_err(|broke| broke.words(ask.place.address))
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::Value;
    use tokio::task::JoinSet;

    use crate::demo;
    use crate::doctor::fake::{Fake, Reply};
    use crate::net::options::SocketPolicy;

    /// For servers that do not answer everything.
    const BRIEF: Times = Times { each: Duration::from_millis(150), shows: Duration::from_millis(300) };
    const LONG: Times = Times { each: Duration::from_secs(5), shows: Duration::from_secs(5) };

    async fn gathered(fake: &Fake, times: Times) -> Ollama {
        gather(&Ask { place: Place::named(fake.address, SocketPolicy::default()), times }).await
    }

    /// What stands behind the method in a request.
    fn path(request: &str) -> &str {
        request.split(' ').nth(1).unwrap_or_default()
    }

    fn tags(names: &[&str]) -> Value {
        let models: Vec<Value> = names.iter().map(|name| json!({"name": name, "size": 7})).collect();
        json!({ "models": models })
    }

    fn not_found() -> Reply {
        Reply::status("404 Not Found", "404 page not found")
    }

    #[track_caller]
    fn unknown<T: std::fmt::Debug>(fact: &Fact<T>, because: &str) {
        let why = fact.get().expect_err("nobody told").en.clone();
        assert!(why.contains(because), "{because:?} is not in {why:?}");
    }

    #[tokio::test]
    async fn the_demo_tells_all() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = Place::found(listener.local_addr().unwrap(), SocketPolicy::default());
        let mut running = JoinSet::new();
        running.spawn(async move { drop(demo::serve(listener, demo::Pace::default(), clock::wall).await) });
        let told = gather(&Ask { place, times: LONG }).await;
        assert_eq!(told.api, Fact::Known(Api::Ollama));
        assert!(told.version.known().unwrap().starts_with("0.33.0"), "{told:?}");
        let [model] = &told.models.known().unwrap()[..] else { panic!("{told:?}") };
        assert_eq!((model.name.as_str(), model.tools, model.thinking), ("demo:latest", Some(true), Some(true)));
        assert_eq!((model.completion, model.trained_context), (Some(true), Some(32_768)));
        assert_eq!(told.loaded.known().map(Vec::len), Some(0));
        let (theirs, ours) = told.clocks.known().unwrap();
        assert!(theirs.abs_diff(*ours) <= 1, "{theirs} {ours}");
    }

    #[tokio::test]
    async fn what_a_model_can_do_is_asked_of_each_and_taken_from_the_list_where_it_does_not_tell() {
        let fake = Fake::new(|request| match path(request) {
            "/api/version" => Reply::json(r#"{"version":"0.33.0"}"#),
            "/api/tags" => Reply::json(json!({"models": [
                {"name": "a", "capabilities": ["completion"], "details": {"context_length": 1}},
                {"name": "b", "capabilities": ["embedding"]},
            ]})),
            "/api/ps" => {
                Reply::json(json!({"models": [{"name": "a", "context_length": 4096, "size": 9, "size_vram": 5}]}))
            }
            "/api/show" if request.contains(r#"{"model":"a"}"#) => Reply::json(json!({
                "parameters": "num_ctx 8192", "capabilities": ["completion", "tools"],
                "model_info": {"general.architecture": "x", "x.context_length": 40960},
            })),
            _ => not_found(),
        });
        let told = gathered(&fake, LONG).await;
        let models = told.models.known().unwrap();
        let a = Model {
            name: "a".into(),
            tools: Some(true),
            thinking: Some(false),
            vision: Some(false),
            completion: Some(true),
            trained_context: Some(40_960),
            num_ctx: Some(8192),
            size: None,
        };
        assert_eq!(models[0], a);
        assert_eq!((models[1].talks(), models[1].num_ctx), (false, None));
        let loaded = Loaded { name: "a".into(), context: Some(4096), size: Some(9), size_vram: Some(5) };
        assert_eq!(told.loaded, Fact::Known(vec![loaded]));
    }

    #[tokio::test]
    async fn only_so_many_models_are_asked_about() {
        let names: Vec<String> = (0..40).map(|n| format!("m{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let list = tags(&names).to_string();
        let fake = Fake::new(move |request| match path(request) {
            "/api/version" => Reply::json(r#"{"version":"0.33.0"}"#),
            "/api/tags" => Reply::Json(list.clone()),
            "/api/show" => Reply::json(json!({"capabilities": ["completion", "tools"]})),
            _ => not_found(),
        });
        let told = gathered(&fake, LONG).await;
        let models = told.models.known().unwrap();
        let asked = models.iter().filter(|model| model.tools == Some(true)).count();
        assert_eq!((models.len(), asked), (40, MOST_SHOWN));
        assert_eq!(fake.heard().iter().filter(|request| path(request) == "/api/show").count(), MOST_SHOWN);
    }

    #[tokio::test]
    async fn a_model_whose_answer_does_not_come_keeps_no_other_waiting() {
        let list = tags(&["slow", "quick"]).to_string();
        let fake = Fake::new(move |request| match path(request) {
            "/api/version" => Reply::json(r#"{"version":"0.33.0"}"#),
            "/api/tags" => Reply::Json(list.clone()),
            "/api/show" if request.contains("slow") => Reply::Never,
            "/api/show" => Reply::json(json!({"capabilities": ["completion", "tools"]})),
            _ => not_found(),
        });
        let told = gathered(&fake, Times { each: Duration::from_secs(5), ..BRIEF }).await;
        let tools: Vec<Option<bool>> = told.models.known().unwrap().iter().map(|model| model.tools).collect();
        assert_eq!(tools, [None, Some(true)]);
    }

    #[tokio::test]
    async fn while_a_model_loads_what_is_in_memory_is_not_known() {
        let list = tags(&["a"]).to_string();
        let fake = Fake::new(move |request| match path(request) {
            "/api/version" => Reply::json(r#"{"version":"0.33.0"}"#),
            "/api/tags" => Reply::Json(list.clone()),
            "/api/ps" => Reply::Never,
            _ => not_found(),
        });
        let told = gathered(&fake, BRIEF).await;
        assert_eq!(told.version, Fact::Known("0.33.0".into()));
        assert_eq!(told.models.known().map(Vec::len), Some(1));
        unknown(&told.loaded, "a model is being loaded");
    }

    #[tokio::test]
    async fn another_server_tells_the_names_of_its_models() {
        // LM Studio says 200 to everything; llama-server has lists of its own at Ollama's paths.
        let fake = Fake::new(|request| match path(request) {
            "/v1/models" => Reply::json(r#"{"object":"list","data":[{"id":"qwen3-14b"}]}"#),
            "/api/tags" => Reply::json(r#"{"models":[{"name":"gguf","capabilities":["completion"]}]}"#),
            _ => Reply::json(r#"{"error":"Unexpected endpoint or method."}"#),
        });
        let told = gathered(&fake, LONG).await;
        assert_eq!(told.api, Fact::Known(Api::Chat));
        assert_eq!(told.models, Fact::Known(vec![Model { name: "qwen3-14b".into(), ..Model::default() }]));
        unknown(&told.version, "is not Ollama");
        unknown(&told.loaded, "is not Ollama");
    }

    #[tokio::test]
    async fn what_is_no_server_for_models_tells_nothing() {
        let told =
            gathered(&Fake::always(Reply::raw("HTTP/1.1 200 OK\r\n\r\n<title>Router login</title>")), LONG).await;
        for fact in [told.api.get().err(), told.version.get().err(), told.loaded.get().err(), told.models.get().err()] {
            assert!(fact.unwrap().en.contains("answers neither as Ollama nor with /v1/models"), "{fact:?}");
        }
    }

    #[tokio::test]
    async fn silence_is_told_as_silence() {
        let told = gathered(&Fake::always(Reply::Never), BRIEF).await;
        unknown(&told.version, "accepts the connection, but gives no whole answer within 150 ms");
        unknown(&told.loaded, "accepts the connection");
        unknown(&told.models, "accepts the connection");
        unknown(&told.clocks, "accepts the connection");
    }
}
