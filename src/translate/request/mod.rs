//! A Responses request → what a chat model is asked → the body of a chat request.
//!
//! ```text
//! request ─┬─ instructions, leading developer messages ──► one system message        directives
//!          ├─ input: items ─────────────────────────────► messages                  history, parts
//!          ├─ tools, additional_tools ──────────────────► tools::Table, functions   choice
//!          └─ reasoning, text.format, limits ───────────► think, format, options    settings
//!                                                 Prompt ──► ollama::body, chat::body
//! ```
//! Whatever cannot cross over is a [`Loss`]; a request is refused only where nothing could be asked. Between the turns of
//! a thread the beginning of a prompt stays the same to the byte, as servers keep what they have read: what one request
//! alone wants (`tool_choice`) stands at the end.

mod base64;
mod body;
pub mod chat;
mod choice;
mod client;
pub mod compact;
mod directives;
mod history;
mod loss;
pub mod ollama;
mod parts;
mod prompt;
mod settings;

use serde_json::Value;

pub use body::Body;
pub use client::client;
pub use loss::{Loss, Why};
pub use prompt::{Answered, Format, Message, PastCall, Prompt, Role, Think};

use super::tools::{self, Source, Table};
use super::wire::Api;
use history::Place;

/// What the bridge was told once, for all requests.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub tools: tools::Mode,
    pub num_ctx: Option<u32>,
    /// What can be said differs: levels of thinking, images by address.
    pub api: Api,
}

/// What is known of the model (Ollama's `/api/show`). `None`: not known.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub thinking: Option<bool>,
    pub vision: Option<bool>,
    /// `details.family`: gpt-oss is asked for levels of thinking, all others for on or off.
    pub family: Option<String>,
}

/// How the model learns of its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// In `tools`; calls and their results in the fields made for them.
    Structured,
    /// In the system text, with a form to write a call in. `tools`, past calls and their results are texts, too: for a
    /// server that swallowed a call, and for models without a template for tools.
    Printed,
}

#[derive(Debug)]
pub struct Translation<'a> {
    pub prompt: Prompt<'a>,
    /// Holds what the model may call now: less than was declared, if `tool_choice` says so.
    pub table: Table,
    pub losses: Vec<Loss>,
    /// Why `tool_choice` may not hold: it could only be asked for.
    pub tool_choice_note: Option<&'static str>,
    /// Asked for in words, as its grammar would forbid all calls. An answer without calls may be held against it.
    pub told_format: Option<Format<'a>>,
}

/// Nothing can be asked: why, in one sentence, and which field is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    pub param: Option<&'static str>,
}

impl Refused {
    fn new(param: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), param: Some(param) }
    }
}

/// `earlier` are the items of `previous_response_id`, input and output, oldest first.
pub fn translate<'a>(
    request: &'a Value,
    earlier: &'a [Value],
    settings: &Settings,
    facts: &Facts,
    telling: Telling,
) -> Result<Translation<'a>, Refused> {
    let model = settings::model(request)?;
    let (mut table, notes) = Table::read(&declarations(request, earlier), settings.tools);
    let mut losses: Vec<Loss> = notes.into_iter().map(Loss::from).collect();

    let items = items(request, earlier)?;
    let history = history::translate(&items, &table, telling, parts::Images::new(settings.api, facts), &mut losses);
    let choice = choice::read(request, &mut table, &mut losses)?;
    let format = settings::format(request, &mut losses);
    let has_tools = !table.declared().is_empty();
    let (format, told_format) = if has_tools { (None, format) } else { (format, None) };
    if told_format.is_some() {
        losses.push(Loss::at("text.format", Why::ToldOnly));
    }

    let functions = table.to_chat_tools();
    let system = directives::system(request, history.lead, &table, &functions, telling, told_format.as_ref());
    let messages = assemble(system, history.messages, choice.sentence)?;
    let tools = match telling {
        Telling::Structured => functions,
        Telling::Printed => Vec::new(),
    };
    settings::note_fields_without_equivalent(request, &mut losses);
    let think = settings::think(request, &model, settings.api, facts, &mut losses);
    let prompt = Prompt {
        messages,
        tools,
        format,
        think,
        max_output_tokens: settings::max_output_tokens(request, &mut losses),
        temperature: settings::number(request, "temperature", &mut losses),
        top_p: settings::number(request, "top_p", &mut losses),
        num_ctx: settings.num_ctx,
        model,
    };
    Ok(Translation { prompt, table, losses, tool_choice_note: choice.note, told_format })
}

/// In the order in which the model comes to know of them, so that a thread's first tools stay first.
fn declarations<'a>(request: &'a Value, earlier: &'a [Value]) -> Vec<Source<'a>> {
    let (mut all, later): (Vec<_>, Vec<_>) =
        tools::sources(request).into_iter().partition(|source| source.at.starts_with("tools["));
    for (index, item) in earlier.iter().enumerate() {
        if matches!(history::kind(item), "additional_tools" | "tool_search_output") {
            let found = item.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let place = Place::earlier(index);
            all.extend(found.iter().enumerate().map(|(n, tool)| Source { at: format!("{place}.tools[{n}]"), tool }));
        }
    }
    all.extend(later);
    all
}

fn items<'a>(request: &'a Value, earlier: &'a [Value]) -> Result<Vec<(Place, &'a Value)>, Refused> {
    let mut all: Vec<_> = earlier.iter().enumerate().map(|(index, item)| (Place::earlier(index), item)).collect();
    match request.get("input") {
        None | Some(Value::Null) => {}
        Some(text @ Value::String(_)) => all.push((Place::whole_input(), text)),
        Some(Value::Array(items)) => all.extend(items.iter().enumerate().map(|(i, item)| (Place::input(i), item))),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            return Err(Refused::new("input", "`input` must be a text or a list of items."));
        }
    }
    Ok(all)
}

fn assemble(
    system: Option<String>,
    mut history: Vec<Message<'_>>,
    sentence: Option<String>,
) -> Result<Vec<Message<'_>>, Refused> {
    if history.is_empty() && system.is_none() {
        return Err(Refused::new("input", "There is nothing to answer: `input` holds no message."));
    }
    // Some templates fail without any user's message ("no user query found").
    if history.is_empty() {
        history.push(Message::new(Role::User, ""));
    }
    if let Some(sentence) = sentence {
        // An assistant's beginning stays the end, so that the model goes on with it.
        let begun = history.last().is_some_and(|last| last.role == Role::Assistant);
        let at = history.len() - usize::from(begun);
        history.insert(at, Message::new(Role::User, sentence));
    }
    if let Some(system) = system {
        history.insert(0, Message::new(Role::System, system));
    }
    Ok(history)
}

#[cfg(test)]
mod tests;
