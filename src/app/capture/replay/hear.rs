//! Reads an answer of a model while it comes: what is said, and which tools are called. Pure.
//!
//! ```text
//! bytes ─► lines ─┬─ `data: {…}`   an event of the Responses API, or a chunk of a chat
//!                 └─ `{…}`         a line of Ollama's own API; or, at the end, one whole answer
//! ```

use serde_json::Value;

/// What a piece of an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Text(String),
    /// A thought. Nobody sees it on the terminal, but it tells that something comes.
    Thought,
    Call {
        name: String,
        arguments: String,
    },
    Error(String),
}

/// A line that is longer is given up: an event is some kilobytes.
const LONGEST: usize = 16 << 20;

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// A line whose end is not there yet.
    line: Vec<u8>,
    /// Lines that are no events: parts of one object, if no event comes.
    others: Vec<u8>,
    /// Some line was an event: the answer is a stream.
    is_stream: bool,
    /// What a chat has said of its calls, by their number: name, arguments.
    calls: Vec<(String, String)>,
}

impl Ear {
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + piece.len() <= LONGEST {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.hear_line(&line, &mut said);
            }
        }
        said
    }

    fn hear_line(&mut self, line: &[u8], said: &mut Vec<Said>) {
        match self.event(line) {
            Some(value) => self.take(&value, said),
            None if !self.is_stream && self.others.len() + line.len() <= LONGEST => self.others.extend_from_slice(line),
            None => {}
        }
    }

    /// There is no more: a line without its end, or one whole object; and the calls of a chat.
    pub(super) fn finish(mut self) -> Vec<Said> {
        let mut said = Vec::new();
        let line = std::mem::take(&mut self.line);
        self.hear_line(&line, &mut said);
        if !self.is_stream
            && let Ok(value) = serde_json::from_slice::<Value>(&std::mem::take(&mut self.others))
        {
            self.take(&value, &mut said);
        }
        said.extend(self.calls.into_iter().map(|(name, arguments)| Said::Call { name, arguments }));
        said
    }

    fn event(&mut self, line: &[u8]) -> Option<Value> {
        let line = line.trim_ascii();
        if let Some(data) = line.strip_prefix(b"data:") {
            self.is_stream = true;
            return serde_json::from_slice(data).ok();
        }
        let value: Value = serde_json::from_slice(line).ok()?;
        self.is_stream |= value.is_object();
        value.is_object().then_some(value)
    }

    fn take(&mut self, value: &Value, said: &mut Vec<Said>) {
        if let Some(error) = error_of(value) {
            said.push(Said::Error(error));
            return;
        }
        match value["type"].as_str() {
            Some("response.output_text.delta" | "response.refusal.delta") => text(&value["delta"], said),
            Some("response.output_item.done") => call_of_item(&value["item"], said),
            Some(kind) if kind.starts_with("response.reasoning") => said.push(Said::Thought),
            Some(kind) if kind.starts_with("response.") => {}
            Some(_) | None => self.take_other(value, said),
        }
    }

    fn take_other(&mut self, value: &Value, said: &mut Vec<Said>) {
        // One whole answer of the Responses API.
        for item in list(&value["output"]) {
            for part in list(&item["content"]).iter().filter(|_| item["type"] == "message") {
                text(&part["text"], said);
            }
            call_of_item(item, said);
        }
        for choice in list(&value["choices"]) {
            // A chunk has a delta, a whole answer a message, `/v1/completions` a text.
            for message in [&choice["delta"], &choice["message"]] {
                self.take_message(message, said);
            }
            text(&choice["text"], said);
        }
        self.take_message(&value["message"], said);
        text(&value["response"], said);
    }

    fn take_message(&mut self, message: &Value, said: &mut Vec<Said>) {
        let thinks = ["reasoning", "reasoning_content", "thinking"]
            .iter()
            .any(|key| message[*key].as_str().is_some_and(|text| !text.is_empty()));
        if thinks {
            said.push(Said::Thought);
        }
        text(&message["content"], said);
        for call in list(&message["tool_calls"]) {
            self.take_call(call);
        }
    }

    /// Calls of a chat come in pieces, each with the number of its call; Ollama's own come whole, without one.
    fn take_call(&mut self, call: &Value) {
        /// More calls in one answer are a broken model.
        const MOST: usize = 1000;
        let function = &call["function"];
        let number = call["index"].as_u64().and_then(|at| usize::try_from(at).ok());
        // Some give all calls the number 0: one with an id of its own is another.
        let begins = number.is_none() || call["id"].as_str().is_some_and(|id| !id.is_empty());
        let at = match number.filter(|at| self.calls.get(*at).is_some_and(|(name, _)| !begins || name.is_empty())) {
            Some(known) => known,
            None if self.calls.len() < MOST && (begins || number == Some(self.calls.len())) => {
                self.calls.push(<(String, String)>::default());
                self.calls.len() - 1
            }
            None => return,
        };
        let (name, arguments) = &mut self.calls[at];
        name.push_str(function["name"].as_str().unwrap_or_default());
        match &function["arguments"] {
            Value::String(piece) => arguments.push_str(piece),
            Value::Null => {}
            whole @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                arguments.push_str(&whole.to_string());
            }
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, said: &mut Vec<Said>) {
    if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
        said.push(Said::Text(text.to_owned()));
    }
}

