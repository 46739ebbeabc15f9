use serde_json::json;

use super::*;
use crate::translate::Client;
use crate::translate::answer::Opening;
use crate::translate::tools::{Mode, Table};
use crate::translate::wire::{CallPiece, Usage};

/// What the upstream says, and what ends an attempt after so many seconds.
enum Step {
    Say(Chunk<'static>),
    Then(u64, Event),
}
use Step::{Say, Then};

const WAITS: Waits = Waits { resume: Duration::from_secs(60), upstream: Duration::from_secs(30) };
const NO_RESUME: Waits = Waits { resume: Duration::ZERO, ..WAITS };

#[test]
fn an_answer_that_is_done_is_finished() {
    check(WAITS, vec![text("Hi."), then(Event::Done(done(3)))], "done");
    check(WAITS, vec![then(Event::Done(done(1)))], "done");
}

#[test]
fn a_swallowed_call_is_asked_for_in_words_once() {
    let swallowed = || then(Event::Done(done(9)));
    check(WAITS, vec![swallowed()], "InWords after 0 ms for 30 s: a call was swallowed");
    check(WAITS, vec![swallowed(), text("Hi."), swallowed()], "done");
    check(WAITS, vec![swallowed(), swallowed()], "Permanent: The model made a tool call that Ollama could not read");
}

#[test]
fn a_call_that_could_not_be_parsed_is_taken_from_the_error_or_asked_for_in_words() {
    let bad = |arguments: &str| failed(Kind::BadCall { arguments: Some(arguments.to_owned()) });
    let unknown = || failed(Kind::BadCall { arguments: None });
    check(WAITS, vec![bad("{\"cmd\":\"ls\"}")], "cut");
    check(WAITS, vec![bad("{{{")], "InWords after 0 ms for 30 s: a call could not be parsed");
    check(WAITS, vec![unknown()], "InWords after 0 ms for 30 s: a call could not be parsed");
    check(WAITS, vec![unknown(), unknown()], "BadCall { arguments: None }: no.");
    check(WAITS, vec![unknown(), then(Event::Done(done(9)))], "Permanent: The model made a tool call");
}

#[test]
fn what_a_model_cannot_do_is_done_without_once() {
    let no_tools = || failed(Kind::NoTools);
    check(WAITS, vec![no_tools()], "InWords after 0 ms for 30 s: the model has no form for tools");
    check(WAITS, vec![no_tools(), no_tools()], "NoTools: no.");
    let no_thinking = || failed(Kind::NoThinking);
    check(WAITS, vec![no_thinking()], "WithoutThinking after 0 ms for 30 s: the model cannot think");
    check(WAITS, vec![no_thinking(), no_thinking()], "NoThinking: no.");
    check(WAITS, vec![no_thinking(), no_tools()], "InWords after 0 ms for 30 s: the model has no form for tools");
}

#[test]
fn a_busy_upstream_is_asked_until_the_wait_is_over() {
    let busy = |at: u64| Then(at, Event::Failed(failure(Kind::Busy)));
    check(WAITS, vec![busy(0)], "Again after 200 ms for 30 s: no.");
    check(WAITS, vec![busy(0), busy(1)], "Again after 400 ms for 30 s: no.");
    check(WAITS, (0..9).map(busy).collect(), "Again after 3200 ms for 30 s: no.");
    check(WAITS, vec![busy(60)], "Again after 200 ms for 30 s: no.");
    check(WAITS, vec![busy(61)], "Busy: no.");
    check(NO_RESUME, vec![busy(30)], "Again after 200 ms for 30 s: no.");
    check(NO_RESUME, vec![busy(31)], "Busy: no.");
}

#[test]
fn what_may_pass_is_asked_again_once() {
    let passing = || failed(Kind::Transient);
    check(WAITS, vec![passing()], "Again after 200 ms for 30 s: no.");
    check(WAITS, vec![passing(), passing()], "Transient: no.");
    check(WAITS, vec![text("One"), passing()], "Again after 200 ms for 30 s from One: no.");
    check(NO_RESUME, vec![passing()], "Again after 200 ms for 30 s: no.");
    check(NO_RESUME, vec![text("One"), passing()], "Transient: no.");
    check(NO_RESUME, vec![thought("Hm."), passing()], "Transient: no.");
}

#[test]
fn what_will_not_pass_is_told() {
    check(WAITS, vec![failed(Kind::Permanent)], "Permanent: no.");
    check(WAITS, vec![failed(Kind::NoModel)], "NoModel: no.");
    let overflow = Kind::Overflow { used: None, available: None };
    check(WAITS, vec![failed(overflow)], "Overflow { used: None, available: None }: no.");
}

#[test]
fn an_answer_that_broke_is_continued_within_the_window() {
    check(WAITS, vec![broke(0)], "GoOn after 200 ms for 60 s: reset");
    check(WAITS, vec![text("One"), broke(100)], "GoOn after 200 ms for 60 s from One: reset");
    check(WAITS, vec![text("One"), broke(0), broke(59)], "GoOn after 400 ms for 1 s from One: reset");
    check(
        WAITS,
        vec![text("One"), broke(0), broke(60)],
        "gave up (an answer broke off (reset)): The upstream's answer",
    );
    check(
        WAITS,
        vec![text("One"), broke(0), text(" two"), broke(60)],
        "GoOn after 400 ms for 60 s from One two: reset",
    );
    check(NO_RESUME, vec![text("One"), broke(0)], "gave up (an answer broke off (reset)): The upstream's answer broke");
    check(WAITS, vec![thought("Hm."), broke(0)], "GoOn after 200 ms for 60 s: reset");
}

#[test]
fn an_upstream_that_breaks_again_and_again_is_given_up() {
    let words = ["a", "b", "c", "d", "e", "f", "g"];
    let breaks = |times: usize| words[..times].iter().flat_map(|word| [text(word), broke(0)]).collect();
    check(WAITS, breaks(6), "GoOn after 3200 ms for 60 s from abcdef: reset");
    check(
        WAITS,
        breaks(7),
        "gave up (an answer broke off (reset)): The upstream's answer broke off (reset), and could",
    );
}

#[test]
fn a_break_has_other_forms() {
    let loaded = || Event::Done(Done { reason: Reason::Loaded, ..Done::default() });
    check(WAITS, vec![then(loaded())], "GoOn after 200 ms for 60 s: it only loaded the model");
    check(WAITS, vec![then(Event::Ended)], "GoOn after 200 ms for 60 s: the answer ended without its last record");
    check(WAITS, vec![broke(0), Then(9, Event::Failed(failure(Kind::Transient)))], "GoOn after 400 ms for 51 s: no.");
}

/// The client runs it, and asks again by itself.
#[test]
fn nothing_is_asked_after_a_call() {
    for event in [
        Event::Broke("reset".into()),
        Event::Ended,
        Event::Failed(failure(Kind::Transient)),
        Event::Failed(failure(Kind::Busy)),
        Event::Failed(failure(Kind::NoTools)),
    ] {
        check(WAITS, vec![call(), then(event)], "cut");
    }
    check(NO_RESUME, vec![call(), broke(0)], "cut");
    check(WAITS, vec![call(), then(Event::Done(done(9)))], "done");
}

#[test]
fn an_upstream_that_leaves_without_a_word_is_waited_for() {
    check(WAITS, vec![lost(0)], "Again after 200 ms for 30 s: left");
    check(WAITS, vec![lost(0), lost(29)], "Again after 400 ms for 1 s: left");
    check(WAITS, vec![lost(0), lost(30)], "gave up (left): no.");
    check(WAITS, vec![lost(0), text("One"), lost(30)], "Again after 200 ms for 30 s from One: left");
    check(WAITS, vec![text("One"), broke(0), lost(59)], "Again after 200 ms for 1 s from One: left");
    check(WAITS, vec![text("One"), broke(0), lost(59), lost(60)], "gave up (left): no.");
    let none = Waits { upstream: Duration::ZERO, ..WAITS };
    check(none, vec![lost(0)], "Again after 200 ms for 0 s: left");
    check(none, vec![lost(0), lost(0)], "gave up (left): no.");
}

#[test]
fn an_upstream_that_is_not_there_was_waited_for_already() {
    let away = Event::Away { why: "nobody".into(), failure: failure(Kind::Transient) };
    check(WAITS, vec![then(away)], "gave up (nobody): no.");
}

#[test]
fn a_model_that_does_not_go_on_is_given_up() {
    let said = "Let me first look at the whole directory.";
    let other = "Let me first look at the file.";
    let gave_up = "gave up (an answer broke off, and the model did not go on with it): Ollama's answer broke off";
    check(WAITS, vec![text(said), broke(0), text(other)], gave_up);
}

#[test]
fn a_guard_against_repetition_is_an_end() {
    let pieces = |times: usize, last: &'static str| {
        let mut steps: Vec<Step> = (0..times).map(|_| text("a")).collect();
        steps.extend([text(last), then(Event::Ended)]);
        steps
    };
    check(WAITS, pieces(29, "a"), "cut");
    let broken: Vec<Step> = (0..30).map(|_| text("a")).chain([broke(0), then(Event::Ended)]).collect();
    check(WAITS, broken, &format!("GoOn after 400 ms for 60 s from {}: the answer ended", "a".repeat(30)));
    check(WAITS, pieces(28, "a"), &format!("GoOn after 200 ms for 60 s from {}: the answer ended", "a".repeat(29)));
    check(WAITS, pieces(30, "b"), &format!("GoOn after 200 ms for 60 s from {}b: the answer ended", "a".repeat(30)));
}

