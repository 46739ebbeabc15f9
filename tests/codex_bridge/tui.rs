//! Codex's full-screen interface: it asks for a title of the conversation beside the first question.

use std::path::Path;
use std::process::Stdio;

use crate::fake::MODEL;
use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(the_question_is_answered_and_the_title_is_made_here);

fn the_question_is_answered_and_the_title_is_made_here(version: Version) {
    let scene = Scene::new(version);
    let work = scene.work().canonicalize().unwrap();
    scene.config(&format!("[projects.\"{}\"]\ntrust_level = \"trusted\"\n", work.display()));
    scene.fake.will(Reply::new().thinking("Hm.").text("It is ans").text("wer42.").done());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/codex_bridge/tui.py");
    let mut command = scene.command(Path::new("python3"));
    command.args([script, "60", MODEL, "What is the answer?", "answer42", "--"]).arg(version.program());
    command.args(["--oss", "--local-provider", "ollama", "-m", MODEL, "-s", "danger-full-access", "-a", "never"]);
    command.args(["-c", "analytics.enabled=false"]).env("TERM", "xterm-256color").stderr(Stdio::inherit());
    let output = command.output().unwrap();
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{screen}");
    // The question of the user, and nothing before it or beside it.
    let asks = scene.fake.asks();
    assert_eq!(asks.len(), 1, "{screen}");
    assert!(asks[0].has("What is the answer?"));
    scene.stop();
}
