//! Which endpoint a request is for, and what shape its errors have. Pure: from a method and a path.

use super::wire::{Refusal, json, v1};
use serde::Serialize;

#[derive(Debug, PartialEq)]
pub(crate) enum Route {
    Alive,
    Version,
    Tags,
    Ps,
    Models,
    Model(String),
    Show,
    Chat,
    Generate,
    Completions,
}

pub(crate) fn route(method: &str, path: &str) -> Result<Route, Refusal> {
    let (route, allow) = match path {
        "/" => (Route::Alive, "GET, HEAD"),
        "/api/version" => (Route::Version, "GET, HEAD"),
        "/api/tags" => (Route::Tags, "GET, HEAD"),
        "/api/ps" => (Route::Ps, "GET"),
        "/v1/models" => (Route::Models, "GET"),
        "/api/show" => (Route::Show, "POST"),
        "/api/chat" => (Route::Chat, "POST"),
        "/api/generate" => (Route::Generate, "POST"),
        "/v1/chat/completions" => (Route::Completions, "POST"),
        other => match other.strip_prefix("/v1/models/") {
            Some(id) if !id.is_empty() && !id.contains('/') => (Route::Model(id.to_owned()), "GET"),
            Some(_) | None => return Err(Refusal::NoSuchPath),
        },
    };
    if allow.split(", ").any(|allowed| allowed == method) { Ok(route) } else { Err(Refusal::WrongMethod { allow }) }
}

/// Content type and body of a refusal, in the form of the API that the path belongs to.
pub(crate) fn refused(path: &str, refusal: &Refusal) -> (&'static str, Vec<u8>) {
    #[derive(Serialize)]
    struct Error {
        error: String,
    }
    let message = refusal.to_string();
    match refusal {
        Refusal::NoSuchPath | Refusal::WrongMethod { .. } => (TEXT, message.into_bytes()),
        Refusal::Malformed(_) | Refusal::UnknownModel(_) | Refusal::TooLarge(_) => {
            if path.starts_with("/v1/") {
                (V1_JSON, v1::error(refusal.status(), &message))
            } else {
                (JSON, json(&Error { error: message }))
            }
        }
    }
}

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json; charset=utf-8";
/// `/v1` names no charset.
pub(crate) const V1_JSON: &str = "application/json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_endpoint() {
        check("GET", "/", &Ok(Route::Alive));
        check("HEAD", "/api/version", &Ok(Route::Version));
        check("POST", "/api/chat", &Ok(Route::Chat));
        check("GET", "/v1/models/demo:latest", &Ok(Route::Model("demo:latest".to_owned())));
    }

    #[test]
    fn unknown_paths_are_not_found() {
        for path in ["", "/api", "/api/chat/", "/v1", "/v1/models/", "/v1/models/a/b", "/v1/responses"] {
            check("GET", path, &Err(Refusal::NoSuchPath));
        }
    }

    #[test]
    fn a_wrong_method_learns_the_right_one() {
        check("POST", "/", &Err(Refusal::WrongMethod { allow: "GET, HEAD" }));
        check("GET", "/api/chat", &Err(Refusal::WrongMethod { allow: "POST" }));
        check("HEAD", "/v1/models", &Err(Refusal::WrongMethod { allow: "GET" }));
    }

    #[test]
    fn each_api_has_its_error_shape() {
        let refusal = Refusal::UnknownModel("x".to_owned());
        let (kind, body) = refused("/api/chat", &refusal);
        assert_eq!((kind, &body[..]), (JSON, &br#"{"error":"model 'x' not found"}"#[..]));
        let (kind, body) = refused("/v1/chat/completions", &refusal);
        let envelope =
            r#"{"error":{"message":"model 'x' not found","type":"not_found_error","param":null,"code":null}}"#;
        assert_eq!((kind, body), (V1_JSON, format!("{envelope}\n").into_bytes()));
    }

    #[track_caller]
    fn check(method: &str, path: &str, expected: &Result<Route, Refusal>) {
        assert_eq!(&route(method, path), expected, "{method} {path}");
    }
}
