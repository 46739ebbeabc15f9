//! A forward in the background: started, and waited for until it answers or has ended.
//!
//! ```text
//! start ──► keep (a session of its own) ──► ollama-forward …
//!   │         └─ what that says ─► a log, which does not grow for ever
//!   └─ waits until the control socket answers, or the child has ended
//! ```

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::Duration;

use directories::ProjectDirs;

use super::Ended;
use crate::clock;
use crate::control::{self, Answer, Request};
use crate::fault::{Fault, FaultId};
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

/// One that answers.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) answer: Answer,
    /// Where it keeps what it says.
    pub(super) log: PathBuf,
}

/// Starts `ollama-forward ARGS`, which will listen on `port` first, and waits until it answers. It outlives us.
pub(super) fn start(port: u16, args: &[String]) -> Result<Started, Fault> {
    let directory = status::directory().ok_or_else(no_home)?;
    let log = log_path(port)?;
    let started = start_quiet(&own_program()?, &keep_args(&log, args));
    let mut child = started.map_err(|error| {
        internal(&words!("start a forwarder in the background", "démarrer un relais en arrière-plan"), &error)
    })?;
    let answer = until(START_TIME, || {
        if let Ok(Some(answer)) = control::ask(&directory, Some(port), &Request::About) {
            return Some(Ok(answer));
        }
        has_ended(&mut child).then(|| Err(did_not_start(&log)))
    });
    let answer = answer.unwrap_or_else(|| Err(did_not_start(&log)))?;
    Ok(Started { answer, log })
}

/// Waits until the one on `port`, which was told to stop, has ended.
pub(super) fn await_end(port: u16, pid: u32) -> Result<(), Fault> {
    let directory = status::directory().ok_or_else(no_home)?;
    until(STOP_TIME, || (!control::runs(&directory, port)).then_some(())).ok_or_else(|| {
        let what = words!("ollama-forward {pid} has not ended yet", "ollama-forward {pid} n'est pas encore terminé");
        let likely = words!("an answer is still under way", "une réponse est encore en cours");
        Fault::new(FaultId::Internal, what).advise(likely, "ollama-forward status")
    })
}

/// Where nothing can be kept.
pub(super) fn no_home() -> Fault {
    let what = words!("there is no home directory", "il n'y a pas de répertoire personnel");
    Fault::new(FaultId::Internal, what).advise(words!("HOME is not set", "HOME n'est pas défini"), "export HOME=…")
}

fn internal(doing: &Words, error: &io::Error) -> Fault {
    let Words { en, fr } = doing;
    Fault::new(FaultId::Internal, words!("cannot {en}: {error}", "impossible de {fr} : {error}"))
}

/// Asks again and again, until there is an answer or no time is left.
pub(super) fn until<T>(limit: Duration, mut answer: impl FnMut() -> Option<T>) -> Option<T> {
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

fn did_not_start(log: &Path) -> Fault {
    let lines = last_lines(log);
    let shown = log.display();
    let text = if lines.is_empty() { String::new() } else { format!("\n    {}", lines.join("\n    ")) };
    Fault::new(
        FaultId::Internal,
        words!(
            "the forwarder did not start; its log, {shown}, ends with:{text}",
            "le relais n'a pas démarré ; son journal, {shown}, se termine par :{text}"
        ),
    )
    .advise(words!("the last lines tell", "les dernières lignes le disent"), "ollama-forward doctor")
}

fn last_lines(log: &Path) -> Vec<String> {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: VecDeque<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(LAST_LINES);
    lines.into_iter().skip(skipped).map(crate::doctor::render::clean_line).collect()
}

/// The file of this very program.
pub(super) fn own_program() -> Result<PathBuf, Fault> {
    std::env::current_exe().map_err(|error| internal(&words!("find this program", "retrouver ce programme"), &error))
}

fn log_path(port: u16) -> Result<PathBuf, Fault> {
    let dirs = ProjectDirs::from("", "", "ollama-forward");
    let state = dirs.as_ref().and_then(|dirs| dirs.state_dir()).ok_or_else(no_home)?;
    Ok(state.join(format!("forward-{port}.log")))
}

fn keep_args(log: &Path, args: &[String]) -> Vec<String> {
    let own = ["capture".to_owned(), "keep".to_owned(), format!("--log={}", log.display()), "--".to_owned()];
    own.into_iter().chain(args.iter().cloned()).collect()
}

/// `capture keep`: runs it in a session of its own, where no terminal ends it, and keeps what it says.
pub(super) fn keep(log: &Path, args: &[String]) -> Result<Ended, Fault> {
    // It fails only for who leads a group already; then Ctrl-C does not reach us, either.
    let _ = rustix::process::setsid();
    let failed = |error: io::Error| internal(&words!("keep a log", "tenir un journal"), &error);
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
}
