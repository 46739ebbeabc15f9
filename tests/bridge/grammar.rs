//! What a well-formed answer is, whatever is in it.
//!
//! ```text
//! created  in_progress+  ( item_added  piece*  item_done  in_progress* )*  ( completed | incomplete | failed )
//! ```
//! At most one item is open. Every delta belongs to it, and its end repeats what the deltas said. Numbers count up from
//! nought without a gap. The last event says what all before it said.

use std::collections::HashSet;

use serde_json::Value;

/// The fields of a response, as the Open Responses specification lists them.
const FIELDS: [&str; 31] = [
    "id",
    "object",
    "created_at",
    "completed_at",
    "status",
    "incomplete_details",
    "model",
    "previous_response_id",
    "instructions",
    "output",
    "error",
    "tools",
    "tool_choice",
    "truncation",
    "parallel_tool_calls",
    "text",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "temperature",
    "reasoning",
    "usage",
    "max_output_tokens",
    "max_tool_calls",
    "store",
    "background",
    "service_tier",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
];

pub(crate) fn check(events: &[Value]) -> Result<(), String> {
    let mut reader = Reader::default();
    for (number, event) in events.iter().enumerate() {
        let told = reader.event(number, event);
        told.map_err(|why| format!("event {number} is wrong: {why}\n{event}"))?;
    }
    if reader.over { Ok(()) } else { Err("it ends without a terminal event".into()) }
}

/// What has been said so far.
#[derive(Default)]
struct Reader {
    id: Value,
    done: Vec<Value>,
    ids: HashSet<String>,
    open: Option<Open>,
    over: bool,
}

/// The item that is open.
struct Open {
    item: Value,
    /// The part that is open: its number, and what its deltas said.
    part: Option<(usize, String)>,
    parts: Vec<String>,
    /// What `…done` said of the open part, or of the arguments.
    said: Option<String>,
}

type Verdict = Result<(), String>;

fn must(holds: bool, what: &str) -> Verdict {
    if holds { Ok(()) } else { Err(what.into()) }
}

impl Reader {
    fn event(&mut self, number: usize, event: &Value) -> Verdict {
        must(!self.over, "nothing follows the terminal event")?;
        must(event["sequence_number"] == number, "sequence_number counts up from 0")?;
        let name =
            event["type"].as_str().unwrap_or_default().strip_prefix("response.").ok_or("not a response event")?;
        match name {
            "created" => {
                must(number == 0, "created comes first, once")?;
                self.id = event["response"]["id"].clone();
                must(self.id.as_str().is_some_and(|id| !id.is_empty()), "a response has an id")?;
                self.response(event, "in_progress")
            }
            "in_progress" => {
                must(number > 0, "created comes first")?;
                self.response(event, "in_progress")?;
                must(self.open.is_none(), "an open item is kept alive by an empty delta")
            }
            "completed" | "incomplete" | "failed" => {
                self.over = true;
                self.response(event, name)?;
                // Codex forgets an item that a failure has left open, and asks again.
                must(name == "failed" || self.open.is_none(), "an item is still open")?;
                check_end(&event["response"], name)
            }
            "output_item.added" => self.item_added(number, event),
            "output_item.done" => self.item_done(event),
            _ => self.piece(name, event),
        }
    }

    fn response(&self, event: &Value, status: &str) -> Verdict {
        let response = &event["response"];
        for field in FIELDS {
            must(response.get(field).is_some(), &format!("a response has the field {field}"))?;
        }
        must(response["id"] == self.id && response["object"] == "response", "it is the same response")?;
        must(response["status"] == status, &format!("its status is {status}"))?;
        must(response["output"] == Value::from(self.done.clone()), "its output is the items that were done")
    }

