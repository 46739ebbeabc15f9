//! Words and thoughts: each piece is with the client before the model has made the next.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{Asking, question, user};
use crate::fake::MODEL;
use crate::script::{Reply, Shape, TOKENS};

#[test]
fn each_piece_arrives_before_the_next_is_made() {
    let reply = Reply::new().text("One").hold("one").text(" two").hold("two").text(" three.").done();
    let bed = Bed::of(reply);
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.fake.release("one");
    stream.until_text("One two");
    bed.fake.release("two");
    stream.whole().completed().says("One two three.");
}

#[test]
fn the_answer_has_begun_before_the_model_is_loaded() {
    let bed = Bed::of(Reply::new().hold("loaded").text("Hi.").done());
    let mut stream = bed.ask("Hello?");
    assert_eq!(stream.next().name(), "response.created");
    assert_eq!(stream.next().name(), "response.in_progress");
    bed.fake.held("loaded");
    bed.fake.release("loaded");
    stream.whole().completed().says("Hi.");
}

#[test]
fn a_byte_at_a_time_is_the_same_answer() {
    for shape in [Shape::V0_13, Shape::V0_24, Shape::V0_33, Shape::OpenAi] {
        let bed = Bed::shaped(shape, &[]);
        bed.fake.will(Reply::new().thinking("Hm. é").text("Naïve ").text("answer 🦙").done().bytewise());
        let answer = bed.answer("Say it.").completed();
        assert_eq!((answer.thoughts().as_str(), answer.text().as_str()), ("Hm. é", "Naïve answer 🦙"), "{shape:?}");
    }
}

#[test]
fn thoughts_are_a_summary_before_the_text() {
    let reply = Reply::new().thinking("Let me ").hold("thinking").thinking("think.").text("Done.").done();
    let bed = Bed::of(reply);
    let mut stream = bed.ask("Think.");
    assert_eq!(stream.until("response.reasoning_summary_text.delta").delta(), "Let me ");
    bed.fake.release("thinking");
    let answer = stream.whole().completed();
    assert_eq!(answer.kinds(), ["reasoning", "message"]);
    assert_eq!((answer.thoughts().as_str(), answer.text().as_str()), ("Let me think.", "Done."));
}

/// Older servers put both into one record.
#[test]
fn a_record_of_thoughts_and_words_is_both() {
    let message = json!({"role": "assistant", "content": "Done.", "thinking": "Hm."});
    let bed = Bed::of(Reply::new().record(json!({"model": MODEL, "message": message, "done": false})).done());
    let answer = bed.answer("Think.").completed();
    assert_eq!(answer.kinds(), ["reasoning", "message"]);
    assert_eq!((answer.thoughts().as_str(), answer.text().as_str()), ("Hm.", "Done."));
}

/// It cannot change while the model is the same.
#[test]
fn what_a_model_can_is_asked_once() {
    let bed = Bed::new();
    for _ in 0..3 {
        bed.fake.will(Reply::new().text("Hi.").done());
        let mut body = question("Hello?");
        body["reasoning"] = json!({"effort": "high"});
        bed.post(&body).whole().completed();
    }
    let shown = bed.fake.probes().iter().filter(|probe| probe.path == "/api/show").count();
    assert_eq!(shown, 1);
}

#[test]
fn thoughts_go_back_as_thoughts() {
    let bed = Bed::new();
    bed.fake.will(Reply::new().thinking("Let me think.").text("Done.").done());
    let first = bed.answer("Think.");
    bed.fake.will(Reply::new().text("Again.").done());
    let mut body = question("Think.");
    let input = body["input"].as_array_mut().unwrap();
    input.extend(first.response["output"].as_array().unwrap().iter().cloned());
    input.push(user("Once more."));
    bed.post(&body).whole().completed().says("Again.");
    let ask = bed.fake.ask(1);
    let assistant = ask.messages().iter().find(|message| message["role"] == "assistant").unwrap();
    assert_eq!((assistant["thinking"].as_str(), assistant["content"].as_str()), (Some("Let me think."), Some("Done.")));
}

