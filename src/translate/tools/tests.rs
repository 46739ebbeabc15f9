//! Over the tools of recorded requests, from Codex 0.98 to 0.169 (`tests/fixtures/codex/tools`), and over made-up ones.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::compact::{self, Function, first_sentence};
use super::{Mode, Note, Origin, Table, Why, schema, sources};
use crate::translate::Call;

macro_rules! recorded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../tests/fixtures/codex/tools/", $name, ".json")))),*]
    };
}

const RECORDED: &[(&str, &str)] = recorded![
    "0.98_apply_patch",
    "0.98_mcp",
    "0.130_exec",
    "0.130_mcp",
    "0.137_mcp",
    "0.147_mcp",
    "0.169_exec",
    "0.169_tui",
    "0.169_mcp",
    "0.169_custom",
    "0.169_code_mode",
    "0.169_agents_v2",
];

#[test]
fn recorded_tools_shrink() {
    // Request, bytes at most, and by how much at least. Measured: 2,488 / 6.92, 4,923 / 5.01, 2,293 / 7.98, 3,792 / 5.33.
    let bars =
        [("0.169_exec", 2_600, 6.5), ("0.169_tui", 4_929, 5.0), ("0.130_exec", 2_400, 7.5), ("0.169_mcp", 4_000, 5.0)];
    for (name, most, times) in bars {
        let tools = recorded(name);
        let (before, after) = (bytes(&tools), bytes(&compact(&tools).0.to_chat_tools()));
        let by = f64::from(before) / f64::from(after);
        assert!(after <= most && by >= times, "{name}: {before} → {after} bytes, {by:.2} times");
    }
}

#[test]
fn each_declared_tool_comes_back_as_it_was_declared() {
    for (name, tools) in all_recorded() {
        for mode in [Mode::Compact, Mode::Full] {
            let (table, _) = Table::from_request(&tools, mode);
            let origins: Vec<_> = table.declared().iter().map(|d| table.origin(&d.name).unwrap().clone()).collect();
            let expected: Vec<_> = callables(&tools).into_iter().map(|(origin, _)| origin).collect();
            assert_eq!(origins, expected, "{name}");
        }
    }
}

