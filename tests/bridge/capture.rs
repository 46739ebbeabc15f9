//! What is kept of what goes by: each side to the byte, whatever becomes of the exchange, and nothing where nobody asked.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use ollama_forward::capture::record::{Exchange, Happened, Lane as Way, Message, NoteKind, State};
use ollama_forward::capture::store::Library;
use ollama_forward::capture::{ExchangeId, Pane};
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{Asking, question};
use crate::fake::Fake;
use crate::lane_http::message;
use crate::place::Place;
use crate::script::Reply;
use crate::wire::say;

/// A bed whose forward captures. Whoever tests has no gigabyte to spare.
fn bed(args: &[&str]) -> Bed {
    Bed::with(&[&["--capture", "--inspect=off", "--capture-min-free", "0"], args].concat())
}

fn kept_in(place: &Path) -> PathBuf {
    place.join("state/ollama-forward/captures")
}

/// What was kept when the forward has ended, oldest first. Probes of the program's own are none.
fn kept(bed: Bed) -> Vec<Exchange> {
    let Bed { forward, place, fake: _fake } = bed;
    forward.stop().with(0);
    all_in(&kept_in(place.home()))
}

fn all_in(dir: &Path) -> Vec<Exchange> {
    let library = Library::open(dir).unwrap();
    let ids = library.rows().into_iter().map(|row| row.id.unwrap()).collect::<Vec<ExchangeId>>();
    ids.into_iter().map(|id| library.exchange(id).unwrap()).collect()
}

#[track_caller]
fn only(bed: Bed) -> Exchange {
    let mut all = kept(bed);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

#[track_caller]
fn side(exchange: &Exchange, pane: Pane, attempt: u16) -> &Message {
    let found = exchange.messages.iter().find(|message| (message.pane, message.attempt) == (pane, attempt));
    found.unwrap_or_else(|| panic!("no {pane:?} {attempt} in {exchange:#?}"))
}

fn text(message: &Message) -> String {
    String::from_utf8(message.body.clone()).unwrap()
}

#[test]
fn four_sides_are_kept_to_the_byte() {
    let bed = bed(&[]);
    bed.fake.will(Reply::new().thinking("Hm.").text("Hello").text(" you.").done());
    let body = question("Say hello.").to_string();
    let asking = Asking::codex(&question("Say hello.")).header("authorization", "Bearer sk-secret-of-mine-0123456789");
    let mut stream = bed.send(&asking);
    stream.until("response.completed");
    let wire = stream.text();
    let asked = bed.fake.ask(0);
    let exchange = only(bed);
    assert_eq!((exchange.state, exchange.lane), (State::Done, Way::Translated));
    let request = side(&exchange, Pane::ClientRequest, 0);
    assert_eq!(text(request), body);
    let head = request.head.as_ref().unwrap();
    assert_eq!((head.method.as_deref(), head.target.as_deref()), (Some("POST"), Some("/v1/responses")));
    let asks = side(&exchange, Pane::UpstreamRequest, 0);
    assert_eq!(
        serde_json::from_slice::<Value>(&asks.body).unwrap(),
        serde_json::from_str::<Value>(&asked.text).unwrap()
    );
    let head = asks.head.as_ref().unwrap();
    assert_eq!((head.target.as_deref(), head.to.is_some()), (Some("/api/chat"), true));
    let answer = side(&exchange, Pane::UpstreamResponse, 0);
    assert_eq!(answer.head.as_ref().unwrap().status, Some(200));
    let records: Vec<Value> = text(answer).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 4);
    assert_eq!((&records[0]["message"]["thinking"], &records[3]["done"]), (&json!("Hm."), &json!(true)));
    let got = side(&exchange, Pane::ClientResponse, 0);
    assert_eq!(text(got), wire);
    for message in &exchange.messages {
        assert!(message.ended_us.is_some(), "{message:?}");
        assert_eq!(message.pieces.iter().map(|piece| u64::from(piece.len)).sum::<u64>(), message.body.len() as u64);
        assert!(message.pieces.is_sorted_by_key(|piece| piece.at_us), "{message:?}");
    }
}

