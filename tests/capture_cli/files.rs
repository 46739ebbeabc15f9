//! `export` and `import`: what stands in the files, who may read them, and that nothing is overwritten.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::Value;

use crate::bed::{Bed, FIRST, SECOND};

#[test]
fn each_format_is_what_it_says() {
    let bed = Bed::with_exchanges();
    let jsonl = bed.ok(&["export"]);
    assert_eq!(jsonl.lines().count(), 5, "what it is, and the exchanges");
    assert!(jsonl.lines().all(|line| serde_json::from_str::<Value>(line).unwrap().is_object()));
    let har: Value = serde_json::from_str(&bed.ok(&["export", "--format", "har"])).unwrap();
    assert_eq!(har["log"]["version"], "1.2");
    assert_eq!(har["log"]["entries"].as_array().unwrap().len(), 4);
    assert!(bed.ok(&["export", "last~1", "--format", "curl"]).contains("curl "));
    let html = bed.ok(&["export", "--format", "html"]);
    assert!(html.contains("<html") && html.contains("silver needle"), "{html}");
    assert!(!html.contains("<!--ollama-forward-data-->"));
    assert!(bed.ok(&["export", "--format", "markdown"]).contains("The silver needle."));
    let history = bed.ok(&["export", "--format", "codex-capture"]);
    assert!(history.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["summary"].is_object()));
}

#[test]
fn some_exchanges_are_chosen_by_id_or_by_query() {
    let bed = Bed::with_exchanges();
    let ids = bed.ids();
    let lines = |which: &[&str]| bed.ok(&[&["export"], which].concat()).lines().count() - 1;
    assert_eq!(lines(&["last"]), 1);
    assert_eq!(lines(&[&ids[0], &ids[2]]), 2);
    assert_eq!(lines(&["model:qwen"]), 2);
    assert!(bed.fails(1, &["export", "model:nobody"]).contains("nothing to export"));
}

#[test]
fn a_file_is_for_its_owner_and_never_overwritten_unasked() {
    let bed = Bed::with_exchanges();
    let path = bed.path("all.har");
    let export = ["export", "--format", "har", "-o", path.to_str().unwrap()];
    assert!(bed.ok(&export).contains("4 exchanges written: "));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let before = fs::read(&path).unwrap();
    assert!(bed.fails(2, &export).contains("exists already"));
    assert_eq!(fs::read(&path).unwrap(), before);
    bed.ok(&["export", "last", "--format", "har", "-o", path.to_str().unwrap(), "--force"]);
    assert_ne!(fs::read(&path).unwrap(), before);
    let left: Vec<_> = fs::read_dir(bed.path("")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn a_directory_gets_the_files_of_codex_capture() {
    let bed = Bed::with_exchanges();
    let directory = bed.path("theirs");
    let export = ["export", "model:qwen", "--format", "codex-capture", "-o", directory.to_str().unwrap()];
    let written = bed.json(&export);
    assert_eq!(written["files"].as_array().unwrap().len(), 4, "{written}");
    assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let latest: Value = serde_json::from_str(&read("latest.json")).unwrap();
    assert_eq!(latest["summary"]["assistant_text_preview"], "The silver needle.");
    assert_eq!(
        serde_json::from_str::<Value>(&read("latest.request.json")).unwrap(),
        serde_json::from_str::<Value>(SECOND).unwrap()
    );
    assert_eq!(read("history.jsonl").lines().count(), 2);
    assert_eq!(fs::metadata(directory.join("latest.json")).unwrap().mode() & 0o777, 0o600);
    assert!(bed.fails(2, &export).contains("exists already"));
    bed.ok(&[&export[..], &["--force"]].concat());
    assert_eq!(read("history.jsonl").lines().count(), 2, "it is the whole history, not more of it");
}

#[test]
fn what_was_exported_comes_back_as_it_was() {
    let (from, to) = (Bed::with_exchanges(), Bed::empty());
    let file = to.path("all.jsonl");
    fs::write(&file, from.ok(&["export"])).unwrap();
    let taken = to.json(&["import", file.to_str().unwrap()]);
    assert_eq!((&taken["exchanges"], &taken["left_out"]), (&4.into(), &0.into()), "{taken}");
    assert_eq!(to.ids().len(), 4);
    let raw = to.run(&["show", "last~2", "--pane", "client_request", "--raw"]).out;
    assert_eq!(raw, FIRST.as_bytes());
}

#[test]
fn lines_that_are_no_exchanges_are_told_and_passed_over() {
    let (from, to) = (Bed::with_exchanges(), Bed::empty());
    let file = to.path("some.jsonl");
    fs::write(&file, from.ok(&["export", "last"]) + "not json\n{}\n").unwrap();
    let said = to.run(&["import", file.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("2 lines") && said.err.contains("line 3"), "{}", said.err);
    fs::write(&file, "nothing\n").unwrap();
    assert!(to.fails(1, &["import", file.to_str().unwrap()]).contains("no capture"));
    assert!(to.fails(1, &["import", "/nowhere.jsonl"]).contains("/nowhere.jsonl"));
}
