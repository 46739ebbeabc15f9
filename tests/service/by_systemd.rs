//! A unit, from its installation to its end.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::client::{Answer, Load, answers, free_port, version};
use super::systemd::Systemd;
use super::{Said, said, until};

const UNIT: &str = "/run/home/.config/systemd/user/ollama-forward.service";

/// A service that forwards to the stand-in.
#[track_caller]
fn installed() -> Option<(Systemd, u16)> {
    let (systemd, port) = (Systemd::start()?, free_port());
    install(&systemd, port);
    Some((systemd, port))
}

#[track_caller]
fn install(systemd: &Systemd, port: u16) {
    let port = port.to_string();
    let args = ["install", "-y", "--", "--upstream", "demo", "--translate", "--listen-port", &port];
    let said = systemd.service(&args).ends_with(0);
    assert!(said.out.contains(&format!("at 127.0.0.1:{port}")), "{said:?}");
}

fn said_in_french(systemd: &Systemd, words: &[&str]) -> Said {
    said(&mut systemd.command("fr_FR.UTF-8", &[&["ollama-forward", "service"], words].concat()))
}

#[test]
fn it_is_installed_runs_and_goes() {
    let Some(systemd) = Systemd::start() else { return };
    let port = free_port();
    assert_eq!(systemd.service(&["status", "--json"]).ends_with(3).json()["by"], serde_json::Value::Null);

    let plan = systemd.service(&["install", "--", "--upstream", "demo"]).ends_with(2);
    assert!(plan.err.contains("ExecStart=/run/home/bin/ollama-forward --upstream demo"), "{plan:?}");
    assert!(!systemd.file(UNIT).exists(), "nobody has agreed");

    install(&systemd, port);
    answers(port);
    let status = systemd.service(&["status", "--json"]).ends_with(0).json();
    assert_eq!(
        (&status["by"], &status["running"], &status["enabled"]),
        (&"systemd".into(), &true.into(), &true.into())
    );
    assert_eq!(status["pid"].to_string(), systemd.property("MainPID"));
    assert_eq!(systemd.property("StatusText").split(" leads").next(), Some(&*format!("127.0.0.1:{port}")));
    let page = systemd.run(&["ollama-forward", "status"]).ends_with(0);
    assert!(page.out.contains(&format!("127.0.0.1:{port}")), "a shell sees it, too: {page:?}");

    let french = said_in_french(&systemd, &["status"]).ends_with(0);
    assert!(french.out.starts_with("service   ✓ tourne   depuis"), "{french:?}");

    systemd.service(&["stop"]).ends_with(0);
    assert!(version(port).is_err(), "its sockets are closed");
    systemd.service(&["status"]).ends_with(3);
    systemd.service(&["start"]).ends_with(0);
    answers(port);

    systemd.service(&["uninstall"]).ends_with(2);
    answers(port);
    systemd.service(&["uninstall", "-y"]).ends_with(0);
    assert!(version(port).is_err() && !systemd.file(UNIT).exists());
    assert!(systemd.file("/run/home/.local/state/ollama-forward").is_dir(), "captures stay");
    systemd.service(&["start"]).ends_with(3);
}

