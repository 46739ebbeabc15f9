//! Items of `input`, and what becomes of them.

use super::*;
use crate::translate::recover;
use crate::translate::request::compact;

#[test]
fn plain_texts_are_the_users() {
    check(json!("hello"), &["user: hello"], &[]);
    check(json!(""), &["user:"], &[]);
    check(json!(["hello"]), &["user: hello"], &[]);
    check(json!([{"role": "user", "content": "hello"}]), &["user: hello"], &[]);
}

#[test]
fn leading_instructions_become_one_system_message() {
    let mut asked = request(json!([developer("b"), {"role": "system", "content": "c"}, user("hi")]));
    asked["instructions"] = json!("a");
    assert_eq!(shown(&translated(&asked)), ["system: a\n\nb\n\nc", "user: hi"]);
}

#[test]
fn items_that_say_nothing_do_not_end_the_lead() {
    let tools = json!({"type": "additional_tools", "role": "developer", "tools": []});
    check(
        json!([tools, developer("a"), {"type": "x"}, developer("b"), user("hi")]),
        &["system: a\n\nb", "user: hi"],
        &["input[2]: `x` has no equivalent, left out"],
    );
}

#[test]
fn later_instructions_are_told_as_the_users() {
    check(
        json!([developer("a"), user("hi"), developer("b"), {"role": "system", "content": "c"}, user("go")]),
        &[
            "system: a",
            "user: hi",
            "user: <developer_message>\nb\n</developer_message>",
            "user: <system_message>\nc\n</system_message>",
            "user: go",
        ],
        &[],
    );
}

#[test]
fn instructions_alone_are_followed_by_an_empty_user() {
    check(json!([developer("a")]), &["system: a", "user:"], &[]);
}

