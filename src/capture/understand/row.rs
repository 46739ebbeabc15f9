//! An exchange in a line.

use crate::capture::gauge::Gauge;
use crate::capture::record::{Context, Exchange, Happened, Head, NoteCounts, NoteKind, Row, Thread};
use crate::capture::view::{Item, ItemKind, Part};

use super::answer::{self, Answer};
use super::form::header;
use super::request::{Request, api};
use super::sides::Sides;
use super::{errors, state, thread, times, user, weigh};

/// As `codex_capture` has it: characters of what the user said, and of answer and thoughts.
const USER_CHARS: usize = 300;
const ANSWER_CHARS: usize = 800;
/// What is longer is no name of a client.
const CLIENT_CHARS: usize = 80;

/// The row of an exchange, over or under way. `context` in it has what is known without the past: see
/// [`crate::capture::gauge`].
pub fn row(exchange: &Exchange) -> Row {
    Read::new(exchange, 0).row()
}

/// An exchange, read.
pub(super) struct Read<'e> {
    pub exchange: &'e Exchange,
    pub sides: Sides<'e>,
    pub request: Request,
    /// What the client got, and what the model said, where that is not the same.
    pub got: Answer,
    pub said: Option<Answer>,
}

impl<'e> Read<'e> {
    /// At most `most_events` are listed of each stream.
    pub(super) fn new(exchange: &'e Exchange, most_events: usize) -> Self {
        let sides = Sides::of(exchange);
        let got = answer::read(sides.got, most_events);
        let said = sides.is_translated().then(|| answer::read(sides.said, most_events));
        Self { exchange, sides, request: Request::read(sides.asked), got, said }
    }

    /// What the model said.
    pub(super) fn said(&self) -> &Answer {
        self.said.as_ref().unwrap_or(&self.got)
    }

    pub(super) fn translated(&self) -> Option<&Answer> {
        self.said.as_ref()
    }

    pub(super) fn row(&self) -> Row {
        let exchange = self.exchange;
        let (mut row, entries) = (self.head(), self.request.entries());
        row.messages = count(self.request.count());
        row.tools = count(self.request.count_tools());
        row.system_chars = Request::system_chars(&entries);
        row.user = user::last_words(&entries).and_then(|text| user::cut(&text, USER_CHARS));
        row.called = self.got.items.iter().filter(|item| item.kind == ItemKind::Call).filter_map(name).collect();
        row.text = said(&self.got.items, &[ItemKind::Message, ItemKind::Refusal, ItemKind::Compaction]);
        row.reasoning = said(&self.got.items, &[ItemKind::Reasoning])
            .or_else(|| said(&self.translated()?.items, &[ItemKind::Reasoning]));
        let model = self.request.model().or(self.said().model.as_deref()).or(self.got.model.as_deref());
        model.unwrap_or_default().clone_into(&mut row.model);
        row.thread = self.thread(&row);
        let asks_stream = self.request.body.get("stream").and_then(serde_json::Value::as_bool) == Some(true);
        row.stream = asks_stream || self.got.form.is_stream();
        self.weigh(&mut row);
        row.tokens = times::tokens(exchange, &self.sides, self.said(), &self.got);
        row.times = self.times();
        row.context = context(exchange, row.tokens.input, row.tokens.output);
        row.notes = notes(exchange);
        row.error = errors::find(exchange, &self.sides, row.api, &self.got, self.said());
        // What the past would tell is not known here.
        row.context = Gauge::default().judge(&row);
        row
    }

    /// What needs no body.
    fn head(&self) -> Row {
        let (exchange, sides) = (self.exchange, &self.sides);
        let head = sides.asked.and_then(|asked| asked.head.as_ref());
        let method = head.and_then(|head| head.method.clone()).unwrap_or_default();
        let path = head.and_then(|head| head.target.as_deref()).map(path).unwrap_or_default();
        let before = exchange.row.as_deref();
        Row {
            id: exchange.id,
            session: exchange.session.clone(),
            begun_ms: exchange.begun_ms,
            state: state(exchange),
            lane: exchange.lane,
            api: api(&path),
            status: sides.got.and_then(|got| got.head.as_ref()?.status),
            client: head.map(client).unwrap_or_default(),
            probe: is_probe(&method, &path),
            sent: sides.asked.map_or(0, |asked| asked.size),
            received: sides.got.map_or(0, |got| got.size),
            incomplete: exchange.incomplete,
            redacted: exchange.messages.iter().map(|message| message.redacted).sum(),
            marked: before.is_some_and(|row| row.marked),
            comment: before.and_then(|row| row.comment.clone()),
            replay_of: head.and_then(|head| header(head, "x-ollama-forward-replay")?.trim().parse().ok()),
            method,
            path,
            ..Row::default()
        }
    }

    fn thread(&self, row: &Row) -> Thread {
        let head = self.sides.asked.and_then(|asked| asked.head.as_ref());
        thread::read(head, &row.path, row.api, &self.request.body)
    }

