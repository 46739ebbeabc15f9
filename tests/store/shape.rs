//! What Codex sends in a session: each turn all of the history, and something new at its end. How much of that is kept, and
//! how long it takes.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use ollama_forward::capture::Pane;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::feed::{self, Dice, Wire};

/// How many sessions, for whoever wants the figures of a larger store. They share nothing, so a few tell as much as many.
const SESSIONS: &str = "OLLAMA_FORWARD_TEST_SESSIONS";
/// Calls of a session.
const TURNS: usize = 40;

/// A session that goes on: a recorded first request, whose history grows.
struct Talk {
    dice: Dice,
    session: String,
    recorded: String,
    items: Vec<String>,
    tools: String,
}

#[derive(Deserialize)]
struct Request<'r> {
    #[serde(borrow)]
    input: &'r RawValue,
    #[serde(borrow)]
    tools: &'r RawValue,
}

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codex").join(name)).unwrap()
}

impl Talk {
    fn new(number: usize) -> Self {
        let mut dice = Dice(number as u64 + 1);
        let recorded = fixture("requests/0.169_exec.json");
        let request: Request<'_> = serde_json::from_str(&recorded).unwrap();
        let items: Vec<&RawValue> = serde_json::from_str(request.input.get()).unwrap();
        let items = items.into_iter().map(|item| item.get().to_owned()).collect();
        let tools = request.tools.get().to_owned();
        Self { session: dice.id(), dice, recorded, items, tools }
    }

    fn turn(&mut self) -> Wire {
        let turn = self.dice.id();
        let request: Request<'_> = serde_json::from_str(&self.recorded).unwrap();
        let request = self.recorded.replace(request.input.get(), &format!("[{}]", self.items.join(",")));
        // The ids of session and turn are in the body and in the headers.
        let request = request.replace("01a1fb80-47a4-73a2-ab6a-e0ea7f10840a", &turn);
        let upstream = self.upstream();
        let answer =
            fixture("tools.sse").replace("resp_ofw1", &format!("resp_{turn}")).replace("Let me ", &self.dice.words(30));
        let answer = answer.replace("call_a1", &format!("call_{}", self.dice.id()));
        let answer = answer.split_inclusive("\n\n").map(|event| Bytes::from(event.to_owned())).collect();
        let metadata = format!(
            "{{\"session_id\":\"{}\",\"turn_id\":\"{turn}\",\"window_id\":\"{}:0\",\"request_kind\":\"turn\"}}",
            self.session, self.session
        );
        let headers = [
            ("x-codex-turn-metadata", &*metadata),
            ("x-client-request-id", &self.session),
            ("session-id", &self.session),
            ("thread-id", &self.session),
            ("accept", "text/event-stream"),
            ("content-type", "application/json"),
            ("originator", "codex_exec"),
            ("user-agent", "codex_exec/0.169.0 (Debian 12.0.0; x86_64) dumb (codex_exec; 0.169.0)"),
            ("host", "127.0.0.1:11434"),
        ];
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.grow();
        Wire { headers, request: request.into(), upstream: Some(upstream), answer }
    }

    /// What the bridge asks of Ollama, and what that answers.
    fn upstream(&mut self) -> (Bytes, Vec<Bytes>) {
        let messages: Vec<String> = self
            .items
            .iter()
            .map(|item| format!("{{\"role\":\"user\",\"content\":{}}}", serde_json::to_string(item).unwrap()))
            .collect();
        let request = format!(
            "{{\"model\":\"qwen3:14b\",\"messages\":[{}],\"tools\":{},\"stream\":true}}",
            messages.join(","),
            self.tools
        );
        let words = self.dice.words(30);
        let line = |word: &str| {
            Bytes::from(format!(
                "{{\"model\":\"qwen3:14b\",\"created_at\":\"2026-11-21T01:14:51.{:09}Z\",\"message\":{{\"role\":\"assistant\",\"content\":\"{word}\"}},\"done\":false}}\n",
                word.len() * 7919
            ))
        };
        (request.into(), words.split_inclusive(' ').map(line).collect())
    }

    /// A call, and what it printed.
    fn grow(&mut self) {
        let (call, words) = (self.dice.id(), self.dice.below(200) + 40);
        self.items.push(format!(
            "{{\"type\":\"function_call\",\"status\":\"completed\",\"id\":\"fc_{call}\",\"name\":\"exec_command\",\"arguments\":\"{{\\\"cmd\\\": \\\"rg {}\\\"}}\",\"call_id\":\"call_{call}\"}}",
            self.dice.words(4)
        ));
        self.items.push(format!(
            "{{\"type\":\"function_call_output\",\"id\":\"fco_{}\",\"call_id\":\"call_{call}\",\"output\":\"Wall time: 0.0{} seconds\\nOutput:\\n{}\"}}",
            self.dice.id(),
            self.dice.below(1000),
            self.dice.words(words)
        ));
    }
}

/// Keeps so many sessions, and says what they cost.
#[expect(clippy::print_stdout, reason = "figures for whoever runs it")]
fn keep(sessions: usize) {
    let home = crate::home();
    let mut running = feed::start(&home.path().join("captures")).unwrap();
    let (mut wire, mut last) = (0, None);
    for session in 0..sessions {
        let mut talk = Talk::new(session);
        for _ in 0..TURNS {
            let turn = talk.turn();
            wire += turn.size();
            last = Some((running.keep(&turn), turn));
        }
    }
    let (id, turn) = last.unwrap();
    assert_eq!(feed::body(&running.library, id, Pane::ClientRequest), turn.request);
    assert_eq!(feed::body(&running.library, id, Pane::ClientResponse), turn.answer.concat());
    let (request, answer) = turn.upstream.unwrap();
    assert_eq!(feed::body(&running.library, id, Pane::UpstreamRequest), request);
    assert_eq!(feed::body(&running.library, id, Pane::UpstreamResponse), answer.concat());
    let usage = running.library.usage();
    let count = sessions * TURNS;
    assert_eq!((usage.exchanges, usage.sessions, usage.missed), (count as u64, sessions as u64, 0));
    let disk = usize::try_from(usage.bytes).unwrap();
    let spent = running.stop() / u32::try_from(count).unwrap();
    let index: u64 = fs::read_dir(home.path().join("captures/sessions"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("index.jsonl").metadata().unwrap().len())
        .sum();
    println!(
        "{count} exchanges, {wire} bytes on the wire, {disk} kept ({} permille, the index {index}), {spent:?} each",
        disk * 1000 / wire
    );
    assert!(disk * 20 < wire, "{disk} of {wire}");
}

#[test]
fn what_codex_sends_is_kept_in_a_twentieth_of_its_size() {
    keep(std::env::var(SESSIONS).map_or(3, |number| number.parse().unwrap()));
}
