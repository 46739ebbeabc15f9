//! A disk that is full: capture pauses, nobody waits, nothing that was kept is harmed, and it goes on when there is room.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};
use ollama_forward::capture::store::{Library, Order};
use ollama_forward::capture::{ExchangeId, Pane};

use crate::feed::{self, Dice, Wire};
use crate::{MOUNTS, part, part_dir, skip};

/// Mounts of our own, where that is allowed; the part finds out whether it was.
pub(crate) fn enter() {
    let entered = if getuid().is_root() { Ok(unshare(CloneFlags::CLONE_NEWNS)) } else { enter_as_root() };
    let private = || mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>);
    drop(entered.map(|_| private()));
}

fn enter_as_root() -> std::io::Result<Result<(), nix::errno::Errno>> {
    let (uid, gid) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    Ok(Ok(()))
}

fn wire(number: usize) -> Wire {
    let headers = vec![("session-id".into(), format!("session {}", number / 4))];
    Wire { headers, request: "{}".into(), upstream: None, answer: vec![Dice(number as u64).noise(20_000)] }
}

fn check(library: &Library, kept: &[(ExchangeId, usize)]) {
    for (id, number) in kept {
        assert!(feed::body(library, *id, Pane::ClientResponse) == wire(*number).answer[0], "{number}");
    }
}

/// A part of `a_full_disk_stops_nothing_but_capture`; by itself it does nothing.
#[test]
fn fills_a_small_disk() {
    let Some(dir) = part_dir() else { return };
    let flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
    if let Err(error) = mount(Some("tmpfs"), &dir, Some("tmpfs"), flags, Some("size=512k,mode=700")) {
        writeln!(std::io::stdout(), "\nSKIP {error}").unwrap();
        return;
    }
    let dir = dir.join("captures");
    let mut running = feed::start(&dir).unwrap();
    let mut kept = Vec::new();
    for number in 0..60 {
        let id = running.give(&wire(number));
        running.until(|library| library.usage().missed > 0 || library.row(id).is_some_and(|row| row.state.is_over()));
        if running.library.trouble().is_some() {
            break;
        }
        kept.push((id, number));
    }
    let trouble = running.library.trouble().expect("the disk is full by now");
    assert!(trouble.contains("No space left"), "{trouble}");
    // What goes on meanwhile is counted, and waits for nothing.
    let missed = running.library.usage().missed;
    running.give(&wire(0));
    running.until(|library| library.usage().missed > missed);
    check(&running.library, &kept);
    check(&Library::open(&dir).unwrap(), &kept);
    let first = running.library.row(kept[0].0).unwrap().session.clone();
    running.desk.ask(Order::RemoveSession(first)).unwrap();
    assert_eq!(running.library.trouble(), None);
    kept.retain(|(_, number)| number / 4 != 0);
    kept.push((running.keep(&wire(99)), 99));
    running.stop();
    check(&Library::open(&dir).unwrap(), &kept);
    writeln!(std::io::stdout(), "\nfilled after {}", kept.len()).unwrap();
}

#[test]
fn a_full_disk_stops_nothing_but_capture() {
    let home = crate::home();
    let mut child = part("disk::fills_a_small_disk", home.path());
    let said = child.env(MOUNTS, "1").stderr(Stdio::inherit()).output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    if let Some(reason) = text.lines().find_map(|line| line.strip_prefix("SKIP ")) {
        skip::say_skipped("store", reason);
        return;
    }
    assert!(said.status.success() && text.contains("filled after"), "{text}");
}