    fn weigh(&self, row: &mut Row) {
        let is_same = match (self.sides.told, self.sides.asked) {
            (Some(told), Some(asked)) => told.pane == asked.pane,
            (None, _) | (_, None) => true,
        };
        let weight = if is_same {
            weigh::request(&self.request.body)
        } else {
            weigh::request(&Request::read(self.sides.told).body)
        };
        let weight = weight.unwrap_or_default();
        (row.prompt_bytes, row.thought_bytes, row.images) = (weight.text, weight.thoughts, weight.images);
    }

    pub(super) fn times(&self) -> crate::capture::record::Times {
        let last = self.sides.said;
        let before = last.into_iter().flat_map(|last| times::attempts_before(self.exchange, last));
        let firsts = before.map(|message| answer::read(Some(message), 0).firsts).reduce(answer::Firsts::or_earlier);
        times::times(self.exchange, &self.sides, self.said(), firsts)
    }
}

/// Without scheme, authority and query.
fn path(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let absolute = path.split_once("://").map(|(_, rest)| rest.find('/').map_or("/", |slash| &rest[slash..]));
    absolute.unwrap_or(path).to_owned()
}

/// `codex_exec/0.169.0 (Debian …` is `codex_exec/0.169.0`.
fn client(head: &Head) -> String {
    let told = ["user-agent", "originator"].into_iter().find_map(|name| header(head, name)).unwrap_or_default();
    let name = told.split_whitespace().next().unwrap_or_default();
    name.chars().take(CLIENT_CHARS).collect()
}

/// What looks around and asks no model.
fn is_probe(method: &str, path: &str) -> bool {
    let path = if path == "/" { path } else { path.trim_end_matches('/') };
    let reads = matches!(method, "GET" | "HEAD" | "OPTIONS");
    let is_known = ["/", "/api/version", "/api/tags", "/api/ps", "/v1/models", "/models", "/metrics", "/favicon.ico"];
    let is_health = path.starts_with("/_") || ["/health", "/healthz"].contains(&path);
    (reads && (is_known.contains(&path) || is_health || path.starts_with("/v1/models/"))) || path == "/api/show"
}

fn name(item: &Item) -> Option<String> {
    item.name.clone().filter(|name| !name.is_empty())
}

/// The texts of some kinds of items, cut.
fn said(items: &[Item], kinds: &[ItemKind]) -> Option<String> {
    let mut all = String::new();
    let of_kind = items.iter().filter(|item| kinds.contains(&item.kind));
    for part in of_kind.flat_map(|item| &item.parts) {
        if let Part::Text { text } = part {
            if !all.is_empty() {
                all.push_str("\n\n");
            }
            all.push_str(text);
        }
        // In bytes that is more than enough.
        if all.len() > 8 * ANSWER_CHARS {
            break;
        }
    }
    user::cut(&all, ANSWER_CHARS)
}

fn context(exchange: &Exchange, input: Option<u64>, output: Option<u64>) -> Context {
    let mut context = Context { used: input.map(|input| input + output.unwrap_or(0)), ..Context::default() };
    for moment in &exchange.moments {
        if let Happened::Model { window, maximum, believed, .. } = &moment.what {
            context.window = window.or(context.window);
            context.maximum = maximum.or(context.maximum);
            context.believed = believed.or(context.believed);
        }
    }
    context
}

fn notes(exchange: &Exchange) -> NoteCounts {
    let mut counts = NoteCounts::default();
    for moment in &exchange.moments {
        let counted = match &moment.what {
            Happened::Heartbeat => &mut counts.heartbeats,
            Happened::Again { .. } => &mut counts.retried,
            Happened::Resumed { .. } => &mut counts.resumed,
            Happened::Note { kind: NoteKind::Dropped, .. } => &mut counts.dropped,
            Happened::Note { kind: NoteKind::Renamed, .. } => &mut counts.renamed,
            Happened::Note { kind: NoteKind::Repaired, .. } => &mut counts.repaired,
            Happened::Note { kind: NoteKind::Recovered, .. } => &mut counts.recovered,
            Happened::Note { kind: NoteKind::ToldOnly | NoteKind::Model | NoteKind::Other, .. }
            | Happened::Connected { .. }
            | Happened::Loading
            | Happened::Model { .. }
            | Happened::Finished { .. }
            | Happened::Fault { .. } => continue,
        };
        *counted += 1;
    }
    counts
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_bare() {
        assert_eq!(path("/v1/responses?x=1"), "/v1/responses");
        assert_eq!(path("http://localhost:11434/v1/models?x"), "/v1/models");
        assert_eq!(path("http://localhost"), "/");
        assert_eq!(path("*"), "*");
    }

    #[test]
    fn who_only_looks_around_is_a_probe() {
        for (method, path) in [
            ("GET", "/api/version"),
            ("GET", "/v1/models/"),
            ("HEAD", "/"),
            ("GET", "/__health"),
            ("POST", "/api/show"),
        ] {
            assert!(is_probe(method, path), "{path}");
        }
        for (method, path) in [("POST", "/v1/responses"), ("POST", "/api/pull"), ("GET", "/v1/responses/resp_1")] {
            assert!(!is_probe(method, path), "{path}");
        }
    }
}
