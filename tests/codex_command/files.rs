//! `--install`, `--restore`, `--print`: what is written, and that all of it goes again.

use std::fs;

use serde_json::Value;

use crate::bed::{Bed, said};

const OTHERS: &str = "# mine \u{e9}\r\nmodel = \"gpt-6\"   # as ever\n\n[tui]\nnotifications = true";

/// With this `config.toml`, and perhaps a profile of this name already.
fn bed(version: &'static str, config: Option<&str>, profile: Option<&str>) -> Bed {
    let bed = Bed::new().of_version(version);
    for (name, text) in [("config.toml", config), ("ollama-forward.config.toml", profile)] {
        if let Some(text) = text {
            fs::write(bed.path("codex").join(name), text).unwrap();
        }
    }
    bed
}

#[track_caller]
fn comes_and_goes(version: &'static str, config: Option<&str>, profile: Option<&str>) {
    let bed = bed(version, config, profile);
    let before = bed.files("codex");
    let first = bed.ok(&["--install", "--yes"]);
    assert!(first.out.contains("codex exec -p ollama-forward"), "{}", first.out);
    assert_ne!(bed.files("codex"), before);
    assert!(!bed.started_codex(), "nothing is started");
    bed.ok(&["--install", "--yes", "--instructions", "compact"]);
    let again = bed.ok(&["--install", "--yes", "--instructions", "compact"]);
    assert!(again.err.contains("reads like that already"), "{}", again.err);
    restore(&bed);
    assert_eq!(bed.files("codex"), before, "{version} {config:?} {profile:?}");
    assert!(restore(&bed).contains("nothing was installed"));
}

