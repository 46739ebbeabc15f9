//! `--install` makes `codex -p ollama-forward` work, and `--restore` leaves no trace of it.

use crate::run::Said;
use crate::scene::{FREE, OF_CODEX, Scene, Version};
use crate::terminal::{ANSWERED, READY, Terminal};
use crate::upstream::Ask;

on_every_version!(
    an_installed_profile_is_used,
    restored_files_are_the_same_byte_for_byte,
    where_nothing_was_nothing_is_left,
    a_second_installation_changes_nothing_and_is_undone_at_once,
    an_installed_profile_is_for_talking_too,
    fewer_instructions_can_be_installed,
);

/// What people write, with all that a parser would lose: comments, odd blanks, no newline at the end.
const OWN: &str = "# My settings: do not touch!\r\n\nmodel   =  \"gpt-5\"   # the best\n\n\n\
    [model_providers.mine]   # a proxy\nname='Mine'\nbase_url = \"http://127.0.0.1:9/v1\"\n\n\
    [mcp_servers.x]\ncommand = \"true\"\n# the end, and no newline";

fn an_installed_profile_is_used(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    scene.config(OWN);
    let running = scene.running();
    let said = scene.launch(&["--install", "--yes"]).with(0);
    check_used(&scene, &said);
    let questions = running.questions();
    assert_eq!(questions.len(), 2, "{questions:?}");
    let is_demo = |ask: &Ask| ask.body["model"].as_str().is_some_and(|it| it.starts_with("demo"));
    assert!(questions.iter().all(is_demo), "{questions:?}");
    scene.believed_the_window();
    running.stop();
}

/// What `--install` has said, pasted: it runs a tool.
#[track_caller]
fn check_used(scene: &Scene, installed: &Said) {
    // The task's place is told by a word in capitals.
    let line = installed.command("codex exec -p ollama-forward").replace("PROMPT", "");
    let task = "'Please run `echo installed-$((40+2))`'";
    let used = scene.paste(&format!("{line} --json {} {task}", FREE.join(" "))).with(0);
    assert_eq!(used.printed(), ["installed-42"], "{line}: {used}");
}

/// Whoever has an old Codex, and gets a new one: what is a table for the one is a file for the other, which stops at the
/// table.
#[test]
#[ignore = "needs Codex: scripts/get-codex"]
fn a_newer_codex_gets_another_profile_and_all_is_undone_at_once() {
    let Some(scene) = Scene::new(Version::V0_130) else { return };
    scene.config(OWN);
    let running = scene.running();
    scene.launch(&["--install", "--yes"]).with(0);
    scene.install_codex(Version::V0_169);
    let stopped = scene.codex(&[&["exec", "-p", "ollama-forward"][..], &FREE, &["Hello"]].concat()).with(1);
    assert!(stopped.err.contains("profiles.ollama-forward"), "{stopped}");
    let said = scene.launch(&["--install", "--yes"]).with(0);
    check_used(&scene, &said);
    assert_eq!(running.questions().len(), 2);
    running.stop();
    let restored = scene.launch(&["--restore", "--yes"]).with(0);
    check_undone(&scene, &restored);
}

fn an_installed_profile_is_for_talking_too(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    scene.trusts_its_work();
    let running = scene.running();
    let said = scene.launch(&["--install", "--yes"]).with(0);
    let line = said.command("codex -p ollama-forward");
    let talk = Terminal::until(ANSWERED, "\x03").types(READY, "Hello?").types(r"Hello\?", "\r");
    let talk = talk.says(&scene, &format!("{line} -a never")).with(0);
    assert!(running.questions().iter().any(|ask| ask.body.to_string().contains("Hello?")), "{line}: {talk}");
    scene.believed_the_window();
    running.stop();
}

/// Of Codex's own text nothing is left; of ours there is all, and to undo it is to have everything back.
fn fewer_instructions_can_be_installed(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    scene.config(OWN);
    let running = scene.running();
    let said = scene.launch(&["--install", "--yes", "--instructions", "compact"]).with(0);
    check_used(&scene, &said);
    for ask in running.questions() {
        let asked = ask.body.to_string();
        assert!(!asked.contains(OF_CODEX) && asked.contains("There is no tool `apply_patch`"), "{asked}");
    }
    scene.believed_the_window();
    running.stop();
    let restored = scene.launch(&["--restore", "--yes"]).with(0);
    check_undone(&scene, &restored);
}

fn restored_files_are_the_same_byte_for_byte(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    scene.config(OWN);
    check_restored(&scene);
}

fn where_nothing_was_nothing_is_left(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    check_restored(&scene);
}

fn a_second_installation_changes_nothing_and_is_undone_at_once(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    scene.config(OWN);
    let before = scene.codex_files();
    let running = scene.running();
    scene.launch(&["--install", "--yes"]).with(0);
    let installed = scene.codex_files();
    assert_ne!(installed, before);
    scene.launch(&["--install", "--yes"]).with(0);
    assert_eq!(scene.codex_files(), installed);
    scene.launch(&["--restore", "--yes"]).with(0);
    assert_eq!(scene.codex_files(), before);
    running.stop();
}

/// Codex was used meanwhile: nothing of ours is left, and all that was the user's. 0.130 has written there itself: that it
/// trusts the folder, and with that, no carriage returns any more.
#[track_caller]
fn check_undone(scene: &Scene, restored: &Said) {
    let files = scene.codex_files();
    assert!(files.keys().all(|path| !path.to_string_lossy().contains("ollama-forward")), "{restored}\n{files:?}");
    let config = String::from_utf8(files[&scene.path("codex/config.toml")].clone()).unwrap().replace('\r', "");
    assert!(config.starts_with(&OWN.replace('\r', "")), "{restored}\n{config}");
    assert!(!config.contains("ollama-forward"), "{restored}\n{config}");
}

/// To be restored, no forward is needed.
#[track_caller]
fn check_restored(scene: &Scene) {
    let before = scene.codex_files();
    let running = scene.running();
    let installed = scene.launch(&["--install", "--yes"]).with(0);
    assert_ne!(scene.codex_files(), before, "{installed}");
    running.stop();
    let restored = scene.launch(&["--restore", "--yes"]).with(0);
    assert_eq!(scene.codex_files(), before, "{restored}");
}
