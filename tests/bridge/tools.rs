//! Calls: whole, checked and mended before the client sees them, because Codex runs them at once.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{question, user};
use crate::fake::MODEL;
use crate::script::{Reply, Shape};

fn cmd(text: &str) -> Value {
    json!({ "cmd": text })
}

#[test]
fn text_is_done_before_the_call_that_follows_it() {
    for (shape, api) in
        [(Shape::V0_13, "ollama"), (Shape::V0_24, "chat"), (Shape::V0_33, "ollama"), (Shape::OpenAi, "chat")]
    {
        let bed = Bed::shaped(shape, &["--upstream-api", api]);
        bed.fake
            .will(Reply::new().thinking("Hm.").text("I will ").text("look.").call("exec_command", cmd("ls")).done());
        let answer = bed.answer("Look.").completed();
        assert_eq!(answer.kinds(), ["reasoning", "message", "function_call"], "{shape:?}");
        answer.says("I will look.").calls_only("exec_command", &cmd("ls"));
    }
}

/// Harmony and native templates say it all in the last record.
#[test]
fn a_call_in_the_last_record_is_a_call() {
    let bed = Bed::of(Reply::new().thinking("Hm.").done_with_call("exec_command", cmd("ls")));
    bed.answer("Look.").completed().calls_only("exec_command", &cmd("ls"));
}

#[test]
fn two_calls_are_two_calls() {
    let reply = Reply::new().call("exec_command", cmd("ls")).call("exec_command", cmd("pwd")).done();
    let answer = Bed::of(reply).answer("Look.").completed();
    let name = "exec_command".to_owned();
    assert_eq!(answer.calls(), [(name.clone(), cmd("ls")), (name, cmd("pwd"))]);
}

/// llama-server and vLLM write them so; pieces of two calls may alternate.
#[test]
fn a_call_in_fragments_is_one_call() {
    let bed = Bed::shaped(Shape::OpenAi, &[]);
    let reply =
        Reply::new().fragment(0, Some("exec_command"), "").fragment(0, None, "{\"cm").fragment(0, None, "d\":\"ls\"}");
    let reply = reply.fragment(1, Some("exec_command"), "{\"cmd\":").fragment(1, None, "\"pwd\"}").done();
    bed.fake.will(reply);
    let answer = bed.answer("Look.").completed();
    assert_eq!(answer.calls(), [("exec_command".to_owned(), cmd("ls")), ("exec_command".to_owned(), cmd("pwd"))]);
}

/// What a model writes, and what Codex can run of it.
#[test]
fn slips_are_mended() {
    let rows = [
        ("exec_command", json!({"cmd": "ls", "yield_time_ms": "1000"}), json!({"cmd": "ls", "yield_time_ms": 1000})),
        ("exec_command", json!({"cmd": "ls", "yield_time_ms": 1000.0}), json!({"cmd": "ls", "yield_time_ms": 1000})),
        ("exec_command", json!({"cmd": "ls", "tty": "true"}), json!({"cmd": "ls", "tty": true})),
        ("exec_command", json!({"cmd": "ls", "tty": null, "justification": ""}), cmd("ls")),
        ("exec_command", json!({"cmd": ["ls", "-la"]}), cmd("ls -la")),
        ("exec_command", json!({"command": "ls"}), cmd("ls")),
        ("Exec_Command ", cmd("ls"), cmd("ls")),
        ("functions.exec_command", cmd("ls"), cmd("ls")),
        ("exec_command<|channel|>commentary", cmd("ls"), cmd("ls")),
        ("shell", json!({"command": ["bash", "-lc", "ls"]}), cmd("ls")),
        ("container.exec", json!({"command": ["bash", "-lc", "ls"]}), cmd("ls")),
        ("bash", json!({"command": "ls"}), cmd("ls")),
    ];
    let bed = Bed::new();
    for (name, written, runs) in rows {
        bed.fake.will(Reply::new().call(name, written.clone()).done());
        let answer = bed.answer("Look.").completed();
        assert_eq!(answer.calls(), [("exec_command".to_owned(), runs)], "{name} {written}");
    }
}

