//! `doctor`: what was typed becomes a plan, the facts are gathered while a line tells who is waited for, and what they come
//! to is written.

use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write, stderr, stdin, stdout};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use directories::{BaseDirs, ProjectDirs};
use rustix::termios::tcgetwinsize;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use super::{Ended, config_paths, files, no_event_loop, watch_signals};
use crate::cli::{Asked, Doctor, Run};
use crate::clock;
use crate::config::{Config, mended, nearest_of};
use crate::doctor::codex::gather::{self as codex, Ask, usable_window};
use crate::doctor::fix::{self, Consent};
use crate::doctor::gather::{Part, Plan, Times, gather};
use crate::doctor::render::{self, DEFAULT_WIDTH, Extent, Frame, Look};
use crate::doctor::{Check, Facts, Group, Outcome, judge, table};
use crate::fault::{Fault, FaultId};
use crate::forward::Phase;
use crate::log::{self, Color};
use crate::status;
use crate::words;
use crate::words::{Lang, Words};

/// `ollama-forward doctor`
pub(super) fn doctor(run: &Run, typed: &Doctor, lang: Lang) -> Result<Ended, Fault> {
    let look = look(typed, lang);
    let chosen = choose(&typed.checks, typed.network_only)?;
    if typed.list {
        let text =
            if typed.json { render::list::object(&chosen, look.lang) } else { render::list::text(&chosen, &look) };
        return Ok(Ended::Printed(text));
    }
    // A terminal that asks something has to end with its question.
    let signals = if typed.fix { Signals::Default } else { Signals::Watched };
    let Some(seen) = examine(run, &typed.asked, &chosen, &look, signals)? else { return Ok(Ended::Cut) };
    let frame = Frame { strict: typed.strict, partial: chosen.len() < table().count(), ..seen.frame };
    let outcomes: Vec<Outcome> =
        seen.outcomes.into_iter().filter(|one| chosen.iter().any(|c| c.id == one.check.id)).collect();
    let text = if typed.json {
        render::json::object(&outcomes, &seen.facts, &frame, look.lang)
    } else {
        render::page(&outcomes, &seen.facts, &frame, &look)
    };
    let code = render::Counts::of(&outcomes).exit_code(frame.strict);
    let text = if typed.fix {
        mend(&outcomes, &text, typed.yes, &look)?;
        String::new()
    } else {
        text
    };
    Ok(if code == 0 { Ended::Printed(text) } else { Ended::Found(text) })
}

/// What Codex takes for the window of a model, by the files that it reads.
pub(super) fn believed_window(root: &Path, model: &str) -> u64 {
    usable_window(&whom_to_ask(root), model)
}

/// The same as it is started here: by our profile where there is one. None: there is no Codex.
pub(super) fn likely_window(root: &Path, model: &str) -> Option<u64> {
    codex::likely_window(&whom_to_ask(root), model)
}

fn whom_to_ask(root: &Path) -> Ask {
    let home = BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let variable = Box::new(|name: &str| env::var_os(name));
    Ask { root: root.to_owned(), home, variable }
}

/// What a run of the doctor came to, before anything is left out.
pub(super) struct Seen {
    pub(super) facts: Facts,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) frame: Frame,
}

/// What Ctrl-C does while the facts are gathered.
#[derive(Clone, Copy)]
pub(super) enum Signals {
    /// It ends us, at once.
    Default,
    /// It ends us after the programs that were started: they are in groups of their own, which the terminal does not reach.
    Watched,
}

