//! A session that began here goes on here; without its provider, Codex takes it to its maker.

use crate::outside::Outside;
use crate::scene::{FREE, Scene, Version};
use crate::terminal::{ANSWERED, READY, Terminal, check_asked};

on_every_version!(
    the_printed_line_goes_on_with_the_same_session,
    the_last_session_goes_on,
    a_conversation_goes_on,
    the_line_is_printed_for_a_forward_elsewhere,
    a_plain_resume_would_leave_the_machine,
);

const SECRET: &str = "the heron flies at noon";

fn the_printed_line_goes_on_with_the_same_session(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running();
    let begun = scene.exec(&["--offline"], &[SECRET]).with(0);
    let line = begun.command("ollama-forward codex");
    assert!(line.contains(&begun.session()), "{line}");
    // As it is pasted, with a question behind it. What lets a test ask nothing stands before the verb that ends it.
    let line = line.replacen("exec", &format!("exec --json {}", FREE.join(" ")), 1).replacen("--", "--yes --", 1);
    let line = if line.contains("--offline") { line } else { line.replacen(" --yes", " --offline --yes", 1) };
    let resumed = scene.paste(&format!("{line} 'And then?'")).with(0);
    assert_eq!(resumed.session(), begun.session(), "{line}: {resumed}");
    let questions = running.questions();
    let last = questions.last().unwrap().body.to_string();
    assert!(questions.len() == 2 && last.contains(SECRET) && last.contains("And then?"), "{last}");
    assert_eq!((scene.outside.names(), Outside::left(&scene.host)), (vec![], 0), "{resumed}");
    running.stop();
}

fn the_last_session_goes_on(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running();
    let begun = scene.exec(&["--offline"], &[SECRET]).with(0);
    let resumed = scene.exec(&["--offline"], &["resume", "--last", "And then?"]).with(0);
    assert_eq!(resumed.session(), begun.session(), "{resumed}");
    assert!(running.questions().last().unwrap().body.to_string().contains(SECRET), "{resumed}");
    assert_eq!((scene.outside.names(), Outside::left(&scene.host)), (vec![], 0), "{resumed}");
    running.stop();
}

/// The printed line leads back into the interface, with all that was said, and to nobody else.
fn a_conversation_goes_on(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    scene.trusts_its_work();
    let running = scene.running();
    let talks = |last: &str, question, sign| Terminal::until(last, "\x03").types(READY, question).types(sign, "\r");
    let begun =
        talks(ANSWERED, SECRET, SECRET).says(&scene, "ollama-forward codex --yes --offline -- -a never").with(0);
    let line = begun.command("ollama-forward codex --offline -- resume 0");
    let twice = ANSWERED.replace("output_text", r"And then[\s\S]*output_text");
    let resumed = talks(&twice, "And then?", r"And then\?").says(&scene, &line).with(0);
    let asked = running.questions().iter().map(|ask| ask.body.to_string()).find(|asked| asked.contains("And then?"));
    assert!(asked.is_some_and(|asked| asked.contains(SECRET)), "{resumed}");
    check_asked(&scene, &resumed);
    running.stop();
}

/// What was typed to get there has to be typed again.
fn the_line_is_printed_for_a_forward_elsewhere(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let begun = scene.exec(&["--upstream", "demo", "--listen-port", "20500", "--offline"], &[SECRET]).with(0);
    let line = begun.command("ollama-forward codex");
    assert!(line.contains("20500") && line.contains("demo"), "{line}");
    let line = line.replacen("exec", &format!("exec --json {}", FREE.join(" ")), 1).replacen("--", "--yes --", 1);
    let resumed = scene.paste(&format!("{line} 'And then?'")).with(0);
    assert_eq!(resumed.session(), begun.session(), "{line}: {resumed}");
}

/// What the launcher warns of, so that it is still true: 0.98 and 0.130 take the whole session to their maker, 0.169
/// refuses to resume it.
fn a_plain_resume_would_leave_the_machine(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let running = scene.running();
    let begun = scene.exec(&["--offline"], &[SECRET]).with(0);
    assert_eq!(scene.outside.names(), [""; 0]);
    assert!(begun.err.contains("codex resume"), "{begun}");
    let quiet = ["-c", "analytics.enabled=false", "-c", "features.plugins=false", "-c", "features.remote_models=false"];
    let session = begun.session();
    let args = [&["exec"][..], &FREE, &quiet, &["resume", &session, "And then?"]].concat();
    let plain = scene.codex(&args).with(1);
    let asked: Vec<String> = scene.outside.names();
    match version {
        Version::V0_98 | Version::V0_130 => {
            assert!(asked.iter().any(|name| name.starts_with("api.openai.com")), "{asked:?}: {plain}");
            assert!(Outside::left(&scene.host) > 0);
        }
        Version::V0_169 => assert!(plain.err.contains("ollama-forward") && asked.is_empty(), "{asked:?}: {plain}"),
    }
    assert_eq!(running.questions().len(), 1, "and nothing of it comes here");
    running.stop();
}
