//! The response object, with all 31 fields that the Open Responses specification requires (2026-04-24), around what changes
//! while it is made.

use serde_json::{Value, json};

use crate::translate::Client;
use crate::translate::failure::Failure;
use crate::translate::wire::Usage;

/// What stays the same from the first event to the last, as JSON text.
#[derive(Debug)]
pub(super) struct Frame {
    /// From `{"id":` to `"object":"response"`, and when it was created.
    head: String,
    /// The rest of the request's fields, as they were understood.
    echo: String,
}

/// How far a response has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Status<'a> {
    InProgress,
    Completed { at: u64 },
    Incomplete,
    Failed(&'a Failure),
}

impl Frame {
    /// `created` in seconds since 1970.
    pub(super) fn new(id: &str, created: u64, request: &Value, client: Client, only_told: &[&str]) -> Self {
        Self {
            head: format!("{{\"id\":\"{id}\",\"object\":\"response\",\"created_at\":{created}"),
            echo: echo(request, client, only_told),
        }
    }

    /// The whole object. `items` are JSON texts.
    pub(super) fn object(&self, status: Status<'_>, items: &[String], usage: Option<&str>) -> String {
        let completed_at = match status {
            Status::Completed { at } => at.to_string(),
            Status::InProgress | Status::Incomplete | Status::Failed(_) => "null".to_owned(),
        };
        let (word, incomplete, error) = match status {
            Status::InProgress => ("in_progress", "null", None),
            Status::Completed { .. } => ("completed", "null", None),
            Status::Incomplete => ("incomplete", "{\"reason\":\"max_output_tokens\"}", None),
            Status::Failed(failure) => ("failed", "null", Some(error(failure))),
        };
        let length = items.iter().map(|item| item.len() + 1).sum::<usize>();
        let mut text = String::with_capacity(self.head.len() + self.echo.len() + length + 256);
        text.push_str(&self.head);
        for (key, value) in [
            ("completed_at", completed_at.as_str()),
            ("status", &format!("\"{word}\"")),
            ("incomplete_details", incomplete),
            ("error", error.as_deref().unwrap_or("null")),
            ("usage", usage.unwrap_or("null")),
        ] {
            text.extend([",\"", key, "\":", value]);
        }
        text.push_str(",\"output\":[");
        for (place, item) in items.iter().enumerate() {
            text.extend([if place > 0 { "," } else { "" }, item]);
        }
        text.push(']');
        text.push_str(&self.echo);
        text
    }
}

fn error(failure: &Failure) -> String {
    json!({"code": failure.code(), "message": failure.message}).to_string()
}

/// Tokens as the API has them: always integers. What no one counted is estimated by the caller.
pub(super) fn usage_json(usage: Usage) -> String {
    let (input, output) = (usage.input.unwrap_or_default(), usage.output.unwrap_or_default());
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cached.unwrap_or_default(), "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning.unwrap_or_default()},
        "total_tokens": input + output,
    })
    .to_string()
}

/// The fields that repeat the request, from `,` to `}`; defaults are those of the specification.
fn echo(request: &Value, client: Client, only_told: &[&str]) -> String {
    let given = |key: &str| request.get(key).filter(|value| !value.is_null());
    let or = |key: &str, default: Value| given(key).cloned().unwrap_or(default);
    let mut text = String::new();
    for (key, value) in [
        ("model", or("model", json!(""))),
        ("previous_response_id", or("previous_response_id", Value::Null)),
        ("instructions", given("instructions").filter(|value| value.is_string()).cloned().unwrap_or(Value::Null)),
        ("tools", tools(given("tools"), client)),
        ("tool_choice", or("tool_choice", json!("auto"))),
        ("truncation", or("truncation", json!("disabled"))),
        ("parallel_tool_calls", or("parallel_tool_calls", json!(true))),
        ("text", text_format(given("text"))),
        ("top_p", or("top_p", json!(1.0))),
        ("presence_penalty", or("presence_penalty", json!(0.0))),
        ("frequency_penalty", or("frequency_penalty", json!(0.0))),
        ("top_logprobs", or("top_logprobs", json!(0))),
        ("temperature", or("temperature", json!(1.0))),
        ("reasoning", reasoning(given("reasoning"))),
        ("max_output_tokens", or("max_output_tokens", Value::Null)),
        ("max_tool_calls", or("max_tool_calls", Value::Null)),
        ("store", or("store", json!(true))),
        ("background", json!(false)),
        ("service_tier", json!("default")),
        ("metadata", metadata(given("metadata"), only_told)),
        ("safety_identifier", or("safety_identifier", Value::Null)),
        ("prompt_cache_key", or("prompt_cache_key", Value::Null)),
    ] {
        text.extend([",\"", key, "\":", &value.to_string()]);
    }
    text.push('}');
    text
}

