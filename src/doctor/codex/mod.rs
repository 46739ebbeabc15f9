//! Codex: which one is installed, and where it would send its requests.
//!
//! ```text
//! gather ─ program, files, variables ──► read ──► Codex (facts)
//!                                                  └──► aim: where do `codex`, `codex -p NAME`, `codex --oss` send?
//!                                                        └──► checks ──► profile: what `codex -p ollama-forward` reads
//! ```

pub mod aim;
pub mod checks;
pub mod gather;
pub mod profile;
mod read;
pub mod url;

use std::path::PathBuf;

use serde::Serialize;

use crate::doctor::Fact;

pub use profile::text as profile_text;

/// What Codex assumes of a model that it does not know (measured with 0.169: 258,400 usable).
const ASSUMED: u64 = 272_000;
/// Codex uses this much of a window, and begins to shorten before that.
const USABLE_PERCENT: u64 = 95;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Codex {
    /// The program that `codex` means, and what it says of its version.
    pub program: Fact<Option<Program>>,
    /// `CODEX_HOME`, or `~/.codex`.
    pub home: Option<PathBuf>,
    /// `CODEX_HOME` is set, and there is no such directory: Codex does not start then.
    pub home_is_missing: bool,
    /// Its `config.toml`, as far as it matters here.
    pub config: Fact<Config>,
    /// `NAME.config.toml` files beside it, which `codex -p NAME` reads.
    pub profiles: Vec<Profile>,
    pub environment: Environment,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    pub path: PathBuf,
    /// Such as `0.169.0`.
    pub version: Fact<String>,
    /// It lies on a disk of Windows, and was not asked for its version.
    pub of_windows: bool,
    /// Where that is so: the next `codex` in `PATH` that does not.
    pub behind: Option<PathBuf>,
}

/// What of a configuration of Codex decides where requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Config {
    /// None: there is no such file.
    pub path: Option<PathBuf>,
    /// What is wrong with it, where it cannot be read.
    pub broken: Option<String>,
    /// Keys whose values are of another type than Codex takes, such as `model_context_window = "32768"`.
    pub mistyped: Vec<String>,
    pub model: Option<String>,
    pub model_provider: Option<String>,
    pub oss_provider: Option<String>,
    pub openai_base_url: Option<String>,
    /// The old way to name a profile, which newer versions refuse.
    pub profile: Option<String>,
    /// The old `[profiles.NAME]` tables, which newer versions ignore.
    pub old_profiles: Vec<String>,
    pub context_window: Option<u64>,
    pub catalog: Option<Catalog>,
    pub providers: Vec<Provider>,
    /// Names of MCP servers.
    pub mcp_servers: Vec<String>,
    /// `stream_idle_timeout_ms` where it has no effect: outside of a provider.
    pub stray_idle_timeout: bool,
}

/// `model_catalog_json`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Catalog {
    pub path: PathBuf,
    /// Why it cannot be read, where it cannot: Codex does not start then.
    pub broken: Option<String>,
    /// Models and their context windows.
    pub windows: Vec<(String, Option<u64>)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Provider {
    pub id: String,
    pub name: Option<String>,
    /// Without user, password and query.
    pub base_url: Option<String>,
    pub wire_api: Option<String>,
    pub idle_timeout_ms: Option<u64>,
    /// The name of a variable, not its value.
    pub env_key: Option<String>,
    pub supports_websockets: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    pub name: String,
    pub config: Config,
}

/// Variables that Codex and other clients of Ollama look at. Addresses only: no key is ever read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Environment {
    pub codex_oss_base_url: Option<String>,
    pub codex_oss_port: Option<String>,
    pub ollama_host: Option<String>,
    /// Names of the proxy variables that are set, as they are written.
    pub proxies: Vec<String>,
    /// `NO_PROXY` and `no_proxy`, where they are set, be it to nothing.
    pub no_proxy: Vec<(String, String)>,
}

/// What Codex makes of the text of a `config.toml`. A catalogue is only named.
pub fn read_config(text: &str) -> Config {
    read::config(text)
}

impl Codex {
    /// The version of the program, as numbers that can be compared.
    pub fn version(&self) -> Option<(u32, u32)> {
        let version = self.program.known()?.as_ref()?.version.known()?;
        let mut parts = version.split('.').map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    }

    /// Whether it is at least this version; None where that is not known.
    pub fn is_at_least(&self, major: u32, minor: u32) -> Option<bool> {
        Some(self.version()? >= (major, minor))
    }

    /// Where `codex -p NAME` looks for a profile.
    pub fn profile_path(&self, name: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(format!("{name}.config.toml")))
    }
}

impl Config {
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id == id)
    }

    /// The tokens that Codex believes it has with a model, as it uses less than it assumes.
    pub fn usable_window(&self, model: &str) -> u64 {
        let catalogued = || self.catalog.as_ref()?.window(model);
        let assumed = self.context_window.or_else(catalogued).unwrap_or(ASSUMED);
        assumed.saturating_mul(USABLE_PERCENT) / 100
    }

    /// What Codex goes by when this profile is laid over a configuration.
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        let mut providers = self.providers.clone();
        providers.extend(below.providers.iter().filter(|provider| self.provider(&provider.id).is_none()).cloned());
        let mut mcp_servers = self.mcp_servers.clone();
        mcp_servers.extend(below.mcp_servers.iter().filter(|name| !self.mcp_servers.contains(name)).cloned());
        let or = |above: &Option<String>, below: &Option<String>| above.clone().or_else(|| below.clone());
        Self {
            path: self.path.clone(),
            broken: self.broken.clone(),
            mistyped: self.mistyped.clone(),
            model: or(&self.model, &below.model),
            model_provider: or(&self.model_provider, &below.model_provider),
            oss_provider: or(&self.oss_provider, &below.oss_provider),
            openai_base_url: or(&self.openai_base_url, &below.openai_base_url),
            profile: self.profile.clone(),
            old_profiles: self.old_profiles.clone(),
            context_window: self.context_window.or(below.context_window),
            catalog: self.catalog.clone().or_else(|| below.catalog.clone()),
            providers,
            mcp_servers,
            stray_idle_timeout: self.stray_idle_timeout,
        }
    }
}

impl Catalog {
    pub fn window(&self, model: &str) -> Option<u64> {
        self.windows.iter().find(|(name, _)| name == model)?.1
    }
}

#[cfg(test)]
pub(crate) mod machine;

/// The Codex of a machine on which all is well.
#[cfg(test)]
pub(crate) fn healthy() -> Codex {
    let config = "model = \"qwen3:14b\"\nmodel_provider = \"ollama\"\nmodel_context_window = 32768\n";
    let home = PathBuf::from("/home/me/.codex");
    Codex {
        program: Fact::Known(Some(Program {
            path: "/home/me/.local/bin/codex".into(),
            version: Fact::Known("0.169.0".into()),
            of_windows: false,
            behind: None,
        })),
        config: Fact::Known(Config { path: Some(home.join("config.toml")), ..read::config(config) }),
        home: Some(home),
        ..Codex::default()
    }
}
