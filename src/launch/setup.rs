//! All that Codex has to know of us, and each form in which it is told.

use std::fmt::Write as _;

use super::PROFILE;

/// Codex's own 300 s are too short where nothing translates: Ollama may take 5 min to load a model (`OLLAMA_LOAD_TIMEOUT`), and
/// the prompt is read after that.
const IDLE_TIMEOUT_MS: u64 = 600_000;

/// What Codex sends as a key. Ollama does not look at it; without it, 0.98 and 0.130 send the key or the token of whoever is
/// logged in.
const NO_KEY: &str = "ollama";

/// A model, and the way to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    pub model: String,
    /// Of the forward: `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// The tokens that the model has in memory. None: not known, and Codex guesses.
    pub context: Option<u64>,
    /// Full paths, where there are such files.
    pub catalogue: Option<String>,
    pub instructions: Option<String>,
}

impl Setup {
    /// `KEY=VALUE` for `-c`, which leave nothing behind. The model is not among them: it has `-m`.
    pub fn overrides(&self) -> Vec<String> {
        let provider: Vec<String> = self.provider().iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mut all = vec![
            format!("model_provider={}", string(PROFILE)),
            format!("model_providers.{PROFILE}={{{}}}", provider.join(",")),
        ];
        all.extend(self.of_model().iter().map(|(key, value)| format!("{key}={value}")));
        all
    }

    /// The text of `ollama-forward.config.toml`.
    pub fn profile(&self) -> String {
        let mut text = self.head();
        for (key, value) in self.of_model() {
            let _ = writeln!(text, "{key} = {value}");
        }
        text + "\n" + &self.provider_table()
    }

    /// The tables in `config.toml` that older ones read. They take no context window: whoever starts Codex gives it.
    pub fn tables(&self) -> String {
        let mut text = format!("[profiles.{PROFILE}]\n{}", self.head());
        for (key, value) in self.of_model().iter().filter(|(key, _)| *key != WINDOW) {
            let _ = writeln!(text, "{key} = {value}");
        }
        text + "\n" + &self.provider_table()
    }

    /// The words that [`Setup::tables`] lacks.
    pub fn window(&self) -> Option<String> {
        self.context.map(|context| format!("{WINDOW}={context}"))
    }

    fn head(&self) -> String {
        format!("model = {}\nmodel_provider = {}\n", string(&self.model), string(PROFILE))
    }

    fn provider_table(&self) -> String {
        let mut text = format!("[model_providers.{PROFILE}]\n");
        for (key, value) in self.provider() {
            let _ = writeln!(text, "{key} = {value}");
        }
        text
    }

    fn provider(&self) -> [(&'static str, String); 5] {
        [
            ("name", string(&format!("Ollama ({PROFILE})"))),
            ("base_url", string(&self.base_url)),
            ("wire_api", string("responses")),
            ("stream_idle_timeout_ms", IDLE_TIMEOUT_MS.to_string()),
            ("experimental_bearer_token", string(NO_KEY)),
        ]
    }

    fn of_model(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        all.extend(self.context.map(|context| (WINDOW, context.to_string())));
        all.extend(self.catalogue.as_deref().map(|path| ("model_catalog_json", string(path))));
        all.extend(self.instructions.as_deref().map(|path| ("model_instructions_file", string(path))));
        all
    }
}

const WINDOW: &str = "model_context_window";

/// A string of TOML: what JSON escapes, TOML understands.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> Setup {
        Setup {
            model: "qwen3:14b".into(),
            base_url: "http://127.0.0.1:11434/v1".into(),
            context: Some(32_768),
            catalogue: Some("/home/me/a \"b\"/c.json".into()),
            instructions: None,
        }
    }

    /// What `-c` and a profile say is read by the same parser, so both have to come to the same.
    #[test]
    fn both_forms_say_the_same() {
        let setup = setup();
        let profile: toml::Table = setup.profile().parse().unwrap();
        let mut given: toml::Table = setup.overrides().join("\n").parse().unwrap();
        given.insert("model".into(), setup.model.clone().into());
        assert_eq!(given, profile);
        assert_eq!(profile["model_providers"][PROFILE]["wire_api"].as_str(), Some("responses"));
        assert_eq!(profile["model_context_window"].as_integer(), Some(32_768));
        assert_eq!(profile["model_catalog_json"].as_str(), setup.catalogue.as_deref());
    }

    #[test]
    fn tables_for_older_ones_hold_all_but_the_window() {
        let setup = setup();
        let tables: toml::Table = setup.tables().parse().unwrap();
        let profile: toml::Table = setup.profile().parse().unwrap();
        assert_eq!(tables["model_providers"], profile["model_providers"]);
        assert_eq!(tables["profiles"][PROFILE]["model"].as_str(), Some("qwen3:14b"));
        assert!(!setup.tables().contains("model_context_window"));
        assert_eq!(setup.window().as_deref(), Some("model_context_window=32768"));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let bare = Setup { context: None, catalogue: None, ..setup() };
        assert_eq!(bare.overrides().len(), 2);
        assert_eq!(bare.window(), None);
        assert!(!bare.profile().contains("model_context_window"));
    }

    #[test]
    fn odd_names_stay_in_their_quotes() {
        assert_eq!(string("a\"b\\"), r#""a\"b\\""#);
    }
}