/// Gathers and judges all that the chosen checks need. None: somebody did not want to wait.
pub(super) fn examine(
    run: &Run,
    asked: &Asked,
    chosen: &[&'static Check],
    look: &Look,
    signals: Signals,
) -> Result<Option<Seen>, Fault> {
    let runtime = runtime()?;
    let from = clock::now();
    let plan = plan(run, asked, chosen);
    let gathered = gather_visibly(&plan, from, look);
    let facts = match signals {
        Signals::Default => Some(runtime.block_on(gathered)),
        Signals::Watched => {
            let phase = watch_signals()?;
            let mut phase = phase.subscribe();
            runtime.block_on(async {
                tokio::select! {
                    facts = gathered => Some(facts),
                    _ = phase.wait_for(|phase| *phase > Phase::Run) => None,
                }
            })
        }
    };
    // A look-up of a name may hang for seconds; nobody waits for it any more.
    runtime.shutdown_background();
    let Some(facts) = facts else {
        if stderr().is_terminal() {
            let _ = write!(stderr(), "{WIPE}");
        }
        return Ok(None);
    };
    let outcomes = judge(table(), &facts);
    let took = clock::now().saturating_duration_since(from);
    let frame = Frame { version: env!("CARGO_PKG_VERSION").into(), took, strict: false, partial: false };
    Ok(Some(Seen { facts, outcomes, frame }))
}

pub(super) fn runtime() -> Result<Runtime, Fault> {
    Builder::new_current_thread().enable_all().max_blocking_threads(4).build().map_err(|error| no_event_loop(&error))
}

/// The checks that were named, by id or by group; all where none was.
fn choose(names: &[String], network_only: bool) -> Result<Vec<&'static Check>, Fault> {
    let names: Vec<String> =
        names.iter().flat_map(|name| name.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
    for name in &names {
        let known = table().any(|check| check.id == *name) || Group::ALL.iter().any(|group| group.word() == name);
        if !known {
            return Err(Fault::new(FaultId::Usage, no_check(name)));
        }
    }
    let is_named = |check: &Check| names.iter().any(|name| check.id == *name || check.group.word() == *name);
    let chosen =
        table().filter(|check| (names.is_empty() || is_named(check)) && (!network_only || is_on_the_way(check.group)));
    Ok(chosen.collect())
}

fn no_check(name: &str) -> Words {
    let known = table().map(|check| check.id).chain(Group::ALL.map(Group::word));
    match nearest_of(known, name) {
        Some(word) => words!(
            "there is no check `{name}`, did you mean `{word}`?; `ollama-forward doctor --list` names them",
            "il n'y a pas de contrôle « {name} » ; serait-ce `{word}` ? `ollama-forward doctor --list` les nomme"
        ),
        None => words!(
            "there is no check `{name}`; `ollama-forward doctor --list` names them",
            "il n'y a pas de contrôle « {name} » ; `ollama-forward doctor --list` les nomme"
        ),
    }
}

fn is_on_the_way(group: Group) -> bool {
    match group {
        Group::System | Group::Network | Group::Windows | Group::Port | Group::Ollama | Group::Live => true,
        Group::Codex | Group::Service => false,
    }
}

/// What a run would be like with these options, and what has to be found out of it.
fn plan(run: &Run, asked: &Asked, chosen: &[&'static Check]) -> Plan {
    let root = asked.sysroot.clone().unwrap_or_else(|| PathBuf::from("/"));
    let named = asked.config.as_deref().or(run.config.as_deref());
    let config = match &asked.environment_error {
        Some(what) => Err(Fault::new(FaultId::Usage, what.clone())),
        None => config(run, asked, named, root.clone()),
    };
    let status_directory = status::directory();
    let own = ProjectDirs::from("", "", "ollama-forward").map(|dirs| dirs.config_dir().to_owned());
    Plan {
        mended: config.is_err().then(|| mended_file(named)).flatten(),
        config,
        config_files: config_paths(named).into_iter().filter(|path| path.is_file()).collect(),
        upstream_is_typed: asked.upstream.is_some(),
        translate: asked.translate,
        stream_test: asked.stream_test.clone(),
        asks: asks(asked, chosen),
        writes: own.into_iter().chain(status_directory.clone()).collect(),
        status_directory,
        home: BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
        variable: |name| env::var_os(name),
        times: Times::default(),
        root,
    }
}

/// The first file that can be mended, and how.
fn mended_file(named: Option<&Path>) -> Option<(PathBuf, String)> {
    config_paths(named).into_iter().find_map(|path| {
        let text = mended(&fs::read_to_string(&path).ok()?)?;
        Some((path, text))
    })
}

/// The parts that somebody has to ask for what was chosen. The others cost nothing, or everything needs them.
fn asks(asked: &Asked, chosen: &[&'static Check]) -> Vec<Part> {
    let wants = |groups: &[Group]| chosen.iter().any(|check| groups.contains(&check.group));
    // What Windows tells is the cause of much that others only see.
    let of_windows = !asked.no_windows && wants(&[Group::Windows, Group::Port, Group::Ollama, Group::Live]);
    let parts = [
        (Part::Windows, of_windows),
        (Part::Live, wants(&[Group::Live])),
        (Part::Codex, wants(&[Group::Codex])),
        (Part::Service, wants(&[Group::Service])),
    ];
    parts.into_iter().filter(|(_, asked)| *asked).map(|(part, _)| part).collect()
}

fn config(run: &Run, asked: &Asked, named: Option<&Path>, root: PathBuf) -> Result<Config, Fault> {
    asked.layer().over(run.layer()).over(files(named)?).finish(root)
}

/// What is drawn again while somebody looks on.
const FRAME_TIME: Duration = Duration::from_millis(100);
/// To the beginning of the line, and nothing on it (ECMA-48, EL).
const WIPE: &str = "\r\x1b[K";
/// An answer that comes this soon needs no line.
const PATIENCE: Duration = Duration::from_millis(300);

/// Gathers; on a terminal, a line tells who is waited for. It is wiped before the page.
async fn gather_visibly(plan: &Plan, from: Instant, look: &Look) -> Facts {
    let open: Mutex<Vec<Part>> = Mutex::default();
    let tell = |part: Part, begins: bool| {
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|one| *one != part);
        if begins {
            open.push(part);
        }
    };
    let gathered = Box::pin(gather(plan, &tell));
    if !stderr().is_terminal() {
        return gathered.await;
    }
    let draw = async {
        sleep(PATIENCE).await;
        loop {
            let names: Vec<_> =
                open.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|part| part.words()).collect();
            let since = clock::now().saturating_duration_since(from);
            let line = render::progress(&names.iter().collect::<Vec<_>>(), since, look);
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "{WIPE}{line}");
            sleep(FRAME_TIME).await;
        }
    };
    let facts = tokio::select! {
        facts = gathered => facts,
        never = draw => never,
    };
    let _ = write!(stderr(), "{WIPE}");
    facts
}

