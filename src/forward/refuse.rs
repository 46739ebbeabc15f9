//! Tells a client why it cannot be served: a 503 with JSON for those who speak HTTP, a reset for the others. An accepted and
//! then politely closed connection is what makes other forwarders' failures unreadable.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fault::Fault;
use crate::net::options::reset_on_close;

/// How long a client that said nothing yet may take to show what it speaks.
const FIRST_WORDS: Duration = Duration::from_millis(500);
/// How long a refused client may take to send the rest of its request and to hang up. Closing before that would reset the
/// connection and could take the answer away from it (RFC 9112, 9.6).
const GOODBYE: Duration = Duration::from_secs(2);
/// Enough for method and path.
const HEAD_PREFIX: usize = 2048;

/// Refuses, and closes the connection.
pub(super) async fn refuse(mut client: TcpStream, fault: &Fault) {
    let mut head = [0; HEAD_PREFIX];
    let seen = timeout(FIRST_WORDS, client.peek(&mut head)).await;
    let said = seen.ok().and_then(Result::ok).map_or(&[][..], |count| &head[..count]);
    if !looks_like_http(said) {
        reset_on_close(&client);
        return;
    }
    let answer = answer(fault, is_openai(said));
    if client.write_all(answer.as_bytes()).await.is_ok() && client.shutdown().await.is_ok() {
        let mut rest = vec![0; 16 << 10];
        let _ = timeout(GOODBYE, async { while client.read(&mut rest).await.is_ok_and(|count| count > 0) {} }).await;
    }
}

/// A request line begins with a method of RFC 9110 or 5789, and a target that is a path, an asterisk or an address.
fn looks_like_http(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE "];
    METHODS.iter().any(|method| bytes.starts_with(method))
}

fn is_openai(head: &[u8]) -> bool {
    let target = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    is_openai_path(target)
}

/// The paths that are compatible with `OpenAI` have their own error envelope.
pub fn is_openai_path(path: &[u8]) -> bool {
    path.starts_with(b"/v1/") || path.starts_with(b"/responses")
}

/// The whole answer, in HTTP.
fn answer(fault: &Fault, openai: bool) -> String {
    let body = body(fault, openai);
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         retry-after: {RETRY_AFTER}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Seconds after which a client may try again.
pub const RETRY_AFTER: u32 = 2;

/// The JSON that tells a client of a fault, in the envelope of `OpenAI`'s paths or of Ollama's own.
pub fn body(fault: &Fault, openai: bool) -> String {
    const HINT: &str = "ollama-forward doctor";
    let text = format!("ollama-forward: {} — {}. Next: {}", fault.what, fault.id.likely(), fault.id.next());
    let code = fault.id.as_str();
    let body = if openai {
        json!({
            "error": { "message": text, "type": "upstream_unavailable", "param": null, "code": code },
            "hint": HINT,
        })
    } else {
        json!({ "error": text, "code": code, "hint": HINT })
    };
    format!("{body}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultId;

    #[test]
    fn http_is_known_by_its_request_line() {
        for line in ["GET / HTTP/1.1", "POST /v1/responses HTTP/1.1", "HEAD / HTTP/1.0", "OPTIONS * HTTP/1.1"] {
            assert!(looks_like_http(line.as_bytes()), "{line}");
        }
        for other in ["", "GE", "get / http", "SSH-2.0-x", "\x16\x03\x01", "GETAWAY"] {
            assert!(!looks_like_http(other.as_bytes()), "{other:?}");
        }
    }

    #[track_caller]
    fn body(request: &str) -> serde_json::Value {
        let fault = Fault::new(FaultId::UpstreamRefused, "172.24.0.1:11434 refuses connections");
        let answer = answer(&fault, is_openai(request.as_bytes()));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn ollamas_own_paths_get_its_error_shape() {
        let body = body("POST /api/chat HTTP/1.1\r\n");
        assert_eq!(body["code"], "E-UPSTREAM-REFUSED");
        assert_eq!(body["hint"], "ollama-forward doctor");
        assert!(body["error"].as_str().unwrap().contains("172.24.0.1:11434 refuses connections"));
    }

    #[test]
    fn openai_paths_get_the_openai_envelope() {
        let body = body("POST /v1/chat/completions HTTP/1.1\r\n");
        assert_eq!(body["error"]["code"], "E-UPSTREAM-REFUSED");
        assert_eq!(body["error"]["type"], "upstream_unavailable");
        assert!(body["error"]["message"].is_string());
    }
}