#[test]
fn nobody_is_refused_while_it_restarts() {
    let Some((systemd, port)) = installed() else { return };
    let load = Load::on(port);
    for _ in 0..2 {
        let (before, answer) = (systemd.property("MainPID"), Answer::begun(port));
        systemd.service(&["restart"]).ends_with(0);
        assert_ne!(systemd.property("MainPID"), before);
        let rest = answer.rest();
        assert!(rest.contains(r#""done":true"#), "an open answer ended early: {rest}");
    }
    let (well, troubles) = load.stop();
    assert_eq!(troubles, Vec::<String>::new(), "beside {well} answers");
    assert!(well > 10, "{well}");
}

#[test]
fn one_that_hangs_is_killed_and_comes_back() {
    let Some((systemd, port)) = installed() else { return };
    systemd.write(&format!("{UNIT}.d/soon.conf"), "[Service]\nWatchdogSec=2\n");
    systemd.service(&["restart"]).ends_with(0);
    let hangs: i32 = systemd.property("MainPID").parse().unwrap();
    kill(Pid::from_raw(hangs), Signal::SIGSTOP).unwrap();
    // Whoever asks meanwhile waits for the next one.
    answers(port);
    assert!(until(Duration::from_secs(5), || systemd.property("ActiveState") == "active"));
    assert_eq!(systemd.property("NRestarts"), "1");
    assert_ne!(systemd.property("MainPID"), hangs.to_string());
    let status = systemd.service(&["status"]).ends_with(0);
    assert!(status.out.contains("restarted once by systemd") && status.out.contains("soon.conf"), "{status:?}");
}

#[test]
fn one_that_lives_is_left_alone() {
    let Some((systemd, port)) = installed() else { return };
    systemd.write(&format!("{UNIT}.d/soon.conf"), "[Service]\nWatchdogSec=1\n");
    systemd.service(&["restart"]).ends_with(0);
    let pid = systemd.property("MainPID");
    // Three times its time.
    assert!(!until(Duration::from_secs(3), || systemd.property("MainPID") != pid), "it was killed");
    answers(port);
}

#[test]
fn another_address_takes_the_place_of_the_first() {
    let Some((systemd, port)) = installed() else { return };
    let other = free_port();
    install(&systemd, other);
    answers(other);
    assert!(version(port).is_err(), "the old socket is still held");
    assert_eq!(systemd.property("NFileDescriptorStore"), "1");
    let kept = fs::read_dir(systemd.file("/run/home/.config/systemd/user")).unwrap();
    let kept = kept.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().contains(".service.bak-"));
    assert_eq!(kept.count(), 1, "the old text is kept");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let Some(systemd) = Systemd::start() else { return };
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let said = systemd.service(&["install", "-y", "--", "--upstream", "demo", "--listen-port", &port]).ends_with(5);
    assert!(said.err.contains("error[E-PORT-TAKEN]: the service is installed, but does not run"), "{said:?}");
    systemd.service(&["status"]).ends_with(3);
}

#[test]
fn a_forward_that_has_the_port_makes_room() {
    let Some(systemd) = Systemd::start() else { return };
    let port = free_port();
    let at = port.to_string();
    let mut by_hand = systemd.command("C.UTF-8", &["ollama-forward", "--upstream", "demo", "-q", "--listen-port", &at]);
    let mut by_hand = by_hand.spawn().unwrap();
    assert!(until(Duration::from_secs(10), || version(port).is_ok()));
    install(&systemd, port);
    assert!(by_hand.wait().unwrap().success(), "it was asked to end");
    answers(port);
}

#[test]
fn a_socket_of_the_users_own_starts_it() {
    let Some((systemd, port)) = installed() else { return };
    systemd.service(&["stop"]).ends_with(0);
    let socket = format!("[Socket]\nListenStream=127.0.0.1:{port}\n");
    systemd.write("/run/home/.config/systemd/user/ollama-forward.socket", &socket);
    systemd.run(&["systemctl", "--user", "start", "ollama-forward.socket"]).ends_with(0);
    assert_eq!(systemd.property("ActiveState"), "inactive");
    answers(port);
    assert_eq!(systemd.property("ActiveState"), "active");
}

#[test]
fn lingering_is_asked_for_and_its_failure_is_told() {
    let Some(systemd) = Systemd::start() else { return };
    let port = free_port().to_string();
    let install = ["install", "-y", "--", "--upstream", "demo", "--listen-port", &port];
    // There is no logind in this world.
    let without = systemd.service(&install).ends_with(0);
    assert!(without.err.contains("sudo loginctl enable-linger root"), "{without:?}");
    assert!(without.out.contains("from each login on"), "{without:?}");
    systemd.stand_in("loginctl", "echo \"$@\" >>/run/home/asked");
    let with = systemd.service(&install).ends_with(0);
    assert!(with.out.contains("whenever Linux starts"), "{with:?}");
    assert_eq!(fs::read_to_string(systemd.file("/run/home/asked")).unwrap(), "enable-linger root\n");
}

#[test]
fn a_users_systemd_that_sleeps_is_woken() {
    let Some(systemd) = Systemd::start() else { return };
    let port = free_port();
    let at = port.to_string();
    let install = ["install", "-y", "--", "--upstream", "demo", "--listen-port", &at];
    let asleep = "[ -e /run/home/awake ] || { echo 'Failed to connect to bus' >&2; exit 1; }";
    systemd.stand_in("systemctl", &format!("{asleep}\nexec /usr/bin/systemctl \"$@\""));
    systemd.stand_in("loginctl", "echo 'Access denied' >&2; exit 1");
    let fails = systemd.service(&install).ends_with(1);
    assert!(fails.err.contains("microsoft/WSL#8842") && fails.err.contains("Access denied"), "{fails:?}");
    assert!(fails.err.ends_with("next:   sudo loginctl enable-linger root\n"), "{fails:?}");
    assert!(!systemd.file(UNIT).exists(), "nothing was changed");
    systemd.stand_in("loginctl", "touch /run/home/awake");
    let said = systemd.service(&install).ends_with(0);
    assert!(said.out.contains("whenever Linux starts"), "{said:?}");
    answers(port);
}

#[test]
fn one_that_has_nothing_to_do_ends_well_and_is_left() {
    let Some(systemd) = Systemd::start() else { return };
    // A WSL 1, whose localhost is that of Windows.
    systemd.write("/run/home/wsl1/proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n");
    let said = systemd.service(&["install", "-y", "--", "--sysroot", "/run/home/wsl1"]).ends_with(0);
    assert!(said.out.contains("has ended by itself: localhost leads to Windows"), "{said:?}");
    assert_eq!((systemd.property("Result"), systemd.property("NRestarts")), ("success".into(), "0".into()));
    let french = said_in_french(&systemd, &["start"]).ends_with(0);
    assert!(french.out.contains("ici, localhost mène à Windows sans lui"), "{french:?}");
}

/// The listeners on this port in a list of the kernel's, by their addresses (proc(5), "/proc/net/tcp").
fn listeners(list: &str, port: u16) -> Vec<String> {
    let text = fs::read_to_string(list).unwrap();
    let end = format!(":{port:04X}");
    let listens = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listens = listens.filter(|words| words.get(3) == Some(&"0A"));
    listens.filter_map(|words| words[1].strip_suffix(&end).map(str::to_owned)).collect()
}

#[test]
fn in_wsl_a_restart_goes_on_hiding_from_windows() {
    let Some(systemd) = Systemd::start() else { return };
    systemd.write("/run/home/osrelease", "6.6.87.2-microsoft-standard-WSL2\n");
    systemd.run(&["mount", "--bind", "/run/home/osrelease", "/proc/sys/kernel/osrelease"]).ends_with(0);
    systemd.run(&["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).ends_with(0);
    systemd.run(&["mkdir", "-p", "/mnt/c/Users/me"]).ends_with(0);
    let port = free_port();
    let at = port.to_string();
    let install = ["install", "-y", "--", "--upstream", "demo", "--listen-port", &at];
    let said = systemd.service(&install).ends_with(0);
    for told in ["WSL may stop 60 s after the last terminal", "vmIdleTimeout=-1", "WSL_INTEROP=/run/WSL/1_interop"] {
        assert!(said.err.contains(told), "{told}: {said:?}");
    }
    let mapped = ["0000000000000000FFFF00000100007F".to_owned()];
    for _ in 0..2 {
        answers(port);
        assert_eq!((listeners("/proc/net/tcp6", port), listeners("/proc/net/tcp", port)), (mapped.to_vec(), vec![]));
        systemd.service(&["restart"]).ends_with(0);
    }
    assert_eq!(systemd.property("NFileDescriptorStore"), "1");
}

#[test]
fn it_writes_only_where_it_may() {
    let Some((systemd, port)) = installed() else { return };
    let pid = systemd.property("MainPID");
    // As root, this systemd has the rights to all of the sandbox.
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let options = |at: &str| {
        let line = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some(at));
        line.and_then(|line| line.split(' ').nth(5)).unwrap_or_default().to_owned()
    };
    assert!(options("/").starts_with("ro"), "{mounts}");
    for directory in ["/run/home/.local/state/ollama-forward", "/run/user/0/ollama-forward"] {
        assert!(options(directory).starts_with("rw"), "{directory}: {mounts}");
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    systemd.run(&["ollama-forward", "capture", "on"]).ends_with(0);
    answers(port);
}
