//! A configuration file becomes a [`Layer`]. An unknown key is an error that suggests the right one.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::Deserialize;

use super::Layer;
use super::parse::{
    nearest_of, parse_count, parse_duration, parse_keepalive, parse_number, parse_port, parse_positive_duration,
    parse_size, parse_space, parse_tokens,
};
use crate::bridge::settings::{self, Subagents, Titles, ToolForms, UpstreamApi};
use crate::capture::settings as capture;
use crate::fault::{Fault, FaultId};
use crate::log::{Color, Live, LogFormat, Volume, Wishes};
use crate::words;
use crate::words::Words;

/// The keys of a configuration file, as they may be written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    listen: Option<OneOrMany>,
    listen_port: Option<Word>,
    upstream: Option<Word>,
    ollama_url: Option<Word>,
    connect_timeout: Option<Word>,
    wait_for_upstream: Option<Word>,
    keepalive: Option<Word>,
    user_timeout: Option<Word>,
    max_connections: Option<Word>,
    drain_timeout: Option<Word>,
    translate: Option<bool>,
    upstream_api: Option<Word>,
    tools: Option<Word>,
    num_ctx: Option<Word>,
    max_body_size: Option<Word>,
    resume_window: Option<Word>,
    titles: Option<Word>,
    subagents: Option<Word>,
    stored_responses: Option<Word>,
    any_host: Option<bool>,
    capture: Option<Word>,
    inspect: Option<Word>,
    capture_max_size: Option<Word>,
    capture_max_age: Option<Word>,
    capture_max_body: Option<Word>,
    capture_min_free: Option<Word>,
    capture_raw: Option<bool>,
    capture_only: Option<OneOrMany>,
    capture_except: Option<OneOrMany>,
    capture_compat: Option<Word>,
    quiet: Option<bool>,
    debug: Option<bool>,
    log_format: Option<Word>,
    color: Option<Word>,
    live: Option<Word>,
}

const KEYS: [&str; 35] = [
    "listen",
    "listen_port",
    "upstream",
    "ollama_url",
    "connect_timeout",
    "wait_for_upstream",
    "keepalive",
    "user_timeout",
    "max_connections",
    "drain_timeout",
    "translate",
    "upstream_api",
    "tools",
    "num_ctx",
    "max_body_size",
    "resume_window",
    "titles",
    "subagents",
    "stored_responses",
    "any_host",
    "capture",
    "inspect",
    "capture_max_size",
    "capture_max_age",
    "capture_max_body",
    "capture_min_free",
    "capture_raw",
    "capture_only",
    "capture_except",
    "capture_compat",
    "quiet",
    "debug",
    "log_format",
    "color",
    "live",
];

/// A value as a flag would have it: `15` and `"15s"` both say fifteen seconds.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Word {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl Word {
    fn into_text(self) -> String {
        match self {
            Self::Bool(yes) => yes.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// Reads the text of a configuration file; `name` is how errors call it.
pub fn parse_file(name: &str, text: &str) -> Result<Layer, Fault> {
    let fault = |Words { en, fr }: Words| Fault::new(FaultId::Config, words!("{name}: {en}", "{name} : {fr}"));
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| fault(position(text, &error)))?;
    if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(fault(unknown_key(unknown)));
    }
    let file: File = table.try_into().map_err(|error: toml::de::Error| fault(error.message().into()))?;
    file.into_layer().map_err(|(key, Words { en, fr })| fault(words!("{key}: {en}", "{key} : {fr}")))
}

/// Where it is wrong, in our words; and how, in those of the parser.
fn position(text: &str, error: &toml::de::Error) -> Words {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
    let how = error.message();
    words!("line {line}: {how}", "ligne {line} : {how}")
}

fn unknown_key(unknown: &str) -> Words {
    if let Some(key) = nearest(unknown) {
        return words!(
            "unknown key `{unknown}`, did you mean `{key}`?",
            "clé « {unknown} » inconnue ; serait-ce `{key}` ?"
        );
    }
    let known = KEYS.join(", ");
    words!("unknown key `{unknown}`; known keys: {known}", "clé « {unknown} » inconnue ; clés connues : {known}")
}

/// The key that was most likely meant.
fn nearest(unknown: &str) -> Option<&'static str> {
    nearest_of(KEYS, &unknown.replace('-', "_"))
}

