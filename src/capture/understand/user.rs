//! What a person said last, among all that a client says in the user's name; and how a text is cut for a line.

use serde_json::Value;

use super::json;
use super::request::Entry;

/// What Codex itself writes as `user` (0.80 to 0.169), by how it begins.
const OWN_WORDS: &[&str] = &[
    "<environment_context>",
    "<user_instructions>",
    "<INSTRUCTIONS>",
    "# AGENTS.md instructions",
    "<turn_aborted>",
    "<subagent_notification>",
    "<user_shell_command>",
    "<skill>",
    "<collaboration_mode>",
    "<permissions instructions>",
    "Warning: apply_patch was requested via",
    HANDED_OVER,
];

/// How a compacted history goes on.
pub(super) const HANDED_OVER: &str = "Another language model started to solve";

/// At most so many characters, and `…` where there were more. None: nothing to show.
pub(super) fn cut(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    match text.char_indices().nth(most) {
        _ if text.is_empty() => None,
        None => Some(text.to_owned()),
        Some((end, _)) => Some(format!("{}…", &text[..end])),
    }
}

/// The last words that are a person's; where all are the client's own, the last of those.
pub(super) fn last_words(entries: &[Entry<'_>]) -> Option<String> {
    let by_user = |entry: &&Entry<'_>| json::text(&entry.value, "role") == Some("user");
    let said = |entry: &Entry<'_>, own: bool| {
        let texts: Vec<&str> = texts(&entry.value).filter(|text| own || !is_own(text)).collect();
        Some(texts.join("\n")).filter(|text| !text.trim().is_empty())
    };
    let last = |own| entries.iter().rev().filter(by_user).find_map(|entry| said(entry, own));
    last(false).or_else(|| last(true))
}

/// The texts of a message, in any of the known languages.
pub(super) fn texts(message: &Value) -> impl Iterator<Item = &str> {
    let content = message.get("content").unwrap_or(&Value::Null);
    let parts = content.as_array().map_or(&[][..], Vec::as_slice);
    let in_parts = parts.iter().filter_map(|part| part.as_str().or_else(|| part.get("text")?.as_str()));
    content.as_str().into_iter().chain(in_parts)
}

fn is_own(text: &str) -> bool {
    let text = text.trim_start();
    OWN_WORDS.iter().any(|words| text.starts_with(words))
        || text.starts_with("<image name=")
        || text.trim() == "</image>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_characters() {
        assert_eq!(cut("äöü", 3).as_deref(), Some("äöü"));
        assert_eq!(cut(" äöüx ", 3).as_deref(), Some("äöü…"));
        assert_eq!(cut(" \n", 3), None);
    }
}
