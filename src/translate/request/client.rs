//! Who asks.

use serde_json::Value;

use crate::translate::Client;

/// By the headers `originator` and `user-agent`, and by what Codex writes into the body (0.130 to 0.169).
pub fn client(originator: Option<&str>, user_agent: Option<&str>, request: &Value) -> Client {
    let named = [originator, user_agent].into_iter().flatten();
    let codex = |name: &str| name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("codex"));
    let metadata = request.get("client_metadata").and_then(Value::as_object);
    let marked = metadata.is_some_and(|metadata| metadata.keys().any(|key| key.starts_with("x-codex-")));
    if marked || named.into_iter().any(codex) { Client::Codex } else { Client::Other }
}
