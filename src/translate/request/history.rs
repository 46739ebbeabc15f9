//! The items of a conversation → messages, in the order that chat templates need.
//!
//! ```text
//! turn   = (reasoning | assistant's text)* call*     one assistant's message {thinking, content, calls},
//!                                                    then the outputs of its calls in their order,
//!                                                    then the images of those outputs, as a user's message
//! others = one message each, after the turn that they stand in
//! ```
//! The k-th output with a `call_id` answers the k-th call that has it, wherever it stands. Leading system and developer
//! messages are no messages here, but the [`History::lead`].

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde_json::{Map, Value};

use super::parts::{Content, Images, joined, tagged};
use super::{Answered, Loss, Message, PastCall, Role, Telling, Why, compact, directives};
use crate::translate::tools::Table;

/// Result of a call that was broken off: templates want one.
const NO_OUTPUT: &str = "no output: interrupted";
const SHOWN_BELOW: &str = "[image: in the next message]";

/// Where an item stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    list: &'static str,
    index: Option<usize>,
}

impl Place {
    pub(super) const fn input(index: usize) -> Self {
        Self { list: "input", index: Some(index) }
    }

    pub(super) const fn whole_input() -> Self {
        Self { list: "input", index: None }
    }

    /// Among the items of `previous_response_id`.
    pub(super) const fn earlier(index: usize) -> Self {
        Self { list: "previous_response_id", index: Some(index) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}[{index}]", self.list),
            None => f.write_str(self.list),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct History<'a> {
    pub(super) lead: Vec<Cow<'a, str>>,
    pub(super) messages: Vec<Message<'a>>,
}

pub(super) fn translate<'a>(
    items: &[(Place, &'a Value)],
    table: &Table,
    telling: Telling,
    images: Images,
    losses: &mut Vec<Loss>,
) -> History<'a> {
    let answers = Answers::find(items);
    let (history, turn) = (History::default(), Turn::default());
    let mut walk = Walk { items, table, telling, images, losses, answers, history, turn, leading: true };
    for index in 0..items.len() {
        walk.item(index);
    }
    walk.close(true);
    walk.drop_thoughts();
    walk.history
}

/// `message` may be left unsaid (`EasyInputMessage`).
pub(super) fn kind(item: &Value) -> &str {
    let said = item.get("type").and_then(Value::as_str);
    said.unwrap_or(if item.get("role").is_some() || item.is_string() { "message" } else { "" })
}

fn is_call(kind: &str) -> bool {
    matches!(
        kind,
        "function_call"
            | "custom_tool_call"
            | "tool_search_call"
            | "local_shell_call"
            | "shell_call"
            | "apply_patch_call"
            | "mcp_call"
    )
}

fn is_output(kind: &str) -> bool {
    kind.ends_with("_output")
}

/// Which item answers which call.
struct Answers {
    /// By the index of the call.
    of: BTreeMap<usize, usize>,
    /// Indices of outputs that answer a call.
    claimed: Vec<bool>,
}

impl Answers {
    fn find(items: &[(Place, &Value)]) -> Self {
        let id = |index: usize| items[index].1.get("call_id").and_then(Value::as_str);
        let all = |of: fn(&str) -> bool| (0..items.len()).filter(move |index| of(kind(items[*index].1)));
        let mut waiting: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
        for index in all(is_output) {
            if let Some(id) = id(index) {
                waiting.entry(id).or_default().push_back(index);
            }
        }
        let mut answers = Self { of: BTreeMap::new(), claimed: vec![false; items.len()] };
        for index in all(is_call) {
            let output = id(index).and_then(|id| waiting.get_mut(id)?.pop_front());
            // A call that ran on the server holds its output itself.
            let within = || (kind(items[index].1) == "mcp_call").then_some(index);
            if let Some(output) = output.or_else(within) {
                answers.of.insert(index, output);
                answers.claimed[output] = true;
            }
        }
        answers
    }
}

/// What becomes one assistant's message.
#[derive(Default)]
struct Turn<'a> {
    thoughts: Vec<Cow<'a, str>>,
    texts: Vec<Cow<'a, str>>,
    /// Calls, each with the index of its item.
    calls: Vec<(usize, PastCall<'a>)>,
    /// Thoughts after a call: of the next call, or of the next turn.
    afterthoughts: Vec<Cow<'a, str>>,
    /// The last reasoning item.
    thought_at: Option<Place>,
}

struct Walk<'a, 'b> {
    items: &'b [(Place, &'a Value)],
    table: &'b Table,
    telling: Telling,
    images: Images,
    losses: &'b mut Vec<Loss>,
    answers: Answers,
    history: History<'a>,
    turn: Turn<'a>,
    leading: bool,
}

