//! The table: flat name ↔ what the client declared. Made anew for each request, never kept.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::compact::{self, Function};
use super::{Mode, Note, Source, Why, kind_of, known, names, schema, text};
use crate::translate::{Call, Declared};

/// What a call of a flat name is for the client. Clients match exactly: Codex answers anything else with
/// `unsupported call` (0.98 to 0.169).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Function {
        namespace: Option<String>,
        name: String,
    },
    /// A tool with free text as input, often bound by a grammar.
    Custom {
        namespace: Option<String>,
        name: String,
    },
    /// The client's own search among tools that it has not declared yet.
    ToolSearch,
}

#[derive(Clone, Debug)]
pub struct Table {
    tools: Vec<Tool>,
    /// As the model is told; the same order as `tools`.
    declared: Arc<[Declared]>,
    /// As the client declared them, made plain: what a call has to fit. In the same order.
    whole: Arc<[Declared]>,
    by_name: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Tool {
    origin: Origin,
    description: String,
}

/// A callable declaration that has no flat name yet.
struct Found {
    at: String,
    tool: Tool,
    schema: Value,
}

impl Table {
    /// From a request's `tools` alone; see [`super::sources`] for all places.
    pub fn from_request(tools: &[Value], mode: Mode) -> (Self, Vec<Note>) {
        let sources = tools.iter().enumerate().map(|(index, tool)| Source { at: format!("tools[{index}]"), tool });
        Self::read(&sources.collect::<Vec<_>>(), mode)
    }

    pub fn read(sources: &[Source<'_>], mode: Mode) -> (Self, Vec<Note>) {
        let (mut found, mut notes) = (Vec::new(), Vec::new());
        for source in sources {
            find(&source.at, source.tool, None, &mut found, &mut notes);
        }
        let flats = name_all(&found, &mut notes);
        let (mut tools, mut declared, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for (Found { at, mut tool, schema }, name) in found.into_iter().zip(flats) {
            let (parameters, schema) = match mode {
                Mode::Full => (schema.clone(), schema),
                Mode::Compact => shorten(&name, &at, &mut tool, schema, &mut notes),
            };
            tools.push(tool);
            declared.push(Declared { name: name.clone(), parameters });
            whole.push(Declared { name, parameters: schema });
        }
        let by_name = places(&declared);
        (Self { tools, declared: declared.into(), whole: whole.into(), by_name }, notes)
    }

    /// Takes away what the request forbids to call (`tool_choice`), by flat name.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let left = |all: &[Declared]| all.iter().filter(|tool| keep(&tool.name)).cloned().collect();
        let mut kept = self.declared.iter().map(|tool| keep(&tool.name));
        self.tools.retain(|_| kept.next().unwrap_or_default());
        (self.declared, self.whole) = (left(&self.declared), left(&self.whole));
        self.by_name = places(&self.declared);
    }

    /// The functions that the model may call, in the order of the request.
    pub fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// The same, to be kept.
    pub fn shared(&self) -> Arc<[Declared]> {
        Arc::clone(&self.declared)
    }

    /// The same with the client's own schemas, with the parameters that the compact form does not mention: what a call has
    /// to fit.
    pub fn whole(&self) -> &[Declared] {
        &self.whole
    }

    pub fn origin(&self, flat: &str) -> Option<&Origin> {
        self.tool(flat).map(|tool| &tool.origin)
    }

    /// The client's own schema of one of them.
    pub fn schema(&self, flat: &str) -> Option<&Value> {
        self.by_name.get(flat).map(|index| &self.whole[*index].parameters)
    }

    /// `tools` of Ollama's `/api/chat`, and of any chat completions API.
    pub fn to_chat_tools(&self) -> Vec<Value> {
        self.declared.iter().zip(&self.tools).map(|(declared, tool)| chat_tool(declared, &tool.description)).collect()
    }

    /// The flat name of a function or custom tool in the history. One that is not declared (any more) gets a name of the
    /// same make, which calls nothing.
    pub fn flat_name(&self, namespace: Option<&str>, name: &str) -> String {
        let function = Origin::Function { namespace: given(namespace), name: name.to_owned() };
        let custom = Origin::Custom { namespace: given(namespace), name: name.to_owned() };
        self.flat(&function).or_else(|| self.flat(&custom)).map_or_else(|| made_up(namespace, name), str::to_owned)
    }

    /// A call of the history, as the model has made it. `None`: the item is no call.
    pub fn past_call(&self, item: &Value) -> Option<Call> {
        let (namespace, name) = (item.get("namespace").and_then(Value::as_str), text(item, "name").to_owned());
        let (origin, arguments) = match kind_of(item) {
            "function_call" => (Origin::Function { namespace: given(namespace), name }, past_arguments(item)),
            "custom_tool_call" => {
                let input = Map::from_iter([("input".to_owned(), json!(text(item, "input")))]);
                (Origin::Custom { namespace: given(namespace), name }, input)
            }
            "tool_search_call" => (Origin::ToolSearch, past_arguments(item)),
            _ => return None,
        };
        let name = self.flat(&origin).map_or_else(|| origin.made_up(), str::to_owned);
        Some(Call { name, arguments })
    }

    /// The output item by which the client runs the call. A name that is not declared is passed on as it is: the client
    /// tells the model.
    pub fn item(&self, call: &Call, call_id: &str, id: &str) -> Value {
        let undeclared = Origin::Function { namespace: None, name: call.name.clone() };
        let origin = self.origin(&call.name).unwrap_or(&undeclared);
        let mut item = match origin {
            Origin::Function { name, .. } => {
                let arguments = Value::Object(call.arguments.clone()).to_string();
                json!({"type": "function_call", "name": name, "arguments": arguments})
            }
            Origin::Custom { name, .. } => {
                json!({"type": "custom_tool_call", "name": name, "input": custom_input(&call.arguments)})
            }
            // `arguments` is an object here, not a string (`ResponseItem::ToolSearchCall` in Codex's protocol).
            Origin::ToolSearch => {
                json!({"type": "tool_search_call", "execution": "client", "arguments": call.arguments})
            }
        };
        item["id"] = json!(id);
        item["call_id"] = json!(call_id);
        item["status"] = json!("completed");
        if let Some(namespace) = origin.namespace() {
            item["namespace"] = json!(namespace);
        }
        item
    }

    fn tool(&self, flat: &str) -> Option<&Tool> {
        self.by_name.get(flat).map(|index| &self.tools[*index])
    }

    /// Exact, else among plain functions, for which a missing namespace, `""` and `functions` are the same to Codex.
    fn flat(&self, origin: &Origin) -> Option<&str> {
        self.tools.iter().position(|tool| tool.origin.answers_to(origin)).map(|index| &*self.declared[index].name)
    }
}

impl Origin {
    fn namespace(&self) -> Option<&str> {
        match self {
            Self::Function { namespace, .. } | Self::Custom { namespace, .. } => namespace.as_deref(),
            Self::ToolSearch => None,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Function { name, .. } | Self::Custom { name, .. } => name,
            Self::ToolSearch => "tool_search",
        }
    }

