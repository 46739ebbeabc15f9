//! What was typed. Nothing is computed here; [`crate::config`] says what it means.

pub mod capture;
pub mod codex;
pub mod config;
mod french;
mod recording;
pub mod service;
pub mod setup;
pub mod status;
pub mod trouble;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

use crate::bridge::settings::{self, Subagents, Titles, ToolForms, UpstreamApi};
use crate::config::{self as settled, Layer, Listen, Upstream};
use crate::log::{Color, Live, LogFormat, Volume, Wishes};
use crate::net::options::Keepalive;
use crate::words::{Lang, Words};

pub use recording::Recording;

const EXAMPLES: &str = "\
Examples:
  ollama-forward                                find Ollama on Windows, serve it on localhost:11434
  ollama-forward --translate                    the same, and Codex's tools work with local models
  ollama-forward --upstream demo --translate    try it with a stand-in, without Windows or Ollama
  ollama-forward --upstream 192.168.1.20        forward to a machine that you name
  ollama-forward --listen-port 11435            when something else holds port 11434
  ollama-forward --translate --capture          watch every exchange on http://127.0.0.1:5001
  ollama-forward status                         what the running forwarder is doing
  ollama-forward doctor                         what is wrong, and the command that cures it
  ollama-forward explain E-PORT-TAKEN           more on an error
  curl http://localhost:11434/api/version       does it work?

Every option is also an environment variable (OLLAMA_FORWARD_LISTEN_PORT=11435) and a key of
~/.config/ollama-forward/config.toml (listen_port = 11435).";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Reach Ollama on Windows from WSL2: serves localhost:11434, finds Windows, follows it, says why when it cannot; with
/// --translate, lets Codex use local models.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, styles = STYLES, args_conflicts_with_subcommands = true)]
// The last lines of the help tell of all variables at once.
#[command(mut_args(|arg| arg.hide_env(true)))]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The language of what is told [default: that of the environment]
    #[arg(long, value_name = "LANG", env = "OLLAMA_FORWARD_LANG", global = true)]
    pub lang: Option<Lang>,
    #[command(flatten)]
    pub run: Run,
}

impl Cli {
    /// The language that was asked for, or that of the environment.
    pub fn lang(&self) -> Lang {
        self.lang.unwrap_or_else(language_of_environment)
    }

    /// What was typed, or why it makes no sense.
    pub fn read() -> Result<Self, clap::Error> {
        let typed: Vec<OsString> = std::env::args_os().collect();
        let (words, lang) = without_language(typed);
        let matches = match command(lang.unwrap_or_else(language_of_environment)).try_get_matches_from(&words) {
            Ok(matches) => matches,
            Err(error) => {
                let read = Self::without_environment(&words, &error).ok_or(error)?;
                return Ok(Self { lang, ..read });
            }
        };
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.lang = lang.or(cli.lang);
        cli.run.bridge.typed = settings::NEED_TRANSLATE.into_iter().find(|id| is_typed(&matches, id));
        Ok(cli)
    }

    /// A variable that makes no sense must not keep the doctor from saying so: what was typed is read by itself.
    fn without_environment(words: &[OsString], error: &clap::Error) -> Option<Self> {
        let (_, typed) = words.split_first()?;
        let what = trouble::of_variable(error, &Self::command());
        let command = match typed.first()?.to_str()? {
            "doctor" => {
                let mut doctor = alone::<Doctor>("doctor", typed)?;
                doctor.asked.environment_error = Some(what);
                Command::Doctor(Box::new(doctor))
            }
            "bugreport" => {
                let mut report = alone::<Bugreport>("bugreport", typed)?;
                report.asked.environment_error = Some(what);
                Command::Bugreport(Box::new(report))
            }
            "config" => {
                let mut config = alone::<config::Config>("config", typed)?;
                config.environment_error = Some(what);
                Command::Config(config)
            }
            _ => return None,
        };
        error.use_stderr().then(|| Self { command: Some(command), lang: None, run: Run::default() })
    }
}

