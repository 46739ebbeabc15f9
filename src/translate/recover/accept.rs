//! Which declared function a printed call means, and whether its arguments will do.

use super::{Declared, Field, Printed, Raw, Why, Written, loose};
use serde_json::{Map, Value, json};

/// Names under which models know the function that runs a command, and its name in Codex.
const SHELLS: [&str; 3] = ["shell", "bash", "container.exec"];
const EXEC: &str = "exec_command";

pub(super) fn accept(raw: Raw, declared: &[Declared]) -> Result<Printed, Why> {
    let family = raw.family;
    if let Written::Patch(patch) = raw.arguments {
        let (name, arguments) = patching(&patch, declared).ok_or_else(|| Why::UnknownName("apply_patch".to_owned()))?;
        return Ok(Printed { name, arguments, family });
    }
    let tool = resolve(&raw.name, declared).ok_or_else(|| Why::UnknownName(raw.name.clone()))?;
    let mut arguments = match raw.arguments {
        Written::Json(value) => as_object(value).ok_or(Why::Broken)?,
        Written::Fields(fields) => fields.into_iter().map(|field| typed(field, &tool.parameters)).collect(),
        Written::Patch(_) => return Err(Why::Broken),
    };
    if tool.name == EXEC && SHELLS.iter().any(|shell| cleaned(&raw.name).eq_ignore_ascii_case(shell)) {
        arguments = as_exec(arguments);
    }
    let required = tool.parameters["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for key in required {
        if !arguments.contains_key(key) {
            return Err(Why::MissingArgument { name: tool.name.clone(), key: key.to_owned() });
        }
    }
    Ok(Printed { name: tool.name.clone(), arguments, family })
}

/// The declared function that a model means by `name`: as it is, without prefixes, tokens and case, or by a fixed alias.
pub fn resolve<'d>(name: &str, declared: &'d [Declared]) -> Option<&'d Declared> {
    let name = cleaned(name);
    let exactly = |wanted: &str| declared.iter().find(|tool| tool.name == wanted);
    let nearly = |wanted: &str| {
        let mut near = declared.iter().filter(|tool| tool.name.eq_ignore_ascii_case(wanted));
        near.next().filter(|_| near.next().is_none())
    };
    let last = name.rsplit(['.', ':', '/']).next().unwrap_or(name);
    let alias = || SHELLS.iter().any(|shell| shell.eq_ignore_ascii_case(name)).then(|| exactly(EXEC)).flatten();
    exactly(name).or_else(|| nearly(name)).or_else(alias).or_else(|| exactly(last)).or_else(|| nearly(last))
}

/// Without harmony's tokens (`name<|channel|>commentary`), Kimi's index (`name:0`), and the prefix `functions.`.
fn cleaned(name: &str) -> &str {
    let name = name.split("<|").next().unwrap_or(name).trim().trim_matches(['"', '\'', '`']);
    let name = match name.rsplit_once(':') {
        Some((name, index)) if !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => name,
    };
    name.strip_prefix("functions.").or_else(|| name.strip_prefix("functions:")).unwrap_or(name)
}

/// An object, or the text of one.
fn as_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        Value::Null => Some(Map::new()),
        Value::String(text) => match loose::whole(&text)? {
            Value::Object(object) => Some(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// A text with the type that the schema gives it. What does not fit stays a string, for the mending that comes later.
fn typed(field: Field, schema: &Value) -> (String, Value) {
    let string = field.string.unwrap_or_else(|| allows_string(&schema["properties"][&field.key]));
    let value = if string { None } else { loose::whole(field.text.trim()) };
    (field.key, value.unwrap_or(Value::String(field.text)))
}

/// A schema that says nothing allows it.
fn allows_string(schema: &Value) -> bool {
    for key in ["anyOf", "oneOf"] {
        if let Some(schemas) = schema[key].as_array() {
            return schemas.iter().any(allows_string);
        }
    }
    match &schema["type"] {
        Value::String(one) => one == "string",
        Value::Array(many) => many.iter().any(|one| one == "string"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

/// `{"command": ["bash", "-lc", "ls"]}` as `{"cmd": "ls"}`; other keys stay.
fn as_exec(mut arguments: Map<String, Value>) -> Map<String, Value> {
    if arguments.contains_key("cmd") {
        return arguments;
    }
    let cmd = match arguments.remove("command") {
        Some(Value::Array(words)) => {
            let words: Vec<String> =
                words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect();
            Value::String(command_line(&words))
        }
        Some(other) => other,
        None => return arguments,
    };
    arguments.insert("cmd".to_owned(), cmd);
    arguments
}

fn command_line(words: &[String]) -> String {
    match words {
        [shell, flag, script] if shell.ends_with("sh") && matches!(flag.as_str(), "-c" | "-lc") => script.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

/// For a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A patch goes to `apply_patch` where that is declared, and else to it as a shell command.
fn patching(patch: &str, declared: &[Declared]) -> Option<(String, Map<String, Value>)> {
    let tool = |name: &str| declared.iter().find(|tool| tool.name == name);
    let (name, arguments) = if let Some(tool) = tool("apply_patch") {
        let key = tool.parameters["required"][0].as_str().unwrap_or("input");
        (&tool.name, json!({ key: patch }))
    } else {
        let tool = tool(EXEC)?;
        let end = ["EOF", "END_OF_PATCH"].into_iter().find(|end| !patch.lines().any(|line| line == *end))?;
        (&tool.name, json!({ "cmd": format!("apply_patch <<'{end}'\n{patch}\n{end}") }))
    };
    as_object(arguments).map(|arguments| (name.clone(), arguments))
}
