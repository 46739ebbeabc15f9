//! What holds for any order of words, thoughts, calls, breaks and signs of life, and for any end.

use ollama_forward::translate::Client;
use ollama_forward::translate::answer::{Answer, End};
use ollama_forward::translate::failure::{Failure, Kind};
use ollama_forward::translate::wire::{CallPiece, Chunk, Done, Reason};
use serde_json::{Value, json};

use crate::fuzz::Dice;
use crate::play::{begin, read};

const ROUNDS: usize = 1200;

/// Among them are beginnings of calls that never become one.
const WORDS: &[&str] =
    &["Hi", " there,", "\n", "\n\n", " é完😀", "```json\n", "{\"name\":", "<tool_call>", "[", "\"", "> ", "*** Begin"];

#[test]
fn without_calls_all_text_is_shown_once() {
    let mut dice = Dice::new(3);
    for _ in 0..ROUNDS {
        let text = text(&mut dice);
        let mut told = Told::begin(&mut dice);
        told.say(&text, &mut dice);
        for _ in 0..dice.below(3) {
            told.answer.break_off();
            // It goes on, or begins anew.
            let rest = text.split_at(dice.below(2) * text.len()).1;
            told.say(rest, &mut dice);
        }
        let end = end(&mut dice);
        let keeps = !told.forgets(&end);
        let (events, calls) = told.finish(end);
        let expected = if text.trim().is_empty() { "" } else { &text };
        if keeps {
            assert_eq!(shown(&events), expected);
        } else {
            assert!(expected.starts_with(&shown(&events)));
        }
        assert_eq!(calls, 0);
    }
}

#[test]
fn no_call_runs_twice_and_no_word_is_lost_among_calls() {
    let mut dice = Dice::new(4);
    for _ in 0..ROUNDS {
        let mut told = Told::begin(&mut dice);
        let (mut text, mut said, mut index, mut broke) = (String::new(), 0, 0, false);
        for number in 0..dice.below(10) {
            match dice.below(7) {
                0 => told.answer.heartbeat(),
                1 => told.think("hm"),
                2 => {
                    said += 1;
                    told.call(None, Some("exec_command"), &json!({"cmd": number}).to_string());
                }
                3 => {
                    said += 1;
                    let arguments = json!({"cmd": format!("run {number}")}).to_string();
                    let (first, rest) = arguments.split_at(dice.below(arguments.len()));
                    told.call(Some(index), Some(["exec_command", "mcp__tiny__add", "nope"][dice.below(3)]), first);
                    if dice.below(4) > 0 {
                        told.call(Some(index), None, rest);
                    }
                    index += 1;
                }
                4 if dice.below(4) == 0 => {
                    broke = true;
                    told.answer.break_off();
                    index = 0;
                }
                _ => {
                    let piece = format!("w{number} ");
                    told.word(&piece);
                    text.push_str(&piece);
                }
            }
        }
        let end = end(&mut dice);
        let forgets = told.forgets(&end);
        let (events, calls) = told.finish(end);
        assert!(calls <= said, "{calls} of {said}");
        if !forgets && !broke {
            assert_eq!(shown(&events), text);
        }
        let output = events.last().unwrap()["response"]["output"].as_array().unwrap();
        let completed = output.iter().filter(|item| !item["call_id"].is_null() && item["status"] == "completed");
        let mut ids: Vec<&Value> = completed.map(|item| &item["call_id"]).collect();
        assert!(ids.len() <= calls, "{output:?}");
        ids.dedup();
        assert_eq!(ids.len(), calls, "each once");
    }
}

