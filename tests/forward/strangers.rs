//! A named upstream that is not Ollama: it is used as given, and somebody is told once.

use crate::place::{Place, Upstream, before};
use crate::support::client::Ended;
use crate::support::fake_ollama::Manner;
use crate::support::forward::{Forward, SOON};
use crate::wire::{AT_ONCE, carry, ends, head, hear, say};

#[test]
fn one_that_says_nothing_may_take_its_time() {
    let (place, upstream, mut forward) = start();
    // It accepts the question of who is there, and is silent to it and to everybody.
    let question = upstream.accept();
    head(&question);
    forward.wait("upstream is used as given").has("id", "E-UPSTREAM-SILENT");
    let client = place.connect();
    let served = upstream.accept();
    carry(&client, &served, "are you there?");
    ends(&client, Ended::Timeout, AT_ONCE);
    carry(&served, &client, "late, but I am");
    drop(served);
    ends(&client, Ended::Fin, AT_ONCE);
    drop(client);
    warned_once(forward);
}

#[test]
fn the_question_of_who_is_there_holds_up_no_client() {
    let (place, upstream, mut forward) = start();
    let question = upstream.accept();
    head(&question);
    let mut client = place.connect();
    say(&client, "hello");
    let served = upstream.accept();
    hear(&served, "hello");
    carry(&served, &client, "hello to you");
    // One that lets the other side speak first.
    client = place.connect();
    let greeter = upstream.accept();
    carry(&greeter, &client, "220 ready");
    drop(question);
    forward.wait("upstream is used as given");
}

#[test]
fn one_that_speaks_ssh_is_forwarded_as_it_is() {
    let (place, _ssh, mut forward) = before(Manner::Ssh, &[]);
    forward.wait("upstream is used as given").has("id", "E-UPSTREAM-NOT-OLLAMA");
    let client = place.connect();
    hear(&client, "SSH-2.0-OpenSSH_for_Windows_9.5\r\n");
    say(&client, "SSH-2.0-client\r\n");
    drop(client);
    forward.wait("connection closed").has("ended_by", "client").has("sent", "16").has("received", "33");
    warned_once(forward);
}

#[test]
fn one_that_is_a_website_is_forwarded_as_it_is() {
    let (place, _website, mut forward) = before(Manner::Website, &[]);
    forward.wait("upstream is used as given").has("id", "E-UPSTREAM-NOT-OLLAMA");
    let mut client = place.client();
    client.get("/");
    client.finish();
    assert_eq!(client.answer(SOON).body, "<title>Router login</title>");
    warned_once(forward);
}

fn start() -> (Place, Upstream, Forward) {
    let (place, upstream) = (Place::new(), Upstream::on("127.0.0.1:0"));
    let forward = place.start(&["--upstream", &upstream.address.to_string()]);
    (place, upstream, forward)
}

#[track_caller]
fn warned_once(forward: Forward) {
    let exit = forward.stop();
    let warnings = exit.with(0).text().matches("\"level\":\"WARN\"").count();
    assert_eq!(warnings, 1, "{}", exit.text());
}
