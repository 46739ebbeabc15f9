//! The options of a run that captures.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::capture::settings::{CaptureTo, InspectAt, Wishes};
use crate::config;

/// What a run keeps of its exchanges.
#[derive(Debug, Default, Args)]
pub struct Recording {
    #[arg(
        long,
        value_name = "DIR",
        help = "Keep all exchanges, here or in the state directory, and show them on a page of this machine",
        env = "OLLAMA_FORWARD_CAPTURE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub capture: Option<CaptureTo>,
    #[arg(
        long,
        value_name = "ADDR",
        help = "Where the page is; alone: show what was kept before [default: 127.0.0.1:5001 with --capture]",
        env = "OLLAMA_FORWARD_INSPECT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub inspect: Option<InspectAt>,
    /// All exchanges together; the oldest sessions go first [default: 256MiB]
    #[arg(long, value_name = "BYTES", env = "OLLAMA_FORWARD_CAPTURE_MAX_SIZE", value_parser = config::parse_size)]
    pub capture_max_size: Option<usize>,
    /// Older sessions go [default: 14d]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_CAPTURE_MAX_AGE", value_parser = config::parse_positive_duration)]
    pub capture_max_age: Option<Duration>,
    /// What is kept of one body; the rest is counted [default: 16MiB]
    #[arg(long, value_name = "BYTES", env = "OLLAMA_FORWARD_CAPTURE_MAX_BODY", value_parser = config::parse_size)]
    pub capture_max_body: Option<usize>,
    /// Capture pauses when the disk has less free space [default: 1GiB]
    #[arg(long, value_name = "BYTES", env = "OLLAMA_FORWARD_CAPTURE_MIN_FREE", value_parser = config::parse_space)]
    pub capture_min_free: Option<usize>,
    #[arg(
        long,
        help = "Keep keys and passwords in bodies as they are; those in headers are taken out always",
        env = "OLLAMA_FORWARD_CAPTURE_RAW",
        action = clap::ArgAction::Set,
        num_args = 0,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub capture_raw: Option<bool>,
    /// Only exchanges with this in their path, model or client; repeat it, or separate by commas
    #[arg(long, value_name = "TEXT", env = "OLLAMA_FORWARD_CAPTURE_ONLY", value_delimiter = ',')]
    pub capture_only: Option<Vec<String>>,
    /// No exchanges with this in their path, model or client
    #[arg(long, value_name = "TEXT", env = "OLLAMA_FORWARD_CAPTURE_EXCEPT", value_delimiter = ',')]
    pub capture_except: Option<Vec<String>>,
    #[arg(
        long,
        help = "Keep the files of codex_capture in this directory, too: latest.json, history.jsonl …",
        value_name = "DIR",
        env = "OLLAMA_FORWARD_CAPTURE_COMPAT"
    )]
    pub capture_compat: Option<PathBuf>,
}

impl Recording {
    pub(super) fn wishes(&self) -> Wishes {
        Wishes {
            capture: self.capture.clone(),
            inspect: self.inspect,
            max_size: self.capture_max_size,
            max_age: self.capture_max_age,
            max_body: self.capture_max_body,
            min_free: self.capture_min_free,
            raw: self.capture_raw,
            only: self.capture_only.clone(),
            except: self.capture_except.clone(),
            compat: self.capture_compat.clone(),
        }
    }
}
