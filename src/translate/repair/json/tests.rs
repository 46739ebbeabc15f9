use super::*;
use serde_json::json;

#[test]
fn each_slip_is_mended() {
    let ls = json!({"cmd": "ls"});
    for (text, slip) in [
        ("\u{feff}{\"cmd\":\"ls\"}", Slip::ByteOrderMark),
        ("```json\n{\"cmd\":\"ls\"}\n```", Slip::Fence),
        ("```\n{\"cmd\":\"ls\"}```", Slip::Fence),
        (r#"{"cmd":"ls",}"#, Slip::TrailingComma),
        (r#"{"cmd":"ls"}]"#, Slip::TrailingText),
        (r#"{"cmd":"ls"}}"#, Slip::TrailingText),
        (r#"{"cmd":"ls"}</tool_call>"#, Slip::TrailingText),
        (r#"{"cmd":"ls"}<|call|>"#, Slip::TrailingText),
        (r#"{"cmd":"ls"} I run it: now."#, Slip::TrailingText),
        (r#"{"cmd":"ls"}{"cmd":"ls"}"#, Slip::Twice),
        ("{\"cmd\":\"ls\"}\n{\"cmd\": \"ls\"}\n", Slip::Twice),
        ("{'cmd': 'ls'}", Slip::SingleQuotes),
        (r#"{cmd: "ls"}"#, Slip::BareKey),
        (r#"{"cmd":"ls""#, Slip::Unclosed),
        (r#""{\"cmd\":\"ls\"}""#, Slip::Encoded),
        (r#"{"cmd":"pwd","cmd":"ls"}"#, Slip::DuplicateKey),
        (r#"{"cmd":"l\u0073"}}"#, Slip::TrailingText),
    ] {
        check(text, &ls, &[slip]);
    }
    check("", &json!({}), &[Slip::Empty]);
    check(" \n", &json!({}), &[Slip::Empty]);
    check("None", &json!({}), &[Slip::Empty]);
    check(
        "{a:True,b:None,c:[False,],d:1}",
        &json!({"a":true,"b":null,"c":[false],"d":1}),
        &[Slip::BareKey, Slip::PythonWord, Slip::TrailingComma],
    );
    check(r#"{"a":[{"b":["c""#, &json!({"a":[{"b":["c"]}]}), &[Slip::Unclosed]);
    check(r#""{'cmd':'ls'}""#, &ls, &[Slip::Encoded, Slip::SingleQuotes]);
}

#[test]
fn strings_keep_what_they_say() {
    for (text, meant, slip) in [
        ("{\"cmd\":\"a\nb\tc\"}", "a\nb\tc", Slip::ControlCharacter),
        (r#"{"cmd":"grep \. \$x"}"#, r"grep \. \$x", Slip::Escape),
        (r#"{"cmd":"echo it\'s"}"#, "echo it's", Slip::Escape),
        (r#"{"cmd":"echo 'it'\''s'"}"#, r"echo 'it'\''s'", Slip::Escape),
        (r#"{"cmd":"\uzz \ud800 é"}"#, "\\uzz \u{fffd} é", Slip::Escape),
        (r#"{'cmd':'say "hi", it\'s'}"#, r#"say "hi", it's"#, Slip::SingleQuotes),
        (r#"{"cmd":"a \"b\" \\ \/ \n \ud83d\ude00",}"#, "a \"b\" \\ / \n 😀", Slip::TrailingComma),
        (r#"{"cmd":"x, True }] 'y' // z",}"#, "x, True }] 'y' // z", Slip::TrailingComma),
    ] {
        let (value, slips) = parse_lenient(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(value, json!({"cmd": meant}), "{text}");
        assert!(slips.contains(&slip), "{text}: {slips:?}");
    }
}

#[test]
fn what_is_not_sure_is_refused() {
    for text in [
        "ls -R",
        "{",
        "[",
        "}",
        "null null",
        r#"{"cmd":"rm -rf /tm"#,
        r#"{"cmd":"ls","yield_time_ms":1"#,
        r#"{"cmd":"ls","#,
        r#"{"cmd":"ls","n"#,
        r#"{"cmd":"ls"}{"cmd":"pwd"}"#,
        r#"{"cmd":"ls"},{"cmd":"pwd"}"#,
        r#"{"cmd":"ls"}},"workdir":"/"}"#,
        r#"{"cmd":"ls"},workdir:1}"#,
        r#"{"cmd":"ls"} then {"cmd":"pwd"}"#,
        r#"{"cmd":"echo "hi""}"#,
        r#"{"cmd":["ls"}"#,
        r#"{"cmd" "ls"}"#,
        r#"{"cmd":ls}"#,
        "'ls' it is",
        "```",
    ] {
        assert_eq!(parse_lenient(text), None, "{text}");
    }
}

#[test]
fn well_formed_json_is_left_alone() {
    for text in [
        r#"{"cmd":"```json {'a': True,} ```"}"#,
        r#"{"cmd":"a:b","n":1e3,"f":1.0,"big":18446744073709551615,"x":[null,true,{"y":{}}]}"#,
        r#"{"a":"\\\":","b\":":":"}"#,
        r#""{ echo hi; }""#,
        "[1,2]",
        "null",
        "7",
    ] {
        check(text, &serde_json::from_str(text).unwrap(), &[]);
    }
}

/// Values from a small generator come back as they are; one wrong byte makes no panic, and what is read then is stable.
#[test]
fn any_value_comes_back() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for _ in 0..2_000 {
        let text = json!({ "k": dice.value(3) }).to_string();
        check(&text, &serde_json::from_str(&text).unwrap(), &[]);
        let mut bytes = text.into_bytes();
        let at = dice.roll(bytes.len());
        match dice.roll(3) {
            0 => drop(bytes.remove(at)),
            1 => bytes.insert(at, b"{}[]\"'\\,:\n\0 x1-`"[dice.roll(16)]),
            _ => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
        }
        let wrong = String::from_utf8_lossy(&bytes);
        if let Some((value, _)) = parse_lenient(&wrong) {
            let again = value.to_string();
            assert_eq!(parse_lenient(&again).map(|(value, _)| value), Some(value), "{wrong}");
        }
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn value(&mut self, depth: usize) -> Value {
        const STRINGS: &[&str] =
            &["", "ls", "a:b", "\"", "\\", "{'a':True,}", "\n\t\0", "é😀", "```", "\\\"", "}", "\u{feff}"];
        match self.roll(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => json!(self.roll(2) == 0),
            2 => json!(self.roll(100_000)),
            3 => json!(-1.5e-3),
            4 => json!(STRINGS[self.roll(STRINGS.len())].repeat(1 + self.roll(2))),
            5 => (0..self.roll(4)).map(|_| self.value(depth - 1)).collect(),
            _ => (0..self.roll(4))
                .map(|_| (STRINGS[self.roll(STRINGS.len())].to_owned(), self.value(depth - 1)))
                .collect::<Map<String, Value>>()
                .into(),
        }
    }
}

#[test]
fn depth_and_length_do_no_harm() {
    for text in [
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "{a:[".repeat(50_000),
        "'".repeat(100_001),
        "{}".repeat(50_000),
    ] {
        let _ = parse_lenient(&text);
    }
    assert_eq!(parse_lenient(&"[".repeat(100_000)), None);
    let long = format!("{{'cmd':'{}'}}", "x\n".repeat(500_000));
    assert!(parse_lenient(&long).is_some());
    let layered = (0..12).fold("{}".to_owned(), |text, _| serde_json::to_string(&text).unwrap());
    assert!(parse_lenient(&layered).is_some_and(|(value, _)| value.is_string()));
}

#[track_caller]
fn check(text: &str, meant: &Value, slips: &[Slip]) {
    assert_eq!(parse_lenient(text), Some((meant.clone(), slips.to_vec())), "{text}");
}
