//! Upstreams that speak `/v1/chat/completions` only: LM Studio, llama-server, vLLM, and how they are told from Ollama.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{Asking, Event, question};
use crate::fake::Fake;
use crate::place::Place;
use crate::script::{Reply, Shape, TOKENS};
use crate::support::forward::Forward;

const CHAT: [&str; 2] = ["--upstream-api", "chat"];

#[test]
fn what_an_upstream_speaks_is_found_out() {
    for (shape, path) in [
        (Shape::OpenAi, "/v1/chat/completions"),
        (Shape::V0_33, "/api/chat"),
        (Shape::V0_24, "/api/chat"),
        (Shape::V0_13, "/api/chat"),
    ] {
        let bed = Bed::shaped(shape, &[]);
        for number in 0..2 {
            bed.fake.will(Reply::new().text("Hi.").done());
            bed.answer("Hello?").completed().says("Hi.");
            assert_eq!(bed.fake.ask(number).path, path, "{shape:?}");
        }
        let questions = bed.fake.probes().iter().filter(|ask| ask.path == "/api/version").count();
        assert!(questions <= 2, "asked {questions} times: once at the start, once by the first request");
    }
}

/// Ollama speaks both.
#[test]
fn an_upstream_is_spoken_to_as_it_was_said() {
    let bed = Bed::shaped(Shape::V0_33, &CHAT);
    bed.fake.will(Reply::new().thinking("Hm.").text("Hi.").call("exec_command", json!({"cmd": "ls"})).done());
    let answer = bed.answer("Hello?").completed();
    assert_eq!(bed.fake.ask(0).path, "/v1/chat/completions");
    assert_eq!(answer.thoughts(), "Hm.");
    answer.says("Hi.").calls_only("exec_command", &json!({"cmd": "ls"}));
}

