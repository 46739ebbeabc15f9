use futures_util::FutureExt as _;

use super::*;

const TO: &str = "127.0.0.1:11434";

fn exchange(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Exchange {
    let head = Head {
        method: Some(method.into()),
        target: Some(target.into()),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Head::default()
    };
    let message = Message {
        pane: Pane::ClientRequest,
        attempt: 0,
        head: Some(head),
        body: body.into(),
        size: body.len() as u64,
        pieces: Vec::new(),
        ended_us: Some(1),
        redacted: 1,
    };
    Exchange { messages: vec![message], ..Exchange::default() }
}

fn chat() -> Row {
    Row { api: Api::Chat, ..Row::default() }
}

fn id() -> ExchangeId {
    ExchangeId::after(None, 7)
}

fn again(exchange: &Exchange, row: &Row, changes: Changes) -> Result<(Request<Full<Bytes>>, u32), String> {
    request(exchange, row, id(), TO.parse().unwrap(), changes).map_err(|failure| failure.to_string())
}

fn headers(request: &Request<Full<Bytes>>) -> Vec<(&str, &str)> {
    request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

/// The whole body that is sent.
#[track_caller]
fn check_body(body: &str, changes: Changes, expected: &str) {
    let (request, _) = again(&exchange("POST", "/v1/chat/completions", &[], body), &chat(), changes).unwrap();
    let body = request.into_body().collect().now_or_never().expect("a whole body is there at once").unwrap();
    assert_eq!(body.to_bytes(), expected);
}

#[test]
fn a_request_is_said_again_with_its_origin_but_without_secrets() {
    let said = [
        ("host", "evil.example"),
        ("content-type", "application/json"),
        ("session-id", "s1"),
        ("x-codex-turn-metadata", "{}"),
        ("authorization", "[redacted]"),
        ("Authorization", "Bearer kept-by-mistake"),
        ("x-api-key", "[redacted:api-key]"),
        ("cookie", "a=b"),
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("transfer-encoding", "chunked"),
        ("content-length", "999"),
        ("connection", "close"),
        ("proxy-authorization", "Basic x"),
        ("x-ollama-forward-probe", "1"),
        ("bad name", "x"),
        ("bad-value", "a\r\nb: c"),
    ];
    let (request, redacted) =
        again(&exchange("POST", "/v1/responses?a=b", &said, "{}"), &chat(), Changes::default()).unwrap();
    assert_eq!((request.method(), request.uri().to_string()), (&Method::POST, "/v1/responses?a=b".to_owned()));
    let mut sent = headers(&request);
    sent.sort_unstable();
    let replay_of = id().to_string();
    assert_eq!(
        sent,
        [
            ("content-type", "application/json"),
            ("host", TO),
            ("session-id", "s1"),
            ("x-codex-turn-metadata", "{}"),
            ("x-ollama-forward-replay", replay_of.as_str()),
        ]
    );
    assert_eq!(redacted, 1);
}

#[test]
fn model_and_body_can_be_others() {
    check_body(r#"{"model":"a","b":1}"#, Changes::default(), r#"{"model":"a","b":1}"#);
    let model = || Some("c".to_owned());
    check_body(r#"{"model":"a","b":1}"#, Changes { model: model(), body: None }, r#"{"b":1,"model":"c"}"#);
    check_body("{}", Changes { model: None, body: Some("other".into()) }, "other");
    check_body("", Changes { model: model(), body: Some("{}".into()) }, r#"{"model":"c"}"#);
}

#[test]
fn a_body_that_is_another_is_not_packed() {
    let packed = exchange("POST", "/v1/responses", &[("content-encoding", "zstd")], "x");
    let other = Changes { model: None, body: Some("{}".into()) };
    assert!(headers(&again(&packed, &chat(), Changes::default()).unwrap().0).contains(&("content-encoding", "zstd")));
    let (request, redacted) = again(&packed, &chat(), other).unwrap();
    assert!(!headers(&request).iter().any(|(name, _)| *name == "content-encoding"));
    assert_eq!(redacted, 0);
}

#[test]
fn a_server_in_the_target_is_not_asked() {
    let (request, _) =
        again(&exchange("GET", "http://evil.example/api/tags", &[], ""), &Row::default(), Changes::default()).unwrap();
    assert_eq!(request.uri(), "/api/tags");
}

#[test]
fn what_changes_models_is_not_said_again() {
    for (method, target) in [("POST", "/api/pull"), ("DELETE", "/api/delete"), ("BAD METHOD", "/"), ("CONNECT", "a:1")]
    {
        let told = again(&exchange(method, target, &[], "{}"), &Row::default(), Changes::default());
        assert!(told.is_err(), "{method} {target}");
    }
    assert!(again(&exchange("DELETE", "/v1/responses", &[], ""), &chat(), Changes::default()).is_err());
}

#[test]
fn what_was_not_kept_whole_is_not_said_again() {
    let mut cut = exchange("POST", "/v1/responses", &[], "{}");
    cut.messages[0].size = 3;
    assert!(again(&cut, &chat(), Changes::default()).is_err());
    assert!(again(&cut, &chat(), Changes { model: None, body: Some("{}".into()) }).is_ok());
    assert!(again(&Exchange::default(), &chat(), Changes::default()).is_err());
}

#[test]
fn the_model_of_what_is_no_object_cannot_be_another() {
    for body in ["", "[]", "not JSON", "\u{0}"] {
        let changes = Changes { model: Some("a".into()), body: None };
        assert!(again(&exchange("POST", "/v1/responses", &[], body), &chat(), changes).is_err(), "{body}");
    }
}
