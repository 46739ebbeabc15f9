//! A turn with a tool: each exchange is kept to the byte, and understood.

use ollama_forward::capture::Pane;
use ollama_forward::capture::record::{Api, Lane, Level, Row, State};
use ollama_forward::capture::view::{Call, Item, ItemKind, Part};
use serde_json::{Value, json};

use super::kept::{Kept, all, scene, side, text};
use super::wiretap::{Said, Wiretap};
use crate::fake::MODEL;
use crate::run::{Scene, Version};
use crate::script::{Reply, TOKENS};

on_every_version!(
    a_turn_with_a_tool_is_told_in_rows,
    a_call_is_joined_with_its_output,
    each_side_is_kept_to_the_byte,
    what_looks_around_is_a_probe,
);

const QUESTION: &str = "Which word does it print?";

/// Thought, words and a call; then words.
fn with_a_tool(scene: &Scene) {
    let reply = Reply::new().thinking("Hm.").text("I will look.");
    scene.fake.will(reply.call("exec_command", json!({"cmd": "echo silver"})).done());
    scene.fake.will(Reply::new().text("It is ").text("silver.").done());
}

fn a_turn_with_a_tool_is_told_in_rows(version: Version) {
    let scene = scene(version);
    with_a_tool(&scene);
    let said = scene.run(&[QUESTION]);
    let kept = Kept::by(scene);
    let rows = all::<2>(&kept);
    for row in rows {
        check_filled(row);
        assert_eq!(row.session, rows[0].session, "one directory");
        assert_eq!(row.user.as_deref(), Some(QUESTION));
        assert!(row.client.starts_with("codex_exec/0."), "{}", row.client);
        assert_eq!(row.thread.thread_id.as_deref(), said.thread(), "{:?}", row.thread);
        assert_eq!(row.thread.kind.as_deref(), Some("turn"));
        assert_eq!(row.thread.turn_id, rows[0].thread.turn_id);
        assert_eq!(row.thread.turn_id.is_some(), version != Version::V0_98, "0.98 does not tell it");
    }
    assert_eq!((rows[0].text.as_deref(), rows[0].reasoning.as_deref()), (Some("I will look."), Some("Hm.")));
    assert_eq!((rows[1].text.as_deref(), rows[1].reasoning.as_deref()), (Some("It is silver."), None));
    assert_eq!((&rows[0].called[..], &rows[1].called[..]), (&["exec_command".to_owned()][..], &[][..]));
    assert!(rows[0].times.first_tool.is_some() && rows[1].times.first_tool.is_none());
    // Thought, words, call, output.
    assert_eq!(rows[1].messages, rows[0].messages + 4);
    assert_eq!((rows[1].tools, rows[1].system_chars), (rows[0].tools, rows[0].system_chars));
    let sessions = kept.sessions();
    assert_eq!(sessions.len(), 1, "{sessions:#?}");
    assert_eq!((&sessions[0].key, sessions[0].exchanges), (&rows[0].session, 2));
    assert_eq!(sessions[0].client_session, rows[0].thread.session_id);
    assert_eq!(sessions[0].title.as_deref(), Some(QUESTION));
}

/// What holds for each call of a model that went well.
#[track_caller]
fn check_filled(row: &Row) {
    assert_eq!((row.state, row.lane, row.api), (State::Done, Lane::Translated, Api::Responses), "{row:#?}");
    assert_eq!((row.method.as_str(), row.path.as_str(), row.status), ("POST", "/v1/responses", Some(200)));
    assert_eq!((row.model.as_str(), row.stream, row.probe, row.incomplete), (MODEL, true, false, false));
    assert!(row.messages >= 3 && row.tools >= 5 && row.system_chars > 10_000, "{row:#?}");
    assert!(row.sent > 10_000 && row.received > 1000 && row.prompt_bytes > 10_000, "{row:#?}");
    assert_eq!((row.tokens.input, row.tokens.output, row.tokens.exact), (Some(TOKENS.0), Some(TOKENS.1), true));
    assert!(row.tokens.prompt_rate.is_some() && row.tokens.decode_rate.is_some(), "{:?}", row.tokens);
    let times = row.times;
    let order = [times.connected, times.head, times.first_event, times.first_token, times.end];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{times:?}");
    assert!(times.load.is_some() && times.prompt.is_some() && times.generation.is_some(), "{times:?}");
    assert_eq!((row.context.used, row.context.level), (Some(TOKENS.0 + TOKENS.1), Level::Fits));
    assert!(row.context.window.is_some() && row.context.maximum.is_some(), "{:?}", row.context);
    assert_eq!((&row.error, row.replay_of, row.redacted), (&None, None, 0));
}

