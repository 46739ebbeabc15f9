//! Each fault as a Windows would tell it, and what the rows make of it.

mod firewall;
mod ollama;
mod remedies;
mod way;

use std::net::Ipv4Addr;

use super::CHECKS;
use crate::doctor::network::{Network, Target, Tried, TriedHow};
use crate::doctor::system::{Interop, System};
use crate::doctor::windows::{Windows, parse};
use crate::doctor::{Fact, Facts, Outcome, Problem, Status, Verdict, judge};
use crate::gateway::identify::DialFault;
use crate::gateway::select::How;
use crate::gateway::wsl::Mode;
use crate::gateway::{Address, DefaultRoute, Link, Refusal, Snapshot};
use crate::words;
use crate::words::{Lang, Words};

macro_rules! told {
    ($name:literal) => {
        crate::doctor::windows::checks::tests::read(include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/windows/",
            $name
        )))
    };
}
use told;

pub(super) const ANSWERED: Result<&str, Refusal> = Ok("0.33.0");
pub(super) const SILENCE: Result<&str, Refusal> = Err(Refusal::Dial(DialFault::Timeout));
pub(super) const REFUSED: Result<&str, Refusal> = Err(Refusal::Dial(DialFault::Refused));
pub(super) const DROPPED: Result<&str, Refusal> = Err(Refusal::Reset);

pub(super) fn read(bytes: &[u8]) -> Windows {
    parse::windows(bytes, &words!("not told", "pas dit")).unwrap()
}

/// WSL's NAT: eth0 172.24.3.7/20, Windows at 172.24.0.1.
pub(super) fn facts(windows: Windows, answer: &Result<&str, Refusal>) -> Facts {
    let host = Ipv4Addr::new(172, 24, 0, 1);
    let snapshot = Snapshot {
        links: vec![Link { index: 2, name: "eth0".into(), hyperv: true, up: true }],
        addresses: vec![Address { link: 2, ip: [172, 24, 3, 7].into(), prefix: 20 }],
        defaults: vec![DefaultRoute { link: 2, gateway: Some(host), metric: 0, link_down: false }],
        on_link: vec![host],
        localhost_leaves: false,
    };
    let tried = Tried {
        address: (host, 11434).into(),
        how: TriedHow::Candidate(How::DefaultGateway { link: "eth0".into() }),
        answer: answer.clone().map(str::to_owned),
        took_ms: 2,
    };
    Facts {
        system: System {
            mode: Fact::Known(Mode::Nat),
            interop: Fact::Known(Interop::Works),
            has_systemd: Fact::Known(true),
            ..System::default()
        },
        network: Network {
            snapshot: Fact::Known(snapshot),
            target: Some(Target::Auto { port: 11434 }),
            tried: vec![tried],
            ..Network::default()
        },
        windows: Fact::Known(windows),
        ..Facts::default()
    }
}

/// Localhost is Windows.
pub(super) fn mirrored(windows: Windows, answer: &Result<&str, Refusal>) -> Facts {
    let mut facts = facts(windows, answer);
    facts.system.mode = Fact::Known(Mode::Mirrored);
    facts.network.target = Some(Target::Localhost { port: 11434 });
    facts.network.tried[0].address = ([127, 0, 0, 1], 11434).into();
    facts.network.tried[0].how = TriedHow::Localhost;
    facts
}

/// The rows that fail, and those that warn.
#[track_caller]
pub(super) fn check(facts: &Facts, failures: &[&str], warnings: &[&str]) {
    let outcomes = judge(CHECKS, facts);
    let of = |status| {
        let of = outcomes.iter().filter(|outcome| outcome.status() == status);
        of.map(|outcome| outcome.check.id).collect::<Vec<_>>()
    };
    assert_eq!(
        (of(Status::Failure), of(Status::Warning)),
        (failures.to_vec(), warnings.to_vec()),
        "{}",
        page(&outcomes)
    );
    for problem in outcomes.iter().filter_map(Outcome::problem) {
        well_told(problem);
    }
}