    fn item_added(&mut self, number: usize, event: &Value) -> Verdict {
        must(number >= 2, "created and in_progress come first")?;
        must(self.open.is_none(), "the item before it is still open")?;
        must(event["output_index"] == self.done.len(), "output_index counts up from 0")?;
        let item = &event["item"];
        let id = item["id"].as_str().unwrap_or_default();
        must(!id.is_empty() && self.ids.insert(id.into()), "an item has an id of its own")?;
        if let Some(call) = item["call_id"].as_str() {
            must(!call.is_empty() && self.ids.insert(call.into()), "a call has an id of its own")?;
        }
        for empty in ["content", "summary", "arguments", "input"] {
            let value = item.get(empty).filter(|_| item["type"] != "tool_search_call");
            let is_empty = |value: &Value| *value == "" || value.as_array().is_some_and(Vec::is_empty);
            must(value.is_none_or(is_empty), "a new item is empty")?;
        }
        self.open = Some(Open { item: item.clone(), part: None, parts: Vec::new(), said: None });
        Ok(())
    }

    fn item_done(&mut self, event: &Value) -> Verdict {
        let open = self.open.take().ok_or("no item is open")?;
        must(event["output_index"] == self.done.len(), "it is the open item")?;
        let item = &event["item"];
        for same in ["id", "type", "call_id", "name", "namespace"] {
            must(item[same] == open.item[same], &format!("the item keeps its {same}"))?;
        }
        must(open.part.is_none(), "a part is still open")?;
        must(item["status"].is_null() || item["status"] != "in_progress", "the item is no longer in progress")?;
        let texts = |key: &str| -> Vec<String> {
            let parts = item[key].as_array().map_or(&[][..], Vec::as_slice);
            parts.iter().map(|part| part["text"].as_str().unwrap_or_default().to_owned()).collect()
        };
        match item["type"].as_str().unwrap_or_default() {
            "message" => {
                must(item["role"] == "assistant", "the assistant's")?;
                must(texts("content") == open.parts && !open.parts.is_empty(), "it repeats its parts")?;
            }
            "reasoning" => must(texts("summary") == open.parts, "it repeats its parts")?,
            // Broken off in the middle.
            "function_call" if item["status"] == "incomplete" => {}
            "function_call" => {
                let arguments = item["arguments"].as_str().ok_or("arguments are a string")?;
                must(open.said.as_deref() == Some(arguments), "it repeats its arguments")?;
                let parsed: Value = serde_json::from_str(arguments).map_err(|e| e.to_string())?;
                must(parsed.is_object(), "arguments are a JSON object")?;
            }
            "custom_tool_call" => {
                must(open.said.as_deref() == item["input"].as_str() && open.said.is_some(), "it repeats its input")?;
            }
            "tool_search_call" => {}
            other => return Err(format!("an item of an unknown type: {other:?}")),
        }
        self.done.push(item.clone());
        Ok(())
    }

    fn piece(&mut self, name: &str, event: &Value) -> Verdict {
        let index = self.done.len();
        let open = self.open.as_mut().ok_or("no item is open")?;
        must(event["item_id"] == open.item["id"] && event["output_index"] == index, "it belongs to the open item")?;
        let kind = open.item["type"].as_str().unwrap_or_default();
        match (kind, name) {
            ("message", "content_part.added") => open.part_added(&event["content_index"]),
            ("message", "output_text.delta") => open.delta(&event["content_index"], event),
            ("message", "output_text.done") => open.said(&event["content_index"], &event["text"]),
            ("message", "content_part.done") => open.part_done(&event["content_index"], &event["part"]),
            ("reasoning", "reasoning_summary_part.added") => open.part_added(&event["summary_index"]),
            ("reasoning", "reasoning_summary_text.delta") => open.delta(&event["summary_index"], event),
            ("reasoning", "reasoning_summary_text.done") => open.said(&event["summary_index"], &event["text"]),
            ("reasoning", "reasoning_summary_part.done") => open.part_done(&event["summary_index"], &event["part"]),
            ("function_call", "function_call_arguments.delta")
            | ("custom_tool_call", "custom_tool_call_input.delta") => {
                must(open.said.is_none(), "nothing follows its end")?;
                let delta = event["delta"].as_str().ok_or("a delta is a string")?;
                open.part.get_or_insert_default().1.push_str(delta);
                Ok(())
            }
            ("function_call", "function_call_arguments.done") => open.all_said(&event["arguments"]),
            ("custom_tool_call", "custom_tool_call_input.done") => open.all_said(&event["input"]),
            _ => Err(format!("{name} does not belong to an item of the type {kind}")),
        }
    }
}

