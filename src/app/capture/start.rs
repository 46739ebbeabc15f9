//! `start`, `stop`, `print-cmds`: a forwarder that captures, in the background.
//!
//! ```text
//! start ──► keep (a session of its own) ──► ollama-forward --capture …
//!   │         └─ what that says ─► a log, which does not grow for ever
//!   └─ waits until the control socket answers, or the child has ended
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::Duration;

use directories::ProjectDirs;
use serde_json::json;

use super::place::{ask, no_home};
use super::render::{self, Recipe};
use super::trouble::Trouble;
use super::{Desk, print, print_object};
use crate::app::Ended;
use crate::cli::capture::{Mode, Start};
use crate::clock;
use crate::control::{self, Answer, Request};
use crate::fault::FaultId;
use crate::net::listen::reachable;
use crate::program::{start_heard, start_quiet};
use crate::status;
use crate::words;
use crate::words::Words;

/// Until it listens: netlink, a configuration, some sockets.
const START_TIME: Duration = Duration::from_secs(15);
/// Open answers may take `--drain-timeout` (10 s) to end.
const STOP_TIME: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Of a log, and of the one before it.
const LOG_LIMIT: u64 = 1 << 20;
/// Of a log, when the start failed: an error has three, before it stand some warnings.
const LAST_LINES: usize = 12;
/// Where clients expect Ollama.
const USUAL_PORT: u16 = 11434;

/// What is to run in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) mode: Mode,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) upstream: Option<String>,
    pub(super) page: u16,
    pub(super) translate: bool,
    pub(super) dir: Option<PathBuf>,
}

impl Plan {
    pub(super) fn of(typed: &Start, desk: &Desk<'_>) -> Self {
        Self {
            mode: typed.mode,
            host: typed.listen_host.clone(),
            port: typed.port.or(desk.common.listen_port).unwrap_or(USUAL_PORT),
            upstream: typed.upstream.clone(),
            page: typed.webapp_port,
            translate: typed.translate,
            dir: desk.common.dir.clone(),
        }
    }

    /// The words of the run.
    pub(super) fn args(&self) -> Vec<String> {
        let host = if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let mut args = vec![format!("--listen={host}:{}", self.port)];
        args.push(match &self.dir {
            Some(dir) => format!("--capture={}", std::path::absolute(dir).unwrap_or_else(|_| dir.clone()).display()),
            None => "--capture".to_owned(),
        });
        args.push(format!("--inspect=127.0.0.1:{}", self.page));
        args.extend(self.upstream.iter().map(|upstream| format!("--upstream={upstream}")));
        if self.translate {
            args.push("--translate".to_owned());
        }
        args
    }
}

