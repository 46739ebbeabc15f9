//! Which session an exchange belongs to, and how that is called on disk.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::DateTime;

use super::block::hash;
use super::clean::header;
use super::index::{Named, VERSION};
use super::shelf::Shelf;
use crate::capture::record::Head;

/// Codex, since 0.137 and before.
const HEADERS: [&str; 2] = ["session-id", "session_id"];
/// Letters of a name that a client gives itself or its session; longer ones are no ids, and are cut.
const LONGEST: usize = 128;
const UNKNOWN: &str = "unknown";

/// By what exchanges are taken together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// A client that names its sessions: over all runs.
    Session(String),
    /// All others: what they do in this run.
    Client(String),
}

#[derive(Debug, Default)]
pub(super) struct Names {
    keys: HashMap<Who, Arc<str>>,
    /// Sessions that have no files yet.
    named: HashMap<Arc<str>, Named>,
    taken: HashSet<Arc<str>>,
}

impl Names {
    /// Sessions of earlier runs that may go on.
    pub(super) fn of(shelf: &Shelf) -> Self {
        let mut names = Self::default();
        let mut sessions: Vec<_> = shelf.sessions.iter().collect();
        sessions.sort_by_key(|(_, session)| session.named.begun_ms);
        for (key, session) in sessions {
            names.taken.insert(Arc::clone(key));
            if let Some(id) = &session.named.client_session {
                names.keys.insert(Who::Session(id.clone()), Arc::clone(key));
            }
        }
        names
    }

    /// The key of the session to which a request belongs.
    pub(super) fn key(&mut self, head: &Head, client: &str, begun_ms: u64) -> Arc<str> {
        let client = cut(client);
        let who = client_session(head).map_or_else(|| Who::Client(client.clone()), Who::Session);
        if let Some(key) = self.keys.get(&who) {
            return Arc::clone(key);
        }
        let key = self.new_key(&who, begun_ms);
        let client_session = match &who {
            Who::Session(id) => Some(id.clone()),
            Who::Client(_) => None,
        };
        let named = Named {
            version: VERSION,
            key: key.to_string(),
            client_session,
            client,
            begun_ms,
            parts: "parts.zst".into(),
        };
        self.named.insert(Arc::clone(&key), named);
        self.taken.insert(Arc::clone(&key));
        self.keys.insert(who, Arc::clone(&key));
        key
    }

    fn new_key(&self, who: &Who, begun_ms: u64) -> Arc<str> {
        let begun = i64::try_from(begun_ms).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default();
        let (Who::Session(name) | Who::Client(name)) = who;
        let mut salt = 0_u32;
        loop {
            let mut key = begun.format("%Y%m%d-%H%M%S-").to_string();
            for byte in &hash(format!("{begun_ms} {salt} {name}").as_bytes())[..4] {
                write!(key, "{byte:02x}").expect("a string takes all");
            }
            if !self.taken.contains(key.as_str()) {
                return key.into();
            }
            salt += 1;
        }
    }

    /// Whose session it is, for its first line.
    pub(super) fn named(&self, key: &Arc<str>, begun_ms: u64) -> Named {
        self.named.get(key).cloned().unwrap_or_else(|| Named {
            version: VERSION,
            key: key.to_string(),
            client_session: None,
            client: UNKNOWN.into(),
            begun_ms,
            parts: "parts.zst".into(),
        })
    }

    /// A session was removed: what comes of it later begins a new one.
    pub(super) fn forget(&mut self, key: &str) {
        self.keys.retain(|_, known| &**known != key);
        self.named.remove(key);
    }
}

fn client_session(head: &Head) -> Option<String> {
    let id = HEADERS.iter().find_map(|name| header(head, name))?.trim();
    Some(cut(id)).filter(|id| id != UNKNOWN)
}

fn cut(name: &str) -> String {
    if name.is_empty() { UNKNOWN.into() } else { name.chars().take(LONGEST).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::place;
    use super::*;

    fn head(name: &str, value: &str) -> Head {
        Head { headers: vec![(name.into(), value.into())], ..Head::default() }
    }

    #[test]
    fn a_client_that_names_its_sessions_has_one_for_each_name() {
        let mut names = Names::default();
        let one = names.key(&head("Session-Id", "a"), "codex", 1_700_000_000_000);
        let same = names.key(&head("session_id", "a"), "codex", 1_700_000_009_000);
        let other = names.key(&head("session-id", "b"), "codex", 1_700_000_000_000);
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert_eq!(names.named(&one, 0).client_session.as_deref(), Some("a"));
    }

    #[test]
    fn others_have_one_for_each_name_that_they_bear() {
        let mut names = Names::default();
        let none = Head::default();
        let curl = names.key(&none, "curl/8.5.0", 1);
        assert_eq!(names.key(&none, "curl/8.5.0", 99), curl);
        assert_ne!(names.key(&none, "python/3", 1), curl);
        names.forget(&curl);
        assert_ne!(names.key(&none, "curl/8.5.0", 1), curl);
    }

    #[test]
    fn keys_are_safe_in_a_path_whatever_a_client_says() {
        for (begun_ms, name) in [(0, "../../etc"), (u64::MAX, "\u{0}"), (1_700_000_000_000, "é/…")] {
            let key = Names::default().key(&head("session-id", name), name, begun_ms);
            assert!(place::is_key(&key), "{key}");
        }
        let key = Names::default().key(&Head::default(), "x", 1_764_353_324_000);
        assert!(key.starts_with("20251128-180844-"), "{key}");
    }
}
