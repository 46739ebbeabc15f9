//! What a body is: by its type, and by how it begins, as types are often missing or wrong.

use crate::capture::record::{Head, Message};

use super::json::without_mark;

/// What a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Empty,
    Json,
    Sse,
    Ndjson,
    Text,
    /// Packed, or no text at all.
    Binary,
}

/// So much is looked at to see whether it is text.
const LOOK: usize = 4096;

impl Form {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Json => "json",
            Self::Sse => "sse",
            Self::Ndjson => "ndjson",
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }

    pub(super) fn is_stream(self) -> bool {
        matches!(self, Self::Sse | Self::Ndjson)
    }

    pub(super) fn of(message: &Message) -> Self {
        let head = message.head.as_ref();
        let told = head.and_then(|head| header(head, "content-type")).unwrap_or_default();
        let packed = head.and_then(|head| header(head, "content-encoding")).unwrap_or_default();
        if message.body.is_empty() {
            return Self::Empty;
        }
        if !packed.is_empty() && !packed.trim().eq_ignore_ascii_case("identity") {
            return Self::Binary;
        }
        Self::of_bytes(&message.body, &told.to_ascii_lowercase())
    }

    fn of_bytes(body: &[u8], told: &str) -> Self {
        let start = without_mark(body).trim_ascii_start();
        match start.first() {
            None => Self::Text,
            Some(b'{' | b'[') if is_in_lines(start) => Self::Ndjson,
            // A first line that is cut tells nothing; its type does.
            Some(b'{') if told.contains("ndjson") || told.contains("jsonl") => Self::Ndjson,
            Some(b'{' | b'[') => Self::Json,
            Some(_) if told.contains("text/event-stream") => Self::Sse,
            Some(_) if start.starts_with(b"data:") || start.starts_with(b"event:") => Self::Sse,
            Some(_) if is_text(body) => Self::Text,
            Some(_) => Self::Binary,
        }
    }
}

/// A header's value. `name` is in lower case.
pub(super) fn header<'h>(head: &'h Head, name: &str) -> Option<&'h str> {
    head.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// One line is a whole object, and the next begins another one.
fn is_in_lines(start: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', start) else { return false };
    let (first, rest) = start.split_at(end);
    first.trim_ascii_end().ends_with(b"}") && rest.trim_ascii_start().starts_with(b"{")
}

fn is_text(body: &[u8]) -> bool {
    let look = &body[..body.len().min(LOOK)];
    let is_utf8 = match std::str::from_utf8(look) {
        Ok(_) => true,
        // The end of what is looked at may be in the middle of a letter.
        Err(error) => error.error_len().is_none() && look.len() < body.len(),
    };
    is_utf8 && memchr::memchr(0, look).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], told: &str, form: Form) {
        assert_eq!(Form::of_bytes(body, told), form, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn bodies_are_known_by_their_type_and_by_how_they_begin() {
        check(b"{\"a\":1}", "", Form::Json);
        check(b"\xef\xbb\xbf\n[1]", "text/plain", Form::Json);
        check(b"{\n \"a\": {}\n}\n", "application/json", Form::Json);
        check(b"{\"a\":1}\n{\"a\":2}\n", "application/json", Form::Ndjson);
        check(b"{\"a\":1}\n", "application/x-ndjson", Form::Ndjson);
        check(b"data: {}\n\n", "", Form::Sse);
        check(b"\xef\xbb\xbfevent: a\ndata: {}\n\n", "text/plain", Form::Sse);
        check(b": hello\n\n", "text/event-stream; charset=utf-8", Form::Sse);
        check(b"{\"error\":\"no\"}", "text/event-stream", Form::Json);
        check(b"Ollama is running", "text/plain", Form::Text);
        check(b"\x89PNG\r\n\x1a\n\0\0", "", Form::Binary);
        check(b"\xff\xfe\xfd", "", Form::Binary);
        check(b"  \n", "", Form::Text);
    }

    #[test]
    fn what_is_packed_is_not_looked_into() {
        let headers = vec![("Content-Encoding".to_owned(), "gzip".to_owned())];
        let head = Head { headers, ..Head::default() };
        let mut message = super::super::tests::message(crate::capture::Pane::ClientResponse, b"{}");
        message.head = Some(head);
        assert_eq!(Form::of(&message), Form::Binary);
        message.body.clear();
        assert_eq!(Form::of(&message), Form::Empty);
    }
}
