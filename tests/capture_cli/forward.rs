//! With a forwarder that runs: started in the background with the demo behind it, asked, replayed to, stopped.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::bed::{Bed, SOON};

/// A forwarder in the background; it ends with the test.
struct Started {
    bed: Bed,
    port: String,
}

impl Started {
    fn new() -> Self {
        let bed = Bed::empty();
        let (port, page) = (free_port(), free_port());
        let started = Self { bed, port };
        let text = started.bed.ok(&started.start(&page));
        assert!(text.contains(&format!("CODEX_OSS_BASE_URL=http://127.0.0.1:{}/v1", started.port)), "{text}");
        started
    }

    fn start<'a>(&'a self, page: &'a str) -> Vec<&'a str> {
        vec!["start", "--upstream", "demo", "--translate", "--port", &self.port, "--webapp-port", page]
    }

    /// Asks the demo, and reads all that it says.
    fn ask(&self, text: &str) -> String {
        let body = format!("{{\"model\":\"demo\",\"stream\":true,\"input\":\"{text}\"}}");
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", self.port)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        write!(
            stream,
            "POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("response.completed"), "{answer}");
        answer
    }

    fn tail(&self, args: &[&str]) -> Tail {
        let mut command = self.bed.command(&[&["tail", "--json"], args].concat());
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        Tail(child)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Also when the test failed in the middle.
        drop(self.bed.run(&["stop"]));
    }
}

struct Tail(Child);