#[test]
fn what_nobody_can_read_is_a_failure() {
    let (mut tries, mut answer) = (Tries::new(WAITS, "m"), begin());
    let event = tries.chunk(&mut answer, Err(Unreadable::TooLong));
    assert!(matches!(event, Some(Event::Failed(Failure { kind: Kind::Transient, .. }))), "{event:?}");
    let error = Chunk { error: Some("an error".into()), ..Chunk::default() };
    assert!(matches!(tries.chunk(&mut answer, Ok(error)), Some(Event::Failed(_))));
}

fn text(piece: &'static str) -> Step {
    Say(Chunk { text: piece.into(), ..Chunk::default() })
}

fn thought(piece: &'static str) -> Step {
    Say(Chunk { thinking: piece.into(), ..Chunk::default() })
}

fn call() -> Step {
    let arguments = "{\"cmd\":\"ls\"}".into();
    let piece = CallPiece { index: None, id: None, name: Some("exec_command".into()), arguments };
    Say(Chunk { calls: vec![piece], ..Chunk::default() })
}

fn then(event: Event) -> Step {
    Then(0, event)
}

fn failed(kind: Kind) -> Step {
    then(Event::Failed(failure(kind)))
}

fn failure(kind: Kind) -> Failure {
    Failure { kind, message: "no.".into() }
}

