//! All that can be said of one exchange, in the form in which the page and `capture show --json` get it. Data only. Pure.

use serde::Serialize;
use serde_json::Value;

use super::id::ExchangeId;
use super::record::{Context, Head, Moment, NoteKind, Pane, Row, Times};

/// One exchange, understood.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct View {
    pub row: Row,
    pub panes: Vec<PaneView>,
    /// What the client sent: the history, oldest first.
    pub conversation: Vec<Item>,
    /// What it got.
    pub answer: Vec<Item>,
    /// What the model itself said, where that is another pane.
    pub upstream_answer: Vec<Item>,
    pub tools: Vec<Tool>,
    /// All else of the request: `model`, `temperature`, `reasoning` …
    pub parameters: Value,
    pub streams: Vec<Stream>,
    pub times: Times,
    pub context: Context,
    /// Where the tokens of the request go.
    pub shares: Vec<Share>,
    pub notes: Vec<Note>,
    pub moments: Vec<Moment>,
    /// Neighbours in the same thread, by time.
    pub previous: Option<ExchangeId>,
    pub next: Option<ExchangeId>,
    /// What helps, where something is wrong: a command.
    pub hints: Vec<Hint>,
}

/// One side: what the page needs before it asks for the body.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PaneView {
    pub pane: Pane,
    pub attempt: u16,
    pub head: Option<Head>,
    pub size: u64,
    /// Bytes that were kept.
    pub kept: u64,
    pub content_type: Option<String>,
    /// `json`, `sse`, `ndjson`, `text`, `binary` or `empty`.
    pub form: &'static str,
    pub ended_us: Option<u64>,
    pub redacted: u32,
}

/// A message, a thought, a call, the output of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Item {
    pub kind: ItemKind,
    /// `user`, `assistant`, `system`, `developer`, `tool`.
    pub role: String,
    pub parts: Vec<Part>,
    /// Of calls and outputs.
    pub name: Option<String>,
    pub call_id: Option<String>,
    pub call: Option<Call>,
    /// Of a call: its output, when the client has sent it. Of an output: nothing.
    pub output: Option<Vec<Part>>,
    /// Was not in the previous request of the thread.
    pub new: bool,
    /// Bytes of its JSON.
    pub bytes: u64,
    /// Where it stands: `input[3]`, `messages[0]`, `output[1]`.
    pub at: String,
    /// When it began and ended, for items of an answer. Microseconds.
    pub from_us: Option<u64>,
    pub until_us: Option<u64>,
    /// `completed`, `incomplete`, or as it is said.
    pub status: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    #[default]
    Message,
    Reasoning,
    Call,
    Output,
    /// The hand-over of a compaction.
    Compaction,
    Refusal,
    /// A kind that is not known: shown as JSON.
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Part {
    Text {
        text: String,
    },
    /// `data:` addresses only are shown; others are named, as the page asks nobody.
    Image {
        url: String,
        bytes: u64,
    },
    Json {
        value: Value,
    },
}

/// What a call does, as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Call {
    Command {
        command: String,
        workdir: Option<String>,
        timeout_ms: Option<u64>,
        why: Option<String>,
    },
    /// `apply_patch`: the text of the patch.
    Patch {
        patch: String,
    },
    Plan {
        explanation: Option<String>,
        steps: Vec<Step>,
    },
    /// Any other: its arguments; a text where they are no JSON.
    Tool {
        arguments: Value,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    pub step: String,
    /// `pending`, `in_progress`, `completed`.
    pub status: String,
}

/// A tool that was offered.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tool {
    pub name: String,
    /// `function`, `custom`, `web_search` …
    pub kind: String,
    pub description: String,
    pub schema: Value,
    pub bytes: u64,
    /// About.
    pub tokens: u64,
    /// Against the previous request of the thread: `new`, `changed`.
    pub changed: Option<&'static str>,
    pub called: u32,
}

/// The events of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stream {
    pub pane: Option<Pane>,
    pub attempt: u16,
    /// `sse` or `ndjson`.
    pub form: &'static str,
    pub events: Vec<Event>,
    /// Events that are not listed, as there are too many.
    pub left_out: u64,
}

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Event {
    /// Microseconds since the exchange began: when its last byte came.
    pub at_us: u64,
    /// `event:` or `type`; `[DONE]`.
    pub name: String,
    pub channel: Channel,
    /// What it adds to its channel.
    pub text: String,
    /// Where its bytes are in the body.
    pub from: u64,
    pub len: u32,
}

/// To what an event adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    #[default]
    None,
    Content,
    Reasoning,
    Tool,
    Error,
}

/// What the translation did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    pub kind: NoteKind,
    pub at: Option<String>,
    pub text: String,
}

/// A part of the request, and how much of it that is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// `instructions`, `tools`, `history`, `tool_output`, `new`.
    pub part: &'static str,
    pub bytes: u64,
    /// About.
    pub tokens: u64,
}

/// Something to do about it. The page says it in its own language, by `id`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hint {
    /// `cut`, `near`, `believed`, `refused`, `unreachable`, `slow_load`, `slow`, `overflow`, `no_tools`, `queue`,
    /// `no_model`.
    pub id: &'static str,
    /// What to type, where that is a command.
    pub command: Option<String>,
}

/// How one request differs from another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    pub from: Option<ExchangeId>,
    pub to: Option<ExchangeId>,
    /// Items that both begin with.
    pub same: u32,
    pub added: Vec<Item>,
    pub removed: Vec<Item>,
    /// Items at the same place that differ.
    pub changed: Vec<Changed>,
    pub tools: Vec<ToolChange>,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changed {
    pub at: String,
    pub before: Item,
    pub after: Item,
    /// The lines of both, each with ` `, `-` or `+` before it.
    pub lines: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ToolChange {
    pub name: String,
    /// `added`, `removed`, `changed`.
    pub how: &'static str,
    pub fields: Vec<Field>,
}

/// A value at a path, before and after. Missing: null.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Field {
    pub path: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}
