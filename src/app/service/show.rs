//! `service status`: whether it runs, since when, and what it said last.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::desk::Desk;
use super::login::{self, Login};
use super::manager::Manager;
use super::way::{self, Way};
use super::{desk, doctor};
use crate::app::Ended;
use crate::clock::Reading;
use crate::doctor::Fact;
use crate::doctor::render::clean_line;
use crate::fault::Fault;
use crate::service::state::State;
use crate::status::{self, Report};
use crate::words;
use crate::words::{Lang, Words};

/// The layout of the JSON; a change that breaks readers counts it up.
const SCHEMA_VERSION: u32 = 1;
/// Lines of the log that are shown.
const LINES: u32 = 5;

#[derive(Debug, Default, Serialize)]
struct Shown {
    schema_version: u32,
    /// `systemd`, `profile`, or none.
    by: Option<&'static str>,
    running: bool,
    /// As systemd has it: `active`, `failed`, …
    state: Option<String>,
    /// More of it: `running`, `auto-restart`, …
    sub_state: Option<String>,
    /// How it last ended: `success`, `exit-code`, `watchdog`, …
    result: Option<String>,
    pid: Option<u32>,
    since_ms: Option<u64>,
    restarts: Option<u32>,
    enabled: Option<bool>,
    /// The unit, or the profile.
    file: Option<PathBuf>,
    drop_ins: Vec<String>,
    linger: Option<bool>,
    /// From where to where it leads.
    way: Option<String>,
    log: Vec<String>,
}

pub(super) fn status(desk: &Desk, json: bool) -> Result<Ended, Fault> {
    let shown = match way::find()? {
        Way::Systemd(unit) => of_systemd(desk, unit)?,
        Way::Login(login) => of_login(&login)?,
        Way::None => Shown { schema_version: SCHEMA_VERSION, ..Shown::default() },
    };
    let text = if json {
        serde_json::to_string(&shown).expect("what is shown is plain data") + "\n"
    } else {
        if shown.by.is_none() {
            return Err(way::not_installed());
        }
        let text = page(&shown, desk.look.lang);
        if desk.look.ascii { crate::doctor::render::to_ascii(&text) } else { text }
    };
    Ok(if shown.running { Ended::Printed(text) } else { Ended::NoneRunning(text) })
}

fn of_systemd(desk: &Desk, unit: PathBuf) -> Result<Shown, Fault> {
    let manager = Manager::new(desk);
    let state = manager.state()?;
    let log = manager.journal(LINES, "short-iso");
    let linger = doctor::look(desk).linger;
    let since = state.since.filter(|_| state.runs()).map(|since| Reading::take().monotonic.saturating_sub(since));
    let way = state.pid.and_then(report_of).map(|report| way_of(&report));
    let State { active, sub, result, pid, restarts, enabled, file, drop_ins, .. } = state.clone();
    Ok(Shown {
        schema_version: SCHEMA_VERSION,
        by: Some("systemd"),
        running: state.runs(),
        state: Some(active),
        sub_state: Some(sub),
        result: Some(result),
        pid,
        since_ms: since.map(milliseconds),
        restarts: Some(restarts),
        enabled: Some(enabled.starts_with("enabled")),
        file: Some(file.map_or(unit, PathBuf::from)),
        drop_ins,
        linger: match linger {
            Fact::Known(linger) => Some(linger),
            Fact::Unknown(_) => None,
        },
        way,
        log: if log.is_empty() { remembered(LINES) } else { log },
    })
}

fn of_login(login: &Login) -> Result<Shown, Fault> {
    let port = login::port_of(login)?;
    let report = status::directory().and_then(|directory| status::ask(&directory, Some(port)).pop());
    let log = desk::state_directory()?.join(format!("forward-{port}.log"));
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<String> = log.lines().map(clean_line).collect();
    Ok(Shown {
        schema_version: SCHEMA_VERSION,
        by: Some("profile"),
        running: report.is_some(),
        pid: report.as_ref().map(|report| report.pid),
        since_ms: report.as_ref().map(|report| report.uptime_ms),
        file: Some(login.file.clone()),
        way: report.as_ref().map(way_of),
        log: last(lines, LINES),
        ..Shown::default()
    })
}

/// What the run with this number tells of itself.
pub(super) fn report_of(pid: u32) -> Option<Report> {
    status::ask(&status::directory()?, None).into_iter().find(|report| report.pid == pid)
}

/// `127.0.0.1:11434 → 172.24.0.1:11434`; without an arrow where Windows has not been found.
pub(super) fn way_of(report: &Report) -> String {
    let listen = report.listen.join(", ");
    report.upstream.as_ref().map_or(listen.clone(), |upstream| format!("{listen} → {upstream}"))
}

/// The last lines that the runs of this user have in memory; none where more than one runs.
pub(super) fn remembered(lines: u32) -> Vec<String> {
    let Some(directory) = status::directory() else { return Vec::new() };
    let reports = status::ask(&directory, None);
    let [only] = reports.as_slice() else { return Vec::new() };
    let port = only.listen.first().and_then(|at| at.rsplit(':').next()?.parse().ok());
    let said = port.map(|port| status::log_lines(&directory, port)).unwrap_or_default();
    last(said.iter().map(|line| clean_line(line)).collect(), lines)
}