#[test]
fn a_printed_call_runs_once_however_it_is_cut() {
    let mut dice = Dice::new(6);
    for _ in 0..ROUNDS / 4 {
        let call = "{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls -la\"}}";
        let before = ["", "I look.\n\n", "One.\n\n```json\n{}\n```\n\n"][dice.below(3)];
        let text = format!("{before}{call}{}", ["", "\n", " \n\n"][dice.below(3)]);
        let mut told = Told::begin(&mut dice);
        if dice.below(2) == 0 {
            let mut at = dice.below(text.len());
            at = (0..=at).rfind(|at| text.is_char_boundary(*at)).unwrap();
            told.say(&text[..at], &mut dice);
            told.answer.break_off();
        }
        told.say(&text, &mut dice);
        let structured = dice.below(2) == 0;
        if structured {
            let index = [None, Some(0)][dice.below(2)];
            told.call(index, Some("exec_command"), "{\"cmd\":\"ls -la\"}");
        }
        let (events, calls) = told.finish(End::Done(Done::default()));
        assert_eq!(calls, 1, "{text:?}");
        assert_eq!(shown(&events), before, "structured too: {structured}");
    }
}

/// An answer that is being told, and what it made so far.
struct Told {
    answer: Answer,
    client: Client,
    bytes: Vec<u8>,
}

impl Told {
    fn begin(dice: &mut Dice) -> Self {
        let request = json!({"model": "m", "stream": true, "input": "x", "tools": [
            {"type": "function", "name": "exec_command", "parameters": {"type": "object",
                "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}},
            {"type": "namespace", "name": "mcp__tiny", "tools": [{"type": "function", "name": "add"}]},
        ]});
        let client = [Client::Codex, Client::Other][dice.below(2)];
        Self { answer: begin(&request, client), client, bytes: Vec::new() }
    }

    /// In random pieces, with thoughts of blanks and signs of life in between.
    fn say(&mut self, text: &str, dice: &mut Dice) {
        let letters: Vec<char> = text.chars().collect();
        let mut rest = &letters[..];
        while !rest.is_empty() {
            let (piece, more) = rest.split_at((1 + dice.below(12)).min(rest.len()));
            rest = more;
            self.word(&piece.iter().collect::<String>());
            if dice.below(8) == 0 {
                self.answer.heartbeat();
            }
            if dice.below(8) == 0 {
                self.bytes.extend(self.answer.take());
            }
        }
    }

    fn word(&mut self, piece: &str) {
        self.answer.chunk(&Chunk { text: piece.into(), ..Chunk::default() }).unwrap();
    }

    fn think(&mut self, piece: &str) {
        self.answer.chunk(&Chunk { thinking: piece.into(), ..Chunk::default() }).unwrap();
    }

    fn call(&mut self, index: Option<u32>, name: Option<&str>, arguments: &str) {
        let piece = CallPiece { index, id: None, name: name.map(Into::into), arguments: arguments.into() };
        self.answer.chunk(&Chunk { calls: vec![piece], ..Chunk::default() }).unwrap();
    }

    /// Codex asks again, and forgets what it was told.
    fn forgets(&self, end: &End) -> bool {
        self.client == Client::Codex && matches!(end, End::Failed(Failure { kind: Kind::Transient, .. }))
    }

    fn finish(mut self, end: End) -> (Vec<Value>, usize) {
        self.bytes.extend(self.answer.take());
        let finished = self.answer.finish(end, 2);
        self.bytes.extend(&finished.events);
        (read(&self.bytes), finished.calls)
    }
}

fn shown(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "response.output_text.delta");
    deltas.map(|event| event["delta"].as_str().unwrap()).collect()
}

/// Words with a number each, so that going on and beginning anew cannot be taken for one another.
fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for number in 0..dice.below(12) {
        text.push_str(WORDS[dice.below(WORDS.len())]);
        text.push_str(&number.to_string());
    }
    text
}

fn end(dice: &mut Dice) -> End {
    let failed = |kind| End::Failed(Failure { kind, message: "gone".into() });
    match dice.below(5) {
        0 => End::Done(Done { reason: Reason::Length, ..Done::default() }),
        1 => End::Cut,
        2 => failed(Kind::Transient),
        3 => failed(Kind::Permanent),
        _ => End::Done(Done::default()),
    }
}
