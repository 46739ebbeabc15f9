//! `capture`: what is captured, looked at and changed from the command line.
//!
//! ```text
//! typed ─► place: which directory, who writes there ─┬─► read, tail      rows and views ─► render ─► stdout
//!          pick: which exchange is meant             ├─► change, export  orders to the running forwarder, or to a writer
//!                                                    ├─► replay          a request again, through the running forwarder
//!                                                    └─► open, start     the page, the background
//! ```
//! Standard output is the result, and nothing else; what goes wrong is told in three lines of the reader's language.

mod change;
mod export;
mod open;
mod pick;
pub(super) mod place;
mod read;
mod render;
mod replay;
mod start;
mod tail;
mod trouble;
mod wizard;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write, stderr, stdin, stdout};

use chrono::{Local, Offset, TimeZone};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use self::place::Place;
use super::ask::meant;
use super::doctor::look_of;
use super::{Ended, background, files};
use crate::cli::Run;
use crate::cli::capture::{Capture, CaptureCommand, Common, List};
use crate::clock;
use crate::doctor::render::Look as Page;
use crate::fault::Fault;
use crate::log::{self, Color};
use crate::words;
use crate::words::{Lang, Words};
use render::Look;

/// The layout of the JSON of these commands; a change that breaks readers counts it up.
const SCHEMA_VERSION: u32 = 1;

/// `ollama-forward capture …`
pub(super) fn capture(run: &Run, typed: &Capture, lang: Lang) -> Result<Ended, Fault> {
    let desk = Desk { run, common: &typed.common, look: look(&typed.common, lang) };
    let command = typed.command.as_ref().unwrap_or(&CaptureCommand::Status);
    desk.obey(command)
}

/// What all commands have: what was typed for all, and how the reader wants it.
struct Desk<'a> {
    run: &'a Run,
    common: &'a Common,
    look: Look,
}

impl Desk<'_> {
    fn obey(&self, command: &CaptureCommand) -> Result<Ended, Fault> {
        match command {
            CaptureCommand::On => self.switch(true),
            CaptureCommand::Off => self.switch(false),
            CaptureCommand::Status => self.status(),
            CaptureCommand::List(List { sessions: true, .. }) => self.sessions(),
            CaptureCommand::List(list) => self.list(list),
            CaptureCommand::Show(show) => self.show(show),
            CaptureCommand::Tail(tail) => self.tail(tail),
            CaptureCommand::Diff(diff) => self.diff(diff),
            CaptureCommand::Search(search) => self.search(search),
            CaptureCommand::Export(export) => self.export(export),
            CaptureCommand::Import { file } => self.import(file),
            CaptureCommand::Replay(replay) => self.replay(replay),
            CaptureCommand::Mark(mark) => self.mark(mark),
            CaptureCommand::Rm(remove) => self.remove(remove),
            CaptureCommand::Prune(prune) => self.prune(prune),
            CaptureCommand::Open(open) => self.open(open),
            CaptureCommand::PrintCmds => self.print_commands(),
            CaptureCommand::Start(start) => self.start(start),
            CaptureCommand::Stop => self.stop(),
            CaptureCommand::Wizard => self.wizard(),
            CaptureCommand::Keep { log, args } => background::keep(log, args),
        }
    }

    fn place(&self) -> Result<Place, Fault> {
        // What is captured can be looked at also when the configuration does not fit a run.
        let files = files(self.run.config.as_deref()).unwrap_or_default();
        let configured = self.run.layer().over(files).capture.settings();
        Place::find(self.common, &configured)
    }

    fn lang(&self) -> Lang {
        self.look.lang()
    }

    /// A sentence that is the result, or an object in its place.
    fn done(&self, words: &Words, json: &impl Serialize) -> Result<Ended, Fault> {
        if self.common.json { print_object(json) } else { print(&format!("{}\n", self.shown(words))) }
    }

    /// As the terminal can show it.
    fn shown(&self, words: &Words) -> String {
        let text = words.of(self.lang());
        if self.look.page.ascii { crate::doctor::render::to_ascii(&text) } else { text }
    }

    /// Beside the result: for a person who looks on.
    fn hint(&self, words: &Words) {
        let _ = writeln!(stderr(), "{}", self.shown(words));
    }

    /// Asks on the terminal. None: there is none.
    fn ask(&self, question: &Words) -> Result<Option<String>, Fault> {
        if !stdin().is_terminal() {
            return Ok(None);
        }
        let mut answer = String::new();
        let asked = write!(stderr(), "{} ", self.shown(question))
            .and_then(|()| stderr().flush())
            .and_then(|()| stdin().lock().read_line(&mut answer));
        match asked {
            // The end of the input is no answer, and no Enter either.
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(answer.trim().to_owned())),
            Err(error) => Err(trouble::io(words!("ask on the terminal", "demander sur le terminal"), &error)),
        }
    }

    /// `y`, `yes`, `o`, `oui`.
    fn agrees(answer: &str) -> bool {
        meant(answer, false) == Some(true)
    }
}

/// `{"schema_version":1, …}` and a line's end.
fn object(value: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Document<'a, T> {
        schema_version: u32,
        #[serde(flatten)]
        value: &'a T,
    }
    let document = Document { schema_version: SCHEMA_VERSION, value };
    serde_json::to_string(&document).expect("what is shown is plain data") + "\n"
}

/// A value with a name, as an object has it.
struct Named<'a, T>(&'static str, &'a T);

impl<T: Serialize> Serialize for Named<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, self.1)?;
        map.end()
    }
}

/// One object, with a schema version.
fn print_object(value: &impl Serialize) -> Result<Ended, Fault> {
    print(&object(value))
}

/// To standard output. A reader that closed it has seen enough.
fn print(text: &str) -> Result<Ended, Fault> {
    print_bytes(text.as_bytes()).map(|_| Ended::Well)
}

/// False: nobody reads any more.
fn print_bytes(bytes: &[u8]) -> Result<bool, Fault> {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(no_output(&error)),
    }
}

fn no_output(error: &io::Error) -> Fault {
    trouble::io(words!("write to standard output", "écrire sur la sortie standard"), error)
}

/// A pipe has no width: nothing is cut in it, so that `grep` finds it.
const PIPE: usize = 100_000;

fn look(common: &Common, lang: Lang) -> Look {
    let on_terminal = stdout().is_terminal();
    let page = look_of(lang);
    let width = if on_terminal { page.width } else { PIPE };
    let color = log::use_color(common.color.unwrap_or(Color::Auto), on_terminal);
    let now_ms = clock::unix_seconds(clock::wall()) * 1000;
    Look { page: Page { width, color, ..page }, offset, now_ms, all: false }
}

/// Of the reader's clock, by `TZ` or `/etc/localtime`.
fn offset(seconds: i64) -> i32 {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    Local.offset_from_utc_datetime(&time.naive_utc()).fix().local_minus_utc()
}
