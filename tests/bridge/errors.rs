//! What goes wrong is told in a form that the client acts on: once, clearly, and over at once.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{Asking, Stream, question};
use crate::fake::MODEL;
use crate::script::Reply;

/// What Codex tries again, and what it does not, by the code.
#[test]
fn each_error_of_the_upstream_has_its_code() {
    let overflow = &include_bytes!("../fixtures/ollama-0.33/overflow_truncate_false.api_chat.http")[..];
    let rows: [(Reply, &str, &[&str]); 6] = [
        (Reply::recorded(overflow), "context_length_exceeded", &["304", "256"]),
        (Reply::status(400, "the input length exceeds the context length"), "context_length_exceeded", &["context"]),
        (Reply::status(400, "invalid options: num_ctx"), "invalid_prompt", &["invalid options: num_ctx"]),
        (Reply::status(500, "model runner has unexpectedly stopped"), "server_error", &["model runner"]),
        (
            Reply::new().text("Half a").error("an error was encountered while running the model"),
            "server_error",
            &["running"],
        ),
        (Reply::body(418, "not JSON".into()), "invalid_prompt", &["not JSON"]),
    ];
    for (reply, code, words) in rows {
        let bed = Bed::with(&["--resume-window", "0"]);
        bed.fake.whenever(|_| true, reply);
        bed.answer("Hello?").has_failed(code, words);
    }
}

#[test]
fn a_missing_model_is_named_and_the_others_are_listed() {
    let bed = Bed::new();
    let mut body = question("Hello?");
    body["model"] = "llama9:1b".into();
    bed.post(&body).whole().has_failed("invalid_prompt", &["llama9:1b", MODEL, "ollama pull llama9:1b"]);
}

/// Ollama refuses the whole request; the answer without tools is better than none.
#[test]
fn a_model_without_tools_or_thoughts_still_answers() {
    for (text, key) in [("does not support tools", "tools"), ("does not support thinking", "think")] {
        let bed = Bed::of(Reply::status(400, format!("\"{MODEL}\" {text}")));
        bed.fake.will(Reply::new().text("Hi.").done());
        let mut body = question("Hello?");
        body["reasoning"] = json!({"effort": "high"});
        bed.post(&body).whole().completed().says("Hi.");
        let [first, second] = [0, 1].map(|number| bed.fake.ask(number).body);
        let offered = |body: &Value| body.get(key).is_some_and(|value| *value != json!([]));
        assert!(offered(&first) && !offered(&second), "{key}: {second}");
    }
}

/// The queue of Ollama is full: it is worth waiting, and the client need not know.
#[test]
fn a_full_queue_is_waited_for() {
    let busy = "server busy, please try again.  maximum pending requests exceeded";
    let bed = Bed::of(Reply::status(503, busy));
    bed.fake.will(Reply::new().text("Hi.").done());
    bed.answer("Hello?").completed().says("Hi.");
}

#[test]
fn bodies_that_are_no_request_get_a_clear_answer() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bed = Bed::new();
    for (body, words) in [
        (b"{\"model\": ".to_vec(), "JSON"),
        (b"".to_vec(), "JSON"),
        (b"{\"model\":\"\xff\xfe\"}".to_vec(), "UTF-8"),
        (deep.clone().into_bytes(), ""),
        (format!("{{\"model\":\"{MODEL}\",\"input\":{deep}}}").into_bytes(), ""),
        (b"[]".to_vec(), ""),
        (b"{}".to_vec(), "model"),
        (format!("{{\"model\":\"{MODEL}\"}}").into_bytes(), "input"),
        (format!("{{\"model\":\"{MODEL}\",\"input\":7}}").into_bytes(), "input"),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let stream = bed.send(&Asking::raw(body).header("content-type", "application/json"));
        check_refused(stream, &[400], words, &shown);
    }
    assert_eq!(bed.fake.asks().len(), 0);
    bed.fake.will(Reply::new().text("Still here.").done());
    bed.answer("Hello?").completed().says("Still here.");
}

