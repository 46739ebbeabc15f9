//! The text of the unit. Pure.

use std::fmt::Write as _;

use super::quote::{systemd_argument, systemd_path};
use super::{Setup, UNIT};

/// By this line a unit of ours is known.
const MARK: &str = "# Written by `ollama-forward service install`";

/// Before five failures within a minute a cause may pass: a network that is not up yet, a port that is still held. After
/// them it will not pass by itself.
const HEAD: &str = "\
[Unit]
Description=Ollama on Windows, for the programs of this Linux
Documentation=man:ollama-forward(1)
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
";

const RUN: &str = "\
Restart=on-failure
RestartSec=2
# Told to stop, it had to cut connections: that is no failure.
SuccessExitStatus=130
TimeoutStartSec=30
# With a longer --drain-timeout, the run asks for more.
TimeoutStopSec=20
# A run that gives no sign of life for so long hangs. No core file: exchanges would be in it.
WatchdogSec=30
WatchdogSignal=SIGKILL
# The listening sockets outlive a restart: who connects meanwhile waits, and is not refused.
FileDescriptorStoreMax=16
UMask=0077
";

/// `AF_VSOCK`: WSL's interpreter of Windows programs listens there (WSL, `binfmt.cpp`, `UtilListenVsockAnyPort`), and
/// where Windows is may have to be asked of `reg.exe`.
const SANDBOX: &str = "\
# It may do what it needs, and no more: netlink tells of routes, vsock leads to programs of Windows.
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK AF_VSOCK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
# Left out, as a user's systemd has no right to it: CapabilityBoundingSet=, ProtectProc=, IPAddressDeny=.
# The disk is read-only but for what follows. A user's systemd before version 254 cannot do that, and leaves it.
ProtectSystem=strict
";

const PRIVATE_TMP: &str = "PrivateTmp=yes\n";
const SHARED_TMP: &str = "# No PrivateTmp=: a directory that it uses is below /tmp.\n";

/// Other forwards have their sockets in it, too: it stays when this one ends.
const RUNTIME: &str = "\
# Its sockets, where `ollama-forward status` of any shell looks for them.
RuntimeDirectory=ollama-forward
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
";

/// Where WSL's own init listens, whatever terminals come and go (WSL, `config.cpp`).
const INTEROP: &str = "\
# The way to programs of Windows. That of a terminal goes with it; this one stays.
Environment=WSL_INTEROP=/run/WSL/1_interop
";

/// The whole file.
pub fn unit(setup: &Setup) -> String {
    let mut text = format!(
        "{MARK}, which changes it, too: ollama-forward service install -- OPTIONS\n\
         # `ollama-forward service uninstall` removes it. Changes of your own: systemctl --user edit {UNIT}\n\n{HEAD}"
    );
    let _ = writeln!(text, "ExecStart={}", command(setup));
    text.push_str(RUN);
    if setup.is_wsl {
        text.push_str(INTEROP);
    }
    match &setup.runtime {
        None => text.push_str(RUNTIME),
        Some(directory) => {
            let assignment = systemd_path(&format!("XDG_RUNTIME_DIR={directory}"));
            let _ = write!(text, "# Your shells have their sockets there.\nEnvironment={assignment}\n");
        }
    }
    if setup.sandbox {
        text.push_str(SANDBOX);
        text.push_str(if uses_tmp(setup) { SHARED_TMP } else { PRIVATE_TMP });
        for directory in setup.writes.iter().chain(&setup.runtime) {
            let _ = writeln!(text, "ReadWritePaths=-{}", systemd_path(directory));
        }
    }
    text.push_str("\n[Install]\nWantedBy=default.target\n");
    text
}

/// Program and options, as one line.
fn command(setup: &Setup) -> String {
    let options = setup.options.iter().map(|option| systemd_argument(option));
    let words: Vec<String> = [systemd_path(&setup.program)].into_iter().chain(options).collect();
    words.join(" ")
}

