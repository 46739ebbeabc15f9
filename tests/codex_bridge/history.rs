//! What comes after the first turn: a session that is taken up again, a history that is made shorter, agents of agents.

use serde_json::json;

use crate::fake::{Ask, MODEL};
use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(resume, compaction);

/// In 0.98 agents are not declared.
#[test]
#[ignore = "needs Codex: scripts/get-codex"]
fn an_agent_of_0_130_asks_the_same_model() {
    check_agent(Version::V0_130, "gpt-5.4-mini");
}

#[test]
#[ignore = "needs Codex: scripts/get-codex"]
fn an_agent_of_0_169_asks_the_same_model() {
    check_agent(Version::V0_169, "gpt-6-sol");
}

fn resume(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(Reply::new().thinking("Hm.").text("So.").call("exec_command", json!({"cmd": "echo one"})).done());
    scene.fake.will(Reply::new().text("One it is.").done());
    scene.run(&["First question."]).says(&["So.", "One it is."]);
    scene.fake.will(Reply::new().text("Two it is.").done());
    scene.run(&["resume", "--last", "Second question."]).says(&["Two it is."]);
    let ask = scene.fake.ask(2);
    for text in ["First question.", "So.", "One it is.", "Second question."] {
        assert!(ask.messages().iter().any(|message| message["content"].as_str().unwrap().contains(text)), "{text}");
    }
    assert_eq!(ask.results().len(), 1);
    scene.stop();
}

/// The window is set so small that the first turn fills it.
fn compaction(version: Version) {
    let scene = Scene::new(version);
    let wants_summary = |ask: &Ask| ask.tools().is_empty();
    scene.fake.when(wants_summary, Reply::new().text("S-U-M-M-A-R-Y.").done());
    scene.fake.will(Reply::new().call("exec_command", json!({"cmd": "echo one"})).done());
    scene.fake.whenever(|_| true, Reply::new().text("Done.").done());
    // Codex counts what the upstream reports: 127 tokens a turn.
    let words = ["-c", "model_context_window=10000", "-c", "model_auto_compact_token_limit=100", "Look."];
    let said = scene.exec(&words).said();
    assert_eq!(said.code, Some(0), "{said:?}");
    let asks = scene.fake.asks();
    let at = asks.iter().position(wants_summary).expect("it asked for a summary");
    let after = &asks[at + 1];
    assert!(after.has("S-U-M-M-A-R-Y.") && after.results().is_empty(), "{}", after.text);
    assert!(said.texts("agent_message").contains(&"Done."), "{said:?}");
    scene.stop();
}

/// The model takes one of the models that the tool's description lists, and Ollama has none of them.
#[track_caller]
fn check_agent(version: Version, model: &'static str) {
    let scene = Scene::new(version);
    let is_child = |ask: &Ask| ask.last()["role"] == "user" && ask.last().to_string().contains("childs-task");
    scene.fake.when(is_child, Reply::new().text("childs-answer").done());
    scene.fake.reply_by(move |ask| {
        let arguments = json!({"message": "childs-task", "model": model});
        Reply::new().call(&ask.tool("spawn_agent"), arguments).done()
    });
    scene.fake.when(
        |ask| ask.results().len() == 1,
        Reply::new().text("Waiting.").call("exec_command", json!({"cmd": "echo one"})).done(),
    );
    scene.fake.when(|ask| ask.results().len() == 2, Reply::new().text("Done.").done());
    scene.fake.whenever(|_| true, Reply::new().text("Done.").done());
    let said = scene.exec(&["Delegate."]).said();
    assert_eq!(said.code, Some(0), "{said:?}");
    let asks = scene.fake.asks();
    let child = asks.iter().find(|ask| is_child(ask)).expect("the child asked");
    assert_eq!(child.body["model"], MODEL);
    // The child's request may come before the parent's next one, or after it.
    let after = asks.iter().find(|ask| ask.results().len() == 1).expect("the parent went on");
    assert!(!after.results()[0].contains("unsupported"), "{:?}", after.results());
    scene.stop();
}
