//! `/api/chat` and `/api/generate`: requests in, records out. It knows nothing of lists and descriptions of models (`catalog` does).

use super::{Asked, Dialect, MODEL, Refusal, Spoken, Took, Work, keep_alive, parse};
use crate::demo::model::{Answer, Conversation, Piece, Role, Turn};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// Which of the two endpoints; their records differ in where the text is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Chat,
    Generate,
}

#[derive(Deserialize)]
struct ChatRequest {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    tools: Option<Vec<super::Tool>>,
    #[serde(flatten)]
    common: Common,
}

#[derive(Deserialize)]
struct GenerateRequest {
    model: Option<String>,
    prompt: Option<String>,
    system: Option<String>,
    #[serde(flatten)]
    common: Common,
}

#[derive(Deserialize)]
struct Common {
    stream: Option<bool>,
    think: Option<Value>,
    options: Option<Map<String, Value>>,
    keep_alive: Option<Value>,
    format: Option<Value>,
}

/// Content must be a string here: an array of parts is refused, as Ollama does.
#[derive(Deserialize)]
struct Message {
    role: Option<String>,
    content: Option<String>,
    /// Read for their form only: arguments must be an object.
    #[expect(dead_code, reason = "a call of the past says nothing to the script")]
    tool_calls: Option<Vec<PastCall>>,
}

#[derive(Deserialize)]
struct PastCall {
    #[expect(dead_code, reason = "only its form counts")]
    function: Option<PastFunction>,
}

#[derive(Deserialize)]
struct PastFunction {
    #[expect(dead_code, reason = "only its form counts")]
    arguments: Option<Map<String, Value>>,
}

pub(crate) fn chat(body: &[u8]) -> Result<Asked, Refusal> {
    let ChatRequest { model, messages, tools, common } = parse(body)?;
    let turn = |message: Message| Turn {
        role: super::role(message.role.as_deref()),
        text: message.content.unwrap_or_default(),
    };
    let turns: Vec<Turn> = messages.unwrap_or_default().into_iter().map(turn).collect();
    common.asked(Shape::Chat, model, turns, super::callable(tools))
}

pub(crate) fn generate(body: &[u8]) -> Result<Asked, Refusal> {
    let GenerateRequest { model, prompt, system, common } = parse(body)?;
    let turns = match prompt {
        Some(text) if !text.is_empty() => {
            let system = system.map(|text| Turn { role: Role::System, text });
            system.into_iter().chain([Turn { role: Role::User, text }]).collect()
        }
        Some(_) | None => Vec::new(),
    };
    common.asked(Shape::Generate, model, turns, Vec::new())
}

impl Common {
    fn asked(
        self,
        shape: Shape,
        model: Option<String>,
        turns: Vec<Turn>,
        tools: Vec<crate::demo::tools::Tool>,
    ) -> Result<Asked, Refusal> {
        let thinks = self.think.as_ref().map_or(Ok(false), thinks)?;
        let limit = self.options.as_ref().and_then(|options| options.get("num_predict")?.as_i64());
        let work = if turns.is_empty() {
            Work::Load(shape)
        } else {
            let limit = limit.and_then(super::limit);
            let form = self.format.map_or(Ok(None), form)?;
            Work::Answer(Dialect::Api(shape), Conversation { turns, tools, thinks, limit, form })
        };
        Ok(Asked {
            model: model.unwrap_or_default(),
            stream: self.stream.unwrap_or(true),
            keep_alive: self.keep_alive.as_ref().map(keep_alive::parse).transpose()?,
            work,
        })
    }
}

/// `"json"` is any JSON, an object is a schema, and no text is no form.
fn form(format: Value) -> Result<Option<Value>, Refusal> {
    match format {
        Value::String(word) if word == "json" => Ok(Some(Value::Null)),
        Value::String(word) if word.is_empty() => Ok(None),
        schema @ Value::Object(_) => Ok(Some(schema)),
        Value::Null => Ok(None),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Err(Refusal::Malformed(format!(
            "invalid format: {format}; expected \"json\" or a valid JSON Schema object"
        ))),
    }
}

