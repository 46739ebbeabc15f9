//! Which exchanges an export has, and what its file is called.

use std::collections::BTreeSet;

use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, HeaderValue};

use super::answer::{Answer, Failure, typed};
use super::list::{Filter, Judged};
use super::look::{Looked, look};
use super::one_file::one_file;
use super::route::Params;
use crate::capture::ExchangeId;
use crate::capture::export::{Exported, Format, export};
use crate::capture::store::Library;
use crate::words::Lang;

/// Exchanges of one export.
const MOST: usize = 5000;
/// Bytes of their bodies: all is in memory, some times over.
const MOST_BYTES: usize = 128 << 20;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Ask {
    format: Format,
    ids: BTreeSet<ExchangeId>,
    filter: Filter,
}

impl Ask {
    pub(super) fn of(params: &Params, lang: Lang) -> Result<Self, Failure> {
        let word = params.get("format").unwrap_or("jsonl");
        let known = || {
            let known: Vec<_> = Format::ALL.iter().map(|format| format.word()).collect();
            Failure::bad("bad_format", format!("format: one of {}", known.join(", ")))
        };
        let format = Format::from_word(if word == "md" { "markdown" } else { word }).ok_or_else(known)?;
        let ids: Result<_, _> = params.all("id").flat_map(|ids| ids.split(',')).map(str::parse).collect();
        let ids = ids.map_err(|_| Failure::bad("bad_id", "id: this is no id"))?;
        Ok(Self { format, ids, filter: Filter::of(params, lang)? })
    }

    /// The name of the file: of words that are known to be harmless.
    fn name(&self) -> String {
        let (extension, _) = file(self.format);
        let what = match (self.ids.first(), &self.filter.session) {
            (Some(id), _) if self.ids.len() == 1 => id.to_string(),
            (None, Some(session)) => session.clone(),
            (Some(_) | None, _) => "exchanges".to_owned(),
        };
        format!("ollama-forward-{what}.{extension}")
    }
}

/// What a file of this form is called at its end, and what it is served as.
fn file(format: Format) -> (&'static str, &'static str) {
    match format {
        Format::Jsonl => ("jsonl", "application/x-ndjson"),
        Format::CodexCapture => ("codex-capture.jsonl", "application/x-ndjson"),
        Format::Har => ("har", "application/json"),
        Format::Curl => ("sh", "text/plain; charset=utf-8"),
        Format::Html => ("html", "text/html; charset=utf-8"),
        Format::Markdown => ("md", "text/markdown; charset=utf-8"),
    }
}

/// The file.
pub(super) fn answer(library: &Library, ask: &Ask) -> Result<Answer, Failure> {
    let all = gather(library, ask)?;
    let exported: Vec<_> =
        all.iter().map(|looked| Exported { exchange: &looked.exchange, view: &looked.view }).collect();
    let page = if ask.format == Format::Html { one_file() } else { String::new() };
    let document = export(ask.format, &page, &exported);
    Ok(download(typed(StatusCode::OK, file(ask.format).1, document), &ask.name()))
}

/// Makes a file of an answer. `name` is of letters, digits, `-`, `_` and `.`.
pub(super) fn download(mut answer: Answer, name: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        answer.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    answer
}

/// Those that are named; none is named: those that the filter finds. The oldest first.
fn gather(library: &Library, ask: &Ask) -> Result<Vec<Looked>, Failure> {
    let rows = library.rows();
    let ids: Vec<ExchangeId> = if ask.ids.is_empty() {
        let of_session = rows.iter().filter(|row| ask.filter.is_of_session(row));
        of_session.filter(|row| ask.filter.judge(library, row) != Judged::Not).filter_map(|row| row.id).collect()
    } else {
        ask.ids.iter().copied().collect()
    };
    if ids.len() > MOST {
        return Err(Failure::too_large(format!("these are {} exchanges; an export has at most {MOST}", ids.len())));
    }
    let (mut all, mut bytes) = (Vec::with_capacity(ids.len()), 0);
    for id in ids {
        let looked = look(library, &rows, id)?;
        bytes += looked.exchange.messages.iter().map(|message| message.body.len()).sum::<usize>();
        if bytes > MOST_BYTES {
            let most = MOST_BYTES >> 20;
            return Err(Failure::too_large(format!("these exchanges have more than {most} MiB: choose fewer")));
        }
        all.push(looked);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, name: Option<&str>) {
        let ask = Ask::of(&Params::parse(Some(query)), Lang::En).ok();
        assert_eq!(ask.map(|ask| ask.name()).as_deref(), name, "{query}");
    }

    #[test]
    fn files_are_called_by_what_is_in_them() {
        check("", Some("ollama-forward-exchanges.jsonl"));
        check("format=har&id=0199abcdef012345", Some("ollama-forward-0199abcdef012345.har"));
        check("format=md&id=0199abcdef012345&id=0199abcdef012346", Some("ollama-forward-exchanges.md"));
        check("format=html&session=2026-a", Some("ollama-forward-2026-a.html"));
        check("format=codex-capture", Some("ollama-forward-exchanges.codex-capture.jsonl"));
    }

    #[test]
    fn no_name_comes_from_outside_unread() {
        for query in [
            "session=a%0d%0aSet-Cookie:%20b",
            "session=..%2f..%2fetc",
            "session=a%22%3b",
            "id=%0d%0a",
            "id=0199abcdef012345,..",
            "format=exe",
        ] {
            check(query, None);
        }
    }
}