/// Codex intercepts the heredoc; `apply_patch` itself is not declared (0.130, 0.169).
#[test]
fn a_patch_is_applied_by_the_shell() {
    let patch = "*** Begin Patch\n*** Add File: a.txt\n+EOF\n+hi\n*** End Patch";
    for arguments in [json!({"input": patch}), json!({"patch": patch}), json!({"command": ["apply_patch", patch]})] {
        let bed = Bed::of(Reply::new().call("apply_patch", arguments).done());
        let answer = bed.answer("Write it.").completed();
        let calls = answer.calls();
        let [(name, arguments)] = calls.as_slice() else { panic!("{calls:?}") };
        let cmd = arguments["cmd"].as_str().unwrap();
        assert!(name == "exec_command" && cmd.starts_with("apply_patch <<") && cmd.contains(patch), "{cmd}");
    }
}

/// Codex tells the model that there is no such tool.
#[test]
fn a_call_of_nothing_is_passed_on() {
    let bed = Bed::of(Reply::new().call("read_the_stars", json!({"tonight": true})).done());
    bed.answer("Look.").completed().calls_only("read_the_stars", &json!({"tonight": true}));
}

#[test]
fn members_of_a_namespace_have_names_of_their_own_and_get_them_back() {
    let bed = Bed::new();
    bed.fake.reply_by(|ask| Reply::new().call(&ask.tool("add"), json!({"a": "1", "b": 2})).done());
    let mut body = question("Add.");
    let number = json!({"type": "integer"});
    body["tools"] = json!([{"type": "namespace", "name": "mcp__tiny", "description": "", "tools": [
        {"type": "function", "name": "add", "description": "Adds.", "strict": false, "parameters":
            {"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]}}]}]);
    let answer = bed.post(&body).whole().completed();
    let call = &answer.response["output"][0];
    assert_eq!((&call["namespace"], &call["name"]), (&json!("mcp__tiny"), &json!("add")));
    answer.calls_only("add", &json!({"a": 1, "b": 2}));

    // And in the history by the name that the model knows.
    bed.fake.will(Reply::new().text("3").done());
    let mut input = body["input"].as_array().unwrap().clone();
    input.push(call_item(&json!({"namespace": "mcp__tiny", "name": "add", "arguments": "{\"a\":1,\"b\":2}"})));
    input.push(json!({"type": "function_call_output", "call_id": "call_1", "output": "three"}));
    body["input"] = input.into();
    bed.post(&body).whole().completed().says("3");
    let ask = bed.fake.ask(1);
    let call = ask.messages().iter().find(|message| message["tool_calls"].is_array()).unwrap();
    assert_eq!(call["tool_calls"][0]["function"]["name"], ask.tool("add"));
    assert_eq!((&ask.last()["role"], &ask.last()["content"]), (&json!("tool"), &json!("three")));
}

#[test]
fn a_tool_with_a_grammar_is_a_function_of_one_text() {
    let bed = Bed::new();
    bed.fake.reply_by(|ask| Reply::new().call(&ask.tool("apply_patch"), json!({"input": "*** Begin Patch"})).done());
    let mut body = question("Patch.");
    body["tools"] = json!([{"type": "custom", "name": "apply_patch", "description": "Edits files.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: \"x\""}}]);
    let answer = bed.post(&body).whole().completed();
    let call = &answer.response["output"][0];
    assert_eq!((&call["type"], &call["input"]), (&json!("custom_tool_call"), &json!("*** Begin Patch")));
    assert_eq!(answer.count("response.custom_tool_call_input.done"), 1);
}

#[test]
fn results_stand_after_their_calls_whatever_was_said_between() {
    let bed = Bed::of(Reply::new().text("Two files.").done());
    let mut body = question("Look.");
    let input = body["input"].as_array_mut().unwrap();
    input.push(call_item(&json!({"name": "exec_command", "arguments": "{\"cmd\":\"ls\"}"})));
    input.push(user("By the way."));
    input.push(json!({"type": "function_call_output", "call_id": "call_1", "output": "a b"}));
    bed.post(&body).whole().completed().says("Two files.");
    let ask = bed.fake.ask(0);
    let roles: Vec<&str> = ask.messages().iter().filter_map(|message| message["role"].as_str()).collect();
    assert!(roles.ends_with(&["assistant", "tool", "user"]), "{roles:?}");
    assert_eq!(ask.results(), ["a b"]);
    let call = ask.messages().iter().find(|message| message["tool_calls"].is_array()).unwrap();
    assert_eq!(call["tool_calls"][0]["function"]["arguments"], cmd("ls"));
}

/// Each of these once ended a session for good.
#[test]
fn no_history_poisons_a_session() {
    let rows = [
        vec![json!({"type": "function_call_output", "call_id": "call_9", "output": "orphan"})],
        vec![json!({"type": "function_call_output", "name": "goal_objective", "namespace": "agent", "output": "goal"})],
        vec![call_item(&json!({"name": "exec_command", "arguments": "{'cmd': ls"}))],
        vec![call_item(&json!({"name": "exec_command", "arguments": ""}))],
        vec![
            json!({"type": "custom_tool_call", "call_id": "call_1", "name": "apply_patch", "input": "***"}),
            json!({"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"}),
        ],
        vec![json!({"type": "web_search_call", "id": "ws_1", "status": "completed"})],
        vec![json!({"type": "of_the_year_2030", "id": "x_1"}), json!({"type": "item_reference", "id": "msg_0"})],
        vec![json!({"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]})],
    ];
    let bed = Bed::new();
    for items in rows {
        bed.fake.will(Reply::new().text("Fine.").done());
        let mut body = question("Look.");
        let input = body["input"].as_array_mut().unwrap();
        input.extend(items.iter().cloned());
        input.push(user("And now?"));
        let answer = bed.post(&body).whole();
        assert_eq!((answer.end.as_str(), answer.text().as_str()), ("response.completed", "Fine."), "{items:?}");
    }
}

#[test]
fn images_reach_the_model() {
    let bed = Bed::new();
    bed.fake.has_model(MODEL, &["completion", "tools", "vision"]);
    bed.fake.will(Reply::new().text("A dot.").done());
    let mut body = question("Look.");
    let image = json!({"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="});
    body["input"][0]["content"].as_array_mut().unwrap().push(image);
    bed.post(&body).whole().completed();
    assert_eq!(bed.fake.ask(0).last()["images"], json!(["iVBORw0KGgo="]));
}

/// `think` to a model that cannot is an error in Ollama.
#[test]
fn only_models_that_think_are_told_how_much() {
    let thinks = &["completion", "tools", "thinking"][..];
    for (model, capabilities, effort, think) in [
        // gpt-oss knows levels, and cannot be kept from thinking.
        ("gpt-oss:20b", thinks, json!("high"), Some(json!("high"))),
        ("gpt-oss:20b", thinks, json!("none"), Some(json!("low"))),
        (MODEL, thinks, json!("none"), Some(json!(false))),
        (MODEL, thinks, Value::Null, None),
        (MODEL, &["completion", "tools"], json!("high"), None),
    ] {
        let bed = Bed::new();
        bed.fake.has_model(model, capabilities);
        bed.fake.will(Reply::new().text("Hi.").done());
        let mut body = question("Hello?");
        body["model"] = model.into();
        body["reasoning"] = json!({"effort": effort, "summary": "auto"});
        bed.post(&body).whole().completed();
        assert_eq!(bed.fake.ask(0).body.get("think"), think.as_ref(), "{model} {capabilities:?} {effort}");
    }
}

#[test]
fn a_schema_for_the_answer_is_a_format_where_nothing_may_be_called() {
    let bed = Bed::of(Reply::new().text("{}").done());
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let mut body = question("Count.");
    body["text"] = json!({"format": {"type": "json_schema", "name": "n", "strict": true, "schema": schema}});
    // By a grammar the model could only answer, so it is told in words.
    bed.post(&body).whole().completed();
    let ask = bed.fake.ask(0);
    assert_eq!(ask.body.get("format"), None);
    assert!(ask.messages()[0]["content"].as_str().unwrap().contains("\"n\""), "{}", ask.text);

    bed.fake.will(Reply::new().text("{}").done());
    body["tools"] = json!([]);
    bed.post(&body).whole().completed();
    assert_eq!(bed.fake.ask(1).body["format"], schema);
}

#[test]
fn no_tools_are_offered_where_none_may_be_called() {
    let bed = Bed::of(Reply::new().text("Hi.").done());
    let mut body = question("Hello?");
    body["tool_choice"] = "none".into();
    bed.post(&body).whole().completed();
    assert_eq!(bed.fake.ask(0).tools(), [""; 0]);
}

fn call_item(more: &Value) -> Value {
    let mut item = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed"});
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}
