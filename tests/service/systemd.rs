//! A systemd of a user, in a world of its own: `/run`, a home, a control group.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use super::{Said, said, skip, stand_in, until};

const SYSTEMD: &str = "/usr/lib/systemd/systemd";

/// Its control group is below that of nobody: this is the root of a hierarchy, whoever else mounts it elsewhere.
const BEGIN: &str = r#"set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0 /run/home/bin /run/systemd/unit-root
chmod 700 /run/user/0
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$GROUP"
echo $$ >"/sys/fs/cgroup/$GROUP/cgroup.procs"
touch /run/home/bin/ollama-forward
mount --bind "$PROGRAM" /run/home/bin/ollama-forward
cd /run/home
exec env -i PATH=/usr/bin:/bin HOME=/run/home XDG_RUNTIME_DIR=/run/user/0 LANG=C.UTF-8 \
    /usr/lib/systemd/systemd --user --log-target=console --unit=basic.target
"#;

/// Ends whatever is left of the group, and the group.
const END: &str = r#"umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo 1 >"/sys/fs/cgroup/$GROUP/cgroup.kill"
for again in 1 2 3 4 5 6 7 8 9 10; do
    find "/sys/fs/cgroup/$GROUP" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.1
done
"#;

/// Each has a group of its own.
static COUNT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Systemd {
    child: Child,
    group: String,
}

impl Systemd {
    /// None when this machine cannot: it has been said.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        match Self::begin() {
            Ok(systemd) => Some(systemd),
            Err(reason) => {
                skip::say_skipped("service", &reason);
                None
            }
        }
    }

    fn begin() -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("a systemd of our own needs root".into());
        }
        if !PathBuf::from(SYSTEMD).exists() {
            return Err("there is no systemd".into());
        }
        let group = format!("of-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = unshared(BEGIN, &group);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut systemd = Self { child: command.spawn().map_err(|error| error.to_string())?, group };
        let up = until(Duration::from_secs(20), || {
            let ended = systemd.child.try_wait().map_or(true, |status| status.is_some());
            ended || systemd.run(&["systemctl", "--user", "is-active", "basic.target"]).out == "active\n"
        });
        match systemd.child.try_wait() {
            Ok(None) if up => Ok(systemd),
            Ok(_) | Err(_) => Err("a systemd of a user does not start here".into()),
        }
    }

    /// A command of this user, in this world.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        said(&mut self.command("C.UTF-8", words))
    }

    pub(crate) fn command(&self, locale: &str, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.child.id().to_string(), "-m", "env", "-C", "/run/home", "-i"]);
        command.args(["PATH=/run/home/bin:/usr/bin:/bin", "HOME=/run/home", "XDG_RUNTIME_DIR=/run/user/0"]);
        command.arg(format!("LANG={locale}")).args(words).stdin(Stdio::null());
        command
    }

    /// `ollama-forward service …`
    pub(crate) fn service(&self, words: &[&str]) -> Said {
        self.run(&[&["ollama-forward", "service"], words].concat())
    }

    /// One property of the unit.
    pub(crate) fn property(&self, name: &str) -> String {
        let show = ["systemctl", "--user", "show", "ollama-forward.service", "--value", "-p", name];
        self.run(&show).out.trim().to_owned()
    }

    /// A file of this user, by its path in this world.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.child.id()))
    }

    /// A program of this user, which comes before that of the system.
    #[track_caller]
    pub(crate) fn stand_in(&self, name: &str, script: &str) {
        let path = format!("/run/home/bin/{name}");
        stand_in::program(&self.file(&path), &format!("#!/bin/sh\n{script}\n"));
    }

    #[track_caller]
    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self.run(&["systemctl", "--user", "daemon-reload"]).ends_with(0);
    }
}

fn unshared(script: &str, group: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", script]);
    command.env("GROUP", group).env("PROGRAM", env!("CARGO_BIN_EXE_ollama-forward"));
    command
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        // It stops its units, and ends.
        let _ = kill(pid, Signal::SIGTERM);
        let child = &mut self.child;
        if !until(Duration::from_secs(15), || child.try_wait().map_or(true, |status| status.is_some())) {
            drop(child.kill());
            drop(child.wait());
        }
        drop(unshared(END, &self.group).stdin(Stdio::null()).output());
    }
}
