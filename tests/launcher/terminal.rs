//! With somebody at a terminal: while Codex runs, every key is Codex's.

use serde::Serialize;

use crate::run::{Run, Said};
use crate::scene::{Scene, Version};

on_every_version!(
    ctrl_c_belongs_to_codex,
    ctrl_c_ends_a_task_and_nothing_else,
    ctrl_c_at_a_question_leaves_nothing,
    a_model_is_asked_for_once,
);

/// The interface is there and says whose answers it will show.
pub(crate) const READY: &str = r"model:demo|demo:latest[a-z]*·";
const ANSWER: &str = "demo built into";
/// The demo has answered, and the turn is over: Codex has written so. What it draws comes in pieces, which may never make up
/// a word; and a Ctrl-C at the very end of a turn makes 0.130 fail. 0.98 writes of no end.
pub(crate) const ANSWERED: &str =
    r#"sessions:"cli_version":"0\.98[\s\S]*output_text[\s\S]*total_tokens|output_text[\s\S]*task_complete"#;

/// The first one clears a half-written question, the next end Codex; then it is our turn again.
fn ctrl_c_belongs_to_codex(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    scene.trusts_its_work();
    let running = scene.running();
    let terminal = Terminal::until(ANSWERED, "\x03")
        .types(READY, "half a question")
        .types("half a question", "\x03")
        .types("", "Hello?")
        .types(r"Hello\?", "\r");
    let said = terminal.says(&scene, "ollama-forward codex --yes --offline -- -a never").with(0);
    let questions = running.questions();
    assert!(questions.iter().any(|ask| ask.body.to_string().contains("Hello?")), "{said}");
    assert!(questions.iter().all(|ask| !ask.body.to_string().contains("half a question")), "{said}");
    // Codex has said its own, which leads elsewhere; ours is the last word.
    let (theirs, ours) = (said.out.find("codex resume 0"), said.out.rfind("ollama-forward codex"));
    assert!(theirs.is_some() && theirs < ours, "{said}");
    check_asked(&scene, &said);
    running.stop();
}

/// The whole foreground gets the signal. The launcher outlives Codex, stops what it has started, and says how to go on.
fn ctrl_c_ends_a_task_and_nothing_else(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let said = Terminal::default().types(r"-lc '?sleep 60", "\x03").says(
        &scene,
        "ollama-forward codex --upstream demo --yes --offline -- exec --skip-git-repo-check -s danger-full-access \
         'Please run `sleep 60`'",
    );
    // Codex's own: 0.98 takes it for a good end.
    assert_eq!(said.code, Some(i32::from(version != Version::V0_98)), "{said}");
    assert!(said.out.contains("ollama-forward codex") && said.out.contains("exec resume"), "{said}");
    assert!(!scene.is_served(), "{said}");
}

/// Nothing was begun: no forward, no Codex, no file, and the shell hears what happened.
fn ctrl_c_at_a_question_leaves_nothing(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running_with(MODELS);
    let before = scene.codex_files();
    for line in ["ollama-forward codex -- exec Hello", "ollama-forward codex --install"] {
        let said = Terminal::default().types("Number", "\x03").says(&scene, line);
        assert_eq!(said.code, Some(130), "{line}: {said}");
        assert_eq!((scene.codex_files(), running.questions().len()), (before.clone(), 0), "{line}: {said}");
    }
    running.stop();
}

/// The demo, and one that it does not have.
const MODELS: &[&str] = &["aside:1b", "demo:latest"];

/// The answer is kept for the next time.
fn a_model_is_asked_for_once(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running_with(MODELS);
    let line = "ollama-forward codex --lang fr --offline -- exec --skip-git-repo-check Hello";
    let asked = Terminal::default().types("Quel modèle.*aside:1b.*demo:latest.*Num", "2\r");
    let said = asked.says(&scene, line).with(0);
    assert!(said.out.contains(ANSWER), "{said}");
    let said = Terminal::default().says(&scene, line).with(0);
    assert!(said.out.contains(ANSWER) && !said.out.contains("Quel modèle"), "{said}");
    assert_eq!(running.questions().len(), 2);
    running.stop();
}

/// The announcements of the day, which no setting switches off (0.98 to 0.169): one file from GitHub, with nothing of the
/// session in the question. Nobody else is asked.
#[track_caller]
pub(crate) fn check_asked(scene: &Scene, said: &Said) {
    let asked = scene.outside.names();
    assert!(asked.iter().all(|name| name.starts_with("raw.githubusercontent.com")), "{asked:?}: {said}");
}

/// Somebody at a terminal: what is typed, each after its sign.
#[derive(Default, Serialize)]
pub(crate) struct Terminal {
    steps: Vec<(&'static str, &'static str)>,
    /// What is typed after this sign, until the command has ended: how often that takes is the command's own matter.
    last: Option<(String, &'static str)>,
}

impl Terminal {
    pub(crate) fn until(sign: &str, keys: &'static str) -> Self {
        Self { last: Some((sign.to_owned(), keys)), ..Self::default() }
    }

    pub(crate) fn types(mut self, sign: &'static str, keys: &'static str) -> Self {
        self.steps.push((sign, keys));
        self
    }

    /// What a line comes to there.
    #[track_caller]
    pub(crate) fn says(&self, scene: &Scene, line: &str) -> Said {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/launcher/terminal.py");
        let mut command = scene.command("python3");
        let (keys, line) = (serde_json::to_string(self).unwrap(), format!("exec {line}"));
        command.args([script, "60", &keys, "--", "sh", "-c", &line]).env("TERM", "xterm-256color");
        Run::start(&scene.host, command).said()
    }
}
