//! `setup --from-socat`: found, shown, replaced, and undone byte for byte.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::bed::{Bed, free_port, heard, said};
use crate::skip::say_skipped;

const BASHRC: &str = "# ~/.bashrc\nexport PATH=\"$HOME/.local/bin:$PATH\"\nalias ll='ls -l'\nalias ollama-forward='~/.local/bin/ollama-forward start'\nexport OLLAMA_HOST=\"http://$(ip route show | grep default | awk '{print $3}'):11434\"\nif ! pgrep -f socat >/dev/null; then\n  nohup socat TCP-LISTEN:11434,fork \\\n    TCP:172.24.0.1:11434 >/dev/null 2>&1 &\nfi\n[ -f ~/.fzf.bash ] && source ~/.fzf.bash";
const FISH: &str = "if status is-interactive\n    set -gx CODEX_OSS_BASE_URL http://172.22.96.1:11434/v1\nend\n";
const SCRIPT: &str = "#!/usr/bin/env bash\nPORT=${OLLAMA_PORT:-11434}\nGW=$(ip route show default | awk '{print $3}')\nnohup socat TCP-LISTEN:$PORT,fork,reuseaddr TCP:$GW:11434 >/dev/null 2>&1 &\necho $! >/tmp/of.pid\n";
const UNIT: &str = "[Service]\nExecStart=%h/.local/bin/ollama-forward start\n[Install]\nWantedBy=default.target\n";

/// A home that has all of it. Nothing in it listens on a real port.
fn old_home() -> Bed {
    let bed = Bed::new();
    bed.file(".bashrc", BASHRC);
    bed.file(".config/fish/config.fish", FISH);
    bed.script(".local/bin/ollama-forward", SCRIPT);
    bed.script(".local/bin/morning.sh", "#!/bin/sh\nsocat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434 &\nbackup\n");
    bed.script(".local/bin/other", "#!/bin/sh\nsocat TCP-LISTEN:8080,fork TCP:172.24.0.1:80\n");
    bed.file(".config/systemd/user/proxy.service", UNIT);
    let wants = bed.at(".config/systemd/user/default.target.wants");
    fs::create_dir_all(&wants).unwrap();
    std::os::unix::fs::symlink("../proxy.service", wants.join("proxy.service")).unwrap();
    // Neither the machine's systemd nor its cron.
    bed.script("fake/systemctl", "#!/bin/sh\necho \"$@\" >>\"$HOME/run.systemctl\"\n");
    bed.script(
        "fake/crontab",
        "#!/bin/sh\nif [ \"$1\" = -l ]; then cat \"$HOME/cron\"; else cat \"$1\" >\"$HOME/cron\"; fi\n",
    );
    bed.file("cron", "MAILTO=me\n@reboot ~/.local/bin/ollama-forward start\n0 4 * * * backup\n");
    bed
}

fn with_fakes(mut bed: Bed) -> Bed {
    let fake = bed.at("fake");
    bed.path.insert(0, fake);
    bed
}

#[test]
fn without_a_terminal_the_plan_is_shown_and_nothing_done() {
    let bed = with_fakes(old_home());
    let before = bed.tree();
    let text = bed.ok(&["setup", "--from-socat"]);
    for place in [
        "~/.bashrc:4",
        "~/.bashrc:5",
        "~/.bashrc:7",
        "~/.config/fish/config.fish:2",
        "~/.config/systemd/user/proxy.service:2",
        "crontab -l:2",
        "~/.local/bin/ollama-forward:4",
        "~/.local/bin/morning.sh:2",
    ] {
        assert!(text.contains(&format!("{place}\n")), "{place}: {text}");
    }
    assert!(!text.contains("bin/other") && !text.contains("~/.bashrc:3"), "{text}");
    // The bare name would start the old script.
    let program = env!("CARGO_BIN_EXE_ollama-forward");
    assert!(
        text.contains("Nothing was done") && text.contains(&format!("{program} setup --from-socat --yes")),
        "{text}"
    );
    assert_eq!(bed.tree(), before);
    let french = bed.ok(&["setup", "--from-socat", "--lang", "fr"]);
    assert!(french.contains("mettre la ligne en commentaire") && french.contains("Rien n'a été fait"), "{french}");
}