#[test]
fn what_passes_has_two_sides() {
    let bed = bed(&[]);
    bed.fake.will(Reply::new().text("Hello.").done());
    let body = json!({"model": "qwen3:14b", "messages": [{"role": "user", "content": "Hi"}]});
    let answer = bed.send(&Asking::other(&body).at("/api/chat")).text();
    let exchange = only(bed);
    assert_eq!((exchange.state, exchange.lane), (State::Done, Way::Passed));
    let panes: Vec<Pane> = exchange.messages.iter().map(|message| message.pane).collect();
    assert_eq!(panes, [Pane::ClientRequest, Pane::ClientResponse]);
    assert_eq!(text(side(&exchange, Pane::ClientRequest, 0)), body.to_string());
    assert_eq!(text(side(&exchange, Pane::ClientResponse, 0)), answer);
}

/// Without `--translate`, too: then a request of the Responses API is one of those that pass.
#[test]
fn a_plain_forward_captures() {
    let (place, fake) = (Place::new(), Fake::new());
    let upstream = fake.address.to_string();
    let mut forward = place.start(&["--upstream", &upstream, "--capture", "--inspect=off", "--capture-min-free", "0"]);
    forward.is_ready();
    let bed = Bed { forward, fake, place };
    // An upstream without the Responses API.
    let answer = bed.send(&Asking::codex(&question("Hi"))).text();
    let exchange = only(bed);
    assert_eq!((exchange.state, exchange.lane), (State::Done, Way::Passed));
    assert_eq!(text(side(&exchange, Pane::ClientResponse, 0)), answer);
}

#[test]
fn who_leaves_has_aborted_and_what_came_is_kept() {
    let bed = bed(&[]);
    bed.fake.will(Reply::new().text("One two").hold("seen"));
    let mut stream = bed.ask("Count.");
    stream.until_text("One two");
    drop(stream);
    bed.fake.left(0);
    let exchange = only(bed);
    assert_eq!(exchange.state, State::Aborted);
    let answer = side(&exchange, Pane::UpstreamResponse, 0);
    assert!(text(answer).contains("One two") && answer.ended_us.is_none(), "{answer:?}");
}

#[test]
fn an_upstream_that_is_not_there_is_a_failure_with_its_id() {
    let bed = bed(&["--wait-for-upstream", "0"]);
    bed.fake.down();
    bed.send(&Asking::to("GET", "/api/tags")).text();
    // What is translated tells it in its stream.
    bed.ask("Hello?").text();
    let all = kept(bed);
    for exchange in &all {
        assert_eq!(exchange.state, State::Failed);
        let ids = exchange.moments.iter().filter_map(|moment| {
            let Happened::Fault { id, .. } = &moment.what else { return None };
            id.as_deref()
        });
        assert_eq!(ids.collect::<Vec<_>>(), ["E-UPSTREAM-REFUSED"]);
    }
    let statuses = all.iter().map(|one| side(one, Pane::ClientResponse, 0).head.as_ref().unwrap().status);
    assert_eq!(statuses.collect::<Vec<_>>(), [Some(503), Some(200)]);
}

#[test]
fn who_may_not_ask_is_kept_too() {
    let bed = bed(&[]);
    bed.send(&Asking::to("GET", "/api/tags").header("host", "evil.example")).text();
    bed.send(&Asking::raw("no json")).text();
    let all = kept(bed);
    let seen: Vec<_> =
        all.iter().map(|one| (one.state, side(one, Pane::ClientResponse, 0).head.as_ref().unwrap().status)).collect();
    assert_eq!(seen, [(State::Refused, Some(403)), (State::Refused, Some(400))]);
}

#[test]
fn each_attempt_is_kept() {
    let bed = bed(&[]);
    bed.fake.will(Reply::new().text("One").hold("seen").reset());
    bed.fake.will(Reply::new().text(" two.").done());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.fake.release("seen");
    stream.whole().completed().says("One two.");
    let exchange = only(bed);
    assert_eq!(exchange.state, State::Done);
    for (attempt, said) in [(0, "One"), (1, " two.")] {
        assert!(text(side(&exchange, Pane::UpstreamResponse, attempt)).contains(said));
        assert!(!side(&exchange, Pane::UpstreamRequest, attempt).body.is_empty());
    }
    assert!(exchange.moments.iter().any(|moment| matches!(moment.what, Happened::Resumed { .. })));
}