impl Desk<'_> {
    pub(super) fn start(&self, typed: &Start) -> Result<Ended, Trouble> {
        self.begin(&Plan::of(typed, self))?;
        self.print_commands_of(Some(Plan::of(typed, self).port))
    }

    /// Starts it, unless the same runs already.
    pub(super) fn begin(&self, plan: &Plan) -> Result<Answer, Trouble> {
        let directory = status::directory().ok_or_else(no_home)?;
        let port = plan.port;
        if let Ok(Some(answer)) = control::ask(&directory, Some(port), &Request::About) {
            return self.runs_already(plan, answer);
        }
        let log = log_path(port)?;
        let started = start_quiet(&own_program()?, &keep_args(&log, &plan.args()));
        let mut child = started.map_err(|error| {
            Trouble::io(words!("start a forwarder in the background", "démarrer un relais en arrière-plan"), &error)
        })?;
        let answer = until(START_TIME, || {
            if let Ok(Some(answer)) = control::ask(&directory, Some(port), &Request::About) {
                return Some(Ok(answer));
            }
            has_ended(&mut child).then(|| Err(did_not_start(&log)))
        });
        let answer = answer.unwrap_or_else(|| Err(did_not_start(&log)))?;
        let (pid, shown) = (answer.pid, log.display());
        // Both words of the reference tool mean the same here.
        let (Mode::Reverse | Mode::Forward) = plan.mode;
        let both = words!(
            "started, process {pid}; port {port} serves clients that name it, and those that have it as HTTP_PROXY; log: {shown}",
            "démarré, processus {pid} ; le port {port} sert les clients qui le désignent et ceux qui l'ont comme HTTP_PROXY ; journal : {shown}"
        );
        self.hint(&both);
        Ok(answer)
    }

    fn runs_already(&self, plan: &Plan, answer: Answer) -> Result<Answer, Trouble> {
        let (pid, port) = (answer.pid, plan.port);
        let is_same = answer.on && (!plan.translate || answer.translate);
        if is_same {
            self.hint(&words!(
                "ollama-forward {pid} captures on port {port} already",
                "ollama-forward {pid} capture déjà sur le port {port}"
            ));
            return Ok(answer);
        }
        let (likely, next) = if answer.on {
            (
                words!("it captures, and does not translate", "il capture, mais ne traduit pas"),
                "ollama-forward capture stop",
            )
        } else {
            (words!("it runs, and capture is off", "il tourne, et la capture est arrêtée"), "ollama-forward capture on")
        };
        Err(Trouble::new(
            FaultId::PortTaken,
            words!(
                "port {port} belongs to ollama-forward {pid} already",
                "le port {port} appartient déjà à ollama-forward {pid}"
            ),
            likely,
            Words::same(next),
        ))
    }

    pub(super) fn stop(&self) -> Result<Ended, Trouble> {
        let directory = status::directory().ok_or_else(no_home)?;
        let port = self.common.listen_port;
        let running = match (port, control::running(&directory).as_slice()) {
            (Some(port), _) => Some(port),
            (None, [only]) => Some(*only),
            (None, _) => None,
        };
        let answer = ask(port, &Request::Stop)?;
        let pid = answer.pid;
        let is_gone =
            running.is_none_or(|port| until(STOP_TIME, || (!control::runs(&directory, port)).then_some(())).is_some());
        if !is_gone {
            return Err(Trouble::new(
                FaultId::Capture,
                words!("ollama-forward {pid} has not ended yet", "ollama-forward {pid} n'est pas encore terminé"),
                words!("an answer is still under way", "une réponse est encore en cours"),
                Words::same("ollama-forward status"),
            ));
        }
        self.done(
            &words!("ollama-forward {pid} has ended", "ollama-forward {pid} est terminé"),
            &json!({ "stopped": pid }),
        )
    }

    pub(super) fn print_commands(&self) -> Result<Ended, Trouble> {
        self.print_commands_of(self.common.listen_port)
    }

    /// Of the forwarder on this port, or of the only one.
    pub(super) fn print_commands_of(&self, port: Option<u16>) -> Result<Ended, Trouble> {
        let answer = match ask(port, &Request::About) {
            Ok(answer) => Some(answer),
            Err(trouble) if trouble.id == FaultId::NotRunning => None,
            Err(trouble) => return Err(trouble),
        };
        let recipe = recipe(answer.as_ref(), port.unwrap_or(USUAL_PORT));
        if self.common.json {
            let commands: BTreeMap<&str, String> = recipe.lines().into_iter().collect();
            return print_object(&json!({ "forward": recipe, "commands": commands }));
        }
        print(&render::commands(&recipe, &self.look))
    }
}

fn recipe(answer: Option<&Answer>, port: u16) -> Recipe {
    let first = answer.and_then(|answer| answer.listen.first()).and_then(|text| text.parse().ok()).map(reachable);
    Recipe {
        address: first.map_or_else(|| format!("127.0.0.1:{port}"), |address| address.to_string()),
        page: answer.and_then(|answer| answer.page.clone()),
        running: answer.is_some(),
        on: answer.is_some_and(|answer| answer.on),
        translate: answer.is_some_and(|answer| answer.translate),
    }
}