    fn answers_to(&self, asked: &Self) -> bool {
        let plain = |namespace: Option<&str>| matches!(namespace, None | Some("" | "functions"));
        mem::discriminant(self) == mem::discriminant(asked)
            && self.name() == asked.name()
            && (self.namespace() == asked.namespace() || (plain(self.namespace()) && plain(asked.namespace())))
    }

    fn made_up(&self) -> String {
        made_up(self.namespace(), self.name())
    }
}

fn made_up(namespace: Option<&str>, name: &str) -> String {
    let [first, _] = names::readable(namespace, name);
    first
}

fn given(namespace: Option<&str>) -> Option<String> {
    namespace.map(str::to_owned)
}

fn find(at: &str, tool: &Value, namespace: Option<&str>, found: &mut Vec<Found>, notes: &mut Vec<Note>) {
    let mut note = |why| notes.push(Note { at: at.to_owned(), why });
    let name = text(tool, "name");
    let origin = match kind_of(tool) {
        "namespace" if namespace.is_none() => {
            let members = tool.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for (index, member) in members.iter().enumerate() {
                find(&format!("{at}.tools[{index}]"), member, Some(name), found, notes);
            }
            return;
        }
        "function" => Origin::Function { namespace: given(namespace), name: name.to_owned() },
        "custom" => Origin::Custom { namespace: given(namespace), name: name.to_owned() },
        // Run by the server unless it says otherwise, and there is none here that could.
        "tool_search" if text(tool, "execution") == "client" => Origin::ToolSearch,
        other => return note(Why::NotOffered(other.to_owned())),
    };
    if origin.name().is_empty() {
        return note(Why::NoName);
    }
    if found.iter().any(|earlier| earlier.tool.origin == origin) {
        return note(Why::Duplicate);
    }
    let (schema, whys) = match origin {
        Origin::Function { .. } | Origin::ToolSearch => schema::object(tool.get("parameters")),
        Origin::Custom { .. } => (free_text(), Vec::new()),
    };
    whys.into_iter().for_each(note);
    let description = describe(tool);
    found.push(Found { at: at.to_owned(), tool: Tool { origin, description }, schema });
}

fn free_text() -> Value {
    json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]})
}

