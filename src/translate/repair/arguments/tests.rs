use super::*;
use serde_json::json;

/// One key of each kind, all optional but the first.
fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "cmd": {"type": "string"},
            "count": {"type": "integer", "minimum": 0},
            "ms": {"type": "number"},
            "tty": {"type": "boolean"},
            "words": {"type": "array", "items": {"type": "string"}},
            "sizes": {"type": "array", "items": {"type": "integer"}},
            "mode": {"type": "string", "enum": ["fast", "slow_one"]},
            "maybe": {"type": ["string", "null"]},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "any": {},
            "asked": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
            "workdir": {"type": "string"},
        },
        "required": ["cmd"],
        "additionalProperties": false,
    })
}

#[test]
fn values_follow_the_schema() {
    for (given, fitted, slip) in [
        (json!({"ms": "1000"}), json!({"ms": 1000}), Slip::Number),
        (json!({"ms": 1000.0}), json!({"ms": 1000}), Slip::Number),
        (json!({"ms": " 1.5 "}), json!({"ms": 1.5}), Slip::Number),
        (json!({"count": "5"}), json!({"count": 5}), Slip::Number),
        (json!({"count": 5.0}), json!({"count": 5}), Slip::Number),
        (json!({"count": -1}), json!({}), Slip::ValueDropped),
        (json!({"count": null}), json!({}), Slip::ValueDropped),
        (json!({"count": ""}), json!({}), Slip::ValueDropped),
        (json!({"tty": "true"}), json!({"tty": true}), Slip::Boolean),
        (json!({"tty": "False"}), json!({"tty": false}), Slip::Boolean),
        (json!({"tty": null}), json!({}), Slip::ValueDropped),
        (json!({"words": "git pull"}), json!({"words": ["git pull"]}), Slip::Wrapped),
        (json!({"words": "[\"git\",\"pull\"]"}), json!({"words": ["git", "pull"]}), Slip::Encoded),
        (json!({"words": [1, "a"]}), json!({"words": ["1", "a"]}), Slip::Text),
        (json!({"sizes": ["1", 2.0]}), json!({"sizes": [1, 2]}), Slip::Number),
        (json!({"mode": " Fast"}), json!({"mode": "fast"}), Slip::Word),
        (json!({"mode": "slow-one"}), json!({"mode": "slow_one"}), Slip::Word),
        (json!({"mode": "other"}), json!({}), Slip::ValueDropped),
        (json!({"mode": ""}), json!({}), Slip::ValueDropped),
        (json!({"either": "7"}), json!({"either": 7}), Slip::Number),
        (json!({"asked": {"n": 1}}), json!({"asked": [{"n": 1}]}), Slip::Wrapped),
        (json!({"asked": [{"n": "1"}]}), json!({"asked": [{"n": 1}]}), Slip::Number),
        (json!({"Work-Dir": "/"}), json!({"workdir": "/"}), Slip::KeyRenamed),
        (json!({"cwd": "/"}), json!({"workdir": "/"}), Slip::KeyRenamed),
    ] {
        check(with_command(given), &Ok((with_command(fitted), vec![slip])));
    }
}

#[test]
fn what_fits_or_cannot_be_mended_stays() {
    for given in [
        json!({"ms": 1.5, "count": 0, "tty": true, "words": [], "mode": "fast", "maybe": null, "either": null, "any": null}),
        json!({"ms": "soon", "tty": "maybe", "sizes": "many", "asked": "all"}),
        json!({"unknown": {"a": null}, "any": ["x", 1.0]}),
        json!({"maybe": "5", "workdir": ""}),
        json!({"count": 18_446_744_073_709_551_615_u64}),
    ] {
        check(with_command(given.clone()), &Ok((with_command(given), vec![])));
    }
    for schema in [json!(true), json!(null), json!({}), json!({"type": "object", "properties": {}})] {
        let (fitted, slips) = fit(json!({"a": 1.0}), &schema).unwrap();
        assert_eq!((Value::Object(fitted), slips), (json!({"a": 1.0}), vec![]));
    }
}

#[test]
fn the_command_is_found() {
    for (given, slips) in [
        (json!({"command": "ls"}), vec![Slip::KeyRenamed]),
        (json!({"Cmd": "ls"}), vec![Slip::KeyRenamed]),
        (json!({"cmd": ["bash", "-lc", "ls"]}), vec![Slip::Joined]),
        (json!({"command": ["ls"]}), vec![Slip::KeyRenamed, Slip::Joined]),
        (json!("ls"), vec![Slip::Wrapped]),
        (json!(["ls"]), vec![Slip::Wrapped, Slip::Joined]),
        (json!([{"cmd": "ls"}]), vec![Slip::Unwrapped]),
    ] {
        check(given, &Ok((json!({"cmd": "ls"}), slips)));
    }
}

#[test]
fn a_missing_key_is_told() {
    for given in [
        json!({}),
        json!(null),
        json!(""),
        json!({"cmd": null}),
        json!({"command": "a", "script": "b"}),
        json!({"c": 1}),
    ] {
        check(given, &Err(Unfit::Missing("cmd".to_owned())));
    }
    for given in [json!(7), json!(true)] {
        check(given, &Err(Unfit::NotAnObject));
    }
}

#[test]
fn keys_that_may_be_welcome_are_not_renamed() {
    let open = json!({"properties": {"workdir": {}, "path": {}}, "required": ["path"], "additionalProperties": true});
    let (fitted, slips) = fit(json!({"cwd": "/", "file": "a"}), &open).unwrap();
    assert_eq!((Value::Object(fitted), slips), (json!({"cwd": "/", "path": "a"}), vec![Slip::KeyRenamed]));
}

#[test]
fn fitting_twice_is_fitting_once() {
    let values = [
        json!(null),
        json!("5"),
        json!(""),
        json!("true"),
        json!("[1]"),
        json!("{\"n\":\"1\"}"),
        json!(5.0),
        json!(-5),
        json!(1e300),
        json!(["bash", "-c", "x"]),
        json!([null]),
        json!({"n": 2.0}),
        json!("FAST"),
        json!(false),
    ];
    for key in schema()["properties"].as_object().unwrap().keys() {
        for value in &values {
            let Ok((once, _)) = fit(with_command(json!({ key: value })), &schema()) else { continue };
            assert_eq!(fit(Value::Object(once.clone()), &schema()), Ok((once, vec![])), "{key}: {value}");
        }
    }
}

fn with_command(mut members: Value) -> Value {
    if members.get("cmd").is_none() {
        members["cmd"] = json!("ls");
    }
    members
}

#[track_caller]
fn check(given: Value, expected: &Result<(Value, Vec<Slip>), Unfit>) {
    let text = given.to_string();
    let found = fit(given, &schema()).map(|(members, slips)| (Value::Object(members), slips));
    assert_eq!(&found, expected, "{text}");
}
