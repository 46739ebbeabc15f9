use serde_json::{Value, json};

use super::super::id::ExchangeId;
use super::super::record::*;
use super::super::view::*;
use super::*;
use crate::words::Lang;

/// A turn of Codex, translated, as it is kept.
fn exchange() -> Exchange {
    let body = r#"{"model":"qwen3:14b","stream":true,"temperature":1.0,"input":[{"role":"user","content":"Été?"}]}"#;
    let events = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Oui\"}\n\n\
                  data: [DONE]\n\n";
    Exchange {
        id: Some(ExchangeId::after(None, 1_764_352_000_123)),
        session: "s-1".to_owned(),
        begun_ms: 1_764_352_000_123,
        lane: Lane::Translated,
        state: State::Done,
        conn: 7,
        peer: "127.0.0.1:5555".to_owned(),
        messages: vec![
            message(
                Pane::ClientRequest,
                body.as_bytes(),
                &[
                    ("Host", "localhost:11434"),
                    ("content-type", "application/json"),
                    ("authorization", "Bearer [redacted]"),
                ],
            ),
            message(Pane::UpstreamRequest, b"{\"model\":\"qwen3:14b\"}", &[("content-type", "application/json")]),
            message(Pane::UpstreamResponse, b"{\"done\":true}\n", &[("content-type", "application/x-ndjson")]),
            message(
                Pane::ClientResponse,
                events.as_bytes(),
                &[("content-type", "text/event-stream"), ("x-a", "1"), ("X-A", "2")],
            ),
        ],
        moments: vec![Moment {
            at_us: 50,
            what: Happened::Note { kind: NoteKind::Dropped, at: Some("tools[3]".into()), text: "web_search".into() },
        }],
        took_us: Some(1_234_567),
        incomplete: false,
        row: Some(Box::new(row())),
    }
}

fn message(pane: Pane, body: &[u8], headers: &[(&str, &str)]) -> Message {
    let is_request = matches!(pane, Pane::ClientRequest | Pane::UpstreamRequest);
    let is_upstream = matches!(pane, Pane::UpstreamRequest | Pane::UpstreamResponse);
    let path = if is_upstream { "/api/chat" } else { "/v1/responses?key=[redacted]&a=b%20c" };
    Message {
        pane,
        attempt: 0,
        head: Some(Head {
            at_us: if is_request { 0 } else { 1_000_000 },
            method: is_request.then(|| "POST".to_owned()),
            target: is_request.then(|| path.to_owned()),
            status: (!is_request).then_some(200),
            to: (is_request && is_upstream).then(|| "172.22.96.1:11434".to_owned()),
            version: "HTTP/1.1".to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }),
        body: body.to_vec(),
        size: body.len() as u64,
        pieces: vec![Piece { at_us: 1000, len: u32::try_from(body.len()).unwrap() }],
        ended_us: Some(if is_request { 1000 } else { 1_234_000 }),
        redacted: u32::from(pane == Pane::ClientRequest),
    }
}

fn row() -> Row {
    Row {
        session: "s-1".to_owned(),
        begun_ms: 1_764_352_000_123,
        state: State::Done,
        lane: Lane::Translated,
        api: Api::Responses,
        method: "POST".to_owned(),
        path: "/v1/responses".to_owned(),
        status: Some(200),
        client: "codex_exec/0.169.0".to_owned(),
        model: "qwen3:14b".to_owned(),
        stream: true,
        messages: 1,
        tools: 2,
        system_chars: 17,
        comment: Some("odd | `this`".to_owned()),
        tokens: Tokens { input: Some(9500), output: Some(3), decode_rate: Some(12.5), ..Tokens::default() },
        ..Row::default()
    }
}

fn text(text: &str) -> Vec<Part> {
    vec![Part::Text { text: text.to_owned() }]
}

fn view() -> View {
    let item =
        |kind, role: &str, said: &str| Item { kind, role: role.to_owned(), parts: text(said), ..Item::default() };
    let command =
        Call::Command { command: "ls -l".into(), workdir: Some("/tmp".into()), timeout_ms: Some(5000), why: None };
    View {
        row: row(),
        conversation: vec![
            item(ItemKind::Message, "system", "You are\n```\na fence\n```"),
            item(ItemKind::Message, "user", "Été?"),
            Item { name: Some("exec_command".into()), call: Some(command), ..item(ItemKind::Call, "", "") },
            Item { name: Some("exec_command".into()), ..item(ItemKind::Output, "tool", "total 0") },
        ],
        answer: vec![
            item(ItemKind::Reasoning, "", "Hm."),
            item(ItemKind::Message, "assistant", "Oui </script>\u{2028}"),
        ],
        notes: vec![Note { kind: NoteKind::Dropped, at: Some("tools[3]".into()), text: "web_search".into() }],
        streams: vec![Stream { pane: Some(Pane::ClientResponse), form: "sse", ..Stream::default() }],
        ..View::default()
    }
}

