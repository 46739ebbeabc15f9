use super::*;
use crate::doctor::windows::{Listener, PortProxy};

fn line(from: &str, to: &str) -> PortProxy {
    parse::port_proxy(from, to).unwrap()
}

fn listener(address: &str, port: u16, program: &str) -> Listener {
    Listener { address: address.into(), port, pid: 4812, program: program.into(), path: None }
}

fn with(lines: Vec<PortProxy>, listeners: Vec<Listener>) -> Windows {
    Windows {
        portproxy: Fact::Known(lines),
        listeners: Fact::Known(listeners),
        variables: Fact::Known(Vec::new()),
        ..told!("healthy.json")
    }
}

#[test]
fn a_line_into_wsl_is_a_loop() {
    for answer in [DROPPED, Err(Refusal::Loop)] {
        let facts = facts(told!("portproxy_loop.json"), &answer);
        check(&facts, &["win-portproxy"], &[]);
        let problem = problem(&facts, "win-portproxy");
        assert!(problem.what.en.contains("sends 0.0.0.0:11434 of Windows into WSL (172.24.3.7:11434)"));
        assert_eq!(
            commands(&problem)[0],
            "netsh interface portproxy delete v4tov4 listenaddress=0.0.0.0 listenport=11434"
        );
        assert_eq!(
            problem.remedies[0].undo,
            [
                "netsh interface portproxy add v4tov4 listenaddress=0.0.0.0 listenport=11434 connectaddress=172.24.3.7 connectport=11434"
            ]
        );
    }
}

#[test]
fn a_line_that_shares_wsl_with_the_lan_is_not_about_us() {
    let listeners = vec![listener("0.0.0.0", 11434, "ollama"), listener("192.168.1.20", 11434, "svchost")];
    check(&facts(with(vec![line("192.168.1.20/11434", "172.24.3.7/11434")], listeners), &ANSWERED), &[], &[]);
}

#[test]
fn an_address_that_windows_has_lost_is_replaced() {
    let facts = facts(told!("portproxy_stale.json"), &SILENCE);
    check(&facts, &["win-portproxy"], &[]);
    let problem = problem(&facts, "win-portproxy");
    assert!(problem.what.en.contains("listens on 172.20.16.1, an address that Windows has no longer"));
    assert!(problem.what.en.contains("it is now 172.24.0.1"));
    assert_eq!(
        commands(&problem),
        [
            "netsh interface portproxy delete v4tov4 listenaddress=172.20.16.1 listenport=11434",
            "netsh interface portproxy add v4tov4 listenaddress=172.24.0.1 listenport=11434 connectaddress=127.0.0.1 connectport=11434"
        ]
    );
}

#[test]
fn the_right_line_without_a_listener_lacks_its_service() {
    let windows = with(vec![line("172.24.0.1/11434", "127.0.0.1/11434")], vec![listener("127.0.0.1", 11434, "ollama")]);
    let facts = facts(windows, &SILENCE);
    check(&facts, &["win-portproxy"], &[]);
    assert_eq!(commands(&problem(&facts, "win-portproxy")), ["Start-Service iphlpsvc"]);
}

#[test]
fn an_address_that_is_lost_does_not_matter_beside_a_listener_that_is_reached() {
    let windows = with(vec![line("172.20.16.1/11434", "127.0.0.1/11434")], vec![listener("0.0.0.0", 11434, "ollama")]);
    check(&facts(windows, &SILENCE), &[], &[]);
}

#[test]
fn a_line_that_works_is_well() {
    let listeners = vec![listener("172.24.0.1", 11434, "svchost"), listener("127.0.0.1", 11434, "ollama")];
    let facts = facts(with(vec![line("172.24.0.1/11434", "127.0.0.1/11434")], listeners), &ANSWERED);
    check(&facts, &[], &[]);
    assert_eq!(calm(&facts, "win-portproxy").en, "portproxy passes 172.24.0.1:11434 on to 127.0.0.1:11434");
}

