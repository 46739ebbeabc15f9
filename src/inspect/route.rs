//! What is asked for: paths, and the words behind `?`. Pure.
//!
//! No path of ours needs a percent sign, so nothing is decoded, and `%2e%2e` is a name that we do not know.

use hyper::Method;

use crate::capture::{ExchangeId, Pane};

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'p> {
    Page,
    Asset(&'p str),
    State,
    Sessions,
    Session(&'p str),
    Exchanges,
    Exchange(ExchangeId),
    Body(ExchangeId, Pane),
    Diff(ExchangeId, Other),
    Export,
    Import,
    Events,
    Capture,
    Mark(ExchangeId),
    Replay(ExchangeId),
    Prune,
    /// The routes of `codex_capture`, for old scripts.
    OldCapture(usize),
    OldFile(OldFile),
    OldUpdated,
}

/// With which exchange one is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// The one before it in its thread.
    Previous,
    This(ExchangeId),
}

/// A file of `codex_capture`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldFile {
    Latest,
    Request,
    Response,
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Astray {
    Unknown,
    /// The place of an id, a key or a number has something else.
    BadId,
}

/// Longer ones are no names of ours.
const MOST_NAME: usize = 128;

/// Finds what `path` names.
pub(super) fn route(path: &str) -> Result<Route<'_>, Astray> {
    let parts: Vec<&str> = path.strip_prefix('/').ok_or(Astray::Unknown)?.splitn(9, '/').collect();
    Ok(match parts.as_slice() {
        [""] => Route::Page,
        ["assets", name] if is_name(name) => Route::Asset(name),
        ["api", "last-updated"] => Route::OldUpdated,
        ["api", "v1", rest @ ..] => return api(rest),
        ["capture", number] => Route::OldCapture(number_of(number)?),
        ["raw", "latest.json"] => Route::OldFile(OldFile::Latest),
        ["raw", "request"] => Route::OldFile(OldFile::Request),
        ["raw", "response"] => Route::OldFile(OldFile::Response),
        _ => return Err(Astray::Unknown),
    })
}

fn api<'p>(parts: &[&'p str]) -> Result<Route<'p>, Astray> {
    Ok(match parts {
        ["state"] => Route::State,
        ["sessions"] => Route::Sessions,
        ["sessions", key] => Route::Session(key_of(key)?),
        ["exchanges"] => Route::Exchanges,
        ["exchanges", id] => Route::Exchange(id_of(id)?),
        ["exchanges", id, "body", pane] => Route::Body(id_of(id)?, Pane::from_word(pane).ok_or(Astray::BadId)?),
        ["exchanges", id, "diff", "previous"] => Route::Diff(id_of(id)?, Other::Previous),
        ["exchanges", id, "diff", other] => Route::Diff(id_of(id)?, Other::This(id_of(other)?)),
        ["exchanges", id, "mark"] => Route::Mark(id_of(id)?),
        ["exchanges", id, "replay"] => Route::Replay(id_of(id)?),
        ["export"] => Route::Export,
        ["import"] => Route::Import,
        ["events"] => Route::Events,
        ["capture"] => Route::Capture,
        ["prune"] => Route::Prune,
        _ => return Err(Astray::Unknown),
    })
}

impl Route<'_> {
    /// What can be done with it, as `Allow` says it.
    pub(super) fn allow(&self) -> &'static str {
        match self {
            Self::Page
            | Self::Asset(_)
            | Self::State
            | Self::Sessions
            | Self::Exchanges
            | Self::Body(..)
            | Self::Diff(..)
            | Self::Export
            | Self::Events
            | Self::OldCapture(_)
            | Self::OldFile(_)
            | Self::OldUpdated => "GET, HEAD",
            Self::Exchange(_) => "GET, HEAD, DELETE",
            Self::Session(_) => "DELETE",
            Self::Import | Self::Capture | Self::Mark(_) | Self::Replay(_) | Self::Prune => "POST",
        }
    }

    pub(super) fn permits(&self, method: &Method) -> bool {
        self.allow().split(", ").any(|known| known == method.as_str())
    }
}

fn id_of(text: &str) -> Result<ExchangeId, Astray> {
    text.parse().map_err(|_| Astray::BadId)
}

fn number_of(text: &str) -> Result<usize, Astray> {
    let is_number = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or(Astray::BadId)
}

fn key_of(text: &str) -> Result<&str, Astray> {
    if is_key(text) { Ok(text) } else { Err(Astray::BadId) }
}

