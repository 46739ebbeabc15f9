//! Holds the table of `src/lib.rs`: who may know whom, and which modules do no I/O.
//!
//! A module is a file or directory directly below `src/`, or `gateway/…` where its parts differ. A new module that
//! nobody listed fails, too.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module → the modules whose names may stand in it.
const MAY_USE: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("fault", &["words"]),
    ("file", &["clock", "words"]),
    ("launch", &["words"]),
    ("migrate", &["words"]),
    ("service", &[]),
    ("log", &[]),
    ("demo", &[]),
    ("program", &[]),
    ("status", &[]),
    ("words", &[]),
    ("capture", &["clock", "fault", "translate", "words"]),
    ("control", &["capture"]),
    ("inspect", &["capture", "clock", "fault", "net", "words"]),
    ("net", &["clock"]),
    ("translate", &[]),
    ("config", &["bridge", "capture", "fault", "log", "net", "words"]),
    ("cli", &["bridge", "capture", "config", "fault", "launch", "log", "net", "words"]),
    ("gateway", &["clock", "fault", "log", "net", "program"]),
    ("forward", &["clock", "fault", "gateway", "log", "net"]),
    ("bridge", &["capture", "clock", "fault", "forward", "gateway", "log", "net", "translate"]),
    (
        "doctor",
        &[
            "bridge", "capture", "clock", "config", "demo", "fault", "file", "forward", "gateway", "launch", "log",
            "migrate", "net", "program", "service", "status", "words",
        ],
    ),
    ("report", &["bridge", "clock", "config", "fault", "forward", "gateway", "net", "status"]),
    (
        "app",
        &[
            "bridge", "capture", "cli", "clock", "config", "control", "demo", "doctor", "fault", "file", "forward",
            "gateway", "inspect", "launch", "log", "migrate", "net", "program", "report", "service", "status", "words",
        ],
    ),
    (
        "lib",
        &[
            "app", "bridge", "capture", "cli", "clock", "config", "control", "demo", "doctor", "fault", "file",
            "forward", "gateway", "inspect", "launch", "log", "migrate", "net", "program", "report", "service",
            "status", "words",
        ],
    ),
    ("main", &["app", "cli", "fault", "words"]),
];

/// Files without I/O: texts and values in, values out.
const PURE: &[&str] = &[
    "app/capture/pick.rs",
    "app/manual/page.rs",
    "app/manual/texts.rs",
    "app/capture/render",
    "app/capture/replay/hear.rs",
    "app/setup/keys.rs",
    "app/setup/plan.rs",
    "app/setup/tell.rs",
    "app/status/render",
    "app/status/scene.rs",
    "bridge/catalog.rs",
    "bridge/metrics.rs",
    "bridge/metrics",
    "bridge/models.rs",
    "bridge/settings.rs",
    "bridge/store.rs",
    "bridge/titles.rs",
    "bridge/titles",
    "bridge/unpack.rs",
    "capture/export",
    "capture/gauge.rs",
    "capture/id.rs",
    "capture/query",
    "capture/record.rs",
    "capture/redact",
    "capture/settings.rs",
    "capture/understand",
    "capture/view.rs",
    "config",
    "doctor/bugreport.rs",
    "doctor/bugreport/redact.rs",
    "doctor/bugreport/redact",
    "doctor/check.rs",
    "doctor/codex/aim.rs",
    "doctor/codex/checks",
    "doctor/codex/profile.rs",
    "doctor/codex/read.rs",
    "doctor/codex/url.rs",
    "doctor/fact.rs",
    "doctor/fix/diff.rs",
    "doctor/figures.rs",
    "doctor/live/checks",
    "doctor/network/checks.rs",
    "doctor/network/tried.rs",
    "doctor/ollama/checks",
    "doctor/port/checks.rs",
    "doctor/render",
    "doctor/service/checks",
    "doctor/service/unit.rs",
    "doctor/system/checks.rs",
    "doctor/windows/checks",
    "doctor/windows/parse.rs",
    "doctor/windows/rule.rs",
    "doctor/windows/tables.rs",
    "fault.rs",
    "file/trouble.rs",
    "gateway/select.rs",
    "gateway/settle.rs",
    "demo/model.rs",
    "demo/tools.rs",
    "demo/wire",
    "bridge/host.rs",
    "bridge/route.rs",
    "bridge/socket/memory.rs",
    "bridge/socket/message.rs",
    "bridge/socket/split.rs",
    "inspect/guard.rs",
    "inspect/one_file.rs",
    "inspect/range.rs",
    "inspect/ring.rs",
    "inspect/route.rs",
    "launch",
    "migrate",
    "service",
    "translate",
    "words.rs",
];

/// Words that mean I/O, a clock, or chance.
const IMPURE_WORDS: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net::Tcp",
    "std::process",
    "async fn",
    ".await",
    "::now()",
    "RandomState",
    "std::env",
];

#[test]
fn modules_know_only_whom_they_may_know() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    for (path, code) in sources() {
        let module = module_of(&path);
        let may = allowed.get(module.as_str()).unwrap_or_else(|| panic!("{path}: module `{module}` is not in MAY_USE"));
        for (other, _) in MAY_USE {
            let named = [format!("crate::{other}::"), format!("crate::{other};"), format!("ollama_forward::{other}")];
            let uses = *other != module && named.iter().any(|name| code.contains(name.as_str()));
            assert!(!uses || may.contains(other), "{path}: `{module}` must not know `{other}`");
        }
    }
}

