//! A terminal on which somebody waits for a question before the answer is typed. `script` of util-linux makes it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::bed::Bed;
use crate::skip;

/// For what should happen at once, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(60);

pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Screen>,
    reader: Option<JoinHandle<()>>,
    /// Where the next expectation begins.
    read: usize,
}

#[derive(Default)]
struct Screen {
    /// What was shown, and whether more can come.
    shown: Mutex<(String, bool)>,
    news: Condvar,
}

impl Screen {
    fn lock(&self) -> MutexGuard<'_, (String, bool)> {
        // A test that has failed is no reason for its clean-up to fail, too.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Terminal {
    /// The program on a terminal. None: there is no `script` here.
    pub(crate) fn open(bed: &Bed, variables: &[(&str, &str)], words: &[String]) -> Option<Self> {
        let program = env!("CARGO_BIN_EXE_ollama-forward");
        let line = words.iter().fold(program.to_owned(), |line, word| format!("{line} '{word}'"));
        let mut command = Command::new("script");
        bed.surround(&mut command);
        command.envs(variables.iter().copied()).args(["-qefc", &format!("exec {line}"), "/dev/null"]);
        command.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else {
            skip::say_skipped("setup", "script is not installed");
            return None;
        };
        let keys = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let screen = Arc::<Screen>::default();
        let reader = thread::spawn({
            let screen = Arc::clone(&screen);
            move || {
                let mut block = [0; 4096];
                while let Ok(read @ 1..) = output.read(&mut block) {
                    screen.lock().0.push_str(&String::from_utf8_lossy(&block[..read]));
                    screen.news.notify_all();
                }
                screen.lock().1 = true;
                screen.news.notify_all();
            }
        });
        Some(Self { child, keys, screen, reader: Some(reader), read: 0 })
    }

    /// Waits until this stands on the screen, behind what was awaited before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let until = Instant::now() + SOON;
        let mut shown = self.screen.lock();
        loop {
            if let Some(at) = shown.0[self.read..].find(text) {
                self.read += at + text.len();
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!shown.1 && !left.is_zero(), "{text:?} was not shown, but:\n{}", shown.0);
            shown = self.screen.news.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Types it; an answer needs its line end.
    pub(crate) fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for a question and answers it.
    #[track_caller]
    pub(crate) fn answers(&mut self, question: &str, answer: &str) {
        self.sees(question);
        self.types(&format!("{answer}\n"));
    }

    /// The exit code (128 and the signal's number, where one ended it), and all that was shown.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        let until = Instant::now() + SOON;
        let mut shown = self.screen.lock();
        while !shown.1 {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it does not end:\n{}", shown.0);
            shown = self.screen.news.wait_timeout(shown, left).unwrap().0;
        }
        let text = shown.0.clone();
        drop(shown);
        (self.child.wait().unwrap().code(), text)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended, or the test has failed.
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}
