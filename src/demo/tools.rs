//! Which tool the scripted model calls, and with what. Pure: from the user's words and the tools' JSON schemas to one call.
//! It runs nothing, and it does not resolve `$ref`: a schema it cannot read is taken for a string.

use super::model;
use serde_json::{Map, Value, json};

#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// JSON schema; `Null` when none was given.
    pub(crate) parameters: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
}

/// A call, when `said` asks for one and there is a tool to call.
pub(crate) fn call(tools: &[Tool], said: &str, serial: u64) -> Option<Call> {
    let (tool, property) = choose(tools)?;
    let command = command(said).or_else(|| property.and(spoken(said)))?;
    let arguments = arguments(&tool.parameters, property, &Words { command: &command, said });
    Some(Call { id: call_id(serial), name: tool.name.clone(), arguments })
}

/// JSON that fits a schema, of the user's words. `Null` is any JSON.
pub(crate) fn filled(schema: &Value, said: &str) -> Value {
    if schema.is_null() {
        return json!({ "answer": model::shortened(said) });
    }
    fill(schema, &Words { command: said, said })
}

/// Tools that run a command, best first, with the property that takes it.
const SHELLS: [(&str, &str); 4] =
    [("exec_command", "cmd"), ("shell", "command"), ("bash", "command"), ("shell_command", "command")];

fn choose(tools: &[Tool]) -> Option<(&Tool, Option<&'static str>)> {
    let shell = SHELLS.iter().find_map(|&(name, property)| {
        let tool = tools.iter().find(|tool| tool.name.eq_ignore_ascii_case(name))?;
        Some((tool, Some(property)))
    });
    shell.or_else(|| Some((tools.first()?, None)))
}

/// The command to run, when the text asks to list or to run something. Words inside of backticks do not ask:
/// "what does `ls` do?" wants prose, but "`ls`" alone is a request.
fn command(said: &str) -> Option<String> {
    let (asking, quoted) = match backticked(said) {
        Some((around, command)) => (around, Some(command)),
        None => (said.to_owned(), None),
    };
    let asks = asks(&asking) || (quoted.is_some() && asking.trim().is_empty());
    asks.then(|| quoted.unwrap_or("ls").to_owned())
}

/// "say hello" and nothing else, before a shell: then the shell says it, so that a first try shows a tool at work. Only words
/// that no shell takes for anything else.
fn spoken(said: &str) -> Option<String> {
    let said = said.trim();
    let (verb, words) = said.split_once(' ')?;
    let is_plain = |word: &str| word.chars().all(char::is_alphanumeric);
    let is_asked = verb.eq_ignore_ascii_case("say") && said.len() <= 80 && words.split(' ').all(is_plain);
    is_asked.then(|| format!("echo {words}"))
}

const RUN: &[&str] = &[
    "ls",
    "list",
    "run",
    "exec",
    "execute",
    "liste",
    "lister",
    "listez",
    "lance",
    "lancer",
    "lancez",
    "exécute",
    "exécuter",
    "exécutez",
    "executer",
    "executez",
];
const SHOW: &[&str] = &["show", "display", "montre", "montrer", "montrez", "affiche", "afficher", "affichez"];
const FILES: &[&str] =
    &["file", "files", "folder", "directory", "fichier", "fichiers", "dossier", "répertoire", "repertoire"];

fn asks(text: &str) -> bool {
    let text = text.to_lowercase();
    let has = |wanted: &[&str]| text.split(|c: char| !c.is_alphanumeric()).any(|word| wanted.contains(&word));
    has(RUN) || (has(SHOW) && has(FILES))
}

/// The first command in backticks or in a fence, and the text around it.
fn backticked(text: &str) -> Option<(String, &str)> {
    let fence = if text.contains("```") { "```" } else { "`" };
    let (before, rest) = text.split_once(fence)?;
    let (inside, after) = rest.split_once(fence)?;
    // The first line of a fence names the language.
    let inside = if fence.len() > 1 { inside.split_once('\n').map_or(inside, |(_, code)| code) } else { inside };
    let command = inside.trim();
    (!command.is_empty()).then(|| (format!("{before} {after}"), command))
}

/// What arguments are made of.
struct Words<'a> {
    command: &'a str,
    said: &'a str,
}

/// All that the schema requires, and the command where it belongs.
fn arguments(schema: &Value, property: Option<&str>, words: &Words<'_>) -> Map<String, Value> {
    let mut arguments = required(schema, words);
    if let Some(property) = property {
        let schema = &schema["properties"][property];
        arguments.insert(property.to_owned(), command_value(schema, words));
    }
    arguments
}