#[test]
fn every_module_is_declared_in_the_map() {
    let map = fs::read_to_string(source_root().join("lib.rs")).unwrap();
    for (module, _) in MAY_USE.iter().filter(|(module, _)| !["lib", "main"].contains(module)) {
        assert!(map.contains(&format!("pub mod {module};")), "{module}");
        assert!(map.contains(&format!("`{module}")) || map.contains(module), "lib.rs does not tell of {module}");
    }
}

#[test]
fn pure_files_do_no_io() {
    let mut seen = 0;
    for (path, code) in sources() {
        if PURE.iter().any(|pure| path.starts_with(pure)) {
            seen += 1;
            for word in IMPURE_WORDS {
                assert!(!code.contains(word), "{path} is pure, but says `{word}`");
            }
        }
    }
    assert!(seen >= PURE.len(), "a pure file has moved: {PURE:?}");
}

#[test]
fn only_the_clock_reads_the_clock() {
    for (path, code) in sources().into_iter().filter(|(path, _)| path != "clock.rs") {
        for word in ["Instant::now()", "SystemTime::now()"] {
            assert!(!code.contains(word), "{path} says `{word}`");
        }
    }
}

#[test]
fn guests_stay_in_their_rooms() {
    let rooms: &[(&str, &[&str])] = &[
        ("rtnetlink::", &["gateway/netlink.rs"]),
        ("netlink_packet_sock_diag::", &["net/owner.rs"]),
        (
            "clap::",
            &[
                "bridge/settings.rs",
                "cli.rs",
                "cli/",
                "config/file.rs",
                "launch/",
                "main.rs",
                "app/mod.rs",
                "app/completions.rs",
                "app/manual/",
                "log.rs",
                "words.rs",
            ],
        ),
        ("listenfd::", &["net/inherit.rs"]),
        ("sd_notify::", &["app/notify.rs"]),
        ("roff::", &["app/manual/page.rs"]),
        ("base64::engine", &["doctor/windows/script.rs"]),
        ("hyper::", &["demo/mod.rs", "doctor/", "gateway/identify.rs", "bridge/", "inspect/"]),
        ("sha2::", &["capture/store/"]),
        ("similar::", &["capture/understand/"]),
        ("zstd::", &["bridge/unpack.rs", "capture/store/"]),
        ("flate2::", &["bridge/unpack.rs"]),
        ("tungstenite::", &["bridge/socket.rs"]),
        ("toml_edit::", &["app/setup/keys.rs"]),
        ("toml::", &["config/file.rs", "config/lines.rs", "doctor/codex/"]),
        ("ctrlc::", &["app/mod.rs"]),
        ("tracing_subscriber::", &["log.rs"]),
    ];
    for (path, code) in sources() {
        for (guest, room) in rooms {
            assert!(!code.contains(guest) || room.iter().any(|room| path.starts_with(room)), "{path} knows `{guest}`");
        }
    }
}

/// In the French half of a sentence, values that are words themselves have names of their own.
const FRENCH_NAMES: &[(&str, &str)] = &[("en", "fr"), ("size", "taille"), ("time", "temps")];

#[test]
fn both_halves_of_a_sentence_have_the_same_values() {
    let mut seen = 0;
    for (path, code) in sources() {
        for call in code.split("words!(").skip(1) {
            let Some((english, rest)) = literal(call) else { continue };
            let Some((french, _)) = literal(rest.trim_start_matches(',')) else { continue };
            let mut expected = values(english);
            let mut found: Vec<String> = values(french).iter().map(|name| in_english(name)).collect();
            expected.sort();
            expected.dedup();
            found.sort();
            found.dedup();
            assert_eq!(expected, found, "{path}: {english:?} and {french:?}");
            seen += 1;
        }
    }
    assert!(seen > 1000, "the sentences were not found: {seen}");
}

fn in_english(name: &str) -> String {
    if let Some((english, _)) = FRENCH_NAMES.iter().find(|(_, french)| *french == name) {
        return (*english).to_owned();
    }
    match (name.strip_suffix("_fr"), name.strip_prefix("fr_")) {
        (Some(start), _) => format!("{start}_en"),
        (None, Some(end)) => format!("en_{end}"),
        (None, None) => name.to_owned(),
    }
}

/// The text literal that this code begins with, and what is behind it.
fn literal(code: &str) -> Option<(&str, &str)> {
    let text = code.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => return Some((&text[..at], &text[at + 1..])),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// The names in braces, without their formats.
fn values(text: &str) -> Vec<String> {
    let text = text.replace("{{", "").replace("}}", "");
    let named = text.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    named.map(|name| name.split(':').next().unwrap().to_owned()).collect()
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn module_of(path: &str) -> String {
    path.split('/').next().unwrap().trim_end_matches(".rs").to_owned()
}

/// Path below `src/`, and its code: no comments, no unit tests.
fn sources() -> Vec<(String, String)> {
    let (root, mut found, mut folders) = (source_root(), Vec::new(), vec![source_root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                found.push((path.strip_prefix(&root).unwrap().display().to_string(), code.join("\n")));
            }
        }
    }
    assert!(found.len() > 20, "sources not found");
    found
}
