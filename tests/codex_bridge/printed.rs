//! Calls that the model printed are run, those that it only speaks of are not.

use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(a_printed_call_runs, a_quoted_call_does_not_run, a_swallowed_call_is_asked_for_again);

fn a_printed_call_runs(version: Version) {
    for printed in [
        "<tool_call>\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"echo one\"}}\n</tool_call>",
        "```json\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"echo one\"}}\n```",
        "<function=exec_command>\n<parameter=cmd>\necho one\n</parameter>\n</function>\n</tool_call>",
        "[TOOL_CALLS]exec_command[ARGS]{\"cmd\":\"echo one\"}",
        "<|channel|>commentary to=functions.exec_command <|constrain|>json<|message|>{\"cmd\":\"echo one\"}<|call|>",
    ] {
        let scene = Scene::new(version);
        scene.fake.will(Reply::new().text("I will look.\n\n").pieces(printed, 4).done());
        scene.fake.will(Reply::new().text("Done.").done());
        let said = scene.run(&["Look."]);
        let texts: Vec<&str> = said.texts("agent_message").iter().map(|text| text.trim()).collect();
        assert_eq!(texts, ["I will look.", "Done."], "{said:?}");
        said.printed(&["one"]);
        scene.stop();
    }
}

fn a_quoted_call_does_not_run(version: Version) {
    let scene = Scene::new(version);
    let text = "Write `{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"echo one\"}}` to run it; I will not.";
    scene.fake.will(Reply::new().pieces(text, 5).done());
    scene.run(&["Explain."]).says(&[text]).printed(&[]);
    scene.stop();
}

fn a_swallowed_call_is_asked_for_again(version: Version) {
    let scene = Scene::new(version);
    scene.fake.will(Reply::new().done());
    scene.fake.will(Reply::new().text("{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"echo one\"}}").done());
    scene.fake.will(Reply::new().text("Done.").done());
    scene.run(&["Look."]).says(&["Done."]).printed(&["one"]);
    assert_eq!(scene.fake.ask(1).tools(), [""; 0]);
    scene.stop();
}
