//! `bugreport`: one file, for its owner, without what is nobody's business.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::bed::{Bed, finish};

const KEY: &str = "sk-proj-4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c";

#[test]
fn what_is_written_holds_no_name_and_no_key() {
    let bed = Bed::new();
    bed.file("home/.codex/config.toml", &format!("model = \"qwen3:14b\"\napi_key = \"{KEY}\"\n"));
    bed.file("home/.config/ollama-forward/config.toml", "wait_for_upstream = \"192s\"\n");
    let mut command = bed.command(&["bugreport", "--output", "report.txt"]);
    command.env("OPENAI_API_KEY", KEY).env("HTTP_PROXY", format!("http://marie:{KEY}@proxy.corp:8080"));
    let said = finish(command);
    assert_eq!(said.code, Some(0), "{said:?}");
    let file = bed.path("home/report.txt");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(KEY) && !said.out.contains(KEY), "{text}");
    for kept in ["192s", "ollama-forward", "HTTP_PROXY"] {
        assert!(text.contains(kept), "{kept} is not in:\n{text}");
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(said.out.contains("report.txt") && said.out.contains("not sent"), "{said:?}");
}

#[test]
fn nothing_is_overwritten_and_a_place_that_is_closed_is_told() {
    let bed = Bed::new();
    bed.file("home/mine.txt", "mine");
    let said = bed.run(&["bugreport", "--output", "mine.txt"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("mine.txt"), "{said:?}");
    assert_eq!(fs::read_to_string(bed.path("home/mine.txt")).unwrap(), "mine");
    let said = bed.run(&["bugreport", "--output", "/proc/nowhere/report.txt"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("/proc/nowhere"), "{said:?}");
}

#[test]
fn a_variable_that_makes_no_sense_is_in_the_report() {
    let bed = Bed::new();
    let mut command = bed.command(&["bugreport", "--output", "report.txt"]);
    command.env("OLLAMA_FORWARD_KEEPALIVE", "often");
    let said = finish(command);
    assert_eq!(said.code, Some(0), "{said:?}");
    let text = fs::read_to_string(bed.path("home/report.txt")).unwrap();
    // Lines of a report are cut where a page ends.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("OLLAMA_FORWARD_KEEPALIVE: --keepalive") && text.contains("`often` is not"), "{text}");
}