#[test]
fn what_is_replaced_is_gone_and_is_undone_byte_for_byte() {
    let bed = with_fakes(old_home());
    let before = bed.tree();
    let said = bed.run(&["setup", "--from-socat", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("~/.bashrc:4") && said.out.contains("setup --from-socat --undo"), "{said:?}");

    let bashrc = bed.text(".bashrc");
    assert!(bashrc.contains("] alias ollama-forward=") && bashrc.contains("  : # [ollama-forward 20"), "{bashrc}");
    let is_valid = Command::new("bash").arg("-n").arg(bed.at(".bashrc")).status().unwrap();
    assert!(is_valid.success(), "{bashrc}");
    assert!(!bed.at(".config/systemd/user/proxy.service").exists());
    assert!(bed.at(".config/systemd/user/default.target.wants/proxy.service").symlink_metadata().is_err());
    assert!(bed.text("run.systemctl").contains("--user disable --now proxy.service"));
    assert!(bed.text("cron").contains("# [ollama-forward 20"));
    let program = bed.at(".local/bin/ollama-forward");
    let version = said_version(&bed, &program);
    assert!(version.starts_with("ollama-forward "), "{version}");
    assert_eq!(bed.ok(&["setup", "--from-socat"]).matches("by hand").count(), 1, "only morning.sh is left");

    let plan = bed.ok(&["setup", "--from-socat", "--undo"]);
    assert!(plan.contains(".bashrc") && plan.contains("Nothing was done"), "{plan}");
    let text = bed.ok(&["setup", "--from-socat", "--undo", "--yes"]);
    assert!(text.contains("Nothing was started again"), "{text}");
    let mut after = bed.tree();
    // What was kept of it, and what the fakes noted.
    after.retain(|name, _| !name.contains(".bak-") && name != "run.systemctl");
    assert_eq!(after, before);
    assert!(bed.ok(&["setup", "--from-socat", "--undo"]).contains("nothing to undo"));
}

fn said_version(bed: &Bed, program: &Path) -> String {
    said(&mut bed.command_of(program, &["--version"])).out
}

#[test]
fn what_was_written_since_survives_the_undoing() {
    let bed = Bed::new();
    bed.file(".zshrc", "alias ollama-forward='socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434'\n");
    bed.ok(&["setup", "--from-socat", "--yes"]);
    let changed = bed.text(".zshrc") + "export MINE=1\n";
    bed.file(".zshrc", &changed);
    bed.ok(&["setup", "--from-socat", "--undo", "--yes"]);
    let text = bed.text(".zshrc");
    assert_eq!(text, "alias ollama-forward='socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434'\nexport MINE=1\n");
}

#[test]
fn a_home_without_it_has_nothing_to_replace() {
    let bed = Bed::new();
    bed.file(".bashrc", "alias ll='ls -l'\n");
    let port = free_port().to_string();
    assert!(bed.ok(&["setup", "--from-socat", "--listen-port", &port]).contains("nothing to replace"));
    assert!(
        bed.ok(&["setup", "--from-socat", "--yes", "--listen-port", &port, "--lang", "fr"])
            .contains("rien à remplacer")
    );
    let said = bed.run(&["setup", "--undo"]);
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[test]
fn files_of_the_system_are_told_and_left_to_root() {
    let bed = Bed::new();
    bed.file("root/etc/wsl.conf", "[boot]\ncommand = socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434 &\n");
    let text = bed.ok(&["setup", "--from-socat", "--yes", "--listen-port", "11434"]);
    assert!(text.contains("etc/wsl.conf:2") && text.contains("by hand: sudoedit "), "{text}");
    assert!(bed.text("root/etc/wsl.conf").contains("\ncommand = socat"));
}

#[test]
fn a_link_to_a_script_is_moved_and_its_target_is_not() {
    let bed = Bed::new();
    let target = bed.script("dotfiles/of.sh", SCRIPT);
    fs::create_dir_all(bed.at(".local/bin")).unwrap();
    std::os::unix::fs::symlink(&target, bed.at(".local/bin/ollama-forward")).unwrap();
    let before = bed.tree();
    bed.ok(&["setup", "--from-socat", "--yes"]);
    assert!(!bed.at(".local/bin/ollama-forward").is_symlink() && bed.at(".local/bin/ollama-forward").is_file());
    bed.ok(&["setup", "--from-socat", "--undo", "--yes"]);
    let mut after = bed.tree();
    after.retain(|name, _| !name.contains(".bak-"));
    assert_eq!(after, before);
}

/// A real socat, ended with the test.
struct Socat(Child);

impl Drop for Socat {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn socat_path() -> Option<PathBuf> {
    let found = ["/usr/bin/socat", "/bin/socat", "/usr/local/bin/socat"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists());
    if found.is_none() {
        say_skipped("settings", "socat is not installed");
    }
    found
}

fn socat(program: &Path, port: u16) -> Socat {
    socat_of(Command::new(program), port)
}

fn socat_of(mut command: Command, port: u16) -> Socat {
    command.args(["-d", "-d"]);
    command.arg(format!("TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr")).arg("TCP:127.0.0.1:1");
    listening(command)
}

/// It runs, and says that it listens.
#[track_caller]
fn listening(mut command: Command) -> Socat {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut socat = Socat(child);
    heard(socat.0.stderr.take().unwrap(), "listening on");
    socat
}

#[test]
fn a_socat_that_holds_the_port_is_ended_and_the_port_is_free() {
    let Some(program) = socat_path() else { return };
    let bed = Bed::new();
    let (port, other_port) = (free_port(), free_port());
    let mut running = socat(&program, port);
    let mut other = socat(&program, other_port);
    let port_word = port.to_string();
    let plan = bed.ok(&["setup", "--from-socat", "--listen-port", &port_word]);
    assert!(plan.contains(&format!("pid {}\n", running.0.id())), "{plan}");
    assert!(!plan.contains(&other_port.to_string()), "{plan}");
    assert!(running.0.try_wait().unwrap().is_none(), "a plan ends nobody");
    let text = bed.ok(&["setup", "--from-socat", "--yes", "--listen-port", &port_word]);
    assert!(text.contains(&format!("port {port} is free")), "{text}");
    assert!(running.0.wait().unwrap().code().is_none_or(|code| code != 0));
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
    assert!(other.0.try_wait().unwrap().is_none(), "another port is another matter");
}

#[test]
fn a_script_that_starts_socat_again_is_ended_first() {
    if socat_path().is_none() {
        return;
    }
    let bed = Bed::new();
    let port = free_port();
    let text = format!(
        "#!/bin/bash\nwhile true; do socat -d -d TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr TCP:127.0.0.1:1; done\n"
    );
    let script = bed.script("elsewhere/ollama-loop", &text);
    let mut command = Command::new("bash");
    command.arg(&script);
    let mut running = listening(command);
    let said = bed.run(&["setup", "--from-socat", "--yes", "--listen-port", &port.to_string()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains(&format!("pid {}, ", running.0.id())), "{said:?}");
    running.0.wait().unwrap();
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
}

#[test]
fn a_holder_that_is_no_forwarder_is_left_alone() {
    let bed = Bed::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    assert!(bed.ok(&["setup", "--from-socat", "--yes", "--listen-port", &port]).contains("nothing to replace"));
}

#[test]
fn a_socat_of_another_user_is_told_and_left_alone() {
    let Some(program) = socat_path() else { return };
    if !nix::unistd::geteuid().is_root() {
        return say_skipped("settings", "only root can start a program as another user");
    }
    let (bed, port) = (Bed::new(), free_port());
    let mut command = Command::new(program);
    // As Debian and most others have it: nobody.
    command.uid(65534);
    let mut running = socat_of(command, port);
    let text = bed.ok(&["setup", "--from-socat", "--yes", "--listen-port", &port.to_string()]);
    assert!(text.contains("it belongs to user ") && text.contains(&format!("sudo kill {}", running.0.id())), "{text}");
    assert!(running.0.try_wait().unwrap().is_none(), "it was ended");
}
