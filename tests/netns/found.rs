//! Where Windows is looked for, and that nobody gets a client's byte before having said "I am Ollama".

use crate::forward::SOON;
use crate::lab::{GATEWAY, LOCAL, Lab, QUICK};
use crate::support::client::Ended;
use crate::support::fake_ollama::{Heard, Manner, VERSION};

#[test]
fn the_default_gateway_is_windows() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.wait("listening").has("address", LOCAL);
    let found = forward.is_ready();
    found.has("upstream", GATEWAY).has("ollama", VERSION);
    assert!(found.field("how").contains("default gateway of eth0"), "{}", found.text);
    let answer = lab.get("/api/tags");
    assert_eq!((answer.status, answer.ended), (200, Ended::Fin), "{answer:?}");
    assert_eq!(answer.json()["models"][0]["name"], "demo:latest");
    let ended = forward.wait("connection closed");
    ended.has("upstream", GATEWAY).has("received", &(answer.head.len() + 4 + answer.body.len()).to_string());
    let heard = ollama.heard();
    assert!(heard[0].is_only_a_probe() && heard[0].text.contains("x-ollama-forward-probe: "), "{heard:?}");
    let exit = forward.stop();
    exit.with(0);
    assert_eq!(
        (exit.count("connection closed"), exit.count("connection failed"), exit.count("forwarding to")),
        (1, 0, 1)
    );
}

#[test]
fn a_client_waits_until_ollama_has_said_its_name() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    ollama.hold();
    let mut forward = lab.forward(&[]);
    forward.wait("listening");
    ollama.wait_for("GET /api/version ", SOON);
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/api/tags");
    // It arrives at no time before the release, so a moment in which it could have is enough.
    assert_eq!(client.end(std::time::Duration::from_millis(400)).0, Ended::Timeout);
    let before = ollama.heard();
    ollama.release();
    assert!(before.iter().all(Heard::is_only_a_probe), "{before:?}");
    assert_eq!(client.answer(SOON).status, 200);
}

#[test]
fn a_start_before_the_network_is_there() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    lab.wsl.ip("link set eth0 down");
    let mut forward = lab.forward(&["--wait-for-upstream", "30s"]);
    forward.wait("listening");
    forward.wait("searching for Ollama on Windows");
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/api/tags");
    lab.wsl.ip("link set eth0 up");
    lab.wsl.ip("route add default via 172.24.0.1 dev eth0");
    forward.wait_for_upstream(GATEWAY);
    assert_eq!(client.answer(SOON).status, 200);
}

#[test]
fn without_a_network_a_client_is_told_so() {
    let Some(lab) = Lab::nat() else { return };
    lab.wsl.ip("link set eth0 down");
    let mut forward = lab.forward(QUICK);
    forward.wait("listening");
    lab.get("/api/tags").is_unavailable(&["E-NO-WINDOWS"]);
    forward.stop().with(0);
}

#[test]
fn without_a_default_route_windows_is_the_first_host_of_the_network() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    lab.wsl.ip("route del default");
    lab.forward(&[]).is_ready().has("upstream", GATEWAY);
}

#[test]
fn the_name_server_is_windows_when_it_is_on_the_same_network() {
    let Some(lab) = Lab::nat() else { return };
    lab.win.ip("addr add 172.24.9.9/20 dev vEth");
    let _ollama = lab.win.serve("172.24.9.9:11434", Manner::Ollama);
    lab.sysroot.resolv_conf("172.24.9.9");
    lab.forward(&[]).is_ready().has("upstream", "172.24.9.9:11434");
}

#[test]
fn the_registry_is_asked_when_nobody_else_answers() {
    let Some(lab) = Lab::nat() else { return };
    lab.win.ip("addr add 172.24.15.254/20 dev vEth");
    let _ollama = lab.win.serve("172.24.15.254:11434", Manner::Ollama);
    lab.sysroot.registry_gateway("172.24.15.254");
    let mut forward = lab.forward(&[]);
    forward.is_ready().has("upstream", "172.24.15.254:11434");
    assert_eq!(lab.get("/api/tags").status, 200);
}

#[test]
fn the_registry_is_not_asked_all_the_time() {
    let Some(lab) = Lab::nat() else { return };
    // Refuses at once, so that the rounds are short.
    lab.win.ip("addr add 172.24.15.254/20 dev vEth");
    lab.sysroot.registry_gateway("172.24.15.254");
    let mut forward = lab.forward(&["--wait-for-upstream", "6s"]);
    forward.wait("searching for Ollama on Windows");
    // A waiting client makes the search hurry: about three rounds a second.
    assert_eq!(lab.get("/api/tags").status, 503);
    let questions = lab.sysroot.registry_questions();
    assert!((1..=2).contains(&questions), "{questions} times in 6 s");
}

#[test]
fn the_lowest_metric_wins() {
    let Some(lab) = Lab::nat() else { return };
    second_switch(&lab);
    lab.wsl.ip_batch("route replace default via 172.25.0.1 dev eth1 metric 10\nroute add default via 172.24.0.1 dev eth0 metric 100\n");
    lab.wsl.ip("route del default via 172.24.0.1 dev eth0 metric 0");
    let _ollama = lab.ollama();
    lab.forward(&[]).is_ready().has("upstream", "172.25.0.1:11434");
}

#[test]
fn a_route_without_carrier_is_passed_over() {
    let Some(lab) = Lab::nat() else { return };
    second_switch(&lab);
    lab.wsl.ip("route del default");
    lab.wsl.ip_batch(
        "route add default via 172.25.0.1 dev eth1 metric 10\nroute add default via 172.24.0.1 dev eth0 metric 100\n",
    );
    lab.win.ip("link set vEth1 down");
    lab.wsl.wait_for_ip("-4 route show default", |said| said.contains("eth1 metric 10 linkdown"));
    let ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready().has("upstream", GATEWAY);
    assert_eq!(lab.get("/api/tags").status, 200);
    lab.win.ip("link set vEth1 up");
    lab.wsl.wait_for_ip("-4 route show default", |said| !said.contains("linkdown"));
    assert_eq!(lab.get("/api/tags").status, 200);
    assert!(ollama.heard().len() >= 3, "{:?}", ollama.heard());
}

/// A second network between the two, also on Hyper-V's switch.
fn second_switch(lab: &Lab) {
    lab.win.ip(&format!("link add vEth1 type veth peer name eth1 netns {}", lab.wsl.netns()));
    lab.win.ip_batch("link set vEth1 up\naddr add 172.25.0.1/20 dev vEth1\n");
    lab.wsl.ip_batch("link set eth1 address 00:15:5d:4a:1c:08\nlink set eth1 up\naddr add 172.25.3.7/20 dev eth1\n");
}
