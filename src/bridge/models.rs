//! Which model a request gets. Sub-agents of Codex may ask for models of OpenAI, which a local upstream does not have: their
//! parents told them so, from a list in a tool's description.

use std::collections::VecDeque;

use serde_json::Value;

use super::catalog::is_same_model;
use super::settings::Subagents;

/// Who asks, by the client's own account: in headers, which changed their spelling with Codex 0.137, and in the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    pub id: Option<String>,
    pub parent: Option<String>,
}

impl Thread {
    /// `header` gives the value of a header; names are in lower case.
    pub fn read<'h>(header: impl Fn(&str) -> Option<&'h str>, body: &Value) -> Self {
        let metadata = &body["client_metadata"];
        let told = |names: &[&str]| {
            let in_body = |name: &&str| metadata[*name].as_str();
            let found = names.iter().find_map(|name| header(name)).or_else(|| names.iter().find_map(in_body));
            found.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID).map(str::to_owned)
        };
        let id = told(&["thread-id", "thread_id", "session-id", "session_id"]);
        let parent = told(&["x-codex-parent-thread-id", "x_codex_parent_thread_id"]).or_else(|| {
            // The session of a sub-agent is that of the thread which everything began with.
            let subagent = told(&["x-openai-subagent", "x_openai_subagent"]).is_some();
            subagent.then(|| told(&["session-id", "session_id"])).flatten()
        });
        Self { parent: parent.filter(|parent| Some(parent) != id.as_ref()), id }
    }
}

/// Ids are UUIDs; what is much longer is none.
const LONGEST_ID: usize = 128;
/// Threads that are remembered. Only those that still start sub-agents matter.
const MOST_THREADS: usize = 256;

/// A request got another model than it named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    pub asked: String,
    pub used: String,
}

/// Which threads use which model.
#[derive(Debug)]
pub struct Models {
    subagents: Subagents,
    /// Used last is last.
    threads: VecDeque<(String, String)>,
    last: Option<String>,
}

impl Models {
    pub fn new(subagents: Subagents) -> Self {
        Self { subagents, threads: VecDeque::new(), last: None }
    }

    /// The model for a request that names `asked`, and whether that is another one. `known` are the upstream's models;
    /// none, when it did not tell.
    pub fn choose(&mut self, asked: &str, thread: &Thread, known: &[String]) -> (String, Option<Replaced>) {
        let is_there = known.iter().any(|name| is_same_model(asked, name));
        let instead = match self.subagents {
            Subagents::Parent if !is_there && is_of_openai(asked) => self.of_parent(thread),
            Subagents::Parent | Subagents::AsGiven => None,
        };
        let Some(used) = instead else {
            // A name that is wrong must not become that of others.
            if is_there || !is_of_openai(asked) {
                self.last = Some(asked.to_owned());
                self.remember(thread, asked);
            }
            return (asked.to_owned(), None);
        };
        // Its own children get the same.
        self.remember(thread, &used);
        (used.clone(), Some(Replaced { asked: asked.to_owned(), used }))
    }

    fn of_parent(&self, thread: &Thread) -> Option<String> {
        let of = |id: &Option<String>| {
            let id = id.as_ref()?;
            self.threads.iter().find(|(thread, _)| thread == id).map(|(_, model)| model.clone())
        };
        of(&thread.parent).or_else(|| of(&thread.id)).or_else(|| self.last.clone())
    }

    fn remember(&mut self, thread: &Thread, model: &str) {
        let Some(id) = &thread.id else { return };
        self.threads.retain(|(other, _)| other != id);
        if self.threads.len() == MOST_THREADS {
            self.threads.pop_front();
        }
        self.threads.push_back((id.clone(), model.to_owned()));
    }
}