#[test]
fn parts_of_a_message_stay_one_message() {
    let parts = json!([{"type": "input_text", "text": "a"}, {"type": "text", "text": "b\n"}, image(PNG)]);
    check(json!([{"type": "message", "role": "user", "content": parts}]), &["user: a\nb\n +1"], &[]);
    let said = json!([{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]);
    check(json!([user("hi"), {"role": "assistant", "content": said}]), &["user: hi", "assistant: ab"], &[]);
}

#[test]
fn files_are_read_if_they_are_text() {
    let file = |data: &str| json!([{"role": "user", "content": [{"type": "input_file", "filename": "a\".txt", "file_data": data}]}]);
    let read = "user: <file name=\"a.txt\">\nfoobar\n</file>";
    check(file("data:text/plain;base64,Zm9vYmFy"), &[read], &[]);
    check(file("Zm9vYmFy"), &[read], &[]);
    for data in ["data:application/pdf;base64,AAAA", "Zm9", "data:text/plain,foo"] {
        check(
            file(data),
            &["user: [file left out: a\".txt]"],
            &["input[0].content[0]: a file that is not text, or not in the request, left out"],
        );
    }
}

#[test]
fn parts_that_nobody_knows_are_lost() {
    let parts = json!([{"type": "input_audio", "data": "x"}, {"type": "input_text"}, {"type": "new", "text": "a"}]);
    check(
        json!([{"role": "user", "content": parts}]),
        &["user: a"],
        &[
            "input[0].content[0]: `input_audio` has no equivalent, left out",
            "input[0].content[1]: not of the expected form, left out",
            "input[0].content[2]: `new` has no equivalent, left out",
        ],
    );
}

#[test]
fn images_go_only_where_they_can_be_seen() {
    let asked = |url: &str| request(json!([{"role": "user", "content": [image(url)]}]));
    let rows = [
        (Api::Ollama, None, PNG, None),
        (Api::Ollama, Some(true), PNG, None),
        (Api::Ollama, Some(false), PNG, Some("the model cannot see images, left out")),
        (Api::Chat, None, "https://example.com/a.png", None),
        (Api::Ollama, None, "https://example.com/a.png", Some("an image that is not in the request, left out")),
        (Api::Chat, None, "data:image/png;base64,@", Some("no readable image, left out")),
        (Api::Chat, None, "data:image/svg+xml,<svg/>", Some("no readable image, left out")),
        (Api::Chat, None, "a.png", Some("no readable image, left out")),
    ];
    for (api, vision, url, loss) in rows {
        let (asked, facts) = (asked(url), Facts { vision, ..Facts::default() });
        let settings = Settings { api, ..SETTINGS };
        let translation = translate(&asked, &[], &settings, &facts, Telling::Structured).unwrap();
        let message = &translation.prompt.messages[0];
        assert_eq!(message.images.len(), usize::from(loss.is_none()), "{url}");
        assert_eq!(message.content.starts_with("[image left out: "), loss.is_some(), "{url}");
        let expected: Vec<String> = loss.iter().map(|why| format!("input[0].content[0]: {why}")).collect();
        assert_eq!(lost(&translation), expected, "{url}");
    }
    let by_id = json!([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]);
    let words = "user: [image left out: it could not be loaded]";
    check(by_id, &[words], &["input[0].content[0]: an image that is not in the request, left out"]);
    let others = json!([{"role": "developer", "content": [image(PNG)]}, user("hi"), {"role": "assistant", "content": [image(PNG)]}]);
    check(
        others,
        &["user: hi"],
        &[
            "input[0]: only a user's message can hold an image, left out",
            "input[2]: only a user's message can hold an image, left out",
        ],
    );
}

#[test]
fn unknown_items_are_lost_and_told() {
    check(
        json!([user("hi"), {"type": "item_reference", "id": "x"}, {"type": "web_search_call"}, 7, {}]),
        &["user: hi"],
        &[
            "input[1]: `item_reference` has no equivalent, left out",
            "input[2]: `web_search_call` has no equivalent, left out",
            "input[3]: not of the expected form, left out",
            "input[4]: not of the expected form, left out",
        ],
    );
    check(
        json!([{"role": "critic", "content": "bad"}]),
        &["user: bad"],
        &["input[0]: unknown role `critic`, told as the user's"],
    );
}

#[test]
fn notes_of_agents_are_told_as_the_users() {
    let note =
        json!({"type": "agent_message", "author": "/root/a", "content": [{"type": "input_text", "text": "done"}]});
    check(json!([note]), &["user: <agent_message from=\"/root/a\">\ndone\n</agent_message>"], &[]);
}

#[test]
fn our_own_summaries_are_read_back() {
    let item = compact::compaction_item("cmp_1", "We did \"x\".");
    let tag = "summary_of_earlier_conversation";
    check(json!([item, user("on")]), &[&format!("user: <{tag}>\nWe did \"x\".\n</{tag}>"), "user: on"], &[]);
    let sealed = json!({"type": "compaction", "encrypted_content": "gAAA"});
    check(json!([sealed, user("on")]), &["user: on"], &["input[0]: a summary sealed by another server, left out"]);
}

#[test]
fn a_summary_is_asked_for_by_an_ordinary_request() {
    let asked =
        compact::prompt(json!({"model": "m", "input": "hi", "instructions": "be brief", "tools": [exec_command()]}));
    let asked = asked.unwrap();
    let messages = shown(&translated(&asked));
    assert_eq!(messages[..2], ["system: be brief", "user: hi"]);
    assert!(messages[2].starts_with("user: Write a hand-off"), "{messages:?}");
    for (request, param) in [
        (json!({"input": "hi"}), "model"),
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": 1}), "input"),
        (json!({"model": "m", "input": []}), "input"),
    ] {
        assert_eq!(compact::prompt(request).unwrap_err().param, Some(param));
    }
    assert!(compact::prompt(json!({"model": "m", "previous_response_id": "r"})).is_ok());
}

#[test]
fn earlier_items_come_first() {
    let earlier = [developer("a"), user("hi"), call("1", "x"), json!({"type": "x"})];
    let mut asked = request(json!([output("1", "X")]));
    asked["instructions"] = json!("new");
    let translation = translate(&asked, &earlier, &SETTINGS, &Facts::default(), Telling::Structured).unwrap();
    assert_eq!(
        shown(&translation),
        ["system: new\n\na", "user: hi", r#"assistant: exec_command{"cmd":"x"}#1"#, "tool@1 exec_command: X",]
    );
    assert_eq!(lost(&translation), ["previous_response_id[3]: `x` has no equivalent, left out"]);
}

#[test]
fn tools_are_taken_from_earlier_items() {
    let found = |name: &str| json!({"type": "tool_search_output", "call_id": "1", "tools": [{"type": "function", "name": name}]});
    let earlier = [found("b")];
    let mut asked = request(json!([found("c"), user("hi")]));
    asked["tools"] = json!([exec_command()]);
    let translation = translate(&asked, &earlier, &SETTINGS, &Facts::default(), Telling::Structured).unwrap();
    let names: Vec<&str> = translation.table.declared().iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["exec_command", "b", "c"]);
}

#[test]
fn tools_may_be_told_as_text() {
    let mut asked = request(json!([user("hi"), assistant("a"), call("1", "x"), output("1", "X")]));
    asked["tools"] = json!([exec_command()]);
    let translation = told(&asked, Telling::Printed);
    assert_eq!(translation.prompt.tools, Vec::<Value>::new());
    let messages = shown(&translation);
    assert!(
        messages[0].contains("\n{\"description\":\"Run a shell command\",\"name\":\"exec_command\","),
        "{messages:?}"
    );
    let printed = "a\n\n```json\n{\"arguments\":{\"cmd\":\"x\"},\"name\":\"exec_command\"}\n```";
    assert_eq!(
        messages[1..],
        [
            "user: hi".to_owned(),
            format!("assistant: {printed}"),
            "user: <tool_output name=\"exec_command\">\nX\n</tool_output>".to_owned(),
        ]
    );
    let recover::Verdict::Calls { calls, .. } = recover::recover(printed, translation.table.declared()) else {
        panic!("what is asked for is not read")
    };
    assert_eq!((calls[0].name.as_str(), calls[0].arguments["cmd"].as_str()), ("exec_command", Some("x")));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    for (asked, param) in [
        (json!([]), None),
        (json!({"input": "hi"}), Some("model")),
        (json!({"model": "", "input": "hi"}), Some("model")),
        (json!({"model": 7, "input": "hi"}), Some("model")),
        (json!({"model": "m"}), Some("input")),
        (json!({"model": "m", "input": []}), Some("input")),
        (json!({"model": "m", "input": {"role": "user"}}), Some("input")),
        (json!({"model": "m", "input": "hi", "tool_choice": {"type": "function", "name": "x"}}), Some("tool_choice")),
    ] {
        let Refused { message, param: at } = refused(&asked);
        assert_eq!(at, param, "{asked}: {message}");
        assert!(message.ends_with('.'), "{message}");
    }
}
