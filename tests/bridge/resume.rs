//! A generation survives its connection: the upstream may break, restart, or be away for a while, and the client's events
//! go on as if nothing had been.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::Asking;
use crate::client::question;
use crate::fake::Ask;
use crate::script::{Reply, Shape};

/// Cut in mid-sentence: by a reset, by an end of the connection, or by a body that ends in the middle of a line.
fn cuts(reply: &Reply) -> [Reply; 3] {
    let reply = || reply.clone().hold("seen");
    [reply().reset(), reply().hang_up(), reply().raw(b"{\"model\":\"qwe").hang_up()]
}

#[test]
fn a_text_goes_on_where_it_broke() {
    for cut in cuts(&Reply::new().thinking("Hm.").text("One two").text(" three")) {
        let bed = Bed::of(cut);
        bed.fake.will(Reply::new().text(" four").text(" five.").done());
        let mut stream = bed.ask("Count.");
        stream.until_text("One two three");
        bed.fake.release("seen");
        let answer = stream.whole().completed();
        assert_eq!(answer.kinds(), ["reasoning", "message"]);
        answer.says("One two three four five.");
        let ask = bed.fake.ask(1);
        assert_eq!(assistant(&ask), Some("One two three"), "{}", ask.text);
        assert_eq!(bed.fake.asks().len(), 2);
    }
}

/// A runner that dies leaves an end without a last record.
#[test]
fn an_end_without_a_last_record_is_a_break() {
    for (file, api) in [
        (&include_bytes!("../fixtures/ollama-0.33/eof.api_chat.http")[..], "ollama"),
        (&include_bytes!("../fixtures/ollama-0.33/eof.v1_chat.http")[..], "chat"),
    ] {
        let bed = Bed::with(&["--upstream-api", api]);
        bed.fake.will(Reply::recorded(file));
        bed.fake.will(Reply::new().text(" and more.").done());
        bed.answer("Talk.").completed().says("Some text and more.");
        assert_eq!(assistant(&bed.fake.ask(1)), Some("Some text"));
    }
}

/// Not every model goes on: some begin anew, in the same words.
#[test]
fn what_the_model_repeats_is_not_shown_twice() {
    for pieces in [
        &["One two three four", " five."][..],
        &["One", " two", " three", " four five."],
        &["One two three four five."],
    ] {
        let bed = Bed::of(Reply::new().text("One two").text(" three").hold("seen").reset());
        bed.fake.will(pieces.iter().fold(Reply::new(), |reply, piece| reply.text(piece)).done());
        let mut stream = bed.ask("Count.");
        stream.until_text("One two three");
        bed.fake.release("seen");
        stream.whole().completed().says("One two three four five.");
    }
}

#[test]
fn a_text_survives_as_many_breaks_as_there_are() {
    let bed = Bed::new();
    for (number, word) in ["One", " two", " three", " four"].into_iter().enumerate() {
        bed.fake.will(Reply::new().text(word).hold(["0", "1", "2", "3"][number]).reset());
    }
    bed.fake.will(Reply::new().text(" five.").done());
    let mut stream = bed.ask("Count.");
    for (number, so_far) in ["One", "One two", "One two three", "One two three four"].into_iter().enumerate() {
        stream.until_text(so_far);
        bed.fake.release(["0", "1", "2", "3"][number]);
    }
    stream.whole().completed().says("One two three four five.");
    assert_eq!(assistant(&bed.fake.ask(4)), Some("One two three four"));
}

/// Codex has run it by now, and will ask again by itself.
#[test]
fn a_break_after_a_call_is_the_end_of_the_answer() {
    for text in ["", "I will look."] {
        let bed = Bed::of(Reply::new().text(text).call("exec_command", json!({"cmd": "ls"})).hold("seen").reset());
        let mut stream = bed.ask("Look.");
        stream.until("response.function_call_arguments.done");
        bed.fake.release("seen");
        let answer = stream.whole().completed().says(text).calls_only("exec_command", &json!({"cmd": "ls"}));
        assert_eq!(answer.count("response.output_item.done"), answer.kinds().len());
        assert_eq!(bed.fake.asks().len(), 1);
    }
}

/// What cannot be continued is begun again, and nobody sees it.
#[test]
fn a_break_in_thoughts_is_invisible() {
    let bed = Bed::of(Reply::new().thinking("Let me").hold("seen").reset());
    bed.fake.will(Reply::new().thinking("Let me think.").text("Done.").done());
    let mut stream = bed.ask("Think.");
    stream.until("response.reasoning_summary_text.delta");
    bed.fake.release("seen");
    let answer = stream.whole().completed();
    assert_eq!(answer.kinds(), ["reasoning", "message"]);
    answer.says("Done.");
    assert_eq!(assistant(&bed.fake.ask(1)), None);
}

