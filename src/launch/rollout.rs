//! The first line of a session's file, `$CODEX_HOME/sessions/YYYY/MM/DD/rollout-….jsonl`: whose session it is.

use serde_json::Value;

/// What the first line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub provider: Option<String>,
    /// It was begun by another session, not by a person.
    pub is_child: bool,
}

/// None: it is no such line.
pub fn session(line: &str) -> Option<Session> {
    let line: Value = serde_json::from_str(line).ok()?;
    let told = (line["type"] == "session_meta").then(|| &line["payload"])?;
    let id = told["id"].as_str().filter(|id| is_plain(id))?.to_owned();
    // `"exec"`, `"cli"`; of a child, an object.
    let is_child = told["source"].is_object() || told["thread_source"].as_str().is_some_and(|by| by != "user");
    Some(Session { id, provider: told["model_provider"].as_str().map(str::to_owned), is_child })
}

/// It is shown to be pasted into a shell.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: &str, expected: Option<(&str, Option<&str>, bool)>) {
        let line = format!(r#"{{"timestamp":"x","type":"session_meta","payload":{payload}}}"#);
        let told = session(&line);
        let told = told.as_ref().map(|one| (one.id.as_str(), one.provider.as_deref(), one.is_child));
        assert_eq!(told, expected, "{payload}");
    }

    #[test]
    fn a_session_has_an_id_and_a_provider() {
        check(r#"{"id":"01a2-ff","source":"exec","model_provider":"x"}"#, Some(("01a2-ff", Some("x"), false)));
        check(r#"{"id":"01a2","source":"cli","thread_source":"user"}"#, Some(("01a2", None, false)));
        check(r#"{"id":"01a2","source":{"subagent":"review"}}"#, Some(("01a2", None, true)));
    }

    #[test]
    fn what_is_no_id_is_not_shown() {
        check(r#"{"id":"a; rm -rf /"}"#, None);
        check(r#"{"id":""}"#, None);
        check("{}", None);
        for line in ["", "{", "[]", r#"{"type":"turn_context","payload":{"id":"a"}}"#] {
            assert_eq!(session(line), None, "{line}");
        }
    }
}
