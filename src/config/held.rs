//! What holds, key by key, and who says so.
//!
//! ```text
//! variable > file > file > default      the strongest that says something holds; the others are overridden
//! ```

use serde_json::Value;

use super::keys::{Key, Kind, TABLE, Usual};
use super::lines::{Entry, why_not};

/// Who says what a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Variable(String),
    File { path: String, line: usize },
    Default,
}

/// One key, as it holds.
#[derive(Clone, Debug)]
pub struct Held {
    pub key: &'static Key,
    /// None: nothing that could be written down.
    pub value: Option<Value>,
    pub origin: Origin,
    /// Weaker ones that say something, too.
    pub overridden: Vec<Origin>,
}

/// A variable that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadVariable {
    pub name: String,
    pub why: String,
}

/// A file that was read: its path, and its keys.
pub type Read = (String, Vec<Entry>);

/// All keys that hold, in the order of the table; `files` are those that are there, the strongest first.
pub fn held(variable: impl Fn(&str) -> Option<String>, files: &[Read]) -> Result<Vec<Held>, Vec<BadVariable>> {
    let (mut all, mut bad) = (Vec::new(), Vec::new());
    for key in TABLE.iter().filter(|key| !matches!(key.usual, Usual::As(_))) {
        let mut said: Vec<(Value, Origin)> = Vec::new();
        match of_variable(key, &variable) {
            Ok(found) => said.extend(found),
            Err(one) => bad.push(one),
        }
        said.extend(files.iter().filter_map(|(path, entries)| {
            let entry = entry_of(key, entries)?;
            Some((entry.value.clone(), Origin::File { path: path.clone(), line: entry.line }))
        }));
        let mut said = said.into_iter();
        let (value, origin) = match said.next() {
            Some((value, origin)) => (Some(value), origin),
            None => (usual(key), Origin::Default),
        };
        all.push(Held { key, value, origin, overridden: said.map(|(_, origin)| origin).collect() });
    }
    if bad.is_empty() { Ok(one_volume(all, files)) } else { Err(bad) }
}

/// The key by its own name, or by its weaker one.
fn entry_of<'a>(key: &Key, entries: &'a [Entry]) -> Option<&'a Entry> {
    let named = |name: &str| entries.iter().find(|entry| entry.key == name);
    named(key.name).or_else(|| {
        let other = TABLE.iter().find(|other| matches!(other.usual, Usual::As(name) if name == key.name))?;
        named(other.name)
    })
}

fn usual(key: &Key) -> Option<Value> {
    match key.usual {
        Usual::Is(text) => serde_json::from_str(text).ok(),
        Usual::Open { .. } | Usual::As(_) => None,
    }
}

fn of_variable(key: &Key, variable: impl Fn(&str) -> Option<String>) -> Result<Option<(Value, Origin)>, BadVariable> {
    let Some(name) = key.variable() else { return Ok(None) };
    let Some(text) = variable(&name) else { return Ok(None) };
    let bad = |why: String| BadVariable { name: name.clone(), why };
    let value = match key.kind {
        Kind::Switch => Value::from(yes_or_no(&text).ok_or_else(|| bad(format!("`{text}` is neither yes nor no")))?),
        Kind::List => text.split(',').map(Value::from).collect(),
        Kind::Word => text.parse::<u64>().map_or_else(|_| Value::from(text.clone()), Value::from),
    };
    if let Some(why) = why_not(key.name, &value) {
        return Err(bad(why));
    }
    // These two are flags: a variable can only switch them on.
    let says_nothing = ["quiet", "debug"].contains(&key.name) && value == Value::Bool(false);
    Ok((!says_nothing).then_some((value, Origin::Variable(name))))
}

