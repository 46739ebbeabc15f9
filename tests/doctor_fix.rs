//! `doctor --fix`: what it says, what it asks, what it does, and what it leaves as it was.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{self, Permissions};
use std::io::Cursor;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{geteuid, getgid, getuid};
use ollama_forward::doctor::fix::{Consent, Step, Summary, collect, run};
use ollama_forward::doctor::render::Look;
use ollama_forward::doctor::{Check, Facts, Fix, Group, Problem, Remedy, check, judge};
use ollama_forward::words;
use ollama_forward::words::{Lang, Words};
use tempfile::TempDir;

#[path = "support/skip.rs"]
mod skip;

const NONE: Summary = Summary { done: 0, well: 0, declined: 0, told: 0, failed: 0 };
const DONE: Summary = Summary { done: 1, ..NONE };
const WELL: Summary = Summary { well: 1, ..NONE };
const DECLINED: Summary = Summary { declined: 1, ..NONE };
const TOLD: Summary = Summary { told: 1, ..NONE };
const FAILED: Summary = Summary { failed: 1, ..NONE };

/// 2026-11-28 15:28:09 UTC.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_879_689)
}

fn step(fix: Fix) -> Step {
    Step { check: "config", what: words!("Write it as it was meant", "L'écrire comme il était voulu"), fix }
}

fn config(path: &Path, text: &str) -> Step {
    step(Fix::WriteConfig { path: path.to_owned(), text: text.into() })
}

/// What it says, and what came of it, when it is answered with these lines.
fn answered(step: Step, answers: &str, lang: Lang) -> (String, Summary) {
    let (mut out, mut input) = (Vec::new(), Cursor::new(answers.to_owned()));
    let look = Look { lang, ..Look::default() };
    let summary = run(&[step], Consent::Ask(&mut input), &mut out, &look, now()).unwrap();
    (String::from_utf8(out).unwrap(), summary)
}

fn agreed(step: Step) -> (String, Summary) {
    let mut out = Vec::new();
    let summary = run(&[step], Consent::Given, &mut out, &Look::default(), now()).unwrap();
    (String::from_utf8(out).unwrap(), summary)
}

/// Names of all files and directories below, with their modes.
fn all(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if meta.is_dir() {
            found.extend(all(&path).into_iter().map(|below| format!("{name}/{below}")));
        }
        found.push(format!("{name} {:o}", meta.mode() & 0o777));
    }
    found.sort();
    found
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    (directory, path)
}