/// An item of the Responses API, where it is a call.
fn call_of_item(item: &Value, said: &mut Vec<Said>) {
    let Some(kind) = item["type"].as_str().filter(|kind| kind.ends_with("_call")) else { return };
    let name = item["name"].as_str().unwrap_or(kind).to_owned();
    let arguments = [&item["arguments"], &item["input"], &item["action"]].into_iter().find(|value| !value.is_null());
    let arguments = match arguments {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    said.push(Said::Call { name, arguments });
}

/// In the forms of all these APIs: `error` as an object or a text, `response.failed`, and `error` events.
fn error_of(value: &Value) -> Option<String> {
    let error = [&value["response"]["error"], &value["error"]].into_iter().find(|error| !error.is_null());
    let error = match error {
        Some(error) => error,
        None if value["type"] == "error" => value,
        None => return None,
    };
    let text = error.as_str().or_else(|| error["message"].as_str());
    Some(text.map_or_else(|| error.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, however it is cut into pieces.
    #[track_caller]
    fn check(answer: &str, text: &str, calls: &[(&str, &str)]) {
        for size in [1, 7, answer.len().max(1)] {
            let mut ear = Ear::default();
            let mut said: Vec<Said> = answer.as_bytes().chunks(size).flat_map(|piece| ear.hear(piece)).collect();
            said.extend(ear.finish());
            let heard: String = said
                .iter()
                .filter_map(|one| match one {
                    Said::Text(text) => Some(text.as_str()),
                    Said::Thought | Said::Call { .. } | Said::Error(_) => None,
                })
                .collect();
            let called: Vec<(&str, &str)> = said
                .iter()
                .filter_map(|one| match one {
                    Said::Call { name, arguments } => Some((name.as_str(), arguments.as_str())),
                    Said::Text(_) | Said::Thought | Said::Error(_) => None,
                })
                .collect();
            assert_eq!((heard.as_str(), called.as_slice()), (text, calls), "in pieces of {size}");
        }
    }

    #[test]
    fn events_of_the_responses_api_are_heard() {
        check(
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hé\"}\n\n\
             data: {\"type\":\"response.output_text.delta\",\"delta\":\"llo\"}\n\n\
             data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"message\",\"content\":[{\"text\":\"Héllo\"}]}}\n\n\
             data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"name\":\"shell\",\"arguments\":\"{}\"}}\n\n\
             data: [DONE]\n\n",
            "Héllo",
            &[("shell", "{}")],
        );
    }

    #[test]
    fn chunks_of_a_chat_are_heard() {
        check(
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n\
             data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\"\"}}]}}]}\n\n\
             data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}}]}\n\n",
            "a",
            &[("f", "{\"x\":1}")],
        );
    }

    #[test]
    fn lines_of_ollama_are_heard() {
        check(
            "{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"content\":\"b\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]}}\n{\"done\":true}",
            "ab",
            &[("f", "{\"x\":1}")],
        );
        check("{\"response\":\"a\"}\n{\"response\":\"b\"}\n", "ab", &[]);
    }

    #[test]
    fn a_whole_answer_is_heard_also_on_several_lines() {
        check("{\"choices\":[{\"message\":{\"content\":\"whole\"}}]}", "whole", &[]);
        check("{\n \"choices\": [\n {\"message\": {\"content\": \"whole\"}}\n ]\n}\n", "whole", &[]);
        check(
            "{\"output\":[{\"type\":\"message\",\"content\":[{\"text\":\"x\"}]},{\"type\":\"custom_tool_call\",\"name\":\"p\",\"input\":\"q\"}]}",
            "x",
            &[("p", "q")],
        );
    }

    #[test]
    fn errors_are_heard_in_every_form() {
        for (answer, text) in [
            ("{\"error\":\"no model\"}\n", "no model"),
            ("{\"error\":{\"message\":\"no model\"}}", "no model"),
            (
                "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"no model\"}}}\n\n",
                "no model",
            ),
            ("data: {\"type\":\"error\",\"message\":\"no model\"}\n\n", "no model"),
        ] {
            let mut ear = Ear::default();
            let mut said = ear.hear(answer.as_bytes());
            said.extend(ear.finish());
            assert_eq!(said, [Said::Error(text.into())], "{answer}");
        }
    }

    #[test]
    fn what_is_no_answer_of_a_model_says_nothing() {
        check("<html>\n<p>no</p>\n", "", &[]);
        check("", "", &[]);
        check("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":99999999,\"function\":{}}]}}]}\n\n", "", &[]);
        check("[1,2]\n\"x\"\nnull\n\u{1b}[31m\n", "", &[]);
    }
}
