//! Shapes that servers were seen to write, each as small as it can be.

use super::{Api, check};

#[test]
fn ollama_records_in_every_order_and_with_unknown_fields() {
    check(
        Api::Ollama,
        "{\"done\":false,\"message\":{\"thinking\":null,\"content\":\"a\\u00e9\\n\",\"images\":null},\"extra\":[1,{}]}\r\n\
         \n{\"message\":{\"content\":\"ü\"}}\n{\"done\":true}\n"
            .as_bytes(),
        &["aé\n", "ü", "=stop"],
    );
    // Calls: no id, arguments as a string, without arguments; the order of keys is the model's.
    check(
        Api::Ollama,
        br#"{"message":{"tool_calls":[{"function":{"name":"a","arguments":{ "z": 1.0, "b":12345678901234567890123 }}},
            {"id":"","function":{"name":"b","arguments":"{\"c\":1}"}},{"function":{"name":"c"}}]}}"#
            .map(|byte| if byte == b'\n' { b' ' } else { byte })
            .as_slice(),
        &[r#"[whole - a { "z": 1.0, "b":12345678901234567890123 }] [whole - b {"c":1}] [whole - c ]"#],
    );
}

#[test]
fn ollama_tells_why_it_ended() {
    for (record, expected) in [
        (r#"{"done":true,"done_reason":"length","eval_count":3}"#, "=length>3"),
        (r#"{"done":true,"done_reason":"load"}"#, "=loaded"),
        (r#"{"done":true,"done_reason":"unload"}"#, "=loaded"),
        (r#"{"done":true,"done_reason":"odd"}"#, "=odd?"),
        (r#"{"done":true,"done_reason":null,"prompt_eval_count":null}"#, "=stop"),
        (r#"{"message":{"content":"x"},"done":true,"done_reason":"stop","load_duration":5}"#, "x =stop load 5ns"),
        (r#"{"error":"{\"error\":{\"code\":400}}"}"#, r#"!{"error":{"code":400}}"#),
        (r#"{"error":{"message":"m"}}"#, r#"!{"message":"m"}"#),
    ] {
        check(Api::Ollama, record.as_bytes(), &[expected]);
        check(Api::Ollama, format!("{record}\n").as_bytes(), &[expected]);
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    check(Api::Ollama, b"nonsense\n{\"done\":true}\n", &["?NotJson(\"no JSON at byte 2 of 8\")", "=stop"]);
    check(Api::Ollama, b"{\"message\":\"secret\"}\n", &["?NotJson(\"an unknown shape at byte 19 of 20\")"]);
    check(Api::Ollama, b"<!doctype html>\n", &["?Page"]);
    check(Api::Chat, b"<html>\n<body>\n\n</body>", &["?Page"]);
    check(Api::Chat, b"data: nonsense\n\ndata: [DONE]\n\n", &["?NotJson(\"no JSON at byte 2 of 8\")", "=stop"]);
}

#[test]
fn a_record_that_was_cut_off_is_nothing() {
    check(Api::Ollama, b"{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"cont", &["a"]);
    check(Api::Chat, b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"de", &["a"]);
    check(Api::Chat, b"data: {\"choices\":[{\"finish_reason\":\"stop\",\"delta\":{}}]}\n\ndata: [DO", &["=stop"]);
}

#[test]
fn halves_of_characters_are_marked() {
    check(Api::Ollama, br#"{"message":{"content":"a\ud83d"}}"#, &["a\u{fffd}"]);
    check(Api::Ollama, br#"{"message":{"content":"\ud83d\ude00\\ud83d \ude00!"}}"#, &["😀\\ud83d \u{fffd}!"]);
    check(Api::Ollama, b"{\"message\":{\"content\":\"a\xf0\x9f\"}}\n", &["a\u{fffd}"]);
    check(Api::Chat, b"data:{\"choices\":[{\"delta\":{\"content\":\"\\ude00\"}}]}\n\n", &["\u{fffd}"]);
}

#[test]
fn events_in_every_spelling() {
    let (a, b) = (r#"{"choices":[{"delta":{"content":"a"}}]}"#, r#"{"choices":[{"delta":{"content":"b"}}]}"#);
    for body in [
        format!("data: {a}\n\ndata: {b}\n\ndata: [DONE]\n\n"),
        format!("data:{a}\n\ndata:{b}\n\ndata:[DONE]\n\n"),
        format!("data: {a}\r\n\r\ndata: {b}\r\n\r\ndata: [DONE]\r\n\r\n"),
        format!("data: {a}\r\rdata: {b}\r\rdata: [DONE]\r\r"),
        format!("data: {a}\r\n\ndata: {b}\n\r\ndata: [DONE]\r\r\n"),
        format!("\u{feff}: ping\n\nevent: message\nid: 7\ndata: {a}\n\n:\nretry: 3\n\n\n\ndata: {b}\n\ndata: [DONE]"),
        format!("data: {a}\ndata: {b}\ndata: [DONE]\n"),
        format!(
            "data: {{\"choices\":\ndata: [{{\"delta\":\ndata: {{\"content\":\"a\"}}}}]}}\n\ndata: {b}\n\ndata: [DONE]"
        ),
        format!("data\ndata:\n\ndata: {a}\n\ndata: {b}\n\ndata: [DONE]\n\ndata: {a}\n\n"),
    ] {
        check(Api::Chat, body.as_bytes(), &["a", "b", "=stop"]);
    }
}

#[test]
fn an_answer_that_is_no_stream() {
    let answer = r#"{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",
      "content":"<think>why</think>text","tool_calls":[{"id":"i","type":"function",
      "function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],

      "usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    check(Api::Chat, answer.as_bytes(), &["~why text [whole i f {}]", "=stop 1>2"]);
    check(Api::Chat, answer.replace('\n', "").as_bytes(), &["~why text [whole i f {}]", "=stop 1>2"]);
}

#[test]
fn deltas_of_every_server() {
    for (delta, expected) in [
        (r#"{"role":"assistant","content":null}"#, ""),
        (r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#, "ab"),
        (
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"a"}]}"#,
            "~t a",
        ),
        (r#"{"reasoning":"t","content":""}"#, "~t"),
        (r#"{"reasoning_content":"t","content":"a"}"#, "~t a"),
        (r#"{"reasoning_content":"t","reasoning":"t"}"#, "~t"),
        (r#"{"reasoning_content":null,"thinking":"t"}"#, "~t"),
        (r#"{"refusal":"no"}"#, "no"),
        (r#"{"tool_calls":null,"content":"a"}"#, "a"),
        (r#"{"tool_calls":[{"function":{"name":"f","arguments":{"b":1, "a":2}}}]}"#, r#"[0 - f {"b":1, "a":2}]"#),
    ] {
        let body =
            format!("data: {{\"choices\":[{{\"delta\":{delta}}},{{\"delta\":{{\"content\":\"second\"}}}}]}}\n\n");
        let expected: Vec<_> = Some(expected).filter(|expected| !expected.is_empty()).into_iter().collect();
        check(Api::Chat, body.as_bytes(), &expected);
    }
}

#[test]
fn fragments_find_their_calls() {
    for (fragments, expected) in [
        // Numbered, as specified.
        (
            &[
                r#"{"index":0,"id":"i","function":{"name":"f","arguments":""}}"#,
                r#"{"index":0,"function":{"arguments":"{\"a\""}}"#,
                r#"{"index":1,"id":"j","function":{"name":"g","arguments":"{}"}}"#,
                r#"{"index":0,"id":"i","function":{"name":"f","arguments":":1}"}}"#,
            ][..],
            &["[0 i f ]", r#"[0 - - {"a"]"#, "[1 j g {}]", "[0 - - :1}]"][..],
        ),
        // Every call number 0.
        (
            &[
                r#"{"index":0,"id":"i","function":{"name":"f","arguments":"{}"}}"#,
                r#"{"index":0,"id":"j","function":{"name":"f","arguments":"{}"}}"#,
            ],
            &["[0 i f {}]", "[1 j f {}]"],
        ),
        // By id, in turns.
        (
            &[
                r#"{"id":"i","function":{"name":"f","arguments":"{"}}"#,
                r#"{"id":"j","function":{"name":"g","arguments":"{"}}"#,
                r#"{"id":"i","function":{"arguments":"}"}}"#,
            ],
            &["[0 i f {]", "[1 j g {]", "[0 - - }]"],
        ),
        // By order.
        (
            &[
                r#"{"function":{"name":"f","arguments":""}}"#,
                r#"{"function":{"name":"","arguments":"{}"}}"#,
                r#"{"function":{"name":"f","arguments":"{}"}}"#,
            ],
            &["[0 - f ]", "[0 - - {}]", "[1 - f {}]"],
        ),
        // The id comes late.
        (
            &[r#"{"index":3,"function":{"name":"f"}}"#, r#"{"index":3,"id":"i","function":{"arguments":"{}"}}"#],
            &["[0 - f ]", "[0 i - {}]"],
        ),
    ] {
        let delta =
            |fragment: &&str| format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{fragment}]}}}}]}}\n\n");
        let body: String = fragments.iter().map(delta).collect();
        check(Api::Chat, body.as_bytes(), expected);
    }
    let legacy = |part: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"function_call\":{part}}}}}]}}\n\n");
    let body = legacy(r#"{"name":"f","arguments":""}"#) + &legacy(r#"{"arguments":"{}"}"#);
    check(Api::Chat, body.as_bytes(), &["[0 - f ]", "[0 - - {}]"]);
}

#[test]
fn an_end_comes_once_and_with_all_counts() {
    const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    for (records, expected) in [
        (&[STOP][..], &["=stop"][..]),
        (&[STOP, "[DONE]", "[DONE]"], &["=stop"]),
        (&[r#"{"choices":[{"delta":{"content":"a"},"finish_reason":""}]}"#, "[DONE]"], &["a", "=stop"]),
        (&[r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"length"}]}"#], &["a", "=length"]),
        (&[r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#], &["=content_filter?"]),
        (&[STOP, r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#], &["=stop 9>2"]),
        (
            &[
                r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#,
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#,
                r#"{"choices":[],"usage":null}"#,
            ],
            &["a", "=stop 9>2"],
        ),
        (
            &[
                STOP,
                r#"{"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens":5,
                   "completion_tokens_details":{"reasoning_tokens":3}}}"#,
            ],
            &["=stop 9/4>5/3"],
        ),
        (
            &[r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"timings":{"cache_n":4,"prompt_n":5,"prompt_ms":2.5,
                 "predicted_n":6,"predicted_ms":1000}}"#],
            &["=stop 9/4>6 read 2.5ms wrote 1s"],
        ),
    ] {
        let body = format!("data: {}\n\n", records.join("\n\ndata: ").replace("\n                 ", ""));
        check(Api::Chat, body.as_bytes(), expected);
    }
}

#[test]
fn errors_in_mid_stream() {
    for (body, expected) in [
        ("data: {\"error\":{\"code\":500,\"message\":\"m\"}}\n\ndata: [DONE]\n\n", r#"!{"code":500,"message":"m"}"#),
        ("event: error\ndata: {\"error\":\"m\"}\n\n", "!m"),
        ("error: {\"error\":{\"message\":\"m\"}}\n\n", r#"!{"message":"m"}"#),
        ("data: {\"error\":{\"message\":\"m\"},\"choices\":[]}", r#"!{"message":"m"}"#),
        ("data: {\"object\":\"error\",\"message\":\"m\",\"code\":400}\n\n", "!m"),
        ("{\"error\":{\"message\":\"m\"}}", r#"!{"message":"m"}"#),
    ] {
        check(Api::Chat, body.as_bytes(), &[expected]);
    }
    // A name that never was there, and one that is lost before a proper end, are no errors.
    let record = |model: &str, rest: &str| format!("data: {{\"model\":\"{model}\",\"choices\":[{{{rest}}}]}}\n\n");
    let text = "\"delta\":{\"content\":\"a\"}";
    check(Api::Chat, (record("", text) + &record("", text)).as_bytes(), &["a", "a"]);
    let unnamed = format!("data: {{\"choices\":[{{{text}}}]}}\n\n");
    check(Api::Chat, (record("m", text) + &unnamed).as_bytes(), &["a", "a"]);
    let stop = "\"delta\":{},\"finish_reason\":\"stop\"";
    check(Api::Chat, (record("m", text) + &record("", stop)).as_bytes(), &["a", "=stop"]);
}

#[test]
fn thoughts_at_the_beginning_are_thoughts() {
    for (pieces, expected) in [
        (&["<think>why</think>text"][..], &["~why text"][..]),
        (&["<th", "ink>", "w", "hy", "</thi", "nk>", "text"], &["~w", "~hy", "text"]),
        (
            &["\n", " <think>\n", "why \n", "not\n", "\n</think>\n", "\n", "text", " </think>"],
            &["~why", "~ \nnot", "text", " </think>"],
        ),
        (&["<think>\n\n</think>\n\ntext"], &["text"]),
        (&["<thinking>a </b> ", "c</thinking>d"], &["~a </b>", "~ c d"]),
        (&["text ", "<think>", "x"], &["text ", "<think>", "x"]),
        (&["<", "b>x"], &["<b>x"]),
        (&["\n\n", "x"], &["\n\nx"]),
        (&["<thin"], &["<thin"]),
        (&["<think>cut </th"], &["~cut", "~ </th"]),
        (&["<think>a < b", " x", "</think>"], &["~a < b", "~ x"]),
    ] {
        let json = |piece: &&str| serde_json::Value::from(*piece).to_string();
        let record =
            |piece: &&str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":{}}}}}]}}\n\n", json(piece));
        check(Api::Chat, pieces.iter().map(record).collect::<String>().as_bytes(), expected);
        let record = |piece: &&str| format!("{{\"message\":{{\"content\":{}}}}}\n", json(piece));
        check(Api::Ollama, pieces.iter().map(record).collect::<String>().as_bytes(), expected);
    }
    // Where thoughts or a call came by their own field, a tag is text.
    let body = br#"{"message":{"thinking":"t"}}
{"message":{"content":"<think>"}}"#;
    check(Api::Ollama, body, &["~t", "<think>"]);
    let body = br#"{"message":{"content":"<th"}}
{"message":{"tool_calls":[{"function":{"name":"f","arguments":{}}}]}}"#;
    check(Api::Ollama, body, &["<th [whole - f {}]"]);
}

#[test]
fn records_that_differ_in_one_word_are_read_alike() {
    let api = |time: &str, text: &str| {
        format!(
            "{{\"created_at\":\"{time}\",\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":false}}\n"
        )
    };
    let chat = |_: &str, text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    for (of, record) in [(Api::Ollama, &api as &dyn Fn(&str, &str) -> String), (Api::Chat, &chat)] {
        let words = ["a", "ü", "", "b\\n", "\\u00e9\\\"", "c", "<think>", "}", "\t", "d", " e"];
        let body: String = words.iter().enumerate().map(|(at, word)| record(&at.to_string(), word)).collect();
        let broken = if of == Api::Ollama {
            "?NotJson(\"no JSON at byte 60 of 76\")"
        } else {
            "?NotJson(\"no JSON at byte 34 of 39\")"
        };
        check(of, body.as_bytes(), &["a", "ü", "b\n", "é\"", "c", "<think>", "}", broken, "d", " e"]);
        // More that stands in the string's place is no word.
        let tricks = ["a", "b\",\"content\":\"c", "\",\"thinking\":\"t", "d"];
        let body: String = tricks.iter().map(|word| record("0", word)).collect();
        let mut decoded = super::decoded(of, std::iter::once(body.as_bytes()));
        assert!(decoded.remove(1).starts_with("?NotJson(\"an unknown shape at byte "), "{decoded:?}");
        assert_eq!(decoded, ["a", "~t", "d"]);
    }
    let thought = |text: &str| format!("{{\"message\":{{\"thinking\":\"{text}\"}}}}\n");
    check(
        Api::Ollama,
        (thought("a") + &thought("b") + &api("0", "c") + &thought("d")).as_bytes(),
        &["~a", "~b", "c", "~d"],
    );
    let finish = |reason: &str, text: &str| {
        format!("data: {{\"choices\":[{{\"finish_reason\":{reason},\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let body = finish("null", "a") + &finish("null", "b") + &finish("\"stop\"", "c");
    check(Api::Chat, body.as_bytes(), &["a", "b", "c", "=stop"]);
}