#[test]
fn a_break_in_half_a_call_is_invisible() {
    let bed = Bed::shaped(Shape::OpenAi, &[]);
    bed.fake.will(Reply::new().fragment(0, Some("exec_command"), "{\"cmd\":").hold("half").reset());
    bed.fake.will(Reply::new().fragment(0, Some("exec_command"), "{\"cmd\":\"ls\"}").done());
    let stream = bed.ask("Look.");
    bed.fake.held("half");
    bed.fake.release("half");
    stream.whole().completed().calls_only("exec_command", &json!({"cmd": "ls"}));
}

#[test]
fn a_break_before_the_first_byte_is_invisible() {
    for cut in
        [Reply::new().reset(), Reply::new().hang_up(), Reply::new().head().reset(), Reply::new().head().hang_up()]
    {
        let bed = Bed::of(cut);
        bed.fake.will(Reply::new().text("Hi.").done());
        bed.answer("Hello?").completed().says("Hi.");
    }
}

/// Ollama restarts, the laptop wakes: for a while nobody is there.
#[test]
fn an_upstream_that_comes_back_in_time_is_waited_for() {
    let bed = Bed::with(&["--heartbeat", "50ms"]);
    bed.fake.will(Reply::new().text("One").stall());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.fake.down();
    for _ in 0..5 {
        // The client is told that somebody is there, though nobody is.
        stream.until_it("a sign of life", |event| event.data["delta"] == "");
    }
    bed.fake.will(Reply::new().text(" two.").done());
    bed.fake.up();
    stream.whole().completed().says("One two.");
    assert_eq!(assistant(&bed.fake.ask(1)), Some("One"));
}

#[test]
fn an_upstream_that_stays_away_is_a_failure_that_may_be_tried_again() {
    let bed = Bed::with(&["--resume-window", "300ms"]);
    bed.fake.will(Reply::new().text("One").stall());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.fake.down();
    stream.whole().has_failed("server_error", &[]);
}

#[test]
fn who_leaves_while_the_upstream_is_away_is_forgotten() {
    let bed = Bed::new();
    bed.fake.will(Reply::new().text("One").stall());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.fake.down();
    drop(stream);
    bed.fake.up();
    bed.fake.will(Reply::new().text("Hi.").done());
    bed.answer("Hello?").completed().says("Hi.");
    assert_eq!(bed.fake.asks().len(), 2, "the first was not asked again");
}

/// An error that the upstream tells of is no break: the same would come again.
#[test]
fn what_the_upstream_says_is_believed() {
    let bed = Bed::of(Reply::status(400, "invalid options"));
    bed.answer("Hello?").has_failed("invalid_prompt", &["invalid options"]);
    assert_eq!(bed.fake.asks().len(), 1);
}

/// An answer that is not streamed survives, too.
#[test]
fn an_answer_in_one_piece_survives() {
    let bed = Bed::of(Reply::new().text("One").hold("half").reset());
    bed.fake.will(Reply::new().text(" two.").done());
    let mut body = question("Count.");
    body["stream"] = json!(false);
    let stream = Asking::other(&body).open(bed.address());
    bed.fake.held("half");
    bed.fake.release("half");
    assert_eq!(stream.begin().json()["output"][0]["content"][0]["text"], "One two.");
}

#[test]
fn the_answers_line_and_the_closing_record_tell_how_often_it_broke() {
    for (words, told) in [(&[][..], ""), (&["One"], "1"), (&["One", " two"], "2")] {
        let mut bed = Bed::new();
        for word in words {
            bed.fake.will(Reply::new().text(word).hang_up());
        }
        bed.fake.will(Reply::new().text(" and out.").done());
        bed.answer("Count.").completed();
        bed.forward.wait("exchange").has("resumes", told);
        bed.forward.wait("connection closed").has("resumes", told).has("requests", "1");
    }
}

/// What the model is told that it has said already.
fn assistant(ask: &Ask) -> Option<&str> {
    let last = ask.last();
    (last["role"] == "assistant").then(|| last["content"].as_str()).flatten().filter(|text| !text.is_empty())
}

/// A break must not have the model see its own half sentence as somebody else's.
#[test]
fn the_rest_of_the_conversation_is_the_same_after_a_break() {
    let bed = Bed::of(Reply::new().text("One").hold("seen").reset());
    bed.fake.will(Reply::new().text(" two.").done());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.fake.release("seen");
    stream.whole().completed();
    let [mut first, second] = [0, 1].map(|number| bed.fake.ask(number).body);
    let continued: Vec<Value> = second["messages"].as_array().unwrap().clone();
    first["messages"].as_array_mut().unwrap().push(continued.last().unwrap().clone());
    assert_eq!(first, second);
}