fn exported(format: Format) -> String {
    let (exchange, view) = (exchange(), view());
    export(format, "<p><!--ollama-forward-data--></p>", &[Exported { exchange: &exchange, view: &view }])
}

/// Random bytes, the same in each run (xorshift).
fn dice() -> impl FnMut(usize) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    }
}

#[test]
fn formats_are_named_as_they_are_typed() {
    for format in Format::ALL {
        assert_eq!(Format::from_word(format.word()), Some(format));
    }
    assert_eq!(Format::from_word("pdf"), None);
}

#[test]
fn our_own_form_is_read_back_byte_for_byte() {
    let mut dice = dice();
    let bodies: [&[u8]; 6] =
        [b"", b"text \n\r\0\"\\", "é\u{2028}".as_bytes(), b"\xff\xfe", b"{\"a\":1.0}\n", b"\xe2\x82"];
    for round in 0..300 {
        let mut one = exchange();
        for message in &mut one.messages {
            message.body = match bodies.get(round) {
                Some(body) => body.to_vec(),
                None => {
                    (0..dice(60)).map(|_| u8::try_from(dice(if round % 2 == 0 { 256 } else { 128 })).unwrap()).collect()
                }
            };
            message.size = (message.body.len() + dice(3)) as u64;
            message.pieces = vec![Piece { at_us: 9, len: u32::try_from(message.body.len()).unwrap() }];
        }
        let written = jsonl::write([&one, &exchange()]);
        assert_eq!(written.lines().count(), 3);
        let read: Vec<Exchange> = import(&written).into_iter().map(Result::unwrap).collect();
        assert_eq!(read, [one, exchange()]);
    }
}

#[test]
fn files_of_other_kinds_are_refused_with_a_reason() {
    #[track_caller]
    fn check(text: &str, english: &str, french: &str) {
        let read = import(text);
        let why = read.into_iter().find_map(Result::err).unwrap();
        assert_eq!((why.of(Lang::En).as_str(), why.of(Lang::Fr).replace('\u{a0}', " ").as_str()), (english, french));
    }
    let no_capture = (
        "this is no capture of ollama-forward (`capture export --format jsonl`)",
        "ce n'est pas une capture d'ollama-forward (`capture export --format jsonl`)",
    );
    for text in [
        "",
        "\n",
        "{}",
        "[1]",
        "{\"format\":\"har\",\"version\":1}",
        "{\"format\":\"ollama-forward-capture\"}",
        "\u{0}",
    ] {
        check(text, no_capture.0, no_capture.1);
    }
    check(
        "{\"format\":\"ollama-forward-capture\",\"version\":2}\n{}",
        "this capture has version 2, and only version 1 is known here",
        "cette capture est en version 2 ; seule la version 1 est connue ici",
    );
    let head = "{\"format\":\"ollama-forward-capture\",\"version\":1}\n\n";
    let with = |change: fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&line(&exchange())).unwrap();
        change(&mut value);
        format!("{head}{value}")
    };
    check(
        &format!("{head}{{\"id\":"),
        "line 3: this is no exchange, from byte 6 on",
        "ligne 3 : ce n'est pas un échange, à partir de l'octet 6",
    );
    check(&format!("{head}[]"), "line 3: this is no exchange", "ligne 3 : ce n'est pas un échange");
    check(
        &with(|value| value["messages"][0]["body"] = json!(5)),
        "line 3: a body is no text",
        "ligne 3 : un corps n'est pas un texte",
    );
    check(
        &with(|value| {
            value["messages"][0].as_object_mut().unwrap().remove("body");
            value["messages"][0]["body_base64"] = json!("*");
        }),
        "line 3: a body is no base64",
        "ligne 3 : un corps n'est pas en base64",
    );
    check(
        &with(|value| value["session"] = json!("../x")),
        "line 3: its session has no proper key",
        "ligne 3 : sa session n'a pas de clé valable",
    );
}

#[test]
fn one_bad_line_does_not_spoil_the_others() {
    let text = jsonl::write([&exchange(), &exchange()]).replacen("\"conn\":7", "\"conn\":-7", 1);
    let read: Vec<bool> = import(&text).iter().map(Result::is_ok).collect();
    assert_eq!(read, [false, true]);
}

