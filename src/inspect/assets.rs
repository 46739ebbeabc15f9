//! The files of the page, which are part of the program: nothing is read from disk, and nothing is fetched.

use std::hash::{DefaultHasher, Hasher};

use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};

use super::answer::{Answer, empty, typed};

/// `file!("name", "type")`: a file of `page/`.
macro_rules! file {
    ($name:literal, $content_type:literal) => {
        ($name, $content_type, include_bytes!(concat!("page/", $name)))
    };
}

/// Name, type, content. `index.html` is `/`, all others are `/assets/…`.
pub(super) const FILES: &[(&str, &str, &[u8])] = &[
    file!("index.html", "text/html; charset=utf-8"),
    file!("api.js", "text/javascript; charset=utf-8"),
    file!("app.js", "text/javascript; charset=utf-8"),
    file!("detail.js", "text/javascript; charset=utf-8"),
    file!("dialogs.js", "text/javascript; charset=utf-8"),
    file!("diff.js", "text/javascript; charset=utf-8"),
    file!("dom.js", "text/javascript; charset=utf-8"),
    file!("filter.js", "text/javascript; charset=utf-8"),
    file!("icon.svg", "image/svg+xml"),
    file!("items.js", "text/javascript; charset=utf-8"),
    file!("list.js", "text/javascript; charset=utf-8"),
    file!("panes.js", "text/javascript; charset=utf-8"),
    file!("parts.js", "text/javascript; charset=utf-8"),
    file!("query.js", "text/javascript; charset=utf-8"),
    file!("state.js", "text/javascript; charset=utf-8"),
    file!("style.css", "text/css; charset=utf-8"),
    file!("timeline.js", "text/javascript; charset=utf-8"),
    file!("tree.js", "text/javascript; charset=utf-8"),
    file!("words.js", "text/javascript; charset=utf-8"),
];

pub(super) const INDEX: &str = "index.html";

/// The files and their tags.
#[derive(Debug)]
pub(super) struct Assets {
    files: Vec<Asset>,
}

#[derive(Debug)]
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    tag: String,
}

impl Assets {
    pub(super) fn new() -> Self {
        let asset = |&(name, content_type, bytes): &(&'static str, &'static str, &'static [u8])| Asset {
            name,
            content_type,
            bytes,
            tag: tag(bytes),
        };
        Self { files: FILES.iter().map(asset).collect() }
    }

    pub(super) fn page(&self, headers: &HeaderMap) -> Option<Answer> {
        self.file(INDEX).map(|asset| asset.answer(headers))
    }

    /// None: there is no such file.
    pub(super) fn asset(&self, name: &str, headers: &HeaderMap) -> Option<Answer> {
        self.file(name).filter(|asset| asset.name != INDEX).map(|asset| asset.answer(headers))
    }

    fn file(&self, name: &str) -> Option<&Asset> {
        self.files.iter().find(|asset| asset.name == name)
    }
}

impl Asset {
    /// The browser keeps it, and asks each time whether it still holds: after an update it does not.
    fn answer(&self, headers: &HeaderMap) -> Answer {
        let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags, &self.tag));
        let mut answer: Response<_> = if is_known {
            empty(StatusCode::NOT_MODIFIED)
        } else {
            typed(StatusCode::OK, self.content_type, self.bytes)
        };
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            answer.headers_mut().insert(ETAG, tag);
        }
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        answer
    }
}

/// By the bytes, so it is the same in each run of a version (`DefaultHasher::new` has fixed keys).
fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether `If-None-Match` names this tag; weak ones count (RFC 9110, 13.1.2).
fn names(tags: &HeaderValue, tag: &str) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(if_none_match: Option<&str>, status: StatusCode) {
        let mut headers = HeaderMap::new();
        if let Some(tags) = if_none_match {
            headers.insert(IF_NONE_MATCH, tags.parse().unwrap());
        }
        assert_eq!(Assets::new().page(&headers).unwrap().status(), status, "{if_none_match:?}");
    }

    #[test]
    fn a_browser_that_has_it_does_not_get_it_again() {
        let page = Assets::new().page(&HeaderMap::new()).unwrap();
        let tag = page.headers()[ETAG].to_str().unwrap().to_owned();
        check(None, StatusCode::OK);
        check(Some("\"0\""), StatusCode::OK);
        check(Some(&tag), StatusCode::NOT_MODIFIED);
        check(Some(&format!("\"0\", W/{tag}")), StatusCode::NOT_MODIFIED);
        check(Some("*"), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn files_differ_by_their_tags() {
        assert_ne!(tag(b"a"), tag(b"b"));
        assert_eq!(tag(b"a"), tag(b"a"));
    }

    #[test]
    fn only_files_of_the_page_are_given_out() {
        for name in ["index.html", "guard.rs", "", "..", "../assets.rs"] {
            assert!(Assets::new().asset(name, &HeaderMap::new()).is_none(), "{name}");
        }
    }

    /// Of the page and of its scripts: `/assets/…` and `from './…'`.
    #[test]
    fn all_that_the_page_refers_to_is_there() {
        let mut seen = 0;
        for (of, _, bytes) in FILES {
            let text = String::from_utf8_lossy(bytes);
            for begin in ["\"/assets/", "from './", "import './", "import('./"] {
                for (at, _) in text.match_indices(begin) {
                    let name = text[at + begin.len()..].split(['"', '\'']).next().unwrap();
                    assert!(Assets::new().asset(name, &HeaderMap::new()).is_some(), "{of}: {name}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 0, "the page refers to nothing");
    }

    /// The policy that stands on the page forbids all of this.
    #[test]
    fn the_page_makes_no_code_of_texts_and_asks_nobody_else() {
        for (name, _, bytes) in FILES {
            let text = String::from_utf8_lossy(bytes);
            for word in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "https://"]
            {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
        let page = String::from_utf8_lossy(FILES[0].2);
        assert!(!page.contains("style=") && !page.contains("<style") && !page.contains("<script>"), "{page}");
    }

    #[test]
    fn all_files_of_the_page_are_in_the_table() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/inspect/page");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(FILES.iter().any(|(known, ..)| *known == name), "{name}");
        }
    }
}
