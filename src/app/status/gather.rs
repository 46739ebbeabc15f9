//! Finds out what `status` tells: each forwarder over its socket, its Ollama over HTTP, systemd by its program. Side by side,
//! each bounded; nothing is loaded, started or changed.
//!
//! Ollama is asked where the forwarder finds it, not through the forwarder: a look must not count among the connections
//! that it tells of, nor appear among the exchanges that are captured.

use std::path::Path;
use std::time::Duration;

use directories::BaseDirs;
use futures_util::future::join_all;
use tokio::net::lookup_host;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::scene::{ASK_TIME, Asked, Forward, Model, Scene, Service};
use crate::app::doctor::likely_window;
use crate::bridge::catalog::{Loaded, parse_ps, parse_show};
use crate::clock;
use crate::doctor::http::{Place, Question, ask};
use crate::net::options::SocketPolicy;
use crate::program::{Program, on_path};
use crate::service::UNIT;
use crate::status::{self, Report, State};

/// More models than fit into any memory are not looked at one by one.
const MOST_MODELS: usize = 8;

/// Everything, as it is now: of all forwarders of this user, or of the one on `port`.
pub(super) async fn gather(port: Option<u16>) -> Scene {
    let (forwards, service) = tokio::join!(forwards(port), service());
    Scene { forwards, service }
}

async fn forwards(port: Option<u16>) -> Vec<Forward> {
    let Some(directory) = status::directory() else { return Vec::new() };
    // The sockets of runs that hang have deadlines of their own.
    let answers = spawn_blocking(move || status::answers(&directory, port)).await.unwrap_or_default();
    let forwards = answers.into_iter().map(|answer| async {
        let asked = asked(&answer.report).await;
        Forward { report: answer.report, log: answer.log, asked }
    });
    join_all(forwards).await
}

/// None: whoever is there may not be Ollama, and a question could do harm; or the forwarder says already that it is down.
async fn asked(report: &Report) -> Option<Asked> {
    let is_ollama = report.ollama.is_some() || report.how == "demo";
    let upstream = report.upstream.as_deref().filter(|_| is_ollama && report.state == State::Up)?;
    let found = timeout(ASK_TIME, lookup_host(upstream)).await.ok().and_then(Result::ok).and_then(|mut all| all.next());
    let Some(address) = found else { return Some(Asked::default()) };
    let place = match report.how.as_str() {
        "named" => Place { host: upstream.to_owned(), ..Place::named(address, SocketPolicy::default()) },
        _ => Place::found(address, SocketPolicy::default()),
    };
    let (latency, models) = tokio::join!(latency(&place), models(&place));
    Some(Asked { latency, models })
}

async fn latency(place: &Place) -> Option<Duration> {
    let begun = clock::now();
    let answer = ask(place, &Question::get("/api/version"), ASK_TIME).await.ok()?;
    answer.status.is_success().then(|| clock::now().duration_since(begun))
}

/// The models in memory. `/api/ps` may wait until a load ends (`ollama-server` A5), and is not waited for.
async fn models(place: &Place) -> Option<Vec<Model>> {
    let begun = clock::now();
    let answer = ask(place, &Question::get("/api/ps"), ASK_TIME).await.ok()?;
    let left = ASK_TIME.saturating_sub(clock::now().duration_since(begun));
    let loaded = parse_ps(&answer.body).filter(|_| answer.status.is_success())?;
    let models = loaded.into_iter().enumerate().map(|(at, loaded)| async move {
        let Loaded { model: name, context_length: context, .. } = loaded;
        let model = Model { name, context, ..Model::default() };
        if at < MOST_MODELS { known(place, model, left).await } else { model }
    });
    Some(join_all(models).await)
}

/// With what its file and Codex say of it. What does not answer in time is left out, not the model.
async fn known(place: &Place, model: Model, within: Duration) -> Model {
    let question = Question::post("/api/show", serde_json::json!({ "model": model.name }).to_string());
    let show = async { parse_show(&ask(place, &question, within).await.ok()?.body)?.context_length };
    let name = model.name.clone();
    let believed = timeout(within, spawn_blocking(move || likely_window(Path::new("/"), &name)));
    let (maximum, believed) = tokio::join!(show, believed);
    Model { maximum, believed: believed.ok().and_then(Result::ok).flatten(), ..model }
}

/// A unit that is not there is not asked about: that costs nothing where there is no systemd.
async fn service() -> Service {
    let unit = BaseDirs::new().map(|dirs| dirs.config_dir().join("systemd/user").join(UNIT));
    if unit.is_none_or(|unit| unit.symlink_metadata().is_err()) {
        return Service::default();
    }
    Service { installed: true, active: is_active().await }
}

