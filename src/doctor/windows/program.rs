//! Runs a Windows program that may hang: full path, no standard input, a process group of its own, and a deadline at which
//! the whole group is killed. What was printed until then is kept.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub output: Vec<u8>,
    pub errors: Vec<u8>,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With this code; None: by a signal.
    Exit(Option<i32>),
    /// It was killed at its deadline.
    Late,
}

/// Ten thousand firewall rules, of which `reg.exe` prints all, are half of this; a program that prints more is broken.
const OUTPUT_LIMIT: usize = 8 << 20;
/// How long a killed program may take to be gone.
const REAP_TIME: Duration = Duration::from_millis(200);
/// The socket of WSL's own init (WSL, `config.cpp`).
const INTEROP_SOCKET: &str = "/run/WSL/1_interop";

/// Runs `program` in `directory`, which should be on the Windows disk: from the Linux one, starts take 10 s on some builds
/// (WSL #8472).
pub(super) async fn run(program: &Path, args: &[&str], directory: &Path, limit: Duration) -> io::Result<Ran> {
    let mut command = Command::new(program);
    command.args(args).current_dir(directory);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    // Services, sudo and cron have lost the variable; old terminals (tmux, screen) keep one whose socket is gone.
    if !std::env::var_os("WSL_INTEROP").is_some_and(|socket| Path::new(&socket).exists()) {
        command.env("WSL_INTEROP", INTEROP_SOCKET);
    }
    let mut child = command.spawn()?;
    let group = Group::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let ended = timeout(limit, async {
        tokio::join!(read(stdout, &mut output), read(stderr, &mut errors));
        child.wait().await
    });
    let end = if let Ok(status) = ended.await {
        group.ended();
        End::Exit(status?.code())
    } else {
        drop(group);
        let _ = timeout(REAP_TIME, child.wait()).await;
        End::Late
    };
    Ok(Ran { output, errors, end })
}

/// Both outputs are drained to their ends, or the program would wait for us.
async fn read(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut block = vec![0; 4096];
    while let Ok(read @ 1..) = from.read(&mut block).await {
        let room = OUTPUT_LIMIT.saturating_sub(into.len());
        into.extend_from_slice(&block[..read.min(room)]);
    }
}

/// Kills its process group when it is dropped: also when nobody waits for the program any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)))
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