fn thinks(think: &Value) -> Result<bool, Refusal> {
    match think {
        Value::Null => Ok(false),
        Value::Bool(thinks) => Ok(*thinks),
        Value::String(level) if ["low", "medium", "high", "max"].contains(&level.as_str()) => Ok(true),
        Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(Refusal::Malformed(format!(
            "invalid think value: {think} (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"
        ))),
    }
}

#[derive(Serialize)]
struct Record<'a> {
    model: &'static str,
    created_at: String,
    #[serde(flatten)]
    said: Said<'a>,
    done: bool,
    #[serde(flatten)]
    tail: Option<Tail>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
    Chat {
        message: Spoke<'a>,
    },
    Generate {
        response: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        thinking: String,
    },
}

#[derive(Serialize)]
struct Spoke<'a> {
    role: &'static str,
    content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    thinking: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    index: usize,
    name: &'a str,
    arguments: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Tail {
    done_reason: &'static str,
    #[serde(flatten)]
    figures: Option<Figures>,
}

#[derive(Serialize)]
struct Figures {
    total_duration: u128,
    load_duration: u128,
    prompt_eval_count: usize,
    prompt_eval_duration: u128,
    eval_count: usize,
    eval_duration: u128,
}

pub(crate) fn piece(shape: Shape, piece: &Piece, now: SystemTime) -> Vec<u8> {
    line(&record(shape, Spoken::from_pieces(std::slice::from_ref(piece)), None, now))
}

pub(crate) fn end(shape: Shape, answer: &Answer, took: Took, now: SystemTime) -> Vec<u8> {
    line(&record(shape, Spoken::from_pieces(&[]), Some(tail(answer, took)), now))
}

pub(crate) fn whole(shape: Shape, answer: &Answer, took: Took, now: SystemTime) -> Vec<u8> {
    super::json(&record(shape, Spoken::from_pieces(&answer.pieces), Some(tail(answer, took)), now))
}

pub(crate) fn loaded(shape: Shape, done_reason: &'static str, now: SystemTime) -> Vec<u8> {
    let tail = Tail { done_reason, figures: None };
    super::json(&record(shape, Spoken::from_pieces(&[]), Some(tail), now))
}

fn record(shape: Shape, spoken: Spoken<'_>, tail: Option<Tail>, now: SystemTime) -> Record<'_> {
    let Spoken { text, thinking, calls } = spoken;
    let said = match shape {
        Shape::Chat => {
            let tool_calls = calls.into_iter().enumerate().map(|(index, call)| ToolCall {
                id: &call.id,
                function: CalledFunction { index, name: &call.name, arguments: &call.arguments },
            });
            let tool_calls = tool_calls.collect();
            Said::Chat { message: Spoke { role: "assistant", content: text, thinking, tool_calls } }
        }
        Shape::Generate => Said::Generate { response: text, thinking },
    };
    Record { model: MODEL, created_at: rfc3339(now), said, done: tail.is_some(), tail }
}

fn tail(answer: &Answer, took: Took) -> Tail {
    // Ollama leaves zeros out, and clients divide by these: nothing is shorter than a nanosecond.
    let nanos = |took: Duration| took.as_nanos().max(1);
    Tail {
        done_reason: super::done_reason(answer.ended),
        figures: Some(Figures {
            total_duration: nanos(took.total),
            load_duration: nanos(Duration::ZERO),
            prompt_eval_count: answer.prompt_count.max(1),
            prompt_eval_duration: nanos(took.prompt),
            eval_count: answer.pieces.len(),
            eval_duration: nanos(took.eval),
        }),
    }
}

fn line(record: &Record<'_>) -> Vec<u8> {
    let mut line = super::json(record);
    line.push(b'\n');
    line
}

pub(crate) fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

#[cfg(test)]
mod tests;