#[test]
fn a_new_file_is_shown_asked_for_and_written_for_us_only() {
    let (home, _) = place();
    let path = home.path().join(".config/ollama-forward/config.toml");
    let (said, summary) = answered(config(&path, "translate = true\n"), "y\n", Lang::En);
    let shown = path.display();
    for part in [
        "1/1  config  Write it as it was meant\n    writes a new file, ",
        "\n\n      + translate = true\n\n    Do it? [y/N] ",
        &format!("✓ written: {shown}\n    to undo it:\n\n      rm -- {shown}\n\n"),
        "\nNow look again: `ollama-forward doctor`\n",
    ] {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    assert_eq!(summary, DONE);
    assert_eq!(fs::read_to_string(&path).unwrap(), "translate = true\n");
    assert_eq!(
        all(home.path()),
        [".config 700", ".config/ollama-forward 700", ".config/ollama-forward/config.toml 600"]
    );
}

#[test]
fn an_old_text_is_kept_and_what_changes_is_shown() {
    let (home, path) = place();
    write(&path, "# mine\ntransalte = true\n", 0o640);
    let (said, summary) = answered(config(&path, "# mine\ntranslate = true\n"), "yes\n", Lang::En);
    assert!(said.contains("        # mine\n      - transalte = true\n      + translate = true\n"), "{said}");
    let backup = home.path().join("config.toml.bak-20261128-152809");
    assert!(said.contains(&format!("\n      mv -- {} {}\n", backup.display(), path.display())), "{said}");
    assert_eq!(summary, DONE);
    assert_eq!(fs::read_to_string(&backup).unwrap(), "# mine\ntransalte = true\n");
    assert_eq!(all(home.path()), ["config.toml 640", "config.toml.bak-20261128-152809 640"]);
}

#[test]
fn only_a_yes_is_a_yes() {
    for (lang, answer, summary) in [
        (Lang::En, "Y\n", DONE),
        (Lang::En, " yes \n", DONE),
        (Lang::En, "\n", DECLINED),
        (Lang::En, "n\n", DECLINED),
        (Lang::En, "o\n", DECLINED),
        (Lang::En, "yo\n", DECLINED),
        (Lang::En, "", DECLINED),
        (Lang::Fr, "o\n", DONE),
        (Lang::Fr, "Oui\n", DONE),
        (Lang::Fr, "y\n", DONE),
        (Lang::Fr, "non\n", DECLINED),
        (Lang::Fr, "", DECLINED),
    ] {
        let (home, path) = place();
        let (said, came) = answered(config(&path, "a = 1\n"), answer, lang);
        assert_eq!(came, summary, "{answer:?} in {lang:?}: {said}");
        assert_eq!(all(home.path()).is_empty(), summary == DECLINED, "{answer:?} in {lang:?}");
    }
}

#[test]
fn in_french_it_asks_in_french() {
    let (_home, path) = place();
    let (said, _) = answered(config(&path, "a = 1\n"), "\n", Lang::Fr);
    assert!(said.contains("Le faire\u{a0}? [o/N] ") && said.contains("laissé en l'état\n"), "{said}");
}

#[test]
fn without_a_terminal_it_only_tells() {
    let (home, path) = place();
    let mut out = Vec::new();
    let summary = run(&[config(&path, "a = 1\n")], Consent::Missing, &mut out, &Look::default(), now()).unwrap();
    let said = String::from_utf8(out).unwrap();
    assert!(said.contains("+ a = 1\n") && said.contains("Nothing was changed") && said.contains("--yes"), "{said}");
    assert_eq!((summary, all(home.path())), (TOLD, vec![]));
}

#[test]
fn what_is_well_already_is_left_alone() {
    let (home, path) = place();
    write(&path, "a = 1\n", 0o600);
    let (said, summary) = agreed(config(&path, "a = 1\n"));
    assert!(said.contains("reads like that already"), "{said}");
    assert_eq!((summary, all(home.path())), (WELL, vec!["config.toml 600".to_owned()]));
    let mut out = Vec::new();
    assert_eq!(run(&[], Consent::Given, &mut out, &Look::default(), now()).unwrap(), NONE);
    assert_eq!(String::from_utf8(out).unwrap(), "Nothing here that `--fix` could do.\n");
}

#[test]
fn no_more_than_five_old_texts_are_kept_and_copies_of_the_users_own_are_not_counted() {
    let (home, path) = place();
    write(&path, "old\n", 0o600);
    for (name, text) in [("config.toml.bak-mine", "precious"), ("config.toml.bak-20200101-000000-x", "also")] {
        write(&home.path().join(name), text, 0o600);
    }
    for number in 0..12 {
        assert_eq!(agreed(config(&path, &format!("n = {number}\n"))).1, DONE);
    }
    // All within one second: numbered.
    let kept: Vec<String> = all(home.path()).into_iter().filter(|name| name.contains("20261128")).collect();
    let expected = ["-10", "-11", "-12", "-8", "-9"].map(|end| format!("config.toml.bak-20261128-152809{end} 600"));
    assert_eq!(kept, expected);
    assert_eq!(fs::read_to_string(home.path().join("config.toml.bak-20261128-152809-12")).unwrap(), "n = 10\n");
    assert_eq!(all(home.path()).len(), 5 + 1 + 2);
}

#[test]
fn a_link_is_followed_and_stays_a_link() {
    let (home, link) = place();
    let real = home.path().join("dotfiles.toml");
    write(&real, "old = 1\n", 0o600);
    symlink(&real, &link).unwrap();
    let (said, summary) = agreed(config(&link, "new = 1\n"));
    assert_eq!(summary, DONE, "{said}");
    assert!(said.contains("to which"), "{said}");
    assert_eq!(fs::read_link(&link).unwrap(), real);
    assert_eq!(fs::read_to_string(&real).unwrap(), "new = 1\n");
    assert!(home.path().join("dotfiles.toml.bak-20261128-152809").exists());
}

/// What cannot be written, and a word of the reason; nothing may have changed.
#[track_caller]
fn refuses(home: &Path, path: &Path, text: &str, reason: &str) {
    let before = all(home);
    let (said, summary) = agreed(config(path, text));
    assert!(said.contains("✗ not done: ") && said.replace("\n     ", "").contains(reason), "{reason:?}: {said}");
    assert_eq!((summary, all(home)), (FAILED, before));
}

#[test]
fn what_is_no_file_of_ours_is_refused() {
    let (home, path) = place();
    symlink("/nowhere/at/all", &path).unwrap();
    refuses(home.path(), &path, "a = 1\n", "leads nowhere");

    let (home, path) = place();
    fs::create_dir(&path).unwrap();
    refuses(home.path(), &path, "a = 1\n", "is no file");

    let (home, path) = place();
    write(&path, "", 0o600);
    refuses(home.path(), &path.join("below/config.toml"), "a = 1\n", "a part of this path is a file");

    let (home, path) = place();
    write(&path, &"#".repeat(2 << 20), 0o600);
    refuses(home.path(), &path, "a = 1\n", "larger than any");
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    if !geteuid().is_root() {
        return skip::say_skipped("doctor_fix", "only root can give files away");
    }
    let (home, path) = place();
    write(&path, "old = 1\n", 0o600);
    chown(&path, Some(12_345), None).unwrap();
    refuses(home.path(), &path, "a = 1\n", "belongs to user 12345");
}

#[test]
fn root_in_a_home_of_somebody_else_leaves_files_to_them() {
    if !geteuid().is_root() {
        return skip::say_skipped("doctor_fix", "only root can give files away");
    }
    let (home, _) = place();
    chown(home.path(), Some(12_345), Some(54_321)).unwrap();
    let path = home.path().join(".codex/ollama-forward.config.toml");
    let (said, summary) =
        agreed(step(Fix::WriteCodexProfile { path: path.clone(), text: "model = \"qwen3:14b\"\n".into() }));
    assert_eq!(summary, DONE, "{said}");
    for made in [path.as_path(), path.parent().unwrap()] {
        let meta = fs::metadata(made).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (12_345, 54_321), "{}", made.display());
    }
}

