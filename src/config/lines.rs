//! Where in a file each key stands, and every mistake in it by its line: [`super::parse_file`] knows only the first.

use serde_json::Value;

use super::keys;
use super::{nearest_of, parse_file};
use crate::words;
use crate::words::Words;

/// A key as it stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    /// From 1.
    pub line: usize,
    pub value: Value,
}

/// What cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    pub key: Option<String>,
    pub what: Words,
    /// The key that was most likely meant.
    pub meant: Option<&'static str>,
}

/// All keys, from the top.
pub fn entries(text: &str) -> Result<Vec<Entry>, Mistake> {
    let broken = |error: &toml::de::Error| Mistake {
        line: error.span().map_or(1, |span| line_at(text, span.start)),
        key: None,
        what: Words::same(mask(error.message())),
        meant: None,
    };
    let spans = toml::de::DeTable::parse(text).map_err(|error| broken(&error))?;
    let table: toml::Table = text.parse().map_err(|error| broken(&error))?;
    let entry = |(key, value): (String, toml::Value)| {
        let span = spans.get_ref().keys().find(|known| **known.get_ref() == *key).map(toml::Spanned::span);
        let line = span.map_or(1, |span| line_at(text, span.start));
        Entry { key, line, value: serde_json::to_value(value).unwrap_or_default() }
    };
    let mut entries: Vec<Entry> = table.into_iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn line_at(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}

/// All that is wrong, from the top.
pub fn mistakes(text: &str) -> Vec<Mistake> {
    let entries = match entries(text) {
        Ok(entries) => entries,
        Err(mistake) => return vec![mistake],
    };
    let mut mistakes: Vec<Mistake> = entries.iter().filter_map(mistake).collect();
    // What only the whole can show, such as two keys that exclude each other.
    if mistakes.is_empty()
        && let Err(fault) = parse_file("", text)
    {
        let what = fault.what.en.trim_start_matches(": ").to_owned();
        let key = what.split(':').next().filter(|key| keys::find(key).is_some()).map(str::to_owned);
        let line = entries.iter().find(|entry| Some(&entry.key) == key.as_ref()).map_or(1, |entry| entry.line);
        mistakes.push(Mistake { line, key, what: Words::same(mask(&what)), meant: None });
    }
    mistakes
}

fn mistake(entry: &Entry) -> Option<Mistake> {
    let Entry { key, line, value } = entry;
    let of = |what, meant| Some(Mistake { line: *line, key: Some(key.clone()), what, meant });
    if keys::find(key).is_none() {
        let meant = nearest_of(keys::TABLE.iter().map(|key| key.name), &key.replace('-', "_"));
        return of(words!("unknown key `{key}`", "clé `{key}` inconnue"), meant);
    }
    why_not(key, value).and_then(|why| of(Words::same(format!("{key}: {}", mask(&why))), None))
}

/// Why this key cannot have this value.
pub fn why_not(key: &str, value: &Value) -> Option<String> {
    let fault = parse_file("", &format!("{key} = {}", toml(value))).err()?;
    let why = fault.what.en;
    let why = why.trim_start_matches(": ");
    Some(why.strip_prefix(&format!("{key}: ")).unwrap_or(why).trim().to_owned())
}

/// A value on one line. JSON and TOML write texts, numbers, booleans and lists of them alike, but for one letter (TOML,
/// "String": control characters).
pub fn toml(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let all = table.iter().map(|(key, value)| format!("{} = {}", Value::from(key.as_str()), toml(value)));
            format!("{{ {} }}", all.collect::<Vec<_>>().join(", "))
        }
        Value::Array(all) => format!("[{}]", all.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            value.to_string().replace('\u{7f}', "\\u007f")
        }
    }
}

/// Without the password of an address: `http://me:***@host`.
pub fn mask(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/\"'`,".contains(c)).unwrap_or(after.len());
        let place = &after[..end];
        match place.rsplit_once('@') {
            Some((user, host)) => {
                let name = user.split_once(':').map(|(name, _)| name);
                out.push_str(&name.map_or_else(|| "***".to_owned(), |name| format!("{name}:***")));
                out.push('@');
                out.push_str(host);
            }
            None => out.push_str(place),
        }
        rest = &after[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(usize, &str, Option<&str>)]) {
        let found = mistakes(text);
        let found: Vec<_> = found.iter().map(|one| (one.line, one.what.en.as_str(), one.meant)).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((line, what, meant), (right_line, says, right)) in found.iter().zip(expected) {
            assert_eq!((line, meant), (right_line, right), "{what}");
            assert!(what.contains(says), "{what}");
        }
    }

    #[test]
    fn every_mistake_is_found_with_its_line() {
        check("translate = true\n", &[]);
        check("", &[]);
        check(
            "# x\nlisten-port = 2\n\nupstream = \"https://a\"\ncheese = 1\nnum_ctx = \"8k\"\n",
            &[
                (2, "unknown key `listen-port`", Some("listen_port")),
                (4, "upstream: https:// is not supported", None),
                (5, "unknown key `cheese`", None),
                (6, "num_ctx: `8k` is not a number of tokens", None),
            ],
        );
        check("a = 1\nb = \n", &[(2, "", None)]);
        check("translate = 1\n", &[(1, "translate: ", None)]);
        check("quiet = true\ndebug = true\n", &[(1, "exclude each other", None)]);
        check("quiet = true\nquiet = false\n", &[(2, "duplicate key", None)]);
        check("[translate]\nx = 1\n", &[(1, "translate", None)]);
    }

    #[test]
    fn keys_are_found_where_they_stand() {
        let text =
            "listen = [\n  \"127.0.0.1\", # quiet = true\n  \"::1\",\n]\n\"quiet\" = true\nconnect_timeout = 2.5\n";
        let found: Vec<_> =
            entries(text).unwrap().into_iter().map(|one| (one.key, one.line, toml(&one.value))).collect();
        let right = [("listen", 1, r#"["127.0.0.1", "::1"]"#), ("quiet", 5, "true"), ("connect_timeout", 6, "2.5")];
        assert_eq!(found, right.map(|(key, line, value)| (key.to_owned(), line, value.to_owned())));
    }

    #[test]
    fn values_are_written_as_toml_reads_them() {
        for text in ["a \"b\" \\ c", "tab\tnew\nline", "é \u{7f} \u{1}", ""] {
            let line = format!("capture_compat = {}", toml(&text.into()));
            assert_eq!(entries(&line).unwrap()[0].value, Value::from(text), "{line}");
        }
    }

    #[test]
    fn passwords_of_addresses_are_not_shown() {
        for (text, masked) in [
            ("http://me:secret@host:1/x", "http://me:***@host:1/x"),
            ("a http://token@host, \"http://u:p@q@h\"", "a http://***@host, \"http://u:***@h\""),
            ("http://host:11434", "http://host:11434"),
            ("me@host", "me@host"),
        ] {
            assert_eq!(mask(text), masked);
        }
    }
}