#[test]
fn tokens_are_counted() {
    for (shape, api) in
        [(Shape::V0_33, "ollama"), (Shape::V0_33, "chat"), (Shape::V0_24, "chat"), (Shape::OpenAi, "chat")]
    {
        let bed = Bed::shaped(shape, &["--upstream-api", api]);
        bed.fake.will(Reply::new().text("Hi.").done());
        let usage = bed.answer("Hello?").completed().says("Hi.").response["usage"].clone();
        let counted = ["input_tokens", "output_tokens", "total_tokens"].map(|key| usage[key].as_u64().unwrap());
        assert_eq!(counted, [TOKENS.0, TOKENS.1, TOKENS.0 + TOKENS.1], "{shape:?} by {api}");
    }
}

#[test]
fn the_api_is_found_by_asking() {
    for (shape, path) in
        [(Shape::V0_13, "/api/chat"), (Shape::V0_33, "/api/chat"), (Shape::OpenAi, "/v1/chat/completions")]
    {
        let bed = Bed::shaped(shape, &[]);
        bed.fake.will(Reply::new().text("Hi.").done());
        bed.answer("Hello?").completed().says("Hi.");
        assert_eq!(bed.fake.ask(0).path, path, "{shape:?}");
    }
}

#[test]
fn an_answer_that_reached_its_limit_is_whole_for_codex_only() {
    let cut = || Reply::new().text("Once upon").done_by("length");
    Bed::of(cut()).answer("A tale.").completed().says("Once upon");
    let bed = Bed::of(cut());
    let answer = bed.send(&Asking::other(&question("A tale."))).whole();
    assert_eq!(answer.end, "response.incomplete");
    assert_eq!(answer.response["incomplete_details"], json!({"reason": "max_output_tokens"}));
    answer.says("Once upon");
}

/// Ollama's guard against repetition ends an answer so, 0.30 and later.
#[test]
fn an_end_of_endless_repetition_is_an_end() {
    for shape in [Shape::V0_33, Shape::OpenAi] {
        let bed = Bed::shaped(shape, &[]);
        bed.fake.will((0..35).fold(Reply::new().text("So: "), |reply, _| reply.text("==")));
        bed.answer("Repeat.").completed().says(&format!("So: {}", "==".repeat(35)));
    }
}

#[test]
fn what_a_real_server_sent_is_understood() {
    macro_rules! fixture {
        ($name:literal) => {
            &include_bytes!(concat!("../fixtures/", $name, ".http"))[..]
        };
    }
    let rows: [(&[u8], &str, &str, &str); 6] = [
        (fixture!("ollama-0.33/text.api_chat"), "ollama", "", "Hello world"),
        (fixture!("ollama-0.33/text.v1_chat"), "chat", "", "Hello world"),
        (fixture!("ollama-0.24/text.api_chat"), "ollama", "", "Hello from the tiny model."),
        (fixture!("ollama-0.24/text.v1_chat"), "chat", "", "Hello from the tiny model."),
        (fixture!("ollama-0.33/think_text.api_chat"), "ollama", "Let me think.", "Answer"),
        (fixture!("ollama-0.33/think_text.v1_chat"), "chat", "Let me think.", "Answer"),
    ];
    for (file, api, thoughts, text) in rows {
        for bytewise in [false, true] {
            let bed = Bed::with(&["--upstream-api", api]);
            let reply = Reply::recorded(file);
            bed.fake.will(if bytewise { reply.bytewise() } else { reply });
            let answer = bed.answer("Hello?").completed();
            assert_eq!((answer.thoughts().as_str(), answer.text().as_str()), (thoughts, text), "{api}");
        }
    }
}

