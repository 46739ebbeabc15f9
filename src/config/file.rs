//! A configuration file becomes a [`Layer`]. An unknown key is an error that suggests the right one.

use clap::ValueEnum;
use serde::Deserialize;

use super::Layer;
use super::parse::{
    parse_count, parse_duration, parse_keepalive, parse_number, parse_port, parse_positive_duration, parse_size,
    parse_tokens,
};
use crate::bridge::settings::{self, Subagents, Titles, ToolForms, UpstreamApi};
use crate::fault::{Fault, FaultId};
use crate::log::{Color, LogFormat, Volume, Wishes};

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
    quiet: Option<bool>,
    debug: Option<bool>,
    log_format: Option<Word>,
    color: Option<Word>,
}

const KEYS: [&str; 23] = [
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
    "quiet",
    "debug",
    "log_format",
    "color",
];

/// A value as a flag would have it: `15` and `"15s"` both say fifteen seconds.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Word {
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

impl Word {
    fn into_text(self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// Reads the text of a configuration file; `name` is how errors call it.
pub fn parse_file(name: &str, text: &str) -> Result<Layer, Fault> {
    let fault = |what: String| Fault::new(FaultId::Config, format!("{name}: {what}"));
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| fault(position(text, &error)))?;
    if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(fault(format!("unknown key `{unknown}`{}", suggestion(unknown))));
    }
    let file: File = table.try_into().map_err(|error: toml::de::Error| fault(error.message().to_owned()))?;
    file.into_layer().map_err(|(key, why)| fault(format!("{key}: {why}")))
}

fn position(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
    format!("line {line}: {}", error.message())
}

fn suggestion(unknown: &str) -> String {
    let unknown = unknown.replace('-', "_");
    let nearest = KEYS.iter().max_by(|a, b| similarity(a, &unknown).total_cmp(&similarity(b, &unknown)));
    match nearest.filter(|key| similarity(key, &unknown) > 0.7) {
        Some(key) => format!(", did you mean `{key}`?"),
        None => format!("; known keys: {}", KEYS.join(", ")),
    }
}

/// One of a few words.
fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false)
}

fn similarity(key: &str, unknown: &str) -> f64 {
    strsim::jaro_winkler(key, unknown)
}

impl File {
    fn into_layer(self) -> Result<Layer, (&'static str, String)> {
        fn value<T>(
            key: &'static str,
            word: Option<Word>,
            parse: impl Fn(&str) -> Result<T, String>,
        ) -> Result<Option<T>, (&'static str, String)> {
            word.map(|word| parse(&word.into_text())).transpose().map_err(|why| (key, why))
        }
        let listen = self.listen.map(|listen| match listen {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        });
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
            needs_translate: None,
            log: Wishes {
                volume: match (self.quiet, self.debug) {
                    (Some(true), Some(true)) => return Err(("quiet", "and debug exclude each other".into())),
                    (Some(true), _) => Some(Volume::Quiet),
                    (_, Some(true)) => Some(Volume::Debug),
                    (_, _) => None,
                },
                format: value("log_format", self.log_format, choice::<LogFormat>)?,
                color: value("color", self.color, choice::<Color>)?,
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

    #[track_caller]
    fn refused(text: &str, says: &str) {
        let fault = parse_file("config.toml", text).unwrap_err();
        assert_eq!(fault.id, FaultId::Config);
        assert!(fault.what.contains(says), "{}", fault.what);
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
        refused("log_format = \"xml\"", "log_format: invalid variant: xml");
        refused("quiet = true\ndebug = true", "exclude each other");
    }
}