#[test]
fn a_body_may_be_only_so_large() {
    let bed = Bed::with(&["--max-body-size", "100000"]);
    let stream = bed.send(&Asking::codex(&question(&"x".repeat(100_000))));
    check_refused(stream, &[400, 413], "100", "too large");
    // And so may what is unpacked from it.
    let packed = pack("gzip", question(&"x".repeat(5_000_000)).to_string().as_bytes());
    assert!(packed.len() < 100_000);
    let stream = bed.send(&Asking::raw(packed).header("content-encoding", "gzip"));
    check_refused(stream, &[400, 413], "100", "too large unpacked");
    bed.fake.will(Reply::new().text("Hi.").done());
    bed.answer("Hello?").completed().says("Hi.");
}

#[test]
fn packed_bodies_are_unpacked() {
    let body = question("Packed s3cret?").to_string();
    let bed = Bed::new();
    for (encoding, packed) in [("gzip", pack("gzip", body.as_bytes())), ("zstd", zstd(body.as_bytes()))] {
        bed.fake.will(Reply::new().text("Hi.").done());
        let asking = Asking::raw(packed).header("content-encoding", encoding).header("originator", "codex_exec");
        bed.send(&asking).whole().completed().says("Hi.");
        assert!(bed.fake.asks().last().unwrap().has("Packed s3cret?"), "{encoding}");
    }
    for encoding in ["gzip", "zstd", "br"] {
        let stream = bed.send(&Asking::raw("not packed at all").header("content-encoding", encoding));
        check_refused(stream, &[400, 415], "", encoding);
    }
}

#[test]
fn nobody_may_come_by_another_name() {
    let bed = Bed::new();
    let stream = bed.send(&Asking::codex(&question("Hello?")).header("host", "evil.example"));
    assert!(stream.status >= 400, "{}", stream.head);
    assert_eq!(bed.fake.asks().len(), 0);
}

#[test]
fn a_web_page_of_another_origin_is_refused() {
    let bed = Bed::new();
    let stream = bed.send(&Asking::codex(&question("Hello?")).header("origin", "https://evil.example"));
    assert_eq!(stream.status, 403, "{}", stream.head);
    assert_eq!(bed.fake.asks().len(), 0);
}

#[test]
fn keys_stay_here() {
    let place = Bed::with(&["-vv"]);
    place.fake.will(
        Reply::new()
            .thinking("s3cret-thought")
            .text("s3cret-answer")
            .call("exec_command", json!({"cmd": "s3cret-cmd"}))
            .done(),
    );
    let asking = Asking::codex(&question("s3cret-word"))
        .header("authorization", "Bearer s3cret-key")
        .header("x-api-key", "s3cret-api");
    place.send(&asking).whole().completed();
    let ask = place.fake.ask(0);
    assert_eq!((ask.header("authorization"), ask.header("x-api-key")), (None, None), "{:?}", ask.headers);
    assert!(ask.has("s3cret-word"));
    let exit = place.forward.stop();
    exit.with(0);
    assert!(!exit.text().contains("s3cret"), "{}", exit.text());
}

/// A status and a JSON error, or a failed response: one of the two, with these words.
#[track_caller]
fn check_refused(stream: Stream, statuses: &[u16], words: &str, what: &str) {
    let (status, head) = (stream.status, stream.head.clone());
    assert!(statuses.contains(&status), "{what}: {head}");
    let body = stream.json();
    let message = body["error"]["message"].as_str().unwrap_or_default();
    assert!(!message.is_empty() && message.contains(words), "{what}: {words:?} is not in {body}");
}

/// By the standard tools of the system.
fn pack(tool: &str, bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(tool).arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

/// A frame of raw blocks, RFC 8878: no library is needed to write it.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    // A single segment whose size is given in four bytes.
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0b1010_0000];
    frame.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    let blocks: Vec<&[u8]> = bytes.chunks(64 * 1024).collect();
    for (number, block) in blocks.iter().enumerate() {
        let last = u32::from(number + 1 == blocks.len());
        let header = (u32::try_from(block.len()).unwrap() << 3) | last;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(*block);
    }
    frame
}