fn page(outcomes: &[Outcome]) -> String {
    let line = |outcome: &Outcome| format!("{} {:?}: {:?}\n", outcome.check.id, outcome.status(), outcome.verdict);
    outcomes.iter().map(line).collect()
}

/// Whatever is wrong can be cured, is said in both languages, and whatever an administrator opens can be closed.
#[track_caller]
fn well_told(problem: &Problem) {
    let sentences = [&problem.what].into_iter().chain(&problem.evidence).chain(&problem.causes);
    for Words { en, fr } in sentences.chain(problem.remedies.iter().map(|remedy| &remedy.what)) {
        assert!(!en.is_empty() && !fr.is_empty(), "{problem:?}");
        assert!(!en.contains("  ") && !fr.contains("  "), "{problem:?}");
    }
    assert!(!problem.remedies.is_empty(), "{problem:?}");
    for remedy in &problem.remedies {
        let admin = remedy.place == crate::doctor::Place::Admin;
        assert!(!admin || (remedy.opens.is_some() && !remedy.undo.is_empty()), "{remedy:?}");
        for command in &remedy.commands {
            assert!(!command.contains("DefaultInboundAction") && !command.contains("LocalPort Any"), "{command}");
            let open = command.contains("'0.0.0.0");
            assert!(
                !open || remedy.opens.as_ref().is_some_and(|opens| opens.en.contains("asks nobody for a password"))
            );
            assert!(!command.contains("New-NetFirewallRule") || command.contains("-RemoteAddress "), "{command}");
        }
    }
}

/// What this row says is wrong.
#[track_caller]
pub(super) fn problem(facts: &Facts, id: &str) -> Problem {
    let outcomes = judge(CHECKS, facts);
    let outcome = outcomes.iter().find(|outcome| outcome.check.id == id).unwrap();
    outcome.problem().unwrap_or_else(|| panic!("{id}: {:?}", outcome.verdict)).clone()
}

/// What this row says when nothing is wrong.
#[track_caller]
pub(super) fn calm(facts: &Facts, id: &str) -> Words {
    let outcomes = judge(CHECKS, facts);
    match outcomes.into_iter().find(|outcome| outcome.check.id == id).unwrap().verdict {
        Verdict::Pass(words) | Verdict::Skip(words) => words,
        Verdict::Warn(problem) | Verdict::Fail(problem) => panic!("{problem:?}"),
    }
}

/// All commands of a problem, one a line.
pub(super) fn commands(problem: &Problem) -> Vec<String> {
    problem.remedies.iter().flat_map(|remedy| remedy.commands.clone()).collect()
}

#[test]
fn a_healthy_windows_passes_every_row() {
    let facts = facts(told!("healthy.json"), &ANSWERED);
    for outcome in judge(CHECKS, &facts) {
        let expected = if outcome.check.id == "win-hyperv" { Status::Skipped } else { Status::Ok };
        assert_eq!(outcome.status(), expected, "{}: {:?}", outcome.check.id, outcome.verdict);
    }
}

#[test]
fn a_healthy_mirrored_windows_has_nothing_wrong() {
    for windows in [told!("healthy.json"), told!("loopback_only.json")] {
        check(&mirrored(windows, &ANSWERED), &[], &[]);
    }
}

#[test]
fn a_windows_that_answers_in_another_language_is_judged_the_same() {
    for windows in [told!("french.json"), told!("german.json"), told!("cp850.json"), told!("utf16.json")] {
        check(&facts(windows, &ANSWERED), &[], &[]);
    }
}

#[test]
fn what_is_not_known_is_skipped_with_its_reason() {
    let facts = facts(told!("constrained.json"), &SILENCE);
    check(&facts, &[], &[]);
    for id in ["win-port-owner", "win-policy", "win-route"] {
        assert!(calm(&facts, id).en.contains("language mode"), "{id}");
    }
}

