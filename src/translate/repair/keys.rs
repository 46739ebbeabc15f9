//! Keys that are spelled otherwise, or are another tool's word for the same thing.

use super::arguments::required;
use super::slip::{Slip, note};
use serde_json::{Map, Value};

/// Words for one thing. Each row has its source; a word that may mean two things is in no row.
const SAME: &[&[&str]] = &[
    // Codex's `exec_command` says `cmd`; its older `shell` and gpt-oss's training say `command`.
    &["cmd", "command", "script", "shell_command", "bash_command"],
    // `shell` said `workdir`; Python and most other agents say `cwd`.
    &["workdir", "cwd", "working_directory", "working_dir"],
    // Read and edit tools of other agents.
    &["path", "file", "file_path", "filename", "image_path"],
    // `apply_patch` as a function of Codex 0.98 says `input`, its prompt speaks of a patch.
    &["input", "patch"],
    // `write_stdin`.
    &["chars", "stdin", "characters"],
    &["session_id", "session"],
];

/// Gives unknown keys the names of missing declared ones, where each can only mean the other.
pub(super) fn rename(given: &mut Map<String, Value>, schema: &Value, slips: &mut Vec<Slip>) {
    for related in [alike, same] {
        for (from, to) in pairs(given, schema, related) {
            if let Some(value) = given.remove(&from) {
                given.insert(to, value);
                note(slips, Slip::KeyRenamed);
            }
        }
    }
}

fn pairs(given: &Map<String, Value>, schema: &Value, related: fn(&str, &str) -> bool) -> Vec<(String, String)> {
    let Some(declared) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    // Where other keys are welcome, one of them is no slip unless something is missing.
    let open = schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false));
    let missing: Vec<&str> = declared
        .keys()
        .map(String::as_str)
        .filter(|key| {
            given.get(*key).is_none_or(Value::is_null) && (!open || required(schema).any(|needed| needed == *key))
        })
        .collect();
    let unknown = || given.keys().map(String::as_str).filter(|key| !declared.contains_key(*key));
    let mut pairs = Vec::new();
    for to in &missing {
        let from = only(unknown().filter(|from| related(from, to)));
        if let Some(from) = from.filter(|from| only(missing.iter().filter(|to| related(from, to))).is_some()) {
            pairs.push((from.to_owned(), (*to).to_owned()));
        }
    }
    pairs
}

pub(super) fn only<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// `sessionId`, `Session-ID` and `session_id`.
pub(super) fn alike(one: &str, other: &str) -> bool {
    let one = letters(one);
    !one.is_empty() && one == letters(other)
}

fn same(one: &str, other: &str) -> bool {
    SAME.iter().any(|row| [one, other].iter().all(|key| row.iter().any(|word| alike(word, key))))
}

pub(super) fn letters(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
