//! Who asks, and in what: sessions that go on, tools of servers, agents of agents, histories that are made shorter.

use ollama_forward::capture::record::{Row, State};
use ollama_forward::capture::view::ItemKind;
use serde_json::json;

use super::kept::{CAPTURE, Kept, all, scene};
use crate::fake::Ask;
use crate::run::Version;
use crate::script::Reply;

on_every_version!(
    a_session_goes_on_in_another_run,
    a_tool_of_a_server_is_called_by_its_whole_name,
    a_compaction_is_told_from_turns,
);

/// In 0.98 agents are not declared.
#[test]
#[ignore = "needs Codex: scripts/get-codex"]
fn an_agent_of_0_130_is_a_thread_of_its_own() {
    check_agent(Version::V0_130);
}

#[test]
#[ignore = "needs Codex: scripts/get-codex"]
fn an_agent_of_0_169_is_a_thread_of_its_own() {
    check_agent(Version::V0_169);
}

fn a_session_goes_on_in_another_run(version: Version) {
    let scene = scene(version);
    scene.fake.will(Reply::new().text("One it is.").done());
    scene.run(&["First question."]);
    let scene = scene.again(&CAPTURE);
    scene.fake.will(Reply::new().text("Two it is.").done());
    scene.run(&["resume", "--last", "Second question."]);
    scene.fake.will(Reply::new().text("Three it is.").done());
    scene.run(&["A question of its own."]);
    let kept = Kept::by(scene);
    let rows = all::<3>(&kept);
    assert_eq!(
        rows.map(|row| row.user.as_deref().unwrap()),
        ["First question.", "Second question.", "A question of its own."]
    );
    assert_eq!(rows[1].session, rows[0].session, "one directory");
    assert_eq!(rows[1].thread.thread_id, rows[0].thread.thread_id);
    assert_ne!((&rows[2].session, &rows[2].thread.thread_id), (&rows[0].session, &rows[0].thread.thread_id));
    if version != Version::V0_98 {
        assert_ne!(rows[1].thread.turn_id, rows[0].thread.turn_id);
    }
    let view = kept.view(rows[1]);
    assert_eq!(view.previous, rows[0].id);
    let (new, known): (Vec<_>, Vec<_>) = view.conversation.iter().partition(|item| item.new);
    assert_eq!(known.len(), kept.view(rows[0]).conversation.len());
    let kinds: Vec<_> = new.iter().map(|item| (item.kind, item.role.as_str())).collect();
    assert_eq!(
        (kinds.first(), kinds.last()),
        (Some(&(ItemKind::Message, "assistant")), Some(&(ItemKind::Message, "user")))
    );
    assert_eq!(kept.view(rows[2]).previous, None);
    let sessions = kept.sessions();
    assert_eq!(sessions.iter().map(|session| session.exchanges).collect::<Vec<_>>(), [2, 1], "{sessions:#?}");
}

fn a_tool_of_a_server_is_called_by_its_whole_name(version: Version) {
    let scene = scene(version);
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/codex_bridge/mcp.py");
    scene.config(&format!("[mcp_servers.tiny]\ncommand = \"python3\"\nargs = [\"{server}\"]\n"));
    scene.fake.reply_by(|ask| Reply::new().call(&ask.tool("add"), json!({"a": "2", "b": 3})).done());
    scene.fake.will(Reply::new().text("Five.").done());
    scene.run(&["Add 2 and 3."]);
    let kept = Kept::by(scene);
    let rows = all::<2>(&kept);
    // 0.98 has no namespaces, and puts the server's name before the tool's.
    let name = match version {
        Version::V0_98 => "mcp__tiny__add",
        Version::V0_130 => "mcp__tiny__.add",
        Version::V0_169 => "mcp__tiny.add",
    };
    assert_eq!(rows[0].called, [name]);
    let view = kept.view(rows[1]);
    let called: Vec<_> = view.conversation.iter().filter(|item| item.kind == ItemKind::Call).collect();
    assert_eq!(called.len(), 1);
    assert_eq!(called[0].name.as_deref(), Some(name));
    assert!(format!("{:?}", called[0].output).contains("the sum is 5"), "{:#?}", called[0]);
    let tool = view.tools.iter().find(|tool| tool.name == name).expect("it is among the tools that were offered");
    assert_eq!((tool.called, tool.kind.as_str()), (1, "function"));
    // The bridge has mended an argument.
    assert_eq!(rows[0].notes.repaired, 1, "{:?}", kept.view(rows[0]).notes);
}

