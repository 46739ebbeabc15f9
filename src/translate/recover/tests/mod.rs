//! The tables are in `tests/fixtures/recovery`; here is what is done with their rows.

mod matrix;
mod prose;
#[path = "../../../../tests/fixtures/recovery/rows.rs"]
mod tables;

use super::{Declared, End, Holdback, Printed, Verdict, Why, arguments_in_error, recover};
use crate::translate::repair::resolve;
use serde_json::{Value, json};
use tables::{CALLS, EDGES, PROSE, Row, rows};

#[test]
fn every_family_is_read() {
    let rows = rows(CALLS);
    for row in &rows {
        check(row);
    }
    let mut families: Vec<String> = matrix::FAMILIES.iter().map(|family| format!("{family:?}")).collect();
    families.retain(|family| rows.iter().all(|row| row.label != family));
    assert!(families.is_empty(), "without a row: {families:?}");
}

#[test]
fn edges_are_read() {
    for row in rows(EDGES) {
        check(&row);
    }
}

#[test]
fn a_call_may_follow_prose() {
    for row in rows(CALLS) {
        let prose = format!("I look it up, with care.\n\n{}\n", row.text);
        check_text(&prose, &row);
        let Verdict::Calls { before, .. } = recover(&prose, &declared()) else { panic!("{prose}") };
        assert!(before.starts_with("I look it up, with care.\n\n"), "{before}");
    }
}

#[test]
fn prose_stays_text() {
    for Row { text, .. } in rows(PROSE) {
        let verdict = recover(text, &declared());
        assert!(!matches!(verdict, Verdict::Calls { .. }), "{text:?}: {verdict:?}");
    }
}

#[test]
fn a_call_in_prose_stays_text() {
    let begins_with_prose = |text: &str| ["I will", "Let me", "<think>"].iter().any(|prose| text.starts_with(prose));
    for text in printed().filter(|text| !begins_with_prose(text) && !text.contains("</think>")) {
        for quoting in [
            format!("{text}\n\nThat would list the files."),
            format!("One writes `{text}"),
            format!("<think>\n{text}"),
            format!("Such a call:\n\n```text\n{text}\n"),
            format!("It is written \"{text}"),
        ] {
            let verdict = recover(&quoting, &declared());
            assert!(!matches!(verdict, Verdict::Calls { .. }), "{quoting:?}: {verdict:?}");
        }
    }
}

#[test]
fn without_tools_all_is_text() {
    for Row { text, .. } in rows(CALLS) {
        assert_eq!(recover(text, &[]), Verdict::Text);
        assert_eq!(Holdback::new(Vec::new()).feed(text), text);
    }
}