/// The text as it was most likely meant: a key that was mistyped is written right, and a line that cannot be used becomes a
/// comment. None where nothing is wrong, or that does not help.
pub fn mended(text: &str) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // Each round mends a line, or gives up.
    for _ in 0..=lines.len() {
        let joined = lines.join("\n") + "\n";
        let Some((line, key)) = first_wrong(&joined) else {
            return (joined.trim_end() != text.trim_end()).then_some(joined);
        };
        let wrong = lines.get_mut(line)?;
        let right =
            key.as_deref().and_then(nearest).filter(|right| !joined.lines().any(|line| key_of(line) == Some(*right)));
        *wrong = match (key, right) {
            (Some(key), Some(right)) if !KEYS.contains(&key.as_str()) => wrong.replacen(&key, right, 1),
            _ if wrong.starts_with('#') => return None,
            _ => format!("# {wrong}"),
        };
    }
    None
}

/// The number of the first line that cannot be used, from 0, and its key.
fn first_wrong(text: &str) -> Option<(usize, Option<String>)> {
    let line_of = |key: &str| text.lines().position(|line| key_of(line) == Some(key));
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let error: toml::de::Error = error;
            let before = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count());
            return Some((before, None));
        }
    };
    let unknown = table.keys().find(|key| !KEYS.contains(&key.as_str())).cloned();
    // One key at a time, so that a value of the wrong kind is known by its key.
    let unusable = || {
        let alone = |key: &&String| {
            let one: toml::Table = [((*key).clone(), table[*key].clone())].into_iter().collect();
            one.try_into::<File>().is_ok_and(|file| file.into_layer().is_ok())
        };
        table.keys().find(|key| !alone(key)).cloned()
    };
    let key = unknown.or_else(unusable)?;
    Some((line_of(&key).unwrap_or(usize::MAX), Some(key)))
}

fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    Some(key.trim().trim_matches('"'))
}

/// One of a few words.
fn choice<T: ValueEnum>(text: &str) -> Result<T, Words> {
    T::from_str(text, false).map_err(|_| {
        let values: Vec<_> = T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
        let names = values.iter().map(PossibleValue::get_name).collect::<Vec<_>>().join(", ");
        words!("`{text}` is none of: {names}", "« {text} » n'est pas l'un de : {names}")
    })
}

