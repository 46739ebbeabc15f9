//! Where an exchange belongs, by the client's own account: Codex's headers and metadata, in the spellings of 0.80 to 0.169.

use serde_json::Value;

use crate::capture::record::{Api, Head, Thread};

use super::form::header;
use super::json;

/// Ids are UUIDs; what is much longer is none.
const LONGEST: usize = 128;

/// `body` is the request; null where it could not be read.
pub(super) fn read(head: Option<&Head>, path: &str, api: Api, body: &Value) -> Thread {
    let told = Told::new(head, body);
    let session_id = told.id(&["session-id", "session_id"], "session_id");
    // Before 0.130 a session was one thread.
    let thread_id = told.id(&["thread-id", "thread_id", "conversation_id"], "thread_id").or_else(|| session_id.clone());
    let subagent = told.id(&["x-openai-subagent", "x_openai_subagent"], "subagent_kind");
    let parent_thread_id =
        told.id(&["x-codex-parent-thread-id", "x_codex_parent_thread_id"], "parent_thread_id").or_else(|| {
            // The session of a sub-agent is that of the thread which everything began with.
            subagent.as_ref().and_then(|_| session_id.clone())
        });
    let kind = told.kind(subagent.as_deref(), path).or_else(|| {
        let is_turn = session_id.is_some() && matches!(api, Api::Responses | Api::Chat);
        is_turn.then(|| guess(body).to_owned())
    });
    let window_id = told.id(&["x-codex-window-id"], "window_id");
    let of_window_id = || window_id.as_deref()?.rsplit_once(':')?.1.parse().ok();
    Thread {
        parent_thread_id: parent_thread_id.filter(|parent| Some(parent) != thread_id.as_ref()),
        turn_id: told.id(&[], "turn_id"),
        root_turn_id: told.id(&[], "root_turn_id"),
        // Sub-agents of 0.169 are called `/root`, as their parents are.
        agent: told.id(&[], "agent_name").filter(|name| name != "/root" || subagent.is_none()).or(subagent),
        window_number: told.metadata.get("window_number").and_then(Value::as_u64).or_else(of_window_id),
        session_id,
        thread_id,
        kind,
    }
}

/// All places in which Codex tells where it is.
struct Told<'h> {
    head: Option<&'h Head>,
    /// `x-codex-turn-metadata`.
    metadata: Value,
    /// `client_metadata` of the body.
    in_body: &'h Value,
}

impl<'h> Told<'h> {
    fn new(head: Option<&'h Head>, body: &'h Value) -> Self {
        let in_body = body.get("client_metadata").unwrap_or(&Value::Null);
        let in_header = head.and_then(|head| header(head, "x-codex-turn-metadata"));
        let mut texts = [in_header, json::text(in_body, "x-codex-turn-metadata")].into_iter().flatten();
        let read = |text: &str| serde_json::from_str(text).ok().filter(Value::is_object);
        Self { head, metadata: texts.find_map(read).unwrap_or(Value::Null), in_body }
    }

    /// The first of: headers, metadata, the body.
    fn id(&self, headers: &[&str], key: &str) -> Option<String> {
        let in_headers = headers.iter().filter_map(|name| header(self.head?, name));
        let in_metadata = json::text(&self.metadata, key).into_iter();
        let in_body = headers.iter().chain([&key]).filter_map(|name| json::text(self.in_body, name));
        let mut all = in_headers.chain(in_metadata).chain(in_body).map(str::trim);
        all.find(|id| !id.is_empty() && id.len() <= LONGEST).map(str::to_owned)
    }

    fn kind(&self, subagent: Option<&str>, path: &str) -> Option<String> {
        let request = self.id(&[], "request_kind");
        let source = self.id(&[], "thread_source");
        let known = match (request.as_deref(), source.as_deref(), subagent) {
            (Some("compaction"), ..) | (.., Some("compact")) => Some("compaction"),
            _ if path.ends_with("/compact") => Some("compaction"),
            (_, Some("thread_title"), _) => Some("title"),
            (Some("turn") | None, Some("subagent"), _) | (Some("turn") | None, _, Some(_)) => Some("subagent"),
            (_, _, None | Some(_)) => None,
        };
        known.map(str::to_owned).or(request)
    }
}

/// Older versions do not say; what they ask for does.
fn guess(body: &Value) -> &'static str {
    let last = json::list(body, "input").last().and_then(|item| item.get("content")?.get(0)?.get("text")?.as_str());
    if last.is_some_and(|text| text.starts_with("You are performing a CONTEXT CHECKPOINT")) {
        "compaction"
    } else {
        "turn"
    }
}
