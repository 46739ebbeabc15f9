//! Reads what Codex reads. Pure: texts in, values out. A text that makes no sense is a fact, too.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{Catalog, Config, Provider};

/// The text of a `config.toml`, or of a profile. The catalogue is only named: whoever reads files reads it.
pub(super) fn config(text: &str) -> Config {
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return Config { broken: Some(position(text, &error)), ..Config::default() },
    };
    let mut reader = Reader { table: &table, at: String::new(), mistyped: Vec::new() };
    Config {
        path: None,
        broken: None,
        model: reader.text("model"),
        model_provider: reader.text("model_provider"),
        oss_provider: reader.text("oss_provider"),
        openai_base_url: reader.text("openai_base_url").map(|url| redacted(&url)),
        profile: reader.text("profile"),
        old_profiles: reader.tables("profiles").into_iter().map(|(name, _)| name).collect(),
        context_window: reader.number("model_context_window"),
        catalog: reader.text("model_catalog_json").map(|path| Catalog { path: path.into(), ..Catalog::default() }),
        providers: providers(&mut reader),
        mcp_servers: reader.tables("mcp_servers").into_iter().filter(is_enabled).map(|(name, _)| name).collect(),
        stray_idle_timeout: table.contains_key("stream_idle_timeout_ms"),
        mistyped: reader.mistyped,
    }
}

fn is_enabled((_, server): &(String, &Table)) -> bool {
    server.get("enabled").and_then(Value::as_bool) != Some(false)
}

fn providers(reader: &mut Reader<'_>) -> Vec<Provider> {
    let mut providers = Vec::new();
    for (id, table) in reader.tables("model_providers") {
        let mut of = Reader { table, at: format!("model_providers.{id}."), mistyped: Vec::new() };
        providers.push(Provider {
            name: of.text("name").filter(|name| !name.is_empty()),
            base_url: of.text("base_url").map(|url| redacted(&url)),
            wire_api: of.text("wire_api"),
            idle_timeout_ms: of.number("stream_idle_timeout_ms"),
            env_key: of.text("env_key"),
            supports_websockets: of.truth("supports_websockets"),
            id,
        });
        reader.mistyped.append(&mut of.mistyped);
    }
    providers
}

fn position(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
    format!("line {line}: {}", error.message())
}

/// Values by key, and the keys whose values are of the wrong type.
struct Reader<'a> {
    table: &'a Table,
    /// What stands before a key of this table.
    at: String,
    mistyped: Vec<String>,
}

impl<'a> Reader<'a> {
    fn text(&mut self, key: &str) -> Option<String> {
        self.value(key, Value::as_str).map(str::to_owned)
    }

    fn number(&mut self, key: &str) -> Option<u64> {
        self.value(key, |value| value.as_integer()?.try_into().ok())
    }

    fn truth(&mut self, key: &str) -> bool {
        self.value(key, Value::as_bool).unwrap_or_default()
    }

    /// The tables in a table.
    fn tables(&mut self, key: &str) -> Vec<(String, &'a Table)> {
        let all = self.value(key, Value::as_table).into_iter().flatten();
        all.filter_map(|(name, value)| Some((name.clone(), value.as_table()?))).collect()
    }

    fn value<T: 'a>(&mut self, key: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.table.get(key)?;
        let read = read(value);
        if read.is_none() {
            self.mistyped.push(format!("{}{key}", self.at));
        }
        read
    }
}

/// An address without what is secret in it: user, password and query.
pub(super) fn redacted(url: &str) -> String {
    let url = url.trim();
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

/// The text of a catalogue: names of models and their windows.
pub(super) fn catalog(text: &str) -> Result<Vec<(String, Option<u64>)>, String> {
    let all: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let models = all["models"].as_array().ok_or("it has no list `models`")?;
    let model = |model: &Json| Some((model["slug"].as_str()?.to_owned(), model["context_window"].as_u64()));
    Ok(models.iter().filter_map(model).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_read() {
        let text = "model = \"qwen3:14b\"\nmodel_provider = \"mine\"\noss_provider = \"ollama\"\nprofile = \"old\"\n\
                    model_context_window = 32768\nmodel_catalog_json = \"/c.json\"\nstream_idle_timeout_ms = 5\n\
                    openai_base_url = \"http://me:secret@pc/v1\"\n\
                    [model_providers.mine]\nname = \"Mine\"\nbase_url = \"http://localhost:1/v1\"\n\
                    wire_api = \"responses\"\nstream_idle_timeout_ms = 7\nenv_key = \"KEY\"\nsupports_websockets = true\n\
                    http_headers = { Authorization = \"secret\" }\nexperimental_bearer_token = \"secret\"\n\
                    [profiles.old]\nmodel = \"x\"\n[mcp_servers.docs]\ncommand = \"x\"\nenv = { TOKEN = \"secret\" }\n\
                    [mcp_servers.off]\ncommand = \"x\"\nenabled = false\n";
        let config = config(text);
        let provider = Provider {
            id: "mine".into(),
            name: Some("Mine".into()),
            base_url: Some("http://localhost:1/v1".into()),
            wire_api: Some("responses".into()),
            idle_timeout_ms: Some(7),
            env_key: Some("KEY".into()),
            supports_websockets: true,
        };
        let expected = Config {
            model: Some("qwen3:14b".into()),
            model_provider: Some("mine".into()),
            oss_provider: Some("ollama".into()),
            openai_base_url: Some("http://pc/v1".into()),
            profile: Some("old".into()),
            old_profiles: vec!["old".into()],
            context_window: Some(32768),
            catalog: Some(Catalog { path: "/c.json".into(), ..Catalog::default() }),
            providers: vec![provider],
            mcp_servers: vec!["docs".into()],
            stray_idle_timeout: true,
            ..Config::default()
        };
        assert_eq!(config, expected);
        let told = serde_json::to_string(&config).unwrap();
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn a_broken_text_says_where() {
        let broken = config("model = \"a\"\nmodel_provider = \"olla\n").broken.unwrap();
        assert!(broken.starts_with("line 2: "), "{broken}");
        assert_eq!(config(""), Config::default());
        assert_eq!(config("# nothing\n[tui]\nnotifications = true\n"), Config::default());
    }

    #[test]
    fn values_of_another_type_are_named() {
        let text = "model = 5\nmodel_context_window = \"32768\"\n[model_providers.x]\nname = \"x\"\n\
                    stream_idle_timeout_ms = -1\nbase_url = [\"a\"]\n";
        let config = config(text);
        assert_eq!(
            config.mistyped,
            ["model", "model_context_window", "model_providers.x.base_url", "model_providers.x.stream_idle_timeout_ms"]
        );
    }

    #[test]
    fn addresses_are_told_without_what_is_secret() {
        for (url, told) in [
            ("http://me:secret@pc:8080/v1?key=secret#secret", "http://pc:8080/v1"),
            ("me:secret@pc:11434", "pc:11434"),
            (" http://localhost:11434/v1/ ", "http://localhost:11434/v1/"),
            ("http://pc/a@b", "http://pc/a@b"),
            ("0.0.0.0", "0.0.0.0"),
            ("", ""),
        ] {
            assert_eq!(redacted(url), told, "{url}");
        }
    }

    #[test]
    fn a_catalogue_names_models_and_windows() {
        let text = r#"{"models":[{"slug":"a","context_window":32768},{"slug":"b"},{"other":1}]}"#;
        assert_eq!(catalog(text), Ok(vec![("a".into(), Some(32768)), ("b".into(), None)]));
        assert_eq!(catalog("[]"), Err("it has no list `models`".into()));
        assert!(catalog("{").is_err());
    }
}
