//! What others make of a turn that was captured: exports, and the same request once more.

use std::fs;
use std::path::Path;

use ollama_forward::capture::record::State;
use serde_json::{Value, json};

use super::kept::{Kept, all, scene, store};
use crate::fake::MODEL;
use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(exports_have_all_but_the_key, a_replay_is_a_row_of_its_own);

/// A key of nobody.
const KEY: &str = "sk-proj-of-nobody-0123456789abcdefghijKLMNOPQ";

/// A turn with a tool, asked for with a key.
fn turn(scene: &Scene) {
    scene.provider(&format!("http_headers = {{ \"Authorization\" = \"Bearer {KEY}\" }}"));
    let reply = Reply::new().thinking("Hm.").text("I will look.");
    scene.fake.will(reply.call("exec_command", json!({"cmd": "echo silver"})).done());
    scene.fake.will(Reply::new().thinking("So.").text("It is silver.").done());
    scene.exec_by_provider(&["Which word?"]).said().ended_well();
    assert!(scene.fake.asks().iter().all(|ask| ask.header("authorization").is_none()));
}

fn exports_have_all_but_the_key(version: Version) {
    let scene = scene(version);
    turn(&scene);
    let kept = Kept::by(scene);
    let rows = all::<2>(&kept);
    assert!(rows.iter().all(|row| row.redacted == 1), "the key of each is taken out");
    let export = |format: &str| capture(&kept, &["export", "--format", format]);
    let history = export("codex-capture");
    let lines: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for (line, (said, thought)) in lines.iter().zip([("I will look.", "Hm."), ("It is silver.", "So.")]) {
        let summary = &line["summary"];
        check_summary(summary, said, thought);
        assert_eq!(line["request"]["headers"]["authorization"], "Bearer [redacted]", "{}", line["request"]["headers"]);
        assert_eq!(line["request"]["json"]["model"], MODEL);
        let events = line["response"]["events"].as_array().unwrap();
        assert!(events.iter().any(|event| event["json"]["type"] == "response.completed"), "{events:?}");
    }
    let har: Value = serde_json::from_str(&export("har")).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry["response"]["status"] == 200), "{entries:?}");
    for (format, words) in [
        ("har", "I will look."),
        ("html", "It is silver."),
        ("markdown", "It is silver."),
        ("markdown", "echo silver"),
        ("curl", "/v1/responses"),
        ("jsonl", "I will look."),
        ("codex-capture", "echo silver"),
    ] {
        let document = export(format);
        assert!(document.contains(words), "{words:?} is not in {format}");
        assert!(!document.contains(KEY) && !document.contains(&KEY[..20]), "the key is in {format}");
    }
    check_files(&kept);
}

/// C11: `codex_capture` itself has 0, null, 0, null and null in five of these.
#[track_caller]
fn check_summary(summary: &Value, said: &str, thought: &str) {
    assert!(summary["endpoint"].as_str().unwrap().ends_with("/v1/responses"), "{summary}");
    assert_eq!((&summary["method"], &summary["model"]), (&json!("POST"), &json!(MODEL)));
    assert!(summary["messages_count"].as_u64().unwrap() >= 3, "{summary}");
    assert_eq!(summary["last_user_message_preview"], "Which word?");
    assert!(summary["system_prompt_chars"].as_u64().unwrap() > 10_000, "{summary}");
    assert!(summary["tools_count"].as_u64().unwrap() >= 5, "{summary}");
    assert_eq!((&summary["status_code"], &summary["is_stream"]), (&json!(200), &json!(true)));
    assert_eq!(summary["assistant_text_preview"], said);
    assert_eq!(summary["assistant_reasoning_preview"], thought);
    assert!(summary["duration_ms"].is_u64(), "{summary}");
    assert_eq!(summary.as_object().unwrap().len(), 12, "{summary}");
}

/// The four files, by their names.
#[track_caller]
fn check_files(kept: &Kept) {
    let dir = kept.place.home().join("theirs");
    capture(kept, &["export", "--format", "codex-capture", "-o", dir.to_str().unwrap()]);
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let latest: Value = serde_json::from_str(&read("latest.json")).unwrap();
    check_summary(&latest["summary"], "It is silver.", "So.");
    let request: Value = serde_json::from_str(&read("latest.request.json")).unwrap();
    assert_eq!(request, latest["request"]["json"]);
    assert!(read("latest.response.txt").contains("event: response.completed\n"));
    assert_eq!(read("history.jsonl").lines().count(), 2);
    assert!(!read("latest.json").contains(KEY));
}

/// Through the forward that runs: captured like any other, and nobody's next step.
fn a_replay_is_a_row_of_its_own(version: Version) {
    let scene = scene(version);
    turn(&scene);
    let first = {
        let library = ollama_forward::capture::store::Library::open(&store(&scene.place)).unwrap();
        library.rows().iter().find(|row| !row.probe).and_then(|row| row.id).expect("the first is written by now")
    };
    scene.fake.will(Reply::new().text("Another answer.").call("exec_command", json!({"cmd": "touch ran"})).done());
    let printed = run(&scene.place, &["replay", &first.to_string()]);
    assert!(printed.contains("Another answer.") && printed.contains("touch ran"), "{printed}");
    assert!(!scene.work().join("ran").exists() && !Path::new("ran").exists(), "calls are shown, never run");
    let kept = Kept::by(scene);
    let rows = all::<3>(&kept);
    assert_eq!(rows.map(|row| row.replay_of), [None, None, Some(first)]);
    assert_eq!((rows[2].state, rows[2].text.as_deref()), (State::Done, Some("Another answer.")));
    assert_eq!((&rows[2].session, &rows[2].thread), (&rows[0].session, &rows[0].thread));
    assert_eq!((rows[2].messages, &rows[2].user), (rows[0].messages, &rows[0].user));
    let asks = kept.fake.asks();
    assert_eq!(asks[2].body, asks[0].body, "the same question");
}

/// What `capture` prints, when all is well.
#[track_caller]
fn capture(kept: &Kept, args: &[&str]) -> String {
    run(&kept.place, args)
}

#[track_caller]
fn run(place: &crate::place::Place, args: &[&str]) -> String {
    let output = place.command(&[]).arg("capture").args(args).arg("--dir").arg(store(place)).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