#[test]
fn a_turn_with_a_call_and_its_result() {
    for args in [&[][..], &CHAT] {
        let bed = Bed::shaped(Shape::OpenAi, args);
        let reply = Reply::new().thinking("Let me look.").text("I look.").fragment(0, Some("exec_command"), "");
        bed.fake.will(reply.fragment(0, None, "{\"cmd\":").fragment(0, None, " \"ls\"}").done());
        let answer = bed.answer("What is here?").completed();
        assert_eq!(answer.kinds(), ["reasoning", "message", "function_call"]);
        assert_eq!(answer.thoughts(), "Let me look.");
        assert_eq!(answer.calls(), [("exec_command".to_owned(), json!({"cmd": "ls"}))]);
        assert_eq!(answer.response["usage"]["input_tokens"], TOKENS.0);
        assert_eq!(answer.response["usage"]["output_tokens"], TOKENS.1);

        let mut body = question("What is here?");
        let input = body["input"].as_array_mut().unwrap();
        input.extend(answer.response["output"].as_array().unwrap().clone());
        let call_id = answer.response["output"][2]["call_id"].clone();
        input.push(json!({"type": "function_call_output", "call_id": call_id, "output": "Cargo.toml"}));
        bed.fake.will(Reply::new().text("A project.").done());
        bed.post(&body).whole().completed().says("A project.");

        let ask = bed.fake.ask(1);
        assert_eq!((ask.path.as_str(), &ask.body["stream"]), ("/v1/chat/completions", &json!(true)));
        assert_eq!(ask.body["stream_options"]["include_usage"], true);
        let [.., call, result] = ask.messages() else { panic!("{}", ask.text) };
        assert_eq!(call["tool_calls"][0]["function"]["name"], "exec_command");
        let arguments = call["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(arguments).unwrap(), json!({"cmd": "ls"}));
        assert_eq!((&result["role"], &result["content"]), (&json!("tool"), &json!("Cargo.toml")));
        assert_eq!(result["tool_call_id"], call["tool_calls"][0]["id"]);
        assert_eq!(ask.header("authorization"), None);
    }
}

#[test]
fn calls_in_interleaved_fragments_are_told_apart() {
    let bed = Bed::shaped(Shape::OpenAi, &[]);
    let reply =
        Reply::new().fragment(0, Some("exec_command"), "{\"cmd\":").fragment(1, Some("exec_command"), "{\"cmd\"");
    bed.fake.will(reply.fragment(0, None, "\"a\"}").fragment(1, None, ":\"b\"}").done());
    let calls = bed.answer("Both.").completed().calls();
    let call = |cmd: &str| ("exec_command".to_owned(), json!({"cmd": cmd}));
    assert_eq!(calls, [call("a"), call("b")]);
}

/// Only Codex gets whole arguments at once: it never looks at pieces.
#[test]
fn who_is_not_codex_sees_arguments_as_they_are_written() {
    let written = ["{\"cmd\":", "\"ls", " -l\"}"];
    for codex in [true, false] {
        let bed = Bed::shaped(Shape::OpenAi, &[]);
        let reply = Reply::new().fragment(0, Some("exec_command"), written[0]).hold("first");
        bed.fake.will(reply.fragment(0, None, written[1]).fragment(0, None, written[2]).done());
        let body = question("Look.");
        let mut stream = bed.send(&if codex { Asking::codex(&body) } else { Asking::other(&body) });
        bed.fake.held("first");
        if !codex {
            assert_eq!(stream.until("response.function_call_arguments.delta").delta(), written[0]);
        }
        bed.fake.release("first");
        let last = stream.until("response.completed").data;
        let deltas = stream.events.iter().filter(|event| event.name() == "response.function_call_arguments.delta");
        let pieces: Vec<&str> = deltas.map(Event::delta).collect();
        if codex {
            assert_eq!(pieces.len(), 1, "{pieces:?}");
        } else {
            assert_eq!(pieces, written);
        }
        let arguments = last["response"]["output"][0]["arguments"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(arguments).unwrap(), json!({"cmd": "ls -l"}));
    }
}

/// Ends of which each server has its own.
#[test]
fn an_answer_ends_without_its_usual_last_words() {
    let delta =
        |delta: Value, finish: Value| json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    let hello = || Reply::new().record(delta(json!({"role": "assistant", "content": "Hi."}), Value::Null));
    let stop = delta(json!({}), json!("stop"));
    let counts = json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}});
    for (name, reply) in [
        ("no [DONE]", hello().record(stop.clone())),
        ("no [DONE], but counts", hello().record(stop.clone()).record(counts.clone())),
        ("no reason, but [DONE]", hello().raw(b"data: [DONE]\n\n")),
        ("no blank after data", hello().record(stop.clone()).raw(b"data:[DONE]\r\n\r\n")),
        ("a hang-up after the end", hello().record(stop.clone()).raw(b"data: [DONE]\n\n").hang_up()),
        ("comments between", Reply::new().raw(b": ping\n\n").text("Hi.").raw(b":\n\n").done()),
    ] {
        let bed = Bed::shaped(Shape::OpenAi, &[]);
        bed.fake.will(reply);
        let answer = bed.answer("Hello?");
        assert_eq!((answer.end.as_str(), answer.text().as_str()), ("response.completed", "Hi."), "{name}");
        assert_eq!(bed.fake.asks().len(), 1, "{name}");
    }
}

/// Some proxies do not stream, whatever they are asked.
#[test]
fn an_answer_that_is_not_streamed_is_one_all_the_same() {
    let bed = Bed::shaped(Shape::OpenAi, &[]);
    let call = json!({"id": "c1", "type": "function", "function": {
        "name": "exec_command", "arguments": "{\"cmd\": \"ls\"}",
    }});
    let message = json!({"role": "assistant", "content": "I look.", "reasoning_content": "Hm.", "tool_calls": [call]});
    let document = json!({
        "object": "chat.completion", "model": "m", "usage": {"prompt_tokens": 9, "completion_tokens": 4},
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
    });
    for body in [document.to_string(), format!("{document:#}\n")] {
        bed.fake.will(Reply::body(200, body));
        let answer = bed.answer("Look.").completed();
        assert_eq!((answer.thoughts().as_str(), &answer.response["usage"]["input_tokens"]), ("Hm.", &json!(9)));
        answer.says("I look.").calls_only("exec_command", &json!({"cmd": "ls"}));
    }
}

#[test]
fn an_error_in_mid_stream_is_told() {
    let bed = Bed::shaped(Shape::OpenAi, &[]);
    for _ in 0..2 {
        bed.fake.will(Reply::new().text("One").error("slot was lost"));
    }
    bed.answer("Count.").has_failed("server_error", &["slot was lost"]);
}

#[test]
fn an_error_before_the_stream_is_told() {
    let bed = Bed::shaped(Shape::OpenAi, &[]);
    bed.fake.will(Reply::status(
        400,
        json!({
            "code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 4096,
            "message": "the request exceeds the available context size, try increasing it",
        }),
    ));
    bed.answer("Hello?").has_failed("context_length_exceeded", &["9000", "4096"]);
}

