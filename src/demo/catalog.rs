//! What Ollama tells about itself and its models, where the only model is the demo: version, tags, show, ps, `/v1/models`. Pure.
//! It does not pretend: no size, no weights, a digest of zeros.

use super::wire::api::rfc3339;
use super::wire::{MODEL, Refusal, json, known_model, parse};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// The release whose captures we are compared with. Codex asks for 0.13.4 or newer.
const VERSION: &str = "0.33.0-demo";

/// Nothing here depends on it; clients show it, and some cut their prompts to it.
const CONTEXT_LENGTH: u32 = 32_768;

const DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const CAPABILITIES: [&str; 3] = ["completion", "tools", "thinking"];

pub(crate) fn version() -> Vec<u8> {
    #[derive(Serialize)]
    struct Version {
        version: &'static str,
    }
    json(&Version { version: VERSION })
}

#[derive(Serialize)]
struct Models<M> {
    models: Vec<M>,
}

#[derive(Serialize)]
struct Details {
    parent_model: &'static str,
    format: &'static str,
    family: &'static str,
    families: [&'static str; 1],
    parameter_size: &'static str,
    quantization_level: &'static str,
    context_length: u32,
}

const DETAILS: Details = Details {
    parent_model: "",
    format: "demo",
    family: "demo",
    families: ["demo"],
    parameter_size: "0",
    quantization_level: "none",
    context_length: CONTEXT_LENGTH,
};

pub(crate) fn tags(since: SystemTime) -> Vec<u8> {
    #[derive(Serialize)]
    struct Tag {
        name: &'static str,
        model: &'static str,
        modified_at: String,
        size: u64,
        digest: &'static str,
        details: Details,
        capabilities: [&'static str; 3],
    }
    let tag = Tag {
        name: MODEL,
        model: MODEL,
        modified_at: rfc3339(since),
        size: 0,
        digest: DIGEST,
        details: DETAILS,
        capabilities: CAPABILITIES,
    };
    json(&Models { models: vec![tag] })
}

/// Empty when the model was unloaded, or not used until `loaded_until`.
pub(crate) fn ps(loaded_until: SystemTime, now: SystemTime) -> Vec<u8> {
    #[derive(Serialize)]
    struct Loaded {
        name: &'static str,
        model: &'static str,
        size: u64,
        digest: &'static str,
        details: Details,
        expires_at: String,
        size_vram: u64,
        context_length: u32,
    }
    let loaded = (loaded_until > now).then(|| Loaded {
        name: MODEL,
        model: MODEL,
        size: 0,
        digest: DIGEST,
        details: DETAILS,
        expires_at: rfc3339(loaded_until),
        size_vram: 0,
        context_length: CONTEXT_LENGTH,
    });
    json(&Models { models: loaded.into_iter().collect() })
}

pub(crate) fn show(body: &[u8], since: SystemTime) -> Result<Vec<u8>, Refusal> {
    #[derive(Deserialize)]
    struct Request {
        model: Option<String>,
        name: Option<String>,
    }
    #[derive(Serialize)]
    struct Show {
        modelfile: &'static str,
        details: Details,
        model_info: ModelInfo,
        capabilities: [&'static str; 3],
        modified_at: String,
    }
    #[derive(Serialize)]
    struct ModelInfo {
        #[serde(rename = "demo.context_length")]
        context_length: u32,
        #[serde(rename = "general.architecture")]
        architecture: &'static str,
    }
    let Request { model, name } = parse(body)?;
    known_model(&model.or(name).unwrap_or_default())?;
    Ok(json(&Show {
        modelfile: "# The demo built into ollama-forward: a script, no weights.\n",
        details: DETAILS,
        model_info: ModelInfo { context_length: CONTEXT_LENGTH, architecture: "demo" },
        capabilities: CAPABILITIES,
        modified_at: rfc3339(since),
    }))
}

#[derive(Serialize)]
struct Model {
    id: &'static str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

pub(crate) fn models(since: SystemTime) -> Vec<u8> {
    #[derive(Serialize)]
    struct List {
        object: &'static str,
        data: [Model; 1],
    }
    line(&List { object: "list", data: [entry(since)] })
}

/// `id` as it stands in the path, where clients write `%3A` for the colon.
pub(crate) fn model(id: &str, since: SystemTime) -> Result<Vec<u8>, Refusal> {
    known_model(&id.replace("%3A", ":").replace("%3a", ":"))?;
    Ok(line(&entry(since)))
}

fn entry(since: SystemTime) -> Model {
    Model { id: MODEL, object: "model", created: unix_seconds(since), owned_by: "library" }
}

/// `/v1` ends its JSON with a newline.
fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = json(value);
    line.push(b'\n');
    line
}

/// A clock before 1970 counts as 1970.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::time::Duration;

    #[test]
    fn codex_takes_the_version_for_new_enough() {
        let version: Value = serde_json::from_slice(&version()).unwrap();
        let numbers = version["version"].as_str().unwrap().split('-').next().unwrap();
        let numbers: Vec<u32> = numbers.split('.').map(|number| number.parse().unwrap()).collect();
        assert!(numbers >= vec![0, 13, 4], "{numbers:?}");
    }

    #[test]
    fn the_demo_is_listed_under_its_full_name() {
        let tags: Value = serde_json::from_slice(&tags(UNIX_EPOCH)).unwrap();
        assert_eq!(tags["models"][0]["name"], "demo:latest");
        assert_eq!(tags["models"][0]["capabilities"], json!(["completion", "tools", "thinking"]));
    }

    #[test]
    fn ps_lists_it_until_its_time_is_over() {
        let now = UNIX_EPOCH + Duration::from_secs(100);
        for (until, listed) in [(99, 0), (100, 0), (101, 1)] {
            let ps: Value = serde_json::from_slice(&ps(UNIX_EPOCH + Duration::from_secs(until), now)).unwrap();
            assert_eq!(ps["models"].as_array().unwrap().len(), listed, "until {until}");
        }
    }

    #[test]
    fn show_knows_the_demo_by_either_name_and_either_field() {
        for body in [r#"{"model":"demo"}"#, r#"{"name":"demo:latest"}"#] {
            assert!(show(body.as_bytes(), UNIX_EPOCH).is_ok(), "{body}");
        }
        for (body, status) in [(r#"{"model":"x"}"#, 404), ("{}", 400), ("", 400)] {
            assert_eq!(show(body.as_bytes(), UNIX_EPOCH).unwrap_err().status(), status, "{body}");
        }
    }

    #[test]
    fn a_model_is_found_by_an_escaped_name() {
        for id in ["demo", "demo:latest", "demo%3Alatest", "demo%3alatest"] {
            assert!(model(id, UNIX_EPOCH).is_ok(), "{id}");
        }
        assert_eq!(model("x", UNIX_EPOCH).unwrap_err().to_string(), "model 'x' not found");
    }
}