/// All variables that mean something, whatever the command.
pub fn variables() -> Vec<String> {
    fn of(command: &clap::Command, all: &mut Vec<String>) {
        all.extend(command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_str()?.to_owned())));
        command.get_subcommands().for_each(|command| of(command, all));
    }
    let mut all = Vec::new();
    of(&Cli::command(), &mut all);
    all.sort();
    all.dedup();
    all
}

/// The language of the words that were typed, before they are parsed.
pub fn asked_language(words: &[OsString]) -> Lang {
    without_language(words.to_vec()).1.unwrap_or_else(language_of_environment)
}

fn language_of_environment() -> Lang {
    Lang::of_environment(|name| std::env::var(name).ok())
}

/// The words without `--lang fr` and `--lang=fr`, wherever they stand before `--`, and the language that the first of them
/// names: it must be known before anything is parsed, and is as good before a command as behind it. One that does not
/// exist goes to the end, where clap says so.
fn without_language(words: Vec<OsString>) -> (Vec<OsString>, Option<Lang>) {
    let (mut kept, mut unknown, mut named) = (Vec::with_capacity(words.len()), Vec::new(), None);
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let known = |text: &str| Lang::from_str(text, false).ok();
        if text == "--" {
            kept.append(&mut unknown);
            kept.push(word);
            break;
        }
        let joined = text.strip_prefix("--lang=").and_then(known);
        let apart = if text == "--lang" { words.peek().and_then(|next| known(&next.to_string_lossy())) } else { None };
        if apart.is_some() {
            words.next();
        }
        match joined.or(apart) {
            Some(lang) => named = named.or(Some(lang)),
            None if text == "--lang" => {
                unknown.push(word);
                unknown.extend(words.next_if(|next| !next.to_string_lossy().starts_with('-')));
            }
            None if text.starts_with("--lang=") => unknown.push(word),
            None => kept.push(word),
        }
    }
    kept.append(&mut unknown);
    kept.extend(words);
    (kept, named)
}

/// The command line in this language: to parse with, and for `--help`.
pub fn command(lang: Lang) -> clap::Command {
    match lang {
        Lang::En => asking_for_commands(Cli::command()),
        Lang::Fr => french::command(asking_for_commands(Cli::command()), french::For::Help),
    }
}

/// The same, whole, for those who only read it: manuals and completions.
pub fn command_to_read(lang: Lang) -> clap::Command {
    let command = match lang {
        Lang::En => {
            let mut command = Cli::command();
            command.build();
            command
        }
        Lang::Fr => french::command(Cli::command(), french::For::Reading),
    };
    hinted(command)
}

/// What shells may offer for a value, by the name it has in the help.
fn hinted(command: clap::Command) -> clap::Command {
    let hint = |arg: clap::Arg| {
        let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
        match name.as_deref() {
            Some("FILE") => arg.value_hint(ValueHint::FilePath),
            Some("DIR") => arg.value_hint(ValueHint::DirPath),
            Some("FILE|DIR") => arg.value_hint(ValueHint::AnyPath),
            Some("WHERE" | "HOST") => arg.value_hint(ValueHint::Hostname),
            // Where there is nothing to offer, the files of this directory are no help.
            Some(_) if !arg.is_positional() => arg.value_hint(ValueHint::Other),
            Some(_) | None => arg,
        }
    };
    command.mut_args(hint).mut_subcommands(hinted)
}

/// A command that lacks its command is a mistake of three lines like others, not a page of help on standard error.
fn asking_for_commands(command: clap::Command) -> clap::Command {
    let asks = command.is_arg_required_else_help_set();
    let command = command.arg_required_else_help(false).mut_subcommands(asking_for_commands);
    if asks { command.subcommand_required(true) } else { command }
}