impl File {
    fn into_layer(self) -> Result<Layer, (&'static str, Words)> {
        fn value<T>(
            key: &'static str,
            word: Option<Word>,
            parse: impl Fn(&str) -> Result<T, Words>,
        ) -> Result<Option<T>, (&'static str, Words)> {
            word.map(|word| parse(&word.into_text())).transpose().map_err(|why| (key, why))
        }
        let listen = self.listen.map(OneOrMany::into_all);
        let listen = listen.map(|all| all.iter().map(|text| text.parse()).collect()).transpose();
        Ok(Layer {
            listen: listen.map_err(|why| ("listen", why))?,
            listen_port: value("listen_port", self.listen_port, parse_port)?,
            upstream: value("upstream", self.upstream.or(self.ollama_url), str::parse)?,
            connect_timeout: value("connect_timeout", self.connect_timeout, parse_positive_duration)?,
            wait_for_upstream: value("wait_for_upstream", self.wait_for_upstream, parse_duration)?,
            keepalive: value("keepalive", self.keepalive, parse_keepalive)?,
            user_timeout: value("user_timeout", self.user_timeout, parse_duration)?,
            max_connections: value("max_connections", self.max_connections, parse_count)?,
            drain_timeout: value("drain_timeout", self.drain_timeout, parse_duration)?,
            bridge: settings::Wishes {
                // For tests, which have no ten seconds.
                heartbeat: None,
                translate: self.translate,
                any_host: self.any_host,
                upstream_api: value("upstream_api", self.upstream_api, choice::<UpstreamApi>)?,
                tools: value("tools", self.tools, choice::<ToolForms>)?,
                num_ctx: value("num_ctx", self.num_ctx, parse_tokens)?,
                max_body_size: value("max_body_size", self.max_body_size, parse_size)?,
                resume_window: value("resume_window", self.resume_window, parse_duration)?,
                titles: value("titles", self.titles, choice::<Titles>)?,
                subagents: value("subagents", self.subagents, choice::<Subagents>)?,
                stored_responses: value("stored_responses", self.stored_responses, parse_number)?,
                debug: self.debug,
            },
            capture: capture::Wishes {
                capture: value("capture", self.capture, str::parse)?,
                inspect: value("inspect", self.inspect, str::parse)?,
                max_size: value("capture_max_size", self.capture_max_size, parse_size)?,
                max_age: value("capture_max_age", self.capture_max_age, parse_positive_duration)?,
                max_body: value("capture_max_body", self.capture_max_body, parse_size)?,
                min_free: value("capture_min_free", self.capture_min_free, parse_space)?,
                raw: self.capture_raw,
                only: self.capture_only.map(OneOrMany::into_all),
                except: self.capture_except.map(OneOrMany::into_all),
                compat: value("capture_compat", self.capture_compat, |text| Ok(text.into()))?,
            },
            needs_translate: None,
            log: Wishes {
                volume: match (self.quiet, self.debug) {
                    (Some(true), Some(true)) => {
                        return Err(("quiet", words!("and debug exclude each other", "incompatible avec debug")));
                    }
                    (Some(true), _) => Some(Volume::Quiet),
                    (_, Some(true)) => Some(Volume::Debug),
                    (_, _) => None,
                },
                format: value("log_format", self.log_format, choice::<LogFormat>)?,
                color: value("color", self.color, choice::<Color>)?,
                live: value("live", self.live, choice::<Live>)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use crate::config::Upstream;

    #[test]
    fn a_file_sets_what_it_names() {
        let text = "listen = [\"127.0.0.1\", \"[::1]:11435\"]\nlisten_port = 11500\nupstream = \"pc\"\nkeepalive = \"10/5/3\"\nconnect_timeout = 2\nwait_for_upstream = \"500ms\"\nmax_connections = 10\n";
        let layer = parse_file("config.toml", text).unwrap();
        assert_eq!(layer.listen_port, Some(11500));
        assert_eq!(layer.connect_timeout, Some(Duration::from_secs(2)));
        assert_eq!(layer.wait_for_upstream, Some(Duration::from_millis(500)));
        let config = layer.finish("/".into()).unwrap();
        let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["127.0.0.1:11500", "[::1]:11435"]);
        assert_eq!(config.upstream, Upstream::Name { host: "pc".into(), port: 11434 });
    }

    #[test]
    fn the_table_of_keys_has_all_of_them() {
        let mut table: Vec<&str> = crate::config::keys::TABLE.iter().map(|key| key.name).collect();
        table.sort_unstable();
        let mut keys = KEYS;
        keys.sort_unstable();
        assert_eq!(table, keys);
    }

    #[track_caller]
    fn refused(text: &str, says: &str) {
        let fault = parse_file("config.toml", text).unwrap_err();
        assert_eq!(fault.id, FaultId::Config);
        assert!(fault.what.en.contains(says), "{}", fault.what);
    }

    #[test]
    fn a_file_with_a_mistake_is_refused_by_place_and_key() {
        refused("conect_timeout = 2", "unknown key `conect_timeout`, did you mean `connect_timeout`?");
        refused("listen-port = 2", "did you mean `listen_port`?");
        refused("zebra = 2", "known keys: listen,");
        refused("upstream = \"https://x\"", "upstream: https:// is not supported");
        refused("listen_port = 0", "listen_port: port 0");
        refused("a = 1\nb = ", "line 2");
        refused("listen = 5", "config.toml: ");
        refused("log_format = \"xml\"", "log_format: `xml` is none of: text, json");
        refused("quiet = true\ndebug = true", "exclude each other");
    }

    #[track_caller]
    fn mends(text: &str, right: Option<&str>) {
        assert_eq!(mended(text).as_deref(), right, "{text}");
        if let Some(right) = right {
            parse_file("config.toml", right).unwrap();
        }
    }

    #[test]
    fn what_was_mistyped_is_mended() {
        mends("upstrem = \"auto\"\n", Some("upstream = \"auto\"\n"));
        mends(
            "listen_port = 11435\nwait-for-upstream = \"30s\"\n",
            Some("listen_port = 11435\nwait_for_upstream = \"30s\"\n"),
        );
    }

    #[test]
    fn what_cannot_be_meant_becomes_a_comment() {
        mends("cheese = 1\ntranslate = true\n", Some("# cheese = 1\ntranslate = true\n"));
        mends("listen_port = \"http\"\n", Some("# listen_port = \"http\"\n"));
        mends("translate = yes\nquiet = true\n", Some("# translate = yes\nquiet = true\n"));
        mends("listen = [\n  1,\n]\nquiet = true\n", Some("# listen = [\n#   1,\n# ]\nquiet = true\n"));
        // The right key is there already.
        mends("upstream = \"auto\"\nupstrem = \"demo\"\n", Some("upstream = \"auto\"\n# upstrem = \"demo\"\n"));
    }

    #[test]
    fn what_is_well_is_left_alone() {
        mends("translate = true\n", None);
        mends("", None);
    }
}