/// systemd's word. It ends with another code than 0 for all but `active`.
async fn is_active() -> Option<String> {
    let systemctl = on_path(&["systemctl"])?;
    let ran = Program::new(&systemctl, &["--user", "is-active", UNIT], ASK_TIME).run().await.ok()?;
    let word = String::from_utf8_lossy(&ran.output).trim().to_owned();
    // Without a bus it says nothing here.
    (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::doctor::fake::{Fake, Reply};

    /// A forwarder that has found this Ollama by itself.
    fn report(fake: &Fake) -> Report {
        Report { upstream: Some(fake.address.to_string()), ..Report::example() }
    }

    fn paths(fake: &Fake) -> Vec<String> {
        let mut paths: Vec<String> =
            fake.heard().iter().filter_map(|head| head.split(' ').nth(1).map(str::to_owned)).collect();
        paths.sort();
        paths
    }

    const LOADED: &str = r#"{"models":[{"model":"qwen3:8b","context_length":32768},{"model":"old"}]}"#;
    const SHOWN: &str =
        r#"{"model_info":{"general.architecture":"qwen3","qwen3.context_length":131072},"capabilities":["tools"]}"#;

    #[tokio::test]
    async fn models_are_told_with_what_there_is_and_what_there_could_be() {
        let fake = Fake::new(|head| match head.split(' ').nth(1) {
            Some("/api/ps") => Reply::json(LOADED),
            Some("/api/show") if head.contains("qwen3:8b") => Reply::json(SHOWN),
            Some("/api/show") => Reply::status("404 Not Found", "{}"),
            _ => Reply::json(r#"{"version":"0.33.0"}"#),
        });
        let asked = asked(&report(&fake)).await.unwrap();
        assert!(asked.latency.is_some_and(|took| took > Duration::ZERO && took < ASK_TIME), "{asked:?}");
        let models = asked.models.unwrap();
        let told: Vec<_> = models.iter().map(|one| (one.name.as_str(), one.context, one.maximum)).collect();
        assert_eq!(told, [("qwen3:8b", Some(32_768), Some(131_072)), ("old", None, None)]);
        // Nothing that loads a model is among them.
        assert_eq!(paths(&fake), ["/api/ps", "/api/show", "/api/show", "/api/version"]);
    }

    #[tokio::test]
    async fn a_list_that_waits_for_a_load_is_not_waited_for() {
        let fake = Fake::new(|head| match head.split(' ').nth(1) {
            Some("/api/ps") => Reply::Never,
            _ => Reply::json(r#"{"version":"0.33.0"}"#),
        });
        let begun = clock::now();
        let asked = asked(&report(&fake)).await.unwrap();
        assert!(asked.latency.is_some() && asked.models.is_none(), "{asked:?}");
        assert!(begun.elapsed() < 3 * ASK_TIME, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_model_whose_file_is_not_told_in_time_is_told_without() {
        let fake = Fake::new(|head| match head.split(' ').nth(1) {
            Some("/api/ps") => Reply::json(LOADED),
            Some("/api/show") => Reply::Never,
            _ => Reply::json(r#"{"version":"0.33.0"}"#),
        });
        let models = asked(&report(&fake)).await.unwrap().models.unwrap();
        assert_eq!(models[0].context.zip(models[0].maximum), None);
        assert_eq!((models.len(), models[0].context), (2, Some(32_768)));
    }

    #[tokio::test]
    async fn who_may_not_be_ollama_is_not_asked() {
        let fake = Fake::always(Reply::json("{}"));
        let unknown = Report { ollama: None, how: "named".into(), ..report(&fake) };
        let down = Report { state: State::Down, ..report(&fake) };
        let lost = Report { upstream: None, state: State::Searching, ..report(&fake) };
        for report in [unknown, down, lost] {
            assert!(asked(&report).await.is_none(), "{report:?}");
        }
        assert_eq!(fake.heard(), Vec::<String>::new());
        let demo = Report { ollama: None, how: "demo".into(), ..report(&fake) };
        assert!(asked(&demo).await.is_some());
    }

    #[tokio::test]
    async fn a_name_is_asked_by_that_name_and_what_was_found_by_one_of_this_machine() {
        for (how, host) in [("named", None), ("default gateway of eth0 (WSL NAT)", Some("localhost"))] {
            let fake = Fake::always(Reply::json("{}"));
            asked(&Report { how: how.into(), ..report(&fake) }).await.unwrap();
            let host = host.map_or_else(|| fake.address.to_string(), |host| format!("{host}:{}", fake.address.port()));
            let heard = fake.heard();
            assert!(heard[0].to_ascii_lowercase().contains(&format!("host: {host}\r\n")), "{heard:?}");
        }
    }
}
