//! An Ollama with a few models that were never trained: it lists them, loads them, and pulls what it is asked to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Ollama {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Names, and whether they can use tools.
    models: Vec<(String, bool)>,
    loaded: Option<String>,
    /// `POST /api/pull: NAME`
    asked: Vec<String>,
}

impl Ollama {
    /// Serves for as long as the process lives.
    pub(crate) fn with(models: &[(&str, bool)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let models = models.iter().map(|(name, tools)| ((*name).to_owned(), *tools)).collect();
        let state = Arc::new(Mutex::new(State { models, ..State::default() }));
        let ollama = Self { address: listener.local_addr().unwrap().to_string(), state };
        let served = ollama.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                // A client that goes away ends its connection, nothing else.
                thread::spawn(move || served.converse(&stream));
            }
        });
        ollama
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    fn converse(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            let target = line.rsplit_once(' ').map_or("", |(target, _version)| target).to_owned();
            let mut length = 0;
            loop {
                line.clear();
                reader.read_line(&mut line)?;
                let Some((name, value)) = line.trim_end().split_once(':') else { break };
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
            let answer = self.answer(&target, asked["model"].as_str().unwrap_or_default());
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            (&*stream).write_all((head + &answer).as_bytes())?;
            line.clear();
        }
        Ok(())
    }

    fn answer(&self, target: &str, model: &str) -> String {
        let mut state = self.state.lock().unwrap();
        if target.starts_with("POST") && target != "POST /api/show" {
            state.asked.push(format!("{target}: {model}"));
        }
        let abilities = |tools: bool| if tools { json!(["completion", "tools"]) } else { json!(["completion"]) };
        match target {
            "GET /api/version" => json!({ "version": "0.33.0" }).to_string(),
            "GET /api/tags" => {
                let of = |(name, tools): &(String, bool)| json!({ "name": name, "model": name, "capabilities": abilities(*tools), "details": { "context_length": 40960 } });
                json!({ "models": state.models.iter().map(of).collect::<Vec<_>>() }).to_string()
            }
            "GET /api/ps" => {
                let of = |name: &String| json!({ "name": name, "model": name, "context_length": 16384 });
                json!({ "models": state.loaded.iter().map(of).collect::<Vec<_>>() }).to_string()
            }
            "POST /api/generate" => {
                state.loaded = Some(model.to_owned());
                json!({ "model": model, "done": true, "done_reason": "load" }).to_string()
            }
            "POST /api/pull" => {
                state.models.push((model.to_owned(), true));
                "{\"status\":\"pulling manifest\"}\n{\"status\":\"pulling 1\",\"total\":10,\"completed\":5}\n{\"status\":\"success\"}\n".to_owned()
            }
            _ => json!({ "error": "not found" }).to_string(),
        }
    }
}
