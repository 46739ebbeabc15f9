//! Takes out of a text what is nobody's business: names of users and hosts, keys, e-mail and public addresses. Pure.
//!
//! ```text
//! learn: whose homes are named ──► keys ─ names ─ e-mail ─ public addresses, in this order: a password may look like any
//! ```
//! What a fault is about stays: private and loopback addresses, ports, names of models, versions, paths below a home. Where
//! it is in doubt, it goes: a report that lacks a word can be asked about, one that tells too much cannot be called back.
//! Nothing here is certain to find all; whoever sends a report has to read it first.

mod addresses;
mod names;
mod secrets;

use serde_json::Value;

use addresses::Addresses;
pub use names::Known;
use names::Names;

/// One text by itself.
pub fn redact(text: &str) -> String {
    let mut redactor = Redactor::new(&Known::default());
    redactor.learn(text);
    redactor.redact(text)
}

/// For several texts of one report: the same address has the same number in all of them.
#[derive(Debug)]
pub struct Redactor {
    names: Names,
    addresses: Addresses,
}

impl Redactor {
    pub fn new(known: &Known) -> Self {
        Self { names: Names::new(known), addresses: Addresses::default() }
    }

    /// Remembers the users whose homes are named here, so that they are found elsewhere, too.
    pub fn learn(&mut self, text: &str) {
        self.names.learn(&without_colors(text));
    }

    pub fn redact(&mut self, text: &str) -> String {
        let text = secrets::remove(&without_colors(text));
        let text = self.names.remove(&text);
        let text = addresses::remove_mail(&text);
        self.addresses.remove(&text)
    }
}

/// Colours end in a letter, and would hide where a word begins. In JSON they are escaped.
fn without_colors(text: &str) -> String {
    replace(text, |_, rest| {
        let start = ["\u{1b}[", "\\u001b["].into_iter().find(|start| rest.starts_with(start))?;
        let parameters = run(&rest[start.len()..], |letter| letter.is_ascii_digit() || ";:?".contains(letter));
        let end = start.len() + parameters.len();
        let last = rest[end..].chars().next().filter(char::is_ascii_alphabetic)?;
        Some((end + last.len_utf8(), String::new()))
    })
}

/// What a text cannot show: that a value belongs to a name beside it, as in `{"name": "API_KEY", "value": "…"}`.
pub fn scrub(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let named = fields.get("name").and_then(Value::as_str).is_some_and(secrets::is_secret);
            for (key, value) in fields.iter_mut() {
                let is_user = key == "user" && value.as_str().is_some_and(|user| !names::is_common(user));
                if let Value::String(text) = value {
                    if is_user {
                        names::USER.clone_into(text);
                    } else if named && key == "value" || secrets::is_secret(key) {
                        secrets::REMOVED.clone_into(text);
                    }
                }
                scrub(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(scrub),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Walks through a text. `find` is asked at each letter, with what is before it and what begins there; it says how many
/// bytes are to be replaced, and by what.
fn replace(text: &str, mut find: impl FnMut(&str, &str) -> Option<(usize, String)>) -> String {
    let mut done = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if let Some((length, with)) = find(&text[..at], &text[at..]).filter(|(length, _)| *length > 0) {
            done.push_str(&with);
            at += length;
        } else {
            done.push(letter);
            at += letter.len_utf8();
        }
    }
    done
}

/// The bytes at the beginning of which every letter is such a one.
fn run(text: &str, is_part: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|letter| !is_part(letter)).unwrap_or(text.len())]
}

/// Whether a word could begin here: what is before it is none of its letters.
fn begins(before: &str, is_part: impl Fn(char) -> bool) -> bool {
    !before.ends_with(is_part)
}

#[cfg(test)]
mod tests;
