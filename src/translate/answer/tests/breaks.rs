//! What a client sees when the upstream breaks in the middle of an answer.

use super::*;

#[test]
fn a_break_in_text_is_not_seen() {
    for again in [&["I will look", " around."][..], &[" around."], &["I wi", "ll look around."]] {
        let mut answer = begin(Client::Codex);
        play(&mut answer, &[Think("hm"), Text("I will "), Text("look")]).unwrap();
        let expected = Continuation::From { thinking: "hm".into(), text: "I will look".into() };
        assert_eq!(answer.break_off(), expected);
        play(&mut answer, &[Think("hm, again")]).unwrap();
        for piece in again {
            let chunk = Chunk { text: (*piece).into(), ..Chunk::default() };
            answer.chunk(&chunk).unwrap();
        }
        let object: Value = serde_json::from_str(&answer.finish(done(Reason::Stop), 2).object).unwrap();
        let told: Vec<String> = object["output"].as_array().unwrap().iter().map(tell).collect();
        assert_eq!(told, ["think hm", "say I will look around."], "{again:?}");
    }
}

#[test]
fn text_before_half_a_call_is_said_once() {
    for client in [Client::Codex, Client::Other] {
        let mut answer = begin(client);
        play(&mut answer, &[Text("I will look."), Part(0, Some("exec_command"), "{\"cmd\":\"l")]).unwrap();
        let expected = Continuation::From { thinking: String::new(), text: "I will look.".into() };
        assert_eq!(answer.break_off(), expected);
        assert!(
            !answer.is_swallowed(&Done { usage: Usage { output: Some(3), ..Usage::default() }, ..Done::default() })
        );
        play(&mut answer, &[Text("I will look."), Part(0, Some("exec_command"), "{\"cmd\":\"ls\"}")]).unwrap();
        let object: Value = serde_json::from_str(&answer.finish(done(Reason::Stop), 2).object).unwrap();
        let told: Vec<String> = object["output"].as_array().unwrap().iter().map(tell).collect();
        assert_eq!(told, ["say I will look.", "exec_command {\"cmd\":\"ls\"}"]);
    }
}

/// Half a call was shown, then the upstream broke, and this came. Gives how each item ended.
#[track_caller]
fn check_half(again: &[Step], deltas: &[&str], expected: &[&str]) -> Vec<Value> {
    let half = [Part(0, Some("exec_command"), "{\"cmd\":\"l"), Break];
    let events = check(Client::Other, &[&half, again].concat(), done(Reason::Stop), expected);
    let shown = events.iter().filter(|event| event["type"] == "response.function_call_arguments.delta");
    assert_eq!(shown.map(|event| event["delta"].as_str().unwrap()).collect::<Vec<_>>(), deltas);
    let items = events.last().unwrap()["response"]["output"].as_array().unwrap();
    items.iter().map(|item| item["status"].clone()).collect()
}

#[test]
fn half_a_call_that_was_shown_goes_on_or_is_no_call() {
    let (half, whole, pwd) = ("{\"cmd\":\"l", "{\"cmd\":\"ls\"}", "{\"cmd\":\"pwd\"}");
    let [said, ran, other] = [half, whole, pwd].map(|arguments| format!("exec_command {arguments}"));
    let (name, broken) = (Some("exec_command"), ["incomplete", "completed"]);
    let goes_on = [Part(0, name, "{\"cm"), Part(0, None, "d\":\"ls\"}")];
    assert_eq!(check_half(&goes_on, &[half, "s\"}"], &[&ran, "completed"]), ["completed"]);
    assert_eq!(check_half(&[Part(0, name, pwd)], &[half, pwd], &[&said, &other, "completed"]), broken);
    assert_eq!(check_half(&[Text("No.")], &[half], &[&said, "say No.", "completed"]), broken);
    let at_once = [Text("Ok."), Whole("exec_command", whole)];
    let expected = [&*said, &ran, "say Ok.", "completed"];
    assert_eq!(check_half(&at_once, &[half, whole], &expected), ["incomplete", "completed", "completed"]);
    let printed = [Text("Ok.\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"pwd\"}}")];
    let expected = [&*said, "say Ok.\n", &other, "completed"];
    assert_eq!(check_half(&printed, &[half, pwd], &expected), ["incomplete", "completed", "completed"]);
}

#[test]
fn a_break_before_any_word_begins_afresh() {
    let mut answer = begin(Client::Codex);
    play(&mut answer, &[Think("hm"), Part(0, Some("exec_command"), "{\"cmd\"")]).unwrap();
    assert_eq!(answer.break_off(), Continuation::Afresh);
    play(&mut answer, &[Think("hm"), Whole("exec_command", "{\"cmd\":\"ls\"}")]).unwrap();
    let object: Value = serde_json::from_str(&answer.finish(done(Reason::Stop), 2).object).unwrap();
    let told: Vec<String> = object["output"].as_array().unwrap().iter().map(tell).collect();
    assert_eq!(told, ["think hm", "exec_command {\"cmd\":\"ls\"}"]);
}

#[test]
fn a_break_after_a_call_is_the_end() {
    let mut answer = begin(Client::Codex);
    play(&mut answer, &[Whole("exec_command", "{\"cmd\":\"ls\"}")]).unwrap();
    assert_eq!(answer.break_off(), Continuation::Enough);
    assert_eq!(answer.finish(End::Cut, 2).result, Outcome::Completed);
}

#[test]
fn half_a_printed_call_survives_a_break() {
    let mut answer = begin(Client::Codex);
    play(&mut answer, &[Text("{\"name\":\"exec_command\",\"argum")]).unwrap();
    assert!(matches!(answer.break_off(), Continuation::From { .. }));
    play(&mut answer, &[Text("ents\":{\"cmd\":\"ls\"}}")]).unwrap();
    assert_eq!(answer.finish(done(Reason::Stop), 2).calls, 1);
}
