//! The command line as people meet it: help, mistakes, exit codes, and what wins over what.
//!
//! The texts of `--help` are golden files, `tests/fixtures/help/*.txt`. After a change that is meant:
//! `GOLDEN=write cargo test --test cli`, and look at what git shows.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ollama_forward::fault::FaultId;
use tempfile::TempDir;

#[path = "support/skip.rs"]
mod skip;

#[test]
fn help_is_as_it_was() {
    for command in [
        "",
        "bugreport",
        "capture",
        "codex",
        "completions",
        "config",
        "doctor",
        "explain",
        "man",
        "service",
        "setup",
        "status",
        "version",
    ] {
        for (flag, kind) in [("--help", "long"), ("-h", "short")] {
            let args: Vec<&str> = [command, flag].into_iter().filter(|word| !word.is_empty()).collect();
            let name = if command.is_empty() { "run" } else { command };
            golden(&format!("{name}.{kind}.txt"), &Home::new().ok(&args));
        }
    }
}

#[test]
fn help_names_every_option_and_how_its_variable_is_called() {
    let help = Home::new().ok(&["--help"]);
    for (option, _) in OPTIONS {
        assert!(help.contains(&format!("{option} <")), "{option} is not in:\n{help}");
    }
    assert!(help.contains(&variable("--listen-port")), "no variable is in:\n{help}");
    assert!(!help.contains("sysroot"), "that one is for tests:\n{help}");
}

