//! How answers end: by themselves, cut, failed, or with nothing to show.

use super::*;

#[test]
fn a_cut_answer_is_complete_for_codex_only() {
    for (client, end) in [(Client::Codex, "completed"), (Client::Other, "incomplete")] {
        check(client, &[Text("Hi")], done(Reason::Length), &["say Hi", end]);
        check(client, &[Text("==")], End::Cut, &["say ==", end]);
        let half = [Part(0, Some("exec_command"), "{\"cmd\":\"rm\"}")];
        let mut answer = begin(client);
        play(&mut answer, &half).unwrap();
        let finished = answer.finish(done(Reason::Length), 2);
        assert_eq!(finished.calls, 0, "a call that was cut must not run");
        let steps = [half[0], Text("after")];
        let events = check_cut(client, &steps);
        assert!(events.iter().any(|event| event["delta"] == "after"), "what stands behind it is told");
    }
}

#[test]
fn a_cut_answer_without_a_word_is_a_failure_for_codex() {
    let half = Part(0, Some("exec_command"), "{\"cmd\":\"rm");
    let length = || done(Reason::Length);
    for (steps, end, told, words) in [
        (&[half][..], length(), &["failed"][..], "reached its length limit in the middle of a tool call."),
        (
            &[Think("hm"), half],
            length(),
            &["think hm", "failed"],
            "reached its length limit in the middle of a tool call.",
        ),
        (&[Think("hm")], length(), &["think hm", "failed"], "reached its length limit in the middle of its thoughts."),
        (&[Text("\n")], End::Cut, &["failed"], "repeated itself and was stopped before its first word."),
    ] {
        let events = check(Client::Codex, steps, end, told);
        let error = &events.last().unwrap()["response"]["error"];
        assert_eq!(error["code"], "invalid_prompt");
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
    }
    check(Client::Codex, &[Text("Hi"), half], length(), &["say Hi", "completed"]);
    let ran = Whole("exec_command", "{\"cmd\":\"ls\"}");
    check(Client::Codex, &[ran, half], length(), &["exec_command {\"cmd\":\"ls\"}", "completed"]);
}

#[track_caller]
fn check_cut(client: Client, steps: &[Step]) -> Vec<Value> {
    let mut answer = begin(client);
    play(&mut answer, steps).unwrap();
    let mut bytes = answer.take().to_vec();
    bytes.extend(answer.finish(done(Reason::Length), 2).events);
    events(&bytes)
}

#[test]
fn a_failure_that_will_be_retried_leaves_codex_nothing_to_keep() {
    let failure = |kind| End::Failed(Failure { kind, message: "gone".into() });
    let events = check(Client::Codex, &[Text("Hi")], failure(Why::Transient), &["failed"]);
    let error = &events.last().unwrap()["response"]["error"];
    assert_eq!((error["code"].as_str(), error["message"].as_str()), (Some("server_error"), Some("gone")));
    check(Client::Other, &[Text("Hi")], failure(Why::Transient), &["say Hi", "failed"]);
    // What was held is text now.
    let held = [Text("Hi.\n{\"name\":"), Part(0, Some("exec_command"), "{\"cmd\":\"ls\"}"), Text("!")];
    check(Client::Other, &held, failure(Why::Transient), &["say Hi.\n{\"name\":!", "failed"]);
    check(Client::Codex, &held, failure(Why::Permanent), &["say Hi.\n{\"name\":!", "failed"]);
    let events = check(Client::Codex, &[Text("Hi")], failure(Why::Permanent), &["say Hi", "failed"]);
    assert_eq!(events.last().unwrap()["response"]["error"]["code"], "invalid_prompt");
}

#[test]
fn tokens_without_any_word_are_a_swallowed_call() {
    let counted = |output| Done { usage: Usage { output: Some(output), ..Usage::default() }, ..Done::default() };
    assert!(begin(Client::Codex).is_swallowed(&counted(3)));
    assert!(!begin(Client::Codex).is_swallowed(&counted(1)), "the end of the text is a token");
    for said in [Text("Hi"), Whole("exec_command", "{}")] {
        let mut answer = begin(Client::Codex);
        play(&mut answer, &[said]).unwrap();
        assert!(!answer.is_swallowed(&counted(3)));
    }
    let mut thinking = begin(Client::Codex);
    play(&mut thinking, &[Think("I should call ls")]).unwrap();
    assert!(thinking.is_swallowed(&counted(5)));
}

#[test]
fn a_call_in_an_error_text_is_run() {
    let mut answer = begin(Client::Codex);
    assert!(answer.call_from_error("{\"cmd\":\"ls\"}"));
    assert_eq!(answer.finish(End::Cut, 2).calls, 1);
    assert!(!begin(Client::Codex).call_from_error("{{{"));
}

#[test]
fn usage_is_whole_over_all_attempts() {
    let mut answer = begin(Client::Codex);
    play(&mut answer, &[Think("a"), Text("b"), Text("c"), Break, Text("d")]).unwrap();
    let usage = answer.finish(done(Reason::Stop), 2).usage;
    assert_eq!(usage, Usage { input: Some(9), cached: None, output: Some(8), reasoning: Some(1) });
}