#[test]
fn a_load_that_is_taken_over_is_told_in_both_exchanges() {
    let bed = bed(&[]);
    bed.fake.whenever(|_| true, Reply::new().hold("loaded").text("Hi.").done());
    let mut body = question("Hello?");
    body["model"] = json!("cold:7b");
    let first = bed.post(&body);
    bed.fake.ask(0);
    drop(first);
    let mut bed = bed;
    bed.forward.wait("the client left while the model loads; the load goes on");
    let second = bed.post(&body);
    bed.forward.wait("the load goes on for the same request");
    bed.fake.release("loaded");
    second.whole().completed().says("Hi.");
    let all = kept(bed);
    assert_eq!(all.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Aborted, State::Done]);
    assert!(text(side(&all[1], Pane::UpstreamResponse, 0)).contains("Hi."));
    assert_eq!(
        side(&all[0], Pane::UpstreamRequest, 0).body,
        side(&all[1], Pane::UpstreamRequest, 0).body,
        "what the upstream was asked belongs to both"
    );
}

#[test]
fn what_the_translation_did_is_told() {
    let bed = bed(&[]);
    bed.fake.will(Reply::new().call("exec_command", json!({"cmd": ["ls"]})).done());
    let mut body = question("Look.");
    body["tools"].as_array_mut().unwrap().push(json!({"type": "web_search"}));
    body["truncation"] = json!("auto");
    bed.post(&body).whole().completed();
    let exchange = only(bed);
    let notes: Vec<(NoteKind, Option<&str>)> = exchange
        .moments
        .iter()
        .filter_map(|moment| {
            let Happened::Note { kind, at, .. } = &moment.what else { return None };
            Some((*kind, at.as_deref()))
        })
        .collect();
    assert!(notes.contains(&(NoteKind::Dropped, Some("tools[1]"))), "{notes:?}");
    assert!(notes.iter().any(|(kind, _)| *kind == NoteKind::Repaired), "{notes:?}");
}

#[test]
fn the_window_of_the_model_is_told_before_the_end() {
    let mut bed = bed(&[]);
    bed.fake.will(Reply::new().text("Hi.").done());
    bed.ask("Hello?").whole().completed();
    bed.forward.wait("model looked at");
    bed.fake.will(Reply::new().text("Hi.").done());
    let body = json!({"model": "qwen3:14b", "messages": [{"role": "user", "content": "Hi"}]});
    bed.send(&Asking::other(&body).at("/api/chat")).text();
    bed.forward.wait("model looked at");
    for exchange in kept(bed) {
        let windows: Vec<_> = exchange
            .moments
            .iter()
            .filter_map(|moment| {
                let Happened::Model { name, window, .. } = &moment.what else { return None };
                Some((name.as_str(), window.is_some()))
            })
            .collect();
        assert_eq!(windows, [("qwen3:14b", true)], "{exchange:#?}");
    }
}

#[test]
fn a_body_over_the_limit_is_counted() {
    let bed = bed(&["--capture-max-body", "1000"]);
    bed.fake.will(Reply::new().text("Hi.").done());
    let body = question(&"x".repeat(5000));
    bed.post(&body).whole().completed();
    let exchange = only(bed);
    let request = side(&exchange, Pane::ClientRequest, 0);
    assert_eq!((request.body.len(), request.size), (1000, body.to_string().len() as u64));
}

#[test]
fn no_key_reaches_the_disk() {
    const KEYS: [&str; 2] = ["sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD", "supersecretcookievalue"];
    let bed = bed(&[]);
    bed.fake.will(Reply::new().text("Hi.").done());
    let asking = Asking::codex(&question(&format!("my key is {}", KEYS[0])))
        .header("authorization", &format!("Bearer {}", KEYS[0]))
        .header("cookie", &format!("id={}", KEYS[1]));
    bed.send(&asking).whole().completed();
    let Bed { forward, place, .. } = bed;
    forward.stop().with(0);
    let dir = kept_in(place.home());
    assert_eq!(all_in(&dir).len(), 1);
    let mut folders = vec![dir];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let mut bytes = fs::read(entry.path()).unwrap();
            if entry.path().extension().is_some_and(|end| end == "zst") {
                bytes = zstd::decode_all(&bytes[..]).unwrap();
            }
            for key in KEYS {
                let found = memchr::memmem::find(&bytes, key.as_bytes()).is_some();
                assert!(!found, "{key} is in {}", entry.path().display());
            }
        }
    }
}

