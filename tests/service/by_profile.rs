//! The block of a shell's profile, and the forward in the background.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::client::{answers, free_port, version};
use super::{Said, said, until};

/// A user with a home, and what runs for them.
struct Home {
    directory: TempDir,
    port: u16,
}

impl Home {
    fn new() -> Self {
        let home = Self { directory: tempfile::tempdir().unwrap(), port: free_port() };
        for name in ["home", "run"] {
            fs::create_dir(home.path(name)).unwrap();
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("SHELL", "/bin/bash");
        command.env("HOME", self.path("home")).env("XDG_RUNTIME_DIR", self.path("run"));
        command.args(words).stdin(Stdio::null()).current_dir(self.directory.path());
        command
    }

    fn service(&self, words: &[&str]) -> Said {
        said(&mut self.command(env!("CARGO_BIN_EXE_ollama-forward"), &[&["service"], words].concat()))
    }

    fn install(&self) -> Said {
        let port = self.port.to_string();
        self.service(&["install", "--by", "profile", "-y", "--", "--upstream", "demo", "--listen-port", &port])
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(self.service(&["stop"]));
    }
}

#[test]
fn a_profile_is_given_back_byte_for_byte() {
    for text in [Some("export A=1\n"), Some("# no end of line"), Some(""), None] {
        let home = Home::new();
        let profile = home.path("home/.profile");
        if let Some(text) = text {
            fs::write(&profile, text).unwrap();
        }
        home.install().ends_with(0);
        answers(home.port);
        let with = fs::read_to_string(&profile).unwrap();
        assert!(with.starts_with(text.unwrap_or_default()) && with.contains("service start"), "{with}");
        home.service(&["uninstall", "-y"]).ends_with(0);
        assert_eq!(fs::read_to_string(&profile).ok().as_deref(), text);
        assert!(version(home.port).is_err(), "it was stopped");
    }
}

#[test]
fn without_a_terminal_nothing_is_written() {
    let home = Home::new();
    fs::write(home.path("home/.profile"), "A=1\n").unwrap();
    let said = home.service(&["install", "--by", "profile", "--", "--upstream", "demo"]).ends_with(2);
    assert!(said.err.contains("+ # >>> ollama-forward service >>>"), "{said:?}");
    let again = "next:   ollama-forward service install --by profile -y -- --upstream demo\n";
    assert!(said.err.ends_with(again), "{said:?}");
    assert_eq!(fs::read_to_string(home.path("home/.profile")).unwrap(), "A=1\n");
    assert_eq!(fs::read_dir(home.path("home")).unwrap().count(), 1);
}

#[test]
fn a_login_starts_it_once() {
    let home = Home::new();
    home.install().ends_with(0);
    home.service(&["stop"]).ends_with(0);
    assert!(home.service(&["status"]).ends_with(3).out.contains("✗ does not run"));
    home.service(&["stop"]).ends_with(3);
    let mut logins: Vec<_> = (0..3).map(|_| home.command("sh", &["-lc", "exit 0"]).spawn().unwrap()).collect();
    for login in &mut logins {
        login.wait().unwrap();
    }
    assert!(until(Duration::from_secs(20), || version(home.port).is_ok()));
    let status = home.service(&["status", "--json"]).ends_with(0).json();
    assert_eq!((&status["by"], &status["running"]), (&"profile".into(), &true.into()));
    // Those that came later find it, and leave it: its log is of one that listens.
    let again = home.service(&["start"]).ends_with(0);
    assert!(again.out.contains(&format!("ollama-forward {} runs", status["pid"])), "{again:?}");
    let log = home.service(&["logs", "-n", "100"]).ends_with(0);
    assert_eq!((log.out.matches("listening").count(), log.out.contains("E-PORT-TAKEN")), (1, false), "{log:?}");
    let restarted = home.service(&["restart"]).ends_with(0);
    assert!(restarted.err.contains("connections are refused"), "{restarted:?}");
    answers(home.port);
}

#[test]
fn fish_has_a_file_of_its_own() {
    let home = Home::new();
    let port = home.port.to_string();
    let mut words = vec!["service", "install", "--by", "profile", "-y", "--", "--upstream", "demo", "--listen-port"];
    words.push(&port);
    let mut command = home.command(env!("CARGO_BIN_EXE_ollama-forward"), &words);
    said(command.env("SHELL", "/usr/bin/fish")).ends_with(0);
    let file = home.path("home/.config/fish/conf.d/ollama-forward.fish");
    assert!(fs::read_to_string(&file).unwrap().contains("if status is-login"));
    home.service(&["uninstall", "-y"]).ends_with(0);
    assert!(!file.exists());
}

#[test]
fn options_are_checked_before_anything_is_shown() {
    let home = Home::new();
    for (options, says) in [
        (&["--upstrem", "demo"][..], "unexpected argument '--upstrem'"),
        (&["--num-ctx", "5"], "--num-ctx does nothing without --translate"),
        (&["--capture=here"], "--capture=here needs the full path"),
        (&["--config", "here"], "--config here needs the full path"),
        (&["status"], "unexpected argument 'status'"),
    ] {
        let said = home.service(&[&["install", "--by", "profile", "-y", "--"], options].concat()).ends_with(2);
        assert!(said.err.contains(says) && said.err.lines().count() == 3, "{said:?}");
    }
    assert_eq!(fs::read_dir(home.path("home")).unwrap().count(), 0);
}
