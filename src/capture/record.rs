//! What is kept of an exchange, and its row in a list. Data only; it is written, sent to the page, and exported in this
//! form, so each name here is one that people and scripts see. Pure.

use serde::{Deserialize, Serialize};

use super::id::ExchangeId;

/// One of the four sides of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pane {
    ClientRequest,
    UpstreamRequest,
    UpstreamResponse,
    ClientResponse,
}

impl Pane {
    pub const ALL: [Self; 4] =
        [Self::ClientRequest, Self::UpstreamRequest, Self::UpstreamResponse, Self::ClientResponse];

    /// As it stands in JSON, in links and in commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::ClientRequest => "client_request",
            Self::UpstreamRequest => "upstream_request",
            Self::UpstreamResponse => "upstream_response",
            Self::ClientResponse => "client_response",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pane| pane.word() == word)
    }
}

/// What became of an exchange, or where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The request is here; the upstream is not reached, or has not answered.
    #[default]
    Waiting,
    /// The model is being loaded.
    Loading,
    /// The upstream has answered with its head, or has the request: the prompt is being read.
    Prefill,
    Thinking,
    Answering,
    /// A tool call is being written.
    Tool,
    Done,
    /// No good answer: the upstream, or the way to it.
    Failed,
    /// The client left first.
    Aborted,
    /// We did not let it in, or could not read it.
    Refused,
    /// The process ended before the exchange did.
    Lost,
}

impl State {
    /// Nothing more will come.
    pub fn is_over(self) -> bool {
        match self {
            Self::Done | Self::Failed | Self::Aborted | Self::Refused | Self::Lost => true,
            Self::Waiting | Self::Loading | Self::Prefill | Self::Thinking | Self::Answering | Self::Tool => false,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Loading => "loading",
            Self::Prefill => "prefill",
            Self::Thinking => "thinking",
            Self::Answering => "answering",
            Self::Tool => "tool",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}

/// Which way an exchange went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// As it is, there and back: two panes.
    #[default]
    Passed,
    /// From the Responses API to a chat API: four panes.
    Translated,
    /// Answered by the bridge itself.
    Local,
}

/// All that is kept of one exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// None only before it has one.
    pub id: Option<ExchangeId>,
    /// The session's key in the store: letters, digits, `-`.
    pub session: String,
    /// Milliseconds since 1970.
    pub begun_ms: u64,
    pub lane: Lane,
    pub state: State,
    /// The connection's number in this run, and its far end.
    pub conn: u64,
    pub peer: String,
    /// In the order in which they began. A pane that was tried again is here once an attempt.
    pub messages: Vec<Message>,
    /// What happened beside bytes, oldest first.
    pub moments: Vec<Moment>,
    /// Microseconds from the beginning to the end.
    pub took_us: Option<u64>,
    /// Something of it was not captured, as too much came at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// The row as it was understood when the exchange ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<Box<Row>>,
}

/// One side of an exchange: its head and its body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub pane: Pane,
    /// From 0; more where the upstream was asked again.
    #[serde(default)]
    pub attempt: u16,
    pub head: Option<Head>,
    /// As it came, but for secrets. In JSON it is a text; `body_base64` where it is none (`store` and `export` do that).
    #[serde(skip)]
    pub body: Vec<u8>,
    /// Bytes that there were; more than `body` has when it was cut at the limit.
    pub size: u64,
    /// The times at which the body's pieces came: their lengths add up to `body`'s.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
    /// Microseconds since the exchange began, at which its last byte came. None: it broke off.
    pub ended_us: Option<u64>,
    /// Secrets that were taken out of head and body.
    #[serde(default)]
    pub redacted: u32,
}

impl Message {
    /// All of it but the body and its times, without a copy of those.
    #[must_use]
    pub fn without_body(&self) -> Self {
        Self {
            pane: self.pane,
            attempt: self.attempt,
            head: self.head.clone(),
            body: Vec::new(),
            size: self.size,
            pieces: Vec::new(),
            ended_us: self.ended_us,
            redacted: self.redacted,
        }
    }
}

/// Some bytes of a body, which came together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Microseconds since the exchange began.
    pub at_us: u64,
    pub len: u32,
}

/// What stands before a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Microseconds since the exchange began.
    pub at_us: u64,
    /// Of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Where it was sent to, for a request to the upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `HTTP/1.1`
    #[serde(default)]
    pub version: String,
    /// In their order. Secrets are `[redacted]`.
    pub headers: Vec<(String, String)>,
}

/// Something that happened beside bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Microseconds since the exchange began.
    pub at_us: u64,
    #[serde(flatten)]
    pub what: Happened,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Happened {
    /// A connection to the upstream is there: a new one, or one that idled.
    Connected { to: String, fresh: bool },
    /// The model is not in memory.
    Loading,
    /// The client was given a sign of life.
    Heartbeat,
    /// The upstream was asked once more, and why.
    Again { why: String },
    /// Its answer broke and is being continued.
    Resumed { why: String },
    /// Something of the request could not cross over, or crossed in another form.
    Note { kind: NoteKind, at: Option<String>, text: String },
    /// What is known of the model.
    Model { name: String, window: Option<u64>, maximum: Option<u64>, believed: Option<u64> },
    /// The bridge's own account of the end.
    Finished { result: String, code: Option<String>, input: Option<u64>, output: Option<u64> },
    /// Why there is no good answer: an id that `explain` knows, where there is one.
    Fault { id: Option<String>, text: String },
}

