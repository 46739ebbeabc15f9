//! What was typed behind `service`. Nothing is computed here; [`crate::app`] does it.

use clap::{Args, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  ollama-forward service install -- --translate     start it now and with the system, with these options
  ollama-forward service status                     does it run, since when, and what did it say last
  ollama-forward service logs -f                    its log, as it comes
  ollama-forward service restart                    drains: no exchange is lost
  ollama-forward service install --print launchd    for macOS";

/// A forward that starts with the system.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Service {
    #[command(subcommand)]
    pub command: ServiceCommand,
}

#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Write the unit, start it, and see that it answers
    Install(Install),
    /// Stop it and remove the unit; configuration and captures stay
    Uninstall {
        /// Ask nothing
        #[arg(short, long)]
        yes: bool,
    },
    /// Start it, unless it runs
    Start,
    /// Stop it when open connections have ended; it starts again with the system
    Stop,
    /// Stop it when open connections have ended, and start it; new ones wait meanwhile
    Restart,
    /// Whether it runs, since when, and its last lines
    Status {
        /// One JSON object, with a schema version
        #[arg(long)]
        json: bool,
    },
    /// Its log
    Logs {
        /// Go on as it comes, until Ctrl-C
        #[arg(short, long)]
        follow: bool,
        /// So many lines [default: 50]
        #[arg(short = 'n', long, value_name = "N")]
        lines: Option<u32>,
    },
}

#[derive(Debug, Default, Args)]
pub struct Install {
    /// Show it, and do nothing
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "systemd")]
    pub print: Option<Kind>,
    /// How it is started [default: systemd where it runs, or a line of the shell's profile]
    #[arg(long, value_name = "KIND")]
    pub by: Option<Kind>,
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
    /// Let it do all that you may do, where systemd cannot set its sandbox up
    #[arg(long)]
    pub no_sandbox: bool,
    /// Options of the run, behind --
    #[arg(last = true, value_name = "OPTIONS")]
    pub options: Vec<String>,
}

/// What starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A unit of the user's systemd
    Systemd,
    /// A line of the login shell's profile
    Profile,
    /// A property list of macOS
    Launchd,
}