#[test]
fn a_line_to_nobody_drops_connections() {
    let listeners = vec![listener("172.24.0.1", 11434, "svchost")];
    for target in ["127.0.0.1/11434", "127.0.0.1/11999"] {
        let facts = facts(with(vec![line("172.24.0.1/11434", target)], listeners.clone()), &DROPPED);
        check(&facts, &["win-portproxy"], &[]);
        let problem = problem(&facts, "win-portproxy");
        assert!(problem.what.en.contains(&format!("on to {}, where nobody listens", target.replace('/', ":"))));
        assert!(commands(&problem)[0].starts_with("Start-Process"));
    }
}

#[test]
fn a_line_that_leads_to_itself_takes_the_port_away() {
    let windows = with(vec![line("0.0.0.0/11434", "127.0.0.1/11434")], vec![listener("0.0.0.0", 11434, "svchost")]);
    let facts = facts(windows, &DROPPED);
    check(&facts, &["win-portproxy"], &[]);
    assert!(problem(&facts, "win-portproxy").what.en.contains("it sends connections to itself"));
}

#[test]
fn a_line_on_all_addresses_is_warned_of() {
    let listeners = vec![listener("0.0.0.0", 11434, "svchost"), listener("127.0.0.1", 11434, "ollama")];
    let facts = facts(with(vec![line("*/11434", "127.0.0.1/11434")], listeners), &ANSWERED);
    check(&facts, &[], &["win-portproxy"]);
    assert!(problem(&facts, "win-portproxy").what.en.contains("asks nobody for a password"));
}

#[test]
fn lines_for_other_ports_do_not_matter() {
    let windows = with(vec![line("0.0.0.0/8080", "172.24.3.7/80")], vec![listener("0.0.0.0", 11434, "ollama")]);
    check(&facts(windows, &ANSWERED), &[], &[]);
}

#[test]
fn a_vpn_that_took_the_way_back_is_named() {
    let facts = facts(told!("vpn_capture.json"), &SILENCE);
    check(&facts, &["win-route"], &[]);
    let problem = problem(&facts, "win-route");
    assert!(problem.what.en.contains("for 172.24.3.7 into Cisco AnyConnect"));
    assert_eq!(problem.causes[0].en, "a VPN has taken over 172.24.0.0/20");
    assert_eq!(
        problem.remedies[0].commands,
        ["Get-NetIPInterface -InterfaceAlias 'vEthernet (WSL*' | Set-NetIPInterface -InterfaceMetric 1"]
    );
    assert_eq!(
        problem.remedies[0].undo,
        ["Get-NetIPInterface -InterfaceAlias 'vEthernet (WSL*' | Set-NetIPInterface -AutomaticMetric Enabled"]
    );
}

#[test]
fn a_route_is_not_to_blame_when_packets_come_back() {
    check(&facts(told!("vpn_capture.json"), &ANSWERED), &[], &[]);
    check(&facts(told!("vpn_capture.json"), &REFUSED), &[], &["win-route"]);
}

#[test]
fn mirrored_mode_needs_the_loopback_of_hyperv() {
    let facts = mirrored(told!("hyperv_loopback.json"), &SILENCE);
    check(&facts, &["win-hyperv"], &[]);
    assert_eq!(
        commands(&problem(&facts, "win-hyperv")),
        ["Set-NetFirewallHyperVVMSetting -Name '{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}' -LoopbackEnabled True"]
    );
    check(&mirrored(told!("hyperv_loopback.json"), &ANSWERED), &[], &["win-hyperv"]);
}

#[test]
fn in_mirrored_mode_silence_means_that_ollama_does_not_run() {
    let facts = mirrored(told!("app_stopped.json"), &SILENCE);
    check(&facts, &["win-ollama"], &[]);
    let evidence: Vec<_> = problem(&facts, "win-ollama").evidence.iter().map(|words| words.en.clone()).collect();
    assert_eq!(evidence.len(), 2, "{evidence:?}");
    assert_eq!(evidence[1], "from here, 127.0.0.1:11434: silence");
}
