//! Windows, or the way to it, changes while the forwarder runs.

use std::fmt::Write;
use std::time::Duration;

use crate::forward::SOON;
use crate::lab::{GATEWAY, LOCAL, Lab};
use crate::support::client::Ended;

const SECOND: &str = "172.24.0.2:11434";
const THIRD: &str = "172.24.0.3:11434";

#[test]
fn new_connections_follow_the_gateway_and_old_ones_stay() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    let mut old = lab.stream();
    lab.add_gateway("172.24.0.2");
    forward.wait("gateway moved").has("from", GATEWAY).has("upstream", SECOND);
    let mut new = lab.stream();
    for client in [&mut old, &mut new] {
        client.line("\"n\":9", SOON).unwrap();
    }
    let reached_at: Vec<String> =
        ollama.heard().iter().filter(|h| h.text.contains("/stream")).map(|h| h.at.to_string()).collect();
    assert_eq!(reached_at, [GATEWAY, SECOND]);
}

#[test]
fn windows_moves_within_its_network() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    lab.move_gateway("172.24.0.2");
    forward.wait("gateway moved").has("from", GATEWAY).has("upstream", SECOND);
    assert_eq!(lab.get("/api/tags").status, 200);
}

#[test]
fn a_vanished_local_address_ends_its_connections_at_once() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    // Keepalive as it comes, so that it cannot be what ends them: 30 s.
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    let mut old = lab.stream();
    lab.new_subnet();
    let (ended, after) = old.end(SOON);
    assert_eq!(ended, Ended::Reset, "after {after:?}; it said:\n{}", forward.said());
    forward.wait_for_upstream("172.30.96.1:11434");
    assert_eq!(lab.get("/api/tags").status, 200);
    let exit = forward.stop();
    exit.with(0).says("E-UPSTREAM-LOST");
    assert_eq!((exit.count("connection failed"), exit.count("connection closed")), (1, 1), "{}", exit.text());
}

#[test]
fn a_client_that_waits_meanwhile_gets_its_answer() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    lab.wsl.ip("addr del 172.24.3.7/20 dev eth0");
    forward.wait("gateway lost").has("was", GATEWAY);
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/api/tags");
    lab.wsl.ip("addr add 172.24.3.7/20 dev eth0");
    lab.wsl.ip("route add default via 172.24.0.1 dev eth0");
    assert_eq!(client.answer(SOON).status, 200);
    forward.wait_for_upstream(GATEWAY);
}

#[test]
fn a_stream_survives_a_short_sleep() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    let mut stream = lab.stream();
    lab.win.ip("link set vEth down");
    assert_eq!(stream.end(Duration::from_millis(700)).0, Ended::Timeout, "it said:\n{}", forward.said());
    lab.win.ip("link set vEth up");
    stream.line("\"n\":", SOON).unwrap();
    assert_eq!(lab.get("/api/tags").status, 200);
    assert_eq!(stream.end(Duration::from_millis(300)).0, Ended::Timeout, "it said:\n{}", forward.said());
}

#[test]
fn a_default_route_that_vanishes_is_not_missed() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    let mut old = lab.stream();
    lab.wsl.ip("route del default");
    // Longer than a change of the network takes to be noticed.
    assert_eq!(old.end(Duration::from_secs(1)).0, Ended::Timeout);
    drop(old);
    assert_eq!(lab.get("/api/tags").status, 200);
    let exit = forward.stop();
    assert_eq!((exit.count("gateway lost"), exit.count("gateway moved")), (0, 0), "{}", exit.text());
}

#[test]
fn eth0_goes_down_and_comes_back() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    lab.wsl.ip("link set eth0 down");
    forward.wait("gateway lost").has("was", GATEWAY);
    lab.wsl.ip("link set eth0 up");
    lab.wsl.ip("route add default via 172.24.0.1 dev eth0");
    forward.wait_for_upstream(GATEWAY);
    assert_eq!(lab.get("/api/tags").status, 200);
}

#[test]
fn a_storm_of_events_hides_nothing() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    forward.freeze();
    let mut routes = String::new();
    for n in 0..3000 {
        writeln!(routes, "route add 10.{}.{}.0/24 via 172.24.0.1", n / 250, n % 250).expect("a String takes all");
    }
    lab.wsl.ip_batch(&routes);
    lab.move_gateway("172.24.0.2");
    forward.thaw();
    forward.wait("gateway moved").has("from", GATEWAY).has("upstream", SECOND);
    lab.move_gateway("172.24.0.3");
    forward.wait("gateway moved").has("from", SECOND).has("upstream", THIRD);
    assert_eq!(lab.get("/api/tags").status, 200);
}