#[test]
fn version_is_the_packages() {
    for flag in ["--version", "-V"] {
        assert_eq!(Home::new().ok(&[flag]), concat!("ollama-forward ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

/// Each option that takes a value, with values that it cannot take and a part of what it says then.
const OPTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "--listen",
        &[
            ("11434", "--listen-port 11434"),
            ("example.org:80", "127.0.0.1:11434"),
            ("127.0.0.1:0", "1 to 65535"),
            ("", "127.0.0.1:11434"),
        ],
    ),
    ("--listen-port", &[("0", "1 to 65535"), ("65536", "1 to 65535"), ("http", "1 to 65535")]),
    (
        "--upstream",
        &[
            ("https://windows", "http://HOST:PORT"),
            ("http://windows/v1", "leave out the path"),
            ("user@windows", "user name"),
            ("windows:0", "1 to 65535"),
            ("1.2.3", "not an IPv4 address"),
            ("a b", "HOST:PORT"),
        ],
    ),
    ("--connect-timeout", &[("0", "at least 1ms"), ("soon", "500ms, 1.5s or 2m"), ("5 parsecs", "500ms, 1.5s or 2m")]),
    ("--wait-for-upstream", &[("soon", "500ms, 1.5s or 2m"), ("99999999999999999999h", "too long")]),
    ("--keepalive", &[("15", "15/5/3"), ("15/5", "15/5/3"), ("0/5/3", "15/5/3"), ("15/5/3/1", "15/5/3")]),
    ("--user-timeout", &[("never", "500ms, 1.5s or 2m")]),
    ("--max-connections", &[("0", "from 1 up"), ("many", "from 1 up")]),
    ("--drain-timeout", &[("later", "500ms, 1.5s or 2m")]),
    ("--upstream-api", &[("openai", "auto, ollama, chat")]),
    ("--tools", &[("some", "compact, full")]),
    ("--num-ctx", &[("8k", "number of tokens"), ("0", "number of tokens"), ("5000000000", "number of tokens")]),
    ("--max-body-size", &[("32 megs", "32M or 32MiB"), ("0", "32M"), ("99999999999G", "too large")]),
    ("--resume-window", &[("ever", "500ms, 1.5s or 2m")]),
    ("--titles", &[("none", "local, model")]),
    ("--subagents", &[("child", "parent, as-given")]),
    ("--stored-responses", &[("-1", "from 0 up"), ("some", "from 0 up")]),
    ("--log-format", &[("xml", "text, json")]),
    ("--color", &[("green", "auto, always, never")]),
    ("--live", &[("on", "auto, never")]),
];

#[test]
fn a_wrong_value_names_its_option_and_what_would_be_right() {
    let home = Home::new();
    for (option, values) in OPTIONS {
        for (value, right) in *values {
            let said = home.fails(2, &[&format!("{option}={value}")], &[]);
            assert!(said.starts_with("error[E-USAGE]: "), "{option} {value:?}: {said}");
            assert!(said.contains(option) && said.contains(right), "{option} {value:?} wants {right:?}: {said}");
        }
    }
}

#[test]
fn a_wrong_value_of_a_variable_is_a_mistake_too() {
    let home = Home::new();
    for (option, values) in OPTIONS {
        let (value, right) = values[0];
        let said = home.fails(2, &[], &[(&variable(option), value)]);
        assert!(said.contains(option) && said.contains(right), "{option} {value:?} wants {right:?}: {said}");
    }
}

#[test]
fn a_wrong_value_in_a_file_names_file_key_and_what_would_be_right() {
    for (option, values) in OPTIONS {
        let (value, right) = values[0];
        let home = Home::new();
        let key = key(option);
        home.config(&format!("{key} = \"{value}\"\n"));
        let said = home.fails(2, &[], &[]);
        assert!(said.starts_with("error[E-CONFIG]: "), "{key}: {said}");
        assert!(said.contains("config.toml") && said.contains(&format!("{key}: ")), "{key}: {said}");
        assert!(said.contains(right), "{key} wants {right:?}: {said}");
    }
}

#[test]
fn what_does_not_exist_is_a_mistake() {
    let home = Home::new();
    for (args, says) in [
        (&["--lissten", "127.0.0.1"][..], "--listen"),
        (&["statsu"], "status"),
        (&["status", "--jsn"], "--json"),
        (&["completions", "tcsh"], "bash"),
        (&["completions"], "<SHELL>"),
        (&["explain", "E-NOPE"], "E-NOPE"),
        (&["--quiet", "--verbose"], "cannot be used with"),
        (&["--listen-port"], "--listen-port"),
        (&["--upstream", "demo", "status"], "status"),
    ] {
        let said = home.fails(2, args, &[]);
        assert!(said.starts_with("error[E-USAGE]: ") && said.contains(says), "{args:?} wants {says:?}: {said}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    for (text, says) in [
        ("conect_timeout = 2", "did you mean `connect_timeout`?"),
        ("listen-port = 2", "did you mean `listen_port`?"),
        ("zebra = 2", "known keys: "),
        ("listen_port = 11434\nupstream =", "line 2"),
        ("quiet = true\ndebug = true", "exclude each other"),
    ] {
        let home = Home::new();
        home.config(text);
        let said = home.fails(2, &[], &[]);
        assert!(said.starts_with("error[E-CONFIG]: ") && said.contains(says), "{text:?} wants {says:?}: {said}");
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let home = Home::new();
    let absent = home.path("absent.toml");
    let said = home.fails(2, &["--config", absent.to_str().unwrap()], &[]);
    assert!(said.starts_with("error[E-CONFIG]: ") && said.contains("absent.toml does not exist"), "{said}");
    let directory = home.path("").display().to_string();
    let said = home.fails(2, &["--config", &directory], &[]);
    assert!(said.starts_with("error[E-CONFIG]: cannot read ") && said.contains(&directory), "{said}");
    let said = home.fails(2, &[], &[("OLLAMA_FORWARD_CONFIG", "/nowhere/config.toml")]);
    assert!(said.contains("/nowhere/config.toml does not exist"), "{said}");
    let binary = home.file("binary.toml", b"\xff\xfe\x00");
    let said = home.fails(2, &["--config", binary.to_str().unwrap()], &[]);
    assert!(said.starts_with("error[E-CONFIG]: cannot read ") && said.contains("binary.toml"), "{said}");
}

#[test]
fn flag_wins_over_variable_over_file_over_default() {
    // Each layer names an address that is taken: the one that wins is the one that it complains about.
    let taken: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let [flag, variable, own, named] = [0, 1, 2, 3].map(|n: usize| taken[n].local_addr().unwrap().to_string());
    let home = Home::new();
    home.config(&format!("listen = \"{own}\"\nupstream = \"demo\"\n"));
    let other = home.file("other.toml", format!("listen = [\"{named}\"]\nupstream = \"demo\"\n").as_bytes());
    let other = other.to_str().unwrap();
    let env = ("OLLAMA_FORWARD_LISTEN", variable.as_str());
    for (args, env, wins) in [
        (&["--listen", &flag, "--config", other][..], &[env][..], &flag),
        (&["--config", other], &[env], &variable),
        (&[], &[env], &variable),
        (&["--config", other], &[], &named),
        (&[], &[("OLLAMA_FORWARD_CONFIG", other)], &named),
        (&[], &[], &own),
    ] {
        let said = home.fails(5, args, env);
        assert!(said.contains(&format!("cannot listen on {wins}: ")), "{args:?} {env:?} wants {wins}: {said}");
    }
}

#[test]
fn layers_complete_each_other() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (home, port) = (Home::new(), address.port().to_string());
    home.config("listen = [\"127.0.0.1\"]\nollama_url = \"http://192.0.2.1\"\nquiet = true\n");
    let said = home.fails(5, &[], &[("OLLAMA_FORWARD_LISTEN_PORT", &port)]);
    assert!(said.contains(&format!("cannot listen on {address}: ")), "{said}");
    let said = home.fails(5, &["--listen-port", &port, "--listen", "127.0.0.1"], &[]);
    assert!(said.contains(&format!("cannot listen on {address}: ")), "{said}");
}

#[test]
fn switches_are_switched_by_variables_too() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (home, address) = (Home::new(), taken.local_addr().unwrap().to_string());
    for name in ["OLLAMA_FORWARD_DEBUG", "OLLAMA_FORWARD_QUIET", "OLLAMA_FORWARD_TRANSLATE"] {
        for value in ["true", "1", "yes", "false", "0"] {
            let said = home.fails(5, &["--upstream", "demo", "--listen", &address], &[(name, value)]);
            assert!(said.contains("error[E-PORT-TAKEN]: "), "{name}={value}: {said}");
        }
    }
}

/// The options of the bridge, each with a value that it takes.
const NEED_TRANSLATE: &[(&str, &str)] = &[
    ("--upstream-api", "chat"),
    ("--tools", "full"),
    ("--num-ctx", "8192"),
    ("--max-body-size", "8M"),
    ("--resume-window", "0"),
    ("--titles", "model"),
    ("--subagents", "as-given"),
    ("--stored-responses", "0"),
];

#[test]
fn an_option_of_the_bridge_is_a_mistake_without_the_bridge() {
    for (option, value) in NEED_TRANSLATE {
        let home = Home::new();
        let option_is_refused = |args: &[&str], env: &[(&str, &str)]| {
            let said = home.fails(2, &[&["--upstream", "demo", option, value], args].concat(), env);
            let right = format!("error[E-USAGE]: {option} does nothing without --translate: add that");
            assert!(said.starts_with(&right), "{option}: {said}");
        };
        option_is_refused(&[], &[]);
        option_is_refused(&[], &[("OLLAMA_FORWARD_TRANSLATE", "0")]);
        home.config("translate = false\n");
        option_is_refused(&[], &[]);
        home.config("translate = true\n");
        option_is_refused(&[], &[("OLLAMA_FORWARD_TRANSLATE", "no")]);
    }
}

#[test]
fn an_option_of_the_bridge_is_taken_where_the_bridge_is_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // That the port is taken is seen after all options were found good.
    let good = |home: &Home, args: &[&str], env: &[(&str, &str)]| {
        let said = home.fails(5, &[&["--upstream", "demo", "--listen", &address], args].concat(), env);
        assert!(said.contains("error[E-PORT-TAKEN]: "), "{args:?} {env:?}: {said}");
    };
    for (option, value) in NEED_TRANSLATE {
        let home = Home::new();
        good(&home, &["--translate", option, value], &[]);
        good(&home, &[option, value], &[("OLLAMA_FORWARD_TRANSLATE", "1")]);
        // A setting that stays waits for its day.
        good(&home, &[], &[(&variable(option), value)]);
        home.config(&format!("{} = \"{value}\"\n", key(option)));
        good(&home, &[], &[]);
        home.config("translate = true\n");
        good(&home, &[option, value], &[]);
    }
}

/// The ids are for scripts: none changes its name or its exit code.
const IDS: &[(&str, u8)] = &[
    ("E-USAGE", 2),
    ("E-CONFIG", 2),
    ("E-PORT-TAKEN", 5),
    ("E-LISTEN-ADDRESS", 2),
    ("E-LISTEN-DENIED", 2),
    ("E-NEEDS-UPSTREAM", 2),
    ("E-UPSTREAM-REFUSED", 4),
    ("E-UPSTREAM-TIMEOUT", 4),
    ("E-UPSTREAM-UNREACHABLE", 4),
    ("E-UPSTREAM-NAME", 4),
    ("E-UPSTREAM-NOT-OLLAMA", 4),
    ("E-UPSTREAM-RESET", 4),
    ("E-UPSTREAM-SILENT", 4),
    ("E-UPSTREAM-LOST", 4),
    ("E-UPSTREAM-LOOP", 2),
    ("E-NO-WINDOWS", 4),
    ("E-NO-LOCALHOST-FORWARDING", 1),
    ("E-TOO-MANY-CONNECTIONS", 1),
    ("E-OUT-OF-DESCRIPTORS", 1),
    ("E-NOT-RUNNING", 3),
    ("E-STOPPING", 1),
    ("E-CAPTURE", 1),
    ("E-NO-CODEX", 1),
    ("E-NO-MODEL", 1),
    ("E-INTERNAL", 1),
];

#[test]
fn explain_knows_every_id() {
    let home = Home::new();
    let catalogue = home.ok(&["explain"]);
    let listed: BTreeSet<&str> = catalogue.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(listed, IDS.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>());
    assert_eq!(listed.len(), FaultId::ALL.len());
    for (id, exit) in IDS {
        let text = home.ok(&["explain", id]);
        assert!(text.starts_with(&format!("{id}: ")), "{text}");
        assert!(text.contains("\n  likely: ") && text.contains("\n  next:   "), "{text}");
        assert!(text.ends_with(&format!("\n  exit:   {exit}\n")), "{text}");
        assert_eq!(home.ok(&["explain", &id.to_lowercase()[2..]]), text, "as people type it");
    }
}

#[test]
fn every_id_in_the_source_is_explained() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut seen = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let words = code.split(|c: char| !c.is_ascii_uppercase() && c != '-');
            seen.extend(words.filter(|word| word.starts_with("E-") && word.len() > 2).map(str::to_owned));
        }
    }
    assert!(seen.len() >= IDS.len(), "the ids were not found: {seen:?}");
    for id in seen {
        assert!(FaultId::from_text(&id).is_some(), "{id} is printed, and not explained");
    }
}

