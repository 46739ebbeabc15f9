//! The Responses API on a WebSocket: one connection, one response after another.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal::SIGTERM;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::bed::Bed;
use crate::client::{Asking, shell, user};
use crate::fake::MODEL;
use crate::grammar;
use crate::script::Reply;

/// For what should happen at once, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(20);
/// A close that waits for nobody.
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn each_event_is_a_message() {
    let bed = Bed::of(Reply::new().thinking("Hm.").text("One, ").text("two.").done());
    let answer = Client::open(&bed).turn(&json!({"input": [user("Count.")]})).completed();
    assert_eq!(answer.text(), "One, two.");
    assert!(answer.events.len() > 10);
    assert_eq!(bed.fake.ask(0).last()["content"], "Count.");
}

#[test]
fn both_paths_lead_to_a_socket() {
    for path in ["/v1/responses", "/responses", "/v1/responses/"] {
        let bed = Bed::of(Reply::new().text("Hi.").done());
        Client::at(&bed, path).turn(&asked("Hello?")).completed();
    }
}

#[test]
fn turns_follow_each_other() {
    let mut bed = Bed::new();
    let mut client = Client::open(&bed);
    let mut ids = Vec::new();
    for word in ["first", "second", "third"] {
        bed.fake.will(Reply::new().text(word).done());
        let answer = client.turn(&asked(word)).completed();
        assert_eq!(answer.text(), word);
        ids.push(answer.id());
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
    drop(client);
    bed.forward.wait("connection closed").has("upstream", &bed.fake.address.to_string());
}

#[test]
fn requests_that_come_early_are_answered_in_their_order() {
    let bed = Bed::of(Reply::new().text("one").hold("more").done());
    let mut client = Client::open(&bed);
    client.say(&asked("first"));
    bed.fake.held("more");
    bed.fake.will(Reply::new().text("two").done());
    client.say(&asked("second"));
    client.raw("no JSON");
    client.say(&json!({"type": "response.create", "input": "no model"}));
    bed.fake.will(Reply::new().text("three").done());
    client.say(&asked("third"));
    assert_eq!(bed.fake.asks().len(), 1, "one at a time");
    bed.fake.release("more");
    assert_eq!(client.answer().completed().text(), "one");
    assert_eq!(client.answer().completed().text(), "two");
    client.is_refused("invalid_json");
    client.is_refused("invalid_request");
    assert_eq!(client.answer().completed().text(), "three");
}

/// The first message comes in one piece with the handshake, the second in fragments.
#[test]
fn messages_may_be_cut_and_joined_anyhow() {
    let bed = Bed::of(Reply::new().text("Hi.").done());
    let mut stream = connect(&bed);
    let text = create(&asked("Hello?")).to_string();
    let mut joined = handshake(&[]).into_bytes();
    joined.extend(masked(0x81, text.as_bytes()));
    stream.write_all(&joined).unwrap();
    let mut client = Client::after_handshake(stream);
    assert_eq!(client.answer().completed().text(), "Hi.");
    bed.fake.will(Reply::new().text("Again.").done());
    let (first, second) = text.split_at(20);
    client.frame(first, OpCode::Data(Data::Text), false);
    client.socket.send(Message::Ping("between".into())).unwrap();
    client.frame(second, OpCode::Data(Data::Continue), true);
    assert_eq!(client.answer().completed().text(), "Again.");
}

#[test]
fn a_response_is_continued_though_nobody_stored_it() {
    let bed = Bed::of(Reply::new().text("Noted.").done());
    let mut client = Client::open(&bed);
    let first = client.turn(&asked("The word is cobalt.")).completed();
    bed.fake.will(Reply::new().call("exec_command", json!({"cmd": "ls"})).done());
    let second = client.turn(&after(&first, "Which?")).completed();
    assert_eq!(second.response["previous_response_id"], first.response["id"]);
    assert_eq!(said(&bed, 1), ["The word is cobalt.", "Noted.", "Which?"]);

    let call = &second.response["output"][0];
    bed.fake.will(Reply::new().text("Cobalt.").done());
    let output = json!([{"type": "function_call_output", "call_id": call["call_id"], "output": "cobalt.txt"}]);
    client.turn(&after(&second, output)).completed();
    assert_eq!(bed.fake.ask(2).results(), ["cobalt.txt"]);
    assert_eq!(said(&bed, 2)[..3], ["The word is cobalt.", "Noted.", "Which?"]);
}

#[test]
fn another_socket_does_not_know_it() {
    let bed = Bed::of(Reply::new().text("Noted.").done());
    let first = Client::open(&bed).turn(&asked("The word is copper.")).completed();
    let mut client = Client::open(&bed);
    client.say(&after(&first, "Go on."));
    client.is_refused("previous_response_not_found");
    bed.fake.will(Reply::new().text("From the beginning.").done());
    client.turn(&asked("Then from the beginning.")).completed();
}

#[test]
fn an_unknown_response_is_an_error_in_all_of_its_forms() {
    let bed = Bed::new();
    let mut client = Client::open(&bed);
    client.say(&json!({"model": MODEL, "store": false, "previous_response_id": "resp_missing", "input": "Go on."}));
    let event = client.is_refused("previous_response_not_found");
    assert_eq!(event["sequence_number"], 0);
    assert_eq!(event["param"], "previous_response_id");
    assert_eq!(event["error"]["type"], "invalid_request_error");
    assert!(event["message"].as_str().unwrap().contains("resp_missing"), "{event}");
}

#[test]
fn what_could_not_be_continued_is_forgotten() {
    let orphan = json!([{"type": "function_call_output", "call_id": "call_missing", "output": "Nobody called."}]);
    for failing in [orphan, json!(5)] {
        let bed = Bed::of(Reply::new().text("Noted.").done());
        let mut client = Client::open(&bed);
        let first = client.turn(&asked("The word is ember.")).completed();
        client.say(&after(&first, failing));
        client.is_refused("invalid_request");
        client.say(&after(&first, "Go on."));
        client.is_refused("previous_response_not_found");
    }
}

#[test]
fn what_failed_upstream_is_forgotten_too() {
    let bed = Bed::of(Reply::new().text("Noted.").done());
    let mut client = Client::open(&bed);
    let first = client.turn(&asked("The word is ember.")).completed();
    bed.fake.will(Reply::status(400, "invalid model"));
    let failed = client.turn(&after(&first, "Go on."));
    assert_eq!(failed.end(), "response.failed");
    client.say(&after(&first, "Go on."));
    client.is_refused("previous_response_not_found");
    bed.fake.will(Reply::new().text("Hi.").done());
    client.turn(&asked("Hello?")).completed();
}

#[test]
fn a_conversation_can_begin_with_its_short_form() {
    let bed = Bed::of(Reply::new().text("It was about slate.").done());
    let said = json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "OK."}]});
    let body = json!({"model": MODEL, "input": [user("The word is slate."), said, user("Make it short.")]});
    let short = bed.send(&Asking::other(&body).at("/v1/responses/compact")).json();
    let mut window = short["output"].as_array().unwrap().clone();
    window.push(user("Go on from here."));
    bed.fake.will(Reply::new().text("Slate it is.").done());
    Client::open(&bed).turn(&json!({"store": false, "tools": [], "input": window})).completed();
    assert!(bed.fake.ask(1).has("It was about slate."));
}