fn check_end(response: &Value, name: &str) -> Verdict {
    must((name == "failed") == response["error"].is_object(), "failed has an error, others have none")?;
    must((name == "incomplete") == response["incomplete_details"].is_object(), "incomplete tells why")?;
    if name == "failed" {
        let said = |key: &str| response["error"][key].as_str().is_some_and(|text| !text.is_empty());
        return must(said("code") && said("message"), "an error has a code and a message");
    }
    let count = |path: &str| response["usage"].pointer(path).and_then(Value::as_u64);
    let (input, output, total) = (count("/input_tokens"), count("/output_tokens"), count("/total_tokens"));
    must(input.zip(output).map(|(input, output)| input + output) == total && total.is_some(), "usage adds up")?;
    let cached = count("/input_tokens_details/cached_tokens").ok_or("cached tokens are a number")?;
    let reasoned = count("/output_tokens_details/reasoning_tokens").ok_or("reasoning tokens are a number")?;
    must(Some(cached) <= input && Some(reasoned) <= output, "a part is no more than the whole")
}

impl Open {
    fn part_added(&mut self, index: &Value) -> Verdict {
        must(self.part.is_none(), "the part before it is still open")?;
        must(*index == self.parts.len(), "parts count up from 0")?;
        self.part = Some((self.parts.len(), String::new()));
        Ok(())
    }

    fn delta(&mut self, index: &Value, event: &Value) -> Verdict {
        must(self.said.is_none(), "nothing follows its end")?;
        let (open, text) = self.part.as_mut().ok_or("no part is open")?;
        must(*index == *open, "it belongs to the open part")?;
        text.push_str(event["delta"].as_str().ok_or("a delta is a string")?);
        Ok(())
    }

    fn said(&mut self, index: &Value, text: &Value) -> Verdict {
        let (open, said) = self.part.as_ref().ok_or("no part is open")?;
        must(self.said.is_none() && *index == *open && *text == *said, "it repeats its deltas, once")?;
        self.said = Some(said.clone());
        Ok(())
    }

    fn part_done(&mut self, index: &Value, part: &Value) -> Verdict {
        let (open, text) = self.part.take().ok_or("no part is open")?;
        must(self.said.take().is_some(), "its text is done before it")?;
        must(*index == open && part["text"] == text, "it repeats its deltas")?;
        self.parts.push(text);
        Ok(())
    }

