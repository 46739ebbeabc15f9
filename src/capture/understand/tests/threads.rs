//! Who asks, by Codex's headers and metadata, and what a person said last.

use crate::capture::record::{Lane, Thread};
use crate::capture::understand::{row, view};
use crate::capture::view::{Call, ItemKind, Part};

use super::{asked, codex, exchange, fixture};

fn thread(version: &str, body: &[u8]) -> Thread {
    row(&exchange(Lane::Passed, vec![codex(version, body)])).thread
}

#[track_caller]
fn check(version: &str, kind: &str, has_turn: bool, is_child: bool) {
    let thread = thread(version, b"{}");
    assert_eq!(thread.kind.as_deref(), Some(kind), "{version}");
    assert!(thread.session_id.is_some() && thread.thread_id.is_some(), "{version}: {thread:?}");
    assert_eq!(thread.turn_id.is_some(), has_turn, "{version}: {thread:?}");
    assert_eq!(thread.parent_thread_id.is_some(), is_child, "{version}: {thread:?}");
}

#[test]
fn every_version_tells_its_thread() {
    check("0.80", "turn", false, false);
    check("0.98", "turn", false, false);
    check("0.130", "turn", true, false);
    check("0.137", "turn", true, false);
    check("0.169", "turn", true, false);
    check("0.169_compaction", "compaction", true, false);
    check("0.169_child", "subagent", true, true);
    check("0.169_title", "title", true, false);
    check("0.169_socket", "prewarm", false, false);
}

#[test]
fn a_child_knows_its_parent_and_its_root() {
    let child = thread("0.169_child", b"{}");
    assert_eq!(child.parent_thread_id, child.session_id);
    assert_ne!(child.thread_id, child.session_id);
    assert_ne!(child.root_turn_id, child.turn_id);
    assert_eq!(child.agent.as_deref(), Some("collab_spawn"));
}

#[test]
fn without_headers_the_body_tells_it() {
    let body = fixture!("codex/requests/0.169_loop.json");
    let bare = row(&exchange(Lane::Passed, vec![asked("/v1/responses", Vec::new(), body)])).thread;
    assert_eq!(bare, thread("0.169", body));
}

#[test]
fn metadata_that_makes_no_sense_is_none() {
    let headers = |value: &str| vec![("x-codex-turn-metadata".to_owned(), value.to_owned())];
    for value in ["", "{", "[1]", "\"x\"", "{\"thread_id\":7}", "{\"turn_id\":\" \"}"] {
        let message = asked("/v1/responses", headers(value), b"{}");
        assert_eq!(row(&exchange(Lane::Passed, vec![message])).thread, Thread::default(), "{value}");
    }
    let long = format!("{{\"thread_id\":\"{}\"}}", "x".repeat(1000));
    let message = asked("/v1/responses", headers(&long), b"{}");
    assert_eq!(row(&exchange(Lane::Passed, vec![message])).thread, Thread::default());
}

#[track_caller]
fn said(body: &[u8], user: &str) {
    assert_eq!(row(&exchange(Lane::Passed, vec![codex("0.169", body)])).user.as_deref(), Some(user));
}

#[test]
fn what_codex_says_for_itself_is_not_the_user_s_last_word() {
    said(fixture!("codex/requests/0.169_exec.json"), "hello");
    said(fixture!("codex/requests/0.169_image.json"), "hello");
    said(fixture!("codex/requests/0.130_between.json"), "hello");
    said(fixture!("codex/requests/0.98_view_image.json"), "hello");
    said(fixture!("codex/requests/0.169_agents.json"), "go parent");
    said(br#"{"input":"one text"}"#, "one text");
    let only_own = br##"{"input":[{"role":"user","content":"# AGENTS.md instructions for /w"}]}"##;
    said(only_own, "# AGENTS.md instructions for /w");
}

#[test]
fn long_words_are_cut() {
    let long = "é".repeat(1000);
    let body = serde_json::json!({"input": long}).to_string();
    said(body.as_bytes(), &format!("{}…", "é".repeat(300)));
}

#[test]
fn items_of_all_versions_are_known() {
    let items = |body: &[u8]| view(&exchange(Lane::Passed, vec![codex("0.169", body)]), None).conversation;
    let custom = items(fixture!("codex/requests/0.169_custom.json"));
    let call = custom.iter().find(|item| item.kind == ItemKind::Call).unwrap();
    assert!(matches!(&call.call, Some(Call::Patch { patch }) if patch.contains("+hello patch")), "{call:?}");
    assert!(call.output.is_some());
    let heredoc = items(fixture!("codex/requests/0.169_heredoc.json"));
    assert!(heredoc.iter().any(|item| matches!(&item.call, Some(Call::Patch { .. }))));
    let mcp = items(fixture!("codex/requests/0.169_mcp_call.json"));
    assert!(mcp.iter().any(|item| item.name.as_deref() == Some("mcp__tiny.add") && item.output.is_some()));
    let image = items(fixture!("codex/requests/0.169_view_image.json"));
    assert!(image.iter().any(|item| matches!(item.parts.as_slice(), [Part::Image { .. }])));
    let orphan = items(fixture!("codex/requests/0.169_orphan.json"));
    let outputs: Vec<_> = orphan.iter().filter(|item| item.kind == ItemKind::Output).collect();
    assert_eq!(outputs.iter().filter(|item| item.call_id.is_none()).count(), 1);
    let between = items(fixture!("codex/requests/0.130_between.json"));
    assert!(between.iter().any(|item| item.kind == ItemKind::Call && item.output.is_some()));
}