fn required(schema: &Value, words: &Words<'_>) -> Map<String, Value> {
    let names = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let value = |name: &str| match name {
        "cmd" | "command" => command_value(&schema["properties"][name], words),
        other => fill(&schema["properties"][other], words),
    };
    names.iter().filter_map(Value::as_str).map(|name| (name.to_owned(), value(name))).collect()
}

/// Older Codex wants `["bash", "-lc", …]`, everybody else a string.
fn command_value(schema: &Value, words: &Words<'_>) -> Value {
    if kind(schema) == Some("array") {
        Value::from(vec!["bash", "-lc", words.command])
    } else {
        Value::from(words.command)
    }
}

fn fill(schema: &Value, words: &Words<'_>) -> Value {
    let given = schema["enum"].get(0).or_else(|| schema.get("const")).or_else(|| schema.get("default"));
    if let Some(given) = given {
        return given.clone();
    }
    if let Some(first) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
        return fill(first, words);
    }
    match kind(schema) {
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
        Some("boolean") => Value::Bool(false),
        Some("null") => Value::Null,
        Some("array") if schema["minItems"].as_u64() > Some(0) => Value::from(vec![fill(&schema["items"], words)]),
        Some("array") => Value::from(Vec::<Value>::new()),
        Some("object") => Value::Object(required(schema, words)),
        Some(_) | None => Value::from(bounded(&model::shortened(words.said), schema)),
    }
}

/// As long as the schema wants it.
fn bounded(text: &str, schema: &Value) -> String {
    let bound = |key: &str| schema[key].as_u64().and_then(|bound| usize::try_from(bound).ok());
    let text: String = text.chars().take(bound("maxLength").unwrap_or(usize::MAX)).collect();
    let missing = bound("minLength").unwrap_or_default().saturating_sub(text.chars().count());
    // A schema may ask for anything; nobody needs it from a demo.
    text + &".".repeat(missing.min(1000))
}

