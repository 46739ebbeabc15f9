use super::*;
use crate::doctor::windows::{Binding, Rule};

fn rule(text: &str) -> Rule {
    Rule::parse("{1}", false, &format!("v2.33|Active=TRUE|Dir=In|{text}|")).unwrap()
}

fn with_rules(rules: Vec<Rule>) -> Windows {
    Windows { rules: Fact::Known(rules), ..told!("healthy.json") }
}

fn public(change: impl Fn(&mut crate::doctor::windows::Profile)) -> Windows {
    let mut windows = told!("no_rule.json");
    if let Fact::Known(profiles) = &mut windows.firewall {
        profiles.iter_mut().for_each(change);
    }
    windows
}

const ADD: &str = "New-NetFirewallRule -Name ollama-forward-11434 -DisplayName 'Ollama from WSL2 (ollama-forward)' -Direction \
                   Inbound -Action Allow -Protocol TCP -LocalPort 11434 -RemoteAddress 172.24.0.0/20 -Profile Any";

#[test]
fn a_block_rule_beats_the_rule_that_allows() {
    let facts = facts(told!("block_rule.json"), &SILENCE);
    check(&facts, &["win-block-rule"], &[]);
    let problem = problem(&facts, "win-block-rule");
    assert!(problem.what.en.contains("`ollama.exe` of Windows blocks Ollama's port 11434"));
    let [disable] = &problem.remedies[..] else { panic!("{problem:?}") };
    assert!(disable.commands[0].starts_with("Disable-NetFirewallRule -Name 'TCP Query User{8E4F"), "{disable:?}");
    assert!(disable.undo[0].starts_with("Enable-NetFirewallRule -Name 'TCP Query User{8E4F"));
}

#[test]
fn with_the_block_rule_comes_the_rule_that_is_missing() {
    let facts = facts(with_rules(vec![rule("Action=Block|Protocol=6|Name=x")]), &SILENCE);
    check(&facts, &["win-block-rule"], &[]);
    assert_eq!(commands(&problem(&facts, "win-block-rule")), ["Disable-NetFirewallRule -Name '{1}'", ADD]);
}

#[test]
fn a_block_rule_is_no_failure_while_ollama_answers_or_packets_come_back() {
    check(&facts(told!("block_rule.json"), &ANSWERED), &[], &["win-block-rule"]);
    check(&facts(told!("block_rule.json"), &REFUSED), &[], &["win-block-rule"]);
}

#[test]
fn blocks_of_other_things_are_nothing() {
    for text in [
        "Action=Block|Protocol=6|Profile=Private|Name=x",
        "Action=Block|Protocol=6|LPort=80|Name=x",
        r"Action=Block|Protocol=6|App=C:\other\ollama.exe|Name=x",
        "Action=Block|Protocol=6|RA4=192.168.0.0/16|Name=x",
    ] {
        let mut windows = told!("healthy.json");
        if let Fact::Known(rules) = &mut windows.rules {
            rules.push(rule(text));
        }
        check(&facts(windows, &SILENCE), &[], &[]);
    }
}

#[test]
fn a_block_by_policy_is_for_whoever_sets_it() {
    let block = Rule { by_policy: true, ..rule("Action=Block|Protocol=6|Name=no servers") };
    let problem = problem(&facts(with_rules(vec![block]), &SILENCE), "win-block-rule");
    assert!(!commands(&problem).iter().any(|command| command.starts_with("Disable-")), "{problem:?}");
    assert!(problem.remedies[0].what.en.contains("company's policy"));
}

#[test]
fn where_local_rules_do_not_count_the_company_is_asked() {
    let facts = facts(told!("company_policy.json"), &SILENCE);
    check(&facts, &["win-policy"], &[]);
    let problem = problem(&facts, "win-policy");
    assert!(problem.what.en.starts_with("company policy: firewall rules of this machine do not count"));
    assert!(problem.remedies[1].what.en.contains("incoming TCP port 11434, from 172.24.0.0/20 only"));
    assert_eq!(commands(&problem), ["[wsl2]", "networkingMode=mirrored"]);
}

#[test]
fn a_rule_of_the_company_counts() {
    let mut windows = told!("company_policy.json");
    windows.rules = Fact::Known(vec![Rule { by_policy: true, ..rule("Action=Allow|Protocol=6|LPort=11434|Name=dev") }]);
    check(&facts(windows, &SILENCE), &[], &[]);
    check(&facts(told!("company_policy.json"), &ANSWERED), &[], &[]);
}

#[test]
fn shields_that_are_up_stop_what_rules_allow() {
    let mut windows = told!("healthy.json");
    if let Fact::Known(profiles) = &mut windows.firewall {
        for profile in profiles {
            profile.shields_up = true;
        }
    }
    let facts = facts(windows, &SILENCE);
    check(&facts, &["win-policy"], &[]);
    assert_eq!(
        commands(&problem(&facts, "win-policy")),
        ["Set-NetFirewallProfile -Profile Public -AllowInboundRules True"]
    );
}

