//! `drive.mjs` while it runs: what it says, line by line, and its end, at the latest when its time is over.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::{Bed, modules};

/// Node in a process group of its own, which never outlives this. The browser is in another one, and ends when Node no
/// longer holds the pipe between them.
pub(crate) struct Drive {
    child: Child,
    lines: Receiver<String>,
    begun: Instant,
}

impl Drive {
    pub(crate) fn start(bed: &Bed, pictures: &Path) -> Self {
        let mut command = Command::new("node");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/drive.mjs"));
        command.arg(bed.link()).arg(pictures).arg(modules());
        command.args([format!("http://{}", bed.place.address), bed.ollama.address.port().to_string()]);
        // The browser's profile goes with the home; and no proxy is in the way.
        command.env("TMPDIR", bed.place.home()).env("NO_PROXY", "*").env_remove("NODE_OPTIONS");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, begun: Instant::now() }
    }

    /// The next line that it prints; none when it has ended. `within`: of its start.
    #[track_caller]
    pub(crate) fn next(&self, within: Duration) -> Option<String> {
        match self.lines.recv_timeout(within.saturating_sub(self.begun.elapsed())) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the drive is not done after {within:?}"),
        }
    }

    pub(crate) fn code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid is an i32"));
        // Until it is waited for, the number is nobody else's.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = killpg(group, Signal::SIGKILL);
            drop(self.child.wait());
        }
    }
}
