//! What is known of the forwarders of this user, and of what is around them. Pure.
//!
//! # The object of `--json`
//! ```text
//! { schema_version, forwards: [ { …                  the keys of `status::Report`
//!                                 latency_ms         of a question to Ollama; null: not asked, or no answer in time
//!                                 models: [ { name, context_length, context_maximum, codex_believes } ]
//!                                                    in memory; null: not asked, or no answer in time
//!                                 hint } ],          the command to type next; null: nothing is to be done
//!   service: { installed, active } }                 `active`: systemd's word; null: none is installed, or no answer
//! ```
//! Keys may be added at any time. One that goes, or means something else, counts `schema_version` up.

use std::time::Duration;

use serde::Serialize;

use crate::status::{Report, SCHEMA_VERSION, State};

/// Whoever asks how things are does not want to wait: what has not answered by then is told to be silent.
pub(in crate::app) const ASK_TIME: Duration = Duration::from_secs(1);

/// All of it.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Scene {
    pub(in crate::app) forwards: Vec<Forward>,
    pub(in crate::app) service: Service,
}

/// One that runs.
#[derive(Clone, Debug)]
pub(in crate::app) struct Forward {
    pub(in crate::app) report: Report,
    /// The last lines of its log, oldest first.
    pub(in crate::app) log: Vec<String>,
    /// What its upstream said to us. None: it is not known to be Ollama, or not there, so it was not asked.
    pub(in crate::app) asked: Option<Asked>,
}

/// What Ollama said. Nothing that was asked makes it load a model.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Asked {
    /// From our connecting to the end of its answer to `GET /api/version`. None: too late.
    pub(in crate::app) latency: Option<Duration>,
    /// None: too late.
    pub(in crate::app) models: Option<Vec<Model>>,
}

/// A model in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::app) struct Model {
    pub(in crate::app) name: String,
    /// Tokens that fit, as it is loaded.
    #[serde(rename = "context_length")]
    pub(in crate::app) context: Option<u64>,
    /// Tokens that would fit at most.
    #[serde(rename = "context_maximum")]
    pub(in crate::app) maximum: Option<u64>,
    /// What Codex takes for its window. None: there is no Codex.
    #[serde(rename = "codex_believes")]
    pub(in crate::app) believed: Option<u64>,
}

impl Model {
    /// What Codex believes, when that is more than there is: Ollama then cuts the history in silence.
    pub(in crate::app) fn too_much(&self) -> Option<u64> {
        self.believed.filter(|believed| self.context.is_some_and(|context| *believed > context))
    }
}

/// The unit of systemd.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::app) struct Service {
    pub(in crate::app) installed: bool,
    /// As systemd says it: `active`, `inactive`, `failed`, `activating`, `deactivating`.
    pub(in crate::app) active: Option<String>,
}

/// The command to type next, by what is worst. None: there is nothing to do.
pub(in crate::app) fn hint(forward: &Forward, service: &Service) -> Option<&'static str> {
    let Forward { report, asked, .. } = forward;
    let is_silent = asked.as_ref().is_some_and(|asked| asked.latency.is_none());
    let believes = asked.iter().flat_map(|asked| asked.models.iter().flatten()).any(|model| model.too_much().is_some());
    if report.state != State::Up || is_silent {
        Some("ollama-forward doctor")
    } else if believes {
        Some("ollama-forward doctor codex-context")
    } else if report.capture.as_ref().is_some_and(|capture| capture.on && capture.trouble.is_some()) {
        Some("ollama-forward capture status")
    } else if service.active.as_deref() == Some("failed") {
        Some("ollama-forward service status")
    } else {
        None
    }
}

