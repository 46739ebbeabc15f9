//! Codex: which one is installed, and where it would send its requests.

pub mod checks;
pub mod gather;

use std::path::PathBuf;

use serde::Serialize;

use crate::doctor::Fact;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Codex {
    /// The program that `codex` means, and what it says of its version.
    pub program: Fact<Option<Program>>,
    /// `CODEX_HOME`, or `~/.codex`.
    pub home: Option<PathBuf>,
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
}

/// What of a configuration of Codex decides where requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Config {
    /// None: there is no such file.
    pub path: Option<PathBuf>,
    /// What is wrong with it, where it cannot be read.
    pub broken: Option<String>,
    pub model: Option<String>,
    pub model_provider: Option<String>,
    pub oss_provider: Option<String>,
    /// The old way to name a profile, which newer versions refuse.
    pub profile: Option<String>,
    pub context_window: Option<u64>,
    pub has_catalog: bool,
    pub catalog: Option<PathBuf>,
    pub providers: Vec<Provider>,
    /// Names of MCP servers.
    pub mcp_servers: Vec<String>,
    /// `stream_idle_timeout_ms` where it has no effect: outside of a provider.
    pub stray_idle_timeout: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Provider {
    pub id: String,
    pub base_url: Option<String>,
    pub wire_api: Option<String>,
    pub idle_timeout_ms: Option<u64>,
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
    /// `NO_PROXY` or `no_proxy`.
    pub no_proxy: Option<String>,
}
