//! What was typed behind `setup`. Nothing is computed here; [`crate::app`] does it.

use std::path::PathBuf;

use clap::Args;

use crate::config::{self, Upstream};

const EXAMPLES: &str = "\
Examples:
  ollama-forward setup                  from nothing to a working Codex, with questions
  ollama-forward setup --yes            the same, without questions: what is recommended
  ollama-forward setup --from-socat     replace an old socat script and its aliases
  ollama-forward setup --from-socat --undo   put it back
  ollama-forward setup </dev/null       only show the plan

Every question has a flag and a variable, such as OLLAMA_FORWARD_SETUP_SERVICE=no.";

/// A guided first run.
#[derive(Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct Setup {
    /// The model for Codex
    #[arg(short, long, value_name = "MODEL", env = "OLLAMA_FORWARD_MODEL")]
    pub model: Option<String>,
    /// As for a run: where Ollama is
    #[arg(long, value_name = "WHERE", visible_alias = "ollama-url")]
    pub upstream: Option<Upstream>,
    /// As for a run: the port that clients connect to
    #[arg(long, value_name = "PORT", value_parser = config::parse_port)]
    pub listen_port: Option<u16>,
    /// Whether Codex's tools are to work with local models [default: yes]
    #[arg(long, value_name = "YES|NO", env = "OLLAMA_FORWARD_SETUP_TRANSLATE", num_args = 0..=1, default_missing_value = "yes", value_parser = clap::builder::BoolishValueParser::new())]
    pub translate: Option<bool>,
    /// Whether the model is asked something first, through the forward [default: yes]
    #[arg(long, value_name = "YES|NO", env = "OLLAMA_FORWARD_SETUP_TEST", num_args = 0..=1, default_missing_value = "yes", value_parser = clap::builder::BoolishValueParser::new())]
    pub test: Option<bool>,
    /// Whether a profile for Codex is written [default: yes]
    #[arg(long, value_name = "YES|NO", env = "OLLAMA_FORWARD_SETUP_CODEX", num_args = 0..=1, default_missing_value = "yes", value_parser = clap::builder::BoolishValueParser::new())]
    pub codex: Option<bool>,
    /// Whether exchanges are captured [default: no]
    #[arg(long, value_name = "YES|NO", env = "OLLAMA_FORWARD_SETUP_CAPTURE", num_args = 0..=1, default_missing_value = "yes", value_parser = clap::builder::BoolishValueParser::new())]
    pub capture: Option<bool>,
    /// Whether it is to start with the system [default: yes, where that can be]
    #[arg(long, value_name = "YES|NO", env = "OLLAMA_FORWARD_SETUP_SERVICE", num_args = 0..=1, default_missing_value = "yes", value_parser = clap::builder::BoolishValueParser::new())]
    pub service: Option<bool>,
    /// Find the old socat script, its process and its aliases, and replace them, after asking
    #[arg(long)]
    pub from_socat: bool,
    /// With --from-socat: put back what it replaced, byte for byte
    #[arg(long, requires = "from_socat")]
    pub undo: bool,
    /// Ask nothing: do what is recommended
    #[arg(short, long)]
    pub yes: bool,
    /// Read WSL's files below this directory
    #[arg(long, value_name = "DIR", env = "OLLAMA_FORWARD_SYSROOT", hide = true, hide_env = true)]
    pub sysroot: Option<PathBuf>,
    /// Run this for `codex` and `service` instead of our own program
    #[arg(long, value_name = "FILE", hide = true)]
    pub own_program: Option<PathBuf>,
}
