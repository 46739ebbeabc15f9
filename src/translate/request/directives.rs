//! The one system message: the client's instructions, then a few words of ours about tools. Nothing of one turn alone, as
//! this is where every prompt of a thread begins.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Format, PastCall, Telling};
use crate::translate::tools::Table;

const CALLS: &str = "Call tools only through the tool interface; never write a call as text.";

/// Codex's prompt speaks of a tool `apply_patch` that it does not declare (0.98 to 0.169). Run as a command in exactly
/// this form, a patch is applied by all versions.
const PATCHES: &str = "There is no tool apply_patch. To edit files, call exec_command with a cmd of these lines: \
`apply_patch <<'EOF'`, then the patch from `*** Begin Patch` to `*** End Patch`, then `EOF`.";

/// No parser of Ollama takes a fenced block for a call, and `recover` reads it.
const PRINTED: &str = "To call a tool, end your message with one block of this form, and write nothing after it:\n\
```json\n{\"name\":\"<tool>\",\"arguments\":{…}}\n```\n\
The next message then holds its output. Call one tool at a time. The tools, with the JSON schemas of their arguments:";

pub(super) fn system(
    request: &Value,
    lead: Vec<Cow<'_, str>>,
    table: &Table,
    functions: &[Value],
    telling: Telling,
    format: Option<&Format<'_>>,
) -> Option<String> {
    let mut texts: Vec<Cow<'_, str>> = Vec::with_capacity(lead.len() + 4);
    texts
        .extend(request.get("instructions").and_then(Value::as_str).filter(|text| !text.is_empty()).map(Cow::Borrowed));
    texts.extend(lead);
    if !functions.is_empty() {
        match telling {
            Telling::Structured => texts.push(Cow::Borrowed(CALLS)),
            Telling::Printed => texts.push(Cow::Owned(list(functions))),
        }
        if table.origin("exec_command").is_some() && table.origin("apply_patch").is_none() {
            texts.push(Cow::Borrowed(PATCHES));
        }
    }
    match format {
        None => {}
        Some(Format::Json) => texts.push(Cow::Borrowed("Your final answer must be one JSON object and nothing else.")),
        Some(Format::Schema(schema)) => texts.push(Cow::Owned(format!(
            "Your final answer must be one JSON value and nothing else, after this JSON schema: {schema}"
        ))),
    }
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

fn list(functions: &[Value]) -> String {
    let mut text = PRINTED.to_owned();
    for function in functions.iter().filter_map(|tool| tool.get("function")) {
        text.push('\n');
        text.push_str(&function.to_string());
    }
    text
}

/// What the model said with its calls, in the form that [`PRINTED`] asks for.
pub(super) fn printed(said: &str, calls: &[PastCall<'_>]) -> String {
    let mut text = said.to_owned();
    for call in calls {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        let arguments = Value::Object(call.arguments.clone());
        let block =
            Map::from_iter([("name".to_owned(), call.name.clone().into()), ("arguments".to_owned(), arguments)]);
        text.extend(["```json\n", &Value::Object(block).to_string(), "\n```"]);
    }
    text
}