#[test]
fn completions_are_scripts_of_their_shell() {
    let home = Home::new();
    for (shell, check) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = home.ok(&["completions", shell]);
        for word in ["ollama-forward", "upstream", "status", "explain"] {
            assert!(script.contains(word), "{shell}: {word} is missing");
        }
        let file = home.file(shell, script.as_bytes());
        match Command::new(shell).args(check).arg(&file).stdin(Stdio::null()).output() {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}"),
            Err(_) => skip::say_skipped("cli", &format!("{shell} is not installed")),
        }
    }
}

#[test]
fn plain_linux_needs_an_upstream() {
    let home = Home::new();
    fs::create_dir_all(home.path("root/proc/sys/kernel")).unwrap();
    fs::write(home.path("root/proc/sys/kernel/osrelease"), "6.18.4-generic\n").unwrap();
    let root = home.path("root");
    let said = home.fails(2, &["--sysroot", root.to_str().unwrap()], &[]);
    assert!(said.contains("error[E-NEEDS-UPSTREAM]: ") && said.contains("--upstream HOST"), "{said}");
}

#[test]
fn a_mistake_tells_what_what_it_may_be_and_what_to_do() {
    let said = Home::new().fails(3, &["status"], &[]);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("error[E-NOT-RUNNING]: "), "{said}");
    assert!(lines[1].starts_with("  likely: ") && lines[2].starts_with("  next:   "), "{said}");
    assert_eq!(lines.len(), 3, "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for args in [&["explain"][..], &["explain", "E-CONFIG"], &["completions", "bash"], &["--help"], &["--version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Home::new().command().args(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

/// A user without a past.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The user's own configuration.
    fn config(&self, text: &str) {
        self.file("config/ollama-forward/config.toml", text.as_bytes());
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, dir) in [("HOME", "home"), ("XDG_CONFIG_HOME", "config"), ("XDG_RUNTIME_DIR", "runtime")] {
            command.env(name, self.path(dir));
        }
        command.stdin(Stdio::null());
        command
    }

    /// Exits with this code, and says this on standard error.
    #[track_caller]
    fn fails(&self, code: i32, args: &[&str], env: &[(&str, &str)]) -> String {
        let Output { status, stdout, stderr } = self.command().args(args).envs(env.iter().copied()).output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{args:?} {env:?}: {said}");
        assert!(stdout.is_empty(), "standard output is for results: {args:?}");
        said
    }

    /// Succeeds, and says this on standard output.
    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command().args(args).output().unwrap();
        assert!(status.success() && stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }
}

/// The variable of an option.
fn variable(option: &str) -> String {
    format!("OLLAMA_FORWARD_{}", key(option).to_uppercase())
}

/// The key of an option in a file.
fn key(option: &str) -> String {
    option.trim_start_matches('-').replace('-', "_")
}

#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help").join(name);
    if std::env::var_os("GOLDEN").is_some_and(|word| word == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} is no more as it was (see the head of this file), but:\n{text}");
}
