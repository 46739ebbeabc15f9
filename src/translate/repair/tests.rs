//! Whole calls against the tools as Codex 0.169 declares them, descriptions left out.

use super::*;
use serde_json::json;

fn tools() -> Vec<Declared> {
    let exec = json!({"type": "object", "properties": {
        "cmd": {"type": "string"}, "justification": {"type": "string"}, "login": {"type": "boolean"},
        "max_output_tokens": {"type": "number"}, "prefix_rule": {"type": "array", "items": {"type": "string"}},
        "sandbox_permissions": {"type": "string", "enum": ["use_default", "require_escalated"]}, "shell": {"type": "string"},
        "tty": {"type": "boolean"}, "workdir": {"type": "string"}, "yield_time_ms": {"type": "number"},
    }, "required": ["cmd"], "additionalProperties": false});
    let stdin = json!({"type": "object", "properties": {
        "chars": {"type": "string"}, "max_output_tokens": {"type": "number"}, "session_id": {"type": "number"},
        "yield_time_ms": {"type": "number"},
    }, "required": ["session_id"], "additionalProperties": false});
    let image = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let none = json!({"type": "object", "properties": {}, "required": []});
    [
        ("exec_command", exec),
        ("write_stdin", stdin),
        ("view_image", image),
        ("get_goal", none.clone()),
        ("mcp__tiny__ping", none),
    ]
    .map(|(name, parameters)| Declared { name: name.to_owned(), parameters })
    .to_vec()
}

