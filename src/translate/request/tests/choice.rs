//! Tools in the system text, and `tool_choice`.

use super::*;
use crate::translate::request::Format;

const CALLS: &str = "Call tools only through the tool interface; never write a call as text.";

fn with_tools(choice: Value) -> Value {
    let other = json!({"type": "function", "name": "b", "parameters": {"type": "object", "properties": {}}});
    let mut request = json!({"model": "m", "input": [user("hi")], "tools": [exec_command(), other]});
    request["tool_choice"] = choice;
    request
}

#[test]
fn the_choice_decides_what_is_offered_and_said() {
    let (call, b) = (Some("user: Answer with a call of one of your tools."), json!({"type": "function", "name": "b"}));
    let allowed = |mode: &str| json!({"type": "allowed_tools", "mode": mode, "tools": [b]});
    let rows: [(Value, &[&str], Option<&str>); 9] = [
        (json!("auto"), &["exec_command", "b"], None),
        (Value::Null, &["exec_command", "b"], None),
        (json!("none"), &[], None),
        (json!("required"), &["exec_command", "b"], call),
        (b.clone(), &["b"], Some("user: Answer with a call of the tool `b`.")),
        (
            json!({"type": "function", "function": {"name": "b"}}),
            &["b"],
            Some("user: Answer with a call of the tool `b`."),
        ),
        (allowed("auto"), &["b"], None),
        (allowed("required"), &["b"], call),
        (json!({"type": "file_search"}), &["exec_command", "b"], None),
    ];
    for (choice, offered, sentence) in rows {
        let asked = with_tools(choice);
        let translation = translated(&asked);
        let names: Vec<&str> = translation.table.declared().iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, offered, "{asked}");
        let functions: Vec<&str> =
            translation.prompt.tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
        assert_eq!(functions, offered, "{asked}");
        let last = shown(&translation).pop();
        assert_eq!(last.as_deref(), sentence.or(Some("user: hi")), "{asked}");
        assert_eq!(translation.tool_choice_note.is_some(), sentence.is_some(), "{asked}");
    }
}

#[test]
fn a_choice_of_nothing_is_lost() {
    let (mut bare, hosted) = (request(json!("hi")), with_tools(json!({"type": "file_search"})));
    bare["tool_choice"] = json!("required");
    assert_eq!(lost(&translated(&bare)), ["tool_choice: names what the model is not offered, left out"]);
    assert_eq!(lost(&translated(&hosted)), ["tool_choice: `file_search` has no equivalent, left out"]);
    let others = json!({"type": "allowed_tools", "tools": [{"type": "function", "name": "x"}]});
    let others = with_tools(others);
    assert_eq!(lost(&translated(&others)), ["tool_choice.tools: names what the model is not offered, left out"]);
}

#[test]
fn the_sentence_stands_before_an_assistants_beginning() {
    let mut asked = with_tools(json!("required"));
    asked["input"] = json!([user("hi"), assistant("So")]);
    let messages = shown(&translated(&asked));
    assert_eq!(messages[1..], ["user: hi", "user: Answer with a call of one of your tools.", "assistant: So"]);
}

#[test]
fn a_choice_does_not_change_the_beginning() {
    let (auto, required) = (with_tools(json!("auto")), with_tools(json!("required")));
    let (auto, required) = (translated(&auto), translated(&required));
    assert_eq!(required.prompt.messages[..2], auto.prompt.messages[..]);
    assert_eq!(required.prompt.tools, auto.prompt.tools);
}

#[test]
fn words_about_tools_come_with_tools() {
    let patches = "There is no tool apply_patch.";
    let tool = |name: &str| json!({"type": "function", "name": name});
    for (tools, calls, patch) in [
        (json!([]), false, false),
        (json!([{"type": "web_search"}]), false, false),
        (json!([tool("a")]), true, false),
        (json!([exec_command()]), true, true),
        (json!([exec_command(), tool("apply_patch")]), true, false),
        (json!([exec_command(), {"type": "custom", "name": "apply_patch"}]), true, false),
    ] {
        let asked = json!({"model": "m", "instructions": "be brief", "input": "hi", "tools": tools});
        let system = shown(&translated(&asked)).remove(0);
        assert!(system.starts_with("system: be brief"), "{system}");
        assert_eq!((system.contains(CALLS), system.contains(patches)), (calls, patch), "{tools}: {system}");
        assert!(system.len() < 400, "{system}");
    }
}

#[test]
fn a_format_is_enforced_unless_that_would_forbid_calls() {
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let mut asked = with_tools(json!("auto"));
    asked["text"] = json!({"format": {"type": "json_schema", "schema": schema}});
    let translation = translated(&asked);
    assert_eq!((&translation.prompt.format, &translation.told_format), (&None, &Some(Format::Schema(&schema))));
    assert!(shown(&translation)[0].ends_with(&format!("after this JSON schema: {schema}")));
    assert_eq!(lost(&translation), ["text.format: asked for in words, as its grammar would forbid tool calls"]);
    asked["tool_choice"] = json!("none");
    let translation = translated(&asked);
    assert_eq!((&translation.prompt.format, &translation.told_format), (&Some(Format::Schema(&schema)), &None));
    assert_eq!(shown(&translation), ["user: hi"]);
}