/// A name that only OpenAI serves. `gpt-oss` is theirs too, and runs anywhere.
fn is_of_openai(model: &str) -> bool {
    let name = model.strip_prefix("openai/").unwrap_or(model).to_ascii_lowercase();
    let reasoner = || {
        // o1, o3-mini, o4-mini …
        let rest = name.strip_prefix('o')?;
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        Some(after.len() < rest.len() && (after.is_empty() || after.starts_with('-')))
    };
    let prefixes = ["gpt-", "chatgpt-", "codex-"];
    !name.starts_with("gpt-oss") && (prefixes.iter().any(|prefix| name.starts_with(prefix)) || reasoner() == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_openai_are_known() {
        for name in [
            "gpt-5.5",
            "GPT-4o",
            "gpt-6-sol",
            "o3",
            "o4-mini",
            "codex-mini-latest",
            "chatgpt-4o-latest",
            "openai/gpt-5",
        ] {
            assert!(is_of_openai(name), "{name}");
        }
        for name in [
            "gpt-oss:20b",
            "gpt-oss",
            "openai/gpt-oss-20b",
            "qwen3:14b",
            "olmo3",
            "o",
            "orca",
            "o3x",
            "opencoder",
            "codestral",
        ] {
            assert!(!is_of_openai(name), "{name}");
        }
    }

    #[test]
    fn a_sub_agent_gets_its_parents_model() {
        check(&[("qwen3:14b", "a", ""), ("gemma4", "b", ""), ("gpt-5.5", "c", "a")], "qwen3:14b");
    }

    #[test]
    fn and_so_does_its_own_sub_agent() {
        check(&[("qwen3:14b", "a", ""), ("gpt-5.5", "c", "a"), ("gemma4", "b", ""), ("o3", "d", "c")], "qwen3:14b");
    }

    #[test]
    fn without_a_known_parent_it_is_the_last_local_model() {
        check(&[("qwen3:14b", "a", ""), ("gemma4", "b", ""), ("gpt-5.5", "c", "unknown")], "gemma4");
        check(&[("gemma4", "", ""), ("gpt-5-mini", "", "")], "gemma4");
    }

    #[test]
    fn with_no_local_model_yet_it_is_as_given() {
        check(&[("gpt-5.5", "a", ""), ("gpt-5.5", "b", "a")], "gpt-5.5");
    }

    #[test]
    fn a_local_model_is_as_given() {
        check(&[("qwen3:14b", "a", ""), ("gemma4", "b", "a")], "gemma4");
        check(&[("qwen3:14b", "a", ""), ("gpt-oss:20b", "b", "a")], "gpt-oss:20b");
        check(&[("qwen3:14b", "a", ""), ("no-such", "b", "a")], "no-such");
    }

    #[test]
    fn what_the_upstream_has_is_as_given() {
        check(&[("qwen3:14b", "a", ""), ("gpt-2", "b", "a")], "gpt-2");
        check(&[("qwen3:14b", "a", ""), ("gpt-2", "b", "a"), ("o3", "c", "b")], "gpt-2");
    }

    #[test]
    fn as_given_means_as_given() {
        let mut models = Models::new(Subagents::AsGiven);
        models.choose("qwen3:14b", &thread("a", ""), &[]);
        assert_eq!(models.choose("gpt-5.5", &thread("b", "a"), &[]), ("gpt-5.5".into(), None));
    }

    #[test]
    fn a_replaced_model_is_told() {
        let mut models = Models::new(Subagents::Parent);
        models.choose("qwen3:14b", &thread("a", ""), &[]);
        let told = Replaced { asked: "gpt-5.5".into(), used: "qwen3:14b".into() };
        assert_eq!(models.choose("gpt-5.5", &thread("b", "a"), &[]), ("qwen3:14b".into(), Some(told)));
    }

    #[test]
    fn threads_are_forgotten_oldest_first() {
        let mut models = Models::new(Subagents::Parent);
        models.choose("old", &thread("0", ""), &[]);
        for number in 1..=MOST_THREADS {
            models.choose("new", &thread(&number.to_string(), ""), &[]);
        }
        assert_eq!(models.threads.len(), MOST_THREADS);
        assert_eq!(models.choose("o3", &thread("x", "0"), &[]).0, "new");
    }

    #[test]
    fn threads_are_read_in_every_spelling() {
        let headers: &[&[(&str, &str)]] = &[
            &[
                ("thread-id", "t"),
                ("session-id", "s"),
                ("x-codex-parent-thread-id", "p"),
                ("x-openai-subagent", "collab_spawn"),
            ],
            &[("thread_id", "t"), ("session_id", "p"), ("x-openai-subagent", "collab_spawn")],
        ];
        for headers in headers {
            assert_eq!(read(headers, &json!({})), thread("t", "p"), "{headers:?}");
        }
        assert_eq!(read(&[("session_id", "t")], &json!({})), thread("t", ""));
        assert_eq!(read(&[("session-id", "t"), ("thread-id", "t")], &json!({})), thread("t", ""));
        let body = json!({"client_metadata": {"thread_id": "t", "x-codex-parent-thread-id": "p"}});
        assert_eq!(read(&[], &body), thread("t", "p"));
        assert_eq!(read(&[], &json!({"client_metadata": [1]})), Thread::default());
        assert_eq!(read(&[("thread-id", &"x".repeat(1000))], &json!([])), Thread::default());
    }

    /// As Codex 0.169 sends it: the session is the parent's.
    #[test]
    fn the_threads_of_a_real_sub_agent_are_found() {
        let (parent, own) = ("01a1fba3-1d88-7bf1-b82b-5682e78cf039", "01a1fba3-1ef7-7a41-b07a-f06a85c42cb6");
        let headers = [
            ("x-codex-parent-thread-id", parent),
            ("x-openai-subagent", "collab_spawn"),
            ("x-client-request-id", own),
            ("session-id", parent),
            ("thread-id", own),
        ];
        assert_eq!(read(&headers, &json!({})), thread(own, parent));
        let body = json!({"client_metadata": {
            "turn_id": "01a1fba3-1f01-7141-ad10-7cfc72937740", "x-openai-subagent": "collab_spawn", "thread_id": own,
            "x-codex-parent-thread-id": parent, "session_id": parent,
        }});
        assert_eq!(read(&[], &body), thread(own, parent));
    }

    fn thread(id: &str, parent: &str) -> Thread {
        let some = |id: &str| (!id.is_empty()).then(|| id.to_owned());
        Thread { id: some(id), parent: some(parent) }
    }

    fn read(headers: &[(&str, &str)], body: &Value) -> Thread {
        Thread::read(|wanted| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value), body)
    }

    /// Requests one after the other, each a model, a thread and its parent; the model that the last one gets. The upstream
    /// has a `gpt-2`.
    #[track_caller]
    fn check(requests: &[(&str, &str, &str)], expected: &str) {
        let mut models = Models::new(Subagents::Parent);
        let known = ["qwen3:14b".to_owned(), "gpt-2:latest".to_owned()];
        let got = requests.iter().map(|(model, id, parent)| models.choose(model, &thread(id, parent), &known).0);
        assert_eq!(got.last().as_deref(), Some(expected));
    }
}
