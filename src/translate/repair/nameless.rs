//! A call of which only the arguments are known, as gpt-oss's are when Ollama cannot parse them. They are given to a tool
//! only if no other could be meant.

use super::json::parse_lenient;
use super::{Slip, alias, arguments, bare_text, repair, shell};
use crate::translate::{Call, Declared};
use serde_json::{Map, Value};

/// A command goes to `exec_command` where that is declared; else the arguments must fit one tool, and one only.
pub fn for_arguments(written: &str, declared: &[Declared]) -> Option<(Call, Vec<Slip>)> {
    if shell::patch_of(written).is_some() {
        return repair("apply_patch", written, declared).ok();
    }
    let exec = alias::exec_command(declared);
    let Some((given, _)) = parse_lenient(written) else {
        bare_text(written)?;
        return repair(&exec?.name, written, declared).ok();
    };
    let Value::Object(given) = given else { return None };
    if let Some(exec) = exec.filter(|_| ["cmd", "command"].iter().any(|key| is_command(given.get(*key)))) {
        return repair(&exec.name, written, declared).ok();
    }
    let fits = |renamed: bool| {
        let mut fitting = declared.iter().filter_map(|tool| fitted(written, &given, tool, declared, renamed));
        let first = fitting.next()?;
        Some(fitting.next().is_none().then_some(first))
    };
    fits(false).or_else(|| fits(true)).flatten()
}

fn is_command(value: Option<&Value>) -> bool {
    match value {
        Some(Value::String(line)) => !line.trim().is_empty(),
        Some(Value::Array(words)) => !words.is_empty() && words.iter().all(Value::is_string),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    }
}

/// Every key must be the tool's, under its own name unless it may be renamed, and say something of it.
fn fitted(
    written: &str,
    given: &Map<String, Value>,
    tool: &Declared,
    declared: &[Declared],
    renamed: bool,
) -> Option<(Call, Vec<Slip>)> {
    let properties = tool.parameters.get("properties")?;
    let known = |key: &String| properties.get(key).is_some();
    if given.is_empty() || !renamed && !given.keys().all(known) {
        return None;
    }
    let (call, slips) = repair(&tool.name, written, declared).ok()?;
    let whole = call.arguments.len() == given.len() && call.arguments.keys().all(known);
    let needed = arguments::required(&tool.parameters).next().is_some();
    (whole && (needed || !renamed)).then_some((call, slips))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_command_is_for_exec_command() {
        for written in [
            r#"{"cmd":"ls -R"}"#,
            r#"{"command":["bash","-lc","ls -R"]}"#,
            r#"{"command":"ls -R"}"#,
            r#"{"cmd":"ls -R"}]"#,
            "{'cmd': 'ls -R'}",
            "ls -R",
        ] {
            check(written, Some(("exec_command", json!({"cmd": "ls -R"}))));
        }
        let patch = "*** Begin Patch\n*** Delete File: a\n*** End Patch";
        check(patch, Some(("exec_command", json!({"cmd": format!("apply_patch <<'EOF'\n{patch}\nEOF")}))));
    }

    #[test]
    fn other_arguments_must_fit_one_tool_only() {
        for (written, expected) in [
            (r#"{"session_id":3,"chars":"y\n"}"#, Some(("write_stdin", json!({"session_id": 3, "chars": "y\n"})))),
            (r#"{"sessionId":3}"#, Some(("write_stdin", json!({"session_id": 3})))),
            (r#"{"path":"a.png"}"#, Some(("view_image", json!({"path": "a.png"})))),
            (r#"{"a":1,"b":2}"#, None),
            (r#"{"note":"x"}"#, Some(("remember", json!({"note": "x"})))),
            (r#"{"path":"a.png","more":1}"#, None),
            (r#"{"chars":"y"}"#, None),
            (r#"{"workdir":"/a"}"#, None),
            ("{}", None),
            ("", None),
            ("[1]", None),
            ("{\"path\":", None),
            ("one\ntwo", None),
        ] {
            check(written, expected);
        }
        assert_eq!(for_arguments("ls -R", &[]), None);
        assert_eq!(for_arguments(r#"{"cmd":"ls"}"#, &tools()[1..]), None);
    }

    fn tools() -> Vec<Declared> {
        let tool = |name: &str, keys: &[(&str, &str)], required: &[&str]| Declared {
            name: name.to_owned(),
            parameters: json!({
                "type": "object",
                "properties": keys.iter().map(|(key, kind)| (*key, json!({"type": kind}))).collect::<Value>(),
                "required": required,
            }),
        };
        vec![
            tool("exec_command", &[("cmd", "string"), ("workdir", "string")], &["cmd"]),
            tool("write_stdin", &[("session_id", "number"), ("chars", "string")], &["session_id"]),
            tool("view_image", &[("path", "string")], &["path"]),
            tool("mcp__one__add", &[("a", "number"), ("b", "number")], &["a", "b"]),
            tool("mcp__two__add", &[("a", "number"), ("b", "number")], &["a", "b"]),
            tool("remember", &[("note", "string")], &[]),
        ]
    }

    #[track_caller]
    fn check(written: &str, expected: Option<(&str, Value)>) {
        let found = for_arguments(written, &tools()).map(|(call, _)| (call.name, Value::Object(call.arguments)));
        let expected = expected.map(|(name, arguments)| (name.to_owned(), arguments));
        assert_eq!(found, expected, "{written}");
    }
}
