//! What the upstream says of its models: Ollama's `/api/show`, `/api/tags` and `/api/ps`, and the list of `/v1/models`. Texts
//! in, facts out; and a memory for facts, so that not every request has to ask.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

/// Of one model. `None`: the upstream does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub tools: Option<bool>,
    pub thinking: Option<bool>,
    pub vision: Option<bool>,
    /// Answers text at all; models for embeddings do not.
    pub completion: Option<bool>,
    /// Tokens that it was trained for.
    pub context_length: Option<u64>,
    /// Tokens that its Modelfile asks for.
    pub num_ctx: Option<u64>,
    /// Such as `qwen3` or `gptoss`.
    pub family: Option<String>,
}

/// A model in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub model: String,
    /// Tokens that fit in one conversation.
    pub context_length: Option<u64>,
    /// In bytes: in all, and on the graphics card.
    pub size: Option<u64>,
    pub size_vram: Option<u64>,
}

/// A model that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub model: String,
    /// On disk, in bytes.
    pub size: Option<u64>,
    /// Newer versions tell of them in the list, too; what its Modelfile asks for, none does.
    pub facts: Facts,
}

/// Reads the answer of `/api/show`. What is missing or odd in it is not known; None: it is no such answer.
pub fn parse_show(body: &[u8]) -> Option<Facts> {
    let show: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let info = show.get("model_info");
    let architecture = info.and_then(|info| text(&info["general.architecture"]));
    Some(Facts {
        context_length: info
            .zip(architecture.as_ref())
            .and_then(|(info, of)| info[format!("{of}.context_length")].as_u64()),
        num_ctx: show.get("parameters").and_then(Value::as_str).and_then(num_ctx),
        family: show.get("details").and_then(|details| text(&details["family"])).or(architecture),
        ..abilities(show.get("capabilities"))
    })
}

/// Told since Ollama 0.6.4; an empty list says as little as none.
fn abilities(told: Option<&Value>) -> Facts {
    let told = told.and_then(Value::as_array).filter(|all| !all.is_empty());
    let can = |what: &str| told.map(|all| all.iter().any(|one| one == what));
    Facts {
        tools: can("tools"),
        thinking: can("thinking"),
        vision: can("vision"),
        completion: can("completion"),
        ..Facts::default()
    }
}

/// `parameters` is a Modelfile's lines, names and values in columns.
fn num_ctx(parameters: &str) -> Option<u64> {
    let mut lines = parameters.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next() == Some("num_ctx")).then(|| words.next()?.parse().ok())?)
}

/// Names of models: from `/api/tags`, or from `/v1/models`. None: it is no such list.
pub fn parse_tags(body: &[u8]) -> Option<Vec<String>> {
    parse_entries(body, |model, _| model)
}

/// Reads the same with all that is told of each.
pub fn parse_list(body: &[u8]) -> Option<Vec<Listed>> {
    parse_entries(body, |model, entry| {
        let details = &entry["details"];
        let family = details["family"].as_str().filter(|family| !family.is_empty()).map(str::to_owned);
        let context_length = details["context_length"].as_u64();
        let facts = Facts { context_length, family, ..abilities(entry.get("capabilities")) };
        Listed { model, size: entry["size"].as_u64(), facts }
    })
}

/// Reads the answer of `/api/ps`. None: it is no such list.
pub fn parse_ps(body: &[u8]) -> Option<Vec<Loaded>> {
    parse_entries(body, |model, entry| Loaded {
        model,
        context_length: entry["context_length"].as_u64(),
        size: entry["size"].as_u64(),
        size_vram: entry["size_vram"].as_u64(),
    })
}

/// Every entry that names its model.
fn parse_entries<T>(body: &[u8], make: impl Fn(String, &Value) -> T) -> Option<Vec<T>> {
    let list: Value = serde_json::from_slice(body).ok()?;
    let entries = list.get("models").or_else(|| list.get("data"))?;
    if entries.is_null() {
        return Some(Vec::new());
    }
    let entry = |entry: &Value| {
        let name =
            ["model", "name", "id"].iter().find_map(|key| entry[*key].as_str().filter(|name| !name.is_empty()))?;
        Some(make(name.to_owned(), entry))
    };
    Some(entries.as_array()?.iter().filter_map(entry).collect())
}

/// Whether `name` means `known`: Ollama adds `:latest` where no tag is given, and does not look at the case.
pub fn is_same_model(name: &str, known: &str) -> bool {
    let bare = |name: &str| name.strip_suffix(":latest").unwrap_or(name).to_ascii_lowercase();
    bare(name) == bare(known)
}

/// How long facts are believed: a model may be made anew under its name.
const BELIEVED: Duration = Duration::from_secs(60);
/// A client that makes names up must not fill the memory.
const MOST: usize = 64;

/// Facts that were learnt a short time ago.
#[derive(Debug, Default)]
pub struct Catalog {
    facts: HashMap<String, (Facts, Instant)>,
}

impl Catalog {
    pub fn get(&self, model: &str, now: Instant) -> Option<&Facts> {
        let (facts, learnt) = self.facts.get(model)?;
        (now.saturating_duration_since(*learnt) < BELIEVED).then_some(facts)
    }