#[test]
fn an_answer_in_one_piece_is_the_same_response() {
    let bed = Bed::of(Reply::new().thinking("Hm.").text("Hi ").text("there.").done());
    let mut body = question("Hello?");
    body["stream"] = json!(false);
    let answer = bed.post(&body);
    assert!(answer.status == 200 && answer.head.contains("content-type: application/json"), "{}", answer.head);
    let response = answer.json();
    assert_eq!((&response["status"], &response["object"]), (&json!("completed"), &json!("response")));
    let kinds: Vec<&Value> = response["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["reasoning", "message"]);
    assert_eq!(response["output"][1]["content"][0]["text"], "Hi there.");
    assert_eq!(response["usage"]["total_tokens"], TOKENS.0 + TOKENS.1);
}

/// Renderers drop, or print, what is neither (ollama-server, section 8 of the client's paper).
#[test]
fn the_model_sees_one_system_message_at_the_front() {
    let bed = Bed::of(Reply::new().text("Hi.").done());
    let mut body = question("Hello?");
    let developer =
        |text: &str| json!({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]});
    body["instructions"] = "Be brief-1.".into();
    body["input"] = json!([developer("Be kind-2."), user("First."), developer("Be late-3."), user("Hello?")]);
    bed.post(&body).whole().completed();
    let ask = bed.fake.ask(0);
    let roles: Vec<&str> = ask.messages().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "user", "user"]);
    let system = ask.messages()[0]["content"].as_str().unwrap();
    assert!(system.contains("Be brief-1.") && system.contains("Be kind-2.") && !system.contains("late-3"), "{system}");
    assert!(ask.messages()[2]["content"].as_str().unwrap().contains("Be late-3."));
}

/// Whatever varies makes Ollama load the model again, or overrides the model's own settings.
#[test]
fn the_upstream_is_told_nothing_that_the_client_did_not_say() {
    let bed = Bed::of(Reply::new().text("Hi.").done());
    bed.answer("Hello?").completed();
    let ask = bed.fake.ask(0);
    assert_eq!((ask.path.as_str(), &ask.body["model"]), ("/api/chat", &json!(MODEL)));
    assert_eq!((&ask.body["truncate"], &ask.body["stream"]), (&json!(false), &json!(true)));
    let options = ask.body.get("options").and_then(Value::as_object).cloned().unwrap_or_default();
    assert!(options.is_empty(), "{options:?}");

    bed.fake.will(Reply::new().text("Hi.").done());
    let mut body = question("Hello?");
    for (key, value) in [("temperature", json!(0.25)), ("top_p", json!(0.5)), ("max_output_tokens", json!(64))] {
        body[key] = value;
    }
    bed.post(&body).whole().completed();
    assert_eq!(bed.fake.ask(1).body["options"], json!({"temperature": 0.25, "top_p": 0.5, "num_predict": 64}));
}

#[test]
fn the_path_without_a_version_is_the_same() {
    let bed = Bed::of(Reply::new().text("Hi.").done());
    bed.send(&Asking::codex(&question("Hello?")).at("/responses")).whole().completed().says("Hi.");
}

/// It must never wait before the user's own question.
#[test]
fn a_title_is_made_here() {
    let bed = Bed::new();
    let stream = bed.send(&title("Repair the parser of dates"));
    let answer = stream.whole().completed();
    let title: Value = serde_json::from_str(&answer.text()).unwrap();
    let title = title["title"].as_str().unwrap();
    assert!((1..=36).contains(&title.chars().count()) && title.contains("parser"), "{title:?}");
    assert_eq!(bed.fake.asks().len(), 0);
}

fn title(words: &str) -> Asking {
    let schema = json!({"type": "object", "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 36}},
        "required": ["title"], "additionalProperties": false});
    let mut body = question(&format!("Generate a concise, single-line task title for this.\n\nUser prompt:\n{words}"));
    body["tools"] = json!([]);
    body["text"] =
        json!({"format": {"type": "json_schema", "strict": true, "name": "codex_output_schema", "schema": schema}});
    Asking::codex(&body).header("x-codex-turn-metadata", r#"{"request_kind":"turn","thread_source":"thread_title"}"#)
}

/// A word of a model is one write: no later piece has to come for it to arrive.
#[test]
fn a_silent_model_holds_nothing_back() {
    let bed = Bed::of(Reply::new().text("Half a").stall());
    let mut stream = bed.ask("Hello?");
    stream.until_text("Half a");
    assert!(stream.try_next(Duration::from_millis(200)).is_err(), "nothing else was said");
}