impl Scene {
    /// As one object, in one line. See the head of this file.
    pub(in crate::app) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            schema_version: u32,
            forwards: Vec<Told<'a>>,
            service: &'a Service,
        }
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            report: &'a Report,
            latency_ms: Option<f64>,
            models: Option<&'a [Model]>,
            hint: Option<&'static str>,
        }
        let told = |forward: &'_ Forward| hint(forward, &self.service);
        let forwards = self.forwards.iter().map(|forward| Told {
            report: &forward.report,
            latency_ms: forward.asked.as_ref().and_then(|asked| asked.latency).map(milliseconds),
            models: forward.asked.as_ref().and_then(|asked| asked.models.as_deref()),
            hint: told(forward),
        });
        let document =
            Document { schema_version: SCHEMA_VERSION, forwards: forwards.collect(), service: &self.service };
        serde_json::to_string(&document).expect("it is plain data")
    }
}

/// With one decimal: nobody's clock is better.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::{Value, json};

    use crate::status::Capture;

    fn forward(change: impl FnOnce(&mut Forward)) -> Forward {
        let asked = Asked { latency: Some(Duration::from_micros(1830)), models: Some(vec![model(32_768, 31_129)]) };
        let mut forward = Forward { report: Report::example(), log: vec!["secret".into()], asked: Some(asked) };
        change(&mut forward);
        forward
    }

    fn model(context: u64, believed: u64) -> Model {
        Model { name: "qwen3:8b".into(), context: Some(context), maximum: Some(131_072), believed: Some(believed) }
    }

    #[track_caller]
    fn hints(change: impl FnOnce(&mut Forward), active: Option<&str>, command: Option<&str>) {
        let service = Service { installed: active.is_some(), active: active.map(str::to_owned) };
        assert_eq!(hint(&forward(change), &service), command);
    }

    #[test]
    fn the_worst_comes_first() {
        let too_much = |forward: &mut Forward| {
            forward.asked.as_mut().unwrap().models = Some(vec![model(32_768, 31_129), model(32_768, 258_400)]);
        };
        hints(|_| {}, None, None);
        hints(|_| {}, Some("inactive"), None);
        hints(|_| {}, Some("failed"), Some("ollama-forward service status"));
        hints(too_much, Some("failed"), Some("ollama-forward doctor codex-context"));
        hints(|forward| forward.report.state = State::Down, None, Some("ollama-forward doctor"));
        hints(|forward| forward.asked = None, None, None);
        hints(|forward| forward.asked = Some(Asked::default()), None, Some("ollama-forward doctor"));
        let full = Capture { on: true, trouble: Some("the disk is full".into()), ..Capture::default() };
        hints(|forward| forward.report.capture = Some(full), None, Some("ollama-forward capture status"));
    }

    #[test]
    fn what_is_not_known_is_not_too_much() {
        for (context, believed) in [(None, Some(9)), (Some(9), None), (Some(9), Some(9))] {
            assert_eq!(Model { context, believed, ..Model::default() }.too_much(), None);
        }
    }

    #[test]
    fn the_object_has_the_keys_of_the_report_and_more_and_no_log() {
        let scene = Scene { forwards: vec![forward(|_| {})], service: Service::default() };
        let text = scene.to_json();
        let document: Value = serde_json::from_str(&text).unwrap();
        let one = &document["forwards"][0];
        for (key, value) in serde_json::to_value(Report::example()).unwrap().as_object().unwrap() {
            assert_eq!(&one[key], value, "{key}");
        }
        assert_eq!(one["latency_ms"], json!(1.8));
        assert_eq!(
            one["models"],
            json!([{"name": "qwen3:8b", "context_length": 32768, "context_maximum": 131_072, "codex_believes": 31129}])
        );
        assert_eq!(one["hint"], Value::Null);
        assert_eq!(document["service"], json!({"installed": false, "active": null}));
        assert!(!text.contains("secret") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn where_none_runs_the_list_is_empty() {
        let text = Scene::default().to_json();
        assert_eq!(text, r#"{"schema_version":1,"forwards":[],"service":{"installed":false,"active":null}}"#);
    }
}
