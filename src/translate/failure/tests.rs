use super::{Failure, Kind};
use crate::translate::wire::Unreadable;

/// Status (0: in mid-stream), what the upstream said, the kind, and a part of the message.
type Row = (u16, &'static str, Kind, &'static str);

const P: Kind = Kind::Permanent;
const T: Kind = Kind::Transient;

fn overflow(used: impl Into<Option<u64>>, available: impl Into<Option<u64>>) -> Kind {
    Kind::Overflow { used: used.into(), available: available.into() }
}

fn bad_call(arguments: Option<&str>) -> Kind {
    Kind::BadCall { arguments: arguments.map(str::to_owned) }
}

#[test]
fn what_ollama_says() {
    let rows: &[Row] = &[
        (404, r#"{"error":"model 'm' not found"}"#, Kind::NoModel, "`ollama pull m`"),
        (404, r#"{"error":"model \"m\" not found, try pulling it first"}"#, Kind::NoModel, "`ollama pull m`"),
        (404, r#"{"error":{"message":"model 'm' not found","type":"not_found_error"}}"#, Kind::NoModel, "no model `m`"),
        (400, r#"{"error":"registry/m does not support tools"}"#, Kind::NoTools, "capability `tools`"),
        (400, r#"{"error":"\"m\" does not support thinking"}"#, Kind::NoThinking, "model_reasoning_effort"),
        (400, r#"{"error":"invalid think value: \"xhigh\""}"#, Kind::NoThinking, "model_reasoning_effort"),
        (400, r#"{"error":"\"m\" does not support chat"}"#, P, "no chat model"),
        (500, r#"{"error":"tools param requires --jinja flag"}"#, Kind::NoTools, "ollama stop m"),
        (500, r#"{"error":"no user query found in messages"}"#, P, "OLLAMA_CONTEXT_LENGTH"),
        (499, r#"{"error":"request canceled"}"#, T, "gave the request up"),
        (
            500,
            r#"{"error":"model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details"}"#,
            T,
            "server log",
        ),
        (500, r#"{"error":"llama runner process has terminated: exit status 2"}"#, T, "exit status 2"),
        (500, r#"{"error":"llama runner process has terminated: cudaMalloc failed: out of memory"}"#, P, "memory"),
        (500, r#"{"error":"model requires more system memory (21.5 GiB) than is available (9.1 GiB)"}"#, P, "21.5 GiB"),
        (
            500,
            r#"{"error":"timed out waiting for llama runner to start - progress 0.00 - "}"#,
            P,
            "OLLAMA_LOAD_TIMEOUT",
        ),
        (503, r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#, Kind::Busy, "queue"),
        (401, r#"{"error":"unauthorized"}"#, P, "ollama signin"),
        (401, "", P, "without a word"),
        (403, "", P, "OLLAMA_HOST=0.0.0.0"),
        (403, r#"{"error":"no"}"#, P, "“no”"),
        (400, r#"{"error":"invalid character 'x' looking for beginning of value"}"#, P, "invalid character 'x'"),
        (400, r#"{"error":"json: cannot unmarshal array into Go struct field ChatRequest"}"#, P, "cannot unmarshal"),
        (0, "an error was encountered while running the model: unexpected EOF", T, "unexpected EOF"),
        (0, "the upstream gave up in mid-answer, and did not say why", T, "did not say why"),
    ];
    check(rows);
}

#[test]
fn calls_that_it_could_not_parse() {
    let rows: &[Row] = &[
        (
            500,
            r#"{"error":"error parsing tool call: raw='ls -R', err=invalid character 'l' looking for beginning of value"}"#,
            bad_call(Some("ls -R")),
            "called a tool",
        ),
        (0, r"error parsing tool call: raw='{0}', err=x", bad_call(Some("{0}")), "`m`"),
        (
            0,
            r#"{"message":"error parsing tool call: raw='ls', err=y","type":"api_error","param":null,"code":null}"#,
            bad_call(Some("ls")),
            "`m`",
        ),
        (
            500,
            r#"{"error":"failed to parse JSON: invalid character 'b' looking for beginning of object key string"}"#,
            bad_call(None),
            "could not read",
        ),
        (0, "invalid character '}' after object key", bad_call(None), "could not read"),
        (
            500,
            r#"{"error":"XML syntax error on line 3: element <parameter> closed by </function>"}"#,
            bad_call(None),
            "could not read",
        ),
        (0, "unexpected end of JSON input", bad_call(None), "could not read"),
        (
            500,
            r#"{"error":{"code":500,"message":"Failed to parse input at pos 12: <tool_call>","type":"server_error"}}"#,
            bad_call(None),
            "could not read",
        ),
    ];
    check(rows);
}

#[test]
fn prompts_that_are_too_long() {
    let rows: &[Row] = &[
        (
            400,
            r#"{"error":"{\"error\":{\"code\":400,\"message\":\"request (307 tokens) exceeds the available context size (256 tokens), try increasing it\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":307,\"n_ctx\":256}}"}"#,
            overflow(307, 256),
            "(307 tokens) is longer than the model's context (256 tokens)",
        ),
        (
            400,
            r#"{"error":"the input length exceeds the context length"}"#,
            overflow(None, None),
            "OLLAMA_CONTEXT_LENGTH",
        ),
        (
            400,
            r#"{"error":"prompt too long; exceeded max context length by 1234 tokens"}"#,
            overflow(None, None),
            "--num-ctx",
        ),
        (
            0,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"invalid_request_error"}}"#,
            overflow(None, None),
            "shorten",
        ),
        (
            0,
            "request (304 tokens) exceeds the available context size (256 tokens), try increasing it",
            overflow(304, 256),
            "304",
        ),
        (
            400,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4800 in the messages, 200 in the completion).","type":"BadRequestError","code":400}"#,
            overflow(4800, 4096),
            "4800",
        ),
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, your request has 5,021 input tokens. Please reduce the length of the input messages.","type":"BadRequestError","param":null,"code":400}}"#,
            overflow(5021, 4096),
            "5021",
        ),
        (
            0,
            r#"{"error":"Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."}"#,
            overflow(9000, 4096),
            "4096",
        ),
        (400, r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#, overflow(None, None), "context"),
    ];
    check(rows);
}

#[test]
fn what_other_servers_say() {
    let rows: &[Row] = &[
        (
            404,
            r#"{"object":"error","message":"The model `m` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
            Kind::NoModel,
            "no model `m`",
        ),
        (
            404,
            r#"{"error":{"message":"No models loaded. Please load a model in the developer page or use the `lms load` command.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
            Kind::NoModel,
            "lms load",
        ),
        (
            503,
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            Kind::Busy,
            "still loading",
        ),
        (
            400,
            r#"{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"}"#,
            Kind::NoTools,
            "--tool-call-parser",
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","messages"],"msg":"Field required","input":"the secret prompt"}]}"#,
            P,
            "“Field required”",
        ),
        (
            400,
            r#"{"error":{"message":"[{'type': 'missing', 'msg': 'Field required', 'input': {'messages': 'the secret prompt'}}]"}}"#,
            P,
            "Field required",
        ),
        (404, "404 page not found", P, "--upstream-api"),
        (405, r#"{"detail":"Method Not Allowed"}"#, P, "Method Not Allowed"),
        (413, "", P, "too large"),
        (429, r#"{"error":{"message":"slow down"}}"#, Kind::Busy, "slow down"),
        (503, "", Kind::Busy, "not ready"),
        (502, "", T, "without a word"),
        (500, "Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'k'", T, "“KeyError: 'k'”"),
        (500, r#"{"error":"template: :3:5: executing \"\" at <.X>: can't evaluate field X"}"#, P, "can't evaluate"),
        (302, "", P, "302"),
        (200, "<!DOCTYPE html><title>Sign in</title>", P, "Wi-Fi"),
        (511, "<html>", P, "511"),
        (502, "<html><h1>502 Bad Gateway</h1></html>", T, "502"),
    ];
    check(rows);
}

#[test]
fn clients_are_told_what_they_understand() {
    for (kind, code, status, word) in [
        (P, "invalid_prompt", 400, "invalid_request_error"),
        (T, "server_error", 502, "server_error"),
        (overflow(1, 2), "context_length_exceeded", 400, "invalid_request_error"),
        (Kind::NoModel, "invalid_prompt", 404, "invalid_request_error"),
        (Kind::Busy, "server_error", 503, "server_error"),
        (bad_call(None), "server_error", 502, "server_error"),
        (Kind::NoTools, "invalid_prompt", 400, "invalid_request_error"),
        (Kind::NoThinking, "invalid_prompt", 400, "invalid_request_error"),
    ] {
        let failure = Failure { kind, message: String::new() };
        let told = (failure.code(), failure.http_status(), failure.kind_of_error());
        assert_eq!(told, (code, status, word), "{failure:?}");
    }
}

#[test]
fn the_nearest_models_are_named_first() {
    let there = ["llama3.2:latest", "qwen3-coder:30b", "qwen3:8b", "gemma3", "phi4", "nomic-embed-text", "gpt-oss:20b"];
    let there: Vec<String> = there.iter().map(ToString::to_string).collect();
    let failure = Failure::no_model("qwen3:14b", &there);
    assert_eq!(failure.kind, Kind::NoModel);
    let start = "The upstream has no model `qwen3:14b`; it has `qwen3:8b`, `qwen3-coder:30b`, ";
    assert!(failure.message.starts_with(start), "{}", failure.message);
    assert!(
        failure.message.ends_with(" and 1 more. Get it with `ollama pull qwen3:14b`, or choose another with `-m`.")
    );
    assert_eq!(
        Failure::no_model("m`\n", &[]).message,
        "The upstream has no model `m`; it has none yet. Get it with `ollama pull m`."
    );
}

#[test]
fn quotations_are_short_and_on_one_line() {
    let long = format!("first {}\nsecond", "é".repeat(1000));
    let message = Failure::from_status(400, long.as_bytes(), "m").message;
    assert!(message.contains("ééé…”") && !message.contains("second"), "{message}");
    assert!(message.chars().count() < 400, "{message}");
    let deep = "{\"error\":".repeat(5000) + "1" + &"}".repeat(5000);
    for body in [deep.as_bytes(), b"\xff\xfe", b"[[[[[[[\"x\"]]]]]]]", b"null", b"{}"] {
        assert!(Failure::from_status(400, body, "m").message.starts_with("The upstream does not accept the request: "));
    }
}

#[test]
fn records_that_cannot_be_read_are_failures() {
    let of = |unreadable: Unreadable| Failure::from(&unreadable);
    assert_eq!(of(Unreadable::Page).kind, P);
    assert_eq!(of(Unreadable::TooLong).message, "The upstream's answer has a line without end.");
    assert_eq!(of(Unreadable::NotJson("cut at byte 3 of 3".to_owned())).kind, T);
}

#[track_caller]
fn check(rows: &[Row]) {
    for (status, said, kind, part) in rows {
        let failure = match status {
            0 => Failure::from_line(said, "m"),
            status => Failure::from_status(*status, said.as_bytes(), "m"),
        };
        assert_eq!(failure.kind, *kind, "{status} {said}: {}", failure.message);
        assert!(failure.message.contains(part), "{status} {said}: {}", failure.message);
        assert!(!failure.message.contains("secret") && failure.message.ends_with('.'), "{}", failure.message);
    }
}
