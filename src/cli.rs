//! What was typed. Nothing is computed here; [`crate::config`] says what it means.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, Parser, Subcommand};

use crate::config::{self, Layer, Listen, Upstream};
use crate::log::{Color, LogFormat, Volume, Wishes};
use crate::net::options::Keepalive;

const EXAMPLES: &str = "\
Examples:
  ollama-forward                            find Ollama on Windows, serve it on localhost:11434
  ollama-forward --upstream demo            try it with a built-in stand-in, without Windows or Ollama
  ollama-forward --upstream 192.168.1.20    forward to a machine that you name
  ollama-forward --listen-port 11435        when something else holds port 11434
  ollama-forward status                     what the running forwarder is doing
  ollama-forward explain E-PORT-TAKEN       more on an error
  curl http://localhost:11434/api/version   does it work?

Every option is also an environment variable (OLLAMA_FORWARD_LISTEN_PORT=11435) and a key of
~/.config/ollama-forward/config.toml (listen_port = 11435).";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Reach Ollama on Windows from WSL2: serves localhost:11434, finds Windows, follows it, says why when it cannot.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, styles = STYLES, args_conflicts_with_subcommands = true)]
// The last lines of the help tell of all variables at once.
#[command(mut_args(|arg| arg.hide_env(true)))]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub run: Run,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What the running forwarder is doing
    Status {
        /// One JSON object, with a schema version
        #[arg(long)]
        json: bool,
        /// Only the forwarder whose first listener has this port
        #[arg(long, value_name = "PORT", value_parser = config::parse_port)]
        listen_port: Option<u16>,
    },
    /// More on an error id, or the list of all
    Explain {
        #[arg(value_name = "ID")]
        id: Option<String>,
    },
    /// Completions for a shell, on standard output
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub struct Run {
    /// Where clients connect; repeat it, or separate by commas [default: 127.0.0.1:11434]
    #[arg(long, value_name = "ADDR[:PORT]", env = "OLLAMA_FORWARD_LISTEN", value_delimiter = ',')]
    pub listen: Option<Vec<Listen>>,
    /// The port of listeners that name none [default: 11434]
    #[arg(long, value_name = "PORT", env = "OLLAMA_FORWARD_LISTEN_PORT", value_parser = config::parse_port)]
    pub listen_port: Option<u16>,
    #[arg(
        long,
        value_name = "WHERE",
        help = "Where to forward to: auto (finds Windows), HOST[:PORT], http://HOST[:PORT], or demo [default: auto]",
        env = "OLLAMA_FORWARD_UPSTREAM",
        visible_alias = "ollama-url"
    )]
    pub upstream: Option<Upstream>,
    /// One attempt to connect to the upstream [default: 1.5s]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_CONNECT_TIMEOUT", value_parser = config::parse_positive_duration)]
    pub connect_timeout: Option<Duration>,
    /// How long a client may wait for an upstream that is not there, before it is told so [default: 15s]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_WAIT_FOR_UPSTREAM", value_parser = config::parse_duration)]
    pub wait_for_upstream: Option<Duration>,
    /// TCP keepalive to the upstream, in seconds and probes [default: 15/5/3]
    #[arg(long, value_name = "IDLE/INTERVAL/COUNT", env = "OLLAMA_FORWARD_KEEPALIVE", value_parser = config::parse_keepalive)]
    pub keepalive: Option<Keepalive>,
    /// How long sent data may stay unacknowledged by the upstream, 0 for the kernel's own [default: 30s]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_USER_TIMEOUT", value_parser = config::parse_duration)]
    pub user_timeout: Option<Duration>,
    /// Connections at a time; more are refused with a reason [default: 4096]
    #[arg(long, value_name = "N", env = "OLLAMA_FORWARD_MAX_CONNECTIONS", value_parser = config::parse_count)]
    pub max_connections: Option<usize>,
    /// After Ctrl-C, how long open connections may take to end [default: 10s]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_DRAIN_TIMEOUT", value_parser = config::parse_duration)]
    pub drain_timeout: Option<Duration>,
    /// Translate the Responses API, which Codex speaks, to what local models understand
    #[arg(long, env = "OLLAMA_FORWARD_TRANSLATE", hide = true, value_parser = BoolishValueParser::new())]
    pub translate: bool,
    /// Another configuration file than ~/.config/ollama-forward/config.toml
    #[arg(long, value_name = "FILE", env = "OLLAMA_FORWARD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Only warnings and errors
    #[arg(short, long, env = "OLLAMA_FORWARD_QUIET", value_parser = BoolishValueParser::new(), conflicts_with_all = ["verbose", "debug"])]
    pub quiet: bool,
    /// More: a line a connection; twice: every step
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// The same as -v
    #[arg(long, env = "OLLAMA_FORWARD_DEBUG", value_parser = BoolishValueParser::new())]
    pub debug: bool,
    /// How log lines are written on standard error [default: text]
    #[arg(long, value_name = "FORMAT", env = "OLLAMA_FORWARD_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Colours in log lines [default: auto]
    #[arg(long, value_name = "WHEN", env = "OLLAMA_FORWARD_COLOR")]
    pub color: Option<Color>,
    /// Read WSL's files below this directory
    #[arg(long, value_name = "DIR", env = "OLLAMA_FORWARD_SYSROOT", hide = true, hide_env = true)]
    pub sysroot: Option<PathBuf>,
}

impl Run {
    fn log(&self) -> Wishes {
        let volume = match self.verbose.max(u8::from(self.debug)) {
            _ if self.quiet => Some(Volume::Quiet),
            0 => None,
            1 => Some(Volume::Debug),
            _ => Some(Volume::Trace),
        };
        Wishes { volume, format: self.log_format, color: self.color }
    }

    /// The layer of flags and environment.
    pub fn layer(&self) -> Layer {
        Layer {
            listen: self.listen.clone(),
            listen_port: self.listen_port,
            upstream: self.upstream.clone(),
            connect_timeout: self.connect_timeout,
            wait_for_upstream: self.wait_for_upstream,
            keepalive: self.keepalive,
            user_timeout: self.user_timeout,
            max_connections: self.max_connections,
            drain_timeout: self.drain_timeout,
            translate: self.translate.then_some(true),
            log: self.log(),
        }
    }
}