/// The window is set so small that the first turn fills it.
fn a_compaction_is_told_from_turns(version: Version) {
    let scene = scene(version);
    scene.fake.when(|ask: &Ask| ask.tools().is_empty(), Reply::new().text("S-U-M-M-A-R-Y.").done());
    scene.fake.will(Reply::new().call("exec_command", json!({"cmd": "echo one"})).done());
    scene.fake.whenever(|_| true, Reply::new().text("Done.").done());
    let words = ["-c", "model_context_window=10000", "-c", "model_auto_compact_token_limit=100", "Look."];
    let said = scene.exec(&words).said();
    assert_eq!(said.code, Some(0), "{said:?}");
    let kept = Kept::by(scene);
    let kinds: Vec<&str> = kept.rows.iter().map(|row| row.thread.kind.as_deref().unwrap_or_default()).collect();
    let at = kinds.iter().position(|kind| *kind == "compaction").expect("it asked for a summary");
    let (row, after) = (&kept.rows[at], &kept.rows[at + 1]);
    assert_eq!((kinds.iter().filter(|kind| **kind == "compaction").count(), kinds[at + 1]), (1, "turn"), "{kinds:?}");
    assert_eq!((row.text.as_deref(), row.tools), (Some("S-U-M-M-A-R-Y."), 0));
    assert_eq!((&row.session, &row.thread.thread_id), (&after.session, &after.thread.thread_id));
    if version != Version::V0_98 {
        assert_eq!(after.thread.window_number, row.thread.window_number.map(|number| number + 1));
    }
    let view = kept.view(after);
    assert_eq!(view.previous, row.id);
    let handed: Vec<_> = view.conversation.iter().filter(|item| item.kind == ItemKind::Compaction).collect();
    assert_eq!(handed.len(), 1, "{:#?}", view.conversation);
    assert!(handed[0].new && format!("{:?}", handed[0].parts).contains("S-U-M-M-A-R-Y."), "{handed:#?}");
    assert_eq!(after.user.as_deref(), Some("Look."), "the summary is nobody's question");
}

/// The parent goes on when the child has its answer.
#[track_caller]
fn check_agent(version: Version) {
    let mut scene = scene(version);
    let is_child = |ask: &Ask| ask.last()["role"] == "user" && ask.last().to_string().contains("childs-task");
    scene.fake.when(is_child, Reply::new().text("childs-answer").done());
    scene.fake.reply_by(|ask| Reply::new().call(&ask.tool("spawn_agent"), json!({"message": "childs-task"})).done());
    scene.fake.when(|ask| ask.results().len() == 1, Reply::new().text("Waiting.").hold("child").done());
    // Some versions ask once more, when they hear of the child.
    scene.fake.whenever(|_| true, Reply::new().text("Done.").done());
    let codex = scene.exec(&["Delegate."]);
    for _ in ["the parent's call", "the child's answer"] {
        scene.forward.wait("exchange");
    }
    scene.fake.release("child");
    let said = codex.said();
    assert_eq!(said.code, Some(0), "{said:?}");
    let kept = Kept::by(scene);
    let rows = kept.rows.iter().map(AsRef::as_ref);
    let (children, parents): (Vec<&Row>, Vec<&Row>) =
        rows.partition(|row| row.thread.kind.as_deref() == Some("subagent"));
    assert!(children.len() == 1 && parents.len() >= 2, "{:#?}", kept.rows);
    let (child, parent) = (children[0], parents[0]);
    assert_eq!((child.user.as_deref(), child.text.as_deref()), (Some("childs-task"), Some("childs-answer")));
    assert_eq!((child.state, &child.session), (State::Done, &parent.session));
    assert!(parent.thread.parent_thread_id.is_none() && parent.thread.thread_id.as_deref() == said.thread());
    assert_eq!(child.thread.parent_thread_id, parent.thread.thread_id);
    assert_ne!(child.thread.thread_id, parent.thread.thread_id);
    assert_eq!(child.thread.agent.as_deref(), Some("collab_spawn"));
    assert!(parent.called[0].ends_with("spawn_agent"), "{:?}", parent.called);
    // Side by side, each goes on from its own.
    assert_eq!(kept.view(child).previous, None);
    assert_eq!(kept.view(parents[1]).previous, parent.id);
}
