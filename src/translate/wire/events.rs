//! Server-sent events, as far as chat APIs use them: the data of each, and nothing else. A body that is one JSON document
//! instead, as some servers answer although they were asked for a stream, is one event at its end.

use super::Unreadable;
use super::lines::{LONGEST, Lines, Place};

/// The data after the last record.
pub(super) const END: &[u8] = b"[DONE]";

#[derive(Debug, Default)]
pub(super) struct Events {
    /// Data whose event has not ended yet.
    pending: Vec<u8>,
    /// The data that was given last, where it had to be put together.
    ready: Vec<u8>,
    body: Body,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Body {
    #[default]
    Events,
    Document,
    /// Nothing in it can be read.
    Lost,
}

/// Where the data of an event lies, until the next is asked for.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Line(Place),
    Ready,
}

enum Field {
    /// From this byte on.
    Data(usize),
    Document,
    Page,
    Other,
}

impl Events {
    pub(super) fn get<'a>(&'a self, lines: &'a Lines, data: &Data) -> &'a [u8] {
        match data {
            Data::Line(place) => lines.get(place),
            Data::Ready => &self.ready,
        }
    }

    pub(super) fn next_event(&mut self, lines: &mut Lines) -> Option<Result<Data, Unreadable>> {
        loop {
            let place = match lines.next_line()? {
                Ok(place) => place,
                Err(unreadable) => return Some(Err(unreadable)),
            };
            let event = self.line(lines, place);
            if event.is_some() {
                return event;
            }
        }
    }

    /// What is left when the body has ended; to be asked until None.
    pub(super) fn last_event(&mut self, lines: &mut Lines) -> Option<Result<Data, Unreadable>> {
        let event = self.next_event(lines);
        if event.is_some() {
            return event;
        }
        if let Some(place) = lines.rest() {
            let event = self.line(lines, place);
            if event.is_some() {
                return event;
            }
        }
        let whole = self.pending == END || !END.starts_with(&self.pending) && !super::is_cut(&self.pending);
        whole.then(|| Ok(self.dispatch()))
    }

    fn line(&mut self, lines: &mut Lines, place: Place) -> Option<Result<Data, Unreadable>> {
        let line = lines.get(&place);
        let field = match self.body {
            Body::Events => field(line),
            Body::Document => Field::Document,
            Body::Lost => return None,
        };
        match field {
            Field::Data(start) if start == line.len() => None,
            Field::Data(start) => {
                // The usual case: one line, its end, and the event's.
                if self.pending.is_empty() && lines.take_blank() {
                    return Some(Ok(Data::Line(place.after(start))));
                }
                self.keep(&lines.get(&place)[start..])
            }
            Field::Document => {
                self.body = Body::Document;
                self.pending.extend_from_slice(line);
                self.pending.push(b'\n');
                self.limited()
            }
            Field::Page => {
                self.body = Body::Lost;
                Some(Err(Unreadable::Page))
            }
            Field::Other => (line.is_empty() && !self.pending.is_empty()).then(|| Ok(self.dispatch())),
        }
    }

    /// More data of an event. Servers that forget the blank line between events are known by a record that is followed by
    /// another, which is never the middle of one.
    fn keep(&mut self, data: &[u8]) -> Option<Result<Data, Unreadable>> {
        let next = data.starts_with(b"{") || data.starts_with(END);
        if next && self.pending.trim_ascii_end().ends_with(b"}") {
            let event = self.dispatch();
            self.pending.extend_from_slice(data);
            return Some(Ok(event));
        }
        if !self.pending.is_empty() {
            self.pending.push(b'\n');
        }
        self.pending.extend_from_slice(data);
        self.limited()
    }

    fn limited(&mut self) -> Option<Result<Data, Unreadable>> {
        if self.pending.len() <= LONGEST {
            return None;
        }
        (self.pending, self.body) = (Vec::new(), Body::Lost);
        Some(Err(Unreadable::TooLong))
    }

    fn dispatch(&mut self) -> Data {
        std::mem::swap(&mut self.ready, &mut self.pending);
        self.pending.clear();
        Data::Ready
    }
}

fn field(line: &[u8]) -> Field {
    // `error:` is llama-server's, before 2025.
    for name in [&b"data:"[..], b"error:"] {
        if let Some(value) = line.strip_prefix(name) {
            return Field::Data(name.len() + usize::from(value.starts_with(b" ")));
        }
    }
    match line.trim_ascii_start().first() {
        Some(b'{') => Field::Document,
        Some(b'<') => Field::Page,
        Some(_) | None => Field::Other,
    }
}
