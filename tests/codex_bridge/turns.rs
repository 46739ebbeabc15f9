//! What a model says well arrives well.

use serde_json::json;

use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(text, thoughts, text_and_call, parallel_calls, a_long_answer_in_small_pieces);

fn text(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(Reply::new().text("Hello ").text("there.").done());
    scene.run(&["Say hello."]).says(&["Hello there."]);
    let ask = scene.fake.ask(0);
    assert_eq!(ask.messages()[0]["role"], "system", "{}", ask.text);
    assert!(ask.last()["content"].as_str().unwrap().contains("Say hello."));
    scene.stop();
}

fn thoughts(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(
        Reply::new().thinking("**Look** ").thinking("first.").call("exec_command", json!({"cmd": "echo one"})).done(),
    );
    scene.fake.will(Reply::new().text("Done.").done());
    scene.run(&["Think."]).says(&["Done."]).printed(&["one"]);
    // They come back with the history, as thoughts.
    let ask = scene.fake.ask(1);
    let assistant = ask.messages().iter().find(|message| message["role"] == "assistant").unwrap();
    assert_eq!(assistant["thinking"], "**Look** first.");
    scene.stop();
}

fn text_and_call(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(
        Reply::new().thinking("Hm.").text("I will look.").call("exec_command", json!({"cmd": "echo one"})).done(),
    );
    scene.fake.will(Reply::new().text("Done.").done());
    scene.run(&["Look."]).says(&["I will look.", "Done."]).printed(&["one"]);
    let ask = scene.fake.ask(1);
    assert!(ask.results().iter().any(|result| result.contains("one")), "{}", ask.text);
    assert!(ask.messages().iter().any(|message| message["content"] == "I will look."), "{}", ask.text);
    scene.stop();
}

fn parallel_calls(version: Version) {
    let scene = Scene::new(version);
    let reply = ["one", "two", "three"]
        .into_iter()
        .fold(Reply::new(), |reply, word| reply.call("exec_command", json!({"cmd": format!("echo {word}")})));
    scene.fake.will(reply.done());
    scene.fake.will(Reply::new().text("Done.").done());
    scene.run(&["Run all."]).says(&["Done."]);
    let ask = scene.fake.ask(1);
    let results = ask.results();
    let told: Vec<bool> =
        results.iter().zip(["one", "two", "three"]).map(|(result, word)| result.contains(word)).collect();
    assert_eq!(told, [true, true, true], "{results:?}");
    scene.stop();
}

fn a_long_answer_in_small_pieces(version: Version) {
    let scene = Scene::new(version);
    let text = "All the words of a long answer, naïve or not 🦙, arrive in their order. ".repeat(40);
    scene.fake.will(Reply::new().pieces(&text, 3).done().bytewise());
    scene.run(&["Talk."]).says(&[text.as_str()]);
    scene.stop();
}