/// `"type"`, or the first of several that is not null.
fn kind(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        Value::String(one) => Some(one),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// `call_` and the serial number in base 36: Ollama's form, and no two alike until 36⁸ are given out.
fn call_id(serial: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = serial;
    let mut id = [b'0'; 8];
    for place in id.iter_mut().rev() {
        *place = DIGITS[usize::try_from(rest % 36).unwrap_or_default()];
        rest /= 36;
    }
    id.iter().fold("call_".to_owned(), |mut text, digit| {
        text.push(char::from(*digit));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_ask_in_two_languages() {
        for said in [
            "list the files",
            "Run the tests!",
            "please ls",
            "show me the files here",
            "Exécute-le",
            "liste les fichiers",
            "tu peux l'exécuter ?",
            "montre-moi le répertoire",
        ] {
            check_command(said, Some("ls"));
        }
    }

    #[test]
    fn words_that_do_not_ask() {
        for said in ["", "hello", "a listless runner", "show me a poem", "what does `ls` do?", "un relief"] {
            check_command(said, None);
        }
    }

    #[test]
    fn a_shell_says_what_it_is_asked_to_say() {
        check_said(&["exec_command"], "say hello", Some("echo hello"));
        check_said(&["exec_command"], " Say hello world ", Some("echo hello world"));
        check_said(&["a"], "say hello", None);
        for said in ["say $(reboot)", "say it; rm -r x", "say", "hello", "say 'a", "do say hello"] {
            check_said(&["exec_command"], said, None);
        }
    }

    #[track_caller]
    fn check_said(names: &[&str], said: &str, expected: Option<&str>) {
        let tools: Vec<Tool> =
            names.iter().map(|name| Tool { name: (*name).into(), parameters: Value::Null }).collect();
        let call = call(&tools, said, 1);
        let command = call.as_ref().and_then(|call| call.arguments["cmd"].as_str());
        assert_eq!(command, expected, "{said}");
    }

    #[test]
    fn the_command_is_what_stands_in_backticks() {
        check_command("run `cargo test -q` please", Some("cargo test -q"));
        check_command("lance ` pwd `, puis `ls`", Some("pwd"));
        check_command("`git status`", Some("git status"));
        check_command("execute\n```sh\ncd x\nmake\n```", Some("cd x\nmake"));
        check_command("run ``", Some("ls"));
        check_command("run `unclosed", Some("ls"));
    }

    #[test]
    fn exec_command_is_preferred_then_a_shell_then_the_first() {
        check_choice(&["a", "bash", "shell", "exec_command"], Some(("exec_command", Some("cmd"))));
        check_choice(&["a", "bash", "shell"], Some(("shell", Some("command"))));
        check_choice(&["a", "Bash"], Some(("Bash", Some("command"))));
        check_choice(&["a", "b"], Some(("a", None)));
        check_choice(&[], None);
    }

    #[test]
    fn a_shell_without_a_schema_gets_its_command() {
        check_call("exec_command", &Value::Null, &json!({"cmd": "pwd"}));
        check_call("bash", &json!({}), &json!({"command": "pwd"}));
    }

    #[test]
    fn a_command_that_wants_a_list_gets_one() {
        let schema =
            json!({"properties": {"command": {"type": "array", "items": {"type": "string"}}}, "required": ["command"]});
        check_call("shell", &schema, &json!({"command": ["bash", "-lc", "pwd"]}));
    }

    #[test]
    fn required_properties_are_filled_by_type() {
        let schema = json!({
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "level": {"type": "string", "enum": ["low", "high"]},
                "count": {"type": "integer"},
                "port": {"type": "number", "minimum": 1024},
                "deep": {"type": "boolean"},
                "names": {"type": "array", "items": {"type": "string"}},
                "some": {"type": "array", "items": {"type": "boolean"}, "minItems": 1},
                "where": {"type": "object", "properties": {"x": {"const": 3}}, "required": ["x"]},
                "either": {"anyOf": [{"type": "null"}, {"type": "string"}]},
                "maybe": {"type": ["null", "boolean"]},
                "preset": {"type": "string", "default": "here"},
                "left_out": {"type": "string"},
            },
            "required": ["text", "level", "count", "port", "deep", "names", "some", "where", "either", "maybe", "preset", "unknown"],
        });
        check_call(
            "first",
            &schema,
            &json!({
                "text": "run `pwd`", "level": "low", "count": 1, "port": 1024, "deep": false, "names": [], "some": [false],
                "where": {"x": 3}, "either": null, "maybe": false, "preset": "here", "unknown": "run `pwd`",
            }),
        );
    }

    #[test]
    fn a_form_is_filled_within_its_bounds() {
        let schema = |title: Value| json!({"type": "object", "properties": {"title": title}, "required": ["title"]});
        for (title, expected) in [
            (json!({"type": "string", "minLength": 1, "maxLength": 4}), "list"),
            (json!({"type": "string", "minLength": 10}), "list it..."),
            (json!({"enum": ["a", "b"]}), "a"),
        ] {
            assert_eq!(filled(&schema(title), "list it"), json!({ "title": expected }));
        }
        assert_eq!(filled(&json!({"type": "array"}), "list it"), json!([]));
    }

    #[test]
    fn another_tools_command_is_the_command_too() {
        let schema = json!({"properties": {"command": {"type": "string"}}, "required": ["command"]});
        check_call("run_terminal", &schema, &json!({"command": "pwd"}));
    }

    #[test]
    fn a_schema_that_is_no_schema_does_no_harm() {
        for schema in [json!(true), json!([1]), json!({"required": "cmd"}), json!({"required": [1, null]})] {
            check_call("first", &schema, &json!({}));
        }
    }

    #[test]
    fn ids_have_ollamas_form_and_differ() {
        assert_eq!(call_id(0), "call_00000000");
        assert_eq!(call_id(35), "call_0000000z");
        assert_eq!(call_id(36), "call_00000010");
        assert_eq!(call_id(36_u64.pow(8) - 1), "call_zzzzzzzz");
        assert_eq!(call_id(36_u64.pow(8)), "call_00000000");
    }

    #[track_caller]
    fn check_command(said: &str, expected: Option<&str>) {
        assert_eq!(command(said).as_deref(), expected, "{said:?}");
    }

    #[track_caller]
    fn check_choice(names: &[&str], expected: Option<(&str, Option<&str>)>) {
        let tools: Vec<Tool> = names.iter().map(|name| tool(name, &Value::Null)).collect();
        assert_eq!(choose(&tools).map(|(tool, property)| (tool.name.as_str(), property)), expected);
    }

    #[track_caller]
    fn check_call(name: &str, schema: &Value, expected: &Value) {
        let call = call(&[tool(name, schema)], "run `pwd`", 0).unwrap();
        assert_eq!(&Value::Object(call.arguments), expected);
    }

    fn tool(name: &str, schema: &Value) -> Tool {
        Tool { name: name.to_owned(), parameters: schema.clone() }
    }
}
