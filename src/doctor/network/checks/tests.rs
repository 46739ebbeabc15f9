use super::*;
use crate::doctor::proof::check_odd;
use crate::doctor::{Fact, Status, judge, network, system};
use crate::gateway::identify::DialFault;
use crate::gateway::wsl::Mode;
use crate::gateway::{Address, DefaultRoute, Link, Neighbour};

fn healthy() -> Facts {
    Facts { system: system::healthy(), network: network::healthy(), ..Facts::default() }
}

/// As healthy, but Ollama does not answer.
fn silent() -> Facts {
    let mut facts = healthy();
    facts.network.tried[0].answer = Err(Refusal::Dial(DialFault::Timeout));
    facts
}

fn snapshot(facts: &mut Facts) -> &mut Snapshot {
    let Fact::Known(snapshot) = &mut facts.network.snapshot else { panic!("a healthy network is known") };
    snapshot
}

/// What the checks of this area say: of those that are not well, the id, the verdict, and a part of what they say.
#[track_caller]
fn check(facts: &Facts, expected: &[(&str, Status, &str)]) {
    let mut outcomes = judge(system::checks::CHECKS.iter().chain(CHECKS), facts);
    outcomes.retain(|outcome| outcome.check.group == Group::Network);
    check_odd(&outcomes, expected);
}

#[test]
fn a_healthy_network_is_well() {
    check(&healthy(), &[]);
}

#[test]
fn a_firewall_that_keeps_ollama_silent_is_no_fault_of_the_way() {
    check(&silent(), &[]);
}

#[test]
fn a_card_that_is_down_is_the_root_of_all() {
    let mut facts = silent();
    for link in &mut snapshot(&mut facts).links {
        link.up = link.name == "lo";
    }
    snapshot(&mut facts).defaults.clear();
    check(&facts, &[("link", Status::Failure, "sudo ip link set dev eth0 up")]);
}

#[test]
fn a_card_without_an_address_is_told() {
    let mut facts = silent();
    snapshot(&mut facts).addresses.clear();
    check(&facts, &[("link", Status::Failure, "eth0 has no IPv4 address")]);
}

#[test]
fn no_card_at_all_is_told() {
    let mut facts = silent();
    facts.network.snapshot = Fact::Known(Snapshot::default());
    facts.network.mtu = Fact::default();
    check(&facts, &[("link", Status::Failure, "no card that leads to Windows")]);
}

#[test]
fn a_missing_route_is_told_with_the_line_that_sets_it() {
    let mut facts = silent();
    snapshot(&mut facts).defaults.clear();
    check(&facts, &[("route", Status::Failure, "sudo ip route add default via 172.24.0.1 dev eth0")]);
}

#[test]
fn a_missing_route_is_no_failure_where_ollama_answers_all_the_same() {
    let mut facts = healthy();
    snapshot(&mut facts).defaults.clear();
    check(&facts, &[("route", Status::Warning, "no usable default route")]);
}

fn with_vpn(mut facts: Facts) -> Facts {
    let snapshot = snapshot(&mut facts);
    snapshot.links.push(Link { index: 3, name: "tun0".into(), hyperv: false, up: true });
    snapshot.addresses.push(Address { link: 3, ip: [10, 8, 0, 6].into(), prefix: 24 });
    let gateway = Some([10, 8, 0, 1].into());
    snapshot.defaults = vec![DefaultRoute { link: 3, gateway, metric: 50, link_down: false }];
    facts
}

#[test]
fn a_vpn_that_has_the_default_route_is_named() {
    check(&with_vpn(healthy()), &[]);
    check(&with_vpn(silent()), &[("route", Status::Warning, "tun0")]);
}

#[test]
fn a_host_that_does_not_answer_arp_is_gone() {
    let mut facts = silent();
    let gone = Neighbour { ip: [172, 24, 0, 1].into(), link: 2, state: NeighbourState::Gone };
    facts.network.neighbours = Fact::Known(vec![gone]);
    check(&facts, &[("neighbour", Status::Failure, "wsl --shutdown")]);
}

#[test]
fn a_neighbour_that_was_not_asked_for_is_not_judged() {
    let mut facts = silent();
    facts.network.neighbours = Fact::Known(Vec::new());
    check(&facts, &[("neighbour", Status::Skipped, "172.24.0.1")]);
}

#[test]
fn no_candidate_at_all_is_told() {
    let mut facts = silent();
    facts.network.tried.clear();
    check(&facts, &[("candidates", Status::Failure, "--upstream ADDRESS")]);
}

#[test]
fn a_name_that_cannot_be_resolved_is_told() {
    let mut facts = silent();
    facts.network.target = Some(Target::Named { name: "widnows:11434".into() });
    facts.network.unresolved = Some("Name or service not known".into());
    facts.network.tried.clear();
    let skipped = |id| (id, Status::Skipped, "named");
    check(
        &facts,
        &[
            ("target", Status::Failure, "getent hosts widnows"),
            skipped("link"),
            skipped("route"),
            skipped("candidates"),
            skipped("neighbour"),
            skipped("mtu"),
        ],
    );
}

#[test]
fn a_router_in_the_place_of_ollama_is_told() {
    let mut facts = silent();
    facts.system.mode = Fact::Known(Mode::Bridged);
    facts.network.target = Some(Target::Named { name: "172.24.0.1:11434".into() });
    facts.network.tried[0].how = TriedHow::Named;
    facts.network.tried[0].answer = Err(Refusal::NotOllama("HTTP 200, but no Ollama version in it".into()));
    let outcomes = judge(CHECKS, &facts);
    let router = outcomes.iter().find(|outcome| outcome.check.id == "router").unwrap();
    assert_eq!(router.status(), Status::Failure);
    assert!(format!("{:?}", router.verdict).contains("router"));
}

#[test]
fn a_tiny_mtu_is_told() {
    let mut facts = healthy();
    facts.network.mtu = Fact::Known(576);
    check(&facts, &[("mtu", Status::Warning, "sudo ip link set dev eth0 mtu 1400")]);
}

#[test]
fn where_localhost_is_windows_there_is_no_way_to_judge() {
    let mut facts = healthy();
    facts.system.mode = Fact::Known(Mode::Mirrored);
    facts.network.target = Some(Target::Localhost { port: 11434 });
    let skipped = |id| (id, Status::Skipped, "localhost");
    check(&facts, &["link", "route", "candidates", "neighbour", "mtu"].map(skipped));
}

#[test]
fn what_is_not_known_is_no_failure() {
    let mut facts = Facts { system: system::healthy(), ..Facts::default() };
    facts.network.target = Some(Target::Auto { port: 11434 });
    let outcomes = judge(CHECKS, &facts);
    let failed: Vec<_> = outcomes.iter().filter(|o| o.status() == Status::Failure).map(|o| o.check.id).collect();
    assert_eq!(failed, [""; 0]);
}

/// Every candidate is told with its verdict.
#[test]
fn the_details_tell_each_address() {
    let details = tried::details(&silent());
    assert_eq!(details[0].name.en, "172.24.0.1:11434");
    assert_eq!(details[0].value.en, "default gateway of eth0 – silence, 2 ms");
}
