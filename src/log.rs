//! Sets tracing up, and prints an error with its sources.
//!
//! Lines go to standard error through a thread of their own: a terminal that is paused (Ctrl-S, a selection in a Windows
//! console) must not pause the traffic. When that thread cannot keep up, lines are dropped, never connections.
//!
//! The last lines that matter are also kept in memory, for a report on a fault: there is no log file.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::{DefaultFields, FormatFields as _, Writer};
use tracing_subscriber::fmt::time::{ChronoLocal, FormatTime as _};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

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

/// A log that runs. Lines that are under way are written when it is dropped.
#[derive(Debug)]
pub struct Log {
    pub recent: Recent,
    _writer: WorkerGuard,
}

/// Starts the log.
pub fn start(settings: Settings) -> Log {
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
    let recent = Recent::default();
    let kept = recent.clone();
    // A second call keeps the first log, as happens in tests only.
    let _ = match settings.format {
        LogFormat::Json => builder.with_timer(ChronoLocal::rfc_3339()).json().finish().with(kept).try_init(),
        LogFormat::Text if std::env::var_os("JOURNAL_STREAM").is_some() => {
            builder.without_time().finish().with(kept).try_init()
        }
        LogFormat::Text if on_terminal => {
            builder.with_timer(ChronoLocal::new("%H:%M:%S".into())).finish().with(kept).try_init()
        }
        LogFormat::Text => builder.with_timer(ChronoLocal::rfc_3339()).finish().with(kept).try_init(),
    };
    Log { recent, _writer: guard }
}

/// The last lines at info and above that the log has shown, in plain text. What the log leaves out never gets here, and
/// what is below info costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Recent(Arc<Mutex<VecDeque<String>>>);

/// With [`LINE_BYTES`] 26 kB at most, which fit the buffer of a socket (`net.core.wmem_default`, 208 KiB).
const KEPT_LINES: usize = 64;
/// The longest line of ours that says something is half as long; another's text may be longer.
const LINE_BYTES: usize = 400;

impl Recent {
    /// Oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn keep(&self, line: String) {
        let mut lines = self.lock();
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Written anew rather than copied from the log: that may be in colour, in JSON, or without a date.
impl<S: Subscriber> Layer<S> for Recent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::INFO {
            return;
        }
        let mut line = String::new();
        // A string takes all that is written to it; a clock that cannot be told leaves its place empty.
        let _ = ChronoLocal::rfc_3339().format_time(&mut Writer::new(&mut line));
        let _ = write!(line, " {level:>5} ");
        let _ = DefaultFields::new().format_fields(Writer::new(&mut line), event);
        self.keep(one_line(&line));
    }
}

/// Without line breaks and other orders to a terminal, and cut where it is too long.
fn one_line(line: &str) -> String {
    let line: String = line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if line.len() <= LINE_BYTES {
        return line;
    }
    let mut end = LINE_BYTES - '…'.len_utf8();
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &line[..end])
}

/// `NO_COLOR` (no-color.org), `CLICOLOR_FORCE` (bixense.com/clicolors) and `TERM=dumb` are honoured.
pub fn use_color(color: Color, on_terminal: bool) -> bool {
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

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;
    use tracing::{debug, info, warn};

    use super::*;

    /// What is kept of what `talk` says to a log of this level.
    fn kept(level: LevelFilter, talk: impl FnOnce()) -> Vec<String> {
        let recent = Recent::default();
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::sink).with_ansi(true).finish();
        with_default(log.with(recent.clone()), talk);
        recent.lines()
    }

    /// A line behind its time.
    #[track_caller]
    fn check(line: &str, said: &str) {
        let (time, rest) = line.split_at(line.find(' ').unwrap());
        assert!(time.starts_with("20") && time.contains('T'), "{line}");
        assert_eq!(rest, said);
    }

    #[test]
    fn lines_are_kept_as_plain_text() {
        let lines = kept(LevelFilter::INFO, || {
            info!(upstream = %"172.24.0.1:11434", how = "named", "forwarding to");
            warn!("two\nlines and \u{1b}[31mred");
        });
        check(&lines[0], "  INFO forwarding to upstream=172.24.0.1:11434 how=\"named\"");
        check(&lines[1], &format!("  WARN {}", lines[1].split_once("WARN ").unwrap().1));
        assert!(!lines[1].contains(char::is_control) && lines[1].contains("lines and"), "{}", lines[1]);
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn what_the_log_does_not_show_is_not_kept_either() {
        let talk = || {
            debug!("detail");
            info!("news");
            warn!("trouble");
        };
        let said = |level| -> Vec<String> {
            kept(level, talk).iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
        };
        assert_eq!(said(LevelFilter::WARN), ["trouble"]);
        assert_eq!(said(LevelFilter::INFO), ["news", "trouble"]);
        assert_eq!(said(LevelFilter::TRACE), ["news", "trouble"], "a line a connection is not for this");
    }

    #[test]
    fn details_cost_nothing_while_nobody_wants_them() {
        let log = tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).finish().with(Recent::default());
        assert_eq!(log.max_level_hint(), Some(LevelFilter::INFO));
    }

    #[test]
    fn the_oldest_lines_make_room() {
        let lines = kept(LevelFilter::INFO, || (0..KEPT_LINES + 3).for_each(|number| info!(number, "n")));
        assert_eq!(lines.len(), KEPT_LINES);
        assert!(lines[0].ends_with("number=3") && lines[KEPT_LINES - 1].ends_with("number=66"), "{lines:?}");
    }

    #[test]
    fn a_long_line_is_cut_between_letters() {
        for shift in 0..4 {
            let line = one_line(&("x".repeat(shift) + &"é".repeat(300)));
            assert!(line.ends_with('…') && line.len() <= LINE_BYTES && line.len() > LINE_BYTES - 4, "{}", line.len());
        }
        assert_eq!(one_line(&"x".repeat(LINE_BYTES)).len(), LINE_BYTES);
    }
}
