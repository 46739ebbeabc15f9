//! No home, no files, no permission, no Windows: what is missing is told, and nothing else breaks.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::bed::{Bed, finish};

#[test]
fn an_empty_system_is_asked_in_vain_and_in_peace() {
    let bed = Bed::new();
    fs::remove_dir_all(bed.path("root")).unwrap();
    let said = bed.run(&["doctor", "--json"]);
    said.is_calm();
    assert_eq!(said.check("mode")["status"], "skipped", "{said:?}");
    assert!(said.check("mode")["summary"].as_str().unwrap().contains("osrelease"), "{said:?}");
}

#[test]
fn without_a_home_nothing_of_a_home_is_claimed() {
    let bed = Bed::new();
    let mut command = bed.command(&["doctor", "--json"]);
    command.env_remove("HOME").env_remove("XDG_RUNTIME_DIR");
    finish(command).is_calm();
}

#[test]
fn a_home_that_is_a_file_is_told() {
    let bed = Bed::new();
    fs::remove_dir_all(bed.path("home")).unwrap();
    bed.file("home", "");
    let mut command = bed.command(&["doctor", "--json", "files"]);
    command.current_dir("/");
    let said = finish(command);
    let files = said.check("files");
    assert_eq!(files["status"], "warning", "{said:?}");
    assert!(files["summary"].as_str().unwrap().contains("Not a directory"), "{said:?}");
}

#[test]
fn a_home_that_may_not_be_written_is_told_with_the_reason() {
    let bed = Bed::new();
    for dir in ["home", "runtime"] {
        fs::set_permissions(bed.path(dir), fs::Permissions::from_mode(0o555)).unwrap();
    }
    let said = bed.run_unprivileged(&["doctor", "--json"]);
    said.is_calm();
    let files = said.check("files");
    assert_eq!(files["status"], "warning", "{said:?}");
    assert!(files["summary"].as_str().unwrap().contains("Permission denied"), "{said:?}");
}

/// Programs of WSL that are none: no fact, no crash.
#[test]
fn programs_that_cannot_be_run_are_told_as_missing() {
    let bed = Bed::new();
    bed.file("root/usr/bin/wslinfo", "not a program");
    bed.file("root/proc/sys/fs/binfmt_misc/WSLInterop", "enabled\n");
    bed.file("root/mnt/c/Windows/System32/cmd.exe", "MZ");
    bed.file("root/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe", "MZ");
    let said = bed.run(&["doctor", "--json", "system", "windows"]);
    said.is_calm();
    assert_eq!(said.check("interop")["status"], "warning", "{said:?}");
    assert_eq!(said.check("win-firewall")["status"], "skipped", "{said:?}");
    assert_eq!(said.check("wsl-version")["status"], "skipped", "{said:?}");
}

#[test]
fn files_of_nonsense_are_no_facts() {
    let bed = Bed::new();
    let nonsense = "\u{0}\u{1b}[31m]]=[[\r\n\u{202e}";
    for name in ["root/etc/wsl.conf", "root/etc/resolv.conf", "home/.codex/config.toml", "root/proc/cmdline"] {
        bed.file(name, nonsense);
    }
    let said = bed.run(&["doctor", "--all"]);
    said.is_calm();
    assert!(!said.out.contains('\u{1b}') && !said.out.contains('\u{202e}'), "a terminal would obey: {:?}", said.out);
}

#[test]
fn a_run_leaves_nothing_behind() {
    let bed = Bed::new();
    let before = bed.files();
    for args in [&["doctor"][..], &["doctor", "--json"], &["doctor", "--fix"], &["doctor", "--list"]] {
        bed.run(args).is_calm();
    }
    assert_eq!(bed.files(), before);
}

/// Whoever does not want to wait for Windows leaves nothing running there.
#[test]
fn ctrl_c_ends_what_was_started_too() {
    let bed = Bed::new();
    let fifo = bed.path("fifo");
    mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    bed.file("root/proc/sys/fs/binfmt_misc/WSLInterop", "enabled\n");
    bed.program("root/mnt/c/Windows/System32/cmd.exe", "exit 0");
    let hangs = format!("exec 3>'{}'; echo started >&3; exec /bin/sleep 60", fifo.display());
    bed.program("root/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe", &hangs);
    let mut doctor = bed.command(&["doctor"]).spawn().unwrap();
    let mut said = BufReader::new(File::open(&fifo).unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    kill(Pid::from_raw(i32::try_from(doctor.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(doctor.wait().unwrap().code(), Some(130));
    // The last writer is gone: the end of the pipe comes now, and not in a minute.
    line.clear();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "");
}
