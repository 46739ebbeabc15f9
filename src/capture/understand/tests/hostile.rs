//! Bytes that make no sense, or only up to where they were cut.

use crate::capture::record::{Exchange, Lane, Message, Pane, Piece, State};
use crate::capture::understand::{diff, row, state, view};

use super::{asked, codex, exchange, fixture, message, recorded, streamed};

/// Everything, of what is there: none of it may panic.
fn all(exchange: &Exchange, other: &Exchange) {
    let view = view(exchange, Some(other));
    assert_eq!(view.row, row(exchange));
    diff(exchange, other);
    diff(other, exchange);
    let under_way = Exchange { state: State::Waiting, ..exchange.clone() };
    state(&under_way);
    row(&under_way);
}

fn cut(message: &Message, at: usize) -> Message {
    let mut left = at;
    let mut pieces = Vec::new();
    for piece in &message.pieces {
        let len = left.min(piece.len as usize);
        left -= len;
        pieces.push(Piece { len: u32::try_from(len).unwrap(), ..*piece });
    }
    Message { body: message.body[..at].to_vec(), pieces, ..message.clone() }
}

/// Some places, the last ones byte by byte.
fn places(len: usize) -> impl Iterator<Item = usize> {
    let step = (len / 11).max(1);
    (0..len).step_by(step).chain(len.saturating_sub(4)..=len)
}

const REQUESTS: &[&[u8]] = &[
    fixture!("codex/requests/0.169_loop.json"),
    fixture!("codex/requests/0.169_agents_v2.json"),
    fixture!("codex/requests/0.169_view_image.json"),
    fixture!("codex/requests/0.130_mcp.json"),
    fixture!("codex/requests/0.98_apply_patch.json"),
    fixture!("codex/prompts/0.169_loop.json"),
];

const ANSWERS: &[&[u8]] = &[
    fixture!("ollama-0.33/think_tool.api_chat.http"),
    fixture!("ollama-0.33/think_tool.v1_chat.http"),
    fixture!("ollama-0.33/two_tools.v1_chat.http"),
    fixture!("ollama-0.33/overflow_truncate_false.api_chat.http"),
    fixture!("ollama-0.24/text.v1_chat.http"),
    fixture!("capture/think_tool.v1_responses.http"),
    fixture!("capture/error_mid.v1_responses.http"),
];

#[test]
fn requests_may_be_cut_anywhere() {
    let whole = exchange(Lane::Passed, vec![codex("0.169", REQUESTS[0])]);
    for body in REQUESTS {
        let asked = codex("0.169", body);
        for at in places(body.len()) {
            all(&exchange(Lane::Passed, vec![cut(&asked, at)]), &whole);
        }
    }
}

#[test]
fn a_request_that_was_cut_at_the_limit_keeps_what_was_complete() {
    let asked = codex("0.169", REQUESTS[0]);
    let row = row(&exchange(Lane::Passed, vec![cut(&asked, asked.body.len() * 2 / 3)]));
    assert_eq!((row.model.as_str(), row.user.as_deref()), ("qwen3:14b", Some("list /tmp")));
}

#[test]
fn answers_may_be_cut_anywhere_and_grow_steadily() {
    let request = asked("/v1/responses", Vec::new(), REQUESTS[0]);
    let tools = streamed(Pane::ClientResponse, "text/event-stream", fixture!("codex/tools.sse"));
    let answers = ANSWERS.iter().map(|http| recorded(Pane::ClientResponse, http)).chain([tools]);
    for answer in answers {
        let of = |at| exchange(Lane::Passed, vec![request.clone(), cut(&answer, at)]);
        let whole = of(answer.body.len());
        let text = row(&whole).text.unwrap_or_default();
        for at in places(answer.body.len()) {
            all(&of(at), &whole);
            let so_far = row(&of(at)).text.unwrap_or_default();
            assert!(text.starts_with(&so_far) || answer.head.as_ref().unwrap().status != Some(200), "{so_far:?}");
        }
    }
}

/// Some bytes of a body become others. The same each time.
fn spoiled(body: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut body = body.to_vec();
    for _ in 0..=seed % 9 {
        if body.is_empty() {
            break;
        }
        let at = usize::try_from(next() % body.len() as u64).unwrap();
        body[at] = [b'"', b'{', b'}', b'[', b']', b'\n', b'\r', 0, 0xff, b'0', b':', b',']
            [usize::try_from(next() % 12).unwrap()];
    }
    body
}

#[test]
fn bytes_may_be_any() {
    let whole = exchange(Lane::Passed, vec![codex("0.169", REQUESTS[0])]);
    for seed in 0..12 {
        for http in ANSWERS {
            let mut answer = recorded(Pane::UpstreamResponse, http);
            answer.body = spoiled(&answer.body, seed);
            let request =
                asked("/v1/chat/completions", Vec::new(), &spoiled(REQUESTS[usize::try_from(seed).unwrap() % 6], seed));
            all(&exchange(Lane::Translated, vec![request, answer]), &whole);
        }
    }
}

#[test]
fn values_of_any_kind_may_be_anywhere() {
    let whole = exchange(Lane::Passed, vec![codex("0.169", REQUESTS[0])]);
    let values = ["1", "null", "\"x\"", "[]", "{}", "[[]]", "[1]", "[{\"type\":1}]", "{\"type\":\"message\"}", "true"];
    let keys =
        ["input", "messages", "tools", "choices", "message", "output", "response", "error", "item", "usage", "type"];
    for value in values {
        for key in keys {
            let body = format!(
                "{{\"type\":\"response.output_item.done\",\"{key}\":{value},\"done\":true,\"done_reason\":\"length\"}}"
            );
            for kind in ["response.output_item.added", "response.completed", "x"] {
                let body = body.replace("response.output_item.done", kind);
                let request = asked("/v1/responses", Vec::new(), body.as_bytes());
                let lines =
                    format!("{body}\n{body}\n{{\"choices\":[{{\"finish_reason\":\"length\",\"delta\":{value}}}]}}\n");
                let answer = streamed(Pane::ClientResponse, "application/x-ndjson", lines.as_bytes());
                all(&exchange(Lane::Passed, vec![request, answer]), &whole);
            }
        }
    }
}

#[test]
fn what_is_nested_too_deep_is_shown_as_a_text() {
    let deep = format!("{{\"input\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let exchange = exchange(Lane::Passed, vec![asked("/v1/responses", Vec::new(), deep.as_bytes())]);
    let view = view(&exchange, None);
    assert_eq!((view.conversation.len(), view.panes[0].form), (1, "json"));
    all(&exchange, &exchange);
}

#[test]
fn nothing_at_all_is_an_exchange_too() {
    let nothing = Exchange::default();
    all(&nothing, &nothing);
    let panes = Pane::ALL.map(|pane| message(pane, b""));
    all(&exchange(Lane::Translated, panes.to_vec()), &nothing);
}

#[test]
fn more_events_than_are_listed_are_counted_and_their_texts_are_kept() {
    let line = "data: {\"type\":\"response.output_text.delta\",\"item_id\":\"m\",\"delta\":\"ab\"}\n\n";
    let answer = streamed(Pane::ClientResponse, "text/event-stream", line.repeat(6000).as_bytes());
    let view = view(&exchange(Lane::Passed, vec![asked("/v1/responses", Vec::new(), b"{}"), answer]), None);
    assert_eq!((view.streams[0].events.len(), view.streams[0].left_out), (5000, 1000));
    assert!(matches!(&view.answer[0].parts[0], crate::capture::view::Part::Text { text } if text.len() == 12_000));
}
