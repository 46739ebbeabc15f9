//! `/v1/chat/completions`, as Ollama speaks it: requests in, chunks out. It refuses what Ollama refuses, and like Ollama it passes over
//! `tool_choice`, `n`, `max_completion_tokens` and other fields that it does not know. Images are passed over too.

use super::{Asked, Dialect, MODEL, Refusal, Spoken, Work, malformed, parse};
use crate::demo::model::{Answer, Conversation, Piece, Turn};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Request {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    tools: Option<Vec<super::Tool>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<i64>,
    response_format: Option<ResponseFormat>,
    reasoning_effort: Option<String>,
    reasoning: Option<Reasoning>,
}

#[derive(Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: Option<String>,
    json_schema: Option<JsonSchema>,
}

#[derive(Deserialize)]
struct JsonSchema {
    schema: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct Reasoning {
    effort: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    role: Option<String>,
    content: Option<Content>,
    tool_calls: Option<Vec<PastCall>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
    ImageUrl {},
}

#[derive(Deserialize)]
struct PastCall {
    function: PastFunction,
}

#[derive(Deserialize)]
struct PastFunction {
    arguments: Option<String>,
}

pub(crate) fn chat(body: &[u8]) -> Result<Asked, Refusal> {
    let request: Request = parse(body)?;
    let messages = request.messages.unwrap_or_default();
    if messages.is_empty() {
        return Err(malformed("[] is too short - 'messages'"));
    }
    let effort = request.reasoning_effort.or_else(|| request.reasoning?.effort);
    let conversation = Conversation {
        turns: messages.into_iter().map(turn).collect::<Result<_, _>>()?,
        tools: super::callable(request.tools),
        thinks: effort.as_deref().map_or(Ok(false), thinks)?,
        limit: request.max_tokens.and_then(super::limit),
        form: request.response_format.and_then(form),
    };
    let include_usage = request.stream_options.and_then(|options| options.include_usage).unwrap_or_default();
    Ok(Asked {
        model: request.model.unwrap_or_default(),
        stream: request.stream.unwrap_or_default(),
        keep_alive: None,
        work: Work::Answer(Dialect::V1 { include_usage }, conversation),
    })
}

/// Like Ollama, it passes over types that it does not know.
fn form(format: ResponseFormat) -> Option<Value> {
    match format.kind.as_deref() {
        Some("json_object") => Some(Value::Null),
        Some("json_schema") => format.json_schema?.schema,
        Some(_) | None => None,
    }
}

fn turn(message: Message) -> Result<Turn, Refusal> {
    for call in message.tool_calls.iter().flatten() {
        let arguments = call.function.arguments.as_deref().unwrap_or_default();
        if serde_json::from_str::<Map<String, Value>>(arguments).is_err() {
            return Err(malformed("invalid tool call arguments"));
        }
    }
    let text = match message.content {
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => joined(parts),
        None if message.tool_calls.is_some() => String::new(),
        None => return Err(malformed("invalid message content type: <nil>")),
    };
    Ok(Turn { role: super::role(message.role.as_deref()), text })
}

fn joined(parts: Vec<Part>) -> String {
    let text = |part| match part {
        Part::Text { text } => Some(text),
        Part::ImageUrl {} => None,
    };
    parts.into_iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

fn thinks(effort: &str) -> Result<bool, Refusal> {
    match effort {
        "low" | "medium" | "high" | "max" => Ok(true),
        "none" => Ok(false),
        other => Err(Refusal::Malformed(format!(
            "invalid reasoning value: '{other}' (must be \"high\", \"medium\", \"low\", \"max\", or \"none\")"
        ))),
    }
}

/// What all chunks of a stream have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) serial: u64,
    /// Seconds since 1970.
    pub(crate) created: u64,
}

#[derive(Serialize)]
struct Completion<C> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'static str,
    system_fingerprint: &'static str,
    choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: usize,
    delta: Spoke<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    message: Spoke<'a>,
    finish_reason: &'static str,
}

#[derive(Default, Serialize)]
struct Spoke<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    index: usize,
    r#type: &'static str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: String,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the API's names")]
struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
}

pub(crate) fn piece(head: Head, piece: &Piece, first: bool) -> Vec<u8> {
    let delta = Spoke { role: first.then_some("assistant"), ..spoke(std::slice::from_ref(piece)) };
    event(&chunk(head, delta, None))
}

/// The last three events come in one write, as Ollama sends them.
pub(crate) fn end(head: Head, answer: &Answer, include_usage: bool) -> Vec<u8> {
    let mut bytes = event(&chunk(head, Spoke::default(), Some(finish_reason(answer))));
    if include_usage {
        let completion: Completion<ChunkChoice<'_>> = completion(head, CHUNK, Vec::new(), Some(usage(answer)));
        bytes.extend(event(&completion));
    }
    bytes.extend(b"data: [DONE]\n\n");
    bytes
}

pub(crate) fn whole(head: Head, answer: &Answer) -> Vec<u8> {
    let message = Spoke { role: Some("assistant"), ..spoke(&answer.pieces) };
    let choice = Choice { index: 0, message, finish_reason: finish_reason(answer) };
    let mut bytes = super::json(&completion(head, "chat.completion", vec![choice], Some(usage(answer))));
    bytes.push(b'\n');
    bytes
}

/// The error envelope of this API.
pub(crate) fn error(status: u16, message: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Envelope<'a> {
        error: Inner<'a>,
    }
    #[derive(Serialize)]
    struct Inner<'a> {
        message: &'a str,
        r#type: &'static str,
        param: Option<&'static str>,
        code: Option<&'static str>,
    }
    let r#type = match status {
        400 => "invalid_request_error",
        404 => "not_found_error",
        _ => "api_error",
    };
    let mut bytes = super::json(&Envelope { error: Inner { message, r#type, param: None, code: None } });
    bytes.push(b'\n');
    bytes
}

const CHUNK: &str = "chat.completion.chunk";

fn chunk<'a>(head: Head, delta: Spoke<'a>, finish_reason: Option<&'static str>) -> Completion<ChunkChoice<'a>> {
    completion(head, CHUNK, vec![ChunkChoice { index: 0, delta, finish_reason }], None)
}

fn completion<C>(head: Head, object: &'static str, choices: Vec<C>, usage: Option<Usage>) -> Completion<C> {
    let Head { serial, created } = head;
    let id = format!("chatcmpl-{serial}");
    Completion { id, object, created, model: MODEL, system_fingerprint: "fp_ollama", choices, usage }
}

fn spoke(pieces: &[Piece]) -> Spoke<'_> {
    let Spoken { text, thinking, calls } = Spoken::from_pieces(pieces);
    let tool_calls = calls.into_iter().enumerate().map(|(index, call)| ToolCall {
        id: &call.id,
        index,
        r#type: "function",
        function: CalledFunction { name: &call.name, arguments: Value::from(call.arguments.clone()).to_string() },
    });
    Spoke { role: None, content: Some(text), reasoning: thinking, tool_calls: tool_calls.collect() }
}

/// A cut wins over a call.
fn finish_reason(answer: &Answer) -> &'static str {
    match super::done_reason(answer.ended) {
        "stop" if super::has_call(answer) => "tool_calls",
        reason => reason,
    }
}

fn usage(answer: &Answer) -> Usage {
    let (prompt_tokens, completion_tokens) = (answer.prompt_count, answer.pieces.len());
    Usage { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

fn event(value: &impl Serialize) -> Vec<u8> {
    [b"data: ", &super::json(value)[..], b"\n\n"].concat()
}

#[cfg(test)]
mod tests;
