//! What was typed behind `status`. Nothing is computed here; [`crate::app`] does it.

use std::time::Duration;

use clap::Args;

use crate::config;
use crate::log::Color;

const EXAMPLES: &str = "\
Examples:
  ollama-forward status                     a line for each thing, and a hint where something is to do
  ollama-forward status --watch             the same, again and again, with the last lines of the log; q ends it
  ollama-forward status --watch=10s --json  an object every ten seconds, for programs
  ollama-forward status --watch | tee log   without a terminal: a line for each change

Exit code 3: none is running.";

/// What the running forwarder is doing.
#[derive(Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct Status {
    /// One JSON object, with a schema version; with --watch one a line
    #[arg(long)]
    pub json: bool,
    /// Again and again, until q or Ctrl-C; one that does not run is waited for [default: every 2s]
    #[arg(short, long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = config::parse_positive_duration)]
    pub watch: Option<Option<Duration>>,
    /// Only the forwarder whose first listener has this port
    #[arg(long, value_name = "PORT", value_parser = config::parse_port)]
    pub listen_port: Option<u16>,
    #[arg(long, help = "Signs that every terminal has: [ok] [!!] [xx] [--]")]
    pub ascii: bool,
    /// Colours [default: auto]
    #[arg(long, value_name = "WHEN", env = "OLLAMA_FORWARD_COLOR", hide_env = true)]
    pub color: Option<Color>,
}
