//! Sets tracing up, and prints an error with its sources.
//!
//! Lines go to standard error through a thread of their own: a terminal that is paused (Ctrl-S, a selection in a Windows
//! console) must not pause the traffic. When that thread cannot keep up, lines are dropped, never connections.

use std::error::Error;
use std::io::{IsTerminal, stderr};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::time::ChronoLocal;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    /// One object a line
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    Always,
    Never,
}

/// What the log shows and how.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub level: LevelFilter,
    pub format: LogFormat,
    pub color: Color,
}

/// One layer of what was asked of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub volume: Option<Volume>,
    pub format: Option<LogFormat>,
    pub color: Option<Color>,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    /// Warnings and errors.
    Quiet,
    /// A line a connection.
    Debug,
    /// Every step.
    Trace,
}

impl Wishes {
    /// What this layer leaves open is taken from `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            volume: self.volume.or(below.volume),
            format: self.format.or(below.format),
            color: self.color.or(below.color),
        }
    }

    pub fn settings(self) -> Settings {
        let level = match self.volume {
            Some(Volume::Quiet) => LevelFilter::WARN,
            None => LevelFilter::INFO,
            Some(Volume::Debug) => LevelFilter::DEBUG,
            Some(Volume::Trace) => LevelFilter::TRACE,
        };
        Settings { level, format: self.format.unwrap_or_default(), color: self.color.unwrap_or_default() }
    }
}

/// Lines that may wait for a slow terminal. Their places are allocated at once, so the default (128 000) would cost 5 MB.
const LINES: usize = 1024;

/// Starts the log. Lines that are under way are written when the returned guard is dropped.
pub fn start(settings: Settings) -> WorkerGuard {
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).thread_name("log").finish(stderr());
    let on_terminal = stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_max_level(settings.level)
        .with_writer(writer)
        .with_target(false)
        // A closed standard error must end nothing.
        .log_internal_errors(false)
        .with_ansi(use_color(settings.color, on_terminal));
    // A second call keeps the first log, as happens in tests only.
    let _ = match settings.format {
        LogFormat::Json => builder.with_timer(ChronoLocal::rfc_3339()).json().try_init(),
        LogFormat::Text if std::env::var_os("JOURNAL_STREAM").is_some() => builder.without_time().try_init(),
        LogFormat::Text if on_terminal => builder.with_timer(ChronoLocal::new("%H:%M:%S".into())).try_init(),
        LogFormat::Text => builder.with_timer(ChronoLocal::rfc_3339()).try_init(),
    };
    guard
}

/// `NO_COLOR` (no-color.org), `CLICOLOR_FORCE` (bixense.com/clicolors) and `TERM=dumb` are honoured.
fn use_color(color: Color, on_terminal: bool) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if is_set("NO_COLOR") => false,
        Color::Auto if std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        Color::Auto => on_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// An error and all its sources, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
