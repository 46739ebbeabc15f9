//! The first minute: one command, and Codex works.

use crate::scene::{OF_CODEX, Scene, Version};

on_every_version!(
    one_command_reaches_a_running_tool_call,
    a_forward_that_runs_is_used_and_stays,
    the_exit_code_is_that_of_codex,
    what_takes_codex_elsewhere_is_refused,
    printing_changes_and_starts_nothing,
    a_login_goes_nowhere,
    the_model_is_told_as_much_as_was_asked_for,
    a_call_is_captured_on_demand,
);

/// The model's call is run, and its output comes back to the model.
const TASK: &str = "Please run `echo launched-$((40+2))`";

fn one_command_reaches_a_running_tool_call(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let said = scene.exec(&["--upstream", "demo"], &["say hello"]).with(0);
    assert_eq!(said.printed(), ["hello"], "{said}");
    assert!(said.out.contains("turn.completed"), "{said}");
    scene.believed_the_window();
    assert!(!scene.is_served(), "the forward was started for this call, and ends with it: {said}");
    assert!(scene.codex_files().keys().all(|path| !path.to_string_lossy().contains("ollama-forward")), "{said}");
}

fn a_forward_that_runs_is_used_and_stays(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running();
    let said = scene.exec(&[], &[TASK]).with(0);
    assert_eq!(said.printed(), ["launched-42"], "{said}");
    let models: Vec<_> = running.questions().iter().map(|ask| ask.body["model"].clone()).collect();
    assert_eq!(models.len(), 2, "a call, and what became of it: {said}");
    assert!(models.iter().all(|model| model.as_str().is_some_and(|name| name.starts_with("demo"))), "{models:?}");
    scene.believed_the_window();
    assert!(scene.is_served(), "{said}");
    running.stop();
}

fn the_exit_code_is_that_of_codex(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running();
    // A flag that Codex does not know.
    let said = scene.launch(&["--yes", "--", "exec", "--no-such-flag"]).with(2);
    assert!(said.err.contains("--no-such-flag"), "{said}");
    // A value that Codex does not take.
    let said = scene.launch(&["--yes", "--", "exec", "-c", "model_reasoning_effort=5", "Hello"]).with(1);
    assert!(said.err.contains("model_reasoning_effort"), "{said}");
    assert_eq!(running.questions().len(), 0);
    running.stop();
}

fn what_takes_codex_elsewhere_is_refused(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    for words in [
        &["-m", "gpt-5"][..],
        &["--model=gpt-5"],
        &["-p", "work"],
        &["--oss"],
        &["-c", "model_provider=openai"],
        &["exec", "-c", "model=\"gpt-5\"", "Hello"],
    ] {
        let said = scene.launch(&[&["--upstream", "demo", "--yes", "--"], words].concat()).with(2);
        assert!(said.err.contains("E-USAGE") && said.out.is_empty(), "{words:?}: {said}");
        assert!(scene.codex_files().is_empty(), "{words:?}: Codex was started: {said}");
    }
    assert_eq!((scene.outside.names(), scene.is_served()), (vec![], false));
}

fn printing_changes_and_starts_nothing(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running();
    scene.config("# mine\n");
    let before = scene.codex_files();
    let said = scene.launch(&["--print", "--yes", "--", "exec", TASK]).with(0);
    assert!(said.out.contains("model_providers.ollama-forward") && said.out.contains(TASK), "{said}");
    assert_eq!(scene.codex_files(), before, "{said}");
    assert_eq!(running.questions().len(), 0);
    running.stop();
}

/// 0.98 and 0.130 show whoever they ask the login that the user has for their maker, unless they are given another.
fn a_login_goes_nowhere(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    std::fs::write(scene.path("codex/auth.json"), r#"{"OPENAI_API_KEY":"sk-of-nobody-0123456789"}"#).unwrap();
    let running = scene.running();
    let said = scene.exec(&["--offline"], &["Hello"]).with(0);
    let heads: Vec<String> = running.questions().into_iter().map(|ask| ask.head).collect();
    assert_eq!(heads.len(), 1, "{said}");
    assert!(!heads[0].contains("sk-of-nobody"), "{}", heads[0]);
    running.stop();
}

/// As far as this Codex can: 0.98 reads no catalogue, and a file of instructions must not be empty.
fn the_model_is_told_as_much_as_was_asked_for(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running();
    for (how, codex, ours) in
        [("full", true, false), ("compact", false, true), ("none", version == Version::V0_98, false)]
    {
        let said = scene.exec(&["--offline", "--instructions", how], &["Hello"]).with(0);
        let asked = running.questions().pop().unwrap().body.to_string();
        let told = (asked.contains(OF_CODEX), asked.contains("There is no tool `apply_patch`"));
        assert_eq!(told, (codex, ours), "{how}: {said}\n{asked}");
        assert_eq!(said.err.contains("⚠ Codex 0.98.0"), how == "none" && codex, "{how}: {said}");
    }
    assert_eq!(running.questions().len(), 3);
    scene.believed_the_window();
    running.stop();
}

fn a_call_is_captured_on_demand(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running();
    scene.exec(&["--offline"], &["Not this one"]).with(0);
    let said = scene.exec(&["--offline", "--capture"], &["This one"]).with(0);
    assert!(said.err.contains("http://127.0.0.1:"), "{said}");
    scene.exec(&["--offline"], &["Nor this one"]).with(0);
    let list = scene.paste("ollama-forward capture list --json").with(0);
    let list: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    let asked: Vec<_> = list["exchanges"].as_array().unwrap().iter().map(|row| row["user"].clone()).collect();
    assert_eq!(asked, ["This one"], "{list}");
    running.stop();
}