#[test]
fn reasons_are_told() {
    let cases = [
        (r#"{"name":"delete_all","arguments":{}}"#, Why::UnknownName("delete_all".to_owned())),
        (r#"<tool_call>{"name":"exec_command"}"#, missing()),
        (r#"{"name":"exec_command","arguments":{"command":"ls"}}"#, missing()),
        (r#"<tool_call>{"name":"exec_command","arguments":{"cmd":"l"#, Why::Unfinished),
        ("<tool_call>\n<function=exec_command>\n<parameter=cmd>\nls", Why::Unfinished),
        (r#"<tool_call>{"name":"exec_command","arguments":{"cmd":ls}}</tool_call>"#, Why::Broken),
        (r#"<tool_call>{"name":"exec_command","arguments":"ls -R"}</tool_call>"#, Why::Broken),
        ("<tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call> Done.", Why::TextAfter),
        ("It prints `<tool_call>` first.", Why::Quoted),
    ];
    for (text, why) in cases {
        assert_eq!(recover(text, &declared()), Verdict::Left(why), "{text}");
    }
}

#[test]
fn cuts_change_nothing() {
    for text in printed().chain(rows(PROSE).into_iter().map(|row| row.text)) {
        let whole = recover(text, &declared());
        for (cut, _) in text.char_indices() {
            check_pieces(&[&text[..cut], &text[cut..]], &whole);
        }
        for text in [text.to_owned(), format!("Let me see.{text}"), format!("Let me see:\n{text}")] {
            let letters: Vec<&str> = text.split_inclusive(|_| true).collect();
            check_pieces(&letters, &recover(&text, &declared()));
        }
    }
}

#[test]
fn prose_is_hardly_held() {
    let mut held = Holdback::new(declared());
    for c in prose::LONG.chars() {
        held.feed(&c.to_string());
        assert!(held.held().len() <= "<|start|>assistant<|channel|>commentary to=".len(), "{:?}", held.held());
    }
    assert_eq!(held.held(), "");
}

#[test]
fn what_cannot_become_a_call_is_let_go_at_once() {
    for (text, shown) in [
        ("<tool_box>", "<tool_box>"),
        ("{\"version\":", "{\"version\":"),
        ("```rust\nfn", "```rust\nfn"),
        ("{ {", "{ {"),
        ("[[[", "[[["),
        ("see [1]", "see [1]"),
        ("<tool_call> is a tag", "<tool_call> is a tag"),
        ("Hello <tool", "Hello <tool"),
        ("Hello.\n<tool", "Hello.\n"),
        ("Hello.<tool_call>\n{\"na", "Hello."),
    ] {
        assert_eq!(Holdback::new(declared()).feed(text), shown);
    }
}

#[test]
fn nonsense_neither_panics_nor_gets_lost() {
    let parts: Vec<&str> = printed().chain(rows(PROSE).into_iter().map(|row| row.text)).collect();
    let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..600 {
        let mut text = String::new();
        for _ in 0..=roll(&mut dice, 3) {
            let part = parts[roll(&mut dice, parts.len())];
            let (from, to) = (roll(&mut dice, part.len() + 1), roll(&mut dice, part.len() + 1));
            text.push_str(part.get(from.min(to)..from.max(to)).unwrap_or(part));
        }
        let whole = recover(&text, &declared());
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let least = (1 + roll(&mut dice, 9)).min(rest.len());
            let end = (least..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap();
            let (piece, next) = rest.split_at(end);
            pieces.push(piece);
            rest = next;
        }
        check_pieces(&pieces, &whole);
    }
}

#[test]
fn long_calls_are_held_to_their_end() {
    let script = "echo '</tool_call>' \\n".repeat(2000);
    let text = format!("<tool_call>\n{}\n</tool_call>", json!({"name": "exec_command", "arguments": {"cmd": script}}));
    let pieces: Vec<&str> = text.as_bytes().chunks(5).map(|chunk| std::str::from_utf8(chunk).unwrap()).collect();
    check_pieces(&pieces, &recover(&text, &declared()));
    let Verdict::Calls { calls, .. } = recover(&text, &declared()) else { panic!("{text}") };
    assert_eq!((calls.len(), &calls[0].arguments["cmd"]), (1, &json!(script)));
}

#[test]
fn names_are_cleaned() {
    let declared = declared();
    for name in [
        "exec_command",
        " exec_command\n",
        "Exec_Command",
        "functions.exec_command",
        "functions.exec_command:0",
        "default_api.exec_command",
        "my.tools/exec_command",
        "ns::Exec_Command",
        "exec_command<|channel|>commentary",
        "exec_command<|channel|>json",
        "shell",
        "bash",
        "container.exec",
    ] {
        assert_eq!(resolve(name, &declared).unwrap().name, "exec_command", "{name}");
    }
    for name in ["exec", "exec_command_2", "", "functions", "python"] {
        assert_eq!(resolve(name, &declared), None, "{name}");
    }
}

#[test]
fn a_patch_goes_to_its_own_tool() {
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    let declared = [Declared { name: "apply_patch".to_owned(), parameters: schema }];
    let patch = "*** Begin Patch\n*** Delete File: a.txt\n*** End Patch";
    let Verdict::Calls { calls, .. } = recover(patch, &declared) else { panic!() };
    assert_eq!((calls[0].name.as_str(), &calls[0].arguments["input"]), ("apply_patch", &json!(patch)));
}

#[test]
fn harmony_errors_hold_the_arguments() {
    let error =
        r#"error parsing tool call: raw='{"cmd":"echo 'a', err="}]', err=invalid character ']' after top-level"#;
    assert_eq!(arguments_in_error(error), Some(r#"{"cmd":"echo 'a', err="}]"#));
    assert_eq!(arguments_in_error("error parsing tool call: raw='ls -R', err=x"), Some("ls -R"));
    assert_eq!(arguments_in_error("model not found"), None);
}

fn missing() -> Why {
    Why::MissingArgument { name: "exec_command".to_owned(), key: "cmd".to_owned() }
}

fn declared() -> Vec<Declared> {
    let exec = json!({
        "type": "object",
        "properties": {
            "cmd": {"type": "string"},
            "timeout": {"type": "integer"},
            "tty": {"type": ["boolean", "null"]},
            "env": {"type": "object"},
            "paths": {"type": "array"},
        },
        "required": ["cmd"],
    });
    let list = json!({"type": "object", "properties": {}});
    [("exec_command", exec), ("list_files", list), ("ls", Value::Null)]
        .map(|(name, parameters)| Declared { name: name.to_owned(), parameters })
        .to_vec()
}

fn printed() -> impl Iterator<Item = &'static str> {
    rows(CALLS).into_iter().chain(rows(EDGES)).map(|row| row.text)
}

#[track_caller]
fn check(row: &Row) {
    check_text(row.text, row);
}

/// This text means what the row's does.
#[track_caller]
fn check_text(text: &str, Row { label, calls: expected, .. }: &Row) {
    let Verdict::Calls { calls, .. } = recover(text, &declared()) else {
        panic!("{text:?}: {:?}", recover(text, &declared()));
    };
    let told = |call: Printed| (call.name, Value::Object(call.arguments), format!("{:?}", call.family));
    let calls: Vec<_> = calls.into_iter().map(told).collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, arguments)| ((*name).to_owned(), serde_json::from_str(arguments).unwrap(), (*label).to_owned()))
        .collect();
    assert_eq!(calls, expected, "{text}");
}

/// Nothing is lost, nothing is told twice, and the verdict is that of the whole.
#[track_caller]
fn check_pieces(pieces: &[&str], whole: &Verdict) {
    let text = pieces.concat();
    let mut holdback = Holdback::new(declared());
    let mut shown = String::new();
    for piece in pieces {
        let more = holdback.feed(piece).to_owned();
        shown.push_str(&more);
        assert!(text.starts_with(&format!("{shown}{}", holdback.held())), "{text:?}");
    }
    assert_eq!(format!("{shown}{}", holdback.held()), text);
    let End { verdict, unshown } = holdback.finish();
    assert_eq!(verdict, *whole, "{pieces:?}");
    shown.push_str(&unshown);
    match verdict {
        Verdict::Calls { before, .. } => assert_eq!(shown, before),
        Verdict::Text | Verdict::Left(_) => assert_eq!(shown, text),
    }
}

/// A number below `sides` (xorshift).
fn roll(dice: &mut u64, sides: usize) -> usize {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    usize::try_from(*dice % u64::try_from(sides).unwrap()).unwrap()
}