fn broke(at: u64) -> Step {
    Then(at, Event::Broke("reset".into()))
}

fn lost(at: u64) -> Step {
    Then(at, Event::Lost { why: "left".into(), failure: failure(Kind::Transient) })
}

fn done(tokens: u64) -> Done {
    Done { usage: Usage { output: Some(tokens), ..Usage::default() }, ..Done::default() }
}

fn begin() -> Answer {
    let request = json!({"model": "m", "tools": [{"type": "function", "name": "exec_command", "parameters":
        {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}}]});
    let (table, _) = Table::from_request(request["tools"].as_array().unwrap(), Mode::Compact);
    Answer::begin(Opening {
        nonce: "0",
        created: 1,
        request: &request,
        client: Client::Codex,
        table,
        streamed: true,
        only_told: &[],
        estimated_input: 9,
    })
}

/// `expected`: the beginning of what the last step leads to.
#[track_caller]
fn check(waits: Waits, steps: Vec<Step>, expected: &str) {
    let (mut tries, mut answer, mut last) = (Tries::new(waits, "m"), begin(), None);
    for step in steps {
        let (at, event) = match step {
            Then(at, event) => (at, Some(event)),
            Say(chunk) => (0, tries.chunk(&mut answer, Ok(chunk))),
        };
        if let Some(event) = event {
            last = Some(tries.judge(event, &mut answer, Duration::from_secs(at)));
        }
    }
    let told = told(&last.unwrap());
    assert!(told.starts_with(expected), "{told:?} is not {expected:?}");
}

fn told(next: &Next) -> String {
    match next {
        Next::Finish(End::Done(_)) => "done".into(),
        Next::Finish(End::Cut) => "cut".into(),
        Next::Finish(End::Failed(Failure { kind, message })) => format!("{kind:?}: {message}"),
        Next::GiveUp { failure, what } => format!("gave up ({what}): {}", failure.message),
        Next::Ask(Ask { how, why, said, pause, patience }) => {
            let from = said.as_ref().map_or_else(String::new, |(_, text)| format!(" from {text}"));
            format!("{how:?} after {} ms for {} s{from}: {why}", pause.as_millis(), patience.as_secs())
        }
    }
}