impl Drop for Tail {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[test]
fn a_forwarder_in_the_background_captures_and_can_be_stopped() {
    let started = Started::new();
    let bed = &started.bed;
    let status = bed.json(&["status"]);
    assert_eq!((&status["running"], &status["on"]), (&true.into(), &true.into()), "{status}");
    let log = bed.path(&format!("state/ollama-forward/forward-{}.log", started.port));
    assert_eq!(fs::metadata(log).unwrap().mode() & 0o777, 0o600);

    let again = bed.run(&started.start("5001"));
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(again.err.contains("already"), "{}", again.err);
    assert_eq!(bed.json(&["status"])["pid"], status["pid"], "no second one");

    assert!(bed.ok(&["off"]).contains("capture is off"));
    assert_eq!(bed.json(&["status"])["on"], false);
    assert!(bed.fails(5, &started.start("5001")).contains("capture on"), "it runs, and does not capture");
    assert_eq!(bed.json(&["on"])["on"], true);

    let pid = status["pid"].to_string();
    assert!(bed.ok(&["stop"]).contains(&pid));
    assert_eq!(bed.run(&["stop"]).code, Some(3));
    assert_eq!(bed.run(&["status"]).code, Some(3));
    assert!(TcpStream::connect(format!("127.0.0.1:{}", started.port)).is_err());
}

#[test]
fn one_that_cannot_start_says_why() {
    let bed = Bed::empty();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = bed.run(&["start", "--upstream", "demo", "--port", &port]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("E-PORT-TAKEN") && said.err.contains("ollama-forward doctor"), "{}", said.err);
}

#[test]
fn what_is_asked_is_seen_replayed_and_deleted() {
    let started = Started::new();
    let bed = &started.bed;
    started.ask("say one");
    let mut tail = started.tail(&["--all", "-n", "2"]);
    let mut lines = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    let mut row = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let first = row();
    assert_eq!((&first["schema_version"], &first["model"]), (&1.into(), &"demo".into()), "{first}");
    // It follows by now.
    started.ask("say two");
    assert_ne!(row()["id"], first["id"]);
    assert!(lines.next().is_none(), "-n 2");
    assert_eq!(tail.0.wait().unwrap().code(), Some(0));

    let rows = bed.json(&["list"]);
    let rows = rows["exchanges"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    let said = rows[1]["text"].as_str().unwrap();
    let id = rows[1]["id"].as_str().unwrap();

    let replayed = bed.ok(&["replay", id]);
    assert!(!said.is_empty() && replayed.contains(said.lines().next().unwrap()), "{said:?} is not in:\n{replayed}");
    let last = bed.json(&["show", "last"]);
    assert_eq!(last["exchange"]["row"]["replay_of"], id, "{}", last["exchange"]["row"]);
    let json = bed.json(&["replay", id]);
    assert_eq!((&json["replay_of"], &json["answer"]["status"]), (&id.into(), &200.into()), "{json}");
    let curl = bed.ok(&["replay", id, "--print"]);
    assert!(curl.starts_with("curl ") && curl.contains(&started.port), "{curl}");
    let other = bed.run(&["replay", id, "--model", "nobody:1b"]);
    assert_eq!(other.code, Some(1), "{}", other.err);
    assert!(other.err.contains("no model `nobody:1b`"), "{}", other.err);

    bed.ok(&["mark", id, "--comment", "the second"]);
    assert_eq!(bed.json(&["show", id])["exchange"]["row"]["comment"], "the second");
    assert_eq!(bed.json(&["rm", id, "-y"])["exchanges"], 1);
    assert!(!bed.ids().contains(&id.to_owned()));
}

#[test]
fn an_edited_body_is_what_is_sent() {
    let started = Started::new();
    let bed = &started.bed;
    started.ask("before");
    let editor = bed.path("editor");
    fs::write(&editor, "#!/bin/sh\n[ \"$(stat -c %a \"$2\")\" = 600 ] && sed -i s/before/after/ \"$2\"\n").unwrap();
    assert!(Command::new("chmod").args(["+x", editor.to_str().unwrap()]).status().unwrap().success());
    let mut command = bed.command(&["replay", "last", "--edit"]);
    command.env("VISUAL", format!("{} --wait", editor.display()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let sent = bed.run(&["show", "last", "--pane", "client_request", "--raw"]).out;
    assert!(String::from_utf8(sent).unwrap().contains("after"));
    assert_eq!(fs::read_dir(bed.path("tmp")).unwrap().count(), 0, "the file is gone");
    let body = bed.path("body.json");
    fs::write(&body, "{\"model\":\"demo\",\"input\":\"from a file\"}").unwrap();
    bed.ok(&["replay", "last", "--body", body.to_str().unwrap()]);
    assert!(bed.ok(&["show", "last"]).contains("from a file"));
}

#[test]
fn a_link_opens_the_page_in_a_browser() {
    let started = Started::new();
    let bed = &started.bed;
    let link = bed.ok(&["open", "--print"]);
    assert!(link.starts_with("http://127.0.0.1:") && link.contains("code="), "{link}");
    // A browser that tells what it was given: through a pipe with a name, which is read until it has.
    let (bin, pipe) = (bed.path("bin"), bed.path("pipe"));
    fs::create_dir(&bin).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let browser = bin.join("wslview");
    fs::write(&browser, format!("#!/bin/sh\necho \"$1\" >'{}'\n", pipe.display())).unwrap();
    assert!(Command::new("chmod").args(["+x", browser.to_str().unwrap()]).status().unwrap().success());
    let mut command = bed.command(&["open"]);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", bin.display())).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let given = fs::read_to_string(&pipe).unwrap();
    let printed = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(given, printed);
    assert_ne!(printed, link, "each code is good once");
}

#[test]
fn without_a_forwarder_the_page_is_served_until_told_to_stop() {
    let bed = Bed::with_exchanges();
    let page = format!("127.0.0.1:{}", free_port());
    let mut command = bed.command(&["open", "last~1", "--print", "--inspect", &page]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut link = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut link).unwrap();
    assert!(link.starts_with(&format!("http://{page}/?code=")), "{link}");
    assert!(link.trim_end().ends_with(&format!("#/x/{}", bed.ids()[1])), "{link}");
    let mut stream = TcpStream::connect(&page).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(stream, "GET /api/v1/state HTTP/1.1\r\nHost: {page}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 ") || answer.starts_with("HTTP/1.1 403 "), "no code, no look: {answer}");
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
