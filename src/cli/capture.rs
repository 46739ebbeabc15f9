//! What was typed behind `capture`. Nothing is computed here; [`crate::app`] does it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::capture::Pane;
use crate::capture::export::Format;
use crate::config;
use crate::log::Color;
use crate::words::Words;

/// What is captured, and how it is looked at.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Capture {
    #[command(subcommand)]
    pub command: Option<CaptureCommand>,
    #[command(flatten)]
    pub common: Common,
}

/// What all of these commands understand.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Where exchanges are kept [default: where the running forwarder keeps them, or the state directory]
    #[arg(long, value_name = "DIR", env = "OLLAMA_FORWARD_CAPTURE_DIR", hide_env = true, global = true)]
    pub dir: Option<PathBuf>,
    /// The running forwarder whose first listener has this port
    #[arg(long, value_name = "PORT", value_parser = config::parse_port, global = true)]
    pub listen_port: Option<u16>,
    /// JSON, with a schema version; a line an exchange where they come one after another
    #[arg(long, global = true)]
    pub json: bool,
    /// Colours [default: auto]
    #[arg(long, value_name = "WHEN", env = "OLLAMA_FORWARD_COLOR", hide_env = true, global = true)]
    pub color: Option<Color>,
}

#[derive(Debug, Subcommand)]
pub enum CaptureCommand {
    /// Begin to capture, in the running forwarder
    On,
    /// Stop capturing; what was captured stays
    Off,
    /// Whether it captures, where, how much there is, and the latest exchange (the same as `capture` alone)
    Status,
    /// Exchanges in a line each, the newest last
    List(List),
    /// All of one exchange: context, times, conversation, answer, calls, notes
    Show(Show),
    /// Exchanges as they end, until Ctrl-C
    Tail(Tail),
    /// How one request differs from another, or from the one before it
    Diff(Diff),
    /// Where these words stand, in everything that was captured
    Search(Search),
    /// Exchanges in a form for other programs, or for people
    Export(Export),
    /// Exchanges of an earlier `export --format jsonl`
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Send a request again; tool calls are shown, never run
    Replay(Replay),
    /// Mark an exchange, or write a comment on it
    Mark(Mark),
    /// Delete exchanges, on disk too
    Rm(Remove),
    /// Delete the oldest sessions, down to the limits
    Prune(Prune),
    /// Open the page in a browser; without a running forwarder, serve it until Ctrl-C
    Open(Open),
    /// The commands to be typed for Codex and for a check
    PrintCmds,
    /// Start a forwarder that captures, in the background
    Start(Start),
    /// End the running forwarder, after the answers that are under way
    Stop,
    /// Ask for what `start` needs, start, and open the page
    Wizard,
    /// `start`, from the inside: runs these options, and keeps the end of what they say.
    #[command(hide = true)]
    Keep {
        #[arg(long)]
        log: PathBuf,
        #[arg(last = true)]
        args: Vec<String>,
    },
}

#[derive(Debug, Default, Args)]
pub struct List {
    /// Only these: words, and model: tool: status: session: is:error is:cut …
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// The last N
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 25)]
    pub number: usize,
    /// Only of this session
    #[arg(long, value_name = "KEY")]
    pub session: Option<String>,
    /// Also questions that only look around (/api/version, /v1/models)
    #[arg(long)]
    pub probes: bool,
    /// Sessions instead of exchanges, with their keys
    #[arg(long, conflicts_with_all = ["query", "session", "probes"])]
    pub sessions: bool,
}

#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Show {
    /// An id or a part of one, `last`, or `last~N` for the Nth before it
    #[arg(value_name = "ID", default_value = "last")]
    pub id: String,
    /// The head and the body of one side only
    #[arg(long, value_name = "PANE", value_enum)]
    pub pane: Option<PaneWord>,
    /// With --pane: the bytes of the body, as they came
    #[arg(long, requires = "pane", conflicts_with = "json")]
    pub raw: bool,
    /// Only what was said
    #[arg(long, group = "part")]
    pub conversation: bool,
    /// Only the heads of all sides
    #[arg(long, group = "part")]
    pub headers: bool,
    /// Only the events, with their times
    #[arg(long, group = "part")]
    pub timeline: bool,
    /// Only what the translation did
    #[arg(long, group = "part")]
    pub notes: bool,
    /// The whole history, and no text is cut
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Default, Args)]
pub struct Tail {
    /// Only these, as for `list`
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// End after N exchanges
    #[arg(short = 'n', long = "number", value_name = "N")]
    pub number: Option<usize>,
    /// Begin with those that are there already
    #[arg(long)]
    pub all: bool,
    /// Also questions that only look around
    #[arg(long)]
    pub probes: bool,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The exchange that is looked at
    #[arg(value_name = "A", default_value = "last")]
    pub one: String,
    /// The one that it is compared with: an id, or `previous`
    #[arg(value_name = "B", default_value = "previous")]
    pub other: String,
}

#[derive(Debug, Args)]
pub struct Search {
    /// Words, all of which must be there
    #[arg(value_name = "WORDS", required = true)]
    pub words: Vec<String>,
    /// At most N hits, the newest
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 25)]
    pub number: usize,
}

#[derive(Debug, Args)]
pub struct Export {
    /// Ids, or a query; everything where there is none
    #[arg(value_name = "QUERY|ID")]
    pub which: Vec<String>,
    /// The form
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatWord::Jsonl)]
    pub format: FormatWord,
    /// Where to write it [default: standard output]; codex-capture wants a directory
    #[arg(short, long, value_name = "FILE|DIR")]
    pub output: Option<PathBuf>,
    /// Write over what is there
    #[arg(long, requires = "output")]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// An id or a part of one, `last`, or `last~N`
    #[arg(value_name = "ID", default_value = "last")]
    pub id: String,
    /// Ask this model instead
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Send this body instead (`-`: standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "edit")]
    pub body: Option<PathBuf>,
    /// Change the body in $VISUAL or $EDITOR first
    #[arg(long)]
    pub edit: bool,
    /// Only print the curl that would do the same
    #[arg(long)]
    pub print: bool,
}

