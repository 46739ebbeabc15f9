//! Exchanges in the forms of others, and in our own. Pure.
//!
//! All of them say what was kept, and that is without secrets already ([`super::redact`]).

mod codex_capture;
mod curl;
mod har;
mod json;
mod jsonl;
mod markdown;
mod page;
mod sides;
#[cfg(test)]
mod tests;

use super::record::Exchange;
use super::view::View;

pub use jsonl::{import, line, read};
pub use page::html;

/// One exchange and what is understood of it.
#[derive(Clone, Copy, Debug)]
pub struct Exported<'e> {
    pub exchange: &'e Exchange,
    pub view: &'e View,
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jsonl,
    CodexCapture,
    Har,
    Curl,
    Html,
    Markdown,
}

impl Format {
    pub const ALL: [Self; 6] = [Self::Jsonl, Self::CodexCapture, Self::Har, Self::Curl, Self::Html, Self::Markdown];

    /// As it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::CodexCapture => "codex-capture",
            Self::Har => "har",
            Self::Curl => "curl",
            Self::Html => "html",
            Self::Markdown => "markdown",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// The whole document. Of `CodexCapture` it is `history.jsonl`; see [`compat`]. `page` is the template of [`html`], and
/// counts for nothing else.
pub fn export(format: Format, page: &str, all: &[Exported<'_>]) -> String {
    match format {
        Format::Jsonl => jsonl::write(all.iter().map(|one| one.exchange)),
        Format::CodexCapture => codex_capture::history(all),
        Format::Har => har::write(all),
        Format::Curl => curl::write(all),
        Format::Html => html(page, all),
        Format::Markdown => markdown::write(all),
    }
}

/// The four files of `codex_capture`: name, content. `history.jsonl` gets one line, which is to be appended. None for what
/// is no call of a model: there, such an exchange leaves no trace.
pub fn compat(one: Exported<'_>) -> Vec<(&'static str, Vec<u8>)> {
    codex_capture::files(one)
}

/// The page for one file has this placeholder, which becomes the data.
pub const HTML_DATA: &str = "<!--ollama-forward-data-->";