#[test]
fn pieces_that_do_not_add_up_become_one() {
    let mut value: Value = serde_json::from_str(&line(&exchange())).unwrap();
    value["messages"][3]["body"] = json!("abc");
    value["messages"][3]["size"] = json!(1);
    let read = read(&value.to_string()).unwrap();
    assert_eq!(read.messages[3].pieces, [Piece { at_us: 1_234_000, len: 3 }]);
    assert_eq!(read.messages[3].size, 3);
}

#[test]
fn the_files_of_codex_capture_are_as_its_addon_writes_them() {
    let (exchange, view) = (exchange(), view());
    let files = compat(Exported { exchange: &exchange, view: &view });
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["latest.json", "latest.request.json", "latest.response.txt", "history.jsonl"]);
    let texts: Vec<&str> = files.iter().map(|(_, bytes)| std::str::from_utf8(bytes).unwrap()).collect();
    let latest = LATEST.replace('@', "\u{2028}");
    assert_eq!(texts[0], latest);
    assert_eq!(
        texts[1],
        "{\n  \"model\": \"qwen3:14b\",\n  \"stream\": true,\n  \"temperature\": 1.0,\n  \"input\": [\n    {\n      \"role\": \"user\",\n      \"content\": \"Été?\"\n    }\n  ]\n}"
    );
    assert_eq!(texts[2].as_bytes(), exchange.messages[3].body);
    assert_eq!(texts[3].lines().count(), 1);
    assert_eq!(json::lay_out(texts[3], json::Layout::Pretty), Some(latest));
    assert!(texts[3].starts_with("{\"timestamp\": 1764352001.357, \"summary\": {\"endpoint\": "), "{}", texts[3]);
}

const LATEST: &str = r#"{
  "timestamp": 1764352001.357,
  "summary": {
    "endpoint": "http://localhost:11434/v1/responses?key=[redacted]&a=b%20c",
    "method": "POST",
    "model": "qwen3:14b",
    "messages_count": 1,
    "last_user_message_preview": "Été?",
    "system_prompt_chars": 17,
    "tools_count": 2,
    "status_code": 200,
    "is_stream": true,
    "assistant_text_preview": "Oui </script>@",
    "assistant_reasoning_preview": "Hm.",
    "duration_ms": 1234
  },
  "request": {
    "url": "http://localhost:11434/v1/responses?key=[redacted]&a=b%20c",
    "method": "POST",
    "headers": {
      "Host": "localhost:11434",
      "content-type": "application/json",
      "authorization": "Bearer [redacted]"
    },
    "body_text": "{\"model\":\"qwen3:14b\",\"stream\":true,\"temperature\":1.0,\"input\":[{\"role\":\"user\",\"content\":\"Été?\"}]}",
    "json": {
      "model": "qwen3:14b",
      "stream": true,
      "temperature": 1.0,
      "input": [
        {
          "role": "user",
          "content": "Été?"
        }
      ]
    }
  },
  "response": {
    "status_code": 200,
    "headers": {
      "content-type": "text/event-stream",
      "x-a": "1, 2"
    },
    "body_text": "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Oui\"}\n\ndata: [DONE]\n\n",
    "events": [
      {
        "type": "data",
        "raw": "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Oui\"}",
        "json": {
          "type": "response.output_text.delta",
          "delta": "Oui"
        }
      },
      {
        "type": "done",
        "raw": "data: [DONE]"
      }
    ]
  }
}"#;

#[test]
fn what_codex_capture_does_not_keep_leaves_no_files() {
    let (mut probe, view) = (exchange(), view());
    probe.messages[0].body = b"{}".to_vec();
    assert!(compat(Exported { exchange: &probe, view: &view }).is_empty());
    let mut text = exchange();
    text.messages[0].body = b"not JSON, but \"model\"".to_vec();
    let files = compat(Exported { exchange: &text, view: &view });
    assert_eq!(files[1].1, text.messages[0].body);
    let payload: Value = serde_json::from_slice(&files[3].1).unwrap();
    assert_eq!(payload["request"]["json"], Value::Null);
}

