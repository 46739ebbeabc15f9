//! Writes events of the Responses API as server-sent events, by hand: one is written for each word of an answer.
//!
//! ```text
//! event: KIND ⏎ data: {"type":KIND,"sequence_number":N, field…} ⏎ ⏎
//! ```

use bytes::{BufMut, Bytes, BytesMut};

/// Events of some 20 words.
const ROOM: usize = 4 << 10;

#[derive(Debug, Default)]
pub(super) struct Sink {
    /// What was taken keeps its place in it; there is one allocation for many words.
    bytes: BytesMut,
    sequence: u64,
    /// Nobody reads events: the client wants the whole answer at once.
    muted: bool,
}

/// A field of an event, and how its value is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    /// Any text.
    Text(&'static str, &'a str),
    /// A text that needs no escapes, or has them already.
    Plain(&'static str, &'a str),
    /// JSON as it is.
    Json(&'static str, &'a str),
    Number(&'static str, usize),
}

/// The parts of a delta that are the same for a whole item.
#[derive(Debug)]
pub(super) struct Word {
    head: String,
    place: String,
    tail: &'static str,
}

impl Word {
    /// `place` are the fields before the text, `tail` those after it, both with their commas.
    pub(super) fn new(kind: &str, place: &str, tail: &'static str) -> Self {
        Self {
            head: format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":"),
            place: format!("{place},\"delta\":\""),
            tail,
        }
    }
}

impl Sink {
    pub(super) fn muted(muted: bool) -> Self {
        Self { muted, ..Self::default() }
    }

    /// What was written since the last call.
    pub(super) fn take(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// An event that comes with each word: all of it is at hand, but for its number and its (escaped) text.
    pub(super) fn word(&mut self, event: &Word, text: &str) {
        let sequence = self.sequence;
        self.sequence += 1;
        if self.muted {
            return;
        }
        self.make_room();
        let mut number = itoa::Buffer::new();
        for part in [&*event.head, number.format(sequence), &*event.place, text, "\"", event.tail, "}\n\n"] {
            self.push(part);
        }
    }

    fn make_room(&mut self) {
        if self.bytes.capacity() - self.bytes.len() < ROOM / 16 {
            self.bytes.reserve(ROOM);
        }
    }

    pub(super) fn event(&mut self, kind: &str, fields: &[Field<'_>]) {
        let sequence = self.sequence;
        self.sequence += 1;
        if self.muted {
            return;
        }
        self.make_room();
        for part in ["event: ", kind, "\ndata: {\"type\":\"", kind, "\",\"sequence_number\":"] {
            self.push(part);
        }
        self.push(itoa::Buffer::new().format(sequence));
        for field in fields {
            self.field(field);
        }
        self.push("}\n\n");
    }

    fn field(&mut self, field: &Field<'_>) {
        let (Field::Text(key, _) | Field::Plain(key, _) | Field::Json(key, _) | Field::Number(key, _)) = field;
        for part in [",\"", key, "\":"] {
            self.push(part);
        }
        match field {
            Field::Text(_, text) => {
                self.push("\"");
                let mut escaped = Vec::with_capacity(text.len() + 2);
                escape(text, &mut escaped);
                self.bytes.put_slice(&escaped);
                self.push("\"");
            }
            Field::Plain(_, text) => {
                for part in ["\"", text, "\""] {
                    self.push(part);
                }
            }
            Field::Json(_, json) => self.push(json),
            Field::Number(_, number) => self.push(itoa::Buffer::new().format(*number)),
        }
    }

    fn push(&mut self, part: &str) {
        self.bytes.extend_from_slice(part.as_bytes());
    }
}

/// Appends `text` as the inside of a JSON string.
pub(super) fn escape(text: &str, into: &mut Vec<u8>) {
    let at = into.len();
    serde_json::to_writer(&mut *into, text).expect("a text can be written to memory");
    into.remove(at);
    into.pop();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_json_whatever_it_says() {
        let mut sink = Sink::default();
        sink.event("a.b", &[Field::Text("text", "\"\n\u{1}é\\"), Field::Number("n", 7), Field::Json("list", "[]")]);
        sink.event("c", &[Field::Plain("id", "x")]);
        assert_eq!(
            sink.take(),
            "event: a.b\ndata: {\"type\":\"a.b\",\"sequence_number\":0,\"text\":\"\\\"\\n\\u0001é\\\\\",\"n\":7,\"list\":[]}\n\n\
             event: c\ndata: {\"type\":\"c\",\"sequence_number\":1,\"id\":\"x\"}\n\n"
        );
        assert!(sink.take().is_empty());
    }

    #[test]
    fn a_muted_sink_writes_nothing() {
        let mut sink = Sink::muted(true);
        sink.event("a", &[]);
        assert_eq!(sink.len(), 0);
    }
}
