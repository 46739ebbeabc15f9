//! Codex is started: with which words, with whose terminal, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bed::{Bed, said};
use crate::ollama::Ollama;

/// The values behind `-c`, and the rest.
fn sorted(words: &[String]) -> (Vec<String>, Vec<String>) {
    let mut words = words.iter();
    let (mut pairs, mut rest) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        if word == "-c" && rest.is_empty() {
            pairs.extend(words.next().cloned());
        } else {
            rest.push(word.clone());
        }
    }
    (pairs, rest)
}

#[test]
fn codex_is_told_all_before_its_own_words() {
    let bed = Bed::new();
    bed.ok(&["--yes", "--", "exec", "say hello"]);
    let (pairs, rest) = sorted(&bed.words());
    assert_eq!(rest, ["-m", "demo:latest", "exec", "say hello"]);
    let told: toml::Table = pairs.join("\n").parse().unwrap();
    assert_eq!(told["model_provider"].as_str(), Some("ollama-forward"));
    assert_eq!(told["model_context_window"].as_integer(), Some(32_768), "that which is in memory");
    let provider = &told["model_providers"]["ollama-forward"];
    assert_eq!(provider["base_url"].as_str(), Some(format!("http://127.0.0.1:{}/v1", bed.port).as_str()));
    assert_eq!(provider["stream_idle_timeout_ms"].as_integer(), Some(600_000));
    assert!(provider.get("env_key").is_none());
    assert!(!told.contains_key("analytics"), "what the user has set for Codex stays");
    assert!(bed.files("codex").is_empty(), "nothing is left in Codex's directory");
}

#[test]
fn what_codex_sends_elsewhere_is_switched_off_when_asked() {
    for (version, switch) in [("0.98.0", "features.remote_models=false"), ("0.169.0", "analytics.enabled=false")] {
        let bed = Bed::new().of_version(version);
        let said = bed.ok(&["--yes", "--offline", "--", "exec", "hi"]);
        assert!(bed.words().iter().any(|word| word == switch), "{:?}", bed.words());
        assert!(said.err.contains("--offline -- exec resume --last"), "{}", said.err);
    }
}

#[test]
fn instructions_are_given_the_way_each_codex_takes_them() {
    for (version, how, key) in [
        ("0.169.0", "full", None),
        ("0.169.0", "compact", Some("model_catalog_json")),
        ("0.130.0", "none", Some("model_catalog_json")),
        ("0.98.0", "compact", Some("model_instructions_file")),
        ("0.98.0", "none", None),
    ] {
        let bed = Bed::new().of_version(version);
        let said = bed.ok(&["--yes", "--instructions", how, "--", "exec", "hi"]);
        let (pairs, _) = sorted(&bed.words());
        let told: toml::Table = pairs.join("\n").parse().unwrap();
        let keys = ["model_catalog_json", "model_instructions_file"].into_iter().find(|key| told.contains_key(*key));
        assert_eq!(keys, key, "{version} {how}");
        assert_eq!(said.err.contains("has no way to"), version == "0.98.0" && how == "none", "{}", said.err);
        let Some(key) = key else { continue };
        let text = fs::read_to_string(told[key].as_str().unwrap()).unwrap();
        if key == "model_catalog_json" {
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read["models"][0]["slug"], "demo:latest");
            assert_eq!(read["models"][0]["context_window"], 32_768);
            assert_eq!(read["models"][0]["base_instructions"] == "", how == "none");
        } else {
            assert!(text.contains("apply_patch <<'EOF'"), "{text}");
        }
    }
}

#[track_caller]
fn ends(does: &'static str, code: i32) {
    let bed = Bed::new().doing(does);
    let said = bed.run(&["--yes", "--", "exec", "hi"]);
    assert_eq!(said.code, Some(code), "{does}: {}", said.err);
    bed.none_runs();
}

#[test]
fn it_ends_as_codex_does() {
    ends("exit 0", 0);
    ends("exit 3", 3);
    ends("exit 200", 200);
    ends("kill -9 $$", 137);
    ends("kill -15 $$", 143);
}

