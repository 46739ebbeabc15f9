//! Server-sent events → the JSON of each, which on a WebSocket is a message of its own. Pure.

use bytes::Bytes;

/// After the last event over HTTP; on a socket it would be taken for the end of the next response.
const DONE: &[u8] = b"[DONE]";
const DATA: &[u8] = b"data: ";

/// The events in `sse`, which holds whole ones, each with its JSON on one line.
pub(super) fn split(sse: &Bytes) -> impl Iterator<Item = Bytes> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', sse).filter_map(move |end| {
        let from = std::mem::replace(&mut start, end + 1);
        let data = sse[from..end].strip_prefix(DATA)?;
        (data != DONE).then(|| sse.slice(from + DATA.len()..end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sse: &'static str, events: &[&str]) {
        let split: Vec<Bytes> = split(&Bytes::from_static(sse.as_bytes())).collect();
        assert_eq!(split, events);
    }

    #[test]
    fn each_event_is_its_json() {
        check("", &[]);
        check("event: a\ndata: {\"type\":\"a\"}\n\n", &["{\"type\":\"a\"}"]);
        check("event: a\ndata: {}\n\nevent: b\ndata: {\"b\":1}\n\n", &["{}", "{\"b\":1}"]);
    }

    #[test]
    fn what_looks_like_framing_inside_a_text_is_text() {
        check("event: a\ndata: {\"t\":\"\\n\\ndata: x\"}\n\n", &["{\"t\":\"\\n\\ndata: x\"}"]);
    }

    #[test]
    fn the_end_over_http_is_no_event() {
        check("event: a\ndata: {}\n\ndata: [DONE]\n\n", &["{}"]);
        check("data: [DONE]\n\n", &[]);
    }
}
