//! The events of a stream, with their places in the body: SSE as the HTML standard has it (9.2.6), and a JSON value a line.

use std::borrow::Cow;

use crate::capture::record::Message;

use super::form::Form;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'b> {
    /// `event:`; empty where there is none.
    pub name: Cow<'b, str>,
    pub data: Cow<'b, [u8]>,
    /// Its lines, without the last one's end.
    pub from: usize,
    pub len: usize,
}

/// The events of a body, oldest first. What the end cuts off is an event, too.
pub(super) struct Frames<'b> {
    lines: Lines<'b>,
    is_sse: bool,
}

impl<'b> Frames<'b> {
    pub(super) fn new(body: &'b [u8], form: Form) -> Self {
        let mark = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { lines: Lines { body, at: mark }, is_sse: form == Form::Sse }
    }

    fn next_event(&mut self) -> Option<Frame<'b>> {
        let mut event: Option<Frame<'b>> = None;
        let mut has_data = false;
        for (from, line) in self.lines.by_ref() {
            if line.is_empty() {
                if has_data {
                    break;
                }
                event = None;
                continue;
            }
            let (field, value) = split(line);
            if field.is_empty() {
                continue;
            }
            let empty = || Frame { name: Cow::default(), data: Cow::default(), from, len: 0 };
            let event = event.get_or_insert_with(empty);
            event.len = from + line.len() - event.from;
            match field {
                b"event" => event.name = String::from_utf8_lossy(value),
                b"data" if has_data => {
                    let data = event.data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                b"data" => {
                    event.data = Cow::Borrowed(value);
                    has_data = true;
                }
                // `id`, `retry`, and what nobody knows.
                _ => {}
            }
        }
        event.filter(|_| has_data)
    }

    fn next_line(&mut self) -> Option<Frame<'b>> {
        let mut lines = self.lines.by_ref().map(|(from, line)| (from, line.trim_ascii_end()));
        let (from, line) = lines.find(|(_, line)| !line.trim_ascii_start().is_empty())?;
        Some(Frame { name: Cow::default(), data: Cow::Borrowed(line), from, len: line.len() })
    }
}

impl<'b> Iterator for Frames<'b> {
    type Item = Frame<'b>;

    fn next(&mut self) -> Option<Frame<'b>> {
        if self.is_sse { self.next_event() } else { self.next_line() }
    }
}

/// Field and value. The field of a comment is empty.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(colon) = memchr::memchr(b':', line) else { return (line, b"") };
    let value = &line[colon + 1..];
    (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
}

/// Lines that end with LF, CR, or both.
struct Lines<'b> {
    body: &'b [u8],
    at: usize,
}

impl<'b> Iterator for Lines<'b> {
    type Item = (usize, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (from, rest) = (self.at, self.body.get(self.at..)?);
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let ending = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        self.at = from + end + ending;
        Some((from, &rest[..end]))
    }
}

/// When the bytes of a body came. Asked in their order.
pub(super) struct Arrival<'m> {
    message: &'m Message,
    piece: usize,
    /// Bytes up to the end of `piece`.
    until: usize,
    at_us: u64,
}

impl<'m> Arrival<'m> {
    pub(super) fn new(message: &'m Message) -> Self {
        let at_us = message.head.as_ref().map_or(0, |head| head.at_us);
        Self { message, piece: 0, until: 0, at_us }
    }

    /// When the byte at `place` came.
    pub(super) fn of(&mut self, place: usize) -> u64 {
        while self.until <= place
            && let Some(piece) = self.message.pieces.get(self.piece)
        {
            self.until += piece.len as usize;
            self.at_us = piece.at_us;
            self.piece += 1;
        }
        self.at_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::capture::Pane;
    use crate::capture::record::Piece;

    #[track_caller]
    fn check(body: &str, expected: &[(&str, &str)]) {
        let frames: Vec<_> = Frames::new(body.as_bytes(), Form::Sse).collect();
        let found: Vec<_> = frames.iter().map(|f| (f.name.as_ref(), std::str::from_utf8(&f.data).unwrap())).collect();
        assert_eq!(found, expected, "{body:?}");
    }

    #[test]
    fn events_end_with_an_empty_line_however_lines_end() {
        check("event: a\ndata: 1\n\ndata: 2\n\n", &[("a", "1"), ("", "2")]);
        check("event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", &[("a", "1"), ("", "2")]);
        check("event: a\rdata: 1\r\rdata: 2\r\r", &[("a", "1"), ("", "2")]);
        check("\u{feff}data:1\n\n\n\ndata:  2\n\n", &[("", "1"), ("", " 2")]);
    }

    #[test]
    fn data_of_several_lines_is_one_text() {
        check("data: {\ndata: }\n\n", &[("", "{\n}")]);
        check("data\ndata: x\n\n", &[("", "\nx")]);
    }

    #[test]
    fn comments_and_events_without_data_are_none() {
        check(": hello\n\nevent: ping\n\nid: 7\ndata: x\nretry: 3\n\n", &[("", "x")]);
    }

    #[test]
    fn what_the_end_cuts_off_is_an_event() {
        check("data: 1\n\nevent: b\ndata: [DONE]", &[("", "1"), ("b", "[DONE]")]);
        check("data: 1\n\nevent: b", &[("", "1")]);
    }

    #[test]
    fn places_are_those_in_the_body() {
        let body = "\u{feff}: c\nevent: a\ndata: 1\n\n  {\"a\":1}\r\n";
        let sse = Frames::new(body.as_bytes(), Form::Sse).next().unwrap();
        assert_eq!(&body[sse.from..sse.from + sse.len], "event: a\ndata: 1");
        let lines = "\n{\"a\":1}\n\n {\"b\":2} ";
        let found: Vec<_> =
            Frames::new(lines.as_bytes(), Form::Ndjson).map(|f| &lines[f.from..f.from + f.len]).collect();
        assert_eq!(found, ["{\"a\":1}", " {\"b\":2}"]);
    }

    #[test]
    fn an_event_came_when_its_last_byte_came() {
        let mut message = super::super::tests::message(Pane::UpstreamResponse, b"0123456789");
        message.pieces = vec![Piece { at_us: 5, len: 4 }, Piece { at_us: 9, len: 0 }, Piece { at_us: 12, len: 6 }];
        let mut arrival = Arrival::new(&message);
        assert_eq!([0, 3, 4, 9, 50].map(|place| arrival.of(place)), [5, 5, 12, 12, 12]);
    }
}
