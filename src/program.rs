//! Runs other programs, which may hang: full path, no standard input, a process group of its own, and a deadline at which
//! the whole group is killed. What was printed until then is kept.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A program, and how it is run.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// A full path: nothing is searched for.
    pub path: &'a Path,
    pub args: &'a [&'a str],
    /// Beside those of our own environment.
    pub variables: &'a [(&'a str, OsString)],
    /// Where it starts; None: where we are.
    pub directory: Option<&'a Path>,
    /// How long it may take.
    pub limit: Duration,
    /// How much of each of its outputs is kept.
    pub most: usize,
}

/// What a program printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub output: Vec<u8>,
    pub errors: Vec<u8>,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this code; None: by a signal.
    Exit(Option<i32>),
    /// It was killed at its deadline, with all that it had started.
    Late,
}

/// Ten thousand firewall rules of Windows, of which `reg.exe` prints all, are half of this; a program that prints more is
/// broken.
const OUTPUT_LIMIT: usize = 8 << 20;

impl<'a> Program<'a> {
    /// As it is run, unless somebody wants it otherwise.
    pub fn new(path: &'a Path, args: &'a [&'a str], limit: Duration) -> Self {
        Self { path, args, variables: &[], directory: None, limit, most: OUTPUT_LIMIT }
    }

    /// Runs it to its end or its deadline. Fails when it cannot be started.
    ///
    /// It ends when everybody who could still speak has gone: who leaves a child behind that keeps the pipe is late.
    pub async fn run(self) -> io::Result<Ran> {
        let mut command = Command::new(self.path);
        command.args(self.args).envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = self.directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let group = Group::of(&child);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let ended = timeout(self.limit, async {
            tokio::join!(hear(stdout, &mut output, self.most), hear(stderr, &mut errors, self.most));
            child.wait().await
        });
        let end = match ended.await {
            Ok(status) => {
                let code = status?.code();
                // It has been waited for: its number may be another's now.
                group.ended();
                End::Exit(code)
            }
            Err(_) => End::Late,
        };
        Ok(Ran { output, errors, end })
    }
}

impl Ran {
    /// What it printed, when it succeeded.
    pub fn told(self) -> Option<String> {
        (self.end == End::Exit(Some(0))).then(|| String::from_utf8_lossy(&self.output).into_owned())
    }
}

/// Heard to the end, or the program would wait for us; kept up to `most`.
async fn hear(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, most: usize) {
    let Some(mut from) = from else { return };
    let mut block = vec![0; 4096];
    while let Ok(read @ 1..) = from.read(&mut block).await {
        let room = most.saturating_sub(into.len());
        into.extend_from_slice(&block[..read.min(room)]);
    }
}

/// Kills all of the group when it goes, unless it is over: also when nobody waits for the program any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Nobody is left, or a program of another user: there is nothing more to do about it.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Runs a program that has our terminal, such as an editor, to its end: its words, and one more. False: it failed.
pub fn in_terminal<'a>(mut words: impl Iterator<Item = &'a OsStr>, last: &OsStr) -> io::Result<bool> {
    let program = words.next().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(std::process::Command::new(program).args(words).arg(last).status()?.success())
}

/// Starts a program that has all that we have: terminal, input and outputs. Whoever waits for it has to be in a runtime.
pub fn start_here(path: &Path, args: &[String]) -> io::Result<Child> {
    Command::new(path).args(args).spawn()
}

/// Starts a program that goes on without us, such as a browser: it says nothing, and nobody waits for it.
pub fn start_apart(path: &Path, args: &[&str]) -> io::Result<()> {
    let socket = other_socket(std::env::var_os(INTEROP).as_deref()).map(|socket| (INTEROP, socket));
    let mut command = std::process::Command::new(path);
    command.args(args).envs(socket).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}

/// Starts a program whose errors we read. What it prints goes nowhere, and it has no input.
pub fn start_heard(path: &Path, args: &[String]) -> io::Result<std::process::Child> {
    let mut command = std::process::Command::new(path);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn()
}

/// Starts a program that shall outlive the terminal: it has to leave its session itself.
pub fn start_quiet(path: &Path, args: &[String]) -> io::Result<std::process::Child> {
    let mut command = std::process::Command::new(path);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn()
}

/// The first of these that is a program on `PATH`, with its full path.
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let directories: Vec<_> = std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect();
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    names.iter().find_map(|name| directories.iter().map(|directory| directory.join(name)).find(is_program))
}

/// The variable in which the programs of a terminal find the way to Windows.
const INTEROP: &str = "WSL_INTEROP";
/// The socket of WSL's own init (WSL, `config.cpp`).
const INTEROP_SOCKET: &str = "/run/WSL/1_interop";