#[test]
fn nothing_is_kept_that_nobody_asked_for() {
    let bed = Bed::of(Reply::new().text("Hi.").done());
    bed.ask("Hello?").whole().completed();
    let Bed { forward, place, .. } = bed;
    forward.stop().with(0);
    assert!(!kept_in(place.home()).exists());
}

/// A forward that carries bytes begins to read HTTP when it is told to, and stops.
#[test]
fn capture_is_turned_on_and_off_in_a_running_forward() {
    let (place, fake) = (Place::new(), Fake::new());
    let upstream = fake.address.to_string();
    let mut forward = place.start(&["--upstream", &upstream, "--capture-min-free", "0", "--inspect=off"]);
    forward.is_ready();
    let bed = Bed { forward, fake, place };
    let tell = |word: &str| {
        let told = bed.place.command(&[]).args(["capture", word]).output().unwrap();
        assert!(told.status.success(), "{told:?}");
    };
    let ask = |path: &str| bed.send(&Asking::to("GET", path)).text();
    ask("/api/version");
    tell("on");
    assert_eq!(bed.place.report()["capture"]["on"], true);
    ask("/api/tags");
    tell("off");
    ask("/api/ps");
    let exchange = only(bed);
    let head = side(&exchange, Pane::ClientRequest, 0).head.clone().unwrap();
    assert_eq!(head.target.as_deref(), Some("/api/tags"));
}

/// As on a full disk: the traffic goes on, and both who ask are told the same.
#[test]
fn where_there_is_no_room_traffic_goes_on_and_what_is_missed_is_counted_once() {
    let bed = Bed::with(&["--capture", "--inspect=off", "--capture-min-free", "9000000GiB"]);
    bed.fake.will(Reply::new().text("Hi.").done());
    bed.ask("Hello?").whole().completed().says("Hi.");
    // The writer counts a moment after the client has its answer.
    let mut reports = (0..500).map(|_| bed.place.report()["capture"].clone());
    let report = reports.find(|report| report["missed"] != 0).expect("what is not kept is counted");
    let told = bed.place.command(&[]).args(["capture", "status", "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(report["on"], true);
    assert!(report["trouble"].is_string(), "{report}");
    assert_eq!((&report["missed"], &report["exchanges"]), (&json!(1), &json!(0)), "{report}");
    assert_eq!(told["missed"], 1, "{told}");
    assert!(kept(bed).is_empty());
}

/// Whoever asked for a place of their own is told that it is taken, and by which option to choose another.
#[test]
fn a_page_whose_place_is_taken_ends_the_run_and_names_its_option() {
    let (place, fake, taken) = (Place::new(), Fake::new(), TcpListener::bind("127.0.0.1:0").unwrap());
    let inspect = format!("--inspect={}", taken.local_addr().unwrap());
    let forward = place.start(&["--upstream", &fake.address.to_string(), "--capture", &inspect]);
    forward.exit().with(5).says("E-PORT-TAKEN").says("choose another place: --inspect=");
}

/// `HTTP_PROXY` at our port, as `codex_capture` has its users do it: the upstream's own authority is served, no other is.
#[test]
fn a_client_that_takes_us_for_its_proxy_reaches_the_upstream_and_nothing_else() {
    let bed = bed(&[]);
    let upstream = bed.fake.address;
    let client = bed.place.connect();
    say(&client, format!("GET http://{upstream}/api/version HTTP/1.1\r\nHost: {upstream}\r\n\r\n"));
    message(&client).is(200);
    say(&client, format!("GET http://localhost:{}/api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n", upstream.port()));
    message(&client).is(200);
    for head in ["GET http://example.com/ HTTP/1.1", "CONNECT example.com:443 HTTP/1.1"] {
        let client = bed.place.connect();
        say(&client, format!("{head}\r\nHost: example.com\r\n\r\n"));
        let refused = message(&client);
        assert!(refused.is(421).json()["error"].to_string().contains("leads to Ollama only"), "{refused:?}");
    }
    let states: Vec<State> = kept(bed).iter().map(|one| one.state).collect();
    assert_eq!(states, [State::Done, State::Done, State::Refused, State::Refused]);
}

#[test]
fn a_foreign_name_is_served_where_that_is_asked_for() {
    let bed = Bed::with(&["--any-host"]);
    let answer = bed.send(&Asking::to("GET", "/api/version").header("host", "ollama.example"));
    assert!(answer.text().contains("version"));
}