/// What a translation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Left out.
    Dropped,
    /// Under another name, or in another form.
    Renamed,
    /// Only asked for in words.
    ToldOnly,
    /// A call or its arguments were mended.
    Repaired,
    /// A call that was printed as text was recovered.
    Recovered,
    /// The model was replaced by another.
    Model,
    Other,
}

/// An exchange in a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
pub struct Row {
    pub id: Option<ExchangeId>,
    pub session: String,
    pub begun_ms: u64,
    pub state: State,
    pub lane: Lane,
    pub api: Api,
    pub method: String,
    /// Without the query.
    pub path: String,
    /// What the client got.
    pub status: Option<u16>,
    /// `codex_exec/0.169.0`, `curl/8.5.0`.
    pub client: String,
    pub model: String,
    pub thread: Thread,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// A question that only looks around: `/api/version`, `/v1/models`, `/api/tags`, health.
    pub probe: bool,
    /// Messages or items of the request.
    pub messages: u32,
    /// Tools that were offered, and the names of those that were called, in order.
    pub tools: u32,
    pub called: Vec<String>,
    /// Characters of system and developer texts.
    pub system_chars: u64,
    /// 300 characters of the last user's message; 800 of the answer and of the thoughts.
    pub user: Option<String>,
    pub text: Option<String>,
    pub reasoning: Option<String>,
    pub tokens: Tokens,
    pub times: Times,
    pub context: Context,
    /// Bytes of the client's request and answer.
    pub sent: u64,
    pub received: u64,
    /// What the model was given, as a tokenizer sees it: bytes of texts and tools (0: that cannot be told), bytes of
    /// thoughts since the user spoke last, which templates leave out later on, and images, which are no text.
    pub prompt_bytes: u64,
    pub thought_bytes: u64,
    pub images: u32,
    pub notes: NoteCounts,
    pub error: Option<ErrorNote>,
    pub incomplete: bool,
    /// Secrets that were taken out.
    pub redacted: u32,
    /// A person's.
    pub marked: bool,
    pub comment: Option<String>,
    /// What this was a repetition of.
    pub replay_of: Option<ExchangeId>,
}

/// Which language an exchange speaks, on the client's side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// `/v1/responses`
    Responses,
    /// `/v1/chat/completions`
    Chat,
    /// `/api/chat`
    OllamaChat,
    /// `/api/generate`
    OllamaGenerate,
    #[default]
    Other,
}

/// Where an exchange belongs, by the client's own account (Codex's headers; 0.98 to 0.169).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thread {
    pub session_id: Option<String>,
    pub thread_id: Option<String>,
    pub parent_thread_id: Option<String>,
    pub turn_id: Option<String>,
    pub root_turn_id: Option<String>,
    /// `turn`, `compaction`, `title`, `subagent`, or as the client says.
    pub kind: Option<String>,
    pub agent: Option<String>,
    /// Counts up with each compaction.
    pub window_number: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tokens {
    pub input: Option<u64>,
    pub cached: Option<u64>,
    pub output: Option<u64>,
    pub reasoning: Option<u64>,
    /// A second, of the prompt and of the answer.
    pub prompt_rate: Option<f64>,
    pub decode_rate: Option<f64>,
    /// By the upstream's own clock (Ollama's durations), not by ours.
    pub exact: bool,
}

/// Microseconds since the exchange began. None: it did not come to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    pub connected: Option<u64>,
    /// The head of the upstream's answer.
    pub head: Option<u64>,
    pub first_event: Option<u64>,
    /// Thought, word or call.
    pub first_token: Option<u64>,
    pub first_text: Option<u64>,
    pub first_tool: Option<u64>,
    pub end: Option<u64>,
    /// By the upstream's own clock.
    pub load: Option<u64>,
    pub prompt: Option<u64>,
    pub generation: Option<u64>,
}

/// How full the context is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// Tokens of the prompt, as the upstream counted them, and of the answer.
    pub used: Option<u64>,
    /// Tokens that fit as the model is loaded (`/api/ps`).
    pub window: Option<u64>,
    /// Tokens that the model was made for (`/api/show`).
    pub maximum: Option<u64>,
    /// What the client takes for the window.
    pub believed: Option<u64>,
    /// What the prompt would be by the bytes that this model takes a token.
    pub estimated: Option<u64>,
    pub level: Level,
    /// Why it is taken for cut.
    pub why: Option<CutBy>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    #[default]
    Unknown,
    Fits,
    /// More than 85 %.
    Near,
    /// The upstream has left out the beginning, and said nothing.
    Cut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutBy {
    /// The request is more than a quarter larger than what was counted.
    Estimate,
    /// The request grew, and what was counted fell.
    Fell,
    /// What was counted is all that fits.
    Full,
}

/// What a translation did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoteCounts {
    pub dropped: u32,
    pub renamed: u32,
    pub repaired: u32,
    pub recovered: u32,
    pub resumed: u32,
    pub retried: u32,
    pub heartbeats: u32,
}

/// Why an exchange is no good one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorNote {
    /// `E-UPSTREAM-REFUSED`, where it is one of ours.
    pub id: Option<String>,
    pub text: String,
}
