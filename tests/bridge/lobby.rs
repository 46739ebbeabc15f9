//! A load is not thrown away because its client lost patience: the request waits, and who asks the same again gets it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{Asking, Stream, question};
use crate::load_raw::{speaks, whole};
use crate::place::{Place, Upstream};
use crate::script::Reply;
use crate::wire::{head, say};

/// The stand-in has it not in memory, whoever asks.
const COLD: &str = "cold:7b";

fn cold(text: &str) -> Value {
    let mut body = question(text);
    body["model"] = json!(COLD);
    body
}

/// As above, and what the model can do has to be found out first.
fn cold_with_effort(text: &str) -> Value {
    let mut body = cold(text);
    body["reasoning"]["effort"] = json!("high");
    body
}

fn loading() -> Reply {
    Reply::new().hold("loaded").text("Hi.").done()
}

/// A client that asks, and leaves once the upstream has its request.
#[track_caller]
fn leaves(bed: &Bed, number: usize, body: &Value) {
    let stream = bed.post(body);
    bed.fake.ask(number);
    drop(stream);
}

#[track_caller]
fn goes_on(bed: &mut Bed) {
    bed.forward.wait("the client left while the model loads; the load goes on");
}

#[track_caller]
fn found(bed: &mut Bed) {
    bed.forward.wait("the load goes on for the same request");
}

#[track_caller]
fn says_hi(bed: &Bed, stream: Stream) {
    bed.fake.release("loaded");
    stream.whole().completed().says("Hi.");
}

#[test]
fn who_asks_the_same_again_gets_the_load_that_goes_on() {
    for body in [cold("Hello?"), cold_with_effort("Hello?")] {
        let mut bed = Bed::of(loading());
        leaves(&bed, 0, &body);
        goes_on(&mut bed);
        let again = bed.post(&body);
        found(&mut bed);
        says_hi(&bed, again);
        assert_eq!(bed.fake.asks().len(), 1, "one request, one load");
        assert_eq!(bed.fake.ask(0).left, None);
    }
}

#[test]
fn who_loses_patience_again_and_again_gets_it_in_the_end() {
    for body in [cold("Hello?"), cold_with_effort("Hello?")] {
        let mut bed = Bed::of(loading());
        leaves(&bed, 0, &body);
        goes_on(&mut bed);
        for _ in 0..4 {
            let again = bed.post(&body);
            found(&mut bed);
            drop(again);
            goes_on(&mut bed);
        }
        let last = bed.post(&body);
        found(&mut bed);
        says_hi(&bed, last);
        assert_eq!(bed.fake.asks().len(), 1);
    }
}

/// The retry is there before anybody could look whether the model is being loaded.
#[test]
fn who_asks_again_at_once_gets_it_too() {
    let mut bed = Bed::of(loading());
    leaves(&bed, 0, &cold("Hello?"));
    bed.forward.wait_until("client left", Duration::from_secs(8), |line| line.field("result") == "client left");
    let again = bed.post(&cold("Hello?"));
    found(&mut bed);
    says_hi(&bed, again);
    assert_eq!(bed.fake.asks().len(), 1);
}

#[test]
fn an_answer_in_one_piece_is_found_again_too() {
    let mut bed = Bed::of(loading());
    let mut body = cold("Hello?");
    body["stream"] = json!(false);
    let first = Asking::other(&body).open(bed.address());
    bed.fake.ask(0);
    drop(first);
    goes_on(&mut bed);
    let again = Asking::other(&body).open(bed.address());
    found(&mut bed);
    bed.fake.release("loaded");
    assert_eq!(again.begin().json()["output"][0]["content"][0]["text"], "Hi.");
    assert_eq!(bed.fake.asks().len(), 1);
}

#[test]
fn who_asks_something_else_has_a_request_of_its_own() {
    let mut bed = Bed::of(loading());
    leaves(&bed, 0, &cold("Hello?"));
    goes_on(&mut bed);
    bed.fake.will(Reply::new().text("Bye.").done());
    bed.post(&cold("Bye?")).whole().completed().says("Bye.");
    assert_eq!(bed.fake.asks().len(), 2);
}

#[test]
fn a_model_that_is_in_memory_stops_at_once() {
    let bed = Bed::of(loading());
    let left = Instant::now();
    leaves(&bed, 0, &question("Hello?"));
    let after = bed.fake.left(0).saturating_duration_since(left);
    assert!(after < Duration::from_secs(1), "{after:?}");
}