#[test]
fn lines_of_ollama_are_events_and_a_plain_answer_has_none() {
    let (mut one, mut view) = (exchange(), view());
    let events = |one: &Exchange, view: &View| -> Value {
        let text = export(Format::CodexCapture, "", &[Exported { exchange: one, view }]);
        serde_json::from_str::<Value>(&text).unwrap()["response"]["events"].take()
    };
    one.messages[3] =
        message(Pane::ClientResponse, b"{\"a\":1}\n{\"b\"\n", &[("content-type", "application/x-ndjson")]);
    let expected = json!([{"type": "data", "raw": "{\"a\":1}", "json": {"a": 1}}, {"type": "data", "raw": "{\"b\"", "json": null}]);
    assert_eq!(events(&one, &view), expected);
    one.messages[3] = message(Pane::ClientResponse, b"{\"a\":1}", &[("content-type", "application/json")]);
    assert_eq!(events(&one, &view), Value::Null);
    // A long text is cut, and says so.
    view.conversation[1].parts = text(&"é".repeat(301));
    let history = export(Format::CodexCapture, "", &[Exported { exchange: &one, view: &view }]);
    let payload: Value = serde_json::from_str(&history).unwrap();
    assert_eq!(payload["summary"]["last_user_message_preview"], "é".repeat(300) + "…");
}

#[test]
fn har_has_the_clients_side_and_the_rest_beside_it() {
    let har: Value = serde_json::from_str(&exported(Format::Har)).unwrap();
    assert_eq!(har["log"]["version"], "1.2");
    let entry = &har["log"]["entries"][0];
    assert_eq!(entry["startedDateTime"], "2025-11-28T17:46:40.123Z");
    assert_eq!(entry["time"], 1234.567);
    assert_eq!(entry["request"]["url"], "http://localhost:11434/v1/responses?key=%5Bredacted%5D&a=b%20c");
    assert_eq!(entry["request"]["queryString"][1], json!({"name": "a", "value": "b c"}));
    assert_eq!(entry["request"]["postData"]["mimeType"], "application/json");
    assert_eq!(entry["response"]["status"], 200);
    assert_eq!(entry["response"]["content"]["mimeType"], "text/event-stream");
    assert_eq!(
        entry["timings"],
        json!({"blocked": -1.0, "dns": -1.0, "connect": -1.0, "send": 1.0, "wait": 999.0, "receive": 234.567})
    );
    assert_eq!(entry["comment"], "odd | `this`");
    assert_eq!(entry["_panes"].as_array().unwrap().len(), 4);
    assert_eq!(entry["_panes"][1]["head"]["to"], "172.22.96.1:11434");
    assert_eq!(entry["_notes"], json!([{"kind": "dropped", "at": "tools[3]", "text": "web_search"}]));
    assert_eq!(entry["_events"][0]["form"], "sse");
    assert_eq!(entry["_context"]["level"], "unknown");
}

#[test]
fn har_says_bytes_in_base64_and_knows_exchanges_without_an_answer() {
    let (mut one, view) = (exchange(), view());
    one.messages[0].body = vec![0xff];
    one.messages.truncate(1);
    let har = export(Format::Har, "", &[Exported { exchange: &one, view: &view }]);
    let har: Value = serde_json::from_str(&har).unwrap();
    let entry = &har["log"]["entries"][0];
    assert_eq!(entry["request"]["postData"]["text"], "/w==");
    assert_eq!(entry["request"]["postData"]["_encoding"], "base64");
    assert_eq!((&entry["response"]["status"], &entry["response"]["bodySize"]), (&json!(0), &json!(-1)));
}

#[test]
fn curl_asks_the_same_again_and_gives_no_secret() {
    let id = exchange().id.unwrap();
    assert_eq!(
        exported(Format::Curl),
        format!(
            r#"# {id} 2025-11-28T17:46:40.123Z: as the client asked
# left out, as its value was redacted: authorization
# [redacted] in the address stands for a value that is not known
curl -sS -N -g -X POST 'http://localhost:11434/v1/responses?key=[redacted]&a=b%20c' \
  -H 'content-type: application/json' \
  --data-binary @- <<'EOF'
{{"model":"qwen3:14b","stream":true,"temperature":1.0,"input":[{{"role":"user","content":"Été?"}}]}}
EOF

# {id} 2025-11-28T17:46:40.123Z: as the upstream was asked
curl -sS -N -g -X POST http://172.22.96.1:11434/api/chat \
  -H 'content-type: application/json' \
  --data-binary @- <<'EOF'
{{"model":"qwen3:14b"}}
EOF
"#
        )
    );
}

