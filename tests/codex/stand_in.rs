//! Ollama as far as Codex can tell: it answers the probes of the start-up and plays recorded streams, slowly, event by
//! event. It remembers each turn, and by which of its addresses it was reached.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// The first answer of a conversation: it asks for two commands to be run.
const TOOLS: &str = include_str!("../fixtures/codex/tools.sse");
/// The answer once both commands have been run.
const ANSWER: &str = include_str!("../fixtures/codex/answer.sse");
/// What of `ANSWER` the user gets to read.
pub(crate) const TEXT: &str = "Both commands ran: one two three four five six seven eight nine ten eleven twelve \
                        thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty.";
pub(crate) const MODEL: &str = "demo:latest";
/// Between two events: slow enough that each travels alone.
const PACE: Duration = Duration::from_millis(15);

/// One `POST /v1/responses`.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) at: IpAddr,
    pub(crate) body: Value,
}

#[derive(Clone, Default)]
pub(crate) struct StandIn {
    heard: Arc<(Mutex<Vec<Turn>>, Condvar)>,
}

impl StandIn {
    /// Serves for as long as the process lives.
    pub(crate) fn serve(listener: TcpListener) -> Self {
        let stand_in = Self::default();
        let served = stand_in.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                // A client that goes away ends its connection, nothing else.
                thread::spawn(move || served.converse(&stream));
            }
        });
        stand_in
    }

    pub(crate) fn turns(&self) -> Vec<Turn> {
        self.heard.0.lock().unwrap().clone()
    }

    /// Until somebody has asked for an answer; the answer has then only just begun.
    #[track_caller]
    pub(crate) fn wait_for_turn(&self, within: Duration) {
        let (turns, news) = &*self.heard;
        let (turns, _) = news.wait_timeout_while(turns.lock().unwrap(), within, |turns| turns.is_empty()).unwrap();
        assert!(!turns.is_empty(), "no turn within {within:?}");
    }

    fn converse(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let at = stream.local_addr()?.ip();
        let mut reader = BufReader::new(stream);
        while let Some((target, body)) = read_request(&mut reader)? {
            match target.as_str() {
                "GET /v1/models" => {
                    answer(stream, &json!({"object": "list", "data": [{"id": MODEL, "object": "model"}]}))?;
                }
                "GET /api/version" => answer(stream, &json!({"version": "0.33.0"}))?,
                "GET /api/tags" => answer(stream, &json!({"models": [{"name": MODEL, "model": MODEL}]}))?,
                "POST /v1/responses" => {
                    let body: Value = serde_json::from_slice(&body)?;
                    let events = if outputs(&body).is_empty() { TOOLS } else { ANSWER };
                    self.heard.0.lock().unwrap().push(Turn { at, body });
                    self.heard.1.notify_all();
                    play(stream, events)?;
                }
                _ => write_head(stream, "404 Not Found", "content-length: 0")?,
            }
        }
        Ok(())
    }
}

/// What the commands printed that Codex ran: the outputs in the history of a request.
pub(crate) fn outputs(body: &Value) -> Vec<String> {
    let items = body["input"].as_array().map_or(&[][..], Vec::as_slice);
    items.iter().filter(|item| item["type"] == "function_call_output").map(|item| item["output"].to_string()).collect()
}

/// The method with the path, and the body; `None` once the client has closed.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let target = line.rsplit_once(' ').map_or("", |(target, _version)| target).to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap();
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((target, body)))
}

fn answer(stream: &TcpStream, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    write_head(stream, "200 OK", &format!("content-type: application/json\r\ncontent-length: {}", body.len()))?;
    (&*stream).write_all(body.as_bytes())
}

fn play(stream: &TcpStream, events: &str) -> std::io::Result<()> {
    write_head(stream, "200 OK", "content-type: text/event-stream\r\ntransfer-encoding: chunked")?;
    for event in events.split_inclusive("\n\n") {
        thread::sleep(PACE);
        (&*stream).write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
    }
    (&*stream).write_all(b"0\r\n\r\n")
}

fn write_head(mut stream: &TcpStream, status: &str, headers: &str) -> std::io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {status}\r\n{headers}\r\n\r\n").as_bytes())
}