#[derive(Debug, Args)]
pub struct Mark {
    /// An id or a part of one, `last`, or `last~N`
    #[arg(value_name = "ID", default_value = "last")]
    pub id: String,
    /// A comment; an empty one takes it away
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Take the mark away
    #[arg(long)]
    pub off: bool,
}

#[derive(Debug, Args)]
#[group(skip)]
#[command(group(ArgGroup::new("what").required(true)))]
pub struct Remove {
    /// Ids or parts of them, `last`, or `last~N`
    #[arg(value_name = "ID", group = "what")]
    pub ids: Vec<String>,
    /// All of a session
    #[arg(long, value_name = "KEY", group = "what")]
    pub session: Option<String>,
    /// All there is
    #[arg(long, group = "what")]
    pub all: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Prune {
    /// Keep no more than this on disk [default: the limit of the running forwarder, or 256MiB]
    #[arg(long, value_name = "BYTES", value_parser = config::parse_size)]
    pub max_size: Option<usize>,
    /// Keep no session that is older [default: the limit of the running forwarder, or 14d]
    #[arg(long, value_name = "TIME", value_parser = parse_age)]
    pub max_age: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct Open {
    /// The exchange that is shown first
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Only print the link
    #[arg(long)]
    pub print: bool,
    /// Where the page is served when no forwarder runs [default: 127.0.0.1:5001]
    #[arg(long, value_name = "ADDR:PORT")]
    pub inspect: Option<SocketAddr>,
}

#[derive(Debug, Default, Args)]
pub struct Start {
    /// How clients come: `reverse` (they name us) or `forward` (we are their proxy). One port does both
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub mode: Mode,
    /// The address on which clients connect
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub listen_host: String,
    /// The port on which clients connect [default: --listen-port, or 11434]
    #[arg(long, value_name = "PORT", value_parser = config::parse_port)]
    pub port: Option<u16>,
    /// Where to forward to [default: auto, which finds Windows]
    #[arg(long, value_name = "WHERE")]
    pub upstream: Option<String>,
    /// The page's port
    #[arg(long, value_name = "PORT", value_parser = config::parse_port, default_value_t = 5001)]
    pub webapp_port: u16,
    /// Translate the Responses API, for Codex
    #[arg(long)]
    pub translate: bool,
}

/// A mode of the tool whose commands these were first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    #[default]
    Reverse,
    Forward,
}

/// `--pane`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum PaneWord {
    ClientRequest,
    UpstreamRequest,
    UpstreamResponse,
    ClientResponse,
}

impl PaneWord {
    pub fn pane(self) -> Pane {
        match self {
            Self::ClientRequest => Pane::ClientRequest,
            Self::UpstreamRequest => Pane::UpstreamRequest,
            Self::UpstreamResponse => Pane::UpstreamResponse,
            Self::ClientResponse => Pane::ClientResponse,
        }
    }
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatWord {
    /// Ours, to be imported again
    Jsonl,
    /// The four files of `codex_capture`
    CodexCapture,
    /// HTTP Archive 1.2
    Har,
    /// Commands that send the requests again
    Curl,
    /// A page in one file
    Html,
    Markdown,
}

impl FormatWord {
    pub fn format(self) -> Format {
        match self {
            Self::Jsonl => Format::Jsonl,
            Self::CodexCapture => Format::CodexCapture,
            Self::Har => Format::Har,
            Self::Curl => Format::Curl,
            Self::Html => Format::Html,
            Self::Markdown => Format::Markdown,
        }
    }

    /// Behind the point of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jsonl | Self::CodexCapture => "jsonl",
            Self::Har => "har",
            Self::Curl => "sh",
            Self::Html => "html",
            Self::Markdown => "md",
        }
    }
}

/// `14d`, or a time as everywhere else.
fn parse_age(text: &str) -> Result<Duration, Words> {
    let days = text.trim().strip_suffix('d').and_then(|days| days.trim_end().parse::<u32>().ok());
    match days {
        Some(days) => Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60)),
        None => config::parse_duration(text)
            .map_err(|Words { en, fr }| Words { en: en.replace("2m", "14d"), fr: fr.replace("2m", "14d") }),
    }
}

const EXAMPLES: &str = "\
Examples:
  ollama-forward --translate --capture          capture, with the page at 127.0.0.1:5001
  ollama-forward capture on                     begin, in the forwarder that runs
  ollama-forward capture open                   the page, in a browser
  ollama-forward capture list model:qwen        exchanges with a model
  ollama-forward capture show                   all of the last exchange
  ollama-forward capture tail                   exchanges as they end
  ollama-forward capture diff                   what is new in the last request
  ollama-forward capture export --format har -o all.har

An exchange is named by its id, a part of it that no other has, `last`, or `last~2`.
Exit code 0: done; 1: failed; 2: the command line does not fit; 3: no forwarder runs.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_days_or_a_time() {
        assert_eq!(parse_age("14d"), Ok(Duration::from_secs(14 * 86400)));
        assert_eq!(parse_age("36h"), Ok(Duration::from_secs(36 * 3600)));
        assert!(parse_age("long").unwrap_err().fr.contains("14d"));
    }

    #[test]
    fn words_of_panes_are_those_of_the_json() {
        for word in PaneWord::value_variants() {
            let name = word.to_possible_value().unwrap();
            assert_eq!(name.get_name(), word.pane().word());
        }
    }
}
