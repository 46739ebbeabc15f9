//! What upstreams wrote, and what it means. A chunk is shown as one word per part:
//! `~thought`, `text`, `[index id name arguments]`, `!error`, `=reason input/cached>output/reasoning`.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{Api, Decoder, Done, Reason, Usage};

mod recorded;
mod written;

/// Whole, byte by byte, and cut in many other ways: the chunks are the same. Empty ones are left out.
#[track_caller]
fn check(api: Api, body: &[u8], expected: &[&str]) {
    let whole = decoded(api, std::iter::once(body));
    assert_eq!(whole, expected, "whole");
    assert_eq!(decoded(api, body.chunks(1)), expected, "byte by byte");
    let mut seed = 1_u64;
    for round in 0..64 {
        let (mut cuts, mut rest) = (Vec::new(), body);
        while !rest.is_empty() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let length = usize::try_from(seed >> 33).unwrap() % (3 + 7 * round) + 1;
            let (cut, more) = rest.split_at(length.min(rest.len()));
            cuts.push(cut);
            rest = more;
        }
        assert_eq!(decoded(api, cuts.into_iter()), expected, "round {round}");
    }
}

fn decoded<'b>(api: Api, frames: impl Iterator<Item = &'b [u8]>) -> Vec<String> {
    let (mut decoder, mut shown) = (Decoder::new(api), Vec::new());
    for frame in frames {
        decoder.feed(Bytes::copy_from_slice(frame));
        while let Some(chunk) = decoder.next_chunk() {
            shown.push(chunk.map_or_else(|unreadable| format!("?{unreadable:?}"), |chunk| show(&chunk)));
        }
    }
    while let Some(chunk) = decoder.finish() {
        shown.push(chunk.map_or_else(|unreadable| format!("?{unreadable:?}"), |chunk| show(&chunk)));
    }
    shown.retain(|chunk| !chunk.is_empty());
    shown
}

fn show(chunk: &super::Chunk<'_>) -> String {
    let mut words = Vec::new();
    if !chunk.thinking.is_empty() {
        words.push(format!("~{}", chunk.thinking));
    }
    if !chunk.text.is_empty() {
        words.push(chunk.text.to_string());
    }
    for call in &chunk.calls {
        let index = call.index.map_or_else(|| "whole".to_owned(), |index| index.to_string());
        let (id, name) = (call.id.as_deref().unwrap_or("-"), call.name.as_deref().unwrap_or("-"));
        words.push(format!("[{index} {id} {name} {}]", call.arguments));
    }
    words.extend(chunk.error.as_deref().map(|error| format!("!{error}")));
    words.extend(chunk.done.as_ref().map(show_end));
    words.join(" ")
}

fn show_end(done: &Done) -> String {
    let mut shown = match &done.reason {
        Reason::Stop => "=stop".to_owned(),
        Reason::Length => "=length".to_owned(),
        Reason::Loaded => "=loaded".to_owned(),
        Reason::Other(word) => format!("={word}?"),
    };
    let Usage { input, cached, output, reasoning } = done.usage;
    for (mark, count) in [(" ", input), ("/", cached), (">", output), ("/", reasoning)] {
        if let Some(count) = count {
            write!(shown, "{mark}{count}").unwrap();
        }
    }
    for (mark, took) in [("load", done.took.load), ("read", done.took.prompt), ("wrote", done.took.generation)] {
        if let Some(took) = took {
            write!(shown, " {mark} {took:?}").unwrap();
        }
    }
    shown
}
