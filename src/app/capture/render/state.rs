//! Whether it captures, where, and how much there is. Pure.

use serde::Serialize;

use super::rows::{id, status};
use super::{Look, Paper, Sign, count};
use crate::capture::record::Row;
use crate::capture::sentences::told;
use crate::control::Answer;
use crate::doctor::figures;
use crate::doctor::render::sheet::Style;
use crate::words;

/// What `capture status` tells; its JSON has the same names.
#[derive(Debug, Default, Serialize)]
pub(in crate::app::capture) struct State {
    /// A forwarder runs that can be asked.
    pub(in crate::app::capture) running: bool,
    pub(in crate::app::capture) on: bool,
    pub(in crate::app::capture) pid: Option<u32>,
    pub(in crate::app::capture) page: Option<String>,
    pub(in crate::app::capture) listen: Vec<String>,
    pub(in crate::app::capture) dir: std::path::PathBuf,
    pub(in crate::app::capture) trouble: Option<String>,
    pub(in crate::app::capture) bytes: u64,
    pub(in crate::app::capture) limit: u64,
    pub(in crate::app::capture) exchanges: u64,
    pub(in crate::app::capture) sessions: u64,
    pub(in crate::app::capture) missed: u64,
    pub(in crate::app::capture) latest: Option<Row>,
}

impl State {
    /// What the running forwarder says counts before what is on disk.
    pub(in crate::app::capture) fn told_by(mut self, answer: &Answer) -> Self {
        self.running = true;
        self.on = answer.on;
        self.pid = Some(answer.pid);
        self.page.clone_from(&answer.page);
        self.listen.clone_from(&answer.listen);
        self.trouble = answer.trouble.clone().or(self.trouble);
        self.missed = answer.missed;
        if answer.limit > 0 {
            self.limit = answer.limit;
        }
        self
    }
}

pub(in crate::app::capture) fn state(state: &State, look: &Look) -> String {
    let mut paper = Paper::new(look);
    let (sign, words) = match (state.running, state.on) {
        (true, true) => (Sign::Good, words!("on", "active")),
        (true, false) => (Sign::Off, words!("off", "arrêtée")),
        (false, _) => (Sign::Off, words!("off: no forwarder runs", "arrêtée : aucun relais ne tourne")),
    };
    let listen = state.listen.join(", ");
    let pid = state.pid.map(|pid| format!("   pid {pid}")).unwrap_or_default();
    let text = format!("{} {}", look.sign(sign), look.shown(&look.say(&words)));
    paper.row("capture", format!("{}   {listen}{pid}", look.ink(Look::style(sign), &text)).trim_end());
    if let Some(trouble) = &state.trouble {
        let text = format!("{} {}", look.sign(Sign::Bad), look.one_line(&look.say(&told(trouble))));
        paper.row(&look.say(&words!("trouble", "problème")), &look.ink(Style::Red, &text));
    }
    if let Some(page) = &state.page {
        paper.row("page", &look.one_line(page));
    }
    paper.row(&look.say(&words!("directory", "répertoire")), &look.as_it_is(&state.dir.display().to_string()));
    let (n, sessions) = (count(state.exchanges), count(state.sessions));
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    let (es, ss, bytes) = (plural(state.exchanges), plural(state.sessions), look.say(&figures::bytes(state.bytes)));
    let mut kept = look.say(&words!(
        "{n} exchange{es} in {sessions} session{ss}, {bytes}",
        "{n} échange{es} dans {sessions} session{ss}, {bytes}"
    ));
    // Where nobody writes there, nobody says how much may be there.
    if state.limit > 0 {
        let limit = look.say(&figures::bytes(state.limit));
        kept += &look.say(&words!(" of {limit}", " sur {limit}"));
    }
    paper.row(&look.say(&words!("kept", "conservé")), &look.shown(&kept));
    if state.missed > 0 {
        let missed = count(state.missed);
        let words = words!("{missed}, as too much came at once", "{missed} : trop de données à la fois");
        let text = format!("{} {}", look.sign(Sign::Warning), look.shown(&look.say(&words)));
        paper.row(&look.say(&words!("missed", "manqué")), &look.ink(Style::Yellow, &text));
    }
    if let Some(row) = &state.latest {
        let (sign, word) = status(row);
        let ended = look.ink(Look::style(sign), &format!("{} {}", look.sign(sign), look.shown(&look.say(&word))));
        let text = format!("{}   {}   {ended}   {}", look.time(row.begun_ms), look.one_line(&row.model), id(row));
        paper.row(&look.say(&words!("latest", "dernier")), &text);
    }
    let next = match (state.running, state.on, state.exchanges) {
        (false, _, _) => Some("ollama-forward --translate --capture"),
        (true, false, _) => Some("ollama-forward capture on"),
        (true, true, 0) => Some("ollama-forward capture print-cmds"),
        (true, true, _) => None,
    };
    if let Some(next) = next {
        paper.row(&look.say(&words!("next", "ensuite")), next);
    }
    paper.text
}
