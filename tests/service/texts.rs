//! What is written, read by those who will read it.

use std::fs;
use std::process::{Command, Stdio};

use super::{Said, said, skip};

fn printed(kind: &str, options: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
    command.env_clear().env("HOME", home.path()).env("SHELL", "/bin/sh").env("LANG", "C.UTF-8").stdin(Stdio::null());
    command.args(["service", "install", "--print", kind, "--"]).args(options);
    let Said { out, .. } = said(&mut command).ends_with(0);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "--print writes nothing");
    out
}

/// None where the program is not here: it has been said.
#[track_caller]
fn asked(program: &str, args: &[&str]) -> Option<Said> {
    if Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        skip::say_skipped("service", &format!("there is no {program}"));
        return None;
    }
    // systemd-analyze wants to know where a user's sockets are.
    let runtime = tempfile::tempdir().unwrap();
    Some(said(Command::new(program).args(args).env("XDG_RUNTIME_DIR", runtime.path()).stdin(Stdio::null())))
}

#[test]
fn systemd_has_nothing_against_the_unit() {
    let directory = tempfile::tempdir().unwrap();
    let unit = printed("systemd", &["--translate", "--capture=/my files/100%/a$b;c\"d"]);
    assert!(unit.contains(r#""--capture=/my files/100%%/a$$b;c\"d""#), "{unit}");
    let file = directory.path().join("ollama-forward.service");
    fs::write(&file, unit).unwrap();
    let Some(said) = asked("systemd-analyze", &["verify", "--user", "--man=no", file.to_str().unwrap()]) else {
        return;
    };
    let ours: Vec<&str> = said.err.lines().filter(|line| line.contains("ollama-forward.service")).collect();
    assert_eq!((said.code, ours), (Some(0), vec![]), "{}", said.err);
}

#[test]
fn macos_can_read_the_property_list() {
    let text = printed("launchd", &["--translate", "--upstream", "http://192.0.2.1:11434"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.plist");
    fs::write(&file, text).unwrap();
    let script =
        "import plistlib,sys; p=plistlib.load(open(sys.argv[1],'rb')); print(p['Label'], *p['ProgramArguments'][1:])";
    let Some(said) = asked("python3", &["-c", script, file.to_str().unwrap()]) else { return };
    assert_eq!(said.out, "ollama-forward --translate --upstream http://192.0.2.1:11434\n", "{said:?}");
}

#[test]
fn shells_can_read_the_block() {
    let text = printed("profile", &["--translate"]);
    let Some(said) = asked("sh", &["-n", "-c", &text]) else { return };
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{text}");
}