/// Functions with all four of their fields; the specification knows no other tools. Codex never looks, and its tools are 17 kB.
fn tools(given: Option<&Value>, client: Client) -> Value {
    let tools = given.and_then(Value::as_array).filter(|_| client == Client::Other);
    let functions = tools.into_iter().flatten().filter(|tool| tool["type"] == "function");
    functions.map(|tool| whole(tool, &["type", "name", "description", "parameters", "strict"])).collect()
}

/// With each of these keys, null where it was not given.
fn whole(object: &Value, keys: &[&str]) -> Value {
    keys.iter().map(|key| ((*key).to_owned(), object.get(key).cloned().unwrap_or_default())).collect()
}

/// The client's own, and what it should know: that something could only be asked for in words.
fn metadata(given: Option<&Value>, only_told: &[&str]) -> Value {
    let mut metadata = given.and_then(Value::as_object).cloned().unwrap_or_default();
    if !only_told.is_empty() {
        metadata.insert("ollama-forward".to_owned(), only_told.join("; ").into());
    }
    Value::Object(metadata)
}

fn text_format(given: Option<&Value>) -> Value {
    let mut text = given.and_then(Value::as_object).cloned().unwrap_or_default();
    let format = match text.remove("format") {
        Some(format) if format["type"] == "json_schema" => {
            let mut format = whole(&format, &["type", "name", "description", "schema", "strict"]);
            format["strict"] = json!(format["strict"].as_bool().unwrap_or_default());
            format
        }
        Some(format @ Value::Object(_)) => format,
        Some(_) | None => json!({"type": "text"}),
    };
    text.insert("format".to_owned(), format);
    Value::Object(text)
}

fn reasoning(given: Option<&Value>) -> Value {
    let word = |key: &str, known: &[&str]| {
        let word = given.and_then(|reasoning| reasoning[key].as_str()).filter(|word| known.contains(word));
        word.map_or(Value::Null, Value::from)
    };
    json!({
        "effort": word("effort", &["none", "low", "medium", "high", "xhigh"]),
        "summary": word("summary", &["auto", "concise", "detailed"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    /// Open Responses, `ResponseResource`, all required.
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

    #[test]
    fn every_response_has_every_field_whatever_was_asked() {
        let failure = Failure { kind: crate::translate::failure::Kind::Transient, message: "no \"way\"".into() };
        for request in [json!({}), json!(null), json!({"model": "m", "text": {"verbosity": "low"}, "tools": null})] {
            for status in
                [Status::InProgress, Status::Completed { at: 3 }, Status::Incomplete, Status::Failed(&failure)]
            {
                let object = Frame::new("resp_1", 2, &request, Client::Other, &[]).object(
                    status,
                    &["{}".into(), "{}".into()],
                    None,
                );
                let object: Map<String, Value> = serde_json::from_str(&object).unwrap();
                let mut missing = FIELDS.iter().filter(|field| !object.contains_key(**field));
                assert_eq!(missing.next(), None, "{status:?}");
                assert_eq!(object.len(), FIELDS.len());
                assert_eq!(object["text"]["format"]["type"], "text");
                assert_eq!(object["output"].as_array().unwrap().len(), 2);
            }
        }
    }

    #[test]
    fn tools_and_formats_are_repeated_with_all_their_fields() {
        let request = json!({
            "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
            "reasoning": {"effort": "ultra", "summary": "auto"},
        });
        let object = Frame::new("resp_1", 2, &request, Client::Other, &[]).object(Status::InProgress, &[], None);
        let object: Value = serde_json::from_str(&object).unwrap();
        let function =
            json!({"type": "function", "name": "f", "description": null, "parameters": null, "strict": null});
        assert_eq!(object["tools"], json!([function]));
        let format = json!({"type": "json_schema", "name": "n", "schema": {}, "description": null, "strict": false});
        assert_eq!(object["text"]["format"], format);
        assert_eq!(object["reasoning"], json!({"effort": null, "summary": "auto"}));
    }

    #[test]
    fn what_could_only_be_told_is_in_the_metadata() {
        let request = json!({"metadata": {"mine": "1"}});
        let object =
            Frame::new("resp_1", 2, &request, Client::Other, &["a", "b"]).object(Status::InProgress, &[], None);
        let object: Value = serde_json::from_str(&object).unwrap();
        assert_eq!(object["metadata"], json!({"mine": "1", "ollama-forward": "a; b"}));
    }

    #[test]
    fn usage_is_integers_though_nobody_counted() {
        let usage: Value = serde_json::from_str(&usage_json(Usage::default())).unwrap();
        assert_eq!(usage["total_tokens"], 0);
        let counted = Usage { input: Some(5), cached: Some(1), output: Some(7), reasoning: Some(2) };
        let usage: Value = serde_json::from_str(&usage_json(counted)).unwrap();
        assert_eq!(usage["total_tokens"], 12);
        assert_eq!(usage["output_tokens_details"]["reasoning_tokens"], 2);
    }
}
