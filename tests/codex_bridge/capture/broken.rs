//! What came to no good end: who left, what failed, and that each try is a row.

use ollama_forward::capture::Pane;
use ollama_forward::capture::record::{Lane, State};
use serde_json::json;

use super::kept::{CAPTURE, Kept, all, scene, side, text};
use crate::place::Upstream;
use crate::run::{Scene, Version};
use crate::script::Reply;

on_every_version!(
    codex_is_killed_in_the_middle,
    an_upstream_that_is_not_there,
    an_upstream_that_breaks_off,
    a_request_that_the_upstream_refuses,
);

/// It has the call, as it runs it: then it goes.
fn codex_is_killed_in_the_middle(version: Version) {
    let scene = scene(version);
    let sign = Upstream::on("127.0.0.1:0");
    let cmd = format!("bash -c 'echo > /dev/tcp/127.0.0.1/{}'", sign.address.port());
    scene.fake.will(Reply::new().text("One two.").call("exec_command", json!({ "cmd": cmd })).hold("never"));
    let codex = scene.exec(&["Count."]);
    sign.accept();
    codex.kill();
    scene.fake.left(0);
    let kept = Kept::by(scene);
    let [row] = all(&kept);
    assert_eq!((row.state, row.status), (State::Aborted, Some(200)));
    assert_eq!((row.text.as_deref(), row.called.len()), (Some("One two."), 1));
    let error = row.error.as_ref().unwrap();
    assert!(error.text.contains("the client left"), "{error:?}");
    let exchange = kept.exchange(row);
    for (pane, ended) in [
        (Pane::ClientRequest, true),
        (Pane::UpstreamRequest, true),
        (Pane::UpstreamResponse, false),
        (Pane::ClientResponse, false),
    ] {
        let message = side(&exchange, pane);
        assert_eq!((message.ended_us.is_some(), message.size), (ended, message.body.len() as u64), "{pane:?}");
    }
    assert!(text(side(&exchange, Pane::UpstreamResponse)).contains("One two."));
    let got = text(side(&exchange, Pane::ClientResponse));
    assert!(got.contains("response.output_item.done") && !got.contains("response.completed"), "{got}");
}

fn an_upstream_that_is_not_there(version: Version) {
    let scene = Scene::with(version, &[&CAPTURE[..], &["--wait-for-upstream", "0"]].concat());
    scene.provider("stream_max_retries = 2");
    scene.fake.down();
    scene.exec_by_provider(&["Hello?"]).said().failed();
    let kept = Kept::by(scene);
    assert!(kept.probes.is_empty(), "{:#?}", kept.probes);
    let rows = all::<3>(&kept);
    for row in rows {
        assert_eq!((row.state, row.session.as_str()), (State::Failed, rows[0].session.as_str()), "{row:#?}");
        assert_eq!(row.user.as_deref(), Some("Hello?"));
        let error = row.error.as_ref().unwrap();
        assert_eq!(error.id.as_deref(), Some("E-UPSTREAM-REFUSED"), "{error:?}");
        assert!(error.text.contains(&kept.fake.address.to_string()), "{error:?}");
        assert_eq!(row.thread.turn_id, rows[0].thread.turn_id);
        assert_eq!((row.times.head, row.tokens.input, row.text.as_ref()), (None, None, None), "it said nothing");
    }
}

/// With nothing to be continued it is told; Codex tries again, and the third time it goes well.
fn an_upstream_that_breaks_off(version: Version) {
    let scene = Scene::with(version, &[&CAPTURE[..], &["--resume-window", "0"]].concat());
    for _ in 0..2 {
        scene.fake.will(Reply::new().text("Half").error("model runner has unexpectedly stopped"));
    }
    scene.fake.will(Reply::new().text("Whole.").done());
    let said = scene.exec(&["Hello?"]).said();
    assert_eq!(said.code, Some(0), "{said:?}");
    let kept = Kept::by(scene);
    let rows = all::<3>(&kept);
    assert_eq!(rows.map(|row| row.state), [State::Failed, State::Failed, State::Done]);
    assert_eq!(rows.map(|row| row.text.as_deref().unwrap()), ["Half", "Half", "Whole."]);
    for row in &rows[..2] {
        let error = row.error.as_ref().unwrap();
        assert!(error.text.contains("model runner has unexpectedly stopped"), "{error:?}");
    }
    assert_eq!(rows[2].error, None);
    assert_eq!(rows.map(|row| &row.session), [&rows[0].session; 3]);
    assert_eq!(rows.map(|row| &row.thread.turn_id), [&rows[0].thread.turn_id; 3]);
}

/// A model that is not there, and options that are none: one try, with the upstream's own words.
fn a_request_that_the_upstream_refuses(version: Version) {
    let scene = scene(version);
    scene.provider("");
    scene.fake.will(Reply::status(400, "invalid options: mirostat"));
    scene.exec_by_provider(&["Hello?"]).said().failed();
    scene.exec_by_provider(&["-m", "llama9:1b", "Hello?"]).said().failed();
    let kept = Kept::by(scene);
    let rows = all::<2>(&kept);
    for (row, words) in rows.into_iter().zip(["invalid options: mirostat", "ollama pull"]) {
        assert_eq!((row.state, row.lane), (State::Failed, Lane::Translated), "{row:#?}");
        let error = row.error.as_ref().unwrap();
        assert!(error.text.contains(words), "{error:?}");
    }
    assert_eq!(rows[1].model, "llama9:1b");
    assert_ne!(rows[0].session, rows[1].session);
}