#[test]
fn a_disk_that_is_full_or_read_only_is_one_clear_sentence() {
    if let Err(reason) = entered() {
        return skip::say_skipped("doctor_fix", &reason);
    }
    let (home, path) = place();
    // Two pages, one of which is the old file.
    mount(Some("none"), home.path(), Some("tmpfs"), MsFlags::empty(), Some("size=8k")).unwrap();
    write(&path, "old = 1\n", 0o600);
    refuses(home.path(), &path, &"# long\n".repeat(3000), "the disk is full");
    refuses(home.path(), &home.path().join("a/b/new.toml"), &"# long\n".repeat(3000), "the disk is full");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old = 1\n");
    mount(None::<&str>, home.path(), None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, None::<&str>).unwrap();
    refuses(home.path(), &path, "a = 1\n", "the disk is read-only");
    refuses(home.path(), &home.path().join("a/b/new.toml"), "a = 1\n", "the disk is read-only");
    nix::mount::umount(home.path()).unwrap();
}

#[test]
fn a_file_that_changes_while_the_question_stands_is_left_alone() {
    /// Whoever answers writes the file first.
    struct Meddler(PathBuf);
    impl std::io::Read for Meddler {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            unreachable!("lines are read from the buffer")
        }
    }
    impl std::io::BufRead for Meddler {
        fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
            fs::write(&self.0, "newer = 1\n")?;
            Ok(b"y\n")
        }
        fn consume(&mut self, _: usize) {}
    }
    for old in [None, Some("old = 1\n")] {
        let (home, path) = place();
        if let Some(old) = old {
            write(&path, old, 0o600);
        }
        let (mut out, mut meddler) = (Vec::new(), Meddler(path.clone()));
        let steps = [config(&path, "a = 1\n")];
        let summary = run(&steps, Consent::Ask(&mut meddler), &mut out, &Look::default(), now()).unwrap();
        assert_eq!(summary, FAILED);
        assert!(String::from_utf8(out).unwrap().contains("changed meanwhile"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer = 1\n");
        assert_eq!(all(home.path()).len(), 1);
    }
}

#[test]
fn a_dead_socket_is_removed() {
    let (home, _) = place();
    let path = home.path().join("11434.sock");
    drop(UnixListener::bind(&path).unwrap());
    let (said, summary) = agreed(step(Fix::RemoveSocket(path.clone())));
    assert!(said.contains("✓ removed: "), "{said}");
    assert_eq!((summary, all(home.path())), (DONE, vec![]));
    let (said, summary) = agreed(step(Fix::RemoveSocket(path)));
    assert!(said.contains("is gone already"), "{said}");
    assert_eq!(summary, WELL);
}

#[test]
fn a_socket_that_is_served_stays_even_if_nobody_accepts() {
    let (home, _) = place();
    let path = home.path().join("11434.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    // A queue that is full would keep a plain connect for ever.
    let full: Vec<_> = (0..5000).map_while(|_| connect_at_once(&path)).collect();
    assert!(full.len() < 5000, "the queue has no end");
    let (said, summary) = agreed(step(Fix::RemoveSocket(path.clone())));
    assert!(said.contains("answers"), "{said}");
    assert_eq!(summary, WELL);
    drop(full);
    assert!(path.exists());
}

fn connect_at_once(path: &Path) -> Option<socket2::Socket> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.connect(&socket2::SockAddr::unix(path).unwrap()).ok().map(|()| socket)
}

#[test]
fn what_is_no_socket_or_not_ours_stays() {
    let (home, path) = place();
    write(&path, "precious\n", 0o600);
    let link = home.path().join("link.sock");
    symlink(&path, &link).unwrap();
    for not_one in [&path, &link] {
        let (said, summary) = agreed(step(Fix::RemoveSocket(not_one.clone())));
        assert!(said.contains("is no socket"), "{said}");
        assert_eq!(summary, FAILED);
    }
    assert!(path.exists() && link.exists());
    if geteuid().is_root() {
        let socket = home.path().join("1.sock");
        drop(UnixListener::bind(&socket).unwrap());
        chown(&socket, Some(12_345), None).unwrap();
        let (said, summary) = agreed(step(Fix::RemoveSocket(socket.clone())));
        assert!(said.contains("belongs to another user") && socket.exists(), "{said}");
        assert_eq!(summary, FAILED);
    }
}

#[test]
fn each_thing_is_offered_once() {
    fn broken(_: &Facts) -> ollama_forward::doctor::Verdict {
        let remove = |path: &str| Fix::RemoveSocket(path.into());
        let remedy = |path: &str| Remedy::by_hand(Words::same(path)).fixed_by(remove(path));
        Problem::new(Words::same("broken"))
            .cured_by(remedy("/run/1.sock"))
            .cured_by(Remedy::by_hand(Words::same("by hand")))
            .cured_by(remedy("/run/2.sock"))
            .warn()
    }
    const fn row(id: &'static str) -> Check {
        Check {
            id,
            group: Group::Port,
            title: || Words { en: String::new(), fr: String::new() },
            needs: &[],
            judge: broken,
            details: check::no_details,
        }
    }
    static TABLE: &[Check] = &[row("one"), row("two")];
    let steps = collect(&judge(TABLE, &Facts::default()));
    let said: Vec<_> = steps.iter().map(|step| (step.check, step.what.en.as_str())).collect();
    assert_eq!(said, [("one", "/run/1.sock"), ("one", "/run/2.sock")]);
}

#[test]
fn several_steps_stand_apart_and_are_numbered() {
    let (home, path) = place();
    let socket = home.path().join("11434.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let (mut out, mut input) = (Vec::new(), Cursor::new("y\n"));
    let steps = [config(&path, "a = 1\n"), step(Fix::RemoveSocket(socket.clone()))];
    let summary = run(&steps, Consent::Ask(&mut input), &mut out, &Look::default(), now()).unwrap();
    let said = String::from_utf8(out).unwrap();
    // The input ends after one answer, which agrees to one thing.
    assert_eq!(summary, Summary { done: 1, declined: 1, ..NONE });
    assert!(socket.exists() && said.contains("\n\n2/2  config  "), "{said}");
    assert!(!said.contains("\n\n\n"), "{said}");
}

#[test]
fn paths_with_spaces_and_quotes_are_quoted() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("it's here/config.toml");
    let (said, _) = agreed(config(&path, "a = 1\n"));
    let command = said.lines().map(str::trim).find(|line| line.starts_with("rm -- ")).unwrap();
    let status = std::process::Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success() && !path.exists(), "{command}");
}

/// Mounts of our own, or why not.
static ENTERED: OnceLock<Result<(), String>> = OnceLock::new();

/// Before `main`, because only a process with a single thread may enter a user namespace.
#[ctor::ctor(unsafe)]
fn enter() {
    let private = || mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>);
    let entered = if getuid().is_root() {
        unshare(CloneFlags::CLONE_NEWNS).map_err(std::io::Error::from)
    } else {
        enter_as_root()
    };
    let entered = entered.and_then(|()| Ok(private()?)).map_err(|error| format!("no mounts of our own: {error}"));
    drop(ENTERED.set(entered));
}

fn enter_as_root() -> std::io::Result<()> {
    let (uid, gid) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
}

fn entered() -> Result<(), String> {
    ENTERED.get().cloned().unwrap_or_else(|| Err("the constructor did not run".into()))
}
