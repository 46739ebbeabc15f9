//! A client always knows that somebody is there, and nobody works for a client that has left.

use std::time::{Duration, Instant};

use crate::bed::Bed;
use crate::client::{Asking, question};
use crate::script::{Reply, Shape};

/// So often is a sign of life given here.
const BEAT: [&str; 2] = ["--heartbeat", "50ms"];

/// Codex counts events only: comments do not keep it waiting.
#[test]
fn a_silent_upstream_is_bridged_by_events() {
    let bed = Bed::with(&BEAT);
    bed.fake.will(Reply::new().hold("loading").thinking("Hm.").hold("thinking").text("One.").hold("speaking").done());
    let mut stream = bed.ask("Hello?");
    for _ in 0..4 {
        assert!(["response.created", "response.in_progress"].contains(&stream.next().name()));
    }
    bed.fake.release("loading");
    let thinking = |stream: &mut crate::client::Stream, name: &str| {
        for _ in 0..3 {
            stream.until_it("an empty delta", |event| event.name() == name && event.data["delta"] == "");
        }
    };
    thinking(&mut stream, "response.reasoning_summary_text.delta");
    bed.fake.release("thinking");
    thinking(&mut stream, "response.output_text.delta");
    bed.fake.release("speaking");
    let answer = stream.whole().completed();
    assert_eq!(answer.thoughts(), "Hm.");
    answer.says("One.");
}

/// A bare `in_progress` there breaks openai-node.
#[test]
fn between_two_items_a_sign_of_life_carries_the_output_so_far() {
    let bed = Bed::with(&BEAT);
    let reply = Reply::new().text("First.").call("exec_command", serde_json::json!({"cmd": "ls"})).hold("pause").done();
    bed.fake.will(reply);
    let mut stream = bed.ask("Hello?");
    stream.until("response.function_call_arguments.done");
    let beat = stream.until("response.in_progress");
    assert_eq!(beat.data["response"]["output"].as_array().map(Vec::len), Some(2));
    bed.fake.release("pause");
    // The grammar holds every such event against the items before it.
    stream.whole().completed();
}

/// By itself it is ten seconds: here nothing is set.
#[test]
fn a_short_silence_needs_no_sign_of_life() {
    let bed = Bed::of(Reply::new().text("One").silence(Duration::from_millis(700)).text(" two.").done());
    let answer = bed.answer("Count.").completed();
    assert_eq!((answer.count("response.in_progress"), answer.count("response.output_text.delta")), (1, 2));
}

/// Half a call in fragments is nothing yet, and takes long to write.
#[test]
fn a_call_that_is_being_written_is_silence_with_signs_of_life() {
    let bed = Bed::shaped(Shape::OpenAi, &BEAT);
    let reply = Reply::new().text("So.").fragment(0, Some("exec_command"), "{\"cmd\":").hold("writing");
    bed.fake.will(reply.fragment(0, None, "\"ls\"}").done());
    let mut stream = bed.ask("Hello?");
    bed.fake.held("writing");
    stream.until("response.output_item.done");
    for _ in 0..3 {
        stream.until("response.in_progress");
    }
    bed.fake.release("writing");
    stream.whole().completed().calls_only("exec_command", &serde_json::json!({"cmd": "ls"}));
}

#[test]
fn who_leaves_is_worked_for_no_longer() {
    let reading = Reply::new().stall();
    let speaking = Reply::new().text("One").stall();
    for (reply, text) in [(speaking, "One"), (reading, "")] {
        let bed = Bed::of(reply);
        let mut stream = bed.ask("Hello?");
        stream.until("response.in_progress");
        bed.fake.ask(0);
        if !text.is_empty() {
            stream.until_text(text);
        }
        let left = Instant::now();
        drop(stream);
        let after = bed.fake.left(0).saturating_duration_since(left);
        assert!(after < Duration::from_secs(1), "the upstream saw it after {after:?}");
    }
}

/// A load takes a minute and is thrown away by Ollama when its client leaves: whoever asks the same again finds it going.
#[test]
fn a_retry_finds_the_load_that_it_began() {
    let mut bed = Bed::of(Reply::new().hold("loaded").text("Hi.").done());
    bed.fake.loads();
    let mut first = bed.ask("Hello?");
    first.until("response.in_progress");
    bed.fake.held("loaded");
    drop(first);
    bed.forward.wait("the client left while the model loads; the load goes on");
    let second = bed.ask("Hello?");
    bed.fake.release("loaded");
    second.whole().completed().says("Hi.");
    assert_eq!(bed.fake.asks().len(), 1, "one request, one load");
}

#[test]
fn who_reads_slowly_gets_everything() {
    let bed = Bed::new();
    let word = "sesquipedalian ".repeat(64);
    let reply = (0..600).fold(Reply::new(), |reply, _| reply.text(&word)).done();
    bed.fake.will(reply);
    let stream = Asking::codex(&question("Write a book.")).open(bed.address());
    bed.fake.ask(0);
    // Everything stands in buffers, or waits at the upstream, before the first byte is read.
    let answer = stream.begin().whole().completed();
    assert_eq!(answer.text().len(), 600 * word.len());
}

#[test]
fn many_answers_at_a_time_do_not_mix() {
    let bed = Bed::new();
    for number in 0..24 {
        let word = format!("number-{number}.");
        let asked = word.clone();
        bed.fake.when(move |ask| ask.has(&asked), Reply::new().pieces(&format!("This is {word}"), 2).done());
    }
    std::thread::scope(|scope| {
        for number in 0..24 {
            let address = bed.address();
            scope.spawn(move || {
                let word = format!("number-{number}.");
                let answer = Asking::codex(&question(&word)).send(address).whole();
                answer.completed().says(&format!("This is {word}"));
            });
        }
    });
}
