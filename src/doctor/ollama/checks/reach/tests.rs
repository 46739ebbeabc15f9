use std::io;
use std::net::Ipv4Addr;

use crate::doctor::Facts;
use crate::doctor::check::Status;
use crate::doctor::fact::Fact;
use crate::doctor::network::{Neighbour, NeighbourState, Target, Tried, TriedHow};
use crate::doctor::ollama::checks::bed::{mirrored, named, named_elsewhere, refused, windows, working};
use crate::doctor::ollama::{Api, Model};
use crate::doctor::proof::{self, check, check_without};
use crate::doctor::windows::{Listener, PortProxy};
use crate::gateway::Refusal;
use crate::gateway::identify::DialFault;
use crate::gateway::select::How;

fn dial(fault: DialFault) -> Facts {
    refused(Refusal::Dial(fault), 3)
}

fn listening(facts: Facts, addresses: &[&str]) -> Facts {
    let listener = |address: &&str| Listener {
        address: (*address).into(),
        port: 11434,
        pid: 4711,
        program: "ollama".into(),
        path: None,
    };
    windows(facts, |windows| windows.listeners = Fact::Known(addresses.iter().map(listener).collect()))
}

fn neighbour(mut facts: Facts, state: NeighbourState) -> Facts {
    facts.network.neighbours = Fact::Known(vec![Neighbour { ip: Ipv4Addr::new(172, 24, 0, 1), link: 2, state }]);
    facts
}

fn portproxy(facts: Facts) -> Facts {
    let line = PortProxy {
        listen_address: "0.0.0.0".into(),
        listen_port: 11434,
        connect_address: "127.0.0.1".into(),
        connect_port: 11434,
    };
    windows(facts, |windows| windows.portproxy = Fact::Known(vec![line]))
}

#[track_caller]
fn fails(facts: &Facts, says: &[&str]) {
    check("reach", facts, Status::Failure, says);
}

const LISTEN: &str =
    "[Environment]::SetEnvironmentVariable('OLLAMA_HOST','0.0.0.0:11434','User'); $env:OLLAMA_HOST='0.0.0.0:11434'";
const START: &str = r#"Start-Process "$env:LOCALAPPDATA\Programs\Ollama\ollama app.exe""#;
const RULE: &str = "New-NetFirewallRule -Name ollama-forward-11434 -DisplayName 'Ollama from WSL2 (ollama-forward)' \
                    -Direction Inbound -Action Allow -Protocol TCP -LocalPort 11434 -RemoteAddress 172.24.0.0/20 -Profile Any";
const VPN: &str = "Get-NetIPInterface -InterfaceAlias 'vEthernet (WSL*' | Set-NetIPInterface -InterfaceMetric 1";
const WHO_LISTENS: &str = "Get-NetTCPConnection -LocalPort 11434 -State Listen";
const LOOPBACK: &str =
    "Set-NetFirewallHyperVVMSetting -Name '{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}' -LoopbackEnabled True";

#[test]
fn what_answers_as_ollama_is_well() {
    check("reach", &working(), Status::Ok, &["Ollama 0.33.0 answers at 172.24.0.1:11434, in 2 ms"]);
    check("reach", &named_elsewhere(working()), Status::Ok, &["192.168.1.20:11434"]);
}

#[test]
fn one_address_that_answers_is_enough() {
    let mut facts = dial(DialFault::Timeout);
    let how = TriedHow::Candidate(How::Vpnkit);
    let vpnkit = Tried { address: ([192, 168, 127, 254], 11434).into(), how, answer: Ok("0.33.0".into()), took_ms: 1 };
    facts.network.tried.push(vpnkit);
    check("reach", &facts, Status::Ok, &["192.168.127.254:11434"]);
    let lines = proof::details("candidates", &facts);
    assert_eq!(lines[0], ("172.24.0.1:11434".into(), "default gateway of eth0 – silence, 3 ms".into()));
    assert_eq!(lines[1].1, "Windows behind wsl-vpnkit – Ollama 0.33.0, 1 ms");
}

#[test]
fn where_nothing_was_tried_nothing_is_said() {
    let mut facts = working();
    facts.network.tried.clear();
    check("reach", &facts, Status::Skipped, &["no address is known"]);
    facts.network.target = Some(Target::Named { name: "tower".into() });
    check("reach", &facts, Status::Skipped, &["no address of tower is known"]);
    facts.network.target = Some(Target::Demo);
    check("reach", &facts, Status::Skipped, &["demo"]);
}

