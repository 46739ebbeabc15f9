//! What breaks behind the bridge, Codex does not notice; what cannot be mended, its user reads.

use std::time::Duration;

use serde_json::json;

use crate::fake::MODEL;
use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(
    cut_before_the_head,
    cut_in_thoughts,
    cut_in_text,
    cut_in_a_printed_call,
    cut_after_a_call,
    ended_without_a_last_record,
    silent_for_longer_than_codex_waits,
    errors_for_good,
    errors_for_now,
    cut_by_the_limit,
);

fn cut_before_the_head(version: Version) {
    check_mended(version, Reply::new().reset(), Reply::new().text("One two three.").done(), "One two three.");
}

fn cut_in_thoughts(version: Version) {
    let again = Reply::new().thinking("Let me think.").text("One two three.").done();
    check_mended(version, Reply::new().thinking("Let me").reset(), again, "One two three.");
}

fn cut_in_text(version: Version) {
    let cut = || Reply::new().text("One").text(" two");
    check_mended(version, cut().reset(), Reply::new().text(" three.").done(), "One two three.");
    check_mended(version, cut().hang_up(), Reply::new().text("One two three.").done(), "One two three.");
}

#[track_caller]
fn check_mended(version: Version, cut: Reply, again: Reply, text: &str) {
    let scene = Scene::new(version);
    scene.fake.will(cut);
    scene.fake.will(again);
    scene.run(&["Count."]).says(&[text]);
    assert_eq!(scene.fake.asks().len(), 2);
    scene.stop();
}

fn cut_in_a_printed_call(version: Version) {
    let scene = Scene::new(version);
    let (half, rest) = ("{\"name\":\"exec_command\",\"argu", "ments\":{\"cmd\":\"echo one\"}}");
    scene.fake.will(Reply::new().text(half).reset());
    scene.fake.when(|ask| ask.last()["role"] == "assistant", Reply::new().text(rest).done());
    scene.fake.will(Reply::new().text("Done.").done());
    scene.run(&["Look."]).says(&["Done."]).printed(&["one"]);
    scene.stop();
}

/// The command has run: once, and its output is in the next request.
fn cut_after_a_call(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(Reply::new().text("So.").call("exec_command", json!({"cmd": "echo one >> log; echo one"})).reset());
    scene.fake.will(Reply::new().text("Done.").done());
    scene.run(&["Look."]).says(&["So.", "Done."]).printed(&["one"]);
    assert_eq!(std::fs::read_to_string(scene.work().join("log")).unwrap(), "one\n");
    assert_eq!(scene.fake.ask(1).results().len(), 1);
    scene.stop();
}

fn ended_without_a_last_record(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(Reply::new().text("Some text"));
    scene.fake.will(Reply::new().text(" and more.").done());
    scene.run(&["Talk."]).says(&["Some text and more."]);
    // Ollama's guard against repetition, 0.30 and later: the same would come again.
    scene.fake.will((0..35).fold(Reply::new(), |reply, _| reply.text("==")));
    scene.run(&["Repeat."]).says(&["==".repeat(35).as_str()]);
    scene.stop();
}

/// Here Codex waits for 1.5 s; by itself for five minutes, which its user cannot change.
fn silent_for_longer_than_codex_waits(version: Version) {
    let scene = Scene::with(version, &["--heartbeat", "300ms"]);
    scene.provider("stream_idle_timeout_ms = 1500\nstream_max_retries = 0\nrequest_max_retries = 0");
    let silence = Duration::from_secs(3);
    let reply = Reply::new().silence(silence).thinking("Hm.").silence(silence).text("One").silence(silence);
    scene.fake.will(reply.text(" two.").done());
    scene.exec_by_provider(&["Count."]).said().ended_well().says(&["One two."]);
    scene.stop();
}

/// One request, one clear sentence, no second try.
fn errors_for_good(version: Version) {
    let overflow = &include_bytes!("../fixtures/ollama-0.33/overflow_truncate_false.api_chat.http")[..];
    for (reply, words) in [
        (Reply::status(400, "invalid options: mirostat"), &["invalid options: mirostat"][..]),
        (Reply::recorded(overflow), &["context"]),
    ] {
        let scene = Scene::new(version);
        scene.fake.will(reply);
        let said = scene.exec(&["Hello?"]).said();
        let message = said.failed();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        scene.stop();
    }
    let scene = Scene::new(version);
    scene.provider("");
    let said = scene.exec_by_provider(&["-m", "llama9:1b", "Hello?"]).said();
    let message = said.failed();
    assert!(["llama9:1b", MODEL, "ollama pull"].iter().all(|word| message.contains(word)), "{message}");
    assert_eq!(
        said.events
            .iter()
            .filter(|event| event["type"] == "error" && event.to_string().contains("Reconnecting"))
            .count(),
        0
    );
    scene.stop();
}

/// With nothing to be continued, the bridge tells it; Codex tries again, and the third time it goes well.
fn errors_for_now(version: Version) {
    let scene = Scene::with(version, &["--resume-window", "0"]);
    for _ in 0..2 {
        scene.fake.will(Reply::new().text("Half").error("model runner has unexpectedly stopped"));
    }
    scene.fake.will(Reply::new().text("Whole.").done());
    let said = scene.exec(&["Hello?"]).said();
    assert_eq!(said.code, Some(0), "{said:?}");
    said.says(&["Whole."]);
    assert_eq!(scene.fake.asks().len(), 3);
    scene.stop();
}

fn cut_by_the_limit(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(Reply::new().text("Once upon").done_by("length"));
    scene.run(&["A tale."]).says(&["Once upon"]);
    scene.stop();
}
