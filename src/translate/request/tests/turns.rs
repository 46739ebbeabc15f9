//! Turns: calls, their outputs, and the thoughts before them.

use super::*;

#[test]
fn a_turn_is_one_message() {
    check(
        json!([
            user("hi"),
            thought("t"),
            assistant("a"),
            call("1", "x"),
            call("2", "y"),
            output("1", "X"),
            output("2", "Y")
        ]),
        &[
            "user: hi",
            r#"assistant: (t) a exec_command{"cmd":"x"}#1 exec_command{"cmd":"y"}#2"#,
            "tool@1 exec_command: X",
            "tool@2 exec_command: Y",
        ],
        &[],
    );
}

#[test]
fn calls_after_an_output_are_another_turn() {
    check(
        json!([call("1", "x"), output("1", "X"), thought("t"), call("2", "y"), output("2", "Y"), assistant("end")]),
        &[
            r#"assistant: exec_command{"cmd":"x"}#1"#,
            "tool@1 exec_command: X",
            r#"assistant: (t) exec_command{"cmd":"y"}#2"#,
            "tool@2 exec_command: Y",
            "assistant: end",
        ],
        &[],
    );
}

#[test]
fn outputs_stand_after_their_calls_whatever_stood_between() {
    let told = [r#"assistant: exec_command{"cmd":"x"}#1"#, "tool@1 exec_command: X", "user: warning"];
    check(json!([call("1", "x"), user("warning"), output("1", "X")]), &told, &[]);
    check(json!([output("1", "X"), call("1", "x"), user("warning")]), &told, &[]);
    check(json!([call("1", "x"), assistant("so"), output("1", "X")]), &[told[0], told[1], "assistant: so"], &[]);
    check(
        json!([call("1", "x"), call("2", "y"), output("2", "Y"), output("1", "X")]),
        &[
            r#"assistant: exec_command{"cmd":"x"}#1 exec_command{"cmd":"y"}#2"#,
            "tool@1 exec_command: X",
            "tool@2 exec_command: Y",
        ],
        &[],
    );
}

#[test]
fn ids_that_return_are_answered_in_order() {
    check(
        json!([call("1", "x"), output("1", "X"), call("1", "y"), output("1", "Y"), output("1", "Z")]),
        &[
            r#"assistant: exec_command{"cmd":"x"}#1"#,
            "tool@1 exec_command: X",
            r#"assistant: exec_command{"cmd":"y"}#1"#,
            "tool@1 exec_command: Y",
            "user: <tool_output>\nZ\n</tool_output>",
        ],
        &[],
    );
}

#[test]
fn interrupted_calls_get_a_result() {
    let (called, none) = (r#"assistant: exec_command{"cmd":"x"}#1"#, "tool@1 exec_command: no output: interrupted");
    check(json!([call("1", "x"), user("stop")]), &[called, none, "user: stop"], &[]);
    check(
        json!([call("1", "x"), call("2", "y"), output("2", "Y")]),
        &[r#"assistant: exec_command{"cmd":"x"}#1 exec_command{"cmd":"y"}#2"#, none, "tool@2 exec_command: Y"],
        &[],
    );
    check(json!([user("hi"), call("1", "x")]), &["user: hi", called], &[]);
}

#[test]
fn calls_without_an_id_get_one() {
    let bare = json!({"type": "function_call", "name": "exec_command", "arguments": "{}"});
    check(
        json!([bare, user("hi")]),
        &["assistant: exec_command{}#call_0", "tool@call_0 exec_command: no output: interrupted", "user: hi"],
        &[],
    );
    let empty = json!({"type": "function_call", "name": "exec_command", "arguments": "{}", "call_id": ""});
    check(json!([empty, output("", "X")]), &["assistant: exec_command{}#call_0", "tool@call_0 exec_command: X"], &[]);
}

#[test]
fn outputs_without_a_call_are_told_as_the_users() {
    let goal = json!({"type": "function_call_output", "name": "goal", "namespace": "agent", "output": "x"});
    let told = "user: <tool_output name=\"agent.goal\">\nx\n</tool_output>";
    check(json!([user("hi"), goal]), &["user: hi", told], &[]);
    check(json!([output("9", "x")]), &["user: <tool_output>\nx\n</tool_output>"], &[]);
}

#[test]
fn outputs_may_be_lists() {
    let listed =
        |parts: Value| json!([call("1", "x"), {"type": "function_call_output", "call_id": "1", "output": parts}]);
    let called = r#"assistant: exec_command{"cmd":"x"}#1"#;
    let texts = json!([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]);
    check(listed(texts), &[called, "tool@1 exec_command: a\nb"], &[]);
    check(
        listed(json!([image(PNG)])),
        &[called, "tool@1 exec_command: [image: in the next message]", "user: [from the output of exec_command] +1"],
        &[],
    );
    check(listed(json!({"content": "a", "success": true})), &[called, "tool@1 exec_command: a"], &[]);
    check(listed(json!([{"stdout": "a"}])), &[called, r#"tool@1 exec_command: {"stdout":"a"}"#], &[]);
    check(listed(json!(7)), &[called, "tool@1 exec_command: 7"], &[]);
    check(listed(Value::Null), &[called, "tool@1 exec_command:"], &[]);
}

#[test]
fn images_of_outputs_follow_all_outputs() {
    let seen = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": [image(PNG)]});
    check(
        json!([call("1", "x"), call("2", "y"), seen("1"), seen("2"), user("so?")]),
        &[
            r#"assistant: exec_command{"cmd":"x"}#1 exec_command{"cmd":"y"}#2"#,
            "tool@1 exec_command: [image: in the next message]",
            "tool@2 exec_command: [image: in the next message]",
            "user: [from the output of exec_command, exec_command] +2",
            "user: so?",
        ],
        &[],
    );
}

#[test]
fn thoughts_belong_to_what_follows() {
    check(json!([thought("a"), thought("b"), assistant("c")]), &["assistant: (a\n\nb) c"], &[]);
    let whole = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "short"}],
        "content": [{"type": "reasoning_text", "text": "whole"}], "encrypted_content": "sealed"});
    check(json!([whole, assistant("c")]), &["assistant: (whole) c"], &[]);
    let lost = "input[0]: thoughts that nothing followed, left out";
    check(json!([thought("a"), user("hi")]), &["user: hi"], &[lost]);
    check(json!([user("hi"), thought("a")]), &["user: hi"], &["input[1]: thoughts that nothing followed, left out"]);
    check(
        json!([thought("a"), developer("b"), user("hi")]),
        &["user: <developer_message>\nb\n</developer_message>", "user: hi"],
        &[lost],
    );
    check(
        json!([{"type": "reasoning", "summary": [], "encrypted_content": "x"}, assistant("c")]),
        &["assistant: c"],
        &[],
    );
}

#[test]
fn thoughts_after_a_call_belong_to_the_next_call_or_turn() {
    check(
        json!([thought("a"), call("1", "x"), thought("b"), call("2", "y")]),
        &[r#"assistant: (a

b) exec_command{"cmd":"x"}#1 exec_command{"cmd":"y"}#2"#],
        &[],
    );
    check(
        json!([call("1", "x"), thought("b"), output("1", "X"), assistant("c")]),
        &[r#"assistant: exec_command{"cmd":"x"}#1"#, "tool@1 exec_command: X", "assistant: (b) c"],
        &[],
    );
}

#[test]
fn custom_searching_and_server_side_calls_are_calls() {
    let search = json!({"type": "tool_search_output", "call_id": "2", "tools": [
        {"type": "namespace", "name": "mcp__a", "tools": [{"type": "function", "name": "b"}]}, {"type": "function", "name": "c"}]});
    let input = json!([
        {"type": "custom_tool_call", "call_id": "1", "name": "apply_patch", "input": "P"},
        {"type": "custom_tool_call_output", "call_id": "1", "output": "ok"},
        {"type": "tool_search_call", "call_id": "2", "arguments": {"query": "q"}},
        search,
        {"type": "local_shell_call", "call_id": "3", "action": {"command": ["ls"]}},
        {"type": "local_shell_call_output", "call_id": "3", "output": "a.txt"},
        {"type": "mcp_call", "id": "m", "server_label": "s", "name": "n", "arguments": "{\"a\":1}", "output": "r"},
        {"type": "mcp_call", "id": "m2", "server_label": "s", "name": "n", "arguments": "no", "error": "e"},
    ]);
    let asked = request(input);
    assert_eq!(
        shown(&translated(&asked)).split_off(1),
        [
            r#"assistant: apply_patch{"input":"P"}#1"#,
            "tool@1 apply_patch: ok",
            r#"assistant: tool_search{"query":"q"}#2"#,
            "tool@2 tool_search: found, can be called now: mcp__a__b, c",
            r#"assistant: local_shell{"command":["ls"]}#3"#,
            "tool@3 local_shell: a.txt",
            r#"assistant: mcp__s__n{"a":1}#m mcp__s__n{}#m2"#,
            "tool@m mcp__s__n: r",
            "tool@m2 mcp__s__n: e",
        ]
    );
}

#[test]
fn arguments_that_are_no_object_are_shown_as_they_were() {
    let slip = json!({"type": "function_call", "name": "exec_command", "call_id": "1", "arguments": "ls -R"});
    check(json!([slip]), &[r#"assistant: exec_command{"arguments":"ls -R"}#1"#], &[]);
}
