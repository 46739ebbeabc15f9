//! What the stand-in for an upstream says. A reply is a row of steps in no API's words; how it is told follows from the
//! path that was asked and from the age of the server.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// What the closing record of each answer counts.
pub(crate) const TOKENS: (u64, u64) = (120, 7);

/// Whose way of telling it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    V0_13,
    V0_24,
    V0_33,
    /// llama-server, LM Studio, vLLM: no `/api`, thoughts as `reasoning_content`, calls in fragments.
    OpenAi,
}

impl Shape {
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::V0_13 => "0.13.4",
            Self::V0_24 => "0.24.0",
            Self::V0_33 | Self::OpenAi => "0.33.0",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Head,
    Thinking(String),
    Text(String),
    Call {
        name: String,
        arguments: Value,
    },
    /// A piece of a call: the first has its name. For `/v1/chat/completions`.
    Fragment {
        index: u32,
        name: Option<String>,
        arguments: String,
    },
    /// The answer is over, by its own account. With harmony and native templates the call is in this record.
    Done {
        reason: &'static str,
        call: Option<(String, Value)>,
    },
    /// The upstream gave up, and says so as far as its API lets it.
    Error(String),
    /// One record, to the letter.
    Record(Value),
    Raw(Vec<u8>),
    /// Nothing more until the test says this word.
    Hold(&'static str),
    /// Nothing for so long.
    Silence(Duration),
    /// RST.
    Reset,
    /// FIN without the end of the body.
    HangUp,
    /// Nothing more, ever.
    Stall,
}

#[derive(Debug, Clone)]
pub(crate) enum Opening {
    /// 200 with the first byte of the body, as Ollama does it; each piece is a chunk.
    Stream,
    Whole {
        status: u16,
        headers: String,
        body: String,
    },
    /// As it came over the wire, head and chunk by chunk.
    Recorded(&'static [u8]),
}

/// What is said to one request.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) opening: Opening,
    pub(crate) steps: Vec<Step>,
    /// Each byte of the body is a chunk of its own.
    pub(crate) bytewise: bool,
}

impl Reply {
    /// An answer of pieces. What is not said to end with `done` is cut off cleanly, as the repeat guard does it.
    pub(crate) fn new() -> Self {
        Self { opening: Opening::Stream, steps: Vec::new(), bytewise: false }
    }

    pub(crate) fn status(status: u16, error: impl Into<Value>) -> Self {
        Self::body(status, json!({ "error": error.into() }).to_string())
    }

    pub(crate) fn body(status: u16, body: String) -> Self {
        let headers = "content-type: application/json; charset=utf-8\r\n".to_owned();
        Self { opening: Opening::Whole { status, headers, body }, ..Self::new() }
    }

    /// A file of `tests/fixtures/ollama-*`.
    pub(crate) fn recorded(file: &'static [u8]) -> Self {
        Self { opening: Opening::Recorded(file), ..Self::new() }
    }

    pub(crate) fn head(self) -> Self {
        self.then(Step::Head)
    }

    pub(crate) fn thinking(self, text: &str) -> Self {
        self.then(Step::Thinking(text.into()))
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.then(Step::Text(text.into()))
    }

    /// Cut into pieces of so many characters.
    pub(crate) fn pieces(self, text: &str, size: usize) -> Self {
        let characters: Vec<char> = text.chars().collect();
        characters.chunks(size).fold(self, |reply, piece| reply.text(&piece.iter().collect::<String>()))
    }

    pub(crate) fn call(self, name: &str, arguments: Value) -> Self {
        self.then(Step::Call { name: name.into(), arguments })
    }

    pub(crate) fn fragment(self, index: u32, name: Option<&str>, arguments: &str) -> Self {
        self.then(Step::Fragment { index, name: name.map(Into::into), arguments: arguments.into() })
    }

    pub(crate) fn done(self) -> Self {
        self.done_by("stop")
    }

    pub(crate) fn done_by(self, reason: &'static str) -> Self {
        self.then(Step::Done { reason, call: None })
    }

    pub(crate) fn done_with_call(self, name: &str, arguments: Value) -> Self {
        self.then(Step::Done { reason: "stop", call: Some((name.into(), arguments)) })
    }

    pub(crate) fn error(self, text: &str) -> Self {
        self.then(Step::Error(text.into()))
    }

    pub(crate) fn record(self, record: Value) -> Self {
        self.then(Step::Record(record))
    }

    pub(crate) fn raw(self, bytes: &[u8]) -> Self {
        self.then(Step::Raw(bytes.into()))
    }

    pub(crate) fn hold(self, word: &'static str) -> Self {
        self.then(Step::Hold(word))
    }

    pub(crate) fn silence(self, time: Duration) -> Self {
        self.then(Step::Silence(time))
    }

    pub(crate) fn reset(self) -> Self {
        self.then(Step::Reset)
    }