#[test]
fn nothing_in_a_request_breaks_out_of_its_command() {
    let (mut one, view) = (exchange(), view());
    one.messages.truncate(1);
    let request = &mut one.messages[0];
    request.size = 99;
    let head = request.head.as_mut().unwrap();
    head.target = Some("/$(id)'`\n".to_owned());
    head.headers = vec![("x-a".to_owned(), "it's; rm -rf *".to_owned()), ("x-b".to_owned(), String::new())];
    let mut command = |body: &[u8]| {
        one.messages[0].body = body.to_vec();
        export(Format::Curl, "", &[Exported { exchange: &one, view: &view }])
    };
    let text = command(b"EOF\nEOF1\n$(id)");
    assert!(
        text.contains("# the body was cut: 14 of 99 bytes\nhead -c 14 <<'EOF2' |\nEOF\nEOF1\n$(id)\nEOF2\ncurl "),
        "{text}"
    );
    assert!(text.contains(r"$'http://localhost/$(id)\'`\u000a' "), "{text}");
    assert!(text.contains(r" -H 'x-a: it'\''s; rm -rf *' "), "{text}");
    assert!(text.contains(" -H 'x-b;' "), "{text}");
    assert!(command(b"\x1b[31m").contains("base64 -d <<'EOF' |\nG1szMW0=\nEOF\ncurl "));
    assert!(command(b"{\"a\":\n\"EOF\"\n}").contains("@- <<'EOF'\n{\"a\":\n\"EOF\"\n}\nEOF\n"));
    assert!(!command(b"").contains("data-binary"));
}

#[test]
fn the_page_gets_its_data_where_nothing_in_it_can_be_taken_for_a_tag() {
    let page = exported(Format::Html);
    let json = page
        .strip_prefix("<p><script type=\"application/json\" id=\"data\">")
        .and_then(|rest| rest.strip_suffix("</script></p>"))
        .unwrap();
    assert!(!json.contains(['<', '>', '&', '\u{2028}']), "{json}");
    let data: Value = serde_json::from_str(json).unwrap();
    let id = exchange().id.unwrap().to_string();
    assert_eq!(data["exported"], true);
    assert_eq!(data["rows"][0]["model"], "qwen3:14b");
    assert_eq!(data["views"][0]["answer"][1]["parts"][0]["text"], "Oui </script>\u{2028}");
    assert_eq!(data["bodies"][&id]["upstream_request"], "{\"model\":\"qwen3:14b\"}");
}

#[test]
fn a_page_that_has_the_element_gets_only_the_data() {
    let template = "<script type=\"application/json\" id=\"data\">\n<!--ollama-forward-data--></script>x";
    let page = html(template, &[]);
    assert_eq!(
        page,
        "<script type=\"application/json\" id=\"data\">\n{\"exported\":true,\"rows\":[],\"views\":[],\"bodies\":{}}</script>x"
    );
}

#[test]
fn markdown_is_for_people() {
    let id = exchange().id.unwrap();
    let expected = format!(
        "# Capture of ollama-forward

## 2025-11-28T17:46:40.123Z `POST /v1/responses qwen3:14b`

| | |
|---|---|
| id | `{id}` |
| session | `s-1` |
| client | `codex_exec/0.169.0` |
| model | `qwen3:14b` |
| state | `done` |
| status | `200` |
| took | `1234.6 ms` |
| tokens in | `9500` |
| tokens out | `3` |
| answer | `12.5 tokens/s` |
| messages | `1` |
| tools | `2` |
| comment | `` odd \\| `this` `` |

### Notes

- dropped `tools[3]`: `web_search`

### Conversation

#### `system`

````text
You are
```
a fence
```
````

#### `user`

```text
Été?
```

#### call `exec_command`

```sh
ls -l
```

in `/tmp`

at most `5000 ms`

#### output `exec_command`

```text
total 0
```

### Answer

#### reasoning

```text
Hm.
```

#### `assistant`

```text
Oui </script>\u{2028}
```
"
    );
    assert_eq!(exported(Format::Markdown), expected);
}

/// Whatever was captured, each form is written, and those that are JSON are JSON.
#[test]
fn no_exchange_is_too_odd() {
    const BYTES: &[u8] = b"{}[]\",:\\ud8\n\xff\x00`'data: EOF</\xc3\xa9";
    let mut dice = dice();
    let view = view();
    for _ in 0..200 {
        let mut one = exchange();
        for message in &mut one.messages {
            message.body = (0..dice(80)).map(|_| BYTES[dice(BYTES.len())]).collect();
            message.ended_us = (dice(2) == 0).then(|| dice(9) as u64);
            if dice(4) == 0 {
                message.head = None;
            }
        }
        one.messages.truncate(dice(5));
        one.took_us = (dice(2) == 0).then(|| dice(9) as u64);
        one.begun_ms = if dice(9) == 0 { u64::MAX } else { one.begun_ms };
        for format in Format::ALL {
            let text = export(format, HTML_DATA, &[Exported { exchange: &one, view: &view }]);
            if matches!(format, Format::Har | Format::CodexCapture) {
                assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
            }
        }
    }
}
