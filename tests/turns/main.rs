//! Turns as folders of `tests/fixtures/turns`: what a client asked and an upstream said, and what was made of both.
//!
//! ```text
//! request.json         by the client; originator.txt: its header, where the body does not tell who asks
//! upstream.ndjson      said by /api/chat; upstream.2.ndjson …: when it was asked once more
//! upstream.sse         the same by /v1/chat/completions; where a folder has both, they mean the same
//! chat.json            what each of the two paths is asked                              (golden)
//! events.txt           what the client gets                                             (golden)
//! origin.txt           where it is from
//! ```
//! `GOLDEN=write cargo test --test turns` writes the golden files anew. A new folder is a new case, without any code.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../fuzz/bodies.rs"]
mod bodies;
mod fuzz;
mod play;
mod properties;
mod recovery;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ollama_forward::translate::Client;
use ollama_forward::translate::request::{self, Facts, Settings, Telling, Translation, chat, ollama, translate};
use ollama_forward::translate::tools::Mode;
use ollama_forward::translate::wire::Api;
use play::{Attempts, Played, play};
use serde_json::{Value, json};

#[test]
fn what_is_asked() {
    for case in cases() {
        let request = case.request();
        let body = |api: Api| -> Value {
            let translation = asked(&request, api);
            let body = match api {
                Api::Ollama => ollama::body(&translation.prompt),
                Api::Chat => chat::body(&translation.prompt),
            };
            serde_json::from_slice(&body.bytes).unwrap()
        };
        let losses: Vec<String> = asked(&request, Api::Ollama).losses.iter().map(ToString::to_string).collect();
        let told = json!({
            "/api/chat": body(Api::Ollama),
            "/v1/chat/completions": body(Api::Chat),
            "losses": losses,
        });
        case.golden("chat.json", &format!("{told:#}\n"));
    }
}

#[test]
fn what_the_client_gets() {
    for case in cases() {
        let request = case.request();
        let client = case.client(&request);
        for (api, bodies) in case.upstreams() {
            let attempts = Attempts { request: &request, client, api, bodies: &bodies };
            case.golden("events.txt", &tell(&play(&attempts, |left| left)));
        }
    }
}

#[test]
fn cuts_are_not_seen() {
    let mut dice = fuzz::Dice::new(5);
    for case in cases() {
        let request = case.request();
        let client = case.client(&request);
        for (api, bodies) in case.upstreams() {
            let attempts = Attempts { request: &request, client, api, bodies: &bodies };
            let whole = play(&attempts, |left| left);
            let check = |cut: Played, how: &str| {
                assert_eq!(cut.finished.object, whole.finished.object, "{}: {how}", case.name());
                assert_eq!(cut.events, whole.events, "{}: {how}", case.name());
            };
            check(play(&attempts, |_| 1), "byte by byte");
            for most in [3, 20, 100, 1000] {
                check(play(&attempts, |_| 1 + dice.below(most)), "at random");
            }
        }
    }
}

#[test]
fn a_response_that_is_not_streamed_is_the_same() {
    for case in cases() {
        let (mut request, bare) = (case.request(), |object: &str| {
            let mut object: Value = serde_json::from_str(object).unwrap();
            object.as_object_mut().unwrap().retain(|key, _| ["status", "output", "usage", "error"].contains(&&**key));
            object
        });
        let client = case.client(&request);
        for (api, bodies) in case.upstreams() {
            let mut seen = [true, false].map(|stream| {
                request["stream"] = stream.into();
                let played = play(&Attempts { request: &request, client, api, bodies: &bodies }, |left| left);
                assert_eq!(played.finished.events.is_empty(), !stream);
                bare(&played.finished.object)
            });
            assert_eq!(seen[0].take(), seen[1], "{}", case.name());
        }
    }
}

#[test]
fn every_folder_is_a_case() {
    let cases = cases();
    assert!(cases.len() >= 25, "{}", cases.len());
    for case in cases {
        assert!(!case.upstreams().is_empty(), "{}: without an upstream", case.name());
        let origin = fs::read_to_string(case.0.join("origin.txt")).unwrap_or_default();
        assert!(origin.lines().count() >= 2, "{}: origin.txt tells of request and answer", case.name());
    }
}

/// A folder.
struct Case(PathBuf);

fn cases() -> Vec<Case> {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/turns")).unwrap();
    let mut cases: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases.into_iter().map(Case).collect()
}

impl Case {
    fn name(&self) -> &str {
        self.0.file_name().unwrap().to_str().unwrap()
    }

    fn request(&self) -> Value {
        let text = fs::read_to_string(self.0.join("request.json")).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    fn client(&self, request: &Value) -> Client {
        let originator = fs::read_to_string(self.0.join("originator.txt")).ok();
        request::client(originator.as_deref(), None, request)
    }

    fn upstreams(&self) -> Vec<(Api, Vec<Vec<u8>>)> {
        let attempts = |ending: &str| -> Vec<Vec<u8>> {
            let first = fs::read(self.0.join(format!("upstream.{ending}"))).into_iter();
            first.chain((2..).map_while(|n| fs::read(self.0.join(format!("upstream.{n}.{ending}"))).ok())).collect()
        };
        let mut found = vec![(Api::Ollama, attempts("ndjson")), (Api::Chat, attempts("sse"))];
        found.retain(|(_, bodies)| !bodies.is_empty());
        found
    }

    #[track_caller]
    fn golden(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        if std::env::var_os("GOLDEN").is_some_and(|word| word == "write") {
            fs::write(&path, text).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        let differs = golden.lines().zip(text.lines()).find(|(golden, now)| golden != now);
        assert!(golden == text, "{}/{file} differs: {differs:?}; GOLDEN=write writes it anew", self.name());
    }
}

fn asked(request: &Value, api: Api) -> Translation<'_> {
    let settings = Settings { tools: Mode::Compact, num_ctx: None, api };
    translate(request, &[], &settings, &Facts::default(), Telling::Structured).unwrap()
}

/// One line an event; then what was noted on the way.
fn tell(played: &Played) -> String {
    let (mut text, mut again) = (String::new(), played.again.iter().peekable());
    for (number, event) in played.events.iter().enumerate() {
        while let Some((_, why)) = again.next_if(|(after, _)| *after <= number) {
            writeln!(text, "-- {why}").unwrap();
        }
        let kind = event["type"].as_str().unwrap().trim_start_matches("response.");
        write!(text, "{kind}").unwrap();
        if let Some(place) = event["output_index"].as_u64() {
            write!(text, " {place}").unwrap();
        }
        for key in ["delta", "text", "name", "arguments", "input", "item"] {
            if let Some(value) = event.get(key) {
                write!(text, " {value}").unwrap();
            }
        }
        let response = &event["response"];
        for key in ["error", "incomplete_details", "usage"] {
            if !response[key].is_null() {
                write!(text, " {key} {}", response[key]).unwrap();
            }
        }
        text.push('\n');
    }
    for note in &played.finished.notes {
        writeln!(text, "note: {note}").unwrap();
    }
    text
}
