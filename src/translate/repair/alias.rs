//! Tools that models call from habit although nobody declared them. Codex's own prompt for local models asks for
//! `apply_patch` and declares none (0.158 to 0.169); gpt-oss was trained on `container.exec`. What they mean is `exec_command`.

use super::arguments::sole_key;
use super::json::parse_lenient;
use super::slip::{Slip, note};
use super::{Broken, keys, shell};
use crate::translate::Declared;
use serde_json::{Map, Value};

const SHELLS: &[&str] = &["shell", "shell_command", "bash", "sh", "container.exec", "local_shell"];

/// Where habits put the command, the likeliest first.
const COMMAND: &[&str] = &["cmd", "command", "script", "input", "code"];
const PATCH: &[&str] = &["input", "patch", "command", "cmd", "text"];

/// Arguments for `exec_command`, still to be fitted.
#[derive(Debug)]
pub(super) struct Meant<'a> {
    pub(super) tool: &'a Declared,
    pub(super) arguments: Map<String, Value>,
    pub(super) slips: Vec<Slip>,
}

pub(super) fn meant<'a>(name: &str, arguments: &str, declared: &'a [Declared]) -> Option<Result<Meant<'a>, Broken>> {
    let tool = tool(name, declared)?;
    let patch = is_patch(name);
    let mut slips = vec![Slip::NameHabit];
    let given = if patch { patched(arguments, &mut slips) } else { command(arguments, &mut slips) };
    Some(given.map(|arguments| Meant { tool, arguments, slips }))
}

/// The tool that a habit's name stands for.
pub(super) fn tool<'a>(name: &str, declared: &'a [Declared]) -> Option<&'a Declared> {
    let known = is_patch(name) || SHELLS.iter().any(|shell| keys::alike(name, shell));
    known.then(|| exec_command(declared)).flatten()
}

fn is_patch(name: &str) -> bool {
    keys::alike(name, "apply_patch")
}

/// `functions` is its namespace in Codex's light requests.
pub(super) fn exec_command(declared: &[Declared]) -> Option<&Declared> {
    let tool =
        declared.iter().find(|tool| ["exec_command", "functions__exec_command"].contains(&tool.name.as_str()))?;
    sole_key(&tool.parameters).is_some_and(|(key, _)| key == "cmd").then_some(tool)
}

fn command(arguments: &str, slips: &mut Vec<Slip>) -> Result<Map<String, Value>, Broken> {
    let mut given = match read(arguments, slips)? {
        Value::Object(members) => members,
        bare @ (Value::String(_) | Value::Array(_)) => Map::from_iter([("cmd".to_owned(), bare)]),
        Value::Null | Value::Bool(_) | Value::Number(_) => return Err(Broken::NotAnObject),
    };
    let key = find(&given, COMMAND).ok_or_else(|| Broken::Missing("cmd".to_owned()))?;
    let line = given.remove(key).unwrap_or_default();
    let line = match given.remove("args") {
        Some(args) => with_args(line, args, slips).ok_or_else(|| Broken::Missing("cmd".to_owned()))?,
        None => line,
    };
    given.insert("cmd".to_owned(), line);
    Ok(given)
}

/// `{"command":"ls","args":["-la"]}`. A command without its arguments is another command, so that it is all or nothing.
fn with_args(line: Value, args: Value, slips: &mut Vec<Slip>) -> Option<Value> {
    note(slips, Slip::Joined);
    match (line, args) {
        (Value::String(line), Value::Array(args)) => {
            Some(Value::String([line, shell::joined(&shell::words(&args)?)].join(" ").trim_end().to_owned()))
        }
        (Value::String(line), Value::String(args)) => Some(Value::String([line, args].join(" "))),
        (Value::Array(line), Value::Array(args)) => Some(Value::Array([line, args].concat())),
        (line, Value::Null) => Some(line),
        _ => None,
    }
}

fn patched(arguments: &str, slips: &mut Vec<Slip>) -> Result<Map<String, Value>, Broken> {
    let (text, mut given) = match read(arguments, slips)? {
        Value::Object(mut members) => {
            let key = find(&members, PATCH).ok_or(Broken::NoPatch)?;
            (members.remove(key).unwrap_or_default(), members)
        }
        bare @ (Value::String(_) | Value::Array(_)) => (bare, Map::new()),
        Value::Null | Value::Bool(_) | Value::Number(_) => return Err(Broken::NoPatch),
    };
    let line = line_of_patch(&text).ok_or(Broken::NoPatch)?;
    note(slips, Slip::Patch);
    given.insert("cmd".to_owned(), Value::String(line));
    Ok(given)
}

/// Codex 0.98 declares `apply_patch {input}` to gpt-oss, and its prompt shows `{"command":["apply_patch", patch]}`.
pub(super) fn declared_patch(given: Value, tool: &Declared, slips: &mut Vec<Slip>) -> Value {
    let Some((key, _)) = sole_key(&tool.parameters).filter(|_| keys::alike(&tool.name, "apply_patch")) else {
        return given;
    };
    let text = |value: &Value| match value {
        Value::String(text) => shell::patch_of(text).map(str::to_owned),
        Value::Array(words) => words.last()?.as_str().and_then(shell::patch_of).map(str::to_owned),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    let patch = match &given {
        Value::Object(members) if !members.contains_key(key) => {
            find(members, PATCH).and_then(|key| text(members.get(key)?))
        }
        Value::Array(_) => text(&given),
        Value::Object(_) | Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    };
    let Some(patch) = patch else { return given };
    note(slips, Slip::Patch);
    Value::Object(Map::from_iter([(key.to_owned(), Value::String(patch))]))
}

/// A patch, `["apply_patch", patch]`, or a command line that already applies one.
fn line_of_patch(text: &Value) -> Option<String> {
    let line = match text {
        Value::String(line) => line.clone(),
        Value::Array(items) => shell::command_line(&shell::words(items)?)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    if let Some(patch) = shell::patch_of(&line) {
        return Some(shell::heredoc(patch));
    }
    let applies =
        line.split("<<").next().and_then(|before| before.split_whitespace().last()).is_some_and(shell::is_apply_patch);
    (line.contains("<<") && applies).then_some(line)
}

/// A patch or a command may stand there without any JSON.
fn read(arguments: &str, slips: &mut Vec<Slip>) -> Result<Value, Broken> {
    if let Some((value, more)) = parse_lenient(arguments) {
        slips.extend(more);
        return Ok(value);
    }
    let bare = super::bare_text(arguments).or_else(|| shell::patch_of(arguments)).ok_or(Broken::BadJson)?;
    note(slips, Slip::Wrapped);
    Ok(Value::String(bare.to_owned()))
}

fn find(given: &Map<String, Value>, keys: &[&'static str]) -> Option<&'static str> {
    keys.iter().copied().find(|key| given.get(*key).is_some_and(|value| !value.is_null()))
}
