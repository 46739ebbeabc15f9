//! A user with a store of exchanges, and the program with nothing else around it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use ollama_forward::capture::record::{Head, Lane, Pane};
use ollama_forward::capture::settings::Limits;
use ollama_forward::capture::store::{Options, Writer};
use ollama_forward::capture::tap::{Ending, Opening, Reel, Tap};
use ollama_forward::clock;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Bed(TempDir);

/// What came of a command.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

/// The first request: a question.
pub(crate) const FIRST: &str = r#"{"model":"qwen3:8b","stream":true,"temperature":0.2,"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Which needle is in the haystack?"}]}],"tools":[{"type":"function","name":"shell","description":"Runs it","parameters":{"type":"object"}}]}"#;
/// The second: the same, and what the tool said.
pub(crate) const SECOND: &str = r#"{"model":"qwen3:8b","stream":true,"temperature":0.7,"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Which needle is in the haystack?"}]},{"type":"function_call","call_id":"call_1","name":"shell","arguments":"{\"command\":[\"ls\",\"-la\"]}"},{"type":"function_call_output","call_id":"call_1","output":"silver.txt"}],"tools":[{"type":"function","name":"shell","description":"Runs it","parameters":{"type":"object"}}]}"#;

const CALL: &str = "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"shell\",\"arguments\":\"{\\\"command\\\":[\\\"ls\\\",\\\"-la\\\"]}\",\"status\":\"completed\"}}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":100,\"output_tokens\":10}}}\n\n";
pub(crate) const TEXT: &str = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"m\",\"output_index\":0,\"delta\":\"The silver\"}\n\nevent: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"m\",\"output_index\":0,\"delta\":\" needle.\"}\n\nevent: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"message\",\"id\":\"m\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"The silver needle.\"}]}}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":130,\"output_tokens\":12}}}\n\n";

/// A key of nobody, which must never be seen again.
pub(crate) const SECRET: &str = "Bearer very-secret-bearer-0123456789";

impl Bed {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Two turns of one session, a look around, and a failure; in this order.
    pub(crate) fn with_exchanges() -> Self {
        let bed = Self::empty();
        bed.write(|tap| {
            responses(tap, FIRST, CALL);
            responses(tap, SECOND, TEXT);
            probe(tap);
            failure(tap);
        });
        bed
    }

    /// Writes what is told to a tap, as a run would.
    pub(crate) fn write(&self, tell: impl FnOnce(&Tap)) {
        let tap = Tap::default();
        tap.switch(true, 16 << 20);
        // The disk of a test may be nearly full.
        let limits = Limits { free: 0, ..Limits::default() };
        let writer = Writer::open(&self.store(), Options { limits, ..Options::default() }).unwrap();
        tell(&tap);
        tap.close();
        writer.run(&tap);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("state/ollama-forward/captures")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        self.surround(&mut command);
        command.arg("capture").args(args);
        command
    }

    /// Nothing of whoever runs the tests reaches the program.
    pub(crate) fn surround(&self, command: &mut Command) {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TZ", "UTC");
        for (name, dir) in [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_STATE_HOME", "state"),
            ("TMPDIR", "tmp"),
        ] {
            std::fs::create_dir_all(self.path(dir)).unwrap();
            command.env(name, self.path(dir));
        }
        command.stdin(Stdio::null()).current_dir(self.0.path());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }

    /// What it prints, when all is well.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {}", said.err);
        String::from_utf8(said.out).unwrap()
    }

    /// The one object that it prints, which has a version.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let text = self.ok(&[args, &["--json"]].concat());
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema_version"], 1, "{args:?}: {text}");
        value
    }

    /// What it complains of: three lines.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, Some(code), "{args:?}: {}", said.err);
        assert!(said.out.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&said.out));
        assert_eq!(said.err.lines().count(), 3, "{args:?}: {}", said.err);
        said.err
    }

    /// Ids, oldest first, look-arounds included.
    pub(crate) fn ids(&self) -> Vec<String> {
        let list = self.json(&["list", "--probes", "-n", "1000"]);
        let rows = list["exchanges"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said { code: output.status.code(), out: output.stdout, err: String::from_utf8_lossy(&output.stderr).into_owned() }
}

fn headers(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = [("host", "localhost:11434"), ("user-agent", "codex_exec/0.169.0"), ("content-type", "application/json")];
    all.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn begin(tap: &Tap, method: &str, target: &str, more: &[(&str, &str)]) -> Reel {
    let head = Head {
        method: Some(method.into()),
        target: Some(target.into()),
        version: "HTTP/1.1".into(),
        headers: headers(more),
        ..Head::default()
    };
    tap.open(clock::wall(), || Opening { conn: 1, peer: "127.0.0.1:40000".into(), head, ..Opening::default() }).unwrap()
}

fn answer(reel: &Reel, pane: Pane, status: u16, kind: &str, body: &str) {
    let head = Head {
        status: Some(status),
        version: "HTTP/1.1".into(),
        headers: vec![("content-type".into(), kind.into())],
        ..Head::default()
    };
    reel.head(pane, 0, head);
    reel.bytes(pane, 0, &Bytes::copy_from_slice(body.as_bytes()));
    reel.ended(pane, 0);
}

/// A question of Codex, with four panes.
pub(crate) fn responses(tap: &Tap, request: &str, events: &str) {
    let reel = begin(
        tap,
        "POST",
        "/v1/responses",
        &[
            ("authorization", SECRET),
            ("session-id", "01a1fba2-308b-7581-b031-41fc7f413486"),
            ("thread-id", "01a1fba2-308b-7581-b031-41fc7f413486"),
        ],
    );
    reel.lane(Lane::Translated);
    reel.bytes(Pane::ClientRequest, 0, &Bytes::copy_from_slice(request.as_bytes()));
    reel.ended(Pane::ClientRequest, 0);
    let head = Head {
        method: Some("POST".into()),
        target: Some("/api/chat".into()),
        to: Some("127.0.0.1:11434".into()),
        ..Head::default()
    };
    reel.head(Pane::UpstreamRequest, 0, head);
    reel.bytes(Pane::UpstreamRequest, 0, &Bytes::from_static(b"{\"model\":\"qwen3:8b\",\"messages\":[]}"));
    reel.ended(Pane::UpstreamRequest, 0);
    answer(
        &reel,
        Pane::UpstreamResponse,
        200,
        "application/x-ndjson",
        "{\"message\":{\"content\":\"x\"},\"done\":true}\n",
    );
    answer(&reel, Pane::ClientResponse, 200, "text/event-stream", events);
    reel.ends(Ending::Done);
}

fn probe(tap: &Tap) {
    let reel = begin(tap, "GET", "/api/version", &[]);
    reel.ended(Pane::ClientRequest, 0);
    answer(&reel, Pane::ClientResponse, 200, "application/json", "{\"version\":\"0.33.0\"}");
    reel.ends(Ending::Done);
}

fn failure(tap: &Tap) {
    let reel = begin(tap, "POST", "/v1/chat/completions", &[]);
    reel.bytes(
        Pane::ClientRequest,
        0,
        &Bytes::from_static(b"{\"model\":\"gone:1b\",\"messages\":[{\"role\":\"user\",\"content\":\"hello?\"}]}"),
    );
    reel.ended(Pane::ClientRequest, 0);
    answer(
        &reel,
        Pane::ClientResponse,
        404,
        "application/json",
        "{\"error\":{\"message\":\"model 'gone:1b' not found\"}}",
    );
    reel.ends(Ending::Done);
}

/// For what should happen at once, on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(30);
