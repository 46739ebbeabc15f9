//! What is answered: documents, files, refusals; and what stands on each answer so that a browser does no harm with it.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::guard::Refusal;
use super::route::Astray;
use crate::capture::store::StoreError;

/// The body of an answer.
pub(super) enum Body {
    Whole(Full<Bytes>),
    /// News, as they come.
    Feed(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

pub(super) type Answer = Response<Body>;

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx),
            Self::Feed(feed) => feed.as_mut().poll_next(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Feed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Feed(_) => SizeHint::default(),
        }
    }
}

/// Why something cannot be given or done, for the page and for programs.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    /// Stable, for programs.
    code: &'static str,
    message: String,
    more: Option<(&'static str, Value)>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), more: None }
    }

    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    pub(super) fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        Self { more: Some((name, value.into())), ..self }
    }

    pub(super) fn answer(&self) -> Answer {
        let mut document = json!({ "error": self.message, "code": self.code });
        if let Some((name, value)) = &self.more {
            document[*name] = value.clone();
        }
        let mut answer = json(self.status, &document);
        if self.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (status, code) = match error {
            StoreError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_exchange"),
            StoreError::Locked { .. } => (StatusCode::CONFLICT, "locked"),
            StoreError::Ended => (StatusCode::SERVICE_UNAVAILABLE, "ended"),
            StoreError::Unfit { .. } | StoreError::Io { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "store"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (status, code, message) = match refusal {
            Refusal::NoProxy => (StatusCode::MISDIRECTED_REQUEST, "not_a_proxy", "this is a page, and no proxy"),
            Refusal::ForeignHost => (
                StatusCode::FORBIDDEN,
                "foreign_host",
                "the Host of this request is not a name of this page: use http://127.0.0.1 with its port",
            ),
            Refusal::NoSocket => (StatusCode::BAD_REQUEST, "no_websocket", "there are no WebSockets here"),
            Refusal::ForeignSite => (StatusCode::FORBIDDEN, "foreign_site", "pages of other sites may not ask here"),
            Refusal::Stranger => (
                StatusCode::UNAUTHORIZED,
                "no_token",
                "this needs the page's cookie or its token: ollama-forward capture open",
            ),
            Refusal::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "this needs Content-Type: application/json")
            }
        };
        Self::new(status, code, message)
    }
}

impl From<Astray> for Failure {
    fn from(astray: Astray) -> Self {
        match astray {
            Astray::Unknown => Self::missing("unknown_path", "there is nothing at this path"),
            Astray::BadId => Self::bad("bad_id", "this is no id, key or number"),
        }
    }
}

/// A JSON document.
pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Answer {
    match serde_json::to_vec(document) {
        Ok(bytes) => typed(status, "application/json", bytes),
        // None of our types has keys that are no texts.
        Err(_) => {
            typed(StatusCode::INTERNAL_SERVER_ERROR, "application/json", r#"{"error":"no JSON","code":"internal"}"#)
        }
    }
}

pub(super) fn typed(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Body::Whole(Full::new(bytes.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::Whole(Full::default()));
    *answer.status_mut() = status;
    answer
}

/// Go there instead, and ask with GET.
pub(super) fn see(place: &str, cookie: Option<HeaderValue>) -> Answer {
    let mut answer = empty(StatusCode::SEE_OTHER);
    if let Ok(place) = HeaderValue::from_str(place) {
        answer.headers_mut().insert(LOCATION, place);
    }
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}

/// Another method is needed.
pub(super) fn not_allowed(allow: &'static str) -> Answer {
    let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", format!("this can be asked: {allow}"));
    let mut answer = failure.answer();
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// To a browser that has no cookie: how to get one. In both languages, as the page does not know yet who reads it.
const LOCKED: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ollama-forward</title>
</head>
<body>
<h1>ollama-forward</h1>
<p>This page shows private conversations, so it opens by a link that works once. Get one in a terminal:</p>
<p lang="fr">Cette page montre des conversations privées&nbsp;: elle s’ouvre par un lien à usage unique. Pour en obtenir un,
dans un terminal&nbsp;:</p>
<pre><code>ollama-forward capture open</code></pre>
</body>
</html>
"#;

/// A page for whoever has no cookie.
pub(super) fn locked() -> Answer {
    let mut answer = typed(StatusCode::UNAUTHORIZED, "text/html; charset=utf-8", LOCKED);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

/// Captured text is hostile: the page runs its own scripts only, makes no code of texts, asks nobody else, sends no form,
/// and stands in no frame.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
/// What is no page shows nothing, and does nothing.
const DATA_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Puts on an answer what stands on all of them. `is_page`: a browser shows it, and runs what it refers to.
pub(super) fn dress(answer: &mut Answer, is_page: bool) {
    let policy = if is_page { PAGE_POLICY } else { DATA_POLICY };
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
