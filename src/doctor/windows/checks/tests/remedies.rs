use super::*;

#[test]
fn without_a_network_of_ours_the_adapter_of_windows_tells_the_prefix() {
    let mut facts = facts(told!("no_rule.json"), &SILENCE);
    facts.network.snapshot = Fact::default();
    let said = commands(&problem(&facts, "win-firewall"));
    assert!(said[0].contains("-RemoteAddress 172.24.0.0/20 "), "{said:?}");
}

#[test]
fn without_any_prefix_nothing_is_filled_in() {
    let mut facts = facts(told!("no_rule.json"), &SILENCE);
    facts.network.snapshot = Fact::default();
    if let Fact::Known(windows) = &mut facts.windows {
        windows.adapters = Fact::default();
        windows.rules = Fact::Known(Vec::new());
    }
    let problem = problem(&facts, "win-firewall");
    assert!(problem.remedies[0].commands.is_empty() && problem.remedies[0].what.en.contains("ip -4 address show eth0"));
}

#[test]
fn the_port_that_is_asked_for_stands_in_every_command() {
    let mut facts = facts(told!("loopback_only.json"), &SILENCE);
    facts.network.target = Some(Target::Auto { port: 11500 });
    facts.network.tried[0].address = ([172, 24, 0, 1], 11500).into();
    if let Fact::Known(windows) = &mut facts.windows {
        windows.rules = Fact::Known(Vec::new());
        if let Fact::Known(listeners) = &mut windows.listeners {
            listeners[0].port = 11500;
        }
    }
    check(&facts, &["win-listen", "win-firewall"], &[]);
    for id in ["win-listen", "win-firewall"] {
        let said = commands(&problem(&facts, id)).join("\n");
        assert!(said.contains("11500") && !said.contains("11434"), "{said}");
    }
}

#[test]
fn a_quote_in_a_path_stays_inside_its_quotes() {
    let mut windows = told!("app_stopped.json");
    windows.ollama_processes = told!("healthy.json").ollama_processes;
    if let Fact::Known(processes) = &mut windows.ollama_processes {
        processes[0].path = Some(r"C:\Users\o'hara\ollama app.exe".into());
    }
    let said = commands(&problem(&facts(windows, &SILENCE), "win-ollama"));
    assert!(said[0].ends_with(r"Start-Process 'C:\Users\o''hara\ollama app.exe'"), "{said:?}");
}

#[test]
fn all_rows_have_titles_and_details_that_tell_something() {
    let facts = facts(told!("healthy.json"), &ANSWERED);
    let mut told = 0;
    for check in CHECKS {
        let Words { en, fr } = (check.title)();
        assert!((1..=4).contains(&en.split(' ').count()) && !fr.is_empty(), "{en}");
        told += (check.details)(&facts).iter().filter(|detail| !detail.value.is_empty()).count();
        // Without facts there is nothing to tell, and nothing to stumble over.
        assert!((check.details)(&Facts::default()).is_empty());
    }
    assert_eq!(told, 12);
}