/// The page of a command that has no options for its look.
pub(super) fn look_of(lang: Lang) -> Look {
    Look { lang, width: columns(stdout()), ascii: !speaks_utf8(variable), ..Look::default() }
}

fn look(typed: &Doctor, lang: Lang) -> Look {
    let extent = match (typed.all, typed.summary) {
        (true, _) => Extent::All,
        (false, true) => Extent::Summary,
        (false, false) => Extent::Normal,
    };
    let look = look_of(lang);
    let color = log::use_color(typed.color.unwrap_or(Color::Auto), stdout().is_terminal());
    Look { color, ascii: typed.ascii || look.ascii, extent, ..look }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// A locale that says something else than UTF-8 means it; where none is set, terminals of today speak UTF-8.
fn speaks_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Of the terminal behind this, where there is one.
pub(super) fn columns(stream: impl AsFd) -> usize {
    let size = tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
    size.filter(|columns| *columns > 0).unwrap_or(DEFAULT_WIDTH)
}

/// The page, and then what can be done about it. Without a terminal to ask on, nothing is done that was not agreed to.
fn mend(outcomes: &[Outcome], page: &str, yes: bool, look: &Look) -> Result<(), Fault> {
    let broken = |error: io::Error| {
        Fault::new(
            FaultId::Internal,
            words!("cannot go on with --fix: {error}", "impossible de poursuivre --fix : {error}"),
        )
    };
    let mut out = stdout().lock();
    writeln!(out, "{page}").map_err(broken)?;
    let mut typed = stdin().lock();
    let consent = match (yes, stdin().is_terminal()) {
        (true, _) => Consent::Given,
        (false, true) => Consent::Ask(&mut typed),
        (false, false) => Consent::Missing,
    };
    let summary = fix::run(&fix::collect(outcomes), consent, &mut out, look, clock::wall()).map_err(broken)?;
    if summary.failed > 0 {
        let failed = summary.failed;
        let what = words!(
            "{failed} of these could not be done, see above",
            "{failed} de ces corrections ont échoué, voir ci-dessus"
        );
        return Err(Fault::new(FaultId::Internal, what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_chosen_by_id_and_by_group() {
        let ids = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            choose(&names, false).map(|chosen| chosen.iter().map(|check| check.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(&["reach"]).unwrap(), ["reach"]);
        assert_eq!(ids(&["Reach,LINK"]).unwrap(), ["link", "reach"], "in the order of the table");
        assert!(ids(&["codex"]).unwrap().contains(&"codex-target"));
        assert_eq!(ids(&[]).unwrap().len(), table().count());
        assert!(ids(&["raech"]).unwrap_err().what.en.contains("did you mean `reach`?"));
    }

    #[test]
    fn the_way_is_all_but_codex_and_the_service() {
        let chosen = choose(&[], true).unwrap();
        assert!(chosen.iter().any(|check| check.id == "live-small"));
        assert!(chosen.iter().all(|check| check.group != Group::Codex && check.group != Group::Service));
    }

    #[test]
    fn a_locale_that_is_not_utf8_gets_ascii() {
        let with = |value: &'static str| speaks_utf8(move |name| (name == "LANG").then(|| value.to_owned()));
        assert!(with("fr_FR.UTF-8") && with("C.utf8") && speaks_utf8(|_| None));
        assert!(!with("C") && !with("de_DE.ISO-8859-1"));
    }
}