/// The options of a command, from its own words alone.
fn alone<T: Args + FromArgMatches>(name: &'static str, words: &[OsString]) -> Option<T> {
    let command = T::augment_args(clap::Command::new(name));
    let command = command.mut_args(|arg| if arg.get_id() == "sysroot" { arg } else { arg.env(None) });
    T::from_arg_matches(&command.try_get_matches_from(words).ok()?).ok()
}

/// The options of a run from these words alone, for one that starts later, without our environment.
pub fn run_of(words: &[String]) -> Result<Run, clap::Error> {
    let command = Run::augment_args(clap::Command::new("ollama-forward").no_binary_name(true));
    let matches = command.mut_args(|arg| arg.env(None)).try_get_matches_from(words)?;
    let mut run = Run::from_arg_matches(&matches)?;
    run.bridge.typed = settings::NEED_TRANSLATE.into_iter().find(|id| is_typed(&matches, id));
    Ok(run)
}

fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start Codex with a model of Ollama, through the forward
    Codex(Box<codex::Codex>),
    /// A guided first run: from nothing to a working Codex
    Setup(Box<setup::Setup>),
    /// What the running forwarder is doing
    Status(status::Status),
    /// What is wrong, why, and the command that cures it
    Doctor(Box<Doctor>),
    /// A redacted report on this system, for a bug; it stays here, for you to look at
    Bugreport(Box<Bugreport>),
    /// What clients and models say to each other: captured, listed, shown, compared, exported
    Capture(Box<capture::Capture>),
    /// Start with the system: install, uninstall, start, stop, restart, status, logs
    Service(Box<service::Service>),
    /// The configuration: init, show, path, check
    Config(config::Config),
    /// More on an error id, or the list of all
    Explain {
        /// The id, with or without its E-, such as port-taken
        #[arg(value_name = "ID")]
        id: Option<String>,
    },
    /// Completions for a shell, on standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual, for `man`, on standard output
    Man {
        /// The page of one command, such as `capture-list` [default: the page of the program]
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
        /// Write all pages into this directory
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        all: Option<PathBuf>,
    },
    /// The version, and what it was built from
    Version {
        /// One JSON object, with a schema version
        #[arg(long)]
        json: bool,
        /// What has changed, version by version
        #[arg(long, conflicts_with = "json")]
        changes: bool,
    },
}

/// What the doctor is to look at, and how it tells.
#[derive(Debug, Default, Args)]
#[command(after_help = DOCTOR_EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Doctor {
    /// Only these checks, by id or by group (--list names them)
    #[arg(value_name = "CHECK")]
    pub checks: Vec<String>,
    /// Every check, also those that were skipped, with its details
    #[arg(long, conflicts_with_all = ["summary", "json"])]
    pub all: bool,
    /// Only what is wrong, in a line each, and the counts
    #[arg(long, conflicts_with = "json")]
    pub summary: bool,
    /// One JSON object, with a schema version
    #[arg(long)]
    pub json: bool,
    /// The checks there are, and what they need
    #[arg(long, conflicts_with_all = ["all", "summary", "fix"])]
    pub list: bool,
    #[arg(long, help = "Signs that every terminal has: [ok] [!!] [xx] [--]")]
    pub ascii: bool,
    /// Exit code 1 at warnings, too
    #[arg(long)]
    pub strict: bool,
    /// Only the way to Ollama: not Codex, not the service
    #[arg(long)]
    pub network_only: bool,
    /// Do what needs no administrator and nothing on Windows, after asking
    #[arg(long, conflicts_with = "json")]
    pub fix: bool,
    /// With --fix: do not ask
    #[arg(short, long, requires = "fix")]
    pub yes: bool,
    /// Colours [default: auto]
    #[arg(long, value_name = "WHEN", env = "OLLAMA_FORWARD_COLOR", hide_env = true)]
    pub color: Option<Color>,
    #[command(flatten)]
    pub asked: Asked,
}

/// A report for a bug.
#[derive(Debug, Args)]
pub struct Bugreport {
    /// Where to write it [default: ollama-forward-bugreport-DATE.txt, here]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub asked: Asked,
}

