use super::*;
use crate::doctor::port::Holder;
use crate::doctor::windows::Listener;

#[test]
fn ollama_that_does_not_run_is_told_before_the_firewall() {
    let facts = facts(told!("not_running.json"), &SILENCE);
    check(&facts, &["win-ollama"], &["win-firewall"]);
    let problem = problem(&facts, "win-ollama");
    assert_eq!(problem.what.en, "Ollama is not running on Windows");
    assert!(problem.evidence[1].en.contains("no sign of a firewall"), "{problem:?}");
    assert_eq!(commands(&problem), [r#"Start-Process "$env:LOCALAPPDATA\Programs\Ollama\ollama app.exe""#]);
}

#[test]
fn without_a_list_of_processes_only_the_port_is_spoken_of() {
    let windows = Windows { ollama_processes: Fact::default(), ..told!("not_running.json") };
    let problem = problem(&facts(windows, &REFUSED), "win-ollama");
    assert_eq!(problem.what.en, "Ollama does not listen on Windows");
    let evidence: Vec<_> = problem.evidence.iter().map(|words| words.en.as_str()).collect();
    let told = ["nobody listens on port 11434 of Windows", "from here, 172.24.0.1:11434: refused"];
    assert_eq!(evidence, told, "a refusal says nothing of firewalls");
}

#[test]
fn ollama_that_is_not_installed_is_told_as_such() {
    let mut windows = told!("not_running.json");
    windows.ollama_installed = Fact::Known(false);
    let facts = facts(windows, &REFUSED);
    let problem = problem(&facts, "win-ollama");
    assert!(problem.what.en.contains("not installed"));
    assert_eq!(commands(&problem), ["winget install Ollama.Ollama", "ollama-forward --upstream HOST:PORT"]);
}

#[test]
fn an_app_without_a_listener_is_started_again_from_where_it_is() {
    let mut windows = told!("healthy.json");
    windows.listeners = Fact::Known(Vec::new());
    windows.answers_locally = Fact::Known(false);
    let facts = facts(windows, &SILENCE);
    check(&facts, &["win-ollama"], &[]);
    let problem = problem(&facts, "win-ollama");
    assert!(problem.what.en.contains("listens on no port that is known: 11434 is closed"), "{problem:?}");
    assert_eq!(
        commands(&problem),
        [
            r"Get-Process 'ollama app','ollama' -EA SilentlyContinue | Stop-Process; Start-Process 'C:\Users\ann\AppData\Local\Programs\Ollama\ollama app.exe'"
        ]
    );
}

#[test]
fn a_server_that_hangs_on_windows_itself_hangs_for_all() {
    let mut windows = told!("healthy.json");
    windows.answers_locally = Fact::Known(false);
    let facts = facts(windows, &DROPPED);
    check(&facts, &["win-ollama"], &[]);
    assert!(problem(&facts, "win-ollama").what.en.contains("does not answer there, either"));
}

#[test]
fn another_port_is_named() {
    let mut windows = told!("healthy.json");
    if let Fact::Known(listeners) = &mut windows.listeners {
        listeners[0].port = 11500;
    }
    windows.variables = Fact::Known(Vec::new());
    let facts = facts(windows, &SILENCE);
    check(&facts, &["win-ollama"], &[]);
    let problem = problem(&facts, "win-ollama");
    assert!(problem.what.en.contains("listens on port 11500 of Windows, and port 11434 is asked for"));
    assert_eq!(commands(&problem), ["ollama-forward --upstream auto:11500"]);
}

#[test]
fn a_listener_that_wsl_copied_is_named_with_who_is_copied() {
    let mut facts = facts(told!("wslrelay_owner.json"), &SILENCE);
    facts.port.holders = Fact::Known(vec![
        Holder {
            port: 11434,
            address: "127.0.0.1:11434".into(),
            user: "ann".into(),
            pid: Some(812),
            name: Some("socat".into()),
            command: None,
        },
        Holder {
            port: 11434,
            address: "[::ffff:127.0.0.1]:11434".into(),
            user: "ann".into(),
            pid: Some(900),
            name: Some("ollama-forward".into()),
            command: None,
        },
    ]);
    check(&facts, &["win-relay"], &[]);
    let problem = problem(&facts, "win-relay");
    assert!(problem.what.en.contains("Ollama cannot have the port"));
    assert_eq!(problem.evidence[1].en, "in WSL, socat listens on 127.0.0.1:11434");
    let said = commands(&problem);
    assert_eq!(said[0], "kill 812");
    assert!(said[1].starts_with("Start-Process '") && said[3] == "localhostForwarding=false", "{said:?}");
}

#[test]
fn a_copy_whose_origin_is_not_known_is_looked_for() {
    let problem = problem(&facts(told!("wslrelay_owner.json"), &SILENCE), "win-relay");
    assert_eq!(problem.test.unwrap().commands, ["ss -ltnp 'sport = :11434'"]);
}

#[test]
fn a_copy_beside_an_ollama_that_answers_is_a_warning() {
    let mut windows = told!("healthy.json");
    let copy =
        Listener { address: "127.0.0.1".into(), port: 11434, pid: 15220, program: "wslrelay".into(), path: None };
    if let Fact::Known(listeners) = &mut windows.listeners {
        listeners.push(copy);
    }
    let facts = facts(windows, &ANSWERED);
    check(&facts, &[], &["win-relay"]);
    assert!(problem(&facts, "win-relay").what.en.contains("are sent into WSL"));
}

fn held_by(program: &str, pid: u32, answers: bool) -> Windows {
    let mut windows = told!("healthy.json");
    windows.variables = Fact::Known(Vec::new());
    windows.answers_locally = Fact::Known(answers);
    windows.listeners = Fact::Known(vec![Listener {
        address: "0.0.0.0".into(),
        port: 11434,
        pid,
        program: program.into(),
        path: None,
    }]);
    windows
}

#[test]
fn a_stranger_on_the_port_is_named() {
    let facts = facts(held_by("httpd", 6120, false), &Err(Refusal::NotOllama("HTTP 404".into())));
    check(&facts, &["win-port-owner"], &[]);
    let problem = problem(&facts, "win-port-owner");
    assert_eq!(problem.what.en, "port 11434 of Windows belongs to httpd, not to Ollama");
    assert_eq!(commands(&problem)[0], "Stop-Process -Id 6120");
    assert_eq!(problem.test.unwrap().commands, ["Get-Process -Id 6120 | Select-Object Name, Path"]);
}

#[test]
fn a_stranger_beside_ollama_is_a_warning() {
    let mut windows = held_by("ollama", 9120, true);
    if let (Fact::Known(ours), Fact::Known(theirs)) = (&mut windows.listeners, held_by("httpd", 6120, true).listeners) {
        ours.extend(theirs.into_iter().map(|listener| Listener { address: "127.0.0.1".into(), ..listener }));
    }
    let facts = facts(windows, &ANSWERED);
    check(&facts, &[], &["win-port-owner"]);
    assert!(
        problem(&facts, "win-port-owner").what.en.starts_with("httpd has 127.0.0.1:11434 of Windows, beside Ollama")
    );
}

#[test]
fn the_kernel_of_windows_is_not_to_be_ended() {
    let facts = facts(held_by("System", 4, false), &DROPPED);
    assert!(!commands(&problem(&facts, "win-port-owner")).iter().any(|command| command.contains("Stop-Process")));
}

#[test]
fn an_ollama_in_a_container_of_windows_is_ollama() {
    check(&facts(held_by("com.docker.backend", 7000, true), &ANSWERED), &[], &[]);
    let silent = facts(held_by("com.docker.backend", 7000, true), &REFUSED);
    assert!(calm(&silent, "win-port-owner").en.contains("answers as Ollama"));
}

#[test]
fn a_port_that_windows_keeps_is_given_back() {
    let facts = facts(told!("excluded_range.json"), &SILENCE);
    check(&facts, &["win-excluded"], &[]);
    let problem = problem(&facts, "win-excluded");
    assert_eq!(problem.evidence[0].en, "excluded range 11400-11499");
    assert_eq!(
        problem.remedies[0].commands,
        [
            "net stop winnat",
            "netsh interface ipv4 add excludedportrange protocol=tcp startport=11434 numberofports=1",
            "net start winnat"
        ]
    );
    assert_eq!(
        problem.remedies[0].undo,
        ["netsh interface ipv4 delete excludedportrange protocol=tcp startport=11434 numberofports=1"]
    );
}

#[test]
fn an_excluded_port_in_use_is_no_complaint() {
    let mut windows = told!("healthy.json");
    windows.excluded = Fact::Known(vec![(11400, 11499)]);
    let facts = facts(windows, &ANSWERED);
    check(&facts, &[], &[]);
    assert!(calm(&facts, "win-excluded").en.contains("11400-11499"));
}

#[test]
fn ollama_on_loopback_alone_has_three_cures() {
    let facts = facts(told!("loopback_only.json"), &SILENCE);
    check(&facts, &["win-listen"], &[]);
    let problem = problem(&facts, "win-listen");
    assert_eq!(problem.what.en, "ollama listens on 127.0.0.1 of Windows only, which WSL cannot reach over NAT");
    let [everywhere, portproxy, mirrored] = &problem.remedies[..] else { panic!("{problem:?}") };
    assert_eq!(
        everywhere.commands[0],
        "[Environment]::SetEnvironmentVariable('OLLAMA_HOST','0.0.0.0:11434','User'); $env:OLLAMA_HOST='0.0.0.0:11434'"
    );
    assert_eq!(
        everywhere.undo[0],
        "[Environment]::SetEnvironmentVariable('OLLAMA_HOST',$null,'User'); $env:OLLAMA_HOST=$null"
    );
    assert_eq!(
        portproxy.commands,
        [
            "netsh interface portproxy add v4tov4 listenaddress=172.24.0.1 listenport=11434 connectaddress=127.0.0.1 connectport=11434"
        ]
    );
    assert_eq!(portproxy.undo, ["netsh interface portproxy delete v4tov4 listenaddress=172.24.0.1 listenport=11434"]);
    assert_eq!(mirrored.commands, ["[wsl2]", "networkingMode=mirrored"]);
}

#[test]
fn loopback_alone_and_no_rule_are_two_causes() {
    let mut windows = told!("loopback_only.json");
    windows.rules = Fact::Known(Vec::new());
    check(&facts(windows, &SILENCE), &["win-listen", "win-firewall"], &[]);
}

#[test]
fn another_address_of_windows_can_be_named_instead() {
    let mut windows = told!("loopback_only.json");
    if let Fact::Known(listeners) = &mut windows.listeners {
        listeners[0].address = "192.168.1.20".into();
    }
    let facts = facts(windows, &REFUSED);
    check(&facts, &["win-listen"], &[]);
    assert_eq!(
        commands(&problem(&facts, "win-listen")).last().unwrap(),
        "ollama-forward --upstream 192.168.1.20:11434"
    );
}

#[test]
fn a_variable_that_ollama_has_not_read_is_the_root_of_the_address() {
    let mut windows = told!("loopback_only.json");
    windows.variables = told!("healthy.json").variables;
    let facts = facts(windows, &SILENCE);
    check(&facts, &["win-host"], &[]);
    let problem = problem(&facts, "win-host");
    assert_eq!(
        problem.what.en,
        "OLLAMA_HOST is 0.0.0.0:11434, but Ollama still listens on 127.0.0.1:11434: it was not restarted since"
    );
    assert!(commands(&problem)[0].starts_with("Get-Process 'ollama app','ollama'"));
}

#[test]
fn the_old_value_of_the_variable_comes_back_when_it_is_undone() {
    let mut windows = told!("loopback_only.json");
    windows.variables = told!("healthy.json").variables;
    if let Fact::Known(variables) = &mut windows.variables {
        variables[0].value = "127.0.0.1".into();
    }
    let problem = problem(&facts(windows, &SILENCE), "win-listen");
    assert!(problem.remedies[0].undo[0].contains("('OLLAMA_HOST','127.0.0.1','User')"), "{problem:?}");
}

#[test]
fn the_switch_of_the_app_overrules_the_variable() {
    let facts = facts(told!("app_switch.json"), &ANSWERED);
    check(&facts, &[], &["win-host"]);
    let problem = problem(&facts, "win-host");
    assert!(
        problem.what.en.contains("although OLLAMA_HOST is 0.0.0.0:11500: the switch \"Expose Ollama to the network\"")
    );
    assert!(problem.what.fr.contains("l'emporte sur la variable"));
}

#[test]
fn a_port_that_only_the_overruled_variable_names_is_told_once() {
    let mut facts = facts(told!("app_switch.json"), &SILENCE);
    facts.network.target = Some(Target::Auto { port: 11500 });
    check(&facts, &["win-ollama"], &["win-firewall"]);
    assert_eq!(commands(&problem(&facts, "win-ollama")), ["ollama-forward --upstream auto:11434"]);
}

#[test]
fn the_variable_of_the_user_covers_that_of_the_machine() {
    let mut windows = told!("healthy.json");
    if let Fact::Known(variables) = &mut windows.variables {
        let mut machine = variables[0].clone();
        (machine.of_machine, machine.value) = (true, "127.0.0.1".into());
        variables.insert(0, machine);
    }
    check(&facts(windows, &ANSWERED), &[], &[]);
}