#[test]
fn a_warm_up_says_nothing_and_can_be_continued() {
    let bed = Bed::new();
    let mut client = Client::open(&bed);
    let warm = client.turn(&json!({"store": false, "generate": false, "input": "Get ready."})).completed();
    assert_eq!(warm.response["output"], json!([]));
    assert_eq!(bed.fake.asks().len(), 0);
    bed.fake.will(Reply::new().text("I am.").done());
    client.turn(&after(&warm, "Are you?")).completed();
    assert_eq!(said(&bed, 0), ["Get ready.", "Are you?"]);
}

#[test]
fn what_cannot_be_read_is_refused_and_the_socket_stays() {
    let bed = Bed::new();
    let mut client = Client::open(&bed);
    for (text, code) in [
        ("nonsense", "invalid_json"),
        ("", "invalid_json"),
        ("[]", "invalid_request"),
        ("{}", "invalid_request"),
        (r#"{"type":"response.dance"}"#, "invalid_request"),
    ] {
        client.raw(text);
        client.is_refused(code);
    }
    client.socket.send(Message::Binary(create(&asked("Hello?")).to_string().into())).unwrap();
    client.is_refused("invalid_request");
    bed.fake.will(Reply::new().text("Hi.").done());
    client.turn(&asked("Hello?")).completed();
}

#[test]
fn a_message_that_is_too_large_ends_the_socket() {
    // In one frame, and in frames of which each would do.
    for cut in [true, false] {
        let bed = Bed::with(&["--max-body-size", "100000"]);
        let mut client = Client::open(&bed);
        let half = "x".repeat(60_000);
        if cut {
            client.frame(&half, OpCode::Data(Data::Text), false);
            client.frame(&half, OpCode::Data(Data::Continue), true);
        } else {
            // Refused by its head, so that not all of it may be taken.
            drop(client.socket.send(Message::Text("x".repeat(3_000_000).into())));
        }
        let event = client.event();
        assert_eq!((&event["status"], &event["code"]), (&json!(413), &json!("request_too_large")), "{event}");
        client.is_closed(CloseCode::Size);
    }
}

#[test]
fn what_are_no_frames_ends_the_socket() {
    for (bytes, code) in [
        // Not masked; a reserved operation; a text that is none.
        (vec![0x81, 2, b'{', b'}'], CloseCode::Protocol),
        (masked(0x83, b"{}"), CloseCode::Protocol),
        (masked(0x81, b"\xff\xfe"), CloseCode::Invalid),
    ] {
        let mut bed = Bed::new();
        let mut client = Client::open(&bed);
        client.socket.get_mut().write_all(&bytes).unwrap();
        client.is_closed(code);
        bed.forward.wait("connection closed").has("ended_by", "us");
    }
}

#[test]
fn more_than_may_wait_end_the_socket() {
    let bed = Bed::of(Reply::new().text("one").hold("for ever").done());
    let mut client = Client::open(&bed);
    client.say(&asked("first"));
    bed.fake.held("for ever");
    for _ in 0..17 {
        client.say(&asked("more"));
    }
    while client.event()["delta"] != "one" {}
    client.is_closed(CloseCode::Policy);
    bed.fake.left(0);
}

#[test]
fn who_leaves_stops_the_model() {
    let leave: [fn(&mut Client); 3] = [
        |client| client.socket.close(None).unwrap(),
        |client| client.socket.get_mut().shutdown(Shutdown::Both).unwrap(),
        |client| client.socket.get_mut().shutdown(Shutdown::Write).unwrap(),
    ];
    for leave in leave {
        let mut bed = Bed::of(Reply::new().text("A long ").hold("for ever").text("answer.").done());
        let mut client = Client::open(&bed);
        client.say(&asked("Tell me."));
        while client.event()["type"] != "response.output_text.delta" {}
        let from = Instant::now();
        leave(&mut client);
        let took = bed.fake.left(0).duration_since(from);
        assert!(took < AT_ONCE, "{took:?}");
        bed.forward.wait("connection closed").has("ended_by", "client").has("requests", "2");
    }
}

#[test]
fn a_ping_is_answered_in_the_middle_of_an_answer() {
    let bed = Bed::of(Reply::new().text("One, ").hold("half").text("two.").done());
    let mut client = Client::open(&bed);
    client.say(&asked("Count."));
    while client.event()["type"] != "response.output_text.delta" {}
    client.socket.send(Message::Ping("there?".into())).unwrap();
    assert_eq!(client.socket.read().unwrap(), Message::Pong("there?".into()));
    bed.fake.release("half");
    while client.event()["type"] != "response.completed" {}
}

#[test]
fn silence_is_filled_on_a_socket_too() {
    let bed = Bed::with(&["--heartbeat", "1s"]);
    bed.fake.will(Reply::new().text("One, ").hold("half").text("two.").done());
    let mut client = Client::open(&bed);
    client.say(&asked("Count."));
    while client.event()["delta"] != "One, " {}
    assert_eq!(client.event()["delta"], "");
    bed.fake.release("half");
    while client.event()["type"] != "response.completed" {}
}

#[test]
fn an_idle_socket_is_closed_when_we_stop() {
    let bed = Bed::new();
    let mut client = Client::open(&bed);
    bed.forward.signal(SIGTERM);
    client.is_closed(CloseCode::Away);
    let exit = bed.forward.exit();
    assert_eq!(exit.with(0).count("connection closed"), 1);
}

#[test]
fn an_answer_is_finished_before_we_stop() {
    let mut bed = Bed::of(Reply::new().text("One, ").hold("half").text("two.").done());
    let mut client = Client::open(&bed);
    client.say(&asked("Count."));
    bed.fake.held("half");
    client.say(&asked("This one comes too late."));
    bed.forward.signal(SIGTERM);
    bed.forward.wait("stopping");
    bed.fake.release("half");
    assert_eq!(client.answer().completed().text(), "One, two.");
    client.is_closed(CloseCode::Away);
    let exit = bed.forward.exit();
    assert_eq!(exit.with(0).count("connection closed"), 1);
    assert_eq!(bed.fake.asks().len(), 1);
}

#[test]
fn a_socket_has_one_closing_record_and_a_line_for_each_answer() {
    let bed = Bed::new();
    let mut client = Client::open(&bed);
    for word in ["one", "two"] {
        bed.fake.will(Reply::new().text(word).done());
        client.turn(&asked(word)).completed();
    }
    client.socket.close(None).unwrap();
    assert!(matches!(client.socket.read(), Ok(Message::Close(_))));
    assert!(matches!(client.socket.read(), Err(Error::ConnectionClosed)));
    let exit = bed.forward.stop();
    assert_eq!(exit.count("exchange"), 2);
    let records: Vec<_> = exit.log.iter().filter(|line| line.message == "connection closed").collect();
    let [record] = records[..] else { panic!("{}", exit.text()) };
    record.has("ended_by", "client").has("why", "closed").has("requests", "3");
}

#[test]
fn codex_and_pages_of_others_get_no_socket() {
    let bed = Bed::new();
    for (header, status) in [
        ("openai-beta: responses_websockets=2026-02-06", "426"),
        ("user-agent: codex_exec/0.169.0", "426"),
        ("origin: https://example.org", "403"),
    ] {
        let mut stream = connect(&bed);
        stream.write_all(handshake(&[header]).as_bytes()).unwrap();
        assert!(head(&mut stream).starts_with(&format!("HTTP/1.1 {status} ")), "{header}");
    }
}

/// RFC 6455, 1.3.
#[test]
fn the_handshake_is_that_of_the_standard() {
    let bed = Bed::new();
    let mut stream = connect(&bed);
    stream.write_all(handshake(&["sec-websocket-extensions: permessage-deflate"]).as_bytes()).unwrap();
    let head = head(&mut stream).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
    assert!(head.contains("\r\nupgrade: websocket\r\n") && head.contains("\r\nconnection: upgrade\r\n"), "{head}");
    assert!(!head.contains("extensions"), "{head}");
}

fn asked(text: &str) -> Value {
    json!({"store": false, "input": text, "tools": [shell()]})
}

fn after(answer: &Answer, input: impl Into<Value>) -> Value {
    let input: Value = input.into();
    json!({"store": false, "previous_response_id": answer.id(), "input": input, "tools": [shell()]})
}

fn create(request: &Value) -> Value {
    let mut message = request.clone();
    if message.get("type").is_none() {
        message["type"] = "response.create".into();
        message["model"] = MODEL.into();
    }
    message
}

/// What the upstream was told, but for the system text.
fn said(bed: &Bed, ask: usize) -> Vec<String> {
    let ask = bed.fake.ask(ask);
    let said = ask.messages().iter().filter(|message| message["role"] != "system");
    said.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}

fn connect(bed: &Bed) -> TcpStream {
    let stream = TcpStream::connect(bed.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// With the key of RFC 6455, 1.3.
fn handshake(more: &[&str]) -> String {
    let lines = [
        "GET /v1/responses HTTP/1.1",
        "host: localhost",
        "connection: keep-alive, Upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    [&lines[..], more, &["", ""]].concat().join("\r\n")
}

/// The head of an answer, and nothing behind it.
fn head(stream: &mut TcpStream) -> String {
    use std::io::Read;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// A frame with this first byte, masked by nought.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()).unwrap() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0x80 | 0x7e);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

struct Client {
    socket: WebSocket<TcpStream>,
}

impl Client {
    #[track_caller]
    fn open(bed: &Bed) -> Self {
        Self::at(bed, "/v1/responses")
    }

    #[track_caller]
    fn at(bed: &Bed, path: &str) -> Self {
        let (socket, response) = client(format!("ws://{}{path}", bed.address()), connect(bed)).unwrap();
        assert_eq!(response.status(), 101);
        Self { socket }
    }

    fn after_handshake(mut stream: TcpStream) -> Self {
        use tokio_tungstenite::tungstenite::protocol::Role;
        assert!(head(&mut stream).starts_with("HTTP/1.1 101 "));
        Self { socket: WebSocket::from_raw_socket(stream, Role::Client, None) }
    }

    #[track_caller]
    fn raw(&mut self, text: &str) {
        self.socket.send(Message::Text(text.into())).unwrap();
    }

    #[track_caller]
    fn say(&mut self, request: &Value) {
        self.raw(&create(request).to_string());
    }

    #[track_caller]
    fn frame(&mut self, text: &str, code: OpCode, is_last: bool) {
        self.socket.send(Message::Frame(Frame::message(text.to_owned(), code, is_last))).unwrap();
    }

    #[track_caller]
    fn turn(&mut self, request: &Value) -> Answer {
        self.say(request);
        self.answer()
    }

    #[track_caller]
    fn event(&mut self) -> Value {
        loop {
            let message = self.socket.read().unwrap();
            if let Message::Text(text) = &message {
                return serde_json::from_str(text).expect("an event is JSON, and nothing else");
            }
            assert!(message.is_pong(), "{message:?}");
        }
    }

    /// All events of one answer, which has to be whole by the grammar.
    #[track_caller]
    fn answer(&mut self) -> Answer {
        let mut events = Vec::new();
        loop {
            events.push(self.event());
            let kind = events[events.len() - 1]["type"].as_str().unwrap_or_default();
            if ["response.completed", "response.incomplete", "response.failed", "error"].contains(&kind) {
                break;
            }
        }
        if let Err(why) = grammar::check(&events) {
            panic!("{why}");
        }
        let response = events[events.len() - 1]["response"].clone();
        Answer { events, response }
    }

    #[track_caller]
    fn is_refused(&mut self, code: &str) -> Value {
        let event = self.event();
        assert_eq!((&event["type"], &event["status"]), (&json!("error"), &json!(400)), "{event}");
        assert_eq!((&event["code"], &event["error"]["code"]), (&json!(code), &json!(code)), "{event}");
        assert!(event["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{event}");
        event
    }

    /// By this code, and then by the end of the connection, which is no reset.
    #[track_caller]
    fn is_closed(&mut self, code: CloseCode) {
        let message = self.socket.read().unwrap();
        let Message::Close(Some(frame)) = message else { panic!("{message:?}") };
        assert_eq!(frame.code, code, "{}", frame.reason);
        let end = self.socket.read();
        assert!(matches!(end, Err(Error::ConnectionClosed)), "{end:?}");
    }
}

#[derive(Debug)]
struct Answer {
    events: Vec<Value>,
    response: Value,
}

impl Answer {
    fn id(&self) -> String {
        self.response["id"].as_str().unwrap().to_owned()
    }

    fn end(&self) -> &str {
        self.events[self.events.len() - 1]["type"].as_str().unwrap()
    }

    #[track_caller]
    fn completed(self) -> Self {
        assert_eq!(self.end(), "response.completed", "{}", self.response);
        self
    }

    fn text(&self) -> String {
        let items = self.response["output"].as_array().unwrap().iter().filter(|item| item["type"] == "message");
        let parts = items.filter_map(|item| item["content"].as_array()).flatten();
        parts.filter_map(|part| part["text"].as_str()).collect()
    }
}