#[test]
fn a_text_that_broke_goes_on_there_too() {
    let bed = Bed::shaped(Shape::OpenAi, &[]);
    bed.fake.will(Reply::new().text("One two").hold("seen").reset());
    bed.fake.will(Reply::new().text(" three.").done());
    let mut stream = bed.ask("Count.");
    stream.until_text("One two");
    bed.fake.release("seen");
    stream.whole().completed().says("One two three.");
    let ask = bed.fake.ask(1);
    assert_eq!((&ask.last()["role"], &ask.last()["content"]), (&json!("assistant"), &json!("One two")));
}

/// Our own translation is for the Responses API only.
#[test]
fn the_chat_api_of_ollama_passes_through_untouched() {
    for shape in [Shape::V0_33, Shape::OpenAi] {
        let bed = Bed::shaped(shape, &[]);
        bed.fake.will(Reply::new().text("Hi.").done());
        // Blanks, an unknown field and the order of fields are to stay.
        let body = format!("{{\"stream\": true,  \"model\": \"{}\", \"x\": 1, \"messages\": []}}", crate::fake::MODEL);
        let text = bed.send(&Asking::raw(body.clone()).at("/v1/chat/completions")).text();
        assert!(text.starts_with("data: {") && text.ends_with("data: [DONE]\n\n"), "{text}");
        assert_eq!((bed.fake.ask(0).text, bed.fake.ask(0).path.as_str()), (body, "/v1/chat/completions"));
    }
}

#[test]
fn proxies_of_the_environment_are_none_of_ours() {
    let (place, fake) = (Place::new(), Fake::new());
    let mut command = place.command(&[]);
    // Port 1 refuses.
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
    }
    let (listen, upstream) = (place.address.to_string(), fake.address.to_string());
    command.args(["-v", "--log-format", "json", "--listen", &listen, "--translate", "--upstream", &upstream]);
    let mut forward = Forward::new(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    forward.is_ready();
    fake.will(Reply::new().text("Hi.").done());
    Asking::codex(&question("Hello?")).send(place.address).whole().completed().says("Hi.");
}

/// Who looks at pieces has seen half a call when it breaks: the pieces are its beginning all the same.
#[test]
fn half_a_call_that_was_shown_goes_on_after_a_break() {
    for (name, again) in [
        ("the same", ["{\"cmd\":", "\"ls\"}"]),
        ("in other pieces", ["{\"c", "md\":\"ls\"}"]),
        ("in one piece", ["{\"cmd\":\"ls\"}", ""]),
    ] {
        let bed = Bed::shaped(Shape::OpenAi, &[]);
        bed.fake.will(Reply::new().fragment(0, Some("exec_command"), "{\"cmd\":").hold("half").reset());
        let reply = Reply::new().fragment(0, Some("exec_command"), again[0]);
        bed.fake.will(reply.fragment(0, None, again[1]).done());
        let mut stream = bed.send(&Asking::other(&question("Look.")));
        stream.until("response.function_call_arguments.delta");
        bed.fake.release("half");
        stream.until("response.completed");
        let pieces = stream.events.iter().filter(|event| event.name() == "response.function_call_arguments.delta");
        assert_eq!(pieces.map(Event::delta).collect::<String>(), "{\"cmd\":\"ls\"}", "{name}");
        let events: Vec<Value> = stream.events.iter().map(|event| event.data.clone()).collect();
        crate::grammar::check(&events).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}

#[test]
fn half_a_call_that_the_model_does_not_make_again_hides_nothing() {
    let bed = Bed::shaped(Shape::OpenAi, &[]);
    bed.fake.will(Reply::new().fragment(0, Some("exec_command"), "{\"cmd\":").hold("half").reset());
    bed.fake.will(Reply::new().text("I need no command.").done());
    let mut stream = bed.send(&Asking::other(&question("Look.")));
    stream.until("response.function_call_arguments.delta");
    bed.fake.release("half");
    let last = stream.until("response.completed").data;
    let output = &last["response"]["output"];
    assert_eq!((&output[0]["type"], &output[0]["status"]), (&json!("function_call"), &json!("incomplete")));
    assert_eq!(output[1]["content"][0]["text"], "I need no command.");
}