#[track_caller]
fn restore(bed: &Bed) -> String {
    let said = said(&mut bed.program(&["codex", "--restore", "--yes"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    said.out
}

#[test]
fn what_is_installed_goes_byte_for_byte() {
    for version in ["0.98.0", "0.130.0", "0.169.0"] {
        comes_and_goes(version, None, None);
        comes_and_goes(version, Some(""), None);
        comes_and_goes(version, Some(OTHERS), None);
    }
    comes_and_goes("0.169.0", Some(OTHERS), Some("# my own\nmodel = \"x\"\n"));
}

#[test]
fn a_profile_is_a_file_or_a_table_as_codex_reads_it() {
    let new = bed("0.169.0", Some(OTHERS), None);
    new.ok(&["--install", "--yes"]);
    let text = fs::read_to_string(new.path("codex/ollama-forward.config.toml")).unwrap();
    let profile: toml::Table = text.parse().unwrap();
    assert_eq!(profile["model"].as_str(), Some("demo:latest"));
    assert_eq!(profile["model_context_window"].as_integer(), Some(32_768));
    assert_eq!(fs::read_to_string(new.path("codex/config.toml")).unwrap(), OTHERS);

    let old = bed("0.130.0", Some(OTHERS), None);
    let said = old.ok(&["--install", "--yes"]);
    let text = fs::read_to_string(old.path("codex/config.toml")).unwrap();
    assert!(text.starts_with(OTHERS));
    let config: toml::Table = text.parse().unwrap();
    assert_eq!(config["profiles"]["ollama-forward"]["model_provider"].as_str(), Some("ollama-forward"));
    assert_eq!(config["model"].as_str(), Some("gpt-6"));
    assert!(
        said.out.contains("codex exec -p ollama-forward -c model_context_window=32768 resume --last"),
        "{}",
        said.out
    );
}

#[test]
fn a_newer_codex_finds_no_table_of_the_older_one() {
    let mut bed = bed("0.130.0", Some(OTHERS), None);
    bed.ok(&["--install", "--yes"]);
    bed.version = "0.169.0";
    bed.ok(&["--install", "--yes"]);
    assert_eq!(fs::read_to_string(bed.path("codex/config.toml")).unwrap(), OTHERS);
    assert!(bed.path("codex/ollama-forward.config.toml").exists());
    restore(&bed);
    assert_eq!(bed.files("codex").len(), 1);
}

#[test]
fn what_somebody_has_changed_since_stays_beside_the_old_text() {
    let bed = bed("0.169.0", None, Some("# before\n"));
    bed.ok(&["--install", "--yes"]);
    let profile = bed.path("codex/ollama-forward.config.toml");
    fs::write(&profile, "# changed\n").unwrap();
    let said = said(&mut bed.program(&["codex", "--restore", "--yes"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("was changed since"), "{}", said.err);
    assert_eq!(fs::read_to_string(&profile).unwrap(), "# changed\n");
    assert_eq!(fs::read_to_string(profile.with_extension("toml.before-ollama-forward")).unwrap(), "# before\n");
}

#[test]
fn without_a_terminal_nothing_is_written_unasked() {
    for version in ["0.130.0", "0.169.0"] {
        let bed = bed(version, Some(OTHERS), None);
        let before = bed.files("codex");
        let said = bed.fails(2, "E-USAGE", &["--install"]);
        assert!(said.contains("+ model = \"demo:latest\"") && said.contains("--install --yes"), "{said}");
        assert_eq!(bed.files("codex"), before);
        bed.ok(&["--install", "--yes"]);
        let installed = bed.files("codex");
        let refused = crate::bed::said(&mut bed.program(&["codex", "--restore"]));
        assert_eq!(refused.code, Some(2), "{}", refused.err);
        assert_eq!(bed.files("codex"), installed);
    }
}

#[test]
fn tables_that_somebody_wrote_are_not_overwritten() {
    let own = "[model_providers.ollama-forward]\nname = \"mine\"\nbase_url = \"http://x/v1\"\n";
    let old = bed("0.130.0", Some(own), None);
    let said = old.fails(1, "E-NO-CODEX", &["--install", "--yes"]);
    assert!(said.contains("[model_providers.ollama-forward] already"), "{said}");
    assert_eq!(fs::read_to_string(old.path("codex/config.toml")).unwrap(), own);
    let new = bed("0.169.0", Some("[profiles.ollama-forward]\nmodel = \"x\"\n"), None);
    let said = new.fails(1, "E-NO-CODEX", &["--install", "--yes"]);
    assert!(said.contains("refuses `-p ollama-forward`"), "{said}");
}

#[test]
fn a_call_and_a_profile_have_files_of_their_own() {
    let bed = bed("0.169.0", None, None);
    bed.ok(&["--install", "--yes", "--instructions", "none"]);
    let installed = fs::read(bed.path("codex/ollama-forward/catalogue.json")).unwrap();
    bed.ok(&["--yes", "--instructions", "compact", "--", "exec", "hi"]);
    assert_eq!(fs::read(bed.path("codex/ollama-forward/catalogue.json")).unwrap(), installed);
    let read: Value = serde_json::from_slice(&installed).unwrap();
    assert_eq!(read["models"][0]["base_instructions"], "");
}

#[test]
fn print_shows_all_and_does_nothing() {
    for (lang, says) in [("en", "--install writes"), ("fr", "--install écrit")] {
        let bed = bed("0.169.0", Some(OTHERS), None);
        let before = (bed.files("codex"), bed.files("state"), bed.files("home"));
        let said =
            bed.ok(&["--print", "--lang", lang, "--instructions", "compact", "--model", "a:1", "--", "exec", "it's"]);
        assert!(said.out.contains("-m a:1 exec 'it'\\''s'\n"), "{}", said.out);
        assert!(said.out.contains(says) && said.out.contains("model = \"a:1\"\n"), "{}", said.out);
        assert!(said.out.contains("\"slug\": \"a:1\""), "{}", said.out);
        assert!(said.out.contains("300 tokens"), "{}", said.out);
        assert_eq!((bed.files("codex"), bed.files("state"), bed.files("home")), before);
        bed.none_runs();
    }
}