/// Asks again and again, until there is an answer or no time is left.
fn until<T>(limit: Duration, mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = clock::now();
    loop {
        if let Some(answer) = answer() {
            return Some(answer);
        }
        if clock::now().duration_since(begun) >= limit {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// A child that cannot be looked at is none of ours any more.
fn has_ended(child: &mut Child) -> bool {
    child.try_wait().map_or(true, |status| status.is_some())
}

fn did_not_start(log: &Path) -> Trouble {
    let lines = last_lines(log);
    let shown = log.display();
    let text = if lines.is_empty() { String::new() } else { format!("\n    {}", lines.join("\n    ")) };
    Trouble::failed(
        words!(
            "the forwarder did not start; its log, {shown}, ends with:{text}",
            "le relais n'a pas démarré ; son journal, {shown}, se termine par :{text}"
        ),
        "ollama-forward doctor",
    )
}

fn last_lines(log: &Path) -> Vec<String> {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: VecDeque<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(LAST_LINES);
    lines.into_iter().skip(skipped).map(crate::doctor::render::clean_line).collect()
}

fn own_program() -> Result<PathBuf, Trouble> {
    std::env::current_exe().map_err(|error| Trouble::io(words!("find this program", "retrouver ce programme"), &error))
}

fn log_path(port: u16) -> Result<PathBuf, Trouble> {
    let dirs = ProjectDirs::from("", "", "ollama-forward");
    let state = dirs.as_ref().and_then(|dirs| dirs.state_dir()).ok_or_else(no_home)?;
    Ok(state.join(format!("forward-{port}.log")))
}

fn keep_args(log: &Path, args: &[String]) -> Vec<String> {
    let own = ["capture".to_owned(), "keep".to_owned(), format!("--log={}", log.display()), "--".to_owned()];
    own.into_iter().chain(args.iter().cloned()).collect()
}

/// `capture keep`: runs it in a session of its own, where no terminal ends it, and keeps what it says.
pub(super) fn keep(log: &Path, args: &[String]) -> Result<Ended, Trouble> {
    // It fails only for who leads a group already; then Ctrl-C does not reach us, either.
    let _ = rustix::process::setsid();
    let failed = |error: io::Error| Trouble::io(words!("keep a log", "tenir un journal"), &error);
    let mut log = Log::open(log).map_err(failed)?;
    let mut child = start_heard(&own_program()?, args).map_err(failed)?;
    if let Some(mut says) = child.stderr.take() {
        let mut block = vec![0; 8192];
        while let Ok(read @ 1..) = says.read(&mut block) {
            // A full disk is no reason to end.
            drop(log.write(&block[..read]));
        }
    }
    let code = child.wait().ok().and_then(|status| status.code()).unwrap_or(1);
    Ok(Ended::Told(u8::try_from(code).unwrap_or(1)))
}

/// A file that begins anew when it is full; the one before it is kept.
struct Log {
    path: PathBuf,
    file: File,
    size: u64,
}

impl Log {
    fn open(path: &Path) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        // Each start has a log of its own.
        let mut log = Self { path: path.to_owned(), file: new_log(path)?, size: 0 };
        log.size = log.file.metadata()?.len();
        Ok(log)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size + bytes.len() as u64 > LOG_LIMIT {
            self.file = new_log(&self.path)?;
            self.size = 0;
        }
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

/// What stands there becomes `….log.1`.
fn new_log(path: &Path) -> io::Result<File> {
    let before = path.with_extension("log.1");
    match fs::rename(path, &before) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn plan() -> Plan {
        Plan {
            mode: Mode::Reverse,
            host: "127.0.0.1".into(),
            port: 11434,
            upstream: None,
            page: 5001,
            translate: false,
            dir: None,
        }
    }

    #[test]
    fn a_plan_becomes_the_words_of_a_run() {
        assert_eq!(plan().args(), ["--listen=127.0.0.1:11434", "--capture", "--inspect=127.0.0.1:5001"]);
        let more = Plan {
            host: "::1".into(),
            upstream: Some("demo".into()),
            translate: true,
            dir: Some("/captures".into()),
            ..plan()
        };
        assert_eq!(
            more.args(),
            [
                "--listen=[::1]:11434",
                "--capture=/captures",
                "--inspect=127.0.0.1:5001",
                "--upstream=demo",
                "--translate"
            ]
        );
    }

    #[test]
    fn a_log_is_its_owners_alone_and_does_not_grow_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/forward-1.log");
        let mut log = Log::open(&path).unwrap();
        let block = vec![b'x'; 1 << 18];
        for _ in 0..20 {
            log.write(&block).unwrap();
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let sizes: Vec<u64> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .collect();
        assert!(sizes.len() == 2 && sizes.iter().all(|size| *size <= LOG_LIMIT), "{sizes:?}");
    }

    #[test]
    fn the_end_of_a_log_is_shown_without_orders_for_the_terminal() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let text = (0..40).map(|n| format!("line {n}\u{1b}[31m")).collect::<Vec<_>>().join("\n");
        fs::write(&path, text).unwrap();
        let lines = last_lines(&path);
        assert_eq!((lines.len(), lines[11].as_str()), (12, "line 39\u{fffd}[31m"));
        assert!(last_lines(&directory.path().join("missing")).is_empty());
    }

    #[test]
    fn commands_are_of_the_forwarder_that_runs() {
        let answer = Answer { listen: vec!["0.0.0.0:11500".into()], on: true, ..Answer::default() };
        assert_eq!(recipe(Some(&answer), 1).address, "127.0.0.1:11500");
        assert_eq!(recipe(None, 11434).address, "127.0.0.1:11434");
    }
}