#[test]
fn flat_names_are_unique_and_safe() {
    for (name, tools) in all_recorded() {
        let (table, _) = compact(&tools);
        let names: BTreeSet<_> = table.declared().iter().map(|d| d.name.clone()).collect();
        assert_eq!(names.len(), table.declared().len(), "{name}");
        for flat in names {
            assert!((1..=64).contains(&flat.len()), "{flat}");
            assert!(flat.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{flat}");
        }
    }
}

#[test]
fn what_is_required_stays() {
    for (name, tools) in all_recorded() {
        let (table, _) = compact(&tools);
        for ((_, tool), declared) in callables(&tools).into_iter().zip(table.declared()) {
            if let Some(parameters) = tool.get("parameters") {
                assert_required(parameters, &declared.parameters, &format!("{name} {}", declared.name));
            }
        }
    }
}

#[test]
fn nothing_is_invented() {
    for (name, tools) in all_recorded() {
        let (table, _) = compact(&tools);
        for declared in table.declared() {
            let whole = table.schema(&declared.name).unwrap();
            for (key, short) in declared.parameters["properties"].as_object().unwrap() {
                let told = &whole["properties"][key];
                assert_eq!(short.get("enum"), told.get("enum"), "{name} {} {key}", declared.name);
                assert!(told.is_object(), "{name} {} {key}", declared.name);
            }
        }
    }
}

#[test]
fn simplifying_twice_is_once() {
    for (name, tools) in all_recorded() {
        for (origin, tool) in callables(&tools) {
            let (Origin::Function { name: bare, .. } | Origin::Custom { name: bare, .. }) = origin else { continue };
            let declared = Function {
                name: bare.clone(),
                description: tool["description"].as_str().unwrap().to_owned(),
                parameters: schema::object(tool.get("parameters")).0,
            };
            let once = compact::simplify(&declared);
            assert_eq!(compact::simplify(&once), once, "{name} {bare}");
        }
    }
}

#[test]
fn short_tools_declared_again_stay_as_they_are() {
    for (name, tools) in all_recorded().into_iter().filter(|(name, _)| *name != "0.169_code_mode") {
        let once = compact(&tools).0.to_chat_tools();
        let again: Vec<Value> = once.iter().map(|tool| as_responses(&tool["function"])).collect();
        assert_eq!(compact(&again).0.to_chat_tools(), once, "{name}");
    }
}

#[test]
fn odd_schemas_shrink_once() {
    let odd = [
        json!({"anyOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}, {"type": "null"}]}),
        json!({"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "b": true, "c": false}}),
        json!({"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}, {"type": "integer"}, {}]}}}),
        json!({"type": "object", "properties": {"a": {"type": ["string", "integer", "null"], "items": true}}}),
        json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"again": {"$ref": "#/$defs/A"}}}}}),
        json!({"properties": {"a": {"allOf": [{"enum": ["x"]}, {"description": "One. Two."}]}}, "required": ["a", "b"]}),
    ];
    for parameters in odd {
        let whole = schema::object(Some(&parameters)).0;
        assert_eq!(schema::object(Some(&whole)).0, whole);
        let once =
            compact::simplify(&Function { name: "odd".to_owned(), description: String::new(), parameters: whole });
        assert_eq!(compact::simplify(&once), once, "{parameters}");
    }
}

#[test]
fn mcp_servers_keep_their_tools_apart() {
    for (name, namespace) in [("0.130_mcp", "mcp__tiny__"), ("0.137_mcp", "mcp__tiny"), ("0.169_mcp", "mcp__tiny")] {
        let (table, _) = compact(&recorded(name));
        assert_eq!(table.flat_name(Some(namespace), "add"), "mcp__tiny__add", "{name}");
        let item = table.item(&call("mcp__tiny__add", json!({"a": 1, "b": 2})), "call_1", "fc_1");
        // As the history of a real 0.169 has it, after Codex has run the call.
        let expected = json!({"type": "function_call", "status": "completed", "id": "fc_1", "name": "add",
            "namespace": namespace, "arguments": "{\"a\":1,\"b\":2}", "call_id": "call_1"});
        assert_eq!(item, expected);
        assert_eq!(table.past_call(&item), Some(call("mcp__tiny__add", json!({"a": 1, "b": 2}))));
    }
}

#[test]
fn agents_go_by_their_own_names() {
    for (name, namespace) in
        [("0.130_exec", None), ("0.147_mcp", Some("multi_agent_v1")), ("0.169_agents_v2", Some("collaboration"))]
    {
        let (table, _) = compact(&recorded(name));
        let item = table.item(&call("spawn_agent", json!({})), "call_1", "fc_1");
        assert_eq!(item.get("namespace").and_then(Value::as_str), namespace, "{name}");
        assert_eq!((&item["name"], &item["arguments"]), (&json!("spawn_agent"), &json!("{}")), "{name}");
    }
}

#[test]
fn custom_tools_take_one_text() {
    let (table, _) = compact(&recorded("0.169_custom"));
    let patch = "*** Begin Patch\n*** Add File: new.txt\n+hello patch\n*** End Patch";
    let item = table.item(&call("apply_patch", json!({"input": patch})), "call_1", "ctc_1");
    let expected = json!({"type": "custom_tool_call", "id": "ctc_1", "status": "completed", "call_id": "call_1",
        "name": "apply_patch", "input": patch});
    assert_eq!(item, expected);
    assert_eq!(table.past_call(&item), Some(call("apply_patch", json!({"input": patch}))));
    let wrong_key = table.item(&call("apply_patch", json!({"patch": patch})), "call_1", "ctc_1");
    assert_eq!(wrong_key["input"], patch);
}

#[test]
fn an_apply_patch_function_stays_a_function() {
    let (table, _) = compact(&recorded("0.98_apply_patch"));
    let item = table.item(&call("apply_patch", json!({"input": "x"})), "call_1", "fc_1");
    assert_eq!((&item["type"], &item["arguments"]), (&json!("function_call"), &json!("{\"input\":\"x\"}")));
}

#[test]
fn an_unknown_custom_tool_keeps_all_its_words_and_its_grammar() {
    let tool = json!({"type": "custom", "name": "query", "description": "One. Two.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}});
    let (table, _) = compact(&[tool]);
    let described = table.to_chat_tools()[0]["function"]["description"].as_str().unwrap().to_owned();
    assert_eq!(described, "One. Two.\n\n`input` is bound by this lark grammar:\nstart: WORD");
}

#[test]
fn tool_search_goes_both_ways() {
    let (table, _) = compact(&recorded("0.169_custom"));
    let item = table.item(&call("tool_search", json!({"query": "calendar", "limit": 1})), "call_1", "tsc_1");
    let expected = json!({"type": "tool_search_call", "id": "tsc_1", "status": "completed", "call_id": "call_1",
        "execution": "client", "arguments": {"query": "calendar", "limit": 1}});
    assert_eq!(item, expected);
    assert_eq!(table.past_call(&item), Some(call("tool_search", json!({"query": "calendar", "limit": 1}))));
}

#[test]
fn tools_are_read_wherever_they_stand() {
    let function =
        |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}});
    let request = json!({"tools": [function("plain")], "input": [
        {"type": "additional_tools", "role": "developer",
            "tools": [{"type": "namespace", "name": "functions", "tools": [function("exec_command")]}]},
        {"type": "message", "role": "user", "content": []},
        {"type": "tool_search_output", "call_id": "call_1", "execution": "client",
            "tools": [{"type": "namespace", "name": "mcp__tiny", "tools": [function("add"), {"type": "local_shell"}]}]},
    ]});
    let (table, notes) = Table::read(&sources(&request), Mode::Compact);
    let names: Vec<_> = table.declared().iter().map(|declared| &*declared.name).collect();
    assert_eq!(names, ["plain", "exec_command", "mcp__tiny__add"]);
    assert_eq!(table.item(&call("exec_command", json!({})), "c", "f")["namespace"], "functions");
    assert_eq!(table.flat_name(None, "exec_command"), "exec_command");
    assert_eq!(notes, [note("input[2].tools[0].tools[1]", Why::NotOffered("local_shell".to_owned()))]);
}

#[test]
fn what_is_dropped_is_told() {
    let none = json!({"type": "object", "properties": {}});
    let function = |name: &str| json!({"type": "function", "name": name, "parameters": none});
    let tools = [
        json!({"type": "web_search", "external_web_access": false}),
        json!({"type": "tool_search", "execution": "server"}),
        json!(true),
        function(""),
        function("a"),
        function("a"),
        json!({"type": "function", "name": "b"}),
        json!({"type": "function", "name": "c", "parameters": {"type": "string"}}),
        json!({"type": "function", "name": "d", "parameters": {"oneOf": [{"properties": {"x": {}}}, {"properties": {"y": {}}}]}}),
        json!({"type": "function", "name": "e", "parameters": {"properties": {"x": {"$ref": "#/$defs/nowhere"}}}}),
        function("f.g"),
    ];
    let (table, notes) = compact(&tools);
    let names: Vec<_> = table.declared().iter().map(|declared| &*declared.name).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f_g"]);
    let expected = [
        note("tools[0]", Why::NotOffered("web_search".to_owned())),
        note("tools[1]", Why::NotOffered("tool_search".to_owned())),
        note("tools[2]", Why::NotOffered(String::new())),
        note("tools[3]", Why::NoName),
        note("tools[5]", Why::Duplicate),
        note("tools[6]", Why::NoSchema),
        note("tools[7]", Why::NotAnObject),
        note("tools[8]", Why::UnionMerged),
        note("tools[9]", Why::ReferenceLost),
        note("tools[10]", Why::Renamed("f_g".to_owned())),
    ];
    assert_eq!(notes, expected);
}

#[test]
fn unmentioned_parameters_are_told_and_still_known() {
    let (table, notes) = compact(&recorded("0.169_exec"));
    let left =
        ["login", "max_output_tokens", "prefix_rule", "shell", "tty", "yield_time_ms"].map(str::to_owned).to_vec();
    assert_eq!(notes.iter().find(|note| note.at == "tools[0]").unwrap().why, Why::Unmentioned(left));
    assert_eq!(table.schema("exec_command").unwrap()["properties"]["tty"]["type"], "boolean");
}

#[test]
fn clashing_names_get_a_number() {
    let function = |name: &str| json!({"type": "function", "name": name, "parameters": {"properties": {}}});
    let space =
        |name: &str| json!({"type": "namespace", "name": name, "tools": [function("add"), function(&"x".repeat(70))]});
    let (table, _) = compact(&[
        space("team"),
        space("mcp__a"),
        space("mcp__a__"),
        function("add"),
        function("a.b"),
        function("a-b"),
    ]);
    let names: Vec<_> = table.declared().iter().map(|declared| declared.name.clone()).collect();
    let [whole, second, third] = ["x".repeat(64), "x".repeat(62) + "_2", "x".repeat(62) + "_3"];
    let expected: [&str; 9] =
        ["team__add", &whole, "mcp__a__add", &second, "mcp__a__add_2", &third, "add", "a_b", "a-b"];
    assert_eq!(names, expected);
    assert_eq!(table.flat_name(Some("mcp__a__"), "add"), "mcp__a__add_2");
}

#[test]
fn history_of_tools_that_are_gone_stays_readable() {
    let (table, _) = compact(&[]);
    let gone = |item: Value| table.past_call(&item).unwrap();
    let arguments = json!({"type": "function_call", "name": "add", "namespace": "mcp__x", "arguments": "{\"a\":1}"});
    assert_eq!(gone(arguments), call("mcp__x__add", json!({"a": 1})));
    let broken = json!({"type": "function_call", "name": "shell", "arguments": "{\"a\":"});
    assert_eq!(gone(broken), call("shell", json!({"arguments": "{\"a\":"})));
    assert_eq!(
        gone(json!({"type": "function_call", "name": "get_goal", "arguments": ""})),
        call("get_goal", json!({}))
    );
    assert_eq!(table.past_call(&json!({"type": "message"})), None);
}

#[test]
fn undeclared_names_are_passed_on_for_the_client_to_refuse() {
    let (table, _) = compact(&[]);
    let item = table.item(&call("container.exec", json!({})), "call_1", "fc_1");
    assert_eq!(
        (&item["type"], &item["name"], item.get("namespace")),
        (&json!("function_call"), &json!("container.exec"), None)
    );
}

#[test]
fn full_mode_changes_nothing() {
    let tools = recorded("0.169_exec");
    let (table, notes) = Table::from_request(&tools, Mode::Full);
    for (declared, (_, tool)) in table.to_chat_tools().iter().zip(callables(&tools)) {
        assert_eq!(declared["function"]["parameters"], tool["parameters"]);
        assert_eq!(declared["function"]["description"], tool["description"]);
    }
    assert_eq!(notes, [note("tools[8]", Why::NotOffered("web_search".to_owned()))]);
}

#[test]
fn sentences_are_cut_where_they_end() {
    let rows = [
        ("Add two numbers", "Add two numbers"),
        ("Reads e.g. a file. Then stops.", "Reads e.g. a file"),
        ("# Tool discovery\n\nSearches tools\nby name. More.", "Searches tools by name"),
        ("\n# Only a heading\n", "Only a heading"),
        ("", ""),
        ("0123456789 0123456789 0123456789 0123456789", "0123456789 0123456789 0123456789"),
        ("ééééééééééééééééééééééééééééééééééééééééé", "éééééééééééééééééééééééééééééééééééééééé"),
    ];
    for (text, expected) in rows {
        assert_eq!(first_sentence(text, 40), expected);
        assert_eq!(first_sentence(expected, 40), expected);
    }
}

fn recorded(name: &str) -> Vec<Value> {
    all_recorded().into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn all_recorded() -> Vec<(&'static str, Vec<Value>)> {
    RECORDED.iter().map(|(name, text)| (*name, serde_json::from_str(text).unwrap())).collect()
}

fn compact(tools: &[Value]) -> (Table, Vec<Note>) {
    Table::from_request(tools, Mode::Compact)
}

fn bytes(tools: &[Value]) -> u32 {
    u32::try_from(serde_json::to_string(tools).unwrap().len()).unwrap()
}

fn call(name: &str, arguments: Value) -> Call {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    Call { name: name.to_owned(), arguments }
}

fn note(at: &str, why: Why) -> Note {
    Note { at: at.to_owned(), why }
}

fn as_responses(function: &Value) -> Value {
    let mut tool: Map<String, Value> = function.as_object().unwrap().clone();
    tool.insert("type".to_owned(), json!("function"));
    Value::Object(tool)
}

/// Read anew from the declarations, without the table's code.
fn callables(tools: &[Value]) -> Vec<(Origin, &Value)> {
    let mut found = Vec::new();
    for tool in tools {
        let name = || tool["name"].as_str().unwrap().to_owned();
        match tool["type"].as_str().unwrap() {
            "function" => found.push((Origin::Function { namespace: None, name: name() }, tool)),
            "custom" => found.push((Origin::Custom { namespace: None, name: name() }, tool)),
            "tool_search" => found.push((Origin::ToolSearch, tool)),
            "namespace" => found.extend(tool["tools"].as_array().unwrap().iter().map(|member| {
                let member_name = member["name"].as_str().unwrap().to_owned();
                (Origin::Function { namespace: Some(name()), name: member_name }, member)
            })),
            hosted => assert_eq!(hosted, "web_search"),
        }
    }
    found
}

fn assert_required(declared: &Value, short: &Value, at: &str) {
    for name in declared.get("required").and_then(Value::as_array).unwrap_or(&vec![]) {
        let name = name.as_str().unwrap();
        assert!(short["required"].as_array().unwrap().iter().any(|kept| kept == name), "{at}: {name}");
        assert_eq!(short["properties"][name]["type"], declared["properties"][name]["type"], "{at}: {name}");
        assert_required(&declared["properties"][name], &short["properties"][name], &format!("{at}.{name}"));
    }
    if let Some(items) = declared.get("items") {
        assert_required(items, &short["items"], &format!("{at}[]"));
    }
}
