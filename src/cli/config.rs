//! What was typed behind `config`. Nothing is computed here; [`crate::app`] does it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::words::Words;

const EXAMPLES: &str = "\
Examples:
  ollama-forward config init            write a file with every key, all of them commented out
  ollama-forward config show --origin   what holds now, and by which file, variable or default
  ollama-forward config check           whether the files can be used
  ollama-forward config path            which files are read

Exit code 0: the files can be used; 2: they cannot, or `init` would have to replace one.";

/// The configuration.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Config {
    #[command(subcommand)]
    pub command: ConfigCommand,
    /// As for a run: another configuration file
    #[arg(long, value_name = "FILE", env = "OLLAMA_FORWARD_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// What is wrong with the variables `OLLAMA_FORWARD_*`, where something is.
    #[arg(skip)]
    pub environment_error: Option<Words>,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Write a commented file; one that is there is never replaced
    Init {
        /// Show it, and write nothing
        #[arg(long)]
        print: bool,
    },
    /// What holds: options, files, variables and defaults put together
    Show {
        /// Say where each value comes from: file and line, variable, or default
        #[arg(long)]
        origin: bool,
        /// One JSON object, with a schema version
        #[arg(long)]
        json: bool,
    },
    /// The files that are read, the strongest first, and whether they are there
    Path {
        /// One JSON object, with a schema version
        #[arg(long)]
        json: bool,
    },
    /// Whether the files can be used; where not, line and key
    Check {
        /// One JSON object, with a schema version
        #[arg(long)]
        json: bool,
    },
}
