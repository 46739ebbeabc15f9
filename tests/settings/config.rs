//! `config init|show|path|check`

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::bed::Bed;

const FILE: &str = ".config/ollama-forward/config.toml";

#[test]
fn init_writes_a_file_that_changes_nothing_and_never_replaces_one() {
    let bed = Bed::new();
    let before = bed.ok(&["config", "show"]);
    let path = bed.ok(&["config", "init"]);
    assert_eq!(path.trim(), bed.at(FILE).display().to_string());
    assert_eq!(fs::metadata(bed.at(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(bed.ok(&["config", "show"]), before);
    assert!(bed.ok(&["config", "check"]).starts_with("OK: "));
    bed.file(FILE, "quiet = true\n");
    let said = bed.fails(2, &["config", "init"]);
    assert!(said.starts_with("error[E-CONFIG]: ") && said.contains("is there already"), "{said}");
    assert_eq!(bed.text(FILE), "quiet = true\n");
}

#[test]
fn init_prints_in_the_language_of_its_reader() {
    let bed = Bed::new();
    let (en, fr) = (bed.ok(&["config", "init", "--print"]), bed.ok(&["config", "init", "--print", "--lang", "fr"]));
    assert!(en.contains("# listen_port = 11434\n") && fr.contains("# listen_port = 11434\n"));
    assert!(en.contains("By default: the model's own") && fr.contains("Par défaut\u{a0}: celui du modèle"), "{fr}");
    assert!(!bed.at(FILE).exists());
}

#[test]
fn show_tells_who_says_what() {
    let mut bed = Bed::new();
    bed.file(FILE, "# mine\nlisten_port = 11500\n\nupstream = \"demo\"\nwait_for_upstream = 20\n");
    bed.set("OLLAMA_FORWARD_WAIT_FOR_UPSTREAM", "30s");
    let text = bed.ok(&["config", "show", "--origin"]);
    let file = bed.at(FILE).display().to_string();
    for (value, origin) in [
        ("listen_port = 11500", format!("{file}:2")),
        ("upstream = \"demo\"", format!("{file}:4")),
        ("wait_for_upstream = \"30s\"", "OLLAMA_FORWARD_WAIT_FOR_UPSTREAM".to_owned()),
        ("color = \"auto\"", "default".to_owned()),
    ] {
        let line = text.lines().find(|line| line.starts_with(value)).unwrap_or_else(|| panic!("{value}: {text}"));
        assert!(line.ends_with(&format!("# {origin}")), "{line}");
    }
    assert!(text.contains("# num_ctx: the model's own"), "{text}");
    let json = bed.json(&["config", "show", "--json"]);
    let wait = &json["settings"]["wait_for_upstream"];
    assert_eq!((wait["value"].as_str(), wait["origin"]["kind"].as_str()), (Some("30s"), Some("variable")));
    assert_eq!(
        (wait["overridden"][0]["line"].as_u64(), wait["overridden"][0]["file"].as_str()),
        (Some(5), Some(file.as_str()))
    );
    assert!(bed.ok(&["config", "show", "--origin", "--lang", "fr"]).contains("# par défaut"));
}

#[test]
fn what_is_shown_is_a_file_that_shows_the_same() {
    let mut bed = Bed::new();
    bed.file(
        FILE,
        "listen = [\n  \"127.0.0.1\",\n  \"[::1]:11435\",\n]\ncapture_only = \"a \\\"b\\\"\"\ndebug = true\n",
    );
    bed.set("OLLAMA_FORWARD_TRANSLATE", "1");
    let shown = bed.ok(&["config", "show"]);
    let other = bed.file("shown.toml", &shown);
    bed.variables.clear();
    assert_eq!(bed.ok(&["config", "show", "--config", other.to_str().unwrap()]), shown);
}

#[test]
fn paths_are_told_the_strongest_first() {
    let bed = Bed::new();
    bed.file(FILE, "");
    let text = bed.ok(&["config", "path"]);
    let first = text.lines().next().unwrap();
    assert!(first.starts_with(&bed.at(FILE).display().to_string()) && first.ends_with("read"), "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("/etc/ollama-forward/config.toml"), "{text}");
    let json = bed.json(&["config", "path", "--json"]);
    assert_eq!(json["files"][0]["exists"], true, "{json}");
}

#[test]
fn check_names_every_mistake_by_file_line_and_key() {
    let bed = Bed::new();
    bed.file(FILE, "listen-port = 1\n\nnum_ctx = \"8k\"\ncheese = 1\n");
    let said = bed.run(&["config", "check"]);
    assert_eq!((said.code, said.err.as_str()), (Some(2), ""), "{said:?}");
    let file = bed.at(FILE).display().to_string();
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[0], format!("{file}:1: unknown key `listen-port`, did you mean `listen_port`?"));
    assert!(lines[1].starts_with(&format!("{file}:3: num_ctx: `8k` is not")), "{said:?}");
    assert_eq!(lines[2], format!("{file}:4: unknown key `cheese`"));
    let said = bed.run(&["config", "check", "--lang", "fr"]);
    assert!(said.out.contains("clé `listen-port` inconnue\u{a0}; vouliez-vous dire `listen_port`\u{a0}?"), "{said:?}");
    let said = bed.run(&["config", "check", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.code, json["ok"].as_bool(), json["mistakes"][0]["line"].as_u64()),
        (Some(2), Some(false), Some(1))
    );
    assert_eq!(json["mistakes"][0]["suggestion"], "listen_port");
    let said = bed.fails(2, &["config", "show"]);
    assert!(said.contains(":1: unknown key `listen-port`"), "{said}");
}

#[test]
fn check_notes_what_is_allowed_and_perhaps_not_meant() {
    let mut bed = Bed::new();
    let path = bed.file(FILE, "listen_port = 11500\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    bed.set("OLLAMA_FORWARD_LISTEN_PORT", "11501");
    bed.set("OLLAMA_FORWARD_LISTEN_PROT", "1");
    let text = bed.ok(&["config", "check"]);
    assert!(text.contains("can be written by others: chmod go-w"), "{text}");
    assert!(text.contains("listen_port: OLLAMA_FORWARD_LISTEN_PORT wins over "), "{text}");
    assert!(
        text.contains("OLLAMA_FORWARD_LISTEN_PROT is set, and means nothing; did you mean OLLAMA_FORWARD_LISTEN_PORT?")
    );
}

#[test]
fn check_sees_what_only_the_whole_can_show() {
    let mut bed = Bed::new();
    bed.file(FILE, "upstream = \"127.0.0.1:11500\"\n");
    bed.set("OLLAMA_FORWARD_LISTEN_PORT", "11500");
    let said = bed.run(&["config", "check"]);
    assert!(said.code == Some(2) && said.out.contains("that this forwarder listens on"), "{said:?}");
    let said = bed.run(&["config", "check", "--config", "missing.toml"]);
    assert!(said.code == Some(2) && said.out.contains("missing.toml does not exist"), "{said:?}");
    assert!(bed.fails(2, &["config", "show", "--config", "missing.toml"]).contains("missing.toml does not exist"));
}

#[test]
fn a_variable_that_makes_no_sense_is_named() {
    let mut bed = Bed::new();
    bed.set("OLLAMA_FORWARD_LISTEN_PORT", "http");
    let said = bed.fails(2, &["config", "show"]);
    assert!(said.contains("OLLAMA_FORWARD_LISTEN_PORT: `http` is not a port"), "{said}");
    let said = bed.run(&["config", "check"]);
    assert!(said.code == Some(2) && said.out.contains("OLLAMA_FORWARD_LISTEN_PORT: `http` is not a port"), "{said:?}");
    assert!(bed.ok(&["config", "path"]).contains("config.toml"));
    assert!(bed.ok(&["config", "init", "--print"]).contains("# listen_port"));
}

#[test]
fn passwords_in_addresses_are_not_shown() {
    let bed = Bed::new();
    bed.file(FILE, "capture_only = [\"http://me:hush@pc/\"]\ninspect = \"http://me:hush@pc\"\n");
    let said = bed.run(&["config", "check"]);
    assert!(said.code == Some(2) && !said.out.contains("hush"), "{said:?}");
    bed.file(FILE, "capture_only = [\"http://me:hush@pc/\"]\n");
    let text = bed.ok(&["config", "show"]) + &bed.ok(&["config", "show", "--json"]);
    assert!(text.contains("http://me:***@pc/") && !text.contains("hush"), "{text}");
}