/// codex-client section 6, row by row: each of these made Codex 0.169 refuse the call.
#[test]
fn what_codex_punishes_is_mended() {
    let exec = |written: &str, meant: Value| check("exec_command", written, "exec_command", meant);
    exec(r#"{"cmd":["ls","-la"]}"#, json!({"cmd": "ls -la"}));
    exec(r#"{"command":"ls"}"#, json!({"cmd": "ls"}));
    for ms in ["\"1000\"", "1000.0", "1000.4"] {
        exec(&format!(r#"{{"cmd":"ls","yield_time_ms":{ms}}}"#), json!({"cmd": "ls", "yield_time_ms": 1000}));
    }
    for slip in [
        r#""yield_time_ms":-1"#,
        r#""yield_time_ms":null"#,
        r#""tty":null"#,
        r#""max_output_tokens":0"#,
        r#""max_output_tokens":"0""#,
        r#""sandbox_permissions":"""#,
        r#""sandbox_permissions":"with_love""#,
        r#""sandbox_permissions":null"#,
        r#""justification":"""#,
        r#""justification":"because""#,
        r#""justification":"because","sandbox_permissions":"""#,
        r#""justification":"because","sandbox_permissions":"none""#,
    ] {
        exec(&format!(r#"{{"cmd":"ls",{slip}}}"#), json!({"cmd": "ls"}));
    }
    exec(r#"{"cmd":"ls","tty":"true","login":"false"}"#, json!({"cmd": "ls", "tty": true, "login": false}));
    exec(r#"{"cmd":"ls","prefix_rule":"ls"}"#, json!({"cmd": "ls", "prefix_rule": ["ls"]}));
    for id in ["\"5\"", "5.0"] {
        check("write_stdin", &format!(r#"{{"session_id":{id}}}"#), "write_stdin", json!({"session_id": 5}));
    }
    check("get_goal", "", "get_goal", json!({}));
    check("mcp__tiny.ping", "", "mcp__tiny__ping", json!({}));
    check("view_image", r#"{"file_path":"a.png"}"#, "view_image", json!({"path": "a.png"}));
    check("functions.exec_command<|channel|>json", "{'cmd': 'ls',}", "exec_command", json!({"cmd": "ls"}));
    exec("ls -R", json!({"cmd": "ls -R"}));
}

#[test]
fn what_codex_takes_is_left_alone() {
    for arguments in [
        r#"{"cmd":"ls"}"#,
        r#"{"cmd":"apply_patch <<'EOF'\n*** Begin Patch\n*** End Patch\nEOF"}"#,
        r#"{"cmd":"","workdir":"","shell":"","login":true,"tty":false,"yield_time_ms":1000,"max_output_tokens":1}"#,
        r#"{"cmd":"ls","sandbox_permissions":"require_escalated","justification":"may I?","prefix_rule":["ls"]}"#,
        r#"{"cmd":"ls","sandbox_permissions":"use_default"}"#,
    ] {
        let (call, slips) = repair("exec_command", arguments, &tools()).unwrap();
        assert_eq!(
            (Value::Object(call.arguments), slips),
            (serde_json::from_str(arguments).unwrap(), vec![]),
            "{arguments}"
        );
    }
}

#[test]
fn habits_become_exec_command() {
    for name in ["shell", "shell_command", "bash", "sh", "container.exec", "local_shell", "Bash", "functions.shell"] {
        for arguments in [
            r#"{"command":["bash","-lc","ls -la"]}"#,
            r#"{"cmd":"ls -la"}"#,
            r#"{"script":"ls -la"}"#,
            r#"{"command":"ls","args":["-la"]}"#,
            r#"["ls","-la"]"#,
            r#""ls -la""#,
            "ls -la",
            r#"{"command":["bash","-lc","ls -la"],"timeout_ms":1000,"with_escalated_permissions":true,"justification":"x"}"#,
        ] {
            check(name, arguments, "exec_command", json!({"cmd": "ls -la"}));
        }
    }
    check("shell", r#"{"command":["ls"],"workdir":"/a"}"#, "exec_command", json!({"cmd": "ls", "workdir": "/a"}));
    check("bash", r#"{"command":"ls","cwd":"/a"}"#, "exec_command", json!({"cmd": "ls", "workdir": "/a"}));
    let (_, slips) = repair("bash", r#"{"command":"ls","timeout":1}"#, &tools()).unwrap();
    assert_eq!(slips, [Slip::NameHabit, Slip::KeyDropped]);
}

/// The form of the fixture `codex-0.169.0_exec_applypatch-heredoc_req2.json`.
#[test]
fn patches_become_the_heredoc_that_codex_applies() {
    let patch = "*** Begin Patch\n*** Add File: new.txt\n+hello patch\n*** End Patch";
    let meant = json!({"cmd": format!("apply_patch <<'EOF'\n{patch}\nEOF")});
    for arguments in [
        json!({"input": patch}),
        json!({"patch": format!("{patch}\n")}),
        json!({"command": ["apply_patch", patch]}),
        json!({"command": ["bash", "-lc", format!("apply_patch <<'EOF'\n{patch}\nEOF")]}),
        json!({"cmd": format!("apply_patch <<'EOF'\n{patch}\nEOF")}),
        json!(patch),
    ] {
        check("apply_patch", &arguments.to_string(), "exec_command", meant.clone());
    }
    check("apply_patch", patch, "exec_command", meant.clone());
    check("apply_patch", &format!("{{\"input\":\"{patch}\"}}"), "exec_command", meant.clone());
    check("exec_command", &json!({"cmd": patch}).to_string(), "exec_command", meant.clone());
    check("exec_command", &json!({"cmd": ["apply_patch", patch]}).to_string(), "exec_command", meant.clone());
    check("shell", &json!({"command": ["apply_patch", patch]}).to_string(), "exec_command", meant);
}

#[test]
fn a_declared_tool_is_no_habit() {
    let mut declared = tools();
    let parameters = json!({"type": "object", "properties": {"command": {"type": "array"}}, "required": ["command"]});
    declared.push(Declared { name: "shell".to_owned(), parameters });
    let (call, slips) = repair("shell", r#"{"command":["ls"]}"#, &declared).unwrap();
    assert_eq!((call.name.as_str(), slips), ("shell", vec![]));
}

/// As Codex 0.98 declares it to gpt-oss.
#[test]
fn a_declared_apply_patch_gets_its_patch() {
    let parameters = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    let declared = [tools(), vec![Declared { name: "apply_patch".to_owned(), parameters }]].concat();
    let patch = "*** Begin Patch\n*** Delete File: a\n*** End Patch";
    for given in
        [json!({"command": ["apply_patch", patch]}), json!({"patch": patch}), json!(patch), json!({"input": patch})]
    {
        let (call, _) = repair("apply_patch", &given.to_string(), &declared).unwrap();
        assert_eq!(
            (call.name.as_str(), Value::Object(call.arguments)),
            ("apply_patch", json!({"input": patch})),
            "{given}"
        );
    }
    assert!(repair("apply_patch", patch, &declared).is_ok());
}

#[test]
fn the_model_is_told_why() {
    for (name, arguments, broken, says) in [
        ("update_plan", "{}", Broken::UnknownTool("update_plan".to_owned()), "there is no tool named `update_plan`"),
        ("", "{}", Broken::UnknownTool(String::new()), "there is no tool named ``"),
        ("exec_command", "{}", Broken::Missing("cmd".to_owned()), "the required argument `cmd` is missing"),
        (
            "exec_command",
            "{\"cmd\":\"ls",
            Broken::BadJson,
            "the arguments are not valid JSON; write them as one JSON object",
        ),
        (
            "write_stdin",
            "yes please",
            Broken::BadJson,
            "the arguments are not valid JSON; write them as one JSON object",
        ),
        ("exec_command", "7", Broken::NotAnObject, "the arguments must be one JSON object"),
        ("bash", "{}", Broken::Missing("cmd".to_owned()), "the required argument `cmd` is missing"),
        (
            "apply_patch",
            r#"{"input":"- a\n+ b"}"#,
            Broken::NoPatch,
            "there is no patch; it must start with `*** Begin Patch` and end with `*** End Patch`",
        ),
    ] {
        assert_eq!(repair(name, arguments, &tools()), Err(broken.clone()), "{name} {arguments}");
        assert_eq!(broken.to_string(), says);
    }
    assert_eq!(repair("bash", r#"{"cmd":"ls"}"#, &tools()[1..]), Err(Broken::UnknownTool("bash".to_owned())));
}

/// Pieces of calls in every order that a small generator finds: nothing panics, and what was repaired needs no repair.
#[test]
fn repairing_twice_is_repairing_once() {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        "\"cmd\"",
        "'",
        "\"",
        ":",
        ",",
        "ls",
        "\\",
        "\\u00",
        "\n",
        "null",
        "True",
        "-1",
        "1.0",
        "\"yield_time_ms\"",
        "<|",
        "|>",
        "```",
        "é",
        "😀",
        "\u{feff}",
        " ",
        "*** Begin Patch",
        "\"command\"",
        "\"a\"",
        "exec_command",
        "bash",
        "functions.",
        "{\"cmd\":\"ls\"}",
        "{\"cmd\":[\"a\",\"b c\"],",
        "\"tty\":\"true\"}",
        "<<",
        ":0",
        "to=",
    ];
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = |most: u64| {
        let mut roll = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice >> 33).unwrap()
        };
        let length = roll() % usize::try_from(most).unwrap();
        (0..length).map(|_| PIECES[roll() % PIECES.len()]).collect::<String>()
    };
    let declared = tools();
    let mut repaired = 0;
    for round in 0..10_000 {
        let name =
            if round % 2 == 0 { ["exec_command", "bash", "apply_patch"][round / 2 % 3].to_owned() } else { text(5) };
        let Ok((call, _)) = repair(&name, &text(10), &declared) else { continue };
        repaired += 1;
        let again = Value::Object(call.arguments.clone()).to_string();
        assert_eq!(repair(&call.name, &again, &declared), Ok((call, vec![])), "{name}");
    }
    assert!(repaired > 100, "{repaired}");
}

#[track_caller]
fn check(name: &str, arguments: &str, meant_name: &str, meant: Value) {
    let (call, slips) =
        repair(name, arguments, &tools()).unwrap_or_else(|broken| panic!("{name} {arguments}: {broken}"));
    assert_eq!((call.name.as_str(), Value::Object(call.arguments)), (meant_name, meant), "{name} {arguments}");
    assert!(!slips.is_empty(), "{name} {arguments}: mended without a note");
}