fn last(mut lines: Vec<String>, count: u32) -> Vec<String> {
    let skipped = lines.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
    lines.drain(..skipped);
    lines
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One line each, by name.
fn page(shown: &Shown, lang: Lang) -> String {
    let mut text = String::new();
    let mut line = |name: Words, value: &str| {
        let name = name.of(lang);
        let pad = " ".repeat(10usize.saturating_sub(name.chars().count()));
        let _ = writeln!(text, "{name}{pad}{value}");
    };
    line(words!("service", "service"), &state(shown, lang));
    if let Some(way) = &shown.way {
        line(words!("forward", "relais"), way);
    }
    if let Some(file) = &shown.file {
        let name = if shown.by == Some("profile") { words!("profile", "profil") } else { words!("unit", "unité") };
        let enabled = match shown.enabled {
            Some(true) => words!("   starts by itself", "   démarre tout seul"),
            Some(false) => words!("   does not start by itself", "   ne démarre pas tout seul"),
            None => Words::default(),
        };
        line(name, &format!("{}{}", file.display(), enabled.of(lang)));
    }
    for drop_in in &shown.drop_ins {
        line(Words::default(), drop_in);
    }
    if let Some(linger) = shown.linger {
        let words = if linger {
            words!("on: it starts and stays without a login", "oui : démarre et reste sans session")
        } else {
            words!(
                "off: it stops with your last login   sudo loginctl enable-linger",
                "non : s'arrête avec votre dernière session   sudo loginctl enable-linger"
            )
        };
        line(words!("linger", "linger"), &words.of(lang));
    }
    for (at, said) in shown.log.iter().enumerate() {
        line(if at == 0 { words!("log", "journal") } else { Words::default() }, said);
    }
    text
}

/// Whether it runs, since when, and how often it had to be started anew.
fn state(shown: &Shown, lang: Lang) -> String {
    let mut parts = vec![match (shown.running, shown.state.as_deref()) {
        (true, _) => words!("✓ runs", "✓ tourne"),
        (false, Some("failed")) => words!("✗ has failed", "✗ a échoué"),
        (false, Some("activating")) if shown.sub_state.as_deref() == Some("auto-restart") => {
            words!("⚠ starts again and again", "⚠ redémarre sans cesse")
        }
        (false, Some("activating")) => words!("… starts", "… démarre"),
        (false, Some("deactivating")) => words!("… lets connections end", "… laisse finir les connexions"),
        (false, _) => words!("✗ does not run", "✗ ne tourne pas"),
    }];
    if let Some(result) = shown.result.as_ref().filter(|result| !shown.running && *result != "success") {
        parts.push(Words::same(result.clone()));
    }
    if let Some(since) = shown.since_ms {
        let since = time(since, lang);
        parts.push(words!("for {since}", "depuis {since}"));
    }
    if let Some(pid) = shown.pid {
        parts.push(words!("pid {pid}", "pid {pid}"));
    }
    match shown.restarts {
        Some(0) | None => {}
        Some(1) => parts.push(words!("restarted once by systemd", "relancé une fois par systemd")),
        Some(count) => parts.push(words!("restarted {count} times by systemd", "relancé {count} fois par systemd")),
    }
    parts.iter().map(|part| part.of(lang)).collect::<Vec<_>>().join("   ")
}

fn time(ms: u64, lang: Lang) -> String {
    let seconds = ms / 1000;
    let day = match lang {
        Lang::En => "d",
        Lang::Fr => "j",
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h {:02}", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} {day} {} h", seconds / 86400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs() -> Shown {
        Shown {
            by: Some("systemd"),
            running: true,
            state: Some("active".into()),
            result: Some("success".into()),
            pid: Some(42),
            since_ms: Some(11_520_000),
            restarts: Some(0),
            enabled: Some(true),
            file: Some("/u/ollama-forward.service".into()),
            linger: Some(false),
            way: Some("127.0.0.1:11434 → 172.24.0.1:11434".into()),
            log: vec!["one".into(), "two".into()],
            ..Shown::default()
        }
    }

    #[test]
    fn a_service_that_runs_says_since_when_in_both_languages() {
        assert_eq!(
            page(&runs(), Lang::En),
            "service   ✓ runs   for 3 h 12   pid 42\n\
             forward   127.0.0.1:11434 → 172.24.0.1:11434\n\
             unit      /u/ollama-forward.service   starts by itself\n\
             linger    off: it stops with your last login   sudo loginctl enable-linger\n\
             log       one\n          two\n"
        );
        let french = page(&Shown { restarts: Some(2), log: Vec::new(), ..runs() }, Lang::Fr);
        assert!(
            french.starts_with("service   ✓ tourne   depuis 3 h 12   pid 42   relancé 2 fois par systemd\n"),
            "{french}"
        );
    }

    #[test]
    fn one_that_tries_again_is_told_from_one_that_starts() {
        let starting = |sub: &str| Shown {
            running: false,
            state: Some("activating".into()),
            sub_state: Some(sub.into()),
            ..runs()
        };
        assert!(page(&starting("auto-restart"), Lang::En).starts_with("service   ⚠ starts again and again"));
        assert!(page(&starting("start"), Lang::Fr).starts_with("service   … démarre"));
    }

    #[test]
    fn one_that_failed_says_how() {
        let failed = Shown {
            running: false,
            state: Some("failed".into()),
            result: Some("watchdog".into()),
            pid: None,
            since_ms: None,
            ..runs()
        };
        assert!(page(&failed, Lang::En).starts_with("service   ✗ has failed   watchdog\n"));
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        assert_eq!(last(vec!["a".into(), "b".into(), "c".into()], 2), ["b", "c"]);
        assert_eq!(last(vec!["a".into()], 5), ["a"]);
    }
}
