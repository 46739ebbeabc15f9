use serde_json::Value;
use crate::translate::request::Facts;
#[derive(Debug)]
pub struct Loaded { pub model: String, pub context_length: Option<u64> }
pub fn parse_show(bytes: &[u8]) -> Facts {
    let v: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let has = |word: &str| v["capabilities"].as_array().map(|all| all.iter().any(|one| one == word));
    Facts { thinking: has("thinking"), vision: has("vision"), family: v["details"]["family"].as_str().map(str::to_owned) }
}
pub fn parse_tags(bytes: &[u8]) -> Vec<String> {
    let v: Value = serde_json::from_slice(bytes).unwrap_or_default();
    v["models"].as_array().into_iter().flatten().filter_map(|m| m["name"].as_str().map(str::to_owned)).collect()
}
pub fn parse_ps(bytes: &[u8]) -> Vec<Loaded> {
    let v: Value = serde_json::from_slice(bytes).unwrap_or_default();
    v["models"].as_array().into_iter().flatten().filter_map(|m| Some(Loaded { model: m["name"].as_str()?.to_owned(), context_length: m["context_length"].as_u64() })).collect()
}
