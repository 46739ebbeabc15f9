//! `replay`: a request again, through the running forwarder. What comes back is printed; tool calls are shown, never run.

mod hear;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Read, Write, stderr, stdin};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use self::hear::{Ear, Said};
use super::place::ask;
use super::read::meant;
use super::render;
use super::trouble;
use super::{Desk, print, print_bytes, print_object};
use crate::app::Ended;
use crate::app::doctor::runtime;
use crate::capture::ExchangeId;
use crate::capture::record::{Exchange, Head, Message, Pane};
use crate::cli::capture::Replay;
use crate::clock;
use crate::config::OLLAMA_PORT;
use crate::control::Request;
use crate::doctor::http::{Answer, Broke, Place as Address, Question, begin};
use crate::fault::Fault;
use crate::net::listen::reachable;
use crate::net::options::SocketPolicy;
use crate::program::in_terminal;
use crate::words;

/// Tells the forwarder of what this is a repetition.
const REPLAY_OF: &str = "x-ollama-forward-replay";

/// Headers that belong to a connection, or that are made anew (RFC 9110, 7.6.1).
const NOT_AGAIN: [&str; 14] = [
    "host",
    "content-length",
    "content-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "accept-encoding",
    REPLAY_OF,
];
/// What stands where a secret was.
const REDACTED: &str = "[redacted";

/// A request, ready to be sent again.
struct Again {
    of: ExchangeId,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Desk<'_> {
    pub(super) fn replay(&self, typed: &Replay) -> Result<Ended, Fault> {
        let place = self.place()?;
        let library = place.library()?;
        let (id, _) = meant(&typed.id, &library)?;
        let again = again(&library.exchange(id)?, id, typed)?;
        if typed.print {
            let address = place.running.as_ref().and_then(|answer| answer.listen.first().cloned());
            let address = address.and_then(|text| text.parse().ok()).map_or_else(usual, reachable);
            return print(&again.curl(address));
        }
        let answer = ask(self.common.listen_port, &Request::About)?;
        let listener = answer.listen.first().and_then(|text| text.parse().ok()).map(reachable);
        let listener = listener.ok_or_else(|| {
            trouble::failed(
                words!("the running ollama-forward names no address", "le relais en cours n'indique aucune adresse"),
                "ollama-forward status",
            )
        })?;
        self.send(&again, listener)
    }

    fn send(&self, again: &Again, address: SocketAddr) -> Result<Ended, Fault> {
        let question = Question::again(&again.method, &again.target, again.headers.clone(), again.body.clone());
        let Some(question) = question else {
            let target = &again.target;
            return Err(trouble::failed(
                words!("`{target}` cannot be asked for again", "impossible de redemander « {target} »"),
                "ollama-forward capture list",
            ));
        };
        let runtime = runtime().map_err(|fault| trouble::failed(fault.what, "ollama-forward status"))?;
        let heard = runtime.block_on(async {
            let place = Address::found(address, SocketPolicy::default());
            let answer = begin(&place, &question).await.map_err(|broke| broken(&broke, address))?;
            self.hear(answer, address).await
        });
        runtime.shutdown_background();
        let heard = heard?;
        if self.common.json {
            print_object(&json!({ "replay_of": again.of, "answer": heard }))?;
        }
        match (&heard.error, heard.status) {
            (None, 200..400) => Ok(Ended::Well),
            (error, status) => {
                let why = error.clone().unwrap_or_default();
                let what = match status {
                    // A stream has begun well when it fails.
                    200..400 => words!("the answer failed: {why}", "la réponse a échoué : {why}"),
                    _ => words!("the answer was {status}: {why}", "la réponse est {status} : {why}"),
                };
                Err(trouble::failed(what, "ollama-forward capture show last"))
            }
        }
    }

