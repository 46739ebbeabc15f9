//! An upstream's words, out of the JSON that they are wrapped in, sometimes several times.

use std::borrow::Cow;

use serde_json::Value;

/// What is longer is no error, but a page or a prompt.
const READ: usize = 64 << 10;

/// As many characters of it are passed on.
const QUOTED: usize = 300;

/// JSON in JSON in JSON: more was never seen.
const WRAPPINGS: usize = 5;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// As written.
    pub(super) text: String,
    /// `type` and `code`, where they are words.
    pub(super) words: Vec<String>,
    /// Tokens of the prompt, and of the context.
    pub(super) used: Option<u64>,
    pub(super) available: Option<u64>,
    pub(super) page: bool,
}

impl Told {
    pub(super) fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(READ)]);
        let mut told = Self::default();
        told.text(text.trim(), WRAPPINGS);
        told
    }

    /// For a sentence: one line, not too long, without what was sent.
    pub(super) fn quote(&self) -> String {
        let text = self.text.trim();
        // The last line of a Python trace says what happened; else the first does.
        let trace = text.contains("Traceback (most recent");
        let line = if trace { text.lines().next_back() } else { text.lines().next() }.unwrap_or_default();
        // Validators of Python servers repeat what they were given.
        let line = ["'input':", "\"input\":", "input_value="]
            .iter()
            .fold(line, |line, echo| line.split(echo).next().unwrap_or_default());
        let (line, more) = cut(line.trim_end_matches([',', ' ', '.']), QUOTED);
        format!("{line}{more}")
    }

    fn text(&mut self, text: &str, depth: usize) {
        if text.starts_with('<') {
            self.page = true;
            return;
        }
        let json = text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok()).flatten();
        match json {
            Some(json) if depth > 0 => self.json(&json, depth - 1),
            Some(_) | None => text.clone_into(&mut self.text),
        }
    }

    fn json(&mut self, json: &Value, depth: usize) {
        match json {
            Value::Object(members) => {
                for key in ["type", "code"] {
                    self.words.extend(members.get(key).and_then(Value::as_str).map(str::to_owned));
                }
                let count = |key: &str| members.get(key).and_then(Value::as_u64);
                self.used = self.used.or(count("n_prompt_tokens"));
                self.available = self.available.or(count("n_ctx"));
                let inner = ["error", "message", "detail", "msg"].iter().find_map(|key| members.get(*key));
                if let Some(inner) = inner.filter(|_| depth > 0) {
                    self.json(inner, depth - 1);
                }
            }
            Value::Array(items) => {
                if let Some(first) = items.first().filter(|_| depth > 0) {
                    self.json(first, depth - 1);
                }
            }
            Value::String(text) => self.text(text.trim(), depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// A name from outside, fit for a sentence.
pub(super) fn clean(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control() && *c != '`').collect();
    let (name, more) = cut(&name, 100);
    format!("{name}{more}")
}

fn cut(text: &str, most: usize) -> (Cow<'_, str>, &'static str) {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    match text.char_indices().nth(most) {
        Some((at, _)) => (text[..at].chars().map(printable).collect(), "…"),
        None => (text.chars().map(printable).collect(), ""),
    }
}
