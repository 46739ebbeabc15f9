//! A tool call and back, as Codex does it: a question with one tool over `/v1/responses`, the call, its result, the answer.
//! The tool is of our own making and does nothing.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::Tools;
use super::stream::{clip, refusal};
use crate::clock;
use crate::doctor::http::{Place, Question, Whole, ask};
use crate::words;
use crate::words::Words;

const TOOL: &str = "get_code_word";
/// What comes back: no model says it by itself.
const CODE_WORD: &str = "marmalade-47";
/// The demo calls a tool when it is asked to "run" something, a model when it is told to.
const PROMPT: &str = "Run the tool get_code_word with the topic \"doctor\". Then tell me the code word that it gives.";
/// A model that thinks needs some hundred words before it calls.
const MOST_TOKENS: u32 = 2048;

/// Plays both turns, within this time in all.
pub(super) async fn round_trip(place: &Place, model: &str, within: Duration) -> Tools {
    let until = clock::now() + within;
    let asked = message();
    let first = match turn(place, model, std::slice::from_ref(&asked), within).await {
        Ok(items) => items,
        Err(instead) => return Tools { instead: Some(instead), ..Tools::default() },
    };
    let Some(call) = first.iter().find(|item| item["type"] == "function_call" && fits(item)) else {
        return Tools { instead: Some(instead_of_a_call(&first)), ..Tools::default() };
    };
    let result = json!({ "type": "function_call_output", "call_id": call["call_id"], "output": output() });
    let conversation: Vec<Value> = [asked].into_iter().chain(first.iter().cloned()).chain([result]).collect();
    let left = until.saturating_duration_since(clock::now());
    let (answered, instead) = match turn(place, model, &conversation, left).await {
        Ok(items) if text(&items).to_lowercase().contains(CODE_WORD) => (true, None),
        Ok(items) => (false, Some(instead_of_an_answer(&items))),
        Err(instead) => (false, Some(instead)),
    };
    Tools { called: true, answered, instead, ..Tools::default() }
}

fn message() -> Value {
    json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": PROMPT }] })
}

fn output() -> String {
    format!("The code word is {CODE_WORD}.")
}

fn declaration() -> Value {
    json!({
        "type": "function",
        "name": TOOL,
        "description": "Gives the code word of a topic.",
        "parameters": {
            "type": "object",
            "properties": { "topic": { "type": "string", "description": "The topic, such as doctor." } },
            "required": ["topic"],
        },
    })
}