    pub fn learn(&mut self, model: &str, facts: Facts, now: Instant) {
        if self.facts.len() >= MOST && !self.facts.contains_key(model) {
            let oldest = self.facts.iter().min_by_key(|(_, (_, learnt))| *learnt).map(|(model, _)| model.clone());
            self.facts.retain(|model, _| Some(model) != oldest.as_ref());
        }
        self.facts.insert(model.to_owned(), (facts, now));
    }

    /// Another upstream has other models.
    pub fn forget(&mut self) {
        self.facts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_show_says_is_known() {
        let show = json!({
            "modelfile": "FROM x", "parameters": "stop                           \"<|im_end|>\"\nnum_ctx                        8192",
            "details": {"family": "qwen3", "families": ["qwen3"]},
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960},
            "capabilities": ["completion", "tools", "thinking"],
        });
        let facts = Facts {
            tools: Some(true),
            thinking: Some(true),
            vision: Some(false),
            completion: Some(true),
            context_length: Some(40960),
            num_ctx: Some(8192),
            family: Some("qwen3".into()),
        };
        shows(&show, Some(&facts));
    }

    #[test]
    fn what_show_does_not_say_is_not_known() {
        shows(&json!({}), Some(&Facts::default()));
        shows(&json!({"capabilities": []}), Some(&Facts::default()));
        shows(
            &json!({"capabilities": null, "model_info": [], "details": 1, "parameters": {}}),
            Some(&Facts::default()),
        );
        let gemma = Facts { family: Some("gemma3".into()), ..Facts::default() };
        shows(
            &json!({"model_info": {"general.architecture": "gemma3", "gemma3.context_length": "much"}}),
            Some(&gemma),
        );
        shows(&json!([]), None);
    }

    #[test]
    fn lists_name_their_models() {
        lists(r#"{"models":[{"name":"a:1","model":"a:1","size":1},{"name":"b"},{}]}"#, Some(&["a:1", "b"]));
        lists(r#"{"object":"list","data":[{"id":"c","object":"model"}]}"#, Some(&["c"]));
        lists(r#"{"models":[]}"#, Some(&[]));
        lists(r#"{"object":"list","data":null}"#, Some(&[]));
        lists(r#"{"error":"x"}"#, None);
        lists("Ollama is running", None);
    }

    #[test]
    fn ps_tells_the_context_that_is_there_and_the_memory() {
        let body =
            br#"{"models":[{"name":"a:1","model":"a:1","context_length":4096,"size":9,"size_vram":5},{"model":"b"}]}"#;
        let a = Loaded { model: "a:1".into(), context_length: Some(4096), size: Some(9), size_vram: Some(5) };
        let b = Loaded { model: "b".into(), context_length: None, size: None, size_vram: None };
        assert_eq!(parse_ps(body), Some(vec![a, b]));
    }

    #[test]
    fn newer_lists_tell_what_their_models_can() {
        let body = json!({"models": [
            {"name": "a:1", "size": 7, "details": {"family": "qwen3", "context_length": 40960}, "capabilities": ["completion", "tools"]},
            {"name": "b", "details": {"family": ""}},
        ]});
        let facts = Facts {
            tools: Some(true),
            thinking: Some(false),
            vision: Some(false),
            completion: Some(true),
            context_length: Some(40960),
            family: Some("qwen3".into()),
            ..Facts::default()
        };
        let a = Listed { model: "a:1".into(), size: Some(7), facts };
        let b = Listed { model: "b".into(), ..Listed::default() };
        assert_eq!(parse_list(body.to_string().as_bytes()), Some(vec![a, b]));
        assert_eq!(parse_list(b"{}"), None);
    }

    #[test]
    fn a_name_without_a_tag_means_the_latest() {
        for (name, known, same) in [
            ("qwen3", "qwen3:latest", true),
            ("Qwen3:latest", "qwen3", true),
            ("qwen3", "qwen3:14b", false),
            ("qwen3:14b", "qwen3:14B", true),
            ("qwen", "qwen3", false),
        ] {
            assert_eq!(is_same_model(name, known), same, "{name} {known}");
        }
    }

    #[test]
    fn facts_are_believed_for_a_while() {
        let (mut catalog, start) = (Catalog::default(), crate::clock::now());
        catalog.learn("a", Facts::default(), start);
        assert_eq!(catalog.get("a", start + Duration::from_millis(59_999)), Some(&Facts::default()));
        assert_eq!(catalog.get("a", start + Duration::from_secs(60)), None);
        assert_eq!(catalog.get("b", start), None);
        catalog.forget();
        assert_eq!(catalog.get("a", start), None);
    }

    #[test]
    fn the_oldest_facts_make_room() {
        let (mut catalog, start) = (Catalog::default(), crate::clock::now());
        for number in 0..=MOST as u64 {
            catalog.learn(&number.to_string(), Facts::default(), start + Duration::from_millis(number));
        }
        assert_eq!(catalog.facts.len(), MOST);
        assert_eq!((catalog.get("0", start).is_some(), catalog.get("1", start).is_some()), (false, true));
    }

    #[track_caller]
    fn shows(body: &Value, facts: Option<&Facts>) {
        assert_eq!(parse_show(body.to_string().as_bytes()).as_ref(), facts, "{body}");
    }

    #[track_caller]
    fn lists(body: &str, expected: Option<&[&str]>) {
        let found = parse_tags(body.as_bytes());
        let expected = expected.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(found, expected, "{body}");
    }
}