/// In a private `/tmp` nothing of the system's is seen.
fn uses_tmp(setup: &Setup) -> bool {
    let paths = [&setup.program].into_iter().chain(&setup.writes).chain(&setup.runtime);
    paths.into_iter().any(|path| path.starts_with("/tmp/") || path.starts_with("/var/tmp/"))
}

/// Whether we have written it.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(MARK)
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    /// The values of a key, in their order.
    fn values(text: &str, key: &str) -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        lines.map(str::to_owned).collect()
    }

    #[track_caller]
    fn check(setup: &Setup, key: &str, expected: &[&str]) {
        assert_eq!(values(&unit(setup), key), expected, "{key}");
    }

    #[test]
    fn the_program_is_named_in_full_with_its_options() {
        let mut setup = example();
        check(&setup, "ExecStart", &["/home/me/.local/bin/ollama-forward --translate"]);
        setup.program = "/home/my self/50%/$x/forward".into();
        setup.options = ["--upstream", "a$b", "--capture=/my exchanges/100%"].map(Into::into).into();
        let line = r#""/home/my self/50%%/$x/forward" --upstream a$$b "--capture=/my exchanges/100%%""#;
        check(&setup, "ExecStart", &[line]);
    }

    #[test]
    fn it_tells_systemd_how_it_is() {
        let setup = example();
        for (key, value) in [
            ("Type", "notify"),
            ("NotifyAccess", "main"),
            ("Restart", "on-failure"),
            ("WatchdogSec", "30"),
            ("WatchdogSignal", "SIGKILL"),
            ("FileDescriptorStoreMax", "16"),
            ("WantedBy", "default.target"),
        ] {
            check(&setup, key, &[value]);
        }
    }

    #[test]
    fn in_its_sandbox_it_writes_only_where_it_keeps_something() {
        let setup = example();
        check(&setup, "ProtectSystem", &["strict"]);
        check(&setup, "ReadWritePaths", &["-/home/me/.local/state/ollama-forward"]);
        check(&setup, "RuntimeDirectory", &["ollama-forward"]);
        check(&setup, "PrivateTmp", &["yes"]);
        let bare = Setup { sandbox: false, ..setup };
        for key in ["ProtectSystem", "ReadWritePaths", "PrivateTmp", "NoNewPrivileges", "RestrictAddressFamilies"] {
            check(&bare, key, &[]);
        }
        check(&bare, "UMask", &["0077"]);
    }

    #[test]
    fn what_lies_below_tmp_is_not_hidden_from_it() {
        for path in ["/tmp/x", "/var/tmp/x"] {
            check(&Setup { program: path.into(), ..example() }, "PrivateTmp", &[]);
            check(&Setup { writes: vec![path.into()], ..example() }, "PrivateTmp", &[]);
        }
        check(&Setup { writes: vec!["/tmpfs/x".into()], ..example() }, "PrivateTmp", &["yes"]);
    }

    #[test]
    fn sockets_stay_where_shells_look_for_them() {
        let setup = Setup { runtime: Some("/mnt/wslg/my runtime".into()), is_wsl: false, ..example() };
        check(&setup, "Environment", &[r#""XDG_RUNTIME_DIR=/mnt/wslg/my runtime""#]);
        check(&setup, "RuntimeDirectory", &[]);
        assert!(values(&unit(&setup), "ReadWritePaths").contains(&r#"-"/mnt/wslg/my runtime""#.to_owned()));
    }

    #[test]
    fn the_way_to_windows_is_one_that_stays() {
        check(&example(), "Environment", &["WSL_INTEROP=/run/WSL/1_interop"]);
        check(&Setup { is_wsl: false, ..example() }, "Environment", &[]);
    }

    #[test]
    fn a_unit_of_ours_is_known() {
        assert!(is_ours(&unit(&example())));
        assert!(!is_ours("[Service]\nExecStart=/usr/bin/ollama-forward\n"));
    }
}
