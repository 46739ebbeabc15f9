//! Sets tracing up, and prints an error with its sources.
//!
//! Lines go to standard error through a thread of their own: a terminal that is paused (Ctrl-S, a selection in a Windows
//! console) must not pause the traffic. When that thread cannot keep up, lines are dropped, never connections.
//!
//! The last lines that matter are also kept in memory, for a report on a fault: there is no log file. On a terminal, a line
//! below all of them may tell how things are ([`Pin`]).

mod pin;

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::time::{ChronoLocal, FormatTime as _};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use self::pin::Pin;
use self::pin::{Above, Place};

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

/// Whether a line below the log tells how things are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Live {
    /// On a terminal that can draw it, unless the log is in JSON or quiet
    #[default]
    Auto,
    Never,
}

/// What the log shows and how.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub level: LevelFilter,
    pub format: LogFormat,
    pub color: Color,
    pub live: Live,
}

/// One layer of what was asked of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub volume: Option<Volume>,
    pub format: Option<LogFormat>,
    pub color: Option<Color>,
    pub live: Option<Live>,
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
            live: self.live.or(below.live),
        }
    }

    pub fn settings(self) -> Settings {
        let level = match self.volume {
            Some(Volume::Quiet) => LevelFilter::WARN,
            None => LevelFilter::INFO,
            Some(Volume::Debug) => LevelFilter::DEBUG,
            Some(Volume::Trace) => LevelFilter::TRACE,
        };
        let (format, color) = (self.format.unwrap_or_default(), self.color.unwrap_or_default());
        Settings { level, format, color, live: self.live.unwrap_or_default() }
    }
}

/// Lines that may wait for a slow terminal. Their places are allocated at once, so the default (128 000) would cost 5 MB.
const LINES: usize = 1024;

/// A log that runs. Lines that are under way are written when it is dropped.
#[derive(Debug)]
pub struct Log {
    pub recent: Recent,
    /// The line below it, where there is to be one.
    pub pin: Option<Pin>,
    _writer: WorkerGuard,
}

/// Starts the log.
pub fn start(settings: Settings) -> Log {
    let on_terminal = stderr().is_terminal();
    let (writer, guard, pin) = writer(on_terminal && has_line(&settings));
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
        LogFormat::Text if goes_to_journal() => {
            builder.without_time().map_event_format(Prioritized).finish().with(kept).try_init()
        }
        LogFormat::Text if on_terminal => {
            builder.with_timer(ChronoLocal::new("%H:%M:%S".into())).finish().with(kept).try_init()
        }
        LogFormat::Text => builder.with_timer(ChronoLocal::rfc_3339()).finish().with(kept).try_init(),
    };
    Log { recent, pin, _writer: guard }
}

/// The log's thread; with a line below the log, that is written there, too.
fn writer(has_line: bool) -> (NonBlocking, WorkerGuard, Option<Pin>) {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).thread_name("log");
    if !has_line {
        let (writer, guard) = builder.finish(stderr());
        return (writer, guard, None);
    }
    let place = Place::default();
    let (writer, guard) = builder.finish(Above::new(stderr(), place.clone()));
    (writer.clone(), guard, Some(Pin::new(writer, place)))
}

/// What is below info is wanted by those who want silence; a journal has no last line, and a dumb terminal no way back.
fn has_line(settings: &Settings) -> bool {
    let of_terminal = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    let of_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let wanted = settings.live == Live::Auto && settings.format == LogFormat::Text;
    wanted && settings.level >= LevelFilter::INFO && of_terminal && !of_journal
}

/// Whether standard error is the journal, which dates lines itself. The variable alone does not tell: whatever a service
/// starts inherits it (systemd.exec(5), "`$JOURNAL_STREAM`").
fn goes_to_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Lines as the journal sorts them: with their priority in front (sd-daemon(3)).
struct Prioritized<F>(F);

impl<S, N, F> FormatEvent<S, N> for Prioritized<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        write!(out, "<{priority}>")?;
        self.0.format_event(ctx, out, event)
    }
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

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_journal_gets_a_priority_and_no_date() {
        let written = Written::default();
        let into = written.clone();
        let builder = tracing_subscriber::fmt().with_target(false).with_ansi(false).without_time();
        let log = builder.map_event_format(Prioritized).with_writer(move || into.clone()).finish();
        with_default(log, || {
            info!(port = 1, "news");
            warn!("trouble");
            tracing::error!("end");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "<6> INFO news port=1\n<4> WARN trouble\n<3>ERROR end\n");
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
