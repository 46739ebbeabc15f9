//! `<think>…</think>` at the beginning of a text, where the server has not told thoughts and text apart.
//!
//! ```text
//! Start ──<think>──► Inside ──</think>──► After ──a character──► Outside
//!   └──────────any other character─────────────────────────────────▲
//! ```

use std::borrow::Cow;

const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

#[derive(Debug)]
pub(super) struct Thoughts {
    place: At,
    /// Blanks, and what may be a part of a tag.
    held: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    /// And the tag that ends it; whether anything was thought yet.
    Inside(&'static str, bool),
    /// Blanks after the tag are no text.
    After,
    Outside,
}

/// Thinking and text.
type Told<'a> = (Cow<'a, str>, Cow<'a, str>);

impl Thoughts {
    pub(super) fn new() -> Self {
        Self { place: At::Start, held: String::new() }
    }

    /// The server tells thoughts apart, or something else came first: tags are text from here on.
    pub(super) fn settle(&mut self) {
        if self.place == At::Start {
            self.place = At::Outside;
        }
    }

    /// Whether all that comes is text.
    pub(super) fn over(&self) -> bool {
        self.place == At::Outside && self.held.is_empty()
    }

    pub(super) fn feed<'a>(&mut self, text: Cow<'a, str>) -> Told<'a> {
        match self.place {
            At::Outside if self.held.is_empty() => (Cow::default(), text),
            _ if text.is_empty() && self.place != At::Outside => (Cow::default(), text),
            At::Start if self.held.is_empty() && !text.starts_with(|c: char| c == '<' || c.is_whitespace()) => {
                self.place = At::Outside;
                (Cow::default(), text)
            }
            At::After if !text.starts_with(char::is_whitespace) => {
                self.place = At::Outside;
                (Cow::default(), text)
            }
            At::Inside(end, true) if self.held.is_empty() && !text.contains('<') && !blank_end(&text) => {
                debug_assert!(!end.is_empty());
                (text, Cow::default())
            }
            At::Start | At::Inside(..) | At::After | At::Outside => {
                let mut all = std::mem::take(&mut self.held);
                all.push_str(&text);
                let (thinking, text) = self.sort(&all);
                (Cow::Owned(thinking), Cow::Owned(text))
            }
        }
    }

    /// What was held, when nothing more comes.
    pub(super) fn finish(&mut self) -> (String, String) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            At::Start | At::Outside => (String::new(), held),
            At::Inside(..) => (held.trim_end().to_owned(), String::new()),
            At::After => (String::new(), String::new()),
        }
    }

    fn sort(&mut self, mut rest: &str) -> (String, String) {
        let (mut thinking, mut text) = (String::new(), String::new());
        loop {
            match self.place {
                At::Start => {
                    let begun = rest.trim_start();
                    if let Some((tag, end)) = TAGS.iter().find(|(tag, _)| begun.starts_with(tag)) {
                        self.place = At::Inside(end, false);
                        rest = &begun[tag.len()..];
                        continue;
                    }
                    if TAGS.iter().any(|(tag, _)| tag.starts_with(begun)) {
                        self.held.push_str(rest);
                        break;
                    }
                    self.place = At::Outside;
                }
                At::Inside(end, begun) => {
                    let rest_begun = if begun { rest } else { rest.trim_start() };
                    if let Some(at) = rest_begun.find(end) {
                        thinking.push_str(rest_begun[..at].trim_end());
                        self.place = At::After;
                        rest = &rest_begun[at + end.len()..];
                        continue;
                    }
                    let sure = sure_of(rest_begun, end);
                    thinking.push_str(&rest_begun[..sure]);
                    self.place = At::Inside(end, begun || sure > 0);
                    self.held.push_str(&rest_begun[sure..]);
                    break;
                }
                At::After => {
                    rest = rest.trim_start();
                    if rest.is_empty() {
                        break;
                    }
                    self.place = At::Outside;
                }
                At::Outside => {
                    text.push_str(rest);
                    break;
                }
            }
        }
        (thinking, text)
    }
}

fn blank_end(text: &str) -> bool {
    text.ends_with(char::is_whitespace)
}

/// Up to where `text` can be no part of `end`, nor of the blanks before it.
fn sure_of(text: &str, end: &str) -> usize {
    let tag = (1..end.len()).rev().find(|length| text.ends_with(&end[..*length])).unwrap_or(0);
    text[..text.len() - tag].trim_end().len()
}