#[test]
fn where_windows_could_not_be_asked_only_interop_speaks() {
    let mut facts = facts(Windows::default(), &SILENCE);
    let why = words!("Windows could not be asked", "Windows n'a pas pu être interrogé");
    facts.windows = Fact::Unknown(why.clone());
    for (interop, said) in [
        (Interop::SwitchedOff, "switched off in /etc/wsl.conf"),
        (Interop::Unregistered, "does not know Windows programs any more"),
        (Interop::Hangs, "hang when they are started"),
        (Interop::Broken("UtilConnectVsock failed".into()), "do not start here"),
    ] {
        facts.system.interop = Fact::Known(interop);
        check(&facts, &[], &["interop"]);
        assert!(problem(&facts, "interop").what.en.contains(said), "{said}");
        for row in CHECKS.iter().filter(|row| row.id != "interop") {
            assert_eq!(calm(&facts, row.id), why, "{}", row.id);
        }
    }
}

#[test]
fn interop_that_somebody_switched_off_is_no_complaint_while_all_is_well() {
    let mut facts = facts(Windows::default(), &ANSWERED);
    facts.windows = Fact::default();
    facts.system.interop = Fact::Known(Interop::SwitchedOff);
    check(&facts, &[], &[]);
    facts.system.interop = Fact::Known(Interop::Hangs);
    check(&facts, &[], &["interop"]);
}

#[test]
fn interop_is_registered_again_as_the_system_needs_it() {
    let mut facts = facts(Windows::default(), &SILENCE);
    facts.windows = Fact::default();
    facts.system.interop = Fact::Known(Interop::Unregistered);
    let with_systemd = commands(&problem(&facts, "interop"));
    assert_eq!(
        with_systemd[0],
        "echo :WSLInterop:M::MZ::/init:PF | sudo tee /etc/binfmt.d/WSLInterop.conf && sudo systemctl restart systemd-binfmt"
    );
    facts.system.has_systemd = Fact::Known(false);
    let without = commands(&problem(&facts, "interop"));
    assert_eq!(
        without,
        ["echo :WSLInterop:M::MZ::/init:PF | sudo tee /proc/sys/fs/binfmt_misc/register", "wsl --shutdown"]
    );
}

#[test]
fn a_container_has_no_windows_and_no_complaint() {
    let mut facts = Facts::default();
    facts.system.interop = Fact::Unknown(words!("in a container", "dans un conteneur"));
    facts.windows = Fact::Unknown(words!("in a container", "dans un conteneur"));
    check(&facts, &[], &[]);
    assert_eq!(calm(&facts, "interop").en, "in a container");
    check(&Facts::default(), &[], &[]);
}

#[test]
fn a_target_that_is_not_windows_makes_windows_no_matter() {
    let mut facts = facts(told!("not_running.json"), &SILENCE);
    facts.network.target = Some(Target::Demo);
    check(&facts, &[], &[]);
    facts.network.target = Some(Target::Named { name: "gpu.lan".into() });
    facts.network.tried[0].address = ([192, 168, 1, 50], 11434).into();
    check(&facts, &[], &[]);
    assert!(calm(&facts, "win-ollama").en.contains("gpu.lan, which is not this Windows"));
    // Neither is WSL itself.
    facts.network.tried[0].address = ([172, 24, 3, 7], 11434).into();
    check(&facts, &[], &[]);
    // By its address in WSL's network, it is.
    facts.network.tried[0].address = ([172, 24, 0, 1], 11434).into();
    check(&facts, &["win-ollama"], &["win-firewall"]);
}

#[test]
fn french_is_typeset_and_no_copy_of_the_english() {
    let facts = facts(told!("loopback_only.json"), &SILENCE);
    let problem = problem(&facts, "win-listen");
    assert_ne!(problem.what.of(Lang::Fr), problem.what.of(Lang::En));
    assert!(problem.what.fr.contains("n'écoute que sur 127.0.0.1 de Windows"));
}
