//! Faults on Windows' side, as its network and its PowerShell tell of them. What PowerShell printed is in
//! `tests/fixtures/windows`.

use std::time::{Duration, Instant};

use super::bed::Bed;
use crate::support::fake_ollama::Manner;

/// Everything but Ollama's own loopback is closed: connections are refused.
#[test]
fn ollama_that_listens_on_its_own_loopback_only() {
    let Some(bed) = Bed::unreachable("loopback_only") else { return };
    let page = bed.lab.doctor(&[]);
    page.fails(&["win-listen"]);
    page.says(
        "win-listen",
        &["127.0.0.1", "OLLAMA_HOST", "SetEnvironmentVariable('OLLAMA_HOST','0.0.0.0:11434','User')", "password"],
    );
    page.waits("reach", "win-listen").waits("live-small", "win-listen");
}

#[test]
fn a_firewall_without_a_rule() {
    let Some(bed) = Bed::unreachable("no_rule") else { return };
    bed.lab.lose_everything();
    let page = bed.lab.doctor(&[]);
    page.fails(&["win-firewall"]);
    page.says(
        "win-firewall",
        &["New-NetFirewallRule", "-LocalPort 11434", "-RemoteAddress 172.24.0.0/20", "Remove-NetFirewallRule"],
    );
    page.waits("reach", "win-firewall");
}

#[test]
fn a_rule_that_blocks() {
    let Some(bed) = Bed::unreachable("block_rule") else { return };
    bed.lab.lose_everything();
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"win-block-rule"), "{:?}", page.failures());
    page.says("win-block-rule", &["Disable-NetFirewallRule", "Enable-NetFirewallRule", "ollama.exe"])
        .waits("reach", "win-block-rule");
}

#[test]
fn a_company_that_forbids_rules() {
    let Some(bed) = Bed::unreachable("company_policy") else { return };
    bed.lab.lose_everything();
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"win-policy"), "{:?}", page.failures());
    page.says("win-policy", &["AllowLocalFirewallRules"]).waits("reach", "win-policy");
}

/// Stealth: what nobody listens on is as silent as what is blocked.
#[test]
fn ollama_that_is_not_running() {
    let Some(bed) = Bed::unreachable("not_running") else { return };
    bed.lab.silence_resets();
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"win-ollama"), "{:?}", page.failures());
    page.says("win-ollama", &["ollama app.exe"]).waits("reach", "win-ollama");
}

/// Windows cannot be asked: both causes are told, with the question that separates them.
#[test]
fn silence_without_interop() {
    let Some(bed) = Bed::unreachable("healthy") else { return };
    bed.lab.silence_resets();
    let page = bed.lab.doctor(&["--no-windows"]);
    page.fails(&["reach"]);
    page.says("reach", &["172.24.0.1:11434", "firewall", "Get-NetTCPConnection", "172.24.0.0/20"]);
    assert!(page.check("reach")["causes"].as_array().unwrap().len() >= 2);
}

#[test]
fn refusal_without_interop() {
    let Some(bed) = Bed::unreachable("healthy") else { return };
    let page = bed.lab.doctor(&["--no-windows"]);
    page.fails(&["reach"]).says("reach", &["172.24.0.1:11434", "refuse", "OLLAMA_HOST"]);
}

#[test]
fn a_portproxy_whose_target_is_dead() {
    let Some(bed) = Bed::unreachable("portproxy_stale") else { return };
    let _portproxy = bed.lab.win.serve("0.0.0.0:11434", Manner::Resets);
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"win-portproxy"), "{:?}", page.failures());
    page.says("win-portproxy", &["netsh interface portproxy delete v4tov4"]).waits("reach", "win-portproxy");
}

#[test]
fn a_portproxy_that_leads_back_into_wsl() {
    let Some(bed) = Bed::unreachable("portproxy_loop") else { return };
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"win-portproxy"), "{:?}", page.failures());
    page.says("win-portproxy", &["netsh interface portproxy delete v4tov4"]);
}