impl<'a> Walk<'a, '_> {
    fn item(&mut self, index: usize) {
        let (place, item) = self.items[index];
        match kind(item) {
            "message" => self.message(place, item),
            "reasoning" => self.reasoning(place, item),
            kind if is_call(kind) => self.call(index),
            // Told with its call; calls after it are of another turn.
            kind if is_output(kind) && self.answers.claimed[index] => {
                if !self.turn.calls.is_empty() {
                    self.close(false);
                }
            }
            kind if is_output(kind) => self.orphan(place, item),
            "compaction" | "compaction_summary" | "context_compaction" => match compact::summary(item) {
                Some(summary) => self.push(Message::new(Role::User, tagged(compact::TAG, &[], summary))),
                None => self.lose(place, Why::Sealed),
            },
            "agent_message" => {
                let content = self.content(place, item, "content");
                let from = item.get("author").and_then(Value::as_str).unwrap_or_default();
                let text = tagged("agent_message", &[("from", from)], &joined(content.texts, "\n"));
                self.push(Message { images: content.images, ..Message::new(Role::User, text) });
            }
            // Their tools are in the table.
            "additional_tools" => {}
            "" => self.lose(place, Why::Malformed),
            other => self.lose(place, Why::NoEquivalent(other.to_owned())),
        }
    }

    fn message(&mut self, place: Place, item: &'a Value) {
        if let Value::String(text) = item {
            return self.push(Message::new(Role::User, &**text));
        }
        let content = self.content(place, item, "content");
        match item.get("role").and_then(Value::as_str).unwrap_or_default() {
            role @ ("system" | "developer") => self.instruction(place, role, content),
            "assistant" => {
                self.only_text(place, &content);
                // What the model wrote in pieces it wrote as one.
                let text = joined(content.texts, "");
                self.leading = false;
                if !self.turn.calls.is_empty() {
                    self.close(false);
                }
                if !text.is_empty() {
                    self.turn.texts.push(text);
                }
            }
            role => {
                if role != "user" {
                    self.lose(place, Why::Role(role.to_owned()));
                }
                let images = content.images;
                self.push(Message { images, ..Message::new(Role::User, joined(content.texts, "\n")) });
            }
        }
    }

    /// A late system message is dropped or moved by several templates; a user's message survives in all.
    fn instruction(&mut self, place: Place, role: &str, content: Content<'a>) {
        if self.leading {
            self.only_text(place, &content);
            let text = content.text();
            if !text.is_empty() {
                self.history.lead.push(text);
            }
            return;
        }
        let text = tagged(&format!("{role}_message"), &[], &joined(content.texts, "\n"));
        self.push(Message { images: content.images, ..Message::new(Role::User, text) });
    }

    /// All thoughts, else their summary. What is sealed in `encrypted_content` is in one of these, too, if it is ours.
    fn reasoning(&mut self, place: Place, item: &'a Value) {
        self.leading = false;
        let whole = self.content(place, item, "content").texts;
        let told = if whole.is_empty() { self.content(place, item, "summary").texts } else { whole };
        let thought = joined(told, "\n\n");
        if thought.is_empty() {
            return;
        }
        self.turn.thought_at = Some(place);
        let after_calls = !self.turn.calls.is_empty();
        let thoughts = if after_calls { &mut self.turn.afterthoughts } else { &mut self.turn.thoughts };
        thoughts.push(thought);
    }

    fn call(&mut self, index: usize) {
        let (place, item) = self.items[index];
        let Some((name, arguments)) = past_call(item, self.table) else {
            return self.lose(place, Why::Malformed);
        };
        self.leading = false;
        let given = item.get("call_id").or_else(|| item.get("id")).and_then(Value::as_str).filter(|id| !id.is_empty());
        let id = given.map_or_else(|| Cow::Owned(format!("call_{index}")), Cow::Borrowed);
        let afterthoughts = std::mem::take(&mut self.turn.afterthoughts);
        self.turn.thoughts.extend(afterthoughts);
        self.turn.calls.push((index, PastCall { id, name, arguments }));
    }

    fn orphan(&mut self, place: Place, item: &'a Value) {
        let content = self.output(place, item);
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = match (text("namespace"), text("name")) {
            ("", name) => name.to_owned(),
            (space, name) => format!("{space}.{name}"),
        };
        let told = tagged("tool_output", &[("name", &name)], &joined(content.texts, "\n"));
        self.push(Message { images: content.images, ..Message::new(Role::User, told) });
    }

    /// Any message but an assistant's: it ends the turn.
    fn push(&mut self, message: Message<'a>) {
        self.close(false);
        self.drop_thoughts();
        self.leading = false;
        self.history.messages.push(message);
    }

    fn drop_thoughts(&mut self) {
        if !std::mem::take(&mut self.turn.thoughts).is_empty()
            && let Some(place) = self.turn.thought_at
        {
            self.lose(place, Why::ThoughtsAlone);
        }
    }

    /// Tells what was said so far, if anything. Calls that nothing follows wait for their output still.
    fn close(&mut self, at_the_end: bool) {
        if self.turn.texts.is_empty() && self.turn.calls.is_empty() {
            return;
        }
        let Turn { thoughts, texts, calls, afterthoughts, thought_at } = std::mem::take(&mut self.turn);
        self.turn = Turn { thoughts: afterthoughts, thought_at, ..Turn::default() };
        let mut said = Message::new(Role::Assistant, joined(texts, "\n\n"));
        said.thinking = joined(thoughts, "\n\n");
        let outputs: Vec<Option<usize>> = calls.iter().map(|(index, _)| self.answers.of.get(index).copied()).collect();
        let open = at_the_end && outputs.iter().all(Option::is_none);
        let calls: Vec<PastCall<'a>> = calls.into_iter().map(|(_, call)| call).collect();
        let answered: Vec<_> = calls.iter().map(|call| (call.id.clone(), call.name.clone())).collect();
        match self.telling {
            Telling::Structured => said.calls = calls,
            Telling::Printed => said.content = directives::printed(&said.content, &calls).into(),
        }
        self.history.messages.push(said);
        if !open {
            self.outputs(answered, &outputs);
        }
    }

    fn outputs(&mut self, calls: Vec<(Cow<'a, str>, String)>, outputs: &[Option<usize>]) {
        let (mut images, mut seen_by) = (Vec::new(), Vec::new());
        for ((call_id, name), output) in calls.into_iter().zip(outputs) {
            let Content { mut texts, images: more } = match output {
                Some(index) => self.output(self.items[*index].0, self.items[*index].1),
                None => Content { texts: vec![Cow::Borrowed(NO_OUTPUT)], images: Vec::new() },
            };
            if !more.is_empty() {
                images.extend(more);
                seen_by.push(name.clone());
                if texts.is_empty() {
                    texts.push(Cow::Borrowed(SHOWN_BELOW));
                }
            }
            let text = joined(texts, "\n");
            self.history.messages.push(match self.telling {
                Telling::Structured => {
                    Message { answers: Some(Answered { call_id, name }), ..Message::new(Role::Tool, text) }
                }
                Telling::Printed => Message::new(Role::User, tagged("tool_output", &[("name", &name)], &text)),
            });
        }
        if !images.is_empty() {
            let marker = format!("[from the output of {}]", seen_by.join(", "));
            self.history.messages.push(Message { images, ..Message::new(Role::User, marker) });
        }
    }

    fn output(&mut self, place: Place, item: &'a Value) -> Content<'a> {
        if kind(item) == "tool_search_output" {
            return Content { texts: vec![Cow::Owned(found(item, self.table))], images: Vec::new() };
        }
        let failed = item.get("output").is_none_or(Value::is_null) && item.get("error").is_some();
        self.content(place, item, if failed { "error" } else { "output" })
    }

    fn content(&mut self, place: Place, item: &'a Value, path: &str) -> Content<'a> {
        Content::read(item.get(path), place, path, self.images, self.losses)
    }

    fn only_text(&mut self, place: Place, content: &Content<'a>) {
        if !content.images.is_empty() {
            self.lose(place, Why::ImageOfRole);
        }
    }

    fn lose(&mut self, place: Place, why: Why) {
        self.losses.push(Loss::at(place.to_string(), why));
    }
}

/// Name and arguments. Tools that a server runs for its clients are in no table: they keep the name of their item.
fn past_call(item: &Value, table: &Table) -> Option<(String, Map<String, Value>)> {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let arguments = match kind(item) {
        "local_shell_call" | "shell_call" => object(item.get("action")),
        "apply_patch_call" => object(item.get("operation")),
        "mcp_call" => {
            let label = item.get("server_label").and_then(Value::as_str).unwrap_or_default();
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
            let written = item.get("arguments").and_then(Value::as_str).unwrap_or_default();
            let arguments = serde_json::from_str(written).unwrap_or_default();
            return Some((table.flat_name(Some(&format!("mcp__{label}")), name), arguments));
        }
        _ => return table.past_call(item).map(|call| (call.name, call.arguments)),
    };
    let name = kind(item).trim_end_matches("_call");
    Some((table.flat_name(None, name), arguments))
}

/// What a search has found: the tools themselves are declared from now on.
fn found(item: &Value, table: &Table) -> String {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |value: &Value| value.get("tools").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut names = Vec::new();
    for tool in list(item) {
        if kind(&tool) == "namespace" {
            let space = text(&tool, "name");
            names.extend(list(&tool).iter().map(|member| table.flat_name(Some(&space), &text(member, "name"))));
        } else {
            names.push(table.flat_name(None, &text(&tool, "name")));
        }
    }
    if names.is_empty() {
        "found nothing".to_owned()
    } else {
        format!("found, can be called now: {}", names.join(", "))
    }
}
