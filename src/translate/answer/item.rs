//! One output item, from `output_item.added` to `output_item.done`. At most one is open at a time: Codex shows no deltas of
//! another (0.98 to 0.169).

use super::sink::{Field, Sink, Word, escape};

/// An item that is open.
#[derive(Debug)]
pub(super) struct Open {
    id: String,
    index: usize,
    kind: Kind,
    word: Word,
    /// What was said in it, as the inside of a JSON string: it is written again in each of the closing events.
    said: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Thoughts,
    Message,
    /// A function call whose fragments are shown as they come.
    Call {
        call_id: String,
        name: String,
        namespace: Option<String>,
    },
}

impl Open {
    /// Announces a message or thoughts.
    pub(super) fn begin(sink: &mut Sink, kind: Kind, id: String, index: usize) -> Self {
        let (delta, more, tail) = match kind {
            Kind::Thoughts => ("response.reasoning_summary_text.delta", ",\"summary_index\":0", ""),
            Kind::Message => ("response.output_text.delta", ",\"content_index\":0", ",\"logprobs\":[]"),
            Kind::Call { .. } => ("response.function_call_arguments.delta", "", ""),
        };
        let word = Word::new(delta, &format!(",\"item_id\":\"{id}\",\"output_index\":{index}{more}"), tail);
        let open = Self { id, index, kind, word, said: Vec::new() };
        let item = open.json(Stage::InProgress);
        sink.event("response.output_item.added", &[Field::Number("output_index", index), Field::Json("item", &item)]);
        let part = open.part("");
        match open.kind {
            Kind::Thoughts => sink.event(
                "response.reasoning_summary_part.added",
                &[open.item_id(), open.output_index(), Field::Number("summary_index", 0), Field::Json("part", &part)],
            ),
            Kind::Message => sink.event(
                "response.content_part.added",
                &[open.item_id(), open.output_index(), Field::Number("content_index", 0), Field::Json("part", &part)],
            ),
            Kind::Call { .. } => {}
        }
        open
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn call_id(&self) -> Option<&str> {
        match &self.kind {
            Kind::Call { call_id, .. } => Some(call_id),
            Kind::Thoughts | Kind::Message => None,
        }
    }

    /// What is new in the arguments of a call that the model makes again after a break.
    pub(super) fn unsaid<'a>(&self, name: &str, namespace: Option<&str>, arguments: &'a str) -> Unsaid<'a> {
        let same = match &self.kind {
            Kind::Call { name: mine, namespace: of, .. } => mine == name && of.as_deref() == namespace,
            Kind::Thoughts | Kind::Message => false,
        };
        let said: String = serde_json::from_str(&format!("\"{}\"", text_of(&self.said))).unwrap_or_default();
        match arguments.strip_prefix(&said) {
            Some(rest) if same => Unsaid::Rest(rest),
            None if same && said.starts_with(arguments) => Unsaid::Nothing,
            Some(_) | None => Unsaid::Other,
        }
    }

    /// Says `piece`; an empty one is a sign of life.
    pub(super) fn delta(&mut self, sink: &mut Sink, piece: &str) {
        let from = self.said.len();
        if !piece.is_empty() {
            escape(piece, &mut self.said);
        }
        sink.word(&self.word, text_of(&self.said[from..]));
    }

    /// Closes a message or thoughts; gives the item.
    pub(super) fn close(self, sink: &mut Sink, stage: Stage) -> String {
        let part = self.part(text_of(&self.said));
        let text = Field::Plain("text", text_of(&self.said));
        let (place, item) = ([self.item_id(), self.output_index()], self.json(stage));
        match self.kind {
            Kind::Thoughts => {
                let index = Field::Number("summary_index", 0);
                sink.event("response.reasoning_summary_text.done", &[place[0], place[1], index, text]);
                let part = Field::Json("part", &part);
                sink.event("response.reasoning_summary_part.done", &[place[0], place[1], index, part]);
            }
            Kind::Message => {
                let index = Field::Number("content_index", 0);
                let logprobs = Field::Json("logprobs", "[]");
                sink.event("response.output_text.done", &[place[0], place[1], index, text, logprobs]);
                let part = Field::Json("part", &part);
                sink.event("response.content_part.done", &[place[0], place[1], index, part]);
            }
            // Left as it was when the answer broke.
            Kind::Call { .. } => {}
        }
        sink.event("response.output_item.done", &[place[1], Field::Json("item", &item)]);
        item
    }

    fn item_id(&self) -> Field<'_> {
        Field::Plain("item_id", &self.id)
    }

    fn output_index(&self) -> Field<'_> {
        Field::Number("output_index", self.index)
    }

    /// The only part of the item, with this (escaped) text.
    fn part(&self, said: &str) -> String {
        match self.kind {
            Kind::Thoughts => format!("{{\"type\":\"summary_text\",\"text\":\"{said}\"}}"),
            Kind::Message | Kind::Call { .. } => {
                format!("{{\"type\":\"output_text\",\"text\":\"{said}\",\"annotations\":[],\"logprobs\":[]}}")
            }
        }
    }

    fn json(&self, stage: Stage) -> String {
        let (id, said, status) = (&self.id, text_of(&self.said), stage.word());
        let parts = if stage == Stage::InProgress { String::new() } else { self.part(said) };
        match &self.kind {
            Kind::Thoughts => format!("{{\"id\":\"{id}\",\"type\":\"reasoning\",\"summary\":[{parts}]}}"),
            Kind::Message => format!(
                "{{\"id\":\"{id}\",\"type\":\"message\",\"status\":\"{status}\",\"role\":\"assistant\",\"content\":[{parts}]}}"
            ),
            Kind::Call { call_id, name, namespace } => {
                let mut item = serde_json::json!({
                    "id": id, "type": "function_call", "status": status, "call_id": call_id, "name": name,
                });
                item["arguments"] = serde_json::from_str(&format!("\"{said}\"")).unwrap_or_default();
                if let Some(namespace) = namespace {
                    item["namespace"] = namespace.as_str().into();
                }
                item.to_string()
            }
        }
    }
}

/// How a call that is made again goes on from what was shown of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsaid<'a> {
    Nothing,
    Rest(&'a str),
    /// It is another call.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    InProgress,
    Completed,
    Incomplete,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
        }
    }
}

fn text_of(escaped: &[u8]) -> &str {
    std::str::from_utf8(escaped).expect("escaped texts are texts")
}