#[test]
fn input_and_outputs_are_codexs_own() {
    let bed = Bed::new().doing("cat; echo oh >&2");
    let mut child = bed
        .command(&["--yes", "--", "exec", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"the task").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"the task");
    let err = String::from_utf8(output.stderr).unwrap();
    let at = |text: &str| err.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {err}"));
    assert!(at("started a forward") < at("oh") && at("oh") < at("to go on with"), "{err}");
}

#[test]
fn a_signal_to_us_alone_reaches_codex() {
    let bed = Bed::new().doing("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    let mut child =
        bed.command(&["--yes", "--", "exec", "hi"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    bed.none_runs();
}

#[test]
fn a_forward_that_runs_is_used_and_left_running() {
    let bed = Bed::new();
    let started = said(&mut bed.program(&[
        "capture",
        "start",
        "--upstream",
        "demo",
        "--port",
        &bed.port,
        "--webapp-port",
        &crate::bed::free_port(),
    ]));
    assert_eq!(started.code, Some(0), "{}", started.err);
    let pid = || {
        let status = said(&mut bed.program(&["status", "--json"]));
        serde_json::from_str::<Value>(&status.out).unwrap()["forwards"][0]["pid"].clone()
    };
    let before = pid();
    // Without its port: there is only one.
    let used = said(&mut bed.program(&["codex", "--yes", "--translate", "--", "exec", "hi"]));
    assert_eq!(used.code, Some(0), "{}", used.err);
    assert!(
        used.err.contains("uses the forward that runs") && used.err.contains("without a translation"),
        "{}",
        used.err
    );
    assert_eq!(pid(), before);
    let told = bed.words().join("\n");
    assert!(told.contains(&format!("http://127.0.0.1:{}/v1", bed.port)), "{told}");
}

#[test]
fn another_upstream_gets_a_forward_of_its_own() {
    let ollama = Ollama::with(&[("a:1", true)]);
    let bed = Bed::new();
    let page = crate::bed::free_port();
    let started = said(&mut bed.program(&[
        "capture",
        "start",
        "--upstream",
        "demo",
        "--port",
        &bed.port,
        "--webapp-port",
        &page,
    ]));
    assert_eq!(started.code, Some(0), "{}", started.err);
    let listen = format!("OLLAMA_FORWARD_LISTEN_PORT={}", bed.port);
    let (name, value) = listen.split_once('=').unwrap();
    let used =
        said(bed.program(&["codex", "--yes", "--upstream", &ollama.address, "--", "exec", "hi"]).env(name, value));
    assert_eq!(used.code, Some(0), "{}", used.err);
    assert!(used.err.contains("belongs to somebody else"), "{}", used.err);
    assert_eq!(sorted(&bed.words()).1[..2], ["-m", "a:1"]);
    let taken = bed.fails_with(&["codex", "--yes", "--upstream", &ollama.address, "--listen-port", &bed.port]);
    assert!(taken.contains("E-PORT-TAKEN"), "{taken}");
}

impl Bed {
    /// Port taken.
    #[track_caller]
    fn fails_with(&self, args: &[&str]) -> String {
        let said = said(&mut self.program(args));
        assert_eq!(said.code, Some(5), "{}", said.err);
        said.err
    }
}

#[test]
fn what_would_take_codex_elsewhere_is_refused_before_anything_starts() {
    for (args, named) in [
        (&["-m", "x"][..], "`-m`"),
        (&["exec", "--profile=work", "hi"], "`--profile=work`"),
        (&["--oss"], "`--oss`"),
        (&["exec", "--local-provider", "ollama"], "`--local-provider`"),
        (&["-c", "model_provider=openai"], "`-c model_provider=openai`"),
    ] {
        let bed = Bed::new();
        let said = bed.fails(2, "E-USAGE", &[&["--yes", "--"], args].concat());
        assert!(said.contains(named) && said.lines().count() == 3, "{said}");
        assert!(!bed.started_codex());
    }
}

#[test]
fn the_session_that_was_written_can_be_gone_on_with() {
    let does = "mkdir -p $CODEX_HOME/sessions/2026/11/28; echo '{\"type\":\"session_meta\",\"payload\":{\"id\":\"01a2-b3\",\"source\":\"exec\",\"model_provider\":\"ollama-forward\"}}' >$CODEX_HOME/sessions/2026/11/28/rollout-x-01a2-b3.jsonl";
    let bed = Bed::new().doing(does);
    let said = bed.ok(&["--yes", "--", "exec", "hi"]);
    let line = format!("ollama-forward codex --upstream=demo --listen-port={} -- exec resume 01a2-b3", bed.port);
    assert!(said.err.contains(&line) && said.err.contains("hosted service"), "{}", said.err);
    let other = Bed::new().doing("");
    assert!(other.ok(&["--yes"]).err.contains("-- resume --last"));
    assert!(!other.ok(&["--yes", "--", "--version-of-nothing", "login"]).err.contains("resume"));
}

#[test]
fn a_model_is_remembered_until_another_is_named() {
    let ollama = Ollama::with(&[("a:1", true), ("b:latest", true), ("c:1", false)]);
    let bed = Bed::before(&ollama.address);
    let model = |args: &[&str]| {
        bed.ok(args);
        sorted(&bed.words()).1[1].clone()
    };
    assert_eq!(model(&["--yes"]), "a:1", "the recommended one");
    assert_eq!(model(&["--yes", "--model", "B"]), "b:latest");
    assert_eq!(model(&["--yes"]), "b:latest");
    assert_eq!(ollama.asked().last().unwrap(), "POST /api/generate: b:latest", "it is loaded before Codex starts");
    let told = sorted(&bed.words()).0;
    assert!(told.contains(&"model_context_window=16384".to_owned()), "{told:?}");
    let said = bed.fails(1, "E-NO-MODEL", &["--yes", "--model", "c:1"]);
    assert!(said.contains("cannot use tools") && said.contains("a:1, b:latest"), "{said}");
    let said = bed.fails(1, "E-NO-MODEL", &["--model", "d:1"]);
    assert!(said.contains("ollama pull d:1"), "{said}");
    bed.none_runs();
}

#[test]
fn an_upstream_that_is_not_there_is_told_with_its_cause() {
    let bed = Bed::before(format!("127.0.0.1:{}", crate::bed::free_port()));
    let said = said(bed.command(&["--yes"]).env("OLLAMA_FORWARD_WAIT_FOR_UPSTREAM", "1s"));
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert!(said.err.contains("E-UPSTREAM-REFUSED") && !bed.started_codex(), "{}", said.err);
    bed.none_runs();
}

#[test]
fn a_codex_that_is_not_there_is_told_before_anything_starts() {
    let bed = Bed::new();
    fs::remove_file(bed.path("bin/codex")).unwrap();
    let said = bed.fails(1, "E-NO-CODEX", &["--yes"]);
    assert!(said.contains("npm install -g @openai/codex") && said.lines().count() == 3, "{said}");
}

#[test]
fn a_call_can_be_captured() {
    let bed = Bed::new().doing("\"$OLLAMA_FORWARD\" capture status --json >$HOME/during");
    let started = bed.ok(&["--yes", "--capture", "--", "exec", "hi"]);
    assert!(started.err.contains("captures this call: http://127.0.0.1:"), "{}", started.err);
    assert!(started.err.contains("capture is off again"), "{}", started.err);
    let during: Value = serde_json::from_slice(&fs::read(bed.path("home/during")).unwrap()).unwrap();
    assert_eq!(during["on"], true, "{during}");
}

#[test]
fn a_short_name_is_one_line_for_the_shell() {
    let bed = Bed::new();
    for (shell, line) in
        [("bash", "alias oc='ollama-forward codex --'\n"), ("fish", "alias oc 'ollama-forward codex --'\n")]
    {
        let said = said(&mut bed.program(&["codex", "--alias", shell]));
        assert_eq!((said.code, said.out.as_str()), (Some(0), line), "{}", said.err);
    }
}
