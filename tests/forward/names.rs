//! A name with several addresses, of which one listens.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::place::{Place, skip};
use crate::support::fake_ollama::{FakeOllama, Manner};
use crate::wire::AT_ONCE;

/// The forwarder sees another /etc/hosts, in a mount namespace of its own.
const OTHER_HOSTS: &str = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";

#[test]
fn only_the_first_address_listens() {
    check("[::1]:0");
}

#[test]
fn only_the_second_address_listens() {
    check("127.0.0.1:0");
}

#[test]
fn only_the_third_address_listens() {
    check("127.0.0.7:0");
}

#[track_caller]
fn check(listens: &str) {
    let place = Place::new();
    let hosts = place.home().join("hosts");
    fs::write(&hosts, "::1 windows.test\n127.0.0.1 windows.test\n127.0.0.7 windows.test\n").unwrap();
    let wrapper = ["unshare", "-rm", "sh", "-c", OTHER_HOSTS, hosts.to_str().unwrap()];
    let mut trial = Command::new(wrapper[0]);
    trial.args(&wrapper[1..]).arg("true").stderr(Stdio::null());
    if !trial.status().is_ok_and(|status| status.success()) {
        return skip("`unshare -rm` cannot give a process another /etc/hosts here");
    }
    let listener = TcpListener::bind(listens).unwrap();
    let address = listener.local_addr().unwrap();
    let _ollama = FakeOllama::on(listener, Manner::Ollama);
    let upstream = format!("http://windows.test:{}", address.port());
    let mut forward = place.start_by(&wrapper, &["--upstream", &upstream]);
    forward.wait("forwarding to").has("upstream", &upstream["http://".len()..]);
    let mut client = place.client();
    client.get("/api/version");
    let answer = client.answer(AT_ONCE);
    assert_eq!(answer.status, 200, "{answer:?}");
    let closed = forward.wait("connection closed");
    closed.has("upstream", &address.to_string());
    assert_eq!(forward.stop().with(0).count("upstream down"), 0);
}