/// A custom tool's grammar has no place in a function: it is told in words.
fn describe(tool: &Value) -> String {
    let description = text(tool, "description");
    let Some(format) = tool.get("format").filter(|format| kind_of(format) == "grammar") else {
        return description.to_owned();
    };
    let (syntax, definition) = (text(format, "syntax"), text(format, "definition"));
    format!("{description}\n\n`input` is bound by this {syntax} grammar:\n{definition}").trim_start().to_owned()
}

/// Tools outside any namespace choose first: their names are known to prompts.
fn name_all(found: &[Found], notes: &mut Vec<Note>) -> Vec<String> {
    let mut flats = vec![String::new(); found.len()];
    for namespaced in [false, true] {
        for (index, Found { at, tool, .. }) in found.iter().enumerate() {
            let origin = &tool.origin;
            if origin.namespace().is_some() != namespaced {
                continue;
            }
            let flat = names::flat(origin.namespace(), origin.name(), |name| flats.iter().any(|taken| taken == name));
            let expected =
                format!("{}__{}", origin.namespace().unwrap_or_default().trim_end_matches('_'), origin.name());
            if flat != origin.name() && flat != expected {
                notes.push(Note { at: at.clone(), why: Why::Renamed(flat.clone()) });
            }
            flats[index] = flat;
        }
    }
    flats
}

/// Shortens the description in place; gives the parameters, short and as they were.
fn shorten(name: &str, at: &str, tool: &mut Tool, schema: Value, notes: &mut Vec<Note>) -> (Value, Value) {
    // The text of an unknown custom tool is all there is about its input.
    if matches!(tool.origin, Origin::Custom { .. }) && known::form(name).is_none() {
        return (schema.clone(), schema);
    }
    let declared =
        Function { name: name.to_owned(), description: mem::take(&mut tool.description), parameters: schema };
    let short = compact::simplify(&declared);
    let unmentioned = compact::unmentioned(&declared.parameters, &short.parameters);
    if !unmentioned.is_empty() {
        notes.push(Note { at: at.to_owned(), why: Why::Unmentioned(unmentioned) });
    }
    tool.description = short.description;
    (short.parameters, declared.parameters)
}

fn places(declared: &[Declared]) -> BTreeMap<String, usize> {
    declared.iter().enumerate().map(|(index, tool)| (tool.name.clone(), index)).collect()
}

/// Built by hand: `json!` would copy each schema through the serializer, twice.
fn chat_tool(declared: &Declared, description: &str) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), declared.name.clone().into());
    if !description.is_empty() {
        function.insert("description".to_owned(), description.into());
    }
    function.insert("parameters".to_owned(), declared.parameters.clone());
    let function = Value::Object(function);
    [("type".to_owned(), "function".into()), ("function".to_owned(), function)].into_iter().collect()
}

/// The text that a model gave: `input`, or the only thing it gave, else all of it.
fn custom_input(arguments: &Map<String, Value>) -> String {
    let only = arguments.values().next().filter(|_| arguments.len() == 1);
    match arguments.get("input").or(only).and_then(Value::as_str) {
        Some(input) => input.to_owned(),
        None => Value::Object(arguments.clone()).to_string(),
    }
}

/// Arguments of the history are a string (`function_call`) or an object (`tool_search_call`). What is no object was a slip
/// of the model: it sees again what it wrote.
fn past_arguments(item: &Value) -> Map<String, Value> {
    let given = item.get("arguments").unwrap_or(&Value::Null);
    let parsed = given.as_str().map(serde_json::from_str::<Map<String, Value>>);
    match (parsed, given) {
        (Some(Ok(arguments)), _) => return arguments,
        (_, Value::Object(arguments)) => return arguments.clone(),
        (_, _) => {}
    }
    let written = given.as_str().unwrap_or_default().trim();
    if written.is_empty() { Map::new() } else { Map::from_iter([("arguments".to_owned(), json!(written))]) }
}