    fn all_said(&mut self, all: &Value) -> Verdict {
        let (_, said) = self.part.take().unwrap_or_default();
        must(*all == said && self.said.is_none(), "it repeats its deltas")?;
        self.said = Some(said);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Thoughts, a text in two pieces, a sign of life, a call, the end.
    fn good() -> Vec<Value> {
        let text = |kind: &str, text: &str| json!({"type": kind, "text": text});
        let thoughts = json!({"id": "rs_1", "type": "reasoning", "summary": [text("summary_text", "Hm.")]});
        let content = [text("output_text", "One two.")];
        let message =
            json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content});
        let call =
            json!({"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"});
        let (mut empty_thoughts, mut empty_message, mut empty_call) = (thoughts.clone(), message.clone(), call.clone());
        empty_thoughts["summary"] = json!([]);
        empty_message["content"] = json!([]);
        empty_call["arguments"] = json!("");
        let done = [thoughts.clone(), message.clone(), call.clone()];
        let part = |index: usize, id: &str, key: &str, rest: Value| {
            merged(json!({"item_id": id, "output_index": index, key: 0}), rest)
        };
        let thought = |rest: Value| part(0, "rs_1", "summary_index", rest);
        let word = |rest: Value| part(1, "msg_1", "content_index", rest);
        let argument = |rest: Value| part(2, "fc_1", "unused", rest);
        let rows = [
            ("created", response("in_progress", &[])),
            ("in_progress", response("in_progress", &[])),
            ("output_item.added", json!({"output_index": 0, "item": empty_thoughts})),
            ("reasoning_summary_part.added", thought(json!({}))),
            ("reasoning_summary_text.delta", thought(json!({"delta": "Hm."}))),
            ("reasoning_summary_text.done", thought(json!({"text": "Hm."}))),
            ("reasoning_summary_part.done", thought(json!({"part": text("summary_text", "Hm.")}))),
            ("output_item.done", json!({"output_index": 0, "item": thoughts})),
            ("output_item.added", json!({"output_index": 1, "item": empty_message})),
            ("content_part.added", word(json!({}))),
            ("output_text.delta", word(json!({"delta": "One"}))),
            ("output_text.delta", word(json!({"delta": " two."}))),
            ("output_text.done", word(json!({"text": "One two."}))),
            ("content_part.done", word(json!({"part": text("output_text", "One two.")}))),
            ("output_item.done", json!({"output_index": 1, "item": message})),
            ("output_item.added", json!({"output_index": 2, "item": empty_call})),
            ("function_call_arguments.delta", argument(json!({"delta": "{\"a\":1}"}))),
            ("function_call_arguments.done", argument(json!({"arguments": "{\"a\":1}"}))),
            ("output_item.done", json!({"output_index": 2, "item": call})),
            ("completed", response("completed", &done)),
        ];
        let named = rows.into_iter().map(|(name, data)| merged(json!({"type": format!("response.{name}")}), data));
        named.collect()
    }

    fn response(status: &str, done: &[Value]) -> Value {
        let mut response: Value = FIELDS.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
        let usage = json!({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5,
            "input_tokens_details": {"cached_tokens": 1}, "output_tokens_details": {"reasoning_tokens": 1}});
        for (key, value) in [("id", json!("resp_1")), ("object", json!("response")), ("status", json!(status))] {
            response[key] = value;
        }
        response["output"] = json!(done);
        response["usage"] = usage;
        json!({ "response": response })
    }

    fn merged(mut into: Value, more: Value) -> Value {
        let Value::Object(more) = more else { panic!("not an object: {more}") };
        into.as_object_mut().unwrap().extend(more);
        into
    }

    fn numbered(mut events: Vec<Value>) -> Vec<Value> {
        for (number, event) in events.iter_mut().enumerate() {
            event["sequence_number"] = number.into();
        }
        events
    }

    #[test]
    fn a_good_stream_is_good() {
        assert_eq!(check(&numbered(good())), Ok(()));
    }

    #[test]
    fn no_event_may_be_missing_or_come_twice() {
        for at in 0..good().len() {
            let (mut short, mut long) = (good(), good());
            short.remove(at);
            check(&numbered(short)).expect_err(&format!("{at} is missing"));
            // A sign of life may come twice.
            if at != 1 {
                long.insert(at, good()[at].clone());
                check(&numbered(long)).expect_err(&format!("{at} comes twice"));
            }
        }
    }

    #[test]
    fn no_two_events_may_change_places() {
        for at in 1..good().len() {
            let mut events = good();
            events.swap(at - 1, at);
            check(&numbered(events)).expect_err(&format!("{at} comes too early"));
        }
    }

    #[test]
    fn numbers_may_have_no_gap() {
        let mut events = numbered(good());
        events[7]["sequence_number"] = 8.into();
        check(&events).expect_err("a gap");
    }

    #[test]
    fn every_field_and_every_sum_is_looked_at() {
        for field in FIELDS {
            let mut events = good();
            events.last_mut().unwrap()["response"].as_object_mut().unwrap().remove(field);
            check(&numbered(events)).expect_err(field);
        }
        let mut events = good();
        events.last_mut().unwrap()["response"]["usage"]["total_tokens"] = 6.into();
        check(&numbered(events)).expect_err("3 and 2 are 5");
    }
}
