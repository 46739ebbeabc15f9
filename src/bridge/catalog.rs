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
}

/// Reads the answer of `/api/show`. What is missing or odd in it is not known; None: it is no such answer.
pub fn parse_show(body: &[u8]) -> Option<Facts> {
    let show: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let info = show.get("model_info");
    let architecture = info.and_then(|info| text(&info["general.architecture"]));
    // Since Ollama 0.6.4; an empty list says as little as none.
    let capabilities = show.get("capabilities").and_then(Value::as_array).filter(|all| !all.is_empty());
    let can = |what: &str| capabilities.map(|all| all.iter().any(|one| one == what));
    Some(Facts {
        tools: can("tools"),
        thinking: can("thinking"),
        vision: can("vision"),
        context_length: info
            .zip(architecture.as_ref())
            .and_then(|(info, of)| info[format!("{of}.context_length")].as_u64()),
        num_ctx: show.get("parameters").and_then(Value::as_str).and_then(num_ctx),
        family: show.get("details").and_then(|details| text(&details["family"])).or(architecture),
    })
}

/// `parameters` is a Modelfile's lines, names and values in columns.
fn num_ctx(parameters: &str) -> Option<u64> {
    let mut lines = parameters.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next() == Some("num_ctx")).then(|| words.next()?.parse().ok())?)
}

/// Names of models: from `/api/tags`, or from `/v1/models`. None: it is no such list.
pub fn parse_tags(body: &[u8]) -> Option<Vec<String>> {
    Some(parse_ps(body)?.into_iter().map(|entry| entry.model).collect())
}

/// Reads the answer of `/api/ps`. None: it is no such list.
pub fn parse_ps(body: &[u8]) -> Option<Vec<Loaded>> {
    let list: Value = serde_json::from_slice(body).ok()?;
    let entries = list.get("models").or_else(|| list.get("data"))?;
    if entries.is_null() {
        return Some(Vec::new());
    }
    let entry = |entry: &Value| {
        let name =
            ["model", "name", "id"].iter().find_map(|key| entry[*key].as_str().filter(|name| !name.is_empty()))?;
        Some(Loaded { model: name.to_owned(), context_length: entry["context_length"].as_u64() })
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
    fn ps_tells_the_context_that_is_there() {
        let body = br#"{"models":[{"name":"a:1","model":"a:1","context_length":4096},{"model":"b"}]}"#;
        let loaded = |model: &str, context_length| Loaded { model: model.into(), context_length };
        assert_eq!(parse_ps(body), Some(vec![loaded("a:1", Some(4096)), loaded("b", None)]));
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