#[test]
fn a_model_that_has_begun_to_speak_stops_at_once() {
    let bed = Bed::of(Reply::new().text("One").stall());
    let mut stream = bed.post(&cold("Count."));
    stream.until_text("One");
    let left = Instant::now();
    drop(stream);
    let after = bed.fake.left(0).saturating_duration_since(left);
    assert!(after < Duration::from_secs(1), "{after:?}");
}

/// Nobody came back: the model is loaded now, and says nothing to nobody.
#[test]
fn a_load_that_nobody_came_back_for_is_over_with_its_first_word() {
    let mut bed = Bed::of(Reply::new().hold("loaded").head().stall());
    leaves(&bed, 0, &cold("Hello?"));
    goes_on(&mut bed);
    bed.fake.release("loaded");
    bed.fake.left(0);
}

/// Over a link of its own the load's end is the question's end; over one that was idle it is asked once more, for nobody
/// or for whoever has come by then.
#[test]
fn a_load_that_fails_is_forgotten() {
    for args in [&["--upstream-api", "ollama"][..], &[]] {
        let mut bed = Bed::with(args);
        bed.fake.will(Reply::new().hold("loaded").reset());
        leaves(&bed, 0, &cold("Hello?"));
        goes_on(&mut bed);
        // Before the load fails: who asks next, and how often, is not for the test to say.
        bed.fake.whenever(|_| true, Reply::new().text("Hi.").done());
        bed.fake.release("loaded");
        bed.post(&cold("Hello?")).whole().completed().says("Hi.");
    }
}

#[test]
fn only_so_many_wait_and_the_oldest_goes_first() {
    let mut bed = Bed::new();
    for number in 0..5 {
        bed.fake.will(loading());
        leaves(&bed, number, &cold(&format!("Question {number}?")));
        goes_on(&mut bed);
    }
    bed.fake.left(0);
    assert_eq!(bed.fake.asks().iter().filter(|ask| ask.left.is_some()).count(), 1);
    let second = bed.post(&cold("Question 1?"));
    found(&mut bed);
    says_hi(&bed, second);
}

#[test]
fn a_load_that_waits_keeps_no_process_alive() {
    let mut bed = Bed::of(loading());
    leaves(&bed, 0, &cold("Hello?"));
    goes_on(&mut bed);
    let Bed { forward, fake, .. } = bed;
    let from = Instant::now();
    forward.stop().with(0);
    assert!(from.elapsed() < Duration::from_secs(1), "{:?}", from.elapsed());
    fake.left(0);
}

/// What was never sent is no load.
#[test]
fn who_leaves_before_the_upstream_is_there_is_not_asked_for() {
    let mut bed = Bed::new();
    bed.fake.down();
    let stream = bed.post(&cold("Hello?"));
    bed.forward.wait("upstream down");
    drop(stream);
    bed.forward.wait_until("client left", Duration::from_secs(8), |line| line.field("result") == "client left");
    bed.fake.up();
    bed.fake.will(Reply::new().text("Hi.").done());
    bed.post(&cold("Are you there?")).whole().completed().says("Hi.");
    assert_eq!(bed.fake.asks().len(), 1);
}

/// Ollama tells what is in memory only after a load (0.24): its silence is an answer, too.
#[test]
fn an_upstream_that_does_not_tell_what_it_has_in_memory_is_loading() {
    let (place, upstream) = (Place::new(), Upstream::on("127.0.0.1:0"));
    let address = upstream.address.to_string();
    let mut forward = place.start(&["--translate", "--upstream-api", "ollama", "--upstream", &address]);
    let identity = upstream.accept();
    assert!(head(&identity).starts_with("GET /api/version "));
    say(&identity, whole("200 OK", r#"{"version":"0.24.0"}"#));
    let asking = Asking::codex(&question("Hello?"));
    let first = asking.send(place.address);
    let load = upstream.accept();
    assert!(head(&load).starts_with("POST /api/chat "));
    drop(first);
    let silent = upstream.accept();
    assert!(head(&silent).starts_with("GET /api/ps "));
    forward.wait("the client left while the model loads; the load goes on");
    let again = asking.send(place.address);
    forward.wait("the load goes on for the same request");
    say(&load, speaks("Hi."));
    again.whole().completed().says("Hi.");
}
