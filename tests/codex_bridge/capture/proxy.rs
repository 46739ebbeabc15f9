//! `HTTP_PROXY` at our port, as `codex_capture` has its users do it: Codex asks `http://localhost:11434` through us.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};

use ollama_forward::capture::Pane;
use ollama_forward::capture::record::{Lane, Row, State};

use super::kept::{CAPTURE, Kept, all, scene, side, text};
use crate::fake::{Fake, MODEL};
use crate::place::Place;
use crate::run::{Codex, Scene, Version};
use crate::script::{Reply, Shape};
use crate::support::skip::say_skipped;

on_every_version!(through_the_bridge, through_a_plain_forward, for_another_server);

/// Ollama's port, on a loopback address that nobody else has.
#[track_caller]
fn ollamas_port() -> Option<SocketAddr> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let pid = std::process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, 100 + NEXT.fetch_add(1, Ordering::Relaxed), pid[2], pid[3]);
    let address = SocketAddr::from((ip, 11434));
    let free = TcpListener::bind(address);
    if let Err(error) = &free {
        say_skipped("codex_bridge", &format!("port 11434 is in use on every address: {error}"));
    }
    free.ok().map(|_| address)
}

/// Codex with nothing set but its proxy.
fn exec_through(scene: &Scene, proxy: SocketAddr, words: &[&str]) -> Codex {
    let set = |command: &mut std::process::Command| {
        command.env_remove("CODEX_OSS_BASE_URL");
        command.env("HTTP_PROXY", format!("http://{proxy}")).env("NO_PROXY", "");
    };
    scene.exec_in(set, words)
}

fn through_the_bridge(version: Version) {
    let Some(address) = ollamas_port() else { return };
    let scene = Scene::at(version, Place::new(), Fake::on(address, Shape::V0_33), &CAPTURE);
    scene.fake.will(Reply::new().thinking("Hm.").text("By proxy.").done());
    exec_through(&scene, scene.place.address, &["Hello?"]).said().ended_well().says(&["By proxy."]);
    let kept = Kept::by(scene);
    let [row] = all(&kept);
    check_row(row, Lane::Translated);
    let exchange = kept.exchange(row);
    assert_eq!(target(&kept, row), "http://localhost:11434/v1/responses");
    assert_eq!(text(side(&exchange, Pane::UpstreamRequest)), kept.fake.ask(0).text);
    assert!(kept.probes.iter().all(|row| row.status == Some(200) && row.state == State::Done), "{:#?}", kept.probes);
    assert!(kept.probes.iter().any(|row| target(&kept, row) == "http://localhost:11434/api/tags"));
}

/// Without `--translate`, before an upstream that has the Responses API: another of ours, which translates.
fn through_a_plain_forward(version: Version) {
    let Some(address) = ollamas_port() else { return };
    let scene = Scene::at(version, Place::on(&address.to_string()), Fake::new(), &[]);
    let plain = Place::new();
    let mut forward = plain.start(&[&["--upstream", &address.to_string()], &CAPTURE[..]].concat());
    forward.is_ready();
    scene.fake.will(Reply::new().text("By proxy.").done());
    exec_through(&scene, plain.address, &["Hello?"]).said().ended_well().says(&["By proxy."]);
    let Scene { fake, forward: bridge, .. } = scene;
    let kept = Kept::of(forward, plain, fake);
    bridge.stop().with(0);
    let [row] = all(&kept);
    check_row(row, Lane::Passed);
    assert_eq!(target(&kept, row), "http://localhost:11434/v1/responses");
    let exchange = kept.exchange(row);
    assert_eq!(exchange.messages.len(), 2);
    assert!(text(side(&exchange, Pane::ClientResponse)).contains("response.completed"));
}

#[track_caller]
fn check_row(row: &Row, lane: Lane) {
    assert_eq!((row.state, row.lane, row.status), (State::Done, lane, Some(200)), "{row:#?}");
    assert_eq!((row.path.as_str(), row.model.as_str()), ("/v1/responses", MODEL));
    assert_eq!((row.user.as_deref(), row.text.as_deref()), (Some("Hello?"), Some("By proxy.")));
    assert!(row.thread.session_id.is_some() && row.tokens.input.is_some() && row.times.end.is_some(), "{row:#?}");
}

fn target(kept: &Kept, row: &Row) -> String {
    let head = side(&kept.exchange(row), Pane::ClientRequest).head.clone();
    head.and_then(|head| head.target).unwrap()
}

/// We are no way into the net: it is refused, and Codex's user reads why.
fn for_another_server(version: Version) {
    let scene = scene(version);
    scene.config(&format!(
        "model_provider = \"other\"\nmodel = \"{MODEL}\"\n[model_providers.other]\nname = \"other\"\n\
         base_url = \"http://models.example:11434/v1\"\nwire_api = \"responses\"\n\
         request_max_retries = 0\nstream_max_retries = 0\n"
    ));
    let proxy = scene.place.address;
    let set = |command: &mut std::process::Command| {
        command.env("HTTP_PROXY", format!("http://{proxy}")).env("NO_PROXY", "");
    };
    let message = scene.exec_by_provider_in(set, &["Hello?"]).said().failed();
    let kept = Kept::by(scene);
    let [row] = all(&kept);
    assert_eq!((row.state, row.status), (State::Refused, Some(421)), "{row:#?}");
    assert_eq!(target(&kept, row), "http://models.example:11434/v1/responses");
    let error = row.error.as_ref().unwrap();
    for words in [&error.text, &message] {
        assert!(words.contains("leads to Ollama only"), "{words}");
    }
    assert!(kept.fake.asks().is_empty());
}