#[test]
fn a_listener_that_wsl_copied() {
    let Some(bed) = Bed::unreachable("wslrelay_owner") else { return };
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"win-relay"), "{:?}", page.failures());
    page.says("win-relay", &["wslrelay"]).waits("reach", "win-relay");
}

#[test]
fn a_port_in_an_excluded_range() {
    let Some(bed) = Bed::unreachable("excluded_range") else { return };
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"win-excluded"), "{:?}", page.failures());
    page.says("win-excluded", &["11434", "winnat"]).waits("reach", "win-excluded");
}

/// SYNs arrive, answers take another way.
#[test]
fn a_vpn_that_took_the_way_back() {
    let Some(bed) = Bed::unreachable("vpn_capture") else { return };
    bed.lab.win.ip("route add blackhole 172.24.3.7/32");
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"win-route"), "{:?}", page.failures());
    page.says("win-route", &["Set-NetIPInterface -InterfaceMetric 1"]).waits("reach", "win-route");
}

/// It works for now, but not as its owner thinks.
#[test]
fn the_apps_switch_against_the_variable() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.sysroot.windows("app_switch");
    bed.lab.doctor(&[]).warns(&["win-host"]).says("win-host", &["Expose Ollama to the network"]);
}

#[test]
fn a_rule_for_an_adapter_that_will_be_gone() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.sysroot.windows("dead_interface");
    bed.lab.doctor(&[]).warns(&["win-rule-interface"]).says("win-rule-interface", &["-RemoteAddress 172.24.0.0/20"]);
}

#[test]
fn windows_in_other_languages_and_code_pages() {
    for record in ["french", "german", "cp850"] {
        let Some(bed) = Bed::healthy() else { return };
        bed.lab.sysroot.windows(record);
        let page = bed.lab.doctor(&[]);
        page.fails(&[]);
        assert_eq!(page.check("win-listen")["status"], "ok", "{record}: {:#}", page.check("win-listen"));
    }
}

#[test]
fn a_powershell_that_hangs() {
    let Some(bed) = Bed::unreachable("healthy") else { return };
    bed.lab.sysroot.windows_hangs();
    let from = Instant::now();
    let page = bed.lab.doctor(&[]);
    let took = from.elapsed();
    page.fails(&["reach"]);
    assert_eq!(page.check("win-firewall")["status"], "skipped");
    assert!(took < Duration::from_secs(14), "{took:?}");
}

#[test]
fn a_powershell_that_prints_something_else() {
    let Some(bed) = Bed::unreachable("healthy") else { return };
    bed.lab.sysroot.windows("garbage");
    let page = bed.lab.doctor(&[]);
    page.fails(&["reach"]);
    assert_eq!(page.check("win-firewall")["status"], "skipped");
}

/// Somebody's own wish: no complaint as long as nothing is wrong.
#[test]
fn interop_that_is_switched_off() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.sysroot.wsl_conf("[interop]\nenabled=false\n");
    let page = bed.lab.doctor(&[]);
    page.warns(&[]);
    assert_eq!(
        (&page.check("interop")["status"], &page.check("win-listen")["status"]),
        (&"skipped".into(), &"skipped".into())
    );
    bed.lab.silence_resets();
    drop(bed.ollama);
    let page = bed.lab.doctor(&[]);
    page.fails(&["reach"]).says("interop", &["wsl.conf", "enabled=true"]);
}

/// Both have to be cured, so both are told, and nothing else.
#[test]
fn two_faults_on_windows_at_once() {
    let Some(bed) = Bed::unreachable("loopback_only_and_no_rule") else { return };
    bed.lab.lose_everything();
    let page = bed.lab.doctor(&[]);
    page.fails(&["win-listen", "win-firewall"]).waits("reach", "win-listen");
}