/// The words of clap's boolish values.
fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Some(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// `quiet` and `debug` are one thing, how much is told: the stronger of the two takes the other's place.
fn one_volume(mut all: Vec<Held>, files: &[Read]) -> Vec<Held> {
    let rank = |origin: &Origin| match origin {
        Origin::Variable(_) => 0,
        Origin::File { path, .. } => 1 + files.iter().position(|(known, _)| known == path).unwrap_or(files.len()),
        Origin::Default => usize::MAX,
    };
    let place = |all: &[Held], name| all.iter().position(|held| held.key.name == name);
    let (Some(quiet), Some(debug)) = (place(&all, "quiet"), place(&all, "debug")) else { return all };
    let is_on = |held: &Held| held.value == Some(Value::Bool(true));
    if is_on(&all[quiet]) && is_on(&all[debug]) {
        let (winner, loser) =
            if rank(&all[debug].origin) < rank(&all[quiet].origin) { (debug, quiet) } else { (quiet, debug) };
        let origin = all[winner].origin.clone();
        let weaker = std::mem::replace(&mut all[loser].origin, origin);
        all[loser].overridden.insert(0, weaker);
        all[loser].value = Some(Value::Bool(false));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lines::{entries, toml};
    use crate::config::parse_file;

    fn read(files: &[(&str, &str)]) -> Vec<Read> {
        files.iter().map(|(path, text)| ((*path).to_owned(), entries(text).unwrap())).collect()
    }

    fn all(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Vec<Held>, Vec<BadVariable>> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        held(variable, &read(files))
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], files: &[(&str, &str)], key: &str, value: &str, origin: &Origin) {
        let all = all(variables, files).unwrap();
        let held = all.iter().find(|held| held.key.name == key).unwrap();
        assert_eq!((held.value.as_ref().map(toml).as_deref(), &held.origin), (Some(value), origin), "{key}");
    }

    fn file(path: &str, line: usize) -> Origin {
        Origin::File { path: path.into(), line }
    }

    #[test]
    fn the_strongest_that_says_something_holds() {
        let files = [("mine", "\nlisten_port = 2\n"), ("etc", "listen_port = 3\nquiet = true\n")];
        let variable = Origin::Variable("OLLAMA_FORWARD_LISTEN_PORT".into());
        check(&[("OLLAMA_FORWARD_LISTEN_PORT", "1")], &files, "listen_port", "1", &variable);
        check(&[], &files, "listen_port", "2", &file("mine", 2));
        check(&[], &files, "quiet", "true", &file("etc", 2));
        check(&[], &files, "color", "\"auto\"", &Origin::Default);
        let all = all(&[("OLLAMA_FORWARD_LISTEN_PORT", "1")], &files).unwrap();
        let port = all.iter().find(|held| held.key.name == "listen_port").unwrap();
        assert_eq!(port.overridden, [file("mine", 2), file("etc", 1)]);
        assert!(all.iter().any(|held| held.key.name == "num_ctx" && held.value.is_none()));
    }

    #[test]
    fn a_key_counts_under_both_of_its_names() {
        check(&[], &[("a", "ollama_url = \"pc\"")], "upstream", "\"pc\"", &file("a", 1));
        check(&[], &[("a", "ollama_url = \"pc\"\nupstream = \"demo\"")], "upstream", "\"demo\"", &file("a", 2));
    }

    #[test]
    fn variables_are_read_as_a_run_reads_them() {
        let origin = |name: &str| Origin::Variable(name.into());
        for (name, key, text, value) in [
            ("OLLAMA_FORWARD_LISTEN", "listen", "127.0.0.1,[::1]:9", r#"["127.0.0.1", "[::1]:9"]"#),
            ("OLLAMA_FORWARD_TRANSLATE", "translate", "off", "false"),
            ("OLLAMA_FORWARD_CAPTURE", "capture", "yes", "\"yes\""),
            ("OLLAMA_FORWARD_DEBUG", "debug", "1", "true"),
        ] {
            check(&[(name, text)], &[], key, value, &origin(name));
        }
        check(&[("OLLAMA_FORWARD_QUIET", "no")], &[("a", "quiet = true")], "quiet", "true", &file("a", 1));
        let bad =
            all(&[("OLLAMA_FORWARD_LISTEN_PORT", "http"), ("OLLAMA_FORWARD_TRANSLATE", "perhaps")], &[]).unwrap_err();
        let names: Vec<_> = bad.iter().map(|bad| bad.name.as_str()).collect();
        assert_eq!(names, ["OLLAMA_FORWARD_LISTEN_PORT", "OLLAMA_FORWARD_TRANSLATE"]);
        assert!(bad[0].why.starts_with("`http` is not a port"), "{}", bad[0].why);
    }

    #[test]
    fn of_quiet_and_debug_the_stronger_one_holds() {
        let variable = Origin::Variable("OLLAMA_FORWARD_DEBUG".into());
        let variables = [("OLLAMA_FORWARD_DEBUG", "true")];
        check(&variables, &[("a", "quiet = true")], "quiet", "false", &variable);
        check(&variables, &[("a", "quiet = true")], "debug", "true", &variable);
        check(&[], &[("a", "quiet = true"), ("b", "debug = true")], "debug", "false", &file("a", 1));
    }

    #[test]
    fn what_holds_is_a_file_that_means_the_same() {
        let texts = [
            "listen = \"::1\"\nquiet = true\nupstream = \"pc:1\"\n",
            "debug = true\nlisten_port = 5\nlisten = [\"127.0.0.1\"]\n",
        ];
        let all = all(&[], &[("a", texts[0]), ("b", texts[1])]).unwrap();
        let text: String = all
            .iter()
            .filter_map(|held| Some(format!("{} = {}\n", held.key.name, toml(held.value.as_ref()?))))
            .collect();
        let [a, b] = texts.map(|text| parse_file("", text).unwrap());
        let (shown, layers) = (parse_file("", &text).unwrap(), a.over(b));
        assert_eq!(format!("{:?}", shown.log.settings()), format!("{:?}", layers.log.settings()));
        let (shown, mut run) = (shown.finish("/".into()).unwrap(), layers.finish("/".into()).unwrap());
        // `debug` of a weaker file is not told by a quiet one: blocks of exchanges are lines of the log.
        run.bridge.debug = false;
        assert_eq!(shown, run);
    }
}
