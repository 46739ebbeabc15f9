//! Calls that the model printed, or that the upstream swallowed or could not read.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{Answer, question, user};
use crate::script::Reply;

/// One of each kind; the whole matrix is a table of the pure half.
const PRINTED: [&str; 12] = [
    "<tool_call>\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n</tool_call>",
    "{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}",
    "```json\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n```",
    "<function=exec_command>\n<parameter=cmd>\nls\n</parameter>\n</function>\n</tool_call>",
    "<|python_tag|>{\"name\":\"exec_command\",\"parameters\":{\"cmd\":\"ls\"}}",
    "[exec_command(cmd=\"ls\")]",
    "[TOOL_CALLS]exec_command[ARGS]{\"cmd\":\"ls\"}",
    "<|channel|>commentary to=functions.exec_command <|constrain|>json<|message|>{\"cmd\":\"ls\"}<|call|>",
    "<tool_call>exec_command\n<arg_key>cmd</arg_key>\n<arg_value>ls</arg_value>\n</tool_call>",
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.exec_command:0<|tool_call_argument_begin|>{\"cmd\":\"ls\"}\
     <|tool_call_end|><|tool_calls_section_end|>",
    "<function_calls><invoke name=\"exec_command\"><parameter name=\"cmd\">ls</parameter></invoke></function_calls>",
    "Action: exec_command\nAction Input: {\"cmd\":\"ls\"}",
];

#[test]
fn a_printed_call_is_run_and_not_shown() {
    let bed = Bed::new();
    for printed in PRINTED {
        for size in [1, 7, usize::MAX] {
            bed.fake.will(Reply::new().pieces(printed, size).done());
            let answer = bed.answer("Look.").completed();
            check_call(&answer, "", printed);
        }
    }
}

#[test]
fn words_before_a_printed_call_are_shown_at_once() {
    for printed in PRINTED {
        let reply = Reply::new().text("I will look.").hold("seen").pieces(&format!("\n\n{printed}"), 5).done();
        let bed = Bed::of(reply);
        let mut stream = bed.ask("Look.");
        stream.until_text("I will look.");
        bed.fake.release("seen");
        check_call(&stream.whole().completed(), "I will look.", printed);
    }
}

#[test]
fn a_call_that_is_only_spoken_of_is_text() {
    for text in [
        "Write `{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"rm -rf x\"}}` to run it; I will not.",
        "The log says <tool_call>\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"rm x\"}}\n</tool_call>\nwhich is wrong.",
        "For example:\n```\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"rm x\"}}\n```\nThat is all.",
        "Never say \"exec_command(cmd='rm x')\" again.",
        "{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"rm x\"",
    ] {
        for size in [3, usize::MAX] {
            let bed = Bed::of(Reply::new().pieces(text, size).done());
            let answer = bed.answer("Explain.").completed();
            assert_eq!((answer.calls(), answer.text().as_str()), (vec![], text));
        }
    }
}

/// What a tool printed, the model may repeat.
#[test]
fn the_output_of_a_tool_does_not_fire() {
    let bed = Bed::new();
    let quoted = "{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"rm x\"}}";
    let text = format!("The file has one line, `{quoted}`, and nothing else.");
    bed.fake.will(Reply::new().pieces(&text, 4).done());
    let mut body = question("Read it.");
    let input = body["input"].as_array_mut().unwrap();
    let arguments = "{\"cmd\":\"cat f\"}";
    input.push(json!({"type": "function_call", "call_id": "call_1", "name": "exec_command", "arguments": arguments}));
    input.push(json!({"type": "function_call_output", "call_id": "call_1", "output": quoted}));
    let answer = bed.post(&body).whole().completed();
    assert_eq!((answer.calls(), answer.text()), (vec![], text));
}

#[test]
fn a_call_that_is_printed_and_made_runs_once() {
    let reply = Reply::new().text(PRINTED[0]).call("exec_command", json!({"cmd": "ls"})).done();
    check_call(&Bed::of(reply).answer("Look.").completed(), "", "both");
}

/// Where nothing may be called, nothing is.
#[test]
fn without_tools_a_printed_call_is_text() {
    let bed = Bed::of(Reply::new().text(PRINTED[1]).done());
    let mut body = question("Look.");
    body["tools"] = json!([]);
    bed.post(&body).whole().completed().says(PRINTED[1]);
}

#[test]
fn a_cut_answer_calls_nothing() {
    let bed = Bed::of(Reply::new().text(PRINTED[1]).done_by("length"));
    assert_eq!(bed.answer("Look.").completed().calls(), []);
}

/// Ollama eats what it cannot parse, and counts the tokens.
#[test]
fn a_swallowed_call_is_asked_for_once_more_without_tools() {
    let swallowed = &include_bytes!("../fixtures/ollama-0.33/swallowed.api_chat.http")[..];
    let bed = Bed::of(Reply::recorded(swallowed));
    bed.fake.will(
        Reply::new()
            .pieces("<tool_call>\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n</tool_call>", 6)
            .done(),
    );
    check_call(&bed.answer("Look.").completed(), "", "the second try");
    let again = bed.fake.ask(1);
    assert_eq!(again.tools(), [""; 0]);
    assert!(again.messages()[0]["content"].as_str().unwrap().contains("exec_command"), "{}", again.text);
}

#[test]
fn a_model_that_stays_silent_is_a_clear_failure() {
    let swallowed = || Reply::new().done();
    let bed = Bed::of(swallowed());
    bed.fake.will(swallowed());
    let answer = bed.answer("Look.");
    assert_eq!(answer.end, "response.failed", "{}", answer.response);
    assert_eq!(bed.fake.asks().len(), 2);
}

/// gpt-oss: the arguments stand in Ollama's error, of one tool or of several.
#[test]
fn a_call_is_found_in_the_error_about_it() {
    let text = "error parsing tool call: raw='{\"cmd\":\"ls\"}]', err=invalid character ']' after top-level value";
    for reply in [Reply::status(500, text), Reply::new().thinking("Hm.").error(text)] {
        let bed = Bed::of(reply);
        check_call(&bed.answer("Look.").completed(), "", text);
    }
}

/// Here they do not: the model is asked again.
#[test]
fn an_unreadable_call_is_asked_for_once_more() {
    let bad = &include_bytes!("../fixtures/ollama-0.33/error_early.api_chat.http")[..];
    let bed = Bed::of(Reply::recorded(bad));
    bed.fake.will(Reply::new().text("```json\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n```").done());
    check_call(&bed.answer("Look.").completed(), "", "the second try");
}

/// What was mended is said with `-v`, without the words of anyone.
#[test]
fn each_repair_is_told_in_the_log() {
    let mut bed = Bed::of(Reply::new().text(PRINTED[2]).done());
    bed.answer("s3cret").completed();
    let line = bed.forward.wait_for_text("recovered");
    assert!(!line.text.contains("s3cret"), "{}", line.text);
    bed.fake.will(Reply::new().call("functions.exec_command", json!({"cmd": "ls"})).done());
    bed.answer("s3cret").completed();
    bed.forward.wait_for_text("repaired");
}

/// A second turn after a recovery reads like any other.
#[test]
fn a_recovered_call_has_a_history() {
    let bed = Bed::of(Reply::new().text(PRINTED[1]).done());
    let first = bed.answer("Look.").completed();
    bed.fake.will(Reply::new().text("Empty.").done());
    let mut body = question("Look.");
    let input = body["input"].as_array_mut().unwrap();
    let call = first.response["output"][0].clone();
    let output = json!({"type": "function_call_output", "call_id": call["call_id"], "output": "nothing"});
    input.extend([call, output, user("Well?")]);
    bed.post(&body).whole().completed().says("Empty.");
    assert_eq!(bed.fake.ask(1).results(), ["nothing"]);
}

#[track_caller]
fn check_call(answer: &Answer, text: &str, from: &str) {
    let calls: Vec<(String, Value)> = vec![("exec_command".into(), json!({"cmd": "ls"}))];
    assert_eq!((answer.calls(), answer.text().trim()), (calls, text), "{from}");
}
