//! Each kind of tool that Codex declares runs, by whichever name and form its version has for it.

use std::fs;

use serde_json::{Value, json};

use crate::fake::{Ask, MODEL};
use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(
    a_server_of_tools,
    a_patch_by_the_shell,
    a_patch_by_a_tool_that_is_not_there,
    a_printed_patch,
    an_image,
    plan_or_goal,
    names_and_arguments_of_other_agents,
);

fn a_server_of_tools(version: Version) {
    let scene = Scene::new(version);
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/codex_bridge/mcp.py");
    scene.config(&format!("[mcp_servers.tiny]\ncommand = \"python3\"\nargs = [\"{server}\"]\n"));
    scene.fake.reply_by(|ask| Reply::new().call(&ask.tool("add"), json!({"a": "2", "b": 3})).done());
    scene.fake.will(Reply::new().text("Five.").done());
    let said = scene.run(&["Add 2 and 3."]);
    said.says(&["Five."]);
    assert_eq!(said.items("mcp_tool_call").len(), 1, "{said:?}");
    let ask = scene.fake.ask(1);
    assert!(ask.results()[0].contains("the sum is 5"), "{:?}", ask.results());
    // Its own call, by the name that it used.
    assert_eq!(past_call(&ask)["function"]["name"], ask.tool("add"));
    scene.stop();
}

const PATCH: &str = "*** Begin Patch\n*** Add File: new.txt\n+first 'line'\n+EOF\n*** End Patch";

fn a_patch_by_the_shell(version: Version) {
    let cmd = format!("apply_patch <<'PATCH'\n{PATCH}\nPATCH\n");
    check_patch(version, Reply::new().call("exec_command", json!({ "cmd": cmd })).done());
}

/// The prompt asks for it, but no version declares it for this model.
fn a_patch_by_a_tool_that_is_not_there(version: Version) {
    check_patch(version, Reply::new().call("apply_patch", json!({"command": ["apply_patch", PATCH]})).done());
    check_patch(version, Reply::new().call("apply_patch", json!({ "input": PATCH })).done());
}

fn a_printed_patch(version: Version) {
    check_patch(version, Reply::new().text("I will write it.\n\n").pieces(PATCH, 9).done());
}

#[track_caller]
fn check_patch(version: Version, reply: Reply) {
    let scene = Scene::new(version);
    scene.fake.will(reply);
    scene.fake.will(Reply::new().text("Written.").done());
    scene.run(&["Write new.txt."]);
    assert_eq!(fs::read_to_string(scene.work().join("new.txt")).unwrap(), "first 'line'\nEOF\n");
    assert_eq!(scene.fake.ask(1).results().len(), 1);
    scene.stop();
}

fn an_image(version: Version) {
    let scene = Scene::new(version);
    scene.fake.has_model(MODEL, &["completion", "tools", "vision"]);
    let dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    fs::write(scene.work().join("dot.png"), decode(dot)).unwrap();
    let path = scene.work().join("dot.png");
    scene.fake.will(Reply::new().call("view_image", json!({ "path": path })).done());
    scene.fake.will(Reply::new().text("A dot.").done());
    scene.run(&["Look at dot.png."]).says(&["A dot."]);
    let ask = scene.fake.ask(1);
    let images: Vec<&Value> =
        ask.messages().iter().filter_map(|message| message["images"].as_array()).flatten().collect();
    assert_eq!(images.len(), 1, "{}", ask.text);
    assert!(images[0].as_str().unwrap().starts_with("iVBORw0KGgo"), "{images:?}");
    scene.stop();
}

/// Up to 0.147 there is a plan, later there are goals.
fn plan_or_goal(version: Version) {
    let scene = Scene::new(version);
    let (name, arguments) = match version {
        Version::V0_98 | Version::V0_130 => {
            ("update_plan", json!({"plan": [{"step": "Look", "status": "in_progress"}]}))
        }
        Version::V0_169 => ("create_goal", json!({"objective": "Look at everything"})),
    };
    scene.fake.will(Reply::new().call(name, arguments).done());
    // A goal has Codex go on by itself for a while.
    scene.fake.whenever(|_| true, Reply::new().text("Done.").done());
    let said = scene.exec(&["Plan."]).said();
    assert!(said.texts("agent_message").contains(&"Done."), "{said:?}");
    let ask = scene.fake.ask(1);
    let result = ask.results().first().copied().unwrap_or_default();
    assert!(!result.is_empty() && !result.contains("unsupported") && !result.contains("failed to parse"), "{result}");
    scene.stop();
}

fn names_and_arguments_of_other_agents(version: Version) {
    for (name, arguments) in [
        ("shell", json!({"command": ["bash", "-lc", "echo one"]})),
        ("container.exec", json!({"command": ["bash", "-lc", "echo one"]})),
        ("bash", json!({"command": "echo one"})),
        ("functions.exec_command", json!({"cmd": ["echo", "one"], "yield_time_ms": "1000", "tty": null})),
        ("exec_command<|channel|>commentary", json!({"command": "echo one", "justification": ""})),
    ] {
        let scene = Scene::new(version);
        scene.fake.will(Reply::new().call(name, arguments).done());
        scene.fake.will(Reply::new().text("Done.").done());
        scene.run(&["Run it."]).says(&["Done."]).printed(&["one"]);
        scene.stop();
    }
}

fn past_call(ask: &Ask) -> &Value {
    let message = ask.messages().iter().find(|message| message["tool_calls"].is_array());
    &message.expect("there is a call in the history")["tool_calls"][0]
}

/// Base64, without a crate for it.
fn decode(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = (0_u32, 0);
    let mut bytes = Vec::new();
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = alphabet.iter().position(|known| *known == letter).unwrap();
        bits = (bits.0 << 6 | u32::try_from(value).unwrap(), bits.1 + 6);
        if bits.1 >= 8 {
            bits.1 -= 8;
            bytes.push(u8::try_from(bits.0 >> bits.1 & 0xFF).unwrap());
        }
    }
    bytes
}
