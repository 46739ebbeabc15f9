//! Codex's full-screen interface: it asks for a title of the conversation beside the first question.

use std::path::Path;
use std::process::{Child, Stdio};

use crate::fake::MODEL;
use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(the_question_is_answered_and_the_title_is_made_here);

fn the_question_is_answered_and_the_title_is_made_here(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(Reply::new().thinking("Hm.").text("It is ans").text("wer42.").done());
    let screen = Tui::ask(&scene, version).screen();
    // The question of the user, and nothing before it or beside it.
    let asks = scene.fake.asks();
    assert_eq!(asks.len(), 1, "{screen}");
    assert!(asks[0].has(QUESTION));
    scene.stop();
}

pub(crate) const QUESTION: &str = "What is the answer?";

/// The interface, with a question typed into it.
pub(crate) struct Tui(Child);

impl Tui {
    pub(crate) fn ask(scene: &Scene, version: Version) -> Self {
        let work = scene.work().canonicalize().unwrap();
        scene.config(&format!("[projects.\"{}\"]\ntrust_level = \"trusted\"\n", work.display()));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/codex_bridge/tui.py");
        let mut command = scene.command(Path::new("python3"));
        command.args([script, "120", MODEL, QUESTION, "answer42", "--"]).arg(version.program());
        command.args(["--oss", "--local-provider", "ollama", "-m", MODEL, "-s", "danger-full-access", "-a", "never"]);
        command.args(["-c", "analytics.enabled=false"]).env("TERM", "xterm-256color").stderr(Stdio::inherit());
        Self(command.spawn().unwrap())
    }

    /// The screen with `answer42`; by then the interface is closed.
    #[track_caller]
    pub(crate) fn screen(self) -> String {
        let output = self.0.wait_with_output().unwrap();
        let screen = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{screen}");
        screen
    }
}
