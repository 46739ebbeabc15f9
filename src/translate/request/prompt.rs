//! What the model is asked, in no API's words yet.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A request to a chat model. Borrows its texts from the client's request.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt<'a> {
    pub model: Cow<'a, str>,
    pub messages: Vec<Message<'a>>,
    /// As [`crate::translate::tools::Table::to_chat_tools`] has them.
    pub tools: Vec<Value>,
    pub format: Option<Format<'a>>,
    /// None: the model's own habit.
    pub think: Option<Think>,
    pub max_output_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub num_ctx: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    pub role: Role,
    pub content: Cow<'a, str>,
    /// An assistant's.
    pub thinking: Cow<'a, str>,
    /// As the client gave them: `data:` URLs, mostly.
    pub images: Vec<Cow<'a, str>>,
    /// An assistant's.
    pub calls: Vec<PastCall<'a>>,
    /// Set in a tool's message.
    pub answers: Option<Answered<'a>>,
}

impl<'a> Message<'a> {
    pub(super) fn new(role: Role, content: impl Into<Cow<'a, str>>) -> Self {
        let thinking = Cow::Borrowed("");
        Self { role, content: content.into(), thinking, images: Vec::new(), calls: Vec::new(), answers: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// A call that an assistant made earlier.
#[derive(Clone, Debug, PartialEq)]
pub struct PastCall<'a> {
    pub id: Cow<'a, str>,
    /// As the model knows it now.
    pub name: String,
    pub arguments: Map<String, Value>,
}

/// The call that a tool's message answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<'a> {
    pub call_id: Cow<'a, str>,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Format<'a> {
    Json,
    Schema(&'a Value),
}

/// How much a model thinks before it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Think {
    Off,
    On,
    /// As Ollama's `/api/chat` names it: `low`, `medium`, `high`, `max`.
    Level(&'static str),
}