/// Runs a program of Windows, or one of WSL's own that asks Windows: they need a socket of WSL to do so.
///
/// Programs of Windows should start on its disk: from the Linux one, starts take 10 s on some builds (WSL #8472).
pub async fn run_with_interop(path: &Path, args: &[&str], directory: &Path, limit: Duration) -> io::Result<Ran> {
    let socket = other_socket(std::env::var_os(INTEROP).as_deref()).map(|socket| (INTEROP, socket));
    Program { variables: socket.as_slice(), directory: Some(directory), ..Program::new(path, args, limit) }.run().await
}

/// Services, sudo and cron have lost the variable; old terminals (tmux, screen) keep one whose socket is gone.
fn other_socket(inherited: Option<&OsStr>) -> Option<OsString> {
    let works = inherited.is_some_and(|socket| Path::new(socket).exists());
    (!works).then(|| INTEROP_SOCKET.into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Another process writes it: a child that some other test has just forked would hold our descriptor open for
    /// writing until its exec, and to run a file that is open for writing is "text file busy".
    #[track_caller]
    pub(crate) fn script(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("sh")
            .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
            .args([path.as_os_str(), text.as_ref()])
            .status();
        assert!(made.unwrap().success(), "cannot write {}", path.display());
    }

    /// For programs that end by themselves.
    const LONG: Duration = Duration::from_secs(20);

    /// Runs a script as this program would be run.
    async fn run(text: &str, how: Program<'_>) -> Ran {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        script(&path, text);
        Program { path: &path, ..how }.run().await.unwrap()
    }

    /// What `path` is stands only where a script will be.
    fn within(limit: Duration) -> Program<'static> {
        Program::new(Path::new("/missing/program"), &[], limit)
    }

    /// Whoever adopts a process that was killed may take a moment to bury it.
    pub(crate) async fn is_gone(pid: &str) -> bool {
        let state = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
        for _ in 0..100 {
            if std::fs::read_to_string(&state).map_or(true, |stat| stat.contains(") Z ")) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    #[tokio::test]
    async fn outputs_and_code_are_told_apart() {
        let ran = run("echo yes; echo no >&2; exit 3", within(LONG)).await;
        assert_eq!(ran, Ran { output: b"yes\n".into(), errors: b"no\n".into(), end: End::Exit(Some(3)) });
        assert_eq!(ran.told(), None, "it failed");
        assert_eq!(run("echo yes", within(LONG)).await.told().as_deref(), Some("yes\n"));
        assert_eq!(run("kill -9 $$", within(LONG)).await.end, End::Exit(None));
    }

    #[tokio::test]
    async fn a_program_gets_its_arguments_variables_and_directory() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path().canonicalize().unwrap();
        let variables = [("GIVEN", "value".into())];
        let how = Program { args: &["one"], variables: &variables, directory: Some(&here), ..within(LONG) };
        let told = run("cat; echo \"$1 $GIVEN $(pwd -P)\"", how).await.told();
        assert_eq!(told, Some(format!("one value {}\n", here.display())));
    }

    #[tokio::test]
    async fn what_was_said_before_the_deadline_is_kept_and_the_group_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let text = format!("sleep 60 & echo $! >'{}'; echo early; echo oh >&2; wait", pid.display());
        let ran = run(&text, within(Duration::from_secs(2))).await;
        assert_eq!(ran, Ran { output: b"early\n".into(), errors: b"oh\n".into(), end: End::Late });
        assert!(is_gone(&std::fs::read_to_string(pid).unwrap()).await, "its child still runs");
    }

    #[tokio::test]
    async fn who_is_no_longer_waited_for_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let text = format!("sleep 60 & echo $! >'{}'; wait", pid.display());
        let given_up = timeout(Duration::from_secs(2), run(&text, within(LONG))).await;
        assert!(given_up.is_err(), "it should have been running");
        assert!(is_gone(&std::fs::read_to_string(pid).unwrap()).await, "its child still runs");
    }

    #[tokio::test]
    async fn a_program_that_says_too_much_is_heard_but_not_kept() {
        let how = Program { most: 10, ..within(LONG) };
        let ran = run("head -c 300000 /dev/zero | tr '\\0' x; echo 0123456789abc >&2", how).await;
        assert_eq!(ran, Ran { output: vec![b'x'; 10], errors: b"0123456789".into(), end: End::Exit(Some(0)) });
    }

    #[test]
    fn a_socket_of_wsl_that_is_lost_or_gone_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(other_socket(None), Some(INTEROP_SOCKET.into()));
        assert_eq!(other_socket(Some(directory.path().join("gone").as_os_str())), Some(INTEROP_SOCKET.into()));
        assert_eq!(other_socket(Some(directory.path().as_os_str())), None, "what is there is left alone");
    }
}