#[test]
fn a_refusal_of_windows_means_that_nobody_listens_there() {
    let facts = dial(DialFault::Refused);
    fails(
        &facts,
        &["Windows refuses connections at 172.24.0.1:11434", "127.0.0.1 of Windows only", WHO_LISTENS, LISTEN, START],
    );
    // No firewall was in the way.
    check_without("reach", &facts, &["New-NetFirewallRule"]);
    fails(&listening(facts.clone(), &[]), &["Ollama is not running on Windows", START]);
    fails(
        &listening(facts.clone(), &["127.0.0.1"]),
        &["listens on 127.0.0.1 of Windows only", LISTEN, "no", "password"],
    );
    fails(&listening(facts, &["0.0.0.0"]), &["another firewall", "curl.exe -m 3 http://127.0.0.1:11434/api/version"]);
}

#[test]
fn silence_of_windows_has_three_causes_and_one_question_that_tells_them_apart() {
    let says = [
        "172.24.0.1:11434 (Windows) does not react",
        "cause: the Windows firewall drops connections from WSL",
        "cause: Ollama is not running, or listens on 127.0.0.1",
        "cause: a VPN on Windows",
        WHO_LISTENS,
        LISTEN,
        RULE,
        "undo> Remove-NetFirewallRule -Name ollama-forward-11434",
        VPN,
    ];
    fails(&dial(DialFault::Timeout), &says);
}

#[test]
fn what_windows_tells_of_its_listeners_decides() {
    let silent = dial(DialFault::Timeout);
    fails(&listening(silent.clone(), &[]), &["Ollama is not running on Windows", "a closed port of Windows", START]);
    check_without("reach", &listening(silent.clone(), &[]), &["VPN"]);
    let local = listening(silent.clone(), &["127.0.0.1", "::1"]);
    fails(&local, &["listens on 127.0.0.1, ::1 of Windows only", LISTEN, RULE]);
    for wide in [["0.0.0.0"], ["::"], ["172.24.0.1"]] {
        let facts = listening(silent.clone(), &wide);
        fails(
            &facts,
            &[
                "Ollama listens on Windows, but",
                RULE,
                "Remove-NetFirewallRule",
                "Find-NetRoute -RemoteIPAddress 172.24.3.7",
            ],
        );
        check_without("reach", &facts, &["SetEnvironmentVariable"]);
    }
}

#[test]
fn a_vpn_that_took_the_way_back_is_named() {
    let facts = listening(dial(DialFault::Timeout), &["0.0.0.0"]);
    let through = |card: &str| windows(facts.clone(), |windows| windows.route_to_us = Fact::Known(card.into()));
    fails(&through("Company VPN"), &["through \"Company VPN\"\ncause: a VPN", VPN]);
    check_without("reach", &through("vEthernet (WSL (Hyper-V firewall))"), &["through \""]);
}

#[test]
fn the_neighbour_tells_whether_windows_is_there_at_all() {
    let there = neighbour(dial(DialFault::Timeout), NeighbourState::There);
    fails(&there, &["Windows itself is there: 172.24.0.1 answers", RULE]);
    for fault in [DialFault::Timeout, DialFault::Unreachable] {
        let gone = neighbour(dial(fault), NeighbourState::Gone);
        fails(
            &gone,
            &["gone or asleep: nobody answers for 172.24.0.1", "ip neighbour show 172.24.0.1", "wsl --shutdown"],
        );
        check_without("reach", &gone, &["New-NetFirewallRule"]);
    }
}

#[test]
fn no_way_is_told_at_once_by_a_route_and_late_by_a_neighbour() {
    fails(
        &dial(DialFault::Unreachable),
        &["no way leads to 172.24.0.1:11434", "VPN in WSL", "ip route get 172.24.0.1"],
    );
    let late = refused(Refusal::Dial(DialFault::Unreachable), 3050);
    fails(&late, &["gone or asleep", "wsl --shutdown"]);
}

#[test]
fn what_is_accepted_and_dropped_is_a_portproxy() {
    for refusal in [Refusal::Reset, Refusal::Dial(DialFault::Reset)] {
        let facts = refused(refusal, 3);
        let says = [
            "accepts connections and drops them",
            "a portproxy of Windows whose target is dead",
            "netsh interface portproxy show all",
            "netsh interface portproxy delete v4tov4 listenaddress=172.24.0.1 listenport=11434",
            START,
        ];
        fails(&facts, &says);
        let known = portproxy(facts);
        fails(&known, &["Windows forwards 0.0.0.0:11434 to 127.0.0.1:11434", "listenaddress=0.0.0.0 listenport=11434"]);
    }
}

#[test]
fn what_accepts_and_says_nothing_hangs() {
    let facts = refused(Refusal::Silent, 2000);
    fails(
        &facts,
        &["says nothing", "Ollama hangs", "curl.exe -m 3 http://127.0.0.1:11434/api/version", "Stop-Process"],
    );
    fails(&portproxy(facts), &["Windows forwards 0.0.0.0:11434"]);
}