    /// Prints what is said while it comes.
    async fn hear(&self, mut answer: Answer, address: SocketAddr) -> Result<Heard, Fault> {
        let mut heard = Heard { status: answer.status.as_u16(), ..Heard::default() };
        let mut ear = Ear::default();
        while let Some(piece) = answer.next().await {
            let piece = piece.map_err(|broke| broken(&broke, address))?;
            if !self.tell(ear.hear(&piece), &mut heard)? {
                // Nobody reads any more: the model may stop.
                return Ok(heard);
            }
        }
        self.tell(ear.finish(), &mut heard)?;
        if !self.common.json && !heard.text.is_empty() && !heard.text.ends_with('\n') {
            print_bytes(b"\n")?;
        }
        for call in heard.calls.iter().filter(|_| !self.common.json) {
            let (name, arguments) = (clean(&call.name), clean(&call.arguments));
            let words = words!("call, not run: {name} {arguments}", "appel, non exécuté : {name} {arguments}");
            print(&format!("{}\n", self.shown(&words)))?;
        }
        Ok(heard)
    }

    fn tell(&self, said: Vec<Said>, heard: &mut Heard) -> Result<bool, Fault> {
        for one in said {
            match one {
                Said::Text(text) => {
                    heard.text.push_str(&text);
                    if !self.common.json && !print_bytes(orderless(&text).as_bytes())? {
                        return Ok(false);
                    }
                }
                Said::Thought => {
                    if !heard.thought && stderr().is_terminal() && !self.common.json {
                        self.hint(&words!("(the model thinks)", "(le modèle réfléchit)"));
                    }
                    heard.thought = true;
                }
                Said::Call { name, arguments } => heard.calls.push(Called { name, arguments }),
                Said::Error(error) => heard.error = Some(clean(&error)),
            }
        }
        Ok(true)
    }
}

/// The request of an exchange, changed as it was asked for.
fn again(exchange: &Exchange, id: ExchangeId, typed: &Replay) -> Result<Again, Fault> {
    let asked = exchange.messages.iter().find(|message| message.pane == Pane::ClientRequest);
    let Some((Message { body, size, .. }, Some(head))) = asked.map(|message| (message, message.head.as_ref())) else {
        return Err(trouble::failed(
            words!("the request of {id} was not captured", "la requête de {id} n'a pas été capturée"),
            "ollama-forward capture list",
        ));
    };
    if (body.len() as u64) < *size && typed.body.is_none() {
        let what =
            words!("the request of {id} was not captured whole", "la requête de {id} n'a pas été capturée en entier");
        return Err(trouble::failed(what, format!("ollama-forward capture replay {id} --body FILE")));
    }
    let mut body = match &typed.body {
        Some(file) => read(file)?,
        None => body.clone(),
    };
    if typed.edit {
        body = edit(&body)?;
    }
    if let Some(model) = &typed.model {
        body = with_model(&body, model)?;
    }
    Ok(Again::new(id, head, body))
}

/// What came back, for programs.
#[derive(Debug, Default, Serialize)]
struct Heard {
    status: u16,
    text: String,
    calls: Vec<Called>,
    error: Option<String>,
    #[serde(skip)]
    thought: bool,
}

#[derive(Debug, Serialize)]
struct Called {
    name: String,
    arguments: String,
}

impl Again {
    fn new(of: ExchangeId, head: &Head, body: Vec<u8>) -> Self {
        let keeps = |(name, value): &&(String, String)| {
            let name = name.to_ascii_lowercase();
            !NOT_AGAIN.contains(&name.as_str()) && !value.contains(REDACTED)
        };
        let mut headers: Vec<(String, String)> = head.headers.iter().filter(keeps).cloned().collect();
        // What is kept is unpacked where we could; a packed body goes as it came.
        let packed = head.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
        if let Some(packed) = packed.filter(|_| serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err()) {
            headers.push(packed.clone());
        }
        headers.push((REPLAY_OF.to_owned(), of.to_string()));
        let target = head.target.clone().unwrap_or_else(|| "/".to_owned());
        Self {
            of,
            method: head.method.clone().unwrap_or_else(|| "POST".to_owned()),
            target: path_of(&target),
            headers,
            body,
        }
    }