#[test]
fn without_a_rule_the_exact_one_is_given() {
    let facts = facts(told!("no_rule.json"), &SILENCE);
    check(&facts, &["win-firewall"], &[]);
    let problem = problem(&facts, "win-firewall");
    assert_eq!(problem.what.en, "no rule of the Windows firewall lets 172.24.0.0/20 in on port 11434");
    assert_eq!(problem.evidence[0].en, "`Ollama for the tablet` lets in 192.168.1.0/255.255.255.0, not 172.24.3.7");
    let remedy = &problem.remedies[0];
    assert_eq!(
        (remedy.commands[0].as_str(), remedy.undo[0].as_str()),
        (ADD, "Remove-NetFirewallRule -Name ollama-forward-11434")
    );
    assert!(remedy.opens.as_ref().unwrap().en.contains("to 172.24.0.0/20 and nobody else"));
}

#[test]
fn a_rule_of_ours_with_an_old_prefix_is_replaced() {
    let old = Rule {
        id: "ollama-forward-11434".into(),
        ..rule("Action=Allow|Protocol=6|LPort=11434|RA4=172.20.0.0/20|Name=Ollama")
    };
    let facts = facts(with_rules(vec![old]), &SILENCE);
    check(&facts, &["win-firewall"], &[]);
    let said = commands(&problem(&facts, "win-firewall"));
    assert_eq!(said[..2], ["Remove-NetFirewallRule -Name ollama-forward-11434", ADD]);
}

#[test]
fn rules_that_almost_fit_say_why_they_do_not() {
    for (text, why) in [
        ("Action=Allow|Protocol=6|LPort=8080|Name=Ollama", "`Ollama` is for other ports: 8080"),
        (
            "Action=Allow|Protocol=6|LPort=11434|Profile=Private|Name=x",
            "`x` is for the profile Private, and WSL's adapter is Public",
        ),
        (r"Action=Allow|Protocol=6|App=D:\old\ollama.exe|Name=x", r"`x` is for another program: D:\old\ollama.exe"),
        ("Action=Allow|Protocol=6|LPort=11434|LA4=172.20.0.1|Name=x", "`x` is for 172.20.0.1 of Windows only"),
        ("Action=Allow|Protocol=6|LPort=11434|Security=Authenticate|Name=x", "`x` asks for IPsec"),
        ("Action=Allow|Protocol=6|LPort=11434|IF=Ethernet|Name=x", "`x` is bound to another adapter: Ethernet"),
    ] {
        let facts = facts(with_rules(vec![rule(text)]), &SILENCE);
        check(&facts, &["win-firewall"], &[]);
        assert_eq!(problem(&facts, "win-firewall").evidence[0].en, why);
    }
}

#[test]
fn packets_that_come_back_clear_the_firewall() {
    for answer in [ANSWERED, REFUSED, DROPPED] {
        let facts = facts(told!("no_rule.json"), &answer);
        assert!(calm(&facts, "win-firewall").en.contains(if answer.is_ok() {
            "lets WSL in"
        } else {
            "packets come back"
        }));
    }
}

#[test]
fn a_firewall_that_is_off_or_open_is_not_in_the_way() {
    check(&facts(public(|profile| profile.enabled = false), &SILENCE), &[], &[]);
    check(&facts(public(|profile| profile.blocks_inbound = false), &SILENCE), &[], &[]);
    check(
        &facts(public(|profile| profile.exempt = vec!["vEthernet (WSL (Hyper-V firewall))".into()]), &SILENCE),
        &[],
        &[],
    );
    check(&facts(public(|profile| profile.exempt = vec!["Ethernet".into()]), &SILENCE), &["win-firewall"], &[]);
}

#[test]
fn where_profiles_are_not_known_silence_and_no_rule_are_enough() {
    let windows = Windows { firewall: Fact::default(), ..told!("no_rule.json") };
    check(&facts(windows, &SILENCE), &["win-firewall"], &[]);
}

#[test]
fn what_was_never_tried_is_no_proof() {
    let mut facts = facts(told!("no_rule.json"), &SILENCE);
    facts.network.tried.clear();
    check(&facts, &[], &["win-firewall"]);
}

#[test]
fn a_rule_on_a_dead_adapter_is_the_root() {
    let facts = facts(told!("dead_interface.json"), &SILENCE);
    check(&facts, &["win-rule-interface"], &[]);
    let problem = problem(&facts, "win-rule-interface");
    assert!(problem.what.en.contains("`Ollama WSL` is bound to an adapter that is gone"));
    assert_eq!(commands(&problem), [ADD]);
}

#[test]
fn a_rule_on_a_living_adapter_is_warned_of_in_time() {
    let mut bound = rule("Action=Allow|Protocol=6|LPort=11434|Name=x");
    bound.interfaces = vec![Binding::Alias("vEthernet (WSL)".into())];
    let facts = facts(with_rules(vec![bound.clone()]), &ANSWERED);
    check(&facts, &[], &["win-rule-interface"]);
    assert!(problem(&facts, "win-rule-interface").what.en.contains("will be lost then"));
    let second = vec![bound, rule("Action=Allow|Protocol=6|LPort=11434|Name=y")];
    check(&super::facts(with_rules(second), &ANSWERED), &[], &[]);
}

#[test]
fn a_rule_for_everybody_is_mentioned() {
    let facts = facts(with_rules(vec![rule("Action=Allow|Protocol=6|LPort=11434|Name=open")]), &ANSWERED);
    check(&facts, &[], &[]);
    assert!(calm(&facts, "win-firewall").en.contains("`open` lets in everybody else, too"));
}

#[test]
fn in_mirrored_mode_no_rule_matters() {
    for windows in [told!("no_rule.json"), told!("block_rule.json"), told!("company_policy.json")] {
        check(&mirrored(windows, &SILENCE), &[], &[]);
    }
}