/// Whether this can be a session's key: letters, digits, `-`.
pub(super) fn is_key(text: &str) -> bool {
    (1..=MOST_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_name(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MOST_NAME).contains(&text.len()) && text.bytes().all(is_fine) && !text.starts_with('.')
}

/// The words behind `?`, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// The first value of this name. An empty one is none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.0.iter().filter(move |(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

/// `+` and `%20` are spaces; what is no UTF-8 becomes U+FFFD.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let (decoded, left) = match (byte, after) {
            (b'+', _) => (b' ', after),
            (b'%', [high, low, left @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, left),
                (None, _) | (_, None) => (b'%', after),
            },
            (_, _) => (*byte, after),
        };
        bytes.push(decoded);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0199abcdef012345";

    #[track_caller]
    fn check(path: &str, expected: Result<Route<'_>, Astray>) {
        assert_eq!(route(path), expected, "{path}");
    }

    #[test]
    fn each_path_names_one_thing() {
        let id = ID.parse().unwrap();
        check("/", Ok(Route::Page));
        check("/assets/app.js", Ok(Route::Asset("app.js")));
        check("/api/v1/state", Ok(Route::State));
        check("/api/v1/sessions/2026-a", Ok(Route::Session("2026-a")));
        check(&format!("/api/v1/exchanges/{ID}"), Ok(Route::Exchange(id)));
        check(&format!("/api/v1/exchanges/{ID}/body/client_request"), Ok(Route::Body(id, Pane::ClientRequest)));
        check(&format!("/api/v1/exchanges/{ID}/diff/previous"), Ok(Route::Diff(id, Other::Previous)));
        check(&format!("/api/v1/exchanges/{ID}/diff/{ID}"), Ok(Route::Diff(id, Other::This(id))));
        check("/capture/0", Ok(Route::OldCapture(0)));
        check("/raw/latest.json", Ok(Route::OldFile(OldFile::Latest)));
        check("/api/last-updated", Ok(Route::OldUpdated));
    }

    #[test]
    fn what_is_no_id_is_told_so() {
        let long = "a".repeat(MOST_NAME + 1);
        for path in [
            "/api/v1/exchanges/..".to_owned(),
            "/api/v1/exchanges/%2e%2e".to_owned(),
            "/api/v1/exchanges/".to_owned(),
            "/api/v1/exchanges/0199ABCDEF012345".to_owned(),
            "/api/v1/exchanges/0199abcdef01234%00".to_owned(),
            format!("/api/v1/exchanges/{long}"),
            format!("/api/v1/exchanges/{ID}/body/passwd"),
            format!("/api/v1/exchanges/{ID}/diff/.."),
            "/api/v1/exchanges/../mark".to_owned(),
            "/api/v1/sessions/..".to_owned(),
            "/api/v1/sessions/a%2fb".to_owned(),
            "/api/v1/sessions/a\\b".to_owned(),
            "/api/v1/sessions/".to_owned(),
            format!("/api/v1/sessions/{long}"),
            "/capture/-1".to_owned(),
            "/capture/+1".to_owned(),
            "/capture/1e3".to_owned(),
            "/capture/99999999999999999999".to_owned(),
        ] {
            check(&path, Err(Astray::BadId));
        }
    }

    #[test]
    fn all_else_is_unknown() {
        let deep = "/a".repeat(1000);
        for path in [
            "",
            "*",
            "//",
            "/index.html",
            "/assets/",
            "/assets/..",
            "/assets/../guard.rs",
            "/assets/%2e%2e%2fguard.rs",
            "/assets/.env",
            "/api",
            "/api/v1",
            "/api/v1/",
            "/api/v2/state",
            "/api/v1/state/",
            "/API/v1/state",
            "/raw/history.jsonl",
            deep.as_str(),
        ] {
            check(path, Err(Astray::Unknown));
        }
    }

    #[test]
    fn each_thing_knows_what_can_be_done_with_it() {
        let can = |path: &str, method: &str| route(path).unwrap().permits(&method.parse().unwrap());
        assert!(can("/", "GET") && can("/", "HEAD") && !can("/", "POST") && !can("/", "OPTIONS"));
        assert!(can("/api/v1/capture", "POST") && !can("/api/v1/capture", "GET"));
        assert!(can("/api/v1/sessions/a", "DELETE") && !can("/api/v1/sessions/a", "POST"));
    }

    #[test]
    fn parameters_are_decoded() {
        let params = Params::parse(Some("q=a+b%20c%C3%A9&id=1&id=2&empty=&flag&bad=%zz%4&x=%ff"));
        assert_eq!(params.get("q"), Some("a b cé"));
        assert_eq!(params.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((params.get("empty"), params.get("flag"), params.get("none")), (None, None, None));
        assert_eq!(params.get("bad"), Some("%zz%4"));
        assert_eq!(params.get("x"), Some("\u{fffd}"));
    }
}