/// What is asked, and of whom.
#[derive(Debug, Default, Args)]
pub struct Asked {
    /// Have a real model speak: this one, or the one that is loaded
    #[arg(long, value_name = "MODEL", num_args = 0..=1, require_equals = true)]
    pub stream_test: Option<Option<String>>,
    /// Start no program on Windows
    #[arg(long)]
    pub no_windows: bool,
    /// As for a run: where it would forward to
    #[arg(long, value_name = "WHERE", visible_alias = "ollama-url")]
    pub upstream: Option<Upstream>,
    /// As for a run: the port that clients connect to
    #[arg(long, value_name = "PORT", value_parser = settled::parse_port)]
    pub listen_port: Option<u16>,
    /// As for a run: try the bridge, too
    #[arg(long)]
    pub translate: bool,
    /// As for a run: another configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Read WSL's files below this directory
    #[arg(long, value_name = "DIR", env = "OLLAMA_FORWARD_SYSROOT", hide = true, hide_env = true)]
    pub sysroot: Option<PathBuf>,
    /// What is wrong with the variables `OLLAMA_FORWARD_*`, where something is.
    #[arg(skip)]
    pub environment_error: Option<Words>,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  ollama-forward doctor                         what is wrong, and what cures it
  ollama-forward doctor network codex           only these groups
  ollama-forward doctor --stream-test           have the loaded model speak, through the forward
  ollama-forward doctor --all                   everything that was found out
  ollama-forward doctor --json                  the same for programs

Exit code 0: nothing fails; 1: something fails (with --strict: or warns).";

#[derive(Debug, Default, Args)]
pub struct Run {
    /// Where clients connect; repeat it, or separate by commas [default: 127.0.0.1:11434]
    #[arg(long, value_name = "ADDR[:PORT]", env = "OLLAMA_FORWARD_LISTEN", value_delimiter = ',')]
    pub listen: Option<Vec<Listen>>,
    /// The port of listeners that name none [default: 11434]
    #[arg(long, value_name = "PORT", env = "OLLAMA_FORWARD_LISTEN_PORT", value_parser = settled::parse_port)]
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
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_CONNECT_TIMEOUT", value_parser = settled::parse_positive_duration)]
    pub connect_timeout: Option<Duration>,
    /// How long a client may wait for an upstream that is not there, before it is told so [default: 15s]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_WAIT_FOR_UPSTREAM", value_parser = settled::parse_duration)]
    pub wait_for_upstream: Option<Duration>,
    /// TCP keepalive to the upstream, in seconds and probes [default: 15/5/3]
    #[arg(long, value_name = "IDLE/INTERVAL/COUNT", env = "OLLAMA_FORWARD_KEEPALIVE", value_parser = settled::parse_keepalive)]
    pub keepalive: Option<Keepalive>,
    /// How long sent data may stay unacknowledged by the upstream, 0 for the kernel's own [default: 30s]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_USER_TIMEOUT", value_parser = settled::parse_duration)]
    pub user_timeout: Option<Duration>,
    /// Connections at a time; more are refused with a reason [default: 4096]
    #[arg(long, value_name = "N", env = "OLLAMA_FORWARD_MAX_CONNECTIONS", value_parser = settled::parse_count)]
    pub max_connections: Option<usize>,
    #[arg(
        long,
        help = "With --translate or --capture: serve clients whatever Host they name (pages of strangers could then reach your models)",
        env = "OLLAMA_FORWARD_ANY_HOST",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub any_host: Option<bool>,
    /// After Ctrl-C, how long open connections may take to end [default: 10s]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_DRAIN_TIMEOUT", value_parser = settled::parse_duration)]
    pub drain_timeout: Option<Duration>,
    /// Another configuration file than ~/.config/ollama-forward/config.toml
    #[arg(long, value_name = "FILE", env = "OLLAMA_FORWARD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Only warnings and errors
    #[arg(short, long, env = "OLLAMA_FORWARD_QUIET", value_parser = BoolishValueParser::new(), conflicts_with_all = ["verbose", "debug"])]
    pub quiet: bool,
    /// More: a line a connection; twice: every step
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// The same as -v; with --translate also a readable block for each exchange
    #[arg(long, env = "OLLAMA_FORWARD_DEBUG", value_parser = BoolishValueParser::new())]
    pub debug: bool,
    /// How log lines are written on standard error [default: text]
    #[arg(long, value_name = "FORMAT", env = "OLLAMA_FORWARD_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Colours in log lines [default: auto]
    #[arg(long, value_name = "WHEN", env = "OLLAMA_FORWARD_COLOR")]
    pub color: Option<Color>,
    /// A line below the log that tells how things are [default: auto]
    #[arg(long, value_name = "WHEN", env = "OLLAMA_FORWARD_LIVE")]
    pub live: Option<Live>,
    /// Read WSL's files below this directory
    #[arg(long, value_name = "DIR", env = "OLLAMA_FORWARD_SYSROOT", hide = true, hide_env = true)]
    pub sysroot: Option<PathBuf>,
    // The last one: the heading stays in force.
    #[command(flatten, next_help_heading = "Options with --translate")]
    pub bridge: Bridge,
    #[command(flatten, next_help_heading = "Options with --capture")]
    pub recording: Recording,
}

/// The options of the bridge.
#[derive(Debug, Default, Args)]
pub struct Bridge {
    #[arg(
        long,
        help = "Let Codex and other clients of the Responses API use local models: translate it to the chat API",
        env = "OLLAMA_FORWARD_TRANSLATE",
        // As a value that takes none, so that the environment can also switch off what a file switches on.
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub translate: Option<bool>,
    /// How the upstream is spoken to [default: auto]
    #[arg(long, value_name = "API", env = "OLLAMA_FORWARD_UPSTREAM_API")]
    pub upstream_api: Option<UpstreamApi>,
    /// How the model is told of tools [default: compact]
    #[arg(long, value_name = "FORM", env = "OLLAMA_FORWARD_TOOLS")]
    pub tools: Option<ToolForms>,
    /// Context length, in tokens, of every request [default: the model's own]
    #[arg(long, value_name = "N", env = "OLLAMA_FORWARD_NUM_CTX", value_parser = settled::parse_tokens)]
    pub num_ctx: Option<u32>,
    /// Larger requests are refused, packed or unpacked [default: 32MiB]
    #[arg(long, value_name = "BYTES", env = "OLLAMA_FORWARD_MAX_BODY_SIZE", value_parser = settled::parse_size)]
    pub max_body_size: Option<usize>,
    /// How long an answer that broke off may wait to be continued, 0 for not at all [default: 60s]
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_RESUME_WINDOW", value_parser = settled::parse_duration)]
    pub resume_window: Option<Duration>,
    /// Where the titles of Codex's threads come from [default: local]
    #[arg(long, value_name = "FROM", env = "OLLAMA_FORWARD_TITLES")]
    pub titles: Option<Titles>,
    /// The model of sub-agents that ask for a model of OpenAI [default: parent]
    #[arg(long, value_name = "MODEL", env = "OLLAMA_FORWARD_SUBAGENTS")]
    pub subagents: Option<Subagents>,
    /// Responses kept in memory for later requests to refer to, 0 for none [default: 64]
    #[arg(long, value_name = "N", env = "OLLAMA_FORWARD_STORED_RESPONSES", value_parser = settled::parse_number)]
    pub stored_responses: Option<usize>,
    /// A sign of life to the client after this much silence
    #[arg(long, value_name = "TIME", env = "OLLAMA_FORWARD_HEARTBEAT", hide = true, value_parser = settled::parse_positive_duration)]
    pub heartbeat: Option<Duration>,
    /// The first option on the command line that does nothing without `--translate`.
    #[arg(skip)]
    pub typed: Option<&'static str>,
}

impl Bridge {
    fn wishes(&self) -> settings::Wishes {
        settings::Wishes {
            translate: self.translate,
            any_host: None,
            upstream_api: self.upstream_api,
            tools: self.tools,
            num_ctx: self.num_ctx,
            max_body_size: self.max_body_size,
            resume_window: self.resume_window,
            titles: self.titles,
            subagents: self.subagents,
            stored_responses: self.stored_responses,
            heartbeat: self.heartbeat,
            debug: None,
        }
    }
}

impl Asked {
    /// The layer of what was typed for the doctor.
    pub fn layer(&self) -> Layer {
        let translate = self.translate.then_some(true);
        Layer {
            upstream: self.upstream.clone(),
            listen_port: self.listen_port,
            bridge: settings::Wishes { translate, ..settings::Wishes::default() },
            ..Layer::default()
        }
    }
}

impl Run {
    fn log(&self) -> Wishes {
        let volume = match self.verbose.max(u8::from(self.debug)) {
            _ if self.quiet => Some(Volume::Quiet),
            0 => None,
            1 => Some(Volume::Debug),
            _ => Some(Volume::Trace),
        };
        Wishes { volume, format: self.log_format, color: self.color, live: self.live }
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
            bridge: settings::Wishes {
                debug: self.debug.then_some(true),
                any_host: self.any_host,
                ..self.bridge.wishes()
            },
            capture: self.recording.wishes(),
            needs_translate: self.bridge.typed,
            log: self.log(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{TABLE, Usual};

    /// Options of a run that are no keys: where to read, in which language, and what is for tests.
    const NO_KEYS: [&str; 5] = ["config", "lang", "sysroot", "heartbeat", "verbose"];

    #[test]
    fn every_option_of_a_run_is_a_key_and_every_key_an_option() {
        let command = Cli::command();
        let mut options: Vec<String> = command
            .get_arguments()
            .filter_map(|arg| arg.get_long())
            .map(|long| long.replace('-', "_"))
            .filter(|name| !NO_KEYS.contains(&name.as_str()))
            .collect();
        let mut keys: Vec<String> =
            TABLE.iter().filter(|key| !matches!(key.usual, Usual::As(_))).map(|key| key.name.to_owned()).collect();
        options.sort();
        keys.sort();
        assert_eq!(keys, options);
    }

    #[test]
    fn keys_have_the_variables_flags_and_defaults_of_their_options() {
        let command = Cli::command();
        for key in TABLE {
            let named = |arg: &&clap::Arg| {
                let aliases = arg.get_visible_aliases().unwrap_or_default();
                [arg.get_long().unwrap_or_default()]
                    .iter()
                    .chain(&aliases)
                    .any(|long| format!("--{long}") == key.flag())
            };
            let arg = command.get_arguments().find(named).unwrap_or_else(|| panic!("{}", key.flag()));
            if let Some(variable) = key.variable() {
                assert_eq!(arg.get_env().and_then(std::ffi::OsStr::to_str), Some(variable.as_str()));
            }
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let told = help.rsplit_once("[default: ").map(|(_, rest)| rest.trim_end_matches(']').to_owned());
            if let (Usual::Is(value), Some(told)) = (key.usual, told) {
                let plain = value.replace(['"', '[', ']'], "");
                assert!(
                    told == plain || told.strip_prefix(&plain).is_some_and(|rest| rest == ":11434"),
                    "{value}: {help}"
                );
            }
        }
    }

    #[test]
    fn variables_of_all_commands_are_known() {
        let all = variables();
        for name in ["OLLAMA_FORWARD_LANG", "OLLAMA_FORWARD_LISTEN", "OLLAMA_FORWARD_MODEL", "OLLAMA_FORWARD_CONFIG"] {
            assert!(all.iter().any(|known| known == name), "{name}: {all:?}");
        }
    }
}