/// The right tool, with arguments that its schema allows.
fn fits(call: &Value) -> bool {
    let arguments: Value =
        call["arguments"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    call["name"] == TOOL
        && call["call_id"].is_string()
        && arguments["topic"].as_str().is_some_and(|topic| !topic.is_empty())
}

/// Asks once. Gives the items of the answer, or what came instead.
async fn turn(place: &Place, model: &str, input: &[Value], within: Duration) -> Result<Vec<Value>, Words> {
    let body = json!({
        "model": model,
        "stream": true,
        "store": false,
        "instructions": "You are a helpful assistant. Use the tools that you are given.",
        "input": input,
        "tools": [declaration()],
        "max_output_tokens": MOST_TOKENS,
    });
    let question = Question::post("/v1/responses", body.to_string());
    match ask(place, &question, within).await {
        Ok(Whole { status: StatusCode::OK, body, .. }) => read(&body),
        Ok(Whole { status, body, .. }) => Err(refusal(status, &body)),
        Err(broke) => Err(broke.words(place.address)),
    }
}

/// The items of a streamed response, as Codex takes them: each from its own last event; all only once the response is
/// completed.
fn read(stream: &[u8]) -> Result<Vec<Value>, Words> {
    let stream = String::from_utf8_lossy(stream);
    let mut items = Vec::new();
    for data in stream.lines().filter_map(|line| line.strip_prefix("data:")) {
        let event: Value = serde_json::from_str(data).unwrap_or_default();
        match event["type"].as_str() {
            Some("response.output_item.done") => items.push(event["item"].clone()),
            Some("response.completed") => return Ok(items),
            Some("response.failed") => {
                let message = event["response"]["error"]["message"].as_str().unwrap_or("response.failed");
                return Err(Words::same(clip(message)));
            }
            Some("response.incomplete") => {
                return Err(words!(
                    "the model had not finished after {MOST_TOKENS} tokens",
                    "le modèle n'avait pas fini après {MOST_TOKENS} tokens"
                ));
            }
            Some(_) | None => {}
        }
    }
    Err(words!("the stream ended before the response did", "le flux s'est terminé avant la réponse"))
}

fn text(items: &[Value]) -> String {
    let messages = items.iter().filter(|item| item["type"] == "message");
    let parts = messages.filter_map(|item| item["content"].as_array()).flatten();
    parts.filter_map(|part| part["text"].as_str()).collect()
}

fn instead_of_a_call(items: &[Value]) -> Words {
    let call = items.iter().find(|item| item["type"] == "function_call");
    if let Some(call) = call {
        let (name, arguments) = (&call["name"], clip(call["arguments"].as_str().unwrap_or_default()));
        return words!(
            "a call that does not fit: {name} {arguments}",
            "un appel qui ne convient pas : {name} {arguments}"
        );
    }
    instead_of_an_answer(items)
}

fn instead_of_an_answer(items: &[Value]) -> Words {
    let said = clip(&text(items));
    if said.is_empty() {
        return words!("no text", "aucun texte");
    }
    words!("the text \"{said}\"", "le texte « {said} »")
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::doctor::fake::{Fake, Reply};
    use crate::net::options::SocketPolicy;

    const LONG: Duration = Duration::from_secs(5);

    fn call(name: &str, arguments: &str) -> Value {
        json!({ "type": "function_call", "call_id": "call_1", "name": name, "arguments": arguments })
    }

    fn said(text: &str) -> Value {
        json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] })
    }

    fn events(items: &[Value], end: &Value) -> Reply {
        let done = |item: &Value| json!({ "type": "response.output_item.done", "item": item });
        let all =
            [json!({ "type": "response.created" })].into_iter().chain(items.iter().map(done)).chain([end.clone()]);
        let stream: Vec<String> = all.map(|event| format!("event: {}\ndata: {event}\n\n", event["type"])).collect();
        Reply::json(stream.concat())
    }

    fn completed(items: &[Value]) -> Reply {
        events(items, &json!({ "type": "response.completed", "response": { "id": "resp_1" } }))
    }

    /// A server that gives `first`, and `second` once it was given the result of the call.
    async fn played(first: Reply, second: Reply) -> (Tools, Vec<String>) {
        let fake = Fake::new(
            move |request| {
                if request.contains("function_call_output") { second.clone() } else { first.clone() }
            },
        );
        let place = Place::found(fake.address, SocketPolicy::default());
        (round_trip(&place, "qwen3", LONG).await, fake.heard())
    }

    fn good_call() -> Value {
        call(TOOL, r#"{"topic":"doctor"}"#)
    }

    #[tokio::test]
    async fn a_call_that_is_made_and_answered_is_well() {
        let second = completed(&[said("It is Marmalade-47.")]);
        let (tools, asked) = played(completed(&[said("Let me see."), good_call()]), second).await;
        assert_eq!(tools, Tools { called: true, answered: true, ..Tools::default() });
        let [first, second] = &asked[..] else { panic!("{asked:?}") };
        assert!(first.starts_with("POST /v1/responses ") && !first.contains("marmalade"), "{first}");
        assert!(!first.contains("num_ctx"), "{first}");
        // The whole history goes along, as Codex has it.
        for part in ["Let me see.", r#""call_id":"call_1""#, "The code word is marmalade-47."] {
            assert!(second.contains(part), "{part} is not in {second}");
        }
    }

    #[tokio::test]
    async fn text_instead_of_a_call_is_told() {
        let (tools, asked) = played(completed(&[said("I cannot\nrun tools.")]), Reply::Never).await;
        assert_eq!((tools.called, asked.len()), (false, 1));
        assert_eq!(tools.instead.unwrap().en, "the text \"I cannot run tools.\"");
        let (tools, _) = played(completed(&[]), Reply::Never).await;
        assert_eq!(tools.instead.unwrap().en, "no text");
    }

    #[tokio::test]
    async fn a_call_that_does_not_fit_is_no_call() {
        for bad in [
            call("other", r#"{"topic":"doctor"}"#),
            call(TOOL, "{}"),
            call(TOOL, "not JSON"),
            call(TOOL, r#"{"topic":""}"#),
        ] {
            let (tools, _) = played(completed(&[bad]), Reply::Never).await;
            assert!(!tools.called && tools.instead.unwrap().en.starts_with("a call that does not fit: "));
        }
    }

    #[tokio::test]
    async fn a_result_that_is_not_used_is_told() {
        let (tools, _) = played(completed(&[good_call()]), completed(&[said("I do not know.")])).await;
        assert_eq!((tools.called, tools.answered), (true, false));
        assert_eq!(tools.instead.unwrap().en, "the text \"I do not know.\"");
    }

    #[tokio::test]
    async fn a_response_that_fails_is_told_in_its_own_words() {
        let failed = json!({ "type": "response.failed", "response": { "error": { "message": "no such model" } } });
        let (tools, _) = played(events(&[], &failed), Reply::Never).await;
        assert_eq!(tools.instead, Some(Words::same("no such model")));
        let (tools, _) = played(events(&[], &json!({ "type": "response.incomplete" })), Reply::Never).await;
        assert!(tools.instead.unwrap().en.contains("2048 tokens"));
        let (tools, _) = played(events(&[good_call()], &json!({})), Reply::Never).await;
        assert!(!tools.called && tools.instead.unwrap().en.contains("ended before the response"));
        let (tools, _) = played(Reply::status("404 Not Found", "404 page not found"), Reply::Never).await;
        assert_eq!(tools.instead, Some(Words::same("HTTP 404")));
        let (tools, _) = played(completed(&[good_call()]), Reply::raw("")).await;
        assert!(tools.called && tools.instead.unwrap().en.contains("broke off"));
    }
}