fn a_call_is_joined_with_its_output(version: Version) {
    let scene = scene(version);
    with_a_tool(&scene);
    scene.run(&[QUESTION]);
    let kept = Kept::by(scene);
    let rows = all::<2>(&kept);
    let (first, second) = (kept.view(rows[0]), kept.view(rows[1]));
    assert_eq!((first.previous, second.previous), (None, rows[0].id));
    assert!(first.conversation.iter().all(|item| item.new));
    assert!(first.conversation.iter().all(|item| item.kind == ItemKind::Message), "{:#?}", first.conversation);

    let kinds = |items: &[Item]| items.iter().map(|item| item.kind).collect::<Vec<_>>();
    let said = [ItemKind::Reasoning, ItemKind::Message, ItemKind::Call];
    assert_eq!(kinds(&first.answer), said);
    assert_eq!(kinds(&first.upstream_answer), said, "{:#?}", first.upstream_answer);
    let new: Vec<Item> = second.conversation.iter().filter(|item| item.new).cloned().collect();
    assert_eq!(kinds(&new), [&said[..], &[ItemKind::Output]].concat());
    assert!(second.conversation.ends_with(&new), "what is new comes last");

    let (asked, call, output) = (&first.answer[2], &new[2], &new[3]);
    assert!(asked.call_id.is_some() && asked.call_id == call.call_id && call.call_id == output.call_id);
    for item in [asked, call] {
        assert_eq!(item.name.as_deref(), Some("exec_command"));
        assert!(matches!(&item.call, Some(Call::Command { command, .. }) if command == "echo silver"), "{item:#?}");
    }
    assert_eq!((asked.output.is_some(), call.output.as_ref()), (false, Some(&output.parts)));
    let told: Vec<&str> = output.parts.iter().filter_map(part_text).collect();
    assert!(told.concat().contains("silver"), "{output:#?}");
    let tool = second.tools.iter().find(|tool| tool.name == "exec_command").unwrap();
    assert_eq!((tool.called, tool.changed), (1, None));
    let forms: Vec<_> = second.panes.iter().map(|pane| (pane.pane, pane.form, pane.ended_us.is_some())).collect();
    for pane in [
        (Pane::ClientRequest, "json"),
        (Pane::UpstreamRequest, "json"),
        (Pane::UpstreamResponse, "ndjson"),
        (Pane::ClientResponse, "sse"),
    ] {
        assert!(forms.contains(&(pane.0, pane.1, true)), "{forms:?}");
    }
    assert_eq!(forms.len(), 4);
}

fn part_text(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text } => Some(text),
        Part::Image { .. } | Part::Json { .. } => None,
    }
}

/// Codex's side by what was on the wire, the upstream's by what it was asked and said.
fn each_side_is_kept_to_the_byte(version: Version) {
    let scene = scene(version);
    with_a_tool(&scene);
    let tap = Wiretap::before(scene.place.address);
    let base = format!("http://{}/v1", tap.address);
    let set = |command: &mut std::process::Command| {
        command.env("CODEX_OSS_BASE_URL", base);
    };
    scene.exec_in(set, &[QUESTION]).said().ended_well();
    let kept = Kept::by(scene);
    let (rows, calls, asks) = (all::<2>(&kept), tap.heard(), kept.fake.asks());
    assert_eq!((calls.len(), asks.len()), (2, 2));
    for ((row, call), ask) in rows.into_iter().zip(&calls).zip(&asks) {
        let exchange = kept.exchange(row);
        check_same(&exchange, Pane::ClientRequest, &call.asked);
        check_same(&exchange, Pane::ClientResponse, &call.answered);
        assert!(text(side(&exchange, Pane::ClientResponse)).contains("response.completed"));
        let asked = side(&exchange, Pane::UpstreamRequest);
        assert_eq!(text(asked), ask.text);
        let head = asked.head.as_ref().unwrap();
        assert_eq!(
            (head.target.as_deref(), head.to.as_ref()),
            (Some("/api/chat"), Some(&kept.fake.address.to_string()))
        );
        for (name, value) in &head.headers {
            assert_eq!(ask.header(name), Some(value.as_str()), "{name}");
        }
    }
    let records = |row| text(side(&kept.exchange(row), Pane::UpstreamResponse)).to_owned();
    let said = |row| {
        let records = records(row);
        records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let words = |row| said(row).iter().map(|record| record["message"]["content"].clone()).collect::<Vec<_>>();
    assert_eq!(words(rows[0]), ["", "I will look.", "", ""]);
    assert_eq!(words(rows[1]), ["It is ", "silver.", ""]);
}

#[track_caller]
fn check_same(exchange: &ollama_forward::capture::record::Exchange, pane: Pane, said: &Said) {
    let message = side(exchange, pane);
    assert!(message.body == said.body, "{pane:?}: {:?} is not {said:?}", text(message));
    assert_eq!((message.size, message.redacted), (said.body.len() as u64, 0));
    let head = message.head.as_ref().unwrap();
    let start = match pane {
        Pane::ClientRequest => {
            format!("{} {} {}", head.method.as_ref().unwrap(), head.target.as_ref().unwrap(), head.version)
        }
        Pane::ClientResponse => format!("{} {} OK", head.version, head.status.unwrap()),
        Pane::UpstreamRequest | Pane::UpstreamResponse => panic!("that is not Codex's side"),
    };
    assert_eq!(start, said.start);
    // Of a connection, and of the moment at which it is sent: made when all else is said.
    let by_the_way = ["transfer-encoding", "date", "connection"];
    let told: Vec<_> = said.headers.iter().filter(|(name, _)| !by_the_way.contains(&name.as_str())).cloned().collect();
    assert_eq!(head.headers, told);
}

fn what_looks_around_is_a_probe(version: Version) {
    let scene = scene(version);
    scene.fake.will(Reply::new().text("Hello.").done());
    scene.run(&["Hello?"]);
    let kept = Kept::by(scene);
    all::<1>(&kept);
    let mut paths: Vec<&str> = kept.probes.iter().map(|row| row.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths, ["/api/tags", "/api/version", "/v1/models"]);
    for row in &kept.probes {
        assert_eq!((row.method.as_str(), row.status, row.state), ("GET", Some(200), State::Done));
        assert!(row.model.is_empty() && row.user.is_none() && row.error.is_none(), "{row:#?}");
        assert_ne!(row.session, kept.rows[0].session, "nothing tells that it is the same Codex");
    }
}
