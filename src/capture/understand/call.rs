//! What a call does, where it is one that is known: a command, a patch, a plan.

use serde_json::Value;

use crate::capture::view::{Call, Step};

use super::json::{owned, parse_or_text, text};

/// Tools that run a command, of Codex and of others.
const COMMANDS: &[&str] = &[
    "exec_command",
    "shell",
    "shell_command",
    "local_shell",
    "local_shell_call",
    "container.exec",
    "bash",
    "run_command",
];
const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

/// `arguments`: as they are given, JSON in a text or not.
pub(super) fn read(name: &str, arguments: &Value) -> Call {
    let arguments = match arguments {
        Value::String(text) => parse_or_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => arguments.clone(),
    };
    let bare = name.rsplit_once('.').map_or(name, |(_, bare)| bare);
    let known = match bare {
        "apply_patch" => patch(&arguments),
        "update_plan" => plan(&arguments),
        _ if COMMANDS.contains(&name) || COMMANDS.contains(&bare) => command(&arguments),
        _ => None,
    };
    known.unwrap_or(Call::Tool { arguments })
}

fn patch(arguments: &Value) -> Option<Call> {
    let in_fields = || ["input", "patch"].into_iter().find_map(|key| text(arguments, key));
    let patch = arguments.as_str().or_else(in_fields)?;
    Some(Call::Patch { patch: patch.to_owned() })
}

fn plan(arguments: &Value) -> Option<Call> {
    let step = |value: &Value| {
        let status = text(value, "status").unwrap_or("pending").to_owned();
        Some(Step { step: owned(value, "step")?, status })
    };
    let steps = arguments.get("plan")?.as_array()?;
    let steps = steps.iter().filter_map(step).collect();
    Some(Call::Plan { explanation: owned(arguments, "explanation"), steps })
}

fn command(arguments: &Value) -> Option<Call> {
    let given = ["cmd", "command", "commands"].into_iter().find_map(|key| arguments.get(key))?;
    let command = match given {
        Value::String(command) => command.clone(),
        // Of `shell_call`: each is a command of its own.
        Value::Array(commands) if arguments.get("commands").is_some() => {
            commands.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
        }
        Value::Array(words) => join(words)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    if let Some(patch) = heredoc(&command) {
        return Some(Call::Patch { patch });
    }
    let first = |keys: &[&str]| keys.iter().find_map(|key| owned(arguments, key));
    let timeouts = ["timeout_ms", "timeout", "yield_time_ms"];
    Some(Call::Command {
        command,
        workdir: first(&["workdir", "working_directory", "cwd"]),
        timeout_ms: timeouts.into_iter().find_map(|key| arguments.get(key)?.as_u64()),
        why: first(&["justification", "description"]),
    })
}

/// `["bash", "-lc", "ls"]` is `ls`; other words are joined as a shell would read them.
fn join(words: &[Value]) -> Option<String> {
    let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
    match words?.as_slice() {
        [] => None,
        [shell, flag, script] if is_shell(shell) && ["-c", "-lc", "-Command", "/c"].contains(flag) => {
            Some((*script).to_owned())
        }
        words => Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")),
    }
}

fn is_shell(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    ["bash", "sh", "zsh", "dash", "fish", "pwsh", "powershell", "cmd"].contains(&name)
}

fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The patch of `apply_patch <<'EOF'`.
fn heredoc(command: &str) -> Option<String> {
    let begin = command.find(BEGIN)?;
    let before = &command[..begin];
    if !(before.contains("apply_patch") && before.contains("<<")) {
        return None;
    }
    let patch = &command[begin..];
    let end = patch.find(END).map_or(patch.len(), |end| end + END.len());
    Some(patch[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn just(command: &str) -> Call {
        Call::Command { command: command.to_owned(), workdir: None, timeout_ms: None, why: None }
    }

    #[track_caller]
    fn check(name: &str, arguments: &Value, call: &Call) {
        assert_eq!(read(name, arguments), *call, "{name} {arguments}");
        assert_eq!(read(name, &Value::String(arguments.to_string())), *call, "{name} {arguments}");
    }

    #[test]
    fn commands_are_shown_as_one_would_type_them() {
        check("exec_command", &json!({"cmd": "ls | head"}), &just("ls | head"));
        check("shell", &json!({"command": ["bash", "-lc", "ls | head"]}), &just("ls | head"));
        check("shell", &json!({"command": ["git", "commit", "-m", "it's"]}), &just(r"git commit -m 'it'\''s'"));
        check("shell_command", &json!({"command": "ls"}), &just("ls"));
        check("container.exec", &json!({"cmd": ["/bin/sh", "-c", "a"]}), &just("a"));
        let all = json!({"cmd": "make", "workdir": "/w", "yield_time_ms": 1000, "justification": "because"});
        let (workdir, why) = (Some("/w".to_owned()), Some("because".to_owned()));
        check("exec_command", &all, &Call::Command { command: "make".into(), workdir, timeout_ms: Some(1000), why });
    }

    #[test]
    fn patches_are_found_in_all_their_forms() {
        let patch = "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch".to_owned();
        let call = Call::Patch { patch: patch.clone() };
        check("apply_patch", &json!({"input": patch}), &call);
        assert_eq!(read("apply_patch", &Value::String(patch.clone())), call);
        let script = format!("cd /w && apply_patch <<'EOF'\n{patch}\nEOF");
        check("exec_command", &json!({"cmd": script}), &call);
        check("shell", &json!({"command": ["bash", "-lc", script]}), &call);
        let grep = format!("grep '{BEGIN}' a");
        check("exec_command", &json!({"cmd": grep}), &just(&grep));
    }

    #[test]
    fn plans_have_steps() {
        let arguments = json!({"explanation": "so", "plan": [{"step": "a", "status": "completed"}, {"step": "b"}]});
        let step = |step: &str, status: &str| Step { step: step.into(), status: status.into() };
        let steps = vec![step("a", "completed"), step("b", "pending")];
        check("update_plan", &arguments, &Call::Plan { explanation: Some("so".into()), steps });
    }

    #[test]
    fn what_is_not_known_is_shown_as_it_is() {
        for (name, arguments) in [
            ("mcp__tiny.add", json!({"a": 1})),
            ("exec_command", json!({"other": 1})),
            ("shell", json!({"command": []})),
            ("shell", json!({"command": [1]})),
            ("update_plan", json!({"plan": "later"})),
        ] {
            check(name, &arguments, &Call::Tool { arguments: arguments.clone() });
        }
        let broken = Value::String("{\"cmd\": \"ls".into());
        assert_eq!(read("exec_command", &broken), Call::Tool { arguments: broken });
    }
}
