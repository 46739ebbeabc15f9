use std::net::SocketAddr;

use serde_json::json;
use tokio::io::DuplexStream;

use super::*;
use crate::bridge::Known;
use crate::bridge::settings::{Settings, UpstreamApi};
use crate::capture::Tap;
use crate::forward::{Limits, Shared, Target};
use crate::gateway::ProbeMark;
use crate::net::options::{Keepalive, SocketPolicy};

/// What an upstream that nobody asks would be.
fn bridge() -> Arc<Bridge> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let limits = Limits {
        connect_time: Duration::ZERO,
        wait_for_upstream: Duration::ZERO,
        max_connections: 1,
        connections_that_fit: 1,
    };
    let second = Duration::from_secs(1);
    let keepalive = Keepalive { idle: second, interval: second, count: 1 };
    let policy = SocketPolicy { keepalive, user_timeout: second };
    let shared = Shared::new(Target::Address(nowhere), limits, policy, ProbeMark::default());
    let settings = Settings { upstream_api: UpstreamApi::Ollama, ..Settings::default() };
    Bridge::new(shared, Known::default(), settings, Tap::default())
}

/// What a client hears that said this before the hour was over, and how the connection ended.
async fn heard_in_the_last_moment(messages: &[Value]) -> (Vec<Value>, End) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let mut client: WebSocketStream<DuplexStream> = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    for message in messages {
        client.send(Message::Text(message.to_string().into())).await.unwrap();
    }
    let stream = open(ours, Bytes::new(), 1 << 20).await;
    let mut talk = Talk::new(bridge(), Arc::new(Line::default()), Asker::default(), stream);
    let (_stop, phase) = watch::channel(Phase::Run);
    let serving = async {
        let farewell = talk.converse(phase, Duration::ZERO).await;
        talk.part(farewell).await
    };
    let hearing = async {
        let mut heard = Vec::new();
        while let Some(Ok(message)) = client.next().await {
            match message {
                Message::Text(text) => heard.push(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => assert_eq!(frame.unwrap().code, CloseCode::Normal),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => panic!("{message:?}"),
            }
        }
        heard
    };
    let (end, heard) = tokio::join!(serving, hearing);
    (heard, end)
}

#[tokio::test]
async fn an_hour_is_the_limit() {
    let (heard, end) = heard_in_the_last_moment(&[]).await;
    let [last] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(*last, envelope(&late()));
    assert_eq!(last["error"]["code"], "websocket_connection_limit_reached");
    assert_eq!((end.by, end.why.contains("an hour")), (EndedBy::Us, true));
}

#[tokio::test]
async fn what_was_begun_is_finished_after_an_hour() {
    let warm_up = json!({"type": "response.create", "model": "m", "input": "Hi.", "generate": false});
    let (heard, _) = heard_in_the_last_moment(&[warm_up]).await;
    let kinds: Vec<&str> = heard.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["response.created", "response.in_progress", "response.completed", "error"]);
}

#[test]
fn a_message_is_a_request_of_its_own_kind() {
    for (text, words) in [
        ("nonsense", "JSON"),
        ("[]", "object"),
        ("null", "object"),
        ("{}", "response.create"),
        (r#"{"type":"response.cancel"}"#, "response.create"),
        (r#"{"type":["response.create"]}"#, "response.create"),
    ] {
        let refusal = request_in(text).unwrap_err();
        assert_eq!(refusal.status, 400, "{text}");
        assert!(refusal.message.contains(words), "{text}: {}", refusal.message);
    }
}

#[test]
fn what_only_http_has_is_not_asked_for() {
    let text =
        r#"{"type":"response.create","model":"m","stream":false,"stream_options":{},"background":true,"input":"Hi."}"#;
    let request = Value::Object(request_in(text).unwrap());
    assert_eq!(request, json!({"model": "m", "stream": true, "input": "Hi."}));
}

#[test]
fn an_error_has_all_of_its_forms() {
    let refusal =
        Refusal::new(StatusCode::BAD_REQUEST, "previous_response_not_found", "Gone.").at("previous_response_id");
    let error = json!({
        "type": "invalid_request_error", "code": "previous_response_not_found", "message": "Gone.",
        "param": "previous_response_id",
    });
    let expected = json!({
        "type": "error", "sequence_number": 0, "status": 400, "code": "previous_response_not_found",
        "message": "Gone.", "param": "previous_response_id", "error": error,
    });
    assert_eq!(envelope(&refusal), expected);
}
