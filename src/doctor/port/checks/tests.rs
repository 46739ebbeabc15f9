use super::*;
use crate::doctor::proof::check_odd;
use crate::doctor::{Fact, Status, judge, network, port, system};
use crate::gateway::Refusal;
use crate::gateway::identify::DialFault;
use crate::status::ReportedFault;

fn healthy() -> Facts {
    Facts { system: system::healthy(), network: network::healthy(), port: port::healthy(), ..Facts::default() }
}

/// As healthy, but somebody else has the port and no forward runs.
fn taken_by(name: &str, command: &str) -> Facts {
    let mut facts = healthy();
    facts.port.forwards.clear();
    facts.port.keepalive = Fact::default();
    let Fact::Known(holders) = &mut facts.port.holders else { panic!("known") };
    holders[0].name = Some(name.into());
    holders[0].command = Some(command.into());
    holders[0].address = "0.0.0.0:11434".into();
    holders[0].pid = Some(99);
    facts
}

/// Of the checks of this area that are not well: the id, the verdict, and a part of what they say.
#[track_caller]
fn check(facts: &Facts, expected: &[(&str, Status, &str)]) {
    check_odd(&judge(CHECKS, facts), expected);
}

#[test]
fn a_forward_that_runs_is_well() {
    check(&healthy(), &[]);
}

#[test]
fn without_a_forward_the_command_that_starts_it_is_told() {
    let mut facts = healthy();
    facts.port.forwards.clear();
    facts.port.holders = Fact::Known(Vec::new());
    facts.port.keepalive = Fact::default();
    check(
        &facts,
        &[("forward", Status::Warning, "ollama-forward --translate"), ("keepalive", Status::Skipped, "not asked")],
    );
}

#[test]
fn who_has_the_port_is_told_with_the_command_that_frees_it() {
    let facts = taken_by("socat", "socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434");
    check(&facts, &[("listen-port", Status::Failure, "kill 99"), ("stale-socket", Status::Ok, "")][..1]);
    check(&facts, &[("listen-port", Status::Failure, "socat TCP-LISTEN:11434,fork")]);
    check(&facts, &[("listen-port", Status::Failure, "--listen-port 11435")]);
}

#[test]
fn an_ollama_inside_wsl_is_stopped_as_a_service() {
    check(
        &taken_by("ollama", "/usr/local/bin/ollama serve"),
        &[("listen-port", Status::Failure, "sudo systemctl disable --now ollama")],
    );
}

#[test]
fn a_holder_that_we_may_not_see_is_asked_for() {
    let mut facts = taken_by("x", "");
    let Fact::Known(holders) = &mut facts.port.holders else { panic!("known") };
    (holders[0].name, holders[0].pid, holders[0].command) = (None, None, None);
    check(&facts, &[("listen-port", Status::Failure, "sudo ss -ltnp 'sport = :11434'")]);
}

#[test]
fn where_localhost_is_windows_a_holder_in_linux_is_in_its_way() {
    let mut facts = taken_by("socat", "socat");
    facts.system.mode = Fact::Known(Mode::Mirrored);
    check(&facts, &[("listen-port", Status::Failure, "localhost should be Windows")]);
}

#[test]
fn a_listener_that_wsl_copies_is_told() {
    let mut facts = healthy();
    let Fact::Known(holders) = &mut facts.port.holders else { panic!("known") };
    holders[0].address = "127.0.0.1:11434".into();
    check(&facts, &[("copied", Status::Warning, "ollama-forward --listen 127.0.0.1:11434")]);
}

#[test]
fn a_forward_that_others_can_reach_is_told() {
    let mut facts = healthy();
    let Fact::Known(holders) = &mut facts.port.holders else { panic!("known") };
    holders[0].address = "172.24.3.7:11434".into();
    check(&facts, &[("exposure", Status::Warning, "password")]);
}

#[test]
fn a_second_ollama_is_told() {
    let mut facts = healthy();
    let Fact::Known(holders) = &facts.port.holders else { panic!("known") };
    let ollama = Holder { name: Some("ollama".into()), address: "127.0.0.1:11500".into(), ..holders[0].clone() };
    facts.port.linux_ollama = Fact::Known(vec![ollama]);
    check(&facts, &[("linux-ollama", Status::Warning, "two sets of models")]);
}

#[test]
fn a_socket_of_the_dead_can_be_removed() {
    let mut facts = healthy();
    facts.port.stale_sockets = vec!["/run/user/1000/ollama-forward/11435.sock".into()];
    check(&facts, &[("stale-socket", Status::Warning, "rm '/run/user/1000/ollama-forward/11435.sock'")]);
}

#[test]
fn a_forward_that_does_not_get_where_ollama_is_has_failed() {
    let mut facts = healthy();
    facts.port.forwards[0].state = State::Down;
    check(
        &facts,
        &[(
            "forward",
            Status::Failure,
            "Ollama answers at 172.24.0.1:11434, but the running forward does not get there",
        )],
    );
}

#[test]
fn a_forward_that_cannot_reach_what_nobody_reaches_is_not_blamed() {
    let mut facts = healthy();
    facts.port.forwards[0].state = State::Searching;
    facts.network.tried[0].answer = Err(Refusal::Dial(DialFault::Timeout));
    check(&facts, &[("forward", Status::Skipped, "does not reach Ollama either")]);
}

#[test]
fn a_circle_is_told_as_such() {
    let mut facts = healthy();
    facts.port.forwards[0].state = State::Searching;
    facts.port.forwards[0].error = Some(ReportedFault {
        id: "E-UPSTREAM-LOOP".into(),
        message: "172.24.0.1:11434 leads back to this forwarder".into(),
        next: String::new(),
    });
    check(
        &facts,
        &[("forward", Status::Failure, "netsh interface portproxy show all"), ("keepalive", Status::Ok, "")][..1],
    );
}

#[test]
fn connections_without_keepalive_are_told() {
    let mut facts = healthy();
    facts.port.keepalive = Fact::Known((0, 2));
    check(&facts, &[("keepalive", Status::Warning, "2 connections")]);
}

#[test]
fn what_is_not_known_is_no_failure() {
    let outcomes = judge(CHECKS, &Facts::default());
    let failed: Vec<_> =
        outcomes.iter().filter(|one| one.status() == Status::Failure).map(|one| one.check.id).collect();
    assert_eq!(failed, [""; 0]);
}
