//! Titles of Codex's threads, made of the user's words. The TUI asks for one beside the first turn; where the upstream answers
//! one after the other, the user would wait for it.
//!
//! ```text
//! request ──find──► Asked { words, bounds } ──title──► a line such as “Fix the login bug in auth.rs”
//! ```

use serde_json::{Value, json};

mod words;

use words::line;

/// A request for a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What the user said.
    words: String,
    /// In characters, as JSON schemas count them.
    least: usize,
    most: usize,
    /// Whether the answer is to be `{"title": …}`.
    as_json: bool,
}

/// What Codex 0.169 asks for.
const MOST: usize = 36;
/// Where the words hold nothing to make a title of.
const UNTITLED: &str = "New thread";

/// Recognises a request for a title. `turn_metadata` is the header `x-codex-turn-metadata`, which the body repeats.
pub fn find(request: &Value, turn_metadata: Option<&str>) -> Option<Asked> {
    let format = &request["text"]["format"];
    let schema = only_title(&format["schema"]);
    let is_marked = is_thread_title(turn_metadata) || is_thread_title(metadata(request));
    // Without the mark: what Codex calls the schemas of its own, and no tools. Others may want a title from a model.
    let is_alike = format["name"] == "codex_output_schema" && schema.is_some() && has_no_tools(request);
    let wants = match (schema, format.is_null()) {
        (Some(title), _) if is_marked || is_alike => Some(title),
        (None, true) if is_marked => None,
        // Some other form, which only a model can fill.
        (Some(_) | None, _) => return None,
    };
    let bound = |key: &str| wants.and_then(|title| title[key].as_u64()).and_then(|bound| usize::try_from(bound).ok());
    Some(Asked {
        words: users_words(request)?,
        least: bound("minLength").unwrap_or(1),
        most: bound("maxLength").unwrap_or(MOST),
        as_json: wants.is_some(),
    })
}

/// The text of the answer. None: no title fits the bounds, and a model may try.
pub fn answer(asked: &Asked) -> Option<String> {
    let title = title(&asked.words, asked.most);
    let fits = (asked.least..=asked.most).contains(&title.chars().count());
    fits.then(|| if asked.as_json { json!({ "title": title }).to_string() } else { title })
}

/// One line of whole words, without quotes, markdown and paths. As long as `most` characters.
pub fn title(said: &str, most: usize) -> String {
    let found = line(said, most);
    if found.is_empty() { UNTITLED.chars().take(most).collect() } else { found }
}

fn metadata(request: &Value) -> Option<&str> {
    request["client_metadata"]["x-codex-turn-metadata"].as_str()
}

fn is_thread_title(metadata: Option<&str>) -> bool {
    let metadata: Option<Value> = metadata.and_then(|text| serde_json::from_str(text).ok());
    metadata.is_some_and(|metadata| metadata["thread_source"] == "thread_title")
}

/// The schema of `title`, where an object has to have a title and nothing else.
fn only_title(schema: &Value) -> Option<&Value> {
    let properties = schema["properties"].as_object()?;
    let title = properties.get("title").filter(|title| title["type"] == "string")?;
    (properties.len() == 1).then_some(title)
}

fn has_no_tools(request: &Value) -> bool {
    request["tools"].as_array().is_none_or(Vec::is_empty)
}

/// What the user said, out of the last message that has words of theirs.
fn users_words(request: &Value) -> Option<String> {
    if let Some(text) = request["input"].as_str() {
        return said(text);
    }
    let of_user = request["input"].as_array()?.iter().filter(|item| item["role"] == "user");
    of_user.rev().find_map(|item| said(&text_of(&item["content"])))
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// What stands before the user's words (0.169: the first one). The rest are for its next editions.
const MARKS: [&str; 6] =
    ["user prompt:", "user message:", "user request:", "first user message:", "prompt:", "conversation:"];
const TAGS: [&str; 5] = ["user_prompt", "prompt", "user_message", "user_request", "user_input"];

/// The user's own words in a message: marked ones, or all that follow the instructions. None: it has none, as it is made
/// by the client alone.
fn said(message: &str) -> Option<String> {
    let message = message.trim();
    let found = marked(message).or_else(|| tagged(message)).unwrap_or_else(|| after_instructions(message));
    let found = found.trim();
    // <environment_context>, <user_instructions> …
    let is_the_clients = found.starts_with('<') && found.ends_with('>') && found.contains("</");
    (!found.is_empty() && !is_the_clients).then(|| found.to_owned())
}

/// After a line that says that they follow. The first such line: further ones are the user's.
fn marked(message: &str) -> Option<&str> {
    let mut end = 0;
    message.split_inclusive('\n').find_map(|line| {
        end += line.len();
        MARKS.contains(&line.trim().to_ascii_lowercase().as_str()).then(|| &message[end..])
    })
}

fn tagged(message: &str) -> Option<&str> {
    TAGS.iter().find_map(|tag| {
        let (_, rest) = message.split_once(&format!("<{tag}>"))?;
        // The last one: the user may write tags, too.
        rest.rsplit_once(&format!("</{tag}>")).map(|(inside, _)| inside)
    })
}

/// Instructions are one paragraph that speaks of a title; alone, they hold no words of the user.
fn after_instructions(message: &str) -> &str {
    let (first, rest) = message.split_once("\n\n").unwrap_or((message, ""));
    let first = first.to_ascii_lowercase();
    let instructs = ["generate", "create", "write", "summarize"].iter().any(|verb| first.starts_with(verb));
    if instructs && first.contains(" title") { rest } else { message }
}

#[cfg(test)]
mod tests;
