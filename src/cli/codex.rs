//! What was typed behind `codex`. Nothing is computed here; [`crate::app`] does it.

use std::ffi::OsString;

use clap::Args;

use crate::config::{self, Upstream};
use crate::launch::alias::Shell;

pub use crate::launch::Instructions;

const EXAMPLES: &str = "\
Examples:
  ollama-forward codex                              choose a model, and start Codex with it
  ollama-forward codex --model qwen3:14b            with this one
  ollama-forward codex -- exec \"fix the tests\"      what is behind -- is Codex's own
  ollama-forward codex --print                      show what would be started and written
  ollama-forward codex --install                    write the profile for `codex -p ollama-forward`
  ollama-forward codex --restore                    put Codex's files back as they were
  ollama-forward codex --upstream demo --yes -- exec --skip-git-repo-check \"say hello\"
                                                    try it without Windows or Ollama
  ollama-forward codex --alias >>~/.bashrc          from then on `oc` starts it

A session goes on with `ollama-forward codex -- resume --last`: a plain `codex resume` goes to a hosted service.

It ends with Codex's own exit code.";

/// Codex with a model of Ollama.
#[derive(Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Codex {
    /// The model [default: the one of last time, or asked for on a terminal]
    #[arg(short, long, value_name = "MODEL", env = "OLLAMA_FORWARD_MODEL")]
    pub model: Option<String>,
    /// Have a forward that is started for this call translate, whatever the configuration says. One that runs already stays
    /// as it is
    #[arg(long)]
    pub translate: bool,
    /// Keep the exchanges of this call, and say where they can be seen
    #[arg(long)]
    pub capture: bool,
    /// How much of Codex's own instructions the model gets [default: full]
    #[arg(long, value_name = "HOW", env = "OLLAMA_FORWARD_CODEX_INSTRUCTIONS")]
    pub instructions: Option<Instructions>,
    /// Switch off what Codex itself asks its maker and GitHub at its start (on a terminal, one look-up of a tip stays)
    #[arg(long, conflicts_with_all = ["install", "restore"])]
    pub offline: bool,
    /// Show what would be started and written, and do nothing
    #[arg(long, conflicts_with_all = ["install", "restore", "capture"])]
    pub print: bool,
    /// Write profile and model catalogue for `codex -p ollama-forward`, and start nothing
    #[arg(long, conflicts_with_all = ["restore", "capture"])]
    pub install: bool,
    /// Put back what --install has replaced, byte for byte
    #[arg(long, conflicts_with_all = ["capture", "translate", "upstream"])]
    pub restore: bool,
    /// Ask nothing: take what is recommended
    #[arg(short, long)]
    pub yes: bool,
    /// As for a run: the port of the forward
    #[arg(long, value_name = "PORT", value_parser = config::parse_port)]
    pub listen_port: Option<u16>,
    /// As for a run, for a forward that is started for this call
    #[arg(long, value_name = "WHERE", visible_alias = "ollama-url")]
    pub upstream: Option<Upstream>,
    /// Print the line that makes `oc` the short name of this command, for a shell's configuration
    #[arg(long, value_name = "SHELL", num_args = 0..=1, conflicts_with_all = ["install", "restore", "print", "capture", "translate", "upstream", "listen_port", "args"])]
    pub alias: Option<Option<Shell>>,
    /// Codex's own words, behind --
    #[arg(last = true, value_name = "ARGS", conflicts_with_all = ["install", "restore"])]
    pub args: Vec<OsString>,
}