#[test]
fn another_program_is_told_with_what_it_said() {
    let facts = refused(Refusal::NotOllama("HTTP 404 for /api/version".into()), 3);
    fails(
        &facts,
        &["not Ollama", "HTTP 404 for /api/version", "curl -i -m 3 http://172.24.0.1:11434/api/version", WHO_LISTENS],
    );
}

#[test]
fn another_server_for_models_will_do_where_the_user_named_it() {
    let other = refused(Refusal::NotOllama("HTTP 404 for /api/version".into()), 3);
    let mut facts = named_elsewhere(other.clone());
    facts.ollama.api = Fact::Known(Api::Chat);
    facts.ollama.models = Fact::Known(vec![Model { name: "a".into(), ..Model::default() }]);
    check("reach", &facts, Status::Ok, &["192.168.1.20:11434 is not Ollama, but serves models (1) at /v1/models"]);
    // Nothing but Ollama gets traffic where an address was only found.
    let mut found = facts;
    found.network = other.network;
    fails(&found, &["it is not Ollama"]);
}

#[test]
fn a_circle_outweighs_all() {
    let mut facts = portproxy(dial(DialFault::Timeout));
    let mut second = facts.network.tried[0].clone();
    second.address = ([172, 24, 0, 9], 11434).into();
    second.answer = Err(Refusal::Loop);
    facts.network.tried.push(second);
    let says = [
        "172.24.0.9:11434 leads back to ollama-forward itself",
        "Windows forwards 0.0.0.0:11434",
        "wslrelay",
        "--listen-port 11435",
    ];
    fails(&facts, &says);
    fails(&facts, &["evidence: 172.24.0.1:11434 was tried, too: silence"]);
}

#[test]
fn what_the_system_does_not_try_is_told_in_its_words() {
    let facts = dial(DialFault::Other(io::ErrorKind::PermissionDenied));
    fails(&facts, &["the system cannot connect to 172.24.0.1:11434: permission denied", "nft list ruleset"]);
}

#[test]
fn where_localhost_is_windows_silence_means_that_ollama_is_not_running() {
    let facts = mirrored(dial(DialFault::Timeout));
    fails(
        &facts,
        &["cause: Ollama is not running on Windows", "#10855", "cause: the Hyper-V firewall", START, LOOPBACK],
    );
    check_without("reach", &facts, &["OLLAMA_HOST", "New-NetFirewallRule"]);
    let nobody = listening(facts.clone(), &[]);
    fails(&nobody, &["Ollama is not running on Windows", "Windows lists no listener on port 11434", START]);
    check_without("reach", &nobody, &["Hyper-V"]);
    let there = listening(facts, &["127.0.0.1"]);
    fails(&there, &["Ollama listens on port 11434 of Windows, but 127.0.0.1:11434 does not lead there", LOOPBACK]);
}

#[test]
fn where_localhost_is_windows_a_refusal_means_the_same() {
    let facts = mirrored(dial(DialFault::Refused));
    fails(&facts, &["Ollama is not running on Windows: nothing listens on 127.0.0.1:11434", START]);
    check_without("reach", &facts, &["OLLAMA_HOST"]);
}

#[test]
fn a_place_that_was_named_may_be_the_wrong_one() {
    let says = ["192.168.1.20:11434", "cause: a typing error", "ollama-forward --upstream HOST:11434"];
    for fault in [DialFault::Refused, DialFault::Timeout, DialFault::Unreachable] {
        let facts = named_elsewhere(dial(fault));
        fails(&facts, &says);
        check_without("reach", &facts, &["Windows", "[powershell"]);
    }
    fails(&named_elsewhere(dial(DialFault::Timeout)), &["the firewall of that machine", "OLLAMA_HOST=0.0.0.0"]);
    fails(
        &named_elsewhere(refused(Refusal::NotOllama("HTTP 502 for /api/version".into()), 3)),
        &["a proxy before Ollama", "HTTP 502"],
    );
    fails(&named_elsewhere(refused(Refusal::Reset, 3)), &["drops them", "TLS"]);
    fails(
        &named_elsewhere(refused(Refusal::Silent, 3)),
        &["Ollama hangs", "curl -i -m 3 http://192.168.1.20:11434/api/version"],
    );
    fails(&named_elsewhere(refused(Refusal::Loop, 3)), &["one of this machine"]);
}

#[test]
fn windows_is_windows_even_when_it_is_named() {
    let facts = named(dial(DialFault::Timeout), ([172, 24, 0, 1], 11434).into());
    fails(&facts, &["(Windows) does not react", RULE]);
}

#[test]
fn localhost_that_is_not_windows_is_this_linux() {
    let facts = named(dial(DialFault::Refused), ([127, 0, 0, 1], 11436).into());
    fails(&facts, &["nothing listens on 127.0.0.1:11436 of this Linux", "ollama serve", "--upstream HOST:11436"]);
}