    pub(crate) fn hang_up(self) -> Self {
        self.then(Step::HangUp)
    }

    pub(crate) fn stall(self) -> Self {
        self.then(Step::Stall)
    }

    pub(crate) fn bytewise(mut self) -> Self {
        self.bytewise = true;
        self
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// Tells the steps of one answer.
pub(crate) struct Voice {
    pub(crate) shape: Shape,
    /// `/api/chat`, and not `/v1/chat/completions`.
    pub(crate) native: bool,
    pub(crate) model: String,
    pub(crate) with_usage: bool,
    /// Of the answer: ids of calls are made of it.
    pub(crate) number: usize,
    /// How many pieces and how many calls there were so far.
    pub(crate) told: usize,
    pub(crate) calls: usize,
}

impl Voice {
    pub(crate) fn content_type(&self) -> &'static str {
        if self.native { "application/x-ndjson" } else { "text/event-stream" }
    }

    /// The bytes of a piece; empty for what is no piece.
    pub(crate) fn tell(&mut self, step: &Step) -> Vec<u8> {
        if let Step::Raw(bytes) = step {
            return bytes.clone();
        }
        let records = if self.native { self.native(step) } else { self.openai(step) };
        self.told += records.len();
        let line = |record: &Value| if self.native { format!("{record}\n") } else { format!("data: {record}\n\n") };
        let mut lines: Vec<String> = records.iter().map(line).collect();
        if !self.native && matches!(step, Step::Done { .. }) {
            lines.push("data: [DONE]\n\n".into());
        }
        lines.concat().into_bytes()
    }

    fn native(&mut self, step: &Step) -> Vec<Value> {
        let message = match step {
            Step::Thinking(text) => json!({"role": "assistant", "content": "", "thinking": text}),
            Step::Text(text) => json!({"role": "assistant", "content": text}),
            Step::Call { name, arguments } => self.native_call(name, arguments),
            Step::Done { reason, call } => {
                let message = match call {
                    Some((name, arguments)) => self.native_call(name, arguments),
                    None => json!({"role": "assistant", "content": ""}),
                };
                let mut record = self.native_record(&message);
                let end = json!({
                    "done": true, "done_reason": reason, "total_duration": 1_949_760, "load_duration": 753_590,
                    "prompt_eval_count": TOKENS.0, "prompt_eval_duration": 1_000_000,
                    "eval_count": TOKENS.1, "eval_duration": 1_000_000,
                });
                merge(&mut record, end);
                return vec![record];
            }
            Step::Error(text) => return vec![json!({ "error": text })],
            Step::Record(record) => return vec![record.clone()],
            Step::Fragment { .. } => panic!("/api/chat has whole calls only"),
            Step::Head | Step::Raw(_) | Step::Hold(_) | Step::Silence(_) | Step::Reset | Step::HangUp | Step::Stall => {
                return Vec::new();
            }
        };
        vec![self.native_record(&message)]
    }

    fn native_record(&self, message: &Value) -> Value {
        json!({"model": self.model, "created_at": "2026-11-21T01:14:51.04822535Z", "message": message, "done": false})
    }

    fn native_call(&mut self, name: &str, arguments: &Value) -> Value {
        let (id, index) = self.next_call();
        let mut function = json!({"index": index, "name": name, "arguments": arguments});
        if self.shape == Shape::V0_13 && index == 0 {
            function.as_object_mut().unwrap().remove("index");
        }
        json!({"role": "assistant", "content": "", "tool_calls": [{"id": id, "function": function}]})
    }

    fn openai(&mut self, step: &Step) -> Vec<Value> {
        let reasoning = if self.shape == Shape::OpenAi { "reasoning_content" } else { "reasoning" };
        match step {
            Step::Thinking(text) => vec![self.delta(json!({"content": "", reasoning: text}), None)],
            Step::Text(text) => vec![self.delta(json!({ "content": text }), None)],
            Step::Call { name, arguments } => vec![self.openai_call(name, arguments)],
            Step::Fragment { index, name, arguments } => {
                let mut call = json!({"index": index, "function": {"arguments": arguments}});
                if let Some(name) = name {
                    let id = format!("call_{}_{index}", self.number);
                    merge(&mut call, json!({"id": id, "type": "function"}));
                    merge(&mut call["function"], json!({ "name": name }));
                }
                vec![self.delta(json!({ "tool_calls": [call] }), None)]
            }
            Step::Done { reason, call } => {
                let mut records = Vec::new();
                if let Some((name, arguments)) = call {
                    records.push(self.openai_call(name, arguments));
                }
                let reason = if self.calls > 0 && *reason == "stop" { "tool_calls" } else { reason };
                let old = matches!(self.shape, Shape::V0_13 | Shape::V0_24);
                let delta = if old { json!({"content": ""}) } else { json!({}) };
                records.push(self.delta(delta, Some(reason)));
                if self.with_usage {
                    records.push(self.usage());
                }
                records
            }
            // Ollama tells no more than this.
            Step::Error(text) if self.shape == Shape::OpenAi => {
                vec![json!({"error": {"code": 500, "message": text, "type": "server_error"}})]
            }
            Step::Error(_) => {
                let mut record = self.delta(json!({"content": ""}), None);
                record["model"] = "".into();
                vec![record]
            }
            Step::Record(record) => vec![record.clone()],
            Step::Head | Step::Raw(_) | Step::Hold(_) | Step::Silence(_) | Step::Reset | Step::HangUp | Step::Stall => {
                Vec::new()
            }
        }
    }

    fn openai_call(&mut self, name: &str, arguments: &Value) -> Value {
        let (id, index) = self.next_call();
        let function = json!({"name": name, "arguments": arguments.to_string()});
        let call = json!({"id": id, "index": index, "type": "function", "function": function});
        self.delta(json!({"content": "", "tool_calls": [call]}), None)
    }

    fn delta(&self, mut delta: Value, finish: Option<&str>) -> Value {
        if self.told == 0 || matches!(self.shape, Shape::V0_13 | Shape::V0_24) {
            merge(&mut delta, json!({"role": "assistant"}));
        }
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        self.openai_record(json!({ "choices": [choice] }))
    }

    fn usage(&self) -> Value {
        let usage = json!({
            "prompt_tokens": TOKENS.0, "completion_tokens": TOKENS.1, "total_tokens": TOKENS.0 + TOKENS.1,
        });
        self.openai_record(json!({"choices": [], "usage": usage}))
    }

    fn openai_record(&self, parts: Value) -> Value {
        let mut record = json!({
            "id": format!("chatcmpl-{}", self.number), "object": "chat.completion.chunk", "created": 1_795_223_691,
            "model": self.model, "system_fingerprint": "fp_ollama",
        });
        merge(&mut record, parts);
        record
    }

    fn next_call(&mut self) -> (String, usize) {
        self.calls += 1;
        (format!("call_{:04}{:04}", self.number, self.calls), self.calls - 1)
    }
}

fn merge(into: &mut Value, more: Value) {
    let more: Map<String, Value> = serde_json::from_value(more).unwrap();
    into.as_object_mut().unwrap().extend(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a real server said, and how it is told here.
    #[test]
    fn records_look_like_those_of_real_servers() {
        let text = || Reply::new().text("Hello").done();
        let call = || Reply::new().call("exec_command", json!({"cmd": "ls"})).done();
        let thoughts = || Reply::new().thinking("Hm.").text("An").done();
        check(include_str!("../fixtures/ollama-0.33/text.api_chat.http"), Shape::V0_33, &text());
        check(include_str!("../fixtures/ollama-0.33/text.v1_chat.http"), Shape::V0_33, &text());
        check(include_str!("../fixtures/ollama-0.33/tool.api_chat.http"), Shape::V0_33, &call());
        check(include_str!("../fixtures/ollama-0.33/tool.v1_chat.http"), Shape::V0_33, &call());
        check(include_str!("../fixtures/ollama-0.33/think_text.api_chat.http"), Shape::V0_33, &thoughts());
        check(include_str!("../fixtures/ollama-0.33/think_text.v1_chat.http"), Shape::V0_33, &thoughts());
        check(include_str!("../fixtures/ollama-0.24/text.api_chat.http"), Shape::V0_24, &text());
        check(include_str!("../fixtures/ollama-0.24/text.v1_chat.http"), Shape::V0_24, &text());
        check(include_str!("../fixtures/ollama-0.24/tool.api_chat.http"), Shape::V0_24, &call());
        check(include_str!("../fixtures/ollama-0.24/tool.v1_chat.http"), Shape::V0_24, &call());
    }

    /// Each kind of record has the keys of a recorded one.
    #[track_caller]
    fn check(file: &str, shape: Shape, reply: &Reply) {
        let native = !file.contains("data: ");
        let mut voice = Voice { shape, native, model: "m".into(), with_usage: true, number: 1, told: 0, calls: 0 };
        let told: Vec<u8> = reply.steps.iter().flat_map(|step| voice.tell(step)).collect();
        let recorded = skeletons(file);
        for skeleton in skeletons(std::str::from_utf8(&told).unwrap()) {
            assert!(recorded.contains(&skeleton), "{skeleton} is not one of {recorded:#?}");
        }
    }

    fn skeletons(text: &str) -> Vec<Value> {
        let lines = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
        lines.filter(|line| line.starts_with('{')).map(|line| skeleton(&serde_json::from_str(line).unwrap())).collect()
    }

    /// The keys, with the kind of each value.
    fn skeleton(value: &Value) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), skeleton(value))).collect(),
            Value::Array(list) => list.iter().map(skeleton).collect(),
            Value::String(_) => "text".into(),
            Value::Number(_) => 0.into(),
            Value::Bool(_) | Value::Null => value.clone(),
        }
    }
}