    /// The same as a command.
    fn curl(&self, address: SocketAddr) -> String {
        let mut text =
            format!("curl -sN -X {} {}", quoted(&self.method), quoted(&format!("http://{address}{}", self.target)));
        for (name, value) in &self.headers {
            let _ = write!(text, " \\\n  -H {}", quoted(&format!("{name}: {value}")));
        }
        if self.body.is_empty() {
            return text + "\n";
        }
        let _ = writeln!(text, " \\\n  --data-binary {}", quoted(&String::from_utf8_lossy(&self.body)));
        text
    }
}

/// Absolute form names a host, which is not where it goes now.
fn path_of(target: &str) -> String {
    let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        return target.to_owned();
    };
    rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}

/// For a POSIX shell. A NUL cannot be in a command.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "'\\''"))
}

fn usual() -> SocketAddr {
    SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, OLLAMA_PORT))
}

fn broken(broke: &Broke, address: SocketAddr) -> Fault {
    trouble::failed(broke.words(address), "ollama-forward status")
}

fn clean(text: &str) -> String {
    crate::doctor::render::clean(text)
}

/// What a model says, without what a terminal would obey.
fn orderless(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => crate::doctor::render::clean_line(line) + "\n",
            None => crate::doctor::render::clean_line(line),
        })
        .collect()
}

/// `-`: standard input.
fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else {
        fs::read(file).map(|read| bytes = read)
    };
    let shown = file.display();
    read.map(|()| bytes).map_err(|error| trouble::io(words!("read {shown}", "lire {shown}"), &error))
}

/// The same body with another model. The order of its keys stays.
fn with_model(body: &[u8], model: &str) -> Result<Vec<u8>, Fault> {
    let no_json = || {
        let what = words!(
            "the body is no JSON object, so it has no model",
            "le corps n'est pas un objet JSON : il n'a pas de modèle"
        );
        trouble::failed(what, "ollama-forward capture show --pane client_request")
    };
    let fields: Vec<(String, Box<serde_json::value::RawValue>)> = fields(body).ok_or_else(no_json)?;
    let mut text = String::from("{");
    let mut replaced = false;
    let new = Value::from(model).to_string();
    for (name, value) in &fields {
        if text.len() > 1 {
            text.push(',');
        }
        let is_model = name == "model";
        replaced |= is_model;
        let _ = write!(text, "{}:{}", Value::from(name.as_str()), if is_model { &new } else { value.get() });
    }
    if !replaced {
        let _ = write!(text, "{}\"model\":{new}", if fields.is_empty() { "" } else { "," });
    }
    text.push('}');
    Ok(text.into_bytes())
}

/// The fields of an object in their order, each as it is written.
fn fields(body: &[u8]) -> Option<Vec<(String, Box<serde_json::value::RawValue>)>> {
    struct Ordered(Vec<(String, Box<serde_json::value::RawValue>)>);
    impl<'de> serde::Deserialize<'de> for Ordered {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Fields;
            impl<'de> serde::de::Visitor<'de> for Fields {
                type Value = Ordered;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                    let mut fields = Vec::new();
                    while let Some(field) = map.next_entry()? {
                        fields.push(field);
                    }
                    Ok(Ordered(fields))
                }
            }
            deserializer.deserialize_map(Fields)
        }
    }
    serde_json::from_slice::<Ordered>(body).ok().map(|ordered| ordered.0)
}

