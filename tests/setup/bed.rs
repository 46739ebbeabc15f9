//! A home that is a directory, a Codex and a program of ours that are scripts, and an Ollama that can come up late.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use ollama_forward::{clock, demo};
use tempfile::TempDir;

use crate::stand_in;

pub(crate) struct Bed(TempDir);

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bed {
    /// A Linux that is not WSL, with a Codex, and nothing of ours.
    pub(crate) fn new() -> Self {
        let bed = Self(tempfile::tempdir().unwrap());
        for dir in ["home", "run", "bin", "root/proc/sys/kernel"] {
            fs::create_dir_all(bed.path(dir)).unwrap();
        }
        bed.system("6.1.0-lab");
        bed.script("bin/codex", "echo codex-cli 0.169.0");
        // It does as it is told by its words, and remembers them outside of the home.
        bed.script(
            "own",
            r#"test "$*" != "service status" || exec test -e "${0%/*}/service"
echo "$OLLAMA_FORWARD_LANG $*" >>"${0%/*}/calls"
echo "stand-in: $*"
case "$*" in *"$(cat "${0%/*}/waits" 2>/dev/null || echo nothing-waits)"*) cat "${0%/*}/gate" >/dev/null;; esac
case "$*" in *"$(cat "${0%/*}/fails" 2>/dev/null || echo nothing-fails)"*) echo "it cannot" >&2; exit 3;; esac"#,
        );
        bed
    }

    /// What `/proc` says of the kernel.
    pub(crate) fn system(&self, release: &str) {
        fs::write(self.path("root/proc/sys/kernel/osrelease"), release).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("home/.config/ollama-forward/config.toml")
    }

    pub(crate) fn write_config(&self, text: &str) {
        fs::create_dir_all(self.config().parent().unwrap()).unwrap();
        fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn config_text(&self) -> String {
        fs::read_to_string(self.config()).unwrap_or_default()
    }

    fn script(&self, name: &str, text: &str) {
        stand_in::program(&self.path(name), &format!("#!/bin/sh\n{text}\n"));
    }

    /// Calls of the stand-in that hold this word fail.
    pub(crate) fn fails_at(&self, word: &str) {
        fs::write(self.path("fails"), word).unwrap();
    }

    /// Calls of the stand-in that hold this word begin, and end only when their gate is dropped.
    pub(crate) fn waits_at(&self, word: &str) {
        nix::unistd::mkfifo(&self.path("gate"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::write(self.path("waits"), word).unwrap();
    }

    /// Opens the gate, which blocks until a call has come to it.
    pub(crate) fn await_call(&self) -> fs::File {
        OpenOptions::new().write(true).open(self.path("gate")).unwrap()
    }

    /// The stand-in says that a service runs.
    pub(crate) fn has_service(&self) {
        fs::write(self.path("service"), "").unwrap();
    }

    /// How the stand-in was called, in order, without previews; each behind the language.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().filter(|line| !line.contains("--print")).map(str::to_owned).collect()
    }

    /// Everything in the home, byte for byte.
    pub(crate) fn home(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn all(dir: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    all(&path, into);
                    into.insert(path, Vec::new());
                } else {
                    into.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        all(&self.path("home"), &mut found);
        found
    }

    /// Nothing of whoever runs the tests reaches the program.
    pub(crate) fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("OLLAMA_FORWARD_SYSROOT", self.path("root"))
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm")
            .current_dir(self.path("home"));
    }

    /// `setup` with the stand-in.
    pub(crate) fn setup_words(&self, args: &[&str]) -> Vec<String> {
        let own = format!("--own-program={}", self.path("own").display());
        let words = ["setup".to_owned(), own].into_iter();
        words.chain(args.iter().map(ToString::to_string)).collect()
    }

    pub(crate) fn setup_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        self.surround(&mut command);
        command.envs(variables.iter().copied()).args(self.setup_words(args)).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub(crate) fn setup(&self, args: &[&str]) -> Said {
        self.setup_with(&[], args)
    }
}

/// Something that tells a version and a list of models as Ollama does, and refuses all else, until the test ends.
pub(crate) struct PoorOllama {
    pub(crate) upstream: String,
    models: Arc<Mutex<&'static str>>,
}

impl PoorOllama {
    pub(crate) fn with(models: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = listener.local_addr().unwrap().to_string();
        let models = Arc::new(Mutex::new(models));
        let told = Arc::clone(&models);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let told = Arc::clone(&told);
                // Whoever leaves early is no reason to end.
                std::thread::spawn(move || drop(answer_poorly(stream, &told)));
            }
        });
        Self { upstream, models }
    }

    pub(crate) fn now_has(&self, models: &'static str) {
        *self.models.lock().unwrap() = models;
    }
}

fn answer_poorly(mut stream: TcpStream, models: &Mutex<&'static str>) -> io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let (status, body) = match head.split(' ').nth(1) {
        Some("/api/version") => ("200 OK", r#"{"version":"0.33.0"}"#),
        Some("/api/tags") => ("200 OK", *models.lock().unwrap()),
        _ => ("500 Internal Server Error", r#"{"error":"the model cannot be loaded"}"#),
    };
    let length = body.len();
    let head = "content-type: application/json\r\nconnection: close";
    write!(stream, "HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}")?;
    stream.shutdown(Shutdown::Write)?;
    // What a client still sends is read, or the answer would be lost in a reset.
    io::copy(&mut reader, &mut io::sink()).map(drop)
}

/// A port that nobody had a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The demo on a port of its own, until dropped: an Ollama, as far as anybody can tell.
pub(crate) struct Ollama {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ollama {
    pub(crate) fn on(port: u16) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (up, is_up) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
                up.send(()).unwrap();
                let pace = demo::Pace { piece: Duration::from_millis(1) };
                tokio::select! {
                    never = demo::serve(listener, pace, clock::wall) => panic!("{never:?}"),
                    _ = stopped => {}
                }
            });
        });
        is_up.recv().unwrap();
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Ollama {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