/// In the editor of the user, in a file that nobody else can read.
fn edit(body: &[u8]) -> Result<Vec<u8>, Fault> {
    let cannot = |error: io::Error| trouble::io(words!("have the body edited", "faire modifier le corps"), &error);
    let editor =
        ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|word| !word.trim().is_empty()));
    let Some(editor) = editor else {
        let what = words!("neither VISUAL nor EDITOR names an editor", "ni VISUAL ni EDITOR ne désigne d'éditeur");
        return Err(trouble::usage(what, "EDITOR=nano ollama-forward capture replay --edit"));
    };
    let path = std::env::temp_dir().join(format!("ollama-forward-{}.json", clock::nonce()));
    let shown = render::indented(body).map(|text| text + "\n");
    let shown = shown.as_deref().map_or(body, str::as_bytes);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(cannot)?;
    let edited = file
        .write_all(shown)
        // No shell: `code --wait` is a program and an argument.
        .and_then(|()| in_terminal(editor.split_whitespace().map(OsStr::new), path.as_os_str()))
        .and_then(|ok| if ok { fs::read(&path) } else { Err(io::Error::other("the editor gave up")) });
    drop(fs::remove_file(&path));
    let edited = edited.map_err(cannot)?;
    // Nothing was changed: as it was sent.
    Ok(if edited == shown { body.to_vec() } else { edited })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str, headers: &[(&str, &str)]) -> Head {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Head { method: Some("POST".into()), target: Some(target.into()), headers, ..Head::default() }
    }

    fn again(head: &Head, body: &str) -> Again {
        Again::new(ExchangeId::after(None, 1), head, body.into())
    }

    #[test]
    fn headers_of_the_connection_and_secrets_are_not_sent_again() {
        let head = head(
            "/v1/responses",
            &[
                ("Host", "localhost:11434"),
                ("Content-Length", "2"),
                ("session-id", "s"),
                ("authorization", "[redacted]"),
                ("Connection", "keep-alive"),
                ("content-encoding", "zstd"),
            ],
        );
        let id = ExchangeId::after(None, 1).to_string();
        let names =
            |again: &Again| again.headers.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        assert_eq!(names(&again(&head, "{}")), ["session-id=s".to_owned(), format!("{REPLAY_OF}={id}")]);
        assert_eq!(names(&again(&head, "\u{1}packed"))[1], "content-encoding=zstd", "what is packed stays so");
    }

    #[test]
    fn an_absolute_target_keeps_its_path_only() {
        for (target, path) in
            [("/v1/x?y=1", "/v1/x?y=1"), ("http://evil:1/v1/x", "/v1/x"), ("http://evil", "/"), ("/a://b", "/a://b")]
        {
            assert_eq!(again(&head(target, &[]), "").target, path, "{target}");
        }
    }

    #[test]
    fn another_model_changes_nothing_else() {
        let with = |body: &str| with_model(body.as_bytes(), "b\"c").map(|body| String::from_utf8(body).unwrap());
        assert_eq!(
            with("{\"z\": 1.0, \"model\":\"a\",\"a\":{ \"model\":1}}").unwrap(),
            "{\"z\":1.0,\"model\":\"b\\\"c\",\"a\":{ \"model\":1}}"
        );
        assert_eq!(with("{}").unwrap(), "{\"model\":\"b\\\"c\"}");
        assert!(with("[]").is_err() && with("no").is_err());
    }

    #[test]
    fn a_curl_is_one_command_whatever_is_in_it() {
        let text = again(&head("/v1/x", &[("a", "it's")]), "{\"a\":\"'; rm -rf /\"}").curl(usual());
        assert!(
            text.starts_with("curl -sN -X 'POST' 'http://127.0.0.1:11434/v1/x' \\\n  -H 'a: it'\\''s' \\\n"),
            "{text}"
        );
        assert!(text.ends_with("--data-binary '{\"a\":\"'\\''; rm -rf /\"}'\n"), "{text}");
    }

    #[test]
    fn a_model_gives_the_terminal_no_orders() {
        assert_eq!(orderless("a\u{1b}[2Jb\nc\u{7}\n"), "a\u{fffd}[2Jb\nc\u{fffd}\n");
    }
}
